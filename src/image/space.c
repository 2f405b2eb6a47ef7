/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/space.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_UNITS 64u /* 1 KiB, order 0 */
#define ORDERS 13	/* 1 KiB to 4 MiB */
#define TOP (ORDERS - 1)
#define BLOCKS_PER_SEGMENT (SW_SEGMENT_UNITS / BLOCK_UNITS)
_Static_assert(BLOCKS_PER_SEGMENT == 1u << TOP, "the top order is a whole segment");

/** References of free blocks of one order; some may be stale, free_order[] tells. */
struct stack {
	uint32_t *refs;
	size_t count, room;
};

struct sw_space {
	struct sw_backing backing;
	uint8_t *segments[SW_SEGMENTS_MAX];
	uint8_t *
		free_order[SW_SEGMENTS_MAX]; /* per block of a segment: order + 1 where a free block starts */
	struct stack free[ORDERS];
	uint32_t segment_count; /* held */
	uint32_t first_free;	/* no number below it is free */
};

struct sw_space *sw_space_new(const struct sw_backing *backing)
{
	struct sw_space *space = calloc(1, sizeof(*space));
	if (!space)
		return NULL;
	space->backing = *backing;
	space->first_free = 1; /* segment 0 is never used: reference 0 is none */
	return space;
}

static void segment_release(struct sw_space *space, uint32_t number)
{
	space->backing.segment_free(space->backing.context, number, space->segments[number]);
	space->segments[number] = NULL;
	free(space->free_order[number]);
	space->free_order[number] = NULL;
	space->segment_count--;
	if (number < space->first_free)
		space->first_free = number;
}

void sw_space_free(struct sw_space *space)
{
	if (!space)
		return;
	for (uint32_t i = 0; i < SW_SEGMENTS_MAX; i++) {
		if (space->segments[i])
			segment_release(space, i);
	}
	for (unsigned i = 0; i < ORDERS; i++)
		free(space->free[i].refs);
	free(space);
}

uint32_t sw_block_units(const struct sw_block *block)
{
	return BLOCK_UNITS << block->order;
}

void *sw_space_at(const struct sw_space *space, uint32_t ref)
{
	return space->segments[ref >> SW_SEGMENT_SHIFT] + (size_t)(ref & (SW_SEGMENT_UNITS - 1)) * SW_UNIT;
}

uint8_t *const *sw_space_segments(const struct sw_space *space)
{
	return space->segments;
}

uint64_t sw_space_bytes(const struct sw_space *space)
{
	return (uint64_t)space->segment_count * (SW_SEGMENT_BYTES + SW_SEGMENT_GUARD);
}

static int segment_new(struct sw_space *space, uint32_t number)
{
	uint8_t *orders = calloc(BLOCKS_PER_SEGMENT, 1);
	if (!orders)
		return -ENOMEM;
	int error = space->backing.segment_new(space->backing.context, number, &space->segments[number]);
	if (error) {
		space->segments[number] = NULL;
		free(orders);
		return error;
	}
	space->free_order[number] = orders;
	space->segment_count++;
	return 0;
}

static uint8_t *free_mark(struct sw_space *space, uint32_t ref)
{
	return &space->free_order[ref >> SW_SEGMENT_SHIFT][(ref & (SW_SEGMENT_UNITS - 1)) / BLOCK_UNITS];
}

/** Whether an entry of a stack still stands for a free block. */
static bool is_free(struct sw_space *space, uint32_t ref, unsigned order)
{
	return space->segments[ref >> SW_SEGMENT_SHIFT] && *free_mark(space, ref) == order + 1;
}

/** Make room in a stack: drop what is stale, and double it where that was less than half. */
static int stack_reserve(struct sw_space *space, unsigned order)
{
	struct stack *stack = &space->free[order];
	size_t kept = 0;
	for (size_t i = 0; i < stack->count; i++) {
		if (is_free(space, stack->refs[i], order))
			stack->refs[kept++] = stack->refs[i];
	}
	stack->count = kept;
	if (kept < stack->room / 2)
		return 0;
	size_t room = stack->room ? stack->room * 2 : 64;
	uint32_t *refs = realloc(stack->refs, room * sizeof(*refs));
	if (!refs)
		return kept < stack->room ? 0 : -ENOMEM;
	stack->refs = refs;
	stack->room = room;
	return 0;
}

static void push(struct sw_space *space, uint32_t ref, unsigned order)
{
	struct stack *stack = &space->free[order];
	if (stack->count == stack->room && stack_reserve(space, order))
		return; /* the block is lost until its buddy comes back; memory is short anyway */
	*free_mark(space, ref) = (uint8_t)(order + 1);
	stack->refs[stack->count++] = ref;
}

static void block_free(struct sw_space *space, uint32_t ref, unsigned order)
{
	while (order < TOP) {
		uint32_t buddy = ref ^ (BLOCK_UNITS << order);
		if (*free_mark(space, buddy) != order + 1)
			break;
		*free_mark(space, buddy) = 0;
		ref &= ~(BLOCK_UNITS << order);
		order++;
	}
	if (order == TOP)
		segment_release(space, ref >> SW_SEGMENT_SHIFT);
	else
		push(space, ref, order);
}

