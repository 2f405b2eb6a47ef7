# SPDX-License-Identifier: GPL-3.0-or-later
"""Floods of UPDATE, NOTIFY and signed questions over UDP, from many addresses: who may is served, and so are resolvers."""

import random
import socket
import subprocess
import threading
import time
from pathlib import Path

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import node
import tap

SECRET, WRONG = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI=", "d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25nMTI="
SERVER, PRIMARY, CLIENT, SECOND_CLIENT, SECONDARY = node.V4[0], "10.1.0.1", "10.2.0.1", "10.3.0.1", "10.5.0.1"
WANTED = {"updates": 20000, "notifies": 20000, "questions": 2000}  # messages dropped, before and behind
GROWTH_MAX_KIB = 1024  # a leak of 30 bytes a message would be more
ZONE = """\
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
"""


def config(daemon):
    return f"""
server:
  listen: {SERVER}@{node.PORT}
  xdp: none
  state: {daemon.path / "state"}
keys:
  - name: k
    secret: {SECRET}
remotes:
  - name: primary
    address: {PRIMARY}@5399
zones:
  - domain: live.test
    file: {daemon.path / "live.zone"}
    allow-update: key k
    allow-transfer: {{address: {SECONDARY}, key: k}}
  - domain: still.test
    file: {daemon.path / "live.zone"}
    notify: primary
  - domain: second.test
    primaries: primary
"""


def start():
    daemon = node.Node(is_started=False)
    (daemon.path / "live.zone").write_text(ZONE)
    daemon.configure(config(daemon))
    daemon.start()
    return daemon


def notify(zone, keyring=None):
    message = dns.message.make_query(zone, "SOA", flags=dns.flags.AA)
    message.set_opcode(dns.opcode.NOTIFY)
    if keyring:
        message.use_tsig(keyring)
    return message.to_wire()


def update(zone, keyring=None, text="flood"):
    message = dns.update.UpdateMessage(zone, keyring=keyring)
    message.replace("added", 300, "TXT", f'"{text}"')
    return message.to_wire()


def signed_question(name, keyring):
    message = dns.message.make_query(name, "SOA")
    message.use_tsig(keyring)
    return message.to_wire()


def rings(*keys):
    return [None, *(dns.tsigkeyring.from_text({name: ("hmac-sha256", secret)}) for name, secret in keys)]


def hostile():
    """Messages with no signature, one of an unknown key, one that is wrong, and what cannot be read."""
    wires = []
    for keyring in rings(("k.", WRONG), ("stranger.", SECRET)):
        for zone in ("live.test.", "still.test.", "second.test.", "elsewhere.test."):
            wires += [update(zone, keyring), notify(zone, keyring)]
    for name in ("live.test.", "www.elsewhere.test."):
        wires.append(signed_question(name, rings(("k.", WRONG))[1]))
    return wires + [wire[:cut] for wire in wires[:2] for cut in (12, 15, len(wire) - 1)]


class Flood(threading.Thread):
    """Sends without an end, from ever other addresses."""

    def __init__(self):
        super().__init__(daemon=True)
        self.wires, self.is_over, self.random = hostile(), threading.Event(), random.Random(1)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.join()

    def run(self):
        while not self.is_over.is_set():
            number = self.random.randrange(100 << 16, 200 << 16)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.bind((f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0))
                for wire in self.wires:
                    sender.sendto(wire, (SERVER, node.PORT))


def counts(daemon):
    """Of updates, of notifies without those that are told to others, and of what is signed."""
    status = daemon.status()
    return {"updates": status["updates"], "notifies": status["notifies"]["in"], "questions": status["tsig_failures"]}


def wait_dropped(daemon):
    """Until as many as wanted have been dropped, beyond those that are already."""
    before = counts(daemon)
    node.wait_for(
        lambda: all(count["dropped"] >= before[kind]["dropped"] + WANTED[kind] for kind, count in counts(daemon).items()),
        f"{WANTED} to be dropped",
        3 * node.LIMIT_S,
    )


def memory_kib(daemon):
    for line in Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise ValueError("no VmRSS")


