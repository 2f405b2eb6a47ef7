# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones beyond the configuration whose template signs them: members of catalogs, and those added by a command."""

import json

import catalog
import node
import peers
import tap
import validators
from signed import SHAPES

CATALOG = catalog.CATALOG
TEMPLATES = f"""
  - {{name: signed, file: member.zone, allow-update: key {peers.KEY}, dnssec: {SHAPES["csk-p256-nsec"]}}}
  - {{name: split, file: member.zone, dnssec: {SHAPES["split-ed25519-nsec3"]}}}
  - {{name: behind, primaries: peer, dnssec: {SHAPES["csk-p256-nsec"]}}}
"""
ZONES = f"""  - domain: {CATALOG}
    file: {CATALOG}.zone
    catalog: {{template: signed, groups: {{split: split, behind: behind, unsigned: member}}}}
"""


class Signer(catalog.Consumer):
    """A consumer with templates that sign."""

    def configure(self, config):
        super().configure(config.replace("\nzones:", f"{TEMPLATES}\nzones:", 1))

    def keys(self, zone):
        ran = self.run("key", "show", zone, "--json")
        return json.loads(ran.stdout) if ran.returncode == 0 else {}

    def anchors(self, zone):
        """Its DS records, once it is signed."""
        try:
            node.wait_for(lambda: self.keys(zone).get("signed") and not self.keys(zone)["signing"], f"{zone} to be signed")
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {self.keys(zone)}: {self.log()}") from error
        return [line.split(" ;")[0] for line in self.run("key", "ds", zone).stdout.splitlines()]

    def faults(self, zone, anchors=None, more=()):
        """Whether delv validates what is there and what is not, by these DS records or those there are."""
        for name, rdtype in (("", "SOA"), ("ns", "A"), ("group", "TXT"), ("nowhere", "A"), ("ns", "TXT"), *more):
            said = validators.delv(zone, anchors or self.anchors(zone), f"{name}.{zone}." if name else f"{zone}.", rdtype)
            if "fully validated" not in said or "unsigned answer" in said:
                yield f"{zone}: {name} {rdtype}: {said}"

    def key_files(self, zone):
        """The private keys that a zone has now, and which of them are on disk."""
        ids = [key["id"] for key in self.keys(zone)["keys"]]
        return [self.path / "state" / "keys" / f"{key}.pem" for key in ids]


def check_added():
    """A zone that is added is signed; its keys live through restarts, and through its being removed and added again."""
    with Signer("  - {domain: x.test, file: other.zone}\n") as daemon:
        daemon.start()
        daemon.run("zone", "add", "a.test", "--template", "signed")
        anchors = daemon.anchors("a.test")
        yield from daemon.faults("a.test")
        for kill in (False, True):
            daemon.restart(kill)
            if daemon.anchors("a.test") != anchors:
                yield f"other keys after a restart: {daemon.anchors('a.test')}, {anchors} before"
            yield from daemon.faults("a.test", anchors)
        if catalog.update("a.test") != "NOERROR":
            yield f"no update: {daemon.log()}"
        yield from daemon.faults("a.test", anchors, [("updated", "TXT")])
        daemon.run("zone", "remove", "a.test")
        if daemon.keys("a.test") or catalog.rcode("a.test") != "REFUSED":
            yield f"still there: {daemon.keys('a.test')}"
        daemon.run("zone", "add", "a.test", "--template", "signed")
        if daemon.anchors("a.test") != anchors:
            yield "other keys when it was added again"
        yield from daemon.faults("a.test", anchors)


def check_members():
    """Members are signed as their group says; keys live through restarts, and go with the member and with its label."""
    members = [("a", "a.test"), ("b", "b.test", "group.# TXT split"), ("c", "c.test")]
    with Signer(ZONES) as daemon:
        daemon.set(CATALOG, 1, members)
        daemon.start()
        zones = [member[1] for member in members]
        anchors = {zone: daemon.anchors(zone) for zone in zones}
        if [len(daemon.keys(zone)["keys"]) for zone in zones] != [1, 2, 1]:
            yield f"{[daemon.keys(zone) for zone in zones]}"
        for kill in (None, False, True):
            if kill is not None:
                daemon.restart(kill)
            for zone in zones:
                yield from daemon.faults(zone, anchors[zone])
        files = {zone: daemon.key_files(zone) for zone in zones}
        daemon.turn(CATALOG, 2, [("a", "a.test"), ("another", "b.test", "group.# TXT split")])
        if daemon.keys("c.test"):
            yield f"a member that went is signed: {daemon.keys('c.test')}"
        if daemon.anchors("a.test") != anchors["a.test"] or daemon.anchors("b.test") == anchors["b.test"]:
            yield f"{daemon.anchors('a.test')} {daemon.anchors('b.test')}, {anchors} before"
        for zone in ("a.test", "b.test"):
            yield from daemon.faults(zone)
        left = [file.name for zone in ("b.test", "c.test") for file in files[zone] if file.exists()]
        if left or not all(file.exists() for file in files["a.test"] + daemon.key_files("b.test")):
            yield f"keys left {left}: {daemon.log()}"
        daemon.turn(CATALOG, 3, [("a", "a.test"), ("another", "b.test", "group.# TXT split"), ("c", "c.test")])
        if daemon.anchors("c.test") == anchors["c.test"]:
            yield "a member that came again has the keys of the one before"
        yield from daemon.faults("c.test")


