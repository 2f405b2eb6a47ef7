/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/zone_commands.h"
#include "serve/control.h"
#include "serve/key_commands.h"
#include "serve/standing.h"
#include "serve/status.h"
#include <errno.h>
#include <string.h>
#include <urcu.h>

/* ---- what it is told to do ---- */

static json_t *remote_json(const struct sw_remote *remote)
{
	char text[SW_ENDPOINT_TEXT_MAX], key[SW_NAME_TEXT_MAX];
	json_t *addresses = json_array();
	for (size_t i = 0; i < remote->address_count; i++)
		json_array_append_new(addresses, json_string(sw_endpoint_text(&remote->addresses[i], text)));
	return json_pack("{s:s, s:o, s:s?, s:b}", "remote", remote->name, "addresses", addresses, "key",
		remote->key ? sw_name_text(remote->key->name, key) : NULL, "tls", remote->is_tls);
}

static json_t *remotes_json(const struct sw_remote *const *remotes, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, remote_json(remotes[i]));
	return array;
}

/** From whom it comes, whom it is told to, and whether it takes updates. */
static void policy_add(struct sw_keep *keep, const uint8_t *apex, json_t *zone)
{
	static const struct sw_zone_policy none;
	rcu_register_thread(); /* the thread of commands answers no queries */
	rcu_read_lock();
	const struct sw_zone_setting *setting = keep ? sw_live_zone(sw_keep_live(keep), apex) : NULL;
	const struct sw_zone_policy *policy = setting ? setting->policy : &none;
	json_object_set_new(zone, "primaries", remotes_json(policy->primaries, policy->primary_count));
	json_object_set_new(zone, "notify", remotes_json(policy->notify, policy->notify_count));
	json_object_set_new(zone, "updates",
		json_string(!sw_standing_takes_updates(policy) ? "refused"
			    : policy->primary_count > 0	       ? "forwarded"
							       : "taken"));
	rcu_read_unlock();
	rcu_unregister_thread();
}

/* ---- where it stands ---- */

/** What is known of a zone beyond the configuration, and of a catalog. */
static void beyond_add(struct sw_keep *keep, const uint8_t *apex, json_t *zone)
{
	char text[SW_NAME_TEXT_MAX];
	struct sw_roster_report report;
	if (sw_keep_beyond(keep) == NULL)
		return;
	sw_roster_look(sw_keep_beyond(keep), apex, &report);
	json_object_set_new(zone, "origin",
		json_string(report.is_added	 ? "added"
			    : report.has_catalog ? "catalog"
						 : "configuration"));
	if (report.has_catalog)
		json_object_set_new(zone, "member_of", json_string(sw_name_text(report.catalog, text)));
	if (report.is_catalog)
		json_object_set_new(zone, "catalog",
			json_pack("{s:b, s:I, s:I, s:I, s:s%}", "broken", report.is_broken, "serial",
				(json_int_t)report.serial, "members", (json_int_t)report.members, "left_out",
				(json_int_t)report.ignored, "reason", report.reason, strlen(report.reason)));
}

/** Where its records are, for who reads them there ('seawall zone export'). */
static void archive_add(struct sw_keep *keep, const uint8_t *apex, json_t *zone)
{
	struct sw_snapshot *snapshot;
	struct sw_archive_zone kept;
	if (keep == NULL || sw_live_snapshot(sw_keep_live(keep), &snapshot) != 0)
		return;
	if (sw_snapshot_zone(snapshot, apex, &kept) == 0)
		json_object_set_new(zone, "archive", json_string_nocheck(sw_keep_directory(keep)));
	sw_snapshot_close(snapshot);
}

struct search {
	const uint8_t *apex;
	json_t *found;
	bool is_served;
};

static void search_look(void *arg, const struct sw_zone_report *report)
{
	struct search *search = arg;
	if (!sw_name_equal(report->apex, search->apex))
		return;
	search->found = sw_status_zone(report);
	search->is_served = report->loaded_s != 0;
}

static json_t *show(struct sw_keep *keep, struct sw_zones *zones, const uint8_t *apex)
{
	static const char *const versions[] = {
		"serial", "names", "records", "signed"}; /* of the one served */
	struct search search = {.apex = apex};
	sw_zones_each(zones, search_look, &search);
	if (search.found == NULL)
		return sw_control_refusal("no such zone here");
	for (size_t i = 0; !search.is_served && i < sizeof(versions) / sizeof(versions[0]); i++)
		json_object_set_new(search.found, versions[i], json_null());
	policy_add(keep, apex, search.found);
	sw_status_secondary_add(sw_keep_secondary(keep), apex, search.found);
	beyond_add(keep, apex, search.found);
	archive_add(keep, apex, search.found);
	sw_key_zone_add(keep, apex, search.found);
	return json_pack("{s:b, s:o}", "ok", 1, "zone", search.found);
}

static json_t *ask(struct sw_keep *keep, struct sw_zones *zones, const uint8_t *apex, bool is_whole)
{
	struct sw_secondary *secondary = sw_keep_secondary(keep);
	if (sw_zones_is_frozen(zones, apex))
		return sw_control_refusal(
			"it is frozen, and its primaries are not asked: 'seawall zone thaw' first");
	if (secondary == NULL || sw_secondary_ask(secondary, apex, false, 0, is_whole) != 0)
		return sw_control_refusal("no such zone here that comes from primaries");
	return json_pack("{s:b}", "ok", 1);
}

json_t *sw_zone_command(
	struct sw_keep *keep, struct sw_zones *zones, const char *command, const json_t *request)
{
	static const char *const commands[] = {"zone-show", "zone-refresh", "zone-retransfer"};
	uint8_t apex[SW_NAME_MAX];
	size_t which = 0;
	while (which < 3 && strcmp(command, commands[which]) != 0)
		which++;
	if (which == 3)
		return NULL;
	const char *name = json_string_value(json_object_get(request, "zone"));
	if (name == NULL || sw_name_parse(name, apex) < 0)
		return sw_control_refusal("this is not a domain name");
	sw_name_lower(apex);
	return which == 0 ? show(keep, zones, apex) : ask(keep, zones, apex, which == 2);
}
