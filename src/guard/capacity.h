/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The capacity controller: how many answers there is room for, and so who is admitted.
 *
 * Pure: what was measured in, orders out. Ten times a second it compares the load with what the node can
 * bear: answers per second, bits per second towards the clients, time of the cores, questions left to user
 * space. While there is room for all, everybody is admitted and nobody looked at. When there is not, the
 * lanes are filled in their order until the room is used up; those of known sources asking for names that
 * exist are never refused. Names that do not exist are shared out over the zones, so that one zone's attack
 * is answered at that zone's expense.
 *
 * Where the cores are what is scarce, known resolvers are not refused at all: not to answer saves half of an
 * answer's time, and each of them asks five times more for it.
 */
#ifndef SW_GUARD_CAPACITY_H
#define SW_GUARD_CAPACITY_H

#include "image/lanes.h"
#include <stdbool.h>
#include <stdint.h>

#define SW_CAPACITY_TICK_MS 100
#define SW_CAPACITY_CALM_TICKS 10 /* with room for all, until nobody is looked at any more */

/** What the node can bear; 0: not limited. */
struct sw_capacity_limits {
	double answers_qps;
	double egress_bps;
	double punts_qps;
	double busy; /* share of the busiest core's time, 0 to 1 */
};

/** What was measured in the last tick, per second. */
struct sw_capacity_load {
	double queries_qps; /* questions that reached the answer path */
	double answered_qps;
	double truncated_qps; /* refused by TC=1 */
	double egress_bps;
	double punts_qps;
	double busy;
	double lane_qps[SW_LANE_COUNT]; /* offered, while lanes are looked at */
	const float *zone_missing_qps;	/* SW_ZONE_SHARES: names that do not exist, by zone */
};

enum sw_resource {
	SW_RESOURCE_NONE,
	SW_RESOURCE_ANSWERS,
	SW_RESOURCE_EGRESS,
	SW_RESOURCE_PUNTS,
	SW_RESOURCE_CORES
};

struct sw_capacity {
	struct sw_capacity_limits limits;
	double room_qps; /* answers that there is room for; infinite: all */
	enum sw_resource scarce;
	uint32_t calm_ticks;
	bool is_scarce;
};

void sw_capacity_start(struct sw_capacity *capacity, const struct sw_capacity_limits *limits);

/** One tick: sets is_watching, the policy's admit, dropped_lanes and missing_refuse. */
void sw_capacity_tick(
	struct sw_capacity *capacity, const struct sw_capacity_load *load, struct sw_orders *orders);

const char *sw_resource_label(enum sw_resource resource);

#endif
