/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The part of the chain around what changes. NSEC links are the names themselves, NSEC3 links the names made
 * of their hashes, whose canonical order is that of the hashes; so one way of linking does for both. */
#include "zone/sign_change.h"
#include <errno.h>
#include <libdnssec/nsec.h>
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>

#define BITMAP_MAX (256 * 34)

/* ---- which names are in it ---- */

struct search {
	const struct change_set *set;
	const uint8_t *owner;
};

static bool is_opt_out(const struct change_set *set)
{
	return set->chain_type == KNOT_RRTYPE_NSEC3 && set->signer->job->policy->is_opt_out;
}

/** Whether what a name has makes it, and those above it, names of the chain: with opt-out unsigned
 * delegations do not (RFC 5155 s7.1). Of a name that entry_flag() has seen. */
static bool counts(const struct change_set *set, const struct entry *entry)
{
	if (!is_opt_out(set))
		return entry->after.count > 0;
	return entry->after.count > 0 && !entry->is_hidden &&
	       (!entry->after.is_cut || view_has(&entry->after, KNOT_RRTYPE_DS));
}

/** Of names that nobody has looked at: they are as they were. What counts with opt-out has a signature. */
static int take_survivor(void *arg, const struct sw_record *record)
{
	struct search *search = arg;
	bool is_wanted = is_opt_out(search->set) ? record->type == KNOT_RRTYPE_RRSIG
						 : !is_signers(record->type, false);
	if (!is_wanted || sw_name_equal(record->owner, search->owner))
		return 0;
	const struct entry *entry = entry_find(search->set, record->owner);
	return !entry || counts(search->set, entry);
}

/** Whether something is below a name that has it be in the chain.
 * @param was_in  whether it was in the chain
 * @return 1, 0, -errno */
static int has_below(const struct change_set *set, const struct entry *entry, bool was_in)
{
	for (size_t i = entry_place(set, entry) + 1; i < set->count; i++) {
		const struct entry *other = set->entries[i];
		if (!sw_name_in(other->owner, entry->owner))
			break;
		if (counts(set, other))
			return 1;
	}
	/* below a name may be a million unsigned delegations: they are not looked through for nothing */
	if (is_opt_out(set) && !was_in)
		return 0;
	struct search search = {.set = set, .owner = entry->owner};
	return set->source->below(set->source->arg, entry->owner, take_survivor, &search);
}

/** RFC 5155 s7.1: names with records, and empty non-terminals. */
static int mark_hash(struct change_set *set, struct entry *entry)
{
	uint8_t hash[HASH_BYTES], name[NSEC3_NAME_MAX];
	int error = policy_hash(set->signer->job->policy, entry->owner, hash);
	if (error)
		return error;
	nsec3_name(hash, set->signer->apex, name);
	struct entry *link = entry_get(set, name, &error);
	if (!error)
		error = entry_flag(set, entry);
	if (error || link->named)
		return error;
	link->was_in = view_has(&link->before, KNOT_RRTYPE_NSEC3);
	int exists = counts(set, entry);
	if (!exists && !entry->is_hidden)
		exists = has_below(set, entry, link->was_in);
	if (exists < 0)
		return exists;
	link->named = entry;
	link->is_in = exists && !entry->is_hidden;
	link->is_link = true;
	return 0;
}

/** A name and those above it, which it may make or unmake. */
static int mark_hashes(struct change_set *set, struct entry *entry)
{
	int error = 0;
	while (!error) {
		error = mark_hash(set, entry);
		if (error || sw_name_equal(entry->owner, set->signer->apex))
			return error;
		entry = entry_get(set, sw_name_skip(entry->owner, 1), &error);
	}
	return error;
}

/** A touched name: of records, or of an NSEC3 whose signature is renewed. */
static int mark_hashed_name(struct change_set *set, struct entry *entry)
{
	if (!view_has(&entry->before, KNOT_RRTYPE_NSEC3))
		return mark_hashes(set, entry);
	if (!entry->is_link) /* or the name that it stands for is touched, and has said */
		entry->is_link = entry->was_in = entry->is_in = true;
	return entry->after.count > 0 ? mark_hashes(set, entry) : 0;
}

/** All entries, those above others too, so that counts() knows of each. */
static int flag_entries(struct change_set *set)
{
	int error = 0;
	for (size_t known = 0; known < set->count && !error;) {
		known = set->count;
		for (size_t i = 0, count; i < set->count && !error; i += 1 + set->count - count) {
			count = set->count;
			error = entry_flag(
				set, set->entries[i]); /* more may come: names above it, so before it */
		}
	}
	return error;
}

