// SPDX-License-Identifier: GPL-3.0-or-later
/* The halves of the drill's traffic that run in the kernel, in the namespace that stands for the internet.
 *
 * `lab_send` is run without end by BPF_PROG_RUN with live frames: each turn makes one packet that is due, or
 * none. It asks the routes that the POPs have announced where the packet goes, and sends it nowhere else.
 * `lab_receive` sits on the links to the POPs: replies to honest resolvers are told to user space, those to
 * attackers counted.
 */
#include "shared.h"
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define AF_INET6 10
#define ROUTE_AGE_NS 10000000 /* a route is looked up again after so long */
#define CREDIT 8	      /* attack packets between two looks at what is due */
#define CLOCK_TURNS 16
#define LOOPBACK 1 /* interface that routed packets come in by, for the lookup */

const volatile __u32 links[LAB_POPS]; /* interfaces to the POPs */

struct lab_counters counters;
struct lab_orders orders;
struct lab_mix mixes[2];
struct lab_template templates[LAB_TEMPLATES];
struct lab_source endpoints[LAB_POPS][LAB_SOURCE_ENTRIES];
struct lab_source known[LAB_POPS][LAB_SOURCE_ENTRIES];

struct lab_letter letters[LAB_LETTERS];
__u64 letters_written; /* by user space */
__u64 letters_taken;
__u64 first_sent_ns[LAB_TRIES];

__u64 random_state;
__u64 clock_ns; /* looked at once in CLOCK_TURNS packets: it costs as much as a quarter of making one */
__u32 clock_turn;
__u64 attack_done; /* of the active mix */
__u32 attack_mix;
__u32 credit;
__u64 counted_source;

/* ---- routes ---- */

struct lab_route routes[2][LAB_POPS]; /* IPv4, IPv6 */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 26);
} replies SEC(".maps");

/** Honest resolvers, by address. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 15);
	__type(key, struct lab_address);
	__type(value, __u32);
} honest SEC(".maps");

struct unaligned_word {
	__u64 word;
} __attribute__((packed));

struct unaligned_half {
	__u32 half;
} __attribute__((packed));

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014). */
static __always_inline __u64 random_draw(void)
{
	__u64 z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static __always_inline __u32 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline void clock_look(void)
{
	if (clock_turn++ % CLOCK_TURNS == 0)
		clock_ns = bpf_ktime_get_ns();
}

static __always_inline int is_link(__u32 interface)
{
	for (int i = 0; i < LAB_POPS; i++)
		if (links[i] == interface)
			return 1;
	return 0;
}

/* Which catchment a source is in: the two bits below the first byte, 10.0.0.0/8 and fd00::/8 alike. */
static __always_inline __u32 catchment4(__u32 source)
{
	return (source >> 14) & 3; /* network order, little-endian machine: second byte */
}

static __always_inline void route_look_up(
	struct xdp_md *ctx, struct lab_route *route, struct bpf_fib_lookup *wanted, __u64 now)
{
	long result;

	wanted->ifindex = LOOPBACK;
	result = bpf_fib_lookup(ctx, wanted, sizeof(*wanted), 0);
	route->looked_up_ns = now;
	route->interface = 0;
	if (result != BPF_FIB_LKUP_RET_SUCCESS || !is_link(wanted->ifindex))
		return;
	__builtin_memcpy(route->macs, wanted->dmac, 6);
	__builtin_memcpy(route->macs + 6, wanted->smac, 6);
	route->interface = wanted->ifindex;
}

static __always_inline struct lab_route *route4(struct xdp_md *ctx, const struct iphdr *ip)
{
	struct lab_route *route = &routes[0][catchment4(ip->saddr)];
	__u64 now = clock_ns;

	if (now - route->looked_up_ns > ROUTE_AGE_NS) {
		struct bpf_fib_lookup wanted = {
			.family = AF_INET, .ipv4_src = ip->saddr, .ipv4_dst = ip->daddr, .tot_len = 60};

		route_look_up(ctx, route, &wanted, now);
	}
	return route;
}

static __always_inline struct lab_route *route6(struct xdp_md *ctx, const struct ipv6hdr *ip)
{
	struct lab_route *route = &routes[1][(ip->saddr.in6_u.u6_addr8[1] >> 6) & 3];
	__u64 now = clock_ns;

	if (now - route->looked_up_ns > ROUTE_AGE_NS) {
		struct bpf_fib_lookup wanted = {.family = AF_INET6, .tot_len = 60};

		__builtin_memcpy(wanted.ipv6_src, &ip->saddr, 16);
		__builtin_memcpy(wanted.ipv6_dst, &ip->daddr, 16);
		route_look_up(ctx, route, &wanted, now);
	}
	return route;
}

static __always_inline int is_service6(const struct in6_addr *address)
{
	return address->in6_u.u6_addr32[0] == bpf_htonl(LAB_SERVICE6_0) &&
	       address->in6_u.u6_addr16[2] == bpf_htons(LAB_SERVICE6_1);
}

/* The last guard: nothing leaves but for a service prefix, over a link to a POP. */
static __always_inline int frame_send(struct xdp_md *ctx, int is_ipv6)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *ethernet = data;
	struct lab_route *route;

	if (is_ipv6) {
		struct ipv6hdr *ip = data + sizeof(*ethernet);

		if ((void *)(ip + 1) > data_end || !is_service6(&ip->daddr))
			return counters.not_ours++, XDP_DROP;
		route = route6(ctx, ip);
	} else {
		struct iphdr *ip = data + sizeof(*ethernet);

		if ((void *)(ip + 1) > data_end ||
			(ip->daddr & bpf_htonl(LAB_SERVICE4_MASK)) != bpf_htonl(LAB_SERVICE4))
			return counters.not_ours++, XDP_DROP;
		route = route4(ctx, ip);
	}
	if (!route->interface)
		return counters.no_route++, XDP_DROP;
	__builtin_memcpy(ethernet, route->macs, 12);
	return bpf_redirect(route->interface, 0);
}

