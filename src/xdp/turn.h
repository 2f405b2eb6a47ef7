/* SPDX-License-Identifier: GPL-3.0-or-later */
/** BPF: turning the headers of a packet round for its reply. */
#ifndef SW_XDP_TURN_H
#define SW_XDP_TURN_H

#include "xdp/frame.h"

/** Make the packet as long as its reply. A frame that was long enough for Ethernet stays so. */
SW_INLINE int frame_resize(struct xdp_md *ctx, uint32_t want)
{
	uint32_t have = (uint32_t)(ctx->data_end - ctx->data);
	if (want < FRAME_MIN && have >= FRAME_MIN)
		want = FRAME_MIN;
	return want == have ? 0 : bpf_xdp_adjust_tail(ctx, (int)want - (int)have);
}

SW_INLINE void swap_macs(struct ethhdr *ethernet)
{
	uint8_t mac[ETH_ALEN];
	__builtin_memcpy(mac, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, mac, ETH_ALEN);
}

/** @return sum of the addresses, for the pseudo-header */
SW_INLINE uint64_t turn_ipv4(struct iphdr *ip, uint32_t transport_len)
{
	uint32_t asker = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = asker;
	ip->tos = 0;
	ip->tot_len = bpf_htons((uint16_t)(sizeof(*ip) + transport_len));
	ip->frag_off = 0;
	ip->ttl = FRAME_HOPS;
	ip->check = 0;
	uint64_t sum = 0;
	const uint8_t *words = (const uint8_t *)ip;
	for (uint32_t i = 0; i < sizeof(*ip); i += 4)
		sum += SW_LOAD32(words + i);
	ip->check = (uint16_t)~sw_sum_fold(sum);
	return (uint64_t)ip->saddr + ip->daddr;
}

SW_INLINE uint64_t turn_ipv6(struct ipv6hdr *ip, uint32_t transport_len)
{
	uint64_t sum = 0;
	uint8_t *source = (uint8_t *)&ip->saddr, *destination = (uint8_t *)&ip->daddr;
	for (uint32_t i = 0; i < 16; i += 4) {
		uint32_t asker = SW_LOAD32(source + i), ours = SW_LOAD32(destination + i);
		SW_STORE32(source + i, ours);
		SW_STORE32(destination + i, asker);
		sum += (uint64_t)asker + ours;
	}
	SW_STORE32(ip, bpf_htonl(6u << 28)); /* no traffic class, no flow label */
	ip->payload_len = bpf_htons((uint16_t)transport_len);
	ip->hop_limit = FRAME_HOPS;
	return sum;
}

/** Everything but the UDP checksum; the message may stand already or come later.
 * @return 0 and the sum of the addresses, or -1 when the packet is shorter than its headers */
SW_INLINE int frame_turn(SW_OUT *out, const struct sw_work *work, const struct frame *frame,
	uint64_t *addresses, struct udphdr **udp)
{
	uint8_t *data = (uint8_t *)(long)out->data, *end = (uint8_t *)(long)out->data_end;
	uint32_t udp_len = sizeof(struct udphdr) + work->reply_len;
	uint8_t *l3 = data + (frame->l3 & 0x1f);
	*udp = (void *)(data + (frame->udp & 0x7f));
	if (data + sizeof(struct ethhdr) > end || (uint8_t *)(*udp + 1) > end)
		return -1;
	if (frame->is_ipv6) {
		if (l3 + sizeof(struct ipv6hdr) > end)
			return -1;
		*addresses = turn_ipv6((void *)l3, udp_len);
	} else {
		if (l3 + sizeof(struct iphdr) > end)
			return -1;
		*addresses = turn_ipv4((void *)l3, udp_len);
	}
	swap_macs((void *)data);
	uint16_t asker = (*udp)->source;
	(*udp)->source = (*udp)->dest;
	(*udp)->dest = asker;
	(*udp)->len = bpf_htons((uint16_t)udp_len);
	return 0;
}

/** UDP checksum over both; zero stands for "none", so 0xffff is sent for it (RFC 768). */
SW_INLINE void udp_sum(struct udphdr *udp, uint64_t addresses, uint64_t message)
{
	uint64_t sum = (message & 0xffffffff) + (message >> 32) + addresses + udp->source + udp->dest;
	sum += 2ull * udp->len + bpf_htons(IPPROTO_UDP); /* length: in both headers */
	uint16_t check = (uint16_t)~sw_sum_fold(sum);
	udp->check = check ? check : 0xffff;
}

#endif
