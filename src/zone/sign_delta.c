/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A change of a signed zone. Every name that may differ is written down as it was and as it is to be,
 * signed, and compared: the difference is the delta. */
#include "zone/contents_inside.h"
#include "zone/sign_change.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>

/* ---- entries ---- */

static int compare_owner(const void *owner, const void *entry)
{
	return sw_name_compare(owner, (*(struct entry *const *)entry)->owner);
}

/** @return whether it is there; *at where it is or belongs */
static bool entry_search(const struct change_set *set, const uint8_t *owner, size_t *at)
{
	*at = 0;
	return set->entries &&
	       sw_name_search(owner, set->entries, set->count, sizeof(struct entry *), compare_owner, at);
}

size_t entry_place(const struct change_set *set, const struct entry *entry)
{
	size_t at;
	entry_search(set, entry->owner, &at);
	return at;
}

struct entry *entry_find(const struct change_set *set, const uint8_t *owner)
{
	size_t at;
	return entry_search(set, owner, &at) ? set->entries[at] : NULL;
}

static void entry_free(struct entry *entry)
{
	if (!entry)
		return;
	sw_records_free(&entry->bytes);
	sw_records_free(&entry->signatures);
	free(entry->before.records);
	free(entry->after.records);
	free(entry->link);
	free(entry);
}

static int take_record(void *arg, const struct sw_record *record)
{
	return sw_records_add(arg, record);
}

/** What stays when a signer begins: at the apex what it made there too, which does not change here. */
static bool is_kept(const struct change_set *set, const struct entry *entry, uint16_t type)
{
	if (type == KNOT_RRTYPE_RRSIG || type == KNOT_RRTYPE_NSEC || type == KNOT_RRTYPE_NSEC3)
		return false;
	return !is_signers(type, false) || sw_name_equal(entry->owner, set->signer->apex);
}

static int entry_read(struct change_set *set, struct entry *entry)
{
	int error = set->source->at(set->source->arg, entry->owner, take_record, &entry->bytes);
	struct sw_record record;
	for (size_t at = 0; !error && sw_records_next(&entry->bytes, &at, &record);) {
		record.owner = entry->owner;
		struct sw_record *to = view_add(&entry->before);
		if (to)
			*to = record;
		if (to && is_kept(set, entry, record.type)) {
			to = view_add(&entry->after);
			if (to)
				*to = record;
		}
		error = to ? 0 : -ENOMEM;
	}
	entry->before.owner = entry->after.owner = entry->owner;
	view_sort(&entry->before);
	view_sort(&entry->after);
	return error;
}

