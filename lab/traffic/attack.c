// SPDX-License-Identifier: GPL-3.0-or-later
#include "attack.h"
#include "query.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stddef.h>
#include <string.h>

#define EXISTING_BITS 10 /* 1,024 names are asked again and again */
#define EXISTING_NAME_MAX 100
#define VICTIM_MAX 32
_Static_assert(
	LAB_UDP6_AT + 8 + 12 + LAB_LABEL_MAX + VICTIM_MAX + 4 + 11 + LAB_LOOK_OPTIONS_MAX <= LAB_HEAD_BYTES,
	"a query with labels and options");
_Static_assert(LAB_TEMPLATES > (10 + 2 * LAB_LOOKS_MAX) << EXISTING_BITS,
	"five forms of queries for names that exist and all looks, in two families, and room for others");
#define GRE_PAYLOAD 512 /* of the datagram inside */
#define JUNK_PAYLOAD 560
#define FRAME_MIN 60
#define PORT_FIRST 1024
#define PORT_COUNT 64512

static uint64_t sum_of(const uint8_t *bytes, uint32_t count)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += htons((uint16_t)(i & 1 ? bytes[i] : bytes[i] << 8));
	return sum;
}

static uint32_t bytes_put(struct lab_template *template, uint32_t at, const void *bytes, uint32_t count)
{
	memcpy(template->frame + at, bytes, count);
	return at + count;
}

static uint32_t l4_at(const struct lab_template *template)
{
	return template->is_ipv6 ? LAB_UDP6_AT : LAB_UDP4_AT;
}

/** Packets of one protocol to the first name server. */
static struct lab_template *template_begin(
	struct lab_attack *attack, enum lab_vector vector, uint8_t protocol, bool is_ipv6)
{
	struct lab_template *template = &attack->templates[attack->template_count++];
	struct ethhdr ethernet = {.h_proto = htons(is_ipv6 ? ETH_P_IPV6 : ETH_P_IP)};
	struct iphdr ip4 = {.version = 4, .ihl = 5, .protocol = protocol};
	struct ipv6hdr ip6 = {.version = 6, .nexthdr = protocol};
	uint8_t service[16];

	memset(template, 0, sizeof(*template));
	template->vector = (uint8_t)vector;
	template->protocol = protocol;
	template->is_ipv6 = is_ipv6;
	template->ttl = 64;
	template->port_first = PORT_FIRST;
	template->port_count = PORT_COUNT;
	lab_service_address(0, is_ipv6, service);
	memcpy(&ip4.daddr, service, sizeof(ip4.daddr));
	memcpy(&ip6.daddr, service, sizeof(ip6.daddr));
	bytes_put(template, 0, &ethernet, sizeof(ethernet));
	if (is_ipv6)
		bytes_put(template, LAB_ETHERNET_BYTES, &ip6, sizeof(ip6));
	else
		bytes_put(template, LAB_ETHERNET_BYTES, &ip4, sizeof(ip4));
	return template;
}

/* Length and sums of the IP header. @return the sum of the destination: the part of the pseudo header that
 * does not vary */
static uint64_t ip4_end(struct lab_template *template, uint32_t end)
{
	struct iphdr ip;

	memcpy(&ip, template->frame + LAB_ETHERNET_BYTES, sizeof(ip));
	ip.tot_len = htons((uint16_t)(end - LAB_ETHERNET_BYTES));
	if (template->is_scan)
		ip.daddr = 0;
	bytes_put(template, LAB_ETHERNET_BYTES, &ip, sizeof(ip));
	template->ip_sum = (uint32_t)sum_of((const uint8_t *)&ip, sizeof(ip));
	return (ip.daddr & 0xffff) + (ip.daddr >> 16);
}

static uint64_t ip6_end(struct lab_template *template, uint32_t end)
{
	struct ipv6hdr ip;

	memcpy(&ip, template->frame + LAB_ETHERNET_BYTES, sizeof(ip));
	ip.payload_len = htons((uint16_t)(end - LAB_UDP6_AT));
	bytes_put(template, LAB_ETHERNET_BYTES, &ip, sizeof(ip));
	return sum_of((const uint8_t *)&ip.daddr, sizeof(ip.daddr));
}

