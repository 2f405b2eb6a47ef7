# SPDX-License-Identifier: GPL-3.0-or-later
"""'seawall zone add, remove, freeze, thaw, notify, sign, export, diff': what they do to a running node, and what is left after a restart."""

import json
import re
import socket
import subprocess
import time

import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.update
import dns.zone
import node
import peers
import tap

ZONE = """\
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
@ MX 10 ns
ns A 192.0.2.1
"""
# A record of each kind that text could spoil.
ODD = r"""
*.wild TXT "a \"quoted\" ; text" "\000\127\255 \\"
we\.ird\;name\032x A 192.0.2.2
UPPER CNAME Ns.Elsewhere.Test.
sub NS ns.sub
ns.sub AAAA 2001:db8::1
_dane TLSA 3 1 1 aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899
caa CAA 0 issue "ca.example; account=1"
naptr NAPTR 1 2 "s" "SIP+D2U" "!^.*$!sip:x@example.com!" _sip
svcb SVCB 1 . alpn=h2,h3 ipv4hint=192.0.2.3
loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
unknown TYPE65280 \# 4 0a000001
dname DNAME target.test.
srv SRV 1 2 53 ns
ds DS 12345 13 2 aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899
"""


LIVE = """\
  - domain: live.test
    template: live
"""


def config(daemon, more="", has_live=True):
    return f"""
server:
  listen: 127.0.0.1@{node.PORT}
  xdp: none
  state: {daemon.path / "state"}
keys:
  - name: {peers.KEY}
    algorithm: {peers.ALGORITHM}
    secret: {peers.SECRET}
templates:
  - name: live
    file: "zones/%s.zone"
    allow-transfer: key {peers.KEY}
    allow-update: key {peers.KEY}
  - name: named
    file: "zones/%s.zone"
    allow-update: {{key: {peers.KEY}, name: _acme.@}}
zones:
{LIVE if has_live else ""}  - domain: plain.test
    file: plain.zone
{more}"""


class Commanded(node.Node):
    """A node with a zone that is live and one that is not."""

    def __init__(self, more="", text=ZONE, has_live=True):
        super().__init__(is_started=False)
        (self.path / "zones").mkdir()
        for name in ("zones/live.test.zone", "plain.zone", "zones/added.test.zone"):
            (self.path / name).write_text(text)
        self.configure(config(self, more, has_live))
        self.start()

    def ok(self, *words):
        ran = self.run("zone", *words)
        if ran.returncode:
            raise RuntimeError(f"{words}: {ran.returncode} {ran.stderr}{self.log()}")
        return ran.stdout

    def show(self, zone):
        return json.loads(self.ok("show", zone, "--json"))


def rcode(zone):
    reply = dns.query.udp(dns.message.make_query(zone, "SOA"), "127.0.0.1", timeout=node.LIMIT_S, port=node.PORT)
    return dns.rcode.to_text(reply.rcode())


def transfer(zone):
    return peers.transfer(f"{zone}.")


def records(zone):
    return sorted(
        f"{name} {rdataset.ttl} {dns.rdatatype.to_text(rdataset.rdtype)} {rdata.to_digestable().hex()}"
        for name, rdataset in zone.iterate_rdatasets()
        for rdata in rdataset
    )


def update(text, name="added"):
    change = dns.update.Update("live.test.", keyring=peers.KEYRING)
    change.replace(name, 60, "TXT", f'"{text}"')
    reply = dns.query.tcp(change, "127.0.0.1", timeout=node.LIMIT_S, port=node.PORT)
    return dns.rcode.to_text(reply.rcode())


def check_add_and_remove():
    """A zone added is served at once and after restarts of both kinds, and gone for good when it is removed."""
    with Commanded() as daemon:
        if rcode("added.test") != "REFUSED":
            yield "served before"
        if "serving" not in daemon.ok("add", "added.test", "--template", "live"):
            yield "what 'add' prints"
        daemon.ok("add", "file.test", "--file", daemon.path / "plain.zone", "--json")
        for kill in (None, False, True):
            if kill is not None:
                daemon.restart(kill)
            for zone in ("added.test", "file.test", "live.test"):
                if rcode(zone) != "NOERROR":
                    yield f"{zone} is {rcode(zone)} after {kill}: {daemon.log()}"
            if daemon.show("added.test")["origin"] != "added" or daemon.show("live.test")["origin"] != "configuration":
                yield f"origin: {daemon.show('added.test')}"
        daemon.run("reload")
        if rcode("added.test") != "NOERROR":
            yield f"gone with a reload: {daemon.log()}"
        if len(transfer("added.test").nodes) != 2:
            yield "not transferred whole"
        daemon.ok("remove", "added.test")
        for kill in (None, True):
            if kill is not None:
                daemon.restart(kill)
            if rcode("added.test") != "REFUSED" or rcode("file.test") != "NOERROR":
                yield f"after 'remove': {rcode('added.test')}: {daemon.log()}"
        daemon.ok("add", "added.test", "--template", "live")
        daemon.configure(config(daemon, "  - domain: added.test\n    template: live\n"))
        daemon.run("reload")
        if daemon.show("added.test")["origin"] != "configuration":
            yield f"told and added: {daemon.log()}"


