/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The controller as a whole: when it refuses, when it does not, and how soon. */
#include "run.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct sw_controller_settings defaults = {
	.limits = {.busy = 0.97}, .network_qps = 1000, .seed = 1};

static const struct askers resolvers = {{192, 0, 2}, 200, 2000, 300, true, 9, 0},
			   local = {{127, 0, 0}, 1, 2000000, 300, true, 0, 0},
			   client = {{198, 51, 100}, 1, 2000000, 300, true, 5, 0},
			   crowd_known = {{192, 0, 2}, 200, 1500000, 3, true, 9, 0},
			   crowd_new = {{203, 0, 113}, 1000, 500000, 3, true, 7, 0},
			   retries = {{192, 0, 2}, 200, 60000, 300, true, 9, 0},
			   bots = {{10, 0, 0}, 10000, 2500000, 0, false, 11, 0};

static void peace(struct run *run, unsigned ticks)
{
	run->busy = 0.1;
	for (unsigned i = 0; i < ticks; i++) {
		run_tick(run, &resolvers, 1);
		assert_int_equal(run->orders.is_watching, 0);
	}
}

/** Half a minute in which a core is full, and nobody is refused. */
static void nobody_is_refused(struct run *run, const struct askers *askers, unsigned count)
{
	run->busy = 1;
	for (unsigned i = 0; i < 300; i++) {
		run_tick(run, askers, count);
		assert_false(run_refuses(run));
	}
}

/* A node seconds old, and somebody who asks as fast as he is answered: it is for nobody that he should wait.
 * What he is held to is the allowance of his network, since it might be another who asks in his name: he is
 * sent to TCP, and has proven himself then. On this machine nobody else can. */
static void test_one_client_at_full_speed_is_no_attack(void **state)
{
	struct run *run = run_new(&defaults);
	(void)state;
	nobody_is_refused(run, &client, 1);
	assert_true(run->limited > 0);
	run_free(run);
	run = run_new(&defaults);
	nobody_is_refused(run, &local, 1);
	assert_int_equal(run->orders.is_watching, 0);
	run_free(run);
}

static void test_crowds_and_retries_are_no_attack(void **state)
{
	const struct askers crowd[] = {crowd_known, crowd_new};
	struct run *run = run_new(&(struct sw_controller_settings){.limits = defaults.limits, .seed = 1});
	(void)state;
	peace(run, 300);
	nobody_is_refused(run, crowd, 2);
	run_free(run);
	run = run_new(&defaults);
	peace(run, 300);
	nobody_is_refused(run, &retries, 1);
	assert_int_equal(run->orders.is_watching, 0);
	run_free(run);
}

/* Seen and met within a second or so, and as long as it lasts. */
static void test_a_wave_is_met(void **state)
{
	const struct askers wave[] = {resolvers, bots};
	struct run *run = run_new(&defaults);
	unsigned ticks = 0;
	(void)state;
	peace(run, 300);
	run->busy = 1;
	while (!run_refuses(run) && ticks++ < 100)
		run_tick(run, wave, 2);
	print_message("met after %u ms\n", 100 * ticks);
	assert_in_range(ticks, 1, 12);
	for (unsigned i = 0; i < 3000; i++) {
		run_tick(run, wave, 2);
		assert_true(run_refuses(run));
		assert_int_equal(run->orders.policy.admit[SW_LANE_KNOWN], SW_ADMIT_ALL);
		assert_int_equal(run->orders.policy.admit[SW_LANE_KNOWN_MISSING], SW_ADMIT_ALL);
	}
	peace(run, 0);
	for (ticks = 0; run_refuses(run) && ticks < 100; ticks++)
		run_tick(run, &resolvers, 1);
	assert_in_range(ticks, 0, 3);
	run_free(run);
}

/* Beyond its allowance for a while, by sources that nobody knows: and let go again. */
static void loud_network(const struct askers *strangers)
{
	const struct askers both[] = {resolvers, *strangers};
	struct run *run = run_new(&defaults);
	unsigned ticks = 0;
	peace(run, 310);
	while (run->limited == 0 && ticks++ < 100)
		run_tick(run, both, 2);
	print_message("limited after %u ms\n", 100 * ticks);
	assert_in_range(ticks, 10 * SW_NETWORK_PATIENCE_S, 60);
	assert_true(run->orders.is_watching & SW_WATCHING_NETWORKS);
	for (ticks = 0; run->released == 0 && ticks < 1000; ticks++)
		run_tick(run, &resolvers, 1);
	assert_in_range(ticks, 0, 600 + 10 * SW_NETWORK_HOLD_S);
	assert_int_equal(run->orders.is_watching, 0);
	run_free(run);
}

static void test_loud_networks_are_held_to_their_allowance(void **state)
{
	(void)state;
	loud_network(&(struct askers){{203, 0, 113}, 200, 5000, 0, false, 7, 0});
}

/* None of these is beyond its allowance as a /24 is, all together are. */
static void test_so_are_wide_ones(void **state)
{
	(void)state;
	loud_network(&(struct askers){{203, 0, 0}, 20000, 40000, 0, false, 7, 0});
}

static void test_so_are_single_addresses(void **state)
{
	(void)state;
	loud_network(&(struct askers){{203, 0, 113}, 1, 500, 0, false, 7, 0});
}

/* A victim in whose name somebody asks until it is known, and then for more. */
static void test_so_are_known_ones_with_more_patience(void **state)
{
	(void)state;
	struct run *run = run_new(&defaults);
	const struct askers quiet[] = {resolvers, {{198, 51, 100}, 1, 50, 1, true, 7, 0}};
	const struct askers busy[] = {resolvers, {{198, 51, 100}, 1, 12000, 1, true, 7, 0}};
	const struct askers flood[] = {resolvers, {{198, 51, 100}, 1, 30000, 1, true, 7, 0}};
	peace(run, 310);
	for (unsigned i = 0; i < 100; i++)
		run_tick(run, quiet, 2);
	for (unsigned i = 0; i < 150; i++)
		run_tick(run, busy, 2);
	assert_int_equal(run->limited, 0);
	for (unsigned i = 0; run->limited == 0 && i < 150; i++)
		run_tick(run, flood, 2);
	assert_true(run->limited > 0);
	run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_client_at_full_speed_is_no_attack),
		cmocka_unit_test(test_crowds_and_retries_are_no_attack),
		cmocka_unit_test(test_a_wave_is_met),
		cmocka_unit_test(test_loud_networks_are_held_to_their_allowance),
		cmocka_unit_test(test_so_are_wide_ones),
		cmocka_unit_test(test_so_are_single_addresses),
		cmocka_unit_test(test_so_are_known_ones_with_more_patience),
	};
	return cmocka_run_group_tests_name("controller", tests, NULL, NULL);
}
