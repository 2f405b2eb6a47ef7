/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/preview.h"
#include "zone/contents_inside.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** Records of the changes that a name may have: each is compared with each. */
#define STEPS_MAX 64
#define NONE UINT32_MAX

/** A record that is removed or added. */
struct step {
	struct sw_record record;
	uint32_t next; /* of the same name, as they follow each other; NONE: the last */
	bool is_added;
	bool is_counted; /* its record has been told of, or left out */
};

/** A name with its steps. */
struct entry {
	uint64_t hash;
	const uint8_t *name; /* as the changes write it */
	uint32_t first, last, count;
};

struct sw_preview {
	struct sw_snapshot *snapshot;
	const struct sw_hash_key *key;
	const uint8_t *apex;
	size_t apex_len;
	uint64_t apex_hash;
	struct step *steps;
	uint32_t step_count;
	struct entry *entries;
	uint32_t entry_count;
	uint32_t *table; /* numbers of entries, from 1 on; 0: free */
	uint32_t mask;
	struct entry **sorted; /* canonically; NULL: not needed so far */
};

/* ---- the changes, name by name ---- */

static uint64_t hash_of(const struct sw_preview *preview, const uint8_t *name)
{
	return sw_name_hash_in(preview->key, name, preview->apex_len, preview->apex_hash);
}

static uint32_t *place_of(const struct sw_preview *preview, uint64_t hash, const uint8_t *name)
{
	uint32_t at = (uint32_t)(hash >> 9) & preview->mask;
	for (; preview->table[at]; at = (at + 1) & preview->mask) {
		const struct entry *entry = &preview->entries[preview->table[at] - 1];
		if (entry->hash == hash && sw_name_equal(entry->name, name))
			break;
	}
	return &preview->table[at];
}

static struct entry *entry_find(const struct sw_preview *preview, const uint8_t *name)
{
	uint32_t number = *place_of(preview, hash_of(preview, name), name);
	return number ? &preview->entries[number - 1] : NULL;
}

/** @return 0, or -EAGAIN for one of too many */
static int step_add(struct sw_preview *preview, const struct sw_record *record, bool is_added)
{
	uint64_t hash = hash_of(preview, record->owner);
	uint32_t *place = place_of(preview, hash, record->owner), number = preview->step_count++;
	if (*place == 0) {
		preview->entries[preview->entry_count++] =
			(struct entry){.hash = hash, .name = record->owner, .first = number, .last = number};
		*place = preview->entry_count;
	}
	struct entry *entry = &preview->entries[*place - 1];
	preview->steps[entry->last].next = number;
	preview->steps[number] = (struct step){.record = *record, .next = NONE, .is_added = is_added};
	entry->last = number;
	return ++entry->count > STEPS_MAX ? -EAGAIN : 0;
}

static int steps_add(struct sw_preview *preview, const struct sw_records *records, bool is_added)
{
	struct sw_record record;
	int error = 0;
	for (size_t at = 0; !error && sw_records_next(records, &at, &record);)
		error = step_add(preview, &record, is_added);
	return error;
}

static int delta_add(struct sw_preview *preview, const struct sw_delta *delta)
{
	int error = steps_add(preview, &delta->old_soa, false);
	if (!error)
		error = steps_add(preview, &delta->removed, false);
	if (!error)
		error = steps_add(preview, &delta->added, true);
	return error ? error : steps_add(preview, &delta->new_soa, true);
}

/** @return 0 or -ENOMEM */
static int room_make(struct sw_preview *preview, size_t records)
{
	uint64_t places = 64;
	while (places < 2 * (uint64_t)records)
		places *= 2;
	if (places > UINT32_MAX)
		return -ENOMEM;
	preview->mask = (uint32_t)places - 1;
	preview->table = calloc(places, sizeof(*preview->table));
	preview->steps = malloc((records + 1) * sizeof(*preview->steps));
	preview->entries = malloc((records + 1) * sizeof(*preview->entries));
	return preview->table && preview->steps && preview->entries ? 0 : -ENOMEM;
}

/** Whether they begin with what there is, and follow each other. */
static bool are_fit(const uint8_t *apex, uint32_t serial, const struct sw_delta *deltas, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (deltas[i].from != serial || !sw_delta_is_fit(&deltas[i], apex))
			return false;
		serial = deltas[i].to;
	}
	return true;
}

int sw_preview_new(struct sw_preview **out, struct sw_snapshot *snapshot, const struct sw_hash_key *key,
	const uint8_t *apex, const struct sw_delta *deltas, size_t count)
{
	struct sw_archive_zone zone;
	size_t records = 0;
	int error = sw_snapshot_zone(snapshot, apex, &zone);
	if (!error && !are_fit(apex, zone.serial, deltas, count))
		error = -EAGAIN;
	if (error)
		return error;
	struct sw_preview *preview = calloc(1, sizeof(*preview));
	if (!preview)
		return -ENOMEM;
	preview->snapshot = snapshot;
	preview->key = key;
	preview->apex = apex;
	preview->apex_len = sw_name_len(apex);
	preview->apex_hash = sw_name_hash(key, apex);
	for (size_t i = 0; i < count; i++)
		records += deltas[i].removed.count + deltas[i].added.count + 2;
	error = room_make(preview, records);
	for (size_t i = 0; i < count && !error; i++)
		error = delta_add(preview, &deltas[i]);
	if (error)
		sw_preview_free(preview);
	else
		*out = preview;
	return error;
}

