/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/keep_sign.h"
#include "zone/diff.h"
#include "zone/load.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/** Which version of a file: changes when it is written or replaced. 0 when it is not there. */
uint64_t sw_keep_file_stamp(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return 0;
	uint64_t stamp = (uint64_t)st.st_mtim.tv_sec * 1000000000ull + (uint64_t)st.st_mtim.tv_nsec;
	return (stamp ^ (uint64_t)st.st_size << 20 ^ (uint64_t)st.st_ino << 40) | 1;
}

bool sw_keep_file_is_taken(
	const struct sw_zone_setting *setting, const struct sw_archive_zone *zone, uint64_t stamp)
{
	return setting->policy->update_by.count > 0 && (zone->stamp == stamp || stamp == 0);
}

/** What came from primaries before. */
static int transferred_load(
	struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_contents **contents)
{
	char apex[SW_NAME_TEXT_MAX];
	struct sw_archive_zone zone;
	int err = sw_snapshot_zone(sw_keep_own(keep), setting->apex, &zone);
	if (err == 0 && zone.expires_s <= sw_keep_now_s())
		return -ETIME;
	if (err == 0)
		err = sw_snapshot_load(sw_keep_own(keep), setting->apex, sw_store_key(keep->store), contents);
	if (err == -EBADMSG) {
		sw_log(SW_LOG_ERROR,
			"zone %s: what is kept of it is damaged: it is fetched again from its primaries",
			sw_name_text(setting->apex, apex));
		sw_keep_remove(keep, setting->apex);
		return -ENODATA;
	}
	return err == -ENOENT ? -ENODATA : err;
}

/** What a change of the file means for what is kept.
 * @param diff  as sw_delta_diff() returned it
 * @return 0; -ESTALE when the file must not be taken */
static int difference_take(struct sw_keep *keep, const struct sw_zone_setting *setting,
	const struct sw_contents *contents, int diff, const struct sw_delta *delta)
{
	char apex[SW_NAME_TEXT_MAX];
	if (diff == -E2BIG || diff == -EBADMSG) /* too much of a change, or nothing whole to compare with */
		return sw_keep_replace(keep, contents);
	if (diff <= 0)
		return diff;
	if (sw_serial_is_newer(delta->to, delta->from))
		return sw_keep_changes(keep, setting, delta, 1);
	sw_name_text(setting->apex, apex);
	if (setting->policy->update_by.count > 0) {
		sw_log(SW_LOG_ERROR,
			"zone %s: its file has serial %u, but updates have brought it to %u: the file is not "
			"taken. "
			"Change the zone as it is served, and give it a newer serial",
			apex, delta->to, delta->from);
		return -ESTALE;
	}
	sw_log(SW_LOG_WARNING,
		"zone %s: changed, but its serial is not newer (%u, was %u): secondaries will not ask for it",
		apex, delta->to, delta->from);
	return sw_keep_replace(keep, contents);
}

/** Others are to be told of it when it is served. Without memory they ask by themselves, later. */
void sw_keep_changed_note(struct sw_keep *keep, const uint8_t *apex)
{
	size_t len = sw_name_len(apex);
	if (keep->changed_used + len > keep->changed_size) {
		size_t size = 2 * (keep->changed_used + len);
		uint8_t *changed = realloc(keep->changed, size);
		if (changed == NULL)
			return;
		keep->changed = changed;
		keep->changed_size = size;
	}
	memcpy(keep->changed + keep->changed_used, apex, len);
	keep->changed_used += len;
}

/** The zone's file has been read: what differs from what is kept is a change. */
static int file_take(struct sw_keep *keep, const struct sw_zone_setting *setting,
	const struct sw_contents *contents, uint64_t stamp)
{
	struct sw_delta delta = {0};
	struct sw_archive_zone zone;
	uint64_t journal = setting->policy->journal_bytes_max;
	int diff = sw_delta_diff(sw_keep_own(keep), contents, journal ? journal : SW_JOURNAL_BYTES, &delta);
	int err = difference_take(keep, setting, contents, diff, &delta);
	if (err == 0 && diff != 0)
		sw_keep_changed_note(keep, setting->apex);
	sw_delta_free(&delta);
	if (err == 0)
		err = sw_snapshot_zone(sw_keep_own(keep), setting->apex, &zone);
	zone.stamp = stamp;
	return err ? err : sw_keep_note(keep, &zone);
}

/** Updates that were acknowledged are there and nowhere else: what is to be done is for a person to say. */
void sw_keep_say_damaged(const uint8_t *apex)
{
	char text[SW_NAME_TEXT_MAX];
	sw_log(SW_LOG_ERROR,
		"zone %s: what updates have made of it is damaged in the state directory: put a copy of it "
		"back, or "
		"change the zone's file (which is then taken in place of it) and reload",
		sw_name_text(apex, text));
}

