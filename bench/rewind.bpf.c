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
__u32 interface; /* of send_frame */

static __always_inline int frame_put(struct xdp_md *ctx)
{
	__u32 number = next++ & frames_mask;
	const struct rewind_frame *from = bpf_map_lookup_elem(&frames, &number);
	void *data, *data_end, *last;
	__u32 last_at;
	int grow;

	if (!from)
		return -1;
	grow = (int)from->frame_bytes - (int)(ctx->data_end - ctx->data);
	if (grow && bpf_xdp_adjust_tail(ctx, grow))
		return -1;
	data = (void *)(long)ctx->data;
	data_end = (void *)(long)ctx->data_end;
#pragma unroll
	for (int i = 0; i < REWIND_FRAME_MAX; i += 8) {
		if (data + i + 8 > data_end)
			break;
		*(__u64 *)(data + i) = *(const __u64 *)(from->frame + i);
	}
	/* what is left, with a word that overlaps */
	last_at = (from->frame_bytes - 8) & (REWIND_FRAME_MAX - 1);
	last = data + last_at;
	if (last + 8 > data_end || last_at > REWIND_FRAME_MAX - 8)
		return -1;
	*(__u64 *)last = *(const __u64 *)(from->frame + last_at);
	return 0;
}

SEC("xdp")
int rewind_frame(struct xdp_md *ctx)
{
	if (frame_put(ctx) == 0)
		bpf_tail_call(ctx, &measured, 0);
	return XDP_ABORTED;
}

/* The same packets onto a wire, with BPF_PROG_RUN's live frames. */
SEC("xdp")
int send_frame(struct xdp_md *ctx)
{
	return frame_put(ctx) == 0 ? bpf_redirect(interface, 0) : XDP_ABORTED;
}

SEC("xdp")
int return_only(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
