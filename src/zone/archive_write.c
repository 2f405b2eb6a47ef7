/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What changes the archive. */
#include "zone/archive_inside.h"
#include "zone/contents_inside.h"
#include "zone/rdata.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <limits.h>
#include <stdlib.h>

/** A change of more than this is not kept: who is so far behind gets the zone whole sooner. */
#define CHANGE_BYTES_MAX (64u << 20)

static void bind_bytes(sqlite3_stmt *statement, int at, const uint8_t *bytes, size_t len)
{
	sqlite3_bind_blob64(statement, at, len > 0 ? (const void *)bytes : "", len, SQLITE_STATIC);
}

/** Whether there is a transaction that can go on. */
static int may_write(const struct sw_archive *archive)
{
	return archive->is_begun ? archive->failure : -EINVAL;
}

/** A change that ends half-way must not be committed, even by a caller who forgot to undo it. */
static int torn(struct sw_archive *archive, int error)
{
	if (error && archive->marks < archive->torn_marks)
		archive->torn_marks = archive->marks;
	return error;
}

static int row_write(struct sw_archive *archive, const struct sw_zone_row *row)
{
	sqlite3_stmt *statement;
	int error = sw_statement(&archive->own, SW_SQL_ZONE_SET, &statement);
	if (error)
		return error;
	sqlite3_bind_int64(statement, 1, row->id);
	sqlite3_bind_int64(statement, 2, row->zone.serial);
	sqlite3_bind_int64(statement, 3, (int64_t)row->zone.records);
	sqlite3_bind_int64(statement, 4, (int64_t)row->checksum);
	sqlite3_bind_int64(statement, 5, (int64_t)row->journal_bytes);
	return sw_statement_run(&archive->own, SW_SQL_ZONE_SET, statement);
}

static int row_make(struct sw_archive *archive, struct sw_zone_row *row)
{
	sqlite3_stmt *statement;
	int error = sw_statement(&archive->own, SW_SQL_ZONE_ADD, &statement);
	if (error)
		return error;
	bind_bytes(statement, 1, row->zone.apex, sw_name_len(row->zone.apex));
	sqlite3_bind_int64(statement, 2, row->zone.refreshed_s);
	sqlite3_bind_int64(statement, 3, row->zone.expires_s);
	sqlite3_bind_int64(statement, 4, (int64_t)row->zone.stamp);
	error = sw_statement_run(&archive->own, SW_SQL_ZONE_ADD, statement);
	row->id = sqlite3_last_insert_rowid(archive->own.db);
	return error;
}

static int drop(struct sw_archive *archive, int64_t id)
{
	int error = sw_statement_id(&archive->own, SW_SQL_CHANGES_DROP, id);
	if (!error)
		error = sw_statement_id(&archive->own, SW_SQL_RECORDS_DROP, id);
	if (!error)
		error = sw_statement_id(&archive->own, SW_SQL_ZONE_DROP, id);
	return error;
}

/** The row that a zone has, also where it cannot be read whole: to take it away no more than its id is
 * needed. */
static int row_to_drop(struct sw_archive *archive, const uint8_t *apex, struct sw_zone_row *row)
{
	int error = sw_zone_row(&archive->own, apex, row);
	return error == -EBADMSG && row->id ? 0 : error;
}

static int feed_all(struct sw_archive *archive, const struct sw_contents *contents, struct sw_zone_row *row)
{
	int error = sw_feed_open(archive, contents);
	if (error)
		return error;
	error = sw_statement_id(&archive->own, SW_SQL_RECORDS_FEED, row->id);
	sw_feed_close(archive, row);
	return error;
}

static int replace(struct sw_archive *archive, const struct sw_contents *contents, struct sw_zone_row *row)
{
	int error = row->id ? drop(archive, row->id) : 0;
	row->journal_bytes = 0;
	/* a new row has the highest id, so that its records are appended to the table */
	if (!error)
		error = row_make(archive, row);
	if (!error)
		error = feed_all(archive, contents, row);
	return error ? error : row_write(archive, row);
}

int sw_archive_put(
	struct sw_archive *archive, const struct sw_contents *contents, const struct sw_archive_zone *noted)
{
	int error = may_write(archive);
	if (error)
		return error;
	const struct sw_rr *soa =
		sw_contents_find_rr(contents, sw_contents_node(contents, 0), KNOT_RRTYPE_SOA);
	if (!soa)
		return -EINVAL;
	struct sw_zone_row row = {0};
	const uint8_t *apex = sw_contents_apex(contents);
	error = row_to_drop(archive, apex, &row);
	if (error && error != -ENOENT)
		return error;
	if (noted)
		row.zone = *noted;
	row.apex_len = sw_name_len(apex);
	memcpy(row.zone.apex, apex, row.apex_len);
	struct sw_record record = {.rdata = soa->rdata, .rdata_len = soa->rdata_len};
	row.zone.serial = sw_soa_serial(&record);
	return torn(archive, replace(archive, contents, &row));
}