/* ---- letters ---- */

/* The frame always changes its length: that makes the kernel restore its bounds at the next turn. */
static __always_inline int letter_send(struct xdp_md *ctx)
{
	struct lab_letter *letter = &letters[letters_taken % LAB_LETTERS];
	__u32 bytes = letter->frame_bytes, slot = letter->slot & (LAB_TRIES - 1);
	int is_ipv6 = letter->is_ipv6;
	__u64 *to;

	if (bpf_xdp_adjust_tail(ctx, (int)bytes - LAB_INPUT_BYTES))
		return XDP_ABORTED;
	to = (void *)(long)ctx->data;
	for (__u32 i = 0; i < LAB_LETTER_FRAME / 8; i++) {
		if ((void *)(to + i + 1) > (void *)(long)ctx->data_end) {
			/* the rest: one word that overlaps */
			struct unaligned_word *last = (void *)(long)ctx->data + ((bytes - 8) & 0x1ff);

			if ((void *)(last + 1) > (void *)(long)ctx->data_end)
				return XDP_ABORTED;
			last->word = letter->tail;
			break;
		}
		to[i] = ((__u64 *)letter->frame)[i];
	}
	if (letter->is_first)
		first_sent_ns[slot] = bpf_ktime_get_ns();
	/* the letter has been read: its place may be written again */
	__sync_fetch_and_add(&letters_taken, 1);
	counters.letters_sent++;
	return frame_send(ctx, is_ipv6);
}

/* ---- attack ---- */

static __always_inline int attack_is_due(void)
{
	const struct lab_mix *mix = &mixes[orders.active_mix & 1];
	__u64 due;

	if (attack_mix != orders.active_mix) {
		attack_mix = orders.active_mix;
		attack_done = 0;
		credit = 0;
	}
	if (credit)
		return credit--, 1;
	if (!mix->rate_pps)
		return 0;
	due = clock_ns > mix->start_ns ? (clock_ns - mix->start_ns) / 1000 * mix->rate_pps / 1000000 : 0;
	if (attack_done >= due)
		return 0;
	if (due - attack_done > mix->burst) {
		counters.missed += due - attack_done - mix->burst;
		attack_done = due - mix->burst;
	}
	attack_done += CREDIT;
	credit = CREDIT - 1;
	return 1;
}

