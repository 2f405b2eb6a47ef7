# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalog zones (RFC 9432): Seawall as consumer of Knot's and of hand-made ones, and as producer for Knot and BIND."""

import json
import signal
import subprocess

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.update
import node
import peers
import tap

CATALOG = "catalog.test"
MEMBER = """\
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 192.0.2.1
group TXT "%s"
"""


def catalog_text(serial, members, version='TXT "2"', more=""):
    """@param members  lines: label, zone, and what else is below the label"""
    lines = ["$TTL 0", f"@ SOA invalid. invalid. {serial} 3600 600 2147483646 0", "@ NS invalid."]
    if version:
        lines.append(f"version {version}")
    for label, zone, *properties in members:
        lines.append(f"{label}.zones PTR {zone}.")
        lines += [text.replace("#", f"{label}.zones") for text in properties]
    return "\n".join(lines) + "\n" + more


def head(daemon, more=""):
    return f"""
server: {{listen: 127.0.0.1@{node.PORT}, xdp: none, state: {daemon.path / "state"}}}
keys:
  - {{name: {peers.KEY}, algorithm: {peers.ALGORITHM}, secret: {peers.SECRET}}}
remotes:
  - {{name: peer, address: 127.0.0.1@{peers.PORT}, key: {peers.KEY}}}
templates:
  - {{name: member, file: member.zone, allow-update: key {peers.KEY}, allow-transfer: key {peers.KEY}}}
  - {{name: other, file: other.zone}}
  - {{name: secondary, primaries: peer}}
{more}"""


class Consumer(node.Node):
    """A node whose catalogs are files beside it."""

    def __init__(self, zones):
        super().__init__(is_started=False)
        for name in ("member", "other"):
            (self.path / f"{name}.zone").write_text(MEMBER % name)
        self.zones = zones

    def set(self, name, serial, members, **options):
        (self.path / f"{name}.zone").write_text(catalog_text(serial, members, **options))

    def start(self, ready=True):
        self.configure(head(self, "zones:\n" + self.zones))
        super().start(ready)

    def turn(self, name, serial, members, **options):
        """Another version of a catalog. Other files are not read: all that are this young would be loaded again."""
        self.set(name, serial, members, **options)
        self.run("reload", name)

    def show(self, zone):
        ran = self.run("zone", "show", zone, "--json")
        return json.loads(ran.stdout) if ran.returncode == 0 else None

    def members(self):
        """Zone: catalog, for all members."""
        zones = (self.show(zone["zone"]) for zone in self.status()["zones"])
        return {zone["zone"]: zone["member_of"] for zone in zones if "member_of" in zone}


def ask(zone, name="", rdtype="SOA", port=node.PORT, limit_s=node.LIMIT_S):
    question = dns.message.make_query(f"{name}.{zone}." if name else f"{zone}.", rdtype)
    return dns.query.udp(question, "127.0.0.1", timeout=limit_s, port=port)


def rcode(zone, port=node.PORT):
    """Of other servers "nothing", while they start."""
    try:
        return dns.rcode.to_text(ask(zone, port=port, limit_s=node.LIMIT_S if port == node.PORT else 1).rcode())
    except (OSError, dns.exception.Timeout):
        return "nothing"


def text(zone, name):
    return [rdata.to_text() for rrset in ask(zone, name, "TXT").answer for rdata in rrset]


def update(zone):
    change = dns.update.Update(f"{zone}.", keyring=peers.KEYRING)
    change.add("updated", 60, "TXT", "yes")
    return dns.rcode.to_text(dns.query.tcp(change, "127.0.0.1", timeout=node.LIMIT_S, port=node.PORT).rcode())


FILE_CATALOG = f"""  - domain: {CATALOG}
    file: {CATALOG}.zone
    catalog: {{template: member, groups: {{first: other, second: member}}}}
"""


