/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole, fed by hand: windows, networks, memory, odd input. */
#include "answer/traits.h"
#include "sense/inside.h"
#include "support.h"
#include <malloc.h>
#include <math.h>
#include <time.h>

struct node {
	struct sw_sense *sense;
	struct heard heard;
	struct sw_tick tick;
};

static void node_start(struct node *node)
{
	memset(node, 0, sizeof(*node));
	assert_int_equal(sw_sense_new(&node->sense, 1, hear, NULL, &node->heard), 0);
	node->tick.time_ms = 1000;
	sw_sense_tick(node->sense, &node->tick);
}

static void tick(struct node *node, uint64_t ms)
{
	node->tick.time_ms += ms;
	sw_sense_tick(node->sense, &node->tick);
}

static void pass(struct node *node, const struct sw_sample *sample)
{
	node->tick.counts[sample->verdict] += sample->weight;
	sw_sense_sample(node->sense, sample);
}

/** A minute of five hundred resolvers that ask for a thousand names, 400 times a second. */
static void peace(struct node *node, unsigned windows)
{
	static uint64_t n;
	for (; windows > 0; windows--) {
		for (int i = 0; i < 100; i++, n++) {
			uint32_t source = (uint32_t)(random_of(n) % 500);
			struct sw_sample sample = question_of(source, (uint8_t)(4 + source % 18),
				(uint32_t)(random_of(n) >> 40) % 1000, SW_VERDICT_ANSWERED);
			pass(node, &sample);
		}
		tick(node, 250);
	}
}

static void test_known(void **state)
{
	(void)state;
	struct node node;
	struct sw_sense_state its;
	uint8_t hops = 0;
	node_start(&node);
	peace(&node, 240);
	sw_sense_state(node.sense, &its);
	assert_int_equal(its.known, 500);
	assert_true(its.is_peace && its.unknown_share < 0.01);
	assert_true(its.usual_qps > 390 && its.usual_qps < 480);
	assert_true(sw_sense_knows(node.sense, (const uint8_t[]){20, 0, 0, 0}, 4, &hops));
	assert_int_equal(hops, 6);
	assert_false(sw_sense_knows(node.sense, (const uint8_t[]){20, 2, 0, 0}, 4, NULL));
	assert_false(sw_sense_knows(node.sense, (const uint8_t[16]){20}, 16, NULL));
	assert_false(sw_sense_knows(node.sense, (const uint8_t[16]){20}, 7, NULL));
	assert_int_equal(node.heard.count, 0);
	sw_sense_free(node.sense);
}

/** Counters are divided as samples are, also when only a few of them came through. */
static void test_shares(void **state)
{
	(void)state;
	struct node node;
	struct sw_vector_state its;
	node_start(&node);
	peace(&node, 240);
	for (uint64_t i = 0; i < 250; i++) {
		struct sw_sample sample = question_of(i % 5 ? 1000000 + (uint32_t)i : 3, i % 5 ? 9 : 7,
			1000000 + (uint32_t)i, SW_VERDICT_NXDOMAIN);
		sample.weight = 10;
		sw_sense_sample(node.sense, &sample);
	}
	node.tick.counts[SW_VERDICT_NXDOMAIN] += 5000; /* half of the samples were lost */
	tick(&node, 500);
	sw_sense_vector(node.sense, SW_VECTOR_RANDOM, &its);
	assert_true(its.rate_pps > 7999 && its.rate_pps < 8001);
	sw_sense_vector(node.sense, SW_VECTOR_RELAYED, &its);
	assert_true(its.rate_pps > 1999 && its.rate_pps < 2001);
	/* none came through at all */
	node.tick.counts[SW_VERDICT_NXDOMAIN] += 5000;
	tick(&node, 500);
	sw_sense_vector(node.sense, SW_VECTOR_RANDOM, &its);
	assert_true(its.rate_pps > 7999 && its.rate_pps < 8001);
	sw_sense_free(node.sense);
}

