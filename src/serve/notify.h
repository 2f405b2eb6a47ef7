/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Telling other servers that a zone has changed (RFC 1996), over UDP. Driven by somebody's event loop:
 *
 *     tell; { wait until sw_notify_fd() is readable, or sw_notify_due_ns(); turn }
 *
 * Each remote is told of each zone until it answers, at most SW_NOTIFY_TRIES times, 1, 2, 4, 8, 16 s apart,
 * its addresses in turn. A newer version takes the place of an older one. One thread; never blocks.
 */
#ifndef SW_SERVE_NOTIFY_H
#define SW_SERVE_NOTIFY_H

#include "serve/policy.h"
#include "zone/delta.h"

#define SW_NOTIFY_TRIES 5
/** That wait for an answer at once, others for a place: many, so that a remote that is gone does not hold up
 * the others. */
#define SW_NOTIFY_AT_ONCE (1u << 15)
#define SW_NOTIFY_MAX (1u << 18) /* in hand, for 100,000 zones with two remotes each */

struct sw_notify;

#define SW_NOTIFY_COUNTERS(X)                               \
	X(told, "messages sent")                            \
	X(heard, "answers with NOERROR")                    \
	X(refused, "with another RCODE: it has heard, too") \
	X(given_up, "no answer to the last try")            \
	X(forgotten, "there were too many")                 \
	X(ignored, "datagrams that answer nothing, or are not signed as they must be")

struct sw_notify_counts {
#define X(name, text) uint64_t name;
	SW_NOTIFY_COUNTERS(X)
#undef X
};

/** @return 0 or -errno */
int sw_notify_new(struct sw_notify **notify);
void sw_notify_free(struct sw_notify *notify);

/** Have remotes told. What is needed of them is copied.
 * @param soa  of the new version
 * @return 0; -ENOSPC, -ENOMEM: not all of them will be */
int sw_notify_tell(struct sw_notify *notify, const struct sw_record *soa,
	const struct sw_remote *const *remotes, size_t count);

int sw_notify_fd(const struct sw_notify *notify);	   /* to wait for EPOLLIN */
uint64_t sw_notify_due_ns(const struct sw_notify *notify); /* CLOCK_MONOTONIC; UINT64_MAX: never */
void sw_notify_turn(struct sw_notify *notify, uint64_t now_ns);

size_t sw_notify_in_hand(const struct sw_notify *notify);
struct sw_notify_counts sw_notify_counts(const struct sw_notify *notify);

#endif
