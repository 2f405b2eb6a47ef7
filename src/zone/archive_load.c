/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Zones read whole, and checked against what was written. */
#include "zone/archive_inside.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <string.h>

/** A zone being read, record by record, in the order of the table. */
struct loading {
	const struct sw_zone_row *row;
	struct sw_contents *contents;
	uint64_t records, sum;
	bool has_serial;
	size_t key_len, owner_len; /* of the record before: owners mostly repeat */
	uint8_t key[SW_OWNER_KEY_MAX];
	uint8_t owner[SW_NAME_MAX];
};

static int owner_set(struct loading *loading, sqlite3_stmt *statement)
{
	size_t len;
	const uint8_t *key = sw_column(statement, 1, &len);
	if (loading->records > 0 && len == loading->key_len && memcmp(key, loading->key, len) == 0)
		return 0;
	if (len > sizeof(loading->key))
		return -EBADMSG;
	int owner_len =
		sw_owner_of_key(key, len, loading->row->zone.apex, loading->row->apex_len, loading->owner);
	if (owner_len < 0)
		return owner_len;
	memcpy(loading->key, key, len);
	loading->key_len = len;
	loading->owner_len = (size_t)owner_len;
	return 0;
}

static int load_record(struct loading *loading, sqlite3_stmt *statement)
{
	struct sw_record record = {.owner = loading->owner};
	int error = owner_set(loading, statement);
	if (!error)
		error = sw_record_of(statement, &record);
	if (error)
		return error;
	loading->records++;
	loading->sum += sw_record_sum(&record, loading->owner_len);
	if (record.type == KNOT_RRTYPE_SOA && loading->key_len == 0)
		loading->has_serial = sw_soa_serial(&record) == loading->row->zone.serial;
	error = sw_contents_add(loading->contents, record.owner, record.type, record.ttl, record.rdata,
		record.rdata_len, 0, 0);
	return error < 0 ? error : 0; /* names in other case are another record here, the same there */
}

/** Make contents ready. A number of records that is damaged must not ask for all memory. */
static int load_start(struct sw_snapshot *snapshot, const struct sw_zone_row *row,
	const struct sw_hash_key *key, struct sw_contents **contents)
{
	if (*contents) {
		int error = sw_contents_restart(*contents, row->zone.apex, key);
		if (error)
			return error;
	} else {
		*contents = sw_contents_new(row->zone.apex, key);
	}
	if (!*contents)
		return -ENOMEM;
	if (row->zone.records < 1000)
		return 0;
	sqlite3_stmt *statement;
	int error = sw_statement(snapshot, SW_SQL_PAGES, &statement);
	if (error)
		return error;
	int result = sqlite3_step(statement);
	error = sw_archive_error(snapshot, result);
	uint64_t most = result == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(statement, 0) / 8 : 0;
	sw_statement_done(snapshot, SW_SQL_PAGES, statement);
	return error ? error
		     : sw_contents_expect(*contents, row->zone.records < most ? row->zone.records : most);
}

static int load_end(struct loading *loading)
{
	const struct sw_zone_row *row = loading->row;
	if (loading->records != row->zone.records || loading->sum != row->checksum || !loading->has_serial)
		return -EBADMSG;
	return sw_contents_finish(loading->contents);
}

/** Read the records of one zone. @param result  of the step that led to the first; gets the last one's */
static int load_rows(struct sw_snapshot *snapshot, sqlite3_stmt *statement, const struct sw_zone_row *row,
	struct sw_contents *contents, int *result)
{
	struct loading loading = {.row = row, .contents = contents};
	int error = 0;
	while (*result == SQLITE_ROW && sqlite3_column_int64(statement, 0) == row->id) {
		if (!error)
			error = load_record(&loading, statement);
		*result = sqlite3_step(statement);
	}
	if (!error)
		error = sw_archive_error(snapshot, *result);
	return error ? error : load_end(&loading);
}

static int load_one(struct sw_snapshot *snapshot, const struct sw_zone_row *row,
	const struct sw_hash_key *key, struct sw_contents **contents)
{
	sqlite3_stmt *statement;
	int error = load_start(snapshot, row, key, contents);
	if (!error)
		error = sw_statement(snapshot, SW_SQL_WHOLE, &statement);
	if (error)
		return error;
	sqlite3_bind_int64(statement, 1, row->id);
	int result = sqlite3_step(statement);
	error = load_rows(snapshot, statement, row, *contents, &result);
	sw_statement_done(snapshot, SW_SQL_WHOLE, statement);
	return error;
}

int sw_snapshot_load(struct sw_snapshot *snapshot, const uint8_t *apex, const struct sw_hash_key *key,
	struct sw_contents **contents)
{
	struct sw_zone_row row;
	int error = sw_zone_row(snapshot, apex, &row);
	return error ? error : load_one(snapshot, &row, key, contents);
}

/** One pass over all records. */
struct pass {
	struct sw_snapshot *snapshot;
	const struct sw_hash_key *key;
	sqlite3_stmt *records;
	int result; /* of its last step */
};

/** The next zone from the pass; where that meets a damaged page, the others one by one. */
static int pass_zone(struct pass *pass, const struct sw_zone_row *row, struct sw_contents **contents)
{
	while (pass->result == SQLITE_ROW && sqlite3_column_int64(pass->records, 0) < row->id)
		pass->result = sqlite3_step(pass->records); /* of no zone */
	if (pass->result != SQLITE_ROW && pass->result != SQLITE_DONE)
		return load_one(pass->snapshot, row, pass->key, contents);
	int error = load_start(pass->snapshot, row, pass->key, contents);
	return error ? error : load_rows(pass->snapshot, pass->records, row, *contents, &pass->result);
}

int sw_snapshot_each_zone_loaded(struct sw_snapshot *snapshot, const struct sw_hash_key *key,
	struct sw_contents **contents, sw_archive_loaded_fn *take, void *arg)
{
	struct pass pass = {.snapshot = snapshot, .key = key};
	sqlite3_stmt *zones;
	int ended = sw_statement(snapshot, SW_SQL_ZONES, &zones);
	if (ended)
		return ended;
	ended = sw_statement(snapshot, SW_SQL_ALL, &pass.records);
	if (ended) {
		sw_statement_done(snapshot, SW_SQL_ZONES, zones);
		return ended;
	}
	pass.result = sqlite3_step(pass.records);
	int result = SQLITE_DONE;
	while (!ended && (result = sqlite3_step(zones)) == SQLITE_ROW) {
		struct sw_zone_row row;
		int error = sw_zone_row_of(zones, &row);
		if (row.apex_len == 0)
			continue; /* nothing says whose it is */
		if (!error)
			error = pass_zone(&pass, &row, contents);
		ended = error == -ENOMEM ? error : take(arg, &row.zone, contents, error);
	}
	if (!ended)
		ended = sw_archive_error(snapshot, result);
	sw_statement_done(snapshot, SW_SQL_ALL, pass.records);
	sw_statement_done(snapshot, SW_SQL_ZONES, zones);
	return ended;
}