def check_refusals():
    """What must not be done is not, says why, and changes nothing."""
    with Commanded() as daemon:
        (daemon.path / "broken.zone").write_text("@ SOA broken\n")
        daemon.ok("add", "file.test", "--file", daemon.path / "plain.zone")
        for words, why in [
            (["add", "live.test", "--template", "live"], "the configuration has this zone"),
            (["add", "file.test", "--file", "x"], "this zone was added already"),
            (["add", "x.test", "--template", "nothing"], "no template 'nothing'"),
            (["add", "x.test", "--template", "named"], "names names"),
            (["add", "x.test"], "a zone needs a file"),
            (["add", "x.test", "--file", daemon.path / "broken.zone"], "broken.zone:1"),
            (["add", "x.test", "--file", daemon.path / "missing.zone"], "missing.zone"),
            (["add", "a..b", "--file", "x"], "is not a domain name"),
            (["remove", "live.test"], "the configuration has this zone"),
            (["remove", "x.test"], "no such zone"),
            (["freeze", "x.test"], "no such zone"),
            (["export", "x.test"], "no such zone"),
        ]:
            before = len(daemon.log())
            ran = daemon.run("zone", *words)
            if ran.returncode != 1 or why not in ran.stderr:
                yield f"{words}: {ran.returncode} {ran.stderr}"
            said = daemon.log()[before:]
            if words[:2] == ["add", "x.test"] and ("SERVFAIL" in said or "removed" in said or "x.test.: not added by a command: " not in said):
                yield f"logged of {words}: {said}"
        for words in (["add"], ["add", "a", "b"], ["show", "a", "--file", "x"], ["diff", "live.test", "one"], ["nothing"]):
            if daemon.run("zone", *words).returncode != 2:
                yield f"{words}: {daemon.run('zone', *words)}"
        for kill in (None, False):
            if kill is not None:
                daemon.restart(kill)
            if rcode("x.test") != "REFUSED" or rcode("file.test") != "NOERROR":
                yield f"x.test: {rcode('x.test')}, file.test: {rcode('file.test')}"


def check_freeze():
    """A frozen zone takes no updates, and its file only when it is thawed."""
    with Commanded() as daemon:
        if update("one") != "NOERROR":
            yield "an update before"
        if "frozen" not in daemon.ok("freeze", "live.test"):
            yield "what 'freeze' prints"
        daemon.ok("freeze", "plain.test")
        if daemon.ok("list").count("  frozen") != 2:
            yield f"frozen, listed: {daemon.ok('list')}"
        if update("two") != "REFUSED" or not daemon.show("live.test")["frozen"]:
            yield f"updated: {daemon.show('live.test')}"
        (daemon.path / "plain.zone").write_text(ZONE.replace("hostmaster 1", "hostmaster 2"))
        daemon.run("reload")
        if daemon.show("plain.test")["serial"] != 1 or "frozen" not in daemon.run("reload", "plain.test").stderr:
            yield f"read while frozen: {daemon.show('plain.test')}"
        daemon.ok("thaw", "live.test")
        daemon.ok("thaw", "plain.test")
        daemon.run("reload")
        if update("two") != "NOERROR" or daemon.show("plain.test")["serial"] != 2:
            yield f"after 'thaw': {daemon.show('plain.test')}"
        daemon.ok("freeze", "live.test")
        daemon.restart()
        if update("three") != "NOERROR":
            yield "frozen after a restart"


