/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What kernel and user space share about single packets: samples of them.
 *
 * Counters are exact; samples say what a counter cannot: who, for what, how it looked. Each verdict has a
 * rate of its own, so that a rare kind of packet is not lost among many of another.
 */
#ifndef SW_ANSWER_SAMPLE_H
#define SW_ANSWER_SAMPLE_H

#include <stdint.h>

#define SW_SAMPLE_NAME 77 /* first bytes of the name, wire format, as asked */

/** One packet. Numbers in host order unless said otherwise. */
struct sw_sample {
	uint64_t time_ns;     /* CLOCK_MONOTONIC_COARSE */
	uint64_t zone;	      /* keyed hash of the apex (wire/hash.h); 0: no zone of ours */
	uint64_t features;    /* answer/traits.h; 0 where there is no question */
	uint32_t weight;      /* packets that it stands for */
	uint16_t bytes;	      /* of the frame */
	uint16_t reply_bytes; /* of the DNS message that went back, 0: none */
	uint8_t source[16];   /* IPv4 in the first four */
	uint8_t address_len;  /* 4 or 16 */
	uint8_t verdict;      /* enum sw_verdict */
	uint8_t facts;	      /* bits of enum sw_fact (image/lanes.h), as far as they were looked at */
	uint8_t ttl;	      /* TTL, hop limit as it arrived */
	uint8_t protocol;     /* of IP */
	uint8_t tcp_flags;
	uint16_t source_port;
	uint16_t type;
	uint8_t name_bytes; /* of the whole name, 0: none */
	uint8_t name[SW_SAMPLE_NAME];
};
_Static_assert(sizeof(struct sw_sample) == 136, "shared with BPF");

#endif
