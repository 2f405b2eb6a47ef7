/* SPDX-License-Identifier: GPL-3.0-or-later */
/** BPF: counters, one element per CPU; the one way out of a program. */
#ifndef SW_XDP_VERDICT_H
#define SW_XDP_VERDICT_H

#include "answer/work.h"

struct sw_counters {
	uint64_t packets[32];
};
_Static_assert(SW_VERDICT_COUNT <= 32, "room for every verdict; a power of two for the mask");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct sw_counters);
} sw_counts SEC(".maps");

/** Every packet leaves through here: counted by reason. @return action */
SW_INLINE int verdict(uint32_t reason, int action)
{
	uint32_t zero = 0;
	struct sw_counters *counters = bpf_map_lookup_elem(&sw_counts, &zero);
	if (counters)
		counters->packets[reason & 31]++;
	return action;
}

#endif