int sw_archive_replace(struct sw_archive *archive, const struct sw_contents *contents)
{
	return sw_archive_put(archive, contents, NULL);
}

/* ---- changes ---- */

static void bind_record(sqlite3_stmt *statement, int64_t id, const struct sw_record *record,
	const uint8_t *key, size_t key_len)
{
	sqlite3_bind_int64(statement, 1, id);
	bind_bytes(statement, 2, key, key_len);
	sqlite3_bind_int(statement, 3, record->type);
	bind_bytes(statement, 4, record->rdata, record->rdata_len);
}

/** The record as it is kept: owner in lower case. */
static void lowered(struct sw_record *record, size_t owner_len, uint8_t owner[SW_NAME_MAX])
{
	memcpy(owner, record->owner, owner_len);
	sw_name_lower(owner);
	record->owner = owner;
}

static void removed_note(struct sw_zone_row *row, struct sw_record record)
{
	uint8_t owner[SW_NAME_MAX];
	size_t owner_len = sw_name_len(record.owner);
	lowered(&record, owner_len, owner);
	row->zone.records--;
	row->checksum -= sw_record_sum(&record, owner_len);
}

/** Remove one that has the TTL that the change says. @return 0, -ENOENT, -errno */
static int record_remove_same(
	struct sw_archive *archive, struct sw_zone_row *row, const struct sw_record *record)
{
	struct sw_snapshot *own = &archive->own;
	uint8_t key[SW_OWNER_KEY_MAX];
	size_t key_len = sw_owner_key(record->owner, row->apex_len, key);
	sqlite3_stmt *statement;
	int error = sw_statement(own, SW_SQL_RECORD_DROP_TTL, &statement);
	if (error)
		return error;
	bind_record(statement, row->id, record, key, key_len);
	sqlite3_bind_int64(statement, 5, record->ttl);
	error = sw_statement_run(own, SW_SQL_RECORD_DROP_TTL, statement);
	if (!error && sqlite3_changes(own->db) == 0)
		error = -ENOENT;
	if (!error)
		removed_note(row, *record);
	return error;
}

/** Remove one; its TTL in the archive counts, not that of the change. */
static int record_remove(struct sw_archive *archive, struct sw_zone_row *row, struct sw_record record)
{
	struct sw_snapshot *own = &archive->own;
	uint8_t key[SW_OWNER_KEY_MAX];
	size_t key_len = sw_owner_key(record.owner, row->apex_len, key);
	sqlite3_stmt *statement;
	int error = sw_statement(own, SW_SQL_RECORD_TTL, &statement);
	if (error)
		return error;
	bind_record(statement, row->id, &record, key, key_len);
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		record.ttl = (uint32_t)sqlite3_column_int64(statement, 0);
	error = result == SQLITE_DONE ? -ENOENT : sw_archive_error(own, result);
	sw_statement_done(own, SW_SQL_RECORD_TTL, statement);
	if (!error)
		error = sw_statement(own, SW_SQL_RECORD_DROP, &statement);
	if (error)
		return error;
	bind_record(statement, row->id, &record, key, key_len);
	error = sw_statement_run(own, SW_SQL_RECORD_DROP, statement);
	removed_note(row, record);
	return error;
}

/** The data of a record that is the same but for the case of names in it. @return 0, -ENOENT, -errno */
static int find_alike(struct sw_archive *archive, const struct sw_zone_row *row,
	const struct sw_record *record, uint8_t rdata[UINT16_MAX])
{
	struct sw_snapshot *own = &archive->own;
	uint8_t key[SW_OWNER_KEY_MAX];
	size_t key_len = sw_owner_key(record->owner, row->apex_len, key);
	sqlite3_stmt *statement;
	int error = sw_statement(own, SW_SQL_AT_TYPE, &statement), result;
	if (error)
		return error;
	sqlite3_bind_int64(statement, 1, row->id);
	bind_bytes(statement, 2, key, key_len);
	sqlite3_bind_int(statement, 3, record->type);
	error = -ENOENT;
	while (error == -ENOENT && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		struct sw_record kept;
		if (sw_record_of(statement, &kept) == 0 &&
			sw_contents_rdata_equal(
				record->type, kept.rdata, kept.rdata_len, record->rdata, record->rdata_len)) {
			memcpy(rdata, kept.rdata, kept.rdata_len);
			error = 0;
		}
	}
	if (error && result != SQLITE_DONE)
		error = sw_archive_error(own, result);
	sw_statement_done(own, SW_SQL_AT_TYPE, statement);
	return error;
}

