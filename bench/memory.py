# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory of a server: the proportional set size of its processes, plus its BPF maps, none counted twice.

A map that a process has mapped shows up in that process's memory as well; those mappings are left out, and each map
counts once with what the kernel accounts for it. Maps held only by an array of maps, such as the segments of an
answer image, are found through it.
"""

import ctypes
import os
import platform
import re
import struct

BPF_MAP_LOOKUP_ELEM, BPF_MAP_GET_NEXT_KEY, BPF_MAP_GET_FD_BY_ID, BPF_OBJ_GET_INFO_BY_FD = 1, 4, 14, 15
MAPS_OF_MAPS = (12, 13)  # BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS
SYSCALL = {"x86_64": 321, "aarch64": 280}[platform.machine()]


def bpf(operation, attributes):
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    result = ctypes.CDLL(None, use_errno=True).syscall(SYSCALL, operation, buffer, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), "bpf")
    return result


def map_info(fd):
    """Type, key size and value size."""
    info = ctypes.create_string_buffer(256)
    bpf(BPF_OBJ_GET_INFO_BY_FD, struct.pack("IIQ", fd, len(info), ctypes.addressof(info)))
    map_type, _, key_bytes, value_bytes = struct.unpack_from("IIII", info.raw)
    return map_type, key_bytes, value_bytes


def inner_maps(fd, key_bytes):
    """Ids of the maps in an array of maps: user space reads them as values."""
    key, following = None, ctypes.create_string_buffer(max(key_bytes, 8))
    value = ctypes.create_string_buffer(8)
    while True:
        try:
            address = ctypes.addressof(key) if key else 0
            bpf(BPF_MAP_GET_NEXT_KEY, struct.pack("IIQQ", fd, 0, address, ctypes.addressof(following)))
        except OSError:
            return
        key = ctypes.create_string_buffer(following.raw, len(following))
        try:
            bpf(BPF_MAP_LOOKUP_ELEM, struct.pack("IIQQ", fd, 0, ctypes.addressof(key), ctypes.addressof(value)))
        except OSError:
            continue
        yield struct.unpack_from("I", value.raw)[0]


def fd_fields(process, fd):
    with open(f"/proc/{process}/fdinfo/{fd}", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def maps_bytes(processes):
    """Kernel memory of the maps and programs that these processes hold, directly or in an array of maps."""
    total, seen, waiting = 0, set(), []
    for process in processes:
        for fd in os.listdir(f"/proc/{process}/fd"):
            try:
                fields = fd_fields(process, fd)
            except OSError:
                continue
            if "map_id" in fields:
                waiting.append(int(fields["map_id"]))
            elif "prog_id" in fields and ("prog", fields["prog_id"]) not in seen:
                seen.add(("prog", fields["prog_id"]))
                total += int(fields.get("memlock", 0))
    while waiting:
        map_id = waiting.pop()
        if map_id in seen:
            continue
        seen.add(map_id)
        fd = bpf(BPF_MAP_GET_FD_BY_ID, struct.pack("I", map_id))
        total += int(fd_fields("self", fd)["memlock"])
        map_type, key_bytes, _ = map_info(fd)
        if map_type in MAPS_OF_MAPS:
            waiting.extend(inner_maps(fd, key_bytes))
        os.close(fd)
    return total


def process_bytes(process):
    """Proportional set size without mapped BPF maps."""
    total, is_map = 0, False
    with open(f"/proc/{process}/smaps", encoding="utf-8", errors="replace") as smaps:
        for line in smaps:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                is_map = "anon_inode:bpf-map" in line
            elif line.startswith("Pss:") and not is_map:
                total += int(line.split()[1]) * 1024
    return total


def server_bytes(processes):
    """Bytes of processes, and bytes of maps and programs."""
    return sum(process_bytes(p) for p in processes), maps_bytes(processes)
