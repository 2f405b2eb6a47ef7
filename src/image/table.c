/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The table of zones that readers use.
 *
 * A reader probes from the hash's own entry on: it loads `zone`, ends where that is 0, and takes it where
 * `hash` is the one sought. So a zone is added in place by storing `hash`, then `zone`; changed by storing
 * `zone`; and removed by clearing `hash`, which nobody seeks: what comes behind it goes on being found. Such
 * an entry is free again when no reader is left and the one behind it is free.
 */
#include "image/store_inside.h"
#include <errno.h>
#include <string.h>
#include <urcu.h>

#define NEW_MAX 16 /* zones that come in place at once; more are worth a table of their own */

void sw_store_grace_wait(const struct sw_store *store)
{
	if (store->backing.wait_for_readers)
		store->backing.wait_for_readers(store->backing.context);
	synchronize_rcu();
}

void sw_store_wait(struct sw_store *store)
{
	struct sw_graces *graces = &store->readers.graces;
	graces->begun++;
	sw_store_grace_wait(store);
	graces->passed = graces->begun; /* the readers of a wait that goes on elsewhere are gone with these */
}

int sw_store_show(struct sw_store *store)
{
	return store->backing.segments_show ? store->backing.segments_show(store->backing.context) : 0;
}

static struct sw_root *root_of(const struct sw_store *store)
{
	struct sw_control *control = store->backing.control;
	return &control->root[control->active_root];
}

static struct sw_zone_entry *entry_at(const struct sw_store *store, const struct sw_root *root, uint32_t i)
{
	return sw_space_at(store->space, root->zones + (i & root->zone_mask));
}

/** Where a hash is found, or would be; false when the run of taken entries is too long for readers.
 * @param probes  readers look at so many */
static bool find(const struct sw_store *store, const struct sw_root *root, uint64_t hash, uint32_t probes,
	uint32_t *number)
{
	for (uint32_t i = 0; i < probes; i++) {
		*number = ((uint32_t)hash + i) & root->zone_mask;
		const struct sw_zone_entry *entry = entry_at(store, root, *number);
		if (entry->zone == 0 || entry->hash == hash)
			return true;
	}
	return false;
}

struct sw_zone_entry *sw_table_entry(const struct sw_store *store, uint64_t hash)
{
	const struct sw_root *root = root_of(store);
	uint32_t number;
	if (root->zones == 0 || !find(store, root, hash, SW_ZONE_PROBES, &number))
		return NULL;
	struct sw_zone_entry *entry = entry_at(store, root, number);
	return entry->zone ? entry : NULL;
}

/* ---- built aside ---- */

/** @return 0, -ENOSPC, or -EAGAIN when the table must be bigger */
static int fill(struct sw_store *store, struct sw_region *region, struct sw_root *root)
{
	root->zones =
		sw_region_take_run(region, ((size_t)root->zone_mask + 1) * sizeof(struct sw_zone_entry));
	if (root->zones == 0)
		return -ENOSPC;
	for (size_t i = 0; i <= store->zone_mask; i++) {
		uint32_t number;
		const struct sw_served *zone = store->zones[i];
		if (!zone)
			continue;
		if (!find(store, root, zone->hash, SW_ZONE_PROBES, &number))
			return -EAGAIN;
		*entry_at(store, root, number) =
			(struct sw_zone_entry){.hash = zone->hash, .zone = zone->compiled.zone};
	}
	return 0;
}

static void depths_set(const struct sw_store *store, struct sw_root *root)
{
	root->depth_count = 0;
	for (unsigned depth = SW_LABELS_MAX + 1; depth-- > 0;) {
		if (store->depth_zones[depth])
			root->depths[root->depth_count++] = (uint8_t)depth;
	}
}

static void depth_max_set(const struct sw_store *store, struct sw_root *root)
{
	root->depth_max = SW_CHAOS_LABELS; /* hashed whatever the zones */
	for (size_t i = 0; i <= store->zone_mask; i++) {
		if (store->zones[i] && store->zones[i]->compiled.labels_max > root->depth_max)
			root->depth_max = store->zones[i]->compiled.labels_max;
	}
}

void sw_table_deepen(struct sw_store *store, uint32_t depth)
{
	struct sw_root *root = root_of(store);
	if (depth <= root->depth_max)
		return;
	__atomic_store_n(&root->depth_max, depth, __ATOMIC_RELEASE);
	sw_store_wait(store);
}

/** Let readers go over to another root. */
static void root_show(struct sw_store *store, const struct sw_root *root)
{
	struct sw_control *control = store->backing.control;
	uint32_t next = !control->active_root;
	control->root[next] = *root;
	__atomic_store_n(&control->active_root, next, __ATOMIC_RELEASE);
	sw_store_wait(store);
}