def check_members():
    """Members come and go with the catalog, over restarts too; groups choose how they are served."""
    with Consumer(FILE_CATALOG) as daemon:
        daemon.set(CATALOG, 1, [("a", "a.test"), ("b", "b.test", "group.# TXT first"), ("c", "c.test", "group.# TXT unheard-of")])
        daemon.start()
        for kill in (None, False, True):
            if kill is not None:
                daemon.restart(kill)
            for zone, wanted in (("a.test", "member"), ("b.test", "other"), ("c.test", "member")):
                if text(zone, "group") != [f'"{wanted}"']:
                    yield f"{zone}: {text(zone, 'group')} after {kill}: {daemon.log()}"
        loaded = daemon.show("a.test")["loaded"]
        daemon.turn(CATALOG, 2, [("a", "a.test"), ("b", "b.test", "group.# TXT second", "group.# TXT first"), ("d", "d.test")])
        if daemon.members() != {f"{zone}.test.": f"{CATALOG}." for zone in "abd"}:
            yield f"{daemon.members()}: {daemon.log()}"
        if rcode("c.test") != "REFUSED" or text("b.test", "group") != ['"other"']:
            yield f"{rcode('c.test')}, {text('b.test', 'group')}"
        daemon.turn(CATALOG, 3, [("a", "a.test"), ("b", "b.test", "group.# TXT second")])
        if text("b.test", "group") != ['"member"'] or rcode("d.test") != "REFUSED":
            yield f"another group: {text('b.test', 'group')}: {daemon.log()}"
        if daemon.show("a.test")["loaded"] != loaded:
            yield f"a member that nothing changed for was loaded again: {daemon.log()}"
        if "a.test" in ask("a.zones." + CATALOG, rdtype="PTR").to_text().split("ANSWER")[1]:
            yield "the catalog's members are told to whoever asks"
        if daemon.run("zone", "remove", "a.test").returncode != 1:
            yield "a member was removed by hand"
        daemon.zones = "  - {domain: x.test, file: member.zone}\n"
        daemon.restart()
        if rcode("a.test") != "REFUSED" or rcode("x.test") != "NOERROR":
            yield f"a member without its catalog: {daemon.log()}"
        daemon.zones = FILE_CATALOG
        daemon.restart()
        if rcode("a.test") != "NOERROR":
            yield f"not back with it: {daemon.log()}"


def check_broken():
    """A catalog that is broken keeps its members, says why, and goes on when it is mended."""
    two = [("a", "a.test"), ("b", "b.test")]
    with Consumer(FILE_CATALOG) as daemon:
        daemon.set(CATALOG, 1, two)
        daemon.start()
        cases = [
            ("no version", [("c", "c.test")], {"version": None}),
            ("version is not", [("c", "c.test")], {"version": 'TXT "1"'}),
            ("version is not", [("c", "c.test")], {"version": 'TXT "2" "2"'}),
            ("more than one version", [("c", "c.test")], {"more": 'version TXT "3"\n'}),
            ("more than one PTR", [("c", "c.test")], {"more": "c.zones PTR d.test.\n"}),
            ("more than one PTR", [("c", "c.test", "coo.# PTR x.", "coo.# PTR y.")], {}),
            ("twice", [("c", "c.test"), ("d", "C.Test")], {}),
        ]
        for serial, (why, members, options) in enumerate(cases, 2):
            daemon.turn(CATALOG, serial, members, **options)
            shown = daemon.show(CATALOG)["catalog"]
            if not shown["broken"] or why not in shown["reason"] or shown["serial"] != 1:
                yield f"{why}: {shown}"
            if set(daemon.members()) != {"a.test.", "b.test."} or why not in daemon.log():
                yield f"{why}: {daemon.members()}: {daemon.log()}"
        for kill in (False, True):
            daemon.restart(kill)
            if rcode("a.test") != "NOERROR" or rcode("c.test") != "REFUSED" or not daemon.show(CATALOG)["catalog"]["broken"]:
                yield f"after a restart: {daemon.log()}"
        daemon.turn(CATALOG, 20, [("b", "b.test"), ("c", "c.test")])
        if set(daemon.members()) != {"b.test.", "c.test."} or daemon.show(CATALOG)["catalog"]["broken"]:
            yield f"mended: {daemon.members()}: {daemon.log()}"


