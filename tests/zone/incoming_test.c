/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transfers as a primary would send them, and as nobody should. */
#include "wire/message.h"
#include "zone/incoming.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MESSAGE_MAX 65535

static struct {
	uint8_t bytes[MESSAGE_MAX];
	size_t len;
} message;

static struct sw_incoming *incoming;

static void put(const void *bytes, size_t len)
{
	assert_true(message.len + len <= MESSAGE_MAX);
	memcpy(message.bytes + message.len, bytes, len);
	message.len += len;
}

static void put16(unsigned value)
{
	put((const uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void put_name(const char *text)
{
	uint8_t name[SW_NAME_MAX];
	int len = sw_name_parse(text, name);
	assert_true(len > 0);
	put(name, (size_t)len);
}

static void begin(unsigned rcode, uint16_t qtype)
{
	message.len = 0;
	put16(0);
	put16(SW_FLAG_QR | SW_FLAG_AA | rcode);
	put16(qtype != 0);
	put16(0);
	put16(0);
	put16(0);
	if (qtype == 0)
		return;
	put_name("example.");
	put16(qtype);
	put16(SW_CLASS_IN);
}

static void record(const char *owner, unsigned type, unsigned class, const void *rdata, size_t len)
{
	unsigned count = (unsigned)message.bytes[6] << 8 | message.bytes[7];
	put_name(owner);
	put16(type);
	put16(class);
	put16(0);
	put16(300);
	put16((unsigned)len);
	put(rdata, len);
	message.bytes[6] = (uint8_t)((count + 1) >> 8);
	message.bytes[7] = (uint8_t)(count + 1);
}

static void soa(uint32_t serial)
{
	uint8_t rdata[22] = {0};
	for (int i = 0; i < 4; i++)
		rdata[2 + i] = (uint8_t)(serial >> (24 - 8 * i));
	record("example.", SW_TYPE_SOA, SW_CLASS_IN, rdata, sizeof(rdata));
}

static void address(const char *owner, uint8_t last)
{
	record(owner, SW_TYPE_A, SW_CLASS_IN, (const uint8_t[]){192, 0, 2, last}, 4);
}

static enum sw_incoming_state take(void)
{
	return sw_incoming_take(incoming, message.bytes, message.len);
}

static void start(uint32_t ours, bool is_ixfr, const struct sw_incoming_limits *limits)
{
	uint8_t apex[SW_NAME_MAX], rdata[22] = {0};
	struct sw_hash_key key;
	struct sw_records records = {0};
	const struct sw_record record_ours = {
		.owner = apex, .type = SW_TYPE_SOA, .ttl = 300, .rdata = rdata, .rdata_len = sizeof(rdata)};
	const struct sw_incoming_limits none = {0};
	sw_name_parse("example.", apex);
	for (int i = 0; i < 4; i++)
		rdata[2 + i] = (uint8_t)(ours >> (24 - 8 * i));
	assert_int_equal(sw_hash_key_draw(&key), 0);
	assert_int_equal(sw_records_add(&records, &record_ours), 0);
	sw_incoming_free(incoming);
	incoming = sw_incoming_new(apex, is_ixfr ? &records : NULL, &key, limits ? limits : &none);
	assert_non_null(incoming);
	sw_records_free(&records);
}

static void start_axfr(void)
{
	start(0, false, NULL);
}

static void start_ixfr(uint32_t ours)
{
	start(ours, true, NULL);
}

static int end(void **state)
{
	(void)state;
	sw_incoming_free(incoming);
	incoming = NULL;
	return 0;
}

static void test_queries(void **state)
{
	uint8_t query[1024];
	(void)state;
	start_axfr();
	assert_int_equal(sw_incoming_query(incoming, 0x1234, query), 12 + 9 + 4);
	assert_memory_equal(query, "\x12\x34\0\0\0\1\0\0\0\0\0\0\7example\0\0\xfc\0\1", 25);
	start_ixfr(5);
	/* RFC 1995 s3: our SOA in the authority section */
	assert_int_equal(sw_incoming_query(incoming, 1, query), 25 + 12 + 22);
	assert_memory_equal(query + 4, "\0\1\0\0\0\1\0\0", 8);
	assert_memory_equal(query + 25 + 12 + 2, "\0\0\0\5", 4);
}

static void test_a_zone_in_one_message_and_in_many(void **state)
{
	(void)state;
	for (int in_one = 0; in_one < 2; in_one++) {
		start_axfr();
		begin(0, SW_TYPE_AXFR);
		soa(7);
		for (uint8_t i = 0; i < 10; i++) {
			char owner[32];
			if (!in_one) {
				assert_int_equal(take(), SW_INCOMING_MORE);
				begin(0, 0);
			}
			snprintf(owner, sizeof(owner), "N%u.Example.", i);
			address(owner, i);
		}
		if (!in_one) {
			assert_int_equal(take(), SW_INCOMING_MORE);
			begin(0, 0);
		}
		soa(7);
		assert_int_equal(take(), SW_INCOMING_ZONE);
		assert_int_equal(sw_incoming_records(incoming), 12);
		struct sw_contents *contents = sw_incoming_contents(incoming);
		assert_int_equal(sw_contents_records(contents), 11);
		uint8_t name[SW_NAME_MAX];
		sw_name_parse("n3.example.", name);
		assert_non_null(sw_contents_find(contents, name));
		sw_contents_free(contents);
		begin(0, 0); /* and nothing more is taken */
		address("late.example.", 1);
		assert_int_equal(take(), SW_INCOMING_BAD);
	}
}

/** A SOA with names in it. */
static void named_soa(const char *mname, const char *rname, uint8_t minimum)
{
	uint8_t rdata[2 * SW_NAME_MAX + 20] = {0};
	int len = sw_name_parse(mname, rdata);
	assert_true(len > 0);
	int more = sw_name_parse(rname, rdata + len);
	assert_true(more > 0);
	len += more + 20;
	rdata[len - 17] = 7; /* serial */
	rdata[len - 1] = minimum;
	record("Example.", SW_TYPE_SOA, SW_CLASS_IN, rdata, (size_t)len);
}

/* The last SOA is the first again as a record: in another case perhaps, but not with other values. */
static void test_the_last_soa(void **state)
{
	(void)state;
	for (int is_ixfr = 0; is_ixfr < 2; is_ixfr++) {
		static const struct {
			const char *mname, *rname;
			uint8_t minimum;
			bool is_same;
		} rows[] = {
			{"ns.example.", "host.example.", 60, true},
			{"NS.example.", "hOst.Example.", 60, true},
			{"ns.example.", "host.example.", 61, false},
			{"ns.example.", "hosT.example.", 28, false},
			{"ns.exampl.", "ehost.example.", 60, false},
			{"nt.example.", "host.example.", 60, false},
		};
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			if (is_ixfr)
				start_ixfr(5);
			else
				start_axfr();
			begin(0, is_ixfr ? SW_TYPE_IXFR : SW_TYPE_AXFR);
			named_soa("ns.example.", "host.example.", 60);
			if (is_ixfr) {
				soa(5);
				named_soa("ns.example.", "host.example.", 60);
			}
			address("a.example.", 1);
			named_soa(rows[i].mname, rows[i].rname, rows[i].minimum);
			enum sw_incoming_state good = is_ixfr ? SW_INCOMING_CHANGES : SW_INCOMING_ZONE;
			assert_int_equal(take(), rows[i].is_same ? good : SW_INCOMING_BAD);
		}
	}
}

/* The example of RFC 1995 s7: serial 1 to 3, in two sequences. */
static void test_changes(void **state)
{
	struct sw_delta *deltas;
	struct sw_record got;
	size_t at = 0;
	(void)state;
	start_ixfr(1);
	begin(0, SW_TYPE_IXFR);
	soa(3);
	soa(1);
	address("nezu.example.", 1);
	soa(2);
	assert_int_equal(take(), SW_INCOMING_MORE); /* wherever the message ends */
	begin(0, 0);
	address("jain-bb.example.", 2);
	address("jain-bb.example.", 3);
	soa(2);
	address("jain-bb.example.", 2);
	soa(3);
	address("jain-bb.example.", 4);
	soa(3);
	assert_int_equal(take(), SW_INCOMING_CHANGES);
	assert_int_equal(sw_incoming_deltas(incoming, &deltas), 2);
	assert_int_equal(deltas[0].from, 1);
	assert_int_equal(deltas[0].to, 2);
	assert_int_equal(deltas[1].from, 2);
	assert_int_equal(deltas[1].to, 3);
	assert_int_equal(deltas[0].removed.count, 1);
	assert_int_equal(deltas[0].added.count, 2);
	assert_int_equal(deltas[1].removed.count, 1);
	assert_int_equal(deltas[1].added.count, 1);
	assert_true(sw_records_next(&deltas[1].added, &at, &got));
	assert_int_equal(got.rdata[3], 4);
	assert_true(sw_records_next(&deltas[1].new_soa, &(size_t){0}, &got));
	assert_int_equal(sw_soa_serial(&got), 3);
	sw_delta_free(&deltas[0]);
	sw_delta_free(&deltas[1]);
	free(deltas);
}

/* RFC 1995 s4: the whole zone in place of changes. */
static void test_a_zone_in_answer_to_ixfr(void **state)
{
	(void)state;
	start_ixfr(1);
	begin(0, SW_TYPE_IXFR);
	soa(3);
	address("a.example.", 1);
	soa(3);
	assert_int_equal(take(), SW_INCOMING_ZONE);
	start_ixfr(1);
	begin(0, SW_TYPE_IXFR);
	soa(3);
	assert_int_equal(take(), SW_INCOMING_MORE); /* newer than ours: there is more to come */
	begin(0, 0);
	address("a.example.", 1);
	soa(3);
	assert_int_equal(take(), SW_INCOMING_ZONE);
}

static void test_nothing_newer(void **state)
{
	static const uint32_t theirs[] = {5, 4, 0x80000005u}; /* ours, older, neither */
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		start_ixfr(5);
		begin(0, SW_TYPE_IXFR);
		soa(theirs[i]);
		assert_int_equal(take(), SW_INCOMING_CURRENT);
	}
}

static void test_refusals(void **state)
{
	(void)state;
	start_ixfr(5);
	begin(SW_RCODE_NOTIMP, SW_TYPE_IXFR);
	assert_int_equal(take(), SW_INCOMING_REFUSED);
	assert_true(sw_incoming_may_axfr(incoming));
	start_axfr();
	begin(SW_RCODE_REFUSED, SW_TYPE_AXFR);
	assert_int_equal(take(), SW_INCOMING_REFUSED);
	assert_false(sw_incoming_may_axfr(incoming));
	assert_non_null(strstr(sw_incoming_why(incoming), "REFUSED"));
}

static void broken(const char *what, const char *why)
{
	enum sw_incoming_state state = take();
	if (state != SW_INCOMING_BAD || strstr(sw_incoming_why(incoming), why) == NULL)
		fail_msg("%s: state %d, '%s'", what, state, sw_incoming_why(incoming));
	begin(0, 0);
	address("more.example.", 1);
	assert_int_equal(take(), SW_INCOMING_BAD); /* and it stays so */
}

static void test_hostile_zones(void **state)
{
	static const uint8_t loop[] = {0xc0, 0x0c}, a[] = {192, 0, 2, 1};
	(void)state;
	start_axfr(), begin(0, SW_TYPE_AXFR);
	address("a.example.", 1);
	broken("no SOA first", "begin with a SOA");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1), address("a.elsewhere.", 1);
	broken("out of zone", "outside the zone");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1), address("a.example.", 1), soa(2);
	broken("another SOA", "another SOA");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1), address("a.example.", 1), soa(1),
		address("b.example.", 1);
	broken("behind the end", "behind its end");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1), soa(1);
	broken("SOA and SOA", "nothing but its SOA");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1), record("a.example.", SW_TYPE_A, SW_CLASS_CH, a, 4);
	broken("class", "class 3");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1), record("a.example.", SW_TYPE_TSIG, SW_CLASS_IN, a, 4);
	broken("TSIG as data", "");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1), record("a.example.", SW_TYPE_OPT, SW_CLASS_IN, a, 4);
	broken("OPT as data", "");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1), record("a.example.", 200, SW_CLASS_IN, a, 4);
	broken("a type for queries", "type 200");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1), record("a.example.", SW_TYPE_A, SW_CLASS_IN, a, 3);
	broken("short address", "malformed");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1),
		record("a.example.", SW_TYPE_CNAME, SW_CLASS_IN, loop, 1);
	broken("half a pointer", "malformed");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1), record("b.example.", SW_TYPE_SOA, SW_CLASS_IN, a, 4);
	broken("SOA of another name", "");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1), message.len -= 5;
	broken("cut short", "malformed");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1), assert_int_equal(take(), SW_INCOMING_MORE), begin(0, 0);
	broken("without records", "without records");
	start_axfr(), begin(0, SW_TYPE_IXFR), soa(1);
	broken("another question", "another question");
	start_axfr(), begin(0, SW_TYPE_AXFR), message.bytes[message.len - 1] = SW_CLASS_CH, soa(1);
	broken("another class", "another question");
	start_axfr(), begin(0, SW_TYPE_AXFR), message.bytes[message.len - 2] = 1, soa(1);
	broken("class 257", "another question");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1), message.bytes[2] &= 0x7f;
	broken("a query", "no answer");
	start_axfr(), begin(0, SW_TYPE_AXFR), soa(1), message.bytes[2] |= 2;
	broken("truncated", "no answer");
}

