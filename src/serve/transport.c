/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/transport.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static int plain_handshake(struct sw_link *link)
{
	(void)link;
	return 0;
}

static ssize_t plain_read(struct sw_link *link, uint8_t *bytes, size_t size)
{
	ssize_t n = recv(link->fd, bytes, size, MSG_DONTWAIT);
	if (n >= 0)
		return n;
	return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

static ssize_t plain_write(struct sw_link *link, const uint8_t *bytes, size_t len)
{
	ssize_t n;
	do
		n = send(link->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

static bool plain_no(const struct sw_link *link)
{
	(void)link;
	return false;
}

static void plain_close(struct sw_link *link, bool is_reset)
{
	(void)link;
	(void)is_reset;
}

const struct sw_transport sw_transport_plain = {
	.handshake = plain_handshake,
	.read = plain_read,
	.write = plain_write,
	.pending = plain_no,
	.wants_write = plain_no,
	.close = plain_close,
};

void sw_link_close(struct sw_link *link, bool is_reset)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};
	link->transport->close(link, is_reset);
	if (is_reset)
		setsockopt(link->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(link->fd);
	link->fd = -1;
}
