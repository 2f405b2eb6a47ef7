/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A few zones that come and go among many: what is known of the others stays as it is. */
#include "serve/beyond.h"
#include "serve/secondary_inside.h"
#include <sys/eventfd.h>

struct turning {
	struct sw_secondary *secondary;
	const struct sw_turn *turns;
	struct sw_secondary_entry **fresh; /* by turn; NULL: it has no primaries now */
	struct sw_secondary_entry **gone;
	size_t gone_count;
};

static int compare_apex(const void *apex, const void *zone)
{
	return sw_name_compare(apex, (*(struct sw_secondary_entry *const *)zone)->apex);
}

static bool turn(void *arg, size_t number, const void *old, void *fresh)
{
	struct turning *turning = arg;
	if (old != NULL)
		turning->gone[turning->gone_count++] = *(struct sw_secondary_entry *const *)old;
	*(struct sw_secondary_entry **)fresh = turning->fresh[number];
	return turning->fresh[number] != NULL;
}

static void heap_remove(struct sw_secondary *secondary, const struct sw_secondary_entry *zone)
{
	struct sw_secondary_entry *last = secondary->heap[--secondary->count];
	if (last == zone)
		return;
	sw_secondary_heap_put(secondary, zone->place, last);
	sw_secondary_heap_settle(secondary, last);
}

static void heap_add(struct sw_secondary *secondary, struct sw_secondary_entry *zone)
{
	sw_secondary_heap_put(secondary, secondary->count++, zone);
	sw_secondary_heap_settle(secondary, zone);
}

/** Entries for those that come. */
static int entries_make(struct turning *turning, size_t count, sw_secondary_known_fn *known, void *arg)
{
	int64_t now = sw_now_s();
	for (size_t i = 0; i < count; i++) {
		const struct sw_beyond *after = turning->turns[i].after;
		if (after == NULL || after->is_mute || after->setting.policy->primary_count == 0)
			continue;
		turning->fresh[i] = sw_secondary_zone_new(&after->setting, known, arg, now);
		if (turning->fresh[i] == NULL)
			return -ENOMEM;
		if (turning->turns[i].keeps_state) /* perhaps from others than before */
			sw_refresh_wanted(&turning->fresh[i]->refresh, now);
	}
	return 0;
}

/** With the lock held. */
static int apply(struct turning *turning, struct sw_settings *settings, size_t count)
{
	struct sw_secondary *secondary = turning->secondary;
	const struct sw_turn_list list = {.old = secondary->zones,
		.old_count = secondary->count,
		.size = sizeof(struct sw_secondary_entry *),
		.compare = compare_apex,
		.turn = turn,
		.arg = turning};
	struct sw_secondary_entry **heap =
		reallocarray(secondary->heap, secondary->count + count + 1, sizeof(*heap));
	if (heap == NULL)
		return -ENOMEM;
	secondary->heap = heap;
	size_t fresh_count;
	struct sw_secondary_entry **zones = sw_turns_apply(&list, turning->turns, count, &fresh_count);
	if (zones == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < turning->gone_count; i++) {
		sw_secondary_unwait(secondary, turning->gone[i]);
		heap_remove(secondary, turning->gone[i]);
		sw_secondary_zone_free(turning->gone[i]);
	}
	for (size_t i = 0; i < count; i++) {
		if (turning->fresh[i] != NULL)
			heap_add(secondary, turning->fresh[i]);
	}
	free(secondary->zones);
	secondary->zones = zones;
	sw_settings_free(secondary->settings);
	secondary->settings = sw_settings_hold(settings);
	return 0;
}

int sw_secondary_turn(struct sw_secondary *secondary, struct sw_settings *settings,
	const struct sw_turn *turns, size_t count, sw_secondary_known_fn *known, void *arg)
{
	struct turning turning = {.secondary = secondary,
		.turns = turns,
		.fresh = calloc(count + 1, sizeof(struct sw_secondary_entry *)),
		.gone = calloc(count + 1, sizeof(struct sw_secondary_entry *))};
	int err = turning.fresh && turning.gone ? entries_make(&turning, count, known, arg) : -ENOMEM;
	pthread_mutex_lock(&secondary->lock);
	if (err == 0)
		err = apply(&turning, settings, count);
	pthread_mutex_unlock(&secondary->lock);
	for (size_t i = 0; i < count && err != 0 && turning.fresh != NULL; i++)
		sw_secondary_zone_free(turning.fresh[i]);
	free(turning.fresh);
	free(turning.gone);
	eventfd_write(secondary->wake, 1);
	return err;
}

int sw_secondary_freeze(struct sw_secondary *secondary, const uint8_t *apex, bool is_frozen)
{
	pthread_mutex_lock(&secondary->lock);
	struct sw_secondary_entry *zone = sw_secondary_find(secondary, apex);
	if (zone != NULL) {
		if (zone->is_frozen && !is_frozen)
			sw_refresh_wanted(&zone->refresh, sw_now_s());
		zone->is_frozen = is_frozen;
		sw_secondary_unwait(secondary, zone); /* its place is for others */
		sw_secondary_heap_settle(secondary, zone);
	}
	pthread_mutex_unlock(&secondary->lock);
	eventfd_write(secondary->wake, 1);
	return zone ? 0 : -ENOENT;
}
