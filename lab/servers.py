# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that can stand at the POPs, each configured as somebody who knows it well would for days like this.

All have rate limits for clients without cookies at the values their manuals give, minimal answers, no logging of
queries, one worker of each kind, and as much room for waiting packets. Configurations are in servers/, with the fields
filled in. One Server is what runs at one POP; a Fleet is the same at all of them.
"""

import base64
import concurrent.futures
import contextlib
import ctypes
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import string
import subprocess
import sys
import time

import message
import topology
from topology import POPS, SERVICE, LabFailed, wait_for
from zones import Line

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "bench"))
import memory  # noqa: E402  pylint: disable=wrong-import-position

START_LIMIT_S = 60
RELOAD_LIMIT_S = 30
STOP_LIMIT_S = 10
# What an operator sets as net.core.rmem_default; that one is the whole machine's, so here each socket is told.
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
SO_RCVBUFFORCE = 33
SYS_PIDFD_GETFD = 438
PROBES = 20  # names per POP that are asked after a reload, of each kind


@dataclasses.dataclass(frozen=True)
class Setup:
    """What the configurations of a fleet have in common."""

    unit_qps: int = 2000  # honest queries per second at one POP in peace
    will_kill: bool = False  # a process will be killed: what a server has against that is configured
    secret: str = dataclasses.field(default_factory=lambda: os.urandom(16).hex())  # of DNS cookies


class Server:
    """What runs at one POP."""

    name = ""
    engine_text = "sockets"

    def __init__(self, lab, pop, build, state, setup):
        self.lab, self.pop, self.setup = lab, pop, setup
        self.namespace = f"pop{pop}"
        self.interface = topology.LINKS[pop].there
        self.build = pathlib.Path(build).resolve()
        self.state = pathlib.Path(state)
        self.roots = []  # the processes started here, each with its descendants in a session of its own
        self.is_killed = False  # and not ready again

    # What each server says about itself.

    def version(self):
        raise NotImplementedError

    def prepare(self, zones):
        """Write the configuration for these zones: {origin: path}."""

    def programs(self):
        """Arguments of the programs to start."""
        raise NotImplementedError

    def take_up(self):
        """Have the running server read what `prepare` wrote, and all zones that changed."""
        raise NotImplementedError

    def settle(self):
        """Wait until it answers as it will from now on."""

    def engine(self):
        """How queries are answered, in words."""
        return self.engine_text

    # What is the same for all.

    def start(self, zones):
        shutil.rmtree(self.state, ignore_errors=True)
        self.state.mkdir(parents=True)
        self.prepare(zones)
        # Until it is ready it may use both cores: nothing is measured yet.
        self._start_programs(topology.BOTH_CORES)

    def _start_programs(self, cores):
        for number, words in enumerate(self.programs()):
            self.roots.append(self.lab.start(self.namespace, cores, words, self.state / f"output{number}",
                                             cwd=self.state))

    def kill(self):
        """SIGKILL to its main process; what becomes of its others is its own affair."""
        self.is_killed = True
        self.roots[0].kill()
        self.roots[0].wait()

    def restart(self, zones):
        """As a service manager would after a crash: end what is left, start it, and wait until it is ready."""
        self._end(signal.SIGKILL)
        self.tidy()
        self._start_programs(topology.POP_CORE)
        self.wait_ready(zones)
        self.is_killed = False

    def tidy(self):
        """Take away what its processes leave behind."""

    def wait_ready(self, zones):
        """Wait until the SOA of every zone is answered at every service address, asked from the POP's catchment."""
        for address in SERVICE:
            waiting, sources = list(zones), 0
            end = time.monotonic() + START_LIMIT_S
            while waiting:
                waiting = silent(self.lab, self.pop, sources % 64, address, waiting)
                sources += 1
                self.check_alive()
                if waiting and time.monotonic() > end:
                    raise LabFailed(f"{self} does not answer for {waiting[0]} at {address}: {self.output_tail()}")
        self.settle()
        self._pin()
        for process in self.processes():
            enlarge_buffers(process)

    def _pin(self):
        """To the POPs' core, where all it starts later stays; Knot places its threads itself, whatever it inherits."""
        for process in self.processes():
            for thread in os.listdir(f"/proc/{process}/task"):
                os.sched_setaffinity(int(thread), {topology.POP_CORE})

    def check_alive(self):
        for root in self.roots:
            if root.poll() is not None:
                raise LabFailed(f"{self} ended with status {root.returncode}: {self.output_tail()}")

    def output(self):
        return "".join(path.read_text(errors="replace") for path in sorted(self.state.glob("output*")))

    def output_tail(self):
        return " / ".join(self.output().strip().splitlines()[-5:])

    def processes(self):
        return session_processes({root.pid for root in self.roots})

    def stop(self):
        try:
            self._end(signal.SIGTERM)
        except (subprocess.TimeoutExpired, LabFailed):
            self._end(signal.SIGKILL)
        self.tidy()

    def _end(self, number):
        """Send a signal to all there are, SIGTERM to the roots alone, and wait for the end of them."""
        for process in [root.pid for root in self.roots] if number == signal.SIGTERM else self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)
        for root in self.roots:
            root.wait(STOP_LIMIT_S)
        wait_for(lambda: not self.processes(), f"end of {self}", STOP_LIMIT_S)
        self.roots = []

    def run(self, *words):
        """A command in the POP's namespace, such as the server's own control program."""
        return self.lab.command(self.namespace, *words)

    def fill(self, template, **fields):
        text = string.Template((HERE / "servers" / template).read_text())
        fields = {"state": self.state, "pop": POPS[self.pop], "secret": self.setup.secret, **fields}
        (self.state / template).write_text(text.substitute(fields))
        return self.state / template

    def key(self):
        """Of the control channel, which is not reached from outside."""
        return base64.b64encode(hashlib.sha256(self.setup.secret.encode()).digest()).decode()

    def __str__(self):
        return f"{self.name} at {POPS[self.pop]}"


