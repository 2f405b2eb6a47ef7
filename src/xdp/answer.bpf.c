/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The XDP program: a thin frame around the answer path. */
#define SW_BPF
#define SW_OUT struct xdp_md

#include "xdp/copy.h"
#include "xdp/frame.h"
#include "xdp/turn.h"
#include "xdp/verdict.h"

/** Make the packet as long as the reply. A frame that was long enough for Ethernet stays so. */
SW_INLINE int frame_resize(struct xdp_md *ctx, const struct sw_work *work)
{
	uint32_t have = (uint32_t)(ctx->data_end - ctx->data);
	uint32_t want = work->message_at + work->reply_len;
	if (want < FRAME_MIN && have >= FRAME_MIN)
		want = FRAME_MIN;
	return want == have ? 0 : bpf_xdp_adjust_tail(ctx, (int)want - (int)have);
}

/** A set: interfaces on which the tc program stands behind this one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, uint32_t);
	__type(value, uint8_t);
} sw_tc_behind SEC(".maps");

/** The buffer cannot grow: packets of local senders over veth and lo have no room behind them. */
SW_INLINE int no_room(const struct xdp_md *ctx)
{
	uint32_t interface = ctx->ingress_ifindex;
	if (bpf_map_lookup_elem(&sw_tc_behind, &interface))
		return XDP_PASS; /* the tc program behind us answers, and counts */
	return verdict(SW_VERDICT_PUNT_ROOM, XDP_PASS);
}

SW_INLINE int answer(struct xdp_md *ctx, struct sw_work *work, const struct frame *frame)
{
	struct udphdr *udp;
	uint64_t addresses;
	work->message_len = frame->message_len <= SW_QUERY_MAX ? frame->message_len : SW_QUERY_MAX + 1;
	work->stream = 0;
	if (message_copy(ctx, work))
		return verdict(SW_VERDICT_DROP_LENGTH, XDP_DROP);
	int state = sw_work_out(work);
	if (state == SW_QUERY_SILENT)
		return verdict(work->verdict, XDP_DROP);
	if (state == SW_QUERY_PUNT)
		return verdict(work->verdict, XDP_PASS);
	if (frame_resize(ctx, work))
		return no_room(ctx);
	if (sw_write(ctx, work) || frame_turn(ctx, work, frame, &addresses, &udp))
		return verdict(SW_VERDICT_DROP_BROKEN, XDP_DROP);
	udp_sum(udp, addresses, work->sum);
	return verdict(work->verdict, XDP_TX);
}

SEC("xdp")
int sw_xdp(struct xdp_md *ctx)
{
	uint32_t zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&sw_works, &zero);
	if (!scratch)
		return XDP_PASS;
	const uint8_t *data = (const uint8_t *)(long)ctx->data, *end = (const uint8_t *)(long)ctx->data_end;
	switch (frame_read(&scratch->frame, &scratch->work, data, end)) {
	case FRAME_QUERY:
		return answer(ctx, &scratch->work, &scratch->frame);
	case FRAME_AWKWARD:
		return verdict(SW_VERDICT_PUNT_FRAME, XDP_PASS);
	case FRAME_BAD_LENGTH:
		return verdict(SW_VERDICT_DROP_LENGTH, XDP_DROP);
	case FRAME_BAD_PORT:
		return verdict(SW_VERDICT_DROP_PORT0, XDP_DROP);
	default:
		return verdict(SW_VERDICT_PASS_OTHER, XDP_PASS);
	}
}

char LICENSE[] SEC("license") = "GPL";
