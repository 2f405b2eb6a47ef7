/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a rate is like in peace: its 95th percentile over up to seven days, in a kilobyte.
 *
 * A histogram over quarter doublings (19 %) whose past fades. The 95th percentile, not the mean: what happens
 * for more than an hour a day is ordinary. A young baseline forgets in proportion to its age (weight of an
 * observation made at age s, at age t: (s/t)^2), so that the first seconds after a start, when nothing is as
 * usual, do not count for long; an old one has forgotten two thirds after seven days. How old it is it says
 * itself.
 */
#ifndef SW_SENSE_BASELINE_H
#define SW_SENSE_BASELINE_H

#include <stdint.h>

#define SW_BASELINE_BUCKETS 128 /* below 1 in the first, 2^31 and more in the last */

struct sw_baseline {
	uint64_t windows; /* seen so far */
	double weight[SW_BASELINE_BUCKETS];
};

void sw_baseline_add(struct sw_baseline *baseline, double rate);

/** The rate that 95 % of what was seen does not exceed; 0 when nothing was. */
double sw_baseline_usual(const struct sw_baseline *baseline);

#endif
