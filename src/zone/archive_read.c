/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Snapshots: what is in the archive, record by record. */
#include "zone/archive_inside.h"
#include "zone/rdata.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>

const uint8_t *sw_column(sqlite3_stmt *statement, int column, size_t *len)
{
	const void *bytes = sqlite3_column_blob(statement, column);
	*len = (size_t)sqlite3_column_bytes(statement, column);
	return bytes ? bytes : (const uint8_t *)"";
}

int sw_zone_row_of(sqlite3_stmt *statement, struct sw_zone_row *row)
{
	size_t len;
	const uint8_t *apex = sw_column(statement, 1, &len);
	int64_t serial = sqlite3_column_int64(statement, 2);
	*row = (struct sw_zone_row){.id = sqlite3_column_int64(statement, 0),
		.apex_len = len,
		.checksum = (uint64_t)sqlite3_column_int64(statement, 4),
		.journal_bytes = (uint64_t)sqlite3_column_int64(statement, 8),
		.zone = {.serial = (uint32_t)serial,
			.records = (uint64_t)sqlite3_column_int64(statement, 3),
			.refreshed_s = sqlite3_column_int64(statement, 5),
			.expires_s = sqlite3_column_int64(statement, 6),
			.stamp = (uint64_t)sqlite3_column_int64(statement, 7)}};
	if (!sw_name_is_whole(apex, len)) {
		row->apex_len = 0;
		return -EBADMSG;
	}
	memcpy(row->zone.apex, apex, len);
	return serial < 0 || serial > UINT32_MAX ? -EBADMSG : 0;
}

int sw_zone_row(struct sw_snapshot *snapshot, const uint8_t *apex, struct sw_zone_row *row)
{
	uint8_t name[SW_NAME_MAX];
	sqlite3_stmt *statement;
	if (snapshot->has_row && sw_name_equal(snapshot->row.zone.apex, apex)) {
		*row = snapshot->row;
		return 0;
	}
	int error = sw_statement(snapshot, SW_SQL_ZONE, &statement);
	if (error)
		return error;
	size_t len = sw_name_len(apex);
	memcpy(name, apex, len);
	sw_name_lower(name);
	sqlite3_bind_blob(statement, 1, name, (int)len, SQLITE_STATIC);
	int result = sqlite3_step(statement);
	error = result == SQLITE_ROW	? sw_zone_row_of(statement, row)
		: result == SQLITE_DONE ? -ENOENT
					: sw_archive_error(snapshot, result);
	sw_statement_done(snapshot, SW_SQL_ZONE, statement);
	/* outside of a transaction others could change it meanwhile */
	snapshot->has_row = !error && !sqlite3_get_autocommit(snapshot->db);
	if (snapshot->has_row)
		snapshot->row = *row;
	return error;
}

int sw_record_of(sqlite3_stmt *statement, struct sw_record *record)
{
	size_t len;
	int64_t type = sqlite3_column_int64(statement, 2), ttl = sqlite3_column_int64(statement, 3);
	record->rdata = sw_column(statement, 4, &len);
	if (type < 0 || type > UINT16_MAX || ttl < 0 || ttl > UINT32_MAX || len > UINT16_MAX ||
		!sw_rdata_is_valid((uint16_t)type, record->rdata, len))
		return -EBADMSG;
	record->type = (uint16_t)type;
	record->ttl = (uint32_t)ttl;
	record->rdata_len = (uint16_t)len;
	return 0;
}

/* ---- opening ---- */

static struct sw_snapshot *idle_take(struct sw_archive *archive)
{
	pthread_mutex_lock(&archive->idle_lock);
	struct sw_snapshot *snapshot = archive->idle;
	if (snapshot)
		archive->idle = snapshot->next;
	pthread_mutex_unlock(&archive->idle_lock);
	return snapshot;
}

