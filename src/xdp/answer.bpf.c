/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The XDP program: a thin frame around the answer path. */
#define SW_BPF
#define SW_OUT struct xdp_md

#include "xdp/copy.h"
#include "xdp/gate.h"
#include "xdp/kept.h"
#include "xdp/turn.h"
#include "xdp/verdict.h"

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

/** One entry: the program for TCP (xdp/tcp.bpf.c). */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, uint32_t);
} sw_tcp_program SEC(".maps");

/** What is no query: dropped at the gate, or left to the stack. */
SW_INLINE int other(struct xdp_md *ctx, struct scratch *scratch)
{
	uint32_t reason = gate(ctx, scratch);
	if (reason == SW_VERDICT_TCP_PASS) {
		bpf_tail_call(ctx, &sw_tcp_program, 0);
		reason = SW_VERDICT_PASS_OTHER; /* this kernel has not taken that program */
	}
	return verdict(reason,
		reason == SW_VERDICT_PASS_OTHER || reason == SW_VERDICT_PUNT_FRAME ? XDP_PASS : XDP_DROP);
}

SW_INLINE int answer(struct xdp_md *ctx, struct sw_work *work, const struct frame *frame)
{
	struct udphdr *udp;
	uint64_t addresses;
	work->message_len = frame->message_len <= SW_QUERY_MAX ? frame->message_len : SW_QUERY_MAX + 1;
	work->stream = 0;
	work->is_local = ctx->ingress_ifindex == LOOPBACK;
	if (message_copy(ctx, work))
		return verdict(SW_VERDICT_DROP_LENGTH, XDP_DROP);
	int state = sw_work_out(work);
	if (state == SW_QUERY_SILENT)
		return verdict(work->verdict, XDP_DROP);
	if (state == SW_QUERY_PUNT)
		return verdict(work->verdict, XDP_PASS);
	if (frame_resize(ctx, work->message_at + work->reply_len))
		return no_room(ctx);
	if (sw_write(ctx, work) || frame_turn(ctx, work, frame, &addresses, &udp))
		return verdict(SW_VERDICT_DROP_BROKEN, XDP_DROP);
	udp_sum(udp, addresses, work->sum);
	return verdict_reply(work->verdict, XDP_TX, work->message_at + work->reply_len);
}

SEC("xdp")
int sw_xdp(struct xdp_md *ctx)
{
	uint32_t zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&sw_works, &zero);
	if (!scratch || is_void())
		return XDP_PASS;
	const uint8_t *data = (const uint8_t *)(long)ctx->data, *end = (const uint8_t *)(long)ctx->data_end;
	switch (frame_read(&scratch->frame, &scratch->work, data, end)) {
	case FRAME_QUERY:
		return answer(ctx, &scratch->work, &scratch->frame);
	case FRAME_BAD_LENGTH:
		return verdict(SW_VERDICT_DROP_LENGTH, XDP_DROP);
	case FRAME_BAD_PORT:
		return verdict(SW_VERDICT_DROP_PORT0, XDP_DROP);
	default:
		return other(ctx, scratch);
	}
}

char LICENSE[] SEC("license") = "GPL";
