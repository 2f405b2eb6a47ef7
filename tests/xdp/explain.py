# SPDX-License-Identifier: GPL-3.0-or-later
"""What 'seawall guard explain' says of a question is what becomes of it."""

import contextlib
import json
import os
import socket
import struct

import dns.flags
import dns.message
import lab
import node
import tap

MONITOR = "198.51.100.9"  # told to be trusted
CONFIG = f"guard: {{max-answers: 50, trusted: [{MONITOR}]}}\n"
EXISTS, MISSING = "www.example.com", "no-such-name.example.com"
EVERY_S = 0.002
LIMIT_S = 10


@contextlib.contextmanager
def guarded():
    """A daemon that may give 50 answers a second, and the client's addresses."""
    with lab.wired() as wired:
        wired.client.ip(f"address add {MONITOR}/24 dev c0")
        with node.Node(config=CONFIG, options=["--xdp", "s0"], before=wired.server.enter) as daemon:
            node.wait_for(lambda: node.datagram(lab.SERVER4, node.query(EXISTS), wait_s=0.5)[0], "an answer")
            yield wired, daemon


@contextlib.contextmanager
def crowd():
    """Questions for names that do not exist, ten times as many as may be answered; nobody waits for replies."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.bind((lab.CLIENT4, 0))
        with lab.meanwhile(lambda: asker.sendto(node.query(MISSING), (lab.SERVER4, node.PORT)), EVERY_S):
            yield


def explained(daemon, *words):
    return json.loads(daemon.run("guard", "explain", *words, "--json").stdout)


def becomes(name, source):
    """What becomes of a question, in explain's words."""
    reply, _ = node.datagram(lab.SERVER4, node.query(name), source=source, wait_s=0.3)
    if reply is None:
        return "dropped"
    return "sent to TCP" if dns.message.from_wire(reply, ignore_trailing=True).flags & dns.flags.TC else "answered"


def is_said(explanation, text):
    return any(text in reason for reason in explanation["reasons"])


def check_room():
    """While there is room, everybody is answered, and explain says so."""
    with guarded() as (_, daemon):
        for name, fact in ((EXISTS, "exists"), (MISSING, None)):
            said = explained(daemon, "203.0.113.1", name)
            if said["action"] != "answered" or not is_said(said, "room for everybody") or (fact in said["facts"]) != bool(fact):
                yield f"{said}"


def check_scarce():
    """When there is not, explain and the kernel agree: strangers, trusted ones, who shook hands."""
    with guarded() as (_, daemon), crowd():
        node.wait_for(lambda: explained(daemon, lab.CLIENT4, MISSING)["action"] != "answered", "answers to be scarce", LIMIT_S)
        said = explained(daemon, lab.CLIENT4, MISSING)
        if not is_said(said, "names that do not exist in its zone") and not is_said(said, "its lane"):
            yield f"{said}"
        actions = [becomes(MISSING, lab.CLIENT4) for _ in range(20)]
        if actions.count(said["action"]) < 10:
            yield f"said to be {said['action']} mostly, and {actions}"
        said = explained(daemon, MONITOR, EXISTS)
        if said["action"] != "answered" or said["lane"] != "known" or not is_said(said, "the configuration says so"):
            yield f"{said}"
        if any(becomes(EXISTS, MONITOR) != "answered" for _ in range(20)):
            yield "a trusted source was refused"
        if "handshake" in explained(daemon, lab.CLIENT4, EXISTS)["facts"]:
            yield "a handshake before there was one"
        with node.Stream(lab.SERVER4, source=lab.CLIENT4) as stream:
            stream.ask(node.query(EXISTS))
        said = explained(daemon, lab.CLIENT4, EXISTS)
        if "handshake" not in said["facts"] or said["action"] != "answered":
            yield f"after a handshake: {said}"
        if any(becomes(EXISTS, lab.CLIENT4) != "answered" for _ in range(20)):
            yield "a source that shook hands was refused"


def capture(path, frames):
    """A capture file of Ethernet frames (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html)."""
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            file.write(struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame)


def check_capture():
    """The packets of a capture: questions are explained, others are said to be what they are."""
    with guarded() as (wired, daemon):
        query = lab.frame_of([], node.query(EXISTS))
        tagged = lab.frame_of([(0x8100, 7)], node.query(MISSING))
        path = os.path.join(wired.directory.name, "packets.pcap")
        gre, syn, reply, options, short, other = (bytearray(query) for _ in range(6))
        gre[23], syn[23], reply[44], options[14] = 47, 6, reply[44] | 0x80, 0x46
        syn[14 + 20 + 13] = 2
        short[38:40] = other[36:38] = struct.pack("!H", 123)
        capture(path, [query + bytes(9), tagged, gre, syn, reply, options, short, other, query[:30], b"\xff" * 60])
        ran = daemon.run("guard", "explain", "--pcap", path, "--port", str(node.PORT), "--json")
        lines = [json.loads(line) for line in ran.stdout.splitlines()]
        wanted = [("name", f"{EXISTS}."), ("name", f"{MISSING}."), ("gate", "GRE"), ("gate", "TCP SYN"), ("gate", "a reply"),
                  ("gate", "IP options"), ("gate", "UDP of a wrong length"), ("gate", "to another port"),
                  ("gate", "not IP"), ("gate", "not IP")]
        got = [(key, line.get(key, "")[:len(text)]) for line, (key, text) in zip(lines, wanted)]
        if got != wanted or len(lines) != len(wanted):
            yield f"{got} {len(lines)} {ran.stderr}"
        if [line.get("action") for line in lines[:2]] != ["answered"] * 2 or lines[0]["address"] != lab.CLIENT4:
            yield f"{lines[:2]}"
        text = daemon.run("guard", "explain", "--pcap", path, "--port", str(node.PORT)).stdout
        if text.count("\n") != len(wanted) or "room for everybody" not in text:
            yield text
        with open(path, "r+b") as file:
            file.truncate(60)
        for name, complaint in ((path, "truncated"), (path + "x", "No such file"), (daemon.zone, "unknown file format")):
            ran = daemon.run("guard", "explain", "--pcap", str(name))
            if ran.returncode != 1 or complaint not in ran.stderr:
                yield f"{name}: {ran}"


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