static void test_hostile_changes(void **state)
{
	(void)state;
	start_ixfr(5), begin(0, SW_TYPE_IXFR), soa(9), soa(4), soa(9);
	broken("not from ours", "expected from 5");
	assert_true(sw_incoming_may_axfr(incoming));
	start_ixfr(5), begin(0, SW_TYPE_IXFR), soa(9), soa(5), soa(4);
	broken("backwards", "back to 4");
	start_ixfr(5), begin(0, SW_TYPE_IXFR), soa(9), soa(5), soa(5);
	broken("no step", "back to 5");
	start_ixfr(5), begin(0, SW_TYPE_IXFR), soa(9), soa(5), soa(10);
	broken("beyond", "beyond serial 9");
	start_ixfr(5), begin(0, SW_TYPE_IXFR), soa(9), soa(5), soa(7), soa(6);
	broken("a gap", "expected from 7");
	start_ixfr(5), begin(0, SW_TYPE_IXFR), soa(4), address("a.example.", 1), soa(4);
	broken("an older zone", "serial 4, not newer than 5");
	assert_false(sw_incoming_may_axfr(incoming));
	start_ixfr(5), begin(0, SW_TYPE_IXFR), soa(5), soa(5);
	broken("the same zone", "serial 5, not newer than 5");
	start_ixfr(5), begin(0, SW_TYPE_IXFR), soa(9), soa(5), address("a.elsewhere.", 1);
	broken("out of zone", "outside the zone");
	start_ixfr(5), begin(0, SW_TYPE_IXFR), soa(9), soa(5), soa(9), soa(9), address("a.example.", 1);
	broken("behind the end", "behind its end");
}

