/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rates into events: when something begins, when it ends, what is learnt. */
#include "sense/detector.h"
#include "support.h"

#define LOAD 2000.0
#define WINDOW SW_SENSE_WINDOW_MS

struct stage {
	struct sw_detector detector;
	struct heard heard;
	struct sw_scene scene;
	unsigned window_ms;
};

static struct stage *stage_new(void)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	stage->window_ms = WINDOW;
	stage->scene = (struct sw_scene){
		.to_ms = 100000, .load = LOAD, .exists = 0.9 * LOAD, .exists_known = 0.9 * LOAD};
	return stage;
}

/** Windows that are all the same. */
static void run(struct stage *stage, unsigned windows)
{
	for (; windows > 0; windows--) {
		stage->scene.from_ms = stage->scene.to_ms;
		stage->scene.to_ms += stage->window_ms;
		sw_detector_turn(&stage->detector, &stage->scene, hear, &stage->heard);
	}
}

static struct stage *stage_in_peace(void)
{
	struct stage *stage = stage_new();
	run(stage, 240);
	assert_true(stage->detector.knows_enough);
	assert_int_equal(stage->heard.count, 0);
	return stage;
}

static const struct sw_event *event_of(
	const struct stage *stage, enum sw_event_type type, enum sw_vector vector)
{
	for (unsigned i = 0; i < stage->heard.count; i++) {
		const struct sw_event *event = &stage->heard.event[i];
		if (event->type == type && (event->vector == vector || event->vector >= SW_VECTOR_COUNT))
			return event;
	}
	return NULL;
}

static double threshold(const struct stage *stage, enum sw_vector vector, const char *because)
{
	struct sw_threshold its = sw_detector_threshold(&stage->detector, vector);
	assert_non_null(strstr(its.because, because));
	return its.on_pps;
}

/** Two windows on, back-dated to the first; off after three seconds, back-dated to the last. */
static void test_on_off(void **state)
{
	(void)state;
	struct stage *stage = stage_in_peace();
	uint64_t begin_ms = stage->scene.to_ms;
	stage->scene.rate[SW_VECTOR_GRE] = 5000;
	run(stage, 1);
	assert_int_equal(stage->heard.count, 0);
	run(stage, 1);
	const struct sw_event *event = event_of(stage, SW_EVENT_ONSET, SW_VECTOR_GRE);
	assert_non_null(event);
	assert_int_equal(event->time_ms, begin_ms);
	assert_int_equal(event->noticed_ms, begin_ms + 2 * WINDOW);
	assert_int_equal(event->incident, 1);
	assert_int_equal(event->wave, 0);
	run(stage, 6);
	uint64_t end_ms = stage->scene.to_ms;
	stage->scene.rate[SW_VECTOR_GRE] = 0;
	run(stage, 11);
	assert_null(event_of(stage, SW_EVENT_VECTOR_ENDED, SW_VECTOR_GRE));
	run(stage, 1);
	event = event_of(stage, SW_EVENT_VECTOR_ENDED, SW_VECTOR_GRE);
	assert_int_equal(event->time_ms, end_ms);
	assert_int_equal(event->noticed_ms, end_ms + 3000);
	assert_true(event->rate_pps == 5000);
	event = event_of(stage, SW_EVENT_OVER, SW_VECTOR_COUNT);
	assert_int_equal(event->time_ms, end_ms);
	assert_int_equal(stage->heard.count, 3);
	free(stage);
}

/** One window alone is nothing; short pulses are, when they come back. */
static void test_pulses(void **state)
{
	(void)state;
	struct stage *stage = stage_in_peace();
	for (int i = 0; i < 2; i++) {
		stage->scene.rate[SW_VECTOR_ACK] = 5000;
		run(stage, 1);
		stage->scene.rate[SW_VECTOR_ACK] = 0;
		run(stage, 7);
	}
	assert_int_equal(stage->heard.count, 0);
	uint64_t begin_ms = stage->scene.to_ms;
	for (int i = 0; i < 5; i++) {
		stage->scene.rate[SW_VECTOR_ACK] = 5000;
		run(stage, 1);
		stage->scene.rate[SW_VECTOR_ACK] = 0;
		run(stage, 2);
	}
	assert_int_equal(stage->heard.count, 1);
	assert_int_equal(stage->heard.event[0].time_ms, begin_ms);
	free(stage);
}

/** A rate that wavers around the threshold is one vector, not many. */
static void test_wavering(void **state)
{
	(void)state;
	struct stage *stage = stage_in_peace();
	double at = threshold(stage, SW_VECTOR_JUNK, "share");
	for (unsigned i = 0; i < 400; i++) {
		stage->scene.rate[SW_VECTOR_JUNK] = at * (0.6 + 0.8 * (double)(random_of(i) % 1000) / 1000);
		run(stage, 1);
	}
	assert_int_equal(stage->heard.count, 1);
	free(stage);
}

