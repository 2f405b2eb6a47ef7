/* SPDX-License-Identifier: GPL-3.0-or-later */
/** An address and a port to listen on, written ADDR@PORT as Knot and NSD do. */
#ifndef SW_SERVE_ENDPOINT_H
#define SW_SERVE_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct sw_endpoint {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t len;
};

#define SW_PORT_DEFAULT 53
#define SW_ENDPOINT_TEXT_MAX 80 /* address, %interface, @port, NUL */

/** From "192.0.2.1", "192.0.2.1@5353", "2001:db8::1@5353", "fe80::1%eth0@53".
 * @return 0 or -EINVAL */
int sw_endpoint_parse(const char *text, struct sw_endpoint *endpoint);

/** @param text  at least SW_ENDPOINT_TEXT_MAX bytes
 * @return text */
char *sw_endpoint_text(const struct sw_endpoint *endpoint, char *text);

bool sw_endpoint_equal(const struct sw_endpoint *a, const struct sw_endpoint *b);

/** 0.0.0.0 or :: */
bool sw_endpoint_is_wildcard(const struct sw_endpoint *endpoint);

/** Bytes of the address alone, in network order: 4 or 16 of them. */
const uint8_t *sw_endpoint_address(const struct sw_endpoint *endpoint, uint8_t *address_len);
uint16_t sw_endpoint_port(const struct sw_endpoint *endpoint);

/** Whether the endpoint is free. Sockets that share one (SO_REUSEPORT) would also share it with a second
 * daemon of the same user, each getting a part of the queries, and nobody would be told.
 * @return 0 or -errno: -EADDRINUSE, -EACCES */
int sw_endpoint_probe(const struct sw_endpoint *endpoint, int type);

/** A bound, close-on-exec socket of `type` that shares its endpoint with others of ours
 * (SO_REUSEPORT). An address that no interface has yet may be bound: it may come with a failover.
 * @return descriptor or -errno */
int sw_endpoint_bind(const struct sw_endpoint *endpoint, int type);

/** Whether the machine has this address now; true for wildcards. */
bool sw_endpoint_is_local(const struct sw_endpoint *endpoint);

#endif
