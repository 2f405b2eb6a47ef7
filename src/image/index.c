/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/index.h"
#include <errno.h>

#define BUCKET_BYTES (SW_BUCKET_SLOTS * sizeof(struct sw_slot))
#define BUCKET_UNITS (BUCKET_BYTES / SW_UNIT)
#define DISPLACEMENTS_MAX 500

uint32_t sw_index_buckets(uint32_t names)
{
	uint32_t buckets = (uint32_t)((uint64_t)names * 100 / (SW_BUCKET_SLOTS * 62)) + 1;
	return buckets;
}

int sw_index_start(struct sw_index *index, struct sw_region *region, uint32_t names)
{
	index->region = region;
	index->random = 1;
	index->added = 0;
	index->bucket_count = sw_index_buckets(names);
	index->buckets = sw_region_take_run(region, (size_t)index->bucket_count * BUCKET_BYTES);
	return index->buckets ? 0 : -ENOSPC;
}

static struct sw_slot *bucket_at(const struct sw_index *index, uint32_t bucket)
{
	return sw_space_at(index->region->space, index->buckets + bucket * (uint32_t)BUCKET_UNITS);
}

/** Store a slot; slot 0's overflow mark belongs to the bucket and stays. */
static void place(struct sw_slot *into, const struct sw_slot *slot)
{
	uint8_t overflow = into->overflow;
	*into = *slot;
	into->overflow = overflow;
}

static bool place_free(struct sw_slot *bucket, const struct sw_slot *slot)
{
	for (unsigned i = 0; i < SW_BUCKET_SLOTS; i++) {
		if (bucket[i].kind == SW_SLOT_FREE) {
			place(&bucket[i], slot);
			return true;
		}
	}
	return false;
}

/** Put a name into its first bucket, or its second, or displace another from there: that one goes to the
 * bucket it was not displaced from, and so on.
 * @return 0, or -EAGAIN with the name that found no place in `slot` */
static int insert(struct sw_index *index, struct sw_slot *slot)
{
	uint32_t into = sw_bucket_first(slot->hash, index->bucket_count);
	for (unsigned i = 0; i < DISPLACEMENTS_MAX; i++) {
		uint32_t first = sw_bucket_first(slot->hash, index->bucket_count);
		uint32_t second = sw_bucket_second(slot->hash, index->bucket_count);
		if (place_free(bucket_at(index, first), slot))
			return 0;
		bucket_at(index, first)->overflow = 1;
		if (place_free(bucket_at(index, second), slot))
			return 0;
		into = into == first ? second : first;
		index->random = index->random * 1103515245 + 12345;
		struct sw_slot *victim = &bucket_at(index, into)[index->random >> 30 & (SW_BUCKET_SLOTS - 1)];
		struct sw_slot displaced = *victim;
		place(victim, slot);
		*slot = displaced;
		slot->overflow = 0;
	}
	return -EAGAIN;
}

/** Move everything into an index a quarter bigger. */
static int grow(struct sw_index *index)
{
	struct sw_index bigger = *index;
	bigger.bucket_count += index->bucket_count / 4 + 1;
	for (;;) {
		bigger.buckets =
			sw_region_take_run(index->region, (size_t)bigger.bucket_count * BUCKET_BYTES);
		if (bigger.buckets == 0)
			return -ENOSPC;
		int error = 0;
		for (uint32_t i = 0; i < index->bucket_count * SW_BUCKET_SLOTS && !error; i++) {
			struct sw_slot slot = bucket_at(index, i / SW_BUCKET_SLOTS)[i % SW_BUCKET_SLOTS];
			slot.overflow = 0;
			if (slot.kind != SW_SLOT_FREE)
				error = insert(&bigger, &slot);
		}
		if (!error)
			break;
		bigger.bucket_count += bigger.bucket_count / 4 + 1;
	}
	*index = bigger;
	return 0;
}

static int put(struct sw_index *index, const struct sw_slot *slot)
{
	struct sw_slot left = *slot;
	while (insert(index, &left)) {
		int error = grow(index);
		if (error)
			return error;
	}
	return 0;
}

int sw_index_add(struct sw_index *index, const struct sw_slot *slot)
{
	struct sw_slot *place = &index->waiting[index->added % SW_INDEX_WAITING];
	int error = index->added < SW_INDEX_WAITING ? 0 : put(index, place);
	*place = *slot;
	index->added++;
	__builtin_prefetch(bucket_at(index, sw_bucket_first(slot->hash, index->bucket_count)), 1);
	__builtin_prefetch(bucket_at(index, sw_bucket_second(slot->hash, index->bucket_count)), 1);
	return error;
}

int sw_index_finish(struct sw_index *index)
{
	uint32_t waiting = index->added < SW_INDEX_WAITING ? index->added : SW_INDEX_WAITING;
	int error = 0;
	for (; waiting > 0 && !error; waiting--)
		error = put(index, &index->waiting[(index->added - waiting) % SW_INDEX_WAITING]);
	index->added = 0;
	return error;
}
