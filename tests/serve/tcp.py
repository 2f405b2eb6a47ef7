# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP as RFC 7766 wants it: pipelines, frames in pieces, clients that are slow, limits, stopping."""

import socket
import struct
import time

import dns.edns
import dns.message
import node
import streams
import tap

WORKER = "server: {tcp-workers: 1}\n"


def check_pipeline():
    """A thousand queries in one write are all answered, each in a frame of its own."""
    with node.Node() as daemon, node.Stream() as client:
        client.send(*(node.query(message_id=number) for number in range(1000)))
        got = {node.message_id(client.frame()) for _ in range(1000)}
        if got != set(range(1000)):
            yield f"{1000 - len(got)} replies are missing"
        if daemon.status()["tcp"]["connections"]["accepted"] != 1:
            yield "more than one connection counted"


def check_both_families():
    """Connections to IPv4 and IPv6 addresses of wildcards are answered."""
    with node.Node():
        for address in ["127.0.0.1", "::1", *node.V4, *node.V6]:
            with node.Stream(address) as client:
                if not streams.answered(client):
                    yield f"no answer from {address}"


def check_pieces():
    """A query sent byte by byte is answered, and so is the one behind it."""
    with node.Node(), node.Stream() as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        first, second = node.query(message_id=1), node.query(message_id=2)
        whole = b"".join(struct.pack("!H", len(wire)) + wire for wire in (first, second))
        cut = len(first) + 2 + 5
        for byte in whole[:cut]:
            client.socket.sendall(bytes([byte]))
        if not node.answers(client.frame(), first):
            yield "the first query is not answered"
        client.socket.sendall(whole[cut:])
        if not node.answers(client.frame(), second):
            yield "the second query is not answered"


def check_longest():
    """A message of 65,535 bytes is read whole, and the connection goes on."""
    with node.Node(), node.Stream() as client:
        longest = node.query(message_id=7)
        longest += bytes(65535 - len(longest))
        client.send(longest, node.query(message_id=8))
        seen = [node.message_id(client.frame())]
        if seen == [7]:  # FORMERR to the first is as good as silence
            seen.append(node.message_id(client.frame()))
        if seen[-1] != 8:
            yield f"replies {seen}, 8 is missing"


def check_slow_client():
    """A client that asks for much and reads nothing holds nobody up, and gets all of it when it reads."""
    with node.Node(WORKER) as daemon, node.Stream(receive_buffer=4096) as slow:
        slow.socket.setblocking(False)
        count = 0
        wire = node.query("big.example.com", "TXT")
        frame = struct.pack("!H", len(wire)) + wire
        left = b""
        idle_since = time.monotonic()
        while time.monotonic() - idle_since < 0.3:  # until the server does not read any more
            try:
                if not left:
                    left, count = frame, count + 1
                left = left[slow.socket.send(left) :]
                idle_since = time.monotonic()
            except BlockingIOError:
                pass
            if count > 1000000:
                yield "the server reads without end from a client that does not read"
                return
        yield from streams.others_answered(node.Stream)
        slow.socket.setblocking(True)
        slow.socket.settimeout(node.LIMIT_S)
        yield from streams.whole(slow, wire, 20)
        resident = memory_kb(daemon.process.pid)
        if resident > 200000:
            yield f"{resident} kB resident"


def memory_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def check_busy_client():
    """A client that asks for large answers without end, and reads them, leaves others their turn."""
    with node.Node(WORKER), node.Stream() as busy:
        streams.ask_big(busy, 2000)
        busy.frame()
        start = time.monotonic()
        with node.Stream() as other:
            if not streams.answered(other):
                yield "no answer beside a busy client"
        waited = time.monotonic() - start
        if waited > 1:
            yield f"waited {waited:.1f} s beside a busy client"
        yield from streams.in_order(busy, range(1, 2000))


def check_half_close():
    """A client that closes its half after asking gets its answers, then the end."""
    with node.Node(), node.Stream() as client:
        streams.ask_big(client, 50)
        client.socket.shutdown(socket.SHUT_WR)
        yield from streams.in_order(client, range(50))
        if client.frame() is not None:
            yield "the connection stays open"


