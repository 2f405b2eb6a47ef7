/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which names a change of a zone touches, and their records. */
#include "image/change_inside.h"
#include "wire/message.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD 4		   /* names whose places are on their way */
#define AFFECTED_FREE 4096 /* so many may be affected whatever the zone and the change */

/** Make room in an array for one more. @return 0 or -ENOMEM */
static int reserve(void **array, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return 0;
	size_t more = *room ? 2 * *room : 64;
	void *bigger = realloc(*array, more * size);
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	*room = more;
	return 0;
}

/** Keep a copy of a name. */
static int text_add(struct sw_changer *c, const uint8_t *name, uint32_t *at)
{
	size_t len = sw_name_len(name);
	while (c->text_used + len > c->text_room) {
		size_t room = c->text_room ? 2 * c->text_room : 4096;
		uint8_t *text = realloc(c->text, room);
		if (!text)
			return -ENOMEM;
		c->text = text;
		c->text_room = room;
	}
	*at = (uint32_t)c->text_used;
	memcpy(c->text + c->text_used, name, len);
	c->text_used += len;
	return 0;
}

static uint32_t *entry_of(const struct sw_changer *c, uint64_t hash)
{
	uint32_t at = (uint32_t)(hash >> 9) & c->names_mask;
	while (c->table[at] && c->names[c->table[at] - 1].hash != hash)
		at = (at + 1) & c->names_mask;
	return &c->table[at];
}

static uint64_t hash_of(const struct sw_changer *c, const uint8_t *name)
{
	return sw_name_hash_in(c->zone->readers->key, name, c->apex_len, c->apex_hash);
}

uint32_t sw_changed_find(const struct sw_changer *c, const uint8_t *name)
{
	uint32_t entry = *entry_of(c, hash_of(c, name));
	bool is_same = entry && sw_name_equal(sw_changed_text(c, &c->names[entry - 1]), name);
	return is_same ? entry - 1 : SW_CHANGED_NONE;
}

static int table_grow(struct sw_changer *c)
{
	uint32_t mask = 2 * c->names_mask + 1;
	uint32_t *table = calloc((size_t)mask + 1, sizeof(*table));
	if (!table)
		return -ENOMEM;
	free(c->table);
	c->table = table;
	c->names_mask = mask;
	for (uint32_t i = 0; i < c->names_count; i++)
		*entry_of(c, c->names[i].hash) = i + 1;
	return 0;
}

/** Find or add a name. */
static int touch(struct sw_changer *c, const uint8_t *name, uint32_t *number)
{
	uint64_t hash = hash_of(c, name);
	uint32_t *entry = entry_of(c, hash);
	if (*entry) {
		*number = *entry - 1;
		bool is_same = sw_name_equal(sw_changed_text(c, &c->names[*number]), name);
		return is_same ? 0 : -EEXIST;
	}
	if (hash == 0)
		return -EAGAIN; /* stands for a place without a name */
	struct sw_changed made = {.hash = hash, .labels = (uint8_t)sw_name_labels(name), .exists = -1};
	int error = reserve((void **)&c->names, c->names_count, &c->names_room, sizeof(*c->names));
	if (!error)
		error = text_add(c, name, &made.text);
	if (error)
		return error;
	*number = c->names_count++;
	c->names[*number] = made;
	*entry = *number + 1;
	return c->names_count > c->names_mask / 2 ? table_grow(c) : 0;
}

static int affect(struct sw_changer *c, uint32_t number)
{
	if (c->names[number].is_affected)
		return 0;
	if (c->queue_count >= c->queue_max)
		return -EAGAIN;
	int error = reserve((void **)&c->queue, c->queue_count, &c->queue_room, sizeof(*c->queue));
	if (error)
		return error;
	c->names[number].is_affected = true;
	c->queue[c->queue_count++] = number;
	return 0;
}

static int touch_affect(struct sw_changer *c, const uint8_t *name, uint32_t *number)
{
	int error = touch(c, name, number);
	return error ? error : affect(c, *number);
}

/* ---- records ---- */

