# SPDX-License-Identifier: GPL-3.0-or-later
"""The zones of the drill (lab/zones.py): what is written down as the truth is what Seawall answers.

usage: zones.py [DIRECTORY]   with a directory: a whole set is made there, and judged instead of a small one
"""

import collections
import contextlib
import functools
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import dns.name
import dns.rcode
import dns.rdatatype
import tap

os.environ.setdefault("SEAWALL", str(tap.BUILD / "seawall"))

# pylint: disable=wrong-import-position
import engine
import message

# Before this file, which has the same name; after the others, since those of lab/ may share theirs.
sys.path.insert(0, str(tap.ROOT / "lab"))
import zones as lab

SMALL = {"zones": 12, "names": 600}
# How resolvers ask: over UDP with 512 bytes, with 1232, with 1232 and signatures; over TCP.
FORMS = {
    "plain": (b"", ()),
    "edns": (message.opt_record(1232), ()),
    "do": (message.opt_record(1232, do=True), ()),
    "tcp": (message.opt_record(1232, do=True), ("--stream",)),
}
SOA, NS, CNAME = dns.rdatatype.SOA, dns.rdatatype.NS, dns.rdatatype.CNAME


keep = contextlib.ExitStack()


@functools.cache
def judged():
    """The set that most checks are about."""
    if len(sys.argv) > 1:
        return lab.make(sys.argv[1], 1)
    return lab.make(keep.enter_context(tempfile.TemporaryDirectory()), 1, **SMALL)


def lines_of(path):
    return [lab.Line(*line.split("\t")) for line in path.read_text().splitlines()]


def replies(zones, lines, form):
    opt, options = FORMS[form]
    queries = [message.query(dns.name.from_text(line.qname), dns.rdatatype.from_text(line.qtype), opt=opt)
               for line in lines]
    return [message.Reply(wire) for wire in engine.answer("native", zones.items(), queries, options)]


def final(reply):
    """The records of the answer under the last name of a chain of aliases: type, rdata in canonical form."""
    owner = reply.question[0][0].canonicalize()
    aliases = {record.owner.canonicalize(): record.rdata.target for record in reply.answer if record.rdtype == CNAME}
    while owner in aliases:
        owner = aliases[owner].canonicalize()
    return {(record.rdtype, record.digest.hex()) for record in reply.answer if record.owner.canonicalize() == owner}


def fault_of(line, reply, form):
    """What in a reply contradicts a line, or None."""
    qtype = dns.rdatatype.from_text(line.qtype)
    owners = {record.owner.to_text(): record.rdtype for record in reply.authority if record.rdtype in (SOA, NS)}
    seen = {
        "rcode": dns.rcode.to_text(reply.rcode),
        "authoritative": bool(reply.flags & message.AA),
        "truncated": bool(reply.flags & message.TC),
        "answer": bool(reply.answer),
        "authority": owners,
    }
    expected = {"rcode": "NOERROR", "authoritative": True, "truncated": False, "answer": False,
                "authority": {line.zone: SOA}}
    if line.kind == "nxdomain":
        expected["rcode"] = "NXDOMAIN"
    elif line.kind == "referral":
        expected |= {"authoritative": False, "authority": {line.expected: NS}}
    elif line.kind == "large" and form != "tcp":
        expected |= {"truncated": True, "authority": {}}
    elif line.kind in ("answer", "large"):
        expected |= {"answer": True, "authority": owners}
        if (qtype, line.expected) not in final(reply):
            return f"{line.expected} is not in the answer"
    wrong = [f"{what}: {seen[what]}" for what in expected if seen[what] != expected[what]]
    return ", ".join(wrong) or None


def contradictions(zones, lines, form):
    for line, reply in zip(lines, replies(zones, lines, form)):
        fault = fault_of(line, reply, form)
        if fault:
            yield f"{form}: {' '.join(line)[:150]}: {fault}"


