/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reflector with the manners of the entry program and none of its knowledge: a UDP message to port 53
 * comes back with QR set. The harness proves itself on it. It can lie, so that a harness that sees nothing
 * is found out. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "answer/verdict.h"
#include "reflector.h"
#include <stdbool.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SW_VERDICT_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} lie SEC(".maps");

static __always_inline __u32 told_lie(void)
{
	__u32 zero = 0, *value = bpf_map_lookup_elem(&lie, &zero);
	return value ? *value : LIE_NONE;
}

static __always_inline int verdict(__u32 reason, int action)
{
	__u64 *count = bpf_map_lookup_elem(&counters, &reason);
	if (count && told_lie() != LIE_UNCOUNTED)
		*count += told_lie() == LIE_COUNTED_TWICE ? 2 : 1;
	return action;
}

/** Header fields swapped in place, sums of what is swapped stay; @return the change to the sum of the rest */
static __always_inline void turn_ports(struct ethhdr *eth, struct udphdr *udp)
{
	unsigned char mac[ETH_ALEN];
	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
	__be16 port = udp->source;
	udp->source = udp->dest;
	udp->dest = port;
}

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)((sum & 0xffff) + (sum >> 16));
}

/** RFC 1624: a checksum after one 16-bit word changed. */
static __always_inline __u16 sum_change(__u16 check, __u16 from, __u16 to)
{
	return (__u16)~fold((__u16)~check + (__u16)~from + (__u32)to);
}

static __always_inline int reflect(struct ethhdr *eth, struct udphdr *udp, __u16 *flags)
{
	__u16 before = *flags;
	*flags |= bpf_htons(0x8000);
	udp->check = sum_change(udp->check, before, *flags);
	if (told_lie() == LIE_SUM)
		udp->check ^= 1;
	turn_ports(eth, udp);
	return verdict(told_lie() == LIE_VERDICT ? SW_VERDICT_PASS_OTHER : SW_VERDICT_ANSWERED, XDP_TX);
}

static __always_inline int handle_udp(struct xdp_md *ctx, struct ethhdr *eth, struct udphdr *udp, __u32 room)
{
	void *end = (void *)(long)ctx->data_end;
	if ((void *)(udp + 1) > end)
		return verdict(SW_VERDICT_DROP_LENGTH, XDP_DROP);
	if (udp->dest != bpf_htons(53))
		return verdict(SW_VERDICT_PASS_OTHER, XDP_PASS);
	if (bpf_ntohs(udp->len) != room || bpf_ntohs(udp->len) < sizeof(*udp))
		return verdict(SW_VERDICT_DROP_LENGTH, XDP_DROP);
	__u16 *header = (__u16 *)(udp + 1);
	if ((void *)(header + 6) > end || bpf_ntohs(udp->len) < sizeof(*udp) + 12)
		return verdict(SW_VERDICT_DROP_SHORT, XDP_DROP);
	if (udp->source == 0)
		return verdict(SW_VERDICT_DROP_PORT0, XDP_DROP);
	if (header[1] & bpf_htons(0x8000))
		return verdict(SW_VERDICT_DROP_RESPONSE, XDP_DROP);
	return reflect(eth, udp, &header[1]);
}

/** Lengths are compared as numbers: 6.1 knows no bound of a value after its bytes were swapped, and refuses
 * to add it to a pointer. */
static __always_inline __u64 frame_len(const struct xdp_md *ctx)
{
	__u64 len = ctx->data_end - ctx->data;
	barrier_var(
		len); /* or the compiler takes data_end from something else first, and every kernel refuses */
	return len;
}

static __always_inline int cut_padding(struct xdp_md *ctx, __u32 len)
{
	return bpf_xdp_adjust_tail(ctx, (int)len - (int)frame_len(ctx));
}

