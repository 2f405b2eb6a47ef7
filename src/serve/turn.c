/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/turn.h"
#include <stdlib.h>
#include <string.h>

static const uint8_t *element(const struct sw_turn_list *list, size_t number)
{
	return (const uint8_t *)list->old + number * list->size;
}

/** The first element from `at` on that is not before a name. */
static size_t place_of(const struct sw_turn_list *list, size_t at, const uint8_t *apex)
{
	size_t end = list->old_count;
	while (at < end) {
		size_t middle = at + (end - at) / 2;
		if (list->compare(apex, element(list, middle)) > 0)
			at = middle + 1;
		else
			end = middle;
	}
	return at;
}

void *sw_turns_apply(
	const struct sw_turn_list *list, const struct sw_turn *turns, size_t count, size_t *fresh_count)
{
	uint8_t *fresh = malloc((list->old_count + count + 1) * list->size);
	size_t at = 0, used = 0;
	if (fresh == NULL)
		return NULL;
	for (size_t i = 0; i <= count; i++) {
		size_t place = i < count ? place_of(list, at, turns[i].apex) : list->old_count;
		if (place > at)
			memcpy(fresh + used * list->size, element(list, at), (place - at) * list->size);
		used += place - at;
		at = place;
		if (i == count)
			break;
		bool is_there = at < list->old_count && list->compare(turns[i].apex, element(list, at)) == 0;
		used += list->turn(
			list->arg, i, is_there ? element(list, at) : NULL, fresh + used * list->size);
		at += is_there;
	}
	*fresh_count = used;
	return fresh;
}