/** Several vectors, one incident; over when the last has ended, when that was. */
static void test_incident(void **state)
{
	(void)state;
	struct stage *stage = stage_in_peace();
	stage->scene.rate[SW_VECTOR_GRE] = stage->scene.rate[SW_VECTOR_SYN] = 3000;
	run(stage, 8);
	stage->scene.rate[SW_VECTOR_SCAN] = 300;
	run(stage, 8);
	stage->scene.rate[SW_VECTOR_GRE] = 0;
	run(stage, 20);
	stage->scene.rate[SW_VECTOR_SYN] = stage->scene.rate[SW_VECTOR_SCAN] = 0;
	uint64_t end_ms = stage->scene.to_ms;
	run(stage, 20);
	static const enum sw_event_type expected[] = {SW_EVENT_ONSET, SW_EVENT_VECTOR_ADDED,
		SW_EVENT_VECTOR_ADDED, SW_EVENT_VECTOR_ENDED, SW_EVENT_VECTOR_ENDED, SW_EVENT_VECTOR_ENDED,
		SW_EVENT_OVER};
	assert_int_equal(stage->heard.count, 7);
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(stage->heard.event[i].type, expected[i]);
		assert_int_equal(stage->heard.event[i].incident, 1);
	}
	assert_int_equal(stage->heard.event[6].time_ms, end_ms);
	stage->scene.rate[SW_VECTOR_GRE] = 3000;
	run(stage, 2);
	assert_int_equal(stage->heard.event[7].type, SW_EVENT_ONSET);
	assert_int_equal(stage->heard.event[7].incident, 2);
	free(stage);
}

static void burst(struct stage *stage, double times, unsigned windows, unsigned pause)
{
	stage->scene.rate[SW_VECTOR_SYN] = times * LOAD;
	run(stage, windows);
	stage->scene.rate[SW_VECTOR_SYN] = 0;
	run(stage, pause);
}

/** Waves are what exceeds ten times the usual load; pauses of less than six seconds are part of one. */
static void test_waves(void **state)
{
	(void)state;
	struct stage *stage = stage_in_peace();
	burst(stage, 5, 40, 60);
	assert_int_equal(stage->detector.waves, 0);
	burst(stage, 30, 40, 23);
	burst(stage, 30, 40, 40);
	assert_int_equal(stage->detector.waves, 1);
	burst(stage, 30, 40, 0);
	burst(stage, 4, 40, 0); /* a tail, then again */
	burst(stage, 30, 40, 40);
	assert_int_equal(stage->detector.waves, 3);
	const struct sw_event *wave = event_of(stage, SW_EVENT_WAVE, SW_VECTOR_COUNT);
	const struct sw_event *over = event_of(stage, SW_EVENT_WAVE_OVER, SW_VECTOR_COUNT);
	assert_int_equal(wave->wave, 1);
	assert_int_equal(over->wave, 1);
	assert_int_equal(over->time_ms - wave->time_ms, 103 * WINDOW);
	free(stage);
}

/** A rate that rises slowly is a vector from early on, and a wave from where it exceeds ten times the load.
 */
static void test_slow_rise(void **state)
{
	(void)state;
	struct stage *stage = stage_in_peace();
	uint64_t begin_ms = stage->scene.to_ms;
	for (unsigned i = 0; i < 400; i++) {
		stage->scene.rate[SW_VECTOR_SYN] = 0.05 * i * LOAD;
		run(stage, 1);
	}
	const struct sw_event *onset = event_of(stage, SW_EVENT_ONSET, SW_VECTOR_SYN);
	const struct sw_event *wave = event_of(stage, SW_EVENT_WAVE, SW_VECTOR_COUNT);
	assert_in_range(onset->time_ms, begin_ms + 3 * WINDOW, begin_ms + 6 * WINDOW);
	assert_in_range(wave->time_ms, begin_ms + 195 * WINDOW, begin_ms + 225 * WINDOW);
	assert_int_equal(wave->noticed_ms - wave->time_ms, 2 * WINDOW);
	free(stage);
}

/** A crowd is no wave, however large. */
static void test_crowd_is_no_wave(void **state)
{
	(void)state;
	struct stage *stage = stage_in_peace();
	stage->scene.rate[SW_VECTOR_FLASH_CROWD] = 30 * LOAD;
	run(stage, 40);
	assert_int_equal(stage->detector.waves, 0);
	assert_int_equal(stage->heard.count, 1);
	free(stage);
}