/** TCP of known resolvers is theirs as far as they ask; beyond that somebody uses their addresses. */
static void test_tcp_of_the_known(void **state)
{
	(void)state;
	struct node node;
	struct sw_vector_state its;
	node_start(&node);
	peace(&node, 240);
	for (int many = 1; many <= 100; many *= 10) {
		for (uint32_t i = 0; i < 10; i++) {
			struct sw_sample sample = question_of(i, 1, 0, SW_VERDICT_TCP_SYN);
			sample.weight = (uint32_t)many;
			pass(&node, &sample);
		}
		peace(&node, 1);
		sw_sense_vector(node.sense, SW_VECTOR_SYN, &its);
		assert_int_equal((int)its.rate_pps, many == 100 ? 4000 - 400 : 0);
	}
	sw_sense_free(node.sense);
}

/** The only zone has lost its names, by a reload that went wrong: those who ask for them attack nobody. Nor
 * do they when they ask again and again for what never existed. */
static void test_lost_names(void **state)
{
	(void)state;
	struct node node;
	node_start(&node);
	peace(&node, 480);
	for (uint64_t i = 0; i < 60000; i++) {
		uint32_t source = (uint32_t)(random_of(i) % 500);
		struct sw_sample sample = question_of(source, (uint8_t)(4 + source % 18),
			(uint32_t)(random_of(i) >> 40) % 1000, SW_VERDICT_NXDOMAIN);
		pass(&node, &sample);
		if (i % 500 == 499) /* five times as often as before */
			tick(&node, 250);
	}
	assert_int_equal(node.heard.count, 0);
	sw_sense_free(node.sense);
}

/** One name, asked for by strangers alone: bots. Three in ten are known resolvers: a crowd. */
static void test_few_names(void **state)
{
	(void)state;
	for (int is_crowd = 0; is_crowd <= 1; is_crowd++) {
		struct node node;
		struct sw_vector_state existing, crowd;
		node_start(&node);
		peace(&node, 240);
		for (uint32_t i = 0; i < 8000; i++) {
			uint32_t known = (uint32_t)(random_of(i) % 500);
			bool is_known = is_crowd && i % 10 < 3;
			struct sw_sample sample = question_of(is_known ? known : 100000 + i % 700,
				is_known ? (uint8_t)(4 + known % 18) : 9, 1, SW_VERDICT_ANSWERED);
			pass(&node, &sample);
			if (i % 1000 == 999)
				peace(&node, 1);
		}
		sw_sense_vector(node.sense, SW_VECTOR_EXISTING, &existing);
		sw_sense_vector(node.sense, SW_VECTOR_FLASH_CROWD, &crowd);
		assert_int_equal(existing.is_on, !is_crowd);
		assert_int_equal(crowd.is_on, is_crowd);
		sw_sense_free(node.sense);
	}
}

/** Below a wildcard every name exists: random ones are what they are elsewhere, and much wanted ones are no
 * attack. */
static void test_wildcard(void **state)
{
	static const struct {
		bool is_known, is_random;
		enum sw_vector on;
	} rows[] = {
		{true, true, SW_VECTOR_RELAYED},
		{false, true, SW_VECTOR_RANDOM},
		{true, false, SW_VECTOR_COUNT},
	};
	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		struct node node;
		node_start(&node);
		peace(&node, 240);
		for (uint32_t i = 0; i < 4000; i++) {
			uint32_t known = (uint32_t)(random_of(i) % 500);
			uint32_t name = rows[row].is_random ? 100000 + i : 50000 + i % 500;
			struct sw_sample sample = question_of(rows[row].is_known ? known : 100000 + i % 700,
				rows[row].is_known ? (uint8_t)(4 + known % 18) : 9, name,
				SW_VERDICT_ANSWERED);
			sample.features = SW_FEATURE_PUT(WILDCARD, 1);
			pass(&node, &sample);
			if (i % 500 == 499)
				peace(&node, 1);
		}
		for (unsigned vector = 0; vector < SW_VECTOR_COUNT; vector++) {
			struct sw_vector_state its;
			sw_sense_vector(node.sense, vector, &its);
			if (its.is_on != (vector == rows[row].on))
				fail_msg("row %zu: %s is %s", row, sw_vector_label(vector),
					its.is_on ? "on" : "off");
		}
		sw_sense_free(node.sense);
	}
}

