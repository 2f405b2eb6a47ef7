/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/plain.h"
#include "image/store_inside.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static int readers_show(void *store)
{
	return sw_store_show(store);
}

static void readers_wait(void *store)
{
	sw_store_wait(store);
}

static void readers_deepen(void *store, uint32_t labels)
{
	sw_table_deepen(store, labels);
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
	store->readers = (struct sw_readers){.context = store,
		.key = &store->backing.control->key,
		.show = readers_show,
		.wait = readers_wait,
		.deepen = readers_deepen};
	store->view = (struct sw_image_view){store->backing.control, sw_space_segments(store->space)};
	*out = store;
	return 0;
fail:
	sw_store_free(store);
	return error;
}

static void zone_free(struct sw_served *zone)
{
	if (!zone)
		return;
	sw_changes_free(zone->changes);
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
	sw_changer_free(store->changer);
	free(store->waiting);
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

size_t sw_store_slot(const struct sw_store *store, uint64_t hash)
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
	struct sw_served **zones = calloc(mask + 1, sizeof(*zones));
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
static struct sw_served *zones_set(struct sw_store *store, uint64_t hash, struct sw_served *zone)
{
	size_t at = sw_store_slot(store, hash);
	struct sw_served *before = store->zones[at];
	if (before)
		store->depth_zones[before->labels]--;
	if (zone)
		store->depth_zones[zone->labels]++;
	store->zone_count += (zone != NULL) - (size_t)(before != NULL);
	store->zones[at] = zone;
	if (zone || !before)
		return before;
	for (size_t i = (at + 1) & store->zone_mask; store->zones[i]; i = (i + 1) & store->zone_mask) {
		struct sw_served *behind = store->zones[i];
		store->zones[i] = NULL;
		store->zones[sw_store_slot(store, behind->hash)] = behind;
	}
	return before;
}

/* ---- putting and removing ---- */

static struct sw_served *zone_new(struct sw_store *store, const uint8_t *apex)
{
	struct sw_served *zone = calloc(1, sizeof(*zone));
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
static int prepare(struct sw_store *store, struct sw_served *zone)
{
	size_t count = store->prepared_count;
	if ((count & (count - 1)) == 0) {
		struct sw_served **prepared =
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

/** Make ready for changes what will be changed. */
static int live_start(struct sw_store *store, struct sw_served *zone)
{
	const struct sw_served *before = store->zones[sw_store_slot(store, zone->hash)];
	zone->is_live = store->is_live || (before && before->is_live);
	if (!zone->is_live)
		return 0;
	zone->changes = sw_changes_new(store->space);
	return zone->changes ? 0 : -ENOMEM;
}

int sw_store_prepare(struct sw_store *store, const struct sw_contents *contents)
{
	struct sw_served *zone = zone_new(store, sw_contents_apex(contents));
	if (!zone)
		return -ENOMEM;
	zone->records = sw_contents_records(contents);
	int error = live_start(store, zone);
	if (!error)
		error = sw_compile(store->compiler, contents, &zone->region,
			zone->changes ? zone->changes->depends : NULL, &zone->compiled);
	if (zone->changes && !zone->compiled.is_regular) {
		sw_changes_free(zone->changes); /* it is put anew for each change */
		zone->changes = NULL;
	}
	if (zone->changes)
		zone->changes->first_bytes = zone->region.bytes;
	if (error) {
		zone_free(zone);
		return error;
	}
	return prepare(store, zone);
}

int sw_store_prepare_broken(struct sw_store *store, const uint8_t *apex)
{
	if (store->zones[sw_store_slot(store, sw_name_hash(&store->backing.control->key, apex))])
		return 0;
	return sw_store_prepare_expired(store, apex);
}

int sw_store_prepare_expired(struct sw_store *store, const uint8_t *apex)
{
	struct sw_served *zone = zone_new(store, apex);
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
	if (!store->zones[sw_store_slot(store, sw_name_hash(&store->backing.control->key, apex))])
		return -ENOENT;
	struct sw_served *zone = zone_new(store, apex);
	if (!zone)
		return -ENOMEM;
	zone->is_removal = true;
	return prepare(store, zone);
}

/** Let the prepared versions take their places in the writer's table. */
static void zones_change(struct sw_store *store)
{
	for (size_t i = 0; i < store->prepared_count; i++) {
		struct sw_served *zone = store->prepared[i];
		zone->before = zones_set(store, zone->hash, zone->is_removal ? NULL : zone);
	}
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
		struct sw_served *zone = store->prepared[i];
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
		zones_change(store);
		error = sw_table_change(store);
		if (error == -EAGAIN)
			error = sw_table_build(store);
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

/* ---- changing ---- */

void sw_store_expect_changes(struct sw_store *store, bool is_live)
{
	store->is_live = is_live;
}

static struct sw_served *served_find(const struct sw_store *store, const uint8_t *apex)
{
	return store->zones[sw_store_slot(store, sw_name_hash(&store->backing.control->key, apex))];
}

static struct sw_changing changing_of(struct sw_store *store, struct sw_served *zone)
{
	struct sw_zone_entry *entry = sw_table_entry(store, zone->hash);
	return (struct sw_changing){.readers = &store->readers,
		.compiler = store->compiler,
		.space = store->space,
		.changes = zone->changes,
		.compiled = &zone->compiled,
		.apex = zone->apex,
		.word = entry ? &entry->zone : NULL};
}

/** Whether the zone of a list entry still waits and has not been seen in the list before. */
static bool waiting_see(struct sw_store *store, uint64_t hash)
{
	struct sw_served *zone = store->zones[sw_store_slot(store, hash)];
	bool is_waiting = zone && zone->changes && zone->changes->is_waiting;
	if (is_waiting)
		zone->changes->is_waiting = false;
	return is_waiting;
}

/** Make room in the list of zones that wait: by what is in it for versions that are gone, or more memory. */
static int waiting_reserve(struct sw_store *store)
{
	if (store->waiting_count < store->waiting_room)
		return 0;
	size_t kept = 0;
	for (size_t i = 0; i < store->waiting_count; i++) {
		if (waiting_see(store, store->waiting[i]))
			store->waiting[kept++] = store->waiting[i];
	}
	store->waiting_count = kept;
	for (size_t i = 0; i < kept; i++)
		store->zones[sw_store_slot(store, store->waiting[i])]->changes->is_waiting = true;
	if (kept < store->waiting_room / 2)
		return 0;
	size_t room = store->waiting_room ? 2 * store->waiting_room : 16;
	uint64_t *waiting = realloc(store->waiting, room * sizeof(*waiting));
	if (!waiting)
		return kept < store->waiting_room ? 0 : -ENOMEM;
	store->waiting = waiting;
	store->waiting_room = room;
	return 0;
}

/** Remember that a zone has something to do when its readers are gone. */
static void waiting_note(struct sw_store *store, struct sw_served *zone)
{
	if (zone->changes->is_waiting || zone->changes->lates.count == 0)
		return;
	if (waiting_reserve(store))
		return; /* its next change sees to it */
	store->waiting[store->waiting_count++] = zone->hash;
	zone->changes->is_waiting = true;
}

int sw_store_change(struct sw_store *store, const uint8_t *apex, const uint8_t *const *names, size_t count,
	const struct sw_zone_records *records)
{
	struct sw_served *zone = served_find(store, apex);
	if (!zone || zone->compiled.is_broken)
		return -ENOENT;
	zone->is_live = true;
	if (!zone->changes)
		return -EAGAIN;
	if (!store->changer)
		store->changer = sw_changer_new(apex, store->readers.key);
	struct sw_changing changing = changing_of(store, zone);
	changing.records = records;
	if (!store->changer || !changing.word)
		return -ENOMEM;
	int error = sw_change(store->changer, &changing, names, count);
	waiting_note(store, zone);
	return error;
}

void sw_store_set_records(struct sw_store *store, const uint8_t *apex, uint64_t records)
{
	struct sw_served *zone = served_find(store, apex);
	if (zone)
		zone->records = records;
}

/** Whether a zone has nothing to wait for any more; one that is not there has not. */
static bool zone_settle(struct sw_store *store, uint64_t hash)
{
	struct sw_served *zone = store->zones[sw_store_slot(store, hash)];
	if (!zone || !zone->changes || !zone->changes->is_waiting)
		return true;
	struct sw_changing changing = changing_of(store, zone);
	zone->changes->is_waiting = sw_change_settle(store->changer, &changing);
	return !zone->changes->is_waiting;
}

uint64_t sw_store_grace_begin(struct sw_store *store)
{
	return store->waiting_count > 0 ? ++store->readers.graces.begun : 0;
}

bool sw_store_grace_end(struct sw_store *store, uint64_t grace)
{
	struct sw_graces *graces = &store->readers.graces;
	size_t kept = 0;
	if (graces->passed < grace)
		graces->passed = grace;
	for (size_t i = 0; i < store->waiting_count; i++) {
		if (!zone_settle(store, store->waiting[i]))
			store->waiting[kept++] = store->waiting[i];
	}
	store->waiting_count = kept;
	return kept > 0;
}

bool sw_store_settle(struct sw_store *store)
{
	uint64_t grace = sw_store_grace_begin(store);
	if (grace == 0)
		return false;
	sw_store_grace_wait(store);
	return sw_store_grace_end(store, grace);
}

static void describe(const struct sw_served *zone, struct sw_store_zone *out)
{
	*out = (struct sw_store_zone){.apex = zone->apex,
		.serial = zone->compiled.serial,
		.names = zone->compiled.names,
		.records = zone->records,
		.image_bytes = zone->region.bytes + (zone->changes ? zone->changes->pool.region.bytes : 0),
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
	const struct sw_served *found =
		store->zones[sw_store_slot(store, sw_name_hash(&store->backing.control->key, apex))];
	if (!found || found->compiled.is_broken)
		return false;
	describe(found, zone);
	return true;
}
