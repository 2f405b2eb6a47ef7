/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/guard.h"
#include "guard/incident.h"
#include "guard/learn.h"
#include "guard/measure.h"
#include "guard/policy.h"
#include "guard/tell.h"
#include "sense/replay.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_MAX_BYTES 512
#define SAVE_EVERY_MS 60000
#define SAMPLES_PPS 20000 /* as many as sense can take in without noticing it */

struct sw_guard {
	struct sw_guard_settings settings;
	struct sw_guarded guarded;
	struct sw_sense *sense;
	struct sw_incidents *incidents;
	struct sw_capacity capacity;
	struct sw_measure measure;
	struct sw_networks networks;
	struct sw_learner learner;
	struct sw_replay_writer *recording;
	char known_path[PATH_MAX_BYTES];
	uint32_t incident_base; /* incidents of earlier starts */
	uint64_t window_ms, saved_ms, second_ms;
	pthread_t thread;
	pthread_mutex_t lock; /* sense and incidents: the thread's, and whoever asks */
	bool is_running, is_stopping;
	bool is_attack; /* something is on that is not peace */
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* ---- what sense tells ---- */

static void event_take(void *arg, const struct sw_event *told)
{
	struct sw_guard *guard = arg;
	struct sw_event event = *told;
	char zone[SW_ZONE_TEXT_MAX], text[512];
	int64_t since_1970_ms = (int64_t)((clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC)) / 1000000);
	event.incident += guard->incident_base;
	bool has_zone =
		event.zone && guard->guarded.zone_name(guard->guarded.arg, event.zone, zone, sizeof(zone));
	sw_incidents_add(guard->incidents, &event, since_1970_ms + (int64_t)event.time_ms,
		since_1970_ms + (int64_t)event.noticed_ms, has_zone ? zone : NULL);
	sw_event_text(&event, has_zone ? zone : NULL, text, sizeof(text));
	guard->guarded.log(text);
}

static void known_take(void *arg, const uint8_t address[16], uint8_t address_len, uint8_t hops, bool is_known)
{
	struct sw_guard *guard = arg;
	(void)address_len;
	guard->guarded.known(guard->guarded.arg, address, hops, is_known);
}

/** Whom a signature must not hurt, and whom it may be learnt from. */
static void learn(struct sw_guard *guard, const struct sw_sample *sample)
{
	uint8_t hops;
	if (sample->features == 0)
		return;
	if (!sw_sense_knows(guard->sense, sample->source, sample->address_len, &hops)) {
		if (guard->is_attack)
			sw_learner_see(&guard->learner, sample->features, false);
	} else if (sw_hops_fit(sample->ttl, hops)) {
		sw_learner_see(&guard->learner, sample->features, true);
	}
}

static void sample_take(void *arg, const struct sw_sample *sample)
{
	struct sw_guard *guard = arg;
	learn(guard, sample);
	sw_measure_sample(&guard->measure, sample);
	sw_sense_sample(guard->sense, sample);
	if (guard->recording)
		sw_replay_write_sample(guard->recording, sample);
}

/* ---- a turn ---- */

/** A verdict that is rare is sampled whole, a frequent one to its share of what can be taken in. */
static void sampling_order(struct sw_guard *guard)
{
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++) {
		double every = guard->measure.verdict_pps[verdict] * SW_VERDICTS_AT_ONCE / SAMPLES_PPS;
		uint32_t order = verdict == SW_VERDICT_PASS_OTHER || verdict == SW_VERDICT_TCP_PASS ? 0
				 : every < 1							    ? 1
					     : (uint32_t)(every + 1);
		__atomic_store_n(&guard->guarded.orders->sample_every[verdict], order, __ATOMIC_RELAXED);
	}
}

static void sense_turn(struct sw_guard *guard, uint64_t time_ms, const struct sw_node_counts *counts)
{
	struct sw_tick tick = {.time_ms = time_ms};
	memcpy(tick.counts, counts->verdicts, sizeof(tick.counts));
	guard->window_ms = time_ms;
	sw_sense_tick(guard->sense, &tick);
	if (guard->recording)
		sw_replay_write_tick(guard->recording, &tick);
	if (guard->known_path[0] && time_ms - guard->saved_ms >= SAVE_EVERY_MS) {
		guard->saved_ms = time_ms;
		sw_sense_save(guard->sense, guard->known_path);
	}
}

