/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/place.h"
#include <stddef.h>
#include <string.h>

#define BUCKET_UNITS (SW_BUCKET_SLOTS * (uint32_t)sizeof(struct sw_slot) / SW_UNIT)
#define DEPTH_MAX 4 /* at 62 % not one name in a million finds no place so */
#define WORDS (sizeof(struct sw_slot) / sizeof(uint64_t))

_Static_assert(offsetof(struct sw_slot, hash) == 0, "the first word");
_Static_assert(offsetof(struct sw_slot, kind) == 8 && offsetof(struct sw_slot, name.node) == 12 &&
		       offsetof(struct sw_slot, cut.ns) == 12,
	"the second word");
_Static_assert(offsetof(struct sw_slot, name.ttl) == 16, "the third word");

static struct sw_slot *bucket_at(const struct sw_index *index, uint32_t bucket)
{
	return sw_space_at(index->region->space, index->buckets + bucket * BUCKET_UNITS);
}

void sw_places_expect(const struct sw_index *index, uint64_t hash)
{
	__builtin_prefetch(bucket_at(index, sw_bucket_first(hash, index->bucket_count)));
	__builtin_prefetch(bucket_at(index, sw_bucket_second(hash, index->bucket_count)));
}

void sw_places_of(const struct sw_index *index, uint64_t hash, struct sw_places *places)
{
	uint32_t bucket[2] = {
		sw_bucket_first(hash, index->bucket_count), sw_bucket_second(hash, index->bucket_count)};
	unsigned buckets = bucket[0] == bucket[1] ? 1 : 2;
	places->count = 0;
	for (unsigned i = 0; i < buckets; i++) {
		struct sw_slot *slots = bucket_at(index, bucket[i]);
		for (unsigned k = 0; k < SW_BUCKET_SLOTS; k++)
			places->slot[places->count++] = &slots[k];
	}
}

static bool has(const struct sw_slot *place, uint64_t hash)
{
	return place->kind != SW_SLOT_FREE && place->hash == hash;
}

struct sw_slot *sw_place_find(const struct sw_places *places, uint64_t hash)
{
	for (unsigned i = 0; i < places->count; i++) {
		if (has(places->slot[i], hash))
			return places->slot[i];
	}
	return NULL;
}

bool sw_place_has_twin(const struct sw_places *places, uint64_t hash)
{
	unsigned count = 0;
	for (unsigned i = 0; i < places->count; i++)
		count += has(places->slot[i], hash);
	return count > 1;
}

struct sw_slot *sw_place_free(const struct sw_places *places)
{
	for (unsigned i = 0; i < places->count; i++) {
		if (places->slot[i]->kind == SW_SLOT_FREE && places->slot[i]->hash == 0)
			return places->slot[i];
	}
	return NULL;
}

static uint64_t *word_at(struct sw_slot *slot, unsigned word)
{
	return (uint64_t *)(void *)slot + word;
}

static uint64_t word_of(const struct sw_slot *slot, unsigned word)
{
	uint64_t words[WORDS];
	memcpy(words, slot, sizeof(words));
	return words[word];
}

static void store_second(struct sw_slot *place, struct sw_slot slot)
{
	slot.overflow = place->overflow; /* the bucket's */
	__atomic_store_n(word_at(place, 1), word_of(&slot, 1), __ATOMIC_RELEASE);
}

static void store_hash(struct sw_slot *place, uint64_t hash)
{
	__atomic_store_n(word_at(place, 0), hash, __ATOMIC_RELEASE);
}

void sw_place_fill(struct sw_slot *place, const struct sw_slot *slot)
{
	__atomic_store_n(word_at(place, 2), word_of(slot, 2), __ATOMIC_RELAXED);
	__atomic_store_n(word_at(place, 3), word_of(slot, 3), __ATOMIC_RELAXED);
}

void sw_place_reserve(struct sw_slot *place, const struct sw_slot *slot)
{
	sw_place_fill(place, slot);
	store_hash(place, slot->hash);
}

void sw_place_unreserve(struct sw_slot *place)
{
	store_hash(place, 0);
}

