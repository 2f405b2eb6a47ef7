/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/late.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 32

int sw_lates_reserve(struct sw_lates *lates, size_t more)
{
	if (lates->first + lates->count + more <= lates->room)
		return 0;
	if (lates->first > 0) {
		memmove(lates->items, lates->items + lates->first, lates->count * sizeof(*lates->items));
		lates->first = 0;
	}
	if (lates->count + more <= lates->room / 2)
		return 0;
	size_t room = lates->room ? lates->room : ROOM_FIRST;
	while (room < 2 * (lates->count + more))
		room *= 2;
	struct sw_late *items = realloc(lates->items, room * sizeof(*items));
	if (!items)
		return lates->count + more <= lates->room ? 0 : -ENOMEM;
	lates->items = items;
	lates->room = room;
	return 0;
}

bool sw_lates_add(struct sw_lates *lates, const struct sw_late *late)
{
	if (sw_lates_reserve(lates, 1))
		return false;
	lates->items[lates->first + lates->count++] = *late;
	if (late->kind == SW_LATE_FREE)
		lates->bytes += late->size;
	return true;
}

/** The slot that a name with addresses to come has still, or NULL when it has changed since. */
static struct sw_slot *slot_of(const struct sw_late *late, const struct sw_index *index)
{
	struct sw_places places;
	sw_places_of(index, late->slot.hash, &places);
	struct sw_slot *place = sw_place_find(&places, late->slot.hash);
	bool is_same = place && place->kind == SW_SLOT_NAME && place->name.node == late->ref &&
		       place->inline_count == 0 && !sw_place_has_twin(&places, late->slot.hash);
	return is_same ? place : NULL;
}

static size_t node_size(const struct sw_image_node *node)
{
	return sizeof(*node) + node->type_count * sizeof(struct sw_type_entry);
}

/** The addresses are not to come: the node without them was made for nothing. */
static void node_drop(struct sw_pool *pool, const struct sw_late *late)
{
	uint32_t node = late->slot.name.node;
	if (node && node != late->ref)
		sw_pool_give(pool, node, node_size(sw_space_at(pool->region.space, node)));
}

/** Free the node that was used until now, and the piece of its addresses: the first type there is. */
static void node_replace(
	struct sw_lates *lates, struct sw_pool *pool, const struct sw_late *late, uint64_t begun)
{
	if (late->slot.name.node == late->ref)
		return;
	const struct sw_image_node *node = sw_space_at(pool->region.space, late->ref);
	const struct sw_type_entry *entry = (const void *)(node + 1);
	const struct sw_piece *piece = sw_space_at(pool->region.space, entry->piece);
	struct sw_late gone = {.grace = begun, .kind = SW_LATE_FREE, .ref = late->ref};
	gone.size = (uint32_t)node_size(node);
	sw_lates_add(lates, &gone);
	gone.ref = entry->piece;
	gone.size = (uint32_t)sizeof(*piece) + 2u * piece->reloc_count[SW_FULL] + piece->len[SW_FULL];
	sw_lates_add(lates, &gone);
}

static void fill(struct sw_lates *lates, struct sw_late *late, struct sw_pool *pool,
	const struct sw_index *index, uint64_t begun)
{
	struct sw_slot *place = slot_of(late, index);
	if (!place) {
		node_drop(pool, late);
		return;
	}
	sw_place_fill(place, &late->slot);
	late->kind = SW_LATE_SHOW;
	late->grace = begun;
	if (!sw_lates_add(lates, late))
		node_drop(pool, late);
}

static void show(struct sw_lates *lates, const struct sw_late *late, struct sw_pool *pool,
	const struct sw_index *index, uint64_t begun)
{
	struct sw_slot *place = slot_of(late, index);
	if (!place) {
		node_drop(pool, late);
		return;
	}
	struct sw_slot slot = late->slot;
	slot.flags = place->flags;
	sw_place_flip(place, &slot);
	node_replace(lates, pool, late, begun);
}

static void leave(struct sw_lates *lates, const struct sw_late *late, uint64_t begun)
{
	const struct sw_late left = {.grace = begun, .kind = SW_LATE_LEFT, .place = late->place};
	sw_place_leave(late->place);
	sw_lates_add(lates, &left); /* without memory it is lost to this version of the zone */
}

void sw_lates_settle(struct sw_lates *lates, const struct sw_graces *graces, struct sw_pool *pool,
	const struct sw_index *index)
{
	while (lates->count > 0 && lates->items[lates->first].grace < graces->passed) {
		struct sw_late late = lates->items[lates->first++];
		lates->count--;
		switch (late.kind) {
		case SW_LATE_FREE:
			lates->bytes -= late.size;
			sw_pool_give(pool, late.ref, late.size);
			break;
		case SW_LATE_TWIN:
			leave(lates, &late, graces->begun);
			break;
		case SW_LATE_LEFT:
			sw_place_clear(late.place);
			break;
		case SW_LATE_FILL:
			fill(lates, &late, pool, index, graces->begun);
			break;
		case SW_LATE_SHOW:
			show(lates, &late, pool, index, graces->begun);
			break;
		}
	}
	if (lates->count == 0)
		sw_lates_end(lates); /* of 100,000 zones each would keep some */
}

void sw_lates_forget_places(struct sw_lates *lates)
{
	struct sw_late *items = lates->items + lates->first;
	size_t kept = 0;
	for (size_t i = 0; i < lates->count; i++) {
		if (items[i].kind != SW_LATE_TWIN && items[i].kind != SW_LATE_LEFT)
			items[kept++] = items[i];
	}
	lates->count = kept;
}

void sw_lates_end(struct sw_lates *lates)
{
	free(lates->items);
	*lates = (struct sw_lates){0};
}
