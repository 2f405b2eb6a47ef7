/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Attaching the programs to one interface: the ladder native XDP, generic XDP, and the tc program. */
#ifndef SW_XDP_ATTACH_H
#define SW_XDP_ATTACH_H

#include "xdp/kernel.h"

struct sw_attachment {
	enum sw_attach_mode mode;
	bool has_tc;
	int ifindex;
	int xdp_link; /* descriptors: the kernel detaches when they are closed, also after a crash */
	int tc_link;  /* -1 where Linux is older than 6.6 */
};

/** @param why  SW_WHY_MAX bytes: how it is attached and, where not natively, why
 * @return 0; -ENODEV, -EBUSY, or the kernel's error for generic XDP */
int sw_attach(struct sw_attachment *attachment, const char *interface, int xdp_fd, int tc_fd, char *why);
void sw_detach(struct sw_attachment *attachment);

#endif
