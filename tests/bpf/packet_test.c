/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "message_rows.h"
#include "packet.h"
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* RFC 1071 s3: the sum of these bytes is ddf2 */
static void sum_of_the_rfc(void **state)
{
	(void)state;
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	assert_int_equal(packet_sum(bytes, sizeof(bytes), 0), 0xddf2);
	assert_int_equal(packet_sum(bytes, 7, 0), 0xdcfb); /* an odd byte is the high one */
	assert_int_equal(packet_sum(bytes + 4, 4, packet_sum(bytes, 4, 0)), 0xddf2);
}

static void query_frame(void **state)
{
	(void)state;
	/* RFC 791 s3.1 and RFC 768; the sums taken as remainders modulo 65535, another way than the code's */
	static const uint8_t frame[] = {
		0x02, 0, 0, 0, 0, 0x53, 0x02, 0, 0, 0, 0, 0x07, 0x88, 0xa8, /* Ethernet */
		0, 7, 0x81, 0, 0, 8, 0x08, 0,				    /* two tags */
		0x45, 0, 0, 45, 0x1d, 0x1d, 0, 0, 57, 17, 0x78, 0x33,	    /* IPv4 */
		198, 51, 100, 7, 192, 0, 2, 53,				    /* addresses */
		0x81, 0x1d, 0, 53, 0, 25, 0x3b, 0x81,			    /* UDP */
		0x53, 0x77, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,		    /* DNS header */
		0, 0, 2, 0, 1,						    /* . NS IN */
	};
	struct packet packet;
	packet_build(&packet, LAYERS(ETHERNET, VLAN_AD(7), VLAN(8), IP4(), UDP(), QUERY(".", SW_TYPE_NS)));
	assert_int_equal(packet.len, sizeof(frame));
	assert_memory_equal(packet.bytes, frame, sizeof(frame));
	assert_int_equal(packet.payload, sizeof(frame) - 17);
}

static void sums_verify(void **state)
{
	(void)state;
	const struct layer *const good[] = {
		LAYERS(ETHERNET, IP4(), UDP(), QUERY("a.example", SW_TYPE_A)),
		LAYERS(ETHERNET, IP4(), UDP(), QUERY("ab.example", SW_TYPE_A), PAD(9)),
		LAYERS(ETHERNET, IP6(), UDP(), QUERY("a.example", SW_TYPE_A, .edns = 1232)),
		LAYERS(ETHERNET, IP4(), TCP(.to = 179)),
		LAYERS(ETHERNET, IP6(), TCP()),
		LAYERS(ETHERNET, IP4(), ICMP(.type = 8)),
		LAYERS(ETHERNET, VLAN(1), IP6(), ICMP6(.type = 135)),
		LAYERS(ETHERNET, IP4(), UDP(), POKE(LAYER_UDP, 0, 2, 1)),
	};
	const struct layer *const bad[] = {
		LAYERS(ETHERNET, IP4(), UDP(), SPOIL(LAYER_UDP, 0, 2, 1)),
		LAYERS(ETHERNET, IP4(), UDP(), SPOIL(LAYER_IP4, 8, 1, 1)),
		LAYERS(ETHERNET, IP6(), TCP(), SPOIL(LAYER_TCP, 16, 2, 1)),
	};
	struct packet packet;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		packet_build(&packet, good[i]);
		assert_true(packet_sums_verify(&packet));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		packet_build(&packet, bad[i]);
		assert_false(packet_sums_verify(&packet));
	}
}

static void extension_headers_are_linked(void **state)
{
	(void)state;
	struct packet packet;
	packet_build(&packet, LAYERS(ETHERNET, IP6(), EXTENSION(.number = IPPROTO_HOPOPTS),
				      EXTENSION(.number = IPPROTO_AH, .len = 24),
				      FRAGMENT(.offset = 2, .is_more = true), UDP()));
	const uint8_t *ip = packet.bytes + packet.ip;
	assert_int_equal(ip[5], 8 + 24 + 8 + 8);
	assert_int_equal(ip[6], IPPROTO_HOPOPTS);
	assert_int_equal(ip[40], IPPROTO_AH);
	assert_int_equal(ip[41], 0);
	assert_int_equal(ip[48], IPPROTO_FRAGMENT);
	assert_int_equal(ip[49], 4); /* RFC 4302 s2.2: 24 bytes are six words, minus 2 */
	assert_int_equal(ip[72], IPPROTO_UDP);
	assert_int_equal(ip[75], 2 << 3 | 1);
}

static void reply_is_turned_round(void **state)
{
	(void)state;
	struct packet asked, reply;
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		if (is_ip6)
			packet_build(&asked, LAYERS(ETHERNET, VLAN(7), IP6(), UDP(), QUERY(".", 2), PAD(4)));
		else
			packet_build(&asked, LAYERS(ETHERNET, IP4(), UDP(), QUERY(".", 2), PAD(4)));
		packet_reply(&asked, (const uint8_t *)"message of an odd length.", 25, &reply);
		assert_true(packet_sums_verify(&reply));
		assert_int_equal(reply.len, asked.payload + 25);
		assert_memory_equal(reply.bytes, asked.bytes + 6, 6);
		assert_memory_equal(reply.bytes + 6, asked.bytes, 6);
		assert_memory_equal(reply.bytes + 12, asked.bytes + 12, asked.ip - 12);
		assert_int_equal(reply.bytes[reply.ip + (is_ip6 ? 7 : 8)], 64);
		assert_int_equal(reply.bytes[reply.transport + 1], SERVICE_PORT);
		assert_int_equal(reply.bytes[reply.transport + 5], 33);
	}
}

static void message_rows_build(void **state)
{
	(void)state;
	struct packet packet;
	size_t longest_name = 0;
	for (size_t i = 0; i < message_row_count; i++) {
		packet_build(&packet, message_rows[i].layers);
		assert_true(packet.ip_end - packet.payload >= SW_HEADER_LEN);
		size_t name_len = strnlen((char *)packet.bytes + packet.payload + SW_HEADER_LEN, 300) + 1;
		if (message_rows[i].verdicts != ONE_OF(FORMERR) && name_len > longest_name)
			longest_name = name_len;
	}
	assert_int_equal(longest_name, 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sum_of_the_rfc),
		cmocka_unit_test(query_frame),
		cmocka_unit_test(sums_verify),
		cmocka_unit_test(extension_headers_are_linked),
		cmocka_unit_test(reply_is_turned_round),
		cmocka_unit_test(message_rows_build),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