def check_change_of_ownership():
    """Keys go along to another catalog, where the label does."""
    zones = "".join(f"  - {{domain: {name}.test, file: {name}.test.zone, catalog: signed}}\n" for name in ("new", "old"))
    with Signer(zones) as daemon:
        daemon.set("new.test", 1, [])
        daemon.set("old.test", 1, [("same", "same.org"), ("other", "other.org")])
        daemon.start()
        anchors = {zone: daemon.anchors(zone) for zone in ("same.org", "other.org")}
        if catalog.update("same.org") != "NOERROR":
            yield "no update"
        coo = "coo.# PTR new.test."
        daemon.turn("old.test", 2, [("same", "same.org", coo), ("other", "other.org", coo)])
        daemon.turn("new.test", 2, [("same", "same.org"), ("another", "other.org")])
        if set(daemon.members().values()) != {"new.test."}:
            yield f"{daemon.members()}: {daemon.log()}"
        daemon.turn("old.test", 3, [])
        for kill in (None, False, True):
            if kill is not None:
                daemon.restart(kill)
            if daemon.anchors("same.org") != anchors["same.org"]:
                yield f"{daemon.anchors('same.org')}, {anchors['same.org']} before: {daemon.log()}"
            yield from daemon.faults("same.org", anchors["same.org"], [("updated", "TXT")])
            yield from daemon.faults("other.org")
        if daemon.anchors("other.org") == anchors["other.org"]:
            yield "keys of another label"


def check_other_template():
    """A member whose group changes is signed otherwise, and no more, without being reset."""
    with Signer(ZONES) as daemon:
        daemon.set(CATALOG, 1, [("a", "a.test", "group.# TXT unsigned"), ("b", "b.test")])
        daemon.start()
        daemon.anchors("b.test")
        if catalog.update("a.test") != "NOERROR" or daemon.keys("a.test"):
            yield f"{daemon.keys('a.test')}"
        daemon.turn(CATALOG, 2, [("a", "a.test"), ("b", "b.test", "group.# TXT unsigned")])
        yield from daemon.faults("a.test", more=[("updated", "TXT")])
        # nobody has asked its parent for a DS: nothing is to be waited for
        node.wait_for(lambda: not daemon.keys("b.test").get("signed"), f"b.test to be unsigned: {daemon.log()}")
        if catalog.ask("b.test", rdtype="DNSKEY").answer or catalog.rcode("b.test") != "NOERROR":
            yield f"{catalog.ask('b.test', rdtype='DNSKEY')}"
        if catalog.update("b.test") != "NOERROR" or catalog.text("b.test", "updated") != ['"yes"']:
            yield f"no update of one that is not signed any more: {daemon.log()}"


def check_behind_a_primary():
    """A member that comes unsigned from its primary is signed, follows it, and is kept without it."""
    with peers.Peer("knot", True, peers.zone_text(1)) as peer, Signer(ZONES) as daemon:
        daemon.set(CATALOG, 1, [("one", peers.ZONE, "group.# TXT behind")])
        daemon.start()
        anchors = daemon.anchors(peers.ZONE)

        def is_valid(serial):
            said = validators.delv(peers.ZONE, anchors, f"serial.{peers.ZONE}.", "TXT")
            return "fully validated" in said and f'TXT "{serial}"' in said.replace("\t", " ")

        if not is_valid(1):
            yield f"{validators.delv(peers.ZONE, anchors, f'serial.{peers.ZONE}.', 'TXT')}"
        peer.change(peers.zone_text(2))
        node.wait_for(lambda: is_valid(2), f"serial 2: {daemon.log()}")
        peer.stop()
        for kill in (False, True):
            daemon.restart(kill)
            if daemon.anchors(peers.ZONE) != anchors or not is_valid(2):
                yield f"after a restart: {daemon.log()}"


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