static int connection_new(struct sw_archive *archive, struct sw_snapshot **out)
{
	char path[SW_ARCHIVE_PATH_MAX];
	struct sw_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	if (!snapshot)
		return -ENOMEM;
	snapshot->archive = archive;
	sw_archive_path(archive, "zones.db", path);
	int error = sw_snapshot_connect(snapshot, path, SQLITE_OPEN_READONLY, NULL);
	if (error)
		free(snapshot);
	else
		*out = snapshot;
	return error;
}

int sw_snapshot_open(struct sw_snapshot **out, struct sw_archive *archive)
{
	struct sw_snapshot *snapshot = idle_take(archive);
	int error = snapshot ? 0 : connection_new(archive, &snapshot);
	if (error)
		return error;
	error = sw_statement_id(snapshot, SW_SQL_READ_BEGIN, 0);
	if (!error) /* it is the first read that fixes what is seen */
		error = sw_statement_id(snapshot, SW_SQL_READ_FIRST, 0);
	if (error)
		sw_snapshot_close(snapshot);
	else
		*out = snapshot;
	return error;
}

struct sw_snapshot *sw_archive_own(struct sw_archive *archive)
{
	return &archive->own;
}

void sw_snapshot_close(struct sw_snapshot *snapshot)
{
	if (!snapshot)
		return;
	struct sw_archive *archive = snapshot->archive;
	if (!sqlite3_get_autocommit(snapshot->db) && sw_statement_id(snapshot, SW_SQL_ROLLBACK, 0) != 0) {
		sw_snapshot_disconnect(snapshot);
		free(snapshot);
		return;
	}
	pthread_mutex_lock(&archive->idle_lock);
	snapshot->next = archive->idle;
	archive->idle = snapshot;
	pthread_mutex_unlock(&archive->idle_lock);
}

/* ---- zones ---- */

int sw_snapshot_zone(struct sw_snapshot *snapshot, const uint8_t *apex, struct sw_archive_zone *zone)
{
	struct sw_zone_row row;
	int error = sw_zone_row(snapshot, apex, &row);
	if (!error)
		*zone = row.zone;
	return error;
}

int sw_snapshot_source(struct sw_snapshot *snapshot, const uint8_t *apex, struct sw_archive_source *source)
{
	sqlite3_stmt *statement;
	int error = sw_statement(snapshot, SW_SQL_SOURCE, &statement);
	if (error)
		return error;
	sqlite3_bind_blob64(statement, 1, apex, sw_name_len(apex), SQLITE_STATIC);
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*source = (struct sw_archive_source){.serial = (uint32_t)sqlite3_column_int64(statement, 0),
			.chain = (uint32_t)sqlite3_column_int64(statement, 1),
			.ds_gone_s = sqlite3_column_int64(statement, 2)};
	error = result == SQLITE_DONE ? -ENOENT : sw_archive_error(snapshot, result);
	sw_statement_done(snapshot, SW_SQL_SOURCE, statement);
	return error;
}

int sw_snapshot_each_zone(struct sw_snapshot *snapshot, sw_archive_zone_fn *take, void *arg)
{
	sqlite3_stmt *statement;
	int ended = sw_statement(snapshot, SW_SQL_ZONES, &statement);
	if (ended)
		return ended;
	int result = SQLITE_DONE;
	while (!ended && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		struct sw_zone_row row;
		if (sw_zone_row_of(statement, &row) == 0)
			ended = take(arg, &row.zone);
	}
	if (!ended)
		ended = sw_archive_error(snapshot, result);
	sw_statement_done(snapshot, SW_SQL_ZONES, statement);
	return ended;
}

/* ---- records ---- */

/** Where records come from, and the owner of the one before. */
struct reading {
	struct sw_snapshot *snapshot;
	struct sw_zone_row row;
	uint8_t owner[SW_NAME_MAX];
};

static int record_at(struct reading *reading, sqlite3_stmt *statement, struct sw_record *record)
{
	size_t len;
	const uint8_t *key = sw_column(statement, 1, &len);
	int owner_len =
		sw_owner_of_key(key, len, reading->row.zone.apex, reading->row.apex_len, reading->owner);
	record->owner = reading->owner;
	return owner_len < 0 ? owner_len : sw_record_of(statement, record);
}

