// SPDX-License-Identifier: GPL-3.0-or-later
#include "attack.h"
#include "query.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stddef.h>
#include <string.h>

#define L4_AT LAB_UDP4_AT
#define EXISTING_BITS 10 /* 1,024 names are asked again and again */
_Static_assert(LAB_TEMPLATES > 5 << EXISTING_BITS,
	"four forms of queries for names that exist, and room for others");
#define GRE_PAYLOAD 512 /* of the datagram inside */
#define JUNK_PAYLOAD 560
#define FRAME_MIN 60

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

/** Packets of one protocol to the first name server. */
static struct lab_template *template_begin(
	struct lab_attack *attack, enum lab_vector vector, uint8_t protocol)
{
	struct lab_template *template = &attack->templates[attack->template_count++];
	struct ethhdr ethernet = {.h_proto = htons(ETH_P_IP)};
	struct iphdr ip = {.version = 4, .ihl = 5, .protocol = protocol};
	uint8_t service[16];

	memset(template, 0, sizeof(*template));
	template->vector = (uint8_t)vector;
	template->protocol = protocol;
	lab_service_address(0, false, service);
	memcpy(&ip.daddr, service, 4);
	bytes_put(template, 0, &ethernet, sizeof(ethernet));
	bytes_put(template, LAB_ETHERNET_BYTES, &ip, sizeof(ip));
	return template;
}

/** Lengths and sums, once everything that does not vary stands.
 *
 * @param end  of the packet, which may lie beyond the head
 * @param has_sum  whether the transport checksum is right, or not there (UDP) */
static void template_end(struct lab_template *template, uint32_t end, bool has_sum)
{
	uint8_t *l4 = template->frame + L4_AT;
	uint32_t l4_bytes = end - L4_AT;
	struct iphdr ip;

	memcpy(&ip, template->frame + LAB_ETHERNET_BYTES, sizeof(ip));
	ip.tot_len = htons((uint16_t)(end - LAB_ETHERNET_BYTES));
	if (template->is_scan)
		ip.daddr = 0;
	bytes_put(template, LAB_ETHERNET_BYTES, &ip, sizeof(ip));
	if (template->protocol == IPPROTO_UDP) {
		l4[offsetof(struct udphdr, len)] = (uint8_t)(l4_bytes >> 8);
		l4[offsetof(struct udphdr, len) + 1] = (uint8_t)l4_bytes;
	}
	template->ip_sum = (uint32_t)sum_of((const uint8_t *)&ip, sizeof(ip));
	if (has_sum)
		template->l4_sum =
			(uint32_t)(sum_of(l4, l4_bytes) + htons(template->protocol) +
				   htons((uint16_t)l4_bytes) + (ip.daddr & 0xffff) + (ip.daddr >> 16));
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

/* ---- TCP ---- */

/* SYN options: MSS, SACK permitted, timestamps, window scale, as the botnet's tool set them; or MSS alone. */
static const uint8_t options_many[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 6};
static const uint8_t options_mss[] = {2, 4, 5, 180};
static const uint8_t options_timestamps[] = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1};

struct tcp_form {
	enum lab_vector vector;
	uint8_t variant;
	bool is_syn, is_scan;
	uint16_t port, window;
	uint8_t ttl_less;
	const uint8_t *options;
	uint8_t options_bytes;
};

static const struct tcp_form tcp_forms[] = {
	{LAB_SYN, 0, true, false, 53, 5840, 0, options_many, sizeof(options_many)},
	{LAB_SYN, 1, true, false, 53, 1024, 9, options_mss, sizeof(options_mss)},
	{LAB_ACK, 0, false, false, 53, 5840, 0, NULL, 0},
	{LAB_ACK, 1, false, false, 53, 512, 9, options_timestamps, sizeof(options_timestamps)},
	/* Antonakakis et al. 2017, s4.1: the scanner's sequence number is the address it tries */
	{LAB_SCAN, 0, true, true, 23, 5840, 0, options_mss, sizeof(options_mss)},
};

static void tcp_add(struct lab_attack *attack, const struct tcp_form *form)
{
	uint32_t first = attack->template_count, end;
	struct lab_template *template = template_begin(attack, form->vector, IPPROTO_TCP);
	struct tcphdr tcp = {.dest = htons(form->port),
		.window = htons(form->window),
		.syn = form->is_syn,
		.ack = !form->is_syn,
		.doff = (uint8_t)((sizeof(tcp) + form->options_bytes) / 4) & 15};

	template->is_scan = form->is_scan;
	template->ttl_less = form->ttl_less;
	end = bytes_put(template, L4_AT, &tcp, sizeof(tcp));
	if (form->options)
		end = bytes_put(template, end, form->options, form->options_bytes);
	template_end(template, end, true);
	variant_add(attack, form->vector, form->variant, first);
}

/* ---- GRE ---- */

