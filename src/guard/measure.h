/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rates from counters: how much of what there was in the last tick. */
#ifndef SW_GUARD_MEASURE_H
#define SW_GUARD_MEASURE_H

#include "guard/guard.h"

#define SW_VERDICTS_AT_ONCE 4 /* as many verdicts as mostly make up the traffic share the samples */

#define SW_BUSY_TICKS \
	8 /* as long as it takes to notice an attack; the kernel counts in hundredths of a second */

/** What is read off the node in each turn. */
struct sw_reading {
	uint64_t time_ms; /* CLOCK_MONOTONIC */
	/* since the node's start */
	uint64_t verdicts[SW_VERDICT_COUNT];
	uint64_t reply_bytes;
	struct sw_lane_totals lanes;
	/* since the last turn (guard/cores.h) */
	double busy;
	uint32_t handling;
};

struct sw_measure {
	struct sw_reading before;
	double verdict_pps[SW_VERDICT_COUNT];
	double lane_qps[SW_LANE_COUNT], lane_refused_qps[SW_LANE_COUNT];
	double egress_bps;
	double busy; /* of the busiest core that handles packets: mean of the last SW_BUSY_TICKS */
	double busy_lately[SW_BUSY_TICKS];
	uint32_t ticks;
	float zone_missing_qps[SW_ZONE_SHARES]; /* smoothed over a second */
	float zone_missing[SW_ZONE_SHARES];	/* weights of the samples since the last tick */
};

void sw_measure_start(struct sw_measure *measure);
void sw_measure_sample(struct sw_measure *measure, const struct sw_sample *sample);

/** @param attack_qps  questions that sense takes for an attack */
void sw_measure_turn(struct sw_measure *measure, const struct sw_reading *reading, double attack_qps,
	struct sw_capacity_load *load);

#endif
