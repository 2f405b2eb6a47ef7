/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Answers over TCP (RFC 7766).
 *
 * One event loop per core, each with a listening socket of its own on every address (SO_REUSEPORT): a
 * flood of handshakes then costs every core alike, no connection moves between threads, and nothing but
 * the count of connections is shared. A loop never blocks but in epoll_wait(), so no client can hold up
 * another; each gets one turn of at most SW_CONN_READ_MAX bytes when it is ready.
 *
 * Limits: idle time counts from the last whole query or taken answer, so neither a query sent byte by
 * byte nor an answer read byte by byte prolongs it; when there are too many connections in all, the
 * idlest is closed with RST and the new one is taken; one too many from one prefix is itself refused.
 */
#ifndef SW_SERVE_TCP_H
#define SW_SERVE_TCP_H

#include "image/image.h"
#include "serve/settings.h"
#include "serve/tally.h"

#define SW_TCP_COUNTERS(X)                            \
	X(accepted, "connections accepted")           \
	X(idle, "closed: idle for too long")          \
	X(lifetime, "closed: open for too long")      \
	X(overload, "closed: the idlest of too many") \
	X(prefix, "refused: too many from one prefix")

struct sw_tcp_counts {
#define X(name, text) uint64_t name;
	SW_TCP_COUNTERS(X)
#undef X
	unsigned open;
};

struct sw_tcp;

/** Bind; connections are refused until sw_tcp_start().
 * @param failed  on error: the endpoint that could not be bound
 * @return 0 or -errno */
int sw_tcp_open(struct sw_tcp **tcp, const struct sw_settings *settings, unsigned workers, size_t *failed);

/** Listen and answer. `view` must outlive the threads. @return 0 or -errno */
int sw_tcp_start(struct sw_tcp *tcp, const struct sw_image_view *view);

/** Change the limits while running. */
void sw_tcp_limit(struct sw_tcp *tcp, const struct sw_tcp_limits *limits);

/** Answer what has arrived, wait at most `grace_ms` until clients have taken it, close everything. Takes
 * NULL. */
void sw_tcp_free(struct sw_tcp *tcp, unsigned grace_ms);

void sw_tcp_count(const struct sw_tcp *tcp, struct sw_tally *sum, struct sw_tcp_counts *counts);

#endif
