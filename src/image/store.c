/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/store.h"
#include "image/compile.h"
#include "image/plain.h"
#include "image/space.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <urcu.h>

/** One zone served, or prepared. */
struct zone {
	struct zone *before; /* while publishing: the version that this one displaced */
	uint8_t apex[SW_NAME_MAX];
	uint8_t labels;
	bool is_removal; /* prepared: the zone is no longer to be served */
	uint64_t hash;
	uint64_t records;
	struct sw_region region;
	struct sw_compiled compiled;
};

struct sw_store {
	struct sw_backing backing;
	struct sw_control *own_control; /* when the store is in plain memory */
	struct sw_space *space;
	struct sw_compiler *compiler;
	struct sw_image_view view;
	struct zone **zones; /* open addressing by apex hash */
	size_t zone_count, zone_mask;
	struct zone **prepared;
	size_t prepared_count;
	struct sw_region table; /* the table of zones that readers use */
	uint32_t depth_zones[SW_LABELS_MAX + 1];
};

static int control_start(struct sw_store *store)
{
	struct sw_control *control = store->backing.control;
	memset(control, 0, sizeof(*control));
	control->version = SW_IMAGE_VERSION;
	control->udp_max = 1232;
	control->root[0].depth_max = SW_CHAOS_LABELS;
	int error = sw_hash_key_draw(&control->key);
	control->star_hash = sw_label_hash(&control->key, (const uint8_t *)"\1*");
	return error;
}

int sw_store_new(struct sw_store **out, const struct sw_backing *backing)
{
	struct sw_store *store = calloc(1, sizeof(*store));
	if (!store)
		return -ENOMEM;
	if (backing) {
		store->backing = *backing;
	} else {
		store->own_control = calloc(1, sizeof(*store->own_control));
		store->backing = sw_plain_backing(store->own_control);
	}
	store->zone_mask = 15;
	store->zones = calloc(store->zone_mask + 1, sizeof(*store->zones));
	store->space = sw_space_new(&store->backing);
	store->compiler = sw_compiler_new();
	int error = -ENOMEM;
	if (!store->zones || !store->space || !store->compiler || !store->backing.control)
		goto fail;
	error = control_start(store);
	if (error)
		goto fail;
	store->table.space = store->space;
	store->view = (struct sw_image_view){store->backing.control, sw_space_segments(store->space)};
	*out = store;
	return 0;
fail:
	sw_store_free(store);
	return error;
}

static void zone_free(struct zone *zone)
{
	if (!zone)
		return;
	sw_region_free(&zone->region);
	free(zone);
}

void sw_store_free(struct sw_store *store)
{
	if (!store)
		return;
	for (size_t i = 0; store->zones && i <= store->zone_mask; i++)
		zone_free(store->zones[i]);
	for (size_t i = 0; i < store->prepared_count; i++)
		zone_free(store->prepared[i]);
	if (store->space)
		sw_region_free(&store->table);
	sw_space_free(store->space);
	sw_compiler_free(store->compiler);
	free(store->zones);
	free(store->prepared);
	free(store->own_control);
	free(store);
}

const struct sw_hash_key *sw_store_key(const struct sw_store *store)
{
	return &store->backing.control->key;
}

const struct sw_image_view *sw_store_view(const struct sw_store *store)
{
	return &store->view;
}

struct sw_control *sw_store_control(struct sw_store *store)
{
	return store->backing.control;
}

uint64_t sw_store_bytes(const struct sw_store *store)
{
	return sw_space_bytes(store->space);
}

_Static_assert(SW_NSEC3_ITERATIONS_MAX == 150 && SW_NSEC3_SALT_MAX == 32, "as the text below says");

const char *sw_store_error_text(int error)
{
	switch (error) {
	case -EBADMSG:
		return "what was found refuses it";
	case -ENOSPC:
		return "the answer image is full";
	case -E2BIG:
		return "an RRset is larger than any message";
	case -EEXIST:
		return "two names share a hash under this start's key: a restart draws another";
	case -ERANGE:
		return "NSEC3PARAM with more than 150 iterations or a salt of more than 32 bytes is not "
		       "served: sign "
		       "with 0 iterations and no salt (RFC 9276 s3.1)";
	default:
		return strerror(-error);
	}
}

