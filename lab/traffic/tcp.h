// SPDX-License-Identifier: GPL-3.0-or-later
/** Questions over TCP: the kernel's own, from the addresses of modelled resolvers. One question a connection,
 * as resolvers do after a truncated reply (RFC 7766 s6.2.1 allows it). */
#ifndef LAB_TRAFFIC_TCP_H
#define LAB_TRAFFIC_TCP_H

#include "query.h"

#define LAB_CONNECTIONS 16384

struct lab_connection {
	int fd; /* 0: free */
	uint32_t slot;
	uint16_t query_bytes, received;
	uint8_t query[2 + LAB_MESSAGE_MAX];
	uint8_t *reply; /* length, message */
};

struct lab_tcp {
	int epoll;
	struct lab_connection *connection; /* LAB_CONNECTIONS */
	uint32_t *of_slot;		   /* LAB_TRIES: connection + 1 of a resolution */
	uint32_t *free_list, free_count;
	void (*done)(void *context, uint32_t slot, const uint8_t *message, uint32_t bytes);
	void *context;
};

/** @return 0 or -errno */
int lab_tcp_make(struct lab_tcp *tcp);
void lab_tcp_free(struct lab_tcp *tcp);

/** @param is_relayed  leaves half of the room to others
 * @return false when there is no room, or the kernel has none */
bool lab_tcp_connect(
	struct lab_tcp *tcp, uint32_t slot, const struct lab_question *question, bool is_relayed);
void lab_tcp_disconnect(struct lab_tcp *tcp, uint32_t slot);

/** Deal with what has happened, without waiting. `done` is called for each end: message, or NULL. */
void lab_tcp_turn(struct lab_tcp *tcp);

#endif
