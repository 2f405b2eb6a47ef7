// SPDX-License-Identifier: GPL-3.0-or-later
/* The two halves of the traffic generator that run in the kernel.
 *
 * `bench_send` is run by BPF_PROG_RUN with live frames: once for each query, on a recycled page that still
 * holds whatever the server made of it, so it writes the whole frame anew. `bench_receive` sits on the same
 * interface, recognises the answers and counts them. In an open loop it drops them; in a closed one, where
 * `bench_send` only fills the window, it makes each answer the next query and sends it back, which costs less
 * than a server's work.
 */
#include "traffic.h"
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define HELD_NS 20000000

const volatile struct bench_config config;

struct bench_counters counters;
__u32 waiting[BENCH_SLOTS]; /* sequence number + 1 of the query that waits in this slot */
__u64 random_state;
__u32 sequence;
__u32 credit; /* queries that may go out before the pace is looked at again */
__u64 start_ns;
__u64 skipped;				/* queries whose time went by while this core did something else */
__u64 held_received, held_ns, given_up; /* see is_held() */
__u32 is_closing;			/* closed loop: answers make no more queries */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} samples SEC(".maps");

struct unaligned_word {
	__u64 word;
} __attribute__((packed));

struct dns_header {
	__be16 id, flags, questions, answers, authorities, additionals;
};

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014). */
static __always_inline __u64 random_draw(void)
{
	__u64 z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* A letter and seven decimal digits, in the order they lie in memory. */
static __always_inline __u64 index_word(__u8 letter, __u32 index)
{
	__u64 word = 0;

#pragma unroll
	for (int i = 0; i < 7; i++) {
		__u32 tenth = (__u32)((index * 0xcccccccdULL) >> 35);

		word = word << 8 | ('0' + index - tenth * 10);
		index = tenth;
	}
	return word << 8 | letter;
}

static __always_inline __u32 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The sum of eight bytes at this offset: bytes swap places in a ones' complement sum of odd alignment (RFC
 * 1071 s2). */
static __always_inline __u32 word_sum(__u64 word, __u32 offset)
{
	__u32 sum = fold((word & 0xffffffff) + (word >> 32));

	return offset & 1 ? __builtin_bswap16((__u16)sum) : sum;
}

static __always_inline int word_put(void *data, void *data_end, __u32 offset, __u64 word)
{
	struct unaligned_word *place = data + (offset & 511);

	if ((void *)(place + 1) > data_end)
		return -1;
	place->word = word;
	return 0;
}

/* Whole words up to the end of the frame, and one that overlaps for the rest. */
static __always_inline int frame_copy(
	void *data, void *data_end, const volatile struct bench_template *template)
{
	const volatile __u64 *from = (const volatile __u64 *)template->frame;
	__u64 *to = data;

#pragma unroll
	for (__u32 i = 0; i < BENCH_FRAME_MAX / 8; i++) {
		if ((void *)(to + i + 1) > data_end)
			break;
		to[i] = from[i];
	}
	return word_put(data, data_end, template->frame_bytes - 8, template->tail);
}

static __always_inline void query_remember(__u32 number)
{
	__u32 *slot = &waiting[number % BENCH_SLOTS];

	if (*slot)
		counters.overtaken++;
	*slot = number + 1;
}

/* The name's changing parts; their sum, or -1. */
static __always_inline long name_put(
	void *data, void *data_end, const volatile struct bench_template *template, __u32 random)
{
	__u64 index = index_word(template->letter, ((__u64)random * template->index_count) >> 32), letters;
	long sum = word_sum(index, template->index_at);

	if (word_put(data, data_end, template->index_at, index))
		return -1;
	if (!template->random_at)
		return sum;
	letters = (random_draw() & 0x0f0f0f0f0f0f0f0f) + 0x6161616161616161;
	if (word_put(data, data_end, template->random_at, letters))
		return -1;
	return sum + word_sum(letters, template->random_at);
}

/* Turn the frame, whatever it holds, into the next query. */
static __always_inline int query_make(struct xdp_md *ctx, __u32 frame_bytes)
{
	__u32 stream = random_draw() & config.honest_mask ? BENCH_MAIN : BENCH_HONEST;
	const volatile struct bench_template *template = &config.templates[stream];
	void *data, *data_end;
	__u64 random = random_draw();
	__u32 source = bpf_htonl(BENCH_SOURCES | (random & 0xffff)), number = sequence++;
	__u16 port = random >> 16 & 0x7fff, id = bpf_htons((__u16)number);
	long name_sum;

	if (bpf_xdp_adjust_tail(ctx, (int)template->frame_bytes - (int)frame_bytes))
		return -1;
	data = (void *)(long)ctx->data;
	data_end = (void *)(long)ctx->data_end;
	if (data + BENCH_QUESTION_AT > data_end || frame_copy(data, data_end, template))
		return -1;
	name_sum = name_put(data, data_end, template, random >> 32);
	if (name_sum < 0)
		return -1;
	port = bpf_htons(port | (stream == BENCH_HONEST ? BENCH_HONEST_PORTS : 0x400));
	*(__u32 *)(data + BENCH_SOURCE_AT) = source;
	*(__u16 *)(data + BENCH_UDP_AT) = port;
	*(__u16 *)(data + BENCH_DNS_AT) = id;
	*(__u16 *)(data + BENCH_IP_CHECK_AT) = ~fold((__u64) template->ip_sum + source);
	*(__u16 *)(data + BENCH_UDP_CHECK_AT) =
		~fold((__u64) template->udp_sum + name_sum + source + port + id);
	if (config.is_closed)
		query_remember(number);
	counters.sent[stream]++;
	return 0;
}

