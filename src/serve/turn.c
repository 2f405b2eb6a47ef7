/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/turn.h"
#include <stdlib.h>
#include <string.h>

static const uint8_t *element(const struct sw_turn_list *list, size_t number)
{
	return (const uint8_t *)list->old + number * list->size;
}

/** The first element from `at` on that is not before a name. @param is_there  whether it has that name */
static size_t place_of(const struct sw_turn_list *list, size_t at, const uint8_t *apex, bool *is_there)
{
	size_t place = 0;
	*is_there = at < list->old_count && sw_name_search(apex, element(list, at), list->old_count - at,
						    list->size, list->compare, &place);
	return at + place;
}

void *sw_turns_apply(
	const struct sw_turn_list *list, const struct sw_turn *turns, size_t count, size_t *fresh_count)
{
	uint8_t *fresh = malloc((list->old_count + count + 1) * list->size);
	size_t at = 0, used = 0;
	if (fresh == NULL)
		return NULL;
	for (size_t i = 0; i <= count; i++) {
		bool is_there = false;
		size_t place = i < count ? place_of(list, at, turns[i].apex, &is_there) : list->old_count;
		if (place > at)
			memcpy(fresh + used * list->size, element(list, at), (place - at) * list->size);
		used += place - at;
		at = place;
		if (i == count)
			break;
		used += list->turn(
			list->arg, i, is_there ? element(list, at) : NULL, fresh + used * list->size);
		at += is_there;
	}
	*fresh_count = used;
	return fresh;
}
