/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/replay.h"
#include "guard/policy.h"
#include "guard/replay.h"
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct printing {
	bool is_json;
	uint64_t first_ms, now_ms; /* of turns */
	enum sw_resource scarce;
	uint32_t refused_lanes; /* bits */
	struct sw_signature signature[SW_SIGNATURES_MAX];
};

/** A line; takes the reference to `more`, which has a "type". */
static void say(const struct printing *printing, uint64_t time_ms, json_t *more, const char *text)
{
	double seconds = ((double)time_ms - (double)printing->first_ms) / 1000;
	if (printing->is_json) {
		json_object_set_new(more, "time", json_real(seconds));
		json_dumpf(more, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		printf("%9.1f s  %s\n", seconds, text);
	}
	json_decref(more);
}

static void event_print(void *arg, const struct sw_event *event)
{
	const struct printing *printing = arg;
	const char *type = sw_event_label(event->type), *vector = sw_vector_label(event->vector);
	char text[200];
	double later_s = (double)(event->noticed_ms - event->time_ms) / 1000;
	int used = snprintf(
		text, sizeof(text), "incident %-3" PRIu32 " %-12s %-12s", event->incident, type, vector);
	if (event->rate_pps > 0)
		used += snprintf(text + used, sizeof(text) - (size_t)used, " %.0f/s", event->rate_pps);
	snprintf(text + used, sizeof(text) - (size_t)used, ", seen %.1f s later", later_s);
	say(printing, event->time_ms,
		json_pack("{s:s, s:i, s:i, s:s, s:f, s:f, s:I, s:f}", "type", type, "incident",
			event->incident, "wave", event->wave, "vector", vector, "rate_pps", event->rate_pps,
			"baseline_pps", event->baseline_pps, "sources", (json_int_t)event->sources, "noticed",
			(double)(event->noticed_ms - printing->first_ms) / 1000),
		text);
}

static int network_print(void *arg, const struct sw_prefix *prefix, uint32_t admit)
{
	const struct printing *printing = arg;
	char network[SW_PREFIX_TEXT_MAX], text[200];
	double share = admit == SW_ADMIT_ALL ? 1 : admit / 4294967296.0;
	sw_prefix_text(prefix, network);
	snprintf(text, sizeof(text), "network %s: %.1f %% of its %s are admitted", network, 100 * share,
		prefix->is_known ? "known resolvers" : "strangers");
	say(printing, printing->now_ms,
		json_pack("{s:s, s:s, s:f}", "type", "network", "network", network, "admit", share), text);
	return 0;
}

static void scarce_print(struct printing *printing, const struct sw_capacity *capacity)
{
	char text[200] = "room for everybody";
	if (capacity->scarce == printing->scarce)
		return;
	printing->scarce = capacity->scarce;
	bool is_scarce = capacity->scarce != SW_RESOURCE_NONE;
	if (is_scarce)
		snprintf(text, sizeof(text), "scarce: %s, room for %.0f answers/s",
			sw_resource_label(capacity->scarce), capacity->room_qps);
	say(printing, printing->now_ms,
		json_pack("{s:s, s:s, s:o}", "type", "scarce", "scarce", sw_resource_label(capacity->scarce),
			"room_qps", is_scarce ? json_real(capacity->room_qps) : json_null()),
		text);
}

/** Lanes that are not admitted whole. */
static void lanes_print(struct printing *printing, const struct sw_orders *orders)
{
	uint32_t refused = 0;
	for (unsigned lane = 0; orders->is_watching && lane < SW_LANE_COUNT; lane++)
		refused |= (uint32_t)(orders->policy.admit[lane] != SW_ADMIT_ALL) << lane;
	if (refused == printing->refused_lanes)
		return;
	printing->refused_lanes = refused;
	char text[200] = "lanes that wait:";
	json_t *lanes = json_array();
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++) {
		const char *label = sw_lane_label((enum sw_lane)lane);
		size_t used = strlen(text);
		if (!(refused >> lane & 1))
			continue;
		snprintf(text + used, sizeof(text) - used, " %s", label);
		json_array_append_new(lanes, json_string(label));
	}
	say(printing, printing->now_ms, json_pack("{s:s, s:o}", "type", "lanes", "waiting", lanes),
		refused ? text : "no lane waits");
}

static void signatures_print(struct printing *printing, const struct sw_orders *orders)
{
	for (unsigned i = 0; i < SW_SIGNATURES_MAX; i++) {
		const struct sw_signature *now = &orders->signature[i], *before = &printing->signature[i];
		bool is_active = now->mask != 0;
		char signature[512], text[600];
		if (now->mask == before->mask && now->value == before->value)
			continue;
		sw_signature_text(is_active ? now : before, signature, sizeof(signature));
		printing->signature[i] = *now;
		snprintf(text, sizeof(text), "signature %s: %s", is_active ? "active" : "withdrawn",
			signature);
		say(printing, printing->now_ms,
			json_pack("{s:s, s:s, s:b}", "type", "signature", "signature", signature, "active",
				(int)is_active),
			text);
	}
}

static void turn_print(void *arg, const struct sw_controller *controller, const struct sw_reading *reading)
{
	struct printing *printing = arg;
	printing->now_ms = reading->time_ms;
	if (printing->first_ms == 0)
		printing->first_ms = reading->time_ms;
	scarce_print(printing, &controller->capacity);
	lanes_print(printing, controller->orders);
	signatures_print(printing, controller->orders);
}

int sw_replay_print(const struct sw_command *command, const char *path, bool is_json)
{
	struct printing printing = {.is_json = is_json, .scarce = SW_RESOURCE_NONE};
	const struct sw_listener listener = {
		.arg = &printing, .event = event_print, .network = network_print};
	uint64_t offset = 0;
	int err = sw_guard_replay(path, &listener, turn_print, &printing, &offset);
	if (err == -EBADMSG && offset == 0)
		sw_complain(command, "%s: no recording of a guard, or one of another version", path);
	else if (err == -EBADMSG)
		sw_complain(command, "%s: damaged or cut off at byte %" PRIu64, path, offset);
	else if (err != 0)
		sw_complain(command, "%s: %s", path, strerror(-err));
	return err == 0 ? SW_EXIT_OK : SW_EXIT_FAILED;
}
