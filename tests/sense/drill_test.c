/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The drill's five minutes at two POPs, three sizes and several seeds, scored as lab/statements.py does. */
#include "model.h"
#include "support.h"
#include <math.h>

#define SPANS_MAX 128
#define STRAY 0.01
#define GAP_S 5
#define EARLY_S 1

struct span {
	enum sw_vector vector;
	double start_s, stop_s, noticed_s;
};

static double seconds_of(uint64_t time_ms)
{
	return ((double)time_ms - MODEL_START_MS) / 1000;
}

static unsigned stated_spans(const struct heard *heard, struct span spans[SPANS_MAX])
{
	unsigned count = 0;
	for (unsigned i = 0; i < heard->count; i++) {
		const struct sw_event *event = &heard->event[i];
		if (event->type == SW_EVENT_ONSET || event->type == SW_EVENT_VECTOR_ADDED) {
			assert_true(count < SPANS_MAX);
			spans[count++] = (struct span){.vector = event->vector,
				.start_s = seconds_of(event->time_ms),
				.stop_s = MODEL_SECONDS,
				.noticed_s = seconds_of(event->noticed_ms)};
		}
		for (unsigned j = count; event->type == SW_EVENT_VECTOR_ENDED && j-- > 0;) {
			if (spans[j].vector == event->vector) {
				spans[j].stop_s = seconds_of(event->time_ms);
				break;
			}
		}
	}
	return count;
}

static unsigned true_spans(const struct model *model, struct span spans[SPANS_MAX])
{
	unsigned count = 0;
	for (enum sw_vector vector = 0; vector < SW_VECTOR_COUNT; vector++) {
		unsigned first = count;
		uint64_t most = 0;
		for (unsigned second = 0; second < MODEL_SECONDS; second++) {
			uint64_t sent = model_sent(model, vector, second);
			most = sent > most ? sent : most;
		}
		for (unsigned second = 0; second < MODEL_SECONDS; second++) {
			if ((double)model_sent(model, vector, second) <= STRAY * (double)most)
				continue;
			if (count > first && second - spans[count - 1].stop_s < GAP_S)
				spans[count - 1].stop_s = second + 1;
			else
				spans[count++] = (struct span){
					.vector = vector, .start_s = second, .stop_s = second + 1};
		}
	}
	return count;
}

static bool meet(const struct span *truth, const struct span *stated)
{
	return stated->vector == truth->vector && stated->start_s < truth->stop_s &&
	       stated->stop_s > truth->start_s - EARLY_S;
}

struct score {
	unsigned truths, found, stated, wrong, waves;
	unsigned flash_crowds;
	double delay[SPANS_MAX * 64], on_off;
	unsigned delays;
};

static void truth_score(
	const struct span *truth, const struct span *stated, unsigned stated_count, struct score *score)
{
	double first_s = HUGE_VAL, last_s = 0, noticed_s = HUGE_VAL;
	for (unsigned i = 0; i < stated_count; i++) {
		if (!meet(truth, &stated[i]))
			continue;
		first_s = fmin(first_s, stated[i].start_s);
		last_s = fmax(last_s, stated[i].stop_s);
		noticed_s = fmin(noticed_s, stated[i].noticed_s);
	}
	score->truths++;
	score->delay[score->delays++] =
		isinf(noticed_s) ? MODEL_SECONDS : fmax(0, noticed_s - truth->start_s);
	if (isinf(noticed_s)) {
		printf("# %s at %.0f s never noticed\n", sw_vector_label(truth->vector), truth->start_s);
		return;
	}
	score->found++;
	double error = fmax(fabs(first_s - truth->start_s), fabs(last_s - truth->stop_s));
	score->on_off = fmax(score->on_off, error);
	if (error > 1)
		printf("# %s %.0f-%.0f s stated as %.2f-%.2f s\n", sw_vector_label(truth->vector),
			truth->start_s, truth->stop_s, first_s, last_s);
}

/** The controls are what they are, and nothing else is taken for one. */
static void control_check(const struct span *stated)
{
	if (stated->vector == SW_VECTOR_FLASH_CROWD) {
		assert_true(stated->start_s >= 249 && stated->start_s <= 251);
		assert_true(stated->stop_s >= 269 && stated->stop_s <= 271);
	} else {
		assert_true(stated->start_s >= 272 && stated->stop_s <= 283);
	}
}

static void stated_score(
	const struct span *stated, const struct span *truth, unsigned truth_count, struct score *score)
{
	if (!sw_vector_is_attack(stated->vector)) {
		score->flash_crowds += stated->vector == SW_VECTOR_FLASH_CROWD;
		control_check(stated);
		return;
	}
	score->stated++;
	for (unsigned i = 0; i < truth_count; i++) {
		if (meet(&truth[i], stated))
			return;
	}
	score->wrong++;
	printf("# %s %.2f-%.2f s is wrong\n", sw_vector_label(stated->vector), stated->start_s,
		stated->stop_s);
}

static void score_add(const struct model *model, const struct heard *heard, struct score *score)
{
	struct span stated[SPANS_MAX], truth[SPANS_MAX];
	unsigned stated_count = stated_spans(heard, stated), truth_count = true_spans(model, truth);
	for (unsigned i = 0; i < truth_count; i++)
		truth_score(&truth[i], stated, stated_count, score);
	for (unsigned i = 0; i < stated_count; i++)
		stated_score(&stated[i], truth, truth_count, score);
	for (unsigned i = 0; i < heard->count; i++)
		score->waves += heard->event[i].type == SW_EVENT_WAVE;
}

