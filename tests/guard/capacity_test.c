/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The capacity controller against a node that is simulated: what comes in, what the orders let through. */
#include "guard/capacity.h"
#include "guard/policy.h"
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct node {
	struct sw_capacity capacity;
	struct sw_orders orders;
	struct sw_capacity_load load;
	float zones[SW_ZONE_SHARES];
	double answered[SW_LANE_COUNT], refused[SW_LANE_COUNT]; /* in the last tick, per second */
	double missing_punts; /* share of the questions for names that do not exist that user space answers */
	double core_ns;	      /* of an answer; 0: cores do not matter */
};

static struct node *node_new(const struct sw_capacity_limits *limits)
{
	struct node *node = calloc(1, sizeof(*node));
	assert_non_null(node);
	sw_capacity_start(&node->capacity, limits);
	sw_policy_default(&node->orders.policy);
	return node;
}

static double share(uint32_t admit)
{
	return admit == SW_ADMIT_ALL ? 1 : admit / 4294967296.0;
}

/** Names that do not exist, of one lane, after the shares of the zones. */
static double missing_share(const struct node *node)
{
	double all = 0, let = 0;
	for (unsigned i = 0; i < SW_ZONE_SHARES; i++) {
		all += node->zones[i];
		let += node->zones[i] * share(~node->orders.missing_refuse[i]);
	}
	return all > 0 ? let / all : 1;
}

/** A tenth of a second: offered questions per second by lane. */
static void tick(struct node *node, const double offered[SW_LANE_COUNT])
{
	struct sw_capacity_load *load = &node->load;
	double core_ns = 0;
	memset(load, 0, sizeof(*load));
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++) {
		double let = node->orders.is_watching ? share(node->orders.policy.admit[lane]) : 1;
		if (node->orders.is_watching && sw_lane_is_missing((enum sw_lane)lane))
			let *= missing_share(node);
		node->answered[lane] = let * offered[lane];
		node->refused[lane] = offered[lane] - node->answered[lane];
		load->queries_qps += offered[lane];
		double truncated = node->orders.dropped_lanes >> lane & 1 ? 0 : node->refused[lane];
		load->answered_qps += node->answered[lane];
		load->truncated_qps += truncated;
		load->egress_bps += 8 * (200 * node->answered[lane] + 60 * truncated);
		core_ns += node->core_ns *
			   (node->answered[lane] + 0.7 * truncated + 0.4 * (node->refused[lane] - truncated));
		if (sw_lane_is_missing((enum sw_lane)lane))
			load->punts_qps += node->missing_punts * node->answered[lane];
		load->lane_qps[lane] = node->orders.is_watching ? offered[lane] : 0;
	}
	load->busy = fmin(1, core_ns / 1e9);
	load->zone_missing_qps = node->zones;
	sw_capacity_tick(&node->capacity, load, &node->orders);
}

static void ticks(struct node *node, const double offered[SW_LANE_COUNT], unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		tick(node, offered);
}

static const double peace[SW_LANE_COUNT] = {
	[SW_LANE_KNOWN] = 2000, [SW_LANE_NEW] = 100, [SW_LANE_KNOWN_MISSING] = 200};

static void test_without_limits_nobody_is_looked_at(void **state)
{
	struct node *node = node_new(&(struct sw_capacity_limits){0});
	const double flood[SW_LANE_COUNT] = {2000, 0, 50000, 200, 0, 900000, 0, 0};
	(void)state;
	ticks(node, flood, 100);
	assert_int_equal(node->orders.is_watching, 0);
	free(node);
}

static void test_in_peace_nobody_is_refused(void **state)
{
	struct node *node = node_new(&(struct sw_capacity_limits){.egress_bps = 50e6});
	(void)state;
	for (unsigned i = 0; i < 600; i++) {
		tick(node, peace);
		assert_int_equal(node->orders.is_watching, 0);
	}
	free(node);
}

