/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Answers over TCP (RFC 7766) and over TLS (RFC 7858).
 *
 * One event loop per core, each with a listening socket of its own on every address (SO_REUSEPORT): a
 * flood of handshakes then costs every core alike, no connection moves between threads, and nothing but
 * the count of connections is shared. A loop never blocks but in epoll_wait(), so no client can hold up
 * another; each gets one turn of at most SW_CONN_READ_MAX bytes when it is ready.
 *
 * Limits: idle time counts from the last whole query or taken answer, so neither a query sent byte by
 * byte nor an answer read byte by byte prolongs it; when there are too many connections in all, the
 * idlest is closed with RST and the new one is taken; one too many from one prefix is itself refused.
 *
 * TLS has its own addresses, and shares all that. Handshakes go on behind what the open connections of a loop
 * have to do, as far as the loop's budget reaches (serve/budget.h); those that it does not reach wait,
 * without being looked at. There may be so many of them in all, and one more closes the oldest; and so many
 * from one prefix, and one more is refused.
 */
#ifndef SW_SERVE_TCP_H
#define SW_SERVE_TCP_H

#include "image/image.h"
#include "serve/requests.h"
#include "serve/settings.h"
#include "serve/tally.h"
#include "serve/tls.h"

#define SW_TCP_COUNTERS(X)                            \
	X(accepted, "connections accepted")           \
	X(idle, "closed: idle for too long")          \
	X(lifetime, "closed: open for too long")      \
	X(overload, "closed: the idlest of too many") \
	X(prefix, "refused: too many from one prefix")

#define SW_TLS_COUNTERS(X)                                        \
	X(handshakes, "handshakes done")                          \
	X(resumed, "of these, by a ticket")                       \
	X(failed, "handshakes that failed, or whose client went") \
	X(timeout, "closed: the handshake took too long")         \
	X(deferred, "handshakes that had to wait for the budget") \
	X(overload, "closed: the oldest of too many handshakes")  \
	X(prefix, "refused: too many handshakes from one prefix") \
	X(cpu_ns, "time spent on handshakes, nanoseconds of CPU")

struct sw_tls_counts {
#define X(name, text) uint64_t name;
	SW_TLS_COUNTERS(X)
#undef X
	unsigned shaking; /* handshakes going on */
};

struct sw_tcp_counts {
#define X(name, text) uint64_t name;
	SW_TCP_COUNTERS(X)
#undef X
	unsigned open;
	struct sw_tls_counts tls;
};

struct sw_tcp;

/** Bind; connections are refused until sw_tcp_start().
 * @param tls  NULL where no address is for it
 * @param failed  on error: the endpoint that could not be bound; NULL: it was something else
 * @return 0 or -errno */
int sw_tcp_open(struct sw_tcp **tcp, const struct sw_settings *settings, struct sw_tls *tls, unsigned workers,
	const struct sw_endpoint **failed);

/** Listen and answer. `view` and `requests` must outlive the threads. Updates may be done when they do not
 * live any more.
 * @param requests  NULL: none are taken
 * @return 0 or -errno */
int sw_tcp_start(struct sw_tcp *tcp, const struct sw_image_view *view, struct sw_requests *requests);

/** Change the limits of `tcp` and `tls` while running. */
void sw_tcp_limit(struct sw_tcp *tcp, const struct sw_settings *settings);

/** Answer what has arrived, wait at most `grace_ms` until clients have taken it, close everything. Takes
 * NULL. */
void sw_tcp_free(struct sw_tcp *tcp, unsigned grace_ms);

void sw_tcp_count(const struct sw_tcp *tcp, struct sw_tally *sum, struct sw_tcp_counts *counts);

#endif
