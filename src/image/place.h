/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Changing an index that readers look at.
 *
 * A reader looks at the four places of a name in order: it loads a slot's hash, then its kind, then the rest,
 * then the hash again, and goes on to the next place where that is another one's. So that it finds a whole
 * slot, and each name that is in both versions:
 *
 * - a slot's second word (kind, flags, count of addresses, overflow, node or NS piece) is stored at once;
 * what it refers to was written before. A name without addresses in its slot needs no more than this word, so
 * it changes where it stands.
 * - the third and fourth word are written only while nobody reads them: of a place that is free, or of a name
 *   without addresses in its slot, after a wait for the readers that may remember some.
 * - a place is left by clearing its hash. What stands there stays until the readers have been waited for,
 * then the place is free. A place reserved has its hash and no kind.
 * - a name that moves is there before it leaves. Where the new place comes first in order it is found there
 * at once, and the old place is left after a wait (a "twin" until then): a reader may have passed the new
 * place when it was empty, and must find the old one. Where the new place comes behind, the old one is left
 * at once, and may be given to another name without waiting: a reader that loads a mixture of both finds
 * another hash behind it. Once between two waits ("hot" until then), so that no name comes back to where such
 * a reader is.
 *
 * That loads are done in order holds on x86 (and lookup.h pins it against the compiler); elsewhere
 * SW_READERS_IN_ORDER is 0 and whoever changes an index waits between steps.
 */
#ifndef SW_IMAGE_PLACE_H
#define SW_IMAGE_PLACE_H

#include "image/index.h"

/** Waits for readers. What was taken from them while so many had begun can be used again when more than that
 * have passed: one of these began after it. */
struct sw_graces {
	uint64_t begun, passed;
};

#ifdef __x86_64__
#define SW_READERS_IN_ORDER 1
#else
#define SW_READERS_IN_ORDER 0
#endif

#define SW_PLACES (2 * SW_BUCKET_SLOTS)

/** Where a name may stand, in the order of readers. */
struct sw_places {
	struct sw_slot *slot[SW_PLACES];
	unsigned count; /* fewer where both buckets are one */
};

void sw_places_of(const struct sw_index *index, uint64_t hash, struct sw_places *places);

/** Have them brought near: in a big zone each bucket is a cache miss. */
void sw_places_expect(const struct sw_index *index, uint64_t hash);

/** The slot of a name, the first in order; NULL where there is none. */
struct sw_slot *sw_place_find(const struct sw_places *places, uint64_t hash);

/** Whether it stands at more than one. */
bool sw_place_has_twin(const struct sw_places *places, uint64_t hash);

/** The first that is free, or NULL. */
struct sw_slot *sw_place_free(const struct sw_places *places);

/** Write a slot to a free place, all but the word that shows it. */
void sw_place_reserve(struct sw_slot *place, const struct sw_slot *slot);
void sw_place_unreserve(struct sw_slot *place);

/** Show a slot at the place reserved for it. */
void sw_place_show(const struct sw_places *places, struct sw_slot *place, const struct sw_slot *slot);

/** Store the second word of a slot that readers may have. */
void sw_place_flip(struct sw_slot *place, const struct sw_slot *slot);

/** Store addresses that no reader looks at yet. */
void sw_place_fill(struct sw_slot *place, const struct sw_slot *slot);

/** Leave a place; and, when no reader is left, make it free. */
void sw_place_leave(struct sw_slot *place);
void sw_place_clear(struct sw_slot *place);

/** Places that were given to another name, whose readers have not been waited for. */
#define SW_HOT_MAX 2048
struct sw_hot {
	uint64_t grace; /* waits that had begun */
	unsigned count;
	const struct sw_slot *place[SW_HOT_MAX];
};

/** Make a place free for a name at once: by a name that can move from its first bucket to its second, or
 * several that make room for each other so. @return false where none can, or readers do not look in order */
bool sw_place_make_room_now(
	const struct sw_index *index, uint64_t hash, const struct sw_graces *graces, struct sw_hot *hot);

/** Make room for a name that has none: move one of those in its places to where that may stand as well, or
 * one of those in the way of that.
 * @param twin  the place it has moved from, to be left after a wait
 * @return false where nothing could be moved */
bool sw_place_make_room(const struct sw_index *index, uint64_t hash, struct sw_slot **twin);

#endif
