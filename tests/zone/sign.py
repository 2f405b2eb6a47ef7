# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed zones under the eyes of others: dnspython checks each signature and the denial of names that are not there,
ldns-verify-zone and dnssec-verify the whole zone; rollovers are walked through in simulated time, and each version
must validate from the DS that a resolver has then.
"""
import atexit
import itertools
import os
import random
import shutil
import subprocess
import tempfile
import time

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset
import dns.zone
from dns.rdatatype import CDNSKEY, CDS, DNSKEY, DS, NS, NSEC, NSEC3, RRSIG, SOA

import proof
import tap

TOOL = tap.BUILD / "tests" / "zone" / "sign_tool"
PLACE = tempfile.mkdtemp(prefix="sw-sign-")
atexit.register(shutil.rmtree, PLACE)
ORIGIN = dns.name.from_text("example.")
DAY = 86400

ZONE = r"""
$ORIGIN Example.
$TTL 3600
@ SOA ns1 hostmaster 1 7200 3600 1209600 300
@ NS ns1
@ NS NS.Other.
@ MX 10 Mail
@ TXT "x" "y"
@ NAPTR 10 20 "U" "E2U+SIP" "!^.*$!sip:x@Example!" Mail
@ CAA 0 issue "CA.example.net"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
Mail A 192.0.2.2
Mail A 192.0.2.1
_SIP._tcp SRV 0 1 5060 Mail
leaf.deep.empty A 192.0.2.3
*.wild A 192.0.2.4
*.wild 600 TXT "b"
alias CNAME Mail
moved DNAME Wild
lab NS ns.lab
lab NS Other.Cut
ns.lab A 192.0.2.5
deep.er.lab TXT "hidden"
sec NS ns.lab
sec DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000001
other.cut NS ns1
many A 10.0.0.3
many 100 A 10.0.0.1
many A 10.0.0.2
odd\000\.x A 10.1.1.1
unknown TYPE65280 \# 4 0A000001
one TXT "z" "a"
one TXT "z"
one TXT "\000"
"""

ROOTLIKE = "@ 300 SOA . . 1 1 1 1 900\n@ 300 NS ns.other.\n"

KINDS = ["", "nsec3", "opt-out", "salt"]
SCHEMES = ["", "split", "ed25519", "ed25519 split"]

numbers = itertools.count()


class Signed:
    """One version of a zone as the tool made it."""

    def __init__(self, keys, text, now, options=""):
        path = os.path.join(PLACE, str(next(numbers)))
        with open(path + ".in", "w", encoding="ascii") as out:
            out.write(text)
        self.path, self.now, self.keys = path + ".out", now, []
        ran = subprocess.run(
            [TOOL, os.path.join(PLACE, keys), "example.", path + ".in", self.path, str(now), *options.split()],
            capture_output=True, text=True, check=False)
        if ran.returncode:
            raise AssertionError(ran.stderr)
        self.findings = [line for line in ran.stderr.splitlines() if "NSEC3PARAM: 3 extra" not in line]
        for line in ran.stdout.splitlines():
            word, rest = line.split(" ", 1)
            if word == "key":
                self.keys.append(rest.split(" ", 4))
            elif word == "due":
                self.due = int(rest)
            elif word == "awaited":
                self.is_awaited = rest == "1"
        with open(self.path, encoding="ascii") as file:
            self.zone = proof.Zone("example.", file.read())

    def ds(self, number):
        """DS of a key, as a resolver has it from the parent."""
        return dns.rdata.from_text("IN", "DS", self.keys[number][4])

    def submitted(self):
        """What CDS asks for."""
        rrset = self.zone.get(ORIGIN, CDS)
        return {dns.rdata.from_text("IN", "DS", r.to_text()) for r in rrset or ()}

    def verify(self, rrset, keys, now):
        """At least one good signature."""
        signatures = self.zone.get(rrset.name, RRSIG, rrset.rdtype)
        if signatures is None:
            raise dns.dnssec.ValidationFailure("no signature")
        dns.dnssec.validate(rrset, dns.rrset.from_rdata_list(rrset.name, signatures.ttl, list(signatures)),
                            {ORIGIN: keys}, now=now)


def trusted_keys(signed, anchors, now):
    """The DNSKEY set, when a chain leads to it from one of these DS (RFC 4035 s5.2)."""
    rrset = signed.zone.get(ORIGIN, DNSKEY)
    for key in rrset:
        if any(dns.dnssec.make_ds(ORIGIN, key, "SHA256") == anchor for anchor in anchors):
            try:
                one = dns.rrset.from_rdata_list(ORIGIN, rrset.ttl, [key])
                signed.verify(rrset, one, now)
                return rrset
            except dns.dnssec.ValidationFailure:
                pass
    return None


def is_authoritative(zone, name, rdtype):
    cut = zone.cut_of(name)
    return cut is None or (cut == name and rdtype in (DS, NSEC))


def faults_of_sets(signed, keys, now):
    """Every RRset that is the zone's validates, no other has a signature."""
    zone = signed.zone
    for (name, rdtype, covers), rrset in zone.rrsets.items():
        if covers:
            if (name, covers, 0) not in zone.rrsets:
                yield f"{name}: signature over nothing"
        elif not is_authoritative(zone, name, rdtype):
            if zone.get(name, RRSIG, rdtype):
                yield f"{rrset.name} {dns.rdatatype.to_text(rdtype)} is signed"
        else:
            try:
                signed.verify(rrset, keys, now)
            except (dns.dnssec.ValidationFailure, dns.exception.DNSException) as error:
                yield f"{rrset.name} {dns.rdatatype.to_text(rdtype)}: {error}"


