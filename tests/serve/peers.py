# SPDX-License-Identifier: GPL-3.0-or-later
"""Other name servers as primaries and secondaries of one zone, on 127.0.0.1, to transfer with."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import dns.message
import dns.query
import dns.tsigkeyring
import dns.xfr
import dns.zone
import node

PORT = 5301
TLS_PORT = 8531  # of BIND, the only one here that speaks TLS on both sides
KEY = "transfer.test"
SECRET = "c2Vhd2FsbCB0cmFuc2ZlcnMgYXJlIHNpZ25lZCAwMQ=="
ALGORITHM = "hmac-sha256"
KEYRING = dns.tsigkeyring.from_text({f"{KEY}.": (ALGORITHM, SECRET)})
ZONE = "live.test"


def zone_text(serial, extra="", expire=86400):
    """A zone with something of each kind that transfers treat differently."""
    return f"""$ORIGIN {ZONE}.
$TTL 300
@ SOA ns1 hostmaster {serial} 3600 2 {expire} 60
@ NS ns1
@ NS ns.elsewhere.test.
@ MX 10 mail
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
mail A 192.0.2.2
WwW CNAME mail
serial TXT "{serial}"
*.wild TXT "any"
sub NS ns.sub
ns.sub A 192.0.2.3
dname DNAME target.test.
srv SRV 1 2 53 mail
long TXT {" ".join('"' + "x" * 200 + '"' for _ in range(20))}
{extra}"""


def config(state, remote, zones):
    """What Seawall is told: where its state is, the key, the peer as a remote of that name, and lines about zones."""
    return f"""
server:
  listen: 127.0.0.1@{node.PORT}
  xdp: none
  state: {state}
keys:
  - name: {KEY}
    algorithm: {ALGORITHM}
    secret: {SECRET}
remotes:
  - name: {remote}
    address: 127.0.0.1@{PORT}
    key: {KEY}
