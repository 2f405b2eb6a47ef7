// SPDX-License-Identifier: GPL-3.0-or-later
/** Drawing from weights in constant time: the alias method (Walker 1977, in the form of Vose 1991). */
#ifndef LAB_TRAFFIC_ALIAS_H
#define LAB_TRAFFIC_ALIAS_H

#include "random.h"

struct lab_alias {
	uint32_t count;
	double *keep;	 /* probability of staying with the column drawn */
	uint32_t *other; /* or else this */
};

/** @param weights  `count` of them, not negative, at least one positive
 * @return 0 or -ENOMEM */
int lab_alias_make(struct lab_alias *alias, const double *weights, uint32_t count);
void lab_alias_free(struct lab_alias *alias);

static inline uint32_t lab_alias_draw(const struct lab_alias *alias, struct lab_random *random)
{
	uint32_t column = lab_draw_below(random, alias->count);

	return lab_draw_unit(random) < alias->keep[column] ? column : alias->other[column];
}

#endif