/* Into bytes that are 0. */
static __always_inline int half_put(void *data, void *data_end, __u32 offset, __u32 half)
{
	struct unaligned_half *place = data + (offset & 255);

	if ((void *)(place + 1) > data_end)
		return -1;
	place->half |= half;
	return 0;
}

/* Letters of the alphabet where the pattern leaves them open. @return their sum, or -1. */
static __always_inline long label_put(void *data, void *data_end, const struct lab_template *template)
{
	__u32 at = template->label_at, sum = 0;

	for (__u32 i = 0; i < LAB_LABEL_MAX; i += 4) {
		__u32 varies = template->label_varies >> i, half = 0;
		__u64 random;

		if (i >= template->label_bytes)
			break;
		random = random_draw();
		for (int j = 0; j < 4; j++) {
			__u32 letter = (__u32)((random >> (16 * j) & 0xffff) * template->alphabet_size >> 16);

			if (varies >> j & 1)
				half |= (__u32) template->alphabet[letter % LAB_ALPHABET_MAX] << (8 * j);
		}
		if (half_put(data, data_end, at + i, half))
			return -1;
		sum += fold(half);
	}
	sum = fold(sum);
	/* bytes swap places in a ones' complement sum at an odd offset (RFC 1071 s2) */
	return at & 1 ? __builtin_bswap16((__u16)sum) : sum;
}

static __always_inline int head_put(void *data, void *data_end, const struct lab_template *template)
{
	__u64 *to = data;
	const __u64 *from = (const __u64 *)template->frame;
	struct unaligned_word *last;

	for (__u32 i = 0; i < LAB_HEAD_BYTES / 8; i++) {
		if ((void *)(to + i + 1) > data_end)
			break;
		to[i] = from[i];
	}
	if (template->frame_bytes > LAB_HEAD_BYTES)
		return 0;
	last = data + ((template->frame_bytes - 8) & 255);
	if ((void *)(last + 1) > data_end)
		return -1;
	last->word = template->tail;
	return 0;
}

/* Never the same twice: an odd factor walks through all 32 bits before it repeats. Second byte: the
 * catchment. */
static __always_inline void source_count(struct lab_source *source, __u32 pop)
{
	__u32 count = (__u32)counted_source++ * 0x9e3779b1;

	source->address[0] = bpf_htonl(0xfd000000 | pop << 22 | count >> 10);
	source->address[1] = bpf_htonl(2); /* nobody else's network */
	source->address[2] = 0;
	source->address[3] = bpf_htonl(count & 0x3ff);
	source->is_ipv6 = 1;
	source->hops = count & 31;
}

/* @return -1 where whoever was drawn does not do this */
static __always_inline int source_draw(
	const struct lab_template *template, __u32 pop, __u32 random, struct lab_source *source)
{
	__u32 hops;

	*source = endpoints[pop][random % LAB_SOURCE_ENTRIES];
	if (template->sources == LAB_BY_COUNTING) {
		if (counted_source >= LAB_COUNTED_SOURCES)
			return -1;
		source_count(source, pop);
	} else if (template->sources == LAB_BY_KNOWN) {
		/* the attacker knows the address, not how far away it is */
		hops = source->hops;
		*source = known[pop][random % LAB_SOURCE_ENTRIES];
		source->hops = hops;
	} else if (template->is_scan && !source->is_scanner) {
		return -1;
	}
	return 0;
}

static __always_inline __u16 port_draw(const struct lab_template *template, __u64 random)
{
	return bpf_htons((__u16)(template->port_first + ((random & 0xffff) * template->port_count >> 16)));
}

/* What stands behind the IP header, for one protocol each. @return -1 when the frame is too short. */
static __always_inline int udp_finish(
	struct udphdr *udp, void *data_end, __u64 sum, __u64 random, const struct lab_template *template)
{
	__u16 *id = (void *)(udp + 1);

	if ((void *)(id + 1) > data_end)
		return -1;
	udp->source = port_draw(template, random);
	*id = (__u16)(random >> 16);
	if (sum) {
		__u16 check = (__u16)~fold(sum + udp->source + *id);

		udp->check = check ? check : 0xffff;
	}
	return 0;
}

