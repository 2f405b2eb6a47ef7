# SPDX-License-Identifier: GPL-3.0-or-later
"""Reloading: under load no query is lost, and what is broken changes nothing."""

import os
import re
import select
import signal
import socket
import threading

import dns.message
import dns.query
import dns.rdatatype
import dns.update
import node
import tap

RELOADS = 50
IN_FLIGHT = 64
NAMES = 3000  # so that a reload takes a while


QUESTION = node.query("serial.example.com", "TXT", message_id=0)[2:]


def ask(number):
    """The same query under an id."""
    return number.to_bytes(2, "big") + QUESTION


class Asker(threading.Thread):
    """Keeps queries in flight, and counts those that are never answered."""

    def __init__(self, name):
        super().__init__(daemon=True)
        self.name = name
        self.asked = self.lost = 0
        self.serials = []  # as answered, in order
        self.fault = None
        self.ending = threading.Event()

    def note(self, wire):
        message = dns.message.from_wire(wire)
        texts = [rr.to_text() for rrset in message.answer for rr in rrset if rr.rdtype == dns.rdatatype.TXT]
        if len(texts) != 1:
            self.fault = self.fault or f"{message}"
        elif not self.serials or self.serials[-1] != texts[0]:
            self.serials.append(texts[0])

    def run(self):
        try:
            self.work()
        except Exception as error:  # pylint: disable=broad-except
            self.fault = f"{error!r}"


