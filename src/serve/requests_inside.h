/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the two files of serve/requests.h. */
#ifndef SW_SERVE_REQUESTS_INSIDE_H
#define SW_SERVE_REQUESTS_INSIDE_H

#include "serve/live.h"
#include "serve/requests.h"
#include "wire/tsig.h"

/** One message in hand. */
struct sw_hand {
	struct sw_requests *requests;
	struct sw_request *request;
	struct sw_tsig tsig;
	struct sw_peer peer;
	uint8_t *message, *reply;
	size_t len;
	size_t max; /* bytes of a reply */
	/* the question, or the zone of an update */
	uint8_t name[SW_NAME_MAX]; /* lower case */
	uint16_t type, class;
	size_t question_end; /* 0: there is none that can be read */
	bool is_begun;	     /* a transfer, which counts by itself how it ended */
};

static inline unsigned sw_opcode_of(const uint8_t *message)
{
	return message[2] >> 3 & 15;
}

static inline struct sw_counts *sw_hand_counts(const struct sw_hand *hand)
{
	return sw_live_counts(hand->requests->live);
}

/* requests_over.c */

/** Whether it is beyond its budget (serve/throttle.h): then it is counted. Its signature has not been looked
 * at. Streams have limits of their own, and their senders are where they say. */
bool sw_hand_is_over(const struct sw_hand *hand);

#endif
