/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Asks the parents of zones for their DS sets: all servers that are told, one after the other, and a few
 * zones at once. What they say is handed back as it is; who asked judges it (keep_parents.c).
 *
 * On the thread of the secondary, which holds no lock meanwhile. Never blocks.
 */
#ifndef SW_SERVE_PARENTS_H
#define SW_SERVE_PARENTS_H

#include "serve/settings.h"
#include "zone/parent.h"

/** One zone, whose parents are asked. */
struct sw_inquiry {
	struct sw_inquiry *next; /* its holder's */
	uint8_t apex[SW_NAME_MAX];
	struct sw_settings *settings; /* held: of `policy` */
	const struct sw_dnssec_policy *policy;
	/** All have been asked: it is the taker's to free. */
	void (*done)(void *arg, struct sw_inquiry *inquiry);
	void *arg;
	struct sw_question *question; /* at hand */
	size_t remote, address;	      /* it goes to */
	size_t asked;
	int fd;		  /* in epoll, -1 for none */
	uint8_t *message; /* while it is at hand */
	size_t count;	  /* of the answers: one from each address of each parent, in the order told */
	struct sw_parent_answer answers[];
};

/** @param settings  with the policy in them; held
 * @return NULL when out of memory */
struct sw_inquiry *sw_inquiry_new(
	struct sw_settings *settings, const struct sw_dnssec_policy *policy, const uint8_t *apex);
void sw_inquiry_free(struct sw_inquiry *inquiry); /* takes NULL */

struct sw_parents;

int sw_parents_new(struct sw_parents **parents);
/** Takes NULL. Nobody hears of the inquiries that are not done. */
void sw_parents_free(struct sw_parents *parents);

/** It waits for its turn. */
void sw_parents_add(struct sw_parents *parents, struct sw_inquiry *inquiry);

int sw_parents_fd(const struct sw_parents *parents);	      /* readable: there is something to do */
uint64_t sw_parents_due_ns(const struct sw_parents *parents); /* CLOCK_MONOTONIC; UINT64_MAX: not by time */

/** Go on. Calls done() of those that are. */
void sw_parents_turn(struct sw_parents *parents, uint64_t now_ns);

#endif
