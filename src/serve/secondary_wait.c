/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Zones that wait for a place at a primary, which is asked for so many at once. First come, first served.
 * The thread's, with the lock held. */
#include "serve/secondary_inside.h"

struct sw_secondary_queue {
	struct sw_secondary_entry *first, **last;
};

int sw_secondary_queues_new(struct sw_secondary_queue **result, size_t remotes)
{
	struct sw_secondary_queue *queues = calloc(remotes + 1, sizeof(*queues));
	if (queues == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < remotes; i++)
		queues[i].last = &queues[i].first;
	*result = queues;
	return 0;
}

/** Of a remote, perhaps of earlier settings. NULL: it is gone, and nobody waits for it. */
static struct sw_secondary_queue *queue_of(
	const struct sw_secondary *secondary, const struct sw_remote *remote)
{
	const struct sw_remote *now = sw_settings_find_remote(secondary->settings, remote->name);
	return now ? &secondary->queues[now - secondary->settings->remotes] : NULL;
}

static const struct sw_remote *remote_of(const struct sw_attempt *attempt)
{
	return attempt->remote < attempt->policy->primary_count ? attempt->policy->primaries[attempt->remote]
								: NULL;
}

bool sw_secondary_is_full(const struct sw_secondary *secondary, const struct sw_attempt *attempt)
{
	const struct sw_remote *remote = remote_of(attempt);
	uint64_t asked = 0;
	for (unsigned i = 0; i < secondary->attempt_count; i++) {
		const struct sw_attempt *other = secondary->attempts[i];
		const struct sw_remote *its = other->fetch ? remote_of(other) : NULL;
		if (other != attempt && its != NULL && strcmp(its->name, remote->name) == 0)
			asked++;
	}
	return asked >= sw_limits(&secondary->settings->limits).in_primary_at_once;
}

bool sw_secondary_wait(struct sw_secondary *secondary, const struct sw_attempt *attempt)
{
	struct sw_secondary_entry *zone = sw_secondary_find(secondary, attempt->apex);
	struct sw_secondary_queue *queue = queue_of(secondary, remote_of(attempt));
	if (zone == NULL || queue == NULL)
		return false;
	/* where it stood: another primary may have been asked in vain, or for changes */
	zone->start_remote = attempt->remote;
	zone->is_whole |= attempt->is_whole;
	zone->refresh.is_asking = false;
	zone->is_waiting = true;
	zone->next_waiting = NULL;
	*queue->last = zone;
	queue->last = &zone->next_waiting;
	secondary->waiting++;
	sw_secondary_heap_settle(secondary, zone);
	return true;
}

void sw_secondary_wake(struct sw_secondary *secondary, const struct sw_remote *remote)
{
	struct sw_secondary_queue *queue = queue_of(secondary, remote);
	struct sw_secondary_entry *zone = queue ? queue->first : NULL;
	if (zone == NULL)
		return;
	queue->first = zone->next_waiting;
	if (queue->first == NULL)
		queue->last = &queue->first;
	zone->is_waiting = false;
	secondary->waiting--;
	zone->refresh.next_s = sw_now_s();
	sw_secondary_heap_settle(secondary, zone);
}

void sw_secondary_unwait(struct sw_secondary *secondary, struct sw_secondary_entry *zone)
{
	for (size_t i = 0; zone->is_waiting && i < secondary->settings->remote_count; i++) {
		struct sw_secondary_queue *queue = &secondary->queues[i];
		for (struct sw_secondary_entry **at = &queue->first; *at != NULL; at = &(*at)->next_waiting) {
			if (*at != zone)
				continue;
			*at = zone->next_waiting;
			if (*at == NULL)
				queue->last = at;
			zone->is_waiting = false;
			secondary->waiting--;
			break;
		}
	}
}
