/* SPDX-License-Identifier: GPL-3.0-or-later */
/** From where a zone comes from to what is served of it, and what is said of how that went. */
#include "serve/log.h"
#include "serve/zones_inside.h"
#include "zone/check.h"
#include "zone/load.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOG_EACH_MAX 64 /* zones loaded at once; of more, only the sum is logged */
#define REASON_MAX 512

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
static void zone_refuse(struct sw_zones *zones, struct sw_zones_entry *zone, const char *finding, int err)
{
	char apex[SW_NAME_TEXT_MAX];
	bool is_told = finding[0] != '\0';
	const char *reason = is_told ? finding : sw_store_error_text(err);
	pthread_mutex_lock(&zones->lock);
	free(zone->reason);
	zone->reason = strdup(reason);
	zone->state = zone->loaded_s != 0 ? SW_ZONE_OUTDATED : SW_ZONE_REFUSED;
	pthread_mutex_unlock(&zones->lock);
	if (sw_zones_is_tried(zones, zone))
		return;
	sw_log(SW_LOG_ERROR, "zone %s: %s%srefused%s", sw_name_text(zone->apex, apex), is_told ? "" : reason,
		is_told ? "" : ": ",
		zone->loaded_s != 0
			? ", the version before goes on serving"
			: "; until its file is right and loaded again, queries for it get SERVFAIL");
}

/** There is nothing of it that may be served, which is no fault of its records. */
static void zone_await(
	struct sw_zones *zones, struct sw_zones_entry *zone, enum sw_zone_state state, const char *reason)
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

static int zone_read(struct sw_zones *zones, struct sw_zones_entry *zone,
	const struct sw_zone_setting *setting, struct sw_findings *findings)
{
	if (zone->is_live)
		return zones->keeper.load(zones->keeper.arg, setting, findings, &zones->contents);
	return sw_zone_load(zone->apex, sw_store_key(zones->store), zone->file, findings, &zones->contents);
}

void sw_zones_prepare(
	struct sw_zones *zones, struct sw_zones_entry *zone, const struct sw_zone_setting *setting)
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
static void zone_settle(struct sw_zones *zones, struct sw_zones_entry *zone, bool is_logged)
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

void sw_zones_publish(
	struct sw_zones *zones, struct sw_zones_entry **some, size_t count, struct sw_zones_outcome *outcome)
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

/* ---- what comes from elsewhere ---- */

int sw_zones_put(struct sw_zones *zones, const uint8_t *apex, const struct sw_contents *contents)
{
	struct listener listener = {.reason = ""};
	struct sw_findings findings = {.emit = hear, .arg = &listener};
	struct sw_zones_entry **found = sw_zones_find(zones, apex);
	if (found == NULL)
		return -ENOENT;
	struct sw_zones_entry *zone = *found;
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
	struct sw_zones_entry **found = sw_zones_find(zones, apex);
	if (found == NULL)
		return;
	zone_settle(zones, *found, false);
	pthread_mutex_lock(&zones->lock);
	zones->image_bytes = sw_store_bytes(zones->store);
	pthread_mutex_unlock(&zones->lock);
}

int sw_zones_expire(struct sw_zones *zones, const uint8_t *apex)
{
	struct sw_zones_entry **found = sw_zones_find(zones, apex);
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
