# SPDX-License-Identifier: GPL-3.0-or-later
"""The zones of the drill and the truth about them, made from a seed.

usage: python3 lab/zones.py DIRECTORY --seed N [--zones N] [--names N]

Truth is written down while the records are made, not read from a server: what is served is judged by it. All of it
outlives the reload: names that the reload adds stand apart, and change nothing about those that were there.

  names      QNAME QTYPE KIND ZONE EXPECTED, separated by tabs, the most popular first; the lines of kind nxdomain stand
             at the end. KIND is one of KINDS. EXPECTED is, for answer and large, the rdata of one record of the RRset
             in hexadecimal, names in it uncompressed (behind aliases: of the A record at the end); for referral the
             owner name of the cut; else "-".
  fresh      the same, of kind answer only: names that nobody answers before the reload
  victim     the origin of the zone that the attack asks for
  before/    the zone files, signed where the zone is
  after/     the zone files that the reload brings: changed ones, and one zone that is new
  stamp      what all this was made from; written last, so that a directory without it is made again
"""

import argparse
import collections
import dataclasses
import hashlib
import ipaddress
import itertools
import json
import math
import random
import shutil
import subprocess
from pathlib import Path

KINDS = ("answer", "nodata", "referral", "large", "nxdomain")
SERVERS = {"ns1": ("192.0.2.53", "2001:db8:53::53"), "ns2": ("192.0.2.54", "2001:db8:53::54")}
TTLS = (60, 300, 900, 3600, 14400, 86400)
# From the beginning of 2020 to the end of 2037: a drill must not depend on the day it runs, nor a cache on its age.
INCEPTION, EXPIRATION = "20200101000000", "20371231000000"
# RFC 9276 s3.1: no salt, no additional iterations.
DENIALS = {"nsec": (), "nsec3": ("-3", "-", "-H", "0")}

PLACES = (
    "anchorage basin beacon breakwater buoy canal cape channel cove delta dock dune estuary ferry firth fjord gulf "
    "harbour haven inlet island jetty lagoon lighthouse lock marina marsh mole mooring pier port quay reef river "
    "seawall shoal shore sluice sound strait tide wharf"
).split()
HOSTS = (
    "account admin api app assets auth backup billing blog build cache cdn chat dashboard data db demo dev docs "
    "edge events feed files forum gateway help host img intranet live login media metrics monitor news node office "
    "portal proxy search shop static stats store stream test track update video vpn web wiki"
).split()
SITES = ("eu", "us", "asia")

# What a host has beside an address, how often, and how often it is asked for in vain: with one line for the address of
# each, some 70 % of all lines ask for A and 15 % for AAAA.
HOST_TYPES = {"AAAA": (.16, .09), "HTTPS": (.06, .03), "MX": (.06, .01), "TXT": (.06, .01)}
# Records that are too many for 1232 bytes, whatever the names: at least 16, 28 and 66 bytes each.
LARGE_RECORDS = {"A": 90, "AAAA": 50, "TXT": 24}
LARGE_EVERY = 4  # zones

Rdata = collections.namedtuple("Rdata", "text wire")
Line = collections.namedtuple("Line", "qname qtype kind zone expected")


