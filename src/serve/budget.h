/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How much of a loop's time may go into handshakes, and whose are next.
 *
 * A handshake costs a server a hundred times what a query costs it, and a client next to nothing. So time
 * is measured, not handshakes: a bucket holds nanoseconds of this thread's CPU time, is filled with a share
 * of the time that goes by, and who finds it empty waits. Prefixes that have had a quarter of a second's
 * filling within the second wait behind the others, so that one of them cannot take it all; while nobody else
 * wants it they may.
 *
 * Pure: times are handed in.
 */
#ifndef SW_SERVE_BUDGET_H
#define SW_SERVE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define SW_BUDGET_SLOTS 4096 /* power of two; prefixes that meet in one are taken for one */

struct sw_budget {
	int64_t left_ns; /* below 0: spent in advance */
	uint64_t filled_ns, second_ns;
	uint64_t multiplier; /* secret, odd: nobody can aim at one slot */
	uint32_t spent_us[SW_BUDGET_SLOTS];
};

void sw_budget_init(struct sw_budget *budget, uint64_t now_ns, uint64_t secret);

/** Time has gone by. @param percent  1 to 100: the share */
void sw_budget_fill(struct sw_budget *budget, uint64_t now_ns, unsigned percent);

/** @return 0: there is some; else how long until there is */
uint64_t sw_budget_wait_ns(const struct sw_budget *budget, unsigned percent);

void sw_budget_charge(struct sw_budget *budget, uint64_t prefix, uint64_t cost_ns);

/** Whether the prefix has had its part of this second. */
bool sw_budget_is_heavy(const struct sw_budget *budget, uint64_t prefix, unsigned percent);

#endif
