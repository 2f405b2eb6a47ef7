/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The program for TCP to a service port. The entry program has read the frame and calls it as its tail, so
 * that the verifier need not look at both at once, and a kernel that refuses this one still takes the other.
 *
 * In peace SYNs pass, and what belongs to a connection passes; what belongs to none would cost the stack a
 * RST and is dropped. While one core has more SYNs than its budget, they are answered here with SYN cookies
 * (RFC 4987 s3.6), the kernel's own: whoever returns one has an address, and the listener takes his ACK as if
 * it had made the cookie itself (docs/decisions/008-syn-cookies-in-xdp.md).
 */
#define SW_BPF
#define SW_OUT struct xdp_md

#include "xdp/frame.h"
#include "xdp/pressure.h"
#include "xdp/socket.h"
#include "xdp/turn.h"
#include "xdp/verdict.h"

#include <linux/tcp.h>

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define TCP_WORDS 5 /* of a header without options */
#define TCP_WORDS_MAX 15

/* What the reply to a SYN tells. Queries are short, so neither is a matter of speed: a segment that fits the
 * least MTU of IPv6, over either; a window that the listener's own will never be below. */
#define COOKIE_MSS 1220
#define COOKIE_WINDOW 8192
#define COOKIE_OPTION (2u << 24 | 4u << 16 | COOKIE_MSS) /* RFC 9293 s3.2: maximum segment size */

#define WARM_EVERY_NS 1000000000ull

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct sw_syn_window);
} sw_syns SEC(".maps");

/** When a SYN was last let through to each service during a flood. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SW_SERVICES_MAX);
	__type(key, uint32_t);
	__type(value, uint64_t);
} sw_warmed SEC(".maps");

/** Count a SYN. @return whether this core has too many */
SW_INLINE int is_pressed(const struct sw_control *control, uint64_t now_ns)
{
	uint32_t zero = 0;
	struct sw_syn_window *window = bpf_map_lookup_elem(&sw_syns, &zero);
	if (!window)
		return 0;
	if (now_ns - window->since_ns >= SW_SYN_WINDOW_NS) {
		window->since_ns = now_ns;
		window->syns = 0;
	}
	if (++window->syns > control->syn_budget)
		window->pressed_until_ns = now_ns + SW_SYN_CALM_NS;
	return now_ns < window->pressed_until_ns;
}

/** A listener takes cookies for two minutes after it has had a SYN that it answered with one itself
 * (Linux, tcp_synq_no_recent_overflow()): once a second each gets one. */
SW_INLINE int is_due(uint32_t service, uint64_t now_ns)
{
	uint64_t *last_ns = bpf_map_lookup_elem(&sw_warmed, &service);
	if (!last_ns || now_ns - *last_ns < WARM_EVERY_NS)
		return 0;
	*last_ns = now_ns;
	return 1;
}

/** The source has completed a handshake: a packet from there belongs to a connection. */
SW_INLINE void remember(const struct sw_work *work, uint64_t now_ns)
{
	uint64_t *since_ns = bpf_map_lookup_elem(&sw_proven, work->address);
	if (since_ns)
		*since_ns = now_ns;
	else
		bpf_map_update_elem(&sw_proven, work->address, &now_ns, BPF_ANY);
}

/** Whether an ACK returns a cookie. */
SW_INLINE int returns_cookie(const uint8_t *ip, const struct tcphdr *tcp, uint32_t is_ipv6)
{
	return is_ipv6 ? bpf_tcp_raw_check_syncookie_ipv6((void *)ip, (void *)tcp) == 0
		       : bpf_tcp_raw_check_syncookie_ipv4((void *)ip, (void *)tcp) == 0;
}

