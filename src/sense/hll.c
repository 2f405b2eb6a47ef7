/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sense/hll.h"
#include <math.h>
#include <string.h>

#define RANKS (64 - SW_HLL_BITS + 2)

void sw_hll_clear(struct sw_hll *hll)
{
	memset(hll, 0, sizeof(*hll));
}

void sw_hll_add(struct sw_hll *hll, uint64_t hash)
{
	uint32_t at = (uint32_t)(hash >> (64 - SW_HLL_BITS));
	/* the bit behind the last one of the hash ends every run */
	uint64_t rest = hash << SW_HLL_BITS | 1ull << (SW_HLL_BITS - 1);
	uint8_t rank = (uint8_t)(1 + __builtin_clzll(rest));
	if (rank > hll->rank[at])
		hll->rank[at] = rank;
}

void sw_hll_merge(struct sw_hll *into, const struct sw_hll *from)
{
	for (uint32_t i = 0; i < SW_HLL_REGISTERS; i++) {
		if (from->rank[i] > into->rank[i])
			into->rank[i] = from->rank[i];
	}
}

uint64_t sw_hll_estimate(const struct sw_hll *hll)
{
	const double m = SW_HLL_REGISTERS, alpha = 0.7213 / (1 + 1.079 / m);
	uint32_t count[RANKS] = {0};
	double sum = 0;
	for (uint32_t i = 0; i < SW_HLL_REGISTERS; i++)
		count[hll->rank[i] < RANKS ? hll->rank[i] : RANKS - 1]++;
	for (int rank = 0; rank < RANKS; rank++)
		sum += ldexp(count[rank], -rank);
	double estimate = alpha * m * m / sum;
	if (estimate <= 2.5 * m && count[0] > 0)
		estimate = m * log(m / count[0]);
	return (uint64_t)(estimate + 0.5);
}
