# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a reply with what a conformance case expects, and with what holds for every reply of ours."""
import re
import struct

import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
from dns.rdatatype import NSEC, NSEC3, RRSIG, SOA

import message
import proof

UDP_MAX = 1232
UDP_MIN = 512
STREAM_MAX = 65535


class Wrong(Exception):
    """The reply is not what it should be."""


def expect(condition, text, *values):
    if not condition:
        raise Wrong(text % values)


def size_limit(case):
    if case.is_stream:
        return STREAM_MAX
    return max(UDP_MIN, min(UDP_MAX, case.asked_size)) if case.asked_edns else UDP_MIN


def check_header(case, reply):
    mid, flags = struct.unpack_from('!HH', case.message)
    expect(reply.id == mid, 'ID %04x, asked with %04x (RFC 1035 s4.1.1)', reply.id, mid)
    expect(reply.flags & message.QR, 'QR is clear')
    expect(reply.opcode == flags >> 11 & 15, 'opcode %d, asked with %d', reply.opcode, flags >> 11 & 15)
    expect(reply.flags & message.RD == flags & message.RD, 'RD is not copied from the query (RFC 1035 s4.1.1)')
    # CD: RFC 4035 s3.1.6, an authoritative server SHOULD clear it; AD: it validates nothing.
    for name in ('ra', 'z', 'ad', 'cd'):
        expect(not reply.flags & message.FLAGS[name], '%s is set', name.upper())
    expect(reply.rcode == case.rcode, '%s, expected %s', dns.rcode.to_text(reply.rcode), dns.rcode.to_text(case.rcode))
    for name in ('aa', 'tc'):
        if name + '?' not in case.flags:
            is_set = bool(reply.flags & message.FLAGS[name])
            expect(is_set == (name in case.flags), '%s is %s', name.upper(), 'set' if is_set else 'clear')
    expect(len(reply.wire) <= size_limit(case), '%d bytes, limit %d', len(reply.wire), size_limit(case))


def check_question(case, reply):
    if case.is_header_only:
        expect(len(reply.wire) == 12, '%d bytes, expected the header alone', len(reply.wire))
        return
    if case.name is None or case.is_form_open and len(reply.wire) == 12:
        return
    asked = case.message[12:12 + len(message.name_wire(case.name)) + 4]
    expect(reply.wire[12:12 + len(asked)] == asked and reply.counts[0] == 1, 'the question is not echoed byte for byte')


def check_edns(case, reply):
    wanted = case.edns if case.edns is not None else case.asked_edns and not case.is_header_only
    expect(wanted == 'maybe' or bool(reply.edns) == wanted, 'OPT %s', 'unexpected' if reply.edns else 'is missing')
    if not reply.edns:
        return
    expect(reply.edns.version == 0, 'EDNS version %d', reply.edns.version)
    expect(reply.edns.size == UDP_MAX, 'OPT says %d bytes', reply.edns.size)
    expect(reply.edns.flags == (message.DO if case.asked_do else 0), 'OPT flags %04x', reply.edns.flags)
    found = list(reply.edns.options)
    for code, pattern in case.edns_options:
        match = [o for o in found if o[0] == code and re.fullmatch(pattern, o[1].hex())]
        expect(match, 'no option %d like %s', code, pattern)
        found.remove(match[0])
    expect(not found, 'options nobody expected: %s', ' '.join('%d=%s' % (c, v.hex()) for c, v in found))


def check_tsig(case, reply):
    """RFC 8945 s5.2.1, s5.3.2: an unsigned TSIG with the error."""
    expect(bool(reply.tsig) == (case.tsig_error is not None), 'TSIG %s', 'missing' if not reply.tsig else 'unexpected')
    if not reply.tsig:
        return
    wire, pos = reply.tsig.wire, 0
    while wire[pos]:
        pos += 1 + wire[pos]
    mac_size, = struct.unpack_from('!H', wire, pos + 9)
    _, error, other = struct.unpack_from('!HHH', wire, pos + 11 + mac_size)
    expect(mac_size == 0 and other == 0, 'TSIG error reply with a MAC of %d and %d other bytes', mac_size, other)
    expect(error == case.tsig_error, 'TSIG error %d', error)


