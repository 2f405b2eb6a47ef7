# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS messages as the tests see them: queries are built byte by byte, replies are read strictly.

The reader is deliberately not dnspython's: it refuses everything a reply of ours must not contain (trailing
bytes, forward compression pointers, a pointer into the header, a name over 255 bytes) and keeps the case of
every name. Only the rdata of known types is handed to dnspython, for its canonical form (RFC 4034 s6.2).
"""
import struct

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010
FLAGS = {'qr': QR, 'aa': AA, 'tc': TC, 'rd': RD, 'ra': RA, 'z': Z, 'ad': AD, 'cd': CD}
OPT, TSIG, RRSIG = 41, 250, 46
DO = 0x8000
POINTER_MAX = 0x3fff


class Malformed(Exception):
    """The reply breaks the wire format (RFC 1035 s4)."""


class Record:
    """One resource record: owner as a dnspython name with its case, rdata in wire and in canonical form."""

    def __init__(self, owner, rdtype, rdclass, ttl, rdata, wire):
        self.owner, self.rdtype, self.rdclass, self.ttl, self.rdata, self.wire = owner, rdtype, rdclass, ttl, rdata, wire

    @property
    def digest(self):
        return self.wire if self.rdata is None else self.rdata.to_digestable(dns.name.root)

    @property
    def key(self):
        """What two equal records have in common; names are compared without case (RFC 4343)."""
        return self.owner.canonicalize(), self.rdtype, self.rdclass, self.ttl, self.digest

    @property
    def covers(self):
        return self.rdata.type_covered if self.rdtype == RRSIG else 0

    def __str__(self):
        data = self.wire.hex() if self.rdata is None else self.rdata.to_text()
        return '%s %d %s %s %s' % (self.owner, self.ttl, dns.rdataclass.to_text(self.rdclass),
                                   dns.rdatatype.to_text(self.rdtype), data)


class Edns:
    """An OPT record (RFC 6891 s6.1.2)."""

    def __init__(self, size, ttl, wire):
        self.size, self.rcode_high, self.version, self.flags = size, ttl >> 24, ttl >> 16 & 0xff, ttl & 0xffff
        self.options, pos = [], 0
        while pos < len(wire):
            if pos + 4 > len(wire):
                raise Malformed('OPT: half an option')
            code, length = struct.unpack_from('!HH', wire, pos)
            if pos + 4 + length > len(wire):
                raise Malformed('OPT: option longer than the record')
            self.options.append((code, wire[pos + 4:pos + 4 + length]))
            pos += 4 + length


class Reply:
    """A reply, read strictly."""

    def __init__(self, wire):
        if len(wire) < 12:
            raise Malformed('%d bytes, less than a header' % len(wire))
        self.wire = wire
        self.id, self.flags, *self.counts = struct.unpack_from('!HHHHHH', wire)
        self.opcode = self.flags >> 11 & 15
        self.edns, self.tsig, self.pos = None, None, 12
        self.question = [self._question() for _ in range(self.counts[0])]
        self.answer = self._section(self.counts[1])
        self.authority = self._section(self.counts[2])
        self.additional = self._section(self.counts[3])
        if self.pos != len(wire):
            raise Malformed('%d bytes after the message' % (len(wire) - self.pos))
        self.rcode = self.flags & 15 | (self.edns.rcode_high << 4 if self.edns else 0)

    def _name(self, pos):
        labels, size, end, low = [], 1, None, pos
        while True:
            if pos >= len(self.wire):
                raise Malformed('name runs out of the message')
            n = self.wire[pos]
            if n >= 0xc0:
                if pos + 2 > len(self.wire):
                    raise Malformed('half a compression pointer')
                to = struct.unpack_from('!H', self.wire, pos)[0] & POINTER_MAX
                end = pos + 2 if end is None else end
                if to < 12 or to >= low:
                    raise Malformed('compression pointer to %d at %d' % (to, pos))
                pos = low = to
                continue
            if n > 63:
                raise Malformed('label type 0x%02x' % n)
            if n == 0:
                break
            if pos + 1 + n > len(self.wire):
                raise Malformed('label runs out of the message')
            labels.append(self.wire[pos + 1:pos + 1 + n])
            size += 1 + n
            if size > 255:
                raise Malformed('name over 255 bytes')
            pos += 1 + n
        return dns.name.Name(labels + [b'']), (pos + 1 if end is None else end)

    def _question(self):
        name, self.pos = self._name(self.pos)
        if self.pos + 4 > len(self.wire):
            raise Malformed('question runs out of the message')
        rdtype, rdclass = struct.unpack_from('!HH', self.wire, self.pos)
        self.pos += 4
        return name, rdtype, rdclass

    def _record(self):
        owner, pos = self._name(self.pos)
        if pos + 10 > len(self.wire):
            raise Malformed('record runs out of the message')
        rdtype, rdclass, ttl, length = struct.unpack_from('!HHIH', self.wire, pos)
        pos += 10
        self.pos = pos + length
        if self.pos > len(self.wire):
            raise Malformed('rdata runs out of the message')
        raw = self.wire[pos:self.pos]
        if rdtype in (OPT, TSIG):
            return Record(owner, rdtype, rdclass, ttl, None, raw)
        try:
            rdata = dns.rdata.from_wire(rdclass, rdtype, self.wire, pos, length)
        except dns.exception.DNSException as e:
            raise Malformed('rdata of %s %s: %s' % (owner, dns.rdatatype.to_text(rdtype), e)) from e
        return Record(owner, rdtype, rdclass, ttl, rdata, raw)

    def _section(self, count):
        records = []
        for _ in range(count):
            record = self._record()
            if record.rdtype == OPT:
                if self.edns or record.owner != dns.name.root:
                    raise Malformed('second OPT, or OPT not at the root')
                self.edns = Edns(record.rdclass, record.ttl, record.wire)
            elif record.rdtype == TSIG:
                self.tsig = record
            else:
                records.append(record)
        return records

    def __str__(self):
        flags = ' '.join(n for n, bit in FLAGS.items() if self.flags & bit)
        lines = ['%s %s, %d bytes' % (dns.rcode.to_text(self.rcode), flags, len(self.wire))]
        lines += ['question   %s %s %s' % (n, dns.rdataclass.to_text(c), dns.rdatatype.to_text(t))
                  for n, t, c in self.question]
        for label, section in (('answer', self.answer), ('authority', self.authority), ('additional', self.additional)):
            lines += ['%-10s %s' % (label, r) for r in section]
        if self.edns:
            lines.append('opt        size %d version %d flags %04x%s' % (
                self.edns.size, self.edns.version, self.edns.flags,
                ''.join(' %d=%s' % (c, v.hex()) for c, v in self.edns.options)))
        if self.tsig:
            lines.append('tsig       %s %s' % (self.tsig.owner, self.tsig.wire.hex()))
        return '\n'.join(lines)


def name_wire(name):
    """Uncompressed wire form of a dnspython name, case kept."""
    return b''.join(bytes([len(label)]) + label for label in name.labels)


def option(code, data):
    return struct.pack('!HH', code, len(data)) + data


def opt_record(size=1232, do=False, version=0, flags=0, options=b'', rcode_high=0):
    return b'\0' + struct.pack('!HHBBHH', OPT, size, rcode_high, version, flags | (DO if do else 0), len(options)) + options


def query(name, rdtype, rdclass=1, mid=0, flags=0, opcode=0, opt=b''):
    """A query for a dnspython name; opt is a whole OPT record or empty."""
    head = struct.pack('!HHHHHH', mid, flags | opcode << 11, 1, 0, 0, 1 if opt else 0)
    return head + name_wire(name) + struct.pack('!HH', rdtype, rdclass) + opt