static void test_limits(void **state)
{
	(void)state;
	start(0, false, &(struct sw_incoming_limits){.records = 10});
	begin(0, SW_TYPE_AXFR), soa(1);
	for (uint8_t i = 0; i < 9; i++)
		address("a.example.", i);
	assert_int_equal(take(), SW_INCOMING_MORE);
	begin(0, 0), address("a.example.", 99);
	broken("records", "more than 10 records");
	start(0, false, &(struct sw_incoming_limits){.bytes = 100});
	begin(0, SW_TYPE_AXFR), soa(1);
	assert_int_equal(take(), SW_INCOMING_MORE);
	begin(0, 0), address("a.example.", 99);
	broken("bytes", "more than 100 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_queries, end),
		cmocka_unit_test_teardown(test_a_zone_in_one_message_and_in_many, end),
		cmocka_unit_test_teardown(test_the_last_soa, end),
		cmocka_unit_test_teardown(test_changes, end),
		cmocka_unit_test_teardown(test_a_zone_in_answer_to_ixfr, end),
		cmocka_unit_test_teardown(test_nothing_newer, end),
		cmocka_unit_test_teardown(test_refusals, end),
		cmocka_unit_test_teardown(test_hostile_zones, end),
		cmocka_unit_test_teardown(test_hostile_changes, end),
		cmocka_unit_test_teardown(test_limits, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
