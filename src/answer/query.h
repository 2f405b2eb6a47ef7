/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Reading one DNS query: header, question, EDNS (RFC 1035 s4, RFC 6891). */
#ifndef SW_ANSWER_QUERY_H
#define SW_ANSWER_QUERY_H

#include "answer/cookie.h"
#include "answer/work.h"

/** What is to be done with a query after reading it. */
enum sw_query_state {
	SW_QUERY_GO = 0, /* look it up */
	SW_QUERY_REPLY,	 /* rcode and verdict are set: reply without looking up */
	SW_QUERY_SILENT, /* verdict is set: no reply */
	SW_QUERY_PUNT,	 /* verdict is set: user space must do this */
};

/** Hash of the label of more than eight bytes whose length byte is buf[at]. Apart from sw_name_hash_labels(),
 * whose loop the verifier would otherwise multiply with this one's. */
SW_FN uint64_t sw_long_label_hash(struct sw_work *work, uint32_t at)
{
	const struct sw_control *control = work ? sw_control_of(work) : NULL;
	if (!control)
		return 0;
	uint32_t len = sw_buf8(work, at);
	uint64_t hash = sw_hash_label_start(&control->key, len);
	for (uint32_t word = 0; word < SW_LABEL_WORDS; word++) {
		if (8 * word >= len)
			break;
		uint64_t bytes = sw_buf64(work, at + 1 + 8 * word);
		if (len - 8 * word < 8)
			bytes &= sw_first_bytes(len - 8 * word);
		hash = sw_hash_label_word(&control->key, hash, word, sw_lower8(bytes));
	}
	return hash;
}

/** Hash the suffixes of the name from the right, as far as any zone has names: deeper labels of random names
 * cost no more than being stepped over. A function of its own, so that the verifier does not walk this loop
 * once for every number of labels. */
SW_FN int sw_name_hash_labels(struct sw_work *work)
{
	const struct sw_control *control = work ? sw_control_of(work) : NULL;
	if (!control)
		return -1;
	const struct sw_hash_key *key = &control->key;
	uint32_t labels = work->labels, depth_max = control->root[control->active_root & 1].depth_max;
	uint64_t hash = key->root;
	work->suffix[labels & SW_LABELS_MAX] = hash;
	for (uint32_t depth = 1; depth <= SW_LABELS_MAX; depth++) {
		if (depth > labels || depth > depth_max)
			break;
		uint32_t i = (labels - depth) & SW_LABELS_MAX, at = work->label_at[i],
			 len = sw_buf8(work, at);
		uint64_t label;
		if (len > 8)
			label = sw_long_label_hash(work, at);
		else
			label = sw_hash_label_word(key, sw_hash_label_start(key, len), 0,
				sw_lower8(sw_buf64(work, at + 1) & sw_first_bytes(len)));
		hash = sw_hash_fold(key, hash, label);
		work->suffix[i] = hash;
	}
	return 0;
}

/** Read the uncompressed name at buf[at], before buf[end]: where its labels stand, and the hashes of its
 * suffixes.
 * @return offset behind the name, or -1 when malformed */
SW_FN int sw_name_read(struct sw_work *work, uint32_t at, uint32_t end)
{
	if (!work)
		return -1;
	uint32_t start = at, labels;
	for (labels = 0; labels <= SW_LABELS_MAX; labels++) {
		uint32_t len = sw_buf8(work, at);
		if (at >= end || len > SW_LABEL_MAX)
			return -1;
		work->label_at[labels & SW_LABELS_MAX] = (uint16_t)at;
		if (len == 0)
			break;
		/* Read again: what is known of `len` would give the verifier a state of its own for each
		 * turn. */
		uint32_t label = at;
		sw_opaque(label);
		at += 1u + sw_buf8(work, label);
	}
	if (labels > SW_LABELS_MAX || at + 1 - start > SW_NAME_MAX || at >= end)
		return -1;
	work->name_at = start;
	work->name_len = at + 1 - start;
	work->labels = labels;
	sw_name_hash_labels(work);
	return (int)(at + 1);
}

/** The hash that tells whether a chain comes back to a name: of as much of it as was hashed. */
SW_INLINE uint64_t sw_name_mark(const struct sw_work *work)
{
	const struct sw_control *control = sw_control_of(work);
	uint32_t depth_max = control ? control->root[control->active_root & 1].depth_max : 0;
	uint32_t first = work->labels > depth_max ? work->labels - depth_max : 0;
	return work->suffix[first & SW_LABELS_MAX] + work->name_len;
}

SW_INLINE int sw_query_fail(struct sw_work *work, enum sw_rcode rcode, enum sw_verdict verdict)
{
	work->rcode = rcode;
	work->verdict = verdict;
	return SW_QUERY_REPLY;
}

/** One EDNS option at buf[at]. @return 0, or -1 when malformed */
SW_INLINE int sw_option_read(struct sw_work *work, uint32_t at, uint16_t code, uint16_t len)
{
	switch (code) {
	case SW_OPTION_NSID:
		work->wants_nsid = 1;
		return 0;
	case SW_OPTION_KEEPALIVE:
		/* RFC 7828 s3.2.1: a client sends it empty; over UDP it is ignored */
		work->wants_keepalive = work->stream;
		return len == 0 || !work->stream ? 0 : -1;
	case SW_OPTION_COOKIE:
		return sw_cookie_read(work, at, len);
	default:
		return 0;
	}
}

