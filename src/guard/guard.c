/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/guard.h"
#include "guard/controller.h"
#include "guard/cores.h"
#include "guard/incident.h"
#include "guard/replay.h"
#include "guard/resume.h"
#include "guard/tell.h"
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
#define ALIVE_EVERY_MS 1000

struct sw_guard {
	struct sw_guard_settings settings;
	struct sw_guarded guarded;
	struct sw_controller *controller;
	struct sw_cores cores;
	struct sw_incidents *incidents;
	struct sw_resume resume;
	struct sw_replay_writer *recording;
	char known_path[PATH_MAX_BYTES];
	uint64_t saved_ms, alive_ms;
	pthread_t thread;
	pthread_mutex_t lock; /* controller and incidents: the thread's, and whoever asks */
	bool is_running, was_started, is_stopping;
	bool has_complained; /* that incidents cannot be written */
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* ---- what sense tells ---- */

/** From CLOCK_MONOTONIC to the time since 1970, as things are now. */
static int64_t since_1970_ms(void)
{
	return (int64_t)((clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC)) / 1000000);
}

static void told_take(void *arg, const struct sw_told *told)
{
	struct sw_guard *guard = arg;
	const struct sw_event *event = &told->event;
	char zone[SW_ZONE_TEXT_MAX], text[512];
	bool has_zone =
		event->zone && guard->guarded.zone_name(guard->guarded.arg, event->zone, zone, sizeof(zone));
	int err = sw_incidents_add(guard->incidents, told, has_zone ? zone : NULL);
	if (err != 0 && !guard->has_complained) {
		guard->has_complained = true;
		snprintf(text, sizeof(text), "guard: cannot write incidents: %s", strerror(-err));
		guard->guarded.log(text);
	}
	sw_told_text(told, has_zone ? zone : NULL, text, sizeof(text));
	guard->guarded.log(text);
}

static void event_take(void *arg, const struct sw_event *event)
{
	struct sw_guard *guard = arg;
	int64_t offset_ms = since_1970_ms();
	const struct sw_told told = {.event = *event,
		.wall_ms = offset_ms + (int64_t)event->time_ms,
		.wall_noticed_ms = offset_ms + (int64_t)event->noticed_ms};
	sw_resume_take(&guard->resume, &told, told_take, guard);
}

static void known_take(void *arg, const uint8_t address[16], uint8_t address_len, uint8_t hops, bool is_known)
{
	struct sw_guard *guard = arg;
	(void)address_len;
	guard->guarded.known(guard->guarded.arg, address, hops, is_known);
}

static int network_take(void *arg, const struct sw_prefix *prefix, uint32_t admit)
{
	struct sw_guard *guard = arg;
	return guard->guarded.network(guard->guarded.arg, prefix, admit);
}

/* ---- a turn ---- */

static void sample_take(void *arg, const struct sw_sample *sample)
{
	struct sw_guard *guard = arg;
	sw_controller_sample(guard->controller, sample);
	if (guard->recording)
		sw_replay_write_sample(guard->recording, sample);
}

/** @return 0 or -errno */
static int reading_take(struct sw_guard *guard, struct sw_reading *reading)
{
	const struct sw_guarded *guarded = &guard->guarded;
	struct sw_node_counts counts = {.reply_bytes = 0};
	int err = guarded->counts(guarded->arg, &counts);
	if (err == 0)
		err = guarded->lanes(guarded->arg, &reading->lanes);
	if (err != 0)
		return err;
	reading->time_ms = clock_ns(CLOCK_MONOTONIC) / 1000000;
	reading->reply_bytes = counts.reply_bytes;
	memcpy(reading->verdicts, counts.verdicts, sizeof(reading->verdicts));
	reading->busy = sw_cores_busy(&guard->cores, counts.by_core, &reading->handling);
	return 0;
}

static void turn(struct sw_guard *guard)
{
	const struct sw_guarded *guarded = &guard->guarded;
	struct sw_reading reading;
	guarded->samples(guarded->arg, sample_take, guard);
	if (reading_take(guard, &reading) != 0)
		return; /* the orders grow old, and everybody is admitted */
	bool is_window = sw_controller_turn(guard->controller, &reading);
	if (guard->recording)
		sw_recording_turn(guard->recording, &reading, is_window);
	__atomic_store_n(&guarded->orders->alive_ns, clock_ns(CLOCK_MONOTONIC), __ATOMIC_RELEASE);
	if (reading.time_ms - guard->alive_ms >= ALIVE_EVERY_MS) {
		guard->alive_ms = reading.time_ms;
		sw_resume_turn(&guard->resume, (int64_t)reading.time_ms,
			since_1970_ms() + (int64_t)reading.time_ms, told_take, guard);
		sw_incidents_alive(guard->incidents);
	}
	/* not in an attack: nothing is learnt then, and a disk that is slow must not make the orders old */
	if (guard->known_path[0] && !guard->controller->is_attack &&
		reading.time_ms - guard->saved_ms >= SAVE_EVERY_MS) {
		guard->saved_ms = reading.time_ms;
		sw_sense_save(guard->controller->sense, guard->known_path);
	}
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
	return 0;
}

