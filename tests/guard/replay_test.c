/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A recording fed to the controller again: the same events, orders, signatures, turn by turn. */
#include "answer/traits.h"
#include "guard/replay.h"
#include "run.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TURNS 400

static const struct sw_controller_settings settings = {
	.limits = {.busy = 0.97, .egress_bps = 900e6}, .network_qps = 1000, .seed = 99};

static const struct askers resolvers = {{192, 0, 2}, 200, 2000, 300, true, 9,
				   SW_FEATURE_PUT(EDNS, 1) | SW_FEATURE_PUT(SIZE, 2)},
			   bots = {{10, 0, 0}, 10000, 2500000, 0, false, 11,
				   SW_FEATURE_PUT(RD, 1) | SW_FEATURE_PUT(FIRST, 8)};

struct made {
	struct sw_event event[RUN_TELL_MAX];
	struct sw_orders orders[TURNS];
	unsigned events, turns, networks;
};

static struct sw_replay_writer *recording;
static struct made live, again;

static void sample_record(void *arg, const struct sw_sample *sample)
{
	(void)arg;
	assert_int_equal(sw_replay_write_sample(recording, sample), 0);
}

static void turn_keep(void *arg, const struct sw_controller *controller, const struct sw_reading *reading)
{
	struct made *made = arg;
	(void)reading;
	assert_true(made->turns < TURNS);
	made->orders[made->turns++] = *controller->orders;
}

static void event_keep(void *arg, const struct sw_event *event)
{
	struct made *made = arg;
	made->event[made->events++ % RUN_TELL_MAX] = *event;
}

static int network_keep(void *arg, const struct sw_prefix *prefix, uint32_t admit)
{
	struct made *made = arg;
	(void)prefix;
	(void)admit;
	made->networks++;
	return 0;
}

/** Peace, a wave, and the calm after it. @param known  to begin with, or NULL */
static void record(const char *path, const char *known)
{
	const struct askers wave[] = {resolvers, bots};
	struct run *run = run_new(&settings);
	memset(&live, 0, sizeof(live));
	if (known)
		assert_int_equal(sw_sense_load(run->controller->sense, known), 0);
	assert_int_equal(sw_recording_start(&recording, path, &settings, known), 0);
	run->sample = sample_record;
	for (unsigned i = 0; i < TURNS; i++) {
		bool is_wave = i >= 200 && i < 320;
		uint64_t window_ms = run->controller->window_ms;
		run->busy = is_wave ? 1 : 0.1;
		run_tick(run, wave, is_wave ? 2 : 1);
		assert_int_equal(
			sw_recording_turn(recording, &run->reading, run->controller->window_ms != window_ms),
			0);
		turn_keep(&live, run->controller, &run->reading);
	}
	assert_int_equal(sw_replay_close(recording), 0);
	memcpy(live.event, run->event, sizeof(live.event));
	live.events = run->events;
	live.networks = run->limited + run->released;
	run_free(run);
}

static void assert_same(const char *path)
{
	const struct sw_listener listener = {.arg = &again, .event = event_keep, .network = network_keep};
	uint64_t offset = 77;
	memset(&again, 0, sizeof(again));
	assert_int_equal(sw_guard_replay(path, &listener, turn_keep, &again, &offset), 0);
	assert_int_equal(again.events, live.events);
	assert_memory_equal(again.event, live.event, live.events * sizeof(live.event[0]));
	assert_int_equal(again.turns, live.turns);
	for (unsigned i = 0; i < TURNS; i++)
		assert_memory_equal(&again.orders[i], &live.orders[i], sizeof(live.orders[i]));
	assert_int_equal(again.networks, live.networks);
}

/** Something was decided that could have been decided otherwise. */
static void assert_eventful(void)
{
	const struct sw_orders *orders = &live.orders[310];
	bool is_signed = false;
	for (unsigned i = 0; i < SW_SIGNATURES_MAX; i++)
		is_signed |= orders->signature[i].mask != 0;
	assert_true(live.events >= 3);
	assert_true(is_signed);
	assert_true(orders->is_watching & SW_WATCHING_CAPACITY);
	assert_int_equal(live.orders[190].is_watching, 0);
}

static void test_a_recording_decides_the_same(void **state)
{
	char path[] = "/tmp/seawall-replay-XXXXXX";
	(void)state;
	close(mkstemp(path));
	record(path, NULL);
	assert_eventful();
	assert_same(path);
	unlink(path);
}

static void test_with_what_was_known_before(void **state)
{
	char path[] = "/tmp/seawall-replay-XXXXXX", known[] = "/tmp/seawall-known-XXXXXX";
	struct run *run = run_new(&settings);
	(void)state;
	close(mkstemp(path));
	close(mkstemp(known));
	for (unsigned i = 0; i < 300; i++)
		run_tick(run, &resolvers, 1);
	assert_int_equal(sw_sense_save(run->controller->sense, known), 0);
	run_free(run);
	record(path, known);
	unlink(known);
	assert_eventful();
	assert_same(path);
	unlink(path);
}

/* One of sense alone, one that is cut off, and none at all. */
static void test_what_is_no_recording_is_refused(void **state)
{
	char path[] = "/tmp/seawall-replay-XXXXXX";
	const struct sw_listener listener = {.arg = &again, .event = event_keep, .network = network_keep};
	uint64_t offset;
	(void)state;
	close(mkstemp(path));
	assert_int_equal(sw_guard_replay(path, &listener, NULL, NULL, &offset), -EBADMSG);
	assert_int_equal(sw_replay_create(&recording, path), 0);
	assert_int_equal(sw_replay_close(recording), 0);
	assert_int_equal(sw_guard_replay(path, &listener, NULL, NULL, &offset), -EBADMSG);
	record(path, NULL);
	assert_int_equal(truncate(path, 100000), 0);
	memset(&again, 0, sizeof(again));
	assert_int_equal(sw_guard_replay(path, &listener, NULL, NULL, &offset), -EBADMSG);
	assert_in_range(offset, 99000, 100000);
	unlink(path);
	assert_int_equal(sw_guard_replay(path, &listener, NULL, NULL, &offset), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_recording_decides_the_same),
		cmocka_unit_test(test_with_what_was_known_before),
		cmocka_unit_test(test_what_is_no_recording_is_refused),
	};
	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
