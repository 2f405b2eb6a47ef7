/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The kernel part: programs and maps loaded, attached to interfaces, counted. */
#ifndef SW_XDP_KERNEL_H
#define SW_XDP_KERNEL_H

#include "answer/verdict.h"
#include "image/store.h"
#include "xdp/pins.h"
#include "xdp/services.h"

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
 * store that sockets read, and for nothing else. Whether the program for TCP is there, too, says
 * sw_kernel_tcp_why(). */
int sw_kernel_load(struct sw_kernel *kernel, char *why);

/** Detach from every interface and free. */
void sw_kernel_free(struct sw_kernel *kernel);

/** Backing for sw_store_new(): control page and segments in BPF maps. */
void sw_kernel_backing(struct sw_kernel *kernel, struct sw_backing *backing);

/** Keep what is attached from now on when this process ends without having detached, and take over what an
 * earlier one kept. The pins must outlive the kernel part; NULL: keep nothing. */
void sw_kernel_keep(struct sw_kernel *kernel, const struct sw_pins *pins);

enum sw_attach_mode { SW_ATTACH_NONE, SW_ATTACH_GENERIC, SW_ATTACH_NATIVE };

/** Attach to an interface: native XDP, else generic XDP; with it a tc program for packets whose buffer XDP
 * cannot grow. Refuses an interface that already has an XDP program (-EBUSY), or that is missing (-ENODEV).
 * @param why  SW_WHY_MAX bytes: how it is attached and, where not native, why */
int sw_kernel_attach(struct sw_kernel *kernel, const char *interface, enum sw_attach_mode *mode, char *why);

/** Forget what an earlier process kept on interfaces on which nothing is attached now. Takes NULL for the
 * kernel part: all of it.
 * @return how many links there were, or -errno */
int sw_kernel_sweep(const struct sw_kernel *kernel, const struct sw_pins *pins);

/** Detach from every interface, kept or not: packets go to the sockets from now on. The store may be freed
 * after this. */
void sw_kernel_detach(struct sw_kernel *kernel);

/** What may pass beside queries; before the first sw_kernel_listen(). Until then no service is dedicated and
 * every SYN passes. */
void sw_kernel_gate(struct sw_kernel *kernel, const struct sw_gate *gate);

/** Answer for this address and port; all-zero addresses stand for every address of the machine. Until then
 * every packet passes untouched.
 * @return 0; -ENOSPC past SW_SERVICES_MAX: the last ones are not answered for; -E2BIG: so many addresses on
 * the machine that ranges are not guarded; -errno */
int sw_kernel_listen(struct sw_kernel *kernel, const uint8_t *address, uint8_t address_len, uint16_t port);
/** The same for a port that is for TCP alone: its SYNs and connections are guarded, its datagrams are those
 * of a port without a service. */
int sw_kernel_listen_tcp(
	struct sw_kernel *kernel, const uint8_t *address, uint8_t address_len, uint16_t port);

/** Whether a service listened on by this address is dedicated now. */
bool sw_kernel_is_dedicated(
	const struct sw_kernel *kernel, const uint8_t *address, uint8_t address_len, uint16_t port);

/** Addresses of the machine have changed: all-zero addresses stand for others now. Packets for addresses that
 * stay are answered meanwhile.
 * @return as sw_kernel_listen() */
int sw_kernel_refresh(struct sw_kernel *kernel);

/** Why TCP is not guarded in the kernel, or "". */
const char *sw_kernel_tcp_why(const struct sw_kernel *kernel);

/** Whether some core has had more SYNs than its budget within the last SW_SYN_CALM_NS. */
bool sw_kernel_is_pressed(const struct sw_kernel *kernel);

/** Have the cores that are pressed answer SYNs with cookies, or let them pass as usual. Cookies are good only
 * while net.ipv4.tcp_syncookies is 2; it is set, and put back when they are not wanted any more or by
 * sw_kernel_free().
 * @return 0, or -errno when it may not be set: SYNs pass then */
int sw_kernel_syncookies(struct sw_kernel *kernel, bool want);

/** Packets per verdict since start, summed over CPUs. */
int sw_kernel_counters(struct sw_kernel *kernel, uint64_t counters[SW_VERDICT_COUNT]);

/** One of the maps, by its name in the programs. @return descriptor, the kernel part's own, or -ENOENT */
int sw_kernel_map_fd(const struct sw_kernel *kernel, const char *name);

/** The XDP entry program, for BPF_PROG_RUN. */
int sw_kernel_program_fd(const struct sw_kernel *kernel);

#endif