def check_truth_before():
    """Before the reload every line is true, however it is asked."""
    lines = lines_of(judged().names)
    for form in FORMS:
        yield from contradictions(judged().before, lines, form)


def check_planted():
    """A line that is not true is found: each kind passed off as each other, and other rdata."""
    lines = lines_of(judged().names)
    first = {kind: next(line for line in lines if line.kind == kind) for kind in lab.KINDS}
    planted = [line._replace(kind=kind) for line in first.values() for kind in first if line.kind != kind]
    planted += [first["answer"]._replace(expected="c6120000"), first["referral"]._replace(expected="cut.test.")]
    blamed = list(contradictions(judged().before, planted, "edns"))
    if len(blamed) != len(planted):
        yield f"{len(planted)} planted"
        yield from blamed


def check_truth_after():
    """After the reload every line is still true."""
    yield from contradictions(judged().after, lines_of(judged().names), "do")


def check_fresh():
    """Fresh names are not answered before the reload, and are after it."""
    lines = lines_of(judged().fresh)
    for line, reply in zip(lines, replies(judged().before, lines, "do")):
        expected = "NXDOMAIN" if line.zone in judged().before else "REFUSED"
        if dns.rcode.to_text(reply.rcode) != expected:
            yield f"before: {line.qname} {line.qtype}: {dns.rcode.to_text(reply.rcode)}"
    yield from contradictions(judged().after, lines, "do")
    if {line.kind for line in lines} != {"answer"}:
        yield "another kind than answer"
    new = set(judged().after) - set(judged().before)
    if len(new) != 1 or not new < {line.zone for line in lines}:
        yield f"one new zone, and names in others: {new}"


def check_zone_files():
    """Seawall's check finds nothing in any zone file."""
    for zones in (judged().before, judged().after):
        options = [word for origin, path in zones.items() for word in ("--zone", f"{origin}={path}")]
        done = subprocess.run([engine.SEAWALL, "check", *options], capture_output=True, text=True, check=False)
        if not done.stdout.strip().endswith(" 0 error(s), 0 warning(s)"):
            yield from (done.stdout + done.stderr).splitlines()[:10]


def check_form():
    """The names file has the form that the traffic program reads: each question once, what does not exist last."""
    lines = lines_of(judged().names)
    twice = [key for key, count in collections.Counter((line.qname, line.qtype) for line in lines).items() if count > 1]
    if twice:
        yield f"asked twice: {twice[:5]}"
    exists = [line.kind != "nxdomain" for line in lines]
    if exists != sorted(exists, reverse=True):
        yield "names that do not exist stand among the others"
    for line in lines:
        if not re.fullmatch(r"([a-z0-9-]{1,63}\.)+", line.qname) or not line.qname.endswith(line.zone):
            yield f"{line.qname} of {line.zone}"
    if {line.kind for line in lines} != set(lab.KINDS):
        yield "kinds are missing"
    if judged().victim not in set(judged().before) - set(judged().denial) - {lines[0].zone}:
        yield f"the victim is {judged().victim}"


def check_mixture():
    """Some 70 % of the lines ask for A, 15 % for AAAA; names lie one, two and three labels deep."""
    lines = [line for line in lines_of(judged().names) if line.kind != "nxdomain"]
    types = collections.Counter(line.qtype for line in lines)
    for qtype, share in {"A": .70, "AAAA": .15}.items():
        if abs(types[qtype] / len(lines) - share) > .05:
            yield f"{qtype}: {types[qtype] / len(lines):.2f}"
    for qtype in ("MX", "TXT", "NS", "HTTPS", "DS"):
        if not types[qtype]:
            yield f"nobody asks for {qtype}"
    depths = {line.qname.count(".") - line.zone.count(".") for line in lines if line.kind == "answer"}
    if not {0, 1, 2, 3} <= depths:
        yield f"depths {depths}"


def records_of(path):
    """Owner, TTL, type and the rest of each line of a zone file."""
    for line in path.read_text().splitlines():
        if line and not line.startswith(";"):
            owner, ttl, _, rtype, *rest = line.split()
            yield owner, int(ttl), rtype, rest


