/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A damaged database: put aside, never deleted, and what is whole in it taken over.
 *
 * A secondary's zones would come again by transfer. What dynamic updates made exists nowhere else, so nothing
 * that can still be read is given up: each zone whose records all add up goes into the fresh database. Its
 * journal does not; secondaries get the zone whole once.
 */
#include "zone/archive_inside.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASIDE_MAX 9999

void sw_archive_set_damaged(struct sw_archive *archive, bool is_damaged)
{
	char path[SW_ARCHIVE_PATH_MAX];
	sw_archive_path(archive, "zones.db.damaged", path);
	if (!is_damaged) {
		unlink(path);
		return;
	}
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	if (file >= 0)
		close(file);
}

bool sw_archive_is_damaged(const struct sw_archive *archive)
{
	char path[SW_ARCHIVE_PATH_MAX];
	sw_archive_path(archive, "zones.db.damaged", path);
	return access(path, F_OK) == 0;
}

/** The database or one of the files beside it. @return 0, -ENOENT, -errno */
static int move(const struct sw_archive *archive, const char *name, const char *suffix)
{
	char from[SW_ARCHIVE_PATH_MAX], to[SW_ARCHIVE_PATH_MAX], file[64];
	snprintf(file, sizeof(file), "zones.db%s", suffix);
	sw_archive_path(archive, file, from);
	snprintf(file, sizeof(file), "%s%s", name, suffix);
	sw_archive_path(archive, file, to);
	return rename(from, to) == 0 ? 0 : -errno;
}

int sw_archive_put_aside(struct sw_archive *archive, char name[32])
{
	char path[SW_ARCHIVE_PATH_MAX];
	struct stat st;
	unsigned number = 1;
	do {
		snprintf(name, 32, "zones.db.broken-%u", number);
		sw_archive_path(archive, name, path);
	} while (lstat(path, &st) == 0 && number++ < ASIDE_MAX);
	if (number > ASIDE_MAX)
		return -EEXIST;
	/* The log, where SQLite could not put it into the database, goes first: beside
	 * a fresh database it would be taken for that one's. */
	int error = move(archive, name, "-wal");
	if (error && error != -ENOENT)
		return error;
	char shm[SW_ARCHIVE_PATH_MAX];
	sw_archive_path(archive, "zones.db-shm", shm);
	unlink(shm);
	return move(archive, name, "");
}

struct salvage {
	struct sw_archive *archive;
	struct sw_snapshot *broken;
	unsigned saved, lost;
};

static int salvage_zone(
	void *arg, const struct sw_archive_zone *zone, struct sw_contents **contents, int error)
{
	struct salvage *salvage = arg;
	if (error) {
		salvage->lost++;
		return 0;
	}
	struct sw_archive_source source;
	error = sw_archive_put(salvage->archive, *contents, zone);
	if (!error && sw_snapshot_source(salvage->broken, zone->apex, &source) == 0)
		error = sw_archive_set_source(salvage->archive, zone->apex, &source);
	salvage->saved += !error;
	return error;
}

/** @return 0, -EBADMSG when it stopped before the end, -errno */
static int salvage_all(struct salvage *salvage)
{
	struct sw_hash_key key;
	struct sw_contents *contents = NULL;
	int error = sw_hash_key_draw(&key);
	if (!error)
		error = sw_archive_begin(salvage->archive);
	if (error)
		return error;
	error = sw_snapshot_each_zone_loaded(salvage->broken, &key, &contents, salvage_zone, salvage);
	sw_contents_free(contents);
	if (error && error != -EBADMSG) {
		sw_archive_abort(salvage->archive);
		return error;
	}
	int committed = sw_archive_commit(salvage->archive);
	return committed ? committed : error;
}

void sw_archive_salvage(struct sw_archive *archive, const char *name, char *why)
{
	char path[SW_ARCHIVE_PATH_MAX];
	struct sw_snapshot broken = {.archive = archive};
	struct salvage salvage = {.archive = archive, .broken = &broken};
	sw_archive_path(archive, name, path);
	int error = sw_snapshot_connect(&broken, path, SQLITE_OPEN_READWRITE, NULL);
	if (!error) {
		error = salvage_all(&salvage);
		sw_snapshot_disconnect(&broken);
	}
	if (error && error != -EBADMSG)
		salvage.saved = 0;
	int used = snprintf(why, SW_ARCHIVE_WHY_MAX, "%.200s/zones.db was damaged and is now %s; ",
		archive->directory, name);
	size_t left = used < SW_ARCHIVE_WHY_MAX ? (size_t)(SW_ARCHIVE_WHY_MAX - used) : 0;
	const char *and_others = error ? "" : ", no other was in it";
	if (error && error != -EBADMSG)
		snprintf(why + used, left, "nothing was taken over from it: %s", strerror(-error));
	else if (salvage.lost > 0)
		snprintf(why + used, left, "%u zones in it were whole and go on, %u were not%s",
			salvage.saved, salvage.lost, error ? ", others may be missing" : "");
	else
		snprintf(why + used, left, "%u zones in it were whole and go on%s", salvage.saved,
			error ? ", others may be missing" : and_others);
}