static int target_add(struct sw_changer *c, const uint8_t *host)
{
	struct sw_changed_target target = {.owner = c->loading};
	uint8_t name[SW_NAME_MAX];
	memcpy(name, host, sw_name_len(host));
	sw_name_lower(name);
	int error = reserve((void **)&c->targets, c->targets_count, &c->targets_room, sizeof(*c->targets));
	if (!error)
		error = text_add(c, name, &target.text);
	if (!error)
		c->targets[c->targets_count++] = target;
	return error;
}

/** @return 0; -EAGAIN where the chain leads out of the zone */
static int load_nsec(struct sw_changer *c, struct sw_changed *name, const uint8_t *next)
{
	uint8_t lower[SW_NAME_MAX];
	if (!sw_name_in(next, c->zone->apex))
		return -EAGAIN;
	memcpy(lower, next, sw_name_len(next));
	sw_name_lower(lower);
	name->has_nsec = true;
	return text_add(c, lower, &name->next);
}

/** @return whether the parameters are those of the zone's chain */
static bool load_params(struct sw_changer *c, const struct sw_record *record)
{
	struct sw_nsec3_params params;
	if (sw_nsec3_params(record->rdata, record->rdata_len, &params) != 0)
		return false;
	c->has_params = true;
	return params.iterations == c->params.iterations && params.salt_len == c->params.salt_len &&
	       memcmp(params.salt, c->params.salt, params.salt_len) == 0;
}

/** @return 0; -EAGAIN for what denies in another way than the zone has done so far */
static int load_denial(struct sw_changer *c, struct sw_changed *name, const struct sw_record *record)
{
	bool has_nsec3 = sw_change_has_nsec3(c);
	switch (record->type) {
	case SW_TYPE_NSEC:
		return sw_change_has_nsec(c) ? load_nsec(c, name, record->rdata) : -EAGAIN;
	case SW_TYPE_NSEC3PARAM:
		return has_nsec3 && load_params(c, record) ? 0 : -EAGAIN;
	case SW_TYPE_NSEC3:
		name->has_nsec3 = true;
		return has_nsec3 && sw_nsec3_is_of_chain(record->rdata, record->rdata_len, &c->params)
			       ? 0
			       : -EAGAIN;
	default:
		return 0;
	}
}

/** sw_record_fn: a record of c->loading. */
static int load_record(void *arg, const struct sw_record *record)
{
	struct sw_changer *c = arg;
	struct sw_changed *name = &c->names[c->loading];
	const uint8_t *host = sw_depends_host(record->type, record->rdata);
	int error = load_denial(c, name, record);
	if (error)
		return error;
	name->has_records = true;
	name->has_other |= record->type != SW_TYPE_NSEC3 && record->type != SW_TYPE_RRSIG;
	name->has_ns |= record->type == SW_TYPE_NS;
	name->has_dname |= record->type == SW_TYPE_DNAME;
	error = sw_contents_add(c->contents, sw_changed_text(c, name), record->type, record->ttl,
		record->rdata, record->rdata_len, 0, 0);
	if (error >= 0 && host && sw_name_in(host, c->zone->apex))
		return target_add(c, host);
	return error < 0 ? error : 0;
}

/** Read a name's records, and those of the names above it that have not been read. */
static int load(struct sw_changer *c, uint32_t number)
{
	const struct sw_zone_records *records = c->zone->records;
	while (!c->names[number].is_loaded) {
		struct sw_changed *name = &c->names[number];
		uint8_t text[SW_NAME_MAX];
		memcpy(text, sw_changed_text(c, name), sw_name_len(sw_changed_text(c, name)));
		name->is_loaded = true;
		c->loading = number;
		int error = records->at(records->context, text, load_record, c);
		if (error || number == 0)
			return error;
		uint32_t below = number;
		error = touch(c, sw_name_skip(text, 1), &number);
		if (error)
			return error;
		c->names[below].above = number;
	}
	return 0;
}

/** sw_record_fn: there is one. */
static int stop(void *arg, const struct sw_record *record)
{
	(void)record;
	*(bool *)arg = true;
	return 1;
}