/** Hand over what a bound statement gives. */
static int hand_over(struct reading *reading, enum sw_statement which, sqlite3_stmt *statement,
	sw_record_fn *take, void *arg)
{
	int ended = 0, result = SQLITE_DONE;
	while (!ended && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		struct sw_record record;
		ended = record_at(reading, statement, &record);
		if (!ended)
			ended = take(arg, &record);
	}
	if (!ended)
		ended = sw_archive_error(reading->snapshot, result);
	sw_statement_done(reading->snapshot, which, statement);
	return ended;
}

/** Begin to read in a zone. @param owner  NULL, or to be inside it: -ENOENT */
static int reading_start(struct reading *reading, struct sw_snapshot *snapshot, const uint8_t *apex,
	const uint8_t *owner, enum sw_statement which, sqlite3_stmt **statement)
{
	*reading = (struct reading){.snapshot = snapshot};
	int error = sw_zone_row(snapshot, apex, &reading->row);
	if (!error && owner && !sw_name_in(owner, apex))
		error = -ENOENT;
	if (!error)
		error = sw_statement(snapshot, which, statement);
	if (!error)
		sqlite3_bind_int64(*statement, 1, reading->row.id);
	return error;
}

/** Whether it is the zone that the transaction has been reading in, and nobody up the stack reads on. */
static bool may_walk(const struct sw_snapshot *snapshot, const uint8_t *apex, const uint8_t *owner)
{
	return snapshot->has_row && !snapshot->walk.is_lent && sw_name_equal(snapshot->row.zone.apex, apex) &&
	       sw_name_in(owner, apex);
}

int sw_snapshot_at(struct sw_snapshot *snapshot, const uint8_t *apex, const uint8_t *owner, uint16_t type,
	sw_record_fn *take, void *arg)
{
	struct reading reading;
	uint8_t key[SW_OWNER_KEY_MAX];
	sqlite3_stmt *statement;
	enum sw_statement which = type ? SW_SQL_AT_TYPE : SW_SQL_AT;
	if (type == 0 && may_walk(snapshot, apex, owner))
		return sw_walk_at(snapshot, owner, take, arg);
	int error = reading_start(&reading, snapshot, apex, owner, which, &statement);
	if (error)
		return error;
	size_t len = sw_owner_key(owner, reading.row.apex_len, key);
	sqlite3_bind_blob(statement, 2, key, (int)len, SQLITE_STATIC);
	if (type)
		sqlite3_bind_int(statement, 3, type);
	return hand_over(&reading, which, statement, take, arg);
}

/** The least key that is behind those that begin with `key`. @return its length */
static size_t key_behind(const uint8_t *key, size_t len, uint8_t end[SW_OWNER_KEY_MAX])
{
	if (len == 0) {
		memset(end, 0xff, SW_LABEL_MAX + 1); /* longer than any label */
		return SW_LABEL_MAX + 1;
	}
	memcpy(end, key, len);
	end[len - 1] = 1; /* for the 0 that ends the label */
	return len;
}

int sw_snapshot_below(struct sw_snapshot *snapshot, const uint8_t *apex, const uint8_t *owner,
	sw_record_fn *take, void *arg)
{
	struct reading reading;
	uint8_t key[SW_OWNER_KEY_MAX], end[SW_OWNER_KEY_MAX];
	sqlite3_stmt *statement;
	int error = reading_start(&reading, snapshot, apex, owner, SW_SQL_BELOW, &statement);
	if (error)
		return error;
	size_t len = sw_owner_key(owner, reading.row.apex_len, key);
	size_t end_len = key_behind(key, len, end);
	sqlite3_bind_blob(statement, 2, key, (int)len, SQLITE_STATIC);
	sqlite3_bind_blob(statement, 3, end, (int)end_len, SQLITE_STATIC);
	return hand_over(&reading, SW_SQL_BELOW, statement, take, arg);
}

static int take_name(void *arg, const struct sw_record *record)
{
	memcpy(arg, record->owner, sw_name_len(record->owner));
	return 1;
}

