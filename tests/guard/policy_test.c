/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The policy, row by row, and what must hold for all rows. */
#include "guard/policy.h"
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COOKIE SW_FACT_COOKIE
#define HANDSHAKE SW_FACT_HANDSHAKE
#define KNOWN SW_FACT_KNOWN
#define HOPS SW_FACT_HOPS
#define EXISTS SW_FACT_EXISTS
#define RETRY SW_FACT_RETRY
#define PREFIX SW_FACT_PREFIX
#define SIGNATURE SW_FACT_SIGNATURE

static const struct row {
	const char *who;
	uint8_t facts;
	enum sw_lane lane;
} rows[] = {
	{"a stranger, a name that exists", EXISTS, SW_LANE_NEW},
	{"a stranger, a random name", 0, SW_LANE_NEW_MISSING},
	{"a stranger asking again", EXISTS | RETRY, SW_LANE_RETRY},
	{"a stranger asking again for a random name", RETRY, SW_LANE_NEW_MISSING},
	{"a known resolver", KNOWN | HOPS | EXISTS, SW_LANE_KNOWN},
	{"a known resolver, a random name: one that an attack came through", KNOWN | HOPS,
		SW_LANE_KNOWN_MISSING},
	{"a known address from elsewhere", KNOWN | EXISTS, SW_LANE_DOUBTFUL},
	{"a known address from elsewhere, a random name", KNOWN, SW_LANE_NEW_MISSING},
	{"a known address from elsewhere that brings a cookie", KNOWN | COOKIE | EXISTS, SW_LANE_KNOWN},
	{"whoever brings a cookie", COOKIE | EXISTS, SW_LANE_KNOWN},
	{"whoever has shaken hands", HANDSHAKE | EXISTS, SW_LANE_KNOWN},
	{"whoever brings a cookie, a random name", COOKIE, SW_LANE_KNOWN_MISSING},
	{"a loud network", PREFIX | EXISTS, SW_LANE_DOUBTFUL},
	{"a known resolver in a loud network", KNOWN | HOPS | PREFIX | EXISTS, SW_LANE_KNOWN},
	{"looks like the attack", SIGNATURE | EXISTS, SW_LANE_SUSPECT},
	{"looks like the attack, a random name", SIGNATURE, SW_LANE_SUSPECT_MISSING},
	{"looks like the attack, but is known", SIGNATURE | KNOWN | HOPS | EXISTS, SW_LANE_KNOWN},
	{"looks like the attack, known, a random name", SIGNATURE | KNOWN | HOPS, SW_LANE_SUSPECT_MISSING},
	{"looks like the attack, but brings a cookie", SIGNATURE | COOKIE | EXISTS, SW_LANE_KNOWN},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (sw_policy_lane(rows[i].facts) != rows[i].lane)
			fail_msg("%s: lane %s", rows[i].who, sw_lane_label(sw_policy_lane(rows[i].facts)));
}

/* Promise 1: a name that exists is answered, from a known resolver. */
static void test_known_sources_asking_for_names_that_exist_are_safe(void **state)
{
	(void)state;
	for (unsigned facts = 0; facts < 256; facts++) {
		bool is_known = (facts & KNOWN && facts & HOPS) || facts & (COOKIE | HANDSHAKE);
		if (is_known && facts & EXISTS)
			assert_true(sw_lane_is_safe(sw_policy_lane((uint8_t)facts)));
	}
}

/* Names that do not exist are never in a lane of those that do, nor the other way round. */
static void test_lanes_tell_missing_names_apart(void **state)
{
	(void)state;
	for (unsigned facts = 0; facts < 256; facts++)
		assert_int_equal(sw_lane_is_missing(sw_policy_lane((uint8_t)facts)), !(facts & EXISTS));
}

/* A fact that speaks for a packet never makes its lane worse, one that speaks against it never better. */
static void test_facts_pull_in_their_direction(void **state)
{
	const uint8_t good[] = {COOKIE, HANDSHAKE, EXISTS, RETRY}, bad[] = {PREFIX, SIGNATURE};
	(void)state;
	for (unsigned facts = 0; facts < 256; facts++) {
		enum sw_lane lane = sw_policy_lane((uint8_t)facts);
		for (size_t i = 0; i < sizeof(good); i++)
			assert_true(sw_policy_lane((uint8_t)(facts | good[i])) <= lane);
		for (size_t i = 0; i < sizeof(bad); i++)
			assert_true(sw_policy_lane((uint8_t)(facts | bad[i])) >= lane);
	}
}

static void test_default_admits_everybody(void **state)
{
	struct sw_policy policy;
	(void)state;
	sw_policy_default(&policy);
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
		assert_int_equal(policy.admit[lane], SW_ADMIT_ALL);
	for (unsigned facts = 0; facts < 256; facts++)
		assert_int_equal(policy.lane[facts], sw_policy_lane((uint8_t)facts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_known_sources_asking_for_names_that_exist_are_safe),
		cmocka_unit_test(test_lanes_tell_missing_names_apart),
		cmocka_unit_test(test_facts_pull_in_their_direction),
		cmocka_unit_test(test_default_admits_everybody),
	};
	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
