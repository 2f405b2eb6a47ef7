/* SPDX-License-Identifier: GPL-3.0-or-later */
/** User space only: the answer to a TSIG whose key is not known here. */
#ifndef SW_ANSWER_TSIG_H
#define SW_ANSWER_TSIG_H

#include "answer/work.h"

#define SW_TSIG_BADKEY 17

/** Length of an uncompressed name at buf[at] inside the message, or 0. */
static size_t sw_plain_name_len(const struct sw_work *work, size_t at)
{
	for (size_t start = at; at < work->message_len && at - start < SW_NAME_MAX;
		at += 1u + work->buf[at]) {
		if (work->buf[at] == 0)
			return at + 1 - start;
		if (work->buf[at] > SW_LABEL_MAX)
			return 0;
	}
	return 0;
}

/** Append an unsigned TSIG record with error BADKEY to a reply (RFC 8945 s5.2.1): key and algorithm name,
 * time and ID of the query's, no MAC. Malformed ones get NOTAUTH alone. @return length of the reply */
static size_t sw_tsig_refuse(const struct sw_work *work, uint8_t *reply)
{
	size_t owner_len = sw_plain_name_len(work, work->tsig_at);
	size_t algorithm_at = work->tsig_at + owner_len + 10;
	size_t algorithm_len = sw_plain_name_len(work, algorithm_at);
	/* behind the algorithm: time signed (6), fudge (2), MAC size (2) */
	if (owner_len == 0 || algorithm_len == 0 || algorithm_at + algorithm_len + 10 > work->message_len)
		return work->reply_len;
	size_t rdata_len = algorithm_len + 16;
	uint8_t *out = reply + work->reply_len;
	memcpy(out, work->buf + work->tsig_at, owner_len + 8);
	out += owner_len + 8;
	*out++ = (uint8_t)(rdata_len >> 8);
	*out++ = (uint8_t)rdata_len;
	memcpy(out, work->buf + algorithm_at, algorithm_len + 8);
	out += algorithm_len + 8;
	const uint8_t tail[] = {0, 0, reply[0], reply[1], 0, SW_TSIG_BADKEY, 0, 0};
	memcpy(out, tail, sizeof(tail));
	out += sizeof(tail);
	uint16_t additional = (uint16_t)((reply[10] << 8 | reply[11]) + 1);
	reply[10] = (uint8_t)(additional >> 8);
	reply[11] = (uint8_t)additional;
	return (size_t)(out - reply);
}

#endif