/** Lengths and sums, once everything that does not vary stands.
 *
 * @param end  of the packet, which may lie beyond the head
 * @param has_sum  whether the transport checksum is right, or not there (UDP over IPv4) */
static void template_end(struct lab_template *template, uint32_t end, bool has_sum)
{
	uint32_t l4_bytes = end - l4_at(template);
	uint8_t *l4 = template->frame + l4_at(template);
	uint64_t to = template->is_ipv6 ? ip6_end(template, end) : ip4_end(template, end);

	if (template->protocol == IPPROTO_UDP) {
		l4[offsetof(struct udphdr, len)] = (uint8_t)(l4_bytes >> 8);
		l4[offsetof(struct udphdr, len) + 1] = (uint8_t)l4_bytes;
	}
	if (has_sum)
		template->l4_sum = (uint32_t)(sum_of(l4, l4_bytes) + htons(template->protocol) +
					      htons((uint16_t)l4_bytes) + to);
	template->frame_bytes = (uint16_t)(end < FRAME_MIN ? FRAME_MIN : end);
	if (template->frame_bytes <= LAB_HEAD_BYTES)
		memcpy(&template->tail, template->frame + template->frame_bytes - 8, 8);
}

/* The templates written since `first` are a variant; their number is a power of two. */
static void variant_add(struct lab_attack *attack, enum lab_vector vector, uint32_t variant, uint32_t first)
{
	attack->variant[vector][variant].first = (uint16_t)first;
	attack->variant[vector][variant].bits = (uint8_t)(31 - __builtin_clz(attack->template_count - first));
	attack->variant[vector][variant].exists = true;
}

/* Those since `second` are the same for IPv6 as those from `first` to there for IPv4. */
static void twins_link(struct lab_attack *attack, uint32_t first, uint32_t second)
{
	for (uint32_t i = first; i < second; i++)
		attack->templates[i].twin = (uint16_t)(second - first);
}

/* ---- TCP ---- */

/* SYN options: MSS, SACK permitted, timestamps, window scale, as the botnet's tool set them; or MSS alone. */
#define OPTIONS_MANY                                                          \
	{                                                                     \
		2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 6 \
	}
#define OPTIONS_MSS          \
	{                    \
		2, 4, 5, 180 \
	}
#define OPTIONS_TIMESTAMPS                          \
	{                                           \
		1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1 \
	}

struct tcp_form {
	enum lab_vector vector;
	uint8_t variant;
	struct lab_look look;
};

static const struct tcp_form tcp_forms[] = {
	{LAB_SYN, 0, {.window = 5840, .ttl = 64, .options = OPTIONS_MANY, .options_bytes = 20}},
	{LAB_SYN, 1, {.window = 1024, .ttl = 55, .options = OPTIONS_MSS, .options_bytes = 4}},
	{LAB_ACK, 0, {.window = 5840, .ttl = 64}},
	{LAB_ACK, 1, {.window = 512, .ttl = 55, .options = OPTIONS_TIMESTAMPS, .options_bytes = 12}},
	/* Antonakakis et al. 2017, s4.1: the scanner's sequence number is the address it tries */
	{LAB_SCAN, 0, {.window = 5840, .ttl = 64, .options = OPTIONS_MSS, .options_bytes = 4}},
};

static void look_apply(struct lab_template *template, const struct lab_look *look)
{
	template->ttl = look->ttl;
	template->port_first = look->port_count ? look->port_first : PORT_FIRST;
	template->port_count = look->port_count ? look->port_count : PORT_COUNT;
}

static void tcp_add(
	struct lab_attack *attack, enum lab_vector vector, const struct lab_look *look, bool is_ipv6)
{
	struct lab_template *template = template_begin(attack, vector, IPPROTO_TCP, is_ipv6);
	bool is_scan = vector == LAB_SCAN;
	uint32_t end;
	struct tcphdr tcp = {.dest = htons(is_scan ? 23 : 53),
		.window = htons(look->window),
		.syn = vector != LAB_ACK,
		.ack = vector == LAB_ACK,
		.doff = (uint8_t)((sizeof(tcp) + look->options_bytes) / 4) & 15};

