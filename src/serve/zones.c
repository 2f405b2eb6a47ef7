/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/zones.h"
#include "serve/beyond.h"
#include "serve/log.h"
#include "zone/check.h"
#include "zone/files.h"
#include "zone/load.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOG_EACH_MAX 64 /* zones loaded at once; of more, only the sum is logged */
#define REASON_MAX 512

struct zone {
	uint8_t *apex;
	char *file;
	char *reason;
	enum sw_zone_state state;
	uint32_t errors, warnings;
	int64_t loaded_s;
	struct sw_store_zone served;
	struct sw_zone_files files; /* of the version loaded last */
	bool is_live;
	bool is_frozen;	  /* nothing new is taken of it */
	bool is_prepared; /* compiled, to be published */
	bool is_listed;	  /* in sw_zones.zones */
};

struct sw_zones {
	struct sw_store *store;
	struct sw_zone_keeper keeper;
	struct sw_settings *settings; /* held: of the last round */
	const bool *is_stopping;
	struct sw_contents *contents; /* of the zone in hand; its memory serves a whole round */
	pthread_mutex_t lock;	      /* taken by the loading thread to change, by others to look */
	struct zone **zones;	      /* in canonical order */
	size_t count;
	uint64_t image_bytes;
};

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

static void zone_free(struct zone *zone)
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
		zone_free(zones->zones[i]);
	free(zones->zones);
	sw_settings_free(zones->settings);
	pthread_mutex_destroy(&zones->lock);
	free(zones);
}

static struct zone *zone_new(const struct sw_zone_setting *setting)
{
	struct zone *zone = calloc(1, sizeof(*zone));
	if (zone == NULL)
		return NULL;
	size_t len = sw_name_len(setting->apex);
	zone->apex = malloc(len);
	zone->file = strdup(setting->file ? setting->file : "");
	if (zone->apex == NULL || zone->file == NULL) {
		zone_free(zone);
		return NULL;
	}
	memcpy(zone->apex, setting->apex, len);
	return zone;
}

/* ---- loading one ---- */

/** Where the findings of a zone go: the log; the first error is kept as the reason. */
struct listener {
	char apex[SW_NAME_TEXT_MAX];
	char reason[REASON_MAX];
};

static void hear(void *arg, const struct sw_finding *finding)
{
	struct listener *listener = arg;
	char text[REASON_MAX];
	sw_finding_text(finding, text, sizeof(text));
	sw_log(finding->severity == SW_ERROR ? SW_LOG_ERROR : SW_LOG_WARNING, "zone %s: %s", listener->apex,
		text);
	if (finding->severity == SW_ERROR && listener->reason[0] == '\0')
		strcpy(listener->reason, text);
}

/** @param finding  what the log says already, "" where it does not say why */
static void zone_refuse(struct sw_zones *zones, struct zone *zone, const char *finding, int err)
{
	char apex[SW_NAME_TEXT_MAX];
	bool is_told = finding[0] != '\0';
	const char *reason = is_told ? finding : sw_store_error_text(err);
	pthread_mutex_lock(&zones->lock);
	free(zone->reason);
	zone->reason = strdup(reason);
	zone->state = zone->loaded_s != 0 ? SW_ZONE_OUTDATED : SW_ZONE_REFUSED;
	pthread_mutex_unlock(&zones->lock);
	sw_log(SW_LOG_ERROR, "zone %s: %s%srefused%s", sw_name_text(zone->apex, apex), is_told ? "" : reason,
		is_told ? "" : ": ",
		zone->loaded_s != 0
			? ", the version before goes on serving"
			: "; until its file is right and loaded again, queries for it get SERVFAIL");
}

/** There is nothing of it that may be served, which is no fault of its records. */
static void zone_await(
	struct sw_zones *zones, struct zone *zone, enum sw_zone_state state, const char *reason)
{
	char apex[SW_NAME_TEXT_MAX];
	pthread_mutex_lock(&zones->lock);
	free(zone->reason);
	zone->reason = strdup(reason);
	zone->state = state;
	zone->loaded_s = 0;
	memset(&zone->served, 0, sizeof(zone->served));
	pthread_mutex_unlock(&zones->lock);
	sw_log(SW_LOG_INFO, "zone %s: %s: queries for it get SERVFAIL", sw_name_text(zone->apex, apex),
		reason);
}