def check_malformed():
    """What is shorter than a DNS header ends the connection, after the answers before it."""
    with node.Node(), node.Stream() as client:
        wire = node.query()
        client.send(wire, b"short", wire)
        if not node.answers(client.frame(), wire):
            yield "the query before is not answered"
        if client.ending() == "data":
            yield "the connection goes on"


def check_idle():
    """Idle connections are closed in time; a query in pieces, without end, is idle too."""
    with node.Node("tcp: {idle-timeout: 400ms}\n") as daemon, node.Stream() as quiet, node.Stream() as dripping:
        yield from streams.idle(daemon, quiet, dripping)


def check_busy_stays():
    """A connection that asks again within the idle time stays open."""
    with node.Node("tcp: {idle-timeout: 600ms}\n"), node.Stream() as client:
        end = time.monotonic() + 2
        number = 0
        while time.monotonic() < end:
            number += 1
            if not streams.answered(client, number):
                yield f"query {number} is not answered"
                return
            client.is_readable(0.2)


def check_lifetime():
    """A connection that is never idle ends with its lifetime."""
    with node.Node("tcp: {lifetime: 700ms}\n") as daemon, node.Stream() as client:
        start = time.monotonic()
        try:
            while client.ask(node.query()) is not None and time.monotonic() - start < node.LIMIT_S:
                client.is_readable(0.05)
        except (ConnectionResetError, BrokenPipeError):
            pass
        took = time.monotonic() - start
        if not 0.6 < took < 5:
            yield f"ended after {took:.1f} s"
        if daemon.status()["tcp"]["connections"]["lifetime"] != 1:
            yield "not counted"


def check_overload():
    """One connection too many takes the place of the idlest, which is told so by RST."""
    config = "server: {tcp-workers: 1}\ntcp: {max-connections: 3}\n"
    with node.Node(config) as daemon:
        clients = []
        for number in range(3):
            clients.append(node.Stream(source=f"10.{number}.0.1"))
            clients[-1].ask(node.query())
        clients[0].ask(node.query())  # now the second is the idlest
        with node.Stream(source="10.9.0.1") as late:
            if not streams.answered(late):
                yield "the new connection is not answered"
            if clients[1].ending() != "reset":
                yield "the idlest was not reset"
            for place in (0, 2):
                if not streams.answered(clients[place]):
                    yield f"connection {place}, not the idlest, was closed"
        if daemon.status()["tcp"]["connections"]["overload"] != 1:
            yield "not counted"
        for client in clients:
            client.socket.close()


def check_prefix():
    """One connection too many from a /24 is refused; other clients are not concerned."""
    with node.Node("tcp: {max-connections-per-prefix: 2}\n") as daemon:
        first, second = node.Stream(source="10.1.1.1"), node.Stream(source="10.1.1.200")
        if not streams.answered(first) or not streams.answered(second):
            yield "within the limit, not answered"
        with node.Stream(source="10.1.1.77") as third:
            if third.ending() != "reset":
                yield "the third of one prefix is taken"
        with node.Stream(source="10.1.2.1") as other:
            if not streams.answered(other):
                yield "another prefix is not answered"
        first.socket.close()
        node.wait_for(lambda: daemon.status()["tcp"]["connections"]["open"] == 1, "the place to be free")
        with node.Stream(source="10.1.1.77") as third:
            if not streams.answered(third):
                yield "a place that became free is not given again"
        second.socket.close()


def check_keepalive():
    """A client that asks for it is told the idle time (RFC 7828)."""
    option = dns.edns.GenericOption(11, b"")
    with node.Node("tcp: {idle-timeout: 7s}\n"), node.Stream() as client:
        reply = dns.message.from_wire(client.ask(node.query(use_edns=0, options=[option])))
        told = [bytes(given.data) for given in reply.options if given.otype == 11]
        if told != [struct.pack("!H", 70)]:
            yield f"told {told}"


def check_stop():
    """On SIGTERM answers in progress are finished, within bounds."""
    with node.Node() as daemon, node.Stream() as reading, node.Stream(receive_buffer=4096) as stuck:
        for client in (reading, stuck):
            streams.ask_big(client, 40)
            client.frame()
        yield from streams.stopping(daemon, reading, 40)


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
