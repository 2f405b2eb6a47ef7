/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/pool.h"
#include <stdlib.h>
#include <string.h>

/** @param units  in: wanted; out: what an object of the class has */
static unsigned class_of(uint32_t *units)
{
	if (*units <= SW_POOL_EXACT)
		return *units ? *units - 1 : 0;
	unsigned above = 0;
	uint32_t room = SW_POOL_EXACT;
	while (room < *units) {
		room *= 2;
		above++;
	}
	*units = room;
	return SW_POOL_EXACT - 1 + above;
}
_Static_assert((uint64_t)SW_POOL_EXACT << (SW_POOL_CLASSES - SW_POOL_EXACT) >= SW_SEGMENT_UNITS,
	"the last list has objects of a segment");

static uint32_t units_of(size_t size)
{
	return size ? (uint32_t)((size + SW_UNIT - 1) / SW_UNIT) : 1;
}

static bool note(struct sw_pool *pool, uint32_t ref, size_t size)
{
	if (pool->taken_count == pool->taken_room) {
		size_t room = pool->taken_room ? 2 * pool->taken_room : 64;
		struct sw_taken *taken = realloc(pool->taken, room * sizeof(*taken));
		if (!taken)
			return false;
		pool->taken = taken;
		pool->taken_room = room;
	}
	pool->taken[pool->taken_count++] = (struct sw_taken){ref, (uint32_t)size};
	return true;
}

uint32_t sw_pool_take(struct sw_pool *pool, size_t size)
{
	uint32_t units = units_of(size);
	unsigned class = class_of(&units);
	uint32_t ref = pool->free[class];
	if (ref) {
		uint32_t *object = sw_space_at(pool->region.space, ref);
		pool->free[class] = *object;
		memset(object, 0, (size_t)units * SW_UNIT);
	} else {
		ref = sw_region_take(&pool->region, (size_t)units * SW_UNIT);
	}
	if (ref && !note(pool, ref, size)) {
		sw_pool_give(pool, ref, size);
		return 0;
	}
	return ref;
}

void sw_pool_give(struct sw_pool *pool, uint32_t ref, size_t size)
{
	uint32_t units = units_of(size);
	unsigned class = class_of(&units);
	memcpy(sw_space_at(pool->region.space, ref), &pool->free[class], sizeof(ref));
	pool->free[class] = ref;
}

bool sw_pool_has(const struct sw_pool *pool, uint32_t ref)
{
	for (uint32_t i = 0; i < pool->region.block_count; i++) {
		const struct sw_block *block = &pool->region.blocks[i];
		if (ref - block->ref < sw_block_units(block))
			return true;
	}
	return false;
}

void sw_pool_mark(struct sw_pool *pool)
{
	free(pool->taken); /* of 100,000 zones each would keep some */
	pool->taken = NULL;
	pool->taken_count = pool->taken_room = 0;
}

void sw_pool_undo(struct sw_pool *pool)
{
	while (pool->taken_count > 0) {
		const struct sw_taken *taken = &pool->taken[--pool->taken_count];
		sw_pool_give(pool, taken->ref, taken->size);
	}
}

void sw_pool_end(struct sw_pool *pool)
{
	sw_region_free(&pool->region);
	free(pool->taken);
	*pool = (struct sw_pool){.region.space = pool->region.space};
}
