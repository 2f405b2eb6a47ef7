# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill leaves behind on a machine: namespaces, interfaces, processes, mounts, BPF programs. It should be nothing."""

import contextlib
import json
import os
import subprocess
import time
from pathlib import Path

import topology
import warden


def output_of(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def bpf_programs():
    """Programs that no process holds, by their ids: those of an interface, or pinned. All, if bpftool cannot tell."""
    listed = json.loads(output_of("bpftool", "--json", "prog", "show"))
    return {program["id"] for program in listed if not program.get("pids")}


def namespaces():
    """Network namespaces that have a process; those that have a name are among the mounts."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        with contextlib.suppress(OSError):
            found.add(os.readlink(path))
    return found


def receiving_threads():
    """Kernel threads of the lab's interfaces."""
    return {thread for link in topology.LINKS for end in (link.here, link.there) for thread in warden.napi_threads(end)}


def seen():
    """What this machine shows of a lab, of any."""
    return {"programs": bpf_programs(), "namespaces": namespaces(), "receiving threads": receiving_threads(),
            "interfaces": {line.split()[0] for line in output_of("ip", "-brief", "link").splitlines()},
            "mounts": set(Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()),
            "names": set(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else set()}


def descendants(process):
    """All processes that come from one, over the borders of namespaces."""
    children = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            children.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
    found, waiting = [], [process]
    while waiting:
        waiting = [child for parent in waiting for child in children.get(parent, [])]
        found += waiting
    return found


def process_namespaces(processes):
    found = set()
    for process in processes:
        with contextlib.suppress(OSError):
            found.add(os.readlink(f"/proc/{process}/ns/pid"))
    return found - {os.readlink("/proc/self/ns/pid")}


def left(before, spaces):
    """What is there that was not before."""
    processes = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    more = {name: now - before[name] for name, now in seen().items()}
    more["processes"] = process_namespaces(processes) & spaces
    return {name: what for name, what in more.items() if what}


def left_for_good(before, spaces, limit_s):
    """What is left when everything has had its time to go."""
    end = time.monotonic() + limit_s
    while (more := left(before, spaces)) and time.monotonic() < end:
        time.sleep(0.05)  # between polls
    return more
