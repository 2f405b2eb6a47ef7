/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Budgets of updates and notifies: in all, of one sender, of each standing and kind by itself; and who signs.
 */
#include "serve/standing.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MS_NS 1000000ull
#define SECOND_NS (1000 * MS_NS)
#define START_NS (12345 * SECOND_NS)

struct rates {
	unsigned all, share;
};
static const struct rates rates[] = {
#define X(name, all, share, text) {all, share},
	SW_STANDINGS(X)
#undef X
};

static struct sw_throttle *throttle;

static int setup(void **state)
{
	static const uint64_t secret[2] = {0x0123456789abcdef, 0xfedcba9876543210};
	(void)state;
	throttle = sw_throttle_new(secret);
	return throttle == NULL;
}

static int teardown(void **state)
{
	(void)state;
	sw_throttle_free(throttle);
	return 0;
}

/** Ask as often as told, from 10.0.0.0 + i * step. @return how often it may be */
static unsigned take(enum sw_throttled kind, enum sw_standing standing, unsigned times, uint32_t first,
	uint32_t step, uint64_t now_ns)
{
	unsigned taken = 0;
	for (unsigned i = 0; i < times; i++) {
		uint32_t address = htonl(0x0a000000 + first + i * step);
		taken += sw_throttle_take(throttle, kind, standing, (const uint8_t *)&address, 4, now_ns);
	}
	return taken;
}

static unsigned take_one(enum sw_standing standing, unsigned times, const char *text, uint64_t now_ns)
{
	uint8_t address[16], len = strchr(text, ':') ? 16 : 4;
	unsigned taken = 0;
	assert_int_equal(inet_pton(len == 16 ? AF_INET6 : AF_INET, text, address), 1);
	for (unsigned i = 0; i < times; i++)
		taken += sw_throttle_take(throttle, SW_THROTTLED_UPDATE, standing, address, len, now_ns);
	return taken;
}

static void test_share_of_a_sender(void **state)
{
	(void)state;
	for (unsigned standing = 0; standing < SW_STANDING_COUNT; standing++) {
		unsigned share = rates[standing].share;
		assert_int_equal(take_one(standing, share + 100, "192.0.2.1", START_NS), share);
		assert_int_equal(take_one(standing, 100, "2001:db8::1", START_NS), share < 100 ? share : 100);
		assert_int_equal(take_one(standing, 10, "192.0.3.1", START_NS), 10); /* others have theirs */
	}
}

/* Strangers of a /24 or /56 share; whose address is known has his own. */
static void test_whose_share(void **state)
{
	static const struct {
		const char *first, *second;
		bool is_one_network;
	} rows[] = {
		{"192.0.2.1", "192.0.2.254", true}, {"192.0.2.1", "192.0.3.1", false},
		{"2001:db8:0:100::1", "2001:db8:0:1ff:ffff::2", true},
		{"2001:db8:0:100::1", "2001:db8:0:200::1", false},
		{"2001:db8:0:100::1", "32.1.13.184", false}, /* its first bytes */
	};
	(void)state;
	uint64_t at_ns = START_NS;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned standing = 0; standing < SW_STANDING_COUNT; standing++) {
			at_ns += 10 * SECOND_NS;
			bool is_shared = rows[i].is_one_network &&
					 (standing == SW_STANDING_STRANGER || standing == SW_STANDING_CLAIMS);
			unsigned share = rates[standing].share;
			assert_int_equal(take_one(standing, share, rows[i].first, at_ns), share);
			assert_int_equal(take_one(standing, 1, rows[i].first, at_ns), 0);
			assert_int_equal(take_one(standing, 1, rows[i].second, at_ns), !is_shared);
		}
	}
}

static void test_in_all(void **state)
{
	(void)state;
	for (unsigned standing = 0; standing < SW_STANDING_COUNT; standing++)
		assert_int_equal(
			take(SW_THROTTLED_UPDATE, standing, 100000, 0, 256, START_NS), rates[standing].all);
}