/** A flood of questions for what is not served here. */
static void test_no_zone(void **state)
{
	(void)state;
	struct node node;
	struct sw_vector_state its;
	node_start(&node);
	peace(&node, 240);
	for (int window = 0; window < 8; window++) {
		node.tick.counts[SW_VERDICT_REFUSED] += 500;
		peace(&node, 1);
	}
	sw_sense_vector(node.sense, SW_VECTOR_JUNK, &its);
	assert_true(its.is_on);
	sw_sense_free(node.sense);
}

/** Who was first seen just before an attack does not become known after it. */
static void test_distrust(void **state)
{
	(void)state;
	struct node node;
	node_start(&node);
	peace(&node, 240);
	for (int time = 0; time < 2; time++) {
		for (uint32_t i = 0; i < 20; i++) {
			struct sw_sample sample = question_of(5000 + i, 9, i, SW_VERDICT_ANSWERED);
			pass(&node, &sample);
		}
		peace(&node, 1);
		node.tick.counts[SW_VERDICT_DROP_GRE] += 500;
		peace(&node, 1);
		node.tick.counts[SW_VERDICT_DROP_GRE] += 500;
		peace(&node, 60);
	}
	assert_int_equal(node.heard.count, 6);
	assert_int_equal(sw_sense_known_count(node.sense), 500);
	sw_sense_free(node.sense);
}

static void test_networks(void **state)
{
	(void)state;
	struct node node;
	struct sw_network networks[SW_SENSE_NETWORKS_MAX];
	unsigned count, sizes = 0;
	node_start(&node);
	for (uint32_t i = 0; i < 3000; i++) {
		struct sw_sample sample = question_of(0, 9, i, SW_VERDICT_NXDOMAIN);
		if (i % 3 == 0)
			memcpy(sample.source,
				(const uint8_t[]){0x20, 1, 0xd, 0xb8, 0, (uint8_t)1, (uint8_t)i, (uint8_t)i},
				8);
		else
			memcpy(sample.source, (const uint8_t[]){192, 0, 2, (uint8_t)i}, 4);
		sample.address_len = i % 3 == 0 ? 16 : 4;
		pass(&node, &sample);
	}
	for (uint32_t i = 0; i < 3000; i++) { /* nobody answers these, and whoever sends them has a proof */
		struct sw_sample syn = question_of(7, 9, i, SW_VERDICT_TCP_SYN),
				 proven = question_of(8, 9, i, SW_VERDICT_NXDOMAIN);
		proven.facts = SW_FACT_HANDSHAKE;
		pass(&node, &syn);
		pass(&node, &proven);
	}
	tick(&node, 1000);
	count = sw_sense_networks(node.sense, networks, SW_SENSE_NETWORKS_MAX);
	for (unsigned i = 0; i < count; i++) {
		const struct sw_prefix *prefix = &networks[i].prefix;
		bool is_four = prefix->address_len == 4;
		if (prefix->bits != 24 && prefix->bits != 48 && prefix->bits != 16)
			continue; /* single ones, and the widest of IPv6 */
		sizes++;
		assert_int_equal((int)networks[i].rate_pps, is_four ? 2000 : 1000);
		assert_memory_equal(&prefix->first,
			(prefix->bits == 24	     ? (const uint8_t[8]){192, 0, 2}
				: prefix->bits == 16 ? (const uint8_t[8]){192, 0}
						     : (const uint8_t[8]){0x20, 1, 0xd, 0xb8, 0, 1}),
			8);
	}
	assert_int_equal(sizes, 3);
	assert_int_equal(sw_sense_networks(node.sense, networks, 1), 1);
	sw_sense_free(node.sense);
}