int sw_table_build(struct sw_store *store)
{
	struct sw_region region = {.space = store->space};
	struct sw_root root = {.zone_mask = 15};
	/* an eighth of it is for zones to come and go before it is built again */
	while (store->zone_count * 2 + store->zone_count / 4 > root.zone_mask)
		root.zone_mask = root.zone_mask * 2 + 1;
	int error;
	while ((error = fill(store, &region, &root)) == -EAGAIN) {
		sw_region_free(&region);
		root.zone_mask = root.zone_mask * 2 + 1;
	}
	if (!error)
		error = sw_store_show(store);
	if (error) {
		sw_region_free(&region);
		return error;
	}
	depths_set(store, &root);
	depth_max_set(store, &root);
	sw_table_deepen(store, root.depth_max);
	root_show(store, &root);
	sw_region_free(&store->table);
	store->table = region;
	store->table_used = store->zone_count;
	return 0;
}

/* ---- in place ---- */

/** What the writer's table has of a zone prepared: the last word counts. */
static const struct sw_served *final_of(const struct sw_store *store, size_t prepared)
{
	return store->zones[sw_store_slot(store, store->prepared[prepared]->hash)];
}

/** Whether all that come have room, in whatever order. */
static bool has_room(const struct sw_store *store)
{
	const struct sw_root *root = root_of(store);
	size_t coming = 0;
	uint32_t number;
	if (root->zones == 0)
		return false;
	for (size_t i = 0; i < store->prepared_count; i++) {
		const struct sw_served *zone = final_of(store, i);
		if (!zone || sw_table_entry(store, zone->hash))
			continue;
		if (++coming > NEW_MAX || !find(store, root, zone->hash, SW_ZONE_PROBES - NEW_MAX, &number))
			return false;
	}
	return (store->table_used + coming) * 2 <= root->zone_mask;
}

static void entry_add(struct sw_store *store, const struct sw_served *zone)
{
	const struct sw_root *root = root_of(store);
	uint32_t number = 0;
	find(store, root, zone->hash, SW_ZONE_PROBES, &number);
	struct sw_zone_entry *entry = entry_at(store, root, number);
	store->table_used++;
	__atomic_store_n(&entry->hash, zone->hash, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->zone, zone->compiled.zone, __ATOMIC_RELEASE);
}

/** Entries of zones removed, before a free one: nobody has to pass them. */
static void entries_free(struct sw_store *store, uint64_t hash)
{
	const struct sw_root *root = root_of(store);
	uint32_t number = (uint32_t)hash & root->zone_mask;
	while (entry_at(store, root, number)->zone != 0)
		number = (number + 1) & root->zone_mask;
	for (;;) {
		number = (number - 1) & root->zone_mask;
		struct sw_zone_entry *entry = entry_at(store, root, number);
		if (entry->zone == 0 || entry->hash != 0)
			return;
		__atomic_store_n(&entry->zone, 0, __ATOMIC_RELEASE);
		store->table_used--;
	}
}

int sw_table_change(struct sw_store *store)
{
	if (!has_room(store))
		return -EAGAIN;
	int error = sw_store_show(store);
	if (error)
		return error;
	uint32_t depth = 0;
	bool is_left = false;
	for (size_t i = 0; i < store->prepared_count; i++) {
		const struct sw_served *zone = final_of(store, i);
		is_left |= store->prepared[i]->before != NULL;
		if (zone && zone->compiled.labels_max > depth)
			depth = zone->compiled.labels_max;
	}
	sw_table_deepen(store, depth);
	for (size_t i = 0; i < store->prepared_count; i++) {
		const struct sw_served *zone = final_of(store, i);
		struct sw_zone_entry *entry = sw_table_entry(store, store->prepared[i]->hash);
		if (zone && entry)
			__atomic_store_n(&entry->zone, zone->compiled.zone, __ATOMIC_RELEASE);
		else if (zone)
			entry_add(store, zone);
		else if (entry)
			__atomic_store_n(&entry->hash, 0, __ATOMIC_RELEASE);
	}
	struct sw_root root = *root_of(store);
	depths_set(store, &root);
	if (root.depth_count != root_of(store)->depth_count ||
		memcmp(root.depths, root_of(store)->depths, root.depth_count) != 0)
		root_show(store, &root);
	else if (is_left)
		sw_store_wait(store);
	for (size_t i = 0; i < store->prepared_count; i++) {
		if (!final_of(store, i))
			entries_free(store, store->prepared[i]->hash);
	}
	return 0;
}
