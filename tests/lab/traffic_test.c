/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The drill's traffic: what its packets are, where they may go, and what it makes of replies. The BPF
 * programs run through BPF_PROG_RUN: nothing is sent. */
#include "attack.h"
#include "model.h"
#include "wire.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LINK 77 /* an interface that is not there: nothing can be sent over it */

static const uint8_t victim[] = "\7example\4test";

/* Two looks, as a scenario may give them. */
static const struct lab_scenario scenario = {.look_count = 2,
	.look_vector = {LAB_RANDOM, LAB_SYN},
	.look = {{.pattern = {"px-????.c??"},
			 .pattern_count = 1,
			 .alphabet = "0123456789abcdef",
			 .type = 16,
			 .edns_bytes = 4096,
			 .options = {0xfd, 0xe9, 0, 2, 7, 8},
			 .options_bytes = 6,
			 .flags = {0, 0x30},
			 .ttl = 62,
			 .port_first = 61000,
			 .port_count = 2},
		{.options = {2, 4, 5, 100, 1, 1, 4, 2},
			.options_bytes = 8,
			.window = 4711,
			.ttl = 61,
			.port_first = 53,
			.port_count = 1}}};
#define LOOK_QUERY LAB_VARIANTS_BUILT_IN
#define LOOK_SYN (LAB_VARIANTS_BUILT_IN + 1)

struct world {
	struct lab_wire wire;
	struct lab_attack attack;
	struct lab_population population;
	struct lab_names names;
	struct lab_name name;
};

static int world_make(void **state)
{
	const unsigned links[LAB_POPS] = {LINK, LINK + 1, LINK + 2, LINK + 3};
	static struct world world;
	struct lab_random random = {.state = 5};

	assert_int_equal(lab_wire_open(&world.wire, links, 1), 0);
	assert_int_equal(lab_population_make(&world.population, 1), 0);
	assert_int_equal(lab_wire_know(&world.wire, &world.population), 0);
	world.names = (struct lab_names){.name = &world.name, .count = 1, .nxdomain = 1};
	world.name.type = 1;
	world.name.wire_bytes =
		(uint8_t)lab_name_parse("www.example.test.", world.name.wire, &world.name.labels);
	assert_int_equal(lab_attack_prepare(&world.attack, world.wire.bpf->bss->templates, &world.names,
				 &scenario, victim, sizeof(victim)),
		0);
	lab_endpoints_spread(&world.population, world.wire.bpf->bss->endpoints, &random);
	lab_known_spread(&world.population, world.wire.bpf->bss->known, &random);
	*state = &world;
	return 0;
}

static int world_free(void **state)
{
	struct world *world = *state;

	lab_wire_close(&world->wire);
	lab_population_free(&world->population);
	return 0;
}

/* One turn of the sending program. @return its action; the frame it made is in `frame`, for want of a route
 * unsent */
static uint32_t send_once(struct world *world, uint8_t frame[LAB_INPUT_BYTES], uint32_t *bytes)
{
	uint8_t in[LAB_INPUT_BYTES] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = sizeof(in), .data_out = frame,
		.data_size_out = LAB_INPUT_BYTES, .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(world->wire.bpf->progs.lab_send), &run), 0);
	*bytes = run.data_size_out;
	return run.retval;
}

static void mix_only(struct world *world, enum lab_vector vector, uint8_t variant, uint8_t pop)
{
	struct lab_mix *mix = &world->wire.bpf->bss->mixes[0];

	mix->rate_pps = 1000000000;
	mix->burst = 1000000000;
	mix->start_ns = 1;
	for (uint32_t i = 0; i < LAB_DRAWS; i++)
		mix->draw[i] = (struct lab_draw){.template = world->attack.variant[vector][variant].first,
			.template_bits = world->attack.variant[vector][variant].bits,
			.pop = pop};
}

/* One attack packet. @return false when nothing was due, or whoever was drawn does not do this */
static bool attack_once(struct world *world, enum lab_vector vector, uint8_t pop,
	uint8_t frame[LAB_INPUT_BYTES], uint32_t *bytes)
{
	const uint64_t(*sent)[LAB_POPS] = (const void *)world->wire.bpf->bss->counters.sent;
	uint64_t before = sent[vector][pop];

	assert_int_equal(send_once(world, frame, bytes), XDP_DROP);
	return sent[vector][pop] > before;
}