/** A clock or counters that do not simply go on decide nothing, and break nothing. */
static void test_odd_ticks(void **state)
{
	(void)state;
	struct node node;
	struct sw_sense_state its;
	node_start(&node);
	peace(&node, 240);
	node.tick.counts[SW_VERDICT_DROP_GRE] += 100000000;
	tick(&node, 60000); /* nobody knows when they came */
	struct sw_tick before = node.tick;
	node.tick.time_ms -= 30000;
	sw_sense_tick(node.sense, &node.tick);
	node.tick = before;
	sw_sense_tick(node.sense, &node.tick);
	memset(node.tick.counts, 0, sizeof(node.tick.counts));
	tick(&node, 250); /* the kernel part was loaded anew */
	peace(&node, 40);
	assert_int_equal(node.heard.count, 0);
	sw_sense_state(node.sense, &its);
	assert_int_equal(its.known, 500);
	sw_sense_free(node.sense);
}

/** Samples may be anything: they come from a ring, or from a file. */
static void test_odd_samples(void **state)
{
	(void)state;
	struct node node;
	node_start(&node);
	for (uint64_t i = 0; i < 300000; i++) {
		struct sw_sample sample;
		uint64_t *words = (uint64_t *)&sample;
		for (size_t word = 0; word < sizeof(sample) / 8; word++)
			words[word] = random_of(i * 32 + word);
		sample.weight = i % 7 == 0 ? 0 : sample.weight;
		if (i % 2) {
			sample.verdict %= SW_VERDICT_COUNT;
			sample.address_len = i % 4 == 1 ? 4 : 16;
		}
		sw_sense_sample(node.sense, &sample);
		if (i % 1000 == 0)
			tick(&node, 250);
	}
	for (enum sw_vector vector = 0; vector < SW_VECTOR_COUNT; vector++) {
		struct sw_vector_state its;
		sw_sense_vector(node.sense, vector, &its);
		assert_true(
			isfinite(its.rate_pps) && isfinite(its.baseline_pps) && isfinite(its.threshold_pps));
	}
	sw_sense_free(node.sense);
}

/** Four million sources: nothing is allocated, and no table is larger than before. */
static void test_constant_memory(void **state)
{
	(void)state;
	struct node node;
	struct sw_vector_state its;
	node_start(&node);
	peace(&node, 240);
	size_t before = mallinfo2().uordblks;
	clock_t begin = clock();
	for (uint32_t i = 0; i < 1 << 22; i++) {
		struct sw_sample sample =
			question_of(i * 0x9e3779b1u, (uint8_t)(i % 30), i, SW_VERDICT_ANSWERED);
		pass(&node, &sample);
		if (i % 5000 == 4999)
			tick(&node, 250);
	}
	double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
	assert_int_equal(mallinfo2().uordblks, before);
	assert_true(sizeof(struct sw_sense) < 8 << 20);
	sw_sense_vector(node.sense, SW_VECTOR_EXISTING, &its);
	assert_true(its.is_on);
	assert_int_equal(sw_sense_known_count(node.sense), 500);
	printf("# %.0f ns a sample, %zu KB\n", seconds / (1 << 22) * 1e9, sizeof(struct sw_sense) >> 10);
	sw_sense_free(node.sense);
}

static void test_labels(void **state)
{
	(void)state;
	assert_string_equal(sw_vector_label(SW_VECTOR_RETRY_STORM), "retry-storm");
	assert_false(sw_vector_is_attack(SW_VECTOR_RETRY_STORM));
	assert_true(sw_vector_is_attack(SW_VECTOR_SYN));
	assert_string_equal(sw_event_label(SW_EVENT_VECTOR_ADDED), "vector_added");
	assert_string_equal(sw_vector_label(SW_VECTOR_COUNT), "");
	assert_string_equal(sw_vector_text(SW_VECTOR_COUNT), "");
	assert_string_equal(sw_event_label(SW_EVENT_COUNT), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_known), cmocka_unit_test(test_shares),
		cmocka_unit_test(test_tcp_of_the_known), cmocka_unit_test(test_lost_names),
		cmocka_unit_test(test_distrust), cmocka_unit_test(test_few_names),
		cmocka_unit_test(test_wildcard), cmocka_unit_test(test_no_zone),
		cmocka_unit_test(test_networks), cmocka_unit_test(test_odd_ticks),
		cmocka_unit_test(test_odd_samples), cmocka_unit_test(test_constant_memory),
		cmocka_unit_test(test_labels)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
