/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a version of a catalog changes about its members (RFC 9432 s5). */
#include "serve/log.h"
#include "serve/roster_inside.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOG_EACH_MAX 8 /* members left out that are named in the log */

void sw_roster_changed(struct sw_roster *roster, const uint8_t *apex)
{
	struct sw_roster_entry *catalog = sw_roster_catalog(roster, apex);
	if (catalog != NULL)
		catalog->is_stale = true;
}

const struct sw_zone_setting *sw_roster_next_catalog(struct sw_roster *roster)
{
	for (size_t i = 0; i < roster->catalog_count; i++) {
		if (!roster->catalogs[i].is_stale)
			continue;
		roster->catalogs[i].is_stale = roster->catalogs[i].is_failed = false;
		return roster->catalogs[i].setting;
	}
	return NULL;
}

void sw_roster_broken(
	struct sw_roster *roster, const struct sw_zone_setting *setting, uint32_t serial, const char *why)
{
	char name[SW_NAME_TEXT_MAX];
	struct sw_roster_entry *catalog = sw_roster_catalog(roster, setting->apex);
	if (catalog == NULL)
		return;
	if (!catalog->is_broken || strcmp(catalog->reason, why) != 0)
		sw_log(SW_LOG_ERROR,
			"catalog %s: serial %u is not processed: %s; its members stay as they are",
			sw_name_text(setting->apex, name), serial, why);
	pthread_mutex_lock(&roster->lock);
	catalog->is_broken = true;
	snprintf(catalog->reason, sizeof(catalog->reason), "%s", why);
	pthread_mutex_unlock(&roster->lock);
}

void sw_roster_failed(
	struct sw_roster *roster, const struct sw_zone_setting *setting, uint32_t serial, const char *why)
{
	struct sw_roster_entry *catalog = sw_roster_catalog(roster, setting->apex);
	sw_roster_broken(roster, setting, serial, why);
	if (catalog != NULL)
		catalog->is_failed = true;
}

bool sw_roster_has_failed(const struct sw_roster *roster)
{
	bool has_failed = false;
	for (size_t i = 0; i < roster->catalog_count; i++)
		has_failed |= roster->catalogs[i].is_failed;
	return has_failed;
}

void sw_roster_again(struct sw_roster *roster)
{
	for (size_t i = 0; i < roster->catalog_count; i++)
		roster->catalogs[i].is_stale |= roster->catalogs[i].is_failed;
}

/** What is being taken of a catalog. */
struct taking {
	struct sw_roster *roster;
	const struct sw_zone_setting *setting;
	struct sw_roster_turns *turns;
	struct sw_roster_version *version;
};

static bool is_below_any(const struct sw_catalog_policy *policy, const uint8_t *zone)
{
	for (size_t i = 0; i < policy->only_below_count; i++) {
		if (sw_name_in(zone, policy->only_below[i]))
			return true;
	}
	return policy->only_below_count == 0;
}

static int leave_out(struct taking *taking, const struct sw_catalog_member *member, const char *why)
{
	char catalog[SW_NAME_TEXT_MAX], name[SW_NAME_TEXT_MAX];
	if (++taking->version->ignored <= LOG_EACH_MAX)
		sw_log(SW_LOG_ERROR, "catalog %s: member %s is left out: %s",
			sw_name_text(taking->setting->apex, catalog), sw_name_text(member->zone, name), why);
	return 0;
}

/** Why a catalog may not bring a zone, whoever has it now; NULL when it may. */
static const char *forbidden(const struct taking *taking, const struct sw_catalog_member *member,
	const struct sw_register_entry *entry)
{
	const struct sw_catalog_policy *policy = taking->setting->policy->catalog;
	if (sw_name_equal(member->zone, taking->setting->apex))
		return "it is the catalog itself";
	if (sw_settings_find_zone(taking->roster->base, member->zone) != NULL)
		return "the configuration has this zone";
	if (!is_below_any(policy, member->zone))
		return "it is not at or below a name in 'only-below'";
	if (sw_roster_template(policy, entry) == NULL)
		return "no template is for its group";
	return NULL;
}

/** Whether a member is served as before, by what is kept of it. */
static bool is_same(const struct sw_beyond *a, const struct sw_beyond *b)
{
	const char *a_file = a->setting.file ? a->setting.file : "",
		   *b_file = b->setting.file ? b->setting.file : "";
	bool is_coo = a->coo && b->coo ? sw_name_equal(a->coo, b->coo) : a->coo == b->coo;
	return is_coo && a->is_mute == b->is_mute && a->groups_len == b->groups_len &&
	       (a->groups_len == 0 || memcmp(a->groups, b->groups, a->groups_len) == 0) &&
	       a->setting.template == b->setting.template && a->setting.policy == b->setting.policy &&
	       strcmp(a_file, b_file) == 0;
}

