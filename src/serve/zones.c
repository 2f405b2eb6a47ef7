/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/clock.h"
#include "serve/log.h"
#include "serve/zones_inside.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *sw_zone_state_label(enum sw_zone_state state)
{
	static const char *const labels[] = {
#define X(name, label) label,
		SW_ZONE_STATES(X)
#undef X
	};
	return labels[state];
}

struct sw_zones *sw_zones_new(
	struct sw_store *store, const struct sw_zone_keeper *keeper, const bool *is_stopping)
{
	struct sw_zones *zones = calloc(1, sizeof(*zones));
	if (zones == NULL)
		return NULL;
	zones->store = store;
	if (keeper != NULL)
		zones->keeper = *keeper;
	zones->is_stopping = is_stopping;
	pthread_mutex_init(&zones->lock, NULL);
	return zones;
}

/* ---- the list ---- */

struct sw_zones_entry *sw_zones_entry_new(const struct sw_zone_setting *setting)
{
	struct sw_zones_entry *zone = calloc(1, sizeof(*zone));
	if (zone == NULL)
		return NULL;
	size_t len = sw_name_len(setting->apex);
	zone->apex = malloc(len);
	zone->file = strdup(setting->file ? setting->file : "");
	if (zone->apex == NULL || zone->file == NULL) {
		sw_zones_entry_free(zone);
		return NULL;
	}
	memcpy(zone->apex, setting->apex, len);
	return zone;
}

void sw_zones_entry_free(struct sw_zones_entry *zone)
{
	if (zone == NULL)
		return;
	free(zone->apex);
	free(zone->file);
	free(zone->reason);
	sw_zone_files_free(&zone->files);
	free(zone);
}

void sw_zones_free(struct sw_zones *zones)
{
	if (zones == NULL)
		return;
	for (size_t i = 0; i < zones->count; i++)
		sw_zones_entry_free(zones->zones[i]);
	free(zones->zones);
	sw_settings_free(zones->settings);
	pthread_mutex_destroy(&zones->lock);
	free(zones);
}

int sw_zones_compare(const void *apex, const void *zone)
{
	return sw_name_compare(apex, (*(struct sw_zones_entry *const *)zone)->apex);
}

struct sw_zones_entry **sw_zones_find(const struct sw_zones *zones, const uint8_t *apex)
{
	if (zones->count == 0)
		return NULL;
	return bsearch(apex, zones->zones, zones->count, sizeof(struct sw_zones_entry *), sw_zones_compare);
}

static bool is_live(const struct sw_zones *zones, const struct sw_zone_setting *setting)
{
	return sw_policy_is_live(setting->policy) ||
	       (zones->keeper.keeps != NULL && zones->keeper.keeps(zones->keeper.arg, setting->apex));
}

void sw_zones_entry_update(
	const struct sw_zones *zones, struct sw_zones_entry *zone, const struct sw_zone_setting *setting)
{
	const char *told = setting->file ? setting->file : "";
	bool was_live = zone->is_live;
	zone->is_live = is_live(zones, setting);
	if (zone->is_live != was_live)
		sw_zone_files_free(&zone->files);
	if (strcmp(zone->file, told) == 0)
		return;
	char *file = strdup(told);
	if (file == NULL)
		return; /* the old name stands; the next reload tries again */
	free(zone->file);
	zone->file = file;
	sw_zone_files_free(&zone->files);
}

void sw_zones_drop(struct sw_zones *zones, struct sw_zones_entry *zone, struct sw_zones_outcome *outcome)
{
	char apex[SW_NAME_TEXT_MAX];
	sw_name_text(zone->apex, apex);
	int err = sw_store_prepare_removal(zones->store, zone->apex);
	if ((err == 0 || err == -ENOENT) && !sw_zones_is_tried(zones, zone))
		sw_log(SW_LOG_INFO, "zone %s: removed", apex);
	else if (err != 0 && err != -ENOENT)
		sw_log(SW_LOG_ERROR, "zone %s: cannot be removed: %s", apex, strerror(-err));
	if (zone->is_live)
		zones->keeper.removed(zones->keeper.arg, zone->apex);
	outcome->removed++;
	sw_zones_entry_free(zone);
}

/* ---- rounds ---- */

/** Compare old and new list, both sorted: keep what stays, make what is new, leave what goes in `gone`.
 * @return 0 or -ENOMEM, nothing changed */
static int merge(const struct sw_zones *zones, const struct sw_settings *settings,
	struct sw_zones_entry **merged, struct sw_zones_entry **gone, size_t *gone_count)
{
	size_t old = 0;
	for (size_t i = 0; i < settings->zone_count; i++) {
		const struct sw_zone_setting *setting = &settings->zones[i];
		int order = -1;
		while (old < zones->count &&
			(order = sw_name_compare(zones->zones[old]->apex, setting->apex)) < 0)
			gone[(*gone_count)++] = zones->zones[old++];
		if (old < zones->count && order == 0)
			merged[i] = zones->zones[old++];
		else if ((merged[i] = sw_zones_entry_new(setting)) == NULL)
			return -ENOMEM;
	}
	while (old < zones->count)
		gone[(*gone_count)++] = zones->zones[old++];
	return 0;
}

static void files_update(
	const struct sw_zones *zones, struct sw_zones_entry **merged, const struct sw_settings *settings)
{
	for (size_t i = 0; i < settings->zone_count; i++)
		sw_zones_entry_update(zones, merged[i], &settings->zones[i]);
}

/** What is served needs no look at where it comes from. A transferred zone is renewed by its primary alone.
 */