	template->is_scan = is_scan;
	look_apply(template, look);
	end = bytes_put(template, l4_at(template), &tcp, sizeof(tcp));
	template_end(template, bytes_put(template, end, look->options, look->options_bytes), true);
}

static void tcp_variant_add(
	struct lab_attack *attack, enum lab_vector vector, uint32_t variant, const struct lab_look *look)
{
	uint32_t first = attack->template_count;

	tcp_add(attack, vector, look, false);
	variant_add(attack, vector, variant, first);
	if (vector == LAB_SCAN)
		return; /* its fingerprint is an IPv4 address */
	tcp_add(attack, vector, look, true);
	twins_link(attack, first, first + 1);
}

/* ---- GRE ---- */

/* RFC 2784 s2: no checksum, IPv4 inside; in it a datagram from nowhere in particular. */
static void gre_add(struct lab_attack *attack, uint8_t ttl, uint32_t payload, bool is_ipv6)
{
	struct lab_template *template = template_begin(attack, LAB_GRE, IPPROTO_GRE, is_ipv6);
	uint32_t end;
	const uint8_t gre[] = {0, 0, 8, 0};
	struct udphdr udp = {
		.source = htons(4000), .dest = htons(5000), .len = htons((uint16_t)(sizeof(udp) + payload))};
	struct iphdr ip = {.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons((uint16_t)(sizeof(ip) + sizeof(udp) + payload)),
		.saddr = htonl(0x0a000001),
		.daddr = htonl(0x0a000002)};

	template->ttl = ttl;
	end = bytes_put(template, l4_at(template), gre, sizeof(gre));
	end = bytes_put(template, end, &ip, sizeof(ip));
	end = bytes_put(template, end, &udp, sizeof(udp));
	template_end(template, end + payload, false);
}

static void gre_variant_add(struct lab_attack *attack, uint32_t variant, uint8_t ttl, uint32_t payload)
{
	uint32_t first = attack->template_count;

	gre_add(attack, ttl, payload, false);
	variant_add(attack, LAB_GRE, variant, first);
	gre_add(attack, ttl, payload, true);
	twins_link(attack, first, first + 1);
}

/* ---- UDP to port 53 that is no DNS query ---- */

static const struct junk_form {
	const char *what;
	uint8_t bytes[24];
} junk_forms[] = {
	{"random bytes", {0x9d, 0x3c, 0xf7, 0xe1, 0x42, 0x88, 0x0b, 0xd5, 0x71, 0x6e, 0xa4, 0x19}},
	{"a question with a label type that is not defined",
		{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x83, 'w', 'w', 'w'}},
	{"three questions announced, none there", {0, 0, 1, 0, 0, 3}},
	{"a question, then padding", {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'w', 'w', 'w', 0, 0, 1, 0, 1}},
};

/* Without a checksum, which IPv6 does not allow (RFC 8200 s8.1): there it is one more thing that is wrong. */
static void junk_add(struct lab_attack *attack, uint8_t ttl, uint32_t payload, bool is_ipv6)
{
	for (size_t i = 0; i < sizeof(junk_forms) / sizeof(junk_forms[0]); i++) {
		struct lab_template *template = template_begin(attack, LAB_JUNK, IPPROTO_UDP, is_ipv6);
		struct udphdr udp = {.dest = htons(53)};
		uint32_t end = bytes_put(template, l4_at(template), &udp, sizeof(udp));

		template->ttl = ttl;
		bytes_put(template, end, junk_forms[i].bytes, sizeof(junk_forms[i].bytes));
		template_end(template, end + payload, false);
	}
}

static void junk_variant_add(struct lab_attack *attack, uint32_t variant, uint8_t ttl, uint32_t payload)
{
	uint32_t first = attack->template_count, second;

	junk_add(attack, ttl, payload, false);
	variant_add(attack, LAB_JUNK, variant, first);
	second = attack->template_count;
	junk_add(attack, ttl, payload, true);
	twins_link(attack, first, second);
}