static int entry_insert(struct change_set *set, size_t at, struct entry *entry)
{
	if (set->count == set->size) {
		size_t size = set->size ? set->size * 2 : 64;
		struct entry **entries = realloc(set->entries, size * sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		set->entries = entries;
		set->size = size;
	}
	memmove(set->entries + at + 1, set->entries + at, (set->count - at) * sizeof(*set->entries));
	set->entries[at] = entry;
	set->count++;
	return 0;
}

struct entry *entry_get(struct change_set *set, const uint8_t *owner, int *error)
{
	size_t at;
	*error = 0;
	if (entry_search(set, owner, &at))
		return set->entries[at];
	struct entry *entry = calloc(1, sizeof(*entry));
	*error = -ENOMEM;
	if (entry) {
		memcpy(entry->owner, owner, sw_name_len(owner));
		sw_name_lower(entry->owner);
		*error = entry_read(set, entry);
	}
	if (!*error)
		*error = entry_insert(set, at, entry);
	if (!*error)
		return entry;
	entry_free(entry);
	return NULL;
}

struct entry **entries_touched(const struct change_set *set, size_t *count)
{
	struct entry **touched = malloc((set->count + 1) * sizeof(*touched));
	*count = 0;
	for (size_t i = 0; i < set->count && touched; i++) {
		if (set->entries[i]->is_touched)
			touched[(*count)++] = set->entries[i];
	}
	return touched;
}

/* ---- the change ---- */

static bool is_same_data(const struct sw_record *a, const struct sw_record *b)
{
	return a->type == b->type && a->rdata_len == b->rdata_len &&
	       memcmp(a->rdata, b->rdata, a->rdata_len) == 0;
}

static struct sw_record *view_data(const struct name_view *view, const struct sw_record *record)
{
	for (size_t i = 0; i < view->count; i++) {
		if (is_same_data(&view->records[i], record))
			return &view->records[i];
	}
	return NULL;
}

/** The same record, but for the case of names in its data (RFC 2136 s1.1.1, RFC 4343 s3). */
static struct sw_record *view_record(const struct name_view *view, const struct sw_record *record)
{
	struct sw_record *found = view_data(view, record);
	for (size_t i = 0; i < view->count && !found; i++) {
		struct sw_record *own = &view->records[i];
		if (own->type == record->type && sw_contents_rdata_equal(own->type, own->rdata,
							 own->rdata_len, record->rdata, record->rdata_len))
			found = own;
	}
	return found;
}

static int remove_record(struct entry *entry, const struct sw_record *record)
{
	struct sw_record *found = view_record(&entry->after, record);
	if (!found)
		return -ENOENT;
	struct name_view *after = &entry->after;
	memmove(found, found + 1, (size_t)(after->records + --after->count - found) * sizeof(*found));
	return 0;
}

static int add_record(struct entry *entry, const struct sw_record *record)
{
	struct sw_record *found = view_record(&entry->after, record);
	if (!found)
		found = view_add(&entry->after);
	if (!found)
		return -ENOMEM;
	*found = *record;
	found->owner = entry->owner;
	return 0;
}

static int apply(struct change_set *set, const struct sw_records *records,
	int (*act)(struct entry *, const struct sw_record *))
{
	struct sw_record record;
	int error = 0;
	for (size_t at = 0; !error && sw_records_next(records, &at, &record);) {
		bool is_apex = sw_name_equal(record.owner, set->signer->apex);
		if (is_signers(record.type, is_apex) || record.type == KNOT_RRTYPE_SOA)
			continue;
		if (!sw_name_in(record.owner, set->signer->apex))
			return -ENOENT;
		struct entry *entry = entry_get(set, record.owner, &error);
		if (!error) {
			entry->is_touched = true;
			error = act(entry, &record);
		}
	}
	return error;
}

/** RFC 2181 s5.2, as the whole zone is done. */
static void level_ttls(struct name_view *view)
{
	view_sort(view);
	for (size_t i = 0, end; i < view->count; i = end) {
		uint32_t ttl = view->records[i].ttl;
		for (end = i; end < view->count && view->records[end].type == view->records[i].type; end++)
			ttl = view->records[end].ttl < ttl ? view->records[end].ttl : ttl;
		for (size_t j = i; j < end; j++)
			view->records[j].ttl = ttl;
	}
}

/** The SOA, which is of every change. */
static int change_soa(struct change_set *set, const struct sw_delta *change, struct sw_delta *delta)
{
	struct sw_record soa;
	size_t at = 0;
	int error;
	struct entry *apex = entry_get(set, set->signer->apex, &error);
	if (error)
		return error;
	size_t i = view_find(&apex->after, KNOT_RRTYPE_SOA);
	if (i == apex->after.count || !sw_records_next(&change->new_soa, &at, &soa) || soa.rdata_len < 20)
		return -EINVAL;
	struct sw_record *own = &apex->after.records[i];
	set->negative_s = negative_ttl(soa.ttl, soa.rdata, soa.rdata_len);
	if (set->negative_s != negative_ttl(own->ttl, own->rdata, own->rdata_len))
		return -ESTALE;
	soa.owner = apex->owner;
	apex->is_touched = true;
	delta->from = sw_soa_serial(own);
	delta->to = sw_soa_serial(&soa);
	error = sw_records_add(&delta->old_soa, own);
	if (!error)
		error = sw_records_add(&delta->new_soa, &soa);
	*own = soa;
	return error;
}

struct expected {
	const struct name_view *view;
	size_t count;
};

static int expect_record(void *arg, const struct sw_record *record)
{
	struct expected *expected = arg;
	expected->count++;
	const struct sw_record *found = view_data(expected->view, record);
	return found && found->ttl == record->ttl ? 0 : -ESTALE;
}

/** Whether the apex is as this plan and policy would have it. */
static int check_apex(struct change_set *set)
{
	int error;
	struct entry *apex = entry_get(set, set->signer->apex, &error);
	if (error)
		return error;
	struct expected expected = {.view = &apex->before};
	error = make_apex(set->signer->job, set->signer->apex, set->negative_s, expect_record, &expected);
	for (size_t i = 0; i < apex->before.count; i++) {
		uint16_t type = apex->before.records[i].type;
		expected.count -= is_signers(type, true) && is_kept(set, apex, type);
	}
	/* the other chain would be left standing */
	bool is_chained = view_has(&apex->before, KNOT_RRTYPE_NSEC) == (set->chain_type == KNOT_RRTYPE_NSEC);
	return error ? error : expected.count == 0 && is_chained ? 0 : -ESTALE;
}

/* ---- cuts ---- */

static bool hides(const struct change_set *set, const struct entry *entry, const struct name_view *view)
{
	return view_has(view, KNOT_RRTYPE_DNAME) ||
	       (view_has(view, KNOT_RRTYPE_NS) && !sw_name_equal(entry->owner, set->signer->apex));
}

static int take_owner(void *arg, const struct sw_record *record)
{
	struct sw_records *owners = arg;
	struct sw_record name = {.owner = record->owner};
	return is_signers(record->type, false) ? 0 : sw_records_add(owners, &name);
}

/** Where a name begins or ceases to hide what is below it, that is touched as well. */
static int touch_below(struct change_set *set)
{
	struct sw_records owners = {0};
	int error = 0;
	for (size_t i = 0; i < set->count && !error; i++) {
		struct entry *entry = set->entries[i];
		if (hides(set, entry, &entry->before) != hides(set, entry, &entry->after))
			error = set->source->below(set->source->arg, entry->owner, take_owner, &owners);
	}
	struct sw_record name;
	for (size_t at = 0; !error && sw_records_next(&owners, &at, &name);) {
		struct entry *entry = entry_get(set, name.owner, &error);
		if (entry)
			entry->is_touched = true;
	}
	sw_records_free(&owners);
	return error;
}

int entry_flag(struct change_set *set, struct entry *entry)
{
	int error = 0;
	bool is_apex = sw_name_equal(entry->owner, set->signer->apex);
	const uint8_t *name = entry->owner;
	if (entry->is_flagged)
		return 0;
	while (!error && !entry->is_hidden && !sw_name_equal(name, set->signer->apex)) {
		name = sw_name_skip(name, 1);
		struct entry *above = entry_get(set, name, &error);
		entry->is_hidden = above && hides(set, above, &above->after);
	}
	entry->after.is_cut = !is_apex && !entry->is_hidden && view_has(&entry->after, KNOT_RRTYPE_NS);
	entry->is_flagged = !error;
	return error;
}

static int flag_all(struct change_set *set)
{
	size_t count;
	struct entry **touched = entries_touched(set, &count);
	if (!touched)
		return -ENOMEM;
	int error = 0;
	for (size_t i = 0; i < count; i++)
		level_ttls(&touched[i]->after);
	for (size_t i = 0; i < count && !error; i++)
		error = entry_flag(set, touched[i]);
	free(touched);
	return error;
}

/* ---- the difference ---- */

static bool is_there(
	const struct sw_record *record, const struct name_view *view, const struct sw_records *more)
{
	const struct sw_record *found = view_data(view, record);
	struct sw_record other;
	if (found && found->ttl == record->ttl)
		return true;
	for (size_t at = 0; more && sw_records_next(more, &at, &other);) {
		if (other.ttl == record->ttl && is_same_data(&other, record))
			return true;
	}
	return false;
}

static int compare_entry(const struct entry *entry, struct sw_delta *delta)
{
	struct sw_record record;
	int error = 0;
	for (size_t i = 0; i < entry->before.count && !error; i++) {
		record = entry->before.records[i];
		if (record.type != KNOT_RRTYPE_SOA && !is_there(&record, &entry->after, &entry->signatures))
			error = sw_records_add(&delta->removed, &record);
	}
	for (size_t i = 0; i < entry->after.count && !error; i++) {
		record = entry->after.records[i];
		if (record.type != KNOT_RRTYPE_SOA && !is_there(&record, &entry->before, NULL))
			error = sw_records_add(&delta->added, &record);
	}
	for (size_t at = 0; !error && sw_records_next(&entry->signatures, &at, &record);) {
		if (!is_there(&record, &entry->before, NULL))
			error = sw_records_add(&delta->added, &record);
	}
	return error;
}

static int sign_entries(struct change_set *set, struct sw_delta *delta)
{
	int error = 0;
	for (size_t i = 0; i < set->count && !error; i++) {
		struct entry *entry = set->entries[i];
		if (!entry->is_touched)
			continue;
		if (!entry->is_hidden)
			error = sign_name(
				set->signer, &entry->after, &entry->before, take_record, &entry->signatures);
		if (!error)
			error = compare_entry(entry, delta);
	}
	return error;
}

/** Names whose turn it is although nothing of them has changed. */
static int touch_names(struct change_set *set, const struct sw_records *names)
{
	struct sw_record name;
	int error = 0;
	for (size_t at = 0; !error && sw_records_next(names, &at, &name);) {
		struct entry *entry = entry_get(set, name.owner, &error);
		if (entry)
			entry->is_touched = true;
	}
	return error;
}

static int make_delta(struct change_set *set, const struct sw_delta *change, const struct sw_records *names,
	struct sw_delta *delta)
{
	int error = change_soa(set, change, delta);
	if (!error)
		error = check_apex(set);
	if (!error)
		error = apply(set, &change->removed, remove_record);
	if (!error)
		error = apply(set, &change->added, add_record);
	if (!error)
		error = touch_below(set);
	if (!error)
		error = touch_names(set, names);
	if (!error)
		error = flag_all(set);
	if (!error)
		error = link_chain(set);
	return error ? error : sign_entries(set, delta);
}

int sign_change(const struct sw_sign_job *job, const uint8_t *apex, const struct sw_sign_source *source,
	const struct sw_delta *change, const struct sw_records *names, struct sw_delta *delta,
	struct sw_sign_result *result)
{
	struct signer signer;
	struct sw_delta made = {0};
	struct change_set set = {.signer = &signer,
		.source = source,
		.chain_type = job->policy->is_nsec3 ? KNOT_RRTYPE_NSEC3 : KNOT_RRTYPE_NSEC};
	int error = signer_open(&signer, job, apex);
	if (!error)
		error = make_delta(&set, change, names, &made);
	if (error)
		sw_delta_free(&made);
	else
		*delta = made;
	if (!error && result)
		*result = signer.result;
	for (size_t i = 0; i < set.count; i++)
		entry_free(set.entries[i]);
	free(set.entries);
	signer_close(&signer);
	return error;
}

int sw_sign_delta(const struct sw_sign_job *job, const uint8_t *apex, const struct sw_sign_source *source,
	const struct sw_delta *change, struct sw_delta *delta, struct sw_sign_result *result)
{
	return sign_change(job, apex, source, change, &(struct sw_records){0}, delta, result);
}