/** A reader must never see the mask of one with the value of another. */
static void signatures_order(struct sw_orders *orders, const struct sw_signature active[SW_SIGNATURES_MAX])
{
	for (unsigned i = 0; i < SW_SIGNATURES_MAX; i++) {
		struct sw_signature *signature = &orders->signature[i];
		if (signature->mask == active[i].mask && signature->value == active[i].value)
			continue;
		__atomic_store_n(&signature->mask, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&signature->value, active[i].value, __ATOMIC_RELEASE);
		__atomic_store_n(&signature->mask, active[i].mask, __ATOMIC_RELEASE);
	}
}

static void second_turn(struct sw_guard *guard, uint64_t time_ms)
{
	struct sw_orders *orders = guard->guarded.orders;
	struct sw_signature active[SW_SIGNATURES_MAX];
	struct sw_sense_state state;
	guard->second_ms = time_ms;
	sw_sense_state(guard->sense, &state);
	guard->is_attack = !state.is_peace;
	sw_learner_turn(&guard->learner, guard->is_attack, active);
	signatures_order(orders, active);
	if (sw_networks_turn(&guard->networks, guard->sense, guard->guarded.network, guard->guarded.arg) > 0)
		orders->is_watching |= SW_WATCHING_NETWORKS;
	else
		orders->is_watching &= ~(uint32_t)SW_WATCHING_NETWORKS;
}

static void turn(struct sw_guard *guard)
{
	const struct sw_guarded *guarded = &guard->guarded;
	uint64_t time_ms = clock_ns(CLOCK_MONOTONIC) / 1000000;
	struct sw_node_counts counts = {.reply_bytes = 0};
	struct sw_lane_totals lanes;
	struct sw_capacity_load load;
	guarded->samples(guarded->arg, sample_take, guard);
	if (guarded->counts(guarded->arg, &counts) != 0 || guarded->lanes(guarded->arg, &lanes) != 0)
		return; /* the orders grow old, and everybody is admitted */
	sw_measure_turn(&guard->measure, time_ms, &counts, &lanes, &load);
	sw_capacity_tick(&guard->capacity, &load, guarded->orders);
	sampling_order(guard);
	__atomic_store_n(&guarded->orders->alive_ns, clock_ns(CLOCK_MONOTONIC), __ATOMIC_RELEASE);
	if (time_ms - guard->window_ms >= SW_SENSE_WINDOW_MS)
		sense_turn(guard, time_ms, &counts);
	if (time_ms - guard->second_ms >= 1000)
		second_turn(guard, time_ms);
}

