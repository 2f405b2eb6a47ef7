# SPDX-License-Identifier: GPL-3.0-or-later
"""Where other servers answer otherwise than Seawall, and why that is right.

Each explanation takes away exactly the difference it explains from two canonical replies, so that whatever else
differs is still seen. docs/wire.md holds the same list in words, by the same ids.
"""
import dns.name
import dns.rcode
import dns.rdatatype
from dns.rdatatype import A, AAAA, CNAME, DNAME, DS, MX, NS, NSEC, NSEC3, NSEC3PARAM, RRSIG, SOA, SRV

import message


class Canonical:
    """A reply without order: what two servers can be compared by."""

    def __init__(self, wire):
        self.reply = reply = message.Reply(wire)
        self.rcode = reply.rcode
        self.aa, self.tc = bool(reply.flags & message.AA), bool(reply.flags & message.TC)
        self.question = [(n.canonicalize(), t, c) for n, t, c in reply.question]
        self.answer, self.authority, self.additional = (
            {r.key: r for r in s} for s in (reply.answer, reply.authority, reply.additional))
        self.edns = (reply.edns.version, reply.edns.flags) if reply.edns else None

    def differences(self, other):
        return [name for name in ('rcode', 'aa', 'tc', 'question', 'edns') if getattr(self, name) != getattr(other, name)] + [
            name for name in ('answer', 'authority', 'additional') if getattr(self, name).keys() != getattr(other, name).keys()]

    def clear(self):
        self.answer, self.authority, self.additional = {}, {}, {}

    def drop(self, section, wanted):
        setattr(self, section, {k: r for k, r in getattr(self, section).items() if not wanted(r)})

    def types(self, section):
        return {r.rdtype for r in getattr(self, section).values()}


class Question:
    def __init__(self, name, rdtype, wire, server, world):
        self.name, self.rdtype, self.wire, self.server, self.world = name, rdtype, wire, server, world
        self.has_edns = wire[11] == 1
        self.is_do = self.has_edns and bool(wire[-4] & 0x80)
        self.size = max(512, min(1232, int.from_bytes(wire[-8:-6], 'big'))) if self.has_edns else 512

    @property
    def asked(self):
        return ' EDNS %d%s' % (self.size, ' DO' if self.is_do else '') if self.has_edns else ''


EXPLANATIONS = []


def explanation(name, *only):
    """Registers a function (question, ours, theirs) that mends the two replies; `only` names the servers it is for."""
    def register(function):
        EXPLANATIONS.append((name, only, function))
        return function
    return register


def snapshot(c):
    return (c.rcode, c.aa, c.tc, tuple(c.question), c.edns, frozenset(c.answer), frozenset(c.authority), frozenset(c.additional))


def explain(question, mine, other):
    """@return (ids of the explanations that were needed, what remains different as a text or '')"""
    if not mine or not other:
        return [], '' if not mine and not other else 'one of them did not reply'
    ours, theirs = Canonical(mine), Canonical(other)
    used = []
    for name, only, mend in EXPLANATIONS:
        if not ours.differences(theirs):
            break
        if only and question.server not in only:
            continue
        before = snapshot(ours), snapshot(theirs)
        mend(question, ours, theirs)
        if (snapshot(ours), snapshot(theirs)) != before:
            used.append(name)
    return used, ', '.join(ours.differences(theirs))


def hosted_zone(question, name):
    """The hosted zone a name belongs to, or None."""
    best = None
    for origin, _ in question.world.zones:
        zone = dns.name.from_text(origin)
        if name.is_subdomain(zone) and (best is None or len(zone) > len(best)):
            best = zone
    return best


def chain_end(c, name):
    """Follow the CNAMEs of an answer from a name: (owner of the last one, its target), (None, name) without any."""
    links = {r.owner.canonicalize(): r.rdata.target for r in c.answer.values() if r.rdtype == CNAME}
    owner, at, seen = None, name, set()
    while at.canonicalize() in links and at.canonicalize() not in seen:
        seen.add(at.canonicalize())
        owner, at = at, links[at.canonicalize()]
    return owner, at


def is_address(r):
    return r.rdtype in (A, AAAA) or r.covers in (A, AAAA)


def is_denial(r):
    return r.rdtype in (NSEC, NSEC3) or r.covers in (NSEC, NSEC3)


