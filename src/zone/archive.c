/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Opening the archive, its connections and its transactions. */
#include "zone/archive_inside.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define STRING(x) #x
#define NUMBER(x) STRING(x)

/* `journal` is the bytes of a zone's changes: it is asked with every change whether they are too many. */
static const char schema[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE zone(id INTEGER PRIMARY KEY, apex BLOB NOT NULL UNIQUE,"
	" serial INTEGER NOT NULL DEFAULT 0, records INTEGER NOT NULL DEFAULT 0,"
	" checksum INTEGER NOT NULL DEFAULT 0, refreshed INTEGER NOT NULL,"
	" expires INTEGER NOT NULL, stamp INTEGER NOT NULL,"
	" journal INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE TABLE record(zone INTEGER NOT NULL, owner BLOB NOT NULL,"
	" type INTEGER NOT NULL, rdata BLOB NOT NULL, ttl INTEGER NOT NULL,"
	" PRIMARY KEY(zone, owner, type, rdata)) WITHOUT ROWID, STRICT;"
	"CREATE TABLE change(zone INTEGER NOT NULL, sequence INTEGER NOT NULL,"
	" \"from\" INTEGER NOT NULL, \"to\" INTEGER NOT NULL, checksum INTEGER NOT NULL,"
	" delta BLOB NOT NULL, PRIMARY KEY(zone, sequence)) WITHOUT ROWID, STRICT;"
	"CREATE INDEX change_from ON change(zone, \"from\");"
	/* the names of NSEC3 lie among all others: to find the one before must not walk over those */
	"CREATE INDEX record_nsec3 ON record(zone, owner) WHERE type = 50;"
	"PRAGMA application_id = " NUMBER(SW_ARCHIVE_APPLICATION) ";"
								  "PRAGMA user_version = " NUMBER(
									  SW_ARCHIVE_VERSION) ";"
											      "COMMIT;";

/** Came later than the others; a database without it is none the worse. */
static const char schema_source[] =
	"CREATE TABLE IF NOT EXISTS source(apex BLOB PRIMARY KEY, serial INTEGER NOT NULL,"
	" chain INTEGER NOT NULL, ds_gone INTEGER NOT NULL) WITHOUT ROWID, STRICT;";

#define OUR_TABLES \
	"SELECT count(*) FROM sqlite_schema WHERE name IN ('zone', 'record', 'change', 'change_from')"

/* FULL: a commit is on the disk, not in the disk's cache. What savepoints need is kept in memory, where a
 * sandbox may have no directory for temporary files. The cache holds two million records, and grows with what
 * there is. The log is written into the database at 16 MB. */
static const char settings[] = "PRAGMA journal_mode = WAL;"
			       "PRAGMA synchronous = FULL;"
			       "PRAGMA temp_store = MEMORY;"
			       "PRAGMA cache_size = -65536;"
			       "PRAGMA wal_autocheckpoint = 4000;"
			       "PRAGMA journal_size_limit = 67108864;"
			       "PRAGMA cell_size_check = ON;";

#define BUSY_MS 2000

static const char *const texts[] = {
#define X(name, sql) sql,
	SW_STATEMENTS(X)
#undef X
};

void sw_archive_path(const struct sw_archive *archive, const char *name, char path[SW_ARCHIVE_PATH_MAX])
{
	snprintf(path, SW_ARCHIVE_PATH_MAX, "%s/%s", archive->directory, name);
}

static int error_of_system(sqlite3 *db, int otherwise)
{
	int code = db ? sqlite3_system_errno(db) : 0;
	return code > 0 ? -code : otherwise;
}

int sw_sqlite_error(sqlite3 *db, int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_TOOBIG:
		return -EFBIG;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		return result == SQLITE_IOERR_NOMEM ? -ENOMEM : error_of_system(db, -EIO);
	default:
		return -EIO;
	}
}

int sw_archive_error(struct sw_snapshot *snapshot, int result)
{
	struct sw_archive *archive = snapshot->archive;
	int error = sw_sqlite_error(snapshot->db, result);
	if (error) { /* after some SQLite has rolled back by itself, and nobody ends the walk any more */
		snapshot->has_row = false;
		sw_walk_end(snapshot);
	}
	if (error == -EBADMSG)
		sw_archive_set_damaged(archive, true);
	/* after some errors SQLite has rolled back by itself */
	bool is_writer = snapshot == &archive->own;
	if (error && is_writer && archive->is_begun && sqlite3_get_autocommit(snapshot->db))
		archive->failure = error;
	return error;
}

/** Whether the table of zones stays as it is, and as it is seen, with it. */
static bool is_of_records(enum sw_statement which)
{
	return which == SW_SQL_AT || which == SW_SQL_FROM || which == SW_SQL_AT_TYPE ||
	       which == SW_SQL_BELOW || which == SW_SQL_BEFORE || which == SW_SQL_BEFORE_NSEC3;
}

int sw_statement(struct sw_snapshot *snapshot, enum sw_statement which, sqlite3_stmt **statement)
{
	if (!is_of_records(which)) {
		snapshot->has_row = false;
		sw_walk_end(snapshot);
	}
	sqlite3_stmt *kept = snapshot->kept[which];
	if (kept && !sqlite3_stmt_busy(kept)) {
		*statement = kept;
		return 0;
	}
	sqlite3_stmt *made;
	int result =
		sqlite3_prepare_v3(snapshot->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, &made, NULL);
	if (result != SQLITE_OK)
		return sw_archive_error(snapshot, result);
	if (!kept)
		snapshot->kept[which] = made;
	*statement = made;
	return 0;
}

void sw_statement_done(struct sw_snapshot *snapshot, enum sw_statement which, sqlite3_stmt *statement)
{
	if (statement != snapshot->kept[which]) {
		sqlite3_finalize(statement);
		return;
	}
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

int sw_statement_run(struct sw_snapshot *snapshot, enum sw_statement which, sqlite3_stmt *statement)
{
	int result;
	do
		result = sqlite3_step(statement);
	while (result == SQLITE_ROW);
	int error = sw_archive_error(snapshot, result);
	sw_statement_done(snapshot, which, statement);
	return error;
}

int sw_statement_id(struct sw_snapshot *snapshot, enum sw_statement which, int64_t id)
{
	sqlite3_stmt *statement = NULL;
	int error = sw_statement(snapshot, which, &statement);
	if (error)
		return error;
	if (sqlite3_bind_parameter_count(statement) > 0)
		sqlite3_bind_int64(statement, 1, id);
	return sw_statement_run(snapshot, which, statement);
}

int sw_snapshot_connect(struct sw_snapshot *snapshot, const char *path, int flags, char *why)
{
	int result = sqlite3_open_v2(path, &snapshot->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (result == SQLITE_OK) {
		sqlite3_extended_result_codes(snapshot->db, 1);
		sqlite3_busy_timeout(snapshot->db, BUSY_MS);
		/* a plan that a parameter could change (a type that a partial index is about) is made anew
		 * each time it is bound: that took longer than all the rest of a change */
		sqlite3_db_config(snapshot->db, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
		result = sqlite3_exec(snapshot->db,
			flags & SQLITE_OPEN_READONLY ? "PRAGMA cell_size_check = ON" : settings, NULL, NULL,
			NULL);
	}
	if (result == SQLITE_OK)
		return 0;
	int error = sw_sqlite_error(snapshot->db, result);
	if (why)
		snprintf(why, SW_ARCHIVE_WHY_MAX, "%.300s: %s", path,
			snapshot->db ? sqlite3_errmsg(snapshot->db) : "out of memory");
	sw_snapshot_disconnect(snapshot);
	return error;
}

void sw_snapshot_disconnect(struct sw_snapshot *snapshot)
{
	for (unsigned i = 0; i < SW_SQL_COUNT; i++) {
		sqlite3_finalize(snapshot->kept[i]);
		snapshot->kept[i] = NULL;
	}
	snapshot->walk.statement = NULL;
	sqlite3_close(snapshot->db);
	snapshot->db = NULL;
}

/** The first number that a query gives. */
static int number_of(struct sw_snapshot *snapshot, const char *sql, int64_t *number)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(snapshot->db, sql, -1, &statement, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return result == SQLITE_ROW    ? 0
	       : result == SQLITE_DONE ? -EIO
				       : sw_sqlite_error(snapshot->db, result);
}

/** Walk through the whole file; done only where it was found damaged before. */
static int check_all(struct sw_snapshot *own)
{
	int64_t is_whole = 0;
	int error = number_of(own, "SELECT quick_check = 'ok' FROM pragma_quick_check(1)", &is_whole);
	return error ? error : is_whole ? 0 : -EBADMSG;
}

/** Whether the database is one of ours that this program knows. @return 0, -EPROTO, -ENOTSUP and the text of
 * it, other -errno without */
static int check_identity(struct sw_archive *archive, bool *is_fresh, char *why)
{
	struct sw_snapshot *own = &archive->own;
	int64_t application = 0, version = 0, tables = 0, has_log = 0;
	int error = number_of(own, "PRAGMA application_id", &application);
	if (!error)
		error = number_of(own, "PRAGMA user_version", &version);
	if (!error)
		error = number_of(own, "SELECT count(*) FROM sqlite_schema", &tables);
	if (!error)
		error = number_of(own, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", &has_log);
	if (error)
		return error;
	*is_fresh = application == 0 && version == 0 && tables == 0;
	if (!has_log) {
		snprintf(why, SW_ARCHIVE_WHY_MAX, "%.300s/zones.db: this file system cannot hold its log",
			archive->directory);
		return -ENOTSUP;
	}
	if (!*is_fresh && application != SW_ARCHIVE_APPLICATION) {
		snprintf(why, SW_ARCHIVE_WHY_MAX, "%.300s/zones.db: a database of another program",
			archive->directory);
		return -EPROTO;
	}
	if (version > SW_ARCHIVE_VERSION) {
		snprintf(why, SW_ARCHIVE_WHY_MAX,
			"%.300s/zones.db: format %lld is newer than this program, which knows %d",
			archive->directory, (long long)version, SW_ARCHIVE_VERSION);
		return -EPROTO;
	}
	return 0;
}

/** Whether it can be used; a fresh one gets its tables. */
static int check_format(struct sw_archive *archive, char *why)
{
	struct sw_snapshot *own = &archive->own;
	bool is_fresh;
	int64_t tables = 0, zones;
	int error = check_identity(archive, &is_fresh, why);
	if (!error && is_fresh)
		error = sw_sqlite_error(own->db, sqlite3_exec(own->db, schema, NULL, NULL, NULL));
	if (!error)
		error = number_of(own, OUR_TABLES, &tables);
	if (!error && tables != 4)
		error = -EBADMSG;
	if (!error)
		error = sw_sqlite_error(own->db, sqlite3_exec(own->db, schema_source, NULL, NULL, NULL));
	if (!error)
		error = number_of(own, "SELECT count(*) FROM zone", &zones);
	if (!error && sw_archive_is_damaged(archive))
		error = check_all(own);
	if (error && why[0] == '\0')
		snprintf(why, SW_ARCHIVE_WHY_MAX, "%.300s/zones.db: %s", archive->directory,
			error == -EBADMSG ? "damaged" : sqlite3_errmsg(own->db));
	return error;
}

static int connect_own(struct sw_archive *archive, char *why)
{
	char path[SW_ARCHIVE_PATH_MAX];
	sw_archive_path(archive, "zones.db", path);
	archive->own.archive = archive;
	/* not for everybody to read; what SQLite puts beside it follows */
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (file < 0) {
		int refused = -errno;
		snprintf(why, SW_ARCHIVE_WHY_MAX, "%.300s: %s", path, strerror(-refused));
		return refused;
	}
	close(file);
	int error = sw_snapshot_connect(&archive->own, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, why);
	if (!error)
		error = check_format(archive, why);
	if (!error)
		error = sw_feed_register(archive);
	if (error)
		sw_snapshot_disconnect(&archive->own);
	return error;
}

/** One process at a time: the system takes the lock away with the process, however it ends. */
static int lock_directory(struct sw_archive *archive, char *why)
{
	char path[SW_ARCHIVE_PATH_MAX];
	sw_archive_path(archive, "zones.lock", path);
	archive->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	int error = archive->lock < 0 ? -errno : 0;
	if (!error && flock(archive->lock, LOCK_EX | LOCK_NB) != 0)
		error = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (error == -EBUSY)
		snprintf(why, SW_ARCHIVE_WHY_MAX,
			"%.300s: held by another process, which has these zones open", path);
	else if (error)
		snprintf(why, SW_ARCHIVE_WHY_MAX, "%.300s: %s", path, strerror(-error));
	return error;
}

/** Once, before SQLite is used. Without it each allocation takes a lock, only to be counted. */
static void configure(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int sw_archive_open(struct sw_archive **out, const char *directory, char *why)
{
	static pthread_once_t configured = PTHREAD_ONCE_INIT;
	struct sw_archive *archive = calloc(1, sizeof(*archive));
	why[0] = '\0';
	pthread_once(&configured, configure);
	if (!archive || strlen(directory) >= sizeof(archive->directory)) {
		int error = archive ? -ENAMETOOLONG : -ENOMEM;
		snprintf(why, SW_ARCHIVE_WHY_MAX, "%s", strerror(-error));
		free(archive);
		return error;
	}
	strcpy(archive->directory, directory);
	pthread_mutex_init(&archive->idle_lock, NULL);
	archive->torn_marks = UINT_MAX;
	int error = lock_directory(archive, why);
	if (!error)
		error = connect_own(archive, why);
	if (error == -EBADMSG) {
		char name[32];
		error = sw_archive_put_aside(archive, name);
		if (error)
			snprintf(why, SW_ARCHIVE_WHY_MAX,
				"%.300s/zones.db: damaged, and cannot be put aside: %s", directory,
				strerror(-error));
		else
			why[0] = '\0';
		if (!error)
			error = connect_own(archive, why);
		if (!error)
			sw_archive_salvage(archive, name, why);
	}
	if (error) {
		sw_archive_close(archive);
		return error;
	}
	sw_archive_set_damaged(archive, false);
	*out = archive;
	return 0;
}

void sw_archive_close(struct sw_archive *archive)
{
	if (!archive)
		return;
	while (archive->idle) {
		struct sw_snapshot *idle = archive->idle;
		archive->idle = idle->next;
		sw_snapshot_disconnect(idle);
		free(idle);
	}
	if (archive->own.db)
		sw_snapshot_disconnect(&archive->own);
	pthread_mutex_destroy(&archive->idle_lock);
	if (archive->lock >= 0)
		close(archive->lock);
	free(archive);
}

static void transaction_forget(struct sw_archive *archive)
{
	archive->is_begun = false;
	archive->failure = 0;
	archive->marks = 0;
	archive->torn_marks = UINT_MAX;
}

int sw_archive_begin(struct sw_archive *archive)
{
	if (archive->is_begun)
		return -EINVAL;
	int error = sw_statement_id(&archive->own, SW_SQL_BEGIN, 0);
	archive->is_begun = !error;
	return error;
}

int sw_archive_mark(struct sw_archive *archive)
{
	if (!archive->is_begun)
		return -EINVAL;
	if (archive->failure)
		return archive->failure;
	int error = sw_statement_id(&archive->own, SW_SQL_MARK, 0);
	if (!error)
		archive->marks++;
	return error;
}

int sw_archive_unmark(struct sw_archive *archive, bool is_undone)
{
	if (archive->marks == 0)
		return -EINVAL;
	if (archive->failure)
		return archive->failure;
	int error = is_undone ? sw_statement_id(&archive->own, SW_SQL_MARK_UNDO, 0) : 0;
	if (!error)
		error = sw_statement_id(&archive->own, SW_SQL_MARK_END, 0);
	if (error)
		return error;
	if (archive->torn_marks != UINT_MAX && archive->torn_marks >= archive->marks)
		archive->torn_marks = is_undone ? UINT_MAX : archive->marks - 1;
	archive->marks--;
	return 0;
}

int sw_archive_commit(struct sw_archive *archive)
{
	if (!archive->is_begun)
		return -EINVAL;
	int error = archive->failure;
	if (!error && archive->torn_marks != UINT_MAX)
		error = -ECANCELED;
	if (!error)
		error = sw_statement_id(&archive->own, SW_SQL_COMMIT, 0);
	if (error)
		sw_archive_abort(archive);
	else
		transaction_forget(archive);
	return error;
}

void sw_archive_abort(struct sw_archive *archive)
{
	if (archive->is_begun && !sqlite3_get_autocommit(archive->own.db))
		sw_statement_id(&archive->own, SW_SQL_ROLLBACK, 0);
	transaction_forget(archive);
}