static int zone_read(struct sw_zones *zones, struct zone *zone, const struct sw_zone_setting *setting,
	struct sw_findings *findings)
{
	if (zone->is_live)
		return zones->keeper.load(zones->keeper.arg, setting, findings, &zones->contents);
	return sw_zone_load(zone->apex, sw_store_key(zones->store), zone->file, findings, &zones->contents);
}

/** Read, check and compile; nothing is served yet. */
static void zone_prepare(struct sw_zones *zones, struct zone *zone, const struct sw_zone_setting *setting)
{
	struct listener listener = {.reason = ""};
	struct sw_findings findings = {.emit = hear, .arg = &listener};
	sw_name_text(zone->apex, listener.apex);
	int err = zone_read(zones, zone, setting, &findings);
	sw_store_expect_changes(zones->store, zone->is_live);
	if (err == 0)
		err = sw_store_prepare(zones->store, zones->contents);
	if (err == 0)
		sw_zone_files_note(&zone->files, zones->contents);
	pthread_mutex_lock(&zones->lock);
	zone->errors = findings.count[SW_ERROR];
	zone->warnings = findings.count[SW_WARNING];
	zone->is_prepared = err == 0;
	pthread_mutex_unlock(&zones->lock);
	if (err == 0)
		return;
	if (err == -ENODATA && zone->loaded_s == 0)
		zone_await(zones, zone, SW_ZONE_EXPECTED, "no primary has given it yet");
	else if (err == -ETIME && zone->loaded_s == 0)
		zone_await(zones, zone, SW_ZONE_EXPIRED, "expired");
	else if (err != -ENODATA && err != -ETIME)
		zone_refuse(zones, zone, listener.reason, err);
	if (zone->loaded_s == 0 && sw_store_prepare_broken(zones->store, zone->apex) != 0)
		sw_log(SW_LOG_ERROR, "zone %s: no memory to answer SERVFAIL for it", listener.apex);
}

/** After publishing: say what is served now. */
static void zone_settle(struct sw_zones *zones, struct zone *zone, bool is_logged)
{
	char apex[SW_NAME_TEXT_MAX];
	pthread_mutex_lock(&zones->lock);
	zone->is_prepared = false;
	zone->state = SW_ZONE_SERVING;
	zone->loaded_s = time(NULL);
	if (sw_store_find(zones->store, zone->apex, &zone->served))
		zone->served.apex = zone->apex; /* the store's own goes with the version */
	free(zone->reason);
	zone->reason = NULL;
	pthread_mutex_unlock(&zones->lock);
	if (is_logged)
		sw_log(SW_LOG_INFO, "zone %s: serial %u, %llu names", sw_name_text(zone->apex, apex),
			zone->served.serial, (unsigned long long)zone->served.names);
}

static void publish(
	struct sw_zones *zones, struct zone **some, size_t count, struct sw_zones_outcome *outcome)
{
	sw_contents_free(zones->contents);
	zones->contents = NULL;
	int err = sw_store_publish(zones->store);
	for (size_t i = 0; i < count; i++) {
		if (some[i]->is_prepared && err == 0) {
			zone_settle(zones, some[i], count <= LOG_EACH_MAX);
			outcome->loaded++;
			continue;
		}
		if (some[i]->is_prepared) {
			some[i]->is_prepared = false;
			zone_refuse(zones, some[i], "", err);
		}
		outcome->refused += some[i]->state == SW_ZONE_REFUSED || some[i]->state == SW_ZONE_OUTDATED;
		outcome->unchanged += some[i]->state == SW_ZONE_SERVING;
	}
	pthread_mutex_lock(&zones->lock);
	zones->image_bytes = sw_store_bytes(zones->store);
	pthread_mutex_unlock(&zones->lock);
}

static double seconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- the list ---- */

/** Compare old and new list, both sorted: keep what stays, make what is new, leave what goes in `gone`.
 * @return 0 or -ENOMEM, nothing changed */
