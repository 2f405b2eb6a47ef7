/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "packet.h"
#include "wire/name.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ETHERTYPE_IP4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IP6 0x86dd

static const uint8_t service_mac[6] = {0x02, 0, 0, 0, 0, 0x53};
static const uint8_t asker_mac[6] = {0x02, 0, 0, 0, 0, 0x07};

/** Where each layer came to stand, for the second pass. */
struct plan {
	struct packet *packet;
	const struct layer *layers;
	size_t count;
	size_t at[LAYERS_MAX];
};

static _Noreturn void senseless(const char *what)
{
	fprintf(stderr, "packet: %s\n", what);
	abort();
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, (uint16_t)(value >> 16));
	put16(at + 2, (uint16_t)value);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint8_t *grow(struct packet *packet, size_t len)
{
	if (packet->len + len > sizeof(packet->bytes))
		senseless("longer than PACKET_MAX");
	uint8_t *at = packet->bytes + packet->len;
	memset(at, 0, len);
	packet->len += len;
	return at;
}

static void put_address(int family, const char *text, const char *usual, uint8_t *at)
{
	if (inet_pton(family, text ? text : usual, at) != 1)
		senseless("an address that is none");
}

/* ---- checksums ---- */

uint16_t packet_sum(const void *bytes, size_t len, uint32_t start)
{
	const uint8_t *at = bytes;
	uint32_t sum = start;
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += get16(at + i);
	if (len % 2)
		sum += (uint32_t)at[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/** Sum over addresses, protocol and length (RFC 768, RFC 8200 s8.1), and everything behind the IP header. */
static uint16_t transport_sum(const struct packet *packet, uint8_t protocol)
{
	const uint8_t *ip = packet->bytes + packet->ip;
	size_t len = packet->ip_end - packet->transport;
	uint32_t start = protocol == IPPROTO_ICMP ? 0 : protocol + (uint32_t)len;
	if (packet->is_ip6)
		start += packet_sum(ip + 8, 32, 0);
	else if (protocol != IPPROTO_ICMP)
		start += packet_sum(ip + 12, 8, 0);
	return packet_sum(packet->bytes + packet->transport, len, start);
}

static size_t ip4_header_len(const struct packet *packet)
{
	return 4u * (packet->bytes[packet->ip] & 15);
}

static void set_ip4_sum(struct packet *packet, size_t header_len)
{
	uint8_t *ip = packet->bytes + packet->ip;
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~packet_sum(ip, header_len, 0));
}

/** @param position  of the checksum in the transport header */
static void set_transport_sum(struct packet *packet, uint8_t protocol, size_t position)
{
	uint8_t *at = packet->bytes + packet->transport + position;
	put16(at, 0);
	uint16_t sum = (uint16_t)~transport_sum(packet, protocol);
	put16(at, protocol == IPPROTO_UDP && sum == 0 ? 0xffff : sum); /* RFC 768: 0 says "none" */
}

bool packet_sums_verify(const struct packet *packet)
{
	const uint8_t *ip = packet->bytes + packet->ip;
	uint8_t protocol = packet->is_ip6 ? ip[6] : ip[9];
	if (!packet->is_ip6 && packet_sum(ip, ip4_header_len(packet), 0) != 0xffff)
		return false;
	return transport_sum(packet, protocol) == 0xffff;
}

/* ---- first pass: headers, one behind the other ---- */

static void add_ethernet(struct packet *packet)
{
	uint8_t *at = grow(packet, 14);
	memcpy(at, service_mac, 6);
	memcpy(at + 6, asker_mac, 6);
}

/** RFC 826: who has the service's address? */
static void add_arp(struct packet *packet)
{
	static const uint8_t start[8] = {0, 1, 8, 0, 6, 4, 0, 1}; /* Ethernet, IPv4, lengths, request */
	uint8_t *at = grow(packet, 28);
	memcpy(at, start, sizeof(start));
	memcpy(at + 8, asker_mac, 6);
	put_address(AF_INET, ASKER_IP4, NULL, at + 14);
	put_address(AF_INET, SERVICE_IP4, NULL, at + 24);
}

static void add_ip4(struct packet *packet, const struct layer *layer)
{
	packet->ip = packet->len;
	uint8_t *at = grow(packet, 20u + layer->ip4.options_len);
	at[0] = (uint8_t)(0x45 + layer->ip4.options_len / 4);
	put16(at + 4, 0x1d1d); /* ID */
	put16(at + 6, layer->ip4.fragment);
	at[8] = ASKER_HOPS;
	put_address(AF_INET, layer->ip4.from, ASKER_IP4, at + 12);
	put_address(AF_INET, layer->ip4.to, SERVICE_IP4, at + 16);
	memset(at + 20, 1, layer->ip4.options_len); /* RFC 791 s3.1: no operation */
}

static void add_ip6(struct packet *packet, const struct layer *layer)
{
	packet->ip = packet->len;
	packet->is_ip6 = true;
	uint8_t *at = grow(packet, 40);
	at[0] = 0x60;
	at[7] = ASKER_HOPS;
	put_address(AF_INET6, layer->ip6.from, ASKER_IP6, at + 8);
	put_address(AF_INET6, layer->ip6.to, SERVICE_IP6, at + 24);
}

/** Hop-by-hop, destination options, routing, mobility: length in units of 8 behind the first (RFC 8200 s4);
 * authentication: in units of 4, minus 2 (RFC 4302 s2.2). */
static void add_extension(struct packet *packet, const struct layer *layer)
{
	uint8_t len = layer->extension.len ? layer->extension.len : 8;
	uint8_t *at = grow(packet, len);
	at[1] = (uint8_t)(layer->extension.number == IPPROTO_AH ? len / 4 - 2 : len / 8 - 1);
	if (layer->extension.number == IPPROTO_HOPOPTS || layer->extension.number == IPPROTO_DSTOPTS) {
		at[2] = 1; /* PadN over the rest (RFC 8200 s4.2) */
		at[3] = (uint8_t)(len - 4);
	}
}

static void add_fragment(struct packet *packet, const struct layer *layer)
{
	uint8_t *at = grow(packet, 8);
	put16(at + 2, (uint16_t)(layer->fragment.offset << 3 | layer->fragment.is_more));
	put16(at + 6, 0x1d1d); /* ID */
}

static void add_ports(struct packet *packet, const struct layer *layer)
{
	packet->transport = packet->len;
	uint8_t *at = grow(packet, layer->kind == LAYER_TCP ? 20u + layer->port.options_len : 8);
	packet->payload = packet->len;
	put16(at, layer->port.from ? layer->port.from : ASKER_PORT);
	if (layer->port.is_from_zero)
		put16(at, 0);
	put16(at + 2, layer->port.to ? layer->port.to : SERVICE_PORT);
	if (layer->kind == LAYER_TCP) {
		put32(at + 4, layer->port.seq ? layer->port.seq : ASKER_SEQ);
		put32(at + 8, layer->port.ack);
		at[12] = (uint8_t)((5 + layer->port.options_len / 4) << 4);
		at[13] = layer->port.flags ? layer->port.flags : TCP_SYN;
		put16(at + 14, 0xffff); /* window */
		if (layer->port.options_len > 0)
			memcpy(at + 20, layer->port.options, layer->port.options_len);
	}
}

static void add_icmp(struct packet *packet, const struct layer *layer)
{
	packet->transport = packet->len;
	uint8_t *at = grow(packet, 8);
	packet->payload = packet->len;
	at[0] = layer->icmp.type;
	at[1] = layer->icmp.code;
}

static size_t add_bytes(uint8_t *at, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(at, bytes, len);
	return len;
}

size_t packet_query(const struct query *query, uint8_t *message)
{
	memset(message, 0, SW_HEADER_LEN);
	put16(message, query->id ? query->id : 0x5377);
	put16(message + 2, query->flags);
	put16(message + 4, 1);
	put16(message + 10, query->edns > 0);

	uint8_t *at = message + SW_HEADER_LEN;
	int name_len = sw_name_parse(query->name, at);
	if (name_len < 0)
		senseless("a name that is none");
	at += name_len;
	put16(at, query->type);
	put16(at + 2, query->class ? query->class : SW_CLASS_IN);
	at += 4;
	if (query->edns > 0) { /* RFC 6891 s6.1.2 */
		*at = 0;
		put16(at + 1, SW_TYPE_OPT);
		put16(at + 3, query->edns);
		at[5] = 0;
		at[6] = query->version;
		put16(at + 7, query->is_dnssec_ok ? SW_EDNS_DO : 0);
		put16(at + 9, query->options_len);
		at += SW_OPT_LEN;
		at += add_bytes(at, query->options, query->options_len);
	}
	return (size_t)(at - message);
}

static void add_query(struct packet *packet, const struct query *query)
{
	uint8_t message[PACKET_MAX];
	size_t len = packet_query(query, message);
	add_bytes(grow(packet, len), message, len);
}

static void add_layer(struct packet *packet, const struct layer *layer)
{
	switch (layer->kind) {
	case LAYER_ETHERNET:
		return add_ethernet(packet);
	case LAYER_VLAN:
		return put16(grow(packet, 4), layer->vlan.tci);
	case LAYER_ARP:
		return add_arp(packet);
	case LAYER_IP4:
		return add_ip4(packet, layer);
	case LAYER_IP6:
		return add_ip6(packet, layer);
	case LAYER_EXTENSION:
		return add_extension(packet, layer);
	case LAYER_FRAGMENT:
		return add_fragment(packet, layer);
	case LAYER_UDP:
	case LAYER_TCP:
		return add_ports(packet, layer);
	case LAYER_ICMP:
	case LAYER_ICMP6:
		return add_icmp(packet, layer);
	case LAYER_PROTOCOL:
		memset(grow(packet, layer->protocol.len), 0x5a, layer->protocol.len);
		return;
	case LAYER_QUERY:
		return add_query(packet, &layer->query);
	case LAYER_BYTES:
		add_bytes(grow(packet, layer->bytes.len), layer->bytes.data, layer->bytes.len);
		return;
	case LAYER_PAD:
		packet->ip_end = packet->len;
		memset(grow(packet, layer->pad), 0xee, layer->pad);
		return;
	case LAYER_POKE:
	case LAYER_SPOIL:
	case LAYER_END:
		return;
	}
}

/* ---- second pass: what depends on the layers inside ---- */

static uint8_t protocol_of(const struct layer *layer)
{
	switch (layer->kind) {
	case LAYER_UDP:
		return IPPROTO_UDP;
	case LAYER_TCP:
		return IPPROTO_TCP;
	case LAYER_ICMP:
		return IPPROTO_ICMP;
	case LAYER_ICMP6:
		return IPPROTO_ICMPV6;
	case LAYER_FRAGMENT:
		return IPPROTO_FRAGMENT;
	case LAYER_EXTENSION:
		return layer->extension.number;
	case LAYER_PROTOCOL:
		return layer->protocol.number;
	default:
		return IPPROTO_NONE;
	}
}

static uint16_t ethertype_of(const struct layer *layer)
{
	switch (layer->kind) {
	case LAYER_IP4:
		return ETHERTYPE_IP4;
	case LAYER_IP6:
		return ETHERTYPE_IP6;
	case LAYER_ARP:
		return ETHERTYPE_ARP;
	case LAYER_VLAN:
		return layer->vlan.tpid ? layer->vlan.tpid : ETHERTYPE_VLAN;
	default:
		return 0x88b5; /* IEEE 802: local experiments */
	}
}

static void link_layer(const struct plan *plan, size_t i)
{
	const struct layer *layer = &plan->layers[i], *inner = &plan->layers[i + 1];
	struct packet *packet = plan->packet;
	uint8_t *at = packet->bytes + plan->at[i];
	uint16_t rest = (uint16_t)(packet->ip_end - plan->at[i]);

	switch (layer->kind) {
	case LAYER_ETHERNET:
		return put16(at + 12, ethertype_of(inner));
	case LAYER_VLAN:
		return put16(at + 2, ethertype_of(inner));
	case LAYER_IP4:
		put16(at + 2, rest);
		at[9] = layer->ip4.protocol ? layer->ip4.protocol : protocol_of(inner);
		return;
	case LAYER_IP6:
		put16(at + 4, (uint16_t)(rest - 40));
		at[6] = layer->ip6.next ? layer->ip6.next : protocol_of(inner);
		return;
	case LAYER_EXTENSION:
		at[0] = protocol_of(inner);
		return;
	case LAYER_FRAGMENT:
		at[0] = layer->fragment.next ? layer->fragment.next : protocol_of(inner);
		return;
	case LAYER_UDP:
		return put16(at + 4, rest);
	default:
		return;
	}
}

static void set_sums(const struct plan *plan, size_t i)
{
	const struct layer *layer = &plan->layers[i];
	struct packet *packet = plan->packet;
	switch (layer->kind) {
	case LAYER_IP4:
		return set_ip4_sum(packet, 20u + layer->ip4.options_len);
	case LAYER_UDP:
		if (!layer->port.is_without_sum)
			set_transport_sum(packet, IPPROTO_UDP, 6);
		return;
	case LAYER_TCP:
		return set_transport_sum(packet, IPPROTO_TCP, 16);
	case LAYER_ICMP:
	case LAYER_ICMP6:
		return set_transport_sum(packet, protocol_of(layer), 2);
	default:
		return;
	}
}

static void poke(const struct plan *plan, const struct layer *layer)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->layers[i].kind != layer->poke.kind)
			continue;
		uint8_t *at = plan->packet->bytes + plan->at[i] + layer->poke.offset;
		if (layer->poke.width == 1)
			*at = (uint8_t)layer->poke.value;
		else
			put16(at, layer->poke.value);
		return;
	}
	senseless("a poke into a layer that is not there");
}

