/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A signed zone that goes from one state to another, to and fro, under the eyes of readers. What each state
 * answers is known beforehand, byte for byte; so is which states a reader may have seen. All states have the
 * same SOA: that one comes last is no question here. */
#ifndef SW_TEST_IMAGE_STATES_H
#define SW_TEST_IMAGE_STATES_H

#include "signing.h"
#include <pthread.h>

struct states;

/** One reader; set `ask` and what that needs. */
struct states_reader;
/** @return bytes of the DNS reply; 0: it was left to user space */
typedef size_t states_ask_fn(
	struct states_reader *reader, const uint8_t *query, size_t query_len, uint8_t *reply);

struct states_reader {
	states_ask_fn *ask;
	void *context, *worker;
	const struct states *states;
	pthread_t thread;
	unsigned long asked, left, wrong;
	bool is_ended;
	uint8_t wrong_reply[4200]; /* the last */
	size_t wrong_len;
};

/** The store gets the first state. */
struct states *states_new(struct sw_store *store, enum signing_chain chain, uint64_t seed);
void states_free(struct states *states);

/** Go on to another state. @return whether the zone had to be compiled anew */
bool states_change(struct states *states, struct sw_store *store);

/** Ask everything once. @return answers that are of none of the states there have been meanwhile */
unsigned states_look(const struct states *states, struct states_reader *reader);

void states_start(struct states *states, struct states_reader *readers, unsigned count);
/** End readers when they have asked something in the last state; fail where they saw what there never was. */
void states_end(struct states_reader *readers, unsigned count);

#endif
