/* SPDX-License-Identifier: GPL-3.0-or-later */
/** User space only: an additional section with more than one OPT record in it. */
#ifndef SW_ANSWER_ADDITIONAL_H
#define SW_ANSWER_ADDITIONAL_H

#include "answer/edns.h"
#include "answer/state.h"

/** Offset behind the owner name at buf[at], compression allowed, or -1. */
static int sw_owner_skip(const struct sw_work *work, uint32_t at)
{
	for (uint32_t start = at; at < work->message_len && at - start < SW_NAME_MAX;) {
		uint8_t len = sw_buf8(work, at);
		if (len == 0)
			return (int)at + 1;
		if ((len & 0xc0) == 0xc0)
			return (int)at + 2;
		if (len > SW_LABEL_MAX)
			return -1;
		at += 1u + len;
	}
	return -1;
}

/** `count` records from buf[at]. OPT is read, TSIG must be the last (RFC 8945 s5.1), others are passed over.
 * @param end  offset behind the last record, -1 when malformed
 * @return enum sw_query_state */
static int sw_records_read(struct sw_work *work, uint32_t at, uint32_t count, int *end)
{
	for (uint32_t i = 1; i <= count; i++) {
		int type_at = sw_owner_skip(work, at);
		*end = -1;
		if (type_at < 0 || (uint32_t)type_at + 10 > work->message_len)
			return SW_QUERY_GO;
		uint16_t type = sw_buf16(work, (uint32_t)type_at);
		uint32_t next = (uint32_t)type_at + 10 + sw_buf16(work, (uint32_t)type_at + 8);
		if (next > work->message_len || (type == SW_TYPE_TSIG && i != count))
			return SW_QUERY_GO;
		if (type == SW_TYPE_OPT) {
			if (type_at != (int)at + 1 || sw_opt_read(work, (uint32_t)type_at) < 0)
				return SW_QUERY_GO;
		}
		if (type == SW_TYPE_TSIG && next == work->message_len) {
			work->tsig_at = at;
			work->rcode = SW_RCODE_NOTAUTH;
			work->verdict = SW_VERDICT_NOTAUTH;
			return SW_QUERY_REPLY;
		}
		at = next;
		*end = (int)at;
	}
	return SW_QUERY_GO;
}

#endif
