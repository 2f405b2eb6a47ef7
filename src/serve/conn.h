/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One TCP connection: frames in, answers out (RFC 7766), never blocking.
 *
 * Queries of one connection are answered in the order they came; each reply is written whole before the
 * next, so replies of a pipeline cannot mix. Between turns a connection holds only what could not be
 * finished: the start of a query, and replies the client has not taken. While it holds replies nothing
 * more is read from it, so a client that does not read holds at most SW_CONN_OUT_MAX bytes here.
 */
#ifndef SW_SERVE_CONN_H
#define SW_SERVE_CONN_H

#include "answer/answer.h"
#include "image/image.h"
#include "serve/endpoint.h"
#include "serve/quota.h"
#include "serve/tally.h"

#define SW_FRAME_MAX (2 + 65535) /* length and message (RFC 1035 s4.2.2) */
#define SW_CONN_READ_MAX 16384	 /* bytes a turn: a client that sends without end waits for its turn too */
#define SW_CONN_OUT_MAX (2 * SW_FRAME_MAX)

/** What the connections of one thread share. */
struct sw_conn_tools {
	struct sw_worker *answerer;
	const struct sw_image_view *view;
	struct sw_tally *tally;
	uint16_t idle_ds; /* what clients that ask are told (RFC 7828) */
	uint8_t in[SW_FRAME_MAX + SW_CONN_READ_MAX];
	uint8_t out[SW_CONN_OUT_MAX];
};

struct sw_conn {
	int fd;
	bool is_ended;	 /* no more queries: the client's half is closed, or we are stopping */
	bool is_waiting; /* for the client to take replies */
	sw_prefix prefix;
	struct sw_asker asker;
	uint8_t *in, *out; /* what waits; NULL for nothing */
	uint32_t in_len, out_len;
	uint64_t active_ns; /* last whole query, or replies all taken */
	uint64_t since_ns;
	struct sw_conn *idle_prev, *idle_next; /* tcp.c: by active_ns */
	struct sw_conn *age_prev, *age_next;   /* tcp.c: by since_ns */
};

struct sw_conn *sw_conn_new(int fd, const struct sw_endpoint *peer, sw_prefix prefix);

/** Close. @param is_reset  throw unsent replies away and tell the client so (RST) */
void sw_conn_free(struct sw_conn *conn, bool is_reset);

enum sw_turn {
	SW_TURN_IDLE,	/* nothing whole was read or written */
	SW_TURN_ACTIVE, /* something was */
	SW_TURN_OVER,	/* all done, or the client is gone: free it */
};

/** The socket is ready: write what waits, read, answer. */
enum sw_turn sw_conn_turn(struct sw_conn *conn, struct sw_conn_tools *tools);

#endif