/** Names compare without case in record data too (RFC 2136 s1.1.1), and compression on the way may have
 * changed it; that the data is there as it stands is the rule, though, and quick. */
static int record_remove_alike(struct sw_archive *archive, struct sw_zone_row *row, struct sw_record record)
{
	uint8_t rdata[UINT16_MAX];
	int error = record_remove_same(archive, row, &record);
	if (error == -ENOENT)
		error = record_remove(archive, row, record);
	if (error != -ENOENT)
		return error;
	error = find_alike(archive, row, &record, rdata);
	record.rdata = rdata;
	return error ? error : record_remove(archive, row, record);
}

static int record_add(struct sw_archive *archive, struct sw_zone_row *row, struct sw_record record)
{
	struct sw_snapshot *own = &archive->own;
	uint8_t key[SW_OWNER_KEY_MAX], owner[SW_NAME_MAX];
	size_t owner_len = sw_name_len(record.owner);
	size_t key_len = sw_owner_key(record.owner, row->apex_len, key);
	sqlite3_stmt *statement;
	int error = sw_statement(own, SW_SQL_RECORD_ADD, &statement);
	if (error)
		return error;
	bind_record(statement, row->id, &record, key, key_len);
	sqlite3_bind_int64(statement, 5, record.ttl);
	error = sw_statement_run(own, SW_SQL_RECORD_ADD, statement);
	if (!error && sqlite3_changes(own->db) == 0)
		error = -EEXIST;
	lowered(&record, owner_len, owner);
	row->zone.records++;
	row->checksum += sw_record_sum(&record, owner_len);
	return error;
}

typedef int record_step(struct sw_archive *archive, struct sw_zone_row *row, struct sw_record record);

static int each(struct sw_archive *archive, struct sw_zone_row *row, const struct sw_records *records,
	record_step *step)
{
	struct sw_record record;
	size_t at = 0;
	int error = 0;
	while (!error && sw_records_next(records, &at, &record))
		error = step(archive, row, record);
	return error;
}

static int journal_add(struct sw_archive *archive, struct sw_zone_row *row, const struct sw_delta *delta)
{
	if (sw_delta_packed_bytes(delta) > CHANGE_BYTES_MAX) {
		row->journal_bytes = 0;
		return sw_statement_id(&archive->own, SW_SQL_CHANGES_DROP, row->id);
	}
	uint8_t *packed;
	size_t len;
	int error = sw_delta_pack(delta, &packed, &len);
	if (error)
		return error;
	sqlite3_stmt *statement;
	error = sw_statement(&archive->own, SW_SQL_CHANGE_ADD, &statement);
	if (!error) {
		sqlite3_bind_int64(statement, 1, row->id);
		sqlite3_bind_int64(statement, 2, delta->from);
		sqlite3_bind_int64(statement, 3, delta->to);
		sqlite3_bind_int64(statement, 4, (int64_t)sw_bytes_sum(packed, len));
		bind_bytes(statement, 5, packed, len);
		error = sw_statement_run(&archive->own, SW_SQL_CHANGE_ADD, statement);
	}
	free(packed);
	row->journal_bytes += len;
	return error;
}

static bool list_is_fit(const struct sw_records *records, const uint8_t *apex)
{
	struct sw_record record;
	for (size_t at = 0; sw_records_next(records, &at, &record);) {
		if (record.type == KNOT_RRTYPE_SOA || !sw_name_in(record.owner, apex) ||
			!sw_rdata_is_valid(record.type, record.rdata, record.rdata_len))
			return false;
	}
	return true;
}

static bool soa_is_fit(const struct sw_records *records, const uint8_t *apex, uint32_t serial)
{
	struct sw_record soa;
	size_t at = 0;
	return records->count == 1 && sw_records_next(records, &at, &soa) && soa.type == KNOT_RRTYPE_SOA &&
	       sw_name_equal(soa.owner, apex) && sw_rdata_is_valid(soa.type, soa.rdata, soa.rdata_len) &&
	       sw_soa_serial(&soa) == serial;
}

bool sw_delta_is_fit(const struct sw_delta *delta, const uint8_t *apex)
{
	return delta->from != delta->to && soa_is_fit(&delta->old_soa, apex, delta->from) &&
	       soa_is_fit(&delta->new_soa, apex, delta->to) && list_is_fit(&delta->removed, apex) &&
	       list_is_fit(&delta->added, apex);
}

