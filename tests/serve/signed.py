# SPDX-License-Identifier: GPL-3.0-or-later
"""A Seawall that signs a zone, for tests: its configuration, and whether every answer is valid."""

import json

import dns.name
import dns.query
import dns.update
import node
import peers
import validators

ZONE = peers.ZONE
ORIGIN = dns.name.from_text(ZONE)
SHORT = "dnskey-ttl: 1s, propagation: none, ds-ttl: 1s, parent-propagation: none"
SHAPES = {
    "csk-p256-nsec": f"{{algorithm: ecdsap256sha256, {SHORT}}}",
    "split-ed25519-nsec3": f"{{algorithm: ed25519, single-type: off, denial: nsec3, {SHORT}}}",
    "csk-p256-optout": f"{{denial: nsec3, opt-out: on, {SHORT}}}",
}
ASKED = [
    ("www", "A"), ("www", "TXT"), ("nowhere", "A"), ("a.b.c.www", "A"), ("x.wild", "A"), ("x.wild", "TXT"), ("alias", "A"),
    ("lost", "A"), ("y.dn", "A"), ("ent", "A"), ("signed", "DS"), ("unsigned", "DS"), ("", "DNSKEY"), ("", "NS"), ("", "SOA"),
]
# RFC 5155 s9.2: where the next closer name is covered by an opt-out NSEC3, a validator does not vouch for what follows.
UNVOUCHED = {(name, "A") for name in ("nowhere", "a.b.c.www", "x.wild", "lost", "y.dn", "ent")}
UNVOUCHED |= {("x.wild", "TXT"), ("unsigned", "DS")}


def zone_text(serial, extra=""):
    return f"""$ORIGIN {ZONE}.
$TTL 1
@ SOA ns1 hostmaster {serial} 3600 2 86400 1
@ NS ns1
ns1 A 127.0.0.1
www A 192.0.2.80
alias CNAME www
lost CNAME nowhere
leaf.ent A 192.0.2.3
*.wild A 192.0.2.5
dn DNAME wild
signed NS ns.elsewhere.test.
signed DS 4711 13 2 {"AB" * 32}
unsigned NS ns.unsigned
ns.unsigned A 192.0.2.7
{extra}"""


def config(daemon, dnssec, source=None, more=""):
    return peers.config(
        daemon.path / "state",
        "other",
        f"""  - domain: {ZONE}
    {source or f"file: {daemon.path / 'zone'}"}
    allow-transfer: key {peers.KEY}
    dnssec: {dnssec}
{more}""",
    )


def begin(daemon, dnssec, source=None, more="", text=None):
    (daemon.path / "zone").write_text(text or zone_text(1))
    daemon.configure(config(daemon, dnssec, source, more))
    daemon.start()
    node.wait_for(lambda: state(daemon).get("signed") and not state(daemon)["signing"], f"the zone to be signed: {daemon.log()}")


def state(daemon):
    done = daemon.run("key", "show", ZONE, "--json")
    return json.loads(done.stdout) if done.returncode == 0 else {}


def anchors(daemon):
    return [line.split(" ;")[0] for line in daemon.run("key", "ds", ZONE).stdout.splitlines()]


def question(name):
    return f"{name}.{ZONE}." if name else f"{ZONE}."


def is_valid(daemon, name="www", rdtype="A", trust=None):
    """Whether delv validates an answer; else what it says."""
    said = validators.delv(ZONE, trust or anchors(daemon), question(name), rdtype)
    return True if "fully validated" in said and "unsigned answer" not in said else said


def transfer(serial=None, base=None):
    return peers.transfer(serial=serial, base=base)


def whole_faults(daemon, zone, what):
    path = daemon.path / "transferred"
    zone.to_file(str(path), relativize=False)
    keys = zone.find_rdataset(ORIGIN, "DNSKEY")
    found = validators.verify(ZONE, path, all(key.flags & 1 for key in keys))
    if found:
        yield f"{what}: {found}"


def faults(daemon, shape=""):
    """Every kind of answer, by delv and by Unbound."""
    trust = anchors(daemon)
    spared = UNVOUCHED if "optout" in shape else set()
    with validators.Unbound(ZONE, trust) as unbound:
        for name, rdtype in ASKED:
            said = is_valid(daemon, name, rdtype, trust)
            if said is not True and (name, rdtype) not in spared:
                yield f"{shape}: delv: {name} {rdtype}: {said}"
            said = unbound.is_secure(question(name), rdtype)
            if said is not True and ((name, rdtype) not in spared or "SERVFAIL" in said):
                yield f"{shape}: Unbound: {name} {rdtype}: {said}"


def update(*records, **options):
    change = dns.update.Update(ZONE, keyring=peers.KEYRING)
    for name, rdtype, data in records:
        if data is None:
            change.delete(name, rdtype)
        else:
            change.add(name, 1, rdtype, data)
    return dns.query.tcp(change, "127.0.0.1", port=node.PORT, timeout=node.LIMIT_S, **options).rcode()


def serial():
    return peers.soa_serial(node.PORT, node.LIMIT_S)


def wait_valid(daemon, condition, what):
    """Wait for a condition; until then and after it everything is valid, at every moment."""
    bad = []
    trust = anchors(daemon)

    def look():
        is_met = condition()
        for name, rdtype in (("www", "A"), ("nowhere", "A"), ("", "DNSKEY")):
            said = is_valid(daemon, name, rdtype, [*trust, *(a for a in anchors(daemon) if a not in trust)])
            if said is not True:
                bad.append(f"{what}: {name} {rdtype}: {said}")
        return is_met or bad

    node.wait_for(look, f"{what}: {json.dumps(state(daemon), indent=1)}\n{daemon.log()}")
    return bad


def states(daemon, role):
    return sorted(key["state"] for key in state(daemon)["keys"] if key["role"] == role)


def is_awaited(daemon):
    return state(daemon)["ds_awaited"]
