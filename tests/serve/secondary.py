# SPDX-License-Identifier: GPL-3.0-or-later
"""Seawall behind primaries of four makes: transfers, changes, notifications, expiry, and a restart without them."""

import dns.message
import dns.query
import dns.rcode
import dns.update
import node
import peers
import tap

QUESTIONS = [
    ("ns1", "A"), ("ns1", "AAAA"), ("mail", "A"), ("www", "A"), ("serial", "TXT"), ("x.wild", "TXT"), ("y.sub", "A"),
    ("a.dname", "A"), ("srv", "SRV"), ("nothing", "A"), ("wild", "A"), ("", "MX"), ("", "NS"), ("", "SOA"), ("extra", "A"),
]


def config(directory):
    return peers.config(directory, "primary", f"  - domain: {peers.ZONE}\n    primaries: primary\n")


def answer(port, name, rdtype):
    question = dns.message.make_query(f"{name}.{peers.ZONE}." if name else f"{peers.ZONE}.", rdtype)
    reply = dns.query.tcp(question, "127.0.0.1", timeout=node.LIMIT_S, port=port)
    records = sorted(f"{rrset.name} {rrset.ttl} {rdata.to_text()}".lower() for rrset in reply.answer for rdata in rrset)
    return dns.rcode.to_text(reply.rcode()), records


def differences(name):
    """Questions that Seawall answers otherwise than its primary."""
    for question in QUESTIONS:
        ours, theirs = answer(node.PORT, *question), answer(peers.PORT, *question)
        if ours != theirs:
            yield f"{name}: {question}: {ours}, the primary says {theirs}"


def rcode():
    reply = dns.query.udp(dns.message.make_query(peers.ZONE, "SOA"), "127.0.0.1", timeout=node.LIMIT_S, port=node.PORT)
    return dns.rcode.to_text(reply.rcode())


def follow(name, is_ixfr):
    """A secondary of one peer, from nothing through a change to a restart while the primary is away."""
    with peers.Peer(name, True, peers.zone_text(1)) as peer, node.Node(is_started=False) as daemon:
        daemon.configure(config(daemon.path / "state"))
        daemon.start()
        fault = peers.wait_serial(1, daemon, peer)
        if fault:
            yield fault
            return
        if not daemon.logs(rf"AXFR from primary \(127.0.0.1@{peers.PORT}\): serial 1, the first, "):
            yield f"{name}: the first transfer, logged: {daemon.log()}"
        yield from differences(name)
        peer.change(peers.zone_text(2, "extra A 192.0.2.99\n"))
        fault = peers.wait_serial(2, daemon, peer)
        if fault:
            yield fault
            return
        yield from differences(name)
        if not is_ixfr and not daemon.logs(": serial 1 to 2, "):
            yield f"{name}: the second transfer, logged: {daemon.log()}"
        if is_ixfr and not daemon.logs(rf"IXFR from primary \(127.0.0.1@{peers.PORT}\): serial 1 to 2"):
            yield f"{name}: not by IXFR:\n{daemon.log()}"
        peer.stop()
        daemon.stop()
        daemon.start()
        if peers.soa_serial(node.PORT, node.LIMIT_S) != 2:
            yield f"{name}: after a restart without its primary: {daemon.log()}"


def check_knot():
    """Knot: transferred, changed by IXFR after a NOTIFY, kept over a restart."""
    yield from follow("knot", True)


def check_bind():
    """BIND: the same."""
    yield from follow("bind", True)


def check_nsd():
    """NSD: the same, whole."""
    yield from follow("nsd", False)


def check_pdns():
    """PowerDNS: the same, whole."""
    yield from follow("pdns", False)


def check_expiry():
    """A zone that nobody confirms any more is answered SERVFAIL, and again when its primary is back."""
    with peers.Peer("knot", True, peers.zone_text(1, expire=4)) as peer, node.Node(is_started=False) as daemon:
        daemon.configure(config(daemon.path / "state"))
        daemon.start()
        fault = peers.wait_serial(1, daemon, peer)
        if fault:
            yield fault
            return
        peer.stop()
        node.wait_for(lambda: rcode() == "SERVFAIL", "the zone to expire")
        if node.extended_errors(peers.ZONE) != [24]:  # RFC 8914 s4.25
            yield f"expired: extended errors {node.extended_errors(peers.ZONE)}"
        shown = daemon.run("zone", "show", peers.ZONE).stdout
        if shown.count("expired") != 1 or "no primary has confirmed it" not in shown:
            yield f"expired, shown: {shown}"
        peer.start()
        daemon.run("zone", "freeze", peers.ZONE)
        refused = daemon.run("zone", "refresh", peers.ZONE)
        if refused.returncode != 1 or "thaw" not in refused.stderr:
            yield f"'refresh' of a frozen zone: {refused}"
        daemon.run("zone", "thaw", peers.ZONE)
        daemon.run("zone", "refresh", peers.ZONE)
        fault = peers.wait_serial(1, daemon, peer)
        if fault:
            yield fault


def check_forwarding():
    """An update is passed on to the primary, which has the last word, and comes back as a new version."""
    text = peers.zone_text(1)
    with peers.Peer("knot", True, text) as peer, node.Node(is_started=False) as daemon:
        daemon.configure(config(daemon.path / "state") + f"    forward-updates: on\n    allow-update: key {peers.KEY}\n")
        daemon.start()
        fault = peers.wait_serial(1, daemon, peer)
        if fault:
            yield fault
            return
        change = dns.update.Update(peers.ZONE, keyring=peers.KEYRING)
        change.add("forwarded", 60, "TXT", "yes")
        for ask in (dns.query.tcp, dns.query.udp):
            reply = ask(change, "127.0.0.1", port=node.PORT, timeout=node.LIMIT_S)
            if reply.rcode() != dns.rcode.NOERROR:
                yield f"{ask.__name__}: {dns.rcode.to_text(reply.rcode())}: {daemon.log()}{peer.log()}"
        fault = peers.wait_serial(2, daemon, peer)
        if fault:
            yield fault
        elif answer(node.PORT, "forwarded", "TXT")[0] != "NOERROR":
            yield "the new record is not answered"
        peer.stop()
        reply = dns.query.tcp(change, "127.0.0.1", port=node.PORT, timeout=node.LIMIT_S)
        if reply.rcode() != dns.rcode.SERVFAIL:
            yield f"without a primary: {dns.rcode.to_text(reply.rcode())}"


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
