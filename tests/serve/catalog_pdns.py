# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalog zones (RFC 9432) between Seawall and PowerDNS, each as producer and as consumer."""

import sqlite3
import subprocess
from pathlib import Path

import catalog
import node
import peers
import tap

SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")


class PowerDns(peers.Server):
    """PowerDNS with its zones in SQLite: its reader of zone files knows nothing of catalogs."""

    def __init__(self):
        super().__init__("pdns", ["pdns_server"])
        self.argv.append(f"--config-dir={self.path}")
        with sqlite3.connect(self.path / "zones.db") as zones:
            zones.executescript(SCHEMA.read_text())
        zones.close()
        lines = [
            "launch=gsqlite3", f"gsqlite3-database={self.path}/zones.db", "gsqlite3-dnssec=yes", "local-address=127.0.0.1",
            f"local-port={peers.PORT}", f"socket-dir={self.path}", "daemon=no", "guardian=no", "disable-syslog=yes", "write-pid=no",
            "receiver-threads=1", "distributor-threads=1", "security-poll-suffix=", "cache-ttl=0", "query-cache-ttl=0",
            "negquery-cache-ttl=0", "zone-cache-refresh-interval=1", "zone-metadata-cache-ttl=0", "consistent-backends=no",
            "primary=yes", "secondary=yes", "xfr-cycle-interval=1", "allow-axfr-ips=127.0.0.1", "allow-notify-from=127.0.0.1",
            "only-notify=127.0.0.1", f"also-notify=127.0.0.1:{node.PORT}", "loglevel=5",
        ]
        (self.path / "pdns.conf").write_text("\n".join(lines) + "\n")
        self.util("import-tsig-key", peers.KEY, peers.ALGORITHM, peers.SECRET)

    def util(self, *words):
        done = subprocess.run(["pdnsutil", f"--config-dir={self.path}", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"pdnsutil {words}: {done.stdout}{done.stderr}")
        return done.stdout

    def add(self, zone, group=None):
        """A zone that is a member of its catalog."""
        self.util("create-zone", zone, "ns." + zone)
        self.util("add-record", zone, "group", "TXT", '"powerdns"')
        self.util("set-kind", zone, "primary")
        self.util("activate-tsig-key", zone, peers.KEY, "primary")
        if group:
            self.util("set-options-json", zone, '{"producer":{"group":["%s"]}}' % group)
        self.util("set-catalog", zone, catalog.CATALOG)


class OpenConsumer(catalog.Consumer):
    """PowerDNS asks for the members of a catalog without the key that it asks for the catalog with."""

    def configure(self, config):
        super().configure(config.replace(f"allow-transfer: key {peers.KEY}", f"allow-transfer: [key {peers.KEY}, 127.0.0.1]"))


def check_from_pdns():
    """PowerDNS makes the catalog, and is the primary of the members: they are fetched, follow, and are kept."""

    def is_there(zones):
        return lambda: {zone for zone in "abcd" if catalog.rcode(f"{zone}.test") == "NOERROR"} == set(zones)

    pdns = PowerDns()
    pdns.util("create-zone", catalog.CATALOG)
    pdns.util("set-kind", catalog.CATALOG, "producer")
    pdns.util("activate-tsig-key", catalog.CATALOG, peers.KEY, "primary")
    for zone, group in (("a.test", None), ("b.test", "local"), ("c.test", None)):
        pdns.add(zone, group)
    with pdns, catalog.Consumer(catalog.SECONDARY) as daemon:
        try:
            node.wait_for(lambda: catalog.rcode("c.test", peers.PORT) == "NOERROR", "PowerDNS")
            daemon.start()
            node.wait_for(is_there("abc"), "three members")
            if catalog.text("a.test", "group") != ['"powerdns"'] or catalog.text("b.test", "group") != ['"other"']:
                yield f"{catalog.text('a.test', 'group')} {catalog.text('b.test', 'group')}"
            pdns.add("d.test")
            node.wait_for(is_there("abcd"), "a member more")
            pdns.util("set-catalog", "a.test", "")
            node.wait_for(is_there("bcd"), "a member less")
            for kill in (False, True):
                daemon.restart(kill)
                if not is_there("bcd")():
                    yield f"after a restart: {daemon.log()}"
        except TimeoutError as error:
            yield f"{error}: {daemon.log()}{pdns.log()}"


def check_for_pdns():
    """A catalog made here, interpreted by PowerDNS."""
    pdns = PowerDns()
    pdns.util("create-secondary-zone", catalog.CATALOG, f"127.0.0.1:{node.PORT}")
    pdns.util("set-kind", catalog.CATALOG, "consumer")
    pdns.util("activate-tsig-key", catalog.CATALOG, peers.KEY, "secondary")
    with OpenConsumer(catalog.PRODUCER) as daemon:
        daemon.start()
        with pdns:
            yield from catalog.followed(daemon, pdns)


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