def nsupdate(source, text, *options):
    """As a person would, who has the key. It asks again when it hears nothing."""
    script = f"server {SERVER} {node.PORT}\nlocal {source}\nzone live.test\nupdate delete {text}.live.test TXT\n"
    script += f'update add {text}.live.test 300 TXT "{text}"\nsend\n'
    done = subprocess.run(
        ["nsupdate", *options, "-y", f"hmac-sha256:k:{SECRET}"], input=script, capture_output=True, text=True, check=False
    )
    return f"nsupdate from {source}: {done.stdout}{done.stderr}" if done.returncode else None


def ask(wire, source):
    """As a resolver or a primary would: again, where a datagram is lost. Returns the reply."""

    def once():
        reply, _ = node.datagram(SERVER, wire, source, wait_s=1)
        return reply

    reply, right = node.wait_for(once, f"an answer to {source}"), rings(("k.", SECRET))[1]
    mac = dns.message.from_wire(wire, right).mac
    return dns.message.from_wire(reply, right, request_mac=mac, ignore_trailing=True)


def check_floods():
    """Updates with the right key, the primary's notifications and questions are served; the rest is dropped and counted"""
    began = time.monotonic()
    with start() as daemon:
        fault = nsupdate(CLIENT, "before")
        if fault:
            yield fault
        with Flood():
            wait_dropped(daemon)
            memory_before = memory_kib(daemon)
            # who has not signed before competes with those who forge his key's name: TCP is for him
            for source, text, *options in ((CLIENT, "during"), (SECOND_CLIENT, "other", "-v"), (CLIENT, "again")):
                fault = nsupdate(source, text, *options)
                if fault:
                    yield fault
                seen = ask(node.query(f"{text}.live.test", "TXT"), "10.4.0.1")
                if f'"{text}"' not in seen.to_text():
                    yield f"after {text}: {seen}"
            right = rings(("k.", SECRET))[1]
            for wire, source in (
                (notify("second.test."), PRIMARY),
                (node.query("www.live.test"), "10.4.0.1"),
                (signed_question("live.test.", right), CLIENT),
                (signed_question("live.test.", right), SECONDARY),
            ):
                reply = ask(wire, source)
                if reply.rcode() != dns.rcode.NOERROR:
                    yield f"{source}: {reply}"
            wait_dropped(daemon)
            grown = memory_kib(daemon) - memory_before
            if grown > GROWTH_MAX_KIB:
                yield f"the memory has grown by {grown} KiB"
        updates, notifies, questions = counts(daemon).values()
        if updates["forwarded"] or updates["taken"] < 4 or notifies["taken"] < 1:
            yield f"{updates} {notifies}"
        said = daemon.run("status").stdout
        for line in (
            f", {updates['refused']} refused, {updates['dropped']} dropped",
            f", {notifies['dropped']} dropped; out:",
            f"; {questions['dropped']} dropped",
        ):
            if line not in said:
                yield f"'{line}' is not in {said}"
        node.wait_for(lambda: "beyond their budgets" in daemon.log(), "a line in the log")
        if daemon.log().count("beyond their budgets") > 1 + (time.monotonic() - began) / 60:
            yield f"more than a line a minute: {daemon.log()}"
        seen = ask(node.query("added.live.test", "TXT"), "10.4.0.1")
        if seen.rcode() != dns.rcode.NXDOMAIN:
            yield f"the flood has changed the zone: {seen}"


def check_peace():
    """Before there is a flood, who may not is told so; this machine itself and TCP have no such budget"""
    with start() as daemon:
        refused = update("live.test."), notify("second.test.")
        for wire in refused:
            reply = ask(wire, "10.5.0.1")
            if reply.rcode() != dns.rcode.REFUSED:
                yield f"{reply}"
        with node.Stream(SERVER, source="10.5.0.1") as stream:
            for number in range(1000):
                if not node.answers(stream.ask(refused[number & 1]), refused[number & 1]):
                    yield f"message {number} over TCP is not answered"
                    break
        for number in range(1000):
            reply, _ = node.datagram(SERVER, refused[number & 1], "127.0.0.5")
            if reply is None:
                yield f"message {number} from this machine is not answered"
                break
        updates, notifies, questions = counts(daemon).values()
        if updates != {"taken": 0, "forwarded": 0, "refused": 1001, "dropped": 0} or notifies != {"taken": 0, "refused": 1001, "dropped": 0}:
            yield f"{updates} {notifies}"


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
