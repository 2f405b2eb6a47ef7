/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/place.h"
#include "image/plain.h"
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/** Numbers that look random: splitmix64 of Steele, Lea and Flood. */
static uint64_t hash_of(uint64_t i)
{
	uint64_t z = (i + 1) * 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static const struct sw_slot *bucket(const struct sw_index *index, uint32_t number)
{
	return sw_space_at(index->region->space, index->buckets + number * (64 / SW_UNIT));
}

static const struct sw_slot *find_in(const struct sw_slot *slots, uint64_t hash)
{
	for (unsigned i = 0; i < SW_BUCKET_SLOTS; i++) {
		if (slots[i].kind != SW_SLOT_FREE && slots[i].hash == hash)
			return &slots[i];
	}
	return NULL;
}

/** As a reader looks: the second bucket only where the first says that it overflowed. */
static const struct sw_slot *find(const struct sw_index *index, uint64_t hash, bool *is_second)
{
	const struct sw_slot *first = bucket(index, sw_bucket_first(hash, index->bucket_count));
	const struct sw_slot *found = find_in(first, hash);
	*is_second = !found;
	if (found || !first->overflow)
		return found;
	return find_in(bucket(index, sw_bucket_second(hash, index->bucket_count)), hash);
}

struct filled {
	struct sw_space *space;
	struct sw_region region;
	struct sw_index index;
	struct sw_control control;
};

/** @return how many names live in their second bucket */
static uint32_t fill(struct filled *filled, uint32_t expected, uint32_t names)
{
	struct sw_backing backing = sw_plain_backing(&filled->control);
	filled->space = sw_space_new(&backing);
	filled->region = (struct sw_region){.space = filled->space};
	assert_int_equal(sw_index_start(&filled->index, &filled->region, expected), 0);
	for (uint32_t i = 0; i < names; i++) {
		struct sw_slot slot = {.hash = hash_of(i), .kind = SW_SLOT_NAME, .name.ttl = i};
		assert_int_equal(sw_index_add(&filled->index, &slot), 0);
	}
	assert_int_equal(sw_index_finish(&filled->index), 0);
	uint32_t seconds = 0;
	for (uint32_t i = 0; i < names; i++) {
		bool is_second;
		const struct sw_slot *found = find(&filled->index, hash_of(i), &is_second);
		assert_non_null(found);
		assert_int_equal(found->name.ttl, i);
		seconds += is_second;
	}
	bool is_second;
	assert_null(find(&filled->index, hash_of(names), &is_second));
	return seconds;
}

static void drop(struct filled *filled)
{
	sw_region_free(&filled->region);
	sw_space_free(filled->space);
}

/** Of the size it is made for it never grows: growing costs a copy of everything. */
static void test_expected(void **state)
{
	(void)state;
	static const uint32_t sizes[] = {1, 2, 3, 15, 16, 17, 100, 1000, 10000, 200000};
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct filled filled = {0};
		uint32_t seconds = fill(&filled, sizes[i], sizes[i]);
		/* 22 % have to look twice; the rest is chance in small ones */
		assert_true(seconds <= sizes[i] / 4 + 10);
		if (sizes[i] >= 100)
			assert_int_equal(filled.index.bucket_count, sw_index_buckets(sizes[i]));
		drop(&filled);
	}
}

/** Beyond that it grows, and nothing gets lost. */
static void test_growth(void **state)
{
	(void)state;
	struct filled filled = {0};
	fill(&filled, 100, 5000);
	assert_true(filled.index.bucket_count > sw_index_buckets(100));
	drop(&filled);
}

/** Room is made for a name, or nothing moves: a place left free on the way could get back the name that left
 * it, while a reader is there. */
static void test_no_room(void **state)
{
	(void)state;
	enum { NAMES = 3400, TRIES = 2000 };
	static struct filled filled;
	static struct sw_hot hot;
	const struct sw_graces graces = {0};
	unsigned made = 0, refused = 0;
	fill(&filled, 1240, NAMES / 2); /* 85 % full */
	size_t size = (size_t)filled.index.bucket_count * SW_BUCKET_SLOTS * sizeof(struct sw_slot);
	void *slots = sw_space_at(filled.space, filled.index.buckets), *before = malloc(size);
	assert_non_null(before);
	for (uint32_t i = 0; i < TRIES; i++) {
		struct sw_places places;
		uint64_t hash = hash_of(NAMES + i);
		sw_places_of(&filled.index, hash, &places);
		if (sw_place_free(&places))
			continue;
		memcpy(before, slots, size);
		hot = (struct sw_hot){.count = SW_HOT_MAX - 1 - i % 3};
		if (sw_place_make_room_now(&filled.index, hash, &graces, &hot)) {
			made++;
			assert_non_null(sw_place_free(&places));
			memcpy(slots, before, size);
		} else {
			refused++;
			assert_memory_equal(slots, before, size);
		}
	}
	assert_true(refused > 0);
	assert_true(made > 0 || !SW_READERS_IN_ORDER);
	free(before);
	drop(&filled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_expected), cmocka_unit_test(test_growth),
		cmocka_unit_test(test_no_room)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