/* ---- the zones, for the writer ---- */

static size_t zone_slot(const struct sw_store *store, uint64_t hash)
{
	size_t at = hash & store->zone_mask;
	while (store->zones[at] && store->zones[at]->hash != hash)
		at = (at + 1) & store->zone_mask;
	return at;
}

static int zones_reserve(struct sw_store *store, size_t more)
{
	size_t mask = store->zone_mask;
	while ((store->zone_count + more) * 2 > mask)
		mask = mask * 2 + 1;
	if (mask == store->zone_mask)
		return 0;
	struct zone **zones = calloc(mask + 1, sizeof(*zones));
	if (!zones)
		return -ENOMEM;
	for (size_t i = 0; i <= store->zone_mask; i++) {
		if (!store->zones[i])
			continue;
		size_t at = store->zones[i]->hash & mask;
		while (zones[at])
			at = (at + 1) & mask;
		zones[at] = store->zones[i];
	}
	free(store->zones);
	store->zones = zones;
	store->zone_mask = mask;
	return 0;
}

/** Put a zone into the writer's table, or with NULL take it out: the entries behind it move up.
 * @return what stood there before */
static struct zone *zones_set(struct sw_store *store, uint64_t hash, struct zone *zone)
{
	size_t at = zone_slot(store, hash);
	struct zone *before = store->zones[at];
	if (before)
		store->depth_zones[before->labels]--;
	if (zone)
		store->depth_zones[zone->labels]++;
	store->zone_count += (zone != NULL) - (size_t)(before != NULL);
	store->zones[at] = zone;
	if (zone || !before)
		return before;
	for (size_t i = (at + 1) & store->zone_mask; store->zones[i]; i = (i + 1) & store->zone_mask) {
		struct zone *behind = store->zones[i];
		store->zones[i] = NULL;
		store->zones[zone_slot(store, behind->hash)] = behind;
	}
	return before;
}

/* ---- what readers see ---- */

static void wait_for_readers(struct sw_store *store)
{
	if (store->backing.wait_for_readers)
		store->backing.wait_for_readers(store->backing.context);
	synchronize_rcu();
}

static int segments_show(struct sw_store *store)
{
	return store->backing.segments_show ? store->backing.segments_show(store->backing.context) : 0;
}

/** Entry of a hash in a table of zones; false when the run of taken entries is too long for readers. */
static bool table_find(const struct sw_store *store, uint32_t table, uint32_t mask, uint64_t hash,
	struct sw_zone_entry **entry)
{
	for (uint32_t i = 0; i < SW_ZONE_PROBES; i++) {
		*entry = sw_space_at(store->space, table + (((uint32_t)hash + i) & mask));
		if ((*entry)->zone == 0 || (*entry)->hash == hash)
			return true;
	}
	return false;
}

/** @return 0, -ENOSPC, or -EAGAIN when the table must be bigger */
static int table_fill(struct sw_store *store, struct sw_region *region, uint32_t mask, uint32_t *table)
{
	*table = sw_region_take_run(region, ((size_t)mask + 1) * sizeof(struct sw_zone_entry));
	if (*table == 0)
		return -ENOSPC;
	for (size_t i = 0; i <= store->zone_mask; i++) {
		struct sw_zone_entry *entry;
		const struct zone *zone = store->zones[i];
		if (!zone)
			continue;
		if (!table_find(store, *table, mask, zone->hash, &entry))
			return -EAGAIN;
		*entry = (struct sw_zone_entry){.hash = zone->hash, .zone = zone->compiled.zone};
	}
	return 0;
}

static void root_depths(const struct sw_store *store, struct sw_root *root)
{
	root->depth_max = SW_CHAOS_LABELS; /* hashed whatever the zones */
	for (size_t i = 0; i <= store->zone_mask; i++) {
		if (store->zones[i] && store->zones[i]->compiled.labels_max > root->depth_max)
			root->depth_max = store->zones[i]->compiled.labels_max;
	}
	for (unsigned depth = SW_LABELS_MAX + 1; depth-- > 0;) {
		if (store->depth_zones[depth])
			root->depths[root->depth_count++] = (uint8_t)depth;
	}
}