static void test_thresholds(void **state)
{
	(void)state;
	struct stage *stage = stage_in_peace();
	threshold(stage, SW_VECTOR_SYN, "a share");
	stage->scene.rate[SW_VECTOR_SYN] = 0.2 * LOAD;
	run(stage, 2000);
	double pps = threshold(stage, SW_VECTOR_SYN, "four times");
	assert_true(pps > 0.75 * LOAD && pps < 0.95 * LOAD);
	stage->scene.rate[SW_VECTOR_GRE] = 35;
	run(stage, 2000);
	threshold(stage, SW_VECTOR_GRE, "four times");
	/* a retry storm is that of strangers too */
	stage->scene.rate[SW_VECTOR_EXISTING] = stage->scene.exists_unknown = 0.1 * LOAD;
	run(stage, 2000);
	stage->scene.exists_known = 6 * LOAD;
	stage->scene.rate[SW_VECTOR_EXISTING] = 0.5 * LOAD;
	run(stage, 4);
	threshold(stage, SW_VECTOR_EXISTING, "explain");
	stage->scene.missing_known = 0.3 * LOAD;
	run(stage, 2000);
	threshold(stage, SW_VECTOR_RELAYED, "explain");
	assert_int_equal(stage->heard.count, 0);
	free(stage);
	stage = stage_new();
	stage->scene.load = stage->scene.exists = stage->scene.exists_known = 10;
	run(stage, 100);
	assert_true(threshold(stage, SW_VECTOR_SCAN, "least") == 20);
	free(stage);
}

/** Resolvers of another POP come here when routes change: they ask for all zones, as they always did. */
static void test_moved_here(void **state)
{
	(void)state;
	struct stage *stage = stage_in_peace();
	stage->scene.rate[SW_VECTOR_EXISTING] = stage->scene.exists_unknown = LOAD;
	stage->scene.existing_elsewhere = 0.8 * LOAD;
	run(stage, 40);
	assert_int_equal(stage->heard.count, 0);
	free(stage);
	stage = stage_in_peace();
	stage->scene.rate[SW_VECTOR_EXISTING] = stage->scene.exists_unknown = LOAD;
	stage->scene.existing_elsewhere = 0.2 * LOAD;
	run(stage, 2);
	assert_int_equal(stage->heard.count, 1);
	free(stage);
}

/** What is never ordinary does not become so, however long and slowly it grew. */
static void test_most(void **state)
{
	(void)state;
	struct stage *stage = stage_in_peace();
	for (double rate = 10; stage->heard.count == 0 && rate < 100 * LOAD; rate *= 1.0005) {
		stage->scene.rate[SW_VECTOR_GRE] = rate;
		run(stage, 4);
	}
	assert_int_equal(stage->heard.count, 1);
	assert_true(stage->scene.rate[SW_VECTOR_GRE] < 0.15 * LOAD);
	free(stage);
}

/** Nothing is learnt while a vector is on, nor right after. */
static void test_peace(void **state)
{
	(void)state;
	struct stage *stage = stage_in_peace();
	assert_true(sw_detector_is_peace(&stage->detector));
	stage->scene.rate[SW_VECTOR_GRE] = stage->scene.rate[SW_VECTOR_EXISTING] = 5000;
	stage->scene.load = 20000;
	run(stage, 4000);
	assert_false(sw_detector_is_peace(&stage->detector));
	stage->scene.load = LOAD;
	stage->scene.rate[SW_VECTOR_GRE] = stage->scene.rate[SW_VECTOR_EXISTING] = 0;
	run(stage, 12 + 18);
	assert_false(sw_detector_is_peace(&stage->detector));
	run(stage, 2);
	assert_true(sw_detector_is_peace(&stage->detector));
	assert_true(sw_baseline_usual(&stage->detector.load) < 1.2 * LOAD);
	assert_true(sw_baseline_usual(&stage->detector.usual[SW_VECTOR_GRE]) == 0);
	free(stage);
}

/** At a cold start every resolver is a stranger: nobody is accused. What needs no knowledge is noticed after
 * four seconds: two until something is learnt, and two until that is enough. */