zones:
{zones}"""


def knot_lines(peer):
    remote = ["remote:", "  - id: seawall", f"    address: 127.0.0.1@{node.PORT}", f"    key: {KEY}"]
    return [
        "server:",
        f"    listen: 127.0.0.1@{PORT}",
        f"    rundir: {peer.path}",
        "    udp-workers: 1",
        "    tcp-workers: 1",
        "    background-workers: 1",
        "database:",
        f"    storage: {peer.path}",
        "log:",
        "  - target: stderr",
        "    any: info",
        "key:",
        f"  - id: {KEY}",
        f"    algorithm: {ALGORITHM}",
        f"    secret: {SECRET}",
        *remote,
        "acl:",
        "  - id: seawall",
        "    address: 127.0.0.1",
        f"    key: {KEY}",
        f"    action: {'[transfer, update]' if peer.is_primary else 'notify'}",
        "zone:",
        f"  - domain: {ZONE}",
        f"    file: {peer.zone}",
        "    acl: seawall",
        *(
            ["    notify: seawall", "    zonefile-load: difference", "    journal-content: changes"]
            if peer.is_primary
            else ["    master: seawall"]
        ),
    ]


def nsd_lines(peer):
    role = (
        [f' notify: 127.0.0.1@{node.PORT} {KEY}', f" provide-xfr: 127.0.0.1 {KEY}"]
        if peer.is_primary
        else [f" request-xfr: 127.0.0.1@{node.PORT} {KEY}", f" allow-notify: 127.0.0.1 {KEY}"]
    )
    return [
        "server:",
        f" ip-address: 127.0.0.1@{PORT}",
        ' username: ""',
        f' zonesdir: "{peer.path}"',
        ' database: ""',
        f' zonelistfile: "{peer.path}/list"',
        f' pidfile: "{peer.path}/pid"',
        f' xfrdfile: "{peer.path}/xfrd"',
        " server-count: 1",
        " verbosity: 2",
        " xfrd-reload-timeout: 0",
        "remote-control:",
        " control-enable: no",
        "key:",
        f' name: "{KEY}"',
        f" algorithm: {ALGORITHM}",
        f' secret: "{SECRET}"',
        "zone:",
        f' name: "{ZONE}"',
        f' zonefile: "{peer.zone}"',
        *role,
    ]


class BindTls:
    """What BIND is told about TLS: as a primary its certificate, as a secondary whom it trusts to be which name."""

    def __init__(self, lines, primaries=None, options=""):
        self.lines, self.primaries, self.options = lines, primaries, options

    @classmethod
    def of_primary(cls, certificate, key):
        """Zones are given over TLS alone."""
        return cls(
            [f'tls local {{ cert-file "{certificate}"; key-file "{key}"; protocols {{ TLSv1.3; }}; }};'],
            options=f" listen-on port {TLS_PORT} tls local {{ 127.0.0.1; }};",
        )

    @classmethod
    def of_secondary(cls, trust, hostname, port):
        return cls(
            [f'tls seawall {{ ca-file "{trust}"; remote-hostname "{hostname}"; protocols {{ TLSv1.3; }}; }};'],
            primaries=f"127.0.0.1 port {port} key {KEY} tls seawall;",
        )


def bind_lines(peer):
    by_tls = f"port {TLS_PORT} transport tls " if peer.tls else ""
    primaries = (peer.tls.primaries if peer.tls else None) or f"127.0.0.1 port {node.PORT} key {KEY};"
    role = (
        [f" type primary; also-notify {{ 127.0.0.1 port {node.PORT} key {KEY}; }}; notify explicit;",
         f" allow-transfer {by_tls}{{ key {KEY}; }}; ixfr-from-differences yes;"]
        if peer.is_primary
        else [f" type secondary; primaries {{ {primaries} }}; notify no;",
              " masterfile-format text;"]
    )
    return [
        *(peer.tls.lines if peer.tls else []),
        "options {",
        f' directory "{peer.path}"; listen-on port {PORT} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};',
        f' recursion no; pid-file "{peer.path}/pid"; session-keyfile none; managed-keys-directory "{peer.path}";',
        " dnssec-validation no; empty-zones-enable no; notify-delay 0; startup-notify-rate 100; notify-rate 100;",
        " max-ixfr-ratio unlimited;",
        peer.tls.options if peer.tls else "",
        "};",
        "controls { };",
        "logging { category default { default_stderr; }; category xfer-in { default_stderr; }; };",
        f'key {KEY} {{ algorithm {ALGORITHM}; secret "{SECRET}"; }};',
        f'zone "{ZONE}" {{ file "{peer.zone}";',
        *role,
        "};",
    ]


def pdns_lines(peer):
    kind = "master" if peer.is_primary else "slave"
    masters = "" if peer.is_primary else f" masters {{ 127.0.0.1:{node.PORT}; }};"
    (peer.path / "bind.conf").write_text(f'zone "{ZONE}" {{ type {kind}; file "{peer.zone}";{masters} }};\n')
    (peer.path / "pdns.conf").write_text(
        "\n".join(
            [
                "launch=bind",
                f"bind-config={peer.path}/bind.conf",
                f"bind-dnssec-db={peer.path}/dnssec.db",
                "bind-check-interval=1",
                "local-address=127.0.0.1",
                f"local-port={PORT}",
                f"socket-dir={peer.path}",
                "daemon=no",
                "guardian=no",
                "cache-ttl=0",
                "query-cache-ttl=0",
                "negquery-cache-ttl=0",
                "disable-syslog=yes",
                "write-pid=no",
                "receiver-threads=1",
                "distributor-threads=1",
                "security-poll-suffix=",
                "zone-cache-refresh-interval=0",
                "dname-processing=yes",
                "allow-axfr-ips=127.0.0.1",
                f"also-notify=127.0.0.1:{node.PORT}",
                "only-notify=",
                "slave-cycle-interval=1",
                "xfr-cycle-interval=1",
                f"{'primary' if peer.is_primary else 'secondary'}=yes",
                "allow-notify-from=127.0.0.1",
            ]
        )
        + "\n"
    )
    pdnsutil = ["pdnsutil", f"--config-dir={peer.path}"]
    for words in (
        ["create-bind-db", peer.path / "dnssec.db"],
        ["import-tsig-key", KEY, ALGORITHM, SECRET],
        ["activate-tsig-key", ZONE, KEY, "primary" if peer.is_primary else "secondary"],
    ):
        subprocess.run([*pdnsutil, *words], capture_output=True, check=False)
    return None


LINES = {
    "knot": (knot_lines, "knot.conf", ["knotd", "-c"]),
    "nsd": (nsd_lines, "nsd.conf", ["nsd", "-d", "-c"]),
    "bind": (bind_lines, "named.conf", ["named", "-g", "-n", "1", "-c"]),
    "pdns": (pdns_lines, None, ["pdns_server"]),
}


class Server:
    """A server of another make with a directory of its own; a context manager that stops what it started."""

    def __init__(self, name, argv):
        self.name, self.argv, self.process = name, argv, None
        self.directory = tempfile.TemporaryDirectory(prefix="seawall-peer-")
        self.path = Path(self.directory.name)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self.directory.cleanup()

    def start(self):
        with open(self.path / "log", "ab") as log:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def log(self):
        return (self.path / "log").read_text(errors="replace")[-3000:]


class Peer(Server):
    """A server with one zone, its primary or its secondary."""

    def __init__(self, name, is_primary, text="", tls=None):
        lines, conf, argv = LINES[name]
        super().__init__(name, argv)
        self.is_primary, self.tls = is_primary, tls
        self.zone = self.path / "zone"
        if is_primary:
            self.zone.write_text(text)
        written = lines(self)
        if conf:
            (self.path / conf).write_text("\n".join(written) + "\n")
            self.argv = [*self.argv, str(self.path / conf)]
        else:
            self.argv = [*self.argv, f"--config-dir={self.path}"]

    def start(self):
        super().start()
        if self.is_primary:
            node.wait_for(lambda: self.serial() is not None, f"{self.name} to serve: {self.log()}")

    def serial(self):
        return soa_serial(PORT)

    def change(self, text):
        """A new version of the zone, of which the secondary is told."""
        self.zone.write_text(text)
        if self.name == "pdns":
            for words in (["bind-reload-now", ZONE], ["notify", ZONE]):
                subprocess.run(
                    ["pdns_control", f"--config-dir={self.path}", f"--socket-dir={self.path}", *words],
                    capture_output=True,
                    check=False,
                )
        elif self.name == "knot":
            subprocess.run(["knotc", "-s", self.path / "knot.sock", "zone-reload", ZONE], capture_output=True, check=False)
        else:
            self.process.send_signal(signal.SIGHUP)


def soa_serial(port, wait_s=0.5):
    """Serial that a server answers with authority, None for anything else."""
    try:
        reply = dns.query.udp(dns.message.make_query(ZONE, "SOA"), "127.0.0.1", timeout=wait_s, port=port)
    except (OSError, dns.exception.DNSException):
        return None
    if reply.rcode() != 0 or not reply.answer:
        return None
    return reply.answer[0][0].serial


def wait_serial(serial, daemon, peer):
    """Wait until the secondary, Seawall or the peer, has a version. Returns what is wrong when it does not get it."""
    try:
        node.wait_for(lambda: soa_serial(node.PORT if peer.is_primary else PORT) == serial, f"serial {serial}")
    except TimeoutError as error:
        return f"{peer.name}: {error}\n{daemon.log()}\n{peer.log()}"
    return None


def transfer(origin=f"{ZONE}.", serial=None, base=None):
    """A zone as Seawall gives it: whole, or as changes to `base`, which dnspython applies."""
    zone = base if base is not None else dns.zone.Zone(origin, relativize=False)
    query, _ = dns.xfr.make_query(zone, serial=serial, keyring=KEYRING)
    dns.query.inbound_xfr("127.0.0.1", zone, query, port=node.PORT, timeout=node.LIMIT_S)
    return zone
