/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/conn.h"
#include "serve/pad.h"
#include "wire/bytes.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <urcu.h>

#define MESSAGE_MIN 12				/* a DNS header */
#define UPDATE_PATIENCE_NS (30ull * 1000000000) /* clients have gone by then, or are closed as idle */
#define TURN_FLUSHES 4 /* then a client that reads as fast as we write has had its turn */

struct sw_conn *sw_conn_new(const struct sw_link *link, const struct sw_endpoint *peer, sw_prefix prefix)
{
	struct sw_conn *conn = calloc(1, sizeof(*conn));
	if (conn == NULL)
		return NULL;
	conn->link = *link;
	conn->prefix = prefix;
	conn->asker.stream = true;
	const uint8_t *address = sw_endpoint_address(peer, &conn->asker.address_len);
	memcpy(conn->asker.address, address, conn->asker.address_len);
	return conn;
}

void sw_conn_free(struct sw_conn *conn, bool is_reset)
{
	if (conn->later != NULL)
		conn->later->conn = NULL;
	sw_transfer_free(conn->transfer);
	sw_link_close(&conn->link, is_reset);
	free(conn->in);
	free(conn->out);
	free(conn);
}

/** @return bytes taken by the transport, or -errno when the client is gone */
static ssize_t send_some(struct sw_link *link, const uint8_t *bytes, size_t len)
{
	size_t sent = 0;
	while (sent < len) {
		ssize_t n = link->transport->write(link, bytes + sent, len - sent);
		if (n == -EAGAIN)
			break;
		if (n < 0)
			return n;
		sent += (size_t)n;
	}
	return (ssize_t)sent;
}

/** Keep a copy of what could not be finished in this turn. @return 0 or -ENOMEM */
static int keep(uint8_t **kept, uint32_t *kept_len, const uint8_t *bytes, size_t len)
{
	free(*kept);
	*kept = NULL;
	*kept_len = 0;
	if (len == 0)
		return 0;
	*kept = malloc(len);
	if (*kept == NULL)
		return -ENOMEM;
	memcpy(*kept, bytes, len);
	*kept_len = (uint32_t)len;
	return 0;
}

/** Write replies; what the socket does not take waits in the connection.
 * @return 0, or -errno when the connection is over */
static int flush(struct sw_conn *conn, const uint8_t *bytes, size_t len)
{
	ssize_t sent = send_some(&conn->link, bytes, len);
	if (sent < 0)
		return (int)sent;
	conn->is_waiting = (size_t)sent < len;
	if (!conn->is_waiting && conn->out == NULL)
		return 0;
	uint8_t *old = conn->out; /* may be what `bytes` points into */
	conn->out = NULL;
	int err = keep(&conn->out, &conn->out_len, bytes + sent, len - (size_t)sent);
	free(old);
	return err;
}

/** @return bytes now in tools->in, or -errno when the client is gone */
static ssize_t fill(struct sw_conn *conn, struct sw_conn_tools *tools)
{
	size_t len = conn->in_len;
	if (len > 0)
		memcpy(tools->in, conn->in, len);
	if (conn->is_ended || len > SW_FRAME_MAX)
		return (ssize_t)len; /* whole queries wait: answer them before reading more */
	ssize_t n = conn->link.transport->read(&conn->link, tools->in + len, SW_CONN_READ_MAX);
	if (n == 0)
		conn->is_ended = true;
	else if (n < 0 && n != -EAGAIN)
		return n;
	return (ssize_t)len + (n > 0 ? n : 0);
}

struct progress {
	size_t in_used, out_len;
	unsigned queries;
	bool is_malformed;
};

/** sw_request.expect */
static int expect(void *context, struct sw_update_request *update)
{
	struct sw_conn_tools *tools = context;
	tools->expected = sw_later_expect(tools->queue, update);
	return tools->expected ? 0 : -ENOMEM;
}

/** @return bytes of the reply, 0 for none, or none yet */
static size_t answer_request(struct sw_conn *conn, struct sw_conn_tools *tools, uint8_t *message, size_t len,
	uint8_t *reply, unsigned *verdict)
{
	struct sw_request request = {
		.asker = &conn->asker,
		.is_encrypted = conn->link.transport->is_encrypted,
		.answerer = tools->answerer,
		.view = tools->view,
		.expect = expect,
		.context = tools,
		.patience_ns = UPDATE_PATIENCE_NS,
	};
	enum sw_taken taken = sw_requests_take(tools->requests, &request, message, len, reply);
	*verdict = request.verdict;
	if (taken == SW_TAKEN_NOT)
		return sw_answer(tools->answerer, tools->view, &conn->asker, message, len, reply, verdict);
	if (taken == SW_TAKEN_LATER) {
		conn->later = tools->expected;
		conn->later->conn = conn;
	} else if (taken == SW_TAKEN_TRANSFER) {
		conn->transfer = request.transfer;
	}
	return taken == SW_TAKEN_REPLY ? request.reply_len : 0;
}