/* Whatever floods, each of the others has all that is his. */
static void test_floods_are_apart(void **state)
{
	(void)state;
	for (unsigned flood = 0; flood < SW_STANDING_COUNT; flood++) {
		uint64_t at_ns = START_NS + flood * 10 * SECOND_NS;
		take(SW_THROTTLED_UPDATE, flood, 200000, 0, 256, at_ns);
		assert_int_equal(take(SW_THROTTLED_UPDATE, flood, 100, 1 << 22, 256, at_ns), 0);
		assert_int_equal(take(SW_THROTTLED_NOTIFY, flood, rates[flood].share, 7, 0, at_ns),
			rates[flood].share);
		for (unsigned other = 0; other < SW_STANDING_COUNT; other++) {
			unsigned share = other == flood ? 0 : rates[other].share;
			assert_int_equal(
				take(SW_THROTTLED_UPDATE, other, rates[other].share, 7, 0, at_ns), share);
		}
	}
}

/* A long flood gets its rate and the burst at its beginning, whatever the steps of the clock. */
static void test_over_time(void **state)
{
	static const uint64_t steps_ns[] = {1, 999, MS_NS + 1, 50 * MS_NS, SECOND_NS};
	(void)state;
	for (unsigned i = 0; i < sizeof(steps_ns) / sizeof(steps_ns[0]); i++) {
		uint64_t start_ns = START_NS + i * 1000 * SECOND_NS, at_ns = start_ns;
		unsigned taken = 0, seconds = 10;
		/* steps of nanoseconds are too many: then there are some at each millisecond */
		while (at_ns < start_ns + seconds * SECOND_NS) {
			for (unsigned j = 0; j < 25; j++)
				taken += take_one(
					SW_STANDING_STRANGER, 1, "192.0.2.1", at_ns + j * steps_ns[i] / 25);
			at_ns += steps_ns[i] < MS_NS ? MS_NS : steps_ns[i];
		}
		unsigned share = rates[SW_STANDING_STRANGER].share;
		assert_in_range(taken, seconds * share, (seconds + 1) * share);
		assert_int_equal(
			take_one(SW_STANDING_STRANGER, 1, "192.0.2.1", at_ns + SECOND_NS / share), 1);
	}
}

static void test_refill(void **state)
{
	(void)state;
	unsigned share = rates[SW_STANDING_STRANGER].share;
	assert_int_equal(take_one(SW_STANDING_STRANGER, 1000, "192.0.2.1", START_NS), share);
	assert_int_equal(
		take_one(SW_STANDING_STRANGER, 1000, "192.0.2.1", START_NS + SECOND_NS / share - 1), 0);
	assert_int_equal(take_one(SW_STANDING_STRANGER, 1000, "192.0.2.1", START_NS + SECOND_NS / share), 1);
	assert_int_equal(
		take_one(SW_STANDING_STRANGER, 1000, "192.0.2.1", START_NS + 6 * SECOND_NS / share), 5);
	/* a year of peace saves up a second */
	assert_int_equal(
		take_one(SW_STANDING_STRANGER, 1000, "192.0.2.1", START_NS + 31536000 * SECOND_NS), share);
}

/* Wherever a clock jumps to, a flood gets no more than a full bucket, and peace is served at once, or after
 * two seconds at the most. */