static bool is_of(const struct sw_beyond *beyond, const struct sw_zone_setting *catalog)
{
	return beyond->catalog != NULL && sw_name_equal(beyond->catalog, catalog->apex);
}

/** A member of the catalog. @param before  the zone of that name beyond the configuration, or NULL */
static int member_take(
	struct taking *taking, const struct sw_catalog_member *member, struct sw_beyond *before)
{
	const struct sw_register_entry entry = {
		.zone = member->zone,
		.catalog = taking->setting->apex,
		.label = member->label,
		.coo = member->coo,
		.groups = member->groups,
		.groups_len = member->groups_len,
	};
	struct sw_beyond *after;
	bool is_ours = before != NULL && is_of(before, taking->setting);
	/* RFC 9432 s4.3.1: another catalog gives it away, to this one */
	bool is_given = before != NULL && !is_ours && before->catalog != NULL && before->coo != NULL &&
			sw_name_equal(before->coo, taking->setting->apex);
	const char *why = forbidden(taking, member, &entry);
	if (why == NULL && before != NULL && !is_ours && !is_given) {
		taking->version->has_clashes = true; /* s5.2 */
		why = before->catalog ? "another catalog has this zone"
				      : "it was added by 'seawall zone add'";
	}
	if (why != NULL) {
		leave_out(taking, member, why);
		return is_ours ? sw_roster_turns_add(taking->turns, before, NULL, false) : 0;
	}
	int err = sw_roster_make(taking->roster->base, taking->setting, &entry, &after);
	if (err == -EINVAL || err == -ENAMETOOLONG)
		return leave_out(taking, member, "no file can be called so");
	if (err != 0)
		return err;
	taking->version->members++;
	/* s5.4: another label, another zone; s4.3.1: so too when it changes hands */
	bool keeps_state = before != NULL && *before->label == *member->label &&
			   memcmp(before->label, member->label, 1u + *member->label) == 0;
	if (is_ours && keeps_state && is_same(before, after)) {
		sw_beyond_free(after);
		return 0;
	}
	return sw_roster_turns_add(taking->turns, before, after, keeps_state);
}

static int members_take(struct taking *taking, const struct sw_catalog_member *members, size_t count)
{
	const struct sw_roster *roster = taking->roster;
	int err = 0;
	for (size_t i = 0, j = 0; err == 0 && (i < count || j < roster->count);) {
		struct sw_beyond *zone = j < roster->count ? roster->zones[j] : NULL;
		int order = zone == NULL ? -1
			    : i == count ? 1
					 : sw_name_compare(members[i].zone, zone->setting.apex);
		if (order <= 0)
			err = member_take(taking, &members[i], order == 0 ? zone : NULL);
		else if (is_of(zone, taking->setting)) /* s5.3 */
			err = sw_roster_turns_add(taking->turns, zone, NULL, false);
		i += order <= 0;
		j += order >= 0;
	}
	return err;
}

int sw_roster_take(struct sw_roster *roster, const struct sw_zone_setting *setting,
	const struct sw_catalog *parsed, struct sw_roster_turns *turns, struct sw_roster_version *version)
{
	char name[SW_NAME_TEXT_MAX];
	struct taking taking = {.roster = roster, .setting = setting, .turns = turns, .version = version};
	size_t count;
	const struct sw_catalog_member *members = sw_catalog_members(parsed, &count);
	*version = (struct sw_roster_version){.serial = version->serial};
	int err = sw_roster_catalog(roster, setting->apex) ? members_take(&taking, members, count) : -ENOENT;
	if (err != 0) {
		sw_roster_turns_free(turns);
		return err;
	}
	if (version->ignored > LOG_EACH_MAX)
		sw_log(SW_LOG_ERROR, "catalog %s: %zu members in all are left out",
			sw_name_text(setting->apex, name), version->ignored);
	return 0;
}

void sw_roster_taken(struct sw_roster *roster, const struct sw_zone_setting *setting,
	const struct sw_roster_version *version)
{
	struct sw_roster_entry *catalog = sw_roster_catalog(roster, setting->apex);
	if (catalog == NULL)
		return;
	pthread_mutex_lock(&roster->lock);
	catalog->is_broken = false;
	catalog->reason[0] = '\0';
	catalog->version = *version;
	pthread_mutex_unlock(&roster->lock);
}