static uint16_t ones_sum(const void *data, uint32_t bytes, uint64_t sum)
{
	const uint8_t *at = data;

	for (uint32_t i = 0; i < bytes; i++)
		sum += i & 1 ? at[i] : (uint64_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t transport_sum(const uint8_t *l4, uint32_t l4_bytes, const uint8_t *addresses,
	uint32_t address_bytes, uint8_t protocol)
{
	return ones_sum(l4, l4_bytes, ones_sum(addresses, 2 * address_bytes, protocol + l4_bytes));
}

static void packet6_check(const uint8_t *frame, uint32_t bytes, uint8_t pop)
{
	const uint8_t prefix[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0x53}, *l4 = frame + LAB_UDP6_AT;
	struct ipv6hdr ip;

	memcpy(&ip, frame + LAB_ETHERNET_BYTES, sizeof(ip));
	assert_in_range(ntohs(ip.payload_len), 8, bytes - LAB_UDP6_AT);
	assert_int_equal(ip.saddr.s6_addr[0], 0xfd);
	assert_int_equal(ip.saddr.s6_addr[1] >> 6, pop);
	assert_memory_equal(&ip.daddr, prefix, sizeof(prefix));
	assert_in_range(ip.hop_limit, 20, 64);
	if (ip.nexthdr == IPPROTO_GRE || (ip.nexthdr == IPPROTO_UDP && l4[6] == 0 && l4[7] == 0))
		return;
	assert_int_equal(
		transport_sum(l4, ntohs(ip.payload_len), frame + LAB_ETHERNET_BYTES + 8, 16, ip.nexthdr),
		0xffff);
}

static bool is_ipv6(const uint8_t *frame)
{
	return frame[12] == 0x86 && frame[13] == 0xdd;
}

/* Addresses, lengths, checksums of one attack packet over IPv4. */
static void packet4_check(const uint8_t *frame, uint32_t bytes, uint8_t pop)
{
	struct iphdr ip;
	uint32_t l4_bytes;
	const uint8_t *l4 = frame + LAB_UDP4_AT;

	memcpy(&ip, frame + LAB_ETHERNET_BYTES, sizeof(ip));
	assert_int_equal(ones_sum(frame + LAB_ETHERNET_BYTES, sizeof(ip), 0), 0xffff);
	assert_in_range(ntohs(ip.tot_len), 28, bytes - LAB_ETHERNET_BYTES);
	assert_int_equal(ntohl(ip.saddr) >> 24, 10);
	assert_int_equal(lab_catchment4(ip.saddr), pop);
	assert_int_equal(ntohl(ip.daddr) & LAB_SERVICE4_MASK, LAB_SERVICE4);
	assert_in_range(ip.ttl, 20, 64);
	l4_bytes = ntohs(ip.tot_len) - (uint32_t)sizeof(ip);
	if (ip.protocol == IPPROTO_GRE || (ip.protocol == IPPROTO_UDP && l4[6] == 0 && l4[7] == 0))
		return;
	assert_int_equal(
		transport_sum(l4, l4_bytes, frame + LAB_ETHERNET_BYTES + 12, 4, ip.protocol), 0xffff);
}

static void packet_check(const uint8_t *frame, uint32_t bytes, uint8_t pop)
{
	(is_ipv6(frame) ? packet6_check : packet4_check)(frame, bytes, pop);
}

static void test_every_vector_is_well_formed(void **state)
{
	struct world *world = *state;
	uint8_t frame[LAB_INPUT_BYTES];
	uint32_t bytes, made, six;

	for (uint32_t vector = 0; vector < LAB_VECTOR_COUNT; vector++)
		for (uint32_t variant = 0; variant < LAB_VARIANTS_MAX; variant++) {
			if (!world->attack.variant[vector][variant].exists)
				continue;
			mix_only(world, vector, (uint8_t)variant, (uint8_t)(vector % LAB_POPS));
			made = six = 0;
			for (int i = 0; i < 200; i++) {
				if (!attack_once(world, vector, (uint8_t)(vector % LAB_POPS), frame, &bytes))
					continue;
				packet_check(frame, bytes, (uint8_t)(vector % LAB_POPS));
				made++;
				six += is_ipv6(frame);
			}
			assert_in_range(made, 70, 200);
			/* a quarter of the endpoints, a third of the known resolvers; scanners not at all */
			assert_in_range(six,
				vector == LAB_SCAN	? 0
				: vector == LAB_SOURCES ? made
							: 20,
				vector == LAB_SCAN	? 0
				: vector == LAB_SOURCES ? made
							: 110);
		}
	assert_int_equal(world->wire.bpf->bss->counters.not_ours, 0);
}

static void test_random_labels_are_letters_and_differ(void **state)
{
	struct world *world = *state;
	uint8_t frame[LAB_INPUT_BYTES], before[20] = {0};
	uint32_t bytes;

	mix_only(world, LAB_RANDOM, 1, 0);
	for (int i = 0; i < 100; i++) {
		const uint8_t *name;

		assert_true(attack_once(world, LAB_RANDOM, 0, frame, &bytes));
		name = frame + (is_ipv6(frame) ? LAB_UDP6_AT : LAB_UDP4_AT) + 8 + 12;
		assert_int_equal(name[0], 20);
		for (int j = 1; j <= 20; j++)
			assert_in_range(name[j], 'a', 'z');
		assert_memory_equal(name + 21, victim, sizeof(victim));
		assert_memory_not_equal(name + 1, before, 20);
		memcpy(before, name + 1, 20);
	}
}

/* @return what stands behind the IP header */
static const uint8_t *l4_of(const uint8_t *frame)
{
	return frame + (is_ipv6(frame) ? LAB_UDP6_AT : LAB_UDP4_AT);
}

/* Patterns, types, options, flags, ports: as the scenario says, and nothing else varies. */
static void test_looks_are_as_the_scenario_says(void **state)
{
	struct world *world = *state;
	uint8_t frame[LAB_INPUT_BYTES];
	const uint8_t tail[] = {0, 16, 0, 1, 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 6, 0xfd, 0xe9, 0, 2, 7, 8};
	uint32_t bytes, differ = 0;
	uint8_t before[4] = {0};

	mix_only(world, LAB_RANDOM, LOOK_QUERY, 3);
	for (int i = 0; i < 50; i++) {
		const uint8_t *l4, *name;

		assert_true(attack_once(world, LAB_RANDOM, 3, frame, &bytes));
		l4 = l4_of(frame);
		name = l4 + 8 + 12;
		assert_in_range(l4[0] << 8 | l4[1], 61000, 61001);
		assert_int_equal(l4[8 + 2], 0);
		assert_int_equal(l4[8 + 3], 0x30);
		assert_memory_equal(name, "\7px-", 4);
		assert_memory_equal(name + 8, "\3c", 2);
		for (int j = 4; j < 12; j++)
			if (j < 8 || j > 9)
				assert_non_null(strchr("0123456789abcdef", name[j]));
		assert_memory_equal(name + 12, victim, sizeof(victim));
		assert_memory_equal(name + 12 + sizeof(victim), tail, sizeof(tail));
		differ += memcmp(before, name + 4, 4) != 0;
		memcpy(before, name + 4, 4);
	}
	assert_in_range(differ, 45, 50);
	mix_only(world, LAB_SYN, LOOK_SYN, 3);
	for (int i = 0; i < 20; i++) {
		struct tcphdr tcp;

		assert_true(attack_once(world, LAB_SYN, 3, frame, &bytes));
		memcpy(&tcp, l4_of(frame), sizeof(tcp));
		assert_int_equal(ntohs(tcp.source), 53);
		assert_int_equal(ntohs(tcp.window), 4711);
		assert_int_equal(tcp.doff, 7);
		assert_memory_equal(
			l4_of(frame) + sizeof(tcp), scenario.look[1].options, scenario.look[1].options_bytes);
	}
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* Each source once, whatever its catchment, and no more than are wanted. */
static void test_counted_sources_are_all_different(void **state)
{
	struct world *world = *state;
	static uint8_t source[4096][16];
	uint8_t frame[LAB_INPUT_BYTES];
	uint32_t bytes;

	for (uint32_t i = 0; i < 4096; i++) {
		mix_only(world, LAB_SOURCES, 0, i % LAB_POPS);
		assert_true(attack_once(world, LAB_SOURCES, i % LAB_POPS, frame, &bytes));
		memcpy(source[i], frame + LAB_ETHERNET_BYTES + 8, 16);
	}
	qsort(source, 4096, 16, by_bytes);
	for (uint32_t i = 1; i < 4096; i++)
		assert_memory_not_equal(source[i - 1], source[i], 16);
	world->wire.bpf->bss->counted_source = LAB_COUNTED_SOURCES;
	assert_false(attack_once(world, LAB_SOURCES, 0, frame, &bytes));
	world->wire.bpf->bss->counted_source = 0;
}

static void test_scan_carries_its_fingerprint(void **state)
{
	struct world *world = *state;
	uint8_t frame[LAB_INPUT_BYTES];
	uint32_t bytes, seen = 0;

	mix_only(world, LAB_SCAN, 0, 1);
	for (int i = 0; i < 100; i++) {
		if (!attack_once(world, LAB_SCAN, 1, frame, &bytes))
			continue;
		assert_memory_equal(frame + LAB_ETHERNET_BYTES + 16, frame + LAB_UDP4_AT + 4, 4);
		seen++;
	}
	assert_in_range(seen, 35, 75); /* 71 % of the endpoints with IPv4 scan */
}

static void test_spoofed_sources_are_known_resolvers(void **state)
{
	struct world *world = *state;
	uint8_t frame[LAB_INPUT_BYTES];
	uint32_t bytes, value;

	mix_only(world, LAB_SPOOFED, 0, 2);
	for (int i = 0; i < 50; i++) {
		struct lab_address address = {0};

		assert_true(attack_once(world, LAB_SPOOFED, 2, frame, &bytes));
		if (is_ipv6(frame))
			memcpy(address.bytes, frame + LAB_ETHERNET_BYTES + 8, 16);
		else
			memcpy(address.bytes + 12, frame + LAB_ETHERNET_BYTES + 12, 4);
		assert_int_equal(
			bpf_map_lookup_elem(bpf_map__fd(world->wire.bpf->maps.honest), &address, &value), 0);
	}
}

/* A letter whose destination user space got wrong. */
static void letter_check_refused(struct world *world, struct lab_letter *letter)
{
	uint8_t frame[LAB_INPUT_BYTES];
	uint32_t bytes;
	uint64_t before = world->wire.bpf->bss->counters.not_ours;

	memcpy(&letter->tail, letter->frame + letter->frame_bytes - 8, 8);
	lab_wire_post(&world->wire);
	assert_int_equal(send_once(world, frame, &bytes), XDP_DROP);
	assert_int_equal(world->wire.bpf->bss->counters.not_ours, before + 1);
}

static void letter_write(struct world *world, struct lab_letter *letter, bool is_ipv6)
{
	struct lab_question question = {
		.name = world->name.wire, .name_bytes = world->name.wire_bytes, .type = 1};

	for (uint32_t i = 0; i < LAB_RESOLVERS; i++)
		if (world->population.resolver[i].is_ipv6 == is_ipv6)
			question.resolver = &world->population.resolver[i];
	lab_letter_write(letter, &question);
}

static void test_foreign_destinations_are_never_sent_to(void **state)
{
	struct world *world = *state;
	struct lab_letter *letter = lab_wire_letter(&world->wire, false);
	const uint8_t foreign4[] = {192, 0, 3, 53}, foreign6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0x54};

	letter_write(world, letter, false);
	memcpy(letter->frame + LAB_ETHERNET_BYTES + 16, foreign4, sizeof(foreign4));
	letter_check_refused(world, letter);
	letter = lab_wire_letter(&world->wire, false);
	letter_write(world, letter, true);
	memcpy(letter->frame + LAB_ETHERNET_BYTES + 24, foreign6, sizeof(foreign6));
	letter_check_refused(world, letter);
}

static void test_without_a_route_nothing_is_sent(void **state)
{
	struct world *world = *state;
	uint8_t frame[LAB_INPUT_BYTES];
	uint32_t bytes;
	uint64_t before = world->wire.bpf->bss->counters.no_route;

	letter_write(world, lab_wire_letter(&world->wire, false), false);
	lab_wire_post(&world->wire);
	assert_int_equal(send_once(world, frame, &bytes), XDP_DROP);
	assert_int_equal(world->wire.bpf->bss->counters.no_route, before + 1);
}

static void test_letters_are_whole(void **state)
{
	struct world *world = *state;
	uint8_t frame[LAB_INPUT_BYTES];
	uint32_t bytes;

	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		struct lab_letter letter, *posted = lab_wire_letter(&world->wire, false);
		uint32_t at = is_ipv6 ? LAB_UDP6_AT : LAB_UDP4_AT;

		letter_write(world, posted, is_ipv6);
		letter = *posted;
		lab_wire_post(&world->wire);
		send_once(world, frame, &bytes);
		assert_int_equal(bytes, letter.frame_bytes);
		assert_memory_equal(frame + 12, letter.frame + 12, bytes - 12);
		assert_int_equal(ones_sum(frame + at, bytes - at,
					 ones_sum(frame + at - (is_ipv6 ? 32 : 8), is_ipv6 ? 32 : 8,
						 IPPROTO_UDP + bytes - at)),
			0xffff);
	}
}

/* ---- replies ---- */

struct packet {
	uint8_t bytes[256];
	uint32_t count;
};

/* To a resolver, or to an address that is nobody's. */
static void reply_make(
	struct packet *packet, const uint8_t *address, bool is_ipv6, uint8_t protocol, uint16_t from)
{
	struct ethhdr ethernet = {.h_proto = htons(is_ipv6 ? ETH_P_IPV6 : ETH_P_IP)};
	struct iphdr ip4 = {.version = 4, .ihl = 5, .protocol = protocol, .saddr = htonl(LAB_SERVICE4 | 53)};
	struct ipv6hdr ip6 = {.version = 6, .nexthdr = protocol};
	struct udphdr udp = {.source = htons(from), .dest = htons(40000), .len = htons(8 + 40)};
	uint32_t at = is_ipv6 ? LAB_UDP6_AT : LAB_UDP4_AT;

	memset(packet, 0, sizeof(*packet));
	memcpy(&ip4.daddr, address, 4);
	memcpy(&ip6.daddr, address, 16);
	memcpy(packet->bytes, &ethernet, sizeof(ethernet));
	if (is_ipv6)
		memcpy(packet->bytes + LAB_ETHERNET_BYTES, &ip6, sizeof(ip6));
	else
		memcpy(packet->bytes + LAB_ETHERNET_BYTES, &ip4, sizeof(ip4));
	memcpy(packet->bytes + at, &udp, sizeof(udp));
	packet->count = at + 8 + 40;
}

static uint32_t receive(struct world *world, const struct packet *packet)
{
	LIBBPF_OPTS(
		bpf_test_run_opts, run, .data_in = packet->bytes, .data_size_in = packet->count, .repeat = 1);

	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(world->wire.bpf->progs.lab_receive), &run), 0);
	return run.retval;
}