def check_limits():
    """A catalog brings no more than it may."""
    zones = """  - {domain: told.example, file: member.zone}
  - {domain: one.test, file: one.test.zone, catalog: {template: member, only-below: [example, x.org], max-members: 6}}
  - {domain: two.test, file: two.test.zone, catalog: member}
  - {domain: three.test, file: three.test.zone, catalog: {groups: {known: member}}}
"""
    with Consumer(zones) as daemon:
        daemon.set("one.test", 1, [
            ("a", "a.example"), ("b", "example"), ("c", "told.example"), ("d", "one.test"), ("e", "com"), ("f", "y.x.org"),
        ])
        daemon.set("two.test", 1, [("a", "a.example"), ("b", "two.test"), ("c", "c.test")])
        daemon.set("three.test", 1, [("a", "known.test", "group.# TXT known"), ("b", "unknown.test")])
        daemon.start()
        wanted = {
            "a.example.": "one.test.", "example.": "one.test.", "y.x.org.": "one.test.", "c.test.": "two.test.",
            "known.test.": "three.test.",
        }
        if daemon.members() != wanted:
            yield f"{daemon.members()}: {daemon.log()}"
        for catalog, count in (("one.test", 3), ("two.test", 2), ("three.test", 1)):
            if daemon.show(catalog)["catalog"]["left_out"] != count:
                yield f"{daemon.show(catalog)}"
        if daemon.show("told.example")["origin"] != "configuration":
            yield "a zone of the configuration was taken over"
        daemon.turn("one.test", 2, [(f"x{number}", f"x{number}.example") for number in range(7)])
        if daemon.members() != wanted or "more than 6 members" not in daemon.show("one.test")["catalog"]["reason"]:
            yield f"too many: {daemon.members()}: {daemon.show('one.test')}"
        daemon.turn("one.test", 3, [("b", "example")])  # what two.test was refused is free now
        if daemon.members().get("a.example.") != "two.test.":
            yield f"{daemon.members()}: {daemon.log()}"


def check_file_of_no_room():
    """A member that cannot have its file under a new configuration is not served; the other zones are, after a restart too."""
    name = ".".join("x" * 50 for _ in range(4)) + ".test"
    zones = FILE_CATALOG + "  - {domain: told.example, file: other.zone}\n"
    with Consumer(zones) as daemon:
        daemon.set(CATALOG, 1, [("a", name), ("b", "b.test", "group.# TXT first")])
        daemon.start()
        if rcode(name) != "NOERROR":
            yield f"before: {daemon.log()}"
        deep = "/" + "x/" * 1990 + "%s"  # with the shortest name it fits into a path, with this one not
        daemon.configure(head(daemon, "zones:\n" + zones).replace("file: member.zone", f"file: {deep}"))
        if daemon.run("reload").returncode:
            yield f"reload: {daemon.log()[-1000:]}"
        for is_restarted in (False, True):
            if is_restarted:
                daemon.stop()
                node.Node.start(daemon)
            if [rcode(zone) for zone in (name, "b.test", "told.example")] != ["REFUSED", "NOERROR", "NOERROR"]:
                yield f"restarted {is_restarted}: {rcode(name)}, {rcode('b.test')}, {rcode('told.example')}: {daemon.log()[-1000:]}"
        if "no file can be called so" not in daemon.log():
            yield f"not told: {daemon.log()[-1000:]}"