def targets(records):
    return {r.rdata.target.canonicalize() for r in records if r.rdtype in (NS, SRV)} | {
        r.rdata.exchange.canonicalize() for r in records if r.rdtype == MX}


@explanation('truncation-partial')
def truncation_partial(_question, ours, theirs):
    """What others leave in a truncated reply; ours is empty."""
    if ours.tc and theirs.tc:
        ours.clear()
        theirs.clear()
        theirs.aa, theirs.rcode = ours.aa, ours.rcode


@explanation('authority-ns', 'nsd', 'bind')
def authority_ns(_question, ours, theirs):
    """NS of the zone, and their addresses, beside a positive answer (RFC 1034 s4.3.2 step 3a leaves them open)."""
    if not theirs.answer or SOA in theirs.types('authority') or not theirs.aa:
        return
    extra = [r for r in theirs.authority.values() if r.rdtype == NS and r.key not in ours.authority]
    if not extra:
        return
    owners, names = {r.owner.canonicalize() for r in extra}, targets(extra)
    theirs.drop('authority', lambda r: NS in (r.rdtype, r.covers) and r.owner.canonicalize() in owners)
    theirs.drop('additional', lambda r: is_address(r) and r.owner.canonicalize() in names and r.key not in ours.additional)


def room_for(question, smaller, missing):
    """Whether records would have fitted: name as a pointer, which is the least they can take."""
    return len(smaller.reply.wire) + sum(12 + len(r.wire) for r in missing) <= question.size


@explanation('additional-no-room')
def additional_no_room(question, ours, theirs):
    """Additional records that are not needed and do not fit are left out (RFC 2181 s9), which ones is open."""
    mine, other = ours.additional.keys(), theirs.additional.keys()
    if mine == other or ours.tc or theirs.tc:
        return
    for smaller, bigger in ((ours, theirs), (theirs, ours)):
        missing = [r for k, r in bigger.additional.items() if k not in smaller.additional]
        if missing and all(is_address(r) for r in missing) and not room_for(question, smaller, missing):
            bigger.drop('additional', lambda r: r.key not in smaller.additional)
            smaller.drop('additional', lambda r: r.key not in bigger.additional)
            return


def drop_targets(ours, theirs, wanted):
    """Take away the addresses that only they have of MX and SRV targets of this kind."""
    names = targets(r for r in theirs.answer.values() if r.rdtype in (MX, SRV))
    theirs.drop('additional', lambda r: is_address(r) and r.key not in ours.additional and r.owner.canonicalize() in names and wanted(r.owner))


@explanation('glue-beside-answer')
def glue_beside_answer(question, ours, theirs):
    """Addresses below a cut are the child's to give: ours has none beside MX and SRV (RFC 2181 s5.4.1), others have."""
    drop_targets(ours, theirs, question.world.is_below_cut)


@explanation('additional-wildcard')
def additional_wildcard(question, ours, theirs):
    """Addresses that a wildcard makes for the target of MX and SRV: ours are those of existing names (RFC 1034 s4.3.2 leaves it open)."""
    drop_targets(ours, theirs, lambda owner: not question.world.has(owner))


def signature_size(question, owner):
    """Bytes of an RRSIG by algorithm 13 (RFC 4034 s3.1): owner as a pointer, the signer's name in full."""
    return 12 + 18 + len(hosted_zone(question, owner).to_wire()) + 64


@explanation('additional-unsigned', 'knot')
def additional_unsigned(question, ours, theirs):
    """With DO, an address goes with its signature or not at all; Knot gives it alone where both do not fit (RFC 4035 s3.1.1)."""
    missing = [r for k, r in theirs.additional.items() if k not in ours.additional]
    signed = {r.owner.canonicalize() for r in theirs.additional.values() if r.rdtype == RRSIG}
    if question.is_do and missing and all(r.rdtype in (A, AAAA) and r.owner.canonicalize() not in signed for r in missing):
        if len(ours.reply.wire) + sum(12 + len(r.wire) for r in missing) + signature_size(question, missing[0].owner) > question.size:
            theirs.drop('additional', lambda r: r.key not in ours.additional)


@explanation('glue-truncation', 'nsd', 'bind', 'pdns')
def glue_truncation(_question, ours, theirs):
    """RFC 9471 s2.1 of 2023: in-domain glue that does not fit sets TC; older servers leave it out silently."""
    is_referral = not theirs.aa and NS in theirs.types('authority')
    if ours.tc and not theirs.tc and is_referral and not ours.answer:
        theirs.tc = True
        theirs.clear()


