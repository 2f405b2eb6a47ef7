/* SPDX-License-Identifier: GPL-3.0-or-later */
/** BPF: the gate: what becomes of a packet that is no plain query.
 *
 * Fails open: only what can never be legitimate for its destination is dropped. That is much for a dedicated
 * address, one that only serves DNS (docs/decisions/007-an-address-for-dns-alone.md), and nothing for any
 * other. docs/operations.md has the whole table.
 */
#ifndef SW_XDP_GATE_H
#define SW_XDP_GATE_H

#include "xdp/socket.h"

#define OWN_ADDRESSES_MAX 4096

/** A set: addresses of this machine, IPv4 in the first four bytes. Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OWN_ADDRESSES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, 16);
	__type(value, uint8_t);
} sw_own SEC(".maps");

/* Of the destination. */
#define TO_SERVICE 1   /* a service has the address */
#define TO_PORT 2      /* and the port */
#define TO_DEDICATED 4 /* the address only serves DNS */

/* Of what stands before TCP or UDP. */
#define HAS_PORTS 1   /* nothing: frame->port is set */
#define IS_FRAGMENT 2 /* first, later, or atomic */
#define IS_AWKWARD 4  /* a datagram or an IPv6 packet that the stack takes apart */

SW_INLINE uint32_t gate_destination(const struct sw_control *control, struct scratch *scratch)
{
	const struct sw_work *work = &scratch->work;
	uint32_t is = 0;
	for (uint32_t i = 0; i < SW_SERVICES_MAX; i++) {
		if (i >= control->service_count)
			break;
		const struct sw_service *service = &control->service[i];
		if (SW_LOAD64(service->address) != work->asked[0] ||
			SW_LOAD64(service->address + 8) != work->asked[1] ||
			service->address_len != work->address_len)
			continue;
		/* without a branch: the verifier would go on from here once for each value */
		is |= TO_SERVICE | (service->traits & SW_SERVICE_DEDICATED) * TO_DEDICATED;
		if (service->port == scratch->frame.port &&
			(scratch->frame.protocol == IPPROTO_TCP || !(service->traits & SW_SERVICE_TCP))) {
			scratch->frame.service = (uint16_t)i;
			is |= TO_PORT;
			break;
		}
	}
	return sw_forget(&scratch->work, is);
}

/** What stands between IP and the ports, which are kept if they can be seen. */
SW_INLINE uint32_t gate_look(const struct xdp_md *ctx, struct scratch *scratch)
{
	const uint8_t *data = (const uint8_t *)(long)ctx->data, *end = (const uint8_t *)(long)ctx->data_end;
	struct frame *frame = &scratch->frame;
	const struct iphdr *ip = (const void *)(data + (frame->l3 & 0x1f));
	const struct udphdr *ports = (const void *)(data + (frame->udp & 0x7f));
	uint32_t awkward = frame->is_ipv6 || frame->protocol == IPPROTO_UDP ? IS_AWKWARD : 0;
	if ((const uint8_t *)(ip + 1) > end)
		return 0;
	if (frame->is_ipv6 && is_extension(frame->protocol))
		return awkward | (frame->protocol == IPPROTO_FRAGMENT ? IS_FRAGMENT : 0);
	if (!frame->is_ipv6 && ip->frag_off & bpf_htons(IP_FRAGMENT))
		return awkward | IS_FRAGMENT;
	if (!frame->is_ipv6 && ip->ihl != 5)
		return awkward;
	/* TCP begins with its ports as UDP does */
	if ((frame->protocol != IPPROTO_UDP && frame->protocol != IPPROTO_TCP) ||
		(const uint8_t *)&ports->len > end)
		return 0;
	frame->port = ports->dest;
	scratch->work.source_port = bpf_ntohs(ports->source);
	return HAS_PORTS;
}

/** Nothing is used at this address: it lies in a range, and neither a service nor this machine has it. */
SW_INLINE int gate_is_unused(const struct sw_control *control, const struct sw_work *work)
{
	uint64_t key[2] = {
		work->asked[0], work->asked[1]}; /* Linux 6.1 takes no argument's memory for a key */
	for (uint32_t i = 0; i < SW_RANGES_MAX; i++) {
		if (i >= control->range_count)
			break;
		const struct sw_range *range = &control->range[i];
		if (range->address_len == work->address_len &&
			((key[0] ^ range->address[0]) & range->mask[0]) == 0 &&
			((key[1] ^ range->address[1]) & range->mask[1]) == 0)
			return !bpf_map_lookup_elem(&sw_own, key);
	}
	return 0;
}

/** A program on this machine has the port: the node itself asking a primary server, a routing daemon. */
SW_INLINE int gate_has_socket(struct xdp_md *ctx, const struct frame *frame)
{
	const uint8_t *ip = (const uint8_t *)(long)ctx->data + (frame->l3 & 0x1f);
	if (frame->protocol == IPPROTO_UDP)
		return frame->is_ipv6 ? has_udp(ctx, ip + TUPLE_IPV6_AT, TUPLE_IPV6_LEN)
				      : has_udp(ctx, ip + TUPLE_IPV4_AT, TUPLE_IPV4_LEN);
	return frame->is_ipv6 ? tcp_state(ctx, ip + TUPLE_IPV6_AT, TUPLE_IPV6_LEN) != 0
			      : tcp_state(ctx, ip + TUPLE_IPV4_AT, TUPLE_IPV4_LEN) != 0;
}

/** What a dedicated address never gets. @return why it is dropped, or SW_VERDICT_PASS_OTHER */
SW_INLINE uint32_t gate_dedicated(struct xdp_md *ctx, const struct frame *frame, uint32_t to, uint32_t seen)
{
	uint32_t icmp = frame->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	if (seen & IS_FRAGMENT)
		return SW_VERDICT_DROP_FRAGMENT;
	if (seen & IS_AWKWARD || frame->protocol == icmp)
		return SW_VERDICT_PASS_OTHER;
	switch (frame->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		return !(seen & HAS_PORTS) || to & TO_PORT || gate_has_socket(ctx, frame)
			       ? SW_VERDICT_PASS_OTHER
			       : SW_VERDICT_DROP_PORT;
	case IPPROTO_GRE:
		return SW_VERDICT_DROP_GRE;
	default:
		return SW_VERDICT_DROP_PROTOCOL;
	}
}

/** @return the verdict; SW_VERDICT_TCP_PASS: TCP to a service port, to be judged by the program for it */
SW_INLINE uint32_t gate(struct xdp_md *ctx, struct scratch *scratch)
{
	const struct sw_control *control = scratch ? sw_control_of(&scratch->work) : NULL;
	if (!control || scratch->work.address_len == 0)
		return SW_VERDICT_PASS_OTHER;
	uint32_t seen = sw_forget(&scratch->work, gate_look(ctx, scratch));
	uint32_t to = gate_destination(control, scratch), reason;
	if (!(to & TO_SERVICE))
		return gate_is_unused(control, &scratch->work) ? SW_VERDICT_DROP_UNUSED
							       : SW_VERDICT_PASS_OTHER;
	if (to & TO_DEDICATED &&
		(reason = gate_dedicated(ctx, &scratch->frame, to, seen)) != SW_VERDICT_PASS_OTHER)
		return reason;
	if (seen & HAS_PORTS && to & TO_PORT && scratch->frame.protocol == IPPROTO_TCP)
		return SW_VERDICT_TCP_PASS;
	return seen & IS_AWKWARD ? SW_VERDICT_PUNT_FRAME : SW_VERDICT_PASS_OTHER;
}

#endif