/** Have names hashed that deep, before readers meet a zone that deep: one who hashed less would look for what
 * an earlier packet left in the place of a hash. */
static void depth_raise(struct sw_store *store, uint32_t depth)
{
	struct sw_control *control = store->backing.control;
	struct sw_root *root = &control->root[control->active_root];
	if (depth <= root->depth_max)
		return;
	__atomic_store_n(&root->depth_max, depth, __ATOMIC_RELEASE);
	wait_for_readers(store);
}

/** Build the table of zones aside and let readers go over to it. */
static int table_publish(struct sw_store *store)
{
	struct sw_region region = {.space = store->space};
	struct sw_root root = {0};
	uint32_t mask = 15;
	while (store->zone_count * 2 > mask)
		mask = mask * 2 + 1;
	int error;
	while ((error = table_fill(store, &region, mask, &root.zones)) == -EAGAIN) {
		sw_region_free(&region);
		mask = mask * 2 + 1;
	}
	if (!error)
		error = segments_show(store);
	if (error) {
		sw_region_free(&region);
		return error;
	}
	root.zone_mask = mask;
	root_depths(store, &root);
	struct sw_control *control = store->backing.control;
	uint32_t next = !control->active_root;
	depth_raise(store, root.depth_max);
	control->root[next] = root;
	__atomic_store_n(&control->active_root, next, __ATOMIC_RELEASE);
	wait_for_readers(store);
	sw_region_free(&store->table);
	store->table = region;
	return 0;
}

static struct sw_zone_entry *published_entry(const struct sw_store *store, uint64_t hash)
{
	const struct sw_control *control = store->backing.control;
	const struct sw_root *root = &control->root[control->active_root];
	struct sw_zone_entry *entry;
	if (root->zones == 0 || !table_find(store, root->zones, root->zone_mask, hash, &entry))
		return NULL;
	return entry->zone ? entry : NULL;
}

/* ---- putting and removing ---- */

static struct zone *zone_new(struct sw_store *store, const uint8_t *apex)
{
	struct zone *zone = calloc(1, sizeof(*zone));
	if (!zone)
		return NULL;
	memcpy(zone->apex, apex, sw_name_len(apex));
	sw_name_lower(zone->apex);
	zone->labels = (uint8_t)sw_name_labels(apex);
	zone->hash = sw_name_hash(&store->backing.control->key, apex);
	zone->region.space = store->space;
	return zone;
}

/** Take a zone, or free it where there is no memory for the list. */
static int prepare(struct sw_store *store, struct zone *zone)
{
	size_t count = store->prepared_count;
	if ((count & (count - 1)) == 0) {
		struct zone **prepared =
			realloc(store->prepared, (count ? 2 * count : 1) * sizeof(*store->prepared));
		if (!prepared) {
			zone_free(zone);
			return -ENOMEM;
		}
		store->prepared = prepared;
	}
	store->prepared[store->prepared_count++] = zone;
	return 0;
}

int sw_store_prepare(struct sw_store *store, const struct sw_contents *contents)
{
	struct zone *zone = zone_new(store, sw_contents_apex(contents));
	if (!zone)
		return -ENOMEM;
	zone->records = sw_contents_records(contents);
	int error = sw_compile(store->compiler, contents, &zone->region, &zone->compiled);
	if (error) {
		zone_free(zone);
		return error;
	}
	return prepare(store, zone);
}

int sw_store_prepare_broken(struct sw_store *store, const uint8_t *apex)
{
	if (store->zones[zone_slot(store, sw_name_hash(&store->backing.control->key, apex))])
		return 0;
	struct zone *zone = zone_new(store, apex);
	if (!zone)
		return -ENOMEM;
	int error = sw_compile_broken(apex, &zone->region, &zone->compiled);
	if (error) {
		zone_free(zone);
		return error;
	}
	return prepare(store, zone);
}

