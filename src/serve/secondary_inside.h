/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files that ask primaries. */
#ifndef SW_SERVE_SECONDARY_INSIDE_H
#define SW_SERVE_SECONDARY_INSIDE_H

#include "serve/chance.h"
#include "serve/clock.h"
#include "serve/fetch.h"
#include "serve/forward.h"
#include "serve/log.h"
#include "serve/notify.h"
#include "serve/parents.h"
#include "serve/secondary.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define FORWARDS_MAX 64 /* at once; more hear SERVFAIL, and ask again */
#define EVENTS 32
#define SECOND_NS 1000000000ull
#define LATER_MS 1000 /* the clock is looked at that often at least: it may be set */

struct sw_secondary_entry {
	const struct sw_zone_policy *policy; /* of the settings' base: it outlasts lists of zones */
	struct sw_records soa;		     /* of the version served, or empty */
	struct sw_refresh refresh;
	uint32_t noted_serial; /* of a NOTIFY */
	bool is_noted, is_whole, is_frozen;
	bool is_waiting; /* for a place at a primary */
	struct sw_secondary_entry *next_waiting;
	size_t start_remote; /* where to begin, having waited */
	size_t place;	     /* in the heap */
	char why[256];
	uint8_t apex[];
};

/** One zone being asked for: attempts one after the other, remote by remote, address by address. */
struct sw_attempt {
	struct sw_settings *settings; /* held: of `policy` */
	const struct sw_zone_policy *policy;
	struct sw_fetch *fetch;
	size_t remote, address;
	bool is_whole, skips_question;
	int64_t begun_s;
	uint64_t begun_ns;
	int fd; /* in epoll, -1 for none */
	uint8_t apex[SW_NAME_MAX];
};

struct sw_secondary {
	struct sw_hash_key key;
	sw_deliver_fn *deliver;
	void *deliver_arg;
	pthread_t thread;
	bool is_running, is_stopping;
	int epoll, wake;
	pthread_mutex_t lock; /* of what follows; of attempts, which are the thread's, the number */
	struct sw_notify *notify;
	bool is_telling; /* what is to be told waits until then */
	struct sw_settings *settings;
	struct sw_secondary_entry **zones; /* by name */
	struct sw_secondary_entry **heap;  /* by when something is due */
	size_t count;
	struct sw_secondary_queue *queues; /* as many as remotes in `settings` */
	size_t waiting;			   /* in all queues */
	struct sw_in_counts counts;
	struct sw_forward *forwards_new[FORWARDS_MAX];
	unsigned forward_new_count;
	struct sw_inquiry *inquiries_new, **inquiry_last;
	/* the thread's */
	struct sw_attempt *attempts[SW_TRANSFERS_MAX];
	unsigned attempt_count;
	struct sw_forward *forwards[FORWARDS_MAX];
	unsigned forward_count;
	struct sw_parents *parents;
};

/* secondary_zones.c: by name, and by when something is due. With the lock held. */

struct sw_secondary_entry *sw_secondary_find(const struct sw_secondary *secondary, const uint8_t *apex);
struct sw_secondary_entry *sw_secondary_zone_new(
	const struct sw_zone_setting *setting, sw_secondary_known_fn *known, void *arg, int64_t now);
void sw_secondary_zone_free(struct sw_secondary_entry *zone);
/** When something is to be done: ask, or say that it has expired. */
int64_t sw_secondary_due_s(const struct sw_secondary_entry *zone);
void sw_secondary_heap_put(struct sw_secondary *secondary, size_t place, struct sw_secondary_entry *zone);
/** Its time has changed: up or down. */
void sw_secondary_heap_settle(struct sw_secondary *secondary, struct sw_secondary_entry *zone);
int sw_secondary_soa_keep(struct sw_secondary_entry *zone, const struct sw_record *soa);
bool sw_secondary_soa(const struct sw_secondary_entry *zone, struct sw_record *soa);
/** The SOA's timers, within the operator's bounds; where there is none, those that suit a zone never seen. */
struct sw_soa_timers sw_secondary_timers(const struct sw_secondary_entry *zone);

/* secondary_wait.c: zones that wait for a place at a primary. With the lock held. */

/** One queue per remote. @return 0 or -ENOMEM */
int sw_secondary_queues_new(struct sw_secondary_queue **queues, size_t remotes);
/** Whether the remote at hand is asked by as many others as may be. */
bool sw_secondary_is_full(const struct sw_secondary *secondary, const struct sw_attempt *attempt);
/** Have the zone wait for the remote at hand. @return false where it cannot: go on */
bool sw_secondary_wait(struct sw_secondary *secondary, const struct sw_attempt *attempt);
/** A place there is free: the next one is due. */
void sw_secondary_wake(struct sw_secondary *secondary, const struct sw_remote *remote);
/** It waits no more, if it does: it is gone, or frozen. */
void sw_secondary_unwait(struct sw_secondary *secondary, struct sw_secondary_entry *zone);

/* secondary_attempt.c: the thread's, without the lock but for the first */

struct sw_attempt *sw_attempt_new(struct sw_secondary *secondary, struct sw_secondary_entry *zone);
/** Ask the address at hand. @return whether there was one */
bool sw_attempt_begin(struct sw_secondary *secondary, struct sw_attempt *attempt);
void sw_attempt_turn(struct sw_secondary *secondary, struct sw_attempt *attempt);
/** No address is left. */
void sw_attempt_fail(struct sw_secondary *secondary, struct sw_attempt *attempt);
void sw_attempt_end(struct sw_secondary *secondary, struct sw_attempt *attempt);

#endif
