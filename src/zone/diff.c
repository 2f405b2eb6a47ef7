/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/diff.h"
#include "wire/message.h"
#include "zone/archive_inside.h"
#include "zone/sign_inside.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** A name of the contents that has records. Its key (sw_owner_key()) begins with these bytes. */
struct named {
	uint64_t first; /* big-endian, zeros behind the end: most comparisons end here */
	uint32_t node;
};

struct diff {
	const struct sw_contents *contents;
	size_t apex_len;
	struct named *names;
	size_t name_count, name_at;
	const struct sw_rr **rrs; /* of the name at hand, in the archive's order */
	size_t rr_count, rr_at, rr_size;
	size_t bytes_max;
	const uint32_t *serial; /* of the kept zone where that is signed here; else NULL */
	uint8_t *soa;		/* its data, with that serial */
	struct sw_delta delta;
	int error;
};

/* ---- the new version, in order ---- */

static const uint8_t *owner_of(const struct diff *diff, const struct named *name)
{
	return sw_contents_name(diff->contents, sw_contents_node(diff->contents, name->node));
}

static int compare_names(const void *a, const void *b, void *arg)
{
	const struct named *x = a, *y = b;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return sw_name_compare(owner_of(arg, x), owner_of(arg, y));
}

static int names_sort(struct diff *diff)
{
	uint32_t count = sw_contents_count(diff->contents);
	diff->names = malloc(count * sizeof(*diff->names));
	if (!diff->names)
		return -ENOMEM;
	bool is_sorted = true;
	for (uint32_t i = 0; i < count; i++) {
		if (sw_contents_node(diff->contents, i)->first == 0)
			continue;
		struct named *name = &diff->names[diff->name_count];
		uint8_t key[SW_OWNER_KEY_MAX];
		*name = (struct named){.node = i};
		size_t len = sw_owner_key(owner_of(diff, name), diff->apex_len, key);
		for (unsigned k = 0; k < 8; k++)
			name->first = name->first << 8 | (k < len ? key[k] : 0);
		is_sorted = is_sorted && (diff->name_count == 0 || compare_names(name - 1, name, diff) < 0);
		diff->name_count++;
	}
	if (!is_sorted)
		qsort_r(diff->names, diff->name_count, sizeof(*diff->names), compare_names, diff);
	return 0;
}

static int compare_data(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
	return order ? order : a_len < b_len ? -1 : a_len > b_len;
}

static int compare_rrs(const void *a, const void *b)
{
	const struct sw_rr *x = *(const struct sw_rr *const *)a, *y = *(const struct sw_rr *const *)b;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return compare_data(x->rdata, x->rdata_len, y->rdata, y->rdata_len);
}

/** Have the records of the name at hand in order. */
static int name_read(struct diff *diff)
{
	uint32_t number = diff->names[diff->name_at].node;
	const struct sw_node *node = sw_contents_node(diff->contents, number);
	for (uint32_t at = node->first; at != 0;) {
		const struct sw_rr *rr = sw_contents_rr(diff->contents, at);
		at = rr->next;
		if (diff->serial && is_signers(rr->type, number == 0))
			continue;
		if (diff->rr_count == diff->rr_size) {
			size_t size = 2 * diff->rr_size + 16;
			const struct sw_rr **rrs = realloc(diff->rrs, size * sizeof(const struct sw_rr *));
			if (!rrs)
				return -ENOMEM;
			diff->rrs = rrs;
			diff->rr_size = size;
		}
		diff->rrs[diff->rr_count++] = rr;
	}
	if (diff->rr_count > 1)
		qsort(diff->rrs, diff->rr_count, sizeof(const struct sw_rr *), compare_rrs);
	return 0;
}

/** The name at hand, or the next one that has records to compare. */
static int name_open(struct diff *diff)
{
	int error = 0;
	diff->rr_count = diff->rr_at = 0;
	while (!error && diff->name_at < diff->name_count) {
		error = name_read(diff);
		if (error || diff->rr_count > 0)
			break;
		diff->name_at++;
	}
	return error;
}

/** The next record of the contents. @return false at the end */
static bool new_record(const struct diff *diff, struct sw_record *record)
{
	if (diff->rr_at == diff->rr_count)
		return false;
	const struct sw_rr *rr = diff->rrs[diff->rr_at];
	*record = (struct sw_record){.owner = owner_of(diff, &diff->names[diff->name_at]),
		.type = rr->type,
		.rdata_len = rr->rdata_len,
		.ttl = rr->ttl,
		.rdata = rr->rdata};
	return true;
}

static int new_step(struct diff *diff)
{
	if (++diff->rr_at < diff->rr_count)
		return 0;
	diff->name_at++;
	return name_open(diff);
}

/* ---- side by side ---- */

static int tell(struct diff *diff, const struct sw_record *record, bool is_new)
{
	struct sw_delta *delta = &diff->delta;
	bool is_soa =
		record->type == SW_TYPE_SOA && sw_name_equal(record->owner, sw_contents_apex(diff->contents));
	struct sw_records *to = is_soa	 ? (is_new ? &delta->new_soa : &delta->old_soa)
				: is_new ? &delta->added
					 : &delta->removed;
	int error = sw_records_add(to, record);
	if (!error && diff->bytes_max && delta->added.used + delta->removed.used > diff->bytes_max)
		error = -E2BIG;
	return error;
}

