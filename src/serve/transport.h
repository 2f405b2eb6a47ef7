/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The bytes of a connection: TCP as it is, or TLS over it (serve/session.h).
 *
 * A table of functions, so that whoever speaks DNS need not know which. None of them blocks.
 */
#ifndef SW_SERVE_TRANSPORT_H
#define SW_SERVE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sw_transport;
struct sw_session;

/** Our end of a connection. */
struct sw_link {
	const struct sw_transport *transport;
	int fd;
	struct sw_session *session; /* of TLS; NULL: none, or not yet */
};

struct sw_transport {
	bool is_encrypted;

	/** Go on with the handshake. @return 0: done; -EAGAIN; else it has failed */
	int (*handshake)(struct sw_link *link);

	/** @return bytes; 0: the other side sends no more; -EAGAIN; else the connection is over */
	ssize_t (*read)(struct sw_link *link, uint8_t *bytes, size_t size);

	/** @return bytes taken, less than `len` perhaps; -EAGAIN: the next call must begin with the same
	 * bytes; else the connection is over */
	ssize_t (*write)(struct sw_link *link, const uint8_t *bytes, size_t len);

	/** Whether there is something to read of which the descriptor does not tell. */
	bool (*pending)(const struct sw_link *link);

	/** Whether the handshake waits until the descriptor can be written to. */
	bool (*wants_write)(const struct sw_link *link);

	/** Free what there is beside the descriptor. @param is_reset  without a word to the other side */
	void (*close)(struct sw_link *link, bool is_reset);
};

extern const struct sw_transport sw_transport_plain;

/** Close all of it. @param is_reset  throw away what was not sent and tell the other side so (RST) */
void sw_link_close(struct sw_link *link, bool is_reset);

#endif
