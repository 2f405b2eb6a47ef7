/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Replies that come later, from another thread, to connections of an event loop.
 *
 * A queue belongs to a loop, and lives on until the last reply that somebody owes it has come. A connection
 * that is gone by then has set `conn` to NULL, as only its own loop's thread may.
 */
#ifndef SW_SERVE_LATER_H
#define SW_SERVE_LATER_H

#include "serve/live.h"

struct sw_later_queue;

struct sw_later {
	struct sw_later *next;
	struct sw_later_queue *queue;
	struct sw_conn *conn; /* that waits; NULL: none any more */
	uint8_t *reply;
	size_t len; /* 0: there is none */
};

/** @return 0 or -errno */
int sw_later_queue_new(struct sw_later_queue **queue);
/** The loop ends. Takes NULL. */
void sw_later_queue_close(struct sw_later_queue *queue);
/** Readable when there is something to take. */
int sw_later_queue_fd(const struct sw_later_queue *queue);

/** The loop's thread: have the reply to an update come to this queue.
 * @return NULL when out of memory; what will be taken from the queue, once, after update->done() */
struct sw_later *sw_later_expect(struct sw_later_queue *queue, struct sw_update_request *update);

/** The loop's thread: all that have come, oldest first, linked by `next`; each freed by sw_later_free(). */
struct sw_later *sw_later_take(struct sw_later_queue *queue);
void sw_later_free(struct sw_later *later);

#endif
