/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/channel.h"
#include "serve/session.h"
#include "serve/settings.h"
#include "wire/bytes.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_MAX (2 + SW_CHANNEL_MESSAGE_MAX)

enum state { CONNECTING, SHAKING, OPEN, OVER };

struct sw_channel {
	struct sw_link link;
	enum state state;
	int err; /* in OVER */
	struct sw_endpoint address;
	char why[SW_WHY_TEXT_MAX + 32];
	bool is_awaited;	/* there is more to send as soon as there is room */
	size_t out_at, out_len; /* what of `out` waits */
	size_t in_at, in_len;	/* what of `in` waits */
	uint8_t out[FRAME_MAX];
	uint8_t in[2 * FRAME_MAX];
};

/* ---- trust ---- */

static pthread_mutex_t trust_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sw_trust *trusted; /* NULL: the system's, not read yet */

int sw_channel_trust(const char *file, char *why)
{
	struct sw_trust *fresh = NULL, *old;
	int err = file ? sw_trust_load(&fresh, file, why) : 0;
	if (err != 0)
		return err;
	pthread_mutex_lock(&trust_lock);
	old = trusted;
	trusted = fresh;
	pthread_mutex_unlock(&trust_lock);
	sw_trust_release(old);
	return 0;
}

static int trust_get(struct sw_trust **trust, char *why)
{
	pthread_mutex_lock(&trust_lock);
	int err = trusted ? 0 : sw_trust_load(&trusted, NULL, why);
	if (err == 0)
		*trust = sw_trust_hold(trusted);
	pthread_mutex_unlock(&trust_lock);
	return err;
}

/* ---- opening ---- */

static int over(struct sw_channel *channel, int err, const char *why)
{
	channel->state = OVER;
	channel->err = err;
	if (why[0] != '\0')
		snprintf(channel->why, sizeof(channel->why), "%s", why);
	else
		snprintf(channel->why, sizeof(channel->why), "%s", strerror(-err));
	return err;
}

