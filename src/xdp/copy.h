/* SPDX-License-Identifier: GPL-3.0-or-later */
/** BPF: the query into the scratch buffer, where the answer path reads it. */
#ifndef SW_XDP_COPY_H
#define SW_XDP_COPY_H

#include "xdp/frame.h"

/** Copy the message into work->buf: whole words, then one more that overlaps. */
SW_INLINE int message_copy(SW_OUT *out, struct sw_work *work)
{
	const uint8_t *end = (const uint8_t *)(long)out->data_end;
	uint32_t at = work->message_at & 0xff, len = work->message_len;
	const uint8_t *from = (const uint8_t *)(long)out->data + at;
	for (uint32_t i = 0; i <= SW_QUERY_MAX; i += 8) {
		if (i + 8 > len)
			break;
		if (from + i + 8 > end)
			return -1;
		SW_STORE64(&work->buf[i], SW_LOAD64(from + i));
	}
	if (len >= 8 && len & 7) {
		uint32_t last = (len - 8) & 0x7ff;
		from = (const uint8_t *)(long)out->data + at + last;
		if (from + 8 > end)
			return -1;
		SW_STORE64(&work->buf[last], SW_LOAD64(from));
	}
	return 0;
}

#endif
