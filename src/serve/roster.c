/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/log.h"
#include "serve/roster_inside.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEMPLATE_DEFAULT "default"

/* ---- lists ---- */

static int compare_beyond(const void *apex, const void *beyond)
{
	return sw_name_compare(apex, (*(struct sw_beyond *const *)beyond)->setting.apex);
}

struct sw_beyond *sw_roster_beyond(const struct sw_roster *roster, const uint8_t *apex)
{
	if (roster->count == 0)
		return NULL;
	struct sw_beyond **found =
		bsearch(apex, roster->zones, roster->count, sizeof(struct sw_beyond *), compare_beyond);
	return found ? *found : NULL;
}

struct sw_roster_entry *sw_roster_catalog(struct sw_roster *roster, const uint8_t *apex)
{
	for (size_t i = 0; i < roster->catalog_count; i++) {
		if (sw_name_equal(roster->catalogs[i].setting->apex, apex))
			return &roster->catalogs[i];
	}
	return NULL;
}

void sw_roster_zones_free(struct sw_beyond **zones, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sw_beyond_free(zones[i]);
	free(zones);
}

void sw_roster_turns_free(struct sw_roster_turns *turns)
{
	for (size_t i = 0; i < turns->count; i++) {
		sw_beyond_free(turns->turns[i].before);
		sw_beyond_free(turns->turns[i].after);
	}
	free(turns->turns);
	*turns = (struct sw_roster_turns){0};
}

int sw_roster_turns_add(
	struct sw_roster_turns *turns, struct sw_beyond *before, struct sw_beyond *after, bool keeps_state)
{
	if ((turns->count & (turns->count - 1)) == 0) {
		struct sw_turn *grown =
			reallocarray(turns->turns, turns->count ? 2 * turns->count : 1, sizeof(*grown));
		if (grown == NULL) {
			sw_beyond_free(after);
			return -ENOMEM;
		}
		turns->turns = grown;
	}
	turns->turns[turns->count++] = (struct sw_turn){
		.apex = after ? after->setting.apex : before->setting.apex,
		.before = before ? sw_beyond_hold(before) : NULL,
		.after = after,
		.keeps_state = keeps_state,
	};
	return 0;
}

int sw_roster_undo(const struct sw_roster_turns *turns, struct sw_roster_turns *undo)
{
	int err = 0;
	for (size_t i = 0; err == 0 && i < turns->count; i++) {
		const struct sw_turn *turn = &turns->turns[i];
		err = sw_roster_turns_add(undo, turn->after,
			turn->before ? sw_beyond_hold(turn->before) : NULL, turn->keeps_state);
	}
	return err;
}

/* ---- at the start ---- */

struct reading {
	struct sw_roster *roster;
	size_t room;
};

