/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Networks that ask for more than their allowance, and so may be made to: a forged source is told nothing
 * longer than what it asked (RFC 5358 s3, and what is called response rate limiting elsewhere).
 *
 * The allowance is per /24 and /48, and is for whoever has not proven himself: cookies, handshakes and known
 * resolvers at their usual distance do not count, and are not held to it. Beyond it, as many are answered as
 * the allowance says, the others hear TC=1.
 */
#ifndef SW_GUARD_NETWORKS_H
#define SW_GUARD_NETWORKS_H

#include "sense/sense.h"

#define SW_NETWORKS_MAX 64
#define SW_NETWORK_HOLD_S 10 /* a network is watched so long after it was last beyond its allowance */

struct sw_limited_network {
	struct sw_network network;
	uint32_t admit;	 /* of 2^32 */
	uint32_t hold_s; /* left */
};

struct sw_networks {
	double allowance_qps; /* 0: none is limited */
	struct sw_limited_network limited[SW_NETWORKS_MAX];
	unsigned count;
};

/** admit: of 2^32; SW_ADMIT_ALL: not limited any more. @return 0 or -errno */
typedef int sw_network_fn(void *arg, const uint8_t prefix[16], uint32_t admit);

/** Once a second. @return networks that are limited now */
unsigned sw_networks_turn(
	struct sw_networks *networks, const struct sw_sense *sense, sw_network_fn *tell, void *arg);

#endif
