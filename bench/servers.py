# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of the bench: how each is configured, started, known to be ready, and stopped.

Each runs in the server's namespace, on the server's core alone, from a configuration in servers/ with the fields
filled in. A server is ready when it answers a SOA query for every zone.
"""

import os
import pathlib
import re
import shutil
import socket
import string
import subprocess
import sys
import time

import lab

HERE = pathlib.Path(__file__).resolve().parent
START_LIMIT_S = 180
STOP_LIMIT_S = 30


class ServerFailed(Exception):
    """A server did not start, or ended by itself."""


class Server:
    name = ""
    uses_xdp = False  # a program is attached to the interface
    answers_in_kernel = False

    def __init__(self, lab_, build, state):
        self.lab = lab_
        self.build = pathlib.Path(build)
        self.state = pathlib.Path(state)
        self.process = None
        self.load_s = None

    # What each server says about itself.

    def is_installed(self):
        return shutil.which(self.binary()) is not None

    def binary(self):
        raise NotImplementedError

    def version(self):
        raise NotImplementedError

    def prepare(self, zones):
        """Write the configuration for these zones: {origin: file}."""

    def arguments(self, zones):
        raise NotImplementedError

    # What is the same for all.

    def start(self, zones, is_again=False):
        """Start and wait until every zone is answered; the time from one to the other is `load_s`.
        `is_again`: with the state that it had when it was stopped."""
        if not is_again:
            shutil.rmtree(self.state, ignore_errors=True)
            self.state.mkdir(parents=True)
            self.prepare(zones)
        else:
            (self.state / "output").replace(self.state / "output-before")
        with open(self.state / "output", "wb") as output:
            begin = time.monotonic()
            self.process = lab.start(self.lab.server_command(*self.arguments(zones)), stdout=output,
                                     stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.state)
        client = self.lab.client_socket()
        try:
            for origin in self.asked(zones):
                self._wait_answer(client, origin)
        finally:
            client.close()
        self.load_s = time.monotonic() - begin
        self.settle()
        self._pin()

    def asked(self, zones):
        """The zones that must be answered before it counts as ready."""
        return zones

    def flush(self):
        """Write what a restart would need and is not written yet."""

    def settle(self):
        """Wait until it answers as it will from now on."""

    def _pin(self):
        """Back to the server's core: Knot places its threads itself, whatever it inherits."""
        for process in self.processes():
            for thread in os.listdir(f"/proc/{process}/task"):
                os.sched_setaffinity(int(thread), {lab.SERVER_CORE})

    def _wait_answer(self, client, origin):
        end = time.monotonic() + START_LIMIT_S
        while not soa_answered(client, origin):
            if self.process.poll() is not None:
                raise ServerFailed(f"{self.name} ended with status {self.process.returncode}: {self.output_tail()}")
            if time.monotonic() > end:
                raise ServerFailed(f"{self.name} did not answer for {origin} in {START_LIMIT_S} s: "
                                   f"{self.output_tail()}")

    def output_tail(self):
        try:
            text = (self.state / "output").read_text(errors="replace").strip()
        except OSError:
            return ""
        return " / ".join(text.splitlines()[-5:])

    def processes(self):
        return self.lab.server_processes()

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT_S)
            lab.wait_for(lambda: not self.processes(), f"end of {self.name}", STOP_LIMIT_S)
        except (subprocess.TimeoutExpired, TimeoutError):
            for process in self.processes():
                os.kill(process, 9)
            self.process.wait()
        self.process = None

    def fill(self, template, target, **fields):
        text = string.Template((HERE / "servers" / template).read_text())
        (self.state / target).write_text(text.substitute(state=self.state, address=lab.SERVER, **fields))
        return self.state / target


def soa_answered(client, origin, timeout_s=0.02):
    name = b"".join(bytes([len(label)]) + label.encode() for label in origin.split(".")) + b"\0"
    number = os.urandom(2)
    client.settimeout(timeout_s)
    try:
        client.send(number + bytes.fromhex("00000001000000000000") + name + bytes.fromhex("00060001"))
        answer = client.recv(4096)
        while answer[:2] != number:  # a late one, to an earlier query
            answer = client.recv(4096)
        if answer[3] & 15 == 0 and answer[6:8] != b"\0\0":
            return True
    except socket.timeout:
        return False
    except ConnectionRefusedError:
        pass
    time.sleep(0.002)  # not ready yet, and quick to say so
    return False


def first_version(text):
    match = re.search(r"\d+\.\d+(\.\d+)?", text)
    return match.group(0) if match else "?"


def output_of(*words):
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    return done.stdout + done.stderr