class Denial:
    """A record as proof.py wants it."""

    def __init__(self, owner, rdtype, rdata):
        self.owner, self.rdtype, self.rdata = owner, rdtype, rdata


def faults_of_denial(signed):
    """Names that are not there, types that are not, and cuts without DS, each with its proof."""
    zone = signed.zone
    records = [Denial(name, rdtype, rrset[0]) for (name, rdtype, _), rrset in zone.rrsets.items() if rdtype in (NSEC, NSEC3)]
    proofs = (proof.Nsec3Proofs if zone.is_nsec3 else proof.NsecProofs)(ORIGIN, records)
    hashed = {name for name, rdtype, _ in zone.rrsets if rdtype == NSEC3}
    names = {name for name, _, _ in zone.rrsets} - hashed
    for text in ("a", "zz", "x.ns1", "b.mail", "empty.empty", "x.leaf.deep.empty", "0", "mailx", "x.alias"):
        name = dns.name.from_text(text, ORIGIN)
        try:
            proofs.nxdomain(name, dns.rdatatype.A)
        except proof.Unproven as error:
            yield f"{name}: {error}"
    for name in names | {dns.name.from_text("deep.empty", ORIGIN), dns.name.from_text("empty", ORIGIN)}:
        if zone.cut_of(name) not in (None, name):
            continue
        try:
            if name in zone.cuts:
                if not zone.get(name, DS):
                    proofs.insecure(name, DS)
            else:
                if not zone.get(name, dns.rdatatype.CNAME):
                    proofs.nodata(name, dns.rdatatype.HINFO)
        except proof.Unproven as error:
            yield f"{name}: {error}"


def faults_of_others(signed, is_split):
    """What ldns-verify-zone and dnssec-verify say; they know the present time only."""
    commands = [["ldns-verify-zone", signed.path]]
    if not any(cut.is_wild() for cut in signed.zone.cuts):  # which BIND does not take
        commands.append(["dnssec-verify", "-o", "example.", *([] if is_split else ["-z"]), signed.path])
    for command in commands:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode or "rror" in ran.stderr:
            yield f"{command[0]}: {ran.stdout} {ran.stderr}"