static uint32_t replies_seen, resolver_seen;

static void reply_note(void *context, const struct lab_reply *reply)
{
	(void)context;
	replies_seen++;
	resolver_seen = reply->resolver;
	assert_int_equal(reply->message_bytes, 40);
	assert_int_equal(reply->port, 40000);
}

static void test_replies_reach_whom_they_are_for(void **state)
{
	struct world *world = *state;
	const struct lab_counters *counters = &world->wire.bpf->bss->counters;
	struct packet packet;

	world->wire.reply = reply_note;
	for (uint32_t i = 0; i < LAB_RESOLVERS; i += 100) {
		const struct lab_resolver *resolver = &world->population.resolver[i];

		replies_seen = 0;
		reply_make(&packet, resolver->address, resolver->is_ipv6, IPPROTO_UDP, 53);
		assert_int_equal(receive(world, &packet), XDP_DROP);
		lab_wire_turn(&world->wire);
		assert_int_equal(replies_seen, 1);
		assert_int_equal(resolver_seen, i);
		/* TCP is the kernel's */
		reply_make(&packet, resolver->address, resolver->is_ipv6, IPPROTO_TCP, 53);
		assert_int_equal(receive(world, &packet), XDP_PASS);
	}
	assert_int_equal(counters->to_attackers_packets, 0);
}