static int merge(const struct sw_zones *zones, const struct sw_settings *settings, struct zone **merged,
	struct zone **gone, size_t *gone_count)
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
		else if ((merged[i] = zone_new(setting)) == NULL)
			return -ENOMEM;
	}
	while (old < zones->count)
		gone[(*gone_count)++] = zones->zones[old++];
	return 0;
}

static bool is_live(const struct sw_zones *zones, const struct sw_zone_setting *setting)
{
	return sw_policy_is_live(setting->policy) ||
	       (zones->keeper.keeps != NULL && zones->keeper.keeps(zones->keeper.arg, setting->apex));
}

/** A zone that stays may have another file now, or may become live, or cease to be. */
static void file_update(
	const struct sw_zones *zones, struct zone *zone, const struct sw_zone_setting *setting)
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

static void files_update(
	const struct sw_zones *zones, struct zone **merged, const struct sw_settings *settings)
{
	for (size_t i = 0; i < settings->zone_count; i++)
		file_update(zones, merged[i], &settings->zones[i]);
}

static void drop(struct sw_zones *zones, struct zone *zone, struct sw_zones_outcome *outcome)
{
	char apex[SW_NAME_TEXT_MAX];
	sw_name_text(zone->apex, apex);
	int err = sw_store_prepare_removal(zones->store, zone->apex);
	if (err == 0 || err == -ENOENT)
		sw_log(SW_LOG_INFO, "zone %s: removed", apex);
	else
		sw_log(SW_LOG_ERROR, "zone %s: cannot be removed: %s", apex, strerror(-err));
	if (zone->is_live)
		zones->keeper.removed(zones->keeper.arg, zone->apex);
	outcome->removed++;
	zone_free(zone);
}

/** What is served needs no look at where it comes from. A transferred zone is renewed by its primary alone.
 */
static bool is_as_its_source(struct zone *zone, const struct sw_zone_setting *setting)
{
	return zone->is_frozen || setting->policy->primary_count > 0 ||
	       sw_zone_files_unchanged(&zone->files, zone->file);
}

int sw_zones_load(struct sw_zones *zones, struct sw_settings *settings, struct sw_zones_outcome *outcome)
{
	size_t gone_count = 0;
	double start = seconds_now();
	struct zone **merged = calloc(settings->zone_count + 1, sizeof(*merged));
	struct zone **gone = calloc(zones->count + 1, sizeof(*gone));
	memset(outcome, 0, sizeof(*outcome));
	if (merged == NULL || gone == NULL || merge(zones, settings, merged, gone, &gone_count) != 0) {
		for (size_t i = 0; merged != NULL && i < settings->zone_count; i++) {
			if (merged[i] != NULL && !merged[i]->is_listed)
				zone_free(merged[i]);
		}
		free(merged);
		free(gone);
		return -ENOMEM;
	}
	pthread_mutex_lock(&zones->lock);
	struct zone **old = zones->zones;
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
		drop(zones, gone[i], outcome);
	free(gone);
	for (size_t i = 0; i < zones->count && !__atomic_load_n(zones->is_stopping, __ATOMIC_RELAXED); i++) {
		if (merged[i]->state != SW_ZONE_SERVING || !is_as_its_source(merged[i], &settings->zones[i]))
			zone_prepare(zones, merged[i], &settings->zones[i]);
	}
	if (zones->keeper.loaded != NULL)
		zones->keeper.loaded(zones->keeper.arg);
	publish(zones, merged, zones->count, outcome);
	outcome->seconds = seconds_now() - start;
	return 0;
}

static int compare_apex(const void *apex, const void *zone)
{
	return sw_name_compare(apex, (*(struct zone *const *)zone)->apex);
}

static struct zone **find(const struct sw_zones *zones, const uint8_t *apex)
{
	if (zones->count == 0)
		return NULL;
	return bsearch(apex, zones->zones, zones->count, sizeof(struct zone *), compare_apex);
}

