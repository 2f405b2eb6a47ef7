/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Frames for tests, written as a list of layers, outermost first:
 *
 *	packet_build(&packet, LAYERS(ETHERNET, VLAN(7), IP4(), UDP(), QUERY("www.example.com", SW_TYPE_A)));
 *
 * Protocol numbers, lengths and checksums follow from the layers around them. A field that is left out has
 * its usual value: from ASKER to SERVICE, port 53. POKE spoils a field before the checksums are computed,
 * SPOIL afterwards.
 */
#ifndef SW_TESTS_BPF_PACKET_H
#define SW_TESTS_BPF_PACKET_H

#include "wire/message.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX 4096
#define LAYERS_MAX 24

#define SERVICE_IP4 "192.0.2.53"
#define SERVICE_IP6 "2001:db8::53"
#define SERVICE_PORT 53
#define ASKER_IP4 "198.51.100.7"
#define ASKER_IP6 "2001:db8:a::7"
#define ASKER_PORT 33053
#define ASKER_SEQ 0x12345678 /* of TCP */
#define ASKER_HOPS 57	     /* TTL or hop limit on arrival; must not survive into a reply */

enum layer_kind {
	LAYER_END,
	LAYER_ETHERNET,
	LAYER_VLAN,
	LAYER_ARP,
	LAYER_IP4,
	LAYER_IP6,
	LAYER_EXTENSION,
	LAYER_FRAGMENT,
	LAYER_UDP,
	LAYER_TCP,
	LAYER_ICMP,
	LAYER_ICMP6,
	LAYER_PROTOCOL, /* any other IP protocol: bytes of no meaning */
	LAYER_QUERY,
	LAYER_BYTES,
	LAYER_PAD,
	LAYER_POKE,
	LAYER_SPOIL,
};

/** A DNS query; class IN, ID 0x5377, no flags, unless said otherwise. */
struct query {
	const char *name;
	uint16_t type;
	uint16_t class;
	uint16_t id;
	uint16_t flags;
	uint16_t edns;	 /* UDP size told in an OPT record; 0: no OPT */
	uint8_t version; /* of EDNS */
	bool is_dnssec_ok;
	uint16_t options_len;
	const void *options; /* as they stand in the OPT record's RDATA */
};

struct layer {
	enum layer_kind kind;
	union {
		struct {
			uint16_t tpid; /* 0x8100 where 0 */
			uint16_t tci;
		} vlan;
		struct {
			const char *from, *to;
			uint8_t protocol;    /* where the next layer does not tell */
			uint8_t options_len; /* bytes, a multiple of 4; no-operation options */
			uint16_t fragment;   /* the field: flags and offset */
		} ip4;
		struct {
			const char *from, *to;
			uint8_t next; /* where the next layer does not tell */
		} ip6;
		struct {
			uint8_t number; /* IPPROTO_* */
			uint8_t len;	/* bytes, a multiple of 8 (of 4 for AH); 8 where 0 */
		} extension;
		struct {
			uint16_t offset; /* units of 8 bytes */
			bool is_more;
			uint8_t next; /* where the next layer does not tell */
		} fragment;
		struct {
			uint16_t from, to;
			bool is_from_zero; /* source port 0, as 0 stands for ASKER_PORT */
			bool is_without_sum;
			uint8_t flags;	     /* of TCP; a SYN where 0 */
			uint32_t seq, ack;   /* ASKER_SEQ where 0 */
			uint8_t options_len; /* of TCP: bytes, a multiple of 4 */
			const void *options;
		} port; /* UDP and TCP */
		struct {
			uint8_t type, code;
		} icmp;
		struct {
			uint8_t number;
			uint8_t len;
		} protocol;
		struct query query;
		struct {
			const void *data;
			size_t len;
		} bytes;
		size_t pad;
		struct {
			enum layer_kind kind; /* the first of this kind */
			uint16_t offset;      /* from where that layer starts */
			uint8_t width;	      /* 1 or 2 bytes */
			uint16_t value;
		} poke;
	};
};

