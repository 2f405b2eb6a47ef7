/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files of the archive: its tables, statements and forms of bytes. */
#ifndef SW_ZONE_ARCHIVE_INSIDE_H
#define SW_ZONE_ARCHIVE_INSIDE_H

#include "zone/archive.h"
#include <pthread.h>
#include <sqlite3.h>

#define SW_ARCHIVE_WHY_MAX 512
#define SW_ARCHIVE_APPLICATION 0x53574152 /* "SWAR", in the header of the database file */
#define SW_ARCHIVE_VERSION 1

/** A path in the state directory. */
#define SW_ARCHIVE_PATH_MAX 4096

/** An owner's key: each byte may be escaped. */
#define SW_OWNER_KEY_MAX (2 * SW_NAME_MAX)

/** Every statement, prepared when first used and kept. Those that give records give the same columns. */
#define SW_RECORD_COLUMNS "SELECT zone, owner, type, ttl, rdata FROM record "
#define SW_ZONE_COLUMNS \
	"SELECT id, apex, serial, records, checksum, refreshed, expires, stamp, journal FROM zone "
#define SW_STATEMENTS(X)                                                                                    \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                         \
	X(COMMIT, "COMMIT")                                                                                 \
	X(ROLLBACK, "ROLLBACK")                                                                             \
	X(MARK, "SAVEPOINT mark")                                                                           \
	X(MARK_UNDO, "ROLLBACK TO mark")                                                                    \
	X(MARK_END, "RELEASE mark")                                                                         \
	X(READ_BEGIN, "BEGIN")                                                                              \
	X(READ_FIRST, "SELECT id FROM zone LIMIT 1")                                                        \
	X(ZONE, SW_ZONE_COLUMNS "WHERE apex = ?1")                                                          \
	X(ZONES, SW_ZONE_COLUMNS "ORDER BY id")                                                             \
	X(AT, SW_RECORD_COLUMNS "WHERE zone = ?1 AND owner = ?2 ORDER BY type, rdata")                      \
	X(FROM, SW_RECORD_COLUMNS "WHERE zone = ?1 AND owner >= ?2 ORDER BY owner, type, rdata")            \
	X(AT_TYPE, SW_RECORD_COLUMNS "WHERE zone = ?1 AND owner = ?2 AND type = ?3 ORDER BY rdata")         \
	X(BELOW, SW_RECORD_COLUMNS                                                                          \
		"WHERE zone = ?1 AND owner >= ?2 AND owner < ?3 ORDER BY owner, type, rdata")               \
	X(BEFORE, SW_RECORD_COLUMNS                                                                         \
		"WHERE zone = ?1 AND owner < ?2 AND type = ?3 ORDER BY owner DESC LIMIT 1")                 \
	X(BEFORE_NSEC3, SW_RECORD_COLUMNS                                                                   \
		"WHERE zone = ?1 AND owner < ?2 AND type = 50 ORDER BY owner DESC LIMIT 1")                 \
	X(WHOLE, SW_RECORD_COLUMNS "WHERE zone = ?1 ORDER BY owner, type, rdata")                           \
	X(BEHIND, SW_RECORD_COLUMNS                                                                         \
		"WHERE zone = ?1 AND (owner, type, rdata) > (?2, ?3, ?4) ORDER BY owner, type, rdata")      \
	X(ALL, SW_RECORD_COLUMNS "ORDER BY zone, owner, type, rdata")                                       \
	X(CHANGE_FROM, "SELECT max(sequence) FROM change WHERE zone = ?1 AND \"from\" = ?2")                \
	X(CHANGES, "SELECT \"from\", \"to\", checksum, delta FROM change "                                  \
		   "WHERE zone = ?1 AND sequence >= ?2 ORDER BY sequence")                                  \
	X(PAGES, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")                  \
	X(ZONE_ADD, "INSERT INTO zone(apex, refreshed, expires, stamp) VALUES (?1, ?2, ?3, ?4)")            \
	X(ZONE_SET, "UPDATE zone SET serial = ?2, records = ?3, checksum = ?4, journal = ?5 WHERE id = ?1") \
	X(ZONE_NOTE, "UPDATE zone SET refreshed = ?2, expires = ?3, stamp = ?4 WHERE id = ?1")              \
	X(ZONE_DROP, "DELETE FROM zone WHERE id = ?1")                                                      \
	X(RECORDS_DROP, "DELETE FROM record WHERE zone = ?1")                                               \
	X(CHANGES_DROP, "DELETE FROM change WHERE zone = ?1")                                               \
	X(RECORDS_FEED, "INSERT OR FAIL INTO record(zone, owner, type, rdata, ttl) "                        \
			"SELECT ?1, owner, type, rdata, ttl FROM feed")                                     \
	X(RECORD_ADD, "INSERT INTO record(zone, owner, type, rdata, ttl) VALUES (?1, ?2, ?3, ?4, ?5) "      \
		      "ON CONFLICT DO NOTHING")                                                             \
	X(RECORD_TTL, "SELECT ttl FROM record WHERE zone = ?1 AND owner = ?2 AND type = ?3 AND rdata = ?4") \
	X(RECORD_DROP, "DELETE FROM record WHERE zone = ?1 AND owner = ?2 AND type = ?3 AND rdata = ?4")    \
	X(RECORD_DROP_TTL, "DELETE FROM record WHERE zone = ?1 AND owner = ?2 AND type = ?3 "               \
			   "AND rdata = ?4 AND ttl = ?5")                                                   \
	X(CHANGE_ADD,                                                                                       \
		"INSERT INTO change(zone, sequence, \"from\", \"to\", checksum, delta) VALUES "             \
		"(?1, (SELECT ifnull(max(sequence), 0) + 1 FROM change WHERE zone = ?1), ?2, ?3, ?4, ?5)")  \
	X(CHANGE_OLDEST, "SELECT sequence, length(delta) FROM change WHERE zone = ?1 ORDER BY sequence")    \
	X(CHANGE_FIRST, "SELECT \"from\" FROM change WHERE zone = ?1 ORDER BY sequence LIMIT 1")            \
	X(CHANGES_UPTO, "DELETE FROM change WHERE zone = ?1 AND sequence <= ?2")                            \
	X(SOURCE, "SELECT serial, chain, ds_gone FROM source WHERE apex = ?1")                              \
	X(SOURCE_SET, "INSERT OR REPLACE INTO source(apex, serial, chain, ds_gone) "                        \
		      "VALUES (?1, ?2, ?3, ?4)")                                                            \
	X(SOURCE_DROP, "DELETE FROM source WHERE apex = ?1")

enum sw_statement {
#define X(name, sql) SW_SQL_##name,
	SW_STATEMENTS(X)
#undef X
		SW_SQL_COUNT
};

/** A row of the table of zones. */
struct sw_zone_row {
	int64_t id;
	struct sw_archive_zone zone;
	size_t apex_len;
	uint64_t checksum;
	uint64_t journal_bytes;
};

/** A statement left open where it stands, for the name that is asked for next (archive_walk.c). */
struct sw_walk {
	sqlite3_stmt *statement;	 /* NULL: none */
	bool is_on;			 /* a record; else behind the last */
	bool is_lent;			 /* records are being handed over */
	bool is_stale;			 /* to be ended when that is over */
	uint8_t asked[SW_OWNER_KEY_MAX]; /* key of the name */
	size_t asked_len;
};

/** A connection with its statements; the writer's is one too. */
struct sw_snapshot {
	struct sw_archive *archive;
	sqlite3 *db;
	sqlite3_stmt *kept[SW_SQL_COUNT];
	struct sw_snapshot *next; /* idle ones */
	bool has_row;		  /* `row` was read, and no statement since that could have changed it */
	struct sw_zone_row row;
	struct sw_walk walk; /* in the zone of `row`; none without one */
};

struct sw_feed;

struct sw_archive {
	struct sw_snapshot own;
	char directory[SW_ARCHIVE_PATH_MAX - 64];
	int lock; /* descriptor, -1: none */
	pthread_mutex_t idle_lock;
	struct sw_snapshot *idle;
	struct sw_feed *feed; /* what the table `feed` shows at the moment */
	bool is_begun;
	int failure;	     /* took the transaction with it */
	unsigned marks;	     /* open ones */
	unsigned torn_marks; /* open ones at the time when a change failed half-way; UINT_MAX: none did */
};

/* archive.c */

/** What SQLite's result means. @param db  NULL where there is none @return 0 or -errno */
int sw_sqlite_error(sqlite3 *db, int result);

/** The same of an archive. Remembers on disk that the file is damaged, for the next start to mend it. */
int sw_archive_error(struct sw_snapshot *snapshot, int result);

/** A statement, free to be bound; sw_statement_done() gives it back. Asked for while it is in use (a
 * callback reads on), another one is made. @return 0 or -errno */
int sw_statement(struct sw_snapshot *snapshot, enum sw_statement which, sqlite3_stmt **statement);
void sw_statement_done(struct sw_snapshot *snapshot, enum sw_statement which, sqlite3_stmt *statement);

/** Step to the end and give it back. @return 0 or -errno */
int sw_statement_run(struct sw_snapshot *snapshot, enum sw_statement which, sqlite3_stmt *statement);

/** One that has no parameters, or at most a zone's id. */
int sw_statement_id(struct sw_snapshot *snapshot, enum sw_statement which, int64_t id);

/** Connect to a database file. @return 0 or -errno, and the text of it */
int sw_snapshot_connect(struct sw_snapshot *snapshot, const char *path, int flags, char *why);
void sw_snapshot_disconnect(struct sw_snapshot *snapshot);

void sw_archive_path(const struct sw_archive *archive, const char *name, char path[SW_ARCHIVE_PATH_MAX]);

/* archive_bytes.c */

/** Key of an owner, by which records are in order.
 *
 * Labels from the apex (not included) down, in lower case, each ended by 0; bytes 0 and 1 become 1 1 and 1 2.
 * Compared as bytes, keys are in canonical order of names (RFC 4034 s6.1), and what is below a name is what
 * begins with its key.
 *
 * @param owner  inside the zone
 * @param key  SW_OWNER_KEY_MAX bytes
 * @return its length */
size_t sw_owner_key(const uint8_t *owner, size_t apex_len, uint8_t *key);

/** The owner of a key. @param owner  SW_NAME_MAX bytes @return its length, or -EBADMSG */
int sw_owner_of_key(const uint8_t *key, size_t len, const uint8_t *apex, size_t apex_len, uint8_t *owner);

/** Whether bytes are one name in wire format, in lower case. */
bool sw_name_is_whole(const uint8_t *name, size_t len);

/** A number that depends on all of a record. Added up, they tell a changed set from the one written. */
uint64_t sw_record_sum(const struct sw_record *record, size_t owner_len);

/** The same of any bytes. */
uint64_t sw_bytes_sum(const uint8_t *bytes, size_t len);

/** A delta as the journal keeps it. @param packed  to be freed */
int sw_delta_pack(const struct sw_delta *delta, uint8_t **packed, size_t *len);
size_t sw_delta_packed_bytes(const struct sw_delta *delta);

/** And back; its lists lie in `packed`, so it is not to be freed. @return 0, -EBADMSG */
int sw_delta_unpack(const uint8_t *packed, size_t len, const uint8_t *apex, struct sw_delta *delta);

/* archive_read.c */

/** @return 0, -ENOENT, -EBADMSG, other -errno */
int sw_zone_row(struct sw_snapshot *snapshot, const uint8_t *apex, struct sw_zone_row *row);

/** The row that a statement stands on. @return 0 or -EBADMSG, then an apex of no length where not even that
 * is whole */
int sw_zone_row_of(sqlite3_stmt *statement, struct sw_zone_row *row);

/** The record that a statement stands on, without its owner. @return 0 or -EBADMSG */
int sw_record_of(sqlite3_stmt *statement, struct sw_record *record);

/** A blob of the row that a statement stands on, never NULL. */
const uint8_t *sw_column(sqlite3_stmt *statement, int column, size_t *len);

/* archive_walk.c */

/** Records of a name of the zone of `row`, while no walk is lent. @return as sw_snapshot_at() */
int sw_walk_at(struct sw_snapshot *snapshot, const uint8_t *owner, sw_record_fn *take, void *arg);

/** Before anything else than reading records. */
void sw_walk_end(struct sw_snapshot *snapshot);

/* archive_feed.c */

/** The virtual table `feed`, which gives the records of contents in order of their keys: one statement that
 * runs through a whole zone is three times as fast as one for each record. */
int sw_feed_register(struct sw_archive *archive);

/** Show contents in it. @return 0, -ENOMEM, -EFBIG */
int sw_feed_open(struct sw_archive *archive, const struct sw_contents *contents);

/** @param row  gets the number of records and the sum over them */
void sw_feed_close(struct sw_archive *archive, struct sw_zone_row *row);

/* archive_write.c */

/** The same as sw_archive_replace(), with times and stamp. */
int sw_archive_put(
	struct sw_archive *archive, const struct sw_contents *contents, const struct sw_archive_zone *noted);

/* archive_mend.c */

/** Put a damaged file aside, as zones.db.broken-N. @param name  32 bytes, gets its name @return 0 or -errno
 */
int sw_archive_put_aside(struct sw_archive *archive, char name[32]);

/** Take from it the zones that are whole into the fresh one, and say what came of it. */
void sw_archive_salvage(struct sw_archive *archive, const char *name, char *why);

/** That SQLite found its file damaged is remembered beside it. */
void sw_archive_set_damaged(struct sw_archive *archive, bool is_damaged);
bool sw_archive_is_damaged(const struct sw_archive *archive);

#endif