static void test_replies_to_endpoints_are_counted(void **state)
{
	struct world *world = *state;
	const struct lab_counters *counters = &world->wire.bpf->bss->counters;
	struct packet packet;
	uint8_t address[16] = {0};

	uint64_t bytes = 0;

	for (uint32_t i = 0; i < 20; i++) {
		struct lab_source source = lab_endpoint_source(&world->population.endpoint[i]);

		memcpy(address, source.address, sizeof(address));
		reply_make(&packet, address, source.is_ipv6, IPPROTO_TCP, 53);
		assert_int_equal(receive(world, &packet), XDP_DROP);
		assert_int_equal(counters->to_attackers_packets, i + 1);
		bytes += packet.count;
		assert_int_equal(counters->to_attackers_bytes, bytes);
	}
}

static void test_everybody_else_is_passed(void **state)
{
	struct world *world = *state;
	struct packet packet;
	const uint8_t user[16] = {172, 31, 1, 1}, user6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0x31};

	reply_make(&packet, user, false, IPPROTO_UDP, 53);
	assert_int_equal(receive(world, &packet), XDP_PASS);
	reply_make(&packet, user6, true, IPPROTO_UDP, 53);
	assert_int_equal(receive(world, &packet), XDP_PASS);
	packet.count = LAB_ETHERNET_BYTES + 10; /* cut short */
	assert_int_equal(receive(world, &packet), XDP_PASS);
}

