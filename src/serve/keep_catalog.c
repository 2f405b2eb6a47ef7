/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Catalogs (RFC 9432): what their members mean for the zones there are, and what of them is served. */
#include "serve/keep_inside.h"
#include <errno.h>
#include <string.h>

#define AGAIN_S 5 /* after something went wrong */

bool sw_keep_is_catalog(struct sw_keep *keep, const uint8_t *apex)
{
	const struct sw_zone_setting *setting = sw_keep_setting(keep, apex);
	return setting != NULL && setting->policy->catalog != NULL;
}

static int cover_add(void *arg, const struct sw_record *record)
{
	if (record->type != SW_TYPE_SOA && record->type != SW_TYPE_NS)
		return 0;
	int err = sw_contents_add(
		arg, record->owner, record->type, record->ttl, record->rdata, record->rdata_len, 0, 0);
	return err < 0 ? err : 0;
}

int sw_keep_cover(struct sw_keep *keep, const uint8_t *apex, struct sw_contents **contents)
{
	struct sw_contents *cover = sw_contents_new(apex, sw_store_key(keep->store));
	int err = cover ? 0 : -ENOMEM;
	if (err == 0 && *contents != NULL) /* so that a reload knows what has been read */
		err = sw_contents_copy_files(cover, *contents);
	if (err == 0)
		err = sw_snapshot_at(sw_keep_own(keep), apex, apex, 0, cover_add, cover);
	if (err == 0)
		err = sw_contents_finish(cover);
	if (err != 0) {
		sw_contents_free(cover);
		return err;
	}
	sw_contents_free(*contents);
	*contents = cover;
	return 0;
}

int sw_keep_serve_cover(struct sw_keep *keep, const uint8_t *apex)
{
	struct sw_contents *contents = NULL;
	int err = sw_keep_cover(keep, apex, &contents);
	if (err == 0)
		err = sw_zones_put(keep->zones, apex, contents);
	sw_contents_free(contents);
	return err;
}

static void say(const struct sw_zone_setting *setting, uint32_t serial, const struct sw_roster_turns *turns,
	double seconds)
{
	char name[SW_NAME_TEXT_MAX];
	size_t added = 0, removed = 0, reset = 0, other = 0;
	for (size_t i = 0; i < turns->count; i++) {
		const struct sw_turn *turn = &turns->turns[i];
		if (turn->before == NULL)
			added++;
		else if (turn->after == NULL)
			removed++;
		else if (turn->keeps_state)
			other++;
		else
			reset++;
	}
	sw_log(SW_LOG_INFO,
		"catalog %s: serial %u: members added %zu, removed %zu, reset %zu, served otherwise %zu, in "
		"%.2f s",
		sw_name_text(setting->apex, name), serial, added, removed, reset, other, seconds);
}

static void members_take(struct sw_keep *keep, const struct sw_zone_setting *setting, uint32_t serial,
	const struct sw_catalog *members)
{
	char name[SW_NAME_TEXT_MAX];
	struct sw_roster_turns turns = {0};
	struct sw_roster_version version = {.serial = serial};
	struct sw_zones_outcome outcome = {0};
	int err = sw_roster_take(keep->roster, setting, members, &turns, &version);
	keep->is_catalogs_turn = true;
	if (err == 0 && turns.count > 0)
		err = sw_keep_turn(keep, &turns, &outcome);
	keep->is_catalogs_turn = false;
	if (err != 0) {
		sw_roster_failed(keep->roster, setting, serial, strerror(-err));
		sw_roster_turns_free(&turns);
		return;
	}
	sw_roster_taken(keep->roster, setting, &version);
	if (turns.count > 0) {
		say(setting, serial, &turns, outcome.seconds);
		err = sw_roster_write(keep->roster, &turns);
	}
	if (err != 0) /* a restart looks at the catalog again */
		sw_log(SW_LOG_ERROR, "catalog %s: state cannot be written: %s",
			sw_name_text(setting->apex, name), strerror(-err));
	sw_roster_turns_free(&turns);
}

/** Read a catalog as it is kept. */
static void catalog_work(struct sw_keep *keep, const struct sw_zone_setting *setting)
{
	const struct sw_catalog_policy *policy = setting->policy->catalog;
	struct sw_archive_zone zone;
	if (sw_snapshot_zone(sw_keep_own(keep), setting->apex, &zone) != 0)
		return; /* no version of it has come yet: members known from before stay */
	if (setting->policy->primary_count > 0 && zone.expires_s <= sw_keep_now_s()) {
		sw_roster_broken(keep->roster, setting, zone.serial, "expired"); /* RFC 9432 s5.1 */
		return;
	}
	struct sw_catalog *members =
		sw_catalog_new(setting->apex, policy->members_max ? policy->members_max : SW_CATALOG_MEMBERS);
	int err = members ? sw_snapshot_below(
				    sw_keep_own(keep), setting->apex, setting->apex, sw_catalog_add, members)
			  : -ENOMEM;
	if (err == 0)
		err = sw_catalog_finish(members);
	if (err == 0)
		members_take(keep, setting, zone.serial, members);
	else if (members != NULL && sw_catalog_why(members)[0] != '\0')
		sw_roster_broken(keep->roster, setting, zone.serial, sw_catalog_why(members));
	else
		sw_roster_failed(keep->roster, setting, zone.serial, strerror(-err));
	sw_catalog_free(members);
}

void sw_keep_catalogs(struct sw_keep *keep)
{
	const struct sw_zone_setting *setting;
	int64_t again_s = keep->catalogs_again_s;
	if (sw_keep_catalogs_are_due(keep)) {
		sw_roster_again(keep->roster);
		again_s = 0;
	}
	while ((setting = sw_roster_next_catalog(keep->roster)) != NULL)
		catalog_work(keep, setting);
	if (!sw_roster_has_failed(keep->roster))
		again_s = 0;
	else if (again_s == 0)
		again_s = sw_keep_now_s() + AGAIN_S;
	__atomic_store_n(&keep->catalogs_again_s, again_s, __ATOMIC_RELEASE);
}

bool sw_keep_catalogs_are_due(struct sw_keep *keep)
{
	int64_t again_s = __atomic_load_n(&keep->catalogs_again_s, __ATOMIC_ACQUIRE);
	return again_s != 0 && again_s <= sw_keep_now_s();
}
