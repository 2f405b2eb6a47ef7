/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What counts as the word of a parent, and which DS is that of a key: the key and the DS of RFC 6605 s6.1. */
#include "wire/bytes.h"
#include "wire/message.h"
#include "zone/parent.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AA SW_FLAG_AA
#define RA 0x80
#define AD SW_FLAG_AD
#define TAG 55648

static const uint8_t apex[] = "\7example\3net";
#define DNSKEY                                                           \
	"0101030d1a88c88615d437fbb8bf9e1942a1929f28562706ae6c2bd399e7b1" \
	"bfb6d1e9e75b92b4aa42917ae1c61b701ef035c3fe7be3009cbafe5a2f7131" \
	"6c902dcf0d00"
#define SHA256 "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17"
/* by dnspython 2.3, of the same key: the RFC has none */
#define SHA384                                                             \
	"3be4b980b34443e569255f4a347d4c8e8e18de755fb8072d7b355c44c56b50a6" \
	"1e8050ae636041b9664a04f05aef2680"
#define DS_SHA256 "d9600d02" SHA256 /* 55648 13 2 */
#define DS_SHA384 "d9600d04" SHA384
#define DS_SHA1 "d9600d01000102030405060708090a0b0c0d0e0f10111213"
#define DS_OTHER "12340d02" SHA256

static size_t hex(const char *text, uint8_t *bytes)
{
	size_t len = strlen(text) / 2;
	for (size_t i = 0; i < len; i++)
		assert_int_equal(sscanf(text + 2 * i, "%2hhx", &bytes[i]), 1);
	return len;
}

static struct sw_keys the_key(void)
{
	struct sw_keys keys = {.count = 1};
	memcpy(keys.apex, apex, sizeof(apex));
	keys.keys[0] = (struct sw_key){.role = SW_KEY_CSK, .algorithm = 13, .tag = TAG};
	keys.keys[0].dnskey_len = (uint16_t)hex(DNSKEY, keys.keys[0].dnskey);
	return keys;
}

struct record {
	const char *owner; /* in wire format */
	uint16_t type;
	uint32_t ttl;
	const char *rdata; /* hexadecimal */
};
#define DS(rdata)                                          \
	{                                                  \
		(const char *)apex, SW_TYPE_DS, 300, rdata \
	}
#define SOA_AT(name)                                                                                         \
	{                                                                                                    \
		name, SW_TYPE_SOA, 300, "00000000000100000002000000030000000400000005" /* ". . 1 2 3 4 5" */ \
	}
#define NET "\3net"

static size_t put_record(uint8_t *message, size_t at, const struct record *record)
{
	size_t name_len = sw_name_len((const uint8_t *)record->owner);
	memcpy(message + at, record->owner, name_len);
	at += name_len;
	sw_put16(message + at, record->type);
	sw_put16(message + at + 2, SW_CLASS_IN);
	sw_put32(message + at + 4, record->ttl);
	size_t len = hex(record->rdata, message + at + 10);
	sw_put16(message + at + 8, (uint32_t)len);
	return at + 10 + len;
}

/** An answer to "example.net. DS". Sections end where an owner is NULL. */
static size_t message_make(
	uint8_t *message, unsigned flags, const struct record *answer, const struct record *authority)
{
	size_t at = SW_HEADER_LEN + sizeof(apex) + 4;
	unsigned counts[2] = {0, 0};
	memset(message, 0, SW_HEADER_LEN);
	sw_put16(message + 2, SW_FLAG_QR | flags);
	sw_put16(message + 4, 1);
	memcpy(message + SW_HEADER_LEN, apex, sizeof(apex));
	sw_put16(message + at - 4, SW_TYPE_DS);
	sw_put16(message + at - 2, SW_CLASS_IN);
	for (; answer->owner != NULL; answer++, counts[0]++)
		at = put_record(message, at, answer);
	for (; authority->owner != NULL; authority++, counts[1]++)
		at = put_record(message, at, authority);
	sw_put16(message + 6, counts[0]);
	sw_put16(message + 8, counts[1]);
	return at;
}

