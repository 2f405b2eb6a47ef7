/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The kernel part: programs and maps loaded, attached to interfaces, counted. */
#ifndef SW_XDP_KERNEL_H
#define SW_XDP_KERNEL_H

#include "answer/verdict.h"
#include "image/store.h"

struct sw_kernel;

#define SW_WHY_MAX 256 /* text of a reason */

/** Make the maps: from now on a store can be filled.
 * @param why  SW_WHY_MAX bytes: on error what the kernel refused
 * @return 0 or -errno (-EPERM: no rights) */
int sw_kernel_open(struct sw_kernel **kernel, char *why);

/** Have the programs verified and loaded, once, before anything is attached. Takes a few tenths of a second;
 * the store can be filled meanwhile, by another thread.
 * @param why  SW_WHY_MAX bytes: on error what the kernel or its verifier refused
 * @return 0 or -errno (-EPERM: no rights; -EINVAL: refused by the verifier); then the maps are good for a
 * store that sockets read, and for nothing else */
int sw_kernel_load(struct sw_kernel *kernel, char *why);

/** Detach from every interface and free. */
void sw_kernel_free(struct sw_kernel *kernel);

/** Backing for sw_store_new(): control page and segments in BPF maps. */
void sw_kernel_backing(struct sw_kernel *kernel, struct sw_backing *backing);

enum sw_attach_mode { SW_ATTACH_NONE, SW_ATTACH_GENERIC, SW_ATTACH_NATIVE };

/** Attach to an interface: native XDP, else generic XDP; with it a tc program for packets whose buffer XDP
 * cannot grow. Refuses an interface that already has an XDP program (-EBUSY), or that is missing (-ENODEV).
 * @param why  SW_WHY_MAX bytes: how it is attached and, where not native, why */
int sw_kernel_attach(struct sw_kernel *kernel, const char *interface, enum sw_attach_mode *mode, char *why);

/** Detach from every interface: packets go to the sockets from now on. The store may be freed after this. */
void sw_kernel_detach(struct sw_kernel *kernel);

/** Answer for this address and port; all-zero addresses stand for every address of the machine. Until then
 * every packet passes untouched.
 * @return 0; -ENOSPC past SW_SERVICES_MAX: the last ones are not answered for; -errno */
int sw_kernel_listen(struct sw_kernel *kernel, const uint8_t *address, uint8_t address_len, uint16_t port);

/** Addresses of the machine have changed: all-zero addresses stand for others now. Packets for addresses that
 * stay are answered meanwhile.
 * @return as sw_kernel_listen() */
int sw_kernel_refresh(struct sw_kernel *kernel);

/** Packets per verdict since start, summed over CPUs. */
int sw_kernel_counters(struct sw_kernel *kernel, uint64_t counters[SW_VERDICT_COUNT]);

/** The XDP entry program, for BPF_PROG_RUN. */
int sw_kernel_program_fd(const struct sw_kernel *kernel);

#endif
