/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rows.h"
#include "machine.h"
#include <netinet/in.h>
#include <stdio.h>

#define ONLY4(...) IP4(.to = DEDICATED_IP4, .from = source, ##__VA_ARGS__)

void cost_source(char *text, unsigned network, unsigned number)
{
	snprintf(text, 16, "198.%u.%u.%u", network, number >> 8 & 255, number & 255);
}

/* ---- questions ---- */

static void ask(struct packet *packet, unsigned network, unsigned number, const struct query *query)
{
	char source[16];
	cost_source(source, network, number % SOURCES);
	packet_build(
		packet, LAYERS(ETHERNET, IP4(.from = source), UDP(), {.kind = LAYER_QUERY, .query = *query}));
}

static void ask_existing(struct packet *packet, unsigned network, unsigned number)
{
	ask(packet, network, number,
		&(struct query){.name = "www.example.com", .type = SW_TYPE_A, .edns = 1232});
}

static void ask_random(struct packet *packet, unsigned network, unsigned number)
{
	char name[64];
	snprintf(name, sizeof(name), "%08x.example.com", number * 2654435761u);
	ask(packet, network, number, &(struct query){.name = name, .type = SW_TYPE_A, .edns = 1232});
}

static void hit(struct packet *packet, unsigned number)
{
	ask_existing(packet, STRANGER_NET, number);
}

static void hit_ip6(struct packet *packet, unsigned number)
{
	char source[40];
	snprintf(source, sizeof(source), "2001:db8:a::%x", number + 1);
	packet_build(packet, LAYERS(ETHERNET, IP6(.from = source), UDP(),
				     QUERY("www.example.com", SW_TYPE_A, .edns = 1232)));
}

static void random_name(struct packet *packet, unsigned number)
{
	ask_random(packet, STRANGER_NET, number);
}

static void referral(struct packet *packet, unsigned number)
{
	ask(packet, STRANGER_NET, number,
		&(struct query){.name = "host.lab.example.com", .type = SW_TYPE_A, .edns = 1232});
}

static void signed_query(struct packet *packet, unsigned number, const char *format)
{
	char name[256];
	snprintf(name, sizeof(name), format, number * 2654435761u);
	ask(packet, STRANGER_NET, number,
		&(struct query){.name = name, .type = SW_TYPE_A, .edns = 1232, .is_dnssec_ok = true});
}

static void signed_hit(struct packet *packet, unsigned number)
{
	ask(packet, STRANGER_NET, number,
		&(struct query){
			.name = "host.nsec.example", .type = SW_TYPE_A, .edns = 1232, .is_dnssec_ok = true});
}

static void signed_nsec(struct packet *packet, unsigned number)
{
	signed_query(packet, number, "%08x.nsec.example");
}

static void signed_nsec3(struct packet *packet, unsigned number)
{
	signed_query(packet, number, "%08x.nsec3.example");
}

/* The first of twelve wildcards that lead from one to the next (zonegen, wildcards): each must be proved. */
static void wildcards(struct packet *packet, unsigned number)
{
	signed_query(packet, number, "%08x.w00.worst.test");
}

/* The last of them, whose answer is an address. */
static void wildcard(struct packet *packet, unsigned number)
{
	signed_query(packet, number, "%08x.w12.worst.test");
}

/* The same without iterations, which is how zones are to be signed (RFC 9276 s3.1). */
static void wildcards_plain(struct packet *packet, unsigned number)
{
	signed_query(packet, number, "%08x.w00.chain.test");
}

static void known(struct packet *packet, unsigned number)
{
	ask_existing(packet, KNOWN_NET, number);
}

static void spoofed(struct packet *packet, unsigned number)
{
	ask_existing(packet, SPOOFED_NET, number);
}

static void malformed(struct packet *packet, unsigned number)
{
	char source[16];
	cost_source(source, STRANGER_NET, number % SOURCES);
	/* a question whose name has no end */
	packet_build(packet, LAYERS(ETHERNET, IP4(.from = source), UDP(),
				     BYTES("\x53\x77\0\0\0\1\0\0\0\0\0\0\x3fno end to this one")));
}

