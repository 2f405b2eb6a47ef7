# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at random moments, while updates come in and while versions of a zone are fetched.

What was acknowledged is there afterwards, what was not is there whole or not at all, and every version that is ever
served is one that the primary had.
"""

import random
import threading

import dns.query
import dns.rcode
import dns.update
import node
import peers
import tap

KILLS = 100  # for updates, and as many for transfers
ALIVE_S = 0.25  # at most, from ready to the kill

ZONE = dns.name.from_text(peers.ZONE)

# Updates come in on a connection each.
LIMITS = "tcp:\n  max-connections-per-prefix: 1000\n"


def config(daemon, source):
    zone = f"""  - domain: {peers.ZONE}
    {source}
    allow-transfer: key {peers.KEY}
"""
    return peers.config(daemon.path / "state", "primary", zone) + LIMITS


def updated(daemon):
    (daemon.path / "zone").write_text(f"@ 60 SOA ns1 hostmaster 1 3600 60 86400 60\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n")
    return config(daemon, f"file: {daemon.path / 'zone'}\n    allow-update: key {peers.KEY}")


def fetched(daemon):
    return config(daemon, "primaries: primary")


def records():
    """All of the zone as Seawall has it: {owner: {text}}, and its serial. None while it does not serve."""
    try:
        zone = peers.transfer()
    except (OSError, dns.exception.DNSException):
        return None
    texts = {}
    for name, _, rdata in zone.iterate_rdatas("TXT"):
        texts.setdefault(name.to_text(), set()).add(rdata.to_text().strip('"'))
    return texts, zone.get_soa().serial


class Updater(threading.Thread):
    """Adds pairs of names, one update after the other, and remembers what was acknowledged."""

    def __init__(self):
        super().__init__(daemon=True)
        self.acknowledged, self.sent, self.fault = set(), 0, None
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            number = self.sent
            self.sent += 1
            change = dns.update.Update(ZONE, keyring=peers.KEYRING)
            for half in ("a", "b"):
                change.add(f"{half}{number}", 60, "TXT", str(number))
            try:
                reply = dns.query.tcp(change, "127.0.0.1", port=node.PORT, timeout=2)
            except (OSError, EOFError, dns.exception.DNSException):
                self.ending.wait(0.002)  # nobody is there
                continue
            if reply.rcode() == dns.rcode.NOERROR:
                self.acknowledged.add(number)
            else:
                self.fault = self.fault or f"update {number}: {dns.rcode.to_text(reply.rcode())}"


def check_updates():
    """A hundred kills under updates: none that was acknowledged is lost, none is there by half."""
    with node.Node(is_started=False) as daemon:
        daemon.configure(updated(daemon))
        updater = Updater()
        updater.start()
        for kill in range(KILLS):
            daemon.start()
            updater.ending.wait(random.uniform(0, ALIVE_S))
            daemon.process.kill()
            daemon.process.wait()
            if updater.fault:
                yield f"kill {kill}: {updater.fault}"
                return
        updater.ending.set()
        updater.join()
        daemon.start()
        found = records()
        if not found:
            yield f"no transfer: {daemon.log()}"
            return
        halves = [{int(name[1:].split(".")[0]) for name in found[0] if name[0] == half} for half in "ab"]
        print(f"# {updater.sent} updates, {len(updater.acknowledged)} acknowledged, {len(halves[0])} there")
        if halves[0] != halves[1]:
            yield f"by half: {sorted(halves[0] ^ halves[1])}"
        if not updater.acknowledged <= halves[0]:
            yield f"lost: {sorted(updater.acknowledged - halves[0])}"
        if len(updater.acknowledged) < KILLS:
            yield f"only {len(updater.acknowledged)} updates were acknowledged"
        if found[1] != 1 + len(halves[0]):
            yield f"serial {found[1]} after {len(halves[0])} updates"


def version_text(serial):
    """A version of which each record says which it is."""
    lines = "".join(f"v{number} TXT {serial}\n" for number in range(2000))
    return peers.zone_text(serial, lines)


def check_transfers():
    """A hundred kills while versions are fetched: each that is served is a whole one."""
    with peers.Peer("knot", True, version_text(1)) as peer, node.Node(is_started=False) as daemon:
        daemon.configure(fetched(daemon))
        latest = 1
        seen = set()
        for kill in range(KILLS):
            daemon.start()
            latest += 1
            peer.change(version_text(latest))
            threading.Event().wait(random.uniform(0, ALIVE_S))
            found = records()
            daemon.process.kill()
            daemon.process.wait()
            if not found:
                continue
            versions = {text for name, texts in found[0].items() if name[0] == "v" for text in texts}
            seen |= versions
            if versions != {str(found[1])}:
                yield f"kill {kill}: serial {found[1]} with records of {sorted(versions)}"
        print(f"# {latest} versions, {len(seen)} of them seen")
        if len(seen) < KILLS // 10:
            yield f"only {len(seen)} versions were seen: {daemon.log()}"


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