/* ---- queries ---- */

struct query_form {
	enum lab_vector vector;
	uint8_t variant;
	struct lab_look look;
};

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define LETTERS_12 "????????????"
#define LETTERS_20 "????????????????????"

static const struct query_form query_forms[] = {
	{LAB_RANDOM, 0,
		{.pattern = {LETTERS_12},
			.pattern_count = 1,
			.alphabet = LETTERS,
			.type = 1,
			.flags = {1},
			.ttl = 64}},
	{LAB_RANDOM, 1,
		{.pattern = {LETTERS_20},
			.pattern_count = 1,
			.alphabet = LETTERS,
			.type = 1,
			.edns_bytes = 1232,
			.wants_dnssec = true,
			.ttl = 55}},
	{LAB_EXISTING, 0, {.type = 1, .flags = {1}, .ttl = 64}},
	{LAB_EXISTING, 1, {.type = 1, .edns_bytes = 1232, .wants_dnssec = true, .ttl = 55}},
	{LAB_SPOOFED, 0, {.type = 1, .edns_bytes = 1232, .wants_dnssec = true, .ttl = 64}},
	{LAB_SOURCES, 0, {.type = 1, .edns_bytes = 1232, .wants_dnssec = true, .ttl = 64}},
};

/* The labels of a pattern, with their lengths; what is drawn stays 0. @return where they end */
static uint32_t pattern_put(
	struct lab_template *template, uint32_t at, const struct lab_look *look, const char *pattern)
{
	uint32_t begin = at, length_at = at++;

	for (; *pattern; pattern++) {
		if (*pattern == '.') {
			template->frame[length_at] = (uint8_t)(at - length_at - 1);
			length_at = at++;
			continue;
		}
		if (*pattern == '?')
			template->label_varies |= 1u << (at - begin);
		else
			template->frame[at] = (uint8_t)*pattern;
		at++;
	}
	template->frame[length_at] = (uint8_t)(at - length_at - 1);
	template->label_at = (uint16_t)begin;
	template->label_bytes = (uint8_t)((at - begin + 3) / 4 * 4);
	template->alphabet_size = (uint8_t)strlen(look->alphabet);
	memcpy(template->alphabet, look->alphabet, template->alphabet_size);
	return at;
}

/* RFC 6891 s6.1.2. @return where it ends */
static uint32_t opt_put(struct lab_template *template, uint32_t at, const struct lab_look *look)
{
	const uint8_t opt[] = {0, 0, 41, (uint8_t)(look->edns_bytes >> 8), (uint8_t)look->edns_bytes, 0, 0,
		look->wants_dnssec ? 0x80 : 0, 0, 0, look->options_bytes};

	at = bytes_put(template, at, opt, sizeof(opt));
	return bytes_put(template, at, look->options, look->options_bytes);
}

/** What a query asks. */
struct asked {
	const char *pattern; /* before the name; NULL for none */
	const uint8_t *name; /* wire format */
	uint32_t name_bytes;
};

static void query_add(struct lab_attack *attack, enum lab_vector vector, const struct lab_look *look,
	const struct asked *asked, bool is_ipv6)
{
	struct lab_template *template = template_begin(attack, vector, IPPROTO_UDP, is_ipv6);
	struct udphdr udp = {.dest = htons(53)};
	const uint8_t header[] = {
		0, 0, look->flags[0], look->flags[1], 0, 1, 0, 0, 0, 0, 0, look->edns_bytes ? 1 : 0};
	const uint8_t type_class[] = {(uint8_t)(look->type >> 8), (uint8_t)look->type, 0, 1};
	uint32_t at = bytes_put(template, l4_at(template), &udp, sizeof(udp));

	template->sources = vector == LAB_SPOOFED   ? LAB_BY_KNOWN
			    : vector == LAB_SOURCES ? LAB_BY_COUNTING
						    : LAB_BY_ENDPOINTS;
	look_apply(template, look);
	at = bytes_put(template, at, header, sizeof(header));
	if (asked->pattern)
		at = pattern_put(template, at, look, asked->pattern);
	at = bytes_put(template, at, asked->name, asked->name_bytes);
	at = bytes_put(template, at, type_class, sizeof(type_class));
	if (look->edns_bytes)
		at = opt_put(template, at, look);
	template_end(template, at, true);
}