/** @return whether there was something */
static bool known_load(struct sw_guard *guard)
{
	char text[PATH_MAX_BYTES + 128];
	struct sw_sense *sense = guard->controller->sense;
	int err = guard->known_path[0] ? sw_sense_load(sense, guard->known_path) : -ENOENT;
	if (err == 0)
		snprintf(text, sizeof(text), "guard: %u resolvers known from before",
			sw_sense_known_count(sense));
	else
		snprintf(text, sizeof(text), "guard: cannot use %s (%s): learning anew", guard->known_path,
			strerror(-err));
	if (err != -ENOENT)
		guard->guarded.log(text);
	if (err != 0 && err != -ENOENT) { /* kept for whoever wants to know what is wrong with it */
		snprintf(text, sizeof(text), "%s.unread", guard->known_path);
		rename(guard->known_path, text);
	}
	return err == 0;
}

/** An incident that lasted when the node was there last goes on. */
static void incident_resume(struct sw_guard *guard, bool knows_peace)
{
	struct sw_incident_open open;
	int64_t now_ms = (int64_t)(clock_ns(CLOCK_REALTIME) / 1000000);
	char text[160];
	int err = sw_incidents_resume(guard->incidents, now_ms, SW_RESUME_WITHIN_MS, &open);
	sw_resume_start(&guard->resume, &open, sw_incidents_last(guard->incidents),
		sw_incidents_last_wave(guard->incidents),
		(int64_t)(clock_ns(CLOCK_MONOTONIC) / 1000000) +
			(knows_peace ? SW_RESUME_WAIT_MS : SW_RESUME_LEARN_MS));
	if (open.number) {
		snprintf(text, sizeof(text),
			"incident %u: goes on, or ended while nobody looked: away for %.1f s", open.number,
			(double)(now_ms - open.last_ms) / 1000);
		guard->guarded.log(text);
	}
	if (err != 0) {
		snprintf(text, sizeof(text), "guard: cannot write incidents: %s", strerror(-err));
		guard->guarded.log(text);
	}
}

static int controller_open(struct sw_guard *guard, struct sw_controller_settings *its)
{
	const struct sw_guard_settings *settings = &guard->settings;
	const struct sw_listener listener = {
		.arg = guard, .event = event_take, .known = known_take, .network = network_take};
	*its = (struct sw_controller_settings){
		.limits = settings->limits, .network_qps = settings->network_qps};
	if (getrandom(&its->seed, sizeof(its->seed), 0) != sizeof(its->seed))
		return -EIO;
	return sw_controller_new(&guard->controller, its, &listener, guard->guarded.orders);
}

/** That of the start before: the end of it may be why there is another start. */
static void recording_keep(const char *path)
{
	char kept[PATH_MAX_BYTES];
	if (snprintf(kept, sizeof(kept), "%s.1", path) < (int)sizeof(kept))
		rename(path, kept);
}

int sw_guard_new(struct sw_guard **out, const struct sw_guard_settings *settings,
	const struct sw_guarded *guarded, char *why)
{
	struct sw_guard *guard = calloc(1, sizeof(*guard));
	struct sw_controller_settings its;
	snprintf(why, SW_GUARD_WHY_MAX, "out of memory");
	if (!guard)
		return -ENOMEM;
	guard->settings = *settings;
	guard->guarded = *guarded;
	pthread_mutex_init(&guard->lock, NULL);
	int err = controller_open(guard, &its);
	if (err == 0)
		err = state_open(guard, why);
	bool knows_peace = err == 0 && known_load(guard);
	if (err == 0 && settings->recording) {
		recording_keep(settings->recording);
		err = sw_recording_start(
			&guard->recording, settings->recording, &its, knows_peace ? guard->known_path : NULL);
		snprintf(why, SW_GUARD_WHY_MAX, "cannot write %s: %s", settings->recording, strerror(-err));
	}
	if (err != 0) {
		sw_guard_free(guard);
		return err;
	}
	incident_resume(guard, knows_peace);
	guard->guarded.orders->is_observing = settings->is_observing;
	*out = guard;
	return 0;
}

int sw_guard_start(struct sw_guard *guard)
{
	int err = pthread_create(&guard->thread, NULL, run, guard);
	guard->is_running = guard->was_started = err == 0;
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
	/* of one that did not come to run nothing is worth keeping, least of all in the place of what there
	 * is */
	if (guard->was_started && guard->known_path[0])
		sw_sense_save(guard->controller->sense, guard->known_path);
	sw_replay_close(guard->recording);
	sw_controller_free(guard->controller);
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
	const struct sw_controller *controller = guard->controller;
	const struct sw_telling telling = {.guarded = &guard->guarded,
		.sense = controller->sense,
		.capacity = &controller->capacity,
		.measure = &controller->measure,
		.learner = &controller->learner};
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
