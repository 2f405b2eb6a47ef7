/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Attaching the programs to one interface: the ladder native XDP, generic XDP, and the tc program. */
#ifndef SW_XDP_ATTACH_H
#define SW_XDP_ATTACH_H

#include "xdp/kernel.h"
#include "xdp/pins.h"

struct sw_attachment {
	enum sw_attach_mode mode;
	int ifindex;
	int xdp_link; /* descriptors: the kernel detaches when they are closed and not pinned */
	int tc_link;  /* -1 where Linux is older than 6.6 */
	const struct sw_pins *pins;
	bool xdp_is_kept, tc_is_kept; /* pinned, by the process before */
};

/** Descriptors of what is attached. */
struct sw_programs {
	int xdp;
	int tc;
	int tc_behind; /* map: interfaces that have the tc program too */
};

/** Links of an earlier process are taken over: from one packet to the next these programs stand in the place
 * of those.
 * @param pins  where links are kept, or NULL: they go with the process
 * @param why  SW_WHY_MAX bytes: how it is attached and, where not natively, why
 * @return 0; -ENODEV, -EBUSY, or the kernel's error for generic XDP */
int sw_attach(struct sw_attachment *attachment, const char *interface, const struct sw_programs *programs,
	const struct sw_pins *pins, char *why);
/** Pinned or not. */
void sw_detach(struct sw_attachment *attachment);

#endif
