/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rates from counters: how much of what there was in the last tick. */
#ifndef SW_GUARD_MEASURE_H
#define SW_GUARD_MEASURE_H

#include "guard/guard.h"

#define SW_VERDICTS_AT_ONCE 4 /* as many verdicts as mostly make up the traffic share the samples */

struct sw_measure {
	uint64_t time_ms; /* of the tick before */
	struct sw_node_counts counts;
	struct sw_lane_totals lanes;
	double verdict_pps[SW_VERDICT_COUNT];
	double lane_qps[SW_LANE_COUNT], lane_refused_qps[SW_LANE_COUNT];
	double egress_bps;
	double busy;	  /* of the busiest core that handles packets, smoothed over a second */
	double usual_qps; /* questions, smoothed over a minute */
	float zone_missing_qps[SW_ZONE_SHARES]; /* smoothed over a second */
	float zone_missing[SW_ZONE_SHARES];	/* weights of the samples since the last tick */
	uint64_t core_idle[SW_CORES_MAX], core_all[SW_CORES_MAX];
};

void sw_measure_start(struct sw_measure *measure);
void sw_measure_sample(struct sw_measure *measure, const struct sw_sample *sample);
void sw_measure_turn(struct sw_measure *measure, uint64_t time_ms, const struct sw_node_counts *counts,
	const struct sw_lane_totals *lanes, struct sw_capacity_load *load);

#endif
