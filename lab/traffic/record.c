// SPDX-License-Identifier: GPL-3.0-or-later
#include "record.h"
#include "scenario.h"
#include <errno.h>
#include <jansson.h>

static const char *const pops[] = {"us-east", "us-west", "eu", "apac"};

static const char *const classes[] = {
#define X(name, text, what) text,
	LAB_RETRIES(X)
#undef X
};

static const char *const metrics[] = {
#define X(name, text) text,
	LAB_METRICS(X)
#undef X
};

static const char *const groups[] = {
#define X(name, text) text,
	LAB_GROUPS(X)
#undef X
};

uint32_t lab_latency_bucket(uint64_t latency_us)
{
	uint32_t bucket = latency_us < 2 ? 0 : (uint32_t)(4 * log2((double)latency_us));

	return bucket < LAB_BUCKETS ? bucket : LAB_BUCKETS - 1;
}

static json_t *series_json(const lab_series series, uint32_t seconds)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < seconds; i++)
		json_array_append_new(array, json_integer(series[i]));
	return array;
}

static void metrics_add(json_t *object, const lab_series series[LAB_METRIC_COUNT], uint32_t seconds)
{
	for (uint32_t i = 0; i < LAB_METRIC_COUNT; i++)
		json_object_set_new(object, metrics[i], series_json(series[i], seconds));
}

static json_t *honest_json(const struct lab_record *record, uint32_t seconds)
{
	json_t *array = json_array();

	for (uint32_t pop = 0; pop < LAB_POPS; pop++)
		for (uint32_t class = 0; class < LAB_RETRY_COUNT; class ++) {
			json_t *object = json_pack("{s:i, s:i}", "pop", pop, "class", class);

			metrics_add(object, record->honest[pop][class], seconds);
			json_array_append_new(array, object);
		}
	return array;
}

static json_t *groups_json(const struct lab_record *record, uint32_t seconds)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < LAB_GROUP_COUNT; i++) {
		json_t *group = json_object();

		metrics_add(group, record->group[i], seconds);
		json_object_set_new(object, groups[i], group);
	}
	return object;
}

static json_t *latency_json(const struct lab_record *record, const struct lab_scenario *scenario)
{
	json_t *array = json_array();

	for (uint32_t pop = 0; pop < LAB_POPS; pop++)
		for (uint32_t phase = 0; phase < scenario->phase_count; phase++) {
			json_t *counts = json_array();

			for (uint32_t bucket = 0; bucket < LAB_BUCKETS; bucket++)
				json_array_append_new(counts,
					json_integer((json_int_t)record->latency[pop][phase][bucket]));
			json_array_append_new(array, json_pack("{s:i, s:s, s:o}", "pop", pop, "phase",
							     scenario->phase[phase].name, "counts", counts));
		}
	return array;
}

static json_t *vectors_json(const struct lab_record *record, uint32_t seconds)
{
	json_t *array = json_array();

	for (uint32_t vector = 0; vector < LAB_VECTOR_COUNT; vector++)
		for (uint32_t pop = 0; pop < LAB_POPS; pop++)
			json_array_append_new(
				array, json_pack("{s:s, s:i, s:o}", "vector", lab_vector_name(vector), "pop",
					       pop, "sent", series_json(record->sent[vector][pop], seconds)));
	return array;
}

static json_t *phases_json(const struct lab_scenario *scenario, bool only_waves)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < scenario->phase_count; i++) {
		const struct lab_phase *phase = &scenario->phase[i];

		if (only_waves && !phase->is_wave)
			continue;
		json_array_append_new(
			array, json_pack("{s:s, s:f, s:f}", only_waves ? "phase" : "name", phase->name,
				       "start_s", phase->begin_s, "end_s", phase->end_s));
	}
	return array;
}

/* Seconds in which the lab itself loses the replies to honest resolvers. */
static json_t *muted_json(const struct lab_scenario *scenario)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < scenario->phase_count; i++) {
		const struct lab_phase *phase = &scenario->phase[i];

		if (phase->muted_until_s > phase->muted_from_s)
			json_array_append_new(array,
				json_pack("{s:f, s:f}", "start_s", phase->begin_s + phase->muted_from_s,
					"end_s", phase->begin_s + phase->muted_until_s));
	}
	return array;
}

static json_t *own_json(const struct lab_record *record, uint32_t seconds)
{
	return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "missed",
		series_json(record->missed, seconds), "late_ms_max", series_json(record->late_ms, seconds),
		"ring_full", record->ring_full, "slots_full", record->slots_full, "tcp_full",
		record->tcp_full, "events_lost", record->replies_lost, "no_route", record->no_route,
		"not_ours", record->not_ours, "tcp_failed", record->tcp_failed);
}

static json_t *names_json(const char *const *names, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(names[i]));
	return array;
}

int lab_record_write(const struct lab_record *record, const struct lab_run *run, const char *path)
{
	const struct lab_scenario *scenario = run->scenario;
	uint32_t seconds = (uint32_t)ceil(scenario->length_s);
	json_t *root = json_pack("{s:I, s:f, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "seed",
		(json_int_t)run->seed, "unit_qps", run->unit_qps, "length_s", scenario->length_s, "pops",
		names_json(pops, LAB_POPS), "classes", names_json(classes, LAB_RETRY_COUNT), "phases",
		phases_json(scenario, false), "waves", phases_json(scenario, true), "honest",
		honest_json(record, seconds), "groups", groups_json(record, seconds), "latency_us",
		latency_json(record, scenario), "vectors", vectors_json(record, seconds), "own",
		own_json(record, seconds));
	int result;

	if (!root)
		return -ENOMEM;
	json_object_set_new(root, "started", json_real(run->started_s));
	json_object_set_new(root, "muted", muted_json(scenario));
	json_object_set_new(root, "relayed_tries", series_json(record->relayed_tries, seconds));
	json_object_set_new(root, "to_attackers",
		json_pack("{s:o, s:o}", "packets", series_json(record->to_attackers_packets, seconds),
			"bytes", series_json(record->to_attackers_bytes, seconds)));
	json_object_set_new(root, "endpoints",
		json_pack("{s:i, s:i, s:i}", "total", LAB_ENDPOINTS, "used", run->endpoints_used, "moved",
			run->endpoints_moved));
	result = json_dump_file(root, path, JSON_COMPACT) ? -EIO : 0;
	json_decref(root);
	return result;
}