static int entry_read(void *arg, const struct sw_register_entry *entry)
{
	struct reading *reading = arg;
	struct sw_roster *roster = reading->roster;
	if (roster->count == reading->room) {
		size_t room = reading->room ? 2 * reading->room : 64;
		struct sw_beyond **grown = reallocarray(roster->zones, room, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		roster->zones = grown;
		reading->room = room;
	}
	/* what serves it is known when there is a configuration */
	int err = sw_beyond_new(&roster->zones[roster->count], entry, NULL, "");
	roster->count += err == 0;
	return err == -EINVAL ? 0 : err;
}

static int compare_zones(const void *a, const void *b)
{
	return compare_beyond((*(struct sw_beyond *const *)a)->setting.apex, b);
}

int sw_roster_new(struct sw_roster **result, const char *state)
{
	char why[512];
	struct sw_roster *roster = calloc(1, sizeof(*roster));
	struct reading reading = {.roster = roster};
	if (roster == NULL)
		return -ENOMEM;
	pthread_mutex_init(&roster->lock, NULL);
	int err = sw_register_open(&roster->reg, state, why);
	if (why[0] != '\0')
		sw_log(err ? SW_LOG_ERROR : SW_LOG_WARNING, "%s", why);
	if (err == 0)
		err = sw_register_each(roster->reg, entry_read, &reading);
	if (err != 0) {
		sw_roster_free(roster);
		return err;
	}
	if (roster->count > 1)
		qsort(roster->zones, roster->count, sizeof(struct sw_beyond *), compare_zones);
	*result = roster;
	return 0;
}

void sw_roster_free(struct sw_roster *roster)
{
	if (roster == NULL)
		return;
	sw_roster_zones_free(roster->zones, roster->count);
	free(roster->catalogs);
	free(roster->producers);
	sw_settings_free(roster->all);
	sw_settings_free(roster->base);
	sw_register_close(roster->reg);
	pthread_mutex_destroy(&roster->lock);
	free(roster);
}

/* ---- what serves a zone ---- */

static bool has_group(const struct sw_register_entry *entry, const char *group)
{
	size_t len = strlen(group);
	for (size_t at = 0; at < entry->groups_len; at += 1u + entry->groups[at]) {
		if (entry->groups[at] == len && memcmp(entry->groups + at + 1, group, len) == 0)
			return true;
	}
	return false;
}

const char *sw_roster_template(const struct sw_catalog_policy *policy, const struct sw_register_entry *entry)
{
	for (size_t i = 0; i < policy->group_count; i++) {
		if (has_group(entry, policy->groups[i].group))
			return policy->groups[i].template;
	}
	return policy->template;
}

static const struct sw_template *find_template(const struct sw_settings *base, const char *name)
{
	return name ? sw_settings_find_template(base, name) : NULL;
}

int sw_roster_make(const struct sw_settings *base, const struct sw_zone_setting *catalog,
	const struct sw_register_entry *entry, struct sw_beyond **beyond)
{
	char name[SW_NAME_TEXT_MAX], source[SW_NAME_TEXT_MAX + 16] = "seawall zone add";
	if (catalog != NULL)
		snprintf(source, sizeof(source), "catalog %s", sw_name_text(catalog->apex, name));
	return sw_beyond_new(beyond, entry,
		find_template(base,
			catalog ? sw_roster_template(catalog->policy->catalog, entry) : entry->template),
		source);
}

struct sw_settings *sw_roster_settings(struct sw_roster *roster)
{
	return roster->all;
}

/* ---- turns ---- */

static bool beyond_turn(void *arg, size_t number, const void *old, void *fresh)
{
	const struct sw_turn *turn = (const struct sw_turn *)arg + number;
	(void)old;
	*(struct sw_beyond **)fresh = turn->after;
	return turn->after != NULL;
}

struct sw_settings *sw_roster_turn(struct sw_roster *roster, const struct sw_roster_turns *turns)
{
	const struct sw_turn_list list = {.old = roster->zones,
		.old_count = roster->count,
		.size = sizeof(struct sw_beyond *),
		.compare = compare_beyond,
		.turn = beyond_turn,
		.arg = turns->turns};
	size_t count;
	struct sw_beyond **zones = sw_turns_apply(&list, turns->turns, turns->count, &count);
	struct sw_settings *all = zones ? sw_settings_beyond(roster->base, roster->all, turns->turns,
						  turns->count, zones, count)
					: NULL;
	if (all == NULL) {
		free(zones);
		return NULL;
	}
	struct sw_settings *old = roster->all;
	bool has_gone = false;
	pthread_mutex_lock(&roster->lock);
	for (size_t i = 0; i < turns->count; i++) {
		has_gone |= turns->turns[i].after == NULL;
		if (turns->turns[i].after != NULL)
			sw_beyond_hold(turns->turns[i].after);
		sw_beyond_free(turns->turns[i].before); /* the roster's; the turn has its own */
	}
	free(roster->zones);
	roster->zones = zones;
	roster->count = count;
	roster->all = all;
	/* what another catalog was refused may be free now */
	for (size_t i = 0; has_gone && i < roster->catalog_count; i++)
		roster->catalogs[i].is_stale |= roster->catalogs[i].version.has_clashes;
	pthread_mutex_unlock(&roster->lock);
	sw_settings_free(old);
	return all;
}

int sw_roster_write(struct sw_roster *roster, const struct sw_roster_turns *turns)
{
	int err = sw_register_begin(roster->reg);
	if (err != 0)
		return err;
	for (size_t i = 0; err == 0 && i < turns->count; i++) {
		const struct sw_turn *turn = &turns->turns[i];
		struct sw_register_entry entry =
			turn->after ? sw_beyond_entry(turn->after) : (struct sw_register_entry){0};
		err = turn->after ? sw_register_put(roster->reg, &entry)
				  : sw_register_remove(roster->reg, turn->apex);
	}
	int ended = sw_register_commit(roster->reg);
	return err ? err : ended;
}

/* ---- by hand ---- */

static const char *owner_text(const struct sw_roster *roster, const uint8_t *apex, char *text, size_t size)
{
	char name[SW_NAME_TEXT_MAX];
	const struct sw_beyond *beyond = sw_roster_beyond(roster, apex);
	if (sw_settings_find_zone(roster->base, apex) != NULL)
		snprintf(text, size, "the configuration has this zone");
	else if (beyond != NULL && beyond->catalog != NULL)
		snprintf(text, size, "catalog %.300s has this zone", sw_name_text(beyond->catalog, name));
	else if (beyond != NULL)
		snprintf(text, size, "this zone was added already");
	else
		return NULL;
	return text;
}

int sw_roster_add(struct sw_roster *roster, const uint8_t *apex, const char *template, const char *file,
	struct sw_roster_turns *turns, char *why)
{
	struct sw_beyond *beyond;
	const struct sw_template *found = find_template(roster->base, template ? template : TEMPLATE_DEFAULT);
	if (owner_text(roster, apex, why, SW_WHY_TEXT_MAX) != NULL)
		return -EEXIST;
	if (template != NULL && found == NULL) {
		snprintf(why, SW_WHY_TEXT_MAX, "no template '%.200s' in the configuration", template);
		return -EINVAL;
	}
	if (found != NULL && found->is_for_zone) {
		snprintf(why, SW_WHY_TEXT_MAX,
			"template '%.200s' names names in 'allow-update': it is for zones of the "
			"configuration",
			found->name);
		return -EINVAL;
	}
	struct sw_register_entry entry = {.zone = apex, .template = found ? found->name : NULL, .file = file};
	int err = sw_roster_make(roster->base, NULL, &entry, &beyond);
	if (err == 0 && beyond->is_mute) {
		sw_beyond_free(beyond);
		err = -EINVAL;
	}
	if (err == -EINVAL)
		strcpy(why, "a zone needs a file, or a template with a file or primaries");
	return err ? err : sw_roster_turns_add(turns, NULL, beyond, false);
}

int sw_roster_remove(struct sw_roster *roster, const uint8_t *apex, struct sw_roster_turns *turns, char *why)
{
	struct sw_beyond *beyond = sw_roster_beyond(roster, apex);
	if (beyond == NULL || beyond->catalog != NULL) {
		if (owner_text(roster, apex, why, SW_WHY_TEXT_MAX) == NULL)
			strcpy(why, "no such zone here");
		return beyond ? -EPERM : -ENOENT;
	}
	return sw_roster_turns_add(turns, beyond, NULL, false);
}

/* ---- catalogs made here ---- */

const struct sw_zone_setting *sw_roster_producer(const struct sw_roster *roster, size_t number)
{
	return number < roster->producer_count ? roster->producers[number] : NULL;
}

bool sw_roster_is_in(
	const struct sw_zone_setting *producer, const struct sw_template *template, const char **group)
{
	const struct sw_catalog_policy *policy = producer->policy->catalog;
	for (size_t i = 0; template != NULL && i < policy->group_count; i++) {
		if (strcmp(policy->groups[i].template, template->name) == 0) {
			*group = policy->groups[i].group;
			return true;
		}
	}
	return false;
}

bool sw_roster_is_member(const struct sw_roster *roster, const uint8_t *apex)
{
	const struct sw_beyond *beyond = sw_roster_beyond(roster, apex);
	return beyond != NULL && beyond->catalog != NULL;
}

/* ---- for commands ---- */

void sw_roster_look(struct sw_roster *roster, const uint8_t *apex, struct sw_roster_report *report)
{
	*report = (struct sw_roster_report){0};
	pthread_mutex_lock(&roster->lock);
	const struct sw_beyond *beyond = sw_roster_beyond(roster, apex);
	const struct sw_roster_entry *catalog = sw_roster_catalog(roster, apex);
	report->is_added = beyond != NULL && beyond->catalog == NULL;
	report->has_catalog = beyond != NULL && beyond->catalog != NULL;
	if (report->has_catalog)
		memcpy(report->catalog, beyond->catalog, sw_name_len(beyond->catalog));
	report->is_catalog = catalog != NULL;
	if (catalog != NULL) {
		report->is_broken = catalog->is_broken;
		report->serial = catalog->version.serial;
		report->members = catalog->version.members;
		report->ignored = catalog->version.ignored;
		memcpy(report->reason, catalog->reason, sizeof(report->reason));
	}
	pthread_mutex_unlock(&roster->lock);
}