/** The last name with a record of a type whose key is below `key`. @return 1, 0 for none, -errno */
static int last_below(struct sw_snapshot *snapshot, const uint8_t *apex, const uint8_t *key, size_t len,
	uint16_t type, uint8_t name[SW_NAME_MAX])
{
	struct reading reading;
	sqlite3_stmt *statement;
	enum sw_statement which = type == KNOT_RRTYPE_NSEC3 ? SW_SQL_BEFORE_NSEC3 : SW_SQL_BEFORE;
	int error = reading_start(&reading, snapshot, apex, NULL, which, &statement);
	if (error)
		return error;
	sqlite3_bind_blob(statement, 2, key, (int)len, SQLITE_STATIC);
	if (which == SW_SQL_BEFORE)
		sqlite3_bind_int(statement, 3, type);
	return hand_over(&reading, which, statement, take_name, name);
}

int sw_snapshot_before(struct sw_snapshot *snapshot, const uint8_t *apex, const uint8_t *owner, uint16_t type,
	uint8_t name[SW_NAME_MAX])
{
	uint8_t key[SW_OWNER_KEY_MAX], end[SW_OWNER_KEY_MAX];
	if (!sw_name_in(owner, apex))
		return -ENOENT;
	size_t len = sw_owner_key(owner, sw_name_len(apex), key);
	int found = last_below(snapshot, apex, key, len, type, name);
	if (found == 0)
		found = last_below(snapshot, apex, end, key_behind(key, 0, end), type, name);
	return found == 1 ? 0 : found == 0 ? -ENOENT : found;
}

/** Where a piece ended: the record taken last. */
struct position {
	size_t key_len, rdata_len;
	uint16_t type;
	uint8_t bytes[SW_OWNER_KEY_MAX + UINT16_MAX]; /* key, then rdata */
};

struct piece {
	struct reading reading;
	struct position *position;
	bool has_taken;
};

static void position_set(struct piece *piece, sqlite3_stmt *statement, const struct sw_record *record)
{
	struct position *position = piece->position;
	const uint8_t *key = sw_column(statement, 1, &position->key_len);
	memcpy(position->bytes, key, position->key_len); /* decoded, so not too long */
	position->type = record->type;
	position->rdata_len = record->rdata_len;
	memcpy(position->bytes + position->key_len, record->rdata, record->rdata_len);
	piece->has_taken = true;
}

static int piece_read(struct piece *piece, sqlite3_stmt *statement, sw_record_fn *take, void *arg)
{
	int result;
	while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
		struct sw_record record;
		int error = record_at(&piece->reading, statement, &record);
		if (error)
			return error;
		if (take(arg, &record) != 0)
			return 1;
		position_set(piece, statement, &record);
	}
	return sw_archive_error(piece->reading.snapshot, result);
}

int sw_snapshot_some(
	struct sw_snapshot *snapshot, const uint8_t *apex, void **position, sw_record_fn *take, void *arg)
{
	struct piece piece = {.position = *position, .has_taken = *position != NULL};
	enum sw_statement which = *position ? SW_SQL_BEHIND : SW_SQL_WHOLE;
	sqlite3_stmt *statement;
	if (!piece.position)
		piece.position = malloc(sizeof(*piece.position));
	if (!piece.position)
		return -ENOMEM;
	int error = reading_start(&piece.reading, snapshot, apex, NULL, which, &statement);
	if (!error) {
		const struct position *from = piece.position;
		if (*position) { /* the position moves while the statement still looks at it */
			sqlite3_bind_blob(statement, 2, from->bytes, (int)from->key_len, SQLITE_TRANSIENT);
			sqlite3_bind_int(statement, 3, from->type);
			sqlite3_bind_blob(statement, 4, from->bytes + from->key_len, (int)from->rdata_len,
				SQLITE_TRANSIENT);
		}
		error = piece_read(&piece, statement, take, arg);
		sw_statement_done(snapshot, which, statement);
	}
	if (piece.has_taken)
		*position = piece.position;
	else
		free(piece.position);
	return error;
}