int sw_store_prepare_removal(struct sw_store *store, const uint8_t *apex)
{
	if (!store->zones[zone_slot(store, sw_name_hash(&store->backing.control->key, apex))])
		return -ENOENT;
	struct zone *zone = zone_new(store, apex);
	if (!zone)
		return -ENOMEM;
	zone->is_removal = true;
	return prepare(store, zone);
}

/** Versions of zones that are served: readers go over to each when one word is stored. */
static int words_publish(struct sw_store *store)
{
	uint32_t depth = 0;
	int error = segments_show(store);
	if (error)
		return error;
	for (size_t i = 0; i < store->prepared_count; i++) {
		if (store->prepared[i]->compiled.labels_max > depth)
			depth = store->prepared[i]->compiled.labels_max;
	}
	depth_raise(store, depth);
	for (size_t i = 0; i < store->prepared_count; i++) {
		const struct zone *zone = store->prepared[i];
		__atomic_store_n(
			&published_entry(store, zone->hash)->zone, zone->compiled.zone, __ATOMIC_RELEASE);
	}
	wait_for_readers(store);
	return 0;
}

/** Let the prepared versions take their places in the writer's table. @return whether zones come or go */
static bool zones_change(struct sw_store *store)
{
	bool is_table_new = false;
	for (size_t i = 0; i < store->prepared_count; i++) {
		struct zone *zone = store->prepared[i];
		zone->before = zones_set(store, zone->hash, zone->is_removal ? NULL : zone);
		is_table_new |= zone->is_removal || !zone->before;
	}
	return is_table_new;
}

/** Undo that, last first. */
static void zones_restore(struct sw_store *store)
{
	for (size_t i = store->prepared_count; i-- > 0;) {
		zones_set(store, store->prepared[i]->hash, store->prepared[i]->before);
		store->prepared[i]->before = NULL;
	}
}

static void prepared_forget(struct sw_store *store)
{
	free(store->prepared);
	store->prepared = NULL;
	store->prepared_count = 0;
}

/** Free what readers have left behind. */
static void zones_settle(struct sw_store *store)
{
	for (size_t i = 0; i < store->prepared_count; i++) {
		struct zone *zone = store->prepared[i];
		zone_free(zone->before);
		zone->before = NULL;
		if (zone->is_removal)
			zone_free(zone);
	}
}

int sw_store_publish(struct sw_store *store)
{
	if (store->prepared_count == 0)
		return 0;
	int error = zones_reserve(store, store->prepared_count);
	if (!error) {
		error = zones_change(store) ? table_publish(store) : words_publish(store);
		if (error)
			zones_restore(store);
		else
			zones_settle(store);
	}
	for (size_t i = 0; i < store->prepared_count && error; i++)
		zone_free(store->prepared[i]);
	prepared_forget(store);
	return error;
}

int sw_store_put(struct sw_store *store, const struct sw_contents *contents)
{
	int error = sw_store_prepare(store, contents);
	return error ? error : sw_store_publish(store);
}

int sw_store_remove(struct sw_store *store, const uint8_t *apex)
{
	int error = sw_store_prepare_removal(store, apex);
	return error ? error : sw_store_publish(store);
}

static void describe(const struct zone *zone, struct sw_store_zone *out)
{
	*out = (struct sw_store_zone){.apex = zone->apex,
		.serial = zone->compiled.serial,
		.names = zone->compiled.names,
		.records = zone->records,
		.image_bytes = zone->region.bytes,
		.is_signed = zone->compiled.is_signed};
}

bool sw_store_next(const struct sw_store *store, size_t *position, struct sw_store_zone *zone)
{
	for (; *position <= store->zone_mask; ++*position) {
		if (store->zones[*position] && !store->zones[*position]->compiled.is_broken) {
			describe(store->zones[(*position)++], zone);
			return true;
		}
	}
	return false;
}

bool sw_store_find(const struct sw_store *store, const uint8_t *apex, struct sw_store_zone *zone)
{
	const struct zone *found =
		store->zones[zone_slot(store, sw_name_hash(&store->backing.control->key, apex))];
	if (!found || found->compiled.is_broken)
		return false;
	describe(found, zone);
	return true;
}
