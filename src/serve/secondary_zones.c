/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/secondary_inside.h"

static int compare_apex(const void *apex, const void *zone)
{
	return sw_name_compare(apex, (*(struct sw_secondary_entry *const *)zone)->apex);
}

struct sw_secondary_entry *sw_secondary_find(const struct sw_secondary *secondary, const uint8_t *apex)
{
	if (secondary->count == 0)
		return NULL;
	struct sw_secondary_entry **found = bsearch(
		apex, secondary->zones, secondary->count, sizeof(struct sw_secondary_entry *), compare_apex);
	return found ? *found : NULL;
}

struct sw_secondary_entry *sw_secondary_zone_new(
	const struct sw_zone_setting *setting, sw_secondary_known_fn *known, void *arg, int64_t now)
{
	size_t len = sw_name_len(setting->apex);
	struct sw_secondary_entry *zone = calloc(1, sizeof(*zone) + len);
	struct sw_secondary_zone state = {.setting = setting};
	if (zone == NULL)
		return NULL;
	memcpy(zone->apex, setting->apex, len);
	zone->policy = setting->policy;
	if (known(arg, setting->apex, &state) && sw_secondary_soa_keep(zone, state.soa) != 0) {
		sw_secondary_zone_free(zone);
		return NULL;
	}
	sw_refresh_start(&zone->refresh, state.confirmed_s, state.expires_s, now, sw_chance());
	return zone;
}

void sw_secondary_zone_free(struct sw_secondary_entry *zone)
{
	if (zone == NULL)
		return;
	sw_records_free(&zone->soa);
	free(zone);
}

/** When something is to be done: ask, or say that it has expired. */
int64_t sw_secondary_due_s(const struct sw_secondary_entry *zone)
{
	bool is_in_hand = zone->refresh.is_asking || zone->is_waiting || zone->is_frozen;
	int64_t ask_s = is_in_hand ? INT64_MAX : zone->refresh.next_s;
	int64_t end_s = zone->refresh.expires_s ? zone->refresh.expires_s : INT64_MAX;
	return ask_s < end_s ? ask_s : end_s;
}

void sw_secondary_heap_put(struct sw_secondary *secondary, size_t place, struct sw_secondary_entry *zone)
{
	secondary->heap[place] = zone;
	zone->place = place;
}

/** Its time has changed: up or down. */
void sw_secondary_heap_settle(struct sw_secondary *secondary, struct sw_secondary_entry *zone)
{
	size_t place = zone->place;
	int64_t due = sw_secondary_due_s(zone);
	for (; place > 0 && sw_secondary_due_s(secondary->heap[(place - 1) / 2]) > due;
		place = (place - 1) / 2)
		sw_secondary_heap_put(secondary, place, secondary->heap[(place - 1) / 2]);
	for (size_t child; (child = 2 * place + 1) < secondary->count; place = child) {
		if (child + 1 < secondary->count && sw_secondary_due_s(secondary->heap[child + 1]) <
							    sw_secondary_due_s(secondary->heap[child]))
			child++;
		if (sw_secondary_due_s(secondary->heap[child]) >= due)
			break;
		sw_secondary_heap_put(secondary, place, secondary->heap[child]);
	}
	sw_secondary_heap_put(secondary, place, zone);
}

int sw_secondary_soa_keep(struct sw_secondary_entry *zone, const struct sw_record *soa)
{
	struct sw_records fresh = {0};
	int err = soa ? sw_records_add(&fresh, soa) : 0;
	if (err != 0)
		return err;
	sw_records_free(&zone->soa);
	zone->soa = fresh;
	return 0;
}

bool sw_secondary_soa(const struct sw_secondary_entry *zone, struct sw_record *soa)
{
	size_t at = 0;
	return sw_records_next(&zone->soa, &at, soa);
}

static uint32_t within(uint32_t value, uint32_t low, uint32_t high)
{
	value = high != 0 && value > high ? high : value;
	return value < low ? low : value;
}

/** The SOA's timers, within the operator's bounds; where there is none, those that suit a zone never seen. */
struct sw_soa_timers sw_secondary_timers(const struct sw_secondary_entry *zone)
{
	const struct sw_zone_policy *policy = zone->policy;
	struct sw_soa_timers timers = {.refresh_s = 3600, .retry_s = 15, .expire_s = 604800};
	struct sw_record soa;
	if (sw_secondary_soa(zone, &soa))
		timers = sw_soa_timers(&soa);
	timers.refresh_s = within(timers.refresh_s, policy->refresh_min_s, policy->refresh_max_s);
	timers.retry_s = within(timers.retry_s, policy->retry_min_s, 0);
	timers.expire_s = within(timers.expire_s, 0, policy->expire_max_s);
	return timers;
}
