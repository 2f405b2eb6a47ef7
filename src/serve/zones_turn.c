/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Zones that come and go among many that stay: no other is looked at. */
#include "serve/beyond.h"
#include "serve/clock.h"
#include "serve/zones_inside.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct turning {
	const struct sw_turn *turns;
	/* by turn: made for it; NULL once it has a place, or where none is needed */
	struct sw_zones_entry **fresh;
	/* those to be loaded, their settings and whether they were there before */
	struct sw_zones_entry **some;
	const struct sw_zone_setting **settings;
	bool *is_again;
	size_t some_count;
	struct sw_zones_entry **gone;
	size_t gone_count;
};

static bool zone_turn(void *arg, size_t number, const void *old_element, void *fresh_element)
{
	struct turning *turning = arg;
	const struct sw_turn *turn = &turning->turns[number];
	struct sw_zones_entry *old = old_element ? *(struct sw_zones_entry *const *)old_element : NULL,
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
	*(struct sw_zones_entry **)fresh_element = fresh;
	return true;
}

static int turning_begin(struct turning *turning, const struct sw_turn *turns, size_t count)
{
	*turning = (struct turning){.turns = turns,
		.fresh = calloc(count + 1, sizeof(struct sw_zones_entry *)),
		.some = calloc(count + 1, sizeof(struct sw_zones_entry *)),
		.settings = calloc(count + 1, sizeof(struct sw_zone_setting *)),
		.is_again = calloc(count + 1, sizeof(bool)),
		.gone = calloc(count + 1, sizeof(struct sw_zones_entry *))};
	if (!turning->fresh || !turning->some || !turning->settings || !turning->is_again || !turning->gone)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct sw_beyond *after = turns[i].after;
		if (after != NULL && !after->is_mute &&
			(turning->fresh[i] = sw_zones_entry_new(&after->setting)) == NULL)
			return -ENOMEM;
	}
	return 0;
}

static void turning_end(struct turning *turning, size_t count)
{
	for (size_t i = 0; turning->fresh != NULL && i < count; i++)
		sw_zones_entry_free(turning->fresh[i]);
	free(turning->fresh);
	free(turning->some);
	free(turning->settings);
	free(turning->is_again);
	free(turning->gone);
}

void sw_zones_try(struct sw_zones *zones, const uint8_t *apex)
{
	zones->tried = apex;
}

int sw_zones_turn(struct sw_zones *zones, struct sw_settings *settings, const struct sw_turn *turns,
	size_t count, struct sw_zones_outcome *outcome)
{
	struct turning turning;
	const struct sw_turn_list list = {.old = zones->zones,
		.old_count = zones->count,
		.size = sizeof(struct sw_zones_entry *),
		.compare = sw_zones_compare,
		.turn = zone_turn,
		.arg = &turning};
	uint64_t start_ns = sw_now_ns();
	size_t merged_count;
	memset(outcome, 0, sizeof(*outcome));
	int err = turning_begin(&turning, turns, count);
	struct sw_zones_entry **merged = err ? NULL : sw_turns_apply(&list, turns, count, &merged_count);
	if (merged == NULL) {
		turning_end(&turning, count);
		return -ENOMEM;
	}
	pthread_mutex_lock(&zones->lock);
	struct sw_zones_entry **old = zones->zones;
	zones->zones = merged;
	zones->count = merged_count;
	for (size_t i = 0; i < turning.some_count; i++) {
		turning.some[i]->is_listed = true;
		sw_zones_entry_update(zones, turning.some[i], turning.settings[i]);
	}
	sw_settings_free(zones->settings);
	zones->settings = sw_settings_hold(settings);
	pthread_mutex_unlock(&zones->lock);
	free(old);
	for (size_t i = 0; i < turning.gone_count; i++)
		sw_zones_drop(zones, turning.gone[i], outcome);
	for (size_t i = 0; i < turning.some_count; i++) {
		sw_zones_prepare(zones, turning.some[i], turning.settings[i]);
		/* what is served of it goes with its state, and is no reason to serve it on */
		if (turning.is_again[i] && turning.some[i]->loaded_s == 0 && !turning.some[i]->is_prepared)
			sw_store_prepare_expired(zones->store, turning.some[i]->apex);
	}
	if (zones->keeper.loaded != NULL)
		zones->keeper.loaded(zones->keeper.arg);
	sw_zones_publish(zones, turning.some, turning.some_count, outcome);
	turning_end(&turning, count);
	outcome->seconds = sw_seconds_since(start_ns);
	return 0;
}
