/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/register.h"
#include "zone/archive_inside.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WHY_MAX 512
#define APPLICATION "1398227794" /* "SWER" */

static const char schema[] = "PRAGMA journal_mode = WAL;"
			     "PRAGMA synchronous = FULL;"
			     "CREATE TABLE IF NOT EXISTS roster(zone BLOB PRIMARY KEY NOT NULL, catalog "
			     "BLOB, label BLOB, coo BLOB,"
			     " groups BLOB, template TEXT, file TEXT) WITHOUT ROWID, STRICT;"
			     "PRAGMA application_id = " APPLICATION ";"
			     "PRAGMA user_version = 1;";

enum { PUT, REMOVE, EACH, STATEMENTS };
static const char *const texts[STATEMENTS] = {
	[PUT] = ("INSERT OR REPLACE INTO roster(zone, catalog, label, coo, groups, template, file) "
		 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
	[REMOVE] = "DELETE FROM roster WHERE zone = ?1",
	[EACH] = "SELECT zone, catalog, label, coo, groups, template, file FROM roster",
};

struct sw_register {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
};

void sw_register_close(struct sw_register *reg)
{
	if (!reg)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(reg->statements[i]);
	sqlite3_close(reg->db);
	free(reg);
}

static int count_row(void *arg, int columns, char **values, char **names)
{
	(void)names;
	if (columns == 1 && values[0] && strcmp(values[0], "ok") != 0)
		*(int *)arg = SQLITE_CORRUPT;
	return 0;
}

static int open_at(struct sw_register *reg, const char *path)
{
	int checked = SQLITE_OK;
	int result = sqlite3_open_v2(
		path, &reg->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_exec(reg->db, schema, NULL, NULL, NULL);
	if (result == SQLITE_OK) /* some megabytes at most */
		result = sqlite3_exec(reg->db, "PRAGMA quick_check(1)", count_row, &checked, NULL);
	if (result == SQLITE_OK)
		result = checked;
	for (int i = 0; result == SQLITE_OK && i < STATEMENTS; i++)
		result = sqlite3_prepare_v3(
			reg->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &reg->statements[i], NULL);
	return sw_sqlite_error(reg->db, result);
}

static void put_aside(const char *path, char *why)
{
	char aside[SW_ARCHIVE_PATH_MAX], log[SW_ARCHIVE_PATH_MAX];
	snprintf(aside, sizeof(aside), "%s.broken", path);
	snprintf(log, sizeof(log), "%s-wal", path);
	(void)!rename(path, aside);
	unlink(log);
	snprintf(why, WHY_MAX,
		"%.200s: damaged, and put aside as %.200s: zones that were added by 'seawall zone add' are "
		"to be "
		"added again",
		path, aside);
}

int sw_register_open(struct sw_register **result, const char *directory, char *why)
{
	char path[SW_ARCHIVE_PATH_MAX - 64];
	struct sw_register *reg = calloc(1, sizeof(*reg));
	why[0] = '\0';
	if (!reg)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/roster.db", directory);
	int error = open_at(reg, path);
	if (error == -EBADMSG) {
		sw_register_close(reg);
		put_aside(path, why);
		reg = calloc(1, sizeof(*reg));
		error = reg ? open_at(reg, path) : -ENOMEM;
	}
	if (error) {
		snprintf(why, WHY_MAX, "%.300s: %s", path,
			reg && reg->db ? sqlite3_errmsg(reg->db) : strerror(-error));
		sw_register_close(reg);
		return error;
	}
	*result = reg;
	return 0;
}

int sw_register_begin(struct sw_register *reg)
{
	return sw_sqlite_error(reg->db, sqlite3_exec(reg->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
}

int sw_register_commit(struct sw_register *reg)
{
	int error = sw_sqlite_error(reg->db, sqlite3_exec(reg->db, "COMMIT", NULL, NULL, NULL));
	if (error)
		sqlite3_exec(reg->db, "ROLLBACK", NULL, NULL, NULL);
	return error;
}

static void bind_bytes(sqlite3_stmt *statement, int at, const uint8_t *bytes, size_t len)
{
	if (bytes)
		sqlite3_bind_blob64(statement, at, bytes, len, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, at);
}

static void bind_name(sqlite3_stmt *statement, int at, const uint8_t *name)
{
	bind_bytes(statement, at, name, name ? sw_name_len(name) : 0);
}

static int run(sqlite3_stmt *statement)
{
	int error = sw_sqlite_error(sqlite3_db_handle(statement), sqlite3_step(statement));
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return error;
}

int sw_register_put(struct sw_register *reg, const struct sw_register_entry *entry)
{
	sqlite3_stmt *statement = reg->statements[PUT];
	bind_name(statement, 1, entry->zone);
	bind_name(statement, 2, entry->catalog);
	bind_bytes(statement, 3, entry->label, entry->label ? 1u + *entry->label : 0);
	bind_name(statement, 4, entry->coo);
	bind_bytes(statement, 5, entry->groups, entry->groups_len);
	sqlite3_bind_text(statement, 6, entry->template, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 7, entry->file, -1, SQLITE_STATIC);
	return run(statement);
}

int sw_register_remove(struct sw_register *reg, const uint8_t *zone)
{
	bind_name(reg->statements[REMOVE], 1, zone);
	return run(reg->statements[REMOVE]);
}

/** A column as bytes; NULL where it has none. */
static const uint8_t *bytes_of(sqlite3_stmt *statement, int column, size_t *len)
{
	*len = (size_t)sqlite3_column_bytes(statement, column);
	return *len ? sqlite3_column_blob(statement, column) : NULL;
}

/** A name, or nothing. @return whether it is one of both */
static bool name_of(sqlite3_stmt *statement, int column, const uint8_t **name)
{
	size_t len;
	*name = bytes_of(statement, column, &len);
	return !*name || sw_name_is_whole(*name, len);
}

static bool entry_of(sqlite3_stmt *statement, struct sw_register_entry *entry)
{
	size_t len;
	*entry = (struct sw_register_entry){0};
	if (!name_of(statement, 0, &entry->zone) || !entry->zone || !name_of(statement, 1, &entry->catalog) ||
		!name_of(statement, 3, &entry->coo))
		return false;
	entry->label = bytes_of(statement, 2, &len);
	if (entry->label && (len != 1u + *entry->label || *entry->label > SW_LABEL_MAX))
		return false;
	entry->groups = bytes_of(statement, 4, &entry->groups_len);
	for (size_t at = 0; at < entry->groups_len; at += 1u + entry->groups[at]) {
		if (at + 1u + entry->groups[at] > entry->groups_len)
			return false;
	}
	entry->template = (const char *)sqlite3_column_text(statement, 5);
	entry->file = (const char *)sqlite3_column_text(statement, 6);
	return !entry->catalog || entry->label;
}

int sw_register_each(struct sw_register *reg, sw_register_fn *take, void *arg)
{
	sqlite3_stmt *statement = reg->statements[EACH];
	int ended = 0, result = SQLITE_DONE;
	while (!ended && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		struct sw_register_entry entry;
		if (entry_of(statement, &entry))
			ended = take(arg, &entry);
	}
	sqlite3_reset(statement);
	return ended ? ended : sw_sqlite_error(reg->db, result);
}