/** Lowest number at which `count` segments in a row are not held, or 0. */
static uint32_t segments_free(struct sw_space *space, uint32_t count)
{
	uint32_t run = 0;
	while (space->first_free < SW_SEGMENTS_MAX && space->segments[space->first_free])
		space->first_free++;
	for (uint32_t i = space->first_free; i < SW_SEGMENTS_MAX; i++) {
		run = space->segments[i] ? 0 : run + 1;
		if (run == count)
			return i + 1 - count;
	}
	return 0;
}

/** Keep the first 2^to of a block, give back the rest. */
static void split(struct sw_space *space, uint32_t ref, unsigned from, unsigned to)
{
	while (from > to) {
		from--;
		push(space, ref + (BLOCK_UNITS << from), from);
	}
}

static uint32_t block_take(struct sw_space *space, unsigned order)
{
	for (unsigned have = order; have < TOP; have++) {
		struct stack *stack = &space->free[have];
		while (stack->count > 0) {
			uint32_t ref = stack->refs[--stack->count];
			if (!is_free(space, ref, have))
				continue; /* merged or released since */
			*free_mark(space, ref) = 0;
			split(space, ref, have, order);
			return ref;
		}
	}
	uint32_t number = segments_free(space, 1);
	if (number == 0 || segment_new(space, number))
		return 0;
	split(space, number << SW_SEGMENT_SHIFT, TOP, order);
	return number << SW_SEGMENT_SHIFT;
}

static int region_add(struct sw_region *region, uint32_t ref, unsigned order)
{
	struct sw_block *blocks =
		realloc(region->blocks, (region->block_count + 1) * sizeof(*region->blocks));
	if (!blocks) {
		block_free(region->space, ref, order);
		return -ENOMEM;
	}
	region->blocks = blocks;
	blocks[region->block_count++] = (struct sw_block){ref, order};
	region->next = ref;
	region->end = ref + (BLOCK_UNITS << order);
	region->bytes += (uint64_t)(BLOCK_UNITS << order) * SW_UNIT;
	return 0;
}

static unsigned order_for(size_t size)
{
	unsigned order = 0;
	while ((size_t)(BLOCK_UNITS << order) * SW_UNIT < size)
		order++;
	return order;
}

/** A region's blocks double, so a zone has few of them and wastes less than half of the last. */
static unsigned next_order(const struct sw_region *region, size_t size)
{
	unsigned order = order_for(size), grown = order_for(region->bytes / 2);
	if (grown > TOP)
		grown = TOP;
	return order > grown ? order : grown;
}

static uint32_t bump(struct sw_region *region, size_t size, uint32_t align_units)
{
	uint32_t units = (uint32_t)((size + SW_UNIT - 1) / SW_UNIT);
	uint32_t at = (region->next + align_units - 1) & ~(align_units - 1);
	if (at < region->next || region->end - region->next < at - region->next + units)
		return 0;
	region->next = at + units;
	memset(sw_space_at(region->space, at), 0, size);
	return at;
}

static uint32_t take(struct sw_region *region, size_t size, uint32_t align_units)
{
	uint32_t ref = bump(region, size, align_units);
	if (ref)
		return ref;
	unsigned order = next_order(region, size);
	uint32_t block = block_take(region->space, order);
	if (block == 0 || region_add(region, block, order))
		return 0;
	return bump(region, size, align_units);
}

uint32_t sw_region_take(struct sw_region *region, size_t size)
{
	return take(region, size, 1);
}

uint32_t sw_region_take_run(struct sw_region *region, size_t size)
{
	if (size <= SW_SEGMENT_BYTES)
		return take(region, size, 4);

	struct sw_space *space = region->space;
	uint32_t count = (uint32_t)((size + SW_SEGMENT_BYTES - 1) / SW_SEGMENT_BYTES);
	uint32_t first = segments_free(space, count);
	if (first == 0)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		if (segment_new(space, first + i))
			return 0;
		if (region_add(region, (first + i) << SW_SEGMENT_SHIFT, TOP))
			return 0;
	}
	/* fresh segments are zero; what is left of the last one serves the next objects */
	region->next = region->end - (uint32_t)(((uint64_t)count * SW_SEGMENT_BYTES - size) / SW_UNIT);
	return first << SW_SEGMENT_SHIFT;
}

void sw_region_trim(struct sw_region *region)
{
	if (region->block_count == 0)
		return;
	struct sw_block *last = &region->blocks[region->block_count - 1];
	if (region->end != last->ref + (BLOCK_UNITS << last->order))
		return;
	uint32_t used = region->next - last->ref;
	while (last->order > 0 && used <= BLOCK_UNITS << (last->order - 1)) {
		last->order--;
		block_free(region->space, last->ref + (BLOCK_UNITS << last->order), last->order);
		region->bytes -= (uint64_t)(BLOCK_UNITS << last->order) * SW_UNIT;
	}
	region->end = last->ref + (BLOCK_UNITS << last->order);
}

void sw_region_free(struct sw_region *region)
{
	for (uint32_t i = 0; i < region->block_count; i++)
		block_free(region->space, region->blocks[i].ref, region->blocks[i].order);
	free(region->blocks);
	*region = (struct sw_region){.space = region->space};
}