/** Whether the packet holds the TCP header that it says, and IP says so too. */
SW_INLINE int is_whole(const uint8_t *ip, const struct tcphdr *tcp, const uint8_t *end, uint32_t is_ipv6)
{
	uint32_t have = (uint32_t)(end - (const uint8_t *)tcp);
	uint32_t said =
		is_ipv6 ? bpf_ntohs(((const struct ipv6hdr *)ip)->payload_len)
			: bpf_ntohs(((const struct iphdr *)ip)->tot_len) - (uint32_t)sizeof(struct iphdr);
	return said <= have && tcp->doff >= TCP_WORDS && 4u * tcp->doff <= said;
}

/** The kernel's cookie for a SYN. The helper wants the whole header in one piece, whose length the verifier
 * must know to be there: a copy of it. @return the cookie, or a negative number */
SW_INLINE int64_t cookie_make(struct scratch *scratch, const uint8_t *ip, const struct tcphdr *tcp,
	const uint8_t *end, uint32_t is_ipv6)
{
	uint8_t *copy = scratch->work.buf;
	const uint8_t *from = (const uint8_t *)tcp;
	uint32_t options_len = 4u * (tcp->doff - TCP_WORDS);
	for (uint32_t at = 0; at < 4 * TCP_WORDS_MAX; at += 4) {
		if (at >= 4 * TCP_WORDS + options_len)
			break;
		if (from + at + 4 > end)
			return -1;
		SW_STORE32(copy + at, SW_LOAD32(from + at));
	}
	sw_opaque(options_len);
	uint32_t len = 4 * TCP_WORDS + (options_len & 0x3c); /* Linux 6.1 wants to see that it is not 0 */
	return is_ipv6 ? bpf_tcp_raw_gen_syncookie_ipv6((void *)ip, (void *)copy, len)
		       : bpf_tcp_raw_gen_syncookie_ipv4((void *)ip, (void *)copy, len);
}

/** Make SYN-ACK of SYN. Of options it has the segment size alone, and that only where the SYN had options: so
 * it is never longer. @return sum of the header's words */
SW_INLINE uint64_t turn_tcp(struct tcphdr *tcp, uint32_t cookie, uint32_t has_option)
{
	uint16_t asker = tcp->source;
	uint8_t *words = (uint8_t *)tcp;
	uint64_t sum = has_option ? bpf_htonl(COOKIE_OPTION) : 0;
	tcp->source = tcp->dest;
	tcp->dest = asker;
	tcp->ack_seq = bpf_htonl(bpf_ntohl(tcp->seq) + 1);
	tcp->seq = bpf_htonl(cookie);
	words[12] = (uint8_t)((TCP_WORDS + has_option) << 4);
	words[13] = TCP_SYN | TCP_ACK;
	tcp->window = bpf_htons(COOKIE_WINDOW);
	tcp->check = 0;
	tcp->urg_ptr = 0;
	for (uint32_t at = 0; at < 4 * TCP_WORDS; at += 4)
		sum += SW_LOAD32(words + at);
	return sum;
}

/** Answer the SYN with a cookie. */
SW_INLINE int cookie_send(struct xdp_md *ctx, struct scratch *scratch, uint32_t cookie, uint32_t is_ipv6)
{
	const uint32_t ip_len = is_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	uint32_t has_option = scratch->work.buf[12] >> 4 > TCP_WORDS, tcp_len = 4 * (TCP_WORDS + has_option);
	if (frame_resize(ctx, scratch->frame.l3 + ip_len + tcp_len))
		return verdict(SW_VERDICT_TCP_SYN, XDP_PASS);
	uint8_t *data = (uint8_t *)(long)ctx->data, *end = (uint8_t *)(long)ctx->data_end;
	uint8_t *ip = data + (scratch->frame.l3 & 0x1f), *tcp = ip + ip_len,
		*option = tcp + sizeof(struct tcphdr);
	if (data + sizeof(struct ethhdr) > end || option > end || (has_option && option + 4 > end))
		return verdict(SW_VERDICT_DROP_BROKEN, XDP_DROP);
	uint64_t sum = turn_tcp((void *)tcp, cookie, has_option) + bpf_htons(IPPROTO_TCP) +
		       bpf_htons((uint16_t)tcp_len);
	if (has_option)
		SW_STORE32(option, bpf_htonl(COOKIE_OPTION));
	sum += is_ipv6 ? turn_ipv6((void *)ip, tcp_len) : turn_ipv4((void *)ip, tcp_len);
	((struct tcphdr *)tcp)->check = (uint16_t)~sw_sum_fold(sum);
	swap_macs((void *)data);
	return verdict_reply(SW_VERDICT_TCP_COOKIE, XDP_TX, (uint32_t)(end - data));
}