def check_change_of_ownership():
    """A member changes catalogs when the one that has it says so: with its state where the label stays, else without."""
    zones = "".join(f"  - {{domain: {name}.test, file: {name}.test.zone, catalog: member}}\n" for name in ("new", "old"))
    with Consumer(zones) as daemon:
        daemon.set("new.test", 1, [])
        daemon.set("old.test", 1, [(label, f"{label}.org") for label in ("same", "other", "kept")])
        daemon.start()
        for label in ("same", "other", "kept"):
            if update(f"{label}.org") != "NOERROR":
                yield f"{label}: no update"
        coo = "coo.# PTR new.test."
        daemon.turn("new.test", 2, [("kept", "kept.org")])
        if daemon.members()["kept.org."] != "old.test.":
            yield "taken over without leave"
        daemon.turn("new.test", 3, [])
        daemon.turn("old.test", 2, [("same", "same.org", coo), ("other", "other.org", coo), ("kept", "kept.org")])
        if set(daemon.members().values()) != {"old.test."}:
            yield f"moved before the new catalog has them: {daemon.members()}"
        daemon.turn("new.test", 4, [("same", "same.org"), ("another", "other.org"), ("kept", "kept.org")])
        if daemon.members() != {"same.org.": "new.test.", "other.org.": "new.test.", "kept.org.": "old.test."}:
            yield f"{daemon.members()}: {daemon.log()}"
        if text("same.org", "updated") != ['"yes"'] or text("other.org", "updated") or text("kept.org", "updated") != ['"yes"']:
            yield f"state: {text('same.org', 'updated')} {text('other.org', 'updated')}: {daemon.log()}"
        daemon.turn("old.test", 3, [("kept", "kept.org")])
        if rcode("same.org") != "NOERROR" or text("same.org", "updated") != ['"yes"']:
            yield "gone with the old catalog"
        daemon.turn("new.test", 5, [("relabelled", "same.org")])
        if text("same.org", "updated") or rcode("same.org") != "NOERROR" or rcode("other.org") != "REFUSED":
            yield f"another label is no reset: {text('same.org', 'updated')}"


class Server(peers.Server):
    """Another server, with a configuration of its own."""

    def __init__(self, name, lines):
        super().__init__(name, {"knot": ["knotd", "-c"], "bind": ["named", "-g", "-n", "1", "-c"]}[name])
        self.lines = lines
        self.argv = [*self.argv, self.path / "conf"]

    def write(self):
        (self.path / "conf").write_text("\n".join(self.lines(self.path)) + "\n")

    def __enter__(self):
        self.write()
        return super().__enter__()

    def reload(self):
        self.write()
        self.process.send_signal(signal.SIGHUP)


def knot_head(path, action):
    return [
        "server:", f"    listen: 127.0.0.1@{peers.PORT}", f"    rundir: {path}", "    udp-workers: 1", "    tcp-workers: 1",
        "    background-workers: 1", "database:", f"    storage: {path}", "log:", "  - target: stderr", "    any: info",
        "key:", f"  - id: {peers.KEY}", f"    algorithm: {peers.ALGORITHM}", f"    secret: {peers.SECRET}",
        "remote:", "  - id: seawall", f"    address: 127.0.0.1@{node.PORT}", f"    key: {peers.KEY}",
        "acl:", "  - id: seawall", "    address: 127.0.0.1", f"    key: {peers.KEY}", f"    action: {action}",
    ]


SECONDARY = f"""  - domain: {CATALOG}
    primaries: peer
    catalog: {{template: secondary, groups: {{local: other}}}}
"""


