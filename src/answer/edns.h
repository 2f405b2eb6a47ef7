/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Reading the OPT record (RFC 6891 s6.1). */
#ifndef SW_ANSWER_EDNS_H
#define SW_ANSWER_EDNS_H

#include "answer/cookie.h"

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
SW_INLINE int sw_opt_read(struct sw_work *work, uint32_t at)
{
	if (work->has_edns)
		return -1; /* RFC 6891 s6.1.1: at most one */
	struct sw_options options = {work, at + 10, at + 10 + sw_buf16(work, at + 8), 0};
	if (options.end > work->message_len)
		return -1;
	work->has_edns = 1;
	work->udp_size = sw_buf16(work, at + 2);
	work->wants_dnssec = (sw_buf8(work, at + 6) & 0x80) != 0;
	work->edns_version = sw_buf8(work, at + 5);
	if (work->edns_version != 0 || options.at == options.end)
		return (int)options.end; /* options of other versions are not ours to read */
	sw_repeat(SW_QUERY_MAX / 4, sw_option_next, &options);
	return options.is_malformed ? -1 : (int)options.end;
}

/** Whether the record at buf[at] is an OPT record with the root as owner. */
SW_INLINE int sw_is_opt(const struct sw_work *work, uint32_t at)
{
	return sw_buf8(work, at) == 0 && sw_buf16(work, at + 1) == SW_TYPE_OPT;
}

#endif
