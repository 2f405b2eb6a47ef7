/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/conn.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu.h>

#define MESSAGE_MIN 12 /* a DNS header */
#define TURN_FLUSHES 4 /* then a client that reads as fast as we write has had its turn */

struct sw_conn *sw_conn_new(int fd, const struct sw_endpoint *peer, sw_prefix prefix)
{
	struct sw_conn *conn = calloc(1, sizeof(*conn));
	if (conn == NULL)
		return NULL;
	conn->fd = fd;
	conn->prefix = prefix;
	conn->asker.stream = true;
	const uint8_t *address = sw_endpoint_address(peer, &conn->asker.address_len);
	memcpy(conn->asker.address, address, conn->asker.address_len);
	return conn;
}

void sw_conn_free(struct sw_conn *conn, bool is_reset)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	if (is_reset)
		setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(conn->fd);
	free(conn->in);
	free(conn->out);
	free(conn);
}

/** @return bytes taken by the socket, or -errno when the client is gone */
static ssize_t send_some(int fd, const uint8_t *bytes, size_t len)
{
	size_t sent = 0;
	while (sent < len) {
		ssize_t n = send(fd, bytes + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			break;
		else if (errno != EINTR)
			return -errno;
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
	ssize_t sent = send_some(conn->fd, bytes, len);
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
	ssize_t n = recv(conn->fd, tools->in + len, SW_CONN_READ_MAX, MSG_DONTWAIT);
	if (n == 0)
		conn->is_ended = true;
	else if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		return -errno;
	return (ssize_t)len + (n > 0 ? n : 0);
}

struct progress {
	size_t in_used, out_len;
	unsigned queries;
	bool is_malformed;
};

/** Answer whole frames into tools->out while a reply of any size still fits there. */
static void answer_frames(
	struct sw_conn *conn, struct sw_conn_tools *tools, size_t in_len, struct progress *p)
{
	while (in_len - p->in_used >= 2 && p->out_len + SW_FRAME_MAX <= SW_CONN_OUT_MAX) {
		const uint8_t *frame = tools->in + p->in_used;
		size_t len = (size_t)frame[0] << 8 | frame[1];
		if (len < MESSAGE_MIN) { /* not DNS: what follows cannot be trusted to be framed either */
			p->is_malformed = true;
			sw_tally_add(&tools->tally->verdicts[SW_VERDICT_DROP_SHORT], 1);
			return;
		}
		if (in_len - p->in_used < 2 + len)
			return;
		uint8_t *out = tools->out + p->out_len;
		unsigned verdict;
		size_t reply = sw_answer(
			tools->answerer, tools->view, &conn->asker, frame + 2, len, out + 2, &verdict);
		sw_tally_add(&tools->tally->verdicts[verdict], 1);
		if (reply > 0) {
			out[0] = (uint8_t)(reply >> 8);
			out[1] = (uint8_t)reply;
			p->out_len += 2 + reply;
		}
		p->in_used += 2 + len;
		p->queries++;
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
		if (p->queries == before || conn->is_waiting || p->is_malformed)
			return 0;
	}
	conn->is_waiting = true; /* for its next turn: the socket is writable */
	return 0;
}

enum sw_turn sw_conn_turn(struct sw_conn *conn, struct sw_conn_tools *tools)
{
	bool was_waiting = conn->is_waiting;
	struct progress p = {0};
	if (was_waiting && flush(conn, conn->out, conn->out_len) != 0)
		return SW_TURN_OVER;
	if (conn->is_waiting)
		return SW_TURN_IDLE; /* some was taken perhaps, but not all: a client can trickle for ever */
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
	if (conn->is_ended && !conn->is_waiting)
		return SW_TURN_OVER;
	return was_waiting || p.queries > 0 ? SW_TURN_ACTIVE : SW_TURN_IDLE;
}
