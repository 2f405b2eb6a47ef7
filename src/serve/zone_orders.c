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
		    json_string_value(json_object_get(order, "file")), why) != 0)
		return sw_control_refusal(why);
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

json_t *sw_zone_order(struct sw_keep *keep, struct sw_zones *zones, const json_t *order)
{
	static const struct {
		const char *name;
		bool needs_state;
		json_t *(*run)(struct sw_keep *keep, struct sw_zones *zones, const uint8_t *apex,
			const json_t *order);
	} orders[] = {{"zone-add", true, add}, {"zone-remove", true, drop}, {"zone-freeze", false, freeze},
		{"zone-thaw", false, thaw}};
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
