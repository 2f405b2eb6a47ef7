/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/measure.h"
#include <string.h>

#define QUICK 0.3f /* of a new value: half of it within two ticks */
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
	       verdict == SW_VERDICT_PUNT_FRAME || verdict == SW_VERDICT_PUNT_COST ||
	       verdict == SW_VERDICT_PUNT_REQUEST || verdict == SW_VERDICT_PUNT_CHANGE;
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

static void verdicts_turn(struct sw_measure *measure, const struct sw_reading *reading, double seconds,
	struct sw_capacity_load *load)
{
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++) {
		double pps = rate(reading->verdicts[verdict], measure->before.verdicts[verdict], seconds);
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
	const struct sw_lane_totals *before = &measure->before.lanes;
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++) {
		measure->lane_qps[lane] = rate(lanes->offered[lane], before->offered[lane], seconds);
		measure->lane_refused_qps[lane] = rate(lanes->refused[lane], before->refused[lane], seconds);
		load->lane_qps[lane] = measure->lane_qps[lane];
	}
}

static void busy_turn(struct sw_measure *measure, double busy)
{
	double sum = 0;
	measure->busy_lately[measure->ticks++ % SW_BUSY_TICKS] = busy;
	for (unsigned i = 0; i < SW_BUSY_TICKS; i++)
		sum += measure->busy_lately[i];
	measure->busy = sum / SW_BUSY_TICKS;
}

/** Cores are scarce through an attack only. They may be full of something else than questions, and then it
 * would not help to refuse any; or of whoever asks as fast as he is answered, and then nobody waits for
 * anybody; or of a crowd or of retries, who come for answers and are told apart from each other by nothing.
 */
static bool cores_matter(
	const struct sw_reading *reading, double attack_qps, const struct sw_capacity_load *load)
{
	return attack_qps > HALF * load->queries_qps &&
	       load->queries_qps * ANSWER_S > HALF * reading->handling;
}

void sw_measure_turn(struct sw_measure *measure, const struct sw_reading *reading, double attack_qps,
	struct sw_capacity_load *load)
{
	const struct sw_reading *before = &measure->before;
	bool is_first = before->time_ms == 0;
	double seconds = (double)(reading->time_ms - before->time_ms) / 1000;
	memset(load, 0, sizeof(*load));
	load->zone_missing_qps = measure->zone_missing_qps;
	if (!is_first && seconds > 0) {
		verdicts_turn(measure, reading, seconds, load);
		lanes_turn(measure, &reading->lanes, seconds, load);
		zones_turn(measure, seconds);
		measure->egress_bps = 8 * rate(reading->reply_bytes, before->reply_bytes, seconds);
		busy_turn(measure, reading->busy);
	}
	load->egress_bps = measure->egress_bps;
	load->busy = cores_matter(reading, attack_qps, load) ? measure->busy : 0;
	measure->before = *reading;
}
