/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The policy: in which lane each combination of facts waits. 256 rows, printable, the same for every node.
 */
#ifndef SW_GUARD_POLICY_H
#define SW_GUARD_POLICY_H

#include "image/lanes.h"
#include <stdbool.h>

/** Lane of a combination of facts. */
enum sw_lane sw_policy_lane(uint8_t facts);

/** The whole table, and everybody admitted. */
void sw_policy_default(struct sw_policy *policy);

const char *sw_lane_label(enum sw_lane lane);
const char *sw_lane_text(enum sw_lane lane);
const char *sw_fact_label(unsigned bit);
const char *sw_fact_text(unsigned bit);

/** Whether a packet with this TTL has passed as many hops, give or take one: a route may have changed. As
 * answer/admit.h does it. */
static inline bool sw_hops_fit(uint8_t ttl, uint8_t hops)
{
	unsigned start = ttl <= 32 ? 32 : ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255, its = start - ttl;
	return its + 1 >= hops && its <= hops + 1u;
}

/** Lanes that are never refused: who is in them asks for names that exist, and is known, or has waited
 * already. */
static inline bool sw_lane_is_safe(enum sw_lane lane)
{
	return lane == SW_LANE_KNOWN || lane == SW_LANE_RETRY;
}

/** Lanes of names that do not exist. */
static inline bool sw_lane_is_missing(enum sw_lane lane)
{
	return lane == SW_LANE_KNOWN_MISSING || lane == SW_LANE_NEW_MISSING ||
	       lane == SW_LANE_SUSPECT_MISSING;
}

#endif
