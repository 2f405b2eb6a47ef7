/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is known from peace, and who cannot push others out. */
#include "sense/resolvers.h"
#include "support.h"

#define HOUR_MS 3600000ull

struct told {
	unsigned known, forgotten;
	uint8_t hops;
};

static void tell(void *arg, const uint8_t address[16], uint8_t address_len, uint8_t hops, bool is_known)
{
	struct told *told = arg;
	(void)address;
	assert_int_equal(address_len, 4);
	told->known += is_known;
	told->forgotten += !is_known;
	told->hops = hops;
}

static struct told told;

static struct sw_resolvers *resolvers_new(uint64_t seed)
{
	struct sw_resolvers *resolvers = calloc(1, sizeof(*resolvers));
	resolvers->key = sw_print_key_make(&seed);
	resolvers->told = tell;
	resolvers->told_arg = &told;
	told = (struct told){0};
	return resolvers;
}

/** A question for a name that exists. */
static enum sw_standing ask(
	struct sw_resolvers *resolvers, uint32_t source, uint8_t hops, uint64_t now_ms, bool is_peace)
{
	struct sw_sample sample = question_of(source, hops, 0, SW_VERDICT_ANSWERED);
	uint64_t print = sw_print_address(&resolvers->key, sample.source, 4);
	enum sw_standing standing = sw_resolvers_look(resolvers, print, &sample, now_ms, is_peace);
	if (standing == SW_STRANGER && is_peace)
		sw_resolvers_learn(resolvers, print, &sample, now_ms);
	return standing;
}

static void test_learning(void **state)
{
	(void)state;
	struct sw_resolvers *resolvers = resolvers_new(1);
	assert_int_equal(ask(resolvers, 7, 10, 0, true), SW_STRANGER);
	assert_int_equal(ask(resolvers, 7, 10, 1999, true), SW_STRANGER);
	assert_int_equal(resolvers->count, 0);
	assert_int_equal(ask(resolvers, 7, 11, 2000, true), SW_STRANGER); /* learnt by this one */
	assert_int_equal(ask(resolvers, 7, 9, 2001, true), SW_RESOLVER);
	assert_int_equal(resolvers->count, 1);
	assert_int_equal(told.known, 1);
	assert_int_equal(told.hops, 10);
	/* not while something is on */
	ask(resolvers, 8, 10, 0, false);
	ask(resolvers, 8, 10, 3000, false);
	/* not from here and there */
	ask(resolvers, 9, 10, 0, true);
	ask(resolvers, 9, 14, 3000, true);
	/* nor who was first seen before an attack began */
	ask(resolvers, 10, 10, 4000, true);
	sw_resolvers_distrust(resolvers);
	ask(resolvers, 10, 10, 9000, true);
	assert_int_equal(resolvers->count, 1);
	free(resolvers);
}

static void learnt(struct sw_resolvers *resolvers, uint32_t source, uint8_t hops, uint64_t now_ms)
{
	ask(resolvers, source, hops, now_ms, true);
	ask(resolvers, source, hops, now_ms + 2000, true);
}

static void test_hops(void **state)
{
	(void)state;
	assert_int_equal(sw_hops_passed(64), 0);
	assert_int_equal(sw_hops_passed(50), 14);
	assert_int_equal(sw_hops_passed(32), 0);
	assert_int_equal(sw_hops_passed(0), 32);
	assert_int_equal(sw_hops_passed(65), 63);
	assert_int_equal(sw_hops_passed(120), 8);
	assert_int_equal(sw_hops_passed(129), 126);
	assert_int_equal(sw_hops_passed(255), 0);
}