/* ---- changes ---- */

/** A change as it lies in a row, checked. @return 0 or -EBADMSG */
static int change_of(sqlite3_stmt *statement, const uint8_t *apex, struct sw_delta *delta)
{
	size_t len;
	const uint8_t *packed = sw_column(statement, 3, &len);
	if (sw_bytes_sum(packed, len) != (uint64_t)sqlite3_column_int64(statement, 2))
		return -EBADMSG;
	*delta = (struct sw_delta){0};
	int error = sw_delta_unpack(packed, len, apex, delta);
	delta->from = (uint32_t)sqlite3_column_int64(statement, 0);
	delta->to = (uint32_t)sqlite3_column_int64(statement, 1);
	return error;
}

/** The changes from a sequence number on. @param take  NULL: only look whether they are whole */
static int changes_from(
	struct reading *reading, int64_t sequence, uint32_t from, sw_delta_fn *take, void *arg)
{
	sqlite3_stmt *statement;
	int ended = sw_statement(reading->snapshot, SW_SQL_CHANGES, &statement);
	if (ended)
		return ended;
	sqlite3_bind_int64(statement, 1, reading->row.id);
	sqlite3_bind_int64(statement, 2, sequence);
	int result = SQLITE_DONE;
	while (!ended && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		struct sw_delta delta;
		ended = change_of(statement, reading->row.zone.apex, &delta);
		if (!ended && delta.from != from)
			ended = -ENOENT; /* a link is missing */
		if (!ended && take)
			ended = take(arg, &delta);
		from = ended ? from : delta.to;
	}
	if (!ended)
		ended = sw_archive_error(reading->snapshot, result);
	if (!ended && from != reading->row.zone.serial)
		ended = -ENOENT;
	sw_statement_done(reading->snapshot, SW_SQL_CHANGES, statement);
	return ended;
}

int sw_snapshot_changes(
	struct sw_snapshot *snapshot, const uint8_t *apex, uint32_t from, sw_delta_fn *take, void *arg)
{
	struct reading reading;
	sqlite3_stmt *statement;
	int error = reading_start(&reading, snapshot, apex, NULL, SW_SQL_CHANGE_FROM, &statement);
	if (error)
		return error;
	sqlite3_bind_int64(statement, 2, from);
	int result = sqlite3_step(statement);
	error = sw_archive_error(snapshot, result);
	int64_t sequence = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	sw_statement_done(snapshot, SW_SQL_CHANGE_FROM, statement);
	if (error)
		return error;
	if (from == reading.row.zone.serial)
		return 0;
	if (sequence == 0)
		return -ENOENT;
	error = changes_from(&reading, sequence, from, NULL, NULL);
	return error ? error : changes_from(&reading, sequence, from, take, arg);
}

int sw_snapshot_oldest(struct sw_snapshot *snapshot, const uint8_t *apex, uint32_t *serial)
{
	struct sw_zone_row row = {0};
	sqlite3_stmt *statement;
	int error = sw_zone_row(snapshot, apex, &row);
	if (!error)
		error = sw_statement(snapshot, SW_SQL_CHANGE_FIRST, &statement);
	if (error)
		return error;
	sqlite3_bind_int64(statement, 1, row.id);
	int result = sqlite3_step(statement);
	error = result == SQLITE_DONE ? -ENOENT : sw_archive_error(snapshot, result);
	if (!error)
		*serial = (uint32_t)sqlite3_column_int64(statement, 0);
	sw_statement_done(snapshot, SW_SQL_CHANGE_FIRST, statement);
	return error;
}

int sw_archive_look(struct sw_archive **out, const char *directory)
{
	struct sw_archive *archive = calloc(1, sizeof(*archive));
	if (!archive || strlen(directory) >= sizeof(archive->directory)) {
		int error = archive ? -ENAMETOOLONG : -ENOMEM;
		free(archive);
		return error;
	}
	strcpy(archive->directory, directory);
	pthread_mutex_init(&archive->idle_lock, NULL);
	archive->lock = -1;
	*out = archive;
	return 0;
}
