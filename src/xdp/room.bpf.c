/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The tc program behind XDP: answers the queries whose packet XDP could not make long enough.
 *
 * A packet that comes from a local sender over veth or lo was copied for XDP into a buffer just its size
 * (Linux 6.18, veth: 0 bytes of room; lo: some 256); bpf_xdp_adjust_tail() fails, and so XDP passes it on. An
 * skb can grow. Packets from a wire have room and never come here.
 *
 * Such packets also carry an unfinished checksum (CHECKSUM_PARTIAL: the field holds the pseudo-header's sum,
 * hardware would add the rest). bpf_l4_csum_replace() knows which kind it has, so changes are told to it as
 * differences, apart for pseudo-header and payload, instead of writing the field.
 */
#define SW_BPF
#define SW_OUT struct __sk_buff

#include "xdp/copy.h"
#include "xdp/frame.h"
#include "xdp/kept.h"
#include "xdp/turn.h"
#include "xdp/verdict.h"

#include <linux/pkt_cls.h>

/** One's complement sum of the query. */
SW_FN uint32_t query_sum(struct sw_work *work)
{
	uint32_t len = work ? work->message_len : 0;
	uint64_t sum = 0, word;
	for (uint32_t i = 0; i < SW_QUERY_MAX; i += 8) {
		if (i + 8 > len)
			break;
		word = sw_buf64(work, i);
		sum += (word & 0xffffffff) + (word >> 32);
	}
	if (len & 7) {
		word = sw_buf64(work, len & ~7u) & sw_first_bytes(len & 7);
		sum += (word & 0xffffffff) + (word >> 32);
	}
	return sw_sum_fold(sum);
}

/** Tell the checksum what changed. */
SW_INLINE int checksum_update(
	struct __sk_buff *skb, const struct sw_work *work, const struct frame *frame, uint32_t message_before)
{
	uint32_t check_at = frame->udp + offsetof(struct udphdr, check);
	uint32_t len_before = bpf_htons((uint16_t)(sizeof(struct udphdr) + work->message_len));
	uint32_t len_now = bpf_htons((uint16_t)(sizeof(struct udphdr) + work->reply_len));
	uint64_t header = (uint64_t)len_now + (uint16_t)~len_before;
	uint64_t payload = header + sw_sum_fold(work->sum) + (uint16_t)~message_before;
	if (bpf_l4_csum_replace(
		    skb, check_at, 0, sw_sum_fold(header), BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0))
		return -1;
	return bpf_l4_csum_replace(skb, check_at, 0, sw_sum_fold(payload), BPF_F_MARK_MANGLED_0) ? -1 : 0;
}

SW_INLINE int answer(struct __sk_buff *skb, struct sw_work *work, const struct frame *frame)
{
	struct udphdr *udp;
	uint64_t addresses;
	work->message_len = frame->message_len;
	work->stream = 0;
	work->is_local = skb->ifindex == LOOPBACK;
	if (work->message_len > SW_QUERY_MAX || message_copy(skb, work))
		return TC_ACT_UNSPEC;
	uint32_t before = query_sum(work);
	if (sw_work_out(work) != SW_QUERY_REPLY)
		return TC_ACT_UNSPEC; /* XDP has counted it */
	if (bpf_skb_change_tail(skb, work->message_at + work->reply_len, 0))
		return verdict(SW_VERDICT_PUNT_ROOM, TC_ACT_UNSPEC);
	if (sw_write(skb, work) || frame_turn(skb, work, frame, &addresses, &udp) ||
		checksum_update(skb, work, frame, before))
		return verdict(SW_VERDICT_DROP_BROKEN, TC_ACT_SHOT);
	return verdict_reply(
		work->verdict, (int)bpf_redirect(skb->ifindex, 0), work->message_at + work->reply_len);
}

SEC("tc")
int sw_room(struct __sk_buff *skb)
{
	uint32_t zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&sw_works, &zero);
	if (!scratch || is_void() || bpf_skb_pull_data(skb, 0))
		return TC_ACT_UNSPEC;
	const uint8_t *data = (const uint8_t *)(long)skb->data, *end = (const uint8_t *)(long)skb->data_end;
	if (frame_read(&scratch->frame, &scratch->work, data, end) != FRAME_QUERY)
		return TC_ACT_UNSPEC;
	return answer(skb, &scratch->work, &scratch->frame);
}

char LICENSE[] SEC("license") = "GPL";