static void test_muted_replies_are_lost(void **state)
{
	struct world *world = *state;
	struct packet packet;
	const struct lab_resolver *resolver = &world->population.resolver[7];

	world->wire.bpf->bss->orders.is_muted = 1;
	reply_make(&packet, resolver->address, resolver->is_ipv6, IPPROTO_UDP, 53);
	replies_seen = 0;
	assert_int_equal(receive(world, &packet), XDP_DROP);
	lab_wire_turn(&world->wire);
	assert_int_equal(replies_seen, 0);
	assert_int_equal(world->wire.bpf->bss->counters.muted, 1);
	world->wire.bpf->bss->orders.is_muted = 0;
}

/* ---- judging ---- */

/* A reply with one A record, as a server would write it. */
static uint32_t answer_write(const struct lab_question *question, uint8_t *message, uint8_t last_byte)
{
	const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, last_byte};
	uint32_t at = 12 + question->name_bytes + 4u;

	lab_message_write(question, message);
	message[2] |= 0x84;
	message[7] = 1;
	message[11] = 0;
	memcpy(message + at, record, sizeof(record));
	return at + (uint32_t)sizeof(record);
}

static void test_replies_are_held_against_the_truth(void **state)
{
	struct world *world = *state;
	uint8_t message[LAB_MESSAGE_MAX + 64], rdata[] = {198, 51, 100, 7};
	struct lab_resolver resolver = {0};
	struct lab_name expected = world->name;
	struct lab_question question = {.name = world->name.wire,
		.name_bytes = world->name.wire_bytes,
		.type = 1,
		.id = 4711,
		.resolver = &resolver};
	uint32_t bytes = answer_write(&question, message, 7);

	expected.kind = LAB_ANSWER;
	expected.expected = rdata;
	expected.expected_bytes = 4;
	assert_int_equal(lab_reply_judge(&question, &expected, message, bytes), LAB_RIGHT);
	message[bytes - 1] = 8;
	assert_int_equal(lab_reply_judge(&question, &expected, message, bytes), LAB_WRONG);
	message[bytes - 1] = 7;
	message[3] |= 3; /* NXDOMAIN for a name that exists */
	assert_int_equal(lab_reply_judge(&question, &expected, message, bytes), LAB_WRONG);
	message[3] = 5;
	assert_int_equal(lab_reply_judge(&question, &expected, message, bytes), LAB_REFUSED);
	message[3] = 7; /* low bits of BADCOOKIE */
	assert_int_equal(lab_reply_judge(&question, &expected, message, bytes), LAB_BADCOOKIE);
	message[3] = 0;
	message[2] |= 2;
	assert_int_equal(lab_reply_judge(&question, &expected, message, bytes), LAB_TRUNCATED);
	message[2] &= (uint8_t)~2;
	message[0] ^= 1;
	assert_int_equal(lab_reply_judge(&question, &expected, message, bytes), LAB_FOREIGN);
	message[0] ^= 1;
	message[13] ^= 0x20; /* another case than was asked */
	assert_int_equal(lab_reply_judge(&question, &expected, message, bytes), LAB_FOREIGN);
	message[13] ^= 0x20;
	message[7] = 0;
	assert_int_equal(lab_reply_judge(&question, &expected, message, bytes), LAB_WRONG);
	expected.kind = LAB_NODATA;
	assert_int_equal(lab_reply_judge(&question, &expected, message, bytes), LAB_RIGHT);
}