static const struct reading {
	const char *what;
	unsigned flags;
	struct record answer[4], authority[2];
	enum sw_parent_kind kind;
	bool is_it;	  /* the DS that is waited for */
	const char *said; /* in the text */
} readings[] = {
	{"a server of the parent", AA, {DS(DS_SHA256)}, {{0}}, SW_PARENT_DS, true, "DS of 55648 (13 2)"},
	{"a resolver that has validated it", RA | AD, {DS(DS_SHA256)}, {{0}}, SW_PARENT_DS, true, "55648"},
	{"a DS and its signature", AA,
		{DS(DS_SHA256), {(const char *)apex, SW_TYPE_RRSIG, 300,
					"002b0d02000000640000006500000064000103"
					"6e657400"
					"0102"}},
		{{0}}, SW_PARENT_DS, true, "DS of 55648"},
	{"another key beside it", AA, {DS(DS_OTHER), DS(DS_SHA256)}, {{0}}, SW_PARENT_DS, true,
		"4660 (13 2), 55648"},
	{"upper case", AA, {{"\7EXAMPLE\3Net", SW_TYPE_DS, 300, DS_SHA256}}, {{0}}, SW_PARENT_DS, true,
		"55648"},
	{"SHA-384 alone", AA, {DS(DS_SHA384)}, {{0}}, SW_PARENT_DS, true, "55648 (13 4)"},
	{"SHA-256 and SHA-384", AA, {DS(DS_SHA256), DS(DS_SHA384)}, {{0}}, SW_PARENT_DS, true, ""},
	{"SHA-384 that is another's: some validators look at nothing else", AA,
		{DS(DS_SHA256), DS("12340d04" SHA384)}, {{0}}, SW_PARENT_DS, false, "4660 (13 4)"},
	{"SHA-1 alone", AA, {DS(DS_SHA1)}, {{0}}, SW_PARENT_DS, false, "55648 (13 1)"},
	{"SHA-1 beside SHA-256", AA, {DS(DS_SHA1), DS(DS_SHA256)}, {{0}}, SW_PARENT_DS, true, ""},
	{"another tag", AA, {DS(DS_OTHER)}, {{0}}, SW_PARENT_DS, false, "4660"},
	{"another algorithm", AA, {DS("d9600f02" SHA256)}, {{0}}, SW_PARENT_DS, false, "(15 2)"},
	{"another digest", AA,
		{DS("d9600d02"
		    "00c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17")},
		{{0}}, SW_PARENT_DS, false, "55648 (13 2)"},
	{"a digest cut short", AA,
		{DS("d9600d02"
		    "b4c8c1fe2e7477127b27115656ad6256")},
		{{0}}, SW_PARENT_DS, false, ""},
	{"a digest with a tail", AA, {DS(DS_SHA256 "00")}, {{0}}, SW_PARENT_DS, false, ""},
	{"a digest longer than any", AA, {DS(DS_SHA256 SHA384)}, {{0}}, SW_PARENT_DS, false, ""},
	{"a type of digest nobody knows", AA, {DS("d9600dff" SHA256)}, {{0}}, SW_PARENT_DS, false,
		"(13 255)"},
	{"no DS", AA, {{0}}, {SOA_AT(NET)}, SW_PARENT_NO_DS, false, "no DS"},
	{"no DS, from the root", AA, {{0}}, {SOA_AT("")}, SW_PARENT_NO_DS, false, "no DS"},
	{"no DS, validated", RA | AD, {{0}}, {SOA_AT(NET)}, SW_PARENT_NO_DS, false, "no DS"},
	{"no DS, from a resolver that has not validated it", RA, {{0}}, {SOA_AT(NET)}, SW_PARENT_FAILED,
		false, "neither authoritative nor validated"},
	{"a DS from one", RA, {DS(DS_SHA256)}, {{0}}, SW_PARENT_FAILED, false,
		"neither authoritative nor validated"},
	{"no DS, from the zone itself", AA, {{0}}, {SOA_AT((const char *)apex)}, SW_PARENT_FAILED, false,
		"does not speak for the parent"},
	{"no DS, from a zone beside it", AA, {{0}}, {SOA_AT("\3com")}, SW_PARENT_FAILED, false,
		"speak for the parent"},
	{"no DS, from a zone below", AA, {{0}}, {SOA_AT("\1a\7example\3net")}, SW_PARENT_FAILED, false,
		"speak"},
	{"nothing at all", AA, {{0}}, {{0}}, SW_PARENT_FAILED, false, "does not speak for the parent"},
	{"a referral", 0, {{0}}, {{(const char *)apex, SW_TYPE_NS, 300, "00"}}, SW_PARENT_FAILED, false,
		"refers to others"},
	{"AD alone", AD, {DS(DS_SHA256)}, {{0}}, SW_PARENT_FAILED, false, "refers to others"},
	{"an alias", AA,
		{{(const char *)apex, SW_TYPE_CNAME, 300,
			 "0161"
			 "00"},
			DS(DS_SHA256)},
		{{0}}, SW_PARENT_FAILED, false, "something else"},
	{"the DS of another zone", AA, {{"\7example\3com", SW_TYPE_DS, 300, DS_SHA256}}, {{0}},
		SW_PARENT_FAILED, false, "something else"},
	{"a DS that is too short", AA, {DS("d960")}, {{0}}, SW_PARENT_FAILED, false, "malformed"},
	{"NXDOMAIN", AA | SW_RCODE_NXDOMAIN, {{0}}, {SOA_AT(NET)}, SW_PARENT_FAILED, false,
		"it answers NXDOMAIN"},
	{"REFUSED", RA | SW_RCODE_REFUSED, {{0}}, {{0}}, SW_PARENT_FAILED, false, "it answers REFUSED"},
	{"SERVFAIL with a DS", AA | SW_RCODE_SERVFAIL, {DS(DS_SHA256)}, {{0}}, SW_PARENT_FAILED, false,
		"SERVFAIL"},
	{"an RCODE nobody knows", AA | 14, {DS(DS_SHA256)}, {{0}}, SW_PARENT_FAILED, false, "RCODE 14"},
};

