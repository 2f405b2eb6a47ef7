# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for tests: made anew each time, valid for an hour."""

import datetime
import hashlib
import ssl
from base64 import b64encode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Certificate:
    """A key and a certificate for `names`, signed by `issuer` or by itself."""

    def __init__(self, *names, issuer=None, is_authority=False, is_expired=False):
        now = datetime.datetime.utcnow()
        if is_expired:
            now -= datetime.timedelta(days=2)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0] if names else "test")])
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(issuer.name if issuer else self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if names:
            san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(san, critical=False)
        self.certificate = builder.sign((issuer or self).key, hashes.SHA256())

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self):
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def pin(self):
        return pin_of(self.certificate)

    def write(self, certificate_path, key_path):
        """Both files, as an operator should: put in place when they are whole."""
        for path, content in ((certificate_path, self.pem), (key_path, self.key_pem)):
            fresh = path.with_suffix(".new")
            fresh.write_bytes(content)
            fresh.rename(path)


def pin_of(certificate):
    """RFC 7858 s4.2: SHA-256 of the public key, base64."""
    der = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return b64encode(hashlib.sha256(der).digest()).decode()


def pin_of_peer(tls_socket):
    return pin_of(x509.load_der_x509_certificate(tls_socket.getpeercert(binary_form=True)))


def client_context(alpn=("dot",), version=None):
    """A client that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if version:
        context.minimum_version = version
        context.maximum_version = version
    return context
