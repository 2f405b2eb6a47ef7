/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Places for the names that come or move. Where there are none, names can move out of the way, which waits
 * for readers; or the zone gets a bigger index, which costs a copy of the one it has: what is taken when the
 * index is full, and when it is so small that waiting would take longer.
 *
 * Readers come to the new index with the first head shown. Until then they have the one before, which nobody
 * changes any more: to them the zone is as it was. So nothing may be settled between growing and publishing.
 */
#include "image/change_inside.h"
#include <errno.h>

#define ROUNDS_MAX 8	  /* of moving names to make room */
#define FULL_PERCENT 75	  /* from here on names that come too often find no place at once: 6 of 1,000 */
#define SPARSE_PERCENT 50 /* below, what is missing are places that wait for readers */
#define SMALL_NAMES 65536 /* are copied in the time of a wait */
#define GROWN_MAX 3	  /* times in one change */
#define LATES_PER_NAME 8  /* room kept for what must not be forgotten */

void sw_change_late_place(struct sw_changer *c, enum sw_late_kind kind, struct sw_slot *place)
{
	const struct sw_late late = {.grace = c->zone->readers->graces.begun, .kind = kind, .place = place};
	sw_lates_add(&c->zone->changes->lates, &late); /* there is room */
}

static bool needs_place(const struct sw_changed *name)
{
	return name->action == SW_CHANGED_COMES || name->action == SW_CHANGED_MOVES;
}

static bool place_take(struct sw_changer *c, struct sw_changed *name)
{
	struct sw_places places;
	sw_places_of(&c->index, name->hash, &places);
	name->place = sw_place_free(&places);
	if (name->place)
		sw_place_reserve(name->place, &name->slot);
	return name->place != NULL;
}

/** Whether a place will be free after a wait. */
static bool is_place_due(const struct sw_changer *c, const struct sw_changed *name)
{
	struct sw_places places, others;
	sw_places_of(&c->index, name->hash, &places);
	for (unsigned i = 0; i < places.count; i++) {
		const struct sw_slot *slot = places.slot[i];
		if (slot->kind == SW_SLOT_FREE)
			continue;
		if (slot->hash == 0)
			return true;
		sw_places_of(&c->index, slot->hash, &others);
		if (sw_place_has_twin(&others, slot->hash))
			return true;
	}
	return false;
}

/** Where no place is free: one that can be made free without a wait. */
static bool place_make(struct sw_changer *c, struct sw_changed *name)
{
	return sw_place_make_room_now(&c->index, name->hash, &c->zone->readers->graces, &c->hot) &&
	       place_take(c, name);
}

/** Take places for all that need one and have none. @return how many found none */
static uint32_t places_take(struct sw_changer *c)
{
	uint32_t missing = 0;
	for (uint32_t i = 0; i < c->queue_count; i++) {
		struct sw_changed *name = &c->names[c->queue[i]];
		if (c->queue[i] != 0 && needs_place(name) && !name->place)
			missing += !place_take(c, name) && !place_make(c, name);
	}
	return missing;
}

/** Move names out of the way of those without a place. @return whether some place will be free */
static bool places_clear(struct sw_changer *c)
{
	bool is_due = false;
	for (uint32_t i = 0; i < c->queue_count; i++) {
		struct sw_changed *name = &c->names[c->queue[i]];
		struct sw_slot *twin;
		if (c->queue[i] == 0 || !needs_place(name) || name->place)
			continue;
		if (is_place_due(c, name)) {
			is_due = true;
		} else if (sw_place_make_room(&c->index, name->hash, &twin)) {
			sw_change_late_place(c, SW_LATE_TWIN, twin);
			is_due = true;
		}
	}
	return is_due;
}

void sw_change_unreserve(struct sw_changer *c)
{
	for (uint32_t i = 0; i < c->queue_count; i++) {
		struct sw_changed *name = &c->names[c->queue[i]];
		if (name->place)
			sw_place_unreserve(name->place);
		name->place = NULL;
	}
}

