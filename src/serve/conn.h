/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One connection, over TCP or TLS: frames in, answers out (RFC 7766, RFC 7858), never blocking.
 *
 * Queries of one connection are answered in the order they came; each reply is written whole before the
 * next, so replies of a pipeline cannot mix. Between turns a connection holds only what could not be
 * finished: the start of a query, and replies the client has not taken. While it holds replies nothing
 * more is read from it, so a client that does not read holds at most SW_CONN_OUT_MAX bytes here. Nor while an
 * update waits for its turn, or a transfer goes out: what is asked behind them waits, and the order stays.
 * Of a transfer each turn makes one message.
 */
#ifndef SW_SERVE_CONN_H
#define SW_SERVE_CONN_H

#include "answer/answer.h"
#include "image/image.h"
#include "serve/endpoint.h"
#include "serve/later.h"
#include "serve/quota.h"
#include "serve/requests.h"
#include "serve/tally.h"
#include "serve/transport.h"

#define SW_FRAME_MAX (2 + 65535) /* length and message (RFC 1035 s4.2.2) */
#define SW_CONN_READ_MAX 16384	 /* bytes a turn: a client that sends without end waits for its turn too */
#define SW_CONN_OUT_MAX (2 * SW_FRAME_MAX)

/** What the connections of one thread share. */
struct sw_conn_tools {
	struct sw_worker *answerer;
	const struct sw_image_view *view;
	struct sw_tally *tally;
	struct sw_requests *requests; /* NULL: none are taken */
	struct sw_later_queue *queue;
	struct sw_later *expected; /* inside conn.c */
	uint16_t idle_ds;	   /* what clients that ask are told (RFC 7828) */
	uint8_t in[SW_FRAME_MAX + SW_CONN_READ_MAX];
	uint8_t out[SW_CONN_OUT_MAX];
};

/** Doubly linked; the head is the oldest. */
struct sw_conn_list {
	struct sw_conn *head, *tail;
};

struct sw_conn {
	struct sw_link link;
	bool is_open;	 /* the handshake is over: sw_conn_turn() may be called */
	bool is_ended;	 /* no more queries: the client's half is closed, or we are stopping */
	bool is_waiting; /* for the client to take replies, or for its next turn */
	uint32_t events; /* tcp_loop.c: what epoll looks for */
	sw_prefix prefix;
	struct sw_asker asker;
	uint8_t *in, *out; /* what waits; NULL for nothing */
	uint32_t in_len, out_len;
	struct sw_later *later;	      /* the reply that it waits for; NULL: none */
	struct sw_transfer *transfer; /* going out; NULL: none */
	uint64_t active_ns;	      /* last whole query, or replies all taken */
	uint64_t since_ns;
	struct sw_conn *idle_prev, *idle_next; /* tcp_loop.c: by active_ns; before it is open by since_ns */
	struct sw_conn *age_prev, *age_next;   /* tcp_loop.c: by since_ns */
	struct sw_conn *wait_prev, *wait_next; /* tcp_loop.c: in `queue` */
	struct sw_conn_list *queue; /* tcp_loop.c: of handshakes that have something to do; NULL: in none */
};

/** @param link  becomes the connection's
 * @return NULL when out of memory */
struct sw_conn *sw_conn_new(const struct sw_link *link, const struct sw_endpoint *peer, sw_prefix prefix);

/** Close. @param is_reset  throw unsent replies away and tell the client so (RST) */
void sw_conn_free(struct sw_conn *conn, bool is_reset);

enum sw_turn {
	SW_TURN_IDLE,	/* nothing whole was read or written */
	SW_TURN_ACTIVE, /* something was */
	SW_TURN_OVER,	/* all done, or the client is gone: free it */
};

/** The socket is ready: write what waits, read, answer. */
enum sw_turn sw_conn_turn(struct sw_conn *conn, struct sw_conn_tools *tools);

/** The reply that it waited for is here: it goes on in its next turn. Takes `later`.
 * @return SW_TURN_ACTIVE or SW_TURN_OVER */
enum sw_turn sw_conn_later(struct sw_conn *conn, struct sw_later *later);

#endif