class UdpAsker(Asker):
    def work(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", node.PORT))
            waiting = set()
            while waiting or not self.ending.is_set():
                while len(waiting) < IN_FLIGHT and not self.ending.is_set():
                    number = self.asked % 65536
                    client.send(ask(number))
                    waiting.add(number)
                    self.asked += 1
                if not select.select([client], [], [], 5)[0]:
                    self.lost += len(waiting)
                    return
                wire = client.recv(4096)
                waiting.discard(node.message_id(wire))
                self.note(wire)


class TcpAsker(Asker):
    def work(self):
        while not self.ending.is_set():
            with node.Stream() as client:  # a new connection now and then
                for _ in range(20):
                    client.send(*(ask(n) for n in range(IN_FLIGHT)))
                    self.asked += IN_FLIGHT
                    for number in range(IN_FLIGHT):
                        wire = client.frame()
                        if wire is None or node.message_id(wire) != number:
                            self.lost += IN_FLIGHT - number
                            return
                        self.note(wire)


def load(*options):
    """Reload again and again while clients ask; an answer from a version before the last one seen is a fault too."""
    with node.Node(options=options, listen=("127.0.0.1",)) as daemon:
        daemon.zone.write_text(node.zone_text(0, NAMES))
        daemon.run("reload")
        askers = [UdpAsker("udp1"), UdpAsker("udp2"), TcpAsker("tcp")]
        for asker in askers:
            asker.start()
        for serial in range(1, RELOADS + 1):
            daemon.zone.write_text(node.zone_text(serial, NAMES))
            done = daemon.run("reload", *(["example.com"] if serial % 2 else []))
            if done.returncode:
                yield f"reload {serial}: {done.stderr}"
        last = f'"{RELOADS}"'
        try:
            node.wait_for(lambda: all(asker.fault or asker.serials[-1:] == [last] for asker in askers), "the last serial")
        except TimeoutError as error:
            yield f"{error}"
        for asker in askers:
            asker.ending.set()
        for asker in askers:
            asker.join(node.LIMIT_S)
            if asker.fault or asker.lost or not asker.asked:
                yield f"{asker.name}: {asker.asked} asked, {asker.lost} lost, {asker.fault}"
            seen = [int(text.strip('"')) for text in asker.serials]
            if seen != sorted(seen):
                yield f"{asker.name}: an old version came back: {seen}"
        status = daemon.status()
        kernel, sockets = (status[part]["verdicts"]["answered"] for part in ("kernel", "udp"))
        print(f"# {sum(asker.asked for asker in askers)} queries; UDP: {kernel} by the kernel, {sockets} by sockets")
        if kernel + sockets != askers[0].asked + askers[1].asked:
            yield f"{kernel} + {sockets} answered by UDP"
        if "lo" in options and node.has_kernel() and sockets:
            yield "the kernel part left queries to the sockets"


def check_load_sockets():
    """Sockets: fifty reloads while UDP and TCP clients keep asking, and not one query is lost."""
    yield from load("--xdp", "none")


def check_load_kernel():
    """Kernel: fifty reloads while UDP and TCP clients keep asking, and not one query is lost."""
    yield from load("--xdp", "lo")


def serial_of(daemon, zone="example.com."):
    return next((known["serial"] for known in daemon.status()["zones"] if known["zone"] == zone), None)


def rcode(name):
    wire, _ = node.datagram("127.0.0.1", node.query(name, "SOA"))
    return dns.message.from_wire(wire).rcode()


def check_broken():
    """A broken zone is refused with file and line; the version before goes on serving."""
    with node.Node() as daemon:
        daemon.zone.write_text(node.zone_text(2, broken=True))
        for arguments in ([], ["example.com"]):
            done = daemon.run("reload", *arguments)
            if done.returncode != 1:
                yield f"exit status {done.returncode}"
            if f"{daemon.zone}:" not in done.stderr or "goes on serving" not in done.stderr:
                yield f"said: {done.stderr}"
        zone = daemon.status()["zones"][0]
        if zone["state"] != "outdated" or zone["serial"] != 1 or str(daemon.zone) not in zone["reason"]:
            yield f"status: {zone}"
        if rcode("example.com") != 0:
            yield "the version before is not served"
        daemon.zone.unlink()
        if daemon.run("reload", "example.com").returncode != 1 or rcode("example.com") != 0:
            yield "a missing file changes what is served"
        daemon.zone.write_text(node.zone_text(3))
        if daemon.run("reload", "EXAMPLE.com.").returncode != 0 or serial_of(daemon) != 3:
            yield f"the mended zone is not served: {daemon.status()['zones']}"
        if daemon.status()["zones"][0]["reason"]:
            yield "the reason stays"


def check_start_broken():
    """Zones that are broken at the start stop no other: they get SERVFAIL, and log and status say why."""
    with node.Node() as daemon:
        daemon.stop()
        bad, none, costly = (daemon.path / name for name in ("bad.zone", "none", "costly.zone"))
        bad.write_text(node.zone_text(broken=True))
        costly.write_text(node.zone_text() + "@ NSEC3PARAM 1 0 151 -\n")
        files = {"bad.test": bad, "none.test": none, "costly.test": costly}
        options = [word for zone, path in files.items() for word in ("--zone", f"{zone}={path}")]
        reasons = {
            "bad.test.": f"{bad}:{len(bad.read_text().splitlines())}: error: ",
            "none.test.": f"{none}: error: ",
            "costly.test.": "NSEC3PARAM with more than 150 iterations",
        }
        with node.Node(options=options) as second:
            zones = {zone.pop("zone"): zone for zone in second.status()["zones"]}
            states = {name: zone["state"] for name, zone in zones.items()}
            if states != {"example.com.": "serving", **dict.fromkeys(reasons, "refused")}:
                yield f"{states}"
            if rcode("example.com") != 0:
                yield "the good zone is not served"
            for name, reason in reasons.items():
                if rcode(name) != 2:
                    yield f"{name}: not SERVFAIL"
                said = [node.extended_errors(name), node.extended_errors(name, dns.query.tcp), node.extended_errors(name, use_edns=False)]
                if said != [[24], [24], []]:
                    yield f"{name}: extended errors {said}"
            if node.extended_errors("example.com"):
                yield "an extended error beside an answer"
                if not zones[name]["reason"].startswith(reason):
                    yield f"status of {name}: {zones[name]['reason']}"
                if not any(f"zone {name}: {reason}" in line for line in second.log().splitlines()):
                    yield f"the log does not say why {name} is refused: {second.log()}"
            if second.run("status").returncode != 0 or second.run("reload").returncode != 1:
                yield "exit statuses: status tells and is 0, reload repeats the refusal and is 1"
            bad.write_text(node.zone_text())
            if second.run("reload", "bad.test").returncode != 0 or rcode("bad.test") != 0:
                yield "a mended zone is not served"


def check_unchanged():
    """Files that are as they were are not read again, except for a zone asked for by name; included files count."""
    with node.Node() as daemon:
        more = daemon.path / "more"
        more.write_text("more 300 IN A 192.0.2.1\n")
        daemon.zone.write_text(node.zone_text(2) + f"$INCLUDE {more}\n")

        def reload(*arguments):
            return daemon.run("reload", *arguments).stdout.split(" in ")[0]

        loaded, same = (f"{n} zone(s) loaded, {1 - n} unchanged, 0 refused, 0 removed" for n in (1, 0))
        if (said := reload()) != loaded:
            yield f"files written just now: {said}"
        node.wait_for(lambda: reload() == same, "files old enough to be left alone")
        if (said := reload("example.com")) != loaded:
            yield f"asked for by name: {said}"
        for what, path in (("zone", daemon.zone), ("included", more)):
            node.wait_for(lambda: reload() == same, "files old enough to be left alone")
            times = path.stat()
            fresh = path.with_suffix(".new")
            fresh.write_text(path.read_text().replace("192.0.2.1", "192.0.2.9"))
            os.utime(fresh, ns=(times.st_atime_ns, times.st_mtime_ns))
            fresh.rename(path)  # same size, same time of modification
            if (said := reload()) != loaded:
                yield f"{what} file replaced: {said}"
        wire, _ = node.datagram("127.0.0.1", node.query("more.example.com"))
        if "192.0.2.9" not in dns.message.from_wire(wire).to_text():
            yield "the new included file is not served"
        more.unlink()
        done = daemon.run("reload")
        if done.returncode != 1 or "goes on serving" not in done.stderr:
            yield f"an included file is missing: {done}"


CATALOG = """\
$TTL 300
@ SOA invalid. hostmaster 1 3600 600 86400 300
@ NS invalid.
version TXT "2"
"""


def check_unchanged_live():
    """The same of zones that change while they are served: also after an update, after a restart, signed, and of catalogs."""
    kinds = ["updated", "transferred", "signed", "both", "catalog"]
    with node.Node(is_started=False) as daemon:
        for kind in kinds:
            (daemon.path / kind).write_text(CATALOG if kind == "catalog" else node.zone_text(1))

        def configure(dnssec):
            daemon.configure(
                f"""
server: {{listen: 127.0.0.1@{node.PORT}, xdp: none, state: {daemon.path / "state"}}}
templates:
  - {{name: member, file: "%s"}}
zones:
  - {{domain: updated.test, file: updated, allow-update: 127.0.0.1}}
  - {{domain: transferred.test, file: transferred, allow-transfer: 127.0.0.1}}
  - {{domain: signed.test, file: signed, dnssec: {dnssec}}}
  - {{domain: both.test, file: both, allow-update: 127.0.0.1, dnssec: {dnssec}}}
  - {{domain: catalog.test, file: catalog, catalog: member}}
"""
            )

        def counts():
            done = daemon.run("reload")
            return tuple(int(number) for number in re.findall(r"(\d+) (?:zone\(s\) loaded|unchanged|refused)", done.stdout)) or done.stderr

        def is_settled():
            return counts() == (0, len(kinds), 0)

        def update(zone, name):
            change = dns.update.Update(zone)
            change.add(name, 60, "A", "192.0.2.9")
            if dns.query.tcp(change, "127.0.0.1", timeout=node.LIMIT_S, port=node.PORT).rcode() != 0:
                raise RuntimeError(f"an update of {zone}: {daemon.log()}")

        configure("on")
        daemon.start()
        for name in ("before", "after"):
            node.wait_for(is_settled, f"nothing to load: {counts()}: {daemon.log()}")
            for zone in ("updated.test", "both.test"):
                update(zone, name)
            if (said := counts()) != (0, 5, 0):
                yield f"updated {name} a restart: {said}"
            daemon.restart()
        node.wait_for(is_settled, f"nothing to load: {counts()}: {daemon.log()}")
        configure("{validity: 10d, refresh: 4d}")
        if (said := counts()) != (2, 3, 0):
            yield f"signed otherwise: {said}"
        node.wait_for(is_settled, "nothing to load once more")
        for kind in ("updated", "signed", "both"):
            (daemon.path / kind).write_text(node.zone_text(10) + "edited A 192.0.2.10\n")
        if (said := counts()) != (3, 2, 0):
            yield f"edited: {said}"
        for zone in ("updated.test", "signed.test", "both.test"):
            wire, _ = node.datagram("127.0.0.1", node.query(f"edited.{zone}"))
            if "192.0.2.10" not in dns.message.from_wire(wire).to_text():
                yield f"{zone}: the file is not served: {daemon.log()}"


def check_unknown():
    """A zone that is not here cannot be reloaded."""
    with node.Node() as daemon:
        done = daemon.run("reload", "example.org")
        if done.returncode != 1 or "no zone example.org. here" not in done.stderr:
            yield f"{done}"


def check_list():
    """SIGHUP reads configuration and zone lists again: zones come and go, bad input changes nothing."""
    with node.Node(config="zone-list: list\n", ready=False) as daemon:
        zones = daemon.path / "list"
        daemon.process.wait()  # there is no list yet
        if "list: No such file or directory" not in daemon.log() or daemon.process.returncode != 2:
            yield f"{daemon.process.returncode}: {daemon.log()}"
        zones.write_text("# ours\n\nexample.net\texample.com.zone\n")
        options = ["--zone-list", str(zones)]
        with node.Node(options=options) as second:
            if rcode("example.net") != 0 or rcode("example.org") != 5:
                yield "not the zones of the list"
            zones.write_text("example.org\texample.com.zone\n")
            second.process.send_signal(signal.SIGHUP)
            node.wait_for(lambda: rcode("example.org") == 0, "a new zone to be served")
            node.wait_for(lambda: rcode("example.net") == 5, "a zone that left the list to go")
            zones.write_text("example.org example.com.zone\n")
            done = second.run("reload")
            if done.returncode != 1 or "list:1: ORIGIN<TAB>FILE expected" not in done.stderr:
                yield f"{done}"
            if rcode("example.org") != 0 or rcode("example.com") != 0:
                yield "a broken list changed what is served"


def check_limits():
    """A reload changes limits and identity; what needs a restart is said."""
    with node.Node(config="tcp: {idle-timeout: 30s}\n") as daemon:
        with node.Stream() as client:
            client.ask(node.query())
            (daemon.path / "seawall.yaml").write_text(
                "server: {udp-workers: 7, identity: ns7}\ntcp: {idle-timeout: 200ms}\n"
            )
            if daemon.run("reload").returncode:
                yield "reload failed"
            if "restart to change them" not in daemon.log():
                yield "the log does not ask for a restart"
            if client.ending() != "closed":
                yield "the new idle time does not hold"
        wire, _ = node.datagram("127.0.0.1", node.query("id.server", "TXT", rdclass="CH"))
        if "ns7" not in dns.message.from_wire(wire).to_text():
            yield "the new identity is not told"


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