/** Move names that are in the way, and wait. @return 0, or -EAGAIN when that does not do */
static int places_wait(struct sw_changer *c, uint32_t missing)
{
	for (unsigned round = 0; missing > 0; round++) {
		if (round == ROUNDS_MAX || !places_clear(c))
			return -EAGAIN;
		sw_change_wait(c); /* twins are left */
		sw_change_wait(c); /* what was left is free */
		missing = places_take(c);
	}
	return 0;
}

/* ---- a bigger index ---- */

static int slots_copy(const struct sw_index *from, struct sw_index *to)
{
	uint32_t slots = from->bucket_count * SW_BUCKET_SLOTS;
	struct sw_slot *all = sw_space_at(from->region->space, from->buckets);
	int error = 0;
	for (uint32_t i = 0; i < slots && !error; i++) {
		struct sw_places places;
		if (all[i].kind == SW_SLOT_FREE || all[i].hash == 0)
			continue;
		sw_places_of(from, all[i].hash, &places);
		struct sw_slot slot = all[i];
		slot.overflow = 0;
		if (sw_place_find(&places, slot.hash) == &all[i]) /* else its twin */
			error = sw_index_add(to, &slot);
	}
	return error ? error : sw_index_finish(to);
}

/** The heads to be shown lead to the index there is now. */
static void heads_follow(struct sw_changer *c)
{
	const uint32_t heads[] = {c->deep_head, c->middle_head, c->new_head};
	for (unsigned i = 0; i < 3; i++) {
		struct sw_image_zone *head = heads[i] ? sw_space_at(c->zone->space, heads[i]) : NULL;
		if (head) {
			head->index = c->index.buckets;
			head->bucket_count = c->index.bucket_count;
		}
	}
}

/** @param names  that it will have; it gets bigger in any case
 * @return 0, -ENOSPC */
static int index_grow(struct sw_changer *c, uint64_t names)
{
	struct sw_region *region = &c->zone->changes->pool.region;
	uint64_t bigger = (uint64_t)c->index.bucket_count * SW_BUCKET_SLOTS * FULL_PERCENT / 100 + 1;
	struct sw_index grown;
	int error = sw_index_start(&grown, region, (uint32_t)(names > bigger ? names : bigger));
	if (!error)
		error = slots_copy(&c->index, &grown);
	if (!error && !c->deep_head)
		error = sw_change_head_store(c, c->head, &c->deep_head);
	if (error)
		return error;
	c->index.buckets = grown.buckets;
	c->index.bucket_count = grown.bucket_count;
	c->has_grown = true;
	heads_follow(c);
	return 0;
}

/** Take places, in a bigger index where it must be. @return 0, -ENOSPC, or -EAGAIN */
static int places_grow(struct sw_changer *c, uint64_t names)
{
	for (unsigned i = 0; i < GROWN_MAX; i++) {
		sw_change_unreserve(c);
		int error = index_grow(c, names);
		if (error)
			return error;
		if (places_take(c) == 0)
			return 0;
	}
	return -EAGAIN;
}

/** Whether an index is more than so full with these names; of the smallest, one more counts for nothing. */
static bool is_fuller(const struct sw_index *index, uint64_t names, unsigned percent)
{
	return names * 100 > (uint64_t)index->bucket_count * SW_BUCKET_SLOTS * percent + 100;
}

static int places_reserve(struct sw_changer *c, uint64_t names)
{
	if (is_fuller(&c->index, names, FULL_PERCENT))
		return places_grow(c, names);
	uint32_t missing = places_take(c);
	if (missing > 0 && names <= SMALL_NAMES && is_fuller(&c->index, names, SPARSE_PERCENT))
		return places_grow(c, names);
	return places_wait(c, missing);
}

int sw_change_reserve(struct sw_changer *c)
{
	uint64_t coming = 0;
	c->has_grown = false;
	for (uint32_t i = 0; i < c->queue_count; i++) {
		struct sw_changed *name = &c->names[c->queue[i]];
		name->place = NULL;
		if (c->queue[i] == 0)
			continue;
		coming += needs_place(name);
		c->names_more += (name->action == SW_CHANGED_COMES) - (name->action == SW_CHANGED_GOES);
	}
	int error = sw_lates_reserve(
		&c->zone->changes->lates, (size_t)c->queue_count * LATES_PER_NAME + LATES_PER_NAME);
	return error ? error : places_reserve(c, c->zone->compiled->names + coming);
}
