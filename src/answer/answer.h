/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The answer path for user space: the same source as the kernel's, compiled natively. */
#ifndef SW_ANSWER_ANSWER_H
#define SW_ANSWER_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sw_image_view; /* image/image.h: the control page and the segments */

/** Who asks, and over what. */
struct sw_asker {
	uint8_t address[16]; /* IPv4 in the first four bytes, network order */
	uint8_t address_len; /* 4 or 16 */
	bool stream;	     /* TCP or TLS: no truncation below 65,535 bytes, keepalive may be told */
	uint16_t idle_ds;    /* stream only: idle time left, in units of 100 ms (RFC 7828) */
};

struct sw_worker; /* scratch of one thread */

struct sw_worker *sw_worker_new(void);
void sw_worker_free(struct sw_worker *worker);

/** Answer one DNS message.
 *
 * The caller is inside a read-side critical section (image/image.h) from the call until the return.
 *
 * @param reply  at least 65,535 bytes for a stream, 1,500 otherwise; must not overlap the query
 * @param verdict  enum sw_verdict (answer/verdict.h): why this came out as it did, for counting
 * @return bytes of the reply, 0 for no reply
 */
size_t sw_answer(struct sw_worker *worker, const struct sw_image_view *view, const struct sw_asker *asker,
	const uint8_t *query, size_t query_len, uint8_t *reply, unsigned *verdict);

#endif