static void junk(struct packet *packet, unsigned number)
{
	char source[16];
	cost_source(source, STRANGER_NET, number % SOURCES);
	packet_build(
		packet, LAYERS(ETHERNET, IP4(.from = source), UDP(),
				BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")));
}

/* ---- everything else, to an address that only serves DNS ---- */

#define TO_DEDICATED(name, ...)                                      \
	static void name(struct packet *packet, unsigned number)     \
	{                                                            \
		char source[16];                                     \
		cost_source(source, STRANGER_NET, number % SOURCES); \
		packet_build(packet, LAYERS(ETHERNET, __VA_ARGS__)); \
	}

/* A SYN as Linux sends it: MSS 1,460, SACK permitted, timestamps, window scale. */
static const uint8_t syn_options[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 1, 2, 3, 0, 0, 0, 0, 1, 3, 3, 7};

/* clang-format off */
TO_DEDICATED(syn, ONLY4(), TCP(.options = syn_options, .options_len = sizeof(syn_options)))
TO_DEDICATED(ack, ONLY4(), TCP(.flags = TCP_ACK, .ack = 0x9abcdef0))
TO_DEDICATED(gre, ONLY4(), PROTOCOL(.number = IPPROTO_GRE, .len = 60))
TO_DEDICATED(esp, ONLY4(), PROTOCOL(.number = IPPROTO_ESP, .len = 40))
TO_DEDICATED(port_udp, ONLY4(), UDP(.to = 123), BYTES("not a service of ours"))
TO_DEDICATED(port_tcp, ONLY4(), TCP(.to = 23))
TO_DEDICATED(fragment, ONLY4(.fragment = 0x2000 | 185, .protocol = IPPROTO_UDP), BYTES("in the middle of a datagram"))
TO_DEDICATED(udp_length, ONLY4(), UDP(), QUERY("www.example.com", SW_TYPE_A), POKE(LAYER_UDP, 4, 2, 1400))
TO_DEDICATED(unused, IP4(.to = UNUSED_IP4, .from = source), UDP(.to = 5353), BYTES("nobody is there"))
TO_DEDICATED(foreign, IP4(.to = "192.0.2.99", .from = source), TCP(.to = 22, .flags = TCP_ACK))
/* clang-format on */

/* ---- the list ---- */

/* clang-format off */
const struct cost_row cost_rows[] = {
	{"hit", "hit", PEACE, AT_PEACE, SW_VERDICT_ANSWERED, hit},
	{"hit-ip6", "hit, IPv6", PEACE, AT_PEACE, SW_VERDICT_ANSWERED, hit_ip6},
	{"nxdomain", "NXDOMAIN", PEACE, AT_PEACE, SW_VERDICT_NXDOMAIN, random_name},
	{"referral", "referral with glue", PEACE, AT_PEACE, SW_VERDICT_REFERRAL, referral},
	{"signed-hit", "signed hit", PEACE, AT_PEACE, SW_VERDICT_ANSWERED, signed_hit},
	{"signed-nsec", "signed NXDOMAIN, NSEC", PEACE, AT_PEACE, SW_VERDICT_NXDOMAIN, signed_nsec},
	{"signed-nsec3", "signed NXDOMAIN, NSEC3", PEACE, AT_PEACE, SW_VERDICT_NXDOMAIN, signed_nsec3},
	{"foreign", "not for a service: passes", PEACE, AT_PEACE, SW_VERDICT_PASS_OTHER, foreign},
	{"syn-pass", "SYN, passes", ATTACK, AT_PEACE, SW_VERDICT_TCP_SYN, syn},
	{"syn-cookie", "SYN, answered with a cookie", ATTACK, IN_FLOOD, SW_VERDICT_TCP_COOKIE, syn},
	{"ack-flood", "ACK out of state in a SYN flood", ATTACK, IN_FLOOD, SW_VERDICT_DROP_TCP_STATE, ack},
	{"malformed", "malformed query", ATTACK, WATCHING, SW_VERDICT_FORMERR, malformed},
	{"junk", "UDP junk", ATTACK, WATCHING, SW_VERDICT_DROP_RESPONSE, junk},
	{"random-admitted", "random name, admitted", ATTACK, WATCHING, SW_VERDICT_NXDOMAIN, random_name},
	{"random-refused", "random name, sent to TCP", ATTACK, REFUSING, SW_VERDICT_OVER_LANE, random_name},
	{"random-dropped", "random name, dropped", ATTACK, DROPPING, SW_VERDICT_DROP_LANE, random_name},
	{"known", "existing name, known resolver", ATTACK, REFUSING, SW_VERDICT_ANSWERED, known},
	{"stranger", "existing name, stranger, admitted", ATTACK, WATCHING, SW_VERDICT_ANSWERED, hit},
	{"stranger-refused", "existing name, stranger, sent to TCP", ATTACK, REFUSING, SW_VERDICT_OVER_LANE, hit},
	{"spoofed", "existing name, a known resolver's address spoofed", ATTACK, REFUSING, SW_VERDICT_OVER_LANE, spoofed},
	{"gre", "GRE", NEVER, AT_PEACE, SW_VERDICT_DROP_GRE, gre},
	{"protocol", "another protocol", NEVER, AT_PEACE, SW_VERDICT_DROP_PROTOCOL, esp},
	{"fragment", "fragment", NEVER, AT_PEACE, SW_VERDICT_DROP_FRAGMENT, fragment},
	{"unused", "to an unused address", NEVER, AT_PEACE, SW_VERDICT_DROP_UNUSED, unused},
	{"length", "wrong UDP length", NEVER, AT_PEACE, SW_VERDICT_DROP_LENGTH, udp_length},
	{"port-udp", "UDP to another port", NEVER, AT_PEACE, SW_VERDICT_DROP_PORT, port_udp},
	{"port-tcp", "TCP to another port", NEVER, AT_PEACE, SW_VERDICT_DROP_PORT, port_tcp},
	{"ack", "ACK out of state", NEVER, AT_PEACE, SW_VERDICT_DROP_TCP_STATE, ack},
	{"wildcard", "a wildcard, NSEC3 with 16 iterations", WORST, AT_PEACE, SW_VERDICT_ANSWERED, wildcard},
	{"wildcards", "12 wildcard CNAMEs, no iterations", WORST, AT_PEACE, SW_VERDICT_TRUNCATED, wildcards_plain},
	{"wildcards-punted", "12 wildcard CNAMEs, 16 iterations: left to user space", WORST, AT_PEACE, SW_VERDICT_PUNT_COST, wildcards},
};
/* clang-format on */
const size_t cost_row_count = sizeof(cost_rows) / sizeof(cost_rows[0]);
