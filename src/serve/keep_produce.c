/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Catalogs made here, of the zones of some templates (RFC 9432). They are kept as every zone that changes,
 * and so have a journal: to consumers a zone that comes is an IXFR of a few records. */
#include "serve/keep_inside.h"
#include "wire/message.h"
#include "zone/diff.h"
#include <errno.h>
#include <string.h>

/** A serial behind another: the time, so that a catalog whose state was lost is newer than what is known of
 * it.
 */
static uint32_t serial_next(uint32_t before)
{
	uint32_t now = (uint32_t)sw_keep_now_s();
	return sw_serial_is_newer(now, before) ? now : before + 1;
}

static bool is_in(struct sw_keep *keep, const struct sw_zone_setting *producer,
	const struct sw_zone_setting *zone, const char **group)
{
	return sw_roster_is_in(producer, zone->template, group) && zone->policy->catalog == NULL &&
	       !sw_roster_is_member(keep->roster, zone->apex);
}

static int contents_add(void *arg, const struct sw_record *record)
{
	int err = sw_contents_add(
		arg, record->owner, record->type, record->ttl, record->rdata, record->rdata_len, 0, 0);
	return err < 0 ? err : 0;
}

/** The catalog as it should be. @param contents  freed by the caller */
static int contents_make(struct sw_keep *keep, const struct sw_zone_setting *producer, uint32_t serial,
	struct sw_contents **contents)
{
	const struct sw_settings *all = sw_roster_settings(keep->roster);
	const char *group;
	*contents = sw_contents_new(producer->apex, sw_store_key(keep->store));
	int err = *contents ? sw_catalog_write_top(producer->apex, serial, contents_add, *contents) : -ENOMEM;
	for (size_t i = 0; err == 0 && i < all->zone_count; i++) {
		if (is_in(keep, producer, &all->zones[i], &group))
			err = sw_catalog_write(
				producer->apex, all->zones[i].apex, group, contents_add, *contents);
	}
	return err ? err : sw_contents_finish(*contents);
}

/** Give a SOA another serial. @param fresh  gets it in place of what it had; may be the same list */
static int soa_turn(const struct sw_records *soa, uint32_t serial, struct sw_records *fresh)
{
	uint8_t rdata[2 * SW_NAME_MAX + 20];
	struct sw_record record;
	struct sw_records made = {0};
	size_t at = 0;
	if (!sw_records_next(soa, &at, &record) || record.rdata_len < 20 || record.rdata_len > sizeof(rdata))
		return -EINVAL;
	memcpy(rdata, record.rdata, record.rdata_len);
	sw_soa_set_serial(rdata, record.rdata_len, serial);
	record.rdata = rdata;
	int err = sw_records_add(&made, &record);
	if (err != 0)
		return err;
	sw_records_free(fresh);
	*fresh = made;
	return 0;
}

static int replace(struct sw_keep *keep, const struct sw_zone_setting *producer, uint32_t serial)
{
	struct sw_contents *contents = NULL;
	int err = contents_make(keep, producer, serial, &contents);
	if (err == 0)
		err = sw_keep_replace(keep, contents);
	sw_contents_free(contents);
	return err;
}

/** What differs is a change. @return 1 when there was one, 0 or -errno */
static int follow(struct sw_keep *keep, const struct sw_zone_setting *producer, uint32_t before)
{
	struct sw_contents *contents = NULL;
	struct sw_delta delta = {0};
	uint32_t serial = serial_next(before);
	uint64_t journal = producer->policy->journal_bytes_max;
	int err = contents_make(keep, producer, before, &contents);
	if (err == 0)
		err = sw_delta_diff(
			sw_keep_own(keep), contents, journal ? journal : SW_JOURNAL_BYTES, &delta);
	sw_contents_free(contents);
	if (err == -E2BIG || err == -EBADMSG) {
		err = replace(keep, producer, serial);
		return err ? err : 1;
	}
	if (err != 1)
		return err;
	delta.to = serial;
	err = soa_turn(&delta.new_soa, serial, &delta.new_soa);
	if (err == 0)
		err = sw_keep_changes(keep, producer, &delta, 1);
	sw_delta_free(&delta);
	return err ? err : 1;
}