def check_from_knot():
    """Knot makes the catalog, and is the primary of the members: they are fetched, follow, and are kept without it."""
    members = {"a.test": None, "b.test": "local", "c.test": None}

    def lines(path):
        written = [*knot_head(path, "transfer"), "zone:", f"  - domain: {CATALOG}", "    catalog-role: generate",
                   "    acl: seawall", "    notify: seawall"]
        for zone, group in members.items():
            (path / f"{zone}.zone").write_text(MEMBER % "knot")
            written += [f"  - domain: {zone}", f"    file: {path / zone}.zone", "    acl: seawall", "    notify: seawall",
                        "    catalog-role: member", f"    catalog-zone: {CATALOG}"]
            written += [f"    catalog-group: {group}"] if group else []
        return written

    def is_there(zones):
        return lambda: {zone for zone in "abcd" if rcode(f"{zone}.test") == "NOERROR"} == set(zones)

    # Knot does not answer questions about catalogs: the members tell whether it is there.
    with Server("knot", lines) as knot, Consumer(SECONDARY) as daemon:
        node.wait_for(lambda: rcode("c.test", peers.PORT) == "NOERROR", "Knot")
        daemon.start()
        try:
            node.wait_for(is_there("abc"), "three members")
            if text("a.test", "group") != ['"knot"'] or text("b.test", "group") != ['"other"']:
                yield f"{text('a.test', 'group')} {text('b.test', 'group')}"
            members["d.test"] = None
            knot.reload()
            node.wait_for(is_there("abcd"), "a member more")
            if not daemon.logs(f"{CATALOG}.: IXFR from peer"):
                yield f"not by IXFR: {daemon.log()}"
            del members["a.test"]
            knot.reload()
            node.wait_for(is_there("bcd"), "a member less")
            knot.stop()
            for kill in (False, True):
                daemon.restart(kill)
                if not is_there("bcd")():
                    yield f"after a restart without Knot: {daemon.log()}"
            daemon.run("zone", "refresh", CATALOG)
            members["a.test"] = None
            knot.write()
            knot.start()
            node.wait_for(lambda: rcode("c.test", peers.PORT) == "NOERROR", "Knot")
            daemon.run("zone", "refresh", CATALOG)
            node.wait_for(is_there("abcd"), "the first one again")
        except TimeoutError as error:
            yield f"{error}: {daemon.log()}{knot.log()}"


def check_reset_is_fetched_anew():
    """A member of another label has lost what was known of it: without its primary it is not served."""
    zones = f"  - {{domain: {CATALOG}, file: {CATALOG}.zone, catalog: secondary}}\n"
    with peers.Peer("knot", True, peers.zone_text(1)) as peer, Consumer(zones) as daemon:
        daemon.set(CATALOG, 1, [("one", peers.ZONE)])
        daemon.start()
        node.wait_for(lambda: peers.soa_serial(node.PORT) == 1, f"the member: {daemon.log()}")
        peer.stop()
        daemon.turn(CATALOG, 2, [("two", peers.ZONE)])
        if rcode(peers.ZONE) != "SERVFAIL" or daemon.show(peers.ZONE)["state"] != "expected":
            yield f"{rcode(peers.ZONE)}: {daemon.log()}"
        peer.start()
        daemon.run("zone", "refresh", peers.ZONE)
        try:
            node.wait_for(lambda: peers.soa_serial(node.PORT) == 1, "the member")
        except TimeoutError as error:
            yield f"{error}: {daemon.log()}"


def check_many():
    """5,000 members; one more among them, by IXFR, leaves the others alone."""
    members = [(f"m{number}", f"m{number}.example") for number in range(5000)]

    def lines(path):
        (path / "catalog.zone").write_text(catalog_text(1, members))
        return [*knot_head(path, "transfer"), "zone:", f"  - domain: {CATALOG}", f"    file: {path}/catalog.zone", "    acl: seawall",
                "    notify: seawall", "    zonefile-load: difference", "    journal-content: changes"]

    zones = SECONDARY.replace("template: secondary", "template: other")
    with Server("knot", lines) as knot, Consumer(zones) as daemon:
        node.wait_for(lambda: rcode(CATALOG, peers.PORT) == "NOERROR", "Knot")
        daemon.start()
        try:
            node.wait_for(lambda: rcode("m4999.example") == rcode("m0.example") == "NOERROR", "5,000 members")
            before = {zone["zone"]: zone["loaded"] for zone in daemon.status()["zones"]}
            (knot.path / "catalog.zone").write_text(catalog_text(2, members[1:] + [("more", "more.example")]))
            subprocess.run(["knotc", "-s", knot.path / "knot.sock", "zone-reload", CATALOG], capture_output=True, check=False)
            node.wait_for(lambda: rcode("more.example") == "NOERROR" and rcode("m0.example") == "REFUSED", "one more, one less")
        except TimeoutError as error:
            yield f"{error}: {daemon.log()[-3000:]}{knot.log()}"
            return
        after = {zone["zone"]: zone["loaded"] for zone in daemon.status()["zones"]}
        del before["m0.example."], before[f"{CATALOG}."]
        if len(after) != 5001 or any(after[zone] != loaded for zone, loaded in before.items()):
            yield f"{len(after)} zones"
        if not daemon.logs("members added 1, removed 1, reset 0, served otherwise 0"):
            yield f"{daemon.log()[-3000:]}"
        daemon.restart(kill=True)
        if len(daemon.status()["zones"]) != 5001 or rcode("more.example") != "NOERROR":
            yield f"after a crash: {daemon.log()[-3000:]}"