/* An egress that bears a fifth of the flood: the known are answered, strangers as far as there is room. */
static void test_lanes_wait_in_their_order(void **state)
{
	struct node *node = node_new(&(struct sw_capacity_limits){.egress_bps = 20e6});
	const double flood[SW_LANE_COUNT] = {[SW_LANE_KNOWN] = 2000,
		[SW_LANE_RETRY] = 100,
		[SW_LANE_NEW] = 4000,
		[SW_LANE_KNOWN_MISSING] = 200,
		[SW_LANE_SUSPECT] = 30000};
	double egress = 0;
	(void)state;
	ticks(node, flood, 50);
	for (unsigned i = 0; i < 50; i++) {
		tick(node, flood);
		assert_true(node->refused[SW_LANE_KNOWN] == 0 && node->refused[SW_LANE_RETRY] == 0);
		egress += node->load.egress_bps / 50;
	}
	assert_true(node->refused[SW_LANE_SUSPECT] > 0.5 * flood[SW_LANE_SUSPECT]);
	assert_true(node->refused[SW_LANE_NEW] < 0.5 * flood[SW_LANE_NEW]);
	assert_true(egress < 1.1 * 20e6);
	free(node);
}

/* The moment the load falls, everything is as before. */
static void test_calm_comes_back_at_once(void **state)
{
	struct node *node = node_new(&(struct sw_capacity_limits){.egress_bps = 20e6});
	const double flood[SW_LANE_COUNT] = {[SW_LANE_KNOWN] = 2000, [SW_LANE_NEW_MISSING] = 100000};
	(void)state;
	ticks(node, flood, 100);
	assert_int_equal(node->orders.is_watching, 1);
	unsigned refused_ticks = 0, watched_ticks = 0;
	for (unsigned i = 0; i < 100; i++) {
		tick(node, peace);
		for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
			refused_ticks += node->refused[lane] > 0;
		watched_ticks += node->orders.is_watching;
	}
	assert_true(refused_ticks <= 5); /* half a second */
	assert_true(watched_ticks <= 20);
	assert_int_equal(node->orders.is_watching, 0);
	free(node);
}

/* A lane is filled before the next one gets anything: above one that is refused, none is; below, all are. */
static void test_no_lane_is_passed_over(void **state)
{
	const double flood[SW_LANE_COUNT] = {[SW_LANE_KNOWN] = 2000,
		[SW_LANE_RETRY] = 500,
		[SW_LANE_NEW] = 3000,
		[SW_LANE_DOUBTFUL] = 3000,
		[SW_LANE_SUSPECT] = 9000};
	(void)state;
	for (double egress_bps = 5e6; egress_bps < 30e6; egress_bps += 1e6) {
		struct node *node = node_new(&(struct sw_capacity_limits){.egress_bps = egress_bps});
		ticks(node, flood, 100);
		bool is_full = false;
		for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++) {
			if (flood[lane] <= 0)
				continue;
			if (sw_lane_is_safe((enum sw_lane)lane))
				assert_true(node->refused[lane] == 0);
			else if (is_full)
				assert_true(node->answered[lane] < 0.01 * flood[lane]);
			is_full |= node->refused[lane] > 0.01 * flood[lane];
		}
		free(node);
	}
}

/* Questions that user space has to answer are what is scarce: names that do not exist wait, until they are
 * as few as can be borne, and when they stop all is as before. */
static void test_punts_are_kept_within_their_limit(void **state)
{
	struct node *node = node_new(&(struct sw_capacity_limits){.punts_qps = 1000});
	const double flood[SW_LANE_COUNT] = {
		[SW_LANE_KNOWN] = 2000, [SW_LANE_NEW] = 100, [SW_LANE_SUSPECT_MISSING] = 50000};
	double punts = 0;
	(void)state;
	node->missing_punts = 0.5;
	ticks(node, flood, 50);
	for (unsigned i = 0; i < 50; i++) {
		tick(node, flood);
		assert_int_equal(node->capacity.scarce, SW_RESOURCE_PUNTS);
		assert_true(node->refused[SW_LANE_KNOWN] == 0);
		punts += node->load.punts_qps / 50;
	}
	assert_true(punts < 1.1 * 1000);
	assert_true(punts > 0);
	ticks(node, peace, 3);
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
		assert_true(node->refused[lane] == 0);
	ticks(node, peace, 20);
	assert_int_equal(node->orders.is_watching, 0);
	free(node);
}

