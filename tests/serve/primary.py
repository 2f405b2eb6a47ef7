# SPDX-License-Identifier: GPL-3.0-or-later
"""Seawall in front of secondaries of four makes: what they fetch, and how soon they hear of a change."""

import socket
import subprocess

import catalog
import dns.message
import dns.opcode
import dns.query
import node
import peers
import secondary
import tap

def config(daemon):
    return peers.config(
        daemon.path / "state",
        "peer",
        f"""  - domain: {peers.ZONE}
    file: {daemon.path / "zone"}
    notify: peer
    allow-transfer: key {peers.KEY}
    allow-update: key {peers.KEY}
""",
    )


def lead(name):
    """A secondary of Seawall, from nothing through a new file to an update."""
    with node.Node(is_started=False) as daemon:
        (daemon.path / "zone").write_text(peers.zone_text(1))
        daemon.configure(config(daemon))
        daemon.start()
        with peers.Peer(name, False) as peer:
            steps = [
                (1, lambda: None),
                (2, lambda: new_file(daemon)),
                (3, lambda: update("add more.live.test. 60 TXT three")),
                (4, lambda: update("delete www.live.test. CNAME")),
            ]
            for serial, step in steps:
                fault = step() or peers.wait_serial(serial, daemon, peer)
                if fault:
                    yield fault
                    return
                yield from secondary.differences(name)


def new_file(daemon):
    (daemon.path / "zone").write_text(peers.zone_text(2, "extra A 192.0.2.99\n"))
    done = daemon.run("reload")
    return done.stderr if done.returncode else None


def update(line):
    """By nsupdate, as a person would."""
    script = f"server 127.0.0.1 {node.PORT}\nzone {peers.ZONE}\n{line}\nsend\n"
    done = subprocess.run(
        ["nsupdate", "-y", f"{peers.ALGORITHM}:{peers.KEY}:{peers.SECRET}"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    return f"nsupdate: {done.stdout}{done.stderr}" if done.returncode else None


def check_told_when_it_answers():
    """At a start secondaries are told when they can ask: one that is refused may not come again for long"""
    with node.Node(is_started=False) as daemon, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as secondary_socket:
        secondary_socket.bind(("127.0.0.1", peers.PORT))
        secondary_socket.settimeout(node.LIMIT_S)
        (daemon.path / "zone").write_text(peers.zone_text(1))
        (daemon.path / "member").write_text(peers.zone_text(1))
        # what its members need is done between the zone's being loaded and the answering
        members = [(f"m{number}", f"m{number}.example") for number in range(1500)]
        (daemon.path / "catalog").write_text(catalog.catalog_text(1, members))
        template = f"templates: [{{name: member, file: {daemon.path / 'member'}}}]"
        more = f"  - {{domain: catalog.test, file: {daemon.path / 'catalog'}, catalog: member}}\n{template}\n"
        daemon.configure(config(daemon) + more)
        daemon.start(ready=False)
        told = dns.message.from_wire(secondary_socket.recv(65535), keyring=peers.KEYRING)
        try:
            asked = dns.query.tcp(dns.message.make_query(peers.ZONE, "SOA"), "127.0.0.1", port=node.PORT, timeout=node.LIMIT_S)
        except OSError as error:
            yield f"told, and then: {error}: {daemon.log()}"
            return
        if told.opcode() != dns.opcode.NOTIFY or not asked.answer:
            yield f"{told} {asked}"


def check_knot():
    """Knot: fetches the zone, a new file of it, and updates"""
    yield from lead("knot")


def check_bind():
    """BIND: the same"""
    yield from lead("bind")


def check_nsd():
    """NSD: the same"""
    yield from lead("nsd")


def check_pdns():
    """PowerDNS: the same"""
    yield from lead("pdns")


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
