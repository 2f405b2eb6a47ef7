/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The learner of signatures: against tools it has never heard of, and without hurting who looks alike. */
#include "answer/traits.h"
#include "guard/learn.h"
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint64_t random_state = 1;

static uint32_t below(uint32_t count)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(((random_state >> 32) * count) >> 32);
}

/** Resolvers: EDNS of several sizes, mostly DO, all kinds of names and distances. */
static uint64_t honest(void)
{
	return SW_FEATURE_PUT(TTL, 8 + below(8)) | SW_FEATURE_PUT(PORT, below(16)) | SW_FEATURE_PUT(EDNS, 1) |
	       SW_FEATURE_PUT(SIZE, 2 + below(4)) | SW_FEATURE_PUT(DO, below(10) < 7) |
	       SW_FEATURE_PUT(OPTIONS, 1 + below(2)) | SW_FEATURE_PUT(TYPE, below(12)) |
	       SW_FEATURE_PUT(LABELS, 1 + below(3)) | SW_FEATURE_PUT(FIRST, 3 + below(10)) |
	       SW_FEATURE_PUT(DIGITS, below(2)) | SW_FEATURE_PUT(UPPER, below(10) == 0);
}

/** A tool that nothing here names: asks for TXT with 24 characters, half of them digits, and an odd EDNS
 * size. */
static uint64_t strange_tool(void)
{
	return SW_FEATURE_PUT(TTL, 8 + below(8)) | SW_FEATURE_PUT(PORT, below(16)) | SW_FEATURE_PUT(EDNS, 1) |
	       SW_FEATURE_PUT(SIZE, 6) | SW_FEATURE_PUT(OPTIONS, 1) | SW_FEATURE_PUT(TYPE, 4) |
	       SW_FEATURE_PUT(LABELS, 1) | SW_FEATURE_PUT(FIRST, 24) | SW_FEATURE_PUT(DIGITS, 2 + below(2));
}

/** No EDNS, recursion desired, twelve letters. */
static uint64_t simple_tool(void)
{
	return SW_FEATURE_PUT(TTL, 8 + below(8)) | SW_FEATURE_PUT(PORT, below(16)) | SW_FEATURE_PUT(RD, 1) |
	       SW_FEATURE_PUT(LABELS, 1) | SW_FEATURE_PUT(FIRST, 12);
}

struct day {
	struct sw_learner *learner;
	struct sw_signature active[SW_SIGNATURES_MAX];
};

static void second(struct day *day, uint64_t (*attack)(void), unsigned attacks)
{
	for (unsigned i = 0; i < 2000; i++)
		sw_learner_see(day->learner, honest(), true);
	for (unsigned i = 0; i < attacks; i++)
		sw_learner_see(day->learner, attack(), false);
	sw_learner_turn(day->learner, attacks > 0, day->active);
}

static double met(const struct day *day, uint64_t (*make)(void))
{
	unsigned count = 0;
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t word = make();
		bool is_met = false;
		for (unsigned j = 0; j < SW_SIGNATURES_MAX; j++)
			is_met |= day->active[j].mask && (word & day->active[j].mask) == day->active[j].value;
		count += is_met;
	}
	return count / 10000.0;
}

static struct day peace(void)
{
	struct day day = {.learner = calloc(1, sizeof(struct sw_learner))};
	assert_non_null(day.learner);
	for (unsigned i = 0; i < 10; i++)
		second(&day, NULL, 0);
	return day;
}

static void test_in_peace_nothing_is_learnt(void **state)
{
	struct day day = peace();
	(void)state;
	assert_true(met(&day, honest) == 0);
	free(day.learner);
}

static void check_learnt(uint64_t (*tool)(void))
{
	struct day day = peace();
	unsigned seconds = 0;
	char text[256];
	while (met(&day, tool) < 0.9 && ++seconds < 20)
		second(&day, tool, 3000);
	assert_in_range(seconds, SW_LEARN_SHADOW_S, 4); /* not before it was tried in the shadow */
	assert_true(met(&day, honest) <= SW_LEARN_BUDGET);
	for (unsigned i = 0; i < SW_SIGNATURES_MAX; i++)
		if (day.active[i].mask) {
			sw_signature_text(&day.active[i], text, sizeof(text));
			print_message("%u s: %s\n", seconds, text);
		}
	free(day.learner);
}

static void test_tools_are_learnt(void **state)
{
	(void)state;
	check_learnt(simple_tool);
	check_learnt(strange_tool);
}

/* Strangers who look like everybody else cannot be told apart by their looks: nothing is learnt. */
static void test_who_looks_honest_is_left_alone(void **state)
{
	struct day day = peace();
	(void)state;
	for (unsigned i = 0; i < 20; i++)
		second(&day, honest, 3000);
	assert_true(met(&day, honest) == 0);
	free(day.learner);
}

static void test_a_second_tool_gets_a_second_signature(void **state)
{
	struct day day = peace();
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		second(&day, simple_tool, 3000);
	for (unsigned i = 0; i < 10; i++)
		second(&day, strange_tool, 3000);
	assert_true(met(&day, strange_tool) > 0.9 && met(&day, simple_tool) > 0.9);
	free(day.learner);
}

/* When honest resolvers begin to look like the tool, the signature goes, not they. */
static void test_one_that_hurts_is_withdrawn(void **state)
{
	struct day day = peace();
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		second(&day, strange_tool, 3000);
	assert_true(met(&day, strange_tool) > 0.9);
	for (unsigned i = 0; i < 20; i++)
		sw_learner_see(day.learner, strange_tool(), true);
	second(&day, NULL, 0);
	assert_true(met(&day, strange_tool) == 0);
	assert_true(day.learner->withdrawn >= 1);
	free(day.learner);
}

static void test_what_nothing_matches_is_forgotten(void **state)
{
	struct day day = peace();
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		second(&day, simple_tool, 3000);
	for (unsigned i = 0; i <= SW_LEARN_IDLE_S; i++)
		second(&day, NULL, 0);
	assert_true(met(&day, simple_tool) == 0);
	free(day.learner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_peace_nothing_is_learnt),
		cmocka_unit_test(test_tools_are_learnt),
		cmocka_unit_test(test_who_looks_honest_is_left_alone),
		cmocka_unit_test(test_a_second_tool_gets_a_second_signature),
		cmocka_unit_test(test_one_that_hurts_is_withdrawn),
		cmocka_unit_test(test_what_nothing_matches_is_forgotten),
	};
	return cmocka_run_group_tests_name("learner", tests, NULL, NULL);
}
