/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A connection to another server, for messages with their length before them: TCP (RFC 7766), or TLS 1.3
 * (RFC 9103). Never blocks, knows nothing of what the messages say, and leaves time to the caller:
 *
 *     open; send; { wait for sw_channel_events() or the end of patience; receive until -EAGAIN }; close
 */
#ifndef SW_SERVE_CHANNEL_H
#define SW_SERVE_CHANNEL_H

#include "serve/policy.h"

#define SW_CHANNEL_MESSAGE_MAX 65535

struct sw_channel;

/** Whose certificates may name servers, for channels opened from now on. Any thread.
 * @param file  PEM; NULL: the system's, read when the first channel wants it
 * @param why  SW_WHY_TEXT_MAX bytes
 * @return 0; -EINVAL with text in why, or -ENOMEM: those of before stay */
int sw_channel_trust(const char *file, char *why);

/** Begin to connect. Over TLS the server's certificate must be for remote->tls_hostname, and its key the one
 * of remote->tls_pin, as far as they are told; with neither, it is encrypted to whoever answers.
 * @param remote  must stay as long as the channel does; whether with TLS, and from which source
 * @param address  one of its addresses
 * @return 0 or -errno */
int sw_channel_open(
	struct sw_channel **channel, const struct sw_remote *remote, const struct sw_endpoint *address);
/** Takes NULL. */
void sw_channel_close(struct sw_channel *channel);

int sw_channel_fd(const struct sw_channel *channel);
/** EPOLLIN, EPOLLOUT: what to wait for now, level-triggered. Ask after each call; EPOLLOUT may also mean that
 * the next message is here already. */
uint32_t sw_channel_events(const struct sw_channel *channel);

/** Copied; goes out as soon as it can, in sw_channel_receive() if not at once.
 * @return 0; -EAGAIN: the one before is not out yet, try again when woken; -EMSGSIZE; else the channel is
 * over */
int sw_channel_send(struct sw_channel *channel, const uint8_t *message, size_t len);

/** Go on, and take one whole message.
 * @param message  SW_CHANNEL_MESSAGE_MAX bytes
 * @return 0; -EAGAIN: not yet; else the channel is over: -ECONNRESET when the other side has closed it,
 * -EPROTO when TLS failed, -errno */
int sw_channel_receive(struct sw_channel *channel, uint8_t *message, size_t *len);

/** Why it is over, as a sentence about the other side ("it closed the connection"), or "". */
const char *sw_channel_why(const struct sw_channel *channel);

#endif