/** A zone of ours: its file, unless what is kept has moved on from it. */
static int own_load(struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_findings *findings,
	struct sw_contents **contents)
{
	const struct sw_hash_key *key = sw_store_key(keep->store);
	struct sw_archive_zone zone = {0};
	uint64_t stamp = setting->file ? sw_keep_file_stamp(setting->file) : 0;
	bool is_kept = sw_snapshot_zone(sw_keep_own(keep), setting->apex, &zone) == 0;
	if (is_kept && sw_keep_file_is_taken(setting, &zone, stamp)) {
		int err = sw_snapshot_load(sw_keep_own(keep), setting->apex, key, contents);
		if (err == -EBADMSG)
			sw_keep_say_damaged(setting->apex);
		return err;
	}
	int err = sw_zone_load(setting->apex, key, setting->file ? setting->file : "", findings, contents);
	if (err != 0)
		return err;
	if (!is_kept) {
		err = sw_keep_replace(keep, *contents);
		sw_keep_changed_note(keep, setting->apex);
	}
	if (err == 0)
		err = file_take(keep, setting, *contents, stamp);
	/* the version that updates have made goes on, after a restart too */
	return err == -ESTALE ? sw_snapshot_load(sw_keep_own(keep), setting->apex, key, contents) : err;
}

/** The same of one that is signed here. */
static int signed_transferred_load(
	struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_contents **contents)
{
	struct sw_signing *signing;
	int err = sw_keep_sign_open(keep, setting, &signing);
	if (err == 0)
		err = transferred_load(keep, setting, contents);
	if (err == 0)
		sw_keep_sign_look(keep, signing, setting, *contents);
	return err;
}

static int keeper_load(void *arg, const struct sw_zone_setting *setting, struct sw_findings *findings,
	struct sw_contents **contents)
{
	struct sw_keep *keep = arg;
	const struct sw_catalog_policy *catalog = setting->policy->catalog;
	int err;
	if (catalog != NULL && catalog->is_produced)
		err = sw_keep_produce(keep, setting);
	else if (!sw_keep_signs(keep, setting))
		err = setting->policy->primary_count > 0 ? transferred_load(keep, setting, contents)
							 : own_load(keep, setting, findings, contents);
	else if (setting->policy->primary_count > 0)
		err = signed_transferred_load(keep, setting, contents);
	else if ((err = sw_keep_sign_load(keep, setting, findings, contents)) == 1)
		err = own_load(keep, setting, findings, contents);
	return err == 0 && catalog != NULL ? sw_keep_cover(keep, setting->apex, contents) : err;
}

static bool keeper_is_current(void *arg, const struct sw_zone_setting *setting, bool is_same_file)
{
	struct sw_keep *keep = arg;
	struct sw_archive_zone zone;
	if (sw_keep_signs(keep, setting) && !sw_keep_sign_is_current(keep, setting))
		return false;
	return is_same_file || (sw_snapshot_zone(sw_keep_own(keep), setting->apex, &zone) == 0 &&
				       sw_keep_file_is_taken(setting, &zone,
					       setting->file ? sw_keep_file_stamp(setting->file) : 0));
}

static void keeper_loaded(void *arg)
{
	sw_keep_settle(arg);
}

static void keeper_removed(void *arg, const uint8_t *apex)
{
	struct sw_keep *keep = arg;
	struct sw_signing *signing = sw_keep_signing(keep, apex);
	const struct sw_zone_setting *setting = signing ? sw_keep_setting(keep, apex) : NULL;
	sw_keep_remove(keep, apex);
	/* RFC 9432 s5.3, s5.4: with its DNSSEC keys. Whoever removes a zone by hand may want it back. */
	if (setting != NULL && keep->is_catalogs_turn)
		(void)sw_keep_sign_delete_keys(keep, signing, sw_keep_dnssec(setting));
	sw_keep_sign_forget(keep, apex);
}

/** Nothing is told of it any more, and yet it must be unsigned with care. */
static bool keeper_keeps(void *arg, const uint8_t *apex)
{
	struct sw_keep *keep = arg;
	struct sw_archive_source source;
	return sw_snapshot_source(sw_keep_own(keep), apex, &source) == 0;
}

struct sw_zone_keeper sw_keep_keeper(struct sw_keep *keep)
{
	return (struct sw_zone_keeper){.arg = keep,
		.load = keeper_load,
		.is_current = keeper_is_current,
		.loaded = keeper_loaded,
		.removed = keeper_removed,
		.keeps = keeper_keeps};
}
