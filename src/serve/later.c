/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/later.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct sw_later_queue {
	int fd;
	pthread_mutex_t lock; /* of what follows */
	unsigned holders;     /* the loop, and each reply that is owed */
	struct sw_later *first, **last;
};

int sw_later_queue_new(struct sw_later_queue **result)
{
	struct sw_later_queue *queue = calloc(1, sizeof(*queue));
	if (queue == NULL)
		return -ENOMEM;
	queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->fd < 0) {
		int err = -errno;
		free(queue);
		return err;
	}
	pthread_mutex_init(&queue->lock, NULL);
	queue->holders = 1;
	queue->last = &queue->first;
	*result = queue;
	return 0;
}

static void release(struct sw_later_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	bool is_last = --queue->holders == 0;
	pthread_mutex_unlock(&queue->lock);
	if (!is_last)
		return;
	close(queue->fd);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

/** What nobody has taken holds the queue too; what comes after this is freed where it comes. */
void sw_later_queue_close(struct sw_later_queue *queue)
{
	if (queue == NULL)
		return;
	pthread_mutex_lock(&queue->lock);
	struct sw_later *later = queue->first;
	queue->first = NULL;
	queue->last = NULL; /* closed */
	pthread_mutex_unlock(&queue->lock);
	for (struct sw_later *next; later != NULL; later = next) {
		next = later->next;
		sw_later_free(later);
	}
	release(queue);
}

int sw_later_queue_fd(const struct sw_later_queue *queue)
{
	return queue->fd;
}

/** sw_update_request.done */
static void done(struct sw_update_request *update, const uint8_t *reply, size_t len)
{
	struct sw_later *later = update->arg;
	struct sw_later_queue *queue = later->queue;
	later->reply = len > 0 ? malloc(len) : NULL;
	if (later->reply != NULL) {
		memcpy(later->reply, reply, len);
		later->len = len;
	}
	free(update);
	pthread_mutex_lock(&queue->lock);
	bool is_closed = queue->last == NULL;
	if (!is_closed) {
		*queue->last = later;
		queue->last = &later->next;
		eventfd_write(queue->fd, 1); /* within the lock: the loop may be about to close it */
	}
	pthread_mutex_unlock(&queue->lock);
	if (is_closed)
		sw_later_free(later);
}

struct sw_later *sw_later_expect(struct sw_later_queue *queue, struct sw_update_request *update)
{
	struct sw_later *later = calloc(1, sizeof(*later));
	if (later == NULL)
		return NULL;
	later->queue = queue;
	pthread_mutex_lock(&queue->lock);
	queue->holders++;
	pthread_mutex_unlock(&queue->lock);
	update->done = done;
	update->arg = later;
	return later;
}

struct sw_later *sw_later_take(struct sw_later_queue *queue)
{
	eventfd_t count;
	(void)eventfd_read(queue->fd, &count);
	pthread_mutex_lock(&queue->lock);
	struct sw_later *first = queue->first;
	queue->first = NULL;
	queue->last = &queue->first;
	pthread_mutex_unlock(&queue->lock);
	return first;
}

void sw_later_free(struct sw_later *later)
{
	struct sw_later_queue *queue = later->queue;
	free(later->reply);
	free(later);
	release(queue);
}
