// SPDX-License-Identifier: GPL-3.0-or-later
/* Puts the next packet into the test buffer and calls the program under the stopwatch.
 *
 * BPF_PROG_RUN with `repeat` hands the same buffer to every run, so a program that turns a query into its
 * answer would see its own answer from the second run on. Here every run begins with a fresh query, one of up
 * to 65,536; what that costs is measured alone, with a program that only returns, and subtracted.
 */
#include "rewind.h"
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, REWIND_FRAMES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct rewind_frame);
} frames SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} measured SEC(".maps");

__u32 frames_mask;
__u32 next;

SEC("xdp")
int rewind_frame(struct xdp_md *ctx)
{
	__u32 number = next++ & frames_mask;
	const struct rewind_frame *from = bpf_map_lookup_elem(&frames, &number);
	void *data, *data_end;
	int grow;

	if (!from)
		return XDP_ABORTED;
	grow = (int)from->frame_bytes - (int)(ctx->data_end - ctx->data);
	if (grow && bpf_xdp_adjust_tail(ctx, grow))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	data_end = (void *)(long)ctx->data_end;
#pragma unroll
	for (int i = 0; i < REWIND_FRAME_MAX; i += 8) {
		if (data + i + 8 > data_end)
			break;
		*(__u64 *)(data + i) = *(const __u64 *)(from->frame + i);
	}
	bpf_tail_call(ctx, &measured, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int return_only(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