int sw_zones_load_one(struct sw_zones *zones, const uint8_t *apex, struct sw_zones_outcome *outcome)
{
	double start = seconds_now();
	struct zone **found = find(zones, apex);
	memset(outcome, 0, sizeof(*outcome));
	if (found == NULL)
		return -ENOENT;
	if ((*found)->is_frozen)
		return -EBUSY;
	zone_prepare(zones, *found, &zones->settings->zones[found - zones->zones]);
	if (zones->keeper.loaded != NULL)
		zones->keeper.loaded(zones->keeper.arg);
	publish(zones, found, 1, outcome);
	outcome->seconds = seconds_now() - start;
	return 0;
}

/* ---- a few among many ---- */

struct turning {
	const struct sw_turn *turns;
	struct zone **fresh; /* by turn: made for it; NULL once it has a place, or where none is needed */
	struct zone **some;  /* those to be loaded, their settings and whether they were there before */
	const struct sw_zone_setting **settings;
	bool *is_again;
	size_t some_count;
	struct zone **gone;
	size_t gone_count;
};

static int compare_zone(const void *apex, const void *zone)
{
	return sw_name_compare(apex, (*(struct zone *const *)zone)->apex);
}

static bool zone_turn(void *arg, size_t number, const void *old_element, void *fresh_element)
{
	struct turning *turning = arg;
	const struct sw_turn *turn = &turning->turns[number];
	struct zone *old = old_element ? *(struct zone *const *)old_element : NULL,
		    *fresh = turning->fresh[number];
	if (old != NULL && (fresh == NULL || !turn->keeps_state))
		turning->gone[turning->gone_count++] = old;
	else if (old != NULL)
		fresh = old;
	if (fresh == NULL)
		return false;
	if (fresh != old)
		turning->fresh[number] = NULL;
	turning->is_again[turning->some_count] = old != NULL;
	turning->settings[turning->some_count] = &turn->after->setting;
	turning->some[turning->some_count++] = fresh;
	*(struct zone **)fresh_element = fresh;
	return true;
}

static int turning_begin(struct turning *turning, const struct sw_turn *turns, size_t count)
{
	*turning = (struct turning){.turns = turns,
		.fresh = calloc(count + 1, sizeof(struct zone *)),
		.some = calloc(count + 1, sizeof(struct zone *)),
		.settings = calloc(count + 1, sizeof(struct sw_zone_setting *)),
		.is_again = calloc(count + 1, sizeof(bool)),
		.gone = calloc(count + 1, sizeof(struct zone *))};
	if (!turning->fresh || !turning->some || !turning->settings || !turning->is_again || !turning->gone)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct sw_beyond *after = turns[i].after;
		if (after != NULL && !after->is_mute &&
			(turning->fresh[i] = zone_new(&after->setting)) == NULL)
			return -ENOMEM;
	}
	return 0;
}

static void turning_end(struct turning *turning, size_t count)
{
	for (size_t i = 0; turning->fresh != NULL && i < count; i++)
		zone_free(turning->fresh[i]);
	free(turning->fresh);
	free(turning->some);
	free(turning->settings);
	free(turning->is_again);
	free(turning->gone);
}

int sw_zones_turn(struct sw_zones *zones, struct sw_settings *settings, const struct sw_turn *turns,
	size_t count, struct sw_zones_outcome *outcome)
{
	struct turning turning;
	const struct sw_turn_list list = {.old = zones->zones,
		.old_count = zones->count,
		.size = sizeof(struct zone *),
		.compare = compare_zone,
		.turn = zone_turn,
		.arg = &turning};
	double start = seconds_now();
	size_t merged_count;
	memset(outcome, 0, sizeof(*outcome));
	int err = turning_begin(&turning, turns, count);
	struct zone **merged = err ? NULL : sw_turns_apply(&list, turns, count, &merged_count);
	if (merged == NULL) {
		turning_end(&turning, count);
		return -ENOMEM;
	}
	pthread_mutex_lock(&zones->lock);
	struct zone **old = zones->zones;
	zones->zones = merged;
	zones->count = merged_count;
	for (size_t i = 0; i < turning.some_count; i++) {
		turning.some[i]->is_listed = true;
		file_update(zones, turning.some[i], turning.settings[i]);
	}
	sw_settings_free(zones->settings);
	zones->settings = sw_settings_hold(settings);
	pthread_mutex_unlock(&zones->lock);
	free(old);
	for (size_t i = 0; i < turning.gone_count; i++)
		drop(zones, turning.gone[i], outcome);
	for (size_t i = 0; i < turning.some_count; i++) {
		zone_prepare(zones, turning.some[i], turning.settings[i]);
		/* what is served of it goes with its state, and is no reason to serve it on */
		if (turning.is_again[i] && turning.some[i]->loaded_s == 0 && !turning.some[i]->is_prepared)
			sw_store_prepare_expired(zones->store, turning.some[i]->apex);
	}
	if (zones->keeper.loaded != NULL)
		zones->keeper.loaded(zones->keeper.arg);
	publish(zones, turning.some, turning.some_count, outcome);
	turning_end(&turning, count);
	outcome->seconds = seconds_now() - start;
	return 0;
}