@explanation('other-zone', 'knot', 'bind')
def other_zone(question, ours, theirs):
    """A chain that leaves its zone is followed into the other hosted zones by NSD, PowerDNS and us only."""
    owner, target = chain_end(theirs, question.name)
    if owner is None or not (ours.tc or theirs.answer.keys() <= ours.answer.keys()):
        return
    zone, other = hosted_zone(question, owner), hosted_zone(question, target)
    if other is None or zone == other:
        return
    if ours.tc:
        ours.tc = theirs.tc
        ours.clear()
        theirs.clear()
    if zone is not None and other.is_subdomain(zone):
        # They make it a referral to the child although the child is here.
        theirs.drop('authority', lambda r: r.owner == other or is_denial(r) and r.key not in ours.authority)
        theirs.drop('additional', lambda r: True)
    ours.drop('answer', lambda r: r.key not in theirs.answer)
    ours.drop('authority', lambda r: r.key not in theirs.authority)
    ours.drop('additional', lambda r: r.key not in theirs.additional)
    ours.rcode = theirs.rcode


@explanation('glue-only', 'bind')
def glue_only(_question, ours, theirs):
    """BIND gives a referral the glue below the cut; the zone's own addresses and a sibling's are open (RFC 9471 s2.2)."""
    cuts = [r.owner for r in ours.authority.values() if r.rdtype == NS]
    if cuts and SOA not in ours.types('authority') and ours.additional.keys() != theirs.additional.keys():
        def is_other(r):
            return is_address(r) and not r.owner.is_subdomain(cuts[0])
        ours.drop('additional', lambda r: is_other(r) and r.key not in theirs.additional)


@explanation('truncation-compression')
def truncation_compression(question, ours, theirs):
    """Names may be compressed or not, with or without regard to case: near the limit one reply fits and the other does not."""
    if ours.tc == theirs.tc:
        return
    whole = theirs if ours.tc else ours
    if len(whole.reply.wire) * 4 > question.size * 3:
        ours.tc = theirs.tc
        ours.aa, ours.rcode = theirs.aa, theirs.rcode
        ours.clear()
        theirs.clear()


@explanation('loop-length')
def loop_length(_question, ours, theirs):
    """How far a loop of CNAMEs or DNAMEs is followed, and what it ends in: RFC 1034 s3.6.2 asks only for an end."""
    shorter, longer = sorted((ours, theirs), key=lambda c: len(c.answer))
    dnames = [r for c in (ours, theirs) for r in c.answer.values() if r.rdtype == DNAME]
    links = [r for r in longer.answer.values() if r.rdtype == CNAME]
    grows = any(r.rdata.target.is_subdomain(r.owner) for r in dnames)
    owners = {r.owner.canonicalize() for r in links}
    closed = links and all(r.rdata.target.canonicalize() in owners for r in links)
    fails = theirs.rcode == dns.rcode.SERVFAIL
    if fails and ours.tc or (grows or closed) and (shorter.answer.keys() <= longer.answer.keys() or fails or ours.tc or theirs.tc):
        ours.rcode, ours.aa, ours.tc = theirs.rcode, theirs.aa, theirs.tc
        ours.clear()
        theirs.clear()


@explanation('nsec-at-cut', 'bind')
def nsec_at_cut(question, ours, theirs):
    """NSEC asked for at a cut: BIND answers with the parent's NSEC, ours is a referral (RFC 4035 s3.1.4.1 names DS only)."""
    if question.rdtype == NSEC and not ours.aa and theirs.types('answer') <= {NSEC, RRSIG} and theirs.answer:
        ours.aa, ours.rcode = theirs.aa, theirs.rcode
        ours.clear()
        theirs.clear()


@explanation('nsec-at-cname', 'knot', 'bind')
def nsec_at_cname(question, ours, theirs):
    """NSEC asked for at a CNAME of an unsigned zone: Knot and BIND say NODATA, others follow the CNAME (RFC 4035 s2.5)."""
    if question.rdtype == NSEC and CNAME in ours.types('answer') and not theirs.answer:
        ours.rcode = theirs.rcode
        ours.clear()
        theirs.clear()


