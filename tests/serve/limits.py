# SPDX-License-Identifier: GPL-3.0-or-later
"""How much transfers may take: places at a primary, those who wait for one, and patience."""

import contextlib
import socket
import struct
import threading

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rrset
import node
import tap

SLOW, QUICK, DEAD = "127.0.0.2", "127.0.0.3", "127.0.0.4"  # nobody listens at the last
PORT = 5302


def reply_to(wire):
    """A zone of four records and more than a kilobyte."""
    query = dns.message.from_wire(wire)
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.AA
    zone = query.question[0].name
    soa = f"ns.{zone} host.{zone} 1 3600 600 86400 60"
    long = " ".join(8 * [f'"{"x" * 200}"'])
    records = [(zone, "SOA", soa), (zone, "NS", f"ns.{zone}"), (f"ns.{zone}", "A", "192.0.2.1"), (zone, "TXT", long), (zone, "SOA", soa)]
    for owner, rdtype, text in records:
        reply.answer.append(dns.rrset.from_text(owner, 300, "IN", rdtype, text))
    wire = reply.to_wire()
    return struct.pack("!H", len(wire)) + wire


class Primary:
    """Answers transfers over TCP, one after the other of each that is let go; knows how many it has at once."""

    def __init__(self, address, is_held):
        self.lock, self.open, self.most, self.served = threading.Lock(), 0, 0, 0
        self.go = threading.Event()
        if not is_held:
            self.go.set()
        self.listener = socket.create_server((address, PORT), backlog=128)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.go.set()
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept()
        self.thread.join(node.LIMIT_S)
        self.listener.close()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            client.settimeout(node.LIMIT_S)
            try:
                frame = client.recv(2, socket.MSG_WAITALL)
                wire = client.recv(struct.unpack("!H", frame)[0], socket.MSG_WAITALL)
            except (OSError, struct.error):
                return
            with self.lock:
                self.open += 1
                self.most = max(self.most, self.open)
            self.go.wait(node.LIMIT_S)
            with self.lock:  # before the answer: who has it may ask again at once
                self.open -= 1
                self.served += 1
            with contextlib.suppress(OSError):
                client.sendall(reply_to(wire))


def config(daemon, transfers, zones):
    """@param zones  name of the first label, and who has it."""
    lines = ["server:", f"  listen: 127.0.0.1@{node.PORT}", "  xdp: none", f"  state: {daemon.path / 'state'}"]
    lines += ["transfers:", *(f"  {key}: {value}" for key, value in transfers.items()), "remotes:"]
    for name, address in (("slow", SLOW), ("quick", QUICK), ("dead", DEAD)):
        lines += [f"  - name: {name}", f"    address: {address}@{PORT}"]
    lines.append("zones:")
    for name, primaries in zones:
        lines += [f"  - domain: {name}.test", f"    primaries: {primaries}"]
    return "\n".join(lines) + "\n"


def start(transfers, zones):
    daemon = node.Node(is_started=False)
    daemon.configure(config(daemon, transfers, zones))
    daemon.start()
    return daemon


def served(names):
    """How many of the zones are answered for."""
    count = 0
    for name in names:
        try:
            reply = dns.query.udp(dns.message.make_query(f"{name}.test.", "SOA"), "127.0.0.1", timeout=1, port=node.PORT)
        except dns.exception.Timeout:
            continue
        count += reply.rcode() == 0 and bool(reply.answer)
    return count


def wait_served(names, daemon):
    names = list(names)
    try:
        node.wait_for(lambda: served(names) == len(names), f"{len(names)} zones", 2 * node.LIMIT_S)
    except TimeoutError as error:
        return f"{error}: {served(names)} are served\n{daemon.log()[-3000:]}"
    return None


def counted(daemon, *names):
    """Of transfers coming in, as the status has it."""
    counts = daemon.status()["transfers"]["in"]
    return [counts[name] for name in names]