def check_kinds():
    """NSEC and NSEC3, both algorithms, one key and two: every set, every denial, and two other verifiers"""
    now = int(time.time())
    for kind, scheme in itertools.product(KINDS, SCHEMES):
        signed = Signed(f"kinds-{kind}-{scheme}", ZONE, now, f"{kind} {scheme}")
        keys = trusted_keys(signed, [signed.ds(0)], now)
        where = f"{kind} {scheme}:"
        if keys is None:
            yield f"{where} no chain to the keys"
            continue
        faults = [*signed.findings, *faults_of_sets(signed, keys, now), *faults_of_denial(signed),
                  *faults_of_others(signed, "split" in scheme)]
        yield from (f"{where} {fault}" for fault in faults if "occluded" not in fault and "glue" not in fault
                    and "target" not in fault and "ttl-clash" not in fault)


def check_small():
    """The smallest zone, a DNAME and a wildcard at the apex, a cut of a wildcard"""
    now = int(time.time())
    for kind, more in itertools.product(KINDS, ["", "@ 60 DNAME other.\n", "* 60 CNAME other.\n",
                                                "*.a.b 60 NS c.b\nc.b 5 A 192.0.2.1\n"]):
        signed = Signed(f"small-{kind}", ROOTLIKE + more, now, kind)
        keys = trusted_keys(signed, [signed.ds(0)], now)
        yield from (f"{kind} {more}: {fault}" for fault in
                    [*faults_of_sets(signed, keys, now), *faults_of_others(signed, False)])


def check_random():
    """Random zones: names of few labels, so that cuts, wildcards and empty non-terminals meet"""
    chance, now = random.Random(5), int(time.time())
    for number in range(24):
        lines = [ROOTLIKE]
        for _ in range(chance.randrange(30)):
            name = ".".join(chance.choice(["a", "b", "*", "ab", "\\001", "Z"]) for _ in range(chance.randrange(1, 5)))
            what = chance.choice(["A 192.0.2.1", "TXT x", "NS ns.other.", "NS ns.other.", "DS 1 13 2 " + 64 * "0", "AAAA ::1"])
            if name.startswith("*") and what[1] == "S" and chance.random() < 0.9:
                continue
            if what.startswith("DS"):
                lines.append(f"{name} 60 NS ns.other.\n")
            lines.append(f"{name} 60 {what}\n")
        kind = KINDS[number % 4]
        signed = Signed(f"random-{kind}", "".join(lines), now, kind)
        keys = trusted_keys(signed, [signed.ds(0)], now)
        yield from (f"{number} {kind}: {fault}" for fault in
                    [*faults_of_sets(signed, keys, now), *faults_of_others(signed, False)])


def check_wrong():
    """The verifier of this test finds a changed record, a late time and a foreign anchor"""
    now = int(time.time())
    signed = Signed("wrong", ZONE, now)
    keys = trusted_keys(signed, [signed.ds(0)], now)
    if list(faults_of_sets(signed, keys, now)):
        yield "not whole to begin with"
    if not list(faults_of_sets(signed, keys, now + 15 * DAY)):
        yield "signatures of two weeks are good after fifteen days"
    if not list(faults_of_sets(signed, keys, now - 2 * 3600)):
        yield "signatures are good two hours before"
    if trusted_keys(signed, [Signed("foreign", ZONE, now).ds(0)], now) is not None:
        yield "another key's DS leads to these keys"
    del signed.zone.rrsets[dns.name.from_text("ns1", ORIGIN), NSEC, 0]
    if not list(faults_of_denial(signed)):
        yield "a missing NSEC is not missed"


