# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of transfers, over TCP and over TLS (RFC 9103), against servers that are right, wrong, slow and broken."""

import base64
import contextlib
import os
import random
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

import certificates
import node
import tap

PROBE = Path(os.environ["SW_CHANNEL_PROBE"])
LIMIT_MS = 10000


def framed(*messages):
    return b"".join(struct.pack("!H", len(message)) + message for message in messages)


def unframed(stream):
    messages = []
    while stream:
        length = struct.unpack("!H", stream[:2])[0]
        messages.append(stream[2 : 2 + length])
        stream = stream[2 + length :]
    return messages


def read_exactly(client, count):
    got = b""
    while len(got) < count:
        piece = client.recv(count - len(got))
        if not piece:
            raise EOFError
        got += piece
    return got


def read_message(client):
    return read_exactly(client, struct.unpack("!H", read_exactly(client, 2))[0])


class Server:
    """A server of one connection, which does what it is told with it."""

    def __init__(self, serve, certificate=None, alpn=("dot",), version=None):
        self.serve, self.seen = serve, {}
        self.directory = tempfile.TemporaryDirectory(prefix="seawall-test-")
        path = Path(self.directory.name)
        self.trust = path / "trust.pem"
        self.context = None
        if certificate:
            crt, key = path / "crt.pem", path / "key.pem"
            certificate.write(crt, key)
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(crt, key)
            if alpn:
                self.context.set_alpn_protocols(list(alpn))
            if version:
                self.context.maximum_version = version
            self.context.sni_callback = lambda _, name, __: self.seen.update(name=name)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(node.LIMIT_S)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with contextlib.suppress(OSError, EOFError):
            client, self.seen["peer"] = self.listener.accept()
            client.settimeout(node.LIMIT_S)
            with client:
                if self.context:
                    client = self.context.wrap_socket(client, server_side=True)
                with client:
                    self.serve(client)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept()
        self.listener.close()
        self.thread.join(node.LIMIT_S)
        self.directory.cleanup()

    def ask(self, *messages, count=None, hostname=None, pin=None, source=None, limit_ms=LIMIT_MS, port=None):
        """What the probe gets, how it ends, and how often it woke up."""
        pin = base64.b64decode(pin).hex() if pin else "-"
        trust = self.trust if self.trust.exists() else "-"
        done = subprocess.run(
            [PROBE, f"127.0.0.1@{port or self.port}", "tls" if self.context else "tcp", hostname or "-", pin, trust,
             source or "-", str(len(messages) if count is None else count), str(limit_ms)],
            input=framed(*messages), capture_output=True, timeout=60, check=False,
        )
        wakes, outcome = done.stderr.decode().splitlines()[-2:]
        return unframed(done.stdout), outcome, int(wakes)


def echo(client):
    while True:
        client.sendall(framed(read_message(client)))


def sizes():
    chance = random.Random(1)
    return [chance.randbytes(size) for size in (12, 0, 1, 512, 16384, 65535, 65535, 100)]


def both():
    """A server over TCP and one over TLS."""
    for certificate in (None, certificates.Certificate("ns.example")):
        yield "TLS" if certificate else "TCP", certificate


def check_echo():
    """Messages of all sizes go out and come back whole."""
    for name, certificate in both():
        with Server(echo, certificate) as server:
            got, outcome, _ = server.ask(*sizes())
            if got != sizes() or outcome != "ok":
                yield f"{name}: {[len(message) for message in got]}, {outcome}"


def check_stream():
    """Hundreds of messages for one question come in order, small ones in one record as well as large ones."""

    def serve(client):
        read_message(client)
        small = [struct.pack("!I", number) for number in range(500)]
        client.sendall(framed(*small))
        for number in range(100):
            client.sendall(framed(struct.pack("!I", number) * 16383))
        with contextlib.suppress(OSError):
            client.recv(1)  # nothing more: what is here must be enough

    for name, certificate in both():
        with Server(serve, certificate) as server:
            got, outcome, _ = server.ask(b"question", count=600)
            numbers = [struct.unpack("!I", message[:4])[0] for message in got]
            if numbers != [*range(500), *range(100)] or outcome != "ok" or len(got[-1]) != 65532:
                yield f"{name}: {len(got)} messages, {outcome}"


def check_pieces():
    """A message that comes byte by byte, a record each, is put together."""

    def serve(client):
        message = framed(read_message(client), b"second")
        for at in range(len(message)):
            client.sendall(message[at : at + 1])

    for name, certificate in both():
        with Server(serve, certificate) as server:
            got, outcome, _ = server.ask(b"x" * 300, count=2)
            if got != [b"x" * 300, b"second"] or outcome != "ok":
                yield f"{name}: {got}, {outcome}"


def check_no_reader():
    """A server that does not read is no reason to be busy, and what waits goes out when it reads."""
    messages = [bytes([number]) * 65535 for number in range(200)]

    def serve(client):
        while not woken.wait(0.01):
            pass
        for message in messages:
            if read_message(client) != message:
                return
        client.sendall(framed(b"all"))

    for name, certificate in both():
        woken = threading.Event()
        timer = threading.Timer(0.5, woken.set)
        with Server(serve, certificate) as server:
            timer.start()
            got, outcome, wakes = server.ask(*messages, count=1)
            if got != [b"all"] or outcome != "ok":
                yield f"{name}: {got}, {outcome}"
            if wakes > 20000:
                yield f"{name}: woken {wakes} times"


