# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS over TLS (RFC 7858): what TCP does, over TLS; certificates that change; handshakes that cost too much."""

import contextlib
import os
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import certificates
import dns.edns
import dns.message
import node
import streams
import tap
from streams import answered

PORT = 5853
PADDING = 12


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


# ---- what it speaks ----


def check_versions():
    """TLS 1.3 and 1.2, over both families, are answered; 1.1 is not."""
    with node.Node(config()):
        for address in ["127.0.0.1", "::1", *node.V4, *node.V6]:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                with Secure(address, certificates.client_context(version=version)) as client:
                    if not answered(client):
                        yield f"no answer from {address} over {version.name}"
        old = certificates.client_context(version=ssl.TLSVersion.TLSv1_1)
        old.set_ciphers("ALL:@SECLEVEL=0")
        try:
            Secure(context=old)
            yield "TLS 1.1 is taken"
        except (ssl.SSLError, ConnectionResetError):
            pass


def check_alpn():
    """A client may say "dot" or nothing; one that wants something else is refused (RFC 7301)."""
    with node.Node(config()) as daemon:
        for alpn, chosen in ((["dot"], "dot"), (["h2", "dot"], "dot"), ([], None)):
            with Secure(context=certificates.client_context(alpn)) as client:
                if not answered(client) or client.socket.selected_alpn_protocol() != chosen:
                    yield f"offered {alpn}: {client.socket.selected_alpn_protocol()}"
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            try:
                Secure(context=certificates.client_context(["http/1.1"], version))
                yield f"a browser is taken over {version.name}"
            except ssl.SSLError as error:
                if "no application protocol" not in str(error).lower().replace("_", " "):
                    yield f"{error}"
        node.wait_for(lambda: handshakes(daemon)["failed"] == 2, "both to be counted")


def check_kdig():
    """kdig takes the pin of the status, and no other; padded or not."""
    with node.Node(config()) as daemon:
        pin = daemon.status()["tls"]["certificate"]["pin_sha256"]
        command = ["kdig", f"@127.0.0.1@{PORT}", "+tls", "+noall", "+answer", "www.example.com", "A"]
        for extra, is_right in (([f"+tls-pin={pin}"], True), (["+tls-pin=" + "A" * 43 + "="], False),
                                (["+padding=128"], True), (["+nopadding"], True)):
            done = subprocess.run([*command, *extra], capture_output=True, text=True, check=False)
            if ("192.0.2.2" in done.stdout) != is_right:
                yield f"{extra}: {done.stdout}{done.stderr}"


def check_padding():
    """A reply to a query with the padding option is a multiple of 468 bytes; others are not touched."""
    with node.Node(config()), Secure() as client, node.Stream() as plain:
        option = dns.edns.GenericOption(PADDING, bytes(20))
        for name, rdtype in (("www.example.com", "A"), ("no.example.com", "A"), ("big.example.com", "TXT"), ("a.test", "A")):
            padded = node.query(name, rdtype, message_id=1, use_edns=0, options=[option])
            bare = node.query(name, rdtype, message_id=1, use_edns=0)
            reply, short = client.ask(padded), client.ask(bare)
            if len(reply) % 468 or len(reply) < len(short) or len(reply) - len(short) >= 468 + 4:
                yield f"{name}: {len(reply)} bytes instead of {len(short)}"
            message = dns.message.from_wire(reply)
            if [given.otype for given in message.options] != [PADDING]:
                yield f"{name}: options {message.options}"
            message.use_edns(False)
            other = dns.message.from_wire(short)
            other.use_edns(False)
            if message.to_text() != other.to_text():
                yield f"{name}: another answer"
            if plain.ask(padded) != short:
                yield f"{name}: padded in the clear"


