/* SPDX-License-Identifier: GPL-3.0-or-later */
/** BPF: counters, one element per CPU, and samples; the one way out of a program. */
#ifndef SW_XDP_VERDICT_H
#define SW_XDP_VERDICT_H

#include "xdp/sample.h"

/* as user space has them too: xdp/watch.c */
struct sw_counters {
	uint64_t packets[64];
	uint64_t reply_bytes;
	uint32_t since[64]; /* packets since the last sample */
};
_Static_assert(SW_VERDICT_COUNT <= 64, "room for every verdict; a power of two for the mask");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct sw_counters);
} sw_counts SEC(".maps");

SW_INLINE int leave(uint32_t reason, int action, uint32_t reply_bytes)
{
	uint32_t zero = 0;
	struct sw_counters *counters = bpf_map_lookup_elem(&sw_counts, &zero);
	const struct sw_control *control = bpf_map_lookup_elem(&sw_control_page, &zero);
	if (!counters || !control)
		return action;
	counters->packets[reason & 63]++;
	counters->reply_bytes += reply_bytes;
	uint32_t every = control->orders.sample_every[reason & 63];
	if (every && ++counters->since[reason & 63] >= every) {
		sample_take(reason & 63, counters->since[reason & 63]);
		counters->since[reason & 63] = 0;
	}
	return action;
}

/** Every packet leaves through here: counted by reason, and one in so many told of. @return action */
SW_INLINE int verdict(uint32_t reason, int action)
{
	return leave(reason, action, 0);
}

/** The same for a reply that goes back. */
SW_INLINE int verdict_reply(uint32_t reason, int action, uint32_t bytes)
{
	return leave(reason, action, bytes);
}

#endif
