# SPDX-License-Identifier: GPL-3.0-or-later
"""What a validator concludes from a reply: signatures and denial of existence.

Signatures are checked by dnspython (RFC 4035 s5.3). The denial proofs are our own reading of RFC 4035 s5.4,
RFC 5155 s8 and RFC 6840 s4; they return the NSEC or NSEC3 records a proof needed, so that the caller can also
find records that a reply carries for nothing.
"""
import base64

import dns.dnssec
import dns.exception
import dns.name
import dns.rdatatype
import dns.rrset
import dns.zone

from dns.rdatatype import CNAME, DNAME, DNSKEY, DS, NS, NSEC, NSEC3, NSEC3PARAM, RRSIG, SOA


class Unproven(Exception):
    """A validator would not believe the reply."""


class Zone:
    """A hosted zone as the tests need it: keys, cuts, the SOA, and whether it is signed."""

    def __init__(self, origin, text):
        self.origin = dns.name.from_text(origin)
        self.rrsets = {}
        zone = dns.zone.from_text(text, self.origin, relativize=False, check_origin=False)
        for name, node in zone.nodes.items():
            for rdataset in node:
                rrset = dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))
                self.rrsets[name.canonicalize(), rdataset.rdtype, rdataset.covers] = rrset
        self.cuts = {n for n, t, _ in self.rrsets if t == NS and n != self.origin.canonicalize()}
        self.keys = self.get(self.origin, DNSKEY)
        parameters = self.get(self.origin, NSEC3PARAM)
        self.is_nsec3 = parameters is not None
        self.nsec3_parameters = parameters[0].to_text() if parameters else ''

    def get(self, name, rdtype, covers=0):
        return self.rrsets.get((name.canonicalize(), rdtype, covers))

    @property
    def is_signed(self):
        return self.keys is not None and self.get(self.origin, RRSIG, SOA) is not None

    def cut_of(self, name):
        """The topmost cut at or above a name, or None: what is there is not ours to sign."""
        name, found = name.canonicalize(), None
        while name != self.origin.canonicalize() and name.labels != (b'',):
            if name in self.cuts:
                found = name
            name = name.parent()
        return found

    def negative_soa(self):
        """The SOA as negative answers carry it (RFC 2308 s3: the lower of its TTL and its MINIMUM)."""
        soa = self.get(self.origin, SOA)
        return self.origin, min(soa.ttl, soa[0].minimum), soa[0]


def has_type(rdata, rdtype):
    for window, bitmap in rdata.windows:
        if window == rdtype >> 8:
            byte = (rdtype & 0xff) >> 3
            return byte < len(bitmap) and bool(bitmap[byte] & 0x80 >> (rdtype & 7))
    return False


def common_ancestor(a, b):
    n = 0
    for x, y in zip(reversed(a.canonicalize().labels), reversed(b.canonicalize().labels)):
        if x != y:
            break
        n += 1
    return dns.name.Name(a.labels[len(a.labels) - n:])


def wildcard_at(name):
    return dns.name.Name((b'*',) + name.labels)


def is_parent_side(rdata):
    """NSEC or NSEC3 of a cut, seen from above: denies nothing below, and only DS at it (RFC 6840 s4.1)."""
    return has_type(rdata, NS) and not has_type(rdata, SOA)


def check_absent(rdata, rdtype):
    """NODATA from the record at the name itself."""
    if has_type(rdata, rdtype) or has_type(rdata, CNAME):
        raise Unproven('the bitmap holds %s or CNAME' % dns.rdatatype.to_text(rdtype))
    if rdtype == DS and has_type(rdata, SOA):
        return
    if rdtype != DS and is_parent_side(rdata):
        raise Unproven('parent-side record used for a type of the child')


class NsecProofs:
    """RFC 4035 s5.4."""

    def __init__(self, origin, records):
        self.origin = origin
        self.records = [(r.owner, r.rdata) for r in records if r.rdtype == NSEC]

    def match(self, name):
        for owner, rdata in self.records:
            if owner == name:
                return owner, rdata
        raise Unproven('no NSEC at %s' % name)

    def cover(self, name):
        for owner, rdata in self.records:
            after, before = owner < name, name < rdata.next
            wraps = rdata.next == self.origin
            if not (after and (before or wraps)) or name == rdata.next:
                continue
            if name.is_subdomain(owner) and (is_parent_side(rdata) or has_type(rdata, DNAME)):
                raise Unproven('NSEC of a cut or DNAME denies a name below it (RFC 6840 s4.1)')
            return owner, rdata
        raise Unproven('no NSEC covers %s' % name)

    def encloser(self, name):
        """Closest encloser of a covered name, and the covering record."""
        owner, rdata = self.cover(name)
        if rdata.next.is_subdomain(name):
            raise Unproven('%s is an empty non-terminal' % name)
        a, b = common_ancestor(name, owner), common_ancestor(name, rdata.next)
        return (a if len(a) > len(b) else b), owner

    def nxdomain(self, name, _rdtype):
        encloser, used = self.encloser(name)
        return {used, self.cover(wildcard_at(encloser))[0]}

    def nodata(self, name, rdtype):
        try:
            owner, rdata = self.match(name)
        except Unproven:
            owner, rdata = self.cover(name)
            if not rdata.next.is_subdomain(name):
                raise Unproven('the NSEC covers %s: that is NXDOMAIN' % name) from None
            return {owner}
        check_absent(rdata, rdtype)
        return {owner}

    def wildcard_nodata(self, name, rdtype):
        encloser, used = self.encloser(name)
        return {used} | self.nodata(wildcard_at(encloser), rdtype)

    def wildcard(self, name, encloser):
        found, used = self.encloser(name)
        if found != encloser:
            raise Unproven('closest encloser is %s, expanded from %s' % (found, encloser))
        return {used}

    def insecure(self, cut, _rdtype):
        owner, rdata = self.match(cut)
        if not has_type(rdata, NS) or has_type(rdata, DS) or has_type(rdata, SOA):
            raise Unproven('the NSEC at %s is not that of an insecure cut' % cut)
        return {owner}