void sw_place_show(const struct sw_places *places, struct sw_slot *place, const struct sw_slot *slot)
{
	bool is_second = true;
	for (unsigned i = 0; i < SW_BUCKET_SLOTS; i++)
		is_second = is_second && places->slot[i] != place;
	if (is_second)
		__atomic_store_n(&places->slot[0]->overflow, 1, __ATOMIC_RELEASE);
	store_second(place, *slot);
}

void sw_place_flip(struct sw_slot *place, const struct sw_slot *slot)
{
	store_second(place, *slot);
}

void sw_place_leave(struct sw_slot *place)
{
	store_hash(place, 0);
}

void sw_place_clear(struct sw_slot *place)
{
	store_second(place, (struct sw_slot){.kind = SW_SLOT_FREE});
}

/** Move a name to its other bucket. @return whether there was room */
static bool move_away(const struct sw_index *index, struct sw_slot *from)
{
	struct sw_places places;
	sw_places_of(index, from->hash, &places);
	struct sw_slot *to = sw_place_free(&places), slot = *from;
	if (!to || sw_place_has_twin(&places, from->hash))
		return false;
	sw_place_reserve(to, &slot);
	sw_place_show(&places, to, &slot);
	return true;
}

static bool can_move(const struct sw_slot *slot)
{
	return slot->kind != SW_SLOT_FREE && slot->hash != 0;
}

/** Move a name out of one of these places, or, `depth` steps further, one that is in the way of that. */
static bool make_room(const struct sw_index *index, uint64_t hash, unsigned depth, struct sw_slot **twin)
{
	struct sw_places places;
	sw_places_of(index, hash, &places);
	for (unsigned i = 0; i < places.count; i++) {
		*twin = places.slot[i];
		if (!can_move(*twin))
			continue;
		if (depth > 0 ? make_room(index, (*twin)->hash, depth - 1, twin) : move_away(index, *twin))
			return true;
	}
	return false;
}

bool sw_place_make_room(const struct sw_index *index, uint64_t hash, struct sw_slot **twin)
{
	for (unsigned depth = 0; depth <= DEPTH_MAX; depth++) {
		if (make_room(index, hash, depth, twin))
			return true;
	}
	return false;
}

static bool is_hot(const struct sw_hot *hot, const struct sw_slot *place)
{
	for (unsigned i = 0; i < hot->count; i++) {
		if (hot->place[i] == place)
			return true;
	}
	return false;
}

/** Move a name from its first bucket to its second, and make its place free. What cannot be done moves
 * nothing on the way either: a place made free and not taken could get its name back. */
static bool move_on(const struct sw_index *index, struct sw_slot *from, unsigned depth, struct sw_hot *hot)
{
	struct sw_places places, second = {0};
	if (!can_move(from) || hot->count + depth >= SW_HOT_MAX || is_hot(hot, from))
		return false;
	sw_places_of(index, from->hash, &places);
	if (places.count < SW_PLACES || (from != places.slot[0] && from != places.slot[1]) ||
		sw_place_has_twin(&places, from->hash))
		return false;
	for (unsigned i = SW_BUCKET_SLOTS; i < places.count; i++)
		second.slot[second.count++] = places.slot[i];
	for (unsigned i = 0; i < second.count && depth > 0 && !sw_place_free(&second); i++)
		move_on(index, second.slot[i], depth - 1, hot);
	struct sw_slot *to = sw_place_free(&second), slot = *from;
	if (!to)
		return false;
	sw_place_reserve(to, &slot);
	sw_place_show(&places, to, &slot);
	sw_place_leave(from);
	sw_place_clear(from);
	hot->place[hot->count++] = from;
	return true;
}

bool sw_place_make_room_now(
	const struct sw_index *index, uint64_t hash, const struct sw_graces *graces, struct sw_hot *hot)
{
	struct sw_places places;
	if (!SW_READERS_IN_ORDER)
		return false;
	if (hot->grace < graces->passed)
		hot->count = 0;
	hot->grace = graces->begun;
	sw_places_of(index, hash, &places);
	for (unsigned depth = 0; depth <= DEPTH_MAX; depth++) {
		for (unsigned i = 0; i < places.count; i++) {
			if (move_on(index, places.slot[i], depth, hot))
				return true;
		}
	}
	return false;
}