static __always_inline int tcp_finish(struct tcphdr *tcp, void *data_end, __u64 sum, __u64 random,
	const struct lab_template *template, __u32 scanned)
{
	if ((void *)(tcp + 1) > data_end)
		return -1;
	tcp->source = port_draw(template, random);
	tcp->seq = scanned ? scanned : (__u32)(random >> 16);
	if (tcp->ack)
		tcp->ack_seq = (__u32)(random >> 24);
	tcp->check = (__u16)~fold(sum + tcp->source + tcp->seq + (__u64)tcp->ack_seq);
	return 0;
}

/* @return the address that is scanned, 0 for none, -1 when the frame is too short */
static __always_inline long ip4_finish(void *data, void *data_end, const struct lab_template *template,
	const struct lab_source *source, __u64 random)
{
	struct iphdr *ip = data + LAB_ETHERNET_BYTES;
	__u32 scanned = 0;

	if ((void *)(ip + 1) > data_end)
		return -1;
	ip->saddr = source->address[0];
	ip->id = (__u16)random;
	ip->ttl = (__u8)(template->ttl - source->hops);
	if (template->is_scan) {
		/* .128 to .191: unused */
		scanned = bpf_htonl(LAB_SERVICE4 | ((random >> 8) & 0x3f) | 0x80);
		ip->daddr = scanned;
	}
	ip->check = (__u16)~fold((__u64) template->ip_sum + ip->saddr + ip->id + ip->ttl + scanned);
	return scanned;
}

static __always_inline int ip6_finish(
	void *data, void *data_end, const struct lab_template *template, const struct lab_source *source)
{
	struct ipv6hdr *ip = data + LAB_ETHERNET_BYTES;

	if ((void *)(ip + 1) > data_end)
		return -1;
	__builtin_memcpy(&ip->saddr, source->address, 16);
	ip->hop_limit = (__u8)(template->ttl - source->hops);
	return 0;
}

static __always_inline __u64 source_sum(const struct lab_source *source)
{
	__u64 sum = source->address[0];

	if (source->is_ipv6)
		sum += (__u64)source->address[1] + source->address[2] + source->address[3];
	return sum;
}

static __always_inline int attack_fill(
	void *data, void *data_end, const struct lab_template *template, const struct lab_source *source)
{
	void *l4 = data + (template->is_ipv6 ? LAB_UDP6_AT : LAB_UDP4_AT);
	__u64 random = random_draw(), sum = template->l4_sum;
	long label_sum = 0, scanned = 0;

	if (head_put(data, data_end, template))
		return -1;
	if (template->label_at)
		label_sum = label_put(data, data_end, template);
	if (label_sum < 0)
		return -1;
	if (template->is_ipv6)
		scanned = ip6_finish(data, data_end, template, source);
	else
		scanned = ip4_finish(data, data_end, template, source, random);
	if (scanned < 0)
		return -1;
	if (sum)
		sum += source_sum(source) + label_sum + scanned;
	random = random_draw();
	if (template->protocol == IPPROTO_UDP)
		return udp_finish(l4, data_end, sum, random, template);
	if (template->protocol == IPPROTO_TCP)
		return tcp_finish(l4, data_end, sum, random, template, (__u32)scanned);
	return 0;
}

static __always_inline int attack_send(struct xdp_md *ctx)
{
	const struct lab_mix *mix = &mixes[orders.active_mix & 1];
	__u64 random = random_draw();
	struct lab_draw draw = mix->draw[random % LAB_DRAWS];
	__u32 pop = draw.pop % LAB_POPS;
	__u32 index = draw.template + ((__u32)(random >> 32) & ((1u << (draw.template_bits & 15)) - 1));
	const struct lab_template *template = &templates[index % LAB_TEMPLATES];
	struct lab_source source;

	if (source_draw(template, pop, (__u32)random_draw(), &source))
		return XDP_DROP;
	if (source.is_ipv6 && template->twin)
		template = &templates[(index + template->twin) % LAB_TEMPLATES];
	if (source.is_ipv6 != template->is_ipv6)
		return XDP_DROP; /* whoever was drawn does not do this */
	if (bpf_xdp_adjust_tail(ctx, (int)template->frame_bytes - LAB_INPUT_BYTES))
		return XDP_ABORTED;
	if (attack_fill((void *)(long)ctx->data, (void *)(long)ctx->data_end, template, &source))
		return XDP_DROP;
	if (template->vector < LAB_VECTOR_COUNT)
		counters.sent[template->vector][pop]++;
	if (orders.is_dry)
		return XDP_DROP;
	return frame_send(ctx, template->is_ipv6);
}

