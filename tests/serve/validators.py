# SPDX-License-Identifier: GPL-3.0-or-later
"""Who validates what a signed zone answers: BIND's delv, Unbound, and dnssec-verify for whole zones."""

import signal
import subprocess
import tempfile
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import node

UNBOUND_PORT = 5302


def delv(zone, anchors, name, rdtype):
    """What delv says of a question, with DS records (texts) as its trust."""
    with tempfile.NamedTemporaryFile("w", suffix=".anchors") as file:
        lines = [anchor.split() for anchor in anchors]
        file.write("trust-anchors {\n")
        file.writelines(f'"{w[0]}" static-ds {w[3]} {w[4]} {w[5]} "{"".join(w[6:])}";\n' for w in lines)
        file.write("};\n")
        file.flush()
        argv = ["delv", "-a", file.name, f"+root={zone}", "@127.0.0.1", "-p", str(node.PORT), name, rdtype]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=node.LIMIT_S, check=False)
    return done.stdout + done.stderr


class Unbound:
    """A resolver that keeps nothing and trusts these DS records alone."""

    def __init__(self, zone, anchors):
        self.directory = tempfile.TemporaryDirectory(prefix="seawall-unbound-")
        path = Path(self.directory.name)
        lines = [
            "server:",
            f' directory: "{path}"',
            ' username: ""',
            ' chroot: ""',
            f' pidfile: "{path}/pid"',
            " use-syslog: no",
            f" interface: 127.0.0.1@{UNBOUND_PORT}",
            " do-ip6: no",
            " do-not-query-localhost: no",
            " cache-max-ttl: 0",
            " cache-max-negative-ttl: 0",
            " harden-below-nxdomain: no",
            ' module-config: "validator iterator"',
            f' local-zone: "{zone.split(".", 1)[1]}" nodefault',
            *[f' trust-anchor: "{anchor}"' for anchor in anchors],
            "remote-control:",
            " control-enable: no",
            "stub-zone:",
            f' name: "{zone}"',
            f" stub-addr: 127.0.0.1@{node.PORT}",
        ]
        (path / "conf").write_text("\n".join(lines) + "\n")
        with open(path / "log", "wb") as log:
            self.process = subprocess.Popen(["unbound", "-d", "-c", path / "conf"], stdout=log, stderr=log)
        self.path = path

    def __enter__(self):
        node.wait_for(lambda: self.ask("version.server.", "TXT", "CH") is not None, "Unbound to answer")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.directory.cleanup()

    def ask(self, name, rdtype, rdclass="IN", wait_s=0.5):
        question = dns.message.make_query(name, rdtype, rdclass, want_dnssec=True)
        try:
            return dns.query.udp(question, "127.0.0.1", port=UNBOUND_PORT, timeout=wait_s)
        except (OSError, dns.exception.DNSException):
            return None

    def is_secure(self, name, rdtype):
        """Whether it vouches for the answer; else what it says."""
        reply = self.ask(name, rdtype, wait_s=node.LIMIT_S)
        if reply is None:
            return "no answer"
        return True if reply.flags & dns.flags.AD else f"{dns.rcode.to_text(reply.rcode())}: {reply}"


def verify(zone, path, is_combined=False):
    """What dnssec-verify finds wrong with a zone in a file; None: nothing.

    @param is_combined  the key that signs the zone is the one that its parent knows
    """
    argv = ["dnssec-verify", *(["-z"] if is_combined else []), "-o", zone, str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stdout + done.stderr
