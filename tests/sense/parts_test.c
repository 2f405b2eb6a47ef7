/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counting with little memory: how wrong it may be. */
#include "sense/baseline.h"
#include "sense/heavy.h"
#include "sense/hll.h"
#include "sense/lately.h"
#include "sense/sense.h"
#include "support.h"
#include <math.h>

/* ---- distinct ---- */

static double error_at(uint64_t count, uint64_t seed)
{
	struct sw_hll hll = {.rank = {0}};
	for (uint64_t i = 0; i < count; i++)
		sw_hll_add(&hll, random_of(i + (seed << 32)));
	return fabs((double)sw_hll_estimate(&hll) / (double)count - 1);
}

static void test_hll_error(void **state)
{
	(void)state;
	/* standard error 1.6 %; where both estimators meet (some 10^4) the paper's is a little worse */
	static const uint64_t counts[] = {1000, 3000, 10000, 30000, 100000, 1000000};
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		double squares = 0;
		for (uint64_t seed = 1; seed <= 8; seed++) {
			double error = error_at(counts[i], seed);
			assert_true(error < 0.065);
			squares += error * error;
		}
		assert_true(sqrt(squares / 8) < 0.03);
	}
	assert_true(error_at(1, 1) == 0);
	assert_true(error_at(10, 1) == 0);
}

static void test_hll_merge(void **state)
{
	(void)state;
	struct sw_hll whole = {.rank = {0}}, part[2] = {{{0}}, {{0}}};
	for (uint64_t i = 0; i < 20000; i++) {
		sw_hll_add(&whole, random_of(i));
		sw_hll_add(&part[i % 3 == 0], random_of(i));
		sw_hll_add(&part[i % 5 == 0], random_of(i));
	}
	sw_hll_merge(&part[0], &part[1]);
	assert_memory_equal(&part[0], &whole, sizeof(whole));
	sw_hll_clear(&whole);
	assert_int_equal(sw_hll_estimate(&whole), 0);
}

/* ---- most ---- */

/** A third of all is key 1, a tenth key 2, the rest never comes again. */
static void test_heavy(void **state)
{
	(void)state;
	static struct sw_heavy heavy;
	double true_weight[3] = {0}, total = 0;
	for (uint64_t i = 0; i < 100000; i++) {
		uint64_t dice = random_of(i) % 30, key = dice < 10 ? 1 : dice < 13 ? 2 : 1000 + i;
		double weight = 1 + (double)(i % 3);
		sw_heavy_add(&heavy, key, weight);
		total += weight;
		if (key < 3)
			true_weight[key] += weight;
	}
	assert_true(heavy.total == total);
	assert_int_equal(heavy.key[sw_heavy_top(&heavy)], 1);
	for (uint64_t key = 1; key <= 2; key++) {
		const struct sw_heavy_counter *counter = sw_heavy_add(&heavy, key, 0);
		assert_true(counter->weight >= true_weight[key]);
		assert_true(sw_heavy_least(counter) <= true_weight[key]);
		assert_true(counter->error <= total / SW_HEAVY_COUNTERS);
	}
	sw_heavy_clear(&heavy);
	assert_int_equal(sw_heavy_top(&heavy), -1);
}

/* ---- usual ---- */

static void test_baseline_percentile(void **state)
{
	(void)state;
	static const double scales[] = {5, 300, 2000, 1e6};
	for (unsigned i = 0; i < 4; i++) {
		struct sw_baseline baseline = {0};
		for (uint64_t n = 0; n < 20000; n++)
			sw_baseline_add(&baseline, scales[i] * (double)(random_of(n) % 1000) / 1000);
		assert_true(fabs(sw_baseline_usual(&baseline) / (0.95 * scales[i]) - 1) < 0.06);
	}
}

static void test_baseline_ends(void **state)
{
	(void)state;
	struct sw_baseline baseline = {0};
	assert_true(sw_baseline_usual(&baseline) == 0);
	sw_baseline_add(&baseline, 0);
	sw_baseline_add(&baseline, -1);
	sw_baseline_add(&baseline, NAN);
	assert_true(sw_baseline_usual(&baseline) == 0);
	for (int i = 0; i < 100; i++)
		sw_baseline_add(&baseline, 1e300);
	assert_true(isfinite(sw_baseline_usual(&baseline)));
	assert_int_equal(baseline.windows, 103);
}

/** A quarter of the first minute was wild: at its end that does not count any more. */
static void test_baseline_young(void **state)
{
	(void)state;
	struct sw_baseline baseline = {0};
	for (int i = 0; i < 240; i++)
		sw_baseline_add(&baseline, i < 60 ? 10000 : 100);
	assert_true(sw_baseline_usual(&baseline) < 130);
}

/** Two busy hours each day are ordinary, two hours of attack in a week are not. */
static void test_baseline_week(void **state)
{
	(void)state;
	const uint64_t hour = 3600 * 1000 / SW_SENSE_WINDOW_MS;
	struct sw_baseline busy = {0}, attacked = {0};
	for (uint64_t i = 0; i < 7 * 24 * hour; i += 16) {
		sw_baseline_add(&busy, i / hour % 24 < 2 ? 1000 : 100);
		sw_baseline_add(&attacked, i / hour >= 160 && i / hour < 162 ? 1000 : 100);
	}
	assert_true(sw_baseline_usual(&busy) > 800);
	assert_true(sw_baseline_usual(&attacked) < 130);
}

/* ---- lately ---- */

static void test_lately(void **state)
{
	(void)state;
	static struct sw_lately lately;
	assert_int_equal(sw_lately_note(&lately, 42, 1000, 5000, 7), 0);
	assert_int_equal(sw_lately_note(&lately, 42, 6000, 5000, 9), 7);
	assert_int_equal(sw_lately_note(&lately, 42, 11001, 5000, 1), 0);
	/* the clock's low half wraps */
	assert_int_equal(sw_lately_note(&lately, 43, 0xfffffff0, 5000, 3), 0);
	assert_int_equal(sw_lately_note(&lately, 43, 0x100000010, 5000, 3), 3);
}

/** Full: what is newest is still known. */
static void test_lately_full(void **state)
{
	(void)state;
	static struct sw_lately lately;
	unsigned known = 0;
	for (uint64_t i = 0; i < 400000; i++)
		sw_lately_note(&lately, random_of(i), 1000 + i / 20, 5000, 1);
	for (uint64_t i = 370000; i < 400000; i++)
		known += sw_lately_note(&lately, random_of(i), 21000, 5000, 1) == 1;
	assert_true(known > 28000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_hll_error), cmocka_unit_test(test_hll_merge),
		cmocka_unit_test(test_heavy), cmocka_unit_test(test_baseline_percentile),
		cmocka_unit_test(test_baseline_ends), cmocka_unit_test(test_baseline_young),
		cmocka_unit_test(test_baseline_week), cmocka_unit_test(test_lately),
		cmocka_unit_test(test_lately_full)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
