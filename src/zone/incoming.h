/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A transfer coming in (RFC 5936, RFC 1995): messages in, a zone or a list of changes out. Pure: no sockets,
 * no clock. What comes is hostile until it is whole: nothing that serves is touched before.
 *
 * An IXFR may be answered by the whole zone (RFC 1995 s4), by one SOA (nothing newer), or be condensed. A
 * stream that brings more records or bytes than told is ended, and so is one whose records are out of the
 * zone, malformed, of another class, of a type that is no data, or that go on behind the last SOA.
 */
#ifndef SW_ZONE_INCOMING_H
#define SW_ZONE_INCOMING_H

#include "zone/contents.h"
#include "zone/delta.h"

struct sw_incoming_limits {
	uint64_t records; /* 0: no limit */
	uint64_t bytes;	  /* of all messages */
};

enum sw_incoming_state {
	SW_INCOMING_MORE,    /* read on */
	SW_INCOMING_ZONE,    /* a whole zone: sw_incoming_contents() */
	SW_INCOMING_CHANGES, /* sw_incoming_deltas() */
	SW_INCOMING_CURRENT, /* the primary has nothing newer */
	SW_INCOMING_REFUSED, /* the primary answered with an error; of IXFR: ask for AXFR where is_retry_axfr
			      */
	SW_INCOMING_BAD,     /* not to be trusted: sw_incoming_why() */
};

struct sw_incoming;

/** @param ours  records of our SOA (one) for an IXFR, NULL for an AXFR
 * @return NULL when out of memory */
struct sw_incoming *sw_incoming_new(const uint8_t *apex, const struct sw_records *ours,
	const struct sw_hash_key *key, const struct sw_incoming_limits *limits);
void sw_incoming_free(struct sw_incoming *incoming);

/** The query. @param message  at least 1,024 bytes @return its length */
size_t sw_incoming_query(const struct sw_incoming *incoming, uint16_t id, uint8_t *message);

/** Take one message, its TSIG off. */
enum sw_incoming_state sw_incoming_take(struct sw_incoming *incoming, const uint8_t *message, size_t len);

/** Why it ended badly or was refused, a sentence without a dot; "" otherwise. */
const char *sw_incoming_why(const struct sw_incoming *incoming);

/** After an IXFR that was refused or made no sense: the same by AXFR may do. */
bool sw_incoming_may_axfr(const struct sw_incoming *incoming);

/** Hand over what came. Contents are finished (sw_contents_finish()); the caller frees. */
struct sw_contents *sw_incoming_contents(struct sw_incoming *incoming);
size_t sw_incoming_deltas(struct sw_incoming *incoming, struct sw_delta **deltas);

uint64_t sw_incoming_bytes(const struct sw_incoming *incoming);
uint64_t sw_incoming_records(const struct sw_incoming *incoming);

#endif