static int by_size(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;
	return difference < 0 ? -1 : difference > 0;
}

static void score_check(struct score *score)
{
	qsort(score->delay, score->delays, sizeof(double), by_size);
	double p95 = score->delay[(unsigned)ceil(0.95 * score->delays) - 1];
	double precision = 1 - (double)score->wrong / score->stated,
	       recall = (double)score->found / score->truths;
	printf("# %u vectors: alarm median %.2f s, 95 %% %.2f s, most %.2f s; precision %.4f, recall %.4f, "
	       "on/off within "
	       "%.2f s\n",
		score->truths, score->delay[score->delays / 2], p95, score->delay[score->delays - 1],
		precision, recall, score->on_off);
	assert_true(p95 <= 2);
	assert_true(precision >= 0.99);
	assert_true(recall >= 0.95);
	assert_true(score->on_off <= 1);
}

static void play(const struct model_settings *settings, struct score *score)
{
	struct model *model = model_new(settings);
	struct heard *heard = calloc(1, sizeof(*heard));
	struct sw_sense *sense;
	struct score its = {0};
	assert_int_equal(sw_sense_new(&sense, settings->seed, hear, NULL, heard), 0);
	model_play(model, sense, NULL, NULL);
	score_add(model, heard, score);
	score_add(model, heard, &its);
	assert_int_equal(its.waves, settings->pop == MODEL_US_EAST ? 3 : 2);
	assert_int_equal(its.flash_crowds, 1);
	sw_sense_free(sense);
	free(heard);
	model_free(model);
}

static void play_all(double unit_qps, unsigned seeds)
{
	static struct score score;
	memset(&score, 0, sizeof(score));
	for (unsigned seed = 1; seed <= seeds; seed++) {
		struct model_settings settings = {.seed = seed,
			.unit_qps = unit_qps,
			.pop = MODEL_US_EAST,
			.window_ms = seed % 2 ? 300 : 250,
			.is_defended = seed % 2};
		play(&settings, &score);
		settings.pop = MODEL_EU;
		settings.is_defended = !settings.is_defended;
		play(&settings, &score);
	}
	score_check(&score);
}

/** P10, which no score asks for: a rise that takes forty seconds, half of it under the addresses of those
 * known. */
static void test_rise(void **state)
{
	(void)state;
	const struct model_settings settings = {
		.seed = 5, .unit_qps = 2000, .pop = MODEL_EU, .window_ms = 250, .last_s = MODEL_SECONDS};
	static struct heard heard;
	struct sw_sense *sense;
	struct model *model = model_new(&settings);
	unsigned found = 0;
	heard.count = 0;
	assert_int_equal(sw_sense_new(&sense, 5, hear, NULL, &heard), 0);
	model_play(model, sense, NULL, NULL);
	for (unsigned i = 0; i < heard.count; i++) {
		const struct sw_event *event = &heard.event[i];
		if (event->time_ms < MODEL_START_MS + 299000 ||
			(event->type != SW_EVENT_ONSET && event->type != SW_EVENT_VECTOR_ADDED))
			continue;
		assert_true(event->vector == SW_VECTOR_SPOOFED || event->vector == SW_VECTOR_EXISTING);
		assert_true(seconds_of(event->time_ms) <= 302 && seconds_of(event->noticed_ms) <= 305);
		found++;
	}
	assert_int_equal(found, 2);
	sw_sense_free(sense);
	model_free(model);
}

/** A machine that hardly comes to its turns, and a ring that loses most. */
static void test_late(void **state)
{
	(void)state;
	static struct score score;
	const struct model_settings settings = {.seed = 9,
		.unit_qps = 2000,
		.pop = MODEL_EU,
		.window_ms = 600,
		.is_defended = true,
		.lost_share = 0.8};
	play(&settings, &score);
	score_check(&score);
}

/** Three minutes, something happens, but nobody attacks. */
static void test_calm(void **state)
{
	(void)state;
	for (enum model_disturbance disturbance = MODEL_PEACE; disturbance <= MODEL_CACHES; disturbance++) {
		for (unsigned seed = 1; seed <= 2; seed++) {
			const struct model_settings settings = {.seed = seed,
				.unit_qps = seed == 1 ? 300 : 2000,
				.pop = MODEL_EU,
				.window_ms = 250,
				.disturbance = disturbance,
				.last_s = 180};
			static struct heard heard;
			struct sw_sense *sense;
			struct model *model = model_new(&settings);
			heard.count = 0;
			assert_int_equal(sw_sense_new(&sense, seed, hear, NULL, &heard), 0);
			model_play(model, sense, NULL, NULL);
			for (unsigned i = 0; i < heard.count; i++)
				printf("# disturbance %d: %s %s at %.2f s, %.0f packets/s\n",
					(int)disturbance, sw_event_label(heard.event[i].type),
					sw_vector_label(heard.event[i].vector),
					seconds_of(heard.event[i].time_ms), heard.event[i].rate_pps);
			assert_int_equal(heard.count, 0);
			sw_sense_free(sense);
			model_free(model);
		}
	}
}

static void test_small(void **state)
{
	(void)state;
	play_all(300, 2);
}

static void test_usual(void **state)
{
	(void)state;
	play_all(2000, 2);
}

static void test_large(void **state)
{
	(void)state;
	play_all(20000, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_calm), cmocka_unit_test(test_late),
		cmocka_unit_test(test_rise), cmocka_unit_test(test_small), cmocka_unit_test(test_usual),
		cmocka_unit_test(test_large)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