/** Who is attacked, and what there is of his. */
struct target {
	const struct lab_names *names;
	const uint8_t *victim;
	uint32_t victim_bytes;
};

static bool is_of_victim(const struct lab_name *name, const struct target *target, uint32_t most_bytes)
{
	return name->kind == LAB_ANSWER && name->type == 1 && name->wire_bytes > target->victim_bytes &&
	       name->wire_bytes <= most_bytes &&
	       memcmp(name->wire + name->wire_bytes - target->victim_bytes, target->victim,
		       target->victim_bytes) == 0;
}

/* The victim's names in turn, as often as it takes. */
static int existing_add(struct lab_attack *attack, enum lab_vector vector, const struct lab_look *look,
	const struct target *target, bool is_ipv6)
{
	uint32_t wanted = 1u << EXISTING_BITS, added = 0;
	uint32_t most_bytes = EXISTING_NAME_MAX - look->options_bytes;

	for (uint32_t round = 0; round < wanted && added < wanted; round++) {
		for (uint32_t i = 0; i < target->names->nxdomain && added < wanted; i++) {
			const struct lab_name *name = &target->names->name[i];

			if (!is_of_victim(name, target, most_bytes))
				continue;
			query_add(attack, vector, look,
				&(struct asked){.name = name->wire, .name_bytes = name->wire_bytes}, is_ipv6);
			added++;
		}
		if (added == 0)
			return -ENOENT;
	}
	return 0;
}

/* Of several patterns, the first ones stand twice where their number is no power of two. */
static int queries_add(struct lab_attack *attack, enum lab_vector vector, const struct lab_look *look,
	const struct target *target, bool is_ipv6)
{
	uint32_t wanted = 1;

	if (!look->pattern_count)
		return existing_add(attack, vector, look, target, is_ipv6);
	while (wanted < look->pattern_count)
		wanted *= 2;
	for (uint32_t i = 0; i < wanted; i++)
		query_add(attack, vector, look,
			&(struct asked){
				look->pattern[i % look->pattern_count], target->victim, target->victim_bytes},
			is_ipv6);
	return 0;
}

static int query_variant_add(struct lab_attack *attack, enum lab_vector vector, uint32_t variant,
	const struct lab_look *look, const struct target *target)
{
	bool only_ipv6 = vector == LAB_SOURCES; /* 10.0.0.0/8 has too few */
	uint32_t first = attack->template_count, second;

	if (queries_add(attack, vector, look, target, only_ipv6))
		return -ENOENT;
	variant_add(attack, vector, variant, first);
	second = attack->template_count;
	if (only_ipv6)
		return 0;
	twins_link(attack, first, second);
	return queries_add(attack, vector, look, target, true);
}

static int looks_add(
	struct lab_attack *attack, const struct lab_scenario *scenario, const struct target *target)
{
	for (uint32_t i = 0; i < scenario->look_count; i++) {
		enum lab_vector vector = scenario->look_vector[i];

		if (vector == LAB_SYN || vector == LAB_ACK)
			tcp_variant_add(attack, vector, LAB_VARIANTS_BUILT_IN + i, &scenario->look[i]);
		else if (query_variant_add(
				 attack, vector, LAB_VARIANTS_BUILT_IN + i, &scenario->look[i], target))
			return -ENOENT;
	}
	return 0;
}