static int mark_links(struct change_set *set)
{
	size_t count;
	int error = is_opt_out(set) ? flag_entries(set) : 0;
	struct entry **touched = error ? NULL : entries_touched(set, &count);
	if (!touched)
		return error ? error : -ENOMEM;
	for (size_t i = 0; i < count && !error; i++) {
		struct entry *entry = touched[i];
		if (set->chain_type == KNOT_RRTYPE_NSEC3) {
			error = mark_hashed_name(set, entry);
			continue;
		}
		entry->was_in = view_has(&entry->before, KNOT_RRTYPE_NSEC);
		entry->is_in = entry->after.count > 0 && !entry->is_hidden;
		entry->is_link = true;
	}
	free(touched);
	return error;
}

/* ---- what comes before and after ---- */

/** The link that leads to where this one comes or goes: before it, and staying. */
static int mark_previous(struct change_set *set, struct entry *entry)
{
	uint8_t name[SW_NAME_MAX];
	const uint8_t *from = entry->owner;
	for (;;) {
		int error = set->source->before(set->source->arg, from, set->chain_type, name);
		struct entry *previous = error ? NULL : entry_get(set, name, &error);
		if (!error)
			error = entry_flag(set, previous);
		if (error)
			return error;
		if (!entry->previous)
			entry->previous = previous;
		if (!previous->is_link) {
			previous->is_link = previous->was_in = previous->is_in = true;
			return 0;
		}
		if (previous->is_in || previous == entry)
			return 0;
		from = previous->owner;
	}
}

