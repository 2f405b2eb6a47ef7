/* SPDX-License-Identifier: GPL-3.0-or-later */
/** BPF: the query into the scratch buffer, where the answer path reads it. */
#ifndef SW_XDP_COPY_H
#define SW_XDP_COPY_H

#include "xdp/frame.h"

/** Copy the message into work->buf: whole words, then one more that overlaps. On the way it is summed up for
 * the checksum of the reply, which keeps its question. */
SW_FN int message_copy(SW_OUT *out, struct sw_work *work)
{
	if (!work)
		return -1;
	const uint8_t *end = (const uint8_t *)(long)out->data_end;
	uint32_t at = work->message_at & 0xff, len = work->message_len;
	const uint8_t *from = (const uint8_t *)(long)out->data + at;
	uint64_t sum = 0, word;
	for (uint32_t i = 0; i <= SW_QUERY_MAX; i += 8) {
		if (i + 8 > len)
			break;
		if (from + i + 8 > end)
			return -1;
		word = SW_LOAD64(from + i);
		SW_STORE64(&work->buf[i], word);
		sum += (word & 0xffffffff) + (word >> 32);
	}
	if (len >= 8 && len & 7) {
		uint32_t last = (len - 8) & 0x7ff;
		from = (const uint8_t *)(long)out->data + at + last;
		if (from + 8 > end)
			return -1;
		word = SW_LOAD64(from);
		SW_STORE64(&work->buf[last], word);
		word >>= 64 - 8 * (len & 7);
		sum += (word & 0xffffffff) + (word >> 32);
	}
	work->query_sum = sw_sum_fold(sum);
	return 0;
}

#endif