def check_traits():
    """Zones with wildcards, signed with NSEC and with NSEC3 without salt: a tenth each; TTLs from a minute to a day."""
    tenth = max(1, len(judged().before) // 10)
    counts = collections.Counter()
    for origin, path in judged().before.items():
        records = list(records_of(path))
        types = {rtype for _, _, rtype, _ in records}
        has_wildcards = any(owner.startswith("*.") for owner, *_ in records)
        counts["wildcards"] += has_wildcards
        counts["signed wildcards"] += has_wildcards and "RRSIG" in types
        counts["nsec"] += "NSEC" in types
        counts["nsec3"] += "NSEC3" in types
        said = judged().denial.get(origin)
        if said != ("nsec" if "NSEC" in types else "nsec3" if "NSEC3" in types else None):
            yield f"{origin} is said to be signed with {said}: {types}"
        for owner, ttl, rtype, rest in records:
            if rtype == "NSEC3PARAM" and rest != ["1", "0", "0", "-"]:
                yield f"{origin} NSEC3PARAM {rest}"
            elif "NSEC3PARAM" not in (rtype, rest[0]) and not 60 <= ttl <= 86400:
                yield f"{owner} {rtype} has the TTL {ttl}"
    expected = {"wildcards": max(3, tenth), "signed wildcards": 2, "nsec": tenth, "nsec3": tenth}
    if counts != expected:
        yield f"{dict(counts)}, not {expected}"


def check_reload():
    """The reload raises the serials of what changes, zones of every kind among it, and leaves the rest alone."""
    def serial(path):
        return next(int(rest[2]) for _, _, rtype, rest in records_of(path) if rtype == "SOA")

    changed = {origin for origin in judged().before if judged().after[origin] != judged().before[origin]}
    for origin in changed:
        if serial(judged().after[origin]) <= serial(judged().before[origin]):
            yield f"the serial of {origin} is not higher"
    if {judged().denial.get(origin) for origin in changed} != {None, "nsec", "nsec3"}:
        yield f"changed: {changed}"
    if changed == set(judged().before):
        yield "nothing is left alone"


def texts(zones):
    """All that one seed decides: the lists, and the zone files that have no signatures."""
    paths = [path for version in (zones.before, zones.after) for origin, path in version.items()
             if origin not in zones.denial]
    return zones.victim, list(zones.before), [path.read_text() for path in (zones.names, zones.fresh, *paths)]


def check_seeds():
    """One seed makes one set, in whatever process, another seed another."""
    with tempfile.TemporaryDirectory() as directory:
        first, other = (lab.make(f"{directory}/{seed}", seed, **SMALL) for seed in (7, 8))
        options = [word for name, value in SMALL.items() for word in (f"--{name}", str(value))]
        subprocess.run([sys.executable, lab.__file__, f"{directory}/again", "--seed", "7", *options], check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONHASHSEED": "7"})
        again = lab.make(f"{directory}/again", 7, **SMALL)
        if texts(first) != texts(again):
            yield "the same seed: another set"
        if texts(first)[2][0] == texts(other)[2][0]:
            yield "another seed: the same names"


def check_kept():
    """What is there is used again; what is half made, or of another seed, is made again."""
    with tempfile.TemporaryDirectory() as directory:
        zones = lab.make(directory, 1, **SMALL)
        whole = texts(zones)
        made_at = zones.names.stat().st_mtime_ns
        if lab.make(directory, 1, **SMALL) != zones or zones.names.stat().st_mtime_ns != made_at:
            yield "made twice"
        (Path(directory) / "stamp").unlink()
        zones.names.write_text("half")
        if texts(lab.make(directory, 1, **SMALL)) != whole:
            yield "half a set is taken for a whole one"
        if texts(lab.make(directory, 2, **SMALL)) == whole:
            yield "the set of another seed is taken"


if __name__ == "__main__":
    with keep:
        tap.run(globals())