static __always_inline int handle_ip4(struct xdp_md *ctx, __u32 offset)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + offset;
	if ((void *)(ip + 1) > end || ip->version != 4 || ip->protocol != IPPROTO_UDP ||
		ip->daddr != bpf_htonl(0xc0000235))
		return verdict(SW_VERDICT_PASS_OTHER, XDP_PASS);
	if (ip->ihl != 5 || ip->frag_off & bpf_htons(0x3fff))
		return verdict(SW_VERDICT_PUNT_FRAME, XDP_PASS);
	__u32 total = bpf_ntohs(ip->tot_len);
	if (total < sizeof(*ip) || offset + total > frame_len(ctx))
		return verdict(SW_VERDICT_DROP_LENGTH, XDP_DROP);
	int action = handle_udp(ctx, data, (void *)(ip + 1), total - sizeof(*ip));
	if (action != XDP_TX)
		return action;
	__be32 address = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = address;
	__u16 *word = (__u16 *)&ip->ttl, before = *word;
	if (told_lie() != LIE_HOPS)
		ip->ttl = 64;
	ip->check = sum_change(ip->check, before, *word);
	if (told_lie() != LIE_PADDING)
		cut_padding(ctx, offset + total);
	return XDP_TX;
}

static __always_inline bool is_service(const struct in6_addr *address)
{
	const __be32 *word = address->s6_addr32;
	return word[0] == bpf_htonl(0x20010db8) && word[1] == 0 && word[2] == 0 && word[3] == bpf_htonl(0x53);
}

/** RFC 8200 s8.1: UDP over IPv6 always has a checksum. */
static __always_inline bool lacks_sum(struct xdp_md *ctx, const struct udphdr *udp)
{
	return (void *)(udp + 1) <= (void *)(long)ctx->data_end && udp->check == 0;
}

static __always_inline int handle_ip6(struct xdp_md *ctx, __u32 offset)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ipv6hdr *ip = data + offset;
	if ((void *)(ip + 1) > end || ip->version != 6 || !is_service(&ip->daddr))
		return verdict(SW_VERDICT_PASS_OTHER, XDP_PASS);
	if (ip->nexthdr != IPPROTO_UDP)
		return verdict(ip->nexthdr == IPPROTO_TCP || ip->nexthdr == IPPROTO_ICMPV6 ||
					       ip->nexthdr == IPPROTO_NONE || ip->nexthdr == IPPROTO_ESP
				       ? SW_VERDICT_PASS_OTHER
				       : SW_VERDICT_PUNT_FRAME,
			XDP_PASS);
	__u32 payload = bpf_ntohs(ip->payload_len);
	if (lacks_sum(ctx, (void *)(ip + 1)))
		return verdict(SW_VERDICT_PASS_OTHER, XDP_PASS);
	if (offset + sizeof(*ip) + payload > frame_len(ctx))
		return verdict(SW_VERDICT_DROP_LENGTH, XDP_DROP);
	int action = handle_udp(ctx, data, (void *)(ip + 1), payload);
	if (action != XDP_TX)
		return action;
	struct in6_addr address = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = address;
	if (told_lie() != LIE_HOPS)
		ip->hop_limit = 64;
	if (told_lie() != LIE_PADDING)
		cut_padding(ctx, offset + sizeof(*ip) + payload);
	return XDP_TX;
}

SEC("xdp")
int reflector(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 offset = sizeof(struct ethhdr);
	if (data + offset > end)
		return verdict(SW_VERDICT_PASS_OTHER, XDP_PASS);
	if (told_lie() == LIE_TOUCH)
		((unsigned char *)data)[0] ^= 1;
	__be16 type = ((struct ethhdr *)data)->h_proto;
	for (int tags = 0; tags < 2; tags++) {
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		__be16 *tag = data + offset;
		if ((void *)(tag + 2) > end)
			return verdict(SW_VERDICT_PASS_OTHER, XDP_PASS);
		type = tag[1];
		offset += 4;
	}
	if (type == bpf_htons(ETH_P_IP))
		return handle_ip4(ctx, offset);
	if (type == bpf_htons(ETH_P_IPV6))
		return handle_ip6(ctx, offset);
	return verdict(SW_VERDICT_PASS_OTHER, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
