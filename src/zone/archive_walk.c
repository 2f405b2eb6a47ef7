/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Reading names one after the other. Changes come in the order of names as a rule, and where they concern
 * neighbours, the statement that gave one name stands on the next: to go on from there is several times as
 * fast as to look for it from the root of the tree. */
#include "zone/archive_inside.h"
#include <string.h>

void sw_walk_end(struct sw_snapshot *snapshot)
{
	struct sw_walk *walk = &snapshot->walk;
	walk->is_stale = walk->is_lent;
	if (!walk->statement || walk->is_lent)
		return;
	sqlite3_reset(walk->statement);
	walk->statement = NULL;
}

/** The record after this one, or no more walk behind the last. @return 0 or -errno */
static int step(struct sw_snapshot *snapshot)
{
	int result = sqlite3_step(snapshot->walk.statement);
	int error = sw_archive_error(snapshot, result);
	snapshot->walk.is_on = result == SQLITE_ROW;
	return error;
}

/** How the name that the walk stands on compares with a key; behind all where it stands on none. */
static int compare(const struct sw_walk *walk, const uint8_t *key, size_t len)
{
	size_t own_len;
	if (!walk->is_on)
		return 1;
	const uint8_t *own = sw_column(walk->statement, 1, &own_len);
	int order = memcmp(own, key, own_len < len ? own_len : len);
	return order ? order : (own_len > len) - (own_len < len);
}

/** Begin a walk at the key asked for. */
static int seek(struct sw_snapshot *snapshot, size_t len)
{
	struct sw_walk *walk = &snapshot->walk;
	int error = 0;
	if (walk->statement)
		sqlite3_reset(walk->statement);
	else
		error = sw_statement(snapshot, SW_SQL_FROM, &walk->statement);
	if (error)
		return error;
	int result = sqlite3_bind_int64(walk->statement, 1, snapshot->row.id);
	if (result == SQLITE_OK) /* a copy, since what is asked for changes */
		result = sqlite3_bind_blob(walk->statement, 2, walk->asked, (int)len, SQLITE_TRANSIENT);
	if (result != SQLITE_OK)
		return sw_archive_error(snapshot, result);
	return step(snapshot);
}

/** Whether a key is behind the one asked for last, so that what the walk has passed since does not matter. */
static bool is_onward(const struct sw_walk *walk, const uint8_t *key, size_t len)
{
	int order = memcmp(key, walk->asked, walk->asked_len < len ? walk->asked_len : len);
	return order > 0 || (order == 0 && len > walk->asked_len);
}

/** Stand on a key's first record, or on what is behind its place. */
static int go_to(struct sw_snapshot *snapshot, const uint8_t *key, size_t len)
{
	struct sw_walk *walk = &snapshot->walk;
	bool is_there = walk->statement && is_onward(walk, key, len) && compare(walk, key, len) >= 0;
	memcpy(walk->asked, key, len);
	walk->asked_len = len;
	return is_there ? 0 : seek(snapshot, len);
}

int sw_walk_at(struct sw_snapshot *snapshot, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	struct sw_walk *walk = &snapshot->walk;
	uint8_t key[SW_OWNER_KEY_MAX], name[SW_NAME_MAX];
	size_t len = sw_owner_key(owner, snapshot->row.apex_len, key);
	int ended = go_to(snapshot, key, len);
	memcpy(name, owner, sw_name_len(owner));
	sw_name_lower(name);
	walk->is_lent = true;
	while (!ended && compare(walk, key, len) == 0) {
		struct sw_record record = {.owner = name};
		ended = sw_record_of(walk->statement, &record);
		if (!ended)
			ended = take(arg, &record);
		if (!ended)
			ended = step(snapshot);
	}
	walk->is_lent = false;
	if (ended || walk->is_stale)
		sw_walk_end(snapshot);
	return ended;
}