/** A SYN during a flood. */
SW_INLINE int syn(struct xdp_md *ctx, struct scratch *scratch, const uint8_t *ip, const struct tcphdr *tcp,
	uint32_t is_ipv6)
{
	const uint8_t *end = (const uint8_t *)(long)ctx->data_end;
	if (!is_whole(ip, tcp, end, is_ipv6) || is_due(scratch->frame.service, bpf_ktime_get_coarse_ns()))
		return verdict(SW_VERDICT_TCP_SYN, XDP_PASS);
	int64_t cookie = cookie_make(scratch, ip, tcp, end, is_ipv6);
	return cookie < 0 ? verdict(SW_VERDICT_TCP_SYN, XDP_PASS)
			  : cookie_send(ctx, scratch, (uint32_t)cookie, is_ipv6);
}

/** Where no socket is found, not even the listener, the stack knows better than this program what there is.
 */
SW_INLINE int segment(
	struct xdp_md *ctx, struct scratch *scratch, const struct sw_control *control, uint32_t is_ipv6)
{
	const uint32_t ip_len = is_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	const uint8_t *ip = (const uint8_t *)(long)ctx->data + (scratch->frame.l3 & 0x1f);
	const struct tcphdr *tcp = (const void *)(ip + ip_len);
	uint64_t now_ns = bpf_ktime_get_coarse_ns();
	if ((const uint8_t *)(tcp + 1) > (const uint8_t *)(long)ctx->data_end)
		return verdict(SW_VERDICT_TCP_PASS, XDP_PASS);
	uint8_t flags = scratch->frame.tcp_flags = ((const uint8_t *)tcp)[13];
	int is_syn = (flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
	if (is_syn && !(is_pressed(control, now_ns) && control->syncookies_ready))
		return verdict(SW_VERDICT_TCP_SYN, XDP_PASS);
	uint32_t state = is_ipv6 ? tcp_state(ctx, ip + TUPLE_IPV6_AT, TUPLE_IPV6_LEN)
				 : tcp_state(ctx, ip + TUPLE_IPV4_AT, TUPLE_IPV4_LEN);
	if (is_syn && state == BPF_TCP_LISTEN)
		return syn(ctx, scratch, ip, tcp, is_ipv6);
	if (state == BPF_TCP_LISTEN && !(flags & TCP_ACK && returns_cookie(ip, tcp, is_ipv6)))
		return verdict(SW_VERDICT_DROP_TCP_STATE, XDP_DROP);
	if (state == BPF_TCP_LISTEN || state == BPF_TCP_ESTABLISHED)
		remember(&scratch->work, now_ns);
	return verdict(is_syn ? SW_VERDICT_TCP_SYN : SW_VERDICT_TCP_PASS, XDP_PASS);
}

SEC("xdp")
int sw_tcp(struct xdp_md *ctx)
{
	uint32_t zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&sw_works, &zero);
	const struct sw_control *control = bpf_map_lookup_elem(&sw_control_page, &zero);
	if (!scratch || !control)
		return XDP_PASS;
	return scratch->frame.is_ipv6 ? segment(ctx, scratch, control, 1) : segment(ctx, scratch, control, 0);
}

char LICENSE[] SEC("license") = "GPL";
