/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sense/baseline.h"
#include "sense/sense.h"
#include <math.h>

#define PER_DOUBLING 4
#define PERCENTILE 0.95
#define MEMORY_WINDOWS (2 * 7 * 86400ull * 1000 / SW_SENSE_WINDOW_MS) /* a factor of 1 - 2/n at each step */

static uint32_t bucket_of(double rate)
{
	if (!(rate >= 1))
		return 0;
	double bucket = 1 + floor(PER_DOUBLING * log2(rate));
	return bucket < SW_BASELINE_BUCKETS ? (uint32_t)bucket : SW_BASELINE_BUCKETS - 1;
}

void sw_baseline_add(struct sw_baseline *baseline, double rate)
{
	uint64_t age = baseline->windows < MEMORY_WINDOWS ? baseline->windows : MEMORY_WINDOWS;
	double keep = 1 - 2 / ((double)age + 2);
	for (uint32_t i = 0; i < SW_BASELINE_BUCKETS; i++)
		baseline->weight[i] *= keep;
	baseline->weight[bucket_of(rate)] += 1;
	baseline->windows++;
}

double sw_baseline_usual(const struct sw_baseline *baseline)
{
	double total = 0, below = 0;
	for (uint32_t i = 0; i < SW_BASELINE_BUCKETS; i++)
		total += baseline->weight[i];
	for (uint32_t i = 0; i < SW_BASELINE_BUCKETS && total > 0; i++) {
		double within = baseline->weight[i];
		if (within > 0 && below + within >= PERCENTILE * total) {
			double part = (PERCENTILE * total - below) / within;
			return i == 0 ? 0 : exp2((i - 1 + part) / PER_DOUBLING);
		}
		below += within;
	}
	return 0;
}