static void poke_all(const struct plan *plan, enum layer_kind kind)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->layers[i].kind == kind)
			poke(plan, &plan->layers[i]);
	}
}

void packet_build(struct packet *packet, const struct layer *layers)
{
	struct plan plan = {.packet = packet, .layers = layers};
	memset(packet, 0, sizeof(*packet));
	for (; layers[plan.count].kind != LAYER_END; plan.count++) {
		if (plan.count == LAYERS_MAX)
			senseless("more than LAYERS_MAX layers");
		plan.at[plan.count] = packet->len;
		add_layer(packet, &layers[plan.count]);
	}
	if (packet->ip_end == 0)
		packet->ip_end = packet->len;
	for (size_t i = 0; i < plan.count; i++)
		link_layer(&plan, i);
	poke_all(&plan, LAYER_POKE);
	for (size_t i = 0; i < plan.count; i++)
		set_sums(&plan, i);
	poke_all(&plan, LAYER_SPOIL);
}

/* ---- replies ---- */

static void swap(uint8_t *a, uint8_t *b, size_t len)
{
	uint8_t kept[16];
	memcpy(kept, a, len);
	memcpy(a, b, len);
	memcpy(b, kept, len);
}

/** An IPv4 or IPv6 packet ends here: lengths and IPv4's checksum follow, padding goes. */
static void settle_ip(struct packet *packet, size_t end)
{
	uint8_t *ip = packet->bytes + packet->ip;
	packet->len = packet->ip_end = end;
	if (packet->is_ip6) {
		put16(ip + 4, (uint16_t)(packet->len - packet->ip - 40));
	} else {
		put16(ip + 2, (uint16_t)(packet->len - packet->ip));
		set_ip4_sum(packet, ip4_header_len(packet));
	}
}

