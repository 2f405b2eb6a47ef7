# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones that Seawall signs: from files, from primaries, by updates.

Validated by delv and Unbound, as a resolver would, and whole by dnssec-verify, as a secondary would.
"""

import json
import time

import dns.rcode
import dns.rdatatype
import node
import peers
import tap
import validators
from signed import (
    SHAPES, SHORT, ZONE, begin, config, faults, is_valid, serial, state, transfer, update, whole_faults,
    zone_text,
)


def wait_settled(daemon):
    """Until the DS is asked for: the version with the CDS is the last one that comes by itself."""
    node.wait_for(lambda: state(daemon)["ds_awaited"] and not state(daemon)["signing"], f"the CDS: {daemon.log()}")


def sign_and_change(shape):
    with node.Node(is_started=False) as daemon:
        begin(daemon, SHAPES[shape], more=f"    allow-update: key {peers.KEY}\n")
        yield from faults(daemon, shape)
        wait_settled(daemon)
        first = transfer()
        yield from whole_faults(daemon, first, f"{shape}: AXFR")
        before = serial()
        code = update(("added", "A", "192.0.2.99"), ("www", "TXT", '"new"'), ("sub", "NS", "ns.sub"), ("ns.sub", "A", "192.0.2.8"))
        code = code or update(("leaf.ent", "A", None))
        if code != dns.rcode.NOERROR:
            yield f"{shape}: the update: {dns.rcode.to_text(code)}: {daemon.log()}"
            return
        if serial() != before + 2:
            yield f"{shape}: serial {serial()} after {before} and two updates"
        for name, rdtype in (("added", "A"), ("www", "TXT"), ("sub", "DS"), ("leaf.ent", "A")):
            said = is_valid(daemon, name, rdtype)
            if said is not True and not ("optout" in shape and name in ("sub", "leaf.ent")):
                yield f"{shape}: after the update: {name} {rdtype}: {said}"
        changed = transfer(before, first)
        if changed != transfer():
            yield f"{shape}: IXFR and AXFR differ"
        yield from whole_faults(daemon, changed, f"{shape}: IXFR")
        if update(("www", "RRSIG", None)) == dns.rcode.NOERROR:
            yield f"{shape}: an update took signatures away"
        before = serial()
        daemon.stop()
        daemon.start()
        if serial() != before:
            yield f"{shape}: serial {serial()} after a restart, {before} before"
        yield from faults(daemon, shape)


def check_combined_key():
    """One key, P-256, NSEC: every answer validates, after updates, as changes and whole, and after a restart."""
    yield from sign_and_change("csk-p256-nsec")


def check_two_keys():
    """KSK and ZSK, Ed25519, NSEC3: the same."""
    yield from sign_and_change("split-ed25519-nsec3")


def check_opt_out():
    """NSEC3 with opt-out: the same, as far as a validator can vouch for it."""
    yield from sign_and_change("csk-p256-optout")


def check_file():
    """An edited file becomes a change of the signed zone; a broken one changes nothing; an untouched one neither."""
    with node.Node(is_started=False) as daemon:
        begin(daemon, SHAPES["csk-p256-nsec"])
        first, before = transfer(), serial()
        daemon.run("reload", ZONE)
        if serial() != before:
            yield f"serial {serial()} after a reload of nothing new"
        (daemon.path / "zone").write_text(zone_text(2, "edited A 192.0.2.6\n"))
        daemon.run("reload")
        if serial() != before + 1 or is_valid(daemon, "edited") is not True:
            yield f"after an edit: serial {serial()}: {is_valid(daemon, 'edited')}: {daemon.log()}"
        changed = transfer(before, first)
        yield from whole_faults(daemon, changed, "IXFR after an edit")
        if changed != transfer():
            yield "IXFR and AXFR differ after an edit"
        (daemon.path / "zone").write_text(zone_text(3, "broken A 192.0.2.999\n"))
        if daemon.run("reload").returncode == 0 or is_valid(daemon, "edited") is not True:
            yield "a broken file was taken"
        (daemon.path / "zone").write_text(zone_text(3, "third A 192.0.2.9\n"))
        daemon.stop()
        daemon.start()
        node.wait_for(lambda: is_valid(daemon, "third") is True, "the file edited while it was down")
        if state(daemon)["unsigned_serial"] != 3:
            yield f"{state(daemon)}"
        yield from whole_faults(daemon, transfer(), "after an edit while it was down")
        # another negative TTL is that of every NSEC
        (daemon.path / "zone").write_text(zone_text(4).replace("86400 1\n", "86400 2\n").replace("$TTL 1\n", "$TTL 2\n"))
        daemon.run("reload")
        node.wait_for(lambda: is_valid(daemon, "third") is True, f"another negative TTL: {daemon.log()}")
        yield from whole_faults(daemon, transfer(), "after another negative TTL")


def signatures(zone):
    """@return all of a zone, each with what it is of; and the earliest inception"""
    found = {
        (name, rdataset.covers, rdata.key_tag): rdata
        for name, rdataset in zone.iterate_rdatasets()
        if rdataset.rdtype == dns.rdatatype.RRSIG
        for rdata in rdataset
    }
    return found, min(rdata.inception for rdata in found.values())


def check_sign():
    """'zone sign' makes every signature anew, as one version that IXFR gives too; what is updated meanwhile stays."""
    with node.Node(is_started=False) as daemon:
        begin(daemon, SHAPES["csk-p256-nsec"], more=f"    allow-update: key {peers.KEY}\n")
        wait_settled(daemon)
        first, before = transfer(), serial()
        old, begun = signatures(first)
        backdated_s = 3600
        node.wait_for(lambda: time.time() - backdated_s > begun + 2, "a second later")
        said = json.loads(daemon.run("zone", "sign", ZONE, "--json").stdout)
        if said != {"ok": True, "zone": f"{ZONE}.", "state": "serving"}:
            yield f"{said}"
        if update(("during", "A", "192.0.2.9")) != dns.rcode.NOERROR:
            yield "an update meanwhile"
        node.wait_for(lambda: ", 0 taken over in" in daemon.log().replace("and 0", ", 0"), f"the signing: {daemon.log()}")
        now = transfer()
        new, earliest = signatures(now)
        kept = [key for key in old if new.get(key) == old[key]]
        if kept or earliest <= begun or len(new) < len(old) + 1:
            yield f"not made anew: {kept}: {daemon.log()}"
        if serial() != before + 2:
            yield f"serial {serial()} after {before}, an update and 'sign'"
        if transfer(before, first) != now:
            yield "IXFR and AXFR differ"
        yield from whole_faults(daemon, now, "after 'sign'")
        for name in ("www", "during", "nowhere"):
            if is_valid(daemon, name) is not True:
                yield f"{name}: {is_valid(daemon, name)}"
        settled = serial()
        daemon.restart()
        if serial() != settled or is_valid(daemon) is not True:
            yield f"after a restart: serial {serial()}, not {settled}"


def in_the_wire(name, shape):
    with peers.Peer(name, True, zone_text(1)) as peer, node.Node(is_started=False) as daemon:
        begin(daemon, SHAPES[shape], "primaries: other")
        yield from faults(daemon, shape)
        first, before = transfer(), serial()
        peer.change(zone_text(2, "extra A 192.0.2.9\n"))
        if not daemon.logs(rf"AXFR from other \(127.0.0.1@{peers.PORT}\): serial 1, the first, "):
            yield f"{name}: the first transfer, logged: {daemon.log()}"
        by_ixfr = f"IXFR from other (127.0.0.1@{peers.PORT})"
        node.wait_for(lambda: by_ixfr in daemon.log(), f"an IXFR: {daemon.log()}")
        if is_valid(daemon, "extra") is not True or state(daemon)["unsigned_serial"] != 2:
            yield f"{name}: after IXFR: {is_valid(daemon, 'extra')}"
        changed = transfer(before, first)
        yield from whole_faults(daemon, changed, f"{name}: IXFR of what came by IXFR")
        daemon.stop()
        peer.change(zone_text(3, "more A 192.0.2.9\n"))
        daemon.start()
        node.wait_for(lambda: is_valid(daemon, "more") is True, f"serial 3: {daemon.log()}")
        daemon.run("zone", "retransfer", ZONE)
        node.wait_for(lambda: "AXFR from other" in daemon.log(), f"the retransfer: {daemon.log()}")
        node.wait_for(lambda: is_valid(daemon, "more") is True, f"serial 3: {daemon.log()}")
        if not daemon.logs(r"AXFR from other .*: serial [23] to 3, "):  # it may have come by IXFR before
            yield f"{name}: the retransfer, logged: {daemon.log()}"
        yield from faults(daemon, shape)


def check_behind_knot():
    """A secondary of an unsigned Knot, signed on its way: whole, by IXFR, after a restart."""
    yield from in_the_wire("knot", "csk-p256-nsec")


def check_behind_bind():
    """The same of BIND, with NSEC3."""
    yield from in_the_wire("bind", "split-ed25519-nsec3")


def check_secondary():
    """A Knot secondary follows the signed zone by IXFR, and has what dnssec-verify takes."""
    more = f"    allow-update: key {peers.KEY}\n    notify: other\n"
    with node.Node(is_started=False) as daemon, peers.Peer("knot", False) as peer:
        begin(daemon, SHAPES["split-ed25519-nsec3"], more=more)
        node.wait_for(lambda: peers.soa_serial(peers.PORT) == serial(), f"the secondary: {peer.log()}")
        for number in range(5):
            update((f"n{number}", "A", "192.0.2.9"), (f"n{number - 2}", "A", None))
        node.wait_for(lambda: peers.soa_serial(peers.PORT) == serial(), f"the changes: {peer.log()}")
        if "IXFR, incoming" not in peer.log():
            yield f"not by IXFR: {peer.log()}"
        peer.stop()  # it writes its zone file at the latest then
        found = validators.verify(ZONE, peer.zone)
        if found:
            yield found


def check_configuration():
    """What is changed in the configuration of a signed zone: denial follows, the algorithm is refused."""
    with node.Node(is_started=False) as daemon:
        begin(daemon, SHAPES["csk-p256-nsec"])
        for dnssec in (f"{{denial: nsec3, opt-out: on, {SHORT}}}", f"{{denial: nsec3, {SHORT}}}", f"{{denial: nsec, {SHORT}}}"):
            before = serial()
            daemon.configure(config(daemon, dnssec))
            daemon.run("reload")
            node.wait_for(lambda: serial() != before, f"{dnssec}: {daemon.log()}")  # pylint: disable=cell-var-from-loop
            yield from faults(daemon, "optout" if "opt-out" in dnssec else "")
            yield from whole_faults(daemon, transfer(), dnssec)
        daemon.configure(config(daemon, f"{{algorithm: ed25519, {SHORT}}}"))
        daemon.run("reload")
        if "the algorithm of a signed zone cannot be changed" not in state(daemon)["reason"]:
            yield f"{state(daemon)['reason']}: {daemon.log()}"
        if is_valid(daemon) is not True:
            yield "not valid after a changed algorithm"


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
