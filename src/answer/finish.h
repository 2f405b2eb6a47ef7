/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Last steps before writing: the OPT record, where each part stands, what goes when it does not fit. */
#ifndef SW_ANSWER_FINISH_H
#define SW_ANSWER_FINISH_H

#include "answer/cookie.h"
#include "answer/part.h"

#define SW_OPTIONS_MAX 256u /* cookie 28, NSID 4 + 128, keepalive 6, EDE 6; a word more is written */

SW_INLINE uint32_t sw_option_cookie(struct sw_work *work, uint32_t at)
{
	sw_literal16(work, at, SW_OPTION_COOKIE);
	sw_literal16(work, at + 2, SW_COOKIE_CLIENT + SW_COOKIE_SERVER);
	sw_literal64(work, at + 4, work->client_cookie);
	sw_literal64(work, at + 12, work->server_cookie[0]);
	sw_literal64(work, at + 20, work->server_cookie[1]);
	return at + 28;
}

SW_INLINE uint32_t sw_option_nsid(struct sw_work *work, const struct sw_control *control, uint32_t at)
{
	uint32_t len = control->nsid_len;
	sw_literal16(work, at, SW_OPTION_NSID);
	sw_literal16(work, at + 2, len);
	for (uint32_t i = 0; i < SW_NSID_MAX; i += 8) {
		if (i >= len)
			break;
		sw_literal64(work, at + 4 + i, SW_LOAD64(control->nsid + i));
	}
	return at + 4 + len;
}

/** Why there is no answer, without text: the code says it. */
SW_INLINE uint32_t sw_option_ede(struct sw_work *work, uint32_t at, uint32_t code)
{
	sw_literal16(work, at, SW_OPTION_EDE);
	sw_literal16(work, at + 2, 2);
	sw_literal16(work, at + 4, code);
	return at + 6;
}

/** The options of the OPT record, where the query asks for some or there is an error to tell of; in buf. */
SW_FN int sw_options_write(struct sw_work *work)
{
	const struct sw_control *control = work ? sw_control_of(work) : NULL;
	uint32_t start = control ? sw_literal_take(work, SW_OPTIONS_MAX) : 0, at = start;
	if (!control || start == 0)
		return -1;
	if (work->has_cookie && control->cookies && sw_cookie_settle(work) == 0)
		at = sw_option_cookie(work, at);
	if (work->wants_nsid && control->nsid_len > 0)
		at = sw_option_nsid(work, control, at);
	if (work->wants_keepalive) {
		sw_literal16(work, at, SW_OPTION_KEEPALIVE);
		sw_literal16(work, at + 2, 2);
		sw_literal16(work, at + 4, work->idle_ds);
		at += 6;
	}
	if (work->has_no_data)
		at = sw_option_ede(work, at, SW_EDE_INVALID_DATA);
	work->options_at = start;
	work->options_len = at - start;
	return 0;
}

/** @return length of the OPT record, for a query that had one (RFC 6891 s6.1.1, s7) */
SW_INLINE uint32_t sw_opt_settle(struct sw_work *work)
{
	work->options_len = 0;
	if (!work->has_edns)
		return 0;
	/* who is told to come back over TCP hears then what is wrong: that reply is to be short */
	work->has_no_data &= !work->truncates;
	if (work->edns_version == 0 &&
		work->has_cookie | work->wants_nsid | work->wants_keepalive | work->has_no_data)
		sw_options_write(work);
	return SW_OPT_LEN + work->options_len;
}

/** Largest reply the asker takes and we send. */
SW_INLINE uint32_t sw_reply_limit(const struct sw_work *work, const struct sw_control *control)
{
	uint32_t limit = SW_UDP_PLAIN_MAX;
	if (work->stream)
		return 65535;
	if (work->udp_size > limit)
		limit = work->udp_size < control->udp_max ? work->udp_size : control->udp_max;
	return limit;
}

/** Let go what may go: additional addresses, glue of siblings. */
SW_FN int sw_shrink(struct sw_work *work)
{
	if (!work)
		return 0;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < 4; i++) {
		if (i >= work->part_count[SW_ADDITIONAL])
			break;
		struct sw_part *part = &work->part[SW_ADDITIONAL][i];
		work->behind_len -= part->len;
		work->records[SW_ADDITIONAL] -= part->count;
		if (part->shrink == SW_DROP)
			continue;
		const struct sw_piece *piece = (const void *)sw_image_at(work, part->ref);
		if (part->shrink == SW_TO_PLAIN && piece) {
			part->form = SW_PLAIN;
			part->len = piece->len[SW_PLAIN];
			part->count = piece->count[SW_PLAIN];
		}
		sw_part_place(work, SW_ADDITIONAL, part);
		work->part[SW_ADDITIONAL][kept & 3] = *part;
		kept++;
	}
	work->part_count[SW_ADDITIONAL] = kept;
	return 0;
}

/** Settle the reply: the OPT record, TC=1 with empty sections where even the least does not fit. Afterwards
 * reply_len, rcode, parts and verdict are final. */
SW_INLINE void sw_finish(struct sw_work *work, const struct sw_control *control)
{
	uint32_t opt_len = sw_opt_settle(work), limit = sw_reply_limit(work, control) - opt_len;
	if (work->answers_end + work->behind_len > limit && work->part_count[SW_ADDITIONAL] > 0)
		sw_shrink(work);
	if (work->answers_end + work->behind_len > limit)
		work->verdict = SW_VERDICT_TRUNCATED;
	if (work->verdict == SW_VERDICT_TRUNCATED || work->truncates) {
		work->truncates = 1;
		work->answers_end = work->question_end;
		work->behind_len = 0;
		for (uint32_t section = 0; section < SW_SECTIONS; section++)
			work->part_count[section] = work->records[section] = 0;
	}
	work->reply_len = work->answers_end + work->behind_len + opt_len;
}

/** Header flags of the reply (RFC 1035 s4.1.1); CD is cleared (RFC 4035 s3.1.6). */
SW_INLINE uint16_t sw_reply_flags(const struct sw_work *work)
{
	uint16_t flags = (uint16_t)(work->flags & (SW_FLAG_RD | 15 << SW_OPCODE_SHIFT));
	flags |= SW_FLAG_QR | (work->rcode & 15);
	if (work->is_authoritative)
		flags |= SW_FLAG_AA;
	if (work->truncates)
		flags |= SW_FLAG_TC;
	return flags;
}

#endif