def check_resumption():
    """A ticket spares the next connection the signature; over both versions, and it stays good when nothing changes."""
    with node.Node(config()) as daemon:
        for count, version in enumerate((ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3), 1):
            context = certificates.client_context(version=version)
            with Secure(context=context) as first:
                answered(first)
                session = first.socket.session
            daemon.run("reload")
            with Secure(context=context, session=session) as second:
                if not second.socket.session_reused or not answered(second):
                    yield f"not resumed over {version.name}"
            if handshakes(daemon)["resumed"] != count:
                yield f"{handshakes(daemon)}"


# ---- what TCP does ----


def check_pipeline():
    """Queries in one record, and in a record each, are all answered."""
    with node.Node(config()) as daemon, Secure() as client:
        client.send(*(node.query(message_id=number) for number in range(1000)))
        for number in range(1000, 2000):
            client.send(node.query(message_id=number))
        got = [node.message_id(client.frame()) for _ in range(2000)]
        if got != list(range(2000)):
            yield f"{2000 - len(set(got))} replies are missing"
        if daemon.status()["tcp"]["connections"]["accepted"] != 1:
            yield "more than one connection counted"


def check_big():
    """Answers of 60 kB arrive whole at a client that reads late, and hold nobody up."""
    with node.Node(config(server="tcp-workers: 1")), Secure(receive_buffer=4096) as slow:
        wire = node.query("big.example.com", "TXT")
        slow.send(*[wire] * 60)
        yield from streams.others_answered(Secure)
        yield from streams.whole(slow, wire, 60)


def check_half_close():
    """A client that ends its half after asking, by TCP alone or by TLS, gets its answers, then the end."""
    queries = [node.query("big.example.com", "TXT", message_id=number) for number in range(50)]
    with node.Node(config()), Secure() as client:
        client.send(*queries)
        socket.socket.shutdown(client.socket, socket.SHUT_WR)
        yield from streams.in_order(client, range(50), "FIN: reply {} is missing")
        if client.frame() is not None:
            yield "FIN: the connection stays open"
    with node.Node(config()), connect() as link:
        memory = Memory()
        memory.shake(link)
        memory.tls.write(b"".join(struct.pack("!H", len(wire)) + wire for wire in queries))
        memory.attempt(memory.tls.unwrap)
        link.sendall(memory.outgoing.read())
        got = memory.read_all(link)
        ids = []
        while len(got) >= 2:
            length = struct.unpack("!H", got[:2])[0]
            ids.append(node.message_id(got[2:]))
            got = got[2 + length :]
        if ids != list(range(50)):
            yield f"close_notify: replies {ids}"


def check_idle():
    """An idle connection is closed in time, with a word of goodbye; so is one that asks without end."""
    without_tickets = certificates.client_context(version=ssl.TLSVersion.TLSv1_2)  # they would be something to read
    with (
        node.Node(config(tcp="idle-timeout: 400ms")) as daemon,
        Secure() as quiet,
        Secure(context=without_tickets) as dripping,
    ):
        yield from streams.idle(daemon, quiet, dripping)


def check_prefix():
    """Connections over TCP and TLS of one /24 are counted together."""
    with node.Node(config(tcp="max-connections-per-prefix: 2")) as daemon:
        with node.Stream(source="10.1.1.1") as plain, Secure(source="10.1.1.200") as secure:
            if not answered(plain) or not answered(secure):
                yield "within the limit, not answered"
            if not is_refused("10.1.1.77"):
                yield "the third of one prefix is taken"
            with Secure(source="10.1.2.1") as other:
                if not answered(other):
                    yield "another prefix is not answered"
        if daemon.status()["tcp"]["connections"]["prefix"] != 1:
            yield "not counted"


def check_stop():
    """On SIGTERM answers in progress are finished, and handshakes are not waited for."""
    with node.Node(config()) as daemon, Secure() as reading, connect() as shaking:
        streams.ask_big(reading, 40)
        reading.frame()
        shaking.sendall(client_hello()[:20])
        yield from streams.stopping(daemon, reading, 40)


# ---- certificates ----