void sw_preview_free(struct sw_preview *preview)
{
	if (!preview)
		return;
	free(preview->steps);
	free(preview->entries);
	free(preview->table);
	free(preview->sorted);
	free(preview);
}

/* ---- one name ---- */

struct at {
	struct sw_preview *preview;
	const struct entry *entry;
	const uint8_t *owner;
	sw_record_fn *take;
	void *arg;
};

static bool is_same(const struct sw_record *a, const struct sw_record *b)
{
	return a->type == b->type &&
	       sw_contents_rdata_equal(a->type, a->rdata, a->rdata_len, b->rdata, b->rdata_len);
}

/** Tell of a record if it is there in the end. @param is_there  whether it is before the steps, from `number`
 * on
 */
static int record_follow(const struct at *at, struct sw_record record, bool is_there, uint32_t number)
{
	const struct sw_record first = record;
	for (; number != NONE; number = at->preview->steps[number].next) {
		struct step *step = &at->preview->steps[number];
		if (step->is_counted || !is_same(&step->record, &first))
			continue;
		if (step->is_added == is_there)
			return -EAGAIN; /* twice, or not there to be removed */
		step->is_counted = true;
		is_there = step->is_added;
		if (is_there)
			record = step->record;
	}
	record.owner = at->owner;
	return is_there ? at->take(at->arg, &record) : 0;
}

/** sw_record_fn: what the archive has */
static int record_kept(void *arg, const struct sw_record *record)
{
	const struct at *at = arg;
	return record_follow(at, *record, true, at->entry->first);
}

static int entry_tell(struct at *at)
{
	struct step *steps = at->preview->steps;
	for (uint32_t i = at->entry->first; i != NONE; i = steps[i].next)
		steps[i].is_counted = false;
	int error = sw_snapshot_at(at->preview->snapshot, at->preview->apex, at->owner, 0, record_kept, at);
	for (uint32_t i = at->entry->first; i != NONE && !error; i = steps[i].next) {
		if (!steps[i].is_counted)
			error = record_follow(at, steps[i].record, false, i);
	}
	return error;
}

int sw_preview_at(struct sw_preview *preview, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	const struct entry *entry = entry_find(preview, owner);
	if (!entry)
		return sw_snapshot_at(preview->snapshot, preview->apex, owner, 0, take, arg);
	struct at at = {preview, entry, owner, take, arg};
	return entry_tell(&at);
}

/* ---- names below one ---- */

struct below {
	struct sw_preview *preview;
	size_t next, end; /* those changed that are still to come, in `sorted` */
	uint8_t told[SW_NAME_MAX];
	bool has_told;
	sw_record_fn *take;
	void *arg;
};

static int entries_compare(const void *a, const void *b)
{
	return sw_name_compare((*(struct entry *const *)a)->name, (*(struct entry *const *)b)->name);
}

static int name_compare(const void *name, const void *element)
{
	return sw_name_compare(name, (*(struct entry *const *)element)->name);
}

static int sort(struct sw_preview *preview)
{
	if (preview->sorted)
		return 0;
	preview->sorted = malloc((preview->entry_count + 1) * sizeof(*preview->sorted));
	if (!preview->sorted)
		return -ENOMEM;
	for (uint32_t i = 0; i < preview->entry_count; i++)
		preview->sorted[i] = &preview->entries[i];
	qsort(preview->sorted, preview->entry_count, sizeof(*preview->sorted), entries_compare);
	return 0;
}

/** Tell of the next name that is changed. */
static int next_tell(struct below *below)
{
	const struct entry *entry = below->preview->sorted[below->next++];
	memcpy(below->told, entry->name, sw_name_len(entry->name));
	sw_name_lower(below->told);
	below->has_told = true;
	struct at at = {below->preview, entry, below->told, below->take, below->arg};
	return entry_tell(&at);
}

/** sw_record_fn: what the archive has, among it the names changed, of which it is not what counts */
static int record_below(void *arg, const struct sw_record *record)
{
	struct below *below = arg;
	int error = 0;
	if (below->has_told && sw_name_equal(below->told, record->owner))
		return 0;
	while (below->next < below->end && !error) {
		int order = sw_name_compare(below->preview->sorted[below->next]->name, record->owner);
		if (order > 0)
			break;
		error = next_tell(below);
		if (order == 0)
			return error;
	}
	return error ? error : below->take(below->arg, record);
}

int sw_preview_below(struct sw_preview *preview, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	struct below below = {.preview = preview, .take = take, .arg = arg};
	int error = sort(preview);
	if (error)
		return error;
	(void)sw_name_search(owner, preview->sorted, preview->entry_count, sizeof(*preview->sorted),
		name_compare, &below.next);
	below.end = below.next;
	while (below.end < preview->entry_count && sw_name_in(preview->sorted[below.end]->name, owner))
		below.end++;
	error = sw_snapshot_below(preview->snapshot, preview->apex, owner, record_below, &below);
	while (!error && below.next < below.end)
		error = next_tell(&below);
	return error;
}
