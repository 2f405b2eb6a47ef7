# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS over TLS (RFC 7858): what TCP does, over TLS; certificates that change."""

import re
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
from pathlib import Path

import certificates
import dns.edns
import dns.message
import node
import streams
import tap
from secure import PORT, Memory, Secure, client_hello, config, connect, handshakes, is_refused, presented
from streams import answered

PADDING = 12


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


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
