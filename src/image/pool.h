/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Memory of a zone that changes: taken and given back object by object, in a region of its own.
 *
 * Objects of up to 512 bytes have a free list for each size, larger ones for each power of two, so what is
 * given back fits what is taken next: a name that changes a million times needs the memory of two versions.
 * Whoever gives back makes sure that no reader is left.
 */
#ifndef SW_IMAGE_POOL_H
#define SW_IMAGE_POOL_H

#include "image/space.h"

#define SW_POOL_EXACT 32   /* sizes in units with a list each */
#define SW_POOL_CLASSES 46 /* and powers of two up to a segment */

struct sw_taken {
	uint32_t ref;
	uint32_t size;
};

struct sw_pool {
	struct sw_region region;
	uint32_t free[SW_POOL_CLASSES]; /* first of a list; each begins with the reference of the next */
	struct sw_taken *taken;		/* since sw_pool_mark() */
	size_t taken_count, taken_room;
};

/** Zeroed memory. @return reference, 0 when out of space or memory */
uint32_t sw_pool_take(struct sw_pool *pool, size_t size);

/** @param size  as it was taken */
void sw_pool_give(struct sw_pool *pool, uint32_t ref, size_t size);

/** Whether an object is one of the pool's; others belong to the zone as it was compiled. */
bool sw_pool_has(const struct sw_pool *pool, uint32_t ref);

/** From here on, what is taken can be given back together. */
void sw_pool_mark(struct sw_pool *pool);
void sw_pool_undo(struct sw_pool *pool);

/** Give the region back. */
void sw_pool_end(struct sw_pool *pool);

#endif
