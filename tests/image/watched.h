/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A zone that changes under the eyes of readers, and what each of them may see: each name as it was or as it
 * is.
 *
 * At version v: www has three addresses 10.v.v.0 to 2; cut has a name server with the address 10.v.v.9, but
 * in each eighth version it is no cut and the name server's name one like others; s0 and so on are there
 * throughout, p0 and so on come and go; and a.b.w, whose parent comes and goes with it, has a wildcard to
 * stand for it. */
#ifndef SW_TEST_IMAGE_WATCHED_H
#define SW_TEST_IMAGE_WATCHED_H

#include "changing.h"
#include <pthread.h>

/** Ask for a name. @return bytes of the DNS reply, 0 for none */
struct watcher;
typedef size_t watched_ask_fn(struct watcher *watcher, const char *name, uint16_t type, uint8_t *reply);

/** One reader; set `ask` and what that needs. */
struct watcher {
	watched_ask_fn *ask;
	void *context, *worker;
	pthread_t thread;
	unsigned long asked;
	unsigned long missing; /* no answer where there is one in each version */
	unsigned long mixtures, backwards;
	unsigned last;
	bool is_ended;
};

void watched_number(char *text, char letter, unsigned number);
void watched_address(struct changing_zone *zone, const char *owner, unsigned version, uint8_t last);
void watched_put(struct sw_store *store, const struct changing_zone *zone);

/** Version 0, which the store gets whole. */
struct changing_zone *watched_new(struct sw_store *store);

/** Go on to a version. @return whether the zone had to be compiled anew */
bool watched_change(struct sw_store *store, struct changing_zone *zone, unsigned version);

/** Start watchers; end them when they have seen the last version, and fail where they saw what there never
 * was. */
void watched_start(struct watcher *watchers, unsigned count);
void watched_end(struct watcher *watchers, unsigned count, unsigned version);

#endif
