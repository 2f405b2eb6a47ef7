# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of DNS over TLS, whole ones and ones whose records are in our hands, and what a node tells of handshakes."""

import socket
import ssl

import certificates
import node
from streams import answered

PORT = 5853


def config(more="", server="", tcp=""):
    listen = f"listen: [0.0.0.0@{PORT}, '::@{PORT}']"
    return f"server: {{{server}}}\ntcp: {{{tcp}}}\ntls: {{{listen}{', ' + more if more else ''}}}\n"


class Secure(node.Stream):
    """The same client over TLS."""

    def __init__(self, address="127.0.0.1", context=None, source=None, receive_buffer=None, session=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        plain = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(node.LIMIT_S)
        self.was_reset = False
        self.buffer = b""
        self.socket = plain
        try:
            if source:
                plain.bind((source, 0))
            plain.connect((address, PORT))
            self.socket = (context or certificates.client_context()).wrap_socket(plain, session=session)
        except Exception:
            plain.close()
            raise

    def is_readable(self, wait_s=0.0):
        return self.socket.pending() > 0 or super().is_readable(wait_s)


class Memory:
    """A client whose TLS records are in our hands: bytes to send, bytes received."""

    def __init__(self, context=None):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or certificates.client_context()).wrap_bio(self.incoming, self.outgoing)

    def attempt(self, what, *arguments):
        """The result, or None where more has to come in."""
        try:
            return what(*arguments)
        except ssl.SSLWantReadError:
            return None

    def shake(self, link):
        """The handshake, over a socket."""
        while True:
            try:
                self.tls.do_handshake()
                link.sendall(self.outgoing.read())
                return
            except ssl.SSLWantReadError:
                link.sendall(self.outgoing.read())
                self.incoming.write(link.recv(1 << 16) or self.incoming.write_eof() or b"")

    def read_all(self, link):
        """Everything up to the end."""
        got = b""
        while True:
            try:
                piece = self.tls.read(1 << 16)
            except ssl.SSLWantReadError:
                raw = link.recv(1 << 16)
                if not raw:
                    return got
                self.incoming.write(raw)
                continue
            except ssl.SSLZeroReturnError:
                return got
            if not piece:
                return got
            got += piece


def client_hello():
    """The first flight of a client, for whoever means no more than that."""
    memory = Memory()
    memory.attempt(memory.tls.do_handshake)
    return memory.outgoing.read()


def connect(source=None):
    """A bare connection to the port for TLS."""
    client = socket.socket()
    client.settimeout(node.LIMIT_S)
    if source:
        client.bind((source, 0))
    client.connect(("127.0.0.1", PORT))
    return client


def handshakes(daemon):
    return daemon.status()["tls"]["handshakes"]


def ending(client):
    """How a bare connection ends."""
    try:
        while client.recv(1 << 16):
            pass
    except ConnectionResetError:
        return "reset"
    return "closed"


def is_refused(source):
    """Whether a connection is reset without having said anything."""
    try:
        with connect(source) as client:
            return ending(client) == "reset"
    except ConnectionResetError:
        return True


def presented():
    """The pin of the certificate that a client is shown; None when it is not answered."""
    with Secure() as client:
        return certificates.pin_of_peer(client.socket) if answered(client) else None
