/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/capacity.h"
#include "guard/policy.h"
#include <math.h>
#include <string.h>

#define GROW 1.1  /* of the room, in a tick with load to spare */
#define SPARE 0.9 /* of a limit: below, there is load to spare */

/** What a refusal by TC=1 costs, in answers. Of the cores nearly as much: what is saved is copying the
 * answer. */
static const double refusal_cost[] = {[SW_RESOURCE_NONE] = 0.7,
	[SW_RESOURCE_ANSWERS] = 0.7,
	[SW_RESOURCE_EGRESS] = 0.4,
	[SW_RESOURCE_PUNTS] = 0.7,
	[SW_RESOURCE_CORES] = 0.7};

void sw_capacity_start(struct sw_capacity *capacity, const struct sw_capacity_limits *limits)
{
	*capacity = (struct sw_capacity){.limits = *limits, .room_qps = INFINITY};
}

const char *sw_resource_label(enum sw_resource resource)
{
	static const char *const labels[] = {"none", "answers", "egress", "punts", "cores"};
	return labels[resource];
}

/** The resource that is nearest to its limit, as a share of it. */
static double strain(
	const struct sw_capacity *capacity, const struct sw_capacity_load *load, enum sw_resource *scarce)
{
	const struct sw_capacity_limits *limits = &capacity->limits;
	const struct {
		double used, limit;
	} resources[] = {[SW_RESOURCE_NONE] = {0, 0},
		[SW_RESOURCE_ANSWERS] = {load->answered_qps +
						 refusal_cost[SW_RESOURCE_ANSWERS] * load->truncated_qps,
			limits->answers_qps},
		[SW_RESOURCE_EGRESS] = {load->egress_bps, limits->egress_bps},
		[SW_RESOURCE_PUNTS] = {load->punts_qps, limits->punts_qps},
		[SW_RESOURCE_CORES] = {load->busy, limits->busy}};
	double most = 0;
	*scarce = SW_RESOURCE_NONE;
	for (unsigned i = 1; i < sizeof(resources) / sizeof(resources[0]); i++) {
		double share = resources[i].limit > 0 ? resources[i].used / resources[i].limit : 0;
		if (share > most) {
			most = share;
			*scarce = (enum sw_resource)i;
		}
	}
	return most;
}

/** What is sent now, in answers, is what can be sent at this strain: scaled to the limit, it is the room.
 * Upwards by a little at a time, so that a load which waits outside does not make it swing. */
static void room_find(struct sw_capacity *capacity, const struct sw_capacity_load *load)
{
	enum sw_resource scarce;
	double used = strain(capacity, load, &scarce);
	if (used > 1) {
		double sent = load->answered_qps + refusal_cost[scarce] * load->truncated_qps;
		capacity->room_qps = fmin(sent / used, capacity->room_qps);
		capacity->scarce = scarce;
		capacity->is_scarce = true;
	} else if (used < SPARE) {
		capacity->room_qps *= GROW;
	}
}

static uint32_t admit_of(double share)
{
	return share >= 1 ? SW_ADMIT_ALL : share <= 0 ? 0 : (uint32_t)(share * 4294967295.0);
}

/** How many of `offered` questions to answer with this room. Whoever is refused shall hear TC=1; where the
 * room is not enough for that, he is dropped, and all of it goes into answers.
 * @param is_dropped  which of both */
static double lane_let(double offered, double room, double cost, bool *is_dropped)
{
	*is_dropped = false;
	if (room >= offered)
		return offered;
	*is_dropped = cost * offered > room;
	return *is_dropped ? fmax(0, room) : (room - cost * offered) / (1 - cost);
}

/** Fill the lanes of names that exist, best first. Those of the safe are filled whatever the room.
 * @return room left */
static double lanes_fill(
	const struct sw_capacity_load *load, double room, double cost, struct sw_orders *orders)
{
	orders->dropped_lanes = 0;
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++) {
		double offered = load->lane_qps[lane];
		bool is_dropped;
		if (sw_lane_is_missing((enum sw_lane)lane))
			continue;
		double let = lane_let(offered, room, cost, &is_dropped);
		if (sw_lane_is_safe((enum sw_lane)lane)) {
			let = offered;
			is_dropped = false;
		}
		orders->policy.admit[lane] = offered > 0 ? admit_of(let / offered) : SW_ADMIT_ALL;
		orders->dropped_lanes |= (uint32_t)is_dropped << lane;
		room = fmax(0, room - let - (is_dropped ? 0 : cost * (offered - let)));
	}
	return room;
}