def check_frozen_secondary():
    """A frozen secondary asks nobody; thawed, it catches up."""
    more = f"  - domain: {peers.ZONE}\n    primaries: primary\n"
    with peers.Peer("knot", True, peers.zone_text(1)) as peer, node.Node(is_started=False) as daemon:
        daemon.configure(
            f"""
server: {{listen: 127.0.0.1@{node.PORT}, xdp: none, state: {daemon.path / "state"}}}
keys:
  - {{name: {peers.KEY}, secret: {peers.SECRET}}}
remotes:
  - {{name: primary, address: 127.0.0.1@{peers.PORT}, key: {peers.KEY}}}
zones:
{more}"""
        )
        daemon.start()
        node.wait_for(lambda: peers.soa_serial(node.PORT) == 1, "the first version")
        daemon.run("zone", "freeze", peers.ZONE)
        peer.change(peers.zone_text(2))
        node.wait_for(lambda: peer.serial() == 2, "the second version")
        daemon.run("zone", "retransfer", peers.ZONE)
        shown = json.loads(daemon.run("zone", "show", peers.ZONE, "--json").stdout)
        if shown["serial"] != 1 or not shown["frozen"]:
            yield f"{shown}"
        daemon.run("zone", "thaw", peers.ZONE)
        node.wait_for(lambda: peers.soa_serial(node.PORT) == 2, f"the second version here: {daemon.log()}")


def check_list():
    """A list has of secondaries when they ask next and when they expire, fits 100 columns, and --json has the times."""
    longest = "as-long-as.fits.the.column."
    zones = f"""  - {{domain: {peers.ZONE}, primaries: primary}}
  - {{domain: {longest}, file: plain.zone, dnssec: on}}
remotes:
  - {{name: primary, address: 127.0.0.1@{peers.PORT}, key: {peers.KEY}}}
"""
    with peers.Peer("knot", True, peers.zone_text(1)), Commanded(zones, has_live=False) as daemon:
        node.wait_for(lambda: peers.soa_serial(node.PORT) == 1, f"the first version: {daemon.log()}")
        now = time.time()
        lines = {line.split()[0]: line for line in daemon.ok("list").splitlines()}
        cells = lines["live.test."].split()
        # refresh 3600 s, up to a tenth less; expire a day, less what has passed
        if not re.fullmatch(r"5\dm\d\ds|1h00m", cells[5]) or not re.fullmatch(r"23h59m|1d00h", cells[6]):
            yield lines["live.test."]
        listed = {zone["zone"]: zone for zone in json.loads(daemon.ok("list", "--json"))}
        secondary = listed["live.test."]["secondary"]
        if not (now + 3000 < secondary["next"] < now + 3601 and now + 86300 < secondary["expires"] < now + 86401):
            yield f"{secondary}"
        if secondary != daemon.show("live.test")["secondary"] or "secondary" in listed["plain.test."]:
            yield f"{listed}"
        if lines["plain.test."].split()[5:] != ["-", "-"] or lines["zone"].split()[5:] != ["refresh", "expires"]:
            yield daemon.ok("list")
        daemon.ok("freeze", "live.test")
        daemon.ok("freeze", longest)
        text = daemon.ok("list")
        frozen = next(line.split() for line in text.splitlines() if line.startswith("live.test"))
        if frozen[5] != "-" or frozen[6] == "-" or frozen[7] != "frozen":
            yield text
        wide = [line for line in text.splitlines() if len(line) > 100]
        if wide or not any(line.endswith("  signed  frozen") for line in text.splitlines()):
            yield text


def check_show():
    """From where a zone comes, who is told, whether it takes updates; of one that was never loaded no serial and size"""
    key = f"key: {peers.KEY}"
    more = f"""  - {{domain: from.test, primaries: [first, second], allow-update: key {peers.KEY}, forward-updates: on}}
  - {{domain: to.test, file: plain.zone, notify: second}}
remotes:
  - {{name: first, address: [127.0.0.1@{peers.PORT}, "::1@{peers.PORT}"], {key}}}
  - {{name: second, address: 127.0.0.2@{peers.PORT}, tls: on}}
"""
    first = {"remote": "first", "addresses": [f"127.0.0.1@{peers.PORT}", f"::1@{peers.PORT}"], "key": f"{peers.KEY}.", "tls": False}
    second = {"remote": "second", "addresses": [f"127.0.0.2@{peers.PORT}"], "key": None, "tls": True}
    wanted = {
        "from.test": ([first, second], [], "forwarded", None),
        "to.test": ([], [second], "refused", 1),
        "live.test": ([], [], "taken", 1),
        "plain.test": ([], [], "refused", 1),
    }
    with Commanded(more) as daemon:
        for zone, values in wanted.items():
            shown = daemon.show(zone)
            got = tuple(shown[key] for key in ("primaries", "notify", "updates", "serial"))
            if got != values:
                yield f"{zone}: {got}"
            if (shown["names"] is None) != (values[3] is None):
                yield f"{zone}: {shown['names']} names"
        text = daemon.ok("show", "from.test")
        for line in (
            f"primary      first: 127.0.0.1@{peers.PORT}, ::1@{peers.PORT}; key {peers.KEY}.\n",
            f"primary      second: 127.0.0.2@{peers.PORT}; over TLS\n",
            "updates      passed on to the first primary\n",
            "serial       none: no version is served\n",
        ):
            if line not in text:
                yield f"not shown: {line}: {text}"
        if "size" in text or "notifies" in text:
            yield text
        if f"notifies     second: 127.0.0.2@{peers.PORT}; over TLS\n" not in daemon.ok("show", "to.test"):
            yield daemon.ok("show", "to.test")
        listed = next(line.split() for line in daemon.ok("list").splitlines() if line.startswith("from.test"))
        if listed[:5] != ["from.test.", "expected", "-", "-", "-"] or listed[6:] != ["-"]:
            yield f"{listed}"


