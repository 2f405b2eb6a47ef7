/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A transfer going out (RFC 5936, RFC 1995), as a source of messages: a call makes one, and its work is
 * bounded by the message's size, so that an event loop can have many transfers in hand. Who may have the zone
 * is the caller's to know.
 */
#ifndef SW_ZONE_OUTGOING_H
#define SW_ZONE_OUTGOING_H

#include "wire/tsig.h"
#include "zone/archive.h"

/** As much of a journal as is held in memory at a time, for one transfer; a longer one is read in pieces. */
#define SW_OUTGOING_PIECE_BYTES (16u << 20)

/** What is asked. */
struct sw_outgoing_query {
	uint8_t apex[SW_NAME_MAX]; /* as asked, any case */
	uint16_t id;
	uint16_t flags;	  /* the second word of the header: RD is copied */
	bool is_ixfr;	  /* else AXFR */
	uint32_t serial;  /* of an IXFR: what they have */
	bool has_edns;	  /* then the first message has an OPT record (RFC 6891 s6.1.1) */
	uint16_t udp_max; /* what the OPT record of the query says, 512 at least */
};

/** Read a query, its TSIG off.
 * @return 0 or the RCODE to answer with: FORMERR, or NOTIMP for what is no transfer */
int sw_outgoing_parse(struct sw_outgoing_query *query, const uint8_t *message, size_t len);

/** How it is answered. */
enum sw_outgoing_form {
	SW_OUTGOING_ZONE,    /* all records, an IXFR too where the journal does not reach back */
	SW_OUTGOING_CHANGES, /* difference sequences */
	SW_OUTGOING_CURRENT, /* one SOA: they have what we have, or it does not fit a UDP packet */
};

struct sw_outgoing;

/** Choose the form. Of an IXFR this reads the journal from their serial on, and takes up to
 * SW_OUTGOING_PIECE_BYTES of it into memory: 10,000 changes of a record are some 30 ms, the one step that is
 * not bounded by a message.
 *
 * @param is_udp  of an IXFR: one packet. An AXFR over UDP does not exist (RFC 5936 s4.2): -EINVAL
 * @param snapshot  the caller's, kept until sw_outgoing_free()
 * @param tsig  of the query, NULL: none; kept likewise
 * @return 0; -ENOENT for a zone that is not there; -EINVAL, -ENOMEM, other -errno */
int sw_outgoing_new(struct sw_outgoing **outgoing, const struct sw_outgoing_query *query, bool is_udp,
	struct sw_snapshot *snapshot, struct sw_tsig *tsig);
void sw_outgoing_free(struct sw_outgoing *outgoing);

/** Make the next message.
 * @param max  bytes of it, up to 65,535; over UDP what sender and path allow
 * @return 1: there are more; 0: this was the last; -EMSGSIZE for a record that no message holds; other
 *         -errno. After an error the connection must be closed, as what is missing cannot be told else. */
int sw_outgoing_next(struct sw_outgoing *outgoing, uint8_t *message, size_t max, size_t *len, uint64_t now_s);

enum sw_outgoing_form sw_outgoing_form(const struct sw_outgoing *outgoing);
uint32_t sw_outgoing_serial(const struct sw_outgoing *outgoing); /* of the version that goes out */
uint64_t sw_outgoing_records(const struct sw_outgoing *outgoing);
uint64_t sw_outgoing_bytes(const struct sw_outgoing *outgoing);

#endif
