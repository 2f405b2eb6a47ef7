/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Networks that ask for more than their allowance, and so may be made to: a forged source is told nothing
 * longer than what it asked (RFC 5358 s3, and what is called response rate limiting elsewhere).
 *
 * The allowance is for a /24 or a /48; a single address (/32, /64) has a quarter of it, a /16 or a /32 of
 * IPv6 sixteen times as much. It is for whoever has not proven himself: cookies and handshakes do not count,
 * and are not held to it. Known resolvers at their usual distance have one of their own, sixteen times as
 * large: a resolver becomes known by asking, and so does a victim in whose name somebody else asks for a
 * while. Beyond it, as many are answered as the allowance says, the others hear TC=1; a true resolver comes
 * by TCP then, and is proven.
 *
 * Not at once: whoever asks is a stranger at first, and known two seconds later (sense/resolvers.h). And not
 * those of this machine (127.0.0.0/8, ::1): nobody else can send from there.
 */
#ifndef SW_GUARD_NETWORKS_H
#define SW_GUARD_NETWORKS_H

#include "sense/sense.h"

#define SW_NETWORKS_MAX SW_SENSE_NETWORKS_MAX
#define SW_NETWORK_PATIENCE_S 4 /* beyond its allowance, until it is held to it */
#define SW_NETWORK_KNOWN_TIMES 64
#define SW_NETWORK_HOLD_S 10 /* a network is watched so long after it was last beyond its allowance */

/** One that was heard of in the last turn, or is held. */
struct sw_heard_network {
	struct sw_network network;
	double rate_pps;   /* of the last seconds */
	uint32_t admit;	   /* of 2^32; SW_ADMIT_ALL: not limited */
	uint32_t beyond_s; /* its allowance, without a pause */
	uint32_t hold_s;   /* left */
	bool is_heard;	   /* in this turn */
};

struct sw_networks {
	double allowance_qps; /* 0: none is limited */
	struct sw_heard_network heard[SW_NETWORKS_MAX];
	unsigned count;
};

/** admit: of 2^32; SW_ADMIT_ALL: not limited any more. @return 0 or -errno */
typedef int sw_network_fn(void *arg, const struct sw_prefix *prefix, uint32_t admit);

/** Once a second. @param seconds  since the last time
 * @return networks that are limited now */
unsigned sw_networks_turn(struct sw_networks *networks, const struct sw_sense *sense, double seconds,
	sw_network_fn *tell, void *arg);

#define SW_PREFIX_TEXT_MAX 64

/** "192.0.2.0/24". @return text */
const char *sw_prefix_text(const struct sw_prefix *prefix, char text[SW_PREFIX_TEXT_MAX]);

#endif
