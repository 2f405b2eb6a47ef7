# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS messages, as much of them as the drill's own probes need: ask a question, find the expected rdata in a reply."""

import collections
import struct

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "DS": 43, "HTTPS": 65}
# Where in the rdata of a type a name begins that may be compressed (RFC 3597 s4); it is the last field in each.
NAME_AT = {TYPES["NS"]: 0, TYPES["CNAME"]: 0, TYPES["MX"]: 2}
NOERROR = 0

Reply = collections.namedtuple("Reply", "id rcode is_truncated rdata")


def query(number, name, qtype, wants_recursion=False):
    """A query for an absolute name of plain letters, with EDNS as everybody sends it: 1232 bytes, no DO."""
    flags = 0x0100 if wants_recursion else 0
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
    return struct.pack("!6H", number, flags, 1, 0, 0, 1) + name_wire(name) + struct.pack("!HH", TYPES[qtype], 1) + opt


def name_wire(name):
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def reply(wire):
    """The rdata of the answer section by type, names in it uncompressed; None if it is no reply at all."""
    try:
        number, flags, questions, answers = struct.unpack_from("!4H", wire)
        at = 12
        for _ in range(questions):
            at = name_at(wire, at)[1] + 4
        rdata = [record for record, at in records(wire, at, answers)]
    except (struct.error, IndexError):
        return None
    return Reply(number, flags & 15, bool(flags & 0x0200), rdata) if flags & 0x8000 else None


def records(wire, at, count):
    """Type and rdata of each record, and where the next one begins."""
    for _ in range(count):
        _, at = name_at(wire, at)
        rtype, _, _, length = struct.unpack_from("!HHIH", wire, at)
        at += 10
        start, at = at, at + length
        rdata = wire[start:at]
        if rtype in NAME_AT:
            fixed = NAME_AT[rtype]
            rdata = rdata[:fixed] + name_at(wire, start + fixed)[0]
        yield (rtype, rdata), at


def name_at(wire, at):
    """A name, uncompressed, in lower case, and where it ends."""
    name, end = b"", 0
    for _ in range(256):  # a name has no more labels and pointers than that
        length = wire[at]
        if length >= 0xC0:
            end = end or at + 2
            at = (length & 0x3F) << 8 | wire[at + 1]
        elif length:
            name += wire[at:at + 1 + length].lower()
            at += 1 + length
        else:
            return name + b"\0", end or at + 1
    raise IndexError("a name without end")


def is_expected(got, line):
    """Whether a reply is the right one to a line of the names file whose kind is answer (zones.py)."""
    return got is not None and got.rcode == NOERROR and (TYPES[line.qtype], bytes.fromhex(line.expected)) in got.rdata
