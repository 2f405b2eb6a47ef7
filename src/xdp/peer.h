/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Whether the other end of an interface takes what a native XDP program sends back. */
#ifndef SW_XDP_PEER_H
#define SW_XDP_PEER_H

#include <stdbool.h>

/** A veth end hands XDP frames only to an end that has an XDP program itself; for any other the kernel throws
 * them away, and replies with them (Linux, drivers/net/veth.c, veth_xdp_xmit).
 * @return false for a veth whose other end has no native program now, or cannot be asked */
bool sw_peer_takes_frames(int ifindex);

#endif
