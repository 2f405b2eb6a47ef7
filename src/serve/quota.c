/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/quota.h"
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BUCKETS 4096 /* power of two */

struct holder {
	struct holder *next;
	sw_prefix prefix;
	unsigned count;
};

struct sw_quota {
	pthread_mutex_t lock;
	uint64_t multiplier; /* secret, odd: nobody can aim at one bucket */
	unsigned limit, prefix_limit;
	unsigned used;
	struct holder *buckets[BUCKETS];
};

struct sw_quota *sw_quota_new(const struct sw_tcp_limits *limits)
{
	struct sw_quota *quota = calloc(1, sizeof(*quota));
	if (quota == NULL || getrandom(&quota->multiplier, sizeof(quota->multiplier), 0) < 0) {
		free(quota);
		return NULL;
	}
	quota->multiplier |= 1;
	pthread_mutex_init(&quota->lock, NULL);
	sw_quota_limit(quota, limits);
	return quota;
}

void sw_quota_free(struct sw_quota *quota)
{
	if (quota == NULL)
		return;
	for (unsigned i = 0; i < BUCKETS; i++) {
		while (quota->buckets[i] != NULL) {
			struct holder *holder = quota->buckets[i];
			quota->buckets[i] = holder->next;
			free(holder);
		}
	}
	pthread_mutex_destroy(&quota->lock);
	free(quota);
}

void sw_quota_limit(struct sw_quota *quota, const struct sw_tcp_limits *limits)
{
	pthread_mutex_lock(&quota->lock);
	quota->limit = limits->connections;
	quota->prefix_limit = limits->prefix_connections;
	pthread_mutex_unlock(&quota->lock);
}

sw_prefix sw_quota_prefix(const struct sw_endpoint *peer)
{
	uint8_t len;
	const uint8_t *address = sw_endpoint_address(peer, &len);
	uint64_t prefix = 0;
	memcpy(&prefix, address, len == 4 ? 3 : 7);
	return htobe64(prefix) | len; /* the length keeps the families apart */
}

/** Where the pointer to a prefix's holder is, or belongs. */
static struct holder **find(struct sw_quota *quota, sw_prefix prefix)
{
	uint64_t mixed = prefix * quota->multiplier;
	struct holder **place = &quota->buckets[(mixed ^ mixed >> 32) >> 8 & (BUCKETS - 1)];
	while (*place != NULL && (*place)->prefix != prefix)
		place = &(*place)->next;
	return place;
}

static int take_locked(struct sw_quota *quota, sw_prefix prefix)
{
	if (quota->used >= quota->limit)
		return -ENOSPC;
	struct holder **place = find(quota, prefix);
	if (*place == NULL) {
		*place = calloc(1, sizeof(**place));
		if (*place == NULL)
			return -ENOMEM;
		(*place)->prefix = prefix;
	} else if ((*place)->count >= quota->prefix_limit) {
		return -EDQUOT;
	}
	(*place)->count++;
	__atomic_store_n(&quota->used, quota->used + 1, __ATOMIC_RELAXED);
	return 0;
}

int sw_quota_take(struct sw_quota *quota, sw_prefix prefix)
{
	pthread_mutex_lock(&quota->lock);
	int err = take_locked(quota, prefix);
	pthread_mutex_unlock(&quota->lock);
	return err;
}

void sw_quota_give(struct sw_quota *quota, sw_prefix prefix)
{
	pthread_mutex_lock(&quota->lock);
	struct holder **place = find(quota, prefix), *holder = *place;
	if (--holder->count == 0) {
		*place = holder->next;
		free(holder);
	}
	__atomic_store_n(&quota->used, quota->used - 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&quota->lock);
}

unsigned sw_quota_used(const struct sw_quota *quota)
{
	return __atomic_load_n(&quota->used, __ATOMIC_RELAXED);
}