class Seawall(Server):
    """Seawall, answering in the kernel."""

    name = "seawall"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.counted = [0, 0]  # refused by processes that were killed; by the present one, when last asked

    def program(self):
        return self.build / "seawall"

    @property
    def pins(self):
        """Where its part in the kernel outlives it: a BPF file system, which `ip netns exec` leaves in place."""
        return self.state / "pins"

    def version(self):
        return first_version(output_of(self.program(), "--version"))

    def prepare(self, zones):
        lines = "".join(f"{origin}\t{path}\n" for origin, path in zones.items())
        (self.state / "zones").write_text(lines)
        pin = f"pin: {self.pins}" if self.setup.will_kill and self._mount_pins() else ""
        self.fill("seawall.yaml", interface=self.interface, addresses=quoted_addresses(), pin=pin)

    def _mount_pins(self):
        """@return whether there is a place to pin to, and a program that knows what to do with it"""
        self.pins.mkdir(exist_ok=True)
        if not self.pins.is_mount():
            topology.command("mount", "-t", "bpf", "bpf", self.pins)
        probe = self.state / "probe.yaml"
        probe.write_text(f"server:\n  pin: {self.pins}\n")
        return "unknown key" not in output_of(self.program(), "check", probe)

    def stop(self):
        super().stop()
        if self.pins.is_mount():
            topology.command("umount", self.pins)

    def programs(self):
        return [[self.program(), "serve", self.state / "seawall.yaml"]]

    def settle(self):
        # Its first answer comes from a socket: the programs are loaded once the zones are.
        wait_for(lambda: "info: ready" in self.output(), f"kernel part of {self}", START_LIMIT_S, self.output_tail)

    def take_up(self):
        self.run(self.program(), "reload", "--control", self.state / "control.sock")

    def status(self):
        return self.ask("status")

    def engine(self):
        return ", ".join(one["engine"] for one in self.status()["interfaces"])

    def ask(self, *words):
        """What one of its commands says, as JSON."""
        return json.loads(self.run(self.program(), *words, "--json", "--control", self.state / "control.sock"))

    def events(self):
        """Everything it has recognised, in order of time: see `seawall incident show --json`."""
        numbers = [incident["incident"] for incident in self.ask("incident", "list")["incidents"]]
        events = [event for number in numbers for event in self.ask("incident", "show", number)["events"]]
        return sorted(events, key=lambda event: event["noticed"])

    def refused(self):
        """How many packets it has refused; of a process that was killed, those before it was last asked."""
        try:
            now = self.ask("guard", "status")["refused"]
        except LabFailed:
            if not self.is_killed:
                raise
            return sum(self.counted)
        before, seen = self.counted
        self.counted = [before + seen if now < seen else before, now]
        return sum(self.counted)