/** Whether a name exists: it has records, or one below it has (RFC 4592 s2.2.2). */
static int find_out(struct sw_changer *c, uint32_t number)
{
	const struct sw_zone_records *records = c->zone->records;
	struct sw_changed *name = &c->names[number];
	bool is_found = (name->has_records && !sw_changed_is_hashed(name)) || number == 0;
	if (!is_found && !sw_changed_is_hashed(name)) {
		uint8_t text[SW_NAME_MAX];
		memcpy(text, sw_changed_text(c, name), sw_name_len(sw_changed_text(c, name)));
		int error = records->below(records->context, text, stop, &is_found);
		if (error < 0)
			return error;
	}
	name->exists = is_found ? 1 : 0;
	return 0;
}

/* ---- what is affected ---- */

bool sw_changed_is_occluded(const struct sw_changer *c, const struct sw_changed *name)
{
	const struct sw_changed *apex = &c->names[0];
	while (name != apex) {
		name = &c->names[name->above];
		if (name->has_dname || (name->has_ns && name != apex))
			return true;
	}
	return false;
}

/** sw_record_fn: a record below c->walking. The name, and those between, come into the index or leave it. */
static int walk_record(void *arg, const struct sw_record *record)
{
	struct sw_changer *c = arg;
	const uint8_t *name = record->owner;
	unsigned top = c->names[c->walking].labels, labels = sw_name_labels(name);
	if (sw_name_equal(name, c->walked))
		return 0;
	memcpy(c->walked, name, sw_name_len(name));
	uint32_t number;
	int error = touch_affect(c, name, &number);
	if (!error)
		c->names[number].is_host = true;
	for (; labels > top + 1 && !error; labels--) {
		name = sw_name_skip(name, 1);
		error = touch_affect(c, name, &number);
	}
	return error;
}

static int walk_below(struct sw_changer *c, uint32_t number)
{
	const struct sw_zone_records *records = c->zone->records;
	uint8_t text[SW_NAME_MAX];
	memcpy(text, sw_changed_text(c, &c->names[number]),
		sw_name_len(sw_changed_text(c, &c->names[number])));
	c->walking = number;
	memcpy(c->walked, text, sw_name_len(text));
	return records->below(records->context, text, walk_record, c);
}

/** sw_depends_fn */
static int affect_owner(void *arg, const uint8_t *owner)
{
	uint32_t number;
	return touch_affect(arg, owner, &number);
}

/** The names above one are affected, up to the apex. */
static int affect_above(struct sw_changer *c, const uint8_t *name)
{
	uint8_t text[SW_NAME_MAX];
	int error = 0;
	memcpy(text, name, sw_name_len(name)); /* names that come move what is kept of others */
	name = text;
	for (unsigned labels = sw_name_labels(name); labels > c->head->apex_labels && !error; labels--) {
		uint32_t number;
		name = sw_name_skip(name, 1);
		error = touch_affect(c, name, &number);
	}
	return error;
}

/** Who refers to the NSEC of a name, which is made anew: the names above, by what covers the place behind it;
 * and those above the next, if they have none of their own. */
static int expand_chain(struct sw_changer *c, uint32_t number)
{
	if (!sw_change_has_nsec(c))
		return 0;
	int error = affect_above(c, sw_changed_text(c, &c->names[number]));
	if (!error && c->names[number].has_nsec)
		error = affect_above(c, c->text + c->names[number].next);
	return error;
}

/** @return 0, or -EAGAIN for a name that stands twice and will go on doing so */
static int before_read(struct sw_changer *c, struct sw_changed *name)
{
	struct sw_places places;
	sw_places_of(&c->index, name->hash, &places);
	if (sw_place_has_twin(&places, name->hash))
		sw_change_wait(c);
	if (sw_place_has_twin(&places, name->hash))
		return -EAGAIN;
	const struct sw_slot *slot = sw_place_find(&places, name->hash);
	name->before = slot ? *slot : (struct sw_slot){.kind = SW_SLOT_FREE};
	return 0;
}