/** Give the UDP payload of an IPv4 or IPv6 packet another length. */
static void settle(struct packet *packet, size_t message_len)
{
	settle_ip(packet, packet->payload + message_len);
	put16(packet->bytes + packet->transport + 4, (uint16_t)(packet->len - packet->transport));
	set_transport_sum(packet, IPPROTO_UDP, 6);
}

/** Who asked is now answered. */
static void turn(struct packet *packet)
{
	uint8_t *ip = packet->bytes + packet->ip, *transport = packet->bytes + packet->transport;
	swap(packet->bytes, packet->bytes + 6, 6);
	swap(transport, transport + 2, 2);
	if (packet->is_ip6)
		swap(ip + 8, ip + 24, 16);
	else
		swap(ip + 12, ip + 16, 4);
	ip[packet->is_ip6 ? 7 : 8] = 64;
}

void packet_syn_ack(const struct packet *syn, uint32_t seq, struct packet *reply)
{
	static const uint8_t mss[4] = {2, 4, 1220 >> 8, 1220 & 0xff};
	*reply = *syn;
	uint8_t *tcp = reply->bytes + reply->transport;
	size_t options_len = tcp[12] >> 4 > 5 ? sizeof(mss) : 0;
	turn(reply);
	put32(tcp + 8, get32(tcp + 4) + 1);
	put32(tcp + 4, seq);
	tcp[12] = (uint8_t)((5 + options_len / 4) << 4);
	tcp[13] = TCP_SYN | TCP_ACK;
	put16(tcp + 14, 8192);
	put16(tcp + 18, 0);
	memcpy(tcp + 20, mss, options_len);
	settle_ip(reply, reply->transport + 20 + options_len);
	set_transport_sum(reply, IPPROTO_TCP, 16);
}

