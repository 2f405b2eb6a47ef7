/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The budget of handshakes: what is spent never is more than the share, nobody's share is taken by one
 * prefix. */
#include "serve/budget.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define MS_NS 1000000ull
#define SECOND_NS (1000 * MS_NS)
#define START_NS (12345 * SECOND_NS)

/** Spend whenever it may be, for some seconds. @return what was spent */
static uint64_t spend(
	struct sw_budget *budget, unsigned percent, uint64_t step_ns, uint64_t cost_ns, uint64_t seconds)
{
	uint64_t spent_ns = 0;
	for (uint64_t at = START_NS; at < START_NS + seconds * SECOND_NS; at += step_ns) {
		sw_budget_fill(budget, at, percent);
		while (sw_budget_wait_ns(budget, percent) == 0) {
			sw_budget_charge(budget, 1, cost_ns);
			spent_ns += cost_ns;
		}
	}
	return spent_ns;
}

static void test_share(void **state)
{
	static const unsigned percents[] = {1, 5, 25, 50, 100};
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct sw_budget budget;
		sw_budget_init(&budget, START_NS, 7);
		uint64_t cost_ns = 3 * MS_NS + 1, share_ns = 10 * SECOND_NS * percents[i] / 100;
		uint64_t spent_ns = spend(&budget, percents[i], MS_NS, cost_ns, 10);
		assert_in_range(spent_ns, share_ns - 2 * cost_ns, share_ns + cost_ns);
	}
}

static void test_burst(void **state)
{
	(void)state;
	struct sw_budget budget;
	sw_budget_init(&budget, START_NS, 7);
	sw_budget_fill(&budget, START_NS + 3600 * SECOND_NS, 25); /* an hour of peace saves up no hour */
	unsigned count = 0;
	for (; sw_budget_wait_ns(&budget, 25) == 0; count++)
		sw_budget_charge(&budget, count, MS_NS);
	assert_in_range(count, 20, 26);
}

static void test_wait(void **state)
{
	(void)state;
	struct sw_budget budget;
	sw_budget_init(&budget, START_NS, 7);
	uint64_t at = START_NS;
	sw_budget_charge(&budget, 1, 40 * MS_NS); /* one that costs more than there is */
	uint64_t wait_ns = sw_budget_wait_ns(&budget, 10);
	assert_in_range(wait_ns, 400 * MS_NS, 401 * MS_NS);
	sw_budget_fill(&budget, at += wait_ns / 2, 10);
	assert_int_not_equal(sw_budget_wait_ns(&budget, 10), 0);
	sw_budget_fill(&budget, at += wait_ns / 2 + 20, 10); /* tenths of a nanosecond are lost */
	assert_int_equal(sw_budget_wait_ns(&budget, 10), 0);
}

static void test_heavy(void **state)
{
	(void)state;
	struct sw_budget budget;
	sw_budget_init(&budget, START_NS, 0x9e3779b97f4a7c15);
	assert_false(sw_budget_is_heavy(&budget, 1, 25));
	sw_budget_charge(&budget, 1, 62 * MS_NS);
	assert_false(sw_budget_is_heavy(&budget, 1, 25));
	sw_budget_charge(&budget, 1, 2 * MS_NS); /* a quarter of 250 ms */
	assert_true(sw_budget_is_heavy(&budget, 1, 25));
	assert_false(sw_budget_is_heavy(&budget, 1, 50));
	unsigned others = 0;
	for (uint64_t prefix = 2; prefix < 1002; prefix++)
		others += sw_budget_is_heavy(&budget, prefix << 8, 25);
	assert_in_range(others, 0, 5); /* those that share its slot, of 4,096 */
	sw_budget_fill(&budget, START_NS + 999 * MS_NS, 25);
	assert_true(sw_budget_is_heavy(&budget, 1, 25));
	sw_budget_fill(&budget, START_NS + SECOND_NS, 25);
	assert_false(sw_budget_is_heavy(&budget, 1, 25));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_heavy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
