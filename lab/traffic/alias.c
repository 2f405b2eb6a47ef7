// SPDX-License-Identifier: GPL-3.0-or-later
#include "alias.h"
#include <errno.h>
#include <stdlib.h>

/* Columns poorer than the average at the front of `order`, richer ones at its end: each poor one is filled up
 * from a rich one, which may become poor by it. */
static void columns_fill(struct lab_alias *alias, uint32_t *order)
{
	uint32_t poor = 0, rich = alias->count;

	for (uint32_t i = 0; i < alias->count; i++)
		order[alias->keep[i] < 1 ? poor++ : --rich] = i;
	while (poor > 0 && rich < alias->count) {
		uint32_t from = order[rich], to = order[--poor];

		alias->other[to] = from;
		alias->keep[from] -= 1 - alias->keep[to];
		if (alias->keep[from] < 1)
			order[poor++] = order[rich++];
	}
	/* what is left is 1 but for rounding */
	while (poor > 0)
		alias->keep[order[--poor]] = 1;
	while (rich < alias->count)
		alias->keep[order[rich++]] = 1;
}

int lab_alias_make(struct lab_alias *alias, const double *weights, uint32_t count)
{
	uint32_t *order = calloc(count, sizeof(*order));
	double sum = 0;

	alias->count = count;
	alias->keep = calloc(count, sizeof(*alias->keep));
	alias->other = calloc(count, sizeof(*alias->other));
	if (!order || !alias->keep || !alias->other) {
		free(order);
		lab_alias_free(alias);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++)
		sum += weights[i];
	for (uint32_t i = 0; i < count; i++) {
		alias->keep[i] = weights[i] * count / sum;
		alias->other[i] = i;
	}
	columns_fill(alias, order);
	free(order);
	return 0;
}

void lab_alias_free(struct lab_alias *alias)
{
	free(alias->keep);
	free(alias->other);
	*alias = (struct lab_alias){0};
}