class Listener:
    """A server that is told of zones: it answers each NOTIFY, when it is asked for the next."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, peers.PORT))
        self.socket.settimeout(node.LIMIT_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def next(self):
        """Zone, serial, and the ID, which is another for each try."""
        wire, peer = self.socket.recvfrom(65535)
        message = dns.message.from_wire(wire)
        self.socket.sendto(dns.message.make_response(message).to_wire(), peer)
        if message.opcode() != dns.opcode.NOTIFY:
            raise ValueError(f"{message}")
        return str(message.question[0].name), message.answer[0][0].serial, message.id


def not_refused(daemon, verb, why):
    """Zones for which the verb is not refused, or in other words: those it is nothing for, one that is not served, none."""
    for zone, words in (
        ("live.test", why),
        ("plain.test", why),
        ("from.test", "no version of it is served: it is expected"),
        ("x.test", "no such zone"),
    ):
        ran = daemon.run("zone", verb, zone)
        if ran.returncode != 1 or words not in ran.stderr:
            yield f"{verb} {zone}: {ran}"


def check_notify():
    """The remotes of a zone, and of no other, are told once more of the version that they heard of; or it says why not."""
    more = f"""  - {{domain: to.test, file: plain.zone, notify: [second, third]}}
  - {{domain: another.test, file: plain.zone, notify: second}}
  - {{domain: from.test, primaries: nobody, notify: second}}
remotes:
  - {{name: second, address: 127.0.0.2@{peers.PORT}}}
  - {{name: third, address: 127.0.0.3@{peers.PORT}}}
  - {{name: nobody, address: 127.0.0.4@{peers.PORT}}}
"""
    with Listener("127.0.0.2") as second, Listener("127.0.0.3") as third, Commanded(more) as daemon:
        if sorted(second.next()[:2] for _ in range(2)) != [("another.test.", 1), ("to.test.", 1)] or third.next()[:2] != ("to.test.", 1):
            yield "at the start"
        node.wait_for(lambda: daemon.status()["notifies"]["out"]["running"] == 0, "nobody to be told any more")
        for words in ([], ["--json"]):
            said = daemon.ok("notify", "TO.test", *words)
            for listener in (second, third):
                if listener.next()[:2] != ("to.test.", 1):
                    yield f"told {words}"
        if json.loads(said) != {"ok": True, "zone": "to.test.", "serial": 1, "notify": ["second", "third"]}:
            yield said
        if daemon.ok("notify", "to.test") != "to.test. serial 1: told are second, third\n":
            yield "what 'notify' prints"
        second.next()
        node.wait_for(lambda: daemon.status()["notifies"]["out"]["heard"] >= 8 or third.next(), "the third to be told")
        yield from not_refused(daemon, "notify", "nobody is notified of it")


def check_sign_refusals():
    """What is not signed here is not signed by a command, and it says why."""
    more = f"""  - {{domain: signed.test, file: plain.zone, dnssec: on}}
  - {{domain: from.test, primaries: nobody, dnssec: on}}
remotes:
  - {{name: nobody, address: 127.0.0.4@{peers.PORT}}}
