/* SPDX-License-Identifier: GPL-3.0-or-later */
/** BPF: what lies around the DNS message: Ethernet, up to two VLAN tags, IPv4 or IPv6, UDP.
 *
 * Fails open: whatever is not plainly a UDP datagram for a service address passes untouched.
 */
#ifndef SW_XDP_FRAME_H
#define SW_XDP_FRAME_H

#include "answer/path.h"

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#define FRAME_HOPS 64	   /* TTL, hop limit of replies */
#define LOOPBACK 1	   /* the number of its interface, in every network namespace */
#define FRAME_MIN 60	   /* shortest Ethernet frame without its checksum */
#define IP_FRAGMENT 0x3fff /* more fragments, or an offset */

struct vlan_tag {
	__be16 tci;
	__be16 protocol;
};

/** Where things stand in a packet. */
struct frame {
	uint32_t l3;   /* IPv4 or IPv6 header */
	uint32_t udp;  /* UDP header */
	uint32_t port; /* destination, network order; 0 where it cannot be seen from here */
	uint32_t is_ipv6;
	uint32_t message_len;
	uint32_t bytes;	   /* of the whole */
	uint8_t protocol;  /* of IP */
	uint8_t tcp_flags; /* of TCP to a service address */
	uint16_t service;  /* its number, of TCP to a service port */
};

/** Of one packet. The frame too: what the verifier knew of it, kind by kind, it would carry through the whole
 * answer path. */
struct scratch {
	struct frame frame;
	struct sw_work work;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct scratch);
} sw_works SEC(".maps");

enum frame_kind {
	FRAME_OTHER,   /* pass */
	FRAME_QUERY,   /* a datagram for a service address */
	FRAME_AWKWARD, /* one for the stack to take apart: options, fragments, extension headers */
	FRAME_BAD_LENGTH,
	FRAME_BAD_PORT,
};

/** Whether the destination in work->asked and a port of UDP are ours; port 0 asks about the address alone. */
SW_INLINE int service_is_ours(const struct sw_work *work, uint32_t port)
{
	const struct sw_control *control = sw_control_of(work);
	if (!control)
		return 0;
	for (uint32_t i = 0; i < SW_SERVICES_MAX; i++) {
		if (i >= control->service_count)
			break;
		const struct sw_service *service = &control->service[i];
		if (SW_LOAD64(service->address) == work->asked[0] &&
			SW_LOAD64(service->address + 8) == work->asked[1] &&
			service->address_len == work->address_len &&
			(port == 0 || (service->port == port && !(service->traits & SW_SERVICE_TCP))))
			return 1;
	}
	return 0;
}

/** UDP header at `udp`; `room` bytes of the packet belong to the datagram. */
SW_INLINE enum frame_kind frame_udp(
	struct frame *frame, struct sw_work *work, const struct udphdr *udp, uint32_t room)
{
	uint32_t len = bpf_ntohs(udp->len);
	if (len < sizeof(*udp) || len > room)
		return FRAME_BAD_LENGTH;
	if (udp->source == 0)
		return FRAME_BAD_PORT;
	if (udp->dest == 0)
		return FRAME_OTHER; /* no service has it */
	work->source_port = bpf_ntohs(udp->source);
	frame->message_len = len - sizeof(*udp);
	return FRAME_QUERY;
}

SW_INLINE enum frame_kind frame_ipv4(
	struct frame *frame, struct sw_work *work, const uint8_t *l3, const uint8_t *end)
{
	const struct iphdr *ip = (const void *)l3;
	if (l3 + sizeof(*ip) > end || ip->version != 4)
		return FRAME_OTHER;
	SW_STORE64(work->address, ip->saddr);
	SW_STORE64(work->address + 8, 0);
	work->asked[0] = ip->daddr;
	work->asked[1] = 0;
	work->address_len = 4;
	work->ttl = ip->ttl;
	frame->protocol = ip->protocol;
	if (ip->protocol != IPPROTO_UDP)
		return FRAME_OTHER;
	if (ip->ihl != 5 || ip->frag_off & bpf_htons(IP_FRAGMENT))
		return FRAME_AWKWARD;
	const struct udphdr *udp = (const void *)(l3 + sizeof(*ip));
	if ((const uint8_t *)udp + sizeof(*udp) > end)
		return FRAME_OTHER;
	frame->port = udp->dest;
	uint32_t total = bpf_ntohs(ip->tot_len);
	if (total < sizeof(*ip) || total > (uint32_t)(end - l3))
		return FRAME_BAD_LENGTH;
	return frame_udp(frame, work, udp, total - sizeof(*ip));
}