/** What follows from a name of the queue for others. */
static int expand_below_apex(struct sw_changer *c, uint32_t number)
{
	struct sw_changed *name = &c->names[number];
	int error = before_read(c, name);
	if (!error)
		error = find_out(c, number);
	if (error)
		return error;
	bool was_there = name->before.kind != SW_SLOT_FREE;
	bool was_cut = name->before.kind == SW_SLOT_CUT;
	bool was_dname = was_there && name->before.flags & SW_SLOT_DNAME;
	bool is_other = name->has_ns != was_cut || name->has_dname != was_dname;
	/* of one below a cut nothing tells whether it had a DNAME, below which no host counts as glue */
	is_other |= name->is_given && !was_there && sw_changed_is_occluded(c, name);
	if ((name->exists == 1) != was_there) {
		uint8_t text[SW_NAME_MAX];
		uint32_t parent;
		memcpy(text, sw_changed_text(c, name), sw_name_len(sw_changed_text(c, name)));
		error = touch_affect(c, sw_name_skip(text, 1), &parent);
	}
	return !error && is_other ? walk_below(c, number) : error;
}

static int expand_apex(struct sw_changer *c)
{
	struct sw_changed *apex = &c->names[0];
	apex->before = c->head->apex;
	apex->exists = 1;
	bool was_dname = apex->before.flags & SW_SLOT_DNAME;
	return was_dname == apex->has_dname ? 0 : -EAGAIN; /* all names come or go */
}

static int expand(struct sw_changer *c, uint32_t number)
{
	int error = load(c, number);
	if (!error)
		error = number == 0 ? expand_apex(c) : expand_below_apex(c, number);
	return error ? error : expand_chain(c, number);
}

/** Owners whose pieces have addresses of hosts in the queue. */
static int expand_hosts(struct sw_changer *c)
{
	int error = 0;
	for (uint32_t i = 0; i < c->queue_count && !error; i++) {
		struct sw_changed *name = &c->names[c->queue[i]];
		if (name->is_host && !name->is_told) {
			name->is_told = true;
			error = sw_depends_each(c->zone->changes->depends, name->hash, affect_owner, c);
		}
	}
	return error;
}

static int changed_add(struct sw_changer *c, const uint8_t *name)
{
	uint8_t lower[SW_NAME_MAX];
	uint32_t number;
	if (!sw_name_in(name, c->zone->apex))
		return -EINVAL;
	memcpy(lower, name, sw_name_len(name));
	sw_name_lower(lower);
	int error = touch_affect(c, lower, &number);
	if (!error)
		c->names[number].is_host = c->names[number].is_given = true;
	return error;
}

/** The hosts that go along with what is to be compiled. */
static int targets_load(struct sw_changer *c)
{
	size_t count = c->targets_count; /* what they point to themselves is not needed */
	int error = 0;
	for (size_t i = 0; i < count && !error; i++) {
		uint8_t host[SW_NAME_MAX];
		const uint8_t *text = c->text + c->targets[i].text;
		uint32_t number;
		if (!c->names[c->targets[i].owner].is_affected)
			continue;
		memcpy(host, text, sw_name_len(text));
		error = touch(c, host, &number);
		if (!error)
			error = load(c, number);
	}
	return error;
}

int sw_change_collect(struct sw_changer *c, const uint8_t *const *names, size_t count)
{
	uint64_t most = 4 * (uint64_t)count + AFFECTED_FREE + c->zone->compiled->names / 8;
	uint32_t apex;
	c->queue_max = most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
	int error = touch(c, c->zone->apex, &apex);
	if (!error)
		error = load(c, apex);
	if (!error && sw_change_is_signed(c))
		error = affect(c, apex);
	for (size_t i = 0; i < count && !error; i++)
		error = changed_add(c, names[i]);
	for (uint32_t done = 0; done < c->queue_count && !error;) {
		while (done < c->queue_count && !error) {
			if (done + AHEAD < c->queue_count)
				sw_places_expect(&c->index, c->names[c->queue[done + AHEAD]].hash);
			error = expand(c, c->queue[done++]);
		}
		if (!error)
			error = expand_hosts(c);
	}
	if (!error)
		error = targets_load(c);
	return error ? error : sw_contents_finish(c->contents);
}
