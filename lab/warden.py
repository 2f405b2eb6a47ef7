# SPDX-License-Identifier: GPL-3.0-or-later
"""A place of which nothing is left, however it ends: the drill runs inside, this program's first process outside.

The inside is a set of namespaces: processes, mounts, network. Its first process dies with the outer one (the kernel
sees to that, SIGKILL or not), all its other processes die with the first one, and what they held goes with them: the
names of network namespaces are mounts below a /run of its own, pinned BPF objects are in a file system of its own, and
interfaces and attached programs belong to the network namespaces.

One thing cannot be done from inside: kernel threads, such as those that receive for an interface, are seen only where
the machine's own processes are. The outer process places them on request: a line "pin INTERFACE CORE fifo|nice" over a
socket pair, answered with the number of threads found.
"""

import ctypes
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys

ENVIRONMENT = "SW_WARDEN"  # inside: the descriptor to ask the outer process with
GRACE_S = 10  # for the inside to end by itself after Ctrl-C, and to write down what it has
FIFO_PRIORITY = 10
NICE = -20
SLICE_NS = 100_000  # the least that the scheduler takes
SYS_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}[os.uname().machine]
PR_SET_PDEATHSIG = 1

# The first process inside. A shell, because it also collects the orphans of the others. The old /sys goes: ip(8) takes
# a BPF file system that is mounted below it for one that can be reached.
INIT = """
set -e
mount -t tmpfs -o mode=755 tmpfs /run
umount --lazy /sys
mount -t sysfs sysfs /sys
mount -t bpf bpf /sys/fs/bpf
ip link set lo up
"$@"
exit 0
"""


def is_inside():
    return ENVIRONMENT in os.environ


def confine(words, **options):
    """Run a program inside, serve its requests, and return its exit status.

    To be called by the main thread: the kernel takes the end of the calling thread for the end of the outer process.
    """
    if os.geteuid() != 0:
        sys.exit("warden: root is needed to make network namespaces and to load BPF programs")
    own, other = socket.socketpair()
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    outer = os.getpid()
    inner = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--net", "sh", "-c", INIT, "sh",
         *map(str, words)],
        pass_fds=[other.fileno()], env={**os.environ, ENVIRONMENT: str(other.fileno())},
        preexec_fn=lambda: die_with(outer), **options)
    other.close()
    try:
        serve(own)
        return inner.wait()
    except KeyboardInterrupt:
        # A terminal interrupts the inside as well.
        return wait_or_none(inner, GRACE_S) or 128 + signal.SIGINT
    finally:
        inner.kill()
        inner.wait()
        own.close()
        signal.signal(signal.SIGTERM, before)


def die_with(parent):
    """In a new child: get SIGKILL when the parent ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it had ended before


def wait_or_none(process, limit_s):
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return None


def serve(connection):
    """Do what the inside asks for until all of it is gone."""
    with connection.makefile("rw", encoding="ascii") as lines:
        for line in lines:
            lines.write(f"{obey(line.split())}\n")
            lines.flush()


def obey(words):
    if words == ["hello"]:
        return "hello"
    if len(words) == 4 and words[0] == "pin" and words[3] in ("fifo", "nice"):
        return pin(words[1], int(words[2]), words[3])
    return "what?"


def pin(interface, core, policy):
    """Place the receiving threads of an interface on a core, before all ordinary processes or as one favoured by nice.

    Interfaces of different namespaces may have the same name; only threads younger than this process are meant, and
    those of another drill that runs at the same time want to be placed alike.
    """
    threads = napi_threads(interface)
    for thread in threads:
        os.sched_setaffinity(thread, {core})
        if policy == "fifo":
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(FIFO_PRIORITY))
        else:
            favour_thread(thread)
    return len(threads)


def favour_thread(thread):
    """Have a thread weigh as much as an ordinary one can, and not wait for the end of others' slices when it wakes.

    Short slices give it no more of its core, but soon (Linux 6.12): a veth end holds 256 packets, and whoever receives
    for it 3 ms late loses some of an attack of 90,000 a second, and of the honest among them, before any server saw it.
    """
    size, flags, priority = 48, 0, 0
    attributes = struct.pack("=IIQiIQQQ", size, os.SCHED_OTHER, flags, NICE, priority, SLICE_NS, 0, 0)
    if ctypes.CDLL(None).syscall(SYS_SCHED_SETATTR, thread, attributes, 0):
        os.setpriority(os.PRIO_PROCESS, thread, NICE)


def napi_threads(interface):
    # The name ends with the number of the NAPI; older kernels cut it to 15 characters.
    start, own_age = f"napi/{interface}-"[:15], started_at("self")
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().startswith(start) and started_at(path.parent.name) >= own_age:
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def started_at(process):
    """Clock ticks from the start of the machine to that of a process."""
    return int(pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19])


class Warden:
    """Inside: the outer process, to be asked. There is one, made when the program starts."""

    def __init__(self):
        self.socket = socket.socket(fileno=int(os.environ.pop(ENVIRONMENT)))
        self.socket.set_inheritable(False)
        self.lines = self.socket.makefile("rw", encoding="ascii")
        # From here on the outer process cannot end unnoticed; before, it might have.
        if self._ask("hello") != "hello":
            sys.exit("warden: the outer process has ended")

    def pin(self, interface, core, policy):
        """@return whether the threads were found: they are not where this runs in a container, say"""
        return int(self._ask(f"pin {interface} {core} {policy}")) > 0

    def _ask(self, line):
        try:
            self.lines.write(f"{line}\n")
            self.lines.flush()
            return self.lines.readline().strip()
        except BrokenPipeError:
            return ""
