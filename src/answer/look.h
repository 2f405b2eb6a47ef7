/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How the query in hand looks: its features (answer/traits.h), and how far it came. */
#ifndef SW_ANSWER_LOOK_H
#define SW_ANSWER_LOOK_H

#include "answer/traits.h"
#include "answer/work.h"

/** Hops that a packet has passed: its TTL began at the next of 32, 64, 128, 255. */
SW_INLINE uint32_t sw_hops(uint32_t ttl)
{
	return ttl <= 32 ? 32 - ttl : ttl <= 64 ? 64 - ttl : ttl <= 128 ? 128 - ttl : 255 - ttl;
}

/** How many of eight bytes lie in [first, last], both below 128; bytes from 128 on never do. */
SW_INLINE uint32_t sw_count_between(uint64_t word, uint8_t first, uint8_t last)
{
	const uint64_t ones = 0x0101010101010101ull, high = ones * 0x80;
	uint64_t low7 = word & ~high;
	uint64_t from_first = low7 + ones * (0x80u - first), above_last = low7 + ones * (0x7fu - last);
	uint64_t hits = (from_first & ~above_last & ~word & high) >> 7;
	return (uint32_t)((hits * ones) >> 56);
}

SW_INLINE uint32_t sw_look_type(uint32_t type)
{
	switch (type) {
	case 1: /* A */
		return 0;
	case 28: /* AAAA */
		return 1;
	case 2: /* NS */
		return 2;
	case 15: /* MX */
		return 3;
	case 16: /* TXT */
		return 4;
	case 6: /* SOA */
		return 5;
	case 43: /* DS */
		return 6;
	case 48: /* DNSKEY */
		return 7;
	case 12: /* PTR */
		return 8;
	case 33: /* SRV */
		return 9;
	case 65: /* HTTPS */
		return 10;
	case 255: /* ANY */
		return 11;
	case 5: /* CNAME */
		return 12;
	default:
		return 13;
	}
}

SW_INLINE uint32_t sw_look_size(const struct sw_work *work)
{
	uint32_t size = work->udp_size;
	if (!work->has_edns)
		return 0;
	return size < 512     ? 7
	       : size < 1232  ? 1
	       : size == 1232 ? 2
	       : size == 1400 ? 3
	       : size == 1452 ? 4
	       : size == 4096 ? 5
			      : 6;
}

SW_INLINE uint64_t sw_look_first_label(const struct sw_work *work)
{
	uint32_t len = work->labels ? sw_buf8(work, SW_HEADER_LEN) : 0;
	uint64_t word = sw_buf64(work, SW_HEADER_LEN + 1);
	if (len < 8)
		word &= len ? sw_first_bytes(len) : 0;
	uint32_t digits = sw_count_between(word, '0', '9');
	uint32_t hyphens = sw_count_between(word, '-', '-') + sw_count_between(word, '_', '_');
	return SW_FEATURE_PUT(FIRST, len < 31 ? len : 31) |
	       SW_FEATURE_PUT(DIGITS, digits == 0   ? 0
				      : digits <= 2 ? 1
				      : digits <= 5 ? 2
						    : 3) |
	       SW_FEATURE_PUT(UPPER, sw_count_between(word, 'A', 'Z') > 0) |
	       SW_FEATURE_PUT(HYPHEN, hyphens > 0);
}

SW_INLINE uint64_t sw_look_message(const struct sw_work *work)
{
	uint32_t behind = work->message_len - work->question_end;
	uint32_t below = work->zone ? work->labels - work->apex_labels : work->labels;
	return SW_FEATURE_PUT(RD, (work->flags & SW_FLAG_RD) != 0) |
	       SW_FEATURE_PUT(CD, (work->flags & 0x0010) != 0) |
	       SW_FEATURE_PUT(AD, (work->flags & 0x0020) != 0) |
	       SW_FEATURE_PUT(Z, (work->flags & 0x06c0) != 0) | SW_FEATURE_PUT(EDNS, work->has_edns) |
	       SW_FEATURE_PUT(SIZE, sw_look_size(work)) | SW_FEATURE_PUT(DO, work->wants_dnssec) |
	       SW_FEATURE_PUT(COOKIE, work->has_cookie ? 1 + (work->has_server_cookie != 0) : 0) |
	       SW_FEATURE_PUT(NSID, work->wants_nsid) |
	       SW_FEATURE_PUT(OPTIONS, behind == 0    ? 0
				       : behind <= 11 ? 1
				       : behind <= 51 ? 2
						      : 3) |
	       SW_FEATURE_PUT(TYPE, sw_look_type(work->type)) | SW_FEATURE_PUT(LABELS, below < 7 ? below : 7);
}

/** Features of the query in buf but for EXISTS and WILDCARD, after it has been read and looked up. */
SW_INLINE uint64_t sw_look(const struct sw_work *work)
{
	uint64_t packet = SW_FEATURE_PUT(TTL, work->ttl / 4) | SW_FEATURE_PUT(IPV6, work->address_len == 16) |
			  SW_FEATURE_PUT(PORT, work->source_port >> 12) |
			  SW_FEATURE_PUT(LOW_ID, sw_be16(work->id) < 256);
	return packet | sw_look_message(work) | sw_look_first_label(work);
}

#endif
