// SPDX-License-Identifier: GPL-3.0-or-later
/* The least that an XDP program can do for a DNS query: send it back. The base row of the bench.
 *
 * It recognises IPv4, UDP, port 53 and no options, swaps both ends on all three layers, which leaves the
 * checksums as they are, and sets the QR bit, correcting the UDP checksum for it (RFC 1624).
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	__be16 dns_id;
	__u8 dns_flags;
} __attribute__((packed));

static __always_inline void ends_swap(struct frame *frame)
{
	__u8 mac[ETH_ALEN];
	__be32 address = frame->ip.saddr;
	__be16 port = frame->udp.source;

	__builtin_memcpy(mac, frame->eth.h_source, ETH_ALEN);
	__builtin_memcpy(frame->eth.h_source, frame->eth.h_dest, ETH_ALEN);
	__builtin_memcpy(frame->eth.h_dest, mac, ETH_ALEN);
	frame->ip.saddr = frame->ip.daddr;
	frame->ip.daddr = address;
	frame->udp.source = frame->udp.dest;
	frame->udp.dest = port;
}

SEC("xdp")
int reflect(struct xdp_md *ctx)
{
	struct frame *frame = (void *)(long)ctx->data;
	__u32 check;

	if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	if (frame->eth.h_proto != bpf_htons(ETH_P_IP) || frame->ip.ihl != 5 ||
		frame->ip.protocol != IPPROTO_UDP || frame->udp.dest != bpf_htons(53) ||
		(frame->dns_flags & 0x80))
		return XDP_PASS;
	ends_swap(frame);
	frame->dns_flags |= 0x80;
	check = (__u16)~frame->udp.check + bpf_htons(0x8000);
	frame->udp.check = ~((check & 0xffff) + (check >> 16));
	return XDP_TX;
}

/* For the generator's end while it does not measure: what a program sends back with XDP_TX wakes the other
 * end of a veth pair only when that has a program, too (Linux 6.18, veth_xdp_flush). */
SEC("xdp")
int pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