/* Whether too many are without an answer. Those that get none for HELD_NS, while nothing else comes, are
 * given up. */
static __always_inline int is_held(void)
{
	__u64 received = counters.received_count, now_ns;
	__s64 flying = counters.sent[BENCH_MAIN] + counters.sent[BENCH_HONEST] - received - given_up;

	if (!config.hold || flying < (__s64)config.hold)
		return 0;
	now_ns = bpf_ktime_get_ns();
	if (received == held_received && held_ns && now_ns - held_ns < HELD_NS)
		return 1;
	if (received == held_received && held_ns)
		given_up += flying;
	held_received = received;
	held_ns = now_ns;
	return 1;
}

/* Whether a query may go out now. A run that may not costs a few ns and comes again at once: the kernel sets
 * up a program run in milliseconds, so one run lasts for the whole measurement and the pace is kept in here.
 * What another thread on this core has kept from going out is not sent later: it would come as one burst,
 * more than the link holds, and be lost there.
 */
static __always_inline int is_due(void)
{
	__u64 sent = counters.sent[BENCH_MAIN] + counters.sent[BENCH_HONEST] + skipped;
	__u64 due;

	if (!config.rate_pps)
		return 1;
	if (credit)
		return credit--, 1;
	due = (bpf_ktime_get_ns() - start_ns) / 1000 * config.rate_pps / 1000000;
	if (sent > due || is_held())
		return 0;
	if (due - sent > 2 * config.batch)
		skipped += due - sent;
	credit = config.batch - 1;
	return 1;
}

/* The frame comes in with BENCH_FRAME_MAX bytes every time and always changes its length: that makes the
 * kernel restore its bounds, instead of keeping those that the answer left. */
SEC("xdp")
int bench_send(struct xdp_md *ctx)
{
	if (!is_due())
		return XDP_DROP;
	return query_make(ctx, BENCH_FRAME_MAX) ? XDP_ABORTED : bpf_redirect(config.interface, 0);
}

static __always_inline enum bench_kind kind_of(const struct dns_header *dns)
{
	__u16 flags = bpf_ntohs(dns->flags);

	if (!(flags & 0x8000))
		return BENCH_OTHER;
	if (flags & 0x0200)
		return BENCH_TRUNCATED;
	switch (flags & 15) {
	case 0:
		if (dns->answers)
			return BENCH_ANSWER;
		return dns->authorities && !(flags & 0x0400) ? BENCH_REFERRAL : BENCH_NODATA;
	case 2:
		return BENCH_SERVFAIL;
	case 3:
		return BENCH_NXDOMAIN;
	case 5:
		return BENCH_REFUSED;
	}
	return BENCH_OTHER;
}

/* Whether this is the answer to a query that waits; it waits no longer. */
static __always_inline int query_settle(__u16 id)
{
	__u32 *slot = &waiting[id % BENCH_SLOTS];

	if (!*slot || (__u16)(*slot - 1) != id) {
		counters.unmatched++;
		return 0;
	}
	*slot = 0;
	counters.matched++;
	return 1;
}

static __always_inline void sample_take(struct xdp_md *ctx, __u32 stream, __u32 bytes)
{
	struct bench_sample *sample;

	if (counters.received_count++ & config.sample_mask)
		return;
	sample = bpf_ringbuf_reserve(&samples, sizeof(*sample), 0);
	if (!sample)
		return;
	sample->stream = stream;
	sample->frame_bytes = bytes;
	if (bytes < 1 || bytes > BENCH_SAMPLE_MAX || bpf_xdp_load_bytes(ctx, 0, sample->frame, bytes))
		sample->frame_bytes = 0;
	bpf_ringbuf_submit(sample, BPF_RB_NO_WAKEUP);
}

SEC("xdp")
int bench_receive(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + BENCH_IP_AT;
	struct udphdr *udp = data + BENCH_UDP_AT;
	struct dns_header *dns = data + BENCH_DNS_AT;
	__u32 stream, bytes;
	__u16 id;

	if (data + BENCH_QUESTION_AT > data_end)
		return XDP_PASS;
	if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 || ip->protocol != IPPROTO_UDP ||
		udp->source != bpf_htons(53) ||
		(ip->daddr & bpf_htonl(BENCH_SOURCES_MASK)) != bpf_htonl(BENCH_SOURCES))
		return XDP_PASS; /* also what other programs on this side have asked for */
	stream = bpf_ntohs(udp->dest) & BENCH_HONEST_PORTS ? BENCH_HONEST : BENCH_MAIN;
	counters.received[stream][kind_of(dns)]++;
	/* Not data_end - data: the compiler would keep both as 32-bit numbers, which are no pointers to the
	 * verifier. */
	bytes = (__u32)bpf_xdp_get_buff_len(ctx);
	counters.received_bytes += bytes;
	id = bpf_ntohs(dns->id);
	sample_take(ctx, stream, bytes);
	if (!config.is_closed || !query_settle(id) || is_closing || query_make(ctx, bytes))
		return XDP_DROP;
	/* Not XDP_TX: on veth that wakes a peer with a program of its own, but not one that only has GRO on.
	 */
	return bpf_redirect(config.interface, 0);
}

char LICENSE[] SEC("license") = "GPL";