static int mark_all_previous(struct change_set *set)
{
	size_t count = set->count;
	struct entry **entries = malloc((count + 1) * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	memcpy(entries, set->entries, count * sizeof(*entries));
	int error = 0;
	for (size_t i = 0; i < count && !error; i++) {
		if (entries[i]->is_link && entries[i]->was_in != entries[i]->is_in)
			error = mark_previous(set, entries[i]);
	}
	free(entries);
	return error;
}

/** Where a link led. @return 0, or -EBADMSG when it is none */
static int old_next(const struct change_set *set, const struct entry *entry, uint8_t name[NSEC3_NAME_MAX])
{
	size_t i = view_find(&entry->before, set->chain_type);
	if (i == entry->before.count)
		return -EBADMSG;
	const struct sw_record *record = &entry->before.records[i];
	if (set->chain_type == KNOT_RRTYPE_NSEC) {
		memcpy(name, record->rdata, sw_name_len(record->rdata));
		return 0;
	}
	size_t at = 5u + record->rdata[4];
	if (at + 1 + HASH_BYTES > record->rdata_len || record->rdata[at] != HASH_BYTES)
		return -EBADMSG;
	nsec3_name(record->rdata + at + 1, set->signer->apex, name);
	return 0;
}

/** Whether going on from a name one comes to `a` before `b`: the chain is a ring. */
static bool is_sooner(const uint8_t *from, const uint8_t *a, const uint8_t *b)
{
	bool wraps_a = sw_name_compare(a, from) <= 0, wraps_b = sw_name_compare(b, from) <= 0;
	if (wraps_a != wraps_b)
		return wraps_b;
	return sw_name_compare(a, b) < 0;
}

/** Next in the new chain: the next of what changes, or the next of what stays, whichever comes sooner. */
static int new_next(const struct change_set *set, size_t at, uint8_t name[NSEC3_NAME_MAX])
{
	const struct entry *entry = set->entries[at], *from = entry->was_in ? entry : entry->previous;
	if (!from)
		return -EBADMSG;
	int error = old_next(set, from, name);
	for (size_t guard = 0; !error; guard++) {
		const struct entry *next = entry_find(set, name);
		if (!next || !next->is_link || next->is_in)
			break;
		error = guard > set->count ? -EBADMSG : old_next(set, next, name);
	}
	for (size_t i = 1; i <= set->count && !error; i++) {
		const struct entry *other = set->entries[(at + i) % set->count];
		if (!other->is_link || !other->is_in)
			continue;
		if (is_sooner(entry->owner, other->owner, name))
			memcpy(name, other->owner, sw_name_len(other->owner));
		break;
	}
	return error;
}

/* ---- records ---- */

static size_t write_bitmap(const struct name_view *view, bool is_nsec, uint8_t *to)
{
	dnssec_nsec_bitmap_t *bitmap = dnssec_nsec_bitmap_new();
	if (!bitmap)
		return SIZE_MAX;
	for (size_t i = 0; i < view->count; i++) {
		uint16_t type = view->records[i].type;
		if (!view->is_cut || type == KNOT_RRTYPE_NS || type == KNOT_RRTYPE_DS)
			dnssec_nsec_bitmap_add(bitmap, type);
	}
	if (is_nsec || has_signature(view->is_cut, view_has(view, KNOT_RRTYPE_DS), view->count > 0))
		dnssec_nsec_bitmap_add(bitmap, KNOT_RRTYPE_RRSIG);
	if (is_nsec)
		dnssec_nsec_bitmap_add(bitmap, KNOT_RRTYPE_NSEC);
	size_t len = dnssec_nsec_bitmap_size(bitmap);
	dnssec_nsec_bitmap_write(bitmap, to);
	dnssec_nsec_bitmap_free(bitmap);
	return len;
}

static uint8_t digit_of(uint8_t c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/** Hash from the first label of its name: base32hex, 32 digits. */
static void hash_of(const uint8_t *name, uint8_t hash[HASH_BYTES])
{
	memset(hash, 0, HASH_BYTES);
	for (unsigned i = 0; i < HASH_LABEL_BYTES; i++) {
		unsigned bit = 5 * i, pair = (unsigned)digit_of(name[1 + i]) << (11 - bit % 8);
		hash[bit / 8] |= (uint8_t)(pair >> 8);
		if (bit / 8 + 1 < HASH_BYTES)
			hash[bit / 8 + 1] |= (uint8_t)pair;
	}
}

/** NSEC3 data without the bitmap. @return their length */
static size_t write_nsec3(const struct sw_sign_policy *policy, const uint8_t *next, uint8_t *to)
{
	to[0] = 1; /* SHA-1 */
	to[1] = policy->is_opt_out ? OPT_OUT : 0;
	sw_put16(to + 2, policy->iterations);
	to[4] = policy->salt_len;
	memcpy(to + 5, policy->salt, policy->salt_len);
	size_t len = 5u + policy->salt_len;
	to[len++] = HASH_BYTES;
	hash_of(next, to + len);
	return len + HASH_BYTES;
}

/** The data of a link. @return their length, or -errno */
static int write_link(
	const struct change_set *set, const struct entry *entry, const uint8_t *next, uint8_t *to)
{
	bool is_nsec = set->chain_type == KNOT_RRTYPE_NSEC;
	size_t len = sw_name_len(next), more = 0;
	if (is_nsec)
		memcpy(to, next, len);
	else
		len = write_nsec3(set->signer->job->policy, next, to);
	if (is_nsec || entry->named) {
		more = write_bitmap(is_nsec ? &entry->after : &entry->named->after, is_nsec, to + len);
		return more == SIZE_MAX ? -ENOMEM : (int)(len + more);
	}
	/* only the next hash changes, which stands before the bitmap */
	const struct sw_record *old = &entry->before.records[view_find(&entry->before, KNOT_RRTYPE_NSEC3)];
	if (old->rdata_len < len || old->rdata_len > len + BITMAP_MAX)
		return -EBADMSG;
	memcpy(to + len, old->rdata + len, old->rdata_len - len);
	return old->rdata_len;
}

/** @return the length of its data, or -errno */
static int make_link(struct change_set *set, size_t at)
{
	struct entry *entry = set->entries[at];
	uint8_t next[NSEC3_NAME_MAX], rdata[5 + 255 + 1 + HASH_BYTES + SW_NAME_MAX + BITMAP_MAX];
	int error = new_next(set, at, next);
	int len = error ? error : write_link(set, entry, next, rdata);
	if (len < 0)
		return len;
	entry->link = malloc((size_t)len);
	if (!entry->link)
		return -ENOMEM;
	memcpy(entry->link, rdata, (size_t)len);
	return len;
}

int link_chain(struct change_set *set)
{
	int error = mark_links(set);
	if (!error)
		error = mark_all_previous(set);
	/* all data before the first record: what a name has is asked for meanwhile */
	int *lens = calloc(set->count + 1, sizeof(*lens));
	if (!lens)
		return -ENOMEM;
	for (size_t i = 0; i < set->count && !error; i++) {
		if (set->entries[i]->is_link && set->entries[i]->is_in)
			lens[i] = make_link(set, i);
		error = lens[i] < 0 ? lens[i] : 0;
	}
	for (size_t i = 0; i < set->count && !error; i++) {
		struct entry *entry = set->entries[i];
		entry->is_touched |= entry->is_link;
		struct sw_record *record = lens[i] ? view_add(&entry->after) : NULL;
		if (lens[i] && !record)
			error = -ENOMEM;
		if (!record)
			continue;
		*record = (struct sw_record){.owner = entry->owner,
			.type = set->chain_type,
			.rdata_len = (uint16_t)lens[i],
			.ttl = set->negative_s,
			.rdata = entry->link};
		view_sort(&entry->after);
	}
	free(lens);
	return error;
}
