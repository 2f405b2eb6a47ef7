# SPDX-License-Identifier: GPL-3.0-or-later
"""Two network namespaces joined by a veth pair: the generator's on one core, the server's on the other.

Both ends use threaded NAPI, so that receiving is the work of a kernel thread of its own, which can be pinned to
the core of its side and whose run time can be read. The server's end keeps the kernel's defaults otherwise. The
generator's end defers its wake-ups as a network card moderates its interrupts, or is polled without a pause
(generator/poller.h): else every answer would cost the server an interrupt to the other core, which in a virtual
machine is dearer than the answer.
"""

import ctypes
import os
import pathlib
import re
import socket
import subprocess
import time

PREFIX = "swb"
CLIENT = "198.18.0.1"  # RFC 2544 sets 198.18.0.0/15 aside for benchmarks
SERVER = "198.18.0.2"
GENERATOR_CORE = 0
SERVER_CORE = 1
DEFER_NS = 50_000
# A socket's share of the machine's memory; the default holds some 40 packets of a page each, less than the window of
# a closed loop, and operators of busy name servers raise it.
RECEIVE_BUFFER = "/proc/sys/net/core/rmem_default"
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
CLONE_NEWNET = 0x40000000


def command(*words, **options):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True, **options).stdout


class Lab:
    """The namespaces; removed when the `with` block is left, whatever the reason."""

    def __init__(self, build):
        self.build = build
        self.generator_namespace = f"{PREFIX}{os.getpid()}g"
        self.server_namespace = f"{PREFIX}{os.getpid()}s"
        self.generator_interface = self.generator_namespace
        self.server_interface = self.server_namespace
        self.server_mac = ""
        self.napi_process = 0
        self.receive_buffer_before = None

    def __enter__(self):
        if os.cpu_count() < 2:
            raise SystemExit("bench: two cores are needed, one for the server and one for the generator")
        remove_leftovers()
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_):
        self._remove()

    def _build(self):
        buffer = pathlib.Path(RECEIVE_BUFFER)
        self.receive_buffer_before = buffer.read_text()
        buffer.write_text(str(RECEIVE_BUFFER_BYTES))
        ends = ((self.generator_namespace, self.generator_interface), (self.server_namespace, self.server_interface))
        for namespace, _ in ends:
            command("ip", "netns", "add", namespace)
        queues = ("numtxqueues", 1, "numrxqueues", 1)
        command("ip", "link", "add", self.generator_interface, "netns", self.generator_namespace, *queues,
                "type", "veth", "peer", "name", self.server_interface, "netns", self.server_namespace, *queues)
        for (namespace, interface), address in zip(ends, (CLIENT, SERVER)):
            command("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", interface)
            command("ip", "-n", namespace, "link", "set", "lo", "up")
            command("ip", "-n", namespace, "link", "set", interface, "up")
            # With GRO on, a veth end has a NAPI context, and takes XDP frames, even without a program of its own;
            # its peer learns of it only when it is switched on while the interface is up.
            self._in(namespace, "ethtool", "-K", interface, "gro", "on")
            self._set(namespace, interface, "threaded", 1)
        # Its own sockets' datagrams carry whole checksums, as from a wire; the reflector only corrects what it finds.
        self._in(self.generator_namespace, "ethtool", "-K", self.generator_interface, "tx", "off")
        self._set(self.generator_namespace, self.generator_interface, "napi_defer_hard_irqs", 1000)
        self._set(self.generator_namespace, self.generator_interface, "gro_flush_timeout", DEFER_NS)
        macs = [self._mac(*end) for end in ends]
        self.server_mac = macs[1]
        self._neighbour(*ends[0], SERVER, macs[1])
        self._neighbour(*ends[1], CLIENT, macs[0])
        # The sources of the queries are all behind the generator, as behind a router.
        command("ip", "-n", self.server_namespace, "route", "add", "default", "via", CLIENT)
        self._pin()
        self._pass_attach()

    def _pin(self):
        generator_napi = wait_for(lambda: napi_thread(self.generator_interface), "the generator's NAPI thread")
        self.napi_process = wait_for(lambda: napi_thread(self.server_interface), "the server's NAPI thread")
        os.sched_setaffinity(generator_napi, {GENERATOR_CORE})
        os.sched_setaffinity(self.napi_process, {SERVER_CORE})
        # In an open loop the generator would take its core from the answers: receiving goes first.
        command("chrt", "--fifo", "--pid", 10, generator_napi)
        os.setpriority(os.PRIO_PROCESS, self.napi_process, -20)

    def _remove(self):
        if self.receive_buffer_before:
            pathlib.Path(RECEIVE_BUFFER).write_text(self.receive_buffer_before)
        for namespace in (self.generator_namespace, self.server_namespace):
            namespace_remove(namespace)

    def _neighbour(self, namespace, interface, address, mac):
        command("ip", "-n", namespace, "neighbour", "replace", address, "lladdr", mac, "dev", interface,
                "nud", "permanent")

    def _set(self, namespace, interface, attribute, value):
        self._in(namespace, "sh", "-c", f"echo {value} > /sys/class/net/{interface}/{attribute}")

    def _mac(self, namespace, interface):
        return re.search(r"link/ether (\S+)", command("ip", "-n", namespace, "link", "show", interface)).group(1)

    @staticmethod
    def _in(namespace, *words):
        return command("ip", "netns", "exec", namespace, *words)

    def generator_command(self, *words):
        return ["ip", "netns", "exec", self.generator_namespace, "taskset", "-c", str(GENERATOR_CORE),
                *map(str, words)]

    def server_command(self, *words):
        return ["ip", "netns", "exec", self.server_namespace, "taskset", "-c", str(SERVER_CORE), *map(str, words)]

    def xdp_set(self, *words):
        """Attach a program to the server's interface, or `off`."""
        command("ip", "-n", self.server_namespace, "link", "set", self.server_interface, "xdpdrv", *words)

    def _pass_attach(self):
        """What a server sends with XDP_TX arrives only at an end that has a program (reflector.bpf.c)."""
        command("ip", "-n", self.generator_namespace, "link", "set", self.generator_interface, "xdpdrv",
                "obj", reflector_object(self.build), "program", "pass")

    def server_processes(self):
        return namespace_processes(self.server_namespace)

    def client_socket(self):
        """A UDP socket in the generator's namespace, connected to the server."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net", "rb") as own, \
                open(f"/run/netns/{self.generator_namespace}", "rb") as other:
            if libc.setns(other.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            finally:
                libc.setns(own.fileno(), CLONE_NEWNET)
        client.connect((SERVER, 53))
        return client


def reflector_object(build):
    return pathlib.Path(build) / "bench" / "reflector.bpf.o"


def start(words, **options):
    """Start a process that other work on the machine should not disturb, in a session of its own.

    Server and receiving thread must weigh the same on their core. With autogroups the kernel weighs a session as a
    whole against kernel threads, and the nice values inside do not matter; without them they do.
    """
    process = subprocess.Popen([str(word) for word in words], start_new_session=True,
                               preexec_fn=lambda: os.nice(-20), **options)
    try:
        pathlib.Path(f"/proc/{process.pid}/autogroup").write_text("-20")
    except OSError:
        pass
    return process


def wait_for(condition, what, limit_s=5.0, pause_s=0.01):
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(pause_s)
    raise TimeoutError(f"no {what} within {limit_s:g} s")


def napi_thread(interface):
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().startswith(f"napi/{interface}-"):
                return int(path.parent.name)
        except OSError:
            continue
    return None


def namespace_processes(namespace):
    return [int(word) for word in command("ip", "netns", "pids", namespace).split()]


def namespace_remove(namespace):
    """End what still runs in a namespace of the bench, and remove it."""
    if not os.path.exists(f"/run/netns/{namespace}"):
        return
    for process in namespace_processes(namespace):
        try:
            os.kill(process, 9)
        except ProcessLookupError:
            pass
    subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True)


def remove_leftovers():
    """Namespaces of a bench that was killed: their names hold the process that made them."""
    if not os.path.isdir("/run/netns"):
        return
    for namespace in os.listdir("/run/netns"):
        match = re.fullmatch(PREFIX + r"(\d+)[gs]", namespace)
        if match and not os.path.exists(f"/proc/{match.group(1)}"):
            namespace_remove(namespace)