static void test_clock_jumps(void **state)
{
	static const uint64_t clocks_ns[] = {START_NS, START_NS + 1000000 * SECOND_NS, START_NS, 0, INT64_MAX,
		INT64_MAX / 2, 1, UINT64_MAX - SECOND_NS, START_NS};
	(void)state;
	unsigned share = rates[SW_STANDING_STRANGER].share;
	for (unsigned i = 0; i < sizeof(clocks_ns) / sizeof(clocks_ns[0]); i++)
		assert_int_equal(take_one(SW_STANDING_STRANGER, 1000, "192.0.2.1", clocks_ns[i]), share);
	for (uint64_t back_ns = MS_NS; back_ns < 10 * SECOND_NS; back_ns += 100 * MS_NS) {
		uint64_t at_ns = START_NS + 1000 * back_ns;
		take_one(SW_STANDING_STRANGER, 1000, "192.0.2.1", at_ns);
		take_one(SW_STANDING_STRANGER, 1000, "192.0.2.1", at_ns - back_ns);
		assert_int_equal(
			take_one(SW_STANDING_STRANGER, 1, "192.0.2.1", at_ns - back_ns + 2 * SECOND_NS), 1);
	}
}

/* ---- who is what ---- */

/* One key; primary 192.0.2.1, with it; rules of one kind at a time. */
static void test_standings(void **state)
{
	static const struct sw_tsig_key key = {.name = "\1k"}, other = {.name = "\5other"};
	static struct sw_access named = {.address = {192, 0, 2, 7},
					.address_len = 4,
					.bits = 32,
					.key = &key},
				wide = {.address = {0}, .address_len = 4, .bits = 0, .key = &key},
				keyed = {.key = &key};
	struct sw_endpoint primary_at = {0};
	assert_int_equal(sw_endpoint_parse("192.0.2.1@53", &primary_at), 0);
	const struct sw_remote primary = {.addresses = &primary_at, .address_count = 1, .key = &key},
			       *primaries = &primary;
	const struct {
		enum sw_throttled kind;
		struct sw_access *rule; /* of the list for that kind */
		uint8_t last;		/* of 192.0.2.x */
		const struct sw_tsig_key *claimed;
		enum sw_standing standing;
	} rows[] = {
		{SW_THROTTLED_UPDATE, &named, 7, &key, SW_STANDING_NAMED},
		{SW_THROTTLED_UPDATE, &named, 8, &key, SW_STANDING_STRANGER},
		{SW_THROTTLED_UPDATE, &named, 7, &other, SW_STANDING_STRANGER},
		{SW_THROTTLED_UPDATE, &keyed, 8, &key, SW_STANDING_CLAIMS},
		{SW_THROTTLED_UPDATE, &keyed, 8, NULL, SW_STANDING_STRANGER},
		{SW_THROTTLED_UPDATE, &wide, 8, &key, SW_STANDING_CLAIMS},
		{SW_THROTTLED_UPDATE, NULL, 7, &key, SW_STANDING_STRANGER},
		{SW_THROTTLED_NOTIFY, NULL, 1, &key, SW_STANDING_NAMED},
		{SW_THROTTLED_NOTIFY, NULL, 1, NULL, SW_STANDING_STRANGER},
		{SW_THROTTLED_NOTIFY, &keyed, 8, &key, SW_STANDING_CLAIMS},
		{SW_THROTTLED_NOTIFY, &named, 7, &key, SW_STANDING_NAMED},
		{SW_THROTTLED_SIGNED, &named, 7, &key, SW_STANDING_NAMED},
		{SW_THROTTLED_SIGNED, &named, 8, &key, SW_STANDING_CLAIMS},
		{SW_THROTTLED_SIGNED, &keyed, 8, &key, SW_STANDING_CLAIMS},
		{SW_THROTTLED_SIGNED, &wide, 8, &key, SW_STANDING_CLAIMS},
		{SW_THROTTLED_SIGNED, NULL, 7, &key, SW_STANDING_CLAIMS},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sw_access_list rules = {rows[i].rule, rows[i].rule ? 1 : 0};
		struct sw_zone_policy policy = {.update_by.count = 0};
		const struct sw_peer peer = {
			.address = {192, 0, 2, rows[i].last}, .address_len = 4, .key = rows[i].claimed};
		policy.primaries = &primaries;
		policy.primary_count = rows[i].kind == SW_THROTTLED_NOTIFY;
		*(rows[i].kind == SW_THROTTLED_UPDATE	      ? &policy.update_by
			: rows[i].kind == SW_THROTTLED_NOTIFY ? &policy.notify_from
							      : &policy.transfer_to) = rules;
		if (sw_standing_of(&policy, rows[i].kind, &peer) != rows[i].standing)
			fail_msg("row %zu", i);
	}
	const struct sw_peer peer = {.address = {192, 0, 2, 7}, .address_len = 4, .key = &key};
	assert_int_equal(sw_standing_of(NULL, SW_THROTTLED_UPDATE, &peer), SW_STANDING_STRANGER);
	assert_int_equal(sw_standing_of(NULL, SW_THROTTLED_NOTIFY, &peer), SW_STANDING_STRANGER);
	assert_int_equal(sw_standing_of(NULL, SW_THROTTLED_SIGNED, &peer), SW_STANDING_CLAIMS);
}