/** The largest share that, given to every zone that wants so much, fits into the room (max-min fairness). */
static double fair_share(const float *wanted, double room)
{
	double low = 0, high = 0;
	if (!wanted)
		return 0;
	for (unsigned i = 0; i < SW_ZONE_SHARES; i++)
		high = fmax(high, wanted[i]);
	for (unsigned turn = 0; turn < 30; turn++) {
		double middle = (low + high) / 2, used = 0;
		for (unsigned i = 0; i < SW_ZONE_SHARES; i++)
			used += fmin(wanted[i], middle);
		*(used > room ? &high : &low) = middle;
	}
	return low;
}

/** Names that do not exist: each zone has its share of the room, whoever asks; with no word on zones, the
 * lanes have theirs in order. */
static void missing_fill(
	const struct sw_capacity_load *load, double room, double cost, struct sw_orders *orders)
{
	double wanted = 0, offered = 0;
	bool is_dropped;
	for (unsigned i = 0; load->zone_missing_qps && i < SW_ZONE_SHARES; i++)
		wanted += load->zone_missing_qps[i];
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
		offered += sw_lane_is_missing((enum sw_lane)lane) ? load->lane_qps[lane] : 0;
	double let = lane_let(offered, room, cost, &is_dropped),
	       share = fair_share(load->zone_missing_qps, let);
	memset(orders->missing_refuse, 0, sizeof(orders->missing_refuse));
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++) {
		if (!sw_lane_is_missing((enum sw_lane)lane))
			continue;
		orders->policy.admit[lane] =
			wanted > 0 || offered <= 0 ? SW_ADMIT_ALL : admit_of(let / offered);
		orders->dropped_lanes |= (uint32_t)is_dropped << lane;
	}
	for (unsigned i = 0; wanted > let && i < SW_ZONE_SHARES; i++)
		if (load->zone_missing_qps[i] > share)
			orders->missing_refuse[i] = ~admit_of(share / load->zone_missing_qps[i]);
}

static void admit_everybody(struct sw_orders *orders)
{
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
		orders->policy.admit[lane] = SW_ADMIT_ALL;
	memset(orders->missing_refuse, 0, sizeof(orders->missing_refuse));
	orders->dropped_lanes = 0;
}

static void watch(struct sw_orders *orders, bool is_scarce)
{
	if (is_scarce)
		orders->is_watching |= SW_WATCHING_CAPACITY;
	else
		orders->is_watching &= ~(uint32_t)SW_WATCHING_CAPACITY;
}

void sw_capacity_tick(
	struct sw_capacity *capacity, const struct sw_capacity_load *load, struct sw_orders *orders)
{
	room_find(capacity, load);
	if (capacity->room_qps >= load->queries_qps) {
		admit_everybody(orders);
		capacity->scarce = SW_RESOURCE_NONE;
		if (capacity->is_scarce && ++capacity->calm_ticks >= SW_CAPACITY_CALM_TICKS) {
			capacity->is_scarce = false;
			capacity->calm_ticks = 0;
			capacity->room_qps = INFINITY;
		}
		watch(orders, capacity->is_scarce);
		return;
	}
	capacity->calm_ticks = 0;
	if (!(orders->is_watching & SW_WATCHING_CAPACITY)) {
		watch(orders, true); /* first look who is there: nobody is refused before that is known */
		return;
	}
	double cost = refusal_cost[capacity->scarce], room = capacity->room_qps;
	struct sw_capacity_load rest = *load;
	if (capacity->scarce == SW_RESOURCE_CORES) {
		room -= rest.lane_qps[SW_LANE_KNOWN_MISSING];
		rest.lane_qps[SW_LANE_KNOWN_MISSING] = 0;
		rest.zone_missing_qps = NULL; /* a zone's share would hold for known resolvers too */
	}
	room = lanes_fill(&rest, fmax(0, room), cost, orders);
	missing_fill(&rest, room, cost, orders);
	if (capacity->scarce == SW_RESOURCE_CORES) {
		orders->policy.admit[SW_LANE_KNOWN_MISSING] = SW_ADMIT_ALL;
		orders->dropped_lanes &= ~(1u << SW_LANE_KNOWN_MISSING);
	}
}
