/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/measure.h"
#include <stdio.h>
#include <string.h>

#define QUICK 0.3f /* of a new value: half of it within two ticks */
#define SLOW 0.1   /* within seven */
#define USUAL_S 60
#define UNUSUAL 2
#define ANSWER_S                                                                            \
	400e-9 /* of a core: some 230 ns to receive and answer, and what a slower one takes \
		  (docs/benchmarks.md) */
#define HALF 0.5

/** Questions that reached the answer path, whatever became of them. */
static bool is_question(unsigned verdict)
{
	switch (verdict) {
	case SW_VERDICT_ANSWERED:
	case SW_VERDICT_NODATA:
	case SW_VERDICT_NXDOMAIN:
	case SW_VERDICT_REFERRAL:
	case SW_VERDICT_TRUNCATED:
	case SW_VERDICT_REFUSED:
	case SW_VERDICT_SERVFAIL:
	case SW_VERDICT_YXDOMAIN:
	case SW_VERDICT_CHAOS:
	case SW_VERDICT_OVER_LANE:
	case SW_VERDICT_DROP_LANE:
	case SW_VERDICT_OVER_ZONE:
	case SW_VERDICT_OVER_PREFIX:
		return true;
	default:
		return false;
	}
}

static bool is_truncated(unsigned verdict)
{
	return verdict == SW_VERDICT_OVER_LANE || verdict == SW_VERDICT_OVER_ZONE ||
	       verdict == SW_VERDICT_OVER_PREFIX;
}

static bool is_punt(unsigned verdict)
{
	return verdict == SW_VERDICT_PUNT_ROOM || verdict == SW_VERDICT_PUNT_TSIG ||
	       verdict == SW_VERDICT_PUNT_FRAME || verdict == SW_VERDICT_PUNT_COST;
}

void sw_measure_start(struct sw_measure *measure)
{
	memset(measure, 0, sizeof(*measure));
}

/** Names that do not exist are counted by zone, for the zones' shares; refused ones too, or a share would
 * grow as it is used up. */
void sw_measure_sample(struct sw_measure *measure, const struct sw_sample *sample)
{
	if (sample->zone &&
		(sample->verdict == SW_VERDICT_NXDOMAIN || sample->verdict == SW_VERDICT_OVER_ZONE))
		measure->zone_missing[sample->zone >> 52] += (float)sample->weight;
}

/** Whether a core handled more than a hundredth of the packets since the last tick. */
static bool handles_packets(
	const struct sw_measure *measure, const struct sw_node_counts *counts, unsigned core)
{
	uint64_t all = 0, its = counts->by_core[core] - measure->counts.by_core[core];
	for (unsigned i = 0; i < SW_CORES_MAX; i++)
		all += counts->by_core[i] - measure->counts.by_core[i];
	return its * 100 > all;
}

/** Share of its time that a core was not idle since the last tick; the line is one of /proc/stat. */
static double core_busy(struct sw_measure *measure, const char *line, unsigned *core)
{
	unsigned long long t[8] = {0};
	if (sscanf(line, "cpu%u %llu %llu %llu %llu %llu %llu %llu %llu", core, &t[0], &t[1], &t[2], &t[3],
		    &t[4], &t[5], &t[6], &t[7]) < 5 ||
		*core >= SW_CORES_MAX)
		return -1;
	uint64_t idle = t[3] + t[4], all = 0;
	for (unsigned i = 0; i < 8; i++)
		all += t[i];
	uint64_t passed = all - measure->core_all[*core], rested = idle - measure->core_idle[*core];
	bool is_first = measure->core_all[*core] == 0;
	measure->core_idle[*core] = idle;
	measure->core_all[*core] = all;
	return is_first || passed == 0 ? 0 : 1 - (double)rested / (double)passed;
}

/** Of the cores that handle packets: others may be busy with what they like.
 * @param handling  how many these are */
static double busiest_core(
	struct sw_measure *measure, const struct sw_node_counts *counts, unsigned *handling)
{
	FILE *stat = fopen("/proc/stat", "re");
	char line[512];
	double most = 0;
	*handling = 0;
	while (stat && fgets(line, sizeof(line), stat)) {
		unsigned core;
		double busy = core_busy(measure, line, &core);
		if (busy < 0 || !handles_packets(measure, counts, core))
			continue;
		++*handling;
		most = busy > most ? busy : most;
	}
	if (stat)
		fclose(stat);
	return most;
}

static double rate(uint64_t now, uint64_t before, double seconds)
{
	return now > before ? (double)(now - before) / seconds : 0;
}

static void zones_turn(struct sw_measure *measure, double seconds)
{
	for (unsigned i = 0; i < SW_ZONE_SHARES; i++) {
		float qps = (float)(measure->zone_missing[i] / seconds);
		measure->zone_missing_qps[i] += QUICK * (qps - measure->zone_missing_qps[i]);
		measure->zone_missing[i] = 0;
	}
}

static void verdicts_turn(struct sw_measure *measure, const struct sw_node_counts *counts, double seconds,
	struct sw_capacity_load *load)
{
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++) {
		double pps = rate(counts->verdicts[verdict], measure->counts.verdicts[verdict], seconds);
		measure->verdict_pps[verdict] = pps;
		load->queries_qps += is_question(verdict) ? pps : 0;
		load->truncated_qps += is_truncated(verdict) ? pps : 0;
		load->answered_qps +=
			is_question(verdict) && !is_truncated(verdict) && verdict != SW_VERDICT_DROP_LANE
				? pps
				: 0;
		load->punts_qps += is_punt(verdict) ? pps : 0;
	}
}

static void lanes_turn(struct sw_measure *measure, const struct sw_lane_totals *lanes, double seconds,
	struct sw_capacity_load *load)
{
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++) {
		measure->lane_qps[lane] = rate(lanes->offered[lane], measure->lanes.offered[lane], seconds);
		measure->lane_refused_qps[lane] =
			rate(lanes->refused[lane], measure->lanes.refused[lane], seconds);
		load->lane_qps[lane] = measure->lane_qps[lane];
	}
}

void sw_measure_turn(struct sw_measure *measure, uint64_t time_ms, const struct sw_node_counts *counts,
	const struct sw_lane_totals *lanes, struct sw_capacity_load *load)
{
	unsigned handling;
	double seconds = (double)(time_ms - measure->time_ms) / 1000,
	       busy = busiest_core(measure, counts, &handling);
	bool is_first = measure->time_ms == 0;
	memset(load, 0, sizeof(*load));
	load->zone_missing_qps = measure->zone_missing_qps;
	if (!is_first && seconds > 0) {
		verdicts_turn(measure, counts, seconds, load);
		lanes_turn(measure, lanes, seconds, load);
		zones_turn(measure, seconds);
		measure->egress_bps = 8 * rate(counts->reply_bytes, measure->counts.reply_bytes, seconds);
		measure->busy += SLOW * (busy - measure->busy);
		measure->usual_qps += seconds / USUAL_S * (load->queries_qps - measure->usual_qps);
	}
	load->egress_bps = measure->egress_bps;
	/* Cores that are busy with a day like any other, or with something else than questions, are no reason
	 * to refuse anybody: it would not help. */
	bool is_unusual = load->queries_qps > UNUSUAL * measure->usual_qps;
	bool is_by_questions = load->queries_qps * ANSWER_S > HALF * handling;
	load->busy = is_unusual && is_by_questions ? measure->busy : 0;
	measure->time_ms = time_ms;
	measure->counts = *counts;
	measure->lanes = *lanes;
}