def name_rdata(name):
    labels = name.rstrip(".").split(".")
    return Rdata(name, b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0")


def address_rdata(text):
    return Rdata(text, ipaddress.ip_address(text).packed)


def address4(rng, _origin):
    """RFC 2544 sets 198.18.0.0/15 aside for benchmarks; it is large enough that a wrong answer is hardly ever right."""
    return address_rdata(str(ipaddress.ip_address("198.18.0.0") + rng.randrange(1 << 17)))


def address6(rng, _origin):
    return address_rdata(str(ipaddress.ip_address("2001:db8:1::") + rng.getrandbits(64)))


def text(rng, _origin):
    words = f"site-verification={rng.getrandbits(128):032x}"
    return Rdata(f'"{words}"', bytes([len(words)]) + words.encode())


def exchange(rng, origin):
    preference, server = rng.randrange(1, 100), name_rdata(f"mail.{origin}")
    return Rdata(f"{preference} {server.text}", preference.to_bytes(2, "big") + server.wire)


def service(rng, origin):
    """RFC 9460 s2.2: priority, target, then the keys 1 (alpn) and 4 (ipv4hint)."""
    hint = address4(rng, origin)
    return Rdata(f"1 . alpn=h2,h3 ipv4hint={hint.text}",
                 b"\0\1\0" + b"\0\1\0\6\2h2\2h3" + b"\0\4\0\4" + hint.wire)


def key_digest(rng, _origin):
    """Of a key that nobody has: the children are not served."""
    tag, digest = rng.randrange(1 << 16), rng.getrandbits(256).to_bytes(32, "big")
    return Rdata(f"{tag} 13 2 {digest.hex()}", tag.to_bytes(2, "big") + b"\x0d\x02" + digest)


MAKERS = {"A": address4, "AAAA": address6, "TXT": text, "MX": exchange, "HTTPS": service, "DS": key_digest}


@dataclasses.dataclass(frozen=True)
class Traits:
    """What kind of zone it is."""

    size: int  # owner names
    denial: str = ""  # a key of DENIALS if the zone is signed
    has_wildcards: bool = False
    has_apex_wildcard: bool = False
    large: str = ""  # a key of LARGE_RECORDS


class Zone:
    """One zone: its records, and a line for each question that may be asked about them."""

    def __init__(self, rng, origin, traits):
        self.rng, self.origin, self.traits = rng, origin, traits
        self.serial = 1
        self.negative_ttl = rng.choice((60, 300, 900, 3600))
        self.records = {}  # owner: {type: (TTL, [rdata])}
        self.nodes = set()  # owners and empty non-terminals
        self.hosts = {}  # name: rdata of an A record it has
        self.lines = []
        self._apex()
        self._names()
        self._wildcards()
        for node in sorted(self.nodes - set(self.records)):
            self.expect(node, "A", "nodata")

    def add(self, owner, rtype, *rdata):
        self.records.setdefault(owner, {})[rtype] = (self.rng.choice(TTLS), rdata)
        while owner not in self.nodes:
            self.nodes.add(owner)
            owner = owner if owner == self.origin else parent(owner)

    def expect(self, qname, qtype, kind, expected="-"):
        self.lines.append(Line(qname, qtype, kind, self.origin, expected))

    def answer(self, owner, rtype, *rdata, kind="answer"):
        """Records, and the question for them."""
        self.add(owner, rtype, *rdata)
        self.expect(owner, rtype, kind, rdata[0].wire.hex())

    def several(self, rtype, count):
        """Different rdata of one type."""
        made = {}
        while len(made) < count:
            rdata = MAKERS[rtype](self.rng, self.origin)
            made[rdata.text] = rdata
        return list(made.values())

    def fate(self, name):
        """What becomes of a question for a name in the zone (RFC 1034 s4.3.2)."""
        labels = name[:-len(self.origin) - 1].split(".")
        encloser = self.origin
        for label in reversed(labels):
            child = f"{label}.{encloser}"
            if child not in self.nodes:
                return "wildcard" if f"*.{encloser}" in self.records else "nxdomain"
            if "NS" in self.records.get(child, ()):
                return "referral"
            encloser = child
        return "node"

    def label(self):
        return f"{self.rng.choice(HOSTS)}{self.rng.randrange(1, 10 + self.traits.size // 10)}"

    def new_name(self):
        """A name that is answered by NXDOMAIN, one to three labels below the origin."""
        while True:
            site = f"{self.rng.choice(SITES)}.{self.origin}"
            room = f"room{self.rng.randrange(1, 3 + self.traits.size // 200)}.{site}"
            name = f"{self.label()}.{self.rng.choices((self.origin, site, room), (75, 18, 7))[0]}"
            if self.fate(name) == "nxdomain":
                return name

    def new_host(self, name=None):
        name = name or self.new_name()
        addresses = self.several("A", self.rng.choice((1, 1, 1, 2, 4)))
        self.hosts[name] = addresses[0]
        self.answer(name, "A", *addresses)
        for rtype, (having, lacking) in HOST_TYPES.items():
            dice = self.rng.random()
            if dice < having:
                self.answer(name, rtype, *self.several(rtype, self.rng.choice((1, 1, 2))))
            elif dice < having + lacking:
                self.expect(name, rtype, "nodata")

    def new_alias(self):
        """One alias, or one for another."""
        target, address = self.rng.choice(list(self.hosts.items()))
        for _ in range(self.rng.choice((1, 1, 1, 2))):
            alias = self.new_name()
            self.add(alias, "CNAME", name_rdata(target))
            self.expect(alias, "A", "answer", address.wire.hex())
            target = alias

    def new_cut(self):
        cut = self.new_name()
        servers = [f"{server}.{cut}" for server in SERVERS]
        self.add(cut, "NS", *map(name_rdata, servers))
        for server in servers:
            self.add(server, "A", *self.several("A", 1))
            self.add(server, "AAAA", *self.several("AAAA", 1))
        for qname, qtype in ((cut, "NS"), (cut, "A"), (servers[0], "A"), (f"www.{cut}", "A"), (f"www.{cut}", "AAAA")):
            self.expect(qname, qtype, "referral", cut)
        if self.traits.denial and self.rng.random() < .5:
            self.answer(cut, "DS", *self.several("DS", 1))
        elif self.traits.denial:
            self.expect(cut, "DS", "nodata")

    def _apex(self):
        self.answer(self.origin, "NS", *(name_rdata(f"{server}.{self.origin}") for server in SERVERS))
        self.answer(self.origin, "A", *self.several("A", 2))
        self.answer(self.origin, "MX", *self.several("MX", 1))
        self.answer(self.origin, "TXT", *self.several("TXT", 1))
        for server, addresses in SERVERS.items():
            for rtype, address in zip(("A", "AAAA"), addresses):
                self.answer(f"{server}.{self.origin}", rtype, address_rdata(address))

    def _names(self):
        for label in ("www", "mail", *(f"{HOSTS[i]}.{site}" for i, site in enumerate(SITES))):
            self.new_host(f"{label}.{self.origin}")
        if self.traits.large:
            records = self.several(self.traits.large, LARGE_RECORDS[self.traits.large])
            self.answer(self.new_name(), self.traits.large, *records, kind="large")
        self.new_cut()
        while len(self.records) < self.traits.size:
            self.rng.choices((self.new_host, self.new_alias, self.new_cut), (90, 8, 2))[0]()

    def _wildcards(self):
        """Last, so that at the apex none covers a name that is to be made."""
        if not self.traits.has_wildcards:
            return
        www = f"www.{self.origin}"
        self.add(f"*.pages.{self.origin}", "CNAME", name_rdata(www))
        self._covered(f"pages.{self.origin}", self.hosts[www], is_alias=True)
        for encloser in (f"users.{self.origin}", *([self.origin] if self.traits.has_apex_wildcard else [])):
            address = self.several("A", 1)[0]
            self.add(f"*.{encloser}", "A", address)
            self._covered(encloser, address, is_alias=False)

    def _covered(self, encloser, address, is_alias):
        names = {}
        while len(names) < 5 + self.traits.size // 20:
            name = f"{self.label()}.{encloser}"
            name = f"{self.label()}.{name}" if self.rng.random() < .2 else name
            if self.fate(name) == "wildcard":
                names[name] = None
        for name in names:
            self.expect(name, "A", "answer", address.wire.hex())
            if not is_alias and self.rng.random() < .1:
                self.expect(name, "AAAA", "nodata")

    def take_lines(self):
        """The lines since the last call; apex and www are the most popular names, the others come in any order."""
        lines, self.lines = self.lines, []
        self.rng.shuffle(lines)
        return sorted(lines, key=lambda line: line.qname not in (self.origin, f"www.{self.origin}"))

    def master_file(self):
        start = f"ns1.{self.origin} hostmaster.{self.origin} {self.serial} 7200 900 1209600 {self.negative_ttl}"
        lines = [f"{self.origin}\t3600\tIN\tSOA\t{start}"]
        for owner, types in self.records.items():
            for rtype, (ttl, rrset) in types.items():
                lines += [f"{owner}\t{ttl}\tIN\t{rtype}\t{rdata.text}" for rdata in rrset]
        return "\n".join(lines) + "\n"


def parent(name):
    return name.split(".", 1)[1]


def mistyped(rng, name):
    """A letter left out or doubled in the first label."""
    at = rng.randrange(name.index("."))
    return name[:at] + rng.choice(("", name[at] * 2)) + name[at + 1:]


def zipf_weights(count):
    return [1 / rank for rank in range(1, count + 1)]


def victim_rank(zones):
    """About as many questions are for more popular zones as for less popular ones: H(sqrt(n)) is about H(n) / 2."""
    return math.isqrt(zones)


class World:
    """All zones, in the order of their popularity, which is also that of their sizes."""

    def __init__(self, seed, zones, names):
        self.rng = random.Random(seed)
        self.names = names
        self.zones = [Zone(self.rng, self._origin(rank), traits) for rank, traits in enumerate(self._traits(zones))]
        self.victim = self.zones[victim_rank(zones)].origin
        self.lines = self._by_popularity([zone.take_lines() for zone in self.zones])

    def _origin(self, rank):
        return f"{self.rng.choice(PLACES)}{rank}.test."

    def _traits(self, zones):
        """A tenth each signed with NSEC, with NSEC3, and with wildcards: of these one in a zone of either signing.

        Not the victim, where random names must not exist, and not the largest zones: signing them takes long.
        The reload changes a tenth, the largest and one of each of these among them.
        """
        tenth = max(1, zones // 10)
        ranks = [rank for rank in range(1 + zones // 20, zones) if rank != victim_rank(zones)]
        self.rng.shuffle(ranks)
        denials = {**dict.fromkeys(ranks[:tenth], "nsec"), **dict.fromkeys(ranks[tenth:2 * tenth], "nsec3")}
        wildcards = ranks[tenth - 1:tenth + 1] + ranks[2 * tenth:max(3 * tenth - 2, 2 * tenth + 1)]
        self.changing = [0] + ranks[::tenth]
        large = dict(zip(range(1, zones, LARGE_EVERY), itertools.cycle(LARGE_RECORDS)))
        weights = zipf_weights(zones)
        unit = self.names / sum(weights)
        return [Traits(round(unit * weight), denials.get(rank, ""), rank in wildcards, rank in wildcards[::2],
                       large.get(rank, "")) for rank, weight in enumerate(weights)]

    def _by_popularity(self, lists):
        """One list from those of all zones: line n of zone m is as popular as 1/(m n), more or less.

        Types and kinds are then spread evenly: the first lines get so many of the questions that one large answer
        among them would make it a drill about large answers.
        """
        order = []
        for rank, lines in enumerate(lists, 1):
            order += [(rank * number * self.rng.lognormvariate(0, .5), line) for number, line in enumerate(lines, 1)]
        pools = {}
        for _, line in sorted(order):
            pools.setdefault((line.qtype, line.kind), []).append(line)
        spread = [((number + .5) / len(pool), line) for pool in pools.values() for number, line in enumerate(pool)]
        return [line for _, line in sorted(spread)]

    def reload(self):
        """Change zones, add one, and return the lines that are true only now."""
        changed = [self.zones[rank] for rank in self.changing]
        for zone in changed:
            zone.serial += 1
            for _ in range(3 + zone.traits.size // 20):
                zone.new_host()
        new = Zone(self.rng, self._origin(len(self.zones)), Traits(self.names // 100))
        lists = [[line for line in zone.take_lines() if line.kind == "answer"] for zone in (*changed, new)]
        return changed + [new], self._by_popularity(lists)

    def nonexistent(self):
        """Names that do not exist, to be called after the reload: it may bring what was mistyped."""
        weights = list(itertools.accumulate(zipf_weights(len(self.zones))))
        found = {}
        while len(found) < self.names // 10:
            zone = self.rng.choices(self.zones, cum_weights=weights)[0]
            name = mistyped(self.rng, self.rng.choice(list(zone.hosts)))
            if zone.fate(name) == "nxdomain":
                found[name] = Line(name, self.rng.choice(("A", "A", "A", "AAAA")), "nxdomain", zone.origin, "-")
        return list(found.values())


@dataclasses.dataclass(frozen=True)
class Zones:
    """What was made."""

    before: dict  # origin: path of the zone file
    after: dict  # the same; the path of a zone that does not change is that of before
    denial: dict  # origin of a signed zone: "nsec" or "nsec3"
    names: Path
    fresh: Path
    victim: str


class Maker:
    """Writes a world into a directory."""

    def __init__(self, directory):
        self.directory = directory
        self.signing = directory / "signing"  # keys, and zones that are to be signed

    def clear(self):
        """Remove what was made here, the stamp first, and nothing else: the directory may be a mistake."""
        for name in ("stamp", "names", "fresh", "victim"):
            (self.directory / name).unlink(missing_ok=True)
        for name in ("before", "after", "signing"):
            shutil.rmtree(self.directory / name, ignore_errors=True)

    def make(self, recipe):
        self.clear()
        for name in ("before", "after", "signing"):
            (self.directory / name).mkdir(parents=True)
        world = World(recipe["seed"], recipe["zones"], recipe["names"])
        for zone in world.zones:
            self.write_zone("before", zone)
        changed, fresh = world.reload()
        for zone in changed:
            self.write_zone("after", zone)
        self.write_lines("names", world.lines + world.nonexistent())
        self.write_lines("fresh", fresh)
        (self.directory / "victim").write_text(f"{world.victim}\n")
        shutil.rmtree(self.signing)
        origins = {zone.origin: zone.traits.denial for zone in world.zones}
        (self.directory / "stamp").write_text(json.dumps({**recipe, "origins": origins}))

    def write_lines(self, name, lines):
        (self.directory / name).write_text("".join("\t".join(line) + "\n" for line in lines))

    def write_zone(self, version, zone):
        path = zone_path(self.directory, version, zone.origin)
        if not zone.traits.denial:
            path.write_text(zone.master_file())
            return
        plain = self.signing / path.name
        plain.write_text(zone.master_file())
        if not list(self.signing.glob(f"K{zone.origin}+*")):
            command("dnssec-keygen", "-q", "-K", self.signing, "-a", "ECDSAP256SHA256", "-f", "KSK", zone.origin)
        command("dnssec-signzone", "-q", "-S", "-z", "-P", "-O", "full", "-K", self.signing, "-d", self.signing,
                "-s", INCEPTION, "-e", EXPIRATION, *DENIALS[zone.traits.denial], "-o", zone.origin, "-f", path, plain)


def command(*words):
    """Run quietly; what went wrong is said on standard error."""
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)


def zone_path(directory, version, origin):
    return directory / version / f"{origin}zone"


def made(directory, recipe):
    """What the directory holds, if all of it was made by this recipe, else nothing."""
    try:
        stamp = json.loads((directory / "stamp").read_text())
    except (OSError, ValueError):
        return None
    origins = stamp.pop("origins", {})
    if stamp != recipe:
        return None
    before = {origin: zone_path(directory, "before", origin) for origin in origins}
    after = {path.name.removesuffix("zone"): path for path in sorted((directory / "after").iterdir())}
    denial = {origin: denial for origin, denial in origins.items() if denial}
    victim = (directory / "victim").read_text().strip()
    return Zones(before, {**before, **after}, denial, directory / "names", directory / "fresh", victim)


def make(directory, seed, zones=100, names=20_000):
    """The zones of a seed, made in a directory unless they are there.

    The same seed gives the same records and lines; signatures and keys differ each time.

    @param zones  at least 8, so that zones of every kind are among them
    @param names  owner names in all zones together, roughly; the names file has more lines, one for each question
    """
    directory = Path(directory)
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    recipe = {"version": version, "seed": seed, "zones": zones, "names": names}
    if not made(directory, recipe):
        Maker(directory).make(recipe)
    return made(directory, recipe)


def summary(result):
    """For a look: sizes, and how often which type and kind is asked for if line k weighs 1/k^0.9."""
    lines = [Line(*line.split("\t")) for line in result.names.read_text().splitlines()]
    existing = [line for line in lines if line.kind != "nxdomain"]
    weights = [1 / number ** .9 for number in range(1, len(existing) + 1)]
    total = sum(weights)
    yield f"zones    {len(result.before)}, {list(result.denial.values()).count('nsec')} with NSEC, " \
          f"{list(result.denial.values()).count('nsec3')} with NSEC3; the victim is {result.victim}"
    yield f"reload   {sum(result.before.get(origin) != path for origin, path in result.after.items())} zones, " \
          f"{len(result.fresh.read_text().splitlines())} fresh lines"
    yield f"lines    {len(existing)}, and {len(lines) - len(existing)} that do not exist"
    for column in ("qtype", "kind"):
        shares = collections.Counter()
        for line, weight in zip(existing, weights):
            shares[getattr(line, column)] += weight / total
        yield f"{column:8} " + ", ".join(f"{value} {share:.2%}" for value, share in shares.most_common())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--zones", type=int, default=100)
    parser.add_argument("--names", type=int, default=20_000)
    arguments = parser.parse_args()
    print("\n".join(summary(make(arguments.directory, arguments.seed, arguments.zones, arguments.names))))


if __name__ == "__main__":
    main()