static void test_readings(void **state)
{
	(void)state;
	struct sw_keys keys = the_key();
	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
		const struct reading *reading = &readings[i];
		uint8_t message[2048];
		char text[SW_PARENT_SAID_MAX];
		struct sw_parent_answer answer;
		size_t len = message_make(message, reading->flags, reading->answer, reading->authority);
		sw_parent_read(message, len, apex, &answer);
		sw_parent_text(&answer, text);
		if (answer.kind != reading->kind || !strstr(text, reading->said) ||
			sw_parent_has(&answer, &keys, &keys.keys[0]) != reading->is_it)
			fail_msg("%s: %d, \"%s\"", reading->what, answer.kind, text);
	}
}

/** Whatever is cut off, nothing is read that is not there, and half an answer never counts. */
static void test_cut(void **state)
{
	(void)state;
	struct sw_keys keys = the_key();
	const struct record answer[] = {DS(DS_OTHER), DS(DS_SHA256), {0}}, none[] = {{0}};
	uint8_t message[2048];
	size_t len = message_make(message, AA, answer, none);
	for (size_t cut = 0; cut < len; cut++) {
		struct sw_parent_answer read;
		uint8_t *part = malloc(cut + 1); /* so that a sanitizer sees the end */
		memcpy(part, message, cut);
		sw_parent_read(part, cut, apex, &read);
		assert_int_equal(read.kind, SW_PARENT_FAILED);
		assert_false(sw_parent_has(&read, &keys, &keys.keys[0]));
		free(part);
	}
}

static void test_ttl(void **state)
{
	(void)state;
	static const struct {
		uint32_t ttl, read;
	} cases[] = {{0, 0}, {1, 1}, {86400, 86400}, {SW_PARENT_TTL_MAX_S + 1, SW_PARENT_TTL_MAX_S},
		{INT32_MAX, SW_PARENT_TTL_MAX_S}, {0x80000000, 0}, {UINT32_MAX, 0}};
	const struct record none[] = {{0}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record answer[] = {DS(DS_SHA256), {0}};
		struct sw_parent_answer read;
		uint8_t message[2048];
		answer[0].ttl = cases[i].ttl;
		sw_parent_read(message, message_make(message, AA, answer, none), apex, &read);
		assert_int_equal(read.kind, SW_PARENT_DS);
		assert_int_equal(read.ttl_s, cases[i].read);
	}
}

/** As many as a set may have are read and told of; one more, and none counts. */
static void test_many(void **state)
{
	(void)state;
	struct sw_keys keys = the_key();
	struct record answer[SW_PARENT_DS_MAX + 2] = {{0}};
	const struct record none[] = {{0}};
	struct sw_parent_answer read;
	char text[SW_PARENT_SAID_MAX];
	static uint8_t message[8192];
	for (size_t i = 0; i < SW_PARENT_DS_MAX; i++)
		answer[i] = (struct record)DS(DS_OTHER);
	answer[SW_PARENT_DS_MAX - 1] = (struct record)DS(DS_SHA256);
	sw_parent_read(message, message_make(message, AA, answer, none), apex, &read);
	assert_int_equal(read.count, SW_PARENT_DS_MAX);
	assert_true(sw_parent_has(&read, &keys, &keys.keys[0]));
	assert_non_null(strstr(sw_parent_text(&read, text), " more"));
	answer[SW_PARENT_DS_MAX] = (struct record)DS(DS_SHA256);
	sw_parent_read(message, message_make(message, AA, answer, none), apex, &read);
	assert_int_equal(read.kind, SW_PARENT_FAILED);
	assert_false(sw_parent_has(&read, &keys, &keys.keys[0]));
	assert_non_null(strstr(sw_parent_text(&read, text), "more DS records"));
}

static void test_not_asked(void **state)
{
	(void)state;
	struct sw_keys keys = the_key();
	struct sw_parent_answer answer = {0};
	char text[SW_PARENT_SAID_MAX];
	assert_false(sw_parent_has(&answer, &keys, &keys.keys[0]));
	assert_string_equal(sw_parent_text(&answer, text), "it was not asked yet");
	sw_parent_fail(&answer, "it does not answer");
	assert_string_equal(sw_parent_text(&answer, text), "it does not answer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readings),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_not_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