/* RFC 2784 s2: no checksum, IPv4 inside; in it a datagram from nowhere in particular. */
static void gre_add(struct lab_attack *attack, uint32_t variant, uint8_t ttl_less, uint32_t payload)
{
	uint32_t first = attack->template_count, end;
	struct lab_template *template = template_begin(attack, LAB_GRE, IPPROTO_GRE);
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

	template->ttl_less = ttl_less;
	end = bytes_put(template, L4_AT, gre, sizeof(gre));
	end = bytes_put(template, end, &ip, sizeof(ip));
	end = bytes_put(template, end, &udp, sizeof(udp));
	template_end(template, end + payload, false);
	variant_add(attack, LAB_GRE, variant, first);
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

static void junk_add(struct lab_attack *attack, uint32_t variant, uint8_t ttl_less, uint32_t payload)
{
	uint32_t first = attack->template_count;

	for (size_t i = 0; i < sizeof(junk_forms) / sizeof(junk_forms[0]); i++) {
		struct lab_template *template = template_begin(attack, LAB_JUNK, IPPROTO_UDP);
		struct udphdr udp = {.dest = htons(53)};
		uint32_t end = bytes_put(template, L4_AT, &udp, sizeof(udp));

		template->ttl_less = ttl_less;
		bytes_put(template, end, junk_forms[i].bytes, sizeof(junk_forms[i].bytes));
		template_end(template, end + payload, false);
	}
	variant_add(attack, LAB_JUNK, variant, first);
}

/* ---- queries ---- */

struct query_form {
	enum lab_vector vector;
	uint8_t variant;
	enum lab_sources sources;
	uint8_t label_bytes; /* random; 0: names that exist */
	bool has_edns, wants_dnssec, is_recursive;
	uint8_t ttl_less;
};

static const struct query_form query_forms[] = {
	{LAB_RANDOM, 0, LAB_BY_ENDPOINTS, 12, false, false, true, 0},
	{LAB_RANDOM, 1, LAB_BY_ENDPOINTS, 20, true, true, false, 9},
	{LAB_RANDOM, 2, LAB_BY_ENDPOINTS, 8, true, false, true, 4},
	{LAB_EXISTING, 0, LAB_BY_ENDPOINTS, 0, false, false, true, 0},
	{LAB_EXISTING, 1, LAB_BY_ENDPOINTS, 0, true, true, false, 9},
	{LAB_SPOOFED, 0, LAB_BY_KNOWN, 0, true, true, false, 0},
	{LAB_SOURCES, 0, LAB_BY_COUNTING, 0, true, true, false, 0},
};

static void query_add(
	struct lab_attack *attack, const struct query_form *form, const uint8_t *name, uint32_t name_bytes)
{
	struct lab_template *template = template_begin(attack, form->vector, IPPROTO_UDP);
	struct udphdr udp = {.dest = htons(53)};
	const uint8_t header[] = {
		0, 0, form->is_recursive ? 1 : 0, 0, 0, 1, 0, 0, 0, 0, 0, form->has_edns ? 1 : 0};
	const uint8_t type_class[] = {0, 1, 0, 1};
	const uint8_t opt[] = {0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, form->wants_dnssec ? 0x80 : 0, 0, 0, 0};
	uint32_t at = bytes_put(template, L4_AT, &udp, sizeof(udp));

	template->sources = (uint8_t)form->sources;
	template->ttl_less = form->ttl_less;
	at = bytes_put(template, at, header, sizeof(header));
	if (form->label_bytes) {
		template->frame[at++] = form->label_bytes;
		template->label_at = (uint16_t)at;
		template->label_bytes = form->label_bytes;
		at += form->label_bytes;
	}
	at = bytes_put(template, at, name, name_bytes);
	at = bytes_put(template, at, type_class, sizeof(type_class));
	if (form->has_edns)
		at = bytes_put(template, at, opt, sizeof(opt));
	template_end(template, at, true);
}

static bool is_of_victim(const struct lab_name *name, const uint8_t *victim, uint32_t victim_bytes)
{
	return name->kind == LAB_ANSWER && name->type == 1 && name->wire_bytes > victim_bytes &&
	       name->wire_bytes <= 100 &&
	       memcmp(name->wire + name->wire_bytes - victim_bytes, victim, victim_bytes) == 0;
}

/* The victim's names in turn, as often as it takes. */
static int existing_add(struct lab_attack *attack, const struct query_form *form,
	const struct lab_names *names, const uint8_t *victim, uint32_t victim_bytes)
{
	uint32_t wanted = 1u << EXISTING_BITS, added = 0;

	for (uint32_t round = 0; round < wanted && added < wanted; round++) {
		for (uint32_t i = 0; i < names->nxdomain && added < wanted; i++)
			if (is_of_victim(&names->name[i], victim, victim_bytes)) {
				query_add(attack, form, names->name[i].wire, names->name[i].wire_bytes);
				added++;
			}
		if (added == 0)
			return -ENOENT;
	}
	return 0;
}

int lab_attack_prepare(struct lab_attack *attack, struct lab_template *templates,
	const struct lab_names *names, const uint8_t *victim, uint32_t victim_bytes)
{
	*attack = (struct lab_attack){.templates = templates};
	for (size_t i = 0; i < sizeof(tcp_forms) / sizeof(tcp_forms[0]); i++)
		tcp_add(attack, &tcp_forms[i]);
	gre_add(attack, 0, 0, GRE_PAYLOAD);
	gre_add(attack, 1, 9, GRE_PAYLOAD / 4);
	junk_add(attack, 0, 0, JUNK_PAYLOAD);
	junk_add(attack, 1, 9, JUNK_PAYLOAD + 200);
	for (size_t i = 0; i < sizeof(query_forms) / sizeof(query_forms[0]); i++) {
		const struct query_form *form = &query_forms[i];
		uint32_t first = attack->template_count;

		if (form->label_bytes)
			query_add(attack, form, victim, victim_bytes);
		else if (existing_add(attack, form, names, victim, victim_bytes))
			return -ENOENT;
		variant_add(attack, form->vector, form->variant, first);
	}
	return 0;
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