static bool is_as_its_source(const struct sw_zones *zones, const struct sw_zones_entry *zone,
	const struct sw_zone_setting *setting)
{
	const struct sw_zone_keeper *keeper = &zones->keeper;
	if (zone->is_frozen || setting->policy->primary_count > 0)
		return true;
	bool is_same_file = sw_zone_files_unchanged(&zone->files, zone->file);
	return zone->is_live && keeper->is_current ? keeper->is_current(keeper->arg, setting, is_same_file)
						   : is_same_file;
}

int sw_zones_load(struct sw_zones *zones, struct sw_settings *settings, struct sw_zones_outcome *outcome)
{
	size_t gone_count = 0;
	uint64_t start_ns = sw_now_ns();
	struct sw_zones_entry **merged = calloc(settings->zone_count + 1, sizeof(*merged));
	struct sw_zones_entry **gone = calloc(zones->count + 1, sizeof(*gone));
	memset(outcome, 0, sizeof(*outcome));
	if (merged == NULL || gone == NULL || merge(zones, settings, merged, gone, &gone_count) != 0) {
		for (size_t i = 0; merged != NULL && i < settings->zone_count; i++) {
			if (merged[i] != NULL && !merged[i]->is_listed)
				sw_zones_entry_free(merged[i]);
		}
		free(merged);
		free(gone);
		return -ENOMEM;
	}
	pthread_mutex_lock(&zones->lock);
	struct sw_zones_entry **old = zones->zones;
	zones->zones = merged;
	zones->count = settings->zone_count;
	for (size_t i = 0; i < zones->count; i++)
		merged[i]->is_listed = true;
	files_update(zones, merged, settings);
	sw_settings_free(zones->settings);
	zones->settings = sw_settings_hold(settings);
	pthread_mutex_unlock(&zones->lock);
	free(old);

	for (size_t i = 0; i < gone_count; i++)
		sw_zones_drop(zones, gone[i], outcome);
	free(gone);
	for (size_t i = 0; i < zones->count && !__atomic_load_n(zones->is_stopping, __ATOMIC_RELAXED); i++) {
		if (merged[i]->state != SW_ZONE_SERVING ||
			!is_as_its_source(zones, merged[i], &settings->zones[i]))
			sw_zones_prepare(zones, merged[i], &settings->zones[i]);
	}
	if (zones->keeper.loaded != NULL)
		zones->keeper.loaded(zones->keeper.arg);
	sw_zones_publish(zones, merged, zones->count, outcome);
	outcome->seconds = sw_seconds_since(start_ns);
	return 0;
}

int sw_zones_load_one(struct sw_zones *zones, const uint8_t *apex, struct sw_zones_outcome *outcome)
{
	uint64_t start_ns = sw_now_ns();
	struct sw_zones_entry **found = sw_zones_find(zones, apex);
	memset(outcome, 0, sizeof(*outcome));
	if (found == NULL)
		return -ENOENT;
	if ((*found)->is_frozen)
		return -EBUSY;
	sw_zones_prepare(zones, *found, &zones->settings->zones[found - zones->zones]);
	if (zones->keeper.loaded != NULL)
		zones->keeper.loaded(zones->keeper.arg);
	sw_zones_publish(zones, found, 1, outcome);
	outcome->seconds = sw_seconds_since(start_ns);
	return 0;
}

/* ---- frozen ones ---- */

int sw_zones_freeze(struct sw_zones *zones, const uint8_t *apex, bool is_frozen)
{
	pthread_mutex_lock(&zones->lock);
	struct sw_zones_entry **found = sw_zones_find(zones, apex);
	if (found != NULL)
		(*found)->is_frozen = is_frozen;
	pthread_mutex_unlock(&zones->lock);
	return found ? 0 : -ENOENT;
}

bool sw_zones_is_frozen(struct sw_zones *zones, const uint8_t *apex)
{
	pthread_mutex_lock(&zones->lock);
	struct sw_zones_entry **found = sw_zones_find(zones, apex);
	bool is_frozen = found && (*found)->is_frozen;
	pthread_mutex_unlock(&zones->lock);
	return is_frozen;
}

/* ---- for those who look ---- */

int sw_zones_state(
	struct sw_zones *zones, const uint8_t *apex, enum sw_zone_state *state, char *reason, size_t size)
{
	pthread_mutex_lock(&zones->lock);
	struct sw_zones_entry **found = sw_zones_find(zones, apex);
	if (found != NULL) {
		*state = (*found)->state;
		snprintf(reason, size, "%s", (*found)->reason ? (*found)->reason : "");
	}
	pthread_mutex_unlock(&zones->lock);
	return found ? 0 : -ENOENT;
}

uint64_t sw_zones_bytes(struct sw_zones *zones)
{
	pthread_mutex_lock(&zones->lock);
	uint64_t bytes = zones->image_bytes;
	pthread_mutex_unlock(&zones->lock);
	return bytes;
}

void sw_zones_each(struct sw_zones *zones, sw_zone_report_fn *report, void *arg)
{
	pthread_mutex_lock(&zones->lock);
	for (size_t i = 0; i < zones->count; i++) {
		const struct sw_zones_entry *zone = zones->zones[i];
		report(arg, &(struct sw_zone_report){
				    .apex = zone->apex,
				    .file = zone->file,
				    .state = zone->state,
				    .reason = zone->reason ? zone->reason : "",
				    .is_frozen = zone->is_frozen,
				    .errors = zone->errors,
				    .warnings = zone->warnings,
				    .loaded_s = zone->loaded_s,
				    .served = zone->served,
			    });
	}
	pthread_mutex_unlock(&zones->lock);
}
