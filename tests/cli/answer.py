# SPDX-License-Identifier: GPL-3.0-or-later
"""`seawall answer`: frames in, frames out, and the same from both engines."""

import os
import struct
import subprocess
import tempfile
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import tap

SEAWALL = os.environ.get("SW_SEAWALL", str(tap.BUILD / "src" / "cli" / "seawall"))
ZONE = """$TTL 60
@ SOA ns1 hostmaster 1 60 60 60 60
@ NS ns1
ns1 A 192.0.2.1
""" + "".join(f'big TXT "{number:03}{"x" * 200}"\n' for number in range(20))
SIGNED = "8 2 60 20360101000000 20260101000000 1 example.com. " + "A" * 88
# A signed wildcard whose records leave no place in the first 16 KiB of a reply for what its denial points to.
WILD = f"""$TTL 60
@ SOA ns1 hostmaster 1 60 60 60 60
@ NS ns1
@ NSEC *.w NS SOA RRSIG NSEC
@ RRSIG NSEC {SIGNED}
ns1 A 192.0.2.1
*.w NSEC @ TXT RRSIG NSEC
*.w RRSIG NSEC {SIGNED}
""" + "".join(f'*.w TXT "{number:03}{"x" * 200}"\n' for number in range(120))
SECRET = "00112233445566778899aabbccddeeff"


def framed(messages):
    return b"".join(struct.pack("!H", len(wire)) + wire for wire in messages)


def unframed(stream):
    messages = []
    while stream:
        end = 2 + struct.unpack("!H", stream[:2])[0]
        messages.append(stream[2:end])
        stream = stream[end:]
    return messages


def answer(messages, *options, raw=None, zone_text=ZONE):
    """What it says: replies, standard error, exit status."""
    with tempfile.TemporaryDirectory(prefix="seawall-test-") as directory:
        zone = Path(directory) / "zone"
        zone.write_text(zone_text)
        ran = subprocess.run(
            [SEAWALL, "answer", "--zone", f"example.com={zone}", *options],
            input=framed(messages) if raw is None else raw,
            capture_output=True,
            timeout=60,
            check=False,
        )
    return unframed(ran.stdout), ran.stderr.decode(), ran.returncode


def questions():
    """Of every kind, with and without EDNS and a cookie."""
    for name in ("ns1.example.com", "NS1.eXample.com", "nope.example.com", "big.example.com", "example.org", "id.server"):
        for rdtype in ("A", "TXT", "SOA"):
            rdclass = "CH" if name == "id.server" else "IN"
            yield dns.message.make_query(name, rdtype, rdclass).to_wire()
            yield dns.message.make_query(name, rdtype, rdclass, use_edns=0, want_dnssec=True).to_wire()
            cookie = dns.edns.GenericOption(10, b"12345678")
            yield dns.message.make_query(name, rdtype, rdclass, use_edns=0, options=[cookie]).to_wire()
    yield b"short"
    yield bytes(12)
    yield bytes(600)


def check_framing():
    """One reply a message, in order; length 0 where there is none."""
    messages = list(questions()) * 50
    replies, _, status = answer(messages)
    if status or len(replies) != len(messages):
        yield f"exit status {status}, {len(replies)} replies to {len(messages)} messages"
    for message, reply in zip(messages, replies):
        if reply[:2] != (message[:2] if len(message) >= 12 else b""):
            yield f"{message.hex()}: {reply.hex()}"
            return


def check_engines():
    """Kernel and native engine agree byte for byte, for IPv4 and IPv6 askers, and nothing is punted."""
    messages = list(questions())
    options = ["--time", "1700000000", "--cookie-secret", SECRET, "--nsid", "ns1"]
    for source in ("192.0.2.77", "2001:db8::77"):
        native, _, _ = answer(messages, *options, "--source", source)
        kernel, said, status = answer(messages, *options, "--source", source, "--engine", "kernel", "--punted")
        if status or said != f"punted: 0 of {len(messages)}\n":
            yield f"exit status {status}: {said}"
        for message, one, other in zip(messages, native, kernel):
            if one != other:
                yield f"{source}: {message.hex()}: native {one.hex()}, kernel {other.hex()}"


def check_cookie():
    """A cookie is the same for the same time, secret and asker, and another for others (RFC 9018)."""
    option = dns.edns.GenericOption(10, bytes.fromhex("2464c4abcf10c957"))
    message = dns.message.make_query("example.com", "A", use_edns=0, options=[option]).to_wire()
    # RFC 9018 A.1: the cookie for this client, time and secret.
    options = ["--cookie-secret", "e5e973e5a6b2a43f48e7dc849e37bfcf", "--time", "1559731985"]
    (reply,), _, _ = answer([message], *options, "--source", "198.51.100.100")
    if bytes.fromhex("2464c4abcf10c957010000005cf79f111f8130c3eee29480") not in reply:
        yield f"not the cookie of RFC 9018: {reply.hex()}"
    (other,), _, _ = answer([message], *options, "--source", "198.51.100.101")
    if other == reply:
        yield "the asker's address makes no difference"


def check_stream():
    """--stream answers whole what is truncated over UDP."""
    message = dns.message.make_query("big.example.com", "TXT").to_wire()
    (reply,), _, _ = answer([message])
    if not dns.message.from_wire(reply).flags & dns.flags.TC:
        yield "not truncated over UDP"
    (reply,), _, _ = answer([message], "--stream")
    if len(dns.message.from_wire(reply).answer[0]) != 20:
        yield "not whole over a stream"


def check_far_pointers():
    """A reply that would need pointers beyond 16 KiB is SERVFAIL, and what needs none is whole."""
    plain = dns.message.make_query("x.w.example.com", "TXT").to_wire()
    signed = dns.message.make_query("x.w.example.com", "TXT", want_dnssec=True).to_wire()
    replies, _, _ = answer([plain, signed], "--stream", zone_text=WILD)
    whole, failed = (dns.message.from_wire(reply) for reply in replies)
    if len(whole.answer[0]) != 120:
        yield f"not whole: {len(whole.answer[0])} records"
    if failed.rcode() != dns.rcode.SERVFAIL or failed.answer or failed.authority:
        yield f"not SERVFAIL: {failed}"


def check_cut():
    """Input that ends inside a message is an error, after the answers before it."""
    message = dns.message.make_query("example.com", "SOA").to_wire()
    replies, said, status = answer([], raw=framed([message, message])[:-3])
    if len(replies) != 1 or status != 1 or "inside a message" not in said:
        yield f"{len(replies)} replies, exit status {status}: {said}"


if __name__ == "__main__":
    tap.run(globals())
