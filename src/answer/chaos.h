/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Class CHAOS: who this node is, when the operator wants it told (RFC 4892). */
#ifndef SW_ANSWER_CHAOS_H
#define SW_ANSWER_CHAOS_H

#include "answer/part.h"
#include "answer/state.h"

/** Which text answers the name, or SW_CHAOS_COUNT. */
SW_INLINE uint32_t sw_chaos_which(const struct sw_control *control, uint64_t hash)
{
	for (uint32_t i = 0; i < SW_CHAOS_NAMES; i++) {
		if (control->chaos_hash[i] == hash)
			return i < SW_CHAOS_NAMES / 2 ? SW_CHAOS_ID : SW_CHAOS_VERSION;
	}
	return SW_CHAOS_COUNT;
}

/** One TXT record for id.server, hostname.bind, version.server and version.bind; the rest is refused. */
SW_FN int sw_chaos(struct sw_work *work)
{
	const struct sw_control *control = work ? sw_control_of(work) : NULL;
	if (!control)
		return SW_QUERY_SILENT;
	uint32_t which =
		work->labels == SW_CHAOS_LABELS ? sw_chaos_which(control, work->suffix[0]) : SW_CHAOS_COUNT;
	int is_text = work->type == SW_TYPE_TXT || work->type == SW_TYPE_ANY;
	if (which >= SW_CHAOS_COUNT || !is_text || control->chaos_len[which & 1] == 0)
		return sw_query_fail(work, SW_RCODE_REFUSED, SW_VERDICT_REFUSED);
	const uint8_t *text = control->chaos_text[which & 1];
	uint32_t at = sw_literal_take(work, 13 + SW_CHAOS_TEXT_MAX + 1), len = control->chaos_len[which & 1];
	sw_literal16(work, at, SW_POINTER | SW_HEADER_LEN);
	sw_literal16(work, at + 2, SW_TYPE_TXT);
	sw_literal16(work, at + 4, SW_CLASS_CH);
	sw_literal32(work, at + 6, 0);
	sw_literal16(work, at + 10, len + 1);
	work->buf[(at + 12) & SW_BUF_MASK] = (uint8_t)len;
	for (uint32_t i = 0; i < SW_CHAOS_TEXT_MAX + 1; i += 8) {
		if (i >= len)
			break;
		sw_literal64(work, at + 13 + i, SW_LOAD64(text + i));
	}
	sw_literal_put(work, at, 13 + len, 1);
	work->is_authoritative = 1;
	return sw_query_fail(work, SW_RCODE_NOERROR, SW_VERDICT_CHAOS);
}

#endif