/* ---- frozen ones ---- */

int sw_zones_freeze(struct sw_zones *zones, const uint8_t *apex, bool is_frozen)
{
	pthread_mutex_lock(&zones->lock);
	struct zone **found = find(zones, apex);
	if (found != NULL)
		(*found)->is_frozen = is_frozen;
	pthread_mutex_unlock(&zones->lock);
	return found ? 0 : -ENOENT;
}

bool sw_zones_is_frozen(struct sw_zones *zones, const uint8_t *apex)
{
	pthread_mutex_lock(&zones->lock);
	struct zone **found = find(zones, apex);
	bool is_frozen = found && (*found)->is_frozen;
	pthread_mutex_unlock(&zones->lock);
	return is_frozen;
}

int sw_zones_state(
	struct sw_zones *zones, const uint8_t *apex, enum sw_zone_state *state, char *reason, size_t size)
{
	pthread_mutex_lock(&zones->lock);
	struct zone **found = find(zones, apex);
	if (found != NULL) {
		*state = (*found)->state;
		snprintf(reason, size, "%s", (*found)->reason ? (*found)->reason : "");
	}
	pthread_mutex_unlock(&zones->lock);
	return found ? 0 : -ENOENT;
}

/* ---- what comes from elsewhere ---- */

int sw_zones_put(struct sw_zones *zones, const uint8_t *apex, const struct sw_contents *contents)
{
	struct listener listener = {.reason = ""};
	struct sw_findings findings = {.emit = hear, .arg = &listener};
	struct zone **found = find(zones, apex);
	if (found == NULL)
		return -ENOENT;
	struct zone *zone = *found;
	sw_name_text(apex, listener.apex);
	int err = sw_zone_check(contents, (uint32_t)time(NULL), &findings);
	sw_findings_end(&findings, "transfer");
	sw_store_expect_changes(zones->store, true);
	if (err == 0)
		err = sw_store_put(zones->store, contents);
	pthread_mutex_lock(&zones->lock);
	zone->errors = findings.count[SW_ERROR];
	zone->warnings = findings.count[SW_WARNING];
	pthread_mutex_unlock(&zones->lock);
	if (err != 0)
		zone_refuse(zones, zone, listener.reason, err);
	else
		sw_zones_changed(zones, apex);
	return err;
}

void sw_zones_changed(struct sw_zones *zones, const uint8_t *apex)
{
	struct zone **found = find(zones, apex);
	if (found == NULL)
		return;
	zone_settle(zones, *found, false);
	pthread_mutex_lock(&zones->lock);
	zones->image_bytes = sw_store_bytes(zones->store);
	pthread_mutex_unlock(&zones->lock);
}

int sw_zones_expire(struct sw_zones *zones, const uint8_t *apex)
{
	struct zone **found = find(zones, apex);
	if (found == NULL)
		return -ENOENT;
	int err = sw_store_prepare_expired(zones->store, apex);
	if (err == 0)
		err = sw_store_publish(zones->store);
	if (err == 0)
		zone_await(
			zones, *found, SW_ZONE_EXPIRED, "expired: no primary has confirmed it for too long");
	return err;
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
		const struct zone *zone = zones->zones[i];
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