/** @return a connecting descriptor or -errno */
static int dial(const struct sw_remote *remote, const struct sw_endpoint *address)
{
	const int on = 1;
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	int err = 0;
	if (remote->source.len != 0 && remote->source.any.sa_family == address->any.sa_family &&
		bind(fd, &remote->source.any, remote->source.len) != 0)
		err = -errno;
	if (err == 0 && connect(fd, &address->any, address->len) != 0 && errno != EINPROGRESS)
		err = -errno;
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

static int secure(struct sw_channel *channel, const struct sw_remote *remote)
{
	char why[SW_WHY_TEXT_MAX];
	struct sw_session_peer peer = {
		.hostname = remote->tls_hostname,
		.pin = remote->has_tls_pin ? remote->tls_pin : NULL,
	};
	int err = peer.hostname ? trust_get(&peer.trust, why) : 0;
	if (err == -EINVAL) { /* told when it is asked for messages, with the reason */
		over(channel, -EKEYREJECTED, why);
		return 0;
	}
	if (err == 0)
		err = sw_session_call(&channel->link, &peer);
	sw_trust_release(peer.trust);
	return err;
}

int sw_channel_open(
	struct sw_channel **result, const struct sw_remote *remote, const struct sw_endpoint *address)
{
	struct sw_channel *channel = malloc(sizeof(*channel));
	if (channel == NULL)
		return -ENOMEM;
	memset(channel, 0, offsetof(struct sw_channel, out));
	channel->address = *address;
	channel->link.transport = remote->is_tls ? &sw_transport_tls : &sw_transport_plain;
	channel->link.fd = dial(remote, address);
	int err = channel->link.fd < 0 ? channel->link.fd : 0;
	if (err == 0 && remote->is_tls)
		err = secure(channel, remote);
	if (err != 0) {
		if (channel->link.fd >= 0)
			sw_link_close(&channel->link, true);
		free(channel);
		return err;
	}
	*result = channel;
	return 0;
}

void sw_channel_close(struct sw_channel *channel)
{
	if (channel == NULL)
		return;
	sw_link_close(&channel->link, false);
	free(channel);
}

int sw_channel_fd(const struct sw_channel *channel)
{
	return channel->link.fd;
}

const char *sw_channel_why(const struct sw_channel *channel)
{
	return channel->why;
}

/* ---- going on ---- */

/** Asking again is how to hear of it (connect(2)). */
static int connect_on(struct sw_channel *channel)
{
	if (connect(channel->link.fd, &channel->address.any, channel->address.len) != 0 && errno != EISCONN)
		return errno == EALREADY || errno == EINPROGRESS || errno == EINTR ? -EAGAIN : -errno;
	channel->state = SHAKING;
	return 0;
}

static int write_on(struct sw_channel *channel)
{
	while (channel->out_len > 0) {
		ssize_t n = channel->link.transport->write(
			&channel->link, channel->out + channel->out_at, channel->out_len);
		if (n < 0)
			return (int)n;
		channel->out_at += (size_t)n;
		channel->out_len -= (size_t)n;
	}
	return 0;
}

/** @return 0: everything is out; -EAGAIN; else the channel is over */
static int go_on(struct sw_channel *channel)
{
	int err = channel->state == OVER ? channel->err : 0;
	if (channel->state == CONNECTING)
		err = connect_on(channel);
	if (err == 0 && channel->state == SHAKING) {
		err = channel->link.transport->handshake(&channel->link);
		if (err == 0)
			channel->state = OPEN;
	}
	if (err == 0)
		err = write_on(channel);
	if (err != 0 && err != -EAGAIN && channel->state != OVER)
		over(channel, err, sw_session_why(&channel->link));
	return err;
}

int sw_channel_send(struct sw_channel *channel, const uint8_t *message, size_t len)
{
	if (len > SW_CHANNEL_MESSAGE_MAX)
		return -EMSGSIZE;
	int err = channel->state == OPEN ? go_on(channel) : 0;
	if (channel->out_len > 0 && err == 0)
		err = -EAGAIN;
	channel->is_awaited = err == -EAGAIN;
	if (err != 0)
		return err;
	sw_put16(channel->out, len);
	memcpy(channel->out + 2, message, len);
	channel->out_at = 0;
	channel->out_len = 2 + len;
	(void)go_on(channel); /* what goes wrong is told when a message is asked for */
	return 0;
}

/* ---- messages ---- */

static size_t frame_len(const struct sw_channel *channel)
{
	const uint8_t *frame = channel->in + channel->in_at;
	return channel->in_len < 2 ? FRAME_MAX : 2 + (size_t)sw_get16(frame);
}

static bool has_message(const struct sw_channel *channel)
{
	return channel->in_len >= frame_len(channel);
}

/** @return 0: some came; -EAGAIN; else the channel is over */
static int read_on(struct sw_channel *channel)
{
	memmove(channel->in, channel->in + channel->in_at, channel->in_len);
	channel->in_at = 0;
	size_t end = channel->in_len;
	ssize_t n =
		channel->link.transport->read(&channel->link, channel->in + end, sizeof(channel->in) - end);
	if (n > 0) {
		channel->in_len += (size_t)n;
		return 0;
	}
	if (n == -EAGAIN)
		return -EAGAIN;
	if (n == 0)
		return over(channel, -ECONNRESET,
			channel->in_len > 0 ? "it closed the connection in the middle of a message"
					    : "it closed the connection");
	return over(channel, (int)n, sw_session_why(&channel->link));
}

int sw_channel_receive(struct sw_channel *channel, uint8_t *message, size_t *len)
{
	int err = go_on(channel);
	if (err != 0 && (err != -EAGAIN || channel->state != OPEN) && !has_message(channel))
		return err;
	while (!has_message(channel)) {
		err = read_on(channel);
		if (err != 0)
			return err;
	}
	size_t whole = frame_len(channel);
	*len = whole - 2;
	memcpy(message, channel->in + channel->in_at + 2, *len);
	channel->in_len -= whole;
	channel->in_at = channel->in_len > 0 ? channel->in_at + whole : 0;
	return 0;
}

uint32_t sw_channel_events(const struct sw_channel *channel)
{
	const struct sw_link *link = &channel->link;
	switch (channel->state) {
	case CONNECTING:
		return EPOLLOUT;
	case SHAKING:
		return link->transport->wants_write(link) ? EPOLLOUT : EPOLLIN;
	case OVER:
		return EPOLLOUT; /* nothing is to come: be asked again soon */
	default: {
		bool is_due = channel->out_len > 0 || channel->is_awaited || has_message(channel) ||
			      link->transport->pending(link);
		return is_due ? EPOLLIN | EPOLLOUT : EPOLLIN;
	}
	}
}
