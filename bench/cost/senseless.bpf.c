/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The XDP program without sensing, which the real one is held against: the same source, with nothing at its
 * gate, counters alone at its way out, and nobody to be admitted or not. */
#define SW_BPF
#define SW_OUT struct xdp_md

/* These headers stand in for three of the program's own. */
#define SW_XDP_GATE_H
#define SW_XDP_VERDICT_H
#define SW_ANSWER_ADMIT_H

#include "answer/cookie.h"
#include "answer/state.h"
#define sw_admit(work) (state)
#define sw_admit_request(work) (state)

#include "xdp/frame.h"

struct senseless_counters {
	uint64_t packets[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct senseless_counters);
} senseless_counts SEC(".maps");

SW_INLINE int verdict(uint32_t reason, int action)
{
	uint32_t zero = 0;
	struct senseless_counters *counters = bpf_map_lookup_elem(&senseless_counts, &zero);
	if (counters)
		counters->packets[reason & 63]++;
	return action;
}

SW_INLINE int verdict_reply(uint32_t reason, int action, uint32_t bytes)
{
	(void)bytes;
	return verdict(reason, action);
}

SW_INLINE uint32_t gate(struct xdp_md *ctx, struct scratch *scratch)
{
	(void)ctx;
	(void)scratch;
	return SW_VERDICT_PASS_OTHER;
}

#include "xdp/answer.bpf.c"