int sw_keep_produce(struct sw_keep *keep, const struct sw_zone_setting *producer)
{
	struct sw_archive_zone zone;
	int err = sw_snapshot_zone(sw_keep_own(keep), producer->apex, &zone);
	bool is_new = err != 0;
	err = is_new ? replace(keep, producer, serial_next(0)) : follow(keep, producer, zone.serial);
	if (err == 1 || (err == 0 && is_new))
		sw_keep_changed_note(keep, producer->apex);
	return err < 0 ? err : 0;
}

/* ---- a few zones that come and go ---- */

static int list_add(void *arg, const struct sw_record *record)
{
	return sw_records_add(arg, record);
}

/** Where records of a member go. */
struct writing {
	struct sw_keep *keep;
	const uint8_t *catalog;
	struct sw_records *to;
	bool is_removal;
};

/** Records of the archive go as they are there. */
static int write_one(void *arg, const struct sw_record *record)
{
	const struct writing *writing = arg;
	if (!writing->is_removal)
		return sw_records_add(writing->to, record);
	return sw_snapshot_at(sw_keep_own(writing->keep), writing->catalog, record->owner, record->type,
		list_add, writing->to);
}

/** What the turns mean for a catalog. */
static int delta_make(struct sw_keep *keep, const struct sw_zone_setting *producer,
	const struct sw_roster_turns *turns, struct sw_delta *delta)
{
	int err = 0;
	for (size_t i = 0; err == 0 && i < turns->count; i++) {
		const struct sw_turn *turn = &turns->turns[i];
		const struct sw_beyond *zone = turn->after ? turn->after : turn->before;
		struct writing writing = {.keep = keep,
			.catalog = producer->apex,
			.to = turn->after ? &delta->added : &delta->removed,
			.is_removal = turn->after == NULL};
		const char *group;
		if (zone->catalog != NULL || zone->is_mute || (turn->before && turn->after) ||
			!sw_roster_is_in(producer, zone->setting.template, &group))
			continue;
		err = sw_catalog_write(producer->apex, zone->setting.apex, group, write_one, &writing);
	}
	return err;
}

static int producer_turn(
	struct sw_keep *keep, const struct sw_zone_setting *producer, const struct sw_roster_turns *turns)
{
	struct sw_delta delta = {0};
	struct sw_archive_zone zone;
	int err = sw_snapshot_zone(sw_keep_own(keep), producer->apex, &zone);
	if (err == 0)
		err = delta_make(keep, producer, turns, &delta);
	if (err == 0 && delta.added.count + delta.removed.count > 0) {
		delta.from = zone.serial;
		delta.to = serial_next(zone.serial);
		err = sw_keep_soa(keep, producer->apex, &delta.old_soa) ? 0 : -EBADMSG;
		if (err == 0)
			err = soa_turn(&delta.old_soa, delta.to, &delta.new_soa);
		if (err == 0)
			err = sw_keep_changes(keep, producer, &delta, 1);
		if (err == 0)
			err = sw_keep_settle(keep);
		if (err == 0)
			err = sw_keep_serve(keep, producer->apex, &delta, 1);
		if (err == 0)
			sw_keep_tell(keep, producer->apex);
	}
	sw_delta_free(&delta);
	return err;
}

void sw_keep_produce_turns(struct sw_keep *keep, const struct sw_roster_turns *turns)
{
	char name[SW_NAME_TEXT_MAX];
	const struct sw_zone_setting *producer;
	for (size_t i = 0; (producer = sw_roster_producer(keep->roster, i)) != NULL; i++) {
		int err = producer_turn(keep, producer, turns);
		if (err != 0)
			sw_log(SW_LOG_ERROR, "catalog %s: cannot follow: %s; 'seawall reload' makes it anew",
				sw_name_text(producer->apex, name), strerror(-err));
	}
}