SEC("xdp")
int lab_send(struct xdp_md *ctx)
{
	clock_look();
	if (letters_taken != *(volatile __u64 *)&letters_written)
		return letter_send(ctx);
	if (attack_is_due())
		return attack_send(ctx);
	return XDP_DROP;
}

/* ---- replies ---- */

static __always_inline int attacker_count(struct xdp_md *ctx)
{
	counters.to_attackers_packets++;
	counters.to_attackers_bytes += bpf_xdp_get_buff_len(ctx);
	return XDP_DROP;
}

/** Where a reply stands and whose it is. */
struct reply_place {
	struct lab_address address; /* modelled */
	__u32 message_at;
	__u16 source_port; /* network order, like the next two */
	__u16 port;
	__u16 udp_bytes;
	__u8 protocol;
};

static __always_inline int reply_tell(struct xdp_md *ctx, const struct reply_place *place, __u32 resolver)
{
	__u32 bytes = bpf_ntohs(place->udp_bytes) - sizeof(struct udphdr), copied = bytes;
	struct lab_reply *reply;

	counters.replies++;
	reply = bpf_ringbuf_reserve(&replies, sizeof(*reply), 0);
	if (!reply)
		return counters.replies_lost++, XDP_DROP;
	reply->received_ns = bpf_ktime_get_ns();
	reply->resolver = resolver;
	reply->port = bpf_ntohs(place->port);
	reply->message_bytes = (__u16)bytes;
	if (copied > LAB_REPLY_MAX)
		copied = LAB_REPLY_MAX;
	if (copied < 12 || bpf_xdp_load_bytes(ctx, place->message_at, reply->message, copied))
		reply->message_bytes = 0;
	bpf_ringbuf_submit(reply, BPF_RB_NO_WAKEUP);
	return XDP_DROP;
}

/* For a modelled address: one of an honest resolver, or else an attacker's. */
static __always_inline int modelled(struct xdp_md *ctx, const struct reply_place *place)
{
	const __u32 *resolver = bpf_map_lookup_elem(&honest, &place->address);

	if (!resolver)
		return attacker_count(ctx);
	if (orders.is_muted)
		return counters.muted++, XDP_DROP;
	if (place->protocol == IPPROTO_TCP)
		return XDP_PASS; /* a socket of the modelled resolver waits for it */
	if (place->protocol != IPPROTO_UDP || place->source_port != bpf_htons(53))
		return XDP_DROP;
	return reply_tell(ctx, place, *resolver);
}

static __always_inline void ports_read(
	struct reply_place *place, const struct udphdr *udp, const void *data_end)
{
	if ((const void *)(udp + 1) > data_end)
		return;
	place->source_port = udp->source;
	place->port = udp->dest;
	place->udp_bytes = udp->len;
}

SEC("xdp")
int lab_receive(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *ethernet = data;
	struct reply_place place = {};

	if (data + sizeof(*ethernet) > data_end)
		return XDP_PASS;
	if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + sizeof(*ethernet);

		if ((void *)(ip + 1) > data_end || (ip->daddr & 0xff) != 10)
			return XDP_PASS;
		__builtin_memcpy(place.address.bytes + 12, &ip->daddr, 4);
		place.protocol = ip->protocol;
		place.message_at = LAB_UDP4_AT + sizeof(struct udphdr);
		ports_read(&place, (void *)(ip + 1), data_end);
		return modelled(ctx, &place);
	}
	if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = data + sizeof(*ethernet);

		if ((void *)(ip + 1) > data_end || ip->daddr.in6_u.u6_addr8[0] != 0xfd)
			return XDP_PASS;
		__builtin_memcpy(place.address.bytes, &ip->daddr, 16);
		place.protocol = ip->nexthdr;
		place.message_at = LAB_UDP6_AT + sizeof(struct udphdr);
		ports_read(&place, (void *)(ip + 1), data_end);
		return modelled(ctx, &place);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
