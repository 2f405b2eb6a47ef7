# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of signed zones with time: keys and signatures are replaced, the server dies, the zone is unsigned again."""

import random
import threading
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import node
import peers
import tap
from signed import (
    SHAPES, SHORT, ZONE, begin, config, faults, is_awaited, is_valid, serial, state, states, transfer, update,
    wait_valid, whole_faults, zone_text,
)


def check_zsk_roll():
    """A ZSK is replaced, valid at every moment."""
    with node.Node(is_started=False) as daemon:
        begin(daemon, SHAPES["split-ed25519-nsec3"])
        if daemon.run("key", "roll", ZONE).returncode == 0:
            yield "a roll of an unnamed key"
        done = daemon.run("key", "roll", ZONE, "--role", "zsk")
        if done.returncode:
            yield done.stderr
        again = daemon.run("key", "roll", ZONE, "--role", "zsk")
        if again.returncode != 1 or "already" not in again.stderr:
            yield f"a roll of a roll: {again}"
        yield from wait_valid(daemon, lambda: states(daemon, "zsk") == ["active", "removed"], "the old ZSK to go")
        yield from faults(daemon)
        yield from whole_faults(daemon, transfer(), "after the roll")


def check_csk_roll():
    """A combined key is replaced, with its DS, valid at every moment."""
    with node.Node(is_started=False) as daemon:
        begin(daemon, SHAPES["csk-p256-nsec"])
        if daemon.run("key", "ds-seen", ZONE).returncode == 0 and not is_awaited(daemon):
            yield "a DS was seen that nobody asked for"
        yield from wait_valid(daemon, lambda: is_awaited(daemon), "the first DS to be asked for")
        old = state(daemon)["keys"][0]["tag"]
        for arguments in (("ds-seen", ZONE), ("roll", ZONE)):
            done = daemon.run("key", *arguments)
            if done.returncode:
                yield f"{arguments}: {done.stderr}"
        yield from wait_valid(daemon, lambda: len(state(daemon)["keys"]) == 2 and is_awaited(daemon), "the second DS to be asked for")
        if daemon.run("key", "ds-seen", ZONE, "--key", "0").returncode == 0:
            yield "the DS of no key was seen"
        daemon.run("key", "ds-seen", ZONE)
        yield from wait_valid(daemon, lambda: states(daemon, "csk") == ["active", "removed"], "the old key to go")
        if state(daemon)["keys"][0]["tag"] != old or state(daemon)["keys"][0]["state"] != "removed":
            yield f"{state(daemon)}"
        yield from faults(daemon)
        keys = dns.query.tcp(dns.message.make_query(ZONE, "DNSKEY"), "127.0.0.1", port=node.PORT, timeout=node.LIMIT_S)
        if len(keys.answer[0]) != 1:
            yield f"DNSKEY: {keys}"


def check_next():
    """'key show' says of each key what comes next and when: by time, by your word, or nothing."""
    with node.Node(is_started=False) as daemon:
        begin(daemon, "{single-type: off, propagation: 10m, dnskey-ttl: 20m, ds-ttl: 1h, parent-propagation: 30m, zsk-lifetime: 30d}")
        keys = {key["role"]: key for key in state(daemon)["keys"]}
        node.wait_for(lambda: all(key["published"] for key in state(daemon)["keys"]), "the keys to be published")
        keys = {key["role"]: key for key in state(daemon)["keys"]}
        ksk, zsk = keys["ksk"], keys["zsk"]
        # RFC 7583: DNSKEY TTL and propagation before a DS, and before the end of a ZSK
        if ksk["next"] != {"state": "ds-submitted", "at": ksk["published"] + 30 * 60}:
            yield f"KSK: {ksk}"
        if zsk["next"] != {"state": "replaced", "at": zsk["active"] + 30 * 86400 - 30 * 60}:
            yield f"ZSK: {zsk}"
        text = daemon.run("key", "show", ZONE).stdout
        for line in (
            f"  next          ds-submitted at {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(ksk['next']['at']))}\n",
            f"  next          replaced at {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(zsk['next']['at']))}\n",
        ):
            if line not in text:
                yield f"{line}: {text}"
    with node.Node(is_started=False) as daemon:
        begin(daemon, SHAPES["csk-p256-nsec"])
        node.wait_for(lambda: is_awaited(daemon), "the DS to be asked for")
        node.wait_for(lambda: "ds-seen when 'seawall key ds-seen' says so" in daemon.run("key", "show", ZONE).stdout, "its word to be waited for")
        if state(daemon)["keys"][0]["next"] != {"state": "ds-seen", "at": None}:
            yield f"{state(daemon)}"
        daemon.run("key", "ds-seen", ZONE)
        node.wait_for(lambda: state(daemon)["keys"][0]["next"] is None, f"nothing to come: {state(daemon)}")
        if "  next          nothing by itself\n" not in daemon.run("key", "show", ZONE).stdout:
            yield daemon.run("key", "show", ZONE).stdout


def expirations():
    """Of all signatures, seconds since 1970."""
    return {rdata.expiration for _, _, rdata in transfer().iterate_rdatas() if rdata.rdtype == dns.rdatatype.RRSIG}


def check_renewal():
    """Signatures are renewed before they expire, by changes, not whole."""
    with node.Node(is_started=False) as daemon:
        begin(daemon, f"{{validity: 30s, refresh: 27s, jitter: 1s, {SHORT}}}")
        first, before = transfer(), serial()
        latest = max(expirations())
        for _ in range(2):
            yield from wait_valid(daemon, lambda: min(expirations()) > latest, "all signatures to be renewed")
            latest = max(expirations())
        changed = transfer(before, first)
        yield from whole_faults(daemon, changed, "IXFR of renewals")