/* ---- who signs ---- */

static bool has_signed(uint32_t number, uint64_t now_ns)
{
	uint32_t address = htonl(number);
	return sw_throttle_has_signed(throttle, (const uint8_t *)&address, 4, now_ns);
}

static void sign(uint32_t number, uint64_t now_ns)
{
	uint32_t address = htonl(number);
	sw_throttle_signed(throttle, (const uint8_t *)&address, 4, now_ns);
}

static void test_who_signs(void **state)
{
	(void)state;
	uint64_t age_ns = SW_SIGNED_AGE_S * SECOND_NS;
	assert_false(has_signed(0, 0)); /* a table of zeros knows nobody */
	assert_false(has_signed(1, START_NS));
	sign(1, START_NS);
	assert_true(has_signed(1, START_NS));
	assert_true(has_signed(1, START_NS - SECOND_NS)); /* seen from a thread that is a little behind */
	assert_true(has_signed(1, START_NS + age_ns - SECOND_NS));
	assert_false(has_signed(1, START_NS + age_ns));
	sign(1, START_NS + age_ns - SECOND_NS);
	assert_true(has_signed(1, START_NS + age_ns));
	uint8_t six[16] = {0, 0, 0, 1};
	assert_false(sw_throttle_has_signed(throttle, six, 16, START_NS));
	sw_throttle_signed(throttle, six, 16, START_NS);
	assert_true(sw_throttle_has_signed(throttle, six, 16, START_NS));
	unsigned others = 0;
	for (uint32_t i = 2; i < 1000000; i++)
		others += has_signed(i, START_NS);
	assert_int_equal(others, 0);
}

/* More than there are places: the latest are there, and nobody twice. */
static void test_many_sign(void **state)
{
	(void)state;
	unsigned known = 0, latest = 0;
	for (uint32_t i = 0; i < 100000; i++) {
		sign(i, START_NS + i * SECOND_NS / 1000);
		assert_true(has_signed(i, START_NS + i * SECOND_NS / 1000));
	}
	for (uint32_t i = 0; i < 100000; i++)
		known += has_signed(i, START_NS + 100 * SECOND_NS);
	for (uint32_t i = 99000; i < 100000; i++)
		latest += has_signed(i, START_NS + 100 * SECOND_NS);
	assert_in_range(known, 4000, 4096);
	assert_in_range(latest, 950, 1000);
	for (unsigned i = 0; i < 100000; i++) /* one that signs on and on pushes out nobody */
		sign(99999, START_NS + 100 * SECOND_NS);
	unsigned after = 0;
	for (uint32_t i = 0; i < 100000; i++)
		after += has_signed(i, START_NS + 100 * SECOND_NS);
	assert_int_equal(after, known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_share_of_a_sender, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whose_share, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_floods_are_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_over_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock_jumps, setup, teardown),
		cmocka_unit_test(test_standings),
		cmocka_unit_test_setup_teardown(test_who_signs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_sign, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
