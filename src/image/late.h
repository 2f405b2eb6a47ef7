/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a zone that changes does once the readers of today are gone, in the order in which it came up. */
#ifndef SW_IMAGE_LATE_H
#define SW_IMAGE_LATE_H

#include "image/place.h"
#include "image/pool.h"

enum sw_late_kind {
	SW_LATE_FREE, /* give memory back to the pool */
	SW_LATE_TWIN, /* leave a place whose name stands at another as well */
	SW_LATE_LEFT, /* make a place free that was left */
	SW_LATE_FILL, /* write addresses into a slot, which readers do not look at yet */
	SW_LATE_SHOW, /* have them looked at */
};

struct sw_late {
	uint64_t grace; /* waits for readers there had been */
	enum sw_late_kind kind;
	uint32_t ref;  /* FREE: memory; FILL, SHOW: node of the slot as it is, which has its addresses too */
	uint32_t size; /* FREE: bytes */
	union {
		struct sw_slot *place; /* TWIN, LEFT */
		struct sw_slot slot;   /* FILL, SHOW: as it shall be */
	};
};

/** Zeros are an empty queue. */
struct sw_lates {
	struct sw_late *items;
	size_t first, count, room;
	uint64_t bytes; /* to be freed */
};

/** Have room for so many more. @return 0 or -ENOMEM */
int sw_lates_reserve(struct sw_lates *lates, size_t more);

/** @return false when there is no memory */
bool sw_lates_add(struct sw_lates *lates, const struct sw_late *late);

/** Do what came up before a wait for readers that has passed. */
void sw_lates_settle(struct sw_lates *lates, const struct sw_graces *graces, struct sw_pool *pool,
	const struct sw_index *index);

/** The places that wait are of an index that is used no more. */
void sw_lates_forget_places(struct sw_lates *lates);

void sw_lates_end(struct sw_lates *lates);

#endif
