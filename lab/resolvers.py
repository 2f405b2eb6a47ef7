# SPDX-License-Identifier: GPL-3.0-or-later
"""Real users: stub clients that ask real resolvers, which ask the drill's servers as they would any others.

They are few, and no part of the load; they show whether the modelled resolvers tell the truth about how it feels.
Both resolvers keep what they got for as long as its TTL says, so much of a wave passes them by, as it should.
"""

import itertools
import pathlib
import random
import select
import socket
import string
import threading
import time

import message
import topology
from topology import POPS, SERVICE, wait_for

HERE = pathlib.Path(__file__).resolve().parent
RATE = 20  # names per second and resolver
LIMIT_S = 5.0
START_LIMIT_S = 20
# Types whose rdata holds no names: it arrives as it is written.
ASKED_TYPES = ("A", "AAAA", "TXT")
NUMBERS = 1 << 16


class Resolver:
    """A recursive resolver in the namespace of the users."""

    name, config, listen = "", "", ""
    pop = 0  # whose catchment it is in

    def __init__(self, lab, state):
        self.lab, self.state = lab, pathlib.Path(state) / self.name
        self.process = None

    def arguments(self, config):
        raise NotImplementedError

    def start(self):
        self.state.mkdir(parents=True, exist_ok=True)
        text = string.Template((HERE / "resolvers" / self.config).read_text()).substitute(
            listen=self.listen, state=self.state, source4=topology.user_address(self.pop, 1),
            source6=topology.user_address(self.pop, 1, socket.AF_INET6),
            stubs="\n".join(f"    stub-addr: {address}" for address in SERVICE),
            servers=", ".join(f'"{address}"' for address in SERVICE))
        config = self.state / self.config
        config.write_text(text)
        self.process = self.lab.start("users", topology.WORLD_CORE, self.arguments(config), self.state / "output",
                                      cwd=self.state)

    def wait_ready(self, line):
        """Wait until it resolves a name."""
        with self.lab.socket("users") as client:
            client.connect((self.listen, 53))
            client.settimeout(0.5)
            wait_for(lambda: self._resolves(client, line), f"answer from {self.name}", START_LIMIT_S, self.output)

    def _resolves(self, client, line):
        if self.process.poll() is not None:
            raise topology.LabFailed(f"{self.name} ended: {self.output()}")
        try:
            client.send(message.query(1, line.qname, line.qtype, wants_recursion=True))
            return message.is_expected(message.reply(client.recv(65535)), line)
        except (TimeoutError, ConnectionError):
            return False

    def output(self):
        return (self.state / "output").read_text(errors="replace")[-2000:]

    def stop(self):
        if self.process:
            self.process.kill()  # there is nothing to be saved
            self.process.wait()
            self.process = None

    def __str__(self):
        return f"{self.name} in the catchment of {POPS[self.pop]}"


class Unbound(Resolver):
    """Unbound."""

    name, config, listen, pop = "unbound", "unbound.conf", "127.0.0.1", 0

    def arguments(self, config):
        return ["unbound", "-d", "-p", "-c", config]


class KnotResolver(Resolver):
    """Knot Resolver."""

    name, config, listen, pop = "knot-resolver", "kresd.lua", "127.0.0.2", 2

    def arguments(self, config):
        return ["kresd", "--noninteractive", "--config", config, self.state]


class Stub(threading.Thread):
    """A client of one resolver: asks for names at a steady rate, and counts by the second of asking."""

    def __init__(self, lab, resolver, lines, seed, begin):
        super().__init__(name=f"stub of {resolver.name}", daemon=True)
        self.rng = random.Random(f"{seed} {resolver.name}")
        self.lines = lines
        self.weights = list(itertools.accumulate(1 / rank ** 0.9 for rank in range(1, len(lines) + 1)))
        self.begin = begin
        self.seconds = {}  # second: [asked, answered]
        self.waiting = {}  # number of a query: (line, when it was asked)
        self.ending = threading.Event()
        self.client = lab.socket("users")
        self.client.connect((resolver.listen, 53))
        self.client.setblocking(False)

    def run(self):
        with self.client:
            for count in itertools.count():
                due = self.begin + count / RATE
                while (left := due - time.monotonic()) > 0 and not self.ending.is_set():
                    self._receive(left)
                if self.ending.is_set():
                    break
                self._ask(count % NUMBERS)
            end = time.monotonic() + LIMIT_S
            while self.waiting and (left := end - time.monotonic()) > 0:
                self._receive(left)
                self._forget()

    def _ask(self, number):
        line = self.rng.choices(self.lines, cum_weights=self.weights)[0]
        now = time.monotonic()
        self._forget()
        self.waiting[number] = line, now
        self._second(now)[0] += 1
        try:
            self.client.send(message.query(number, line.qname, line.qtype, wants_recursion=True))
        except OSError:
            pass  # asked for nothing: the resolver is gone

    def _receive(self, limit_s):
        if not select.select([self.client], [], [], limit_s)[0]:
            return
        try:
            reply = message.reply(self.client.recv(65535))
        except OSError:
            return
        line, asked = self.waiting.pop(reply.id, (None, 0)) if reply else (None, 0)
        if line and time.monotonic() - asked <= LIMIT_S and message.is_expected(reply, line):
            self._second(asked)[1] += 1

    def _forget(self):
        """Those that were asked too long ago; the oldest stand first."""
        while self.waiting:
            number, (_, asked) = next(iter(self.waiting.items()))
            if time.monotonic() - asked <= LIMIT_S:
                break
            del self.waiting[number]

    def _second(self, when):
        return self.seconds.setdefault(int(when - self.begin), [0, 0])

    def counts(self):
        return [{"t": second, "asked": asked, "answered": answered}
                for second, (asked, answered) in sorted(self.seconds.items())]


class Users:
    """The resolvers and their stub clients; all end with the `with` block."""

    def __init__(self, lab, state, lines, seed):
        """@param lines  of the names file (zones.Line), the most popular first"""
        self.lab, self.seed = lab, seed
        self.lines = [line for line in lines if line.kind == "answer" and line.qtype in ASKED_TYPES]
        self.resolvers = [resolver(lab, state) for resolver in (Unbound, KnotResolver)]
        self.stubs = {}

    def __enter__(self):
        try:
            for resolver in self.resolvers:
                resolver.start()
            for resolver in self.resolvers:
                resolver.wait_ready(self.lines[0])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for stub in self.stubs.values():
            stub.ending.set()
        for resolver in self.resolvers:
            resolver.stop()

    def start(self, begin):
        """Let the stub clients ask. @param begin  second 0, of time.monotonic()"""
        for resolver in self.resolvers:
            self.stubs[resolver.name] = Stub(self.lab, resolver, self.lines, self.seed, begin)
            self.stubs[resolver.name].start()

    def finish(self):
        """End the asking, wait for what is still to come, and return {resolver: [{"t", "asked", "answered"}]}."""
        for stub in self.stubs.values():
            stub.ending.set()
        for stub in self.stubs.values():
            stub.join()
        return {name: stub.counts() for name, stub in self.stubs.items()}