def walk(keys, scheme, roll, days):
    """Versions of a zone through a rollover. The parent takes what CDS asks for an hour later; a resolver keeps DS,
    keys and records for their TTLs. Yields what does not validate."""
    now = start = 1_800_000_000
    versions, parent = [], []  # (from, version), (from, DS set)
    words, seen = "", None
    while now < start + days * DAY:
        signed = Signed(keys, ZONE, now, f"{scheme} {words}")
        words = ""
        versions.append((now, signed))
        if signed.findings and any("rrsig" in f or "nsec" in f or "dnskey" in f for f in signed.findings):
            yield from signed.findings
        yield from validate_all(versions, parent, now)
        asked = signed.submitted()
        step = max(signed.due, now + 60)
        if asked and (not parent or parent[-1][1] != asked):
            parent.append((now + 3600, asked))
            seen = now + 2 * 3600
        if seen and seen <= step:
            step, words, seen = seen, "seen", None
        elif roll and parent and now > start + 3 * DAY:
            step, words, roll = now + 600, roll, None
        # just before the next version everything must still be good
        yield from validate_all(versions, parent, min(step, start + days * DAY) - 1)
        now = step
    return versions


def current(history, now, kept):
    """What may be in a cache: the newest at the time now - kept, and all that came later."""
    first = max((i for i, (begin, _) in enumerate(history) if begin <= now - kept), default=0)
    return [value for begin, value in history[first:] if begin <= now]


def validate_all(versions, parent, now):
    """Each DS set with each DNSKEY set with each zone a resolver may have at that time."""
    for anchors in current(parent, now, 86400 + 1800):
        for holder in current(versions, now, 3600 + 600):
            keys = trusted_keys(holder, anchors, now)
            if keys is None:
                yield f"{now}: no chain from {[a.key_tag for a in anchors]}"
                continue
            for signed in current(versions, now, 7200 + 600):
                yield from (f"{now}: {fault}" for fault in faults_of_sample(signed, keys, now))


def faults_of_sample(signed, keys, now):
    """Some sets that the zone's key signs, and those of the apex."""
    for text, rdtype in (("example.", SOA), ("example.", NS), ("mail.example.", dns.rdatatype.A)):
        rrset = signed.zone.get(dns.name.from_text(text), rdtype)
        try:
            signed.verify(rrset, keys, now)
        except dns.dnssec.ValidationFailure as error:
            yield f"{text} {dns.rdatatype.to_text(rdtype)}: {error}"


def rollover(keys, scheme, roll, expected):
    """Walk, and see that the end is what was wanted."""
    faults = list(walk(keys, scheme, roll, 20))
    yield from faults[:5]
    last = Signed(keys, ZONE, 1_800_000_000 + 20 * DAY, scheme)
    uses = [(role, int(bits)) for _, role, _, bits, _ in last.keys]
    if uses != expected:
        yield f"in the end {uses}, expected {expected}"
    wanted = {last.ds(i) for i, (_, bits) in enumerate(uses) if bits & 8}
    if {str(d) for d in last.submitted()} != {str(d) for d in wanted}:
        yield "CDS is not the DS of the key that is submitted"
    if [r.to_text() for r in last.zone.get(ORIGIN, CDNSKEY)] != [
            r.to_text() for r in last.zone.get(ORIGIN, DNSKEY) if dns.dnssec.make_ds(ORIGIN, r, "SHA256") in wanted]:
        yield "CDNSKEY is not the key that is submitted"


def check_csk_rollover():
    """A combined key is replaced: double signature, then another DS"""
    yield from rollover("csk", "", "roll-csk", [("csk", 0), ("csk", 15)])


def check_ksk_rollover():
    """A key signing key is replaced, with NSEC3 and Ed25519"""
    yield from rollover("ksk", "split nsec3 ed25519", "roll-ksk", [("ksk", 0), ("zsk", 5), ("ksk", 11)])


def check_zsk_rollover():
    """A zone signing key is replaced: pre-publish"""
    yield from rollover("zsk", "split", "roll-zsk", [("ksk", 11), ("zsk", 0), ("zsk", 5)])


if __name__ == "__main__":
    tap.run(globals())
