/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/keep_sign.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/** Tell the secondary how it went, and the archive until when the zone is good. */
void sw_keep_settled(struct sw_keep *keep, const struct sw_delivery *delivery, enum sw_settlement settlement)
{
	struct sw_records soa = {0};
	struct sw_record record;
	struct sw_archive_zone zone;
	size_t at = 0;
	bool has_soa = sw_keep_source_soa(keep, delivery->apex, &soa) && sw_records_next(&soa, &at, &record);
	int64_t expires_s =
		sw_secondary_settled(keep->secondary, delivery, settlement, has_soa ? &record : NULL);
	if (settlement == SW_SETTLED_TAKEN &&
		sw_snapshot_zone(sw_keep_own(keep), delivery->apex, &zone) == 0) {
		zone.refreshed_s = delivery->time_s;
		zone.expires_s = expires_s;
		sw_keep_note(keep, &zone);
	}
	sw_records_free(&soa);
}

static void say(const struct sw_delivery *delivery, const char *how, const char *serials)
{
	char apex[SW_NAME_TEXT_MAX];
	sw_log(SW_LOG_INFO, "zone %s: %s from %s: serial %s, %llu records, %llu bytes in %.3f s",
		sw_name_text(delivery->apex, apex), how, delivery->from, serials,
		(unsigned long long)delivery->records, (unsigned long long)delivery->bytes,
		delivery->seconds);
}

void sw_keep_say_transfer(const struct sw_delivery *delivery, const char *how, uint32_t from, uint32_t to)
{
	char serials[32];
	snprintf(serials, sizeof(serials), "%u to %u", from, to);
	say(delivery, how, serials);
}

void sw_keep_say_first(const struct sw_delivery *delivery, uint32_t serial)
{
	char serials[32];
	snprintf(serials, sizeof(serials), "%u, the first", serial);
	say(delivery, "AXFR", serials);
}

static uint32_t serial_kept(struct sw_keep *keep, const uint8_t *apex)
{
	struct sw_archive_zone zone;
	return sw_snapshot_zone(sw_keep_own(keep), apex, &zone) == 0 ? zone.serial : 0;
}

static bool serial_is_kept(struct sw_keep *keep, const uint8_t *apex)
{
	struct sw_archive_zone zone;
	return sw_snapshot_zone(sw_keep_own(keep), apex, &zone) == 0;
}

/** A whole zone: served first, since it could be fetched again. */
static void zone_take(struct sw_keep *keep, struct sw_delivery *delivery)
{
	bool is_first = !serial_is_kept(keep, delivery->apex);
	uint32_t before = serial_kept(keep, delivery->apex);
	bool is_catalog = sw_keep_is_catalog(keep, delivery->apex);
	int err = is_catalog ? 0 : sw_zones_put(keep->zones, delivery->apex, delivery->contents);
	if (err != 0) {
		sw_keep_settled(keep, delivery, SW_SETTLED_REFUSED);
		return;
	}
	err = sw_keep_replace(keep, delivery->contents);
	if (err != 0)
		sw_log(SW_LOG_ERROR, "state cannot be written: %s", strerror(-err));
	else if (is_catalog) /* from there: it is not served as it is */
		sw_keep_serve_cover(keep, delivery->apex);
	if (is_first)
		sw_keep_say_first(delivery, serial_kept(keep, delivery->apex));
	else
		sw_keep_say_transfer(delivery, "AXFR", before, serial_kept(keep, delivery->apex));
	sw_keep_settled(keep, delivery, SW_SETTLED_TAKEN);
	sw_keep_settle(keep);
	sw_keep_tell(keep, delivery->apex);
}

/** Changes: served first too, where what is kept shows that they fit. */
static void changes_take(struct sw_keep *keep, struct sw_delivery *delivery)
{
	const struct sw_zone_setting *setting = sw_keep_setting(keep, delivery->apex);
	char apex[SW_NAME_TEXT_MAX];
	uint32_t before = serial_kept(keep, delivery->apex);
	struct sw_signing *signing = sw_keep_signing(keep, delivery->apex);
	bool is_signed_here = signing != NULL && signing->is_ours, is_whole = false;
	bool is_ahead = setting != NULL && !is_signed_here &&
			sw_keep_serve_ahead(keep, delivery->apex, delivery->deltas, delivery->delta_count);
	int err = -ENOENT;
	if (setting != NULL && is_signed_here)
		err = sw_keep_sign_transfer(keep, setting, signing, delivery, &is_whole);
	else if (setting != NULL)
		err = sw_keep_changes(keep, setting, delivery->deltas, delivery->delta_count);
	if (err == 0)
		err = sw_keep_settle(keep);
	if (err != 0) {
		sw_log(SW_LOG_WARNING, "zone %s: the changes from %s do not fit (%s): it is fetched whole",
			sw_name_text(delivery->apex, apex), delivery->from, strerror(-err));
		sw_keep_settled(keep, delivery, SW_SETTLED_AXFR);
		return;
	}
	if (is_ahead)
		sw_keep_served(keep, delivery->apex);
	else if (is_whole)
		err = sw_keep_serve_whole(keep, delivery->apex);
	else
		err = sw_keep_serve(keep, delivery->apex, delivery->deltas, delivery->delta_count);
	sw_keep_say_transfer(delivery, "IXFR", before, serial_kept(keep, delivery->apex));
	sw_keep_settled(keep, delivery, err ? SW_SETTLED_REFUSED : SW_SETTLED_TAKEN);
	sw_keep_tell(keep, delivery->apex);
}

void sw_keep_take_delivery(struct sw_keep *keep, struct sw_delivery *delivery)
{
	const struct sw_zone_setting *setting = sw_keep_setting(keep, delivery->apex);
	if (setting == NULL)
		return; /* gone meanwhile */
	bool is_new = delivery->kind == SW_DELIVERY_ZONE || delivery->kind == SW_DELIVERY_CHANGES;
	if (is_new && sw_zones_is_frozen(keep->zones, delivery->apex)) {
		sw_keep_settled(keep, delivery, SW_SETTLED_AXFR); /* when it is asked for again */
		return;
	}
	if (sw_keep_sign_delivery(keep, setting, delivery))
		return;
	switch (delivery->kind) {
	case SW_DELIVERY_ZONE:
		zone_take(keep, delivery);
		break;
	case SW_DELIVERY_CHANGES:
		changes_take(keep, delivery);
		break;
	case SW_DELIVERY_CURRENT:
		/* of a zone that has lost its state meanwhile nothing is current */
		sw_keep_settled(keep, delivery,
			serial_is_kept(keep, delivery->apex) ? SW_SETTLED_TAKEN : SW_SETTLED_AXFR);
		break;
	case SW_DELIVERY_EXPIRED:
		sw_zones_expire(keep->zones, delivery->apex);
		break;
	}
}
