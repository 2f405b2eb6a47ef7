// SPDX-License-Identifier: GPL-3.0-or-later
#include "tcp.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 256
#define REPLY_MAX (2 + 65535)

int lab_tcp_make(struct lab_tcp *tcp)
{
	tcp->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (tcp->epoll < 0)
		return -errno;
	tcp->connection = calloc(LAB_CONNECTIONS, sizeof(*tcp->connection));
	tcp->of_slot = calloc(LAB_TRIES, sizeof(*tcp->of_slot));
	tcp->free_list = calloc(LAB_CONNECTIONS, sizeof(*tcp->free_list));
	if (!tcp->connection || !tcp->of_slot || !tcp->free_list) {
		lab_tcp_free(tcp);
		return -ENOMEM;
	}
	for (uint32_t i = LAB_CONNECTIONS; i-- > 0;)
		tcp->free_list[tcp->free_count++] = i;
	return 0;
}

static void connection_close(struct lab_tcp *tcp, uint32_t index)
{
	struct lab_connection *connection = &tcp->connection[index];

	close(connection->fd);
	connection->fd = 0;
	free(connection->reply);
	connection->reply = NULL;
	tcp->of_slot[connection->slot] = 0;
	tcp->free_list[tcp->free_count++] = index;
}

void lab_tcp_free(struct lab_tcp *tcp)
{
	for (uint32_t i = 0; tcp->connection && i < LAB_CONNECTIONS; i++)
		if (tcp->connection[i].fd)
			connection_close(tcp, i);
	free(tcp->connection);
	free(tcp->of_slot);
	free(tcp->free_list);
	if (tcp->epoll > 0)
		close(tcp->epoll);
	*tcp = (struct lab_tcp){0};
}

static socklen_t address_fill(
	struct sockaddr_storage *to, const uint8_t *address, bool is_ipv6, uint16_t port)
{
	struct sockaddr_in6 *six = (void *)to;
	struct sockaddr_in *four = (void *)to;

	memset(to, 0, sizeof(*to));
	if (is_ipv6) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		memcpy(&six->sin6_addr, address, 16);
		return sizeof(*six);
	}
	four->sin_family = AF_INET;
	four->sin_port = htons(port);
	memcpy(&four->sin_addr, address, 4);
	return sizeof(*four);
}

/* @return socket, or -1 */
static int socket_connect(const struct lab_question *question)
{
	const struct lab_resolver *resolver = question->resolver;
	struct sockaddr_storage from, to;
	uint8_t service[16];
	const struct linger abort_on_close = {.l_onoff = 1};
	socklen_t bytes;
	int on = 1, ttl = resolver->ttl, fd;

	lab_service_address(question->service, resolver->is_ipv6, service);
	/* a port of ours: the kernel would search for a free one, for longer and longer */
	address_fill(&from, resolver->address, resolver->is_ipv6, question->port);
	bytes = address_fill(&to, service, resolver->is_ipv6, 53);
	fd = socket(from.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* no TIME-WAIT: it would hold the port for a minute */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof(abort_on_close));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (resolver->is_ipv6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
		setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &ttl, sizeof(ttl));
	} else {
		setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	}
	if (bind(fd, (void *)&from, bytes) == 0 &&
		(connect(fd, (void *)&to, bytes) == 0 || errno == EINPROGRESS))
		return fd;
	close(fd);
	return -1;
}

bool lab_tcp_connect(struct lab_tcp *tcp, uint32_t slot, const struct lab_question *question, bool is_relayed)
{
	uint32_t index, message_bytes;
	struct lab_connection *connection;
	struct epoll_event event = {.events = EPOLLOUT};
	int fd;

	lab_tcp_disconnect(tcp, slot);
	if (tcp->free_count <= (is_relayed ? LAB_CONNECTIONS / 2 : 0))
		return false;
	fd = socket_connect(question);
	if (fd < 0)
		return false;
	index = tcp->free_list[--tcp->free_count];
	event.data.u32 = index;
	connection = &tcp->connection[index];
	*connection = (struct lab_connection){.fd = fd, .slot = slot};
	tcp->of_slot[slot] = index + 1;
	message_bytes = lab_message_write(question, connection->query + 2);
	connection->query[0] = (uint8_t)(message_bytes >> 8);
	connection->query[1] = (uint8_t)message_bytes;
	connection->query_bytes = (uint16_t)(2 + message_bytes);
	if (epoll_ctl(tcp->epoll, EPOLL_CTL_ADD, fd, &event)) {
		connection_close(tcp, index);
		return false;
	}
	return true;
}

void lab_tcp_disconnect(struct lab_tcp *tcp, uint32_t slot)
{
	if (tcp->of_slot[slot])
		connection_close(tcp, tcp->of_slot[slot] - 1);
}

/* Connected: send. A query always fits into the send buffer of a new connection. */
static bool query_send(struct lab_tcp *tcp, struct lab_connection *connection, uint32_t index)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};

	return send(connection->fd, connection->query, connection->query_bytes, MSG_NOSIGNAL) ==
		       connection->query_bytes &&
	       epoll_ctl(tcp->epoll, EPOLL_CTL_MOD, connection->fd, &event) == 0;
}

/* @return bytes of the whole message, 0 for not yet, -1 for never */
static int reply_receive(struct lab_connection *connection)
{
	ssize_t bytes;

	if (!connection->reply)
		connection->reply = malloc(REPLY_MAX);
	if (!connection->reply)
		return -1;
	bytes = recv(connection->fd, connection->reply + connection->received,
		REPLY_MAX - connection->received, 0);
	if (bytes <= 0)
		return bytes < 0 && errno == EAGAIN ? 0 : -1;
	connection->received = (uint16_t)(connection->received + bytes);
	if (connection->received >= 2) {
		int message_bytes = connection->reply[0] << 8 | connection->reply[1];

		if (connection->received >= 2 + message_bytes)
			return message_bytes;
	}
	return 0;
}

static void event_take(struct lab_tcp *tcp, uint32_t index, uint32_t events)
{
	struct lab_connection *connection = &tcp->connection[index];
	uint32_t slot = connection->slot;
	int message_bytes = -1;
	uint8_t *reply;

	if (!connection->fd)
		return;
	if (events & EPOLLIN)
		message_bytes = reply_receive(connection);
	else if (events & EPOLLOUT && !(events & (EPOLLERR | EPOLLHUP)) && query_send(tcp, connection, index))
		message_bytes = 0;
	if (message_bytes == 0)
		return;
	reply = connection->reply;
	connection->reply = NULL;
	connection_close(tcp, index);
	tcp->done(tcp->context, slot, message_bytes >= 12 ? reply + 2 : NULL, (uint32_t)message_bytes);
	free(reply);
}

void lab_tcp_turn(struct lab_tcp *tcp)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(tcp->epoll, events, EVENTS, 0);

	for (int i = 0; i < count; i++)
		event_take(tcp, events[i].data.u32, events[i].events);
}
