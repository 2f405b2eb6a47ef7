# SPDX-License-Identifier: GPL-3.0-or-later
"""crowd.py INTERFACE: take every place that an interface has for tc programs, until standard input ends.

The kernel takes 63 (BPF_MPROG_MAX in Linux 6.6); then it refuses the next, as an older kernel refuses the first.
"""

import ctypes
import socket
import sys

PROGRAM_SCHED_CLS, ATTACH_TCX_INGRESS = 3, 46
# r0 = -1 (TCX_NEXT: on to the next program); exit
PASSES = (ctypes.c_uint64 * 2)(0xFFFFFFFF000000B7, 0x95)


def main():
    bpf = ctypes.CDLL("libbpf.so.1")
    interface = socket.if_nametoindex(sys.argv[1])
    attached = 0
    while True:
        program = bpf.bpf_prog_load(PROGRAM_SCHED_CLS, b"crowd", b"GPL", PASSES, ctypes.c_size_t(2), None)
        if program < 0 or bpf.bpf_link_create(program, interface, ATTACH_TCX_INGRESS, None) < 0:
            break
        attached += 1
    print(attached, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