static void test_cold_start(void **state)
{
	(void)state;
	struct stage *stage = stage_new();
	stage->scene.exists_known = 0;
	stage->scene.exists_unknown = stage->scene.exists;
	stage->scene.rate[SW_VECTOR_EXISTING] = stage->scene.exists;
	stage->scene.rate[SW_VECTOR_RANDOM] = 200;
	run(stage, 100);
	assert_int_equal(stage->heard.count, 0);
	assert_true(sw_detector_is_learning(&stage->detector, SW_VECTOR_EXISTING));
	assert_false(sw_detector_is_learning(&stage->detector, SW_VECTOR_SYN));
	free(stage);
	stage = stage_new();
	stage->scene.rate[SW_VECTOR_SYN] = 30 * LOAD;
	run(stage, 20);
	assert_int_equal(stage->heard.count, 2); /* and a wave */
	assert_int_equal(stage->heard.event[0].type, SW_EVENT_ONSET);
	free(stage);
}

/** A flood was on when the node started. It is not usual a minute later; but after ten it keeps nobody from
 * learning who the resolvers are, though it is still called one. */
static void test_start_under_attack(void **state)
{
	(void)state;
	struct stage *stage = stage_new();
	stage->scene.exists_known = 0;
	stage->scene.exists_unknown = stage->scene.exists;
	stage->scene.rate[SW_VECTOR_SYN] = 30 * LOAD;
	run(stage, 20);
	assert_int_equal(stage->heard.event[0].type, SW_EVENT_ONSET);
	uint64_t learnt = stage->detector.load.windows;
	run(stage, 5 * 240);
	assert_int_equal(stage->detector.load.windows, learnt);
	assert_false(sw_detector_is_peace(&stage->detector));
	run(stage, 6 * 240);
	assert_true(sw_detector_is_peace(&stage->detector));
	stage->scene.exists_known = stage->scene.exists;
	stage->scene.exists_unknown = 0;
	run(stage, 240);
	assert_true(stage->detector.knows_enough);
	assert_true(stage->detector.vector[SW_VECTOR_SYN].is_on);
	/* another one is an alarm as ever, and then nothing is learnt */
	stage->scene.rate[SW_VECTOR_GRE] = 5000;
	run(stage, 2);
	assert_non_null(event_of(stage, SW_EVENT_VECTOR_ADDED, SW_VECTOR_GRE));
	assert_false(sw_detector_is_peace(&stage->detector));
	free(stage);
}

/** Nobody asked the node in its first minute but one that watches it; then routes lead here. What follows is
 * much more than ever, and no attack: it is over within minutes, not after a day. */
static void test_start_idle(void **state)
{
	(void)state;
	struct stage *stage = stage_new();
	stage->scene.load = stage->scene.exists = stage->scene.exists_known = 2;
	run(stage, 240);
	stage->scene.load = stage->scene.exists = 20 * LOAD;
	stage->scene.exists_known = 0;
	stage->scene.exists_unknown = stage->scene.rate[SW_VECTOR_EXISTING] = 20 * LOAD;
	stage->scene.rate[SW_VECTOR_SYN] = 0.6 * LOAD;
	run(stage, 240);
	assert_non_null(event_of(stage, SW_EVENT_ONSET, SW_VECTOR_SYN));
	assert_false(sw_detector_is_peace(&stage->detector));
	run(stage, 62 * 240);
	assert_true(sw_detector_is_peace(&stage->detector));
	assert_true(sw_baseline_usual(&stage->detector.load) > 15 * LOAD);
	stage->scene.exists_known = 20 * LOAD; /* as they are learnt now */
	stage->scene.exists_unknown = stage->scene.rate[SW_VECTOR_EXISTING] = 0;
	run(stage, 60);
	assert_non_null(event_of(stage, SW_EVENT_OVER, SW_VECTOR_COUNT));
	free(stage);
}

/** What lasts for a day is how things are now. */
static void test_ordinary(void **state)
{
	(void)state;
	struct stage *stage = stage_in_peace();
	run(stage, 86400 * 4);
	stage->window_ms = 4000;
	stage->scene.rate[SW_VECTOR_SCAN] = 100;
	run(stage, 86400 / 4 - 10);
	assert_int_equal(stage->heard.count, 1);
	run(stage, 86400 / 4);
	assert_int_equal(stage->heard.count, 3);
	assert_int_equal(stage->heard.event[2].type, SW_EVENT_OVER);
	free(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_on_off), cmocka_unit_test(test_pulses),
		cmocka_unit_test(test_wavering), cmocka_unit_test(test_incident),
		cmocka_unit_test(test_waves), cmocka_unit_test(test_slow_rise),
		cmocka_unit_test(test_crowd_is_no_wave), cmocka_unit_test(test_thresholds),
		cmocka_unit_test(test_moved_here), cmocka_unit_test(test_most), cmocka_unit_test(test_peace),
		cmocka_unit_test(test_cold_start), cmocka_unit_test(test_start_under_attack),
		cmocka_unit_test(test_start_idle), cmocka_unit_test(test_ordinary)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
