/* SPDX-License-Identifier: GPL-3.0-or-later */
/** BPF: whether a socket of this machine is waiting for a packet. */
#ifndef SW_XDP_SOCKET_H
#define SW_XDP_SOCKET_H

#include "xdp/frame.h"

/** IPv4: addresses and ports. In a packet without options they stand as the helpers want them (struct
 * bpf_sock_tuple), and so they do in IPv6: nothing need be copied. */
#define TUPLE_IPV4_AT offsetof(struct iphdr, saddr)
#define TUPLE_IPV6_AT offsetof(struct ipv6hdr, saddr)
#define TUPLE_IPV4_LEN (sizeof(struct iphdr) - TUPLE_IPV4_AT + 2 * sizeof(uint16_t))
#define TUPLE_IPV6_LEN (sizeof(struct ipv6hdr) - TUPLE_IPV6_AT + 2 * sizeof(uint16_t))

/** @param tuple  addresses and ports in the packet
 * @param len  a constant
 * @return state of the TCP socket that the packet is for, BPF_TCP_*; 0: there is none */
SW_INLINE uint32_t tcp_state(struct xdp_md *ctx, const uint8_t *tuple, uint32_t len)
{
	if (tuple + len > (const uint8_t *)(long)ctx->data_end)
		return 0;
	struct bpf_sock *socket = bpf_skc_lookup_tcp(ctx, (void *)tuple, len, BPF_F_CURRENT_NETNS, 0);
	if (!socket)
		return 0;
	uint32_t state = socket->state;
	bpf_sk_release(socket);
	return state;
}

/** The same of UDP: whether there is one. */
SW_INLINE int has_udp(struct xdp_md *ctx, const uint8_t *tuple, uint32_t len)
{
	if (tuple + len > (const uint8_t *)(long)ctx->data_end)
		return 0;
	struct bpf_sock *socket = bpf_sk_lookup_udp(ctx, (void *)tuple, len, BPF_F_CURRENT_NETNS, 0);
	if (!socket)
		return 0;
	bpf_sk_release(socket);
	return 1;
}

#endif
