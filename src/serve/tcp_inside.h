/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What tcp.c (opening, closing) and tcp_loop.c (everything in between) share. */
#ifndef SW_SERVE_TCP_INSIDE_H
#define SW_SERVE_TCP_INSIDE_H

#include "serve/budget.h"
#include "serve/conn.h"
#include "serve/tcp.h"
#include <pthread.h>

#define SW_TCP_BACKLOG 4096

/** Of one address. */
struct sw_tcp_listener {
	int fd; /* -1: none */
	const struct sw_transport *transport;
};

struct sw_tcp_loop {
	struct sw_tally tally;
	struct sw_tcp_counts counts; /* written by this thread alone */
	struct sw_tcp *tcp;
	struct sw_conn_list idle, age;
	struct sw_conn_list shaking; /* in place of idle while the handshake goes on */
	/* Of these who has something to do: those who have had much lately are behind all others. */
	struct sw_conn_list light, heavy;
	struct sw_budget budget;
	struct sw_conn_tools *tools;
	struct sw_tcp_listener *listeners;
	int epoll, spare; /* spare: a descriptor to give up when there are no others */
	bool is_running;
	pthread_t thread;
} __attribute__((aligned(64)));

struct sw_tcp {
	struct sw_quota *quota;
	struct sw_quota *handshakes; /* going on */
	struct sw_tls *tls;
	size_t endpoint_count;
	unsigned idle_ms, lifetime_ms, handshake_ms, handshake_percent; /* atomic */
	unsigned grace_ms;
	bool is_stopping;
	int wake; /* readable from the moment of stopping on */
	unsigned count;
	struct sw_tcp_loop loops[];
};

/** The thread of a loop. */
void *sw_tcp_loop_run(void *loop);

#endif