static void test_case_is_mixed_and_expected_back(void **state)
{
	struct world *world = *state;
	uint8_t message[LAB_MESSAGE_MAX + 64], lower[LAB_MESSAGE_MAX];
	struct lab_resolver resolver = {.mixes_case = true}, plain = {0};
	struct lab_question question = {.name = world->name.wire,
		.name_bytes = world->name.wire_bytes,
		.type = 1,
		.resolver = &resolver,
		.case_seed = 3};
	struct lab_name expected = world->name;
	uint32_t bytes = answer_write(&question, message, 7);

	expected.kind = LAB_ANSWER;
	expected.expected = NULL;
	assert_int_equal(lab_reply_judge(&question, &expected, message, bytes), LAB_RIGHT);
	question.resolver = &plain;
	lab_message_write(&question, lower);
	assert_memory_not_equal(message + 12, lower + 12, question.name_bytes);
	assert_int_equal(lab_reply_judge(&question, &expected, message, bytes), LAB_FOREIGN);
}

static void test_server_cookies_are_learnt(void **state)
{
	struct world *world = *state;
	uint8_t message[LAB_MESSAGE_MAX];
	struct lab_resolver resolver = {.sends_cookie = true, .client_cookie = 0x1122334455667788};
	struct lab_question question = {.name = world->name.wire,
		.name_bytes = world->name.wire_bytes,
		.type = 1,
		.resolver = &resolver};
	uint32_t without = lab_message_write(&question, message), with;

	resolver.has_server_cookie[0] = 1;
	memset(resolver.server_cookie[0], 0x5a, 16);
	with = lab_message_write(&question, message);
	assert_int_equal(with, without + 16);
	memset(resolver.server_cookie[0], 0, 16);
	resolver.has_server_cookie[0] = 0;
	lab_cookie_learn(&resolver, 0, message, with);
	assert_int_equal(resolver.has_server_cookie[0], 1);
	assert_int_equal(resolver.server_cookie[0][15], 0x5a);
}

