/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/tell.h"
#include "guard/policy.h"
#include "wire/name.h"
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void sw_told_text(const struct sw_told *told, const char *zone, char *text, size_t size)
{
	const struct sw_event *event = &told->event;
	const char *vector = sw_vector_label(event->vector);
	double noticed_s = (double)(told->wall_noticed_ms - told->wall_ms) / 1000;
	switch (event->type) {
	case SW_EVENT_ONSET:
	case SW_EVENT_VECTOR_ADDED:
		snprintf(text, size, "incident %u: %s, %.0f packets/s (%.0f in peace)%s%s, seen after %.1f s",
			event->incident, vector, event->rate_pps, event->baseline_pps,
			zone ? ", mostly for " : "", zone ? zone : "", noticed_s);
		break;
	case SW_EVENT_VECTOR_ENDED:
		snprintf(text, size, "incident %u: no more %s", event->incident, vector);
		break;
	case SW_EVENT_OVER:
		snprintf(text, size, "incident %u: over", event->incident);
		break;
	case SW_EVENT_WAVE:
		snprintf(text, size, "incident %u: wave %u, %.0f packets/s", event->incident, event->wave,
			event->rate_pps);
		break;
	case SW_EVENT_WAVE_OVER:
		snprintf(text, size, "incident %u: wave %u over", event->incident, event->wave);
		break;
	case SW_EVENT_COUNT:
		break;
	}
}

static double share_of(uint32_t admit)
{
	return admit == SW_ADMIT_ALL ? 1 : (double)admit / 4294967296.0;
}

static json_t *lane_json(const struct sw_telling *telling, enum sw_lane lane)
{
	const struct sw_orders *orders = telling->guarded->orders;
	return json_pack("{s:s, s:s, s:f, s:f, s:f, s:b, s:b}", "lane", sw_lane_label(lane), "who",
		sw_lane_text(lane), "offered_qps",
		orders->is_watching ? telling->measure->lane_qps[lane] : 0.0, "refused_qps",
		telling->measure->lane_refused_qps[lane], "admit",
		orders->is_watching ? share_of(orders->policy.admit[lane]) : 1.0, "never_refused",
		(int)sw_lane_is_safe(lane), "dropped", (int)(orders->dropped_lanes >> lane & 1));
}

static json_t *lanes_json(const struct sw_telling *telling)
{
	json_t *lanes = json_array();
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
		json_array_append_new(lanes, lane_json(telling, (enum sw_lane)lane));
	return lanes;
}

static json_t *vectors_json(const struct sw_sense *sense)
{
	json_t *vectors = json_array();
	for (unsigned vector = 0; vector < SW_VECTOR_COUNT; vector++) {
		struct sw_vector_state state;
		sw_sense_vector(sense, (enum sw_vector)vector, &state);
		json_array_append_new(vectors,
			json_pack("{s:s, s:b, s:b, s:f, s:f, s:f, s:s, s:I}", "vector",
				sw_vector_label((enum sw_vector)vector), "on", (int)state.is_on, "learning",
				(int)state.is_learning, "rate_pps", state.rate_pps, "baseline_pps",
				state.baseline_pps, "threshold_pps", state.threshold_pps, "because",
				state.because, "sources", (json_int_t)state.sources));
	}
	return vectors;
}

static json_t *signatures_json(const struct sw_learner *learner)
{
	json_t *list = json_array();
	char text[512];
	for (unsigned i = 0; i < SW_SIGNATURES_MAX; i++) {
		const struct sw_learnt *learnt = &learner->learnt[i];
		if (learnt->state == SW_SIGNATURE_FREE)
			continue;
		sw_signature_text(&learnt->signature, text, sizeof(text));
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:i, s:f, s:f, s:f}", "signature", text, "state",
				learnt->state == SW_SIGNATURE_ACTIVE ? "active" : "shadow", "age_s",
				(int)learnt->age_s, "matches",
				learnt->doubtful_tried > 0 ? learnt->doubtful_met / learnt->doubtful_tried
							   : 0.0,
				"hurts",
				learnt->good_tried > 0 ? learnt->good_hurt / learnt->good_tried : 0.0,
				"budget", SW_LEARN_BUDGET));
	}
	return list;
}

static uint64_t refused_total(const struct sw_measure *measure)
{
	uint64_t refused = 0;
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
		refused += measure->before.lanes.refused[lane];
	return refused;
}

json_t *sw_tell_status(const struct sw_telling *telling)
{
	const struct sw_orders *orders = telling->guarded->orders;
	const struct sw_capacity *capacity = telling->capacity;
	const struct sw_measure *measure = telling->measure;
	return json_pack("{s:s, s:b, s:b, s:s, s:o, s:f, s:f, s:i, s:I, s:I, s:o, s:o, s:o}", "mode",
		orders->is_observing ? "observe" : "enforce", "watching",
		(int)(orders->is_watching & SW_WATCHING_CAPACITY), "networks",
		(int)(orders->is_watching & SW_WATCHING_NETWORKS) >> 1, "scarce",
		sw_resource_label(capacity->scarce), "room_qps",
		isinf(capacity->room_qps) ? json_null() : json_real(capacity->room_qps), "egress_bps",
		measure->egress_bps, "busy", measure->busy, "known",
		(int)sw_sense_known_count(telling->sense), "refused", (json_int_t)refused_total(measure),
		"refused_known", (json_int_t)measure->before.lanes.refused_known, "vectors",
		vectors_json(telling->sense), "signatures", signatures_json(telling->learner), "lanes",
		lanes_json(telling));
}

json_t *sw_facts_json(uint8_t facts)
{
	json_t *list = json_array();
	for (unsigned bit = 0; bit < SW_FACT_COUNT; bit++)
		if (facts >> bit & 1)
			json_array_append_new(list, json_string(sw_fact_label(bit)));
	return list;
}

json_t *sw_tell_lanes(const struct sw_telling *telling)
{
	json_t *rows = json_array();
	for (unsigned facts = 0; facts < 256; facts++)
		json_array_append_new(
			rows, json_pack("{s:o, s:s}", "facts", sw_facts_json((uint8_t)facts), "lane",
				      sw_lane_label(telling->guarded->orders->policy.lane[facts])));
	return json_pack("{s:o, s:o}", "lanes", lanes_json(telling), "policy", rows);
}