def check_repeats(reply):
    seen = set()
    for section in (reply.answer, reply.authority, reply.additional):
        for r in section:
            expect(r.key not in seen, 'twice: %s', r)
            seen.add(r.key)
            expect(r.ttl < 1 << 31, 'TTL with the top bit set (RFC 2181 s8): %s', r)


def check_owner_case(case, reply):
    """A name that answers the question is written as it was asked."""
    for r in reply.answer:
        if case.name is not None and r.owner == case.name:
            expect(r.owner.labels == case.name.labels, 'asked for %s, answered with owner %s', case.name, r.owner)


def difference(section, found, wanted, may=()):
    found_keys, wanted_keys = {r.key for r in found}, {r.key for r in wanted}
    allowed = wanted_keys | {r.key for r in may}
    text = ['\nmissing   %s: %s' % (section, r) for r in wanted if r.key not in found_keys]
    text += ['\nsurplus   %s: %s' % (section, r) for r in found if r.key not in allowed]
    return ''.join(text)


def soa_records(case, zones):
    """`authority soa`: the SOA of the zone of the name asked, with its negative TTL."""
    out = []
    for origin in case.soa_of:
        name = dns.name.from_text(origin) if origin else case.name
        zone = max((z for z in zones if name.is_subdomain(z.origin)), key=lambda z: len(z.origin.labels))
        owner, ttl, rdata = zone.negative_soa()
        out.append(message.Record(owner, SOA, dns.rdataclass.IN, ttl, rdata, rdata.to_wire()))
    return out


def zone_records(case, zones, section):
    """`SECTION rrset NAME TYPE [as OWNER]`: an RRset of a zone with its signatures."""
    out = []
    for where, name, rdtype, owner in case.rrsets:
        if where != section:
            continue
        zone = max((z for z in zones if name.is_subdomain(z.origin)), key=lambda z: len(z.origin.labels))
        for rrset in (zone.get(name, rdtype), zone.get(name, RRSIG, rdtype)):
            for rdata in rrset or ():
                out.append(message.Record(owner, rrset.rdtype, rrset.rdclass, rrset.ttl, rdata, rdata.to_wire()))
    return out


def check_either(case, reply):
    groups = {}
    for r in case.either:
        groups.setdefault((r.owner.canonicalize(), r.rdtype, r.covers), []).append(r)
    plain = [r for r in reply.answer if case.claims and r.rdtype != RRSIG or not case.claims]
    if not any({r.key for r in g} == {r.key for r in plain} for g in groups.values()):
        raise Wrong('the answer is none of the RRsets offered')


def check_sections(case, reply, zones):
    # Without RRsets named one by one the proofs are left to the validator.
    proving = bool(case.claims) and not case.rrsets
    text = ''
    for section in ('answer', 'authority', 'additional'):
        found, wanted = getattr(reply, section), case.sections[section] + zone_records(case, zones, section)
        if section == 'authority':
            wanted += soa_records(case, zones)
        if section == 'answer' and case.either:
            check_either(case, reply)
            continue
        if proving:
            drop = (RRSIG, NSEC, NSEC3) if section == 'authority' else (RRSIG,)
            found = [r for r in found if r.rdtype not in drop]
        text += difference(section, found, wanted, case.may if section == 'additional' else ())
    expect(not text, 'the sections differ:%s', text)


def check(case, wire, zones, validator):
    """@raise Wrong, message.Malformed or proof.Unproven, with the reason"""
    if case.is_silent:
        expect(not wire, 'a reply where none was expected')
        return
    expect(wire, 'no reply')
    reply = message.Reply(wire)
    check_header(case, reply)
    check_question(case, reply)
    check_edns(case, reply)
    check_tsig(case, reply)
    check_repeats(reply)
    check_owner_case(case, reply)
    check_sections(case, reply, zones)
    if case.claims:
        validator.check(reply, case.claims)


FAILURES = (Wrong, message.Malformed, proof.Unproven)