/* ---- population ---- */

static void test_population_has_its_shares(void **state)
{
	struct world *world = *state;
	const struct lab_resolver *resolver = world->population.resolver;
	double all = 0, six = 0, dnssec = 0, cookie = 0, tcp = 0, top = 0, retry[LAB_RETRY_COUNT] = {0};
	uint32_t tops = 0;

	for (uint32_t i = 0; i < LAB_RESOLVERS; i++) {
		all += resolver[i].weight;
		six += resolver[i].is_ipv6 * resolver[i].weight;
		dnssec += resolver[i].wants_dnssec * resolver[i].weight;
		cookie += resolver[i].sends_cookie * resolver[i].weight;
		tcp += resolver[i].uses_tcp * resolver[i].weight;
		top += resolver[i].is_top100 * resolver[i].weight;
		tops += resolver[i].is_top100;
		retry[resolver[i].retry] += resolver[i].weight;
	}
	assert_float_equal(all, 1, 1e-9);
	assert_float_equal(six, 0.33, 0.02);
	assert_float_equal(dnssec, 0.70, 0.02);
	assert_float_equal(cookie, 0.10, 0.02);
	assert_float_equal(tcp, 0.03, 0.02);
	assert_float_equal(retry[LAB_RELENTLESS], 0.05, 0.02);
	assert_int_equal(tops, 100);
	assert_true(top > 0.33); /* the operators of public resolvers are among them */
}

static int by_address(const void *a, const void *b)
{
	uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;

	return first < second ? -1 : first > second;
}

static void test_no_two_have_the_same_address(void **state)
{
	struct world *world = *state;
	static uint32_t address[LAB_ENDPOINTS + LAB_RESOLVERS + LAB_NEW_RESOLVERS];
	uint32_t count = 0;

	for (uint32_t i = 0; i < LAB_ENDPOINTS; i++)
		address[count++] = world->population.endpoint[i].address;
	for (uint32_t i = 0; i < LAB_RESOLVERS + LAB_NEW_RESOLVERS; i++)
		if (!world->population.resolver[i].is_ipv6)
			memcpy(&address[count++], world->population.resolver[i].address, 4);
	qsort(address, count, sizeof(address[0]), by_address);
	for (uint32_t i = 1; i < count; i++)
		assert_int_not_equal(address[i - 1], address[i]);
}

/* Every endpoint sends, and one that moves sends under its new address only. */
static void test_every_endpoint_sends(void **state)
{
	struct world *world = *state;
	struct lab_source(*table)[LAB_SOURCE_ENTRIES] = world->wire.bpf->bss->endpoints;
	uint8_t *sends = calloc(1, 1 << 24);
	struct lab_source source;
	uint32_t moved = world->population.moved;

	lab_endpoint_move(&world->population, table);
	assert_int_equal(world->population.moved, moved + 1);
	for (uint32_t pop = 0; pop < LAB_POPS; pop++)
		for (uint32_t i = 0; i < LAB_SOURCE_ENTRIES; i++) {
			uint32_t first = table[pop][i].address[0], second = table[pop][i].address[1];

			assert_int_equal(lab_catchment4(first), pop);
			sends[table[pop][i].is_ipv6 ? (ntohl(first) & 0xffff00) | (ntohl(second) & 0xff)
						    : ntohl(first) & 0xffffff] = 1;
		}
	for (uint32_t i = 0; i < LAB_ENDPOINTS; i++)
		assert_true(sends[ntohl(world->population.endpoint[i].address) & 0xffffff]);
	for (uint32_t i = 0; i < LAB_RESOLVERS; i++)
		for (uint32_t j = 0; j < 50; j++) {
			source = lab_endpoint_source(&world->population.endpoint[j]);
			assert_true(!source.is_ipv6 ||
				    memcmp(source.address, world->population.resolver[i].address, 16) != 0);
		}
	free(sends);
}

