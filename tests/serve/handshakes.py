# SPDX-License-Identifier: GPL-3.0-or-later
"""Those who mean no good with TLS: what is none, what is slow, and handshakes that cost too much."""

import contextlib
import os
import select
import socket
import struct
import threading
import time

import node
import tap
from secure import PORT, Secure, client_hello, config, connect, ending, handshakes, is_refused, presented
from streams import answered


def check_garbage():
    """Whatever comes to the port that is not TLS is the end of that connection, and of nothing else."""
    hello = client_hello()
    wire = node.query()
    pieces = {
        "noise": os.urandom(4096),
        "zeros": bytes(4096),
        "plain DNS": struct.pack("!H", len(wire)) + wire,
        "HTTP": b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
        "SSLv2": bytes.fromhex("802e0100020015000000100100800200800300800400800500800600400700c0") + bytes(30),
        "hello twice": hello + hello,
        "hello and noise": hello + os.urandom(1000),
        "a record too long": b"\x16\x03\x01\xff\xff" + bytes(70000),
        "an alert first": b"\x15\x03\x01\x00\x02\x02\x28",
        "warnings": b"\x15\x03\x01\x00\x02\x01\x5a" * 1000,
    }
    pieces |= {f"hello, bit {bit} other": flip(hello, bit) for bit in range(40, len(hello) * 8, 331)}
    with node.Node(config("handshake-timeout: 700ms")) as daemon, Secure() as staying:
        for what, piece in pieces.items():
            with connect() as client:
                with contextlib.suppress(OSError):
                    client.sendall(piece)
                    client.shutdown(socket.SHUT_WR)
                with contextlib.suppress(OSError):
                    ending(client)
            if daemon.ended():
                yield f"{what}: {daemon.log()}"
                return
        if not answered(staying) or not presented():
            yield "others are not answered"
        node.wait_for(lambda: handshakes(daemon)["open"] == 0, "all of them to be gone")


def flip(octets, bit):
    changed = bytearray(octets)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def check_slow():
    """A handshake that is not done in time is ended: of a silent client, and of one that drips."""
    hello = client_hello()
    with node.Node(config("handshake-timeout: 500ms")) as daemon, connect() as silent, connect() as dripping:
        start = time.monotonic()
        with contextlib.suppress(OSError):
            for byte in hello:
                dripping.sendall(bytes([byte]))
                if not time.monotonic() - start < node.LIMIT_S or select.select([dripping], [], [], 0.05)[0]:
                    break
        took = time.monotonic() - start
        if not 0.4 < took < 5:
            yield f"ended after {took:.1f} s"
        if ending(silent) != "reset":
            yield "the silent one is not reset"
        node.wait_for(lambda: handshakes(daemon)["timeout"] == 2, "both to be counted")
        with Secure() as client:
            if not answered(client):
                yield "not answered afterwards"


def check_places():
    """Handshakes have so many places: one too many of a prefix is refused, one too many in all takes the oldest's."""
    with node.Node(config("max-handshakes: 3, max-handshakes-per-prefix: 2", server="tcp-workers: 1")) as daemon:
        first, second = connect("10.1.1.1"), connect("10.1.1.2")
        node.wait_for(lambda: handshakes(daemon)["open"] == 2, "both")
        if not is_refused("10.1.1.3") or handshakes(daemon)["prefix"] != 1:
            yield f"the third of a prefix is taken: {handshakes(daemon)}"
        with connect("10.1.2.1"), connect("10.1.3.1"):
            if ending(first) != "reset":
                yield "the oldest keeps its place"
            if handshakes(daemon)["overload"] != 1:
                yield f"{handshakes(daemon)}"
            with Secure(source="10.1.4.1") as client:
                if not answered(client) or handshakes(daemon)["handshakes"] != 1:
                    yield "not answered"
        for client in (first, second):
            client.close()
        node.wait_for(lambda: handshakes(daemon)["open"] == 0, "the places to be free")


def check_fair():
    """A handshake from a prefix that asks for one goes before those of a prefix that asks for sixty, though they came first."""
    with node.Node(config("max-handshake-percent: 1", server="tcp-workers: 1")), contextlib.ExitStack() as crowd:
        hello = client_hello()
        clients = [crowd.enter_context(connect(f"10.1.1.{1 + number}")) for number in range(60)]
        for client in clients:
            client.sendall(hello)

        def served():
            return sum(bool(select.select([client], [], [], 0)[0]) for client in clients)

        node.wait_for(lambda: served() >= 5, "the first to be served")
        with Secure(source="10.2.2.2") as good:
            if not answered(good):
                yield "not answered"
        count = served()
        print(f"# {count} of the crowd were served before")
        if count > 40:
            yield f"{count} of the crowd were served before"


class Flood(threading.Thread):
    """Has the server sign, and goes."""

    def __init__(self, source, hello, ending_event):
        super().__init__(daemon=True)
        self.source, self.hello, self.ending = source, hello, ending_event
        self.sent = self.served = 0

    def run(self):
        while not self.ending.is_set():
            with contextlib.suppress(OSError), socket.socket() as client:
                client.settimeout(0.5)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.bind((self.source, 0))
                client.connect(("127.0.0.1", PORT))
                client.sendall(self.hello)
                self.sent += 1
                self.served += bool(client.recv(1))


def check_flood():
    """A flood of handshakes gets its share of the time and no more; plain TCP, UDP and connections go on, and so does a handshake from elsewhere."""
    share, seconds = 4, 4
    with node.Node(config(f"max-handshake-percent: {share}", server="tcp-workers: 1")) as daemon, Secure() as staying:
        hello, ended = client_hello(), threading.Event()
        before, start = handshakes(daemon)["cpu_ns"], time.monotonic()
        flood = [Flood(f"10.{number % 4}.0.{1 + number}", hello, ended) for number in range(24)]
        for one in flood:
            one.start()
        slowest, asked = 0.0, 0
        while time.monotonic() - start < seconds:
            begun = time.monotonic()
            with node.Stream(source="10.9.9.9") as plain:
                if not answered(plain, asked) or not answered(staying, asked):
                    yield "a connection is not answered"
            asked += 1
            if not node.datagram("127.0.0.1", node.query(), wait_s=2)[0]:
                yield "UDP is not answered"
            slowest = max(slowest, time.monotonic() - begun)
        begun = time.monotonic()
        with Secure(source="10.8.8.8") as good:
            if not answered(good):
                yield "a good client is not answered"
        waited = time.monotonic() - begun
        now, spent = handshakes(daemon), time.monotonic() - start
        ended.set()
        for one in flood:
            one.join(node.LIMIT_S)
        used = (now["cpu_ns"] - before) / 1e9
        sent, served = (sum(getattr(one, name) for one in flood) for name in ("sent", "served"))
        print(f"# {sent} handshakes begun, {served} served; {used / spent:.1%} of a core, {now['deferred']} had to wait; "
              f"{asked} rounds, the slowest {slowest * 1000:.0f} ms; a good handshake took {waited * 1000:.0f} ms")
        if used > (spent + 0.2) * share / 100 + 0.02:
            yield f"{used:.2f} s of CPU in {spent:.1f} s"
        if used < spent * share / 100 / 2 or not now["deferred"]:
            yield f"no flood: {used:.2f} s of CPU"
        if slowest > 1:
            yield f"a round took {slowest:.1f} s"
        if waited > 3:
            yield f"a good client's handshake took {waited:.1f} s"


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
