/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Zones that change while they are served, on disk: their records, the journal of their changes, and what is
 * known of their primaries. One SQLite database (WAL) in the node's state directory.
 *
 * One thread writes. It changes within a transaction, which is durable when sw_archive_commit() returns: many
 * changes of many zones share one sync of the disk. Any thread reads, through a snapshot of its own, which
 * shows the zone as it was when the snapshot was opened, whatever is written meanwhile.
 *
 * What is read is checked: record data by sw_rdata_is_valid(), owners by being inside the zone, the number of
 * records and a checksum over them against what the zone's row says. A zone that fails is as one that is not
 * there, and is told as such; the others are not touched.
 */
#ifndef SW_ZONE_ARCHIVE_H
#define SW_ZONE_ARCHIVE_H

#include "zone/contents.h"
#include "zone/delta.h"

struct sw_archive;

/** Open or make DIRECTORY/zones.db. One process at a time.
 *
 * A damaged database is put aside as zones.db.broken-N and a fresh one begun, with those of its zones that
 * are whole. Zones that are not there any more have to be transferred or read again; where updates made them,
 * the file put aside is what is left of them. `why` tells, also when the archive is opened.
 *
 * @param why  512 bytes: text of an error, or of what was mended; empty when there is nothing to tell
 * @return 0 or -errno: -EBUSY when another process has it, -EPROTO when its format is newer than this program
 */
int sw_archive_open(struct sw_archive **archive, const char *directory, char *why);
void sw_archive_close(struct sw_archive *archive);

/** What there is about a zone beside its records. Times are seconds since 1970, 0 for never. */
struct sw_archive_zone {
	uint8_t apex[SW_NAME_MAX];
	uint32_t serial;
	uint64_t records;
	int64_t refreshed_s; /* a primary last said that this is the newest version; or gave it */
	int64_t expires_s;   /* of a secondary: not to be served from then on */
	uint64_t stamp;	     /* the caller's: of the file that it was read from */
};

/** What a zone that is signed here was made of: the zone without what a signer makes, with this serial in its
 * SOA. */
struct sw_archive_source {
	uint32_t serial;   /* of the file or of the primary */
	uint32_t chain;	   /* the caller's: how names that do not exist are denied */
	int64_t ds_gone_s; /* the parent was seen without a DS, seconds since 1970; 0: it was not */
};

/* ---- writing: one thread ---- */

/* Errors of all: -ENOSPC disk full, -EBADMSG the database is damaged (the next start mends it), -EINVAL no
 * transaction, or an argument that no zone can hold, -ENOMEM, -EIO, other -errno. After some of them (disk
 * full is one) the transaction is gone as a whole, and everything up to sw_archive_commit() gives the same
 * error. */

/** Begin a transaction; sw_archive_mark() within it begins a part of it that can be undone alone. */
int sw_archive_begin(struct sw_archive *archive);
int sw_archive_mark(struct sw_archive *archive);
/** Undo what came after the mark; with or without that, the mark is gone. */
int sw_archive_unmark(struct sw_archive *archive, bool is_undone);
/** Durable on return. @return 0 or -errno, then nothing of the transaction has happened; -ECANCELED when a
 * change in it failed half-way and was not undone */
int sw_archive_commit(struct sw_archive *archive);
void sw_archive_abort(struct sw_archive *archive);

/** The whole zone, in place of what there was; its journal is emptied, times and stamp stay. Within a mark
 * the pages of what there was are kept in memory until the mark is gone. @return 0 or -errno; -EINVAL without
 * a SOA
 */
int sw_archive_replace(struct sw_archive *archive, const struct sw_contents *contents);

/** Apply a change and add it to the journal. Records to be removed are found by name, type and data, whatever
 * the TTL and the case of names in the data (RFC 2136 s1.1.1, s2.5.4).
 * @return 0; -ENOENT for a zone that is not there, or a record to be removed that is not; -EEXIST for one to
 * be added that is there already; -ESTALE when the zone does not have the serial `from`; other -errno. On an
 * error the caller undoes to its mark. */
int sw_archive_change(struct sw_archive *archive, const uint8_t *apex, const struct sw_delta *delta);

/** Whether a change leaves a zone that can be read again, as far as the change alone tells: its records are
 * of the zone and whole, its SOAs have its serials. */
bool sw_delta_is_fit(const struct sw_delta *delta, const uint8_t *apex);

/** Set the times and the stamp. @return 0, -ENOENT, other -errno */
int sw_archive_note(struct sw_archive *archive, const struct sw_archive_zone *zone);

/** Note what a zone was signed from; it need not be there yet. @param source  NULL: it is not signed here
 * (any more) @return 0 or -errno */
int sw_archive_set_source(
	struct sw_archive *archive, const uint8_t *apex, const struct sw_archive_source *source);

/** Remove a zone with its journal. @return 0, -ENOENT, other -errno */
int sw_archive_remove(struct sw_archive *archive, const uint8_t *apex);

