/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/keep_inside.h"
#include <string.h>

int sw_keep_begin(struct sw_keep *keep)
{
	int err = keep->is_writing ? 0 : sw_archive_begin(keep->archive);
	keep->is_writing = err == 0;
	return err;
}

/** Make durable what has been written so far. */
int sw_keep_settle(struct sw_keep *keep)
{
	int err = keep->is_writing ? sw_archive_commit(keep->archive) : 0;
	keep->is_writing = false;
	if (err != 0)
		sw_log(SW_LOG_ERROR, "state cannot be written: %s", strerror(-err));
	return err;
}

int sw_keep_mark(struct sw_keep *keep)
{
	int err = sw_keep_begin(keep);
	return err ? err : sw_archive_mark(keep->archive);
}

int sw_keep_unmark(struct sw_keep *keep, int err)
{
	int unmarked = sw_archive_unmark(keep->archive, err != 0);
	return err ? err : unmarked;
}

int sw_keep_replace(struct sw_keep *keep, const struct sw_contents *contents)
{
	int err = sw_keep_mark(keep);
	return err ? err : sw_keep_unmark(keep, sw_archive_replace(keep->archive, contents));
}

int sw_keep_note(struct sw_keep *keep, const struct sw_archive_zone *zone)
{
	int err = sw_keep_mark(keep);
	return err ? err : sw_keep_unmark(keep, sw_archive_note(keep->archive, zone));
}

int sw_keep_remove(struct sw_keep *keep, const uint8_t *apex)
{
	int err = sw_keep_mark(keep);
	return err ? err : sw_keep_unmark(keep, sw_archive_remove(keep->archive, apex));
}

static int changes_write(struct sw_keep *keep, const uint8_t *apex, const struct sw_delta *deltas,
	size_t count, uint64_t journal)
{
	int err = 0;
	for (size_t i = 0; err == 0 && i < count; i++)
		err = sw_archive_change(keep->archive, apex, &deltas[i]);
	return err ? err : sw_archive_trim(keep->archive, apex, journal ? journal : SW_JOURNAL_BYTES);
}

int sw_keep_changes(struct sw_keep *keep, const struct sw_zone_setting *setting,
	const struct sw_delta *deltas, size_t count)
{
	int err = sw_keep_mark(keep);
	return err ? err
		   : sw_keep_unmark(keep, changes_write(keep, setting->apex, deltas, count,
						  setting->policy->journal_bytes_max));
}

struct sw_snapshot *sw_keep_own(struct sw_keep *keep)
{
	return sw_archive_own(keep->archive);
}

static int soa_add(void *arg, const struct sw_record *record)
{
	return sw_records_add(arg, record);
}

bool sw_keep_soa(struct sw_keep *keep, const uint8_t *apex, struct sw_records *soa)
{
	return sw_snapshot_at(sw_keep_own(keep), apex, apex, SW_TYPE_SOA, soa_add, soa) == 0 &&
	       soa->count == 1;
}