static void test_the_same_seed_makes_the_same_population(void **state)
{
	struct world *world = *state;
	struct lab_population again, other;

	assert_int_equal(lab_population_make(&again, 1), 0);
	assert_int_equal(lab_population_make(&other, 2), 0);
	assert_memory_equal(again.resolver[9].address, world->population.resolver[9].address, 16);
	assert_int_equal(again.resolver[9].client_cookie, world->population.resolver[9].client_cookie);
	assert_int_not_equal(other.resolver[9].client_cookie, world->population.resolver[9].client_cookie);
	lab_population_free(&again);
	lab_population_free(&other);
}

/* ---- the same seed, the same traffic ---- */

struct listener {
	uint64_t hash, questions;
};

static bool question_hear(
	void *context, uint32_t slot, const struct lab_question *question, bool is_first, bool is_relayed)
{
	struct listener *listener = context;
	uint8_t message[LAB_MESSAGE_MAX];
	uint32_t bytes = lab_message_write(question, message);

	(void)slot;
	(void)is_first;
	(void)is_relayed;
	for (uint32_t i = 0; i < bytes; i++)
		listener->hash = (listener->hash ^ message[i]) * 0x100000001b3;
	for (uint32_t i = 0; i < 16; i++)
		listener->hash = (listener->hash ^ question->resolver->address[i]) * 0x100000001b3;
	listener->questions++;
	return true;
}

static bool connection_hear(
	void *context, uint32_t slot, const struct lab_question *question, bool is_relayed)
{
	return question_hear(context, slot, question, true, is_relayed);
}

static void connection_end(void *context, uint32_t slot)
{
	(void)context;
	(void)slot;
}

/* Three seconds in which nobody is answered: arrivals, retries, relayed questions, a crowd. */
static struct listener three_seconds(struct world *world, uint64_t seed)
{
	struct listener listener = {0};
	struct lab_record *record = calloc(1, sizeof(*record));
	struct lab_demand demand = {
		.honest_qps = 500, .crowd_qps = 100, .relayed_qps = {100, 0, 50, 10}, .may_relay = true};
	struct lab_model model = {.population = &world->population,
		.names = &world->names,
		.record = record,
		.carrier = {question_hear, connection_hear, connection_end, &listener}};
	const double only = 1;

	assert_non_null(record);
	memcpy(model.victim, victim, sizeof(victim));
	model.victim_bytes = sizeof(victim);
	assert_int_equal(lab_alias_make(&world->names.popularity, &only, 1), 0);
	assert_int_equal(lab_model_make(&model, seed, 1000), 0);
	for (int ms = 0; ms < 3000; ms++)
		lab_model_turn(&model, &demand);
	lab_model_free(&model);
	lab_alias_free(&world->names.popularity);
	free(record);
	return listener;
}

static void test_the_same_seed_asks_the_same(void **state)
{
	struct listener first = three_seconds(*state, 1), again = three_seconds(*state, 1);
	struct listener other = three_seconds(*state, 2);

	assert_in_range(first.questions, 4 * 760, 12 * 760); /* retries come on top */
	assert_int_equal(first.questions, again.questions);
	assert_int_equal(first.hash, again.hash);
	assert_int_not_equal(first.hash, other.hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_population_has_its_shares),
		cmocka_unit_test(test_no_two_have_the_same_address),
		cmocka_unit_test(test_the_same_seed_makes_the_same_population),
		cmocka_unit_test(test_every_vector_is_well_formed),
		cmocka_unit_test(test_random_labels_are_letters_and_differ),
		cmocka_unit_test(test_looks_are_as_the_scenario_says),
		cmocka_unit_test(test_counted_sources_are_all_different),
		cmocka_unit_test(test_scan_carries_its_fingerprint),
		cmocka_unit_test(test_spoofed_sources_are_known_resolvers),
		cmocka_unit_test(test_foreign_destinations_are_never_sent_to),
		cmocka_unit_test(test_without_a_route_nothing_is_sent),
		cmocka_unit_test(test_letters_are_whole),
		cmocka_unit_test(test_replies_reach_whom_they_are_for),
		cmocka_unit_test(test_replies_to_endpoints_are_counted),
		cmocka_unit_test(test_everybody_else_is_passed),
		cmocka_unit_test(test_muted_replies_are_lost),
		cmocka_unit_test(test_replies_are_held_against_the_truth),
		cmocka_unit_test(test_case_is_mixed_and_expected_back),
		cmocka_unit_test(test_server_cookies_are_learnt),
		cmocka_unit_test(test_every_endpoint_sends),
		cmocka_unit_test(test_the_same_seed_asks_the_same),
	};

	return cmocka_run_group_tests_name("drill traffic", tests, world_make, world_free);
}