/* One zone's random names are answered at that zone's expense: others keep their share. */
static void test_zones_have_a_share_each(void **state)
{
	struct node *node = node_new(&(struct sw_capacity_limits){.answers_qps = 10000});
	const double flood[SW_LANE_COUNT] = {[SW_LANE_KNOWN] = 2000, [SW_LANE_NEW_MISSING] = 50000};
	(void)state;
	node->zones[7] = 49000;
	for (unsigned i = 0; i < 10; i++)
		node->zones[100 + i] = 100;
	ticks(node, flood, 100);
	assert_int_equal(node->orders.is_watching, 1);
	assert_true(node->orders.missing_refuse[7] > 0x80000000u);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(node->orders.missing_refuse[100 + i], 0);
	free(node);
}

/* Where even saying TC=1 to all is too much, the worst lanes are dropped, and only those. */
static void test_the_worst_lanes_are_dropped(void **state)
{
	struct node *node = node_new(&(struct sw_capacity_limits){.answers_qps = 10000});
	const double flood[SW_LANE_COUNT] = {
		[SW_LANE_KNOWN] = 2000, [SW_LANE_NEW] = 3000, [SW_LANE_SUSPECT] = 200000};
	(void)state;
	ticks(node, flood, 100);
	assert_true(node->orders.dropped_lanes >> SW_LANE_SUSPECT & 1);
	assert_false(node->orders.dropped_lanes >> SW_LANE_KNOWN & 1);
	assert_true(node->refused[SW_LANE_KNOWN] == 0);
	free(node);
}

/* Cores that are full: the room is found without being told. */
static void test_room_is_found_by_the_cores(void **state)
{
	struct node *node = node_new(&(struct sw_capacity_limits){.busy = 0.97});
	const double flood[SW_LANE_COUNT] = {[SW_LANE_KNOWN] = 100000,
		[SW_LANE_KNOWN_MISSING] = 50000,
		[SW_LANE_SUSPECT_MISSING] = 5000000};
	double answered = 0;
	(void)state;
	node->core_ns = 400; /* 2.5 million a second */
	for (unsigned i = 0; i < 200; i++) {
		tick(node, flood);
		assert_true(node->refused[SW_LANE_KNOWN] == 0 && node->refused[SW_LANE_KNOWN_MISSING] == 0);
		answered += i >= 100 ? node->load.answered_qps / 100 : 0;
	}
	assert_true(answered >= 100000 && answered < 2.5e6);
	assert_true(node->load.busy <= 1);
	free(node);
}

/* A flash crowd within the limits is nothing to be refused. */
static void test_a_crowd_that_fits_is_welcome(void **state)
{
	struct node *node = node_new(&(struct sw_capacity_limits){.egress_bps = 100e6, .busy = 0.97});
	const double crowd[SW_LANE_COUNT] = {[SW_LANE_KNOWN] = 6000, [SW_LANE_NEW] = 14000};
	(void)state;
	node->core_ns = 400;
	for (unsigned i = 0; i < 200; i++) {
		tick(node, i < 50 ? peace : crowd);
		for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
			assert_true(node->refused[lane] == 0);
	}
	free(node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_limits_nobody_is_looked_at),
		cmocka_unit_test(test_in_peace_nobody_is_refused),
		cmocka_unit_test(test_lanes_wait_in_their_order),
		cmocka_unit_test(test_calm_comes_back_at_once),
		cmocka_unit_test(test_no_lane_is_passed_over),
		cmocka_unit_test(test_punts_are_kept_within_their_limit),
		cmocka_unit_test(test_zones_have_a_share_each),
		cmocka_unit_test(test_the_worst_lanes_are_dropped),
		cmocka_unit_test(test_room_is_found_by_the_cores),
		cmocka_unit_test(test_a_crowd_that_fits_is_welcome),
	};
	return cmocka_run_group_tests_name("capacity", tests, NULL, NULL);
}