static void *run(void *arg)
{
	struct sw_guard *guard = arg;
	struct timespec next;
	clock_gettime(CLOCK_MONOTONIC, &next);
	while (!__atomic_load_n(&guard->is_stopping, __ATOMIC_ACQUIRE)) {
		pthread_mutex_lock(&guard->lock);
		turn(guard);
		pthread_mutex_unlock(&guard->lock);
		next.tv_nsec += SW_CAPACITY_TICK_MS * 1000000;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	return NULL;
}

/* ---- opening, closing ---- */

static int state_open(struct sw_guard *guard, char *why)
{
	const char *state = guard->settings.state;
	char path[PATH_MAX_BYTES + 32], text[PATH_MAX_BYTES + 128];
	unsigned unread;
	int err;
	if (!state)
		return sw_incidents_open(&guard->incidents, NULL, &unread);
	if (mkdir(state, 0750) != 0 && errno != EEXIST) {
		err = -errno;
		snprintf(why, SW_GUARD_WHY_MAX, "cannot make %s: %s", state, strerror(-err));
		return err;
	}
	snprintf(guard->known_path, sizeof(guard->known_path), "%s/known", state);
	snprintf(path, sizeof(path), "%s/incidents.jsonl", state);
	err = sw_incidents_open(&guard->incidents, path, &unread);
	if (err != 0) {
		snprintf(why, SW_GUARD_WHY_MAX, "cannot open %s: %s", path, strerror(-err));
		return err;
	}
	if (unread > 0) {
		snprintf(text, sizeof(text), "guard: %s: %u lines are no events and were passed over", path,
			unread);
		guard->guarded.log(text);
	}
	guard->incident_base = sw_incidents_last(guard->incidents);
	return 0;
}

static void known_load(struct sw_guard *guard)
{
	char text[PATH_MAX_BYTES + 128];
	int err = guard->known_path[0] ? sw_sense_load(guard->sense, guard->known_path) : -ENOENT;
	if (err == 0)
		snprintf(text, sizeof(text), "guard: %u resolvers known from before",
			sw_sense_known_count(guard->sense));
	else
		snprintf(text, sizeof(text), "guard: cannot use %s (%s): learning anew", guard->known_path,
			strerror(-err));
	if (err != -ENOENT)
		guard->guarded.log(text);
}

int sw_guard_new(struct sw_guard **out, const struct sw_guard_settings *settings,
	const struct sw_guarded *guarded, char *why)
{
	struct sw_guard *guard = calloc(1, sizeof(*guard));
	uint64_t seed;
	snprintf(why, SW_GUARD_WHY_MAX, "out of memory");
	if (!guard)
		return -ENOMEM;
	guard->settings = *settings;
	guard->guarded = *guarded;
	pthread_mutex_init(&guard->lock, NULL);
	int err = getrandom(&seed, sizeof(seed), 0) == sizeof(seed) ? 0 : -EIO;
	if (err == 0)
		err = sw_sense_new(&guard->sense, seed, event_take, known_take, guard);
	if (err == 0)
		err = state_open(guard, why);
	if (err == 0 && settings->recording)
		err = sw_replay_create(&guard->recording, settings->recording);
	if (err != 0) {
		sw_guard_free(guard);
		return err;
	}
	known_load(guard);
	sw_capacity_start(&guard->capacity, &settings->limits);
	guard->networks.allowance_qps = settings->network_qps;
	sw_measure_start(&guard->measure);
	sw_policy_default(&guard->guarded.orders->policy);
	guard->guarded.orders->is_observing = settings->is_observing;
	*out = guard;
	return 0;
}

int sw_guard_start(struct sw_guard *guard)
{
	int err = pthread_create(&guard->thread, NULL, run, guard);
	guard->is_running = err == 0;
	return -err;
}

void sw_guard_free(struct sw_guard *guard)
{
	if (!guard)
		return;
	if (guard->is_running) {
		__atomic_store_n(&guard->is_stopping, true, __ATOMIC_RELEASE);
		pthread_join(guard->thread, NULL);
		guard->guarded.orders->is_watching = 0;
	}
	if (guard->sense && guard->known_path[0])
		sw_sense_save(guard->sense, guard->known_path);
	sw_replay_close(guard->recording);
	sw_sense_free(guard->sense);
	sw_incidents_close(guard->incidents);
	pthread_mutex_destroy(&guard->lock);
	free(guard);
}

/* ---- commands ---- */

static json_t *mode_set(struct sw_guard *guard, bool is_observing)
{
	guard->settings.is_observing = is_observing;
	__atomic_store_n(&guard->guarded.orders->is_observing, is_observing, __ATOMIC_RELEASE);
	guard->guarded.log(
		is_observing ? "guard: observing: decides and counts, refuses nothing" : "guard: enforcing");
	return json_pack("{s:b, s:s}", "ok", 1, "mode", is_observing ? "observe" : "enforce");
}

static json_t *command_run(struct sw_guard *guard, const char *command, const json_t *request)
{
	const struct sw_telling telling = {.guarded = &guard->guarded,
		.sense = guard->sense,
		.capacity = &guard->capacity,
		.measure = &guard->measure,
		.learner = &guard->learner};
	if (strcmp(command, "guard-status") == 0)
		return sw_tell_status(&telling);
	if (strcmp(command, "guard-lanes") == 0)
		return sw_tell_lanes(&telling);
	if (strcmp(command, "guard-explain") == 0)
		return sw_tell_explain(&telling, request);
	if (strcmp(command, "guard-observe") == 0)
		return mode_set(guard, true);
	if (strcmp(command, "guard-enforce") == 0)
		return mode_set(guard, false);
	if (strcmp(command, "incident-list") == 0)
		return json_pack("{s:o}", "incidents", sw_incidents_list(guard->incidents));
	if (strcmp(command, "incident-show") != 0)
		return NULL;
	json_t *shown = sw_incident_show(
		guard->incidents, (uint32_t)json_integer_value(json_object_get(request, "incident")));
	return shown ? shown : json_pack("{s:b, s:s}", "ok", 0, "error", "there is no such incident");
}

json_t *sw_guard_command(struct sw_guard *guard, const char *command, const json_t *request)
{
	pthread_mutex_lock(&guard->lock);
	json_t *reply = command_run(guard, command, request);
	pthread_mutex_unlock(&guard->lock);
	return reply;
}