def check_places():
    """A primary is asked for so many zones at once, and the others' do not wait for it"""
    slow, quick = [f"s{i}" for i in range(30)], [f"q{i}" for i in range(10)]
    zones = [(name, "slow") for name in slow] + [(name, "quick") for name in quick]
    with Primary(SLOW, True) as held, Primary(QUICK, False) as fast:
        with start({"max-in": 8, "max-in-per-primary": 3}, zones) as daemon:
            fault = wait_served(quick, daemon)
            if fault:
                yield fault
            node.wait_for(lambda: held.open == 3, "three transfers at the slow one")
            if served(slow) != 0:
                yield "zones of the slow one are served already"
            try:
                node.wait_for(lambda: counted(daemon, "running", "waiting") == [3, 27], "three to run, the others to wait")
            except TimeoutError as error:
                yield f"{error}: {daemon.status()['transfers']}"
            held.go.set()
            fault = wait_served(slow, daemon)
            if fault:
                yield fault
            if counted(daemon, "running", "waiting", "done", "failed", "refused", "records") != [0, 0, 40, 0, 0, 200]:
                yield f"in the status: {daemon.status()['transfers']}"
        if held.most > 3 or fast.most > 3:
            yield f"{held.most} at once at the slow one, {fast.most} at the other"
        if held.served != len(slow):
            yield f"{held.served} transfers for {len(slow)} zones"


def check_all_places():
    """No more in all than told, and nothing is lost by waiting"""
    names = [f"z{i}" for i in range(40)]
    with Primary(SLOW, True) as first, Primary(QUICK, True) as second:
        zones = [(name, "slow" if i % 2 else "quick") for i, name in enumerate(names)]
        with start({"max-in": 5}, zones) as daemon:
            node.wait_for(lambda: first.open + second.open == 5, "five transfers")
            first.go.set()
            second.go.set()
            fault = wait_served(names, daemon)
            if fault:
                yield fault
        if first.most + second.most > 10 or max(first.most, second.most) > 5:
            yield f"{first.most} and {second.most} at once"


def check_next_primary():
    """Who asks the next primary in place of one that is away waits for a place there, too"""
    names = [f"z{i}" for i in range(30)]
    with Primary(QUICK, False) as second:
        with start({"max-in-per-primary": 2}, [(name, "[dead, quick]") for name in names]) as daemon:
            fault = wait_served(names, daemon)
            if fault:
                yield fault
        if second.most > 2:
            yield f"{second.most} at once"


def check_reload():
    """Places told anew hold from then on, for those who wait already"""
    names = [f"z{i}" for i in range(12)]
    zones = [(name, "slow") for name in names]
    with Primary(SLOW, True) as held:
        with start({"max-in-per-primary": 1}, zones) as daemon:
            node.wait_for(lambda: held.open == 1, "a transfer")
            daemon.configure(config(daemon, {"max-in-per-primary": 4}, zones))
            done = daemon.run("reload")
            if done.returncode:
                yield done.stderr
            node.wait_for(lambda: held.open == 4, "four transfers")
            held.go.set()
            fault = wait_served(names, daemon)
            if fault:
                yield fault
        if held.most > 4:
            yield f"{held.most} at once"


def check_retransfer():
    """One that is ordered while a transfer is in hand comes after it, and is one of the whole zone"""
    with Primary(SLOW, True) as held, start({"max-in": 8}, [("z", "slow")]) as daemon:
        node.wait_for(lambda: held.open == 1, "a transfer")
        done = daemon.run("zone", "retransfer", "z.test")
        if done.returncode:
            yield done.stderr
        held.go.set()
        try:  # it knows nothing of questions: who asks it whether there is something new hears nothing
            node.wait_for(lambda: held.served == 2, "another transfer")
        except TimeoutError as error:
            yield f"{error}: {daemon.log()}"


def check_patience():
    """A primary that takes the query and says nothing is left after the time that is told"""
    with Primary(SLOW, True), start({"connect-timeout": "200ms"}, [("z", "slow")]) as daemon:
        try:
            node.wait_for(lambda: "it has fallen silent" in daemon.log(), "the end of patience")
        except TimeoutError as error:
            yield f"{error}: {daemon.log()}"


def check_sizes():
    """More records or bytes than told are refused, unless the zone tells otherwise"""
    rows = (("max-records", "3", "1000", "more than 3 records"), ("max-transfer-size", "1K", "64K", "more than 1024 bytes"))
    for key, value, own, wanted in rows:
        with Primary(QUICK, False), start({key: value}, [("z", "quick"), ("y", f"quick\n    {key}: {own}")]) as daemon:
            node.wait_for(lambda daemon=daemon, wanted=wanted: wanted in daemon.log(), f"'{wanted}'")
            fault = wait_served(["y"], daemon)
            if fault:
                yield fault
            if served(["z"]):
                yield f"{key}: the zone is served"


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