/** Extension headers that may stand before a datagram: the stack takes them apart. */
SW_INLINE int is_extension(uint8_t next_header)
{
	return next_header == IPPROTO_HOPOPTS || next_header == IPPROTO_ROUTING ||
	       next_header == IPPROTO_FRAGMENT || next_header == IPPROTO_DSTOPTS || next_header == IPPROTO_AH;
}

SW_INLINE enum frame_kind frame_ipv6(
	struct frame *frame, struct sw_work *work, const uint8_t *l3, const uint8_t *end)
{
	const struct ipv6hdr *ip = (const void *)l3;
	if (l3 + sizeof(*ip) > end || ip->version != 6)
		return FRAME_OTHER;
	SW_STORE64(work->address, SW_LOAD64(&ip->saddr));
	SW_STORE64(work->address + 8, SW_LOAD64((const uint8_t *)&ip->saddr + 8));
	work->asked[0] = SW_LOAD64(&ip->daddr);
	work->asked[1] = SW_LOAD64((const uint8_t *)&ip->daddr + 8);
	work->address_len = 16;
	work->ttl = ip->hop_limit;
	frame->protocol = ip->nexthdr;
	frame->is_ipv6 = 1;
	if (is_extension(ip->nexthdr))
		return FRAME_AWKWARD;
	const struct udphdr *udp = (const void *)(l3 + sizeof(*ip));
	if (ip->nexthdr != IPPROTO_UDP || (const uint8_t *)udp + sizeof(*udp) > end || udp->check == 0)
		return FRAME_OTHER; /* without a checksum the stack discards it (RFC 8200 s8.1) */
	frame->port = udp->dest;
	uint32_t payload = bpf_ntohs(ip->payload_len);
	if (payload > (uint32_t)(end - l3) - sizeof(*ip))
		return FRAME_BAD_LENGTH;
	return frame_udp(frame, work, udp, payload);
}

/** Step over one VLAN tag where there is one. @return new start of what follows, protocol updated */
SW_INLINE const uint8_t *frame_vlan(const uint8_t *at, const uint8_t *end, uint16_t *protocol)
{
	const struct vlan_tag *tag = (const void *)at;
	if (*protocol != bpf_htons(ETH_P_8021Q) && *protocol != bpf_htons(ETH_P_8021AD))
		return at;
	if (at + sizeof(*tag) > end)
		return at;
	*protocol = tag->protocol;
	return at + sizeof(*tag);
}

/** Take a packet apart. For a query, work->address is the asker's and work->message_at is set. Of any IP
 * packet both addresses are; work->address_len is 0 for others. */
SW_INLINE enum frame_kind frame_read(
	struct frame *frame, struct sw_work *work, const uint8_t *data, const uint8_t *end)
{
	*frame = (struct frame){.bytes = (uint32_t)(end - data)};
	work->address_len = 0;
	const struct ethhdr *ethernet = (const void *)data;
	if (data + sizeof(*ethernet) > end || ethernet->h_dest[0] & 1)
		return FRAME_OTHER; /* multicast, broadcast: the stack discards what is not for it */
	uint16_t protocol = ethernet->h_proto;
	const uint8_t *l3 = frame_vlan(data + sizeof(*ethernet), end, &protocol);
	l3 = frame_vlan(l3, end, &protocol);
	frame->l3 = (uint32_t)(l3 - data);
	enum frame_kind kind = FRAME_OTHER;
	uint32_t header = sizeof(struct iphdr);
	if (protocol == bpf_htons(ETH_P_IP)) {
		kind = frame_ipv4(frame, work, l3, end);
	} else if (protocol == bpf_htons(ETH_P_IPV6)) {
		kind = frame_ipv6(frame, work, l3, end);
		header = sizeof(struct ipv6hdr);
	}
	frame->udp = frame->l3 + header;
	work->message_at = frame->udp + sizeof(struct udphdr);
	if (kind == FRAME_OTHER)
		return FRAME_OTHER;
	kind = sw_forget(work, kind);
	return service_is_ours(work, frame->port) ? kind : FRAME_OTHER;
}

#endif
