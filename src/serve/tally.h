/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Counters of one thread: written by it alone, read by anyone, so neither locks nor shared cache lines. */
#ifndef SW_SERVE_TALLY_H
#define SW_SERVE_TALLY_H

#include "answer/verdict.h"

struct sw_tally {
	uint64_t verdicts[SW_VERDICT_COUNT];
	uint64_t unsent; /* replies the kernel would not take */
} __attribute__((aligned(64)));

/** By the owner only. */
static inline void sw_tally_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/** Add one thread's counters to a sum. */
static inline void sw_tally_sum(struct sw_tally *sum, const struct sw_tally *part)
{
	for (unsigned i = 0; i < SW_VERDICT_COUNT; i++)
		sum->verdicts[i] += __atomic_load_n(&part->verdicts[i], __ATOMIC_RELAXED);
	sum->unsent += __atomic_load_n(&part->unsent, __ATOMIC_RELAXED);
}

#endif
