/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/keep_inside.h"
#include "zone/preview.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <urcu.h>

/** Serve what the archive has, where a change alone does not do. */
int sw_keep_serve_whole(struct sw_keep *keep, const uint8_t *apex)
{
	struct sw_contents *contents = NULL;
	int err = sw_snapshot_load(sw_keep_own(keep), apex, sw_store_key(keep->store), &contents);
	if (err == 0)
		err = sw_zones_put(keep->zones, apex, contents);
	sw_contents_free(contents);
	return err;
}

/** Where the records of a zone are, for the answer image. */
struct place {
	struct sw_keep *keep;
	const uint8_t *apex;
};

static int image_at(void *context, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	const struct place *place = context;
	return sw_snapshot_at(sw_keep_own(place->keep), place->apex, owner, 0, take, arg);
}

static int image_below(void *context, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	const struct place *place = context;
	return sw_snapshot_below(sw_keep_own(place->keep), place->apex, owner, take, arg);
}

static int ahead_at(void *preview, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	return sw_preview_at(preview, owner, take, arg);
}

static int ahead_below(void *preview, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	return sw_preview_below(preview, owner, take, arg);
}

/** The owner names of changes, in their order, some more than once. @return their number, *names to be freed,
 * or -ENOMEM */
static ssize_t owners_of(const struct sw_delta *deltas, size_t count, const uint8_t ***names)
{
	size_t records = 0, used = 0;
	for (size_t i = 0; i < count; i++)
		records += deltas[i].removed.count + deltas[i].added.count + 1;
	const uint8_t **all = malloc(records * sizeof(*all));
	if (all == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct sw_records *lists[] = {&deltas[i].removed, &deltas[i].added, &deltas[i].new_soa};
		struct sw_record record;
		for (int list = 0; list < 3; list++) {
			for (size_t at = 0; sw_records_next(lists[list], &at, &record);) {
				if (used == 0 || !sw_name_equal(all[used - 1], record.owner))
					all[used++] = record.owner;
			}
		}
	}
	*names = all;
	return (ssize_t)used;
}

/** Have the image follow changes. @return as sw_store_change() */
static int image_change(struct sw_keep *keep, const uint8_t *apex, const struct sw_delta *deltas,
	size_t count, const struct sw_zone_records *records)
{
	const uint8_t **names = NULL;
	ssize_t n = owners_of(deltas, count, &names);
	int err = n < 0 ? (int)n : sw_store_change(keep->store, apex, names, (size_t)n, records);
	free(names);
	return err;
}

void sw_keep_served(struct sw_keep *keep, const uint8_t *apex)
{
	struct sw_archive_zone zone;
	if (sw_snapshot_zone(sw_keep_own(keep), apex, &zone) == 0)
		sw_store_set_records(keep->store, apex, zone.records);
	sw_zones_changed(keep->zones, apex);
}

int sw_keep_serve(struct sw_keep *keep, const uint8_t *apex, const struct sw_delta *deltas, size_t count)
{
	struct place place = {keep, apex};
	const struct sw_zone_records records = {.context = &place, .at = image_at, .below = image_below};
	if (sw_keep_is_catalog(keep, apex))
		return sw_keep_serve_cover(keep, apex);
	/* each name is read by itself: outside of a transaction each would take and give back locks */
	bool was_writing = keep->is_writing;
	(void)sw_keep_begin(keep);
	int err = image_change(keep, apex, deltas, count, &records);
	if (!was_writing)
		(void)sw_keep_settle(keep); /* nothing was written in it */
	if (err != 0)			    /* where a change alone does not do (image/store.h) */
		return sw_keep_serve_whole(keep, apex);
	sw_keep_served(keep, apex);
	return 0;
}

bool sw_keep_serve_ahead(
	struct sw_keep *keep, const uint8_t *apex, const struct sw_delta *deltas, size_t count)
{
	struct sw_preview *preview = NULL;
	if (sw_keep_is_catalog(keep, apex) || sw_keep_begin(keep) != 0 ||
		sw_preview_new(&preview, sw_keep_own(keep), sw_store_key(keep->store), apex, deltas, count) !=
			0)
		return false;
	const struct sw_zone_records records = {.context = preview, .at = ahead_at, .below = ahead_below};
	int err = image_change(keep, apex, deltas, count, &records);
	sw_preview_free(preview);
	return err == 0;
}

const struct sw_zone_setting *sw_keep_setting(struct sw_keep *keep, const uint8_t *apex)
{
	rcu_read_lock();
	/* the settings are held by this thread: they stay beyond the section */
	const struct sw_zone_setting *setting = sw_live_zone(keep->live, apex);
	rcu_read_unlock();
	return setting;
}

/** @return whether there is a version to tell of; then *serial is its */
static bool tell_remotes(struct sw_keep *keep, const struct sw_zone_setting *setting, uint32_t *serial)
{
	struct sw_records soa = {0};
	struct sw_record record;
	size_t at = 0;
	bool has_soa = sw_keep_soa(keep, setting->apex, &soa) && sw_records_next(&soa, &at, &record);
	if (has_soa) {
		*serial = sw_soa_serial(&record);
		sw_secondary_tell(
			keep->secondary, &record, setting->policy->notify, setting->policy->notify_count);
	}
	sw_records_free(&soa);
	return has_soa;
}

void sw_keep_tell(struct sw_keep *keep, const uint8_t *apex)
{
	const struct sw_zone_setting *setting = sw_keep_setting(keep, apex);
	uint32_t serial;
	sw_roster_changed(keep->roster, apex);
	if (setting != NULL && setting->policy->notify_count > 0)
		(void)tell_remotes(keep, setting, &serial);
}

int sw_keep_notify(struct sw_keep *keep, const uint8_t *apex, uint32_t *serial,
	const struct sw_zone_policy **policy, char *why)
{
	const struct sw_zone_setting *setting = sw_keep_setting(keep, apex);
	if (setting == NULL || setting->policy->notify_count == 0) {
		strcpy(why, "nobody is notified of it: 'notify' in the configuration says whom");
		return -ENOENT;
	}
	if (!tell_remotes(keep, setting, serial)) {
		strcpy(why, "nothing is kept of it to tell of: 'seawall zone show' says why");
		return -ENODATA;
	}
	*policy = setting->policy;
	return 0;
}