/** Shorten a zone's journal to so many bytes, from its oldest change on. @return 0 or -errno */
int sw_archive_trim(struct sw_archive *archive, const uint8_t *apex, uint64_t bytes_max);

/* ---- reading ---- */

typedef int sw_archive_zone_fn(void *arg, const struct sw_archive_zone *zone);
typedef int sw_delta_fn(void *arg, const struct sw_delta *delta);

struct sw_snapshot;

/** A view of all zones as they are now, committed; with `archive` of the writer's thread: as the transaction
 * in hand sees them, and cheap. A snapshot is used by one thread at a time,
 * and not longer than needed: what is written while one is open is kept in the log, which grows.
 * @return 0 or -errno */
int sw_snapshot_open(struct sw_snapshot **snapshot, struct sw_archive *archive);
struct sw_snapshot *sw_archive_own(struct sw_archive *archive); /* the writer's; not to be closed */
void sw_snapshot_close(struct sw_snapshot *snapshot);

int sw_snapshot_zone(struct sw_snapshot *snapshot, const uint8_t *apex, struct sw_archive_zone *zone);
/** @return 0; -ENOENT for a zone that is not signed here; other -errno */
int sw_snapshot_source(struct sw_snapshot *snapshot, const uint8_t *apex, struct sw_archive_source *source);
int sw_snapshot_each_zone(struct sw_snapshot *snapshot, sw_archive_zone_fn *take, void *arg);

/** Records of a name, of all types or of one (0: all), in ascending order of type.
 * @return 0, what `take` returned, -errno */
int sw_snapshot_at(struct sw_snapshot *snapshot, const uint8_t *apex, const uint8_t *owner, uint16_t type,
	sw_record_fn *take, void *arg);

/** Records of a name and all names below it, in canonical order of names. */
int sw_snapshot_below(struct sw_snapshot *snapshot, const uint8_t *apex, const uint8_t *owner,
	sw_record_fn *take, void *arg);

/** The last name before `owner`, in canonical order, that has a record of that type; where there is none
 * before it, the last of the zone. @return 0; -ENOENT when no name has one; -errno */
int sw_snapshot_before(struct sw_snapshot *snapshot, const uint8_t *apex, const uint8_t *owner, uint16_t type,
	uint8_t name[SW_NAME_MAX]);

/** The same in pieces, for who cannot wait: as many records as `take` takes, starting behind `*position`,
 * which is NULL at first and freed by free(). @return 1 when there may be more, 0 at the end, -errno. `take`
 * ends a piece by not returning 0: that record comes again. */
int sw_snapshot_some(
	struct sw_snapshot *snapshot, const uint8_t *apex, void **position, sw_record_fn *take, void *arg);

/** The changes from a serial on, oldest first, checked to follow each other up to the zone's serial before
 * the first is handed over. Their lists are the archive's: not to be freed, and gone when `take` returns.
 * @return 0; -ENOENT when the journal does not reach back to it, or has a gap; -EBADMSG when a change is not
 * what was written; what `take` returned; -errno */
int sw_snapshot_changes(
	struct sw_snapshot *snapshot, const uint8_t *apex, uint32_t from, sw_delta_fn *take, void *arg);

/** The oldest serial that the journal has changes from. @return 0, -ENOENT when it has none, -errno */
int sw_snapshot_oldest(struct sw_snapshot *snapshot, const uint8_t *apex, uint32_t *serial);

/** Look into an archive that another process may have open, and write to: for sw_snapshot_open() alone.
 * @return 0 or -errno */
int sw_archive_look(struct sw_archive **archive, const char *directory);

/** Read a zone whole.
 * @param contents  NULL, or those of another zone, to be used again, as for sw_zone_load(); finished
 * @return 0, -ENOENT, -EBADMSG when what was read is not what was written; -EEXIST, -ENOMEM as sw_zone_load()
 */
int sw_snapshot_load(struct sw_snapshot *snapshot, const uint8_t *apex, const struct sw_hash_key *key,
	struct sw_contents **contents);

/** @param contents  of the zone, finished; the next is read into them unless they are taken away by setting
 * this to NULL
 * @param error  0, -EBADMSG: not what was written, -EEXIST: two names share a hash; then the contents are of
 * no use
 * @return not 0 to end it */
typedef int sw_archive_loaded_fn(
	void *arg, const struct sw_archive_zone *zone, struct sw_contents **contents, int error);

/** Read every zone whole in one pass, which for many small ones is far quicker than one by one.
 * @param contents  as for sw_snapshot_load(); the caller frees
 * @return 0, what `take` returned, -errno */
int sw_snapshot_each_zone_loaded(struct sw_snapshot *snapshot, const struct sw_hash_key *key,
	struct sw_contents **contents, sw_archive_loaded_fn *take, void *arg);

#endif