int lab_attack_prepare(struct lab_attack *attack, struct lab_template *templates,
	const struct lab_names *names, const struct lab_scenario *scenario, const uint8_t *victim,
	uint32_t victim_bytes)
{
	const struct target target = {names, victim, victim_bytes};

	*attack = (struct lab_attack){.templates = templates};
	if (victim_bytes > VICTIM_MAX)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < sizeof(tcp_forms) / sizeof(tcp_forms[0]); i++)
		tcp_variant_add(attack, tcp_forms[i].vector, tcp_forms[i].variant, &tcp_forms[i].look);
	gre_variant_add(attack, 0, 64, GRE_PAYLOAD);
	gre_variant_add(attack, 1, 55, GRE_PAYLOAD / 4);
	junk_variant_add(attack, 0, 64, JUNK_PAYLOAD);
	junk_variant_add(attack, 1, 55, JUNK_PAYLOAD + 200);
	for (size_t i = 0; i < sizeof(query_forms) / sizeof(query_forms[0]); i++)
		if (query_variant_add(attack, query_forms[i].vector, query_forms[i].variant,
			    &query_forms[i].look, &target))
			return -ENOENT;
	return scenario ? looks_add(attack, scenario, &target) : 0;
}

const char *lab_attack_lacks(const struct lab_attack *attack, const struct lab_scenario *scenario)
{
	for (uint32_t i = 0; i < scenario->phase_count; i++)
		for (uint32_t j = 0; j < scenario->phase[i].flow_count; j++) {
			const struct lab_flow *flow = &scenario->phase[i].flow[j];

			if (flow->vector != LAB_RELAYED &&
				(flow->variant >= LAB_VARIANTS_MAX ||
					!attack->variant[flow->vector][flow->variant].exists))
				return lab_vector_name(flow->vector);
		}
	return NULL;
}

/* ---- how many ---- */

static double flow_pops(const struct lab_flow *flow)
{
	return flow->pop[0] + flow->pop[1] + flow->pop[2] + flow->pop[3];
}

/* Each flow and POP gets its share of the draws, to the next whole one; who comes late makes up for it. */
static uint32_t flow_deal(struct lab_mix *mix, const struct lab_attack *attack, const struct lab_flow *flow,
	double draws_per_pop, double *dealt, uint32_t filled)
{
	for (uint8_t pop = 0; pop < LAB_POPS; pop++) {
		if (!flow->pop[pop])
			continue;
		*dealt += draws_per_pop;
		for (; filled < LAB_DRAWS && filled < *dealt - 0.5; filled++)
			mix->draw[filled] = (struct lab_draw){
				.template = attack->variant[flow->vector][flow->variant].first,
				.template_bits = attack->variant[flow->vector][flow->variant].bits,
				.pop = pop};
	}
	return filled;
}

bool lab_mix_make(struct lab_mix *mix, const struct lab_attack *attack, const struct lab_phase *phase,
	double at_s, double unit_qps)
{
	struct lab_mix before = *mix;
	double total = 0, dealt = 0;
	uint32_t filled = 0;

	for (uint32_t i = 0; i < phase->flow_count; i++)
		if (phase->flow[i].vector != LAB_RELAYED)
			total += lab_flow_rate(&phase->flow[i], at_s) * flow_pops(&phase->flow[i]);
	mix->rate_pps = (uint64_t)(total * unit_qps);
	mix->burst = mix->rate_pps / 500 + 16;
	for (uint32_t i = 0; i < phase->flow_count && total > 0; i++)
		if (phase->flow[i].vector != LAB_RELAYED)
			filled = flow_deal(mix, attack, &phase->flow[i],
				LAB_DRAWS * lab_flow_rate(&phase->flow[i], at_s) / total, &dealt, filled);
	for (; filled > 0 && filled < LAB_DRAWS; filled++)
		mix->draw[filled] = mix->draw[filled - 1];
	return mix->rate_pps != before.rate_pps || memcmp(mix->draw, before.draw, sizeof(mix->draw)) != 0;
}

void lab_relayed_rates(const struct lab_phase *phase, double at_s, double unit_qps, double rates[LAB_POPS])
{
	memset(rates, 0, LAB_POPS * sizeof(rates[0]));
	for (uint32_t i = 0; i < phase->flow_count; i++)
		for (uint32_t pop = 0; pop < LAB_POPS; pop++)
			if (phase->flow[i].vector == LAB_RELAYED && phase->flow[i].pop[pop])
				rates[pop] += lab_flow_rate(&phase->flow[i], at_s) * unit_qps;
}