static void test_spoofed(void **state)
{
	(void)state;
	struct sw_resolvers *resolvers = resolvers_new(1);
	learnt(resolvers, 7, 10, 0);
	/* two other distances */
	assert_int_equal(ask(resolvers, 7, 15, 3000, true), SW_RESOLVER);
	assert_int_equal(ask(resolvers, 7, 18, 3100, true), SW_SPOOFED);
	assert_int_equal(ask(resolvers, 7, 10, 3200, true), SW_RESOLVER);
	/* one other, and its own in turn */
	learnt(resolvers, 8, 10, 0);
	assert_int_equal(ask(resolvers, 8, 15, 3000, true), SW_RESOLVER);
	assert_int_equal(ask(resolvers, 8, 10, 3100, true), SW_RESOLVER);
	assert_int_equal(ask(resolvers, 8, 15, 3200, true), SW_SPOOFED);
	/* what was odd long ago says nothing */
	assert_int_equal(ask(resolvers, 8, 10, 3300, true), SW_RESOLVER);
	assert_int_equal(ask(resolvers, 8, 20, 60000, true), SW_RESOLVER);
	assert_int_equal(resolvers->count, 2);
	free(resolvers);
}

static void test_moved(void **state)
{
	(void)state;
	struct sw_resolvers *resolvers = resolvers_new(1);
	learnt(resolvers, 7, 10, 0);
	for (uint64_t i = 0; i < 40; i++)
		assert_int_equal(ask(resolvers, 7, 15, 5000 + 1000 * i, true), SW_RESOLVER);
	assert_int_equal(told.known, 2);
	assert_int_equal(told.hops, 15);
	assert_int_equal(ask(resolvers, 7, 10, 46000, true), SW_RESOLVER);
	assert_int_equal(ask(resolvers, 7, 12, 46100, true), SW_SPOOFED);
	/* nobody moves during an attack */
	learnt(resolvers, 8, 10, 0);
	for (uint64_t i = 0; i < 40; i++)
		ask(resolvers, 8, 15, 5000 + 1000 * i, false);
	assert_int_equal(told.known, 3);
	free(resolvers);
}

static void test_forgetting(void **state)
{
	(void)state;
	struct sw_resolvers *resolvers = resolvers_new(1);
	for (uint32_t source = 0; source < 1000; source++)
		learnt(resolvers, source, 10, 0);
	for (uint32_t source = 0; source < 500; source++)
		ask(resolvers, source, 10, 100 * HOUR_MS, true);
	for (unsigned i = 0; i < SW_RESOLVER_BUCKETS; i++)
		sw_resolvers_sweep(resolvers, 167 * HOUR_MS);
	assert_int_equal(resolvers->count, 1000);
	for (unsigned i = 0; i < SW_RESOLVER_BUCKETS; i++)
		sw_resolvers_sweep(resolvers, 168 * HOUR_MS + 3000);
	assert_int_equal(resolvers->count, 500);
	assert_int_equal(told.forgotten, 500);
	free(resolvers);
}

/** Three thousand that have asked for some minutes; then a million addresses that ask twice each, slowly
 * enough to be taken for resolvers. */
static void test_flood(void **state)
{
	(void)state;
	struct sw_resolvers *resolvers = resolvers_new(3);
	unsigned left = 0;
	for (uint64_t minute = 0; minute < 6; minute++) {
		for (uint32_t source = 0; source < 3000; source++)
			ask(resolvers, source, 10, minute * 60000 + source, true);
	}
	assert_int_equal(resolvers->count, 3000);
	for (uint32_t source = 0; source < 1 << 20; source++) {
		uint64_t now_ms =
			600000 +
			source / 5000 * 5000ull; /* some at a time, or the candidates push out one another */
		ask(resolvers, 1000000 + source, 10, now_ms, true);
		if (source % 5000 == 4999) {
			for (uint32_t again = source - 4999; again <= source; again++)
				ask(resolvers, 1000000 + again, 10, now_ms + 2500, true);
		}
	}
	assert_true(resolvers->count > 60000 && resolvers->count <= SW_RESOLVERS_MAX);
	for (uint32_t source = 0; source < 3000; source++)
		left += ask(resolvers, source, 10, 3 * HOUR_MS, false) == SW_RESOLVER;
	assert_int_equal(left, 3000);
	assert_int_equal(told.known - told.forgotten, resolvers->count);
	/* a day without them, and there is room again */
	for (uint32_t source = 5000000; source < 5001000; source++)
		learnt(resolvers, source, 10, 30 * HOUR_MS);
	for (uint32_t source = 5000000; source < 5001000; source++)
		left += ask(resolvers, source, 10, 30 * HOUR_MS + 3000, false) == SW_RESOLVER;
	assert_int_equal(left, 4000);
	free(resolvers);
}