class Knot(Server):
    """Knot DNS with AF_XDP."""

    name = "knot"
    engine_text = "AF_XDP"

    def version(self):
        return first_version(output_of("knotd", "--version"))

    def prepare(self, zones):
        entries = "".join(f"  - domain: {origin}\n    file: {path}\n" for origin, path in zones.items())
        self.fill("knot.conf", zones=entries, interface=self.interface, addresses=quoted_addresses())

    def programs(self):
        return [["knotd", "--config", self.state / "knot.conf"]]

    def take_up(self):
        self.run("knotc", "--config", self.state / "knot.conf", "reload")

    def tidy(self):
        # It leaves its program on the interface.
        self.lab.ip(self.namespace, f"link set dev {self.interface} xdpdrv off")


class Nsd(Server):
    """NSD."""

    name = "nsd"

    def version(self):
        return first_version(output_of("nsd", "-v"))

    def prepare(self, zones):
        entries = "".join(f'zone:\n    name: "{origin}"\n    zonefile: "{path}"\n' for origin, path in zones.items())
        self.fill("nsd.conf", zones=entries, addresses="\n".join(f"    ip-address: {address}" for address in SERVICE))

    def programs(self):
        return [["nsd", "-d", "-c", self.state / "nsd.conf"]]

    def take_up(self):
        for verb in ("reconfig", "reload"):
            self.run("nsd-control", "-c", self.state / "nsd.conf", verb)


class Bind(Server):
    """BIND."""

    name = "bind"

    def version(self):
        return first_version(output_of("named", "-v"))

    def prepare(self, zones):
        self.fill("named.conf", zones=named_zones(zones), key=self.key(), addresses4=named_addresses("."),
                  addresses6=named_addresses(":"))
        self.fill("rndc.conf", key=self.key())

    def programs(self):
        return [["named", "-f", "-n", "1", "-c", self.state / "named.conf"]]

    def take_up(self):
        self.run("rndc", "-c", self.state / "rndc.conf", "reload")