class Reflector(Server):
    """No server at all: the least an XDP program can do. Loaded by ip(8)."""

    name = "reflector"
    uses_xdp = answers_in_kernel = True

    def is_installed(self):
        return True

    def version(self):
        return "bench/reflector.bpf.c"

    def start(self, zones):
        self.lab.xdp_set("obj", lab.reflector_object(self.build), "program", "reflect")
        self.load_s = None

    def processes(self):
        return []

    def stop(self):
        self.lab.xdp_set("off")


class Seawall(Server):
    name = "seawall"
    uses_xdp = answers_in_kernel = True

    def binary(self):
        return str(self.build / "seawall")

    def version(self):
        return first_version(output_of(self.binary(), "--version"))

    def interface(self):
        return self.lab.server_interface

    def settle(self):
        # Its first answer comes from a socket: the programs are loaded once the zones are.
        lab.wait_for(lambda: b"info: ready" in (self.state / "output").read_bytes(), "the kernel part", START_LIMIT_S)

    def prepare(self, zones):
        self.fill("seawall.yaml", "seawall.yaml")

    def arguments(self, zones):
        words = [self.binary(), "serve", self.state / "seawall.yaml", "--listen", f"{lab.SERVER}@53",
                 "--xdp", self.interface()]
        for origin, file in zones.items():
            words += ["--zone", f"{origin}={file}"]
        return words


class SeawallSockets(Seawall):
    name = "seawall-sockets"
    uses_xdp = answers_in_kernel = False

    def interface(self):
        return "none"


class Knot(Server):
    name = "knot"

    def binary(self):
        return "knotd"

    def version(self):
        return first_version(output_of("knotd", "--version"))

    def xdp(self):
        return ""

    def listen(self):
        return f"{lab.SERVER}@53"

    def prepare(self, zones):
        entries = "".join(f"  - domain: {origin}\n    file: {file}\n" for origin, file in zones.items())
        self.fill("knot.conf", "knot.conf", xdp=self.xdp(), zones=entries, listen=self.listen())

    def arguments(self, zones):
        return ["knotd", "--config", self.state / "knot.conf"]


class KnotXdp(Knot):
    name = "knot-xdp"
    uses_xdp = True

    def listen(self):
        # TCP and what XDP leaves over; queries to the interface's address never get here.
        return "127.0.0.1@53"

    def stop(self):
        super().stop()
        # Knot leaves its program on the interface.
        self.lab.xdp_set("off")

    def xdp(self):
        return f"xdp:\n    listen: {self.lab.server_interface}@53\n    udp: on\n    route-check: off\n"


class Nsd(Server):
    name = "nsd"

    def binary(self):
        return "nsd"

    def version(self):
        return first_version(output_of("nsd", "-v"))

    def prepare(self, zones):
        entries = "".join(f'zone:\n    name: "{origin}"\n    zonefile: "{file}"\n' for origin, file in zones.items())
        self.fill("nsd.conf", "nsd.conf", zones=entries)

    def arguments(self, zones):
        return ["nsd", "-d", "-c", self.state / "nsd.conf"]


def named_zones(zones):
    return "".join(f'zone "{origin}" {{ type master; file "{file}"; }};\n' for origin, file in zones.items())


class Bind(Server):
    name = "bind"

    def binary(self):
        return "named"

    def version(self):
        return first_version(output_of("named", "-v"))

    def prepare(self, zones):
        self.fill("named.conf", "named.conf", zones=named_zones(zones))

    def arguments(self, zones):
        return ["named", "-f", "-n", "1", "-c", self.state / "named.conf"]


class PowerDns(Server):
    name = "pdns"

    def binary(self):
        return "pdns_server"

    def version(self):
        return first_version(output_of("pdns_server", "--version"))

    def prepare(self, zones):
        (self.state / "named.conf").write_text(named_zones(zones))
        signed = [origin for origin in zones if origin.startswith("nsec")]
        database = self.state / "dnssec.sqlite"
        self.fill("pdns.conf", "pdns.conf", dnssec=f"bind-dnssec-db={database}" if signed else "")
        if not signed:
            return
        self._util("create-bind-db", database)
        for origin in signed:
            self._util("set-presigned", origin)
            if origin.startswith("nsec3"):
                self._util("set-nsec3", origin, "1 0 0 -")

    def _util(self, *words):
        lab.command("pdnsutil", f"--config-dir={self.state}", *words)

    def arguments(self, zones):
        return ["pdns_server", f"--config-dir={self.state}"]


ALL = (Reflector, Seawall, SeawallSockets, KnotXdp, Knot, Nsd, Bind, PowerDns)


def by_name(names):
    known = {server.name: server for server in ALL}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"bench: no server called {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names]