class Nsec3Proofs:
    """RFC 5155 s8."""

    def __init__(self, origin, records):
        self.origin = origin
        self.records = [(r.owner, r.rdata) for r in records if r.rdtype == NSEC3]
        parameters = {(r.algorithm, r.iterations, r.salt) for _, r in self.records}
        if len(parameters) > 1:
            raise Unproven('NSEC3 records of different parameters (RFC 5155 s8.2)')
        self.parameters = parameters.pop() if parameters else (1, 0, b'')

    def hash(self, name):
        algorithm, iterations, salt = self.parameters
        return dns.dnssec.nsec3_hash(name, salt, iterations, algorithm)

    def match(self, name):
        label = self.hash(name).encode()
        for owner, rdata in self.records:
            if owner.labels[0].upper() == label and owner.parent() == self.origin:
                return owner, rdata
        raise Unproven('no NSEC3 matches %s' % name)

    def cover(self, name):
        label = self.hash(name)
        for owner, rdata in self.records:
            low, high = owner.labels[0].upper().decode(), base64.b32hexencode(rdata.next).decode()
            if low < label < high or (high <= low and (label > low or label < high)):
                return owner, rdata
        raise Unproven('no NSEC3 covers %s (%s)' % (name, label))

    def encloser(self, name):
        """Closest encloser proof (s8.3): encloser, records used, the record covering the next closer name."""
        closer, candidate = name, name.parent()
        while True:
            try:
                owner, rdata = self.match(candidate)
            except Unproven:
                if candidate == self.origin:
                    raise Unproven('no closest encloser of %s' % name) from None
                closer, candidate = candidate, candidate.parent()
                continue
            if is_parent_side(rdata) or has_type(rdata, DNAME):
                raise Unproven('closest encloser %s is a cut or a DNAME (RFC 5155 s8.3)' % candidate)
            cover_owner, cover = self.cover(closer)
            return candidate, {owner, cover_owner}, cover

    def nxdomain(self, name, _rdtype):
        encloser, used, _ = self.encloser(name)
        return used | {self.cover(wildcard_at(encloser))[0]}

    def nodata(self, name, rdtype):
        try:
            owner, rdata = self.match(name)
        except Unproven:
            if rdtype != DS:
                raise
            return self._opt_out(name)
        check_absent(rdata, rdtype)
        return {owner}

    def _opt_out(self, name):
        _, used, cover = self.encloser(name)
        if not cover.flags & 1:
            raise Unproven('the NSEC3 over the next closer name of %s is not opt-out (s8.6)' % name)
        return used

    def wildcard_nodata(self, name, rdtype):
        encloser, used, _ = self.encloser(name)
        owner, rdata = self.match(wildcard_at(encloser))
        check_absent(rdata, rdtype)
        return used | {owner}

    def wildcard(self, name, encloser):
        closer = dns.name.Name(name.labels[len(name.labels) - len(encloser.labels) - 1:])
        return {self.cover(closer)[0]}

    def insecure(self, cut, _rdtype):
        try:
            owner, rdata = self.match(cut)
        except Unproven:
            return self._opt_out(cut)
        if not has_type(rdata, NS) or has_type(rdata, DS) or has_type(rdata, SOA):
            raise Unproven('the NSEC3 of %s is not that of an insecure cut' % cut)
        return {owner}


