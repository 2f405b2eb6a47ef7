/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One attempt to get a zone from one address of a primary: the question for its serial, and the transfer.
 *
 * Never blocks. The question goes over UDP, twice at most, and is left out where its answer is known or the
 * primary is to be asked over TLS only: an IXFR says as well that there is nothing newer.
 */
#ifndef SW_SERVE_FETCH_H
#define SW_SERVE_FETCH_H

#include "serve/policy.h"
#include "zone/incoming.h"

enum sw_fetch_state {
	SW_FETCH_GOING,
	SW_FETCH_CURRENT, /* there is nothing newer there */
	SW_FETCH_ZONE,	  /* incoming has contents */
	SW_FETCH_CHANGES, /* incoming has deltas */
	SW_FETCH_FAILED,  /* why */
};

struct sw_fetch_wish {
	const uint8_t *apex;
	const struct sw_records *soa; /* ours, one record; an empty list: we have nothing */
	bool is_whole;		      /* AXFR, whatever the serial there */
	bool skips_question;
	const struct sw_hash_key *key;
	struct sw_incoming_limits limits;
	uint64_t answer_ns, connect_ns, silence_ns; /* patience (serve/limits.h) */
};

struct sw_fetch;

/** @param remote  with its key, as long as this lives
 * @return 0 or -errno */
int sw_fetch_new(struct sw_fetch **fetch, const struct sw_fetch_wish *wish, const struct sw_remote *remote,
	size_t address, uint64_t now_ns);
void sw_fetch_free(struct sw_fetch *fetch);

/* What to wait for. The descriptor changes from the question to the transfer. */
int sw_fetch_fd(const struct sw_fetch *fetch);
uint32_t sw_fetch_events(const struct sw_fetch *fetch); /* EPOLLIN, EPOLLOUT */
uint64_t sw_fetch_due_ns(const struct sw_fetch *fetch); /* CLOCK_MONOTONIC */

/** What was waited for is there, or it is due. */
enum sw_fetch_state sw_fetch_turn(struct sw_fetch *fetch, uint64_t now_ns);

/** Of a transfer: records and bytes so far, and what came. NULL before. */
struct sw_incoming *sw_fetch_incoming(const struct sw_fetch *fetch);
const char *sw_fetch_why(const struct sw_fetch *fetch);
/** It failed as an IXFR and may succeed as an AXFR from the same address. */
bool sw_fetch_may_axfr(const struct sw_fetch *fetch);

#endif