static int compare_records(const struct sw_record *a, const struct sw_record *b)
{
	size_t len = sw_name_len(a->owner);
	if (len != sw_name_len(b->owner) || memcmp(a->owner, b->owner, len) != 0)
		return sw_name_compare(a->owner, b->owner);
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return compare_data(a->rdata, a->rdata_len, b->rdata, b->rdata_len);
}

/** The SOA of the kept zone as it would be unsigned. */
static int soa_unsigned(struct diff *diff, struct sw_record *soa)
{
	free(diff->soa);
	diff->soa = malloc(soa->rdata_len);
	if (!diff->soa)
		return -ENOMEM;
	memcpy(diff->soa, soa->rdata, soa->rdata_len);
	sw_soa_set_serial(diff->soa, soa->rdata_len, *diff->serial);
	soa->rdata = diff->soa;
	return 0;
}

static int old_compared(struct diff *diff, const struct sw_record *old)
{
	struct sw_record new;
	int order = 1;
	while (!diff->error && new_record(diff, &new) && (order = compare_records(&new, old)) < 0) {
		diff->error = tell(diff, &new, true);
		if (!diff->error)
			diff->error = new_step(diff);
		order = 1;
	}
	if (!diff->error && order != 0)
		diff->error = tell(diff, old, false);
	/* both SOA records belong to a change, even where they are the same */
	bool is_other = order == 0 && (new.ttl != old->ttl || new.type == SW_TYPE_SOA);
	if (!diff->error && is_other)
		diff->error = tell(diff, old, false);
	if (!diff->error && is_other)
		diff->error = tell(diff, &new, true);
	if (!diff->error && order == 0)
		diff->error = new_step(diff);
	return diff->error;
}

/** The next record of the kept zone: what the contents have before it is new. */
static int old_record(void *arg, const struct sw_record *record)
{
	struct diff *diff = arg;
	struct sw_record old = *record;
	bool is_apex = sw_name_equal(old.owner, sw_contents_apex(diff->contents));
	if (diff->serial && is_signers(old.type, is_apex))
		return 0;
	if (diff->serial && is_apex && old.type == SW_TYPE_SOA)
		diff->error = soa_unsigned(diff, &old);
	return diff->error ? diff->error : old_compared(diff, &old);
}

static int merge(struct diff *diff, struct sw_snapshot *snapshot)
{
	struct sw_record new;
	const uint8_t *apex = sw_contents_apex(diff->contents);
	int error = names_sort(diff);
	if (!error)
		error = name_open(diff);
	if (!error)
		error = sw_snapshot_below(snapshot, apex, apex, old_record, diff);
	while (!error && new_record(diff, &new)) {
		error = tell(diff, &new, true);
		if (!error)
			error = new_step(diff);
	}
	return error;
}

/** @return 1 for a change, 0 for none, -EINVAL */
static int judge(struct sw_delta *delta)
{
	struct sw_record old, new;
	size_t old_at = 0, new_at = 0;
	if (delta->old_soa.count != 1 || delta->new_soa.count != 1)
		return -EINVAL;
	sw_records_next(&delta->old_soa, &old_at, &old);
	sw_records_next(&delta->new_soa, &new_at, &new);
	delta->from = sw_soa_serial(&old);
	delta->to = sw_soa_serial(&new);
	return delta->added.count + delta->removed.count > 0 || old.ttl != new.ttl ||
	       compare_data(old.rdata, old.rdata_len, new.rdata, new.rdata_len) != 0;
}

static int diff_any(struct sw_snapshot *snapshot, const struct sw_contents *contents, const uint32_t *serial,
	size_t bytes_max, struct sw_delta *delta)
{
	struct diff diff = {.contents = contents,
		.apex_len = sw_name_len(sw_contents_apex(contents)),
		.serial = serial,
		.bytes_max = bytes_max};
	struct sw_archive_zone zone;
	int result = sw_snapshot_zone(snapshot, sw_contents_apex(contents), &zone);
	if (!result)
		result = merge(&diff, snapshot);
	if (!result)
		result = judge(&diff.delta);
	if (result == 1)
		*delta = diff.delta;
	else
		sw_delta_free(&diff.delta);
	free(diff.names);
	free(diff.rrs);
	free(diff.soa);
	return result;
}

int sw_delta_diff(struct sw_snapshot *snapshot, const struct sw_contents *contents, size_t bytes_max,
	struct sw_delta *delta)
{
	return diff_any(snapshot, contents, NULL, bytes_max, delta);
}

int sw_delta_diff_unsigned(struct sw_snapshot *snapshot, const struct sw_contents *contents, uint32_t serial,
	size_t bytes_max, struct sw_delta *delta)
{
	return diff_any(snapshot, contents, &serial, bytes_max, delta);
}
