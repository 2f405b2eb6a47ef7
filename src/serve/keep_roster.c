/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Zones that come and go while the server runs. */
#include "serve/keep_inside.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void forget(void *arg, const uint8_t *apex)
{
	sw_keep_remove(arg, apex);
}

struct sw_settings *sw_keep_roster(struct sw_keep *keep, struct sw_settings *base)
{
	return sw_roster_follow(keep->roster, base, forget, keep);
}

struct sw_roster *sw_keep_beyond(struct sw_keep *keep)
{
	return keep ? keep->roster : NULL;
}

/** As if the turns had not been. Memory that was there a moment ago is there again. */
static void turn_back(struct sw_keep *keep, const struct sw_roster_turns *turns, bool is_served)
{
	struct sw_roster_turns undo = {0};
	struct sw_zones_outcome outcome;
	int err = sw_roster_undo(turns, &undo);
	if (err == 0 && is_served)
		err = sw_keep_turn(keep, &undo, &outcome);
	else if (err == 0)
		err = sw_roster_turn(keep->roster, &undo) ? 0 : -ENOMEM;
	if (err != 0)
		sw_log(SW_LOG_ERROR, "out of memory: zones are as they were at the next reload");
	sw_roster_turns_free(&undo);
}

int sw_keep_turn(struct sw_keep *keep, const struct sw_roster_turns *turns, struct sw_zones_outcome *outcome)
{
	struct sw_settings *all = sw_roster_turn(keep->roster, turns);
	if (all == NULL)
		return -ENOMEM;
	int err = sw_zones_turn(keep->zones, all, turns->turns, turns->count, outcome);
	if (err != 0) {
		turn_back(keep, turns, false);
		return err;
	}
	/* the state of those that are gone goes before they do: else it would be left behind by a crash */
	sw_keep_settle(keep);
	sw_keep_settings_turn(keep, all, turns->turns, turns->count);
	sw_keep_published(keep);
	sw_keep_produce_turns(keep, turns);
	return 0;
}

/** Take turns that a person waits for. */
static int turns_order(struct sw_keep *keep, struct sw_roster_turns *turns, char *why)
{
	struct sw_zones_outcome outcome;
	enum sw_zone_state state = SW_ZONE_WAITING;
	char reason[SW_WHY_TEXT_MAX] = "";
	bool is_coming = turns->turns[0].after != NULL;
	sw_zones_try(keep->zones,
		is_coming ? turns->turns[0].apex : NULL); /* the command says what came of it, and logs it */
	int err = sw_keep_turn(keep, turns, &outcome);
	bool is_served = err == 0;
	if (err == 0 && is_coming)
		sw_zones_state(keep->zones, turns->turns[0].apex, &state, reason, sizeof(reason));
	if (state == SW_ZONE_REFUSED) {
		snprintf(why, SW_WHY_TEXT_MAX, "%s", reason);
		err = -EBADMSG;
	}
	if (err == 0) {
		err = sw_roster_write(keep->roster, turns);
		if (err != 0)
			snprintf(why, SW_WHY_TEXT_MAX, "state cannot be written: %s", strerror(-err));
	}
	if (err != 0 && is_served)
		turn_back(keep, turns, true);
	sw_zones_try(keep->zones, NULL);
	if (err != 0 && why[0] == '\0')
		snprintf(why, SW_WHY_TEXT_MAX, "%s", strerror(-err));
	sw_keep_catalogs(keep); /* a name may be free now */
	return err;
}

int sw_keep_add_zone(
	struct sw_keep *keep, const uint8_t *apex, const char *template, const char *file, char *why)
{
	struct sw_roster_turns turns = {0};
	why[0] = '\0';
	int err = sw_roster_add(keep->roster, apex, template, file, &turns, why);
	if (err == 0)
		err = turns_order(keep, &turns, why);
	sw_roster_turns_free(&turns);
	return err;
}

int sw_keep_remove_zone(struct sw_keep *keep, const uint8_t *apex, char *why)
{
	struct sw_roster_turns turns = {0};
	why[0] = '\0';
	int err = sw_roster_remove(keep->roster, apex, &turns, why);
	if (err == 0)
		err = turns_order(keep, &turns, why);
	sw_roster_turns_free(&turns);
	return err;
}

int sw_keep_freeze(struct sw_keep *keep, const uint8_t *apex, bool is_frozen)
{
	int err = sw_zones_freeze(keep->zones, apex, is_frozen);
	if (err == 0) /* of a zone without primaries there is nothing to tell */
		(void)sw_secondary_freeze(keep->secondary, apex, is_frozen);
	return err;
}
