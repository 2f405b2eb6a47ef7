/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What there was most of, in a fixed number of counters: space-saving (Metwally, Agrawal, El Abbadi 2005).
 *
 * A key that has no counter takes over the smallest one, with what stood on it, and notes that as its error.
 * So no count is too small, none is too large by more than its error, no error is larger than the whole
 * through the number of counters, and whatever has more than that has a counter.
 */
#ifndef SW_SENSE_HEAVY_H
#define SW_SENSE_HEAVY_H

#include <stdint.h>

#define SW_HEAVY_COUNTERS 64
#define SW_HEAVY_PARTS 3

struct sw_heavy_counter {
	uint64_t note;		     /* the caller's */
	double weight;		     /* at most so much */
	double error;		     /* less this: at least so much */
	double part[SW_HEAVY_PARTS]; /* the caller's, from 0 when the counter is taken over */
};

struct sw_heavy {
	uint64_t key[SW_HEAVY_COUNTERS];
	struct sw_heavy_counter counter[SW_HEAVY_COUNTERS];
	uint32_t used;
	double total;
};

void sw_heavy_clear(struct sw_heavy *heavy);

/** @return its counter, for note and parts */
struct sw_heavy_counter *sw_heavy_add(struct sw_heavy *heavy, uint64_t key, double weight);

/** What a counter has at least. */
static inline double sw_heavy_least(const struct sw_heavy_counter *counter)
{
	return counter->weight - counter->error;
}

/** Number of the counter that has most, -1 when there is none. */
int sw_heavy_top(const struct sw_heavy *heavy);

/** Whether a key has a counter of at least this weight. */
int sw_heavy_has(const struct sw_heavy *heavy, uint64_t key, double weight);

#endif