int sw_archive_change(struct sw_archive *archive, const uint8_t *apex, const struct sw_delta *delta)
{
	struct sw_zone_row row;
	int error = may_write(archive);
	if (!error && !sw_delta_is_fit(delta, apex))
		error = -EINVAL;
	if (!error)
		error = sw_zone_row(&archive->own, apex, &row);
	if (!error && row.zone.serial != delta->from)
		error = -ESTALE;
	if (error)
		return error;
	error = each(archive, &row, &delta->old_soa, record_remove_alike);
	if (!error)
		error = each(archive, &row, &delta->removed, record_remove_alike);
	if (!error)
		error = each(archive, &row, &delta->added, record_add);
	if (!error)
		error = each(archive, &row, &delta->new_soa, record_add);
	if (!error)
		error = journal_add(archive, &row, delta);
	row.zone.serial = delta->to;
	if (!error)
		error = row_write(archive, &row);
	return torn(archive, error);
}

int sw_archive_note(struct sw_archive *archive, const struct sw_archive_zone *zone)
{
	struct sw_zone_row row;
	sqlite3_stmt *statement;
	int error = may_write(archive);
	if (!error)
		error = sw_zone_row(&archive->own, zone->apex, &row);
	if (!error)
		error = sw_statement(&archive->own, SW_SQL_ZONE_NOTE, &statement);
	if (error)
		return error;
	sqlite3_bind_int64(statement, 1, row.id);
	sqlite3_bind_int64(statement, 2, zone->refreshed_s);
	sqlite3_bind_int64(statement, 3, zone->expires_s);
	sqlite3_bind_int64(statement, 4, (int64_t)zone->stamp);
	return torn(archive, sw_statement_run(&archive->own, SW_SQL_ZONE_NOTE, statement));
}

int sw_archive_remove(struct sw_archive *archive, const uint8_t *apex)
{
	struct sw_zone_row row = {0};
	int error = may_write(archive);
	if (!error)
		error = row_to_drop(archive, apex, &row);
	if (!error)
		error = sw_archive_set_source(archive, apex, NULL);
	return error ? error : torn(archive, drop(archive, row.id));
}

int sw_archive_set_source(
	struct sw_archive *archive, const uint8_t *apex, const struct sw_archive_source *source)
{
	enum sw_statement which = source ? SW_SQL_SOURCE_SET : SW_SQL_SOURCE_DROP;
	sqlite3_stmt *statement;
	int error = may_write(archive);
	if (!error)
		error = sw_statement(&archive->own, which, &statement);
	if (error)
		return error;
	bind_bytes(statement, 1, apex, sw_name_len(apex));
	if (source) {
		sqlite3_bind_int64(statement, 2, source->serial);
		sqlite3_bind_int64(statement, 3, source->chain);
		sqlite3_bind_int64(statement, 4, source->ds_gone_s);
	}
	return torn(archive, sw_statement_run(&archive->own, which, statement));
}

/** The last of the oldest changes to go, so that the others are no more than so many bytes. */
static int oldest_to_go(struct sw_archive *archive, const struct sw_zone_row *row, uint64_t bytes_max,
	int64_t *last, uint64_t *left)
{
	sqlite3_stmt *statement;
	int error = sw_statement(&archive->own, SW_SQL_CHANGE_OLDEST, &statement);
	if (error)
		return error;
	sqlite3_bind_int64(statement, 1, row->id);
	int result = SQLITE_DONE;
	*last = 0;
	*left = row->journal_bytes;
	while (*left > bytes_max && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		uint64_t bytes = (uint64_t)sqlite3_column_int64(statement, 1);
		*last = sqlite3_column_int64(statement, 0);
		*left -= bytes < *left ? bytes : *left;
	}
	if (result == SQLITE_DONE && *left > bytes_max)
		*left = 0; /* all are gone, and their sum was wrong */
	error = sw_archive_error(&archive->own, result);
	sw_statement_done(&archive->own, SW_SQL_CHANGE_OLDEST, statement);
	return error;
}

int sw_archive_trim(struct sw_archive *archive, const uint8_t *apex, uint64_t bytes_max)
{
	struct sw_zone_row row;
	int64_t last;
	uint64_t left;
	int error = may_write(archive);
	if (!error)
		error = sw_zone_row(&archive->own, apex, &row);
	if (error || row.journal_bytes <= bytes_max)
		return error;
	error = oldest_to_go(archive, &row, bytes_max, &last, &left);
	sqlite3_stmt *statement;
	if (!error)
		error = sw_statement(&archive->own, SW_SQL_CHANGES_UPTO, &statement);
	if (error)
		return error;
	sqlite3_bind_int64(statement, 1, row.id);
	sqlite3_bind_int64(statement, 2, last);
	error = sw_statement_run(&archive->own, SW_SQL_CHANGES_UPTO, statement);
	row.journal_bytes = left;
	return torn(archive, error ? error : row_write(archive, &row));
}
