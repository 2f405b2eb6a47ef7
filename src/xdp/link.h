/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the kernel tells about an interface. */
#ifndef SW_XDP_LINK_H
#define SW_XDP_LINK_H

#include <stdbool.h>

/** Whether the other end takes what a native XDP program sends back. A veth end hands XDP frames only to an
 * end that has an XDP program itself; for any other the kernel throws them away, and replies with them
 * (Linux, drivers/net/veth.c, veth_xdp_xmit).
 * @return false for a veth whose other end has no native program now, or cannot be asked */
bool sw_link_takes_frames(int ifindex);

/** @return false when it cannot be asked */
bool sw_link_is_dummy(int ifindex);

#endif
