/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/live.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <urcu.h>

#define UPDATES_MAX 4096 /* that wait; each is at most 64 KiB, mostly some hundred bytes */

struct sw_live {
	struct sw_archive *archive;
	struct sw_live_calls calls;
	struct sw_requests_log *log;
	struct sw_counts counts;      /* atomic */
	bool has_zones;		      /* atomic */
	struct sw_settings *settings; /* read under RCU; NULL before the first */
	pthread_mutex_t lock;	      /* of what follows */
	struct sw_update_request *first, **last;
	unsigned waiting;
};

struct sw_live *sw_live_new(struct sw_archive *archive, const struct sw_live_calls *calls)
{
	uint64_t secret[2];
	struct sw_live *live = calloc(1, sizeof(*live));
	if (live == NULL)
		return NULL;
	if (getrandom(secret, sizeof(secret), 0) == sizeof(secret))
		live->log = sw_requests_log_new(secret);
	if (live->log == NULL) {
		free(live);
		return NULL;
	}
	live->archive = archive;
	live->calls = *calls;
	live->last = &live->first;
	pthread_mutex_init(&live->lock, NULL);
	return live;
}

void sw_live_free(struct sw_live *live)
{
	if (live == NULL)
		return;
	for (struct sw_update_request *request = sw_live_updates_take(live), *next; request; request = next) {
		next = request->next;
		request->done(request, NULL, 0);
	}
	pthread_mutex_destroy(&live->lock);
	sw_requests_log_free(live->log);
	free(live);
}

void sw_live_set(struct sw_live *live, struct sw_settings *settings)
{
	bool has_zones = false;
	for (size_t i = 0; settings != NULL && i < settings->zone_count && !has_zones; i++)
		has_zones = sw_policy_is_live(settings->zones[i].policy);
	__atomic_store_n(&live->has_zones, has_zones, __ATOMIC_RELAXED);
	rcu_assign_pointer(live->settings, settings);
	synchronize_rcu();
}

bool sw_live_has_zones(const struct sw_live *live)
{
	return __atomic_load_n(&live->has_zones, __ATOMIC_RELAXED);
}

const struct sw_zone_setting *sw_live_zone(const struct sw_live *live, const uint8_t *apex)
{
	const struct sw_settings *settings = rcu_dereference(live->settings);
	const struct sw_zone_setting *zone = settings ? sw_settings_find_zone(settings, apex) : NULL;
	return zone != NULL && sw_policy_is_live(zone->policy) ? zone : NULL;
}

struct sw_counts *sw_live_counts(struct sw_live *live)
{
	return &live->counts;
}

struct sw_requests_log *sw_live_log(struct sw_live *live)
{
	return live->log;
}

void sw_live_counted(const struct sw_live *live, struct sw_counts *counts)
{
	const uint64_t *from = (const void *)&live->counts;
	uint64_t *to = (void *)counts;
	_Static_assert(sizeof(*counts) % sizeof(*to) == 0, "nothing but counters");
	for (size_t i = 0; i < sizeof(*counts) / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

struct sw_limits sw_live_limits(const struct sw_live *live)
{
	const struct sw_settings *settings = rcu_dereference(live->settings);
	return sw_limits(settings ? &settings->limits : &(struct sw_limits){0});
}

const struct sw_tsig_key *sw_live_key(void *arg, const uint8_t *name, enum sw_tsig_algorithm algorithm)
{
	const struct sw_live *live = arg;
	const struct sw_settings *settings = rcu_dereference(live->settings);
	for (size_t i = 0; settings != NULL && i < settings->key_count; i++) {
		const struct sw_tsig_key *key = &settings->keys[i];
		if (key->algorithm == algorithm && sw_name_equal(key->name, name))
			return key;
	}
	return NULL;
}

void sw_live_notified(struct sw_live *live, const uint8_t *apex, bool has_serial, uint32_t serial)
{
	live->calls.notified(live->calls.arg, apex, has_serial, serial);
}

int sw_live_snapshot(struct sw_live *live, struct sw_snapshot **snapshot)
{
	return live->archive ? sw_snapshot_open(snapshot, live->archive) : -ENOENT;
}

int sw_live_update(struct sw_live *live, struct sw_update_request *request)
{
	request->next = NULL;
	pthread_mutex_lock(&live->lock);
	if (live->waiting == UPDATES_MAX) {
		pthread_mutex_unlock(&live->lock);
		return -EAGAIN;
	}
	bool is_first = live->first == NULL;
	*live->last = request;
	live->last = &request->next;
	live->waiting++;
	pthread_mutex_unlock(&live->lock);
	if (is_first)
		live->calls.updates_wait(live->calls.arg);
	return 0;
}

struct sw_update_request *sw_live_updates_take(struct sw_live *live)
{
	pthread_mutex_lock(&live->lock);
	struct sw_update_request *first = live->first;
	live->first = NULL;
	live->last = &live->first;
	live->waiting = 0;
	pthread_mutex_unlock(&live->lock);
	return first;
}