class Files:
    """Where a node finds its certificate."""

    def __init__(self, certificate):
        self.directory = tempfile.TemporaryDirectory(prefix="seawall-test-")
        self.crt, self.key = (Path(self.directory.name) / name for name in ("crt.pem", "key.pem"))
        self.config = config(f"certificate: {self.crt}, key: {self.key}")
        certificate.write(self.crt, self.key)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.directory.cleanup()


def presented():
    with Secure() as client:
        return certificates.pin_of_peer(client.socket) if answered(client) else None


def check_ephemeral():
    """Without a certificate one is made; log and status tell its pin, and a reload keeps it."""
    with node.Node(config()) as daemon:
        pin = presented()
        if f"sha256/{pin}" not in daemon.log():
            yield f"{pin} is not in the log: {daemon.log()}"
        told = daemon.status()["tls"]["certificate"]
        if told["pin_sha256"] != pin or not told["ephemeral"]:
            yield f"{told}"
        daemon.run("reload")
        if presented() != pin:
            yield "a reload made another one"


def check_reload():
    """A new certificate is for new handshakes; who is connected goes on, and no ticket of the old one is good."""
    old, new = certificates.Certificate("a.example"), certificates.Certificate("b.example")
    with Files(old) as files, node.Node(files.config) as daemon, Secure() as staying:
        context = certificates.client_context()
        with Secure(context=context) as first:
            answered(first)
            session = first.socket.session
        with connect() as halfway:
            memory = Memory()
            memory.attempt(memory.tls.do_handshake)
            flight = memory.outgoing.read()
            halfway.sendall(flight[:50])
            node.wait_for(lambda: handshakes(daemon)["open"] == 1, "its handshake to have begun")
            new.write(files.crt, files.key)
            for how in ("reload", "signal"):
                if how == "reload" and daemon.run("reload").returncode != 0:
                    yield "the reload fails"
                if how == "signal":
                    daemon.process.send_signal(signal.SIGHUP)
                if not answered(staying):
                    yield f"{how}: who was connected is not answered"
                node.wait_for(lambda: presented() == new.pin, "the new certificate")
            halfway.sendall(flight[50:])
            memory.shake(halfway)
        if certificates.pin_of_peer(staying.socket) != old.pin:
            yield "the connection of before has another certificate"
        with Secure(context=context, session=session) as second:
            if second.socket.session_reused:
                yield "a ticket of the old certificate is good"
        if daemon.status()["tls"]["certificate"]["pin_sha256"] != new.pin:
            yield "the status tells the old pin"


