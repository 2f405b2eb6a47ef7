# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of the rows about zones that change: each as secondary, as primary that takes updates, with many zones.

They are the servers of servers.py with more in their configuration; what is not told here is as there. Each keeps
what it has been given in the way that its manual recommends for the role, so that a restart needs nobody.
"""

import os
import pathlib

import lab
import servers

ORIGIN = "million.test"  # of the rows about transfers
KEY = "bench.update"
SECRET = "c2Vhd2FsbCBiZW5jaCB1cGRhdGVzIGFyZSBzaWduZWQ="
SAMPLE = 1_000  # zones of many that are asked for: all would take longer than loading them
FLUSH_LIMIT_S = 120


class SeawallLive(servers.Seawall):
    """What is kept is in the state directory; nothing is to be told."""

    def prepare(self, zones):
        self.fill("seawall.yaml", "seawall.yaml")
        text = (self.state / "seawall.yaml").read_text()
        state = self.state / "state"
        (self.state / "seawall.yaml").write_text(f"{text}server:\n  state: {state}\n{self.more(zones)}")

    def more(self, zones):
        raise NotImplementedError

    def arguments(self, zones):
        return [self.binary(), "serve", self.state / "seawall.yaml", "--listen", f"{lab.SERVER}@53",
                "--xdp", self.interface()]


def seawall_zones(zones, more=""):
    return "zones:\n" + "".join(f"  - domain: {origin}\n    file: {file}\n{more}" for origin, file in zones.items())


def knot_zones(zones, more=""):
    return "".join(f"  - domain: {origin}\n    file: {file}\n{more}" for origin, file in zones.items())


# ---- secondaries ----


class SecondarySeawall(SeawallLive):
    def more(self, zones):
        return (f"remotes:\n  - name: primary\n    address: {lab.CLIENT}@53\n"
                f"zones:\n  - domain: {ORIGIN}\n    primaries: primary\n")


class SecondarySockets(SecondarySeawall):
    name = "seawall-sockets"
    uses_xdp = answers_in_kernel = False

    def interface(self):
        return "none"


class SecondaryKnot(servers.Knot):
    """The zone file is written when told, and changes go to the journal meanwhile."""

    def prepare(self, zones):
        more = (f"remote:\n  - id: primary\n    address: {lab.CLIENT}@53\n"
                f"acl:\n  - id: primary\n    address: {lab.CLIENT}\n    action: notify\n")
        zone = (f"  - domain: {ORIGIN}\n    file: {self.state}/zone\n    master: primary\n    acl: primary\n"
                "    zonefile-sync: 1h\n    journal-content: changes\n")
        self.fill("knot.conf", "knot.conf", xdp=more, zones=zone, listen=self.listen())

    def flush(self):
        lab.command("knotc", "-s", self.state / "knot.sock", "-b", "zone-flush")


class SecondaryNsd(servers.Nsd):
    def prepare(self, zones):
        zone = (f'zone:\n    name: "{ORIGIN}"\n    zonefile: "{self.state}/zone"\n'
                f"    request-xfr: {lab.CLIENT} NOKEY\n    allow-notify: {lab.CLIENT} NOKEY\n"
                "    size-limit-xfr: 1000000000\n")
        self.fill("nsd.conf", "nsd.conf", zones=zone)
        path = self.state / "nsd.conf"
        path.write_text(path.read_text()
                        .replace("control-enable: no", f"control-enable: yes\n    control-interface: {self.state}/control")
                        .replace("    port: 53\n", "    port: 53\n    xfrd-reload-timeout: 0\n"))

    def flush(self):
        before = os.stat(self.state / "zone").st_mtime_ns if (self.state / "zone").exists() else 0
        lab.command("nsd-control", "-c", self.state / "nsd.conf", "write")
        lab.wait_for(lambda: (self.state / "zone").exists() and os.stat(self.state / "zone").st_mtime_ns > before,
                     "NSD's zone file", FLUSH_LIMIT_S)


class SecondaryBind(servers.Bind):
    """It writes a whole zone to its file when it comes, and changes to the journal."""

    def prepare(self, zones):
        zone = (f'zone "{ORIGIN}" {{ type secondary; primaries {{ {lab.CLIENT}; }}; file "{self.state}/zone"; '
                "masterfile-format raw; };\n")
        self.fill("named.conf", "named.conf", zones=zone)


# ---- primaries that take updates ----


class UpdatedSeawall(SeawallLive):
    def more(self, zones):
        return (f"keys:\n  - name: {KEY}\n    algorithm: hmac-sha256\n    secret: {SECRET}\n"
                + seawall_zones(zones, f"    allow-update: key {KEY}\n"))


class UpdatedKnot(servers.Knot):
    def prepare(self, zones):
        more = (f"key:\n  - id: {KEY}\n    algorithm: hmac-sha256\n    secret: {SECRET}\n"
                f"acl:\n  - id: update\n    key: {KEY}\n    action: update\n")
        zone = "    acl: update\n    zonefile-sync: -1\n    journal-content: changes\n    zonefile-load: difference\n"
        self.fill("knot.conf", "knot.conf", xdp=more, zones=knot_zones(zones, zone), listen=self.listen())


class UpdatedBind(servers.Bind):
    def prepare(self, zones):
        # named writes its journal beside the file, and the file anew: not where the others read it
        for origin, file in zones.items():
            (self.state / origin).write_bytes(pathlib.Path(file).read_bytes())
        more = f'key {KEY} {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n'
        zone = "".join(f'zone "{origin}" {{ type primary; file "{self.state}/{origin}"; '
                       f"allow-update {{ key {KEY}; }}; }};\n" for origin in zones)
        self.fill("named.conf", "named.conf", zones=more + zone)


# ---- very many zones ----


class Many:
    """Ready when a sample of the zones is answered, the last one among them."""

    def asked(self, zones):
        names = list(zones)
        return [*names[:: max(1, len(names) // SAMPLE)], names[-1]]


class ManySeawall(Many, SeawallLive):
    def prepare(self, zones):
        self.fill("seawall.yaml", "seawall.yaml")
        path = self.state / "seawall.yaml"
        path.write_text(path.read_text() + self.more(zones))

    def more(self, zones):
        return seawall_zones(zones)


class ManySeawallLive(Many, SeawallLive):
    """Each zone may be changed and transferred: what its file says is kept, with its changes, in the state directory."""

    name = "seawall-live"

    def more(self, zones):
        directory = next(iter(zones.values())).parent
        return (f"keys:\n  - name: {KEY}\n    algorithm: hmac-sha256\n    secret: {SECRET}\n"
                f"templates:\n  - name: default\n    file: {directory}/%s\n    allow-update: key {KEY}\n"
                + "zones:\n" + "".join(f"  - domain: {origin}\n" for origin in zones))


class ManyKnot(Many, servers.Knot):
    pass


class ManyNsd(Many, servers.Nsd):
    pass


class ManyBind(Many, servers.Bind):
    pass


SECONDARIES = (SecondarySeawall, SecondarySockets, SecondaryKnot, SecondaryNsd, SecondaryBind)
UPDATED = (UpdatedSeawall, UpdatedKnot, UpdatedBind)
MANY = (ManySeawall, ManySeawallLive, ManyKnot, ManyNsd, ManyBind)