class PowerDns(Server):
    """PowerDNS behind dnsdist."""

    name = "pdns"
    engine_text = "sockets, behind dnsdist"

    def version(self):
        return f"{first_version(output_of('pdns_server', '--version'))} behind dnsdist " \
               f"{first_version(output_of('dnsdist', '--version'))}"

    def prepare(self, zones):
        (self.state / "named.conf").write_text(named_zones(zones))
        self.fill("pdns.conf")
        self._mark_signed(zones)
        verbs = ["setLocal"] + ["addLocal"] * (len(SERVICE) - 1)
        # Limits an operator derives from what the busiest resolvers ask for: an operator of many users some 7 % of all.
        self.fill("dnsdist.lua", key=self.key(), queries=max(200, self.setup.unit_qps // 5),
                  nxdomains=max(50, self.setup.unit_qps // 20),
                  locals="\n".join(f'{verb}("{bracketed(address)}:53", {{reusePort=true}})'
                                   for verb, address in zip(verbs, SERVICE)))

    def _mark_signed(self, zones):
        """PowerDNS wants to be told which zones come signed; its own tool would take a tenth of a second for each."""
        database = self.state / "dnssec.sqlite"
        if not database.exists():
            self.run("pdnsutil", f"--config-dir={self.state}", "create-bind-db", database)
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("delete from domainmetadata")
            connection.executemany("insert into domainmetadata (domain, kind, content) values (?, ?, ?)",
                                   (row for item in zones.items() for row in signing_metadata(*item)))

    def programs(self):
        return [["pdns_server", f"--config-dir={self.state}"],
                ["dnsdist", "--supervised", "--disable-syslog", "-C", self.state / "dnsdist.lua"]]

    def take_up(self):
        for words in (("rediscover",), ("reload",), ("purge",)):
            self.run("pdns_control", f"--config-dir={self.state}", f"--socket-dir={self.state}", *words)
        self.run("dnsdist", "-C", self.state / "dnsdist.lua", "-e", 'getPool(""):getCache():expunge(0)')


ALL = {server.name: server for server in (Seawall, Knot, Nsd, Bind, PowerDns)}


class Fleet:
    """One kind of server at all POPs."""

    def __init__(self, name, lab, build, state, setup=None):
        """
        @param name   a key of ALL
        @param build  the directory of the build, for Seawall
        @param state  a directory for configurations, sockets and logs; emptied. As for topology.Lab
        """
        setup = setup or Setup()
        self.lab, self.zones = lab, {}
        self.servers = [ALL[name](lab, pop, build, pathlib.Path(state) / POPS[pop], setup) for pop in range(len(POPS))]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def version(self):
        return self.servers[0].version()

    def start(self, zones):
        """Start all and wait until every zone is answered everywhere. @param zones  {origin: path}"""
        self.zones = absolute(zones)
        for server in self.servers:
            server.start(self.zones)
        for server in self.servers:
            server.wait_ready(self.zones)

    def reload(self, zones, fresh, limit_s=RELOAD_LIMIT_S):
        """Have all POPs take up other zones, and wait until what is new is answered everywhere.

        @param zones  {origin: path}, with the new zone
        @param fresh  lines of the names file (zones.Line) that are answered only now
        @return       {"reload": RESULT, "new_zone": RESULT}, each {"ok": bool, "seconds": number or None}: names that
                      are new in zones that were there before, and those of new zones
        """
        before, self.zones = self.zones, absolute(zones)
        begin = time.monotonic()
        error = self._take_up()
        groups = {"reload": [line for line in fresh if line.zone in before],
                  "new_zone": [line for line in fresh if line.zone not in before]}
        done = dict.fromkeys(groups)
        while None in done.values() and time.monotonic() < begin + limit_s:
            for name, lines in groups.items():
                if done[name] is None and self._all_answer(lines[:PROBES]):
                    done[name] = round(time.monotonic() - begin, 3)
        return {name: {"ok": seconds is not None, "seconds": seconds, **({"error": error} if error else {})}
                for name, seconds in done.items()}

    def kill(self, pop):
        """@param pop  a POP's name. @return its server, to be restarted with the zones of the fleet"""
        server = self.servers[POPS.index(pop)]
        server.kill()
        return server

    def _take_up(self):
        def one(server):
            server.prepare(self.zones)
            server.take_up()
        with concurrent.futures.ThreadPoolExecutor(len(self.servers)) as pool:
            errors = [future.exception() for future in [pool.submit(one, server) for server in self.servers]]
        return "; ".join(str(error) for error in errors if error)

    def _all_answer(self, lines):
        return all(answers(self.lab, server.pop, SERVICE[server.pop], lines) for server in self.servers)

    def processes(self):
        return [process for server in self.servers for process in server.processes()]

    def memory_bytes(self):
        """Of all POPs together: processes, BPF maps and programs."""
        return sum(self.memory_parts().values())

    def memory_parts(self):
        return dict(zip(("process_bytes", "bpf_bytes"), memory.server_bytes(self.processes())))

    def engine(self):
        return ", ".join(sorted({server.engine() for server in self.servers}))

    def status(self):
        """Of each POP, as Seawall tells it; None from others."""
        return [server.status() if isinstance(server, Seawall) else None for server in self.servers]

    def events(self):
        """(POP's name, event) of all nodes that tell of any; None where none does."""
        if not isinstance(self.servers[0], Seawall):
            return None
        return [(POPS[server.pop], event) for server in self.servers for event in server.events()]

    def refused(self):
        """Packets refused so far, over all nodes; None from servers that do not say."""
        if not isinstance(self.servers[0], Seawall):
            return None
        with concurrent.futures.ThreadPoolExecutor(len(self.servers)) as pool:
            return sum(pool.map(Seawall.refused, self.servers))

    def stop(self):
        for server in self.servers:
            server.stop()


def absolute(zones):
    return {origin: pathlib.Path(path).resolve() for origin, path in zones.items()}


def read_lines(path):
    """The lines of a file of names."""
    return [Line(*line.split("\t")) for line in pathlib.Path(path).read_text(encoding="ascii").splitlines()]


# Asking. The users' namespace is where probes come from: in `inet`, the traffic program takes what is for its sources.

def silent(lab, pop, number, address, origins):
    """Which of these zones are not answered for at a service address."""
    got = ask(lab, pop, number, address, [(origin, "SOA") for origin in origins])
    return [origin for origin, reply in zip(origins, got) if not reply or reply.rcode or not reply.rdata]


def answers(lab, pop, address, lines):
    """Whether each of these lines is answered as it should be."""
    got = ask(lab, pop, 0, address, [(line.qname, line.qtype) for line in lines])
    return all(message.is_expected(reply, line) for reply, line in zip(got, lines))


def ask(lab, pop, number, address, questions, limit_s=0.3):
    """The replies to questions sent at once from a user in the catchment of a POP; None for those that stay away."""
    family = topology.family_of(address)
    replies = [None] * len(questions)
    with lab.socket("users", family, source=topology.user_address(pop, number, family)) as client:
        client.connect((address, 53))
        client.settimeout(limit_s)
        waiting = 0
        for index, question in enumerate(questions):
            with contextlib.suppress(ConnectionError):
                client.send(message.query(index, *question))
                waiting += 1
        while waiting:
            try:
                reply = message.reply(client.recv(65535))
            except TimeoutError:
                break
            except ConnectionError:  # nobody is there yet
                time.sleep(0.01)
                break
            if reply and reply.id < len(questions):
                replies[reply.id] = reply
            waiting -= 1
    return replies


# Processes and their sockets

def session_processes(sessions):
    """The processes of these sessions; zombies do not count."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session, *_ = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if state != "Z" and int(session) in sessions:
            found.append(int(path.parent.name))
    return found


def enlarge_buffers(process):
    """Give the datagram sockets of a process more room for packets that wait."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(process)
    try:
        for number in os.listdir(f"/proc/{process}/fd"):
            copy = libc.syscall(SYS_PIDFD_GETFD, pidfd, int(number), 0)
            if copy >= 0:
                enlarge_buffer(copy)
                os.close(copy)
    finally:
        os.close(pidfd)


def enlarge_buffer(descriptor):
    try:
        found = socket.socket(fileno=descriptor)
    except OSError:  # no socket, or one of AF_XDP
        return
    if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_DGRAM:
        found.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    found.detach()


# Small change of configurations

def bracketed(address):
    return f"[{address}]" if ":" in address else address


def quoted_addresses():
    return ", ".join(f'"{address}@53"' for address in SERVICE)


def named_addresses(mark):
    return " ".join(f"{address};" for address in SERVICE if (":" in address) == (mark == ":"))


def named_zones(zones):
    return "".join(f'zone "{origin}" {{ type master; file "{path}"; }};\n' for origin, path in zones.items())


def signing_metadata(origin, path):
    """What PowerDNS's database must say of a zone that comes signed; nothing of others."""
    text = path.read_text()
    if not re.search(r"\sDNSKEY\s", text):
        return
    domain = origin.rstrip(".")
    yield domain, "PRESIGNED", "1"
    parameters = re.search(r"\sNSEC3PARAM\s+(\d+ \d+ \d+ \S+)", text)
    if parameters:
        yield domain, "NSEC3PARAM", parameters.group(1)


def first_version(text):
    match = re.search(r"\d+\.\d+(\.\d+)?", text)
    return match.group(0) if match else "?"


def output_of(*words):
    done = subprocess.run([str(word) for word in words], check=False, capture_output=True, text=True)
    return done.stdout + done.stderr
