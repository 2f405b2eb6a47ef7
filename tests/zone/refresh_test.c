/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/refresh.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1000000

static const struct sw_soa_timers timers = {.refresh_s = 3600, .retry_s = 600, .expire_s = 86400};

static void test_timers_are_those_of_the_soa(void **state)
{
	/* two root names, then serial, refresh, retry, expire, minimum */
	static const uint8_t rdata[] = {
		0, 0, 0, 0, 0, 1, 0, 0, 0x0e, 0x10, 0, 0, 2, 0x58, 0, 1, 0x51, 0x80, 0, 0, 0, 60};
	const struct sw_record soa = {.rdata = rdata, .rdata_len = sizeof(rdata)};
	struct sw_soa_timers read = sw_soa_timers(&soa);
	(void)state;
	assert_memory_equal(&read, &timers, sizeof(timers));
	assert_int_equal(sw_soa_serial(&soa), 1);
}

static void test_a_zone_never_seen_is_asked_for_at_once(void **state)
{
	struct sw_refresh refresh;
	(void)state;
	sw_refresh_start(&refresh, 0, 0, NOW, UINT32_MAX);
	assert_int_equal(refresh.next_s, NOW);
	assert_false(sw_refresh_is_expired(&refresh, NOW + 1000000));
	sw_refresh_start(&refresh, NOW - 10, NOW + 10, NOW, UINT32_MAX);
	assert_in_range(refresh.next_s, NOW, NOW + SW_REFRESH_START_S);
	assert_true(sw_refresh_is_expired(&refresh, NOW + 10));
}

static void test_intervals_are_spread_downwards(void **state)
{
	struct sw_refresh refresh;
	(void)state;
	sw_refresh_start(&refresh, 0, 0, NOW, 0);
	sw_refresh_done(&refresh, &timers, NOW, 0);
	assert_int_equal(refresh.next_s, NOW + 3600);
	assert_int_equal(refresh.expires_s, NOW + 86400);
	assert_int_equal(refresh.confirmed_s, NOW);
	sw_refresh_done(&refresh, &timers, NOW, UINT32_MAX);
	assert_int_equal(refresh.next_s, NOW + 3240);
}

static void test_failures_wait_longer_each_time(void **state)
{
	struct sw_refresh refresh;
	static const int64_t waits[] = {600, 1200, 2400, 3600, 3600};
	(void)state;
	sw_refresh_start(&refresh, NOW, NOW + 86400, NOW, 0);
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		refresh.is_asking = true;
		sw_refresh_failed(&refresh, &timers, NOW, 0);
		assert_int_equal(refresh.next_s, NOW + waits[i]);
		assert_false(refresh.is_asking);
	}
	assert_int_equal(refresh.failures, 5);
	assert_int_equal(refresh.expires_s, NOW + 86400); /* no failure prolongs it */
	sw_refresh_done(&refresh, &timers, NOW, 0);
	assert_int_equal(refresh.failures, 0);
}

static void test_never_twice_in_a_moment_and_never_never(void **state)
{
	struct sw_refresh refresh;
	const struct sw_soa_timers zeros = {0}, ages = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
	(void)state;
	sw_refresh_start(&refresh, 0, 0, NOW, 0);
	sw_refresh_failed(&refresh, &zeros, NOW, UINT32_MAX);
	assert_int_equal(refresh.next_s, NOW + SW_REFRESH_LEAST_S);
	sw_refresh_done(&refresh, &ages, NOW, 0);
	assert_int_equal(refresh.next_s, NOW + SW_REFRESH_MOST_S);
}

static void test_what_expires_soon_is_asked_for_before(void **state)
{
	struct sw_refresh refresh;
	const struct sw_soa_timers odd = {.refresh_s = 3600, .retry_s = 60, .expire_s = 600};
	(void)state;
	sw_refresh_start(&refresh, 0, 0, NOW, 0);
	sw_refresh_done(&refresh, &odd, NOW, 0);
	assert_true(refresh.next_s < refresh.expires_s);
}

static void test_a_notification_meanwhile_is_not_lost(void **state)
{
	struct sw_refresh refresh;
	(void)state;
	sw_refresh_start(&refresh, NOW, NOW + 86400, NOW, 0);
	assert_true(sw_refresh_wanted(&refresh, NOW));
	assert_int_equal(refresh.next_s, NOW);
	refresh.is_asking = true;
	assert_false(sw_refresh_wanted(&refresh, NOW));
	sw_refresh_done(&refresh, &timers, NOW, 0);
	assert_int_equal(refresh.next_s, NOW + SW_REFRESH_LEAST_S);
	assert_false(refresh.is_again);
	assert_false(sw_refresh_wanted(&refresh, NOW + 1)); /* nor do many of them make it ask all the time */
	assert_int_equal(refresh.next_s, NOW + SW_REFRESH_LEAST_S);
	assert_true(sw_refresh_wanted(&refresh, NOW + SW_REFRESH_LEAST_S));
	assert_true(sw_refresh_wanted(&refresh, NOW - 100)); /* the clock was set back */
}

/* RFC 1982 s3.2, and the pairs of s5.2 for which no order is defined. */
static void test_serials(void **state)
{
	(void)state;
	assert_true(sw_serial_is_newer(1, 0));
	assert_true(sw_serial_is_newer(0, UINT32_MAX));
	assert_true(sw_serial_is_newer(0x80000000u, 1));
	assert_false(sw_serial_is_newer(0x80000001u, 1));
	assert_false(sw_serial_is_newer(1, 0x80000001u));
	assert_false(sw_serial_is_newer(7, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers_are_those_of_the_soa),
		cmocka_unit_test(test_a_zone_never_seen_is_asked_for_at_once),
		cmocka_unit_test(test_intervals_are_spread_downwards),
		cmocka_unit_test(test_failures_wait_longer_each_time),
		cmocka_unit_test(test_never_twice_in_a_moment_and_never_never),
		cmocka_unit_test(test_what_expires_soon_is_asked_for_before),
		cmocka_unit_test(test_a_notification_meanwhile_is_not_lost),
		cmocka_unit_test(test_serials),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
