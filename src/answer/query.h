/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Reading one DNS query: header, question, additional section (RFC 1035 s4, RFC 6891). */
#ifndef SW_ANSWER_QUERY_H
#define SW_ANSWER_QUERY_H

#ifndef SW_BPF
#include "answer/additional.h"
#endif
#include "answer/edns.h"
#include "answer/name.h"
#include "answer/state.h"

/** Behind the question: an OPT record, or nothing. Anything else (TSIG, SIG(0), IXFR's SOA) is user space's.
 */
SW_INLINE int sw_additional_read(struct sw_work *work, uint32_t at, uint32_t count)
{
	int end = (int)at;
	if (count > 0 && at + SW_RECORD_MIN > work->message_len) {
		end = -1;
	} else if (count == 1 && sw_is_opt(work, at)) {
		end = sw_opt_read(work, at + 1);
	} else if (count > 0) {
#ifdef SW_BPF
		work->verdict = SW_VERDICT_PUNT_TSIG;
		return SW_QUERY_PUNT;
#else
		int state = sw_records_read(work, at, count, &end);
		if (state != SW_QUERY_GO)
			return state;
#endif
	}
	if (end < 0 || (uint32_t)end != work->message_len) { /* bytes behind the last record: malformed */
		work->has_edns = 0;
		return sw_query_fail(work, SW_RCODE_FORMERR, SW_VERDICT_FORMERR);
	}
	return SW_QUERY_GO;
}

SW_INLINE void sw_query_reset(struct sw_work *work)
{
	work->id = SW_LOAD16(&work->buf[0]);
	work->flags = sw_buf16(work, 2);
	work->question_end = SW_HEADER_LEN;
	work->has_edns = work->wants_dnssec = work->wants_nsid = work->wants_keepalive = 0;
	work->has_cookie = work->has_server_cookie = work->cookie_is_valid = 0;
	work->tsig_at = 0;
	work->edns_version = 0;
	work->udp_size = SW_UDP_PLAIN_MAX;
	work->zone = 0;
	work->facts = work->truncates = work->has_no_data = 0;
	work->links = 0;
	work->is_synthesized = 0;
	work->sha_blocks = 0;
	work->is_torn = 0;
	work->rcode = 0;
	work->verdict = SW_VERDICT_SERVFAIL; /* until something else is found */
	work->is_authoritative = 0;
	work->literals = SW_LITERALS;
	work->behind_len = 0;
	for (uint32_t i = 0; i < SW_SECTIONS; i++)
		work->part_count[i] = work->records[i] = 0;
}

/** An opcode other than QUERY. In the kernel NOTIFY and UPDATE are left to user space, where it takes them.
 */
SW_INLINE int sw_opcode_fail(struct sw_work *work, const struct sw_control *control, uint32_t opcode)
{
#ifdef SW_BPF
	if (control->punts_requests && (opcode == SW_OPCODE_NOTIFY || opcode == SW_OPCODE_UPDATE)) {
		work->verdict = SW_VERDICT_PUNT_REQUEST;
		return SW_QUERY_PUNT;
	}
#else
	(void)control;
	(void)opcode;
#endif
	return sw_query_fail(work, SW_RCODE_NOTIMP, SW_VERDICT_NOTIMP);
}

/** Read the query in buf[0, message_len).
 * @return enum sw_query_state */
SW_INLINE int sw_query_read(struct sw_work *work, const struct sw_control *control)
{
	if (work->message_len < SW_HEADER_LEN) {
		work->verdict = SW_VERDICT_DROP_SHORT;
		return SW_QUERY_SILENT;
	}
	sw_query_reset(work);
	if (work->flags & SW_FLAG_QR) {
		work->verdict = SW_VERDICT_DROP_RESPONSE;
		return SW_QUERY_SILENT;
	}
	uint32_t opcode = work->flags >> SW_OPCODE_SHIFT & 15;
	if (opcode != SW_OPCODE_QUERY)
		return sw_opcode_fail(work, control, opcode);
	if (work->message_len > SW_QUERY_MAX || sw_buf16(work, 4) != 1)
		return sw_query_fail(work, SW_RCODE_FORMERR, SW_VERDICT_FORMERR);
	int end = sw_name_read(work, control, SW_HEADER_LEN, work->message_len);
	if (end < 0 || (uint32_t)end + 4 > work->message_len)
		return sw_query_fail(work, SW_RCODE_FORMERR, SW_VERDICT_FORMERR);
	work->type = sw_buf16(work, (uint32_t)end);
	work->class = sw_buf16(work, (uint32_t)end + 2);
	work->question_end = (uint32_t)end + 4;
	work->owner_at = SW_HEADER_LEN;
	work->answers_end = work->question_end;
	/* records only in the additional section, but for IXFR's SOA before it (RFC 1995 s3) */
	uint32_t authority = sw_buf16(work, 8), records = authority + sw_buf16(work, 10);
	if (sw_buf16(work, 6) != 0 || authority > (work->type == SW_TYPE_IXFR))
		return sw_query_fail(work, SW_RCODE_FORMERR, SW_VERDICT_FORMERR);
	if (records == 0 && work->question_end == work->message_len)
		return SW_QUERY_GO;
	int state = sw_additional_read(work, work->question_end, records);
	if (state == SW_QUERY_GO && work->edns_version != 0)
		return sw_query_fail(work, SW_RCODE_BADVERS, SW_VERDICT_BADVERS);
	return state;
}

#endif