/** The next source that falls into the first bucket. */
static uint32_t next_in_bucket(const struct sw_resolvers *resolvers, uint32_t source)
{
	for (;; source++) {
		struct sw_sample sample = question_of(source, 10, 0, SW_VERDICT_ANSWERED);
		if (sw_print_address(&resolvers->key, sample.source, 4) % SW_RESOLVER_BUCKETS == 0)
			return source;
	}
}

/** Addresses that crowd one bucket under one key are spread under another. */
static void test_keyed(void **state)
{
	(void)state;
	struct sw_resolvers *chosen_for = resolvers_new(4), *other = resolvers_new(5);
	uint32_t source = 0;
	for (unsigned found = 0; found < 64; found++, source++) {
		source = next_in_bucket(chosen_for, source);
		learnt(chosen_for, source, 10, 0);
		learnt(other, source, 10, 0);
	}
	assert_int_equal(chosen_for->count, SW_RESOLVER_WAYS);
	assert_int_equal(other->count, 64);
	free(chosen_for);
	free(other);
}

/** And those that have been in it for some minutes stay, until nothing is heard of them for a day. */
static void test_full_bucket(void **state)
{
	(void)state;
	struct sw_resolvers *resolvers = resolvers_new(6);
	uint32_t inside[SW_RESOLVER_WAYS], source = 0;
	for (unsigned i = 0; i < SW_RESOLVER_WAYS; i++, source++) {
		inside[i] = source = next_in_bucket(resolvers, source);
		for (uint64_t minute = 0; minute < 6; minute++)
			ask(resolvers, source, 10, minute * 60000, true);
	}
	for (unsigned i = 0; i < 100; i++, source++) {
		source = next_in_bucket(resolvers, source);
		learnt(resolvers, source, 10, HOUR_MS);
		assert_int_equal(ask(resolvers, source, 10, HOUR_MS + 3000, true), SW_STRANGER);
	}
	for (unsigned i = 0; i < SW_RESOLVER_WAYS; i++)
		assert_int_equal(ask(resolvers, inside[i], 10, HOUR_MS + i, true), SW_RESOLVER);
	learnt(resolvers, next_in_bucket(resolvers, source + 1), 10, 26 * HOUR_MS);
	assert_int_equal(resolvers->count, SW_RESOLVER_WAYS);
	/* the longest unheard of went first */
	assert_int_equal(ask(resolvers, inside[0], 10, 26 * HOUR_MS, true), SW_STRANGER);
	assert_int_equal(ask(resolvers, inside[7], 10, 26 * HOUR_MS, true), SW_RESOLVER);
	free(resolvers);
}

static void test_connected(void **state)
{
	(void)state;
	struct sw_resolvers *resolvers = resolvers_new(1);
	struct sw_sample sample = question_of(7, 2, 0, SW_VERDICT_TCP_PASS);
	uint64_t print = sw_print_address(&resolvers->key, sample.source, 4);
	sw_resolvers_connected(resolvers, print, &sample, 0, true);
	sw_resolvers_connected(resolvers, print, &sample, 2500, true);
	assert_int_equal(resolvers->count, 1);
	/* TCP from another TTL than UDP: no spoofing */
	learnt(resolvers, 8, 10, 0);
	sample = question_of(8, 2, 0, SW_VERDICT_TCP_PASS);
	print = sw_print_address(&resolvers->key, sample.source, 4);
	for (uint64_t i = 0; i < 10; i++) {
		sw_resolvers_connected(resolvers, print, &sample, 3000 + i, true);
		assert_int_equal(ask(resolvers, 8, 10, 3000 + i, true), SW_RESOLVER);
	}
	free(resolvers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_learning), cmocka_unit_test(test_hops),
		cmocka_unit_test(test_spoofed), cmocka_unit_test(test_moved),
		cmocka_unit_test(test_forgetting), cmocka_unit_test(test_flood), cmocka_unit_test(test_keyed),
		cmocka_unit_test(test_full_bucket), cmocka_unit_test(test_connected)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
