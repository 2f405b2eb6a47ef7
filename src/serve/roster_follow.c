/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a new configuration makes of the zones beyond it. */
#include "serve/log.h"
#include "serve/roster_inside.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct following {
	struct sw_roster_entry *catalogs;
	size_t catalog_count;
	const struct sw_zone_setting **producers;
	size_t producer_count;
	struct sw_beyond **zones;
	size_t count;
	struct sw_beyond **gone; /* of the roster's: not held */
	size_t gone_count;
};

/** @return 0 or -ENOMEM */
static int catalogs_make(
	struct following *following, struct sw_roster *roster, const struct sw_settings *base)
{
	size_t count = 0;
	for (size_t i = 0; i < base->zone_count; i++)
		count += base->zones[i].policy->catalog != NULL;
	following->catalogs = calloc(count + 1, sizeof(*following->catalogs));
	following->producers = calloc(count + 1, sizeof(struct sw_zone_setting *));
	if (following->catalogs == NULL || following->producers == NULL)
		return -ENOMEM;
	for (size_t i = 0; count > 0 && i < base->zone_count; i++) {
		const struct sw_zone_setting *setting = &base->zones[i];
		if (setting->policy->catalog == NULL)
			continue;
		if (setting->policy->catalog->is_produced) {
			following->producers[following->producer_count++] = setting;
			continue;
		}
		const struct sw_roster_entry *before = sw_roster_catalog(roster, setting->apex);
		struct sw_roster_entry *catalog = &following->catalogs[following->catalog_count++];
		*catalog = before ? *before : (struct sw_roster_entry){0};
		catalog->setting = setting;
		catalog->is_stale = true;
	}
	return 0;
}

static const struct sw_zone_setting *catalog_of(const struct following *following, const uint8_t *apex)
{
	for (size_t i = 0; i < following->catalog_count; i++) {
		if (sw_name_equal(following->catalogs[i].setting->apex, apex))
			return following->catalogs[i].setting;
	}
	return NULL;
}

/** One zone under a new configuration. */
static int zone_follow(struct following *following, const struct sw_settings *base, struct sw_beyond *zone)
{
	char name[SW_NAME_TEXT_MAX];
	struct sw_register_entry entry = sw_beyond_entry(zone);
	const struct sw_zone_setting *catalog = zone->catalog ? catalog_of(following, zone->catalog) : NULL;
	bool is_told = sw_settings_find_zone(base, zone->setting.apex) != NULL;
	if (is_told || (zone->catalog != NULL && catalog == NULL)) {
		if (is_told && zone->catalog == NULL)
			sw_log(SW_LOG_WARNING,
				"zone %s: it was added while the server ran, and is in the configuration "
				"now, which "
				"counts from here on",
				sw_name_text(zone->setting.apex, name));
		following->gone[following->gone_count++] = zone;
		return 0;
	}
	struct sw_beyond **fresh = &following->zones[following->count];
	int err = sw_roster_make(base, catalog, &entry, fresh);
	/* one zone that cannot have its file is no reason to be without the others */
	if (err == -EINVAL || err == -ENAMETOOLONG)
		err = sw_beyond_new(fresh, &entry, NULL, "");
	if (err != 0)
		return err;
	zone = following->zones[following->count++];
	if (zone->is_mute && zone->catalog == NULL)
		sw_log(SW_LOG_ERROR,
			"zone %s: not served: the template '%.100s' that it was added with is not there any "
			"more, or has "
			"neither file nor primaries",
			sw_name_text(zone->setting.apex, name), zone->template);
	return 0;
}

static struct sw_settings *settings_all(
	struct sw_settings *base, struct sw_beyond *const *zones, size_t count)
{
	struct sw_turn *turns = calloc(count + 1, sizeof(*turns));
	if (turns == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		turns[i] = (struct sw_turn){.apex = zones[i]->setting.apex, .after = zones[i]};
	struct sw_settings *all = sw_settings_beyond(base, NULL, turns, count, zones, count);
	free(turns);
	return all;
}

/** They are gone for good: what is not written now is found again at the next start. */
static void gone_forget(struct sw_roster *roster, const struct following *following,
	void (*forget)(void *arg, const uint8_t *apex), void *arg)
{
	if (following->gone_count == 0)
		return;
	int err = sw_register_begin(roster->reg);
	for (size_t i = 0; i < following->gone_count; i++) {
		const uint8_t *apex = following->gone[i]->setting.apex;
		if (sw_settings_find_zone(roster->base, apex) == NULL)
			forget(arg, apex);
		if (err == 0)
			err = sw_register_remove(roster->reg, apex);
	}
	int ended = sw_register_commit(roster->reg);
	if (err != 0 || ended != 0)
		sw_log(SW_LOG_ERROR, "state cannot be written: %s", strerror(err ? -err : -ended));
}

struct sw_settings *sw_roster_follow(struct sw_roster *roster, struct sw_settings *base,
	void (*forget)(void *arg, const uint8_t *apex), void *arg)
{
	struct following following = {
		.zones = calloc(roster->count + 1, sizeof(struct sw_beyond *)),
		.gone = calloc(roster->count + 1, sizeof(struct sw_beyond *)),
	};
	int err = following.zones && following.gone ? catalogs_make(&following, roster, base) : -ENOMEM;
	for (size_t i = 0; err == 0 && i < roster->count; i++)
		err = zone_follow(&following, base, roster->zones[i]);
	struct sw_settings *all = err ? NULL : settings_all(base, following.zones, following.count);
	if (all == NULL) {
		sw_roster_zones_free(following.zones, following.count);
		free(following.gone);
		free(following.catalogs);
		free(following.producers);
		return NULL;
	}
	struct sw_settings *old_base = roster->base, *old_all = roster->all;
	roster->base = sw_settings_hold(base);
	roster->all = all;
	gone_forget(roster, &following, forget, arg);
	pthread_mutex_lock(&roster->lock);
	free(roster->catalogs);
	free(roster->producers);
	sw_roster_zones_free(roster->zones, roster->count);
	roster->catalogs = following.catalogs;
	roster->catalog_count = following.catalog_count;
	roster->producers = following.producers;
	roster->producer_count = following.producer_count;
	roster->zones = following.zones;
	roster->count = following.count;
	pthread_mutex_unlock(&roster->lock);
	sw_settings_free(old_all);
	sw_settings_free(old_base);
	free(following.gone);
	return sw_settings_hold(all);
}