"""
    with Commanded(more) as daemon:
        if daemon.ok("sign", "signed.test") != "signed.test. is being signed: 'seawall zone show' says when that is done\n":
            yield "what 'sign' prints"
        yield from not_refused(daemon, "sign", "it is not signed here: 'dnssec' in the configuration would have it signed")


def check_export():
    """What is exported is what a transfer gives, for zones kept and for those of files, and BIND reads it."""
    with Commanded(text=ZONE + ODD) as daemon:
        update("one")
        served = records(transfer("live.test"))
        file = daemon.path / "export.zone"
        for zone in ("live.test", "plain.test"):
            daemon.ok("export", zone, file)
            text = daemon.ok("export", zone)
            if text != file.read_text():
                yield f"{zone}: the file differs from standard output"
            read = records(dns.zone.from_text(text, f"{zone}.", relativize=False))
            wanted = served if zone == "live.test" else [
                line for line in (line.replace("live.test.", "plain.test.") for line in served) if not line.startswith("added.")
            ]
            if zone == "live.test" and read != wanted:
                yield f"{zone}: {set(read) ^ set(wanted)}"
            if len(read) != len(wanted):
                yield f"{zone}: {len(read)} records of {len(wanted)}"
            ran = subprocess.run(
                ["named-checkzone", "-k", "ignore", "-n", "ignore", "-i", "none", zone, file], capture_output=True, text=True, check=False
            )
            if ran.returncode:
                yield f"{zone}: {ran.stdout}{ran.stderr}"
        if [path.name for path in daemon.path.glob("export.zone*")] != ["export.zone"]:
            yield "something was left beside the file"
            if daemon.run("check", "--zone", f"{zone}={file}").returncode:
                yield f"{zone}: Seawall does not read what it wrote"
        ran = daemon.run("zone", "export", "live.test", "/nowhere/x")
        if ran.returncode != 1 or "/nowhere/x" not in ran.stderr:
            yield f"nowhere: {ran}"


def check_diff():
    """Each version's records, from a serial on or as far as the journal goes."""
    with Commanded() as daemon:
        update("one")
        update("two")
        update("three")
        whole, last = daemon.ok("diff", "live.test"), daemon.ok("diff", "live.test", "3")
        if [line for line in whole.splitlines() if line.startswith(";")] != [
            "; serial 1 to 2", "; serial 2 to 3", "; serial 3 to 4",
        ]:
            yield f"{whole}"
        wanted = ['- added.live.test. 60 IN TXT "two"', '+ added.live.test. 60 IN TXT "three"']
        if [line for line in last.splitlines() if "TXT" in line] != wanted or sum("SOA" in line for line in last.splitlines()) != 2:
            yield f"{last}"
        versions = json.loads(daemon.ok("diff", "live.test", "2", "--json"))
        if [(version["from"], version["to"]) for version in versions] != [(2, 3), (3, 4)]:
            yield f"{versions}"
        if daemon.ok("diff", "live.test", "4") != "":
            yield "from the serial there is"
        for zone, serial, why in [("live.test", "99", "does not reach back"), ("plain.test", "1", "no journal")]:
            ran = daemon.run("zone", "diff", zone, serial)
            if ran.returncode != 1 or why not in ran.stderr:
                yield f"{zone} {serial}: {ran}"


def check_added_among_many():
    """A zone added and removed among thousands leaves the others alone."""
    with node.Node(is_started=False) as daemon:
        (daemon.path / "zone").write_text(ZONE)
        (daemon.path / "list").write_text("".join(f"z{number}.test\tzone\n" for number in range(5000)))
        daemon.configure(
            f"server: {{listen: 127.0.0.1@{node.PORT}, xdp: none, state: {daemon.path / 'state'}}}\nzone-list: list\n"
        )
        daemon.start()
        before = {zone["zone"]: zone["loaded"] for zone in daemon.status()["zones"]}
        for number in range(20):
            daemon.run("zone", "add", f"z{number}x.test", "--file", daemon.path / "zone")
        daemon.run("zone", "remove", "z7x.test")
        after = {zone["zone"]: zone["loaded"] for zone in daemon.status()["zones"]}
        if len(after) != 5019 or any(after[zone] != loaded for zone, loaded in before.items()):
            yield f"{len(after)} zones: {daemon.log()[-1000:]}"
        if rcode("z7x.test") != "REFUSED" or rcode("z8x.test") != "NOERROR" or rcode("z8.test") != "NOERROR":
            yield "what is served"
        if list(after) != [zone["zone"] for zone in sorted(daemon.status()["zones"], key=lambda z: z["zone"].split(".")[::-1])]:
            yield "not in order"


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