class Validator:
    """Knows the hosted zones and their keys; remembers signatures it has seen to be good."""

    def __init__(self, zones):
        self.zones = sorted(zones, key=lambda z: -len(z.origin.labels))
        self.good = set()

    def zone_of(self, name):
        for zone in self.zones:
            if name.is_subdomain(zone.origin):
                return zone
        return None

    def _signature(self, rrset, rrsig, keys):
        mark = (rrset.name.canonicalize(), rrset.rdtype, frozenset(r.to_digestable() for r in rrset), rrsig.to_digestable())
        if mark in self.good:
            return
        try:
            dns.dnssec.validate_rrsig(rrset, rrsig, {rrsig.signer: keys}, now=rrsig.inception)
        except (dns.dnssec.ValidationFailure, dns.exception.DNSException) as e:
            raise Unproven('signature over %s %s: %s' % (rrset.name, dns.rdatatype.to_text(rrset.rdtype), e)) from e
        self.good.add(mark)

    def _must_be_signed(self, zone, section, owner, rdtype, answer):
        if rdtype == CNAME and section == 'answer':
            for r in answer:
                if r.rdtype == DNAME and owner != r.owner and owner.is_subdomain(r.owner):
                    return False
        if section == 'answer' and rdtype == DS:
            return True
        cut = zone.cut_of(owner)
        if cut is None:
            return True
        return cut == owner.canonicalize() and rdtype in (DS, NSEC)

    def signatures(self, reply):
        """Check every signature of a reply, and that all and only what is authoritative is signed.

        @return wildcard expansions found in the answer: (owner, closest encloser, zone)
        """
        expansions = []
        for section in ('answer', 'authority', 'additional'):
            records = getattr(reply, section)
            groups = {}
            for r in records:
                if r.rdtype != RRSIG:
                    groups.setdefault((r.owner.canonicalize(), r.rdtype), []).append(r)
            signatures = {}
            for r in records:
                if r.rdtype == RRSIG:
                    signatures.setdefault((r.owner.canonicalize(), r.covers), []).append(r)
            asked_for_signatures = reply.question and reply.question[0][1] in (RRSIG, dns.rdatatype.ANY)
            for key in signatures.keys() - groups.keys():
                if not asked_for_signatures:
                    raise Unproven('RRSIG over %s %s without the records' % (key[0], dns.rdatatype.to_text(key[1])))
            for key, group in groups.items():
                expansions += self._group(section, key, group, signatures.get(key, []), reply.answer)
        return expansions

    def _group(self, section, key, group, signatures, answer):
        owner, rdtype = key
        text = '%s %s' % (owner, dns.rdatatype.to_text(rdtype))
        zone = self.zone_of(owner)
        if zone is not None and owner == zone.origin and (rdtype == DS or rdtype == NSEC and signatures):
            # At an apex the parent's DS and NSEC stand beside the records of the child (RFC 4035 s2.4, s2.6).
            zone = self.zone_of(signatures[0].rdata.signer if signatures else owner.parent()) or zone
        if zone is None or not zone.is_signed:
            if signatures:
                raise Unproven('%s is signed in a zone that is not' % text)
            return []
        if not self._must_be_signed(zone, section, owner, rdtype, answer):
            if signatures:
                raise Unproven('%s is signed and should not be' % text)
            return []
        if not signatures:
            raise Unproven('%s in the %s section has no signature' % (text, section))
        rrset = dns.rrset.from_rdata_list(group[0].owner, group[0].ttl, [r.rdata for r in group])
        found = []
        for s in signatures:
            if s.ttl != group[0].ttl:
                raise Unproven('%s: TTL %d, signature %d (RFC 4034 s3)' % (text, group[0].ttl, s.ttl))
            self._signature(rrset, s.rdata, zone.keys)
            extra = len(owner.labels) - 1 - s.rdata.labels
            if extra > (1 if owner.is_wild() else 0):
                found.append((owner, dns.name.Name(owner.labels[extra:]), zone))
        return found[:1]

    def check(self, reply, claims):
        """Check a reply that should prove claims: (kind, name, rdtype).

        @raise Unproven with the reason
        """
        expansions = self.signatures(reply)
        denial = [r for r in reply.authority if r.rdtype in (NSEC, NSEC3)]
        used, expanded = set(), {e[0] for e in expansions}
        for kind, name, rdtype in claims:
            if kind in ('nothing', 'secure'):
                if kind == 'secure' and not any(r.rdtype == DS and r.owner == name for r in reply.authority):
                    raise Unproven('no DS for %s' % name)
                continue
            if kind == 'wildcard':
                mine = [e for e in expansions if e[0] == name.canonicalize()]
                if not mine:
                    raise Unproven('%s is not expanded from a wildcard' % name)
                expanded.discard(name.canonicalize())
                used |= self._proofs(mine[0][2], denial).wildcard(name, mine[0][1])
                continue
            zone = self._zone_for(kind, name, rdtype)
            used |= getattr(self._proofs(zone, denial), kind.replace('-', '_'))(name, rdtype)
        if expanded:
            raise Unproven('expanded from a wildcard, and not claimed: %s' % ', '.join(map(str, expanded)))
        for r in denial:
            if r.owner not in used:
                raise Unproven('%s %s is needed for nothing' % (r.owner, dns.rdatatype.to_text(r.rdtype)))

    def _zone_for(self, kind, name, rdtype):
        """The zone that must prove it: the parent for DS and for a cut, if it is hosted."""
        zone = self.zone_of(name)
        if (kind == 'insecure' or rdtype == DS) and zone is not None and name == zone.origin:
            return self.zone_of(name.parent()) or zone
        return zone

    @staticmethod
    def _proofs(zone, denial):
        return (Nsec3Proofs if zone.is_nsec3 else NsecProofs)(zone.origin, denial)