/** Answer whole frames into tools->out while a reply of any size still fits there. */
static void answer_frames(
	struct sw_conn *conn, struct sw_conn_tools *tools, size_t in_len, struct progress *p)
{
	while (in_len - p->in_used >= 2 && p->out_len + SW_FRAME_MAX <= SW_CONN_OUT_MAX) {
		uint8_t *frame = tools->in + p->in_used;
		size_t len = sw_get16(frame);
		if (len < MESSAGE_MIN) { /* not DNS: what follows cannot be trusted to be framed either */
			p->is_malformed = true;
			sw_tally_add(&tools->tally->verdicts[SW_VERDICT_DROP_SHORT], 1);
			return;
		}
		if (in_len - p->in_used < 2 + len)
			return;
		uint8_t *out = tools->out + p->out_len;
		unsigned verdict;
		size_t reply;
		if (sw_requests_may_be(tools->requests, frame + 2, len))
			reply = answer_request(conn, tools, frame + 2, len, out + 2, &verdict);
		else
			reply = sw_answer(tools->answerer, tools->view, &conn->asker, frame + 2, len, out + 2,
				&verdict);
		sw_tally_add(&tools->tally->verdicts[verdict], 1);
		if (reply > 0 && conn->link.transport->is_encrypted)
			reply = sw_pad(frame + 2, len, out + 2, reply);
		if (reply > 0) {
			sw_put16(out, reply);
			p->out_len += 2 + reply;
		}
		p->in_used += 2 + len;
		p->queries++;
		if (conn->later != NULL || conn->transfer != NULL)
			return;
	}
}

/** Answer and write until the queries at hand, the client's patience to read, or its turn are used up.
 * @return 0, or -errno when the connection is over */
static int answer_all(struct sw_conn *conn, struct sw_conn_tools *tools, size_t in_len, struct progress *p)
{
	for (unsigned i = 0; i < TURN_FLUSHES; i++) {
		unsigned before = p->queries;
		p->out_len = 0;
		rcu_read_lock();
		answer_frames(conn, tools, in_len, p);
		rcu_read_unlock();
		int err = flush(conn, tools->out, p->out_len);
		if (err != 0)
			return err;
		if (p->queries == before || conn->is_waiting || p->is_malformed || conn->later != NULL)
			return 0;
		if (conn->transfer != NULL)
			break;
	}
	conn->is_waiting = true; /* for its next turn: the socket is writable */
	return 0;
}

/** One message of a transfer. What is missing after an error cannot be told but by the end of the
 * connection (RFC 5936 s2.2). */
static enum sw_turn transfer_turn(struct sw_conn *conn, struct sw_conn_tools *tools)
{
	size_t len = 0;
	int state = sw_transfer_next(conn->transfer, tools->out + 2, SW_FRAME_MAX - 2, &len);
	if (state < 0)
		return SW_TURN_OVER;
	if (state == 0) {
		sw_transfer_free(conn->transfer);
		conn->transfer = NULL;
	}
	sw_put16(tools->out, len);
	if (flush(conn, tools->out, 2 + len) != 0)
		return SW_TURN_OVER;
	conn->is_waiting = true; /* for its next turn */
	return SW_TURN_ACTIVE;
}

enum sw_turn sw_conn_later(struct sw_conn *conn, struct sw_later *later)
{
	size_t len = later->len, before = conn->out_len;
	uint8_t *grown = len > 0 ? realloc(conn->out, before + 2 + len) : NULL;
	conn->later = NULL;
	if (grown != NULL) {
		conn->out = grown;
		sw_put16(grown + before, len);
		memcpy(grown + before + 2, later->reply, len);
		conn->out_len = (uint32_t)(before + 2 + len);
		conn->is_waiting = true;
	}
	sw_later_free(later);
	return grown != NULL ? SW_TURN_ACTIVE : SW_TURN_OVER;
}

/** Answer what is at hand, or what comes. */
static enum sw_turn answer_turn(struct sw_conn *conn, struct sw_conn_tools *tools, bool was_waiting)
{
	struct progress p = {0};
	ssize_t in_len = fill(conn, tools);
	conn->asker.idle_ds = tools->idle_ds;
	if (in_len < 0 || answer_all(conn, tools, (size_t)in_len, &p) != 0)
		return SW_TURN_OVER;
	if (p.is_malformed) {
		conn->is_ended = true;
		in_len = (ssize_t)p.in_used;
	}
	if (keep(&conn->in, &conn->in_len, tools->in + p.in_used, (size_t)in_len - p.in_used) != 0)
		return SW_TURN_OVER;
	if (conn->is_ended && !conn->is_waiting && conn->later == NULL)
		return SW_TURN_OVER;
	if (!conn->is_ended && conn->link.transport->pending(&conn->link))
		conn->is_waiting = true; /* for its next turn */
	return was_waiting || p.queries > 0 ? SW_TURN_ACTIVE : SW_TURN_IDLE;
}

enum sw_turn sw_conn_turn(struct sw_conn *conn, struct sw_conn_tools *tools)
{
	bool was_waiting = conn->is_waiting;
	if (was_waiting && flush(conn, conn->out, conn->out_len) != 0)
		return SW_TURN_OVER;
	if (conn->is_waiting || conn->later != NULL)
		return SW_TURN_IDLE; /* some was taken perhaps, but not all: a client can trickle for ever */
	return conn->transfer ? transfer_turn(conn, tools) : answer_turn(conn, tools, was_waiting);
}
