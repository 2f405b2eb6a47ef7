/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/space.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/** Segments from the heap, as many as `room`. */
struct heap {
	unsigned held, room;
};

static int heap_new(void *context, uint32_t number, uint8_t **memory)
{
	struct heap *heap = context;
	assert_in_range(number, 1, SW_SEGMENTS_MAX - 1);
	if (heap->held == heap->room)
		return -ENOMEM;
	heap->held++;
	*memory = calloc(1, SW_SEGMENT_BYTES + SW_SEGMENT_GUARD);
	return *memory ? 0 : -ENOMEM;
}

static void heap_free(void *context, uint32_t number, uint8_t *memory)
{
	(void)number;
	((struct heap *)context)->held--;
	free(memory);
}

static struct sw_space *space_on(struct heap *heap)
{
	struct sw_space *space = sw_space_new(
		&(struct sw_backing){.context = heap, .segment_new = heap_new, .segment_free = heap_free});
	assert_non_null(space);
	return space;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

/** Take an object: zeroed, inside one segment; then filled with its number. */
static uint32_t take_filled(struct sw_region *region, size_t size, uint8_t number)
{
	uint32_t ref = sw_region_take(region, size);
	assert_int_not_equal(ref, 0);
	size_t offset = (size_t)(ref & (SW_SEGMENT_UNITS - 1)) * SW_UNIT;
	assert_true(offset + size <= SW_SEGMENT_BYTES);
	uint8_t *at = sw_space_at(region->space, ref);
	assert_true(is_zero(at, size));
	memset(at, number, size);
	return ref;
}

/** Many regions grow, are trimmed and given back at random; none ever writes into another. */
static void test_random(void **state)
{
	(void)state;
	enum { REGIONS = 40, OBJECTS = 60, ROUNDS = 400 };
	static uint32_t refs[REGIONS][OBJECTS], sizes[REGIONS][OBJECTS], counts[REGIONS];
	struct heap heap = {.room = 64};
	struct sw_space *space = space_on(&heap);
	struct sw_region regions[REGIONS];
	for (unsigned i = 0; i < REGIONS; i++)
		regions[i] = (struct sw_region){.space = space};
	srand(1);
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned r = (unsigned)rand() % REGIONS;
		for (unsigned i = 0; i < counts[r]; i++) {
			const uint8_t *at = sw_space_at(space, refs[r][i]);
			for (uint32_t b = 0; b < sizes[r][i]; b += sizes[r][i] - 1)
				assert_int_equal(at[b], (uint8_t)(r + 1));
		}
		sw_region_free(&regions[r]);
		counts[r] = (unsigned)rand() % OBJECTS;
		for (unsigned i = 0; i < counts[r]; i++) {
			sizes[r][i] = 2 + (unsigned)rand() % (1u << rand() % 16);
			refs[r][i] = take_filled(&regions[r], sizes[r][i], (uint8_t)(r + 1));
		}
		sw_region_trim(&regions[r]);
	}
	for (unsigned i = 0; i < REGIONS; i++)
		sw_region_free(&regions[i]);
	assert_int_equal(heap.held, 0); /* every block found its buddy again */
	assert_int_equal(sw_space_bytes(space), 0);
	sw_space_free(space);
}

/** What a small zone leaves of a block serves the next ones. */
static void test_trim(void **state)
{
	(void)state;
	struct heap heap = {.room = 1};
	struct sw_space *space = space_on(&heap);
	enum { ZONES = SW_SEGMENT_BYTES / 1024 };
	static struct sw_region regions[ZONES];
	for (unsigned i = 0; i < ZONES; i++) {
		regions[i] = (struct sw_region){.space = space};
		take_filled(&regions[i], 500, 1);
		sw_region_trim(&regions[i]);
		assert_int_equal(regions[i].bytes, 1024);
	}
	struct sw_region more = {.space = space};
	assert_int_equal(sw_region_take(&more, 1), 0);
	sw_region_free(&regions[7]);
	take_filled(&more, 1, 1);
	sw_region_free(&more);
	for (unsigned i = 0; i < ZONES; i++)
		sw_region_free(&regions[i]);
	assert_int_equal(heap.held, 0);
	sw_space_free(space);
}

/** A run over several segments has consecutive numbers, and what it leaves of the last is used. */
static void test_run(void **state)
{
	(void)state;
	struct heap heap = {.room = 10};
	struct sw_space *space = space_on(&heap);
	struct sw_region small = {.space = space}, big = {.space = space}, gap = {.space = space};
	take_filled(&small, 100, 1); /* segment 1 */
	assert_int_equal(sw_region_take_run(&gap, 2 * (size_t)SW_SEGMENT_BYTES) >> SW_SEGMENT_SHIFT, 2);
	uint32_t run = sw_region_take_run(&big, 2 * (size_t)SW_SEGMENT_BYTES + 4096);
	assert_int_equal(run, 4u << SW_SEGMENT_SHIFT);
	assert_int_equal(heap.held, 6);
	uint32_t after = take_filled(&big, 1000, 2);
	assert_int_equal(after, (6u << SW_SEGMENT_SHIFT) + 4096 / SW_UNIT);
	sw_region_free(&gap);
	assert_int_equal(heap.held, 4);
	/* two numbers are free below: a run of three does not fit there, one of two does */
	assert_int_equal(sw_region_take_run(&gap, 3 * (size_t)SW_SEGMENT_BYTES) >> SW_SEGMENT_SHIFT, 7);
	assert_int_equal(sw_region_take_run(&gap, 2 * (size_t)SW_SEGMENT_BYTES) >> SW_SEGMENT_SHIFT, 2);
	sw_region_free(&small);
	sw_region_free(&big);
	sw_region_free(&gap);
	assert_int_equal(heap.held, 0);
	sw_space_free(space);
}

/** A backing that fails, also in the middle of a run: told, and nothing stays behind. */
static void test_exhausted(void **state)
{
	(void)state;
	struct heap heap = {.room = 3};
	struct sw_space *space = space_on(&heap);
	struct sw_region kept = {.space = space}, region = {.space = space};
	take_filled(&kept, SW_SEGMENT_BYTES, 9);
	assert_int_equal(sw_region_take_run(&region, 3 * (size_t)SW_SEGMENT_BYTES), 0);
	sw_region_free(&region);
	assert_int_equal(heap.held, 1);
	assert_int_not_equal(sw_region_take_run(&region, 2 * (size_t)SW_SEGMENT_BYTES), 0);
	assert_int_equal(sw_region_take(&region, 1), 0);
	sw_region_free(&region);
	assert_int_equal(*(const uint8_t *)sw_space_at(space, kept.blocks[0].ref), 9);
	sw_region_free(&kept);
	sw_space_free(space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_trim),
		cmocka_unit_test(test_run), cmocka_unit_test(test_exhausted)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