#define LAYERS(...) ((const struct layer[]){__VA_ARGS__, {.kind = LAYER_END}})

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* clang-format off */
#define ETHERNET {.kind = LAYER_ETHERNET}
#define VLAN(id) {.kind = LAYER_VLAN, .vlan = {.tci = (id)}}
#define VLAN_AD(id) {.kind = LAYER_VLAN, .vlan = {.tpid = 0x88a8, .tci = (id)}} /* IEEE 802.1ad, the outer tag of QinQ */
#define ARP {.kind = LAYER_ARP}
#define IP4(...) {.kind = LAYER_IP4, .ip4 = {__VA_ARGS__}}
#define IP6(...) {.kind = LAYER_IP6, .ip6 = {__VA_ARGS__}}
#define EXTENSION(...) {.kind = LAYER_EXTENSION, .extension = {__VA_ARGS__}}
#define FRAGMENT(...) {.kind = LAYER_FRAGMENT, .fragment = {__VA_ARGS__}}
#define UDP(...) {.kind = LAYER_UDP, .port = {__VA_ARGS__}}
#define TCP(...) {.kind = LAYER_TCP, .port = {__VA_ARGS__}}
#define ICMP(...) {.kind = LAYER_ICMP, .icmp = {__VA_ARGS__}}
#define ICMP6(...) {.kind = LAYER_ICMP6, .icmp = {__VA_ARGS__}}
#define PROTOCOL(...) {.kind = LAYER_PROTOCOL, .protocol = {__VA_ARGS__}}
#define QUERY(qname, qtype, ...) {.kind = LAYER_QUERY, .query = {.name = (qname), .type = (qtype), ##__VA_ARGS__}}
#define BYTES(literal) {.kind = LAYER_BYTES, .bytes = {(literal), sizeof(literal) - 1}}
#define PAD(count) {.kind = LAYER_PAD, .pad = (count)}
#define POKE(of, at, bytes_wide, number) \
	{.kind = LAYER_POKE, .poke = {.kind = (of), .offset = (at), .width = (bytes_wide), .value = (number)}}
#define SPOIL(of, at, bytes_wide, number) \
	{.kind = LAYER_SPOIL, .poke = {.kind = (of), .offset = (at), .width = (bytes_wide), .value = (number)}}
/* clang-format on */

/** A frame and where its parts start. Offsets are 0 where there is no such part. */
struct packet {
	uint8_t bytes[PACKET_MAX];
	size_t len;
	size_t ip;
	size_t ip_end; /* behind it: padding */
	size_t transport;
	size_t payload;
	bool is_ip6;
};

/** Build a frame; a list of layers that makes no sense ends the test program. */
void packet_build(struct packet *packet, const struct layer *layers);

/** A query as it stands in a UDP payload. @return bytes */
size_t packet_query(const struct query *query, uint8_t *message);

/** Keep only the first bytes of the message in a UDP packet; lengths and checksums follow. */
void packet_shorten(struct packet *packet, size_t message_len);

/** The SYN-ACK without timestamps that answers a SYN: an MSS of 1,220 where the SYN has options, a window of
 * 8,192. */
void packet_syn_ack(const struct packet *syn, uint32_t seq, struct packet *reply);

/** The ACK with which the sender of a SYN answers a SYN-ACK. */
void packet_ack(const struct packet *syn, uint32_t seq, struct packet *ack);

/** The frame that answers `asked` with `message`: addresses and ports swapped, tags kept, TTL or hop limit
 * 64, checksums right, no padding. */
void packet_reply(
	const struct packet *asked, const uint8_t *message, size_t message_len, struct packet *reply);

#define FRAME_MIN 60 /* shortest Ethernet frame, its own checksum left out */

/** What no standard fixes in a reply: IPv4 type of service, ID and DF; IPv6 traffic class and flow label;
 * padding up to FRAME_MIN. Copy them from a reply that was seen, and compute the checksum they go into. */
void packet_adopt_free_fields(struct packet *reply, const uint8_t *seen, size_t seen_len);

/** One's complement sum (RFC 1071), not yet inverted. */
uint16_t packet_sum(const void *bytes, size_t len, uint32_t start);

/** Whether the checksums of the IP header (IPv4) and of UDP, TCP, ICMP verify. */
bool packet_sums_verify(const struct packet *packet);

#endif
