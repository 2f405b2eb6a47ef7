/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the generator's BPF programs and its user-space half share.
 *
 * A query is a template frame (Ethernet, IPv4, UDP, DNS) of which only a few fields vary: source address,
 * source port, message ID, seven decimal digits of the name and, where names must never repeat, eight random
 * letters.
 */
#ifndef BENCH_GENERATOR_TRAFFIC_H
#define BENCH_GENERATOR_TRAFFIC_H

#include <linux/types.h>

#define BENCH_FRAME_MAX 320 /* whole words; a query for a name of 60 labels and EDNS fits */
#define BENCH_SAMPLE_MAX 1536
#define BENCH_SLOTS 4096 /* queries that a closed loop can tell apart */

/* Fixed offsets in the template: no VLAN, no IP options. */
#define BENCH_IP_AT 14
#define BENCH_IP_CHECK_AT 24
#define BENCH_SOURCE_AT 26
#define BENCH_UDP_AT 34
#define BENCH_UDP_CHECK_AT 40
#define BENCH_DNS_AT 42
#define BENCH_QUESTION_AT 54

/* Sources are drawn from 198.19.0.0/16, half of the range that RFC 2544 sets aside for benchmarks. */
#define BENCH_SOURCES 0xc6130000u
#define BENCH_SOURCES_MASK 0xffff0000u

/* The stream a query belongs to is told by its source port, which comes back in the answer. */
#define BENCH_HONEST_PORTS 0x8000

enum bench_stream {
	BENCH_MAIN,
	BENCH_HONEST, /* a small share of queries for existing names among a flood */
	BENCH_STREAMS
};

/** What an answer is, as far as its header tells. */
#define BENCH_KINDS(X)            \
	X(ANSWER, "answer")       \
	X(REFERRAL, "referral")   \
	X(NODATA, "nodata")       \
	X(NXDOMAIN, "nxdomain")   \
	X(TRUNCATED, "truncated") \
	X(REFUSED, "refused")     \
	X(SERVFAIL, "servfail")   \
	X(OTHER, "other")

enum bench_kind {
#define X(name, text) BENCH_##name,
	BENCH_KINDS(X)
#undef X
		BENCH_KINDS_COUNT
};

struct bench_template {
	__u8 frame[BENCH_FRAME_MAX]; /* zero where a field varies */
	__u32 frame_bytes;
	__u32 index_at;	   /* offset of a letter and seven digits */
	__u32 index_count; /* digits are drawn from 0 .. index_count - 1 */
	__u32 random_at;   /* offset of eight letters, 0 for none */
	__u32 ip_sum;	   /* ones' complement sums of what does not vary, not yet folded */
	__u32 udp_sum;
	__u64 tail; /* the last eight bytes of the frame */
	__u8 letter;
	__u8 padding[7];
};

struct bench_config {
	struct bench_template templates[BENCH_STREAMS];
	__u32 interface;
	__u32 honest_mask; /* a query is honest when these bits of a random number are 0 */
	__u32 sample_mask; /* an answer is copied out when these bits of the count are 0 */
	__u32 is_closed;   /* closed loop: an answer turns into the next query */
	__u32 batch;	   /* open loop: queries that go out together */
	__u32 hold; /* open loop: none goes out while so many are without an answer; 0: not looked at */
	__u32 padding;
	__u64 rate_pps; /* open loop: 0 is as fast as possible */
};

struct bench_counters {
	__u64 sent[BENCH_STREAMS];
	__u64 received[BENCH_STREAMS][BENCH_KINDS_COUNT];
	__u64 received_count;
	__u64 received_bytes; /* of whole frames */
	__u64 matched;	      /* closed loop: answers to a query that was waiting */
	__u64 unmatched;      /* closed loop: late, duplicate or never asked */
	__u64 overtaken;      /* closed loop: queries still waiting BENCH_SLOTS queries later: lost */
	__u64 expired; /* closed loop: queries waiting when nothing came any more; counted by user space */
};

struct bench_sample {
	__u32 frame_bytes;
	__u32 stream;
	__u8 frame[BENCH_SAMPLE_MAX];
};

#endif