def check_kill():
    """SIGKILL while a zone is signed, and under updates: afterwards it is whole, and soon valid."""
    names = "".join(f"n{number} A 192.0.2.{number % 250}\n" for number in range(10000))
    more = f"    allow-update: key {peers.KEY}\n"
    with node.Node(is_started=False) as daemon:
        (daemon.path / "zone").write_text(zone_text(1, names))
        daemon.configure(config(daemon, SHAPES["csk-p256-nsec"], more=more))
        for _ in range(6):
            daemon.start()
            threading.Event().wait(random.uniform(0, 1))
            daemon.process.kill()
            daemon.process.wait()
        daemon.start()
        node.wait_for(lambda: state(daemon).get("signed"), f"the zone to be signed: {daemon.log()}", 60)
        taken = set()
        for kill in range(6):
            done = threading.Event()

            def work(first=kill * 1000, done=done):
                for number in range(first, first + 1000):
                    try:
                        if update((f"u{number}", "A", "192.0.2.9")) == dns.rcode.NOERROR:
                            taken.add(f"u{number}")
                    except (OSError, EOFError, dns.exception.DNSException):
                        break
                done.set()

            threading.Thread(target=work, daemon=True).start()
            count = len(taken)
            node.wait_for(lambda: len(taken) > count, "an update to be taken")  # pylint: disable=cell-var-from-loop
            done.wait(random.uniform(0, 0.2))
            daemon.process.kill()
            daemon.process.wait()
            done.wait(node.LIMIT_S)
            daemon.start()
        zone = transfer()
        yield from whole_faults(daemon, zone, "after the kills")
        missing = [name for name in taken if zone.get_node(f"{name}.{ZONE}.") is None]
        if missing:
            yield f"acknowledged and lost: {missing}"


def rrsigs():
    """Whether the answer is signed."""
    query = dns.message.make_query(f"www.{ZONE}", "A", want_dnssec=True)
    reply = dns.query.tcp(query, "127.0.0.1", port=node.PORT, timeout=node.LIMIT_S)
    return any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in reply.answer)


def check_leaving():
    """Unsigned again: the parent is asked to remove the DS, and only when it is gone are the signatures."""
    with node.Node(is_started=False) as daemon:
        begin(daemon, SHAPES["csk-p256-nsec"])
        node.wait_for(lambda: is_awaited(daemon), "the DS to be asked for")
        daemon.run("key", "ds-seen", ZONE)
        leaving = SHAPES["csk-p256-nsec"].replace("{", "{mode: leave, ", 1)
        for what in (leaving, None, leaving):
            text = config(daemon, leaving)
            if what is None:  # forgotten in the configuration, and not unsigned behind the parent's back
                text = text.replace(f"    dnssec: {leaving}\n", "").replace(f"    allow-transfer: key {peers.KEY}\n", "")
            daemon.configure(text)
            daemon.run("reload")
            node.wait_for(lambda: state(daemon).get("ds_removal_awaited"), f"the removal to be asked for: {daemon.log()}")
            if not rrsigs():
                yield f"unsigned at once: {daemon.log()}"
            daemon.stop()
            daemon.start()
        reply = dns.query.tcp(dns.message.make_query(ZONE, "CDS"), "127.0.0.1", port=node.PORT, timeout=node.LIMIT_S)
        if " CDS 0 0 0 00" not in reply.to_text():
            yield f"CDS: {reply}"
        daemon.run("key", "ds-gone", ZONE)
        node.wait_for(lambda: not rrsigs(), f"the zone to be unsigned: {daemon.log()}")
        keys = daemon.path / "state" / "keys"
        node.wait_for(lambda: not any(name.suffix == ".pem" for name in keys.iterdir()), "private keys to go")
        daemon.configure(config(daemon, SHAPES["split-ed25519-nsec3"]))
        daemon.run("reload")
        node.wait_for(lambda: state(daemon).get("signed"), f"the zone to be signed anew: {daemon.log()}")
        yield from faults(daemon)


def check_zsk_by_itself():
    """A ZSK that has lived its time is replaced without anybody asking."""
    with node.Node(is_started=False) as daemon:
        begin(daemon, f"{{single-type: off, zsk-lifetime: 4s, {SHORT}}}")
        yield from wait_valid(daemon, lambda: "removed" in states(daemon, "zsk"), "the first ZSK to go")
        yield from whole_faults(daemon, transfer(), "after the first ZSK")


def check_waiting():
    """An update that comes while a big zone is being signed is done when that is over."""
    names = "".join(f"n{number} A 192.0.2.{number % 250}\n" for number in range(10000))
    with node.Node(is_started=False) as daemon:
        (daemon.path / "zone").write_text(zone_text(1, names))
        daemon.configure(config(daemon, SHAPES["csk-p256-nsec"], more=f"    allow-update: key {peers.KEY}\n"))
        daemon.start()
        if not state(daemon)["signing"]:
            yield f"not while it is signed: {state(daemon)}"
        code = update(("waited", "A", "192.0.2.9"))
        if code != dns.rcode.NOERROR or not state(daemon)["signed"]:
            yield f"{dns.rcode.to_text(code)}: {daemon.log()}"
        if is_valid(daemon, "waited") is not True:
            yield is_valid(daemon, "waited")
        yield from whole_faults(daemon, transfer(), "after the update")


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