def check_broken():
    """A broken certificate is told clearly and changes nothing, at a reload; at the start nothing starts."""
    good, other = certificates.Certificate("a.example"), certificates.Certificate("b.example")
    with Files(good) as files, node.Node(files.config) as daemon:
        crt, key = files.crt, files.key
        broken = {
            "garbage": lambda: crt.write_text("garbage"),
            "empty": lambda: crt.write_text(""),
            "missing": crt.unlink,
            "cut": lambda: crt.write_bytes(good.pem[: len(good.pem) // 2]),
            "bad key": lambda: key.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            "missing key": key.unlink,
            "another's key": lambda: key.write_bytes(other.key_pem),
        }
        for what, spoil in broken.items():
            good.write(crt, key)
            spoil()
            done = daemon.run("reload")
            named = key if "key" in what else crt
            if done.returncode != 1 or f"{named}" not in done.stderr:
                yield f"{what}: exit status {done.returncode}: {done.stderr}"
            if presented() != good.pin:
                yield f"{what}: the old certificate does not stay"
        good.write(crt, key)
        if daemon.run("reload").returncode != 0:
            yield "it does not recover"
    with Files(good) as files:
        files.crt.write_text("garbage")
        with node.Node(files.config, ready=False) as daemon:
            daemon.process.wait(node.LIMIT_S)
            if daemon.process.returncode != 2 or f"{files.crt}" not in daemon.log():
                yield f"at the start: {daemon.process.returncode}: {daemon.log()}"
            check = [node.SEAWALL, "check", daemon.path / "seawall.yaml"]
            checked = subprocess.run(check, capture_output=True, text=True, check=False)
            if checked.returncode != 1 or f"{files.crt}" not in checked.stdout:
                yield f"seawall check: {checked.returncode}: {checked.stdout}{checked.stderr}"


def check_expired():
    """An expired certificate is served, and the log warns."""
    expired = certificates.Certificate("a.example", is_expired=True)
    with Files(expired) as files, node.Node(files.config) as daemon:
        if not re.search(r"warning: TLS: certificate .*expired", daemon.log()):
            yield daemon.log()
        if presented() is None:
            yield "not served"


# ---- those who mean no good ----


def check_garbage():
    """Whatever comes to the port that is not TLS is the end of that connection, and of nothing else."""
    hello = client_hello()
    wire = node.query()
    pieces = {
        "noise": os.urandom(4096),
        "zeros": bytes(4096),
        "plain DNS": struct.pack("!H", len(wire)) + wire,
        "HTTP": b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
        "SSLv2": bytes.fromhex("802e0100020015000000100100800200800300800400800500800600400700c0") + bytes(30),
        "hello twice": hello + hello,
        "hello and noise": hello + os.urandom(1000),
        "a record too long": b"\x16\x03\x01\xff\xff" + bytes(70000),
        "an alert first": b"\x15\x03\x01\x00\x02\x02\x28",
        "warnings": b"\x15\x03\x01\x00\x02\x01\x5a" * 1000,
    }
    pieces |= {f"hello, bit {bit} other": flip(hello, bit) for bit in range(40, len(hello) * 8, 331)}
    with node.Node(config("handshake-timeout: 700ms")) as daemon, Secure() as staying:
        for what, piece in pieces.items():
            with connect() as client:
                with contextlib.suppress(OSError):
                    client.sendall(piece)
                    client.shutdown(socket.SHUT_WR)
                with contextlib.suppress(OSError):
                    ending(client)
            if daemon.ended():
                yield f"{what}: {daemon.log()}"
                return
        if not answered(staying) or not presented():
            yield "others are not answered"
        node.wait_for(lambda: handshakes(daemon)["open"] == 0, "all of them to be gone")


def flip(octets, bit):
    changed = bytearray(octets)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def check_slow():
    """A handshake that is not done in time is ended: of a silent client, and of one that drips."""
    hello = client_hello()
    with node.Node(config("handshake-timeout: 500ms")) as daemon, connect() as silent, connect() as dripping:
        start = time.monotonic()
        with contextlib.suppress(OSError):
            for byte in hello:
                dripping.sendall(bytes([byte]))
                if not time.monotonic() - start < node.LIMIT_S or select.select([dripping], [], [], 0.05)[0]:
                    break
        took = time.monotonic() - start
        if not 0.4 < took < 5:
            yield f"ended after {took:.1f} s"
        if ending(silent) != "reset":
            yield "the silent one is not reset"
        node.wait_for(lambda: handshakes(daemon)["timeout"] == 2, "both to be counted")
        with Secure() as client:
            if not answered(client):
                yield "not answered afterwards"


def check_places():
    """Handshakes have so many places: one too many of a prefix is refused, one too many in all takes the oldest's."""
    with node.Node(config("max-handshakes: 3, max-handshakes-per-prefix: 2", server="tcp-workers: 1")) as daemon:
        first, second = connect("10.1.1.1"), connect("10.1.1.2")
        node.wait_for(lambda: handshakes(daemon)["open"] == 2, "both")
        if not is_refused("10.1.1.3") or handshakes(daemon)["prefix"] != 1:
            yield f"the third of a prefix is taken: {handshakes(daemon)}"
        with connect("10.1.2.1"), connect("10.1.3.1"):
            if ending(first) != "reset":
                yield "the oldest keeps its place"
            if handshakes(daemon)["overload"] != 1:
                yield f"{handshakes(daemon)}"
            with Secure(source="10.1.4.1") as client:
                if not answered(client) or handshakes(daemon)["handshakes"] != 1:
                    yield "not answered"
        for client in (first, second):
            client.close()
        node.wait_for(lambda: handshakes(daemon)["open"] == 0, "the places to be free")


def check_fair():
    """A handshake from a prefix that asks for one goes before those of a prefix that asks for sixty, though they came first."""
    with node.Node(config("max-handshake-percent: 1", server="tcp-workers: 1")), contextlib.ExitStack() as crowd:
        hello = client_hello()
        clients = [crowd.enter_context(connect(f"10.1.1.{1 + number}")) for number in range(60)]
        for client in clients:
            client.sendall(hello)

        def served():
            return sum(bool(select.select([client], [], [], 0)[0]) for client in clients)

        node.wait_for(lambda: served() >= 5, "the first to be served")
        with Secure(source="10.2.2.2") as good:
            if not answered(good):
                yield "not answered"
        count = served()
        print(f"# {count} of the crowd were served before")
        if count > 40:
            yield f"{count} of the crowd were served before"


class Flood(threading.Thread):
    """Has the server sign, and goes."""

    def __init__(self, source, hello, ending_event):
        super().__init__(daemon=True)
        self.source, self.hello, self.ending = source, hello, ending_event
        self.sent = self.served = 0

    def run(self):
        while not self.ending.is_set():
            with contextlib.suppress(OSError), socket.socket() as client:
                client.settimeout(0.5)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.bind((self.source, 0))
                client.connect(("127.0.0.1", PORT))
                client.sendall(self.hello)
                self.sent += 1
                self.served += bool(client.recv(1))


def check_flood():
    """A flood of handshakes gets its share of the time and no more; plain TCP, UDP and connections go on, and so does a handshake from elsewhere."""
    share, seconds = 4, 4
    with node.Node(config(f"max-handshake-percent: {share}", server="tcp-workers: 1")) as daemon, Secure() as staying:
        hello, ended = client_hello(), threading.Event()
        before, start = handshakes(daemon)["cpu_ns"], time.monotonic()
        flood = [Flood(f"10.{number % 4}.0.{1 + number}", hello, ended) for number in range(24)]
        for one in flood:
            one.start()
        slowest, asked = 0.0, 0
        while time.monotonic() - start < seconds:
            begun = time.monotonic()
            with node.Stream(source="10.9.9.9") as plain:
                if not answered(plain, asked) or not answered(staying, asked):
                    yield "a connection is not answered"
            asked += 1
            if not node.datagram("127.0.0.1", node.query(), wait_s=2)[0]:
                yield "UDP is not answered"
            slowest = max(slowest, time.monotonic() - begun)
        begun = time.monotonic()
        with Secure(source="10.8.8.8") as good:
            if not answered(good):
                yield "a good client is not answered"
        waited = time.monotonic() - begun
        now, spent = handshakes(daemon), time.monotonic() - start
        ended.set()
        for one in flood:
            one.join(node.LIMIT_S)
        used = (now["cpu_ns"] - before) / 1e9
        sent, served = (sum(getattr(one, name) for one in flood) for name in ("sent", "served"))
        print(f"# {sent} handshakes begun, {served} served; {used / spent:.1%} of a core, {now['deferred']} had to wait; "
              f"{asked} rounds, the slowest {slowest * 1000:.0f} ms; a good handshake took {waited * 1000:.0f} ms")
        if used > (spent + 0.2) * share / 100 + 0.02:
            yield f"{used:.2f} s of CPU in {spent:.1f} s"
        if used < spent * share / 100 / 2 or not now["deferred"]:
            yield f"no flood: {used:.2f} s of CPU"
        if slowest > 1:
            yield f"a round took {slowest:.1f} s"
        if waited > 3:
            yield f"a good client's handshake took {waited:.1f} s"


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
