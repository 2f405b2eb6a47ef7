# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon to test, in a network namespace of its own, and clients that keep count of every query."""

import ctypes
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.query

ROOT = Path(os.environ.get("SW_ROOT", Path(__file__).resolve().parent.parent.parent))
BUILD = Path(os.environ.get("SW_BUILD", ROOT / "build"))
SEAWALL = os.environ.get("SW_SEAWALL", str(BUILD / "src" / "cli" / "seawall"))
LIMIT_S = 20.0  # how long to wait for what must happen
PORT = 5300
V4 = ["192.0.2.10", "192.0.2.11"]
V6 = ["2001:db8::10", "2001:db8::11"]

# Addresses of clients: far more than one /24.
CLIENTS = "10.0.0.0/8"


def enter_namespace():
    """Start this program again in a network namespace that goes when it ends."""
    if "SW_IN_NAMESPACE" not in os.environ:
        os.environ["SW_IN_NAMESPACE"] = "root" if os.geteuid() == 0 else "user"
        as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
        # The daemons go with this program, however it ends.
        os.execvp("unshare", ["unshare", *as_root, "--net", sys.executable, *sys.argv])
    commands = ["link set lo up", f"route add local {CLIENTS} dev lo"]
    commands += [f"address add {address}/32 dev lo" for address in V4]
    commands += [f"address add {address}/128 dev lo nodad" for address in V6]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=True)


def has_kernel():
    """Whether programs may be loaded: the node must use them then."""
    return os.environ["SW_IN_NAMESPACE"] == "root"


def wait_for(condition, what, limit_s=LIMIT_S):
    """Wait until a condition holds, and return what it gave."""
    end = time.monotonic() + limit_s
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise TimeoutError(f"waited {limit_s} s for {what}")
        time.sleep(0.01)  # between polls


def zone_text(serial=1, names=0, broken=False):
    """A small zone with one RRset of 60 kB."""
    lines = [
        "$TTL 300",
        f"@ SOA ns1 hostmaster {serial} 7200 3600 86400 300",
        "@ NS ns1",
        "ns1 A 192.0.2.1",
        "www A 192.0.2.2",
        f'serial TXT "{serial}"',
    ]
    lines += [f'big TXT "{number:03}{"x" * 237}"' for number in range(240)]
    lines += [f"n{number} A 192.0.2.3" for number in range(names)]
    if broken:
        lines.append("broken A 192.0.2.999")
    return "\n".join(lines) + "\n"


def query(name="www.example.com", rdtype="A", message_id=None, **options):
    """A query in wire format."""
    message = dns.message.make_query(name, rdtype, **options)
    if message_id is not None:
        message.id = message_id
    return message.to_wire()


class Node:
    """A running seawall and its directory."""

    def __init__(self, config="", options=(), listen=("0.0.0.0", "::"), ready=True, before=(), is_started=True):
        """@param is_started  False: configure() tells it everything, and start() starts it"""
        self.process = None
        self.directory = tempfile.TemporaryDirectory(prefix="seawall-test-")
        self.path = Path(self.directory.name)
        self.zone = self.path / "example.com.zone"
        self.zone.write_text(zone_text())
        (self.path / "seawall.yaml").write_text(config)
        self.control = self.path / "control.sock"
        self.log_path = self.path / "log"
        self.before = before
        self.arguments = ["--control", self.control]
        if is_started:
            self.arguments += ["--zone", f"example.com={self.zone}"]
            for address in listen:
                self.arguments += ["--listen", f"{address}@{PORT}"]
            if not any(option == "--xdp" for option in options):
                self.arguments += ["--xdp", "none"]
            self.arguments += options
            self.start(ready)

    def configure(self, config):
        (self.path / "seawall.yaml").write_text(config)

    def start(self, ready=True):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*self.before, SEAWALL, "serve", self.path / "seawall.yaml", *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # The daemon must not outlive a test that is killed.
                preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL),
            )
        if ready:
            wait_for(lambda: self.ended() or "info: ready" in self.log(), "the daemon to be ready")
            if self.ended():
                raise RuntimeError(self.log())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            if not self.ended():
                self.process.kill()
            self.process.wait()
        self.directory.cleanup()

    def ended(self):
        return self.process.poll() is not None

    def log(self):
        return self.log_path.read_text()

    def stop(self):
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)

    def restart(self, kill=False):
        if kill:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        else:
            self.stop()
        self.start()

    def run(self, *arguments):
        """A command of seawall for this daemon."""
        return subprocess.run(
            [SEAWALL, *arguments, "--control", self.control], capture_output=True, text=True, check=False
        )

    def logs(self, pattern):
        """Whether a line of the log fits, in the end: a version may be answered before it is written and told of."""
        try:
            return wait_for(lambda: re.search(pattern, self.log()), pattern)
        except TimeoutError:
            return None

    def status(self):
        return json.loads(self.run("status", "--json").stdout)


class Stream:
    """A TCP client that asks and reads frames."""

    def __init__(self, address="127.0.0.1", source=None, receive_buffer=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(LIMIT_S)
        if source:
            self.socket.bind((source, 0))
        self.was_reset = False
        try:
            self.socket.connect((address, PORT))
        except ConnectionResetError:
            self.was_reset = True
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *messages):
        self.socket.sendall(b"".join(struct.pack("!H", len(wire)) + wire for wire in messages))

    def frame(self):
        """The next message; None at the end of the stream."""
        while len(self.buffer) < 2 or len(self.buffer) < 2 + struct.unpack("!H", self.buffer[:2])[0]:
            got = self.socket.recv(1 << 16)
            if not got:
                if self.buffer:
                    raise EOFError(f"the stream ends {len(self.buffer)} bytes into a frame")
                return None
            self.buffer += got
        end = 2 + struct.unpack("!H", self.buffer[:2])[0]
        message, self.buffer = self.buffer[2:end], self.buffer[end:]
        return message

    def ask(self, wire):
        self.send(wire)
        return self.frame()

    def ending(self):
        """How the server ends the connection: "closed" or "reset"."""
        if self.was_reset:
            return "reset"
        try:
            return "closed" if self.socket.recv(1) == b"" else "data"
        except ConnectionResetError:
            return "reset"

    def is_readable(self, wait_s=0.0):
        return bool(select.select([self.socket], [], [], wait_s)[0])


def extended_errors(zone, ask=dns.query.udp, use_edns=True):
    """Codes of the extended errors (RFC 8914) in the reply to a question for the SOA."""
    reply = ask(dns.message.make_query(zone, "SOA", use_edns=use_edns), "127.0.0.1", timeout=LIMIT_S, port=PORT)
    return [option.code for option in reply.options if option.otype == dns.edns.OptionType.EDE]


def message_id(wire):
    return struct.unpack("!H", wire[:2])[0]


def answers(wire, to):
    """Whether a message is a reply to a query: id, QR and question."""
    return wire is not None and wire[:2] == to[:2] and bool(wire[2] & 0x80)


def datagram(address, wire, source=None, wait_s=LIMIT_S):
    """Ask over UDP. Returns the reply and who sent it, or None and None."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        if source:
            client.bind((source, 0))
        client.settimeout(wait_s)
        client.sendto(wire, (address, PORT))
        try:
            reply, peer = client.recvfrom(65535)
        except TimeoutError:
            return None, None
        return reply, peer[0]