/** Walk over the options of an OPT record. */
struct sw_options {
	struct sw_work *work;
	uint32_t at;
	uint32_t end;
	int is_malformed;
};

/** Read the next option. @return 1 when there is no further one (the form that bpf_loop asks for) */
static long sw_option_next(uint64_t i, void *context)
{
	struct sw_options *options = context;
	(void)i;
	uint32_t at = options->at, end = options->end;
	if (at >= end)
		return 1;
	options->is_malformed = 1;
	if (at + 4 > end)
		return 1;
	uint16_t code = sw_buf16(options->work, at), len = sw_buf16(options->work, at + 2);
	if (at + 4 + len > end || sw_option_read(options->work, at + 4, code, len))
		return 1;
	options->is_malformed = 0;
	options->at = at + 4 + len;
	return 0;
}

/** The OPT record whose type field is at buf[at].
 * @return offset behind it, or -1 when malformed */
SW_FN int sw_opt_read(struct sw_work *work, uint32_t at)
{
	if (!work || work->has_edns)
		return -1; /* RFC 6891 s6.1.1: at most one */
	struct sw_options options = {work, at + 10, at + 10 + sw_buf16(work, at + 8), 0};
	if (options.end > work->message_len)
		return -1;
	work->has_edns = 1;
	work->udp_size = sw_buf16(work, at + 2);
	work->wants_dnssec = (sw_buf8(work, at + 6) & 0x80) != 0;
	work->edns_version = sw_buf8(work, at + 5);
	if (work->edns_version != 0)
		return (int)options.end; /* its options are not ours to read */
	sw_repeat(SW_QUERY_MAX / 4, sw_option_next, &options);
	return options.is_malformed ? -1 : (int)options.end;
}

#ifndef SW_BPF
#include "answer/additional.h"
#endif

/** Whether the record at buf[at] is an OPT record with the root as owner. */
SW_INLINE int sw_is_opt(const struct sw_work *work, uint32_t at)
{
	return sw_buf8(work, at) == 0 && sw_buf16(work, at + 1) == SW_TYPE_OPT;
}

/** The additional section: an OPT record, or nothing. Anything else (TSIG, SIG(0)) is user space's. */
SW_FN int sw_additional_read(struct sw_work *work, uint32_t at, uint32_t count)
{
	if (!work)
		return SW_QUERY_SILENT;
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
	work->links = 0;
	work->rcode = 0;
	work->is_authoritative = 0;
	work->literals = SW_LITERALS;
	for (uint32_t i = 0; i <= SW_SECTIONS; i++)
		work->part_count[i] = work->records[i] = 0;
}

/** Read the query in buf[0, message_len).
 * @return enum sw_query_state */
SW_FN int sw_query_read(struct sw_work *work)
{
	if (!work)
		return SW_QUERY_SILENT;
	if (work->message_len < SW_HEADER_LEN) {
		work->verdict = SW_VERDICT_DROP_SHORT;
		return SW_QUERY_SILENT;
	}
	sw_query_reset(work);
	if (work->flags & SW_FLAG_QR) {
		work->verdict = SW_VERDICT_DROP_RESPONSE;
		return SW_QUERY_SILENT;
	}
	if (work->flags >> SW_OPCODE_SHIFT & 15)
		return sw_query_fail(work, SW_RCODE_NOTIMP, SW_VERDICT_NOTIMP);
	if (work->message_len > SW_QUERY_MAX || sw_buf16(work, 4) != 1)
		return sw_query_fail(work, SW_RCODE_FORMERR, SW_VERDICT_FORMERR);
	int end = sw_name_read(work, SW_HEADER_LEN, work->message_len);
	if (end < 0 || (uint32_t)end + 4 > work->message_len)
		return sw_query_fail(work, SW_RCODE_FORMERR, SW_VERDICT_FORMERR);
	work->type = sw_buf16(work, (uint32_t)end);
	work->class = sw_buf16(work, (uint32_t)end + 2);
	work->question_end = (uint32_t)end + 4;
	work->owner_at = SW_HEADER_LEN;
	work->answers_end = work->question_end;
	/* records only in the additional section, but for IXFR's SOA (RFC 1995 s3) */
	uint16_t authority = sw_buf16(work, 8);
	if (work->type == SW_TYPE_IXFR && authority == 1)
		return sw_query_fail(work, SW_RCODE_REFUSED, SW_VERDICT_REFUSED);
	if (sw_buf16(work, 6) != 0 || authority != 0)
		return sw_query_fail(work, SW_RCODE_FORMERR, SW_VERDICT_FORMERR);
	uint32_t additional = sw_buf16(work, 10);
	if (additional == 0 && work->question_end == work->message_len)
		return SW_QUERY_GO;
	int state = sw_additional_read(work, work->question_end, additional);
	if (state == SW_QUERY_GO && work->edns_version != 0)
		return sw_query_fail(work, SW_RCODE_BADVERS, SW_VERDICT_BADVERS);
	return state;
}

#endif