def check_names():
    """A certificate must be for the name, trusted and valid; the key the one of the pin; both, if both are told."""
    authority = certificates.Certificate("authority", is_authority=True)
    right = certificates.Certificate("ns.example", issuer=authority)
    rows = [  # certificate, trusted, hostname, pin; what comes of it
        (right, authority, "ns.example", None, "ok"),
        (right, authority, "ns.example.", None, "ok"),
        (right, authority, "ns.example", right.pin, "ok"),
        (right, None, None, right.pin, "ok"),
        (right, None, None, None, "ok"),
        (right, authority, "other.example", None, "not for that name"),
        (right, authority, "example", None, "not for that name"),
        (right, certificates.Certificate("another", is_authority=True), "ns.example", None, "not trusted"),
        (certificates.Certificate("ns.example"), authority, "ns.example", None, "not trusted"),
        (certificates.Certificate("ns.example", issuer=authority, is_expired=True), authority, "ns.example", None, "not trusted"),
        (right, None, None, authority.pin, "pin"),
        (right, authority, "ns.example", authority.pin, "pin"),
        (right, authority, "other.example", right.pin, "not for that name"),
    ]
    for number, (certificate, trusted, hostname, pin, wanted) in enumerate(rows):
        with Server(echo, certificate) as server:
            if trusted:
                server.trust.write_bytes(trusted.pem)
            got, outcome, _ = server.ask(b"secret", hostname=hostname, pin=pin)
            if wanted not in outcome or bool(got) != (wanted == "ok"):
                yield f"row {number}: {outcome}"
            if hostname and server.seen.get("name") != hostname.rstrip("."):
                yield f"row {number}: SNI {server.seen.get('name')}"


def check_refuses():
    """Less than TLS 1.3, or a server that does not say "dot", is not talked to."""
    certificate = certificates.Certificate("ns.example")
    with Server(echo, certificate, version=ssl.TLSVersion.TLSv1_2) as server:
        got, outcome, _ = server.ask(b"secret")
        if got or outcome in ("ok", "late"):
            yield f"TLS 1.2: {got} {outcome}"
    for alpn in ((), ("h2",)):
        received = []
        with Server(lambda client, received=received: received.append(client.recv(99)), certificate, alpn=alpn) as server:
            got, outcome, _ = server.ask(b"secret")
            if got or "DNS over TLS" not in outcome:
                yield f"ALPN {alpn}: {outcome}"
        if any(received):
            yield f"ALPN {alpn}: it was told {received}"


def check_ends():
    """A closed connection, in the middle of a message or between two, a reset, and a refusal are told apart."""

    def reset(client):
        read_message(client)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def middle(client):
        client.sendall(framed(read_message(client))[:-1])

    for name, certificate in both():
        with Server(read_message, certificate) as server:
            got, outcome, _ = server.ask(b"question")
            if got or outcome != "it closed the connection":
                yield f"{name}, closed: {outcome}"
        with Server(middle, certificate) as server:
            got, outcome, _ = server.ask(b"question")
            if got or "middle" not in outcome:
                yield f"{name}, in the middle: {outcome}"
        with Server(reset, certificate) as server:
            got, outcome, _ = server.ask(b"question")
            if got or outcome in ("ok", "late", ""):
                yield f"{name}, reset: {outcome}"
        with Server(echo, certificate) as server, socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            got, outcome, _ = server.ask(b"question", port=nobody.getsockname()[1])
            if got or "refused" not in outcome:
                yield f"{name}, refused: {outcome}"


def check_silence():
    """A server that says nothing, before the handshake or after, costs no time but the caller's patience."""
    hold = threading.Event()
    for certificate in (None, certificates.Certificate("ns.example")):
        with Server(lambda client: hold.wait(1.5), certificate) as server:
            got, outcome, wakes = server.ask(b"question", limit_ms=600)
            if got or outcome != "late" or wakes > 50:
                yield f"{outcome}, woken {wakes} times"
    with Server(echo, certificates.Certificate("ns.example")) as server:
        mute = socket.create_server(("127.0.0.1", 0))
        with mute:
            got, outcome, wakes = server.ask(b"question", limit_ms=600, port=mute.getsockname()[1])
            if got or outcome != "late" or wakes > 50:
                yield f"no handshake: {outcome}, woken {wakes} times"


def check_source():
    """It asks from the address that it is told."""
    with Server(echo) as server:
        _, outcome, _ = server.ask(b"question", source="127.0.0.5")
        if outcome != "ok" or server.seen["peer"][0] != "127.0.0.5":
            yield f"{outcome}, from {server.seen.get('peer')}"


def check_garbage():
    """Garbage in place of a handshake is an error."""
    for garbage in (os.urandom(2000), b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03\xff\xff" + bytes(70000)):
        with Server(echo, certificates.Certificate("ns.example")) as server, socket.create_server(("127.0.0.1", 0)) as bad:

            def serve(bad=bad, garbage=garbage):
                with contextlib.suppress(OSError):
                    client, _ = bad.accept()
                    with client:
                        client.sendall(garbage)
                        client.recv(1 << 16)

            threading.Thread(target=serve, daemon=True).start()
            got, outcome, _ = server.ask(b"question", port=bad.getsockname()[1])
            if got or outcome in ("ok", "late", ""):
                yield f"{garbage[:5]}: {outcome}"


if __name__ == "__main__":
    tap.run(globals())
