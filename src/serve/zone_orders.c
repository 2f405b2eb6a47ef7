/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/zone_orders.h"
#include "serve/control.h"
#include "serve/log.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static json_t *done(struct sw_zones *zones, const uint8_t *apex)
{
	char name[SW_NAME_TEXT_MAX], reason[SW_WHY_TEXT_MAX];
	enum sw_zone_state state;
	json_t *reply = json_pack("{s:b, s:s}", "ok", 1, "zone", sw_name_text(apex, name));
	if (sw_zones_state(zones, apex, &state, reason, sizeof(reason)) == 0)
		json_object_set_new(reply, "state", json_string(sw_zone_state_label(state)));
	return reply;
}

static json_t *add(struct sw_keep *keep, struct sw_zones *zones, const uint8_t *apex, const json_t *order)
{
	char why[SW_WHY_TEXT_MAX], name[SW_NAME_TEXT_MAX];
	if (sw_keep_add_zone(keep, apex, json_string_value(json_object_get(order, "template")),
		    json_string_value(json_object_get(order, "file")), why) != 0) {
		sw_log(SW_LOG_WARNING, "zone %s: not added by a command: %s", sw_name_text(apex, name), why);
		return sw_control_refusal(why);
	}
	sw_log(SW_LOG_INFO, "zone %s: added by a command", sw_name_text(apex, name));
	return done(zones, apex);
}

static json_t *drop(struct sw_keep *keep, struct sw_zones *zones, const uint8_t *apex, const json_t *order)
{
	char why[SW_WHY_TEXT_MAX];
	(void)order;
	if (sw_keep_remove_zone(keep, apex, why) != 0)
		return sw_control_refusal(why);
	return done(zones, apex);
}

static json_t *turn(struct sw_keep *keep, struct sw_zones *zones, const uint8_t *apex, bool is_frozen)
{
	char name[SW_NAME_TEXT_MAX];
	int err = keep ? sw_keep_freeze(keep, apex, is_frozen) : sw_zones_freeze(zones, apex, is_frozen);
	if (err != 0)
		return sw_control_refusal("no such zone here");
	sw_log(SW_LOG_INFO, "zone %s: %s by a command", sw_name_text(apex, name),
		is_frozen ? "frozen" : "thawed");
	return done(zones, apex);
}

static json_t *freeze(struct sw_keep *keep, struct sw_zones *zones, const uint8_t *apex, const json_t *order)
{
	(void)order;
	return turn(keep, zones, apex, true);
}

static json_t *thaw(struct sw_keep *keep, struct sw_zones *zones, const uint8_t *apex, const json_t *order)
{
	(void)order;
	return turn(keep, zones, apex, false);
}

/** Whether it is served, so that there is something to tell of or to sign. @return NULL, or the refusal */
static json_t *refuse_unserved(struct sw_zones *zones, const uint8_t *apex)
{
	char text[SW_WHY_TEXT_MAX + 128], reason[SW_WHY_TEXT_MAX];
	enum sw_zone_state state;
	if (sw_zones_state(zones, apex, &state, reason, sizeof(reason)) != 0)
		return sw_control_refusal("no such zone here");
	if (state == SW_ZONE_SERVING || state == SW_ZONE_OUTDATED)
		return NULL;
	snprintf(text, sizeof(text), "no version of it is served: it is %s%s%.400s",
		sw_zone_state_label(state), reason[0] ? ": " : "", reason);
	return sw_control_refusal(text);
}

static json_t *notify(struct sw_keep *keep, struct sw_zones *zones, const uint8_t *apex, const json_t *order)
{
	char why[SW_WHY_TEXT_MAX] = "nobody is notified of it: 'notify' in the configuration says whom";
	char name[SW_NAME_TEXT_MAX];
	const struct sw_zone_policy *policy;
	uint32_t serial;
	json_t *refusal = refuse_unserved(zones, apex);
	(void)order;
	if (refusal != NULL)
		return refusal;
	if (keep == NULL || sw_keep_notify(keep, apex, &serial, &policy, why) != 0)
		return sw_control_refusal(why);
	json_t *told = json_array();
	for (size_t i = 0; i < policy->notify_count; i++)
		json_array_append_new(told, json_string_nocheck(policy->notify[i]->name));
	sw_log(SW_LOG_INFO, "zone %s: its remotes are notified of serial %u by a command",
		sw_name_text(apex, name), serial);
	return json_pack(
		"{s:b, s:s, s:I, s:o}", "ok", 1, "zone", name, "serial", (json_int_t)serial, "notify", told);
}

static json_t *sign(struct sw_keep *keep, struct sw_zones *zones, const uint8_t *apex, const json_t *order)
{
	char why[SW_WHY_TEXT_MAX] = "it is not signed here: that needs 'dnssec' at the zone, and 'state' of "
				    "'server'";
	char name[SW_NAME_TEXT_MAX];
	json_t *refusal = refuse_unserved(zones, apex);
	(void)order;
	if (refusal != NULL)
		return refusal;
	if (keep == NULL || sw_keep_sign_anew(keep, apex, why) != 0)
		return sw_control_refusal(why);
	sw_log(SW_LOG_INFO, "zone %s: all of it is signed again by a command", sw_name_text(apex, name));
	return done(zones, apex);
}

json_t *sw_zone_order(struct sw_keep *keep, struct sw_zones *zones, const json_t *order)
{
	static const struct {
		const char *name;
		bool needs_state;
		json_t *(*run)(struct sw_keep *keep, struct sw_zones *zones, const uint8_t *apex,
			const json_t *order);
	} orders[] = {{"zone-add", true, add}, {"zone-remove", true, drop}, {"zone-freeze", false, freeze},
		{"zone-thaw", false, thaw}, {"zone-notify", false, notify}, {"zone-sign", false, sign}};
	const char *command = json_string_value(json_object_get(order, "command"));
	const char *name = json_string_value(json_object_get(order, "zone"));
	uint8_t apex[SW_NAME_MAX];
	if (name == NULL || sw_name_parse(name, apex) < 0)
		return sw_control_refusal("this is not a domain name");
	sw_name_lower(apex);
	for (size_t i = 0; command != NULL && i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (strcmp(command, orders[i].name) != 0)
			continue;
		if (orders[i].needs_state && keep == NULL)
			return sw_control_refusal(
				"this needs a directory that outlives the process: 'state' of 'server'");
		return orders[i].run(keep, zones, apex, order);
	}
	return sw_control_refusal("no such command");
}