@explanation('asterisk-asked', 'nsd', 'knot')
def asterisk_asked(question, ours, theirs):
    """A name asked, or led to, that begins with an asterisk: NSD proves more than is needed, Knot leaves out the proof of expansion."""
    if question.is_do and (question.name.is_wild() or chain_end(ours, question.name)[1].is_wild()):
        if question.server == 'knot':
            ours.drop('authority', lambda r: is_denial(r) and r.key not in theirs.authority)
        else:
            theirs.drop('authority', lambda r: is_denial(r) and r.key not in ours.authority)
            if theirs.tc and not ours.tc:
                theirs.tc = False
                theirs.authority, theirs.additional = dict(ours.authority), dict(ours.additional)


@explanation('glue-aaaa-512', 'nsd')
def glue_aaaa_512(question, ours, theirs):
    """NSD keeps room in replies of 512 bytes and leaves out AAAA glue that would have fitted."""
    missing = [r for k, r in ours.additional.items() if k not in theirs.additional]
    if question.size == 512 and missing and all(r.rdtype == AAAA or r.covers == AAAA for r in missing) and NS in theirs.types('authority'):
        ours.drop('additional', lambda r: r.key not in theirs.additional)


@explanation('ds-without-do', 'pdns')
def ds_without_do(question, ours, theirs):
    """PowerDNS puts the DS into referrals to those who did not ask for it (RFC 4035 s3.1.4 wants it with DO)."""
    if not question.is_do:
        theirs.drop('authority', lambda r: r.rdtype == DS and r.key not in ours.authority)


@explanation('odd-bytes', 'pdns')
def odd_bytes(question, ours, theirs):
    """PowerDNS refuses to look for names with a zero byte, a blank or a dot inside a label (RFC 2181 s11 allows them)."""
    names = [question.name] + [r.rdata.target for r in ours.answer.values() if r.rdtype == CNAME]
    odd = any(b < 0x21 or b > 0x7e or b in b'.,()"$@;\\' for n in names for label in n.labels for b in label)
    if odd and theirs.rcode == dns.rcode.SERVFAIL:
        theirs.rcode, theirs.aa, theirs.tc = ours.rcode, ours.aa, ours.tc
        ours.clear()
        theirs.clear()


@explanation('nsec-asked', 'pdns')
def nsec_asked(question, ours, theirs):
    """PowerDNS keeps NSEC and NSEC3PARAM apart from the data and does not give them to who asks for them."""
    if question.rdtype in (NSEC, NSEC3, NSEC3PARAM):
        theirs.rcode, theirs.aa, theirs.tc = ours.rcode, ours.aa, ours.tc
        ours.clear()
        theirs.clear()


@explanation('ds-of-unsigned-zone')
def ds_of_unsigned_zone(question, ours, theirs):
    """A DS in a zone that is not signed itself: with DO we give it in referrals, as RFC 4035 s3.1.4 says of any DS."""
    def is_such(r):
        zone = hosted_zone(question, r.owner)
        return r.rdtype == DS and r.key not in theirs.authority and zone is not None and zone.to_text() not in question.world.signed
    if question.is_do:
        ours.drop('authority', is_such)


@explanation('additional-left-out', 'bind')
def additional_left_out(_question, ours, theirs):
    """BIND now and then gives no addresses beside an answer; they are a courtesy (RFC 1034 s3.7)."""
    if theirs.answer and theirs.aa and not theirs.additional:
        ours.drop('additional', is_address)


@explanation('cname-asked', 'pdns')
def cname_asked(question, ours, theirs):
    """PowerDNS looks for the target of a synthesised CNAME even when the CNAME was asked for (RFC 1034 s4.3.2 step 3a)."""
    if question.rdtype == CNAME and CNAME in ours.types('answer') and all(is_denial(r) for r in ours.authority.values()):
        theirs.drop('answer', lambda r: r.key not in ours.answer)
        theirs.drop('authority', lambda r: not is_denial(r))
        theirs.drop('additional', is_address)


@explanation('truncation-additional', 'pdns')
def truncation_additional(_question, ours, theirs):
    """PowerDNS sets TC when the additional section does not fit; RFC 2181 s9 wants that for required records only."""
    if theirs.tc and not ours.tc and (MX in ours.types('answer') or SRV in ours.types('answer')):
        theirs.tc = False
        ours.clear()
        theirs.clear()
