/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run.h"
#include "answer/traits.h"
#include "guard/policy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SAMPLES_MAX 400 /* of some askers in a tick */
#define ZONE 0x1230000000000001ull

static void event_hear(void *arg, const struct sw_event *event)
{
	struct run *run = arg;
	assert_true(run->events < RUN_TELL_MAX);
	run->event[run->events++] = *event;
}

static int network_hear(void *arg, const struct sw_prefix *prefix, uint32_t admit)
{
	struct run *run = arg;
	(void)prefix;
	run->limited += admit != SW_ADMIT_ALL;
	run->released += admit == SW_ADMIT_ALL;
	return 0;
}

struct run *run_new(const struct sw_controller_settings *settings)
{
	struct run *run = calloc(1, sizeof(*run));
	assert_non_null(run);
	const struct sw_listener listener = {.arg = run, .event = event_hear, .network = network_hear};
	assert_int_equal(sw_controller_new(&run->controller, settings, &listener, &run->orders), 0);
	run->reading.time_ms = 1000000;
	run->reading.handling = 1;
	run->reply_bytes = 100;
	run->random = 7;
	return run;
}

void run_free(struct run *run)
{
	sw_controller_free(run->controller);
	free(run);
}

static uint32_t below(struct run *run, uint32_t count)
{
	run->random = run->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(((run->random >> 32) * count) >> 32);
}

static struct sw_sample question_make(struct run *run, const struct askers *askers)
{
	uint32_t source = below(run, askers->count), name = below(run, askers->names ? askers->names : ~0u);
	struct sw_sample sample = {.time_ns = run->reading.time_ms * 1000000,
		.zone = ZONE,
		.features = askers->features,
		.address_len = 4,
		.verdict = askers->exists ? SW_VERDICT_ANSWERED : SW_VERDICT_NXDOMAIN,
		.ttl = (uint8_t)(64 - askers->hops),
		.protocol = 17,
		.type = 1,
		.name_bytes = 10};
	memcpy(sample.source, askers->network, 3);
	sample.source[2] = (uint8_t)(sample.source[2] + source / 250);
	sample.source[3] = (uint8_t)(1 + source % 250);
	sample.name[0] = 8;
	for (int i = 1; i < 9; i++, name /= 16)
		sample.name[i] = (uint8_t)('a' + name % 16);
	return sample;
}

static uint8_t facts_of(const struct run *run, const struct askers *askers, const struct sw_sample *sample)
{
	uint8_t hops;
	bool is_known = sw_sense_knows(run->controller->sense, sample->source, 4, &hops);
	return (uint8_t)((askers->exists ? SW_FACT_EXISTS : 0) | (is_known ? SW_FACT_KNOWN : 0) |
			 (is_known && hops == askers->hops ? SW_FACT_HOPS : 0));
}

/** What becomes of `count` questions like this one. */
static void questions_count(
	struct run *run, const struct askers *askers, struct sw_sample *sample, double count)
{
	const struct sw_orders *orders = &run->orders;
	enum sw_lane lane = sw_policy_lane(facts_of(run, askers, sample));
	double share = orders->is_watching ? orders->policy.admit[lane] / 4294967295.0 : 1;
	if (orders->is_watching && !askers->exists)
		share *= 1 - orders->missing_refuse[ZONE >> 52] / 4294967295.0;
	uint64_t all = (uint64_t)count, let = (uint64_t)(count * share);
	bool is_dropped = orders->dropped_lanes >> lane & 1;
	unsigned refused = is_dropped ? SW_VERDICT_DROP_LANE : SW_VERDICT_OVER_LANE;
	run->reading.verdicts[sample->verdict] += let;
	run->reading.verdicts[refused] += all - let;
	run->reading.reply_bytes +=
		(uint64_t)((double)let * run->reply_bytes) + (is_dropped ? 0 : 40 * (all - let));
	if (orders->is_watching) {
		run->reading.lanes.offered[lane] += all;
		run->reading.lanes.refused[lane] += all - let;
	}
	if (below(run, 1000) >= (uint32_t)(1000 * share)) {
		sample->verdict = (uint8_t)refused;
		sample->facts = askers->exists ? SW_FACT_EXISTS : 0;
	}
}

static void askers_ask(struct run *run, const struct askers *askers)
{
	double questions = askers->qps / 10;
	unsigned samples = questions < SAMPLES_MAX ? (unsigned)questions : SAMPLES_MAX;
	for (unsigned i = 0; i < samples; i++) {
		struct sw_sample sample = question_make(run, askers);
		sample.weight = (uint32_t)(questions / samples);
		questions_count(run, askers, &sample, questions / samples);
		sw_controller_sample(run->controller, &sample);
		if (run->sample)
			run->sample(run->arg, &sample);
	}
}

void run_tick(struct run *run, const struct askers *askers, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		askers_ask(run, &askers[i]);
	run->reading.time_ms += SW_CAPACITY_TICK_MS;
	run->reading.busy = run->busy;
	run->reading.verdicts[SW_VERDICT_PUNT_COST] += (uint64_t)(run->punts_qps / 10);
	sw_controller_turn(run->controller, &run->reading);
	if (run->turn)
		run->turn(run->arg, &run->reading);
}

bool run_refuses(const struct run *run)
{
	const struct sw_orders *orders = &run->orders;
	bool refuses = false;
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
		refuses |= orders->policy.admit[lane] != SW_ADMIT_ALL;
	for (unsigned i = 0; i < SW_ZONE_SHARES; i++)
		refuses |= orders->missing_refuse[i] != 0;
	return refuses && orders->is_watching & SW_WATCHING_CAPACITY;
}