PRODUCER = f"""  - {{domain: a.test, template: member, notify: peer}}
  - {{domain: b.test, template: other, allow-transfer: key {peers.KEY}}}
  - {{domain: c.test, file: other.zone}}
  - domain: {CATALOG}
    catalog: {{produce: [{{template: member, group: with-updates}}, other]}}
    allow-transfer: key {peers.KEY}
    notify: peer
"""


def followed(daemon, server):
    """What a consumer serves follows what is added and removed here."""

    def is_there(zones):
        return lambda: {zone for zone in "abcd" if rcode(f"{zone}.test", peers.PORT) == "NOERROR"} == set(zones)

    try:
        node.wait_for(is_there("ab"), "two members")
        first = daemon.show(CATALOG)["serial"]
        daemon.run("zone", "add", "d.test", "--template", "member")
        node.wait_for(is_there("abd"), "a zone that was added")
        if daemon.show(CATALOG)["serial"] <= first:
            yield f"serial {first}, then {daemon.show(CATALOG)['serial']}"
        daemon.run("zone", "remove", "d.test")
        node.wait_for(is_there("ab"), "it gone again")
        serial = daemon.show(CATALOG)["serial"]
        for kill in (False, True):
            daemon.restart(kill)
            if daemon.show(CATALOG)["serial"] != serial:
                yield "a restart without a change makes another version"
        daemon.zones = daemon.zones.replace("  - {domain: b.test, template: other, ", "  - {domain: b.test, file: other.zone, ")
        daemon.configure(head(daemon, "zones:\n" + daemon.zones))
        daemon.run("reload")
        node.wait_for(is_there("a"), "one that left the template")
        diff = daemon.run("zone", "diff", CATALOG).stdout
        if diff.count("; serial") != 3 or diff.count("PTR") != 3 or 'TXT "with-updates"' not in diff:
            yield f"{diff}"
    except TimeoutError as error:
        yield f"{error}: {daemon.log()}{server.log()}"


def check_for_knot():
    """A catalog made here, interpreted by Knot."""

    def lines(path):
        return [*knot_head(path, "notify"), "template:", "  - id: member", "    master: seawall", "    acl: seawall",
                f"    storage: {path}", "zone:", f"  - domain: {CATALOG}", "    master: seawall", "    acl: seawall",
                f"    storage: {path}", "    catalog-role: interpret", "    catalog-template: member"]

    with Consumer(PRODUCER) as daemon:
        daemon.start()
        with Server("knot", lines) as knot:
            yield from followed(daemon, knot)


def check_for_bind():
    """A catalog made here, interpreted by BIND."""

    def lines(path):
        primary = f"{{ 127.0.0.1 port {node.PORT} key {peers.KEY}; }}"
        return [
            f'key {peers.KEY} {{ algorithm {peers.ALGORITHM}; secret "{peers.SECRET}"; }};', "options {",
            f' directory "{path}"; listen-on port {peers.PORT} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no;',
            f' pid-file "{path}/pid"; session-keyfile none; managed-keys-directory "{path}"; dnssec-validation no;',
            ' empty-zones-enable no; notify no; allow-new-zones yes; min-refresh-time 1; min-retry-time 1;',
            f' catalog-zones {{ zone "{CATALOG}" default-primaries {primary} in-memory yes min-update-interval 1; }};', "};",
            "controls { };", "logging { category default { default_stderr; }; };",
            f'zone "{CATALOG}" {{ type secondary; primaries {primary}; file "catalog"; masterfile-format text; }};',
        ]

    with Consumer(PRODUCER) as daemon:
        daemon.start()
        with Server("bind", lines) as bind:
            yield from followed(daemon, bind)


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
