/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What sense consists of; for the files of this room that need all of it. */
#ifndef SW_SENSE_INSIDE_H
#define SW_SENSE_INSIDE_H

#include "sense/detector.h"
#include "sense/heavy.h"
#include "sense/hll.h"
#include "sense/lately.h"

#define NETWORK_KINDS (2u * 2 * SW_PREFIX_LENGTHS) /* strangers or known, IPv4 or IPv6, of which size */

struct sw_sense {
	sw_event_fn *event;
	void *arg;
	struct sw_print_key name_key, question_key;
	bool has_tick;
	uint64_t first_ms; /* of the first tick: the tables' clock begins there */
	struct sw_tick before;
	uint64_t minute_ms; /* when the present minute began, by the ticks' clock */
	struct sw_resolvers resolvers;
	struct sw_lately names, questions;
	struct sw_window window;
	struct sw_heavy networks[NETWORK_KINDS]; /* in the present minute; key: first bytes */
	struct sw_detector detector;
	struct sw_hll so_far[SW_VECTOR_COUNT]; /* sources since the vector began */
	struct sw_hll minute[SW_VECTOR_COUNT];
};

/** The tables' clock: milliseconds since the first tick. */
static inline uint64_t sw_sense_clock(const struct sw_sense *sense)
{
	return sense->before.time_ms - sense->first_ms;
}

#endif
