/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/grace.h"
#include <pthread.h>
#include <stdlib.h>

struct sw_grace {
	struct sw_store *store;
	void (*wake)(void *arg);
	void *arg;
	uint64_t number; /* of the wait that goes on, 0 for none; the writer's */
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t is_asked;
	bool is_waiting, is_over, is_stopped;
};

/** @return false when it is to end */
static bool asked(struct sw_grace *grace)
{
	pthread_mutex_lock(&grace->lock);
	while (!grace->is_waiting && !grace->is_stopped)
		pthread_cond_wait(&grace->is_asked, &grace->lock);
	bool is_asked = !grace->is_stopped;
	pthread_mutex_unlock(&grace->lock);
	return is_asked;
}

static void over(struct sw_grace *grace)
{
	pthread_mutex_lock(&grace->lock);
	grace->is_waiting = false;
	grace->is_over = true;
	pthread_mutex_unlock(&grace->lock);
	grace->wake(grace->arg);
}

static void *run(void *arg)
{
	struct sw_grace *grace = arg;
	while (asked(grace)) {
		sw_store_grace_wait(grace->store);
		over(grace);
	}
	return NULL;
}

struct sw_grace *sw_grace_new(struct sw_store *store, void (*wake)(void *arg), void *arg)
{
	struct sw_grace *grace = calloc(1, sizeof(*grace));
	if (grace == NULL)
		return NULL;
	grace->store = store;
	grace->wake = wake;
	grace->arg = arg;
	pthread_mutex_init(&grace->lock, NULL);
	pthread_cond_init(&grace->is_asked, NULL);
	if (pthread_create(&grace->thread, NULL, run, grace) != 0) {
		grace->is_stopped = true;
		sw_grace_free(grace);
		return NULL;
	}
	return grace;
}

void sw_grace_stop(struct sw_grace *grace)
{
	if (grace == NULL)
		return;
	pthread_mutex_lock(&grace->lock);
	bool was_stopped = grace->is_stopped;
	grace->is_stopped = true;
	pthread_cond_signal(&grace->is_asked);
	pthread_mutex_unlock(&grace->lock);
	if (!was_stopped)
		pthread_join(grace->thread, NULL);
}

void sw_grace_free(struct sw_grace *grace)
{
	if (grace == NULL)
		return;
	sw_grace_stop(grace);
	pthread_cond_destroy(&grace->is_asked);
	pthread_mutex_destroy(&grace->lock);
	free(grace);
}

static void begin(struct sw_grace *grace)
{
	grace->number = sw_store_grace_begin(grace->store);
	if (grace->number == 0)
		return;
	pthread_mutex_lock(&grace->lock);
	grace->is_waiting = true;
	pthread_cond_signal(&grace->is_asked);
	pthread_mutex_unlock(&grace->lock);
}

void sw_grace_turn(struct sw_grace *grace)
{
	pthread_mutex_lock(&grace->lock);
	bool is_over = grace->is_over;
	grace->is_over = false;
	pthread_mutex_unlock(&grace->lock);
	if (is_over) {
		sw_store_grace_end(grace->store, grace->number);
		grace->number = 0;
	}
	if (grace->number == 0)
		begin(grace);
}