void packet_ack(const struct packet *syn, uint32_t seq, struct packet *ack)
{
	*ack = *syn;
	uint8_t *tcp = ack->bytes + ack->transport;
	put32(tcp + 4, get32(tcp + 4) + 1);
	put32(tcp + 8, seq + 1);
	tcp[12] = 5 << 4;
	tcp[13] = TCP_ACK;
	settle_ip(ack, ack->transport + 20);
	set_transport_sum(ack, IPPROTO_TCP, 16);
}

void packet_shorten(struct packet *packet, size_t message_len)
{
	if (packet->payload + message_len > packet->ip_end)
		senseless("shortened to more than there is");
	settle(packet, message_len);
}

void packet_reply(
	const struct packet *asked, const uint8_t *message, size_t message_len, struct packet *reply)
{
	*reply = *asked;
	reply->len = reply->payload;
	add_bytes(grow(reply, message_len), message, message_len);

	turn(reply);
	settle(reply, message_len);
}

void packet_adopt_free_fields(struct packet *reply, const uint8_t *seen, size_t seen_len)
{
	uint8_t *ip = reply->bytes + reply->ip;
	if (seen_len < reply->transport)
		return;
	if (reply->len < FRAME_MIN && seen_len == FRAME_MIN) {
		memcpy(reply->bytes + reply->len, seen + reply->len, FRAME_MIN - reply->len);
		reply->len = FRAME_MIN;
	}
	seen += reply->ip;
	if (reply->is_ip6) {
		ip[0] = (uint8_t)(0x60 | (seen[0] & 15));
		memcpy(ip + 1, seen + 1, 3);
		return;
	}
	ip[1] = seen[1];
	memcpy(ip + 4, seen + 4, 2);
	put16(ip + 6, get16(seen + 6) & 0x4000);
	set_ip4_sum(reply, 20);
}
