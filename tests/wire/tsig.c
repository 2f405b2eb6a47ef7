/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signatures: both ends against each other, and what may come in between. */
#include "wire/tsig.h"
#include "wire/message.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define MAX 4096

static struct sw_tsig_key key, other;
static struct sw_tsig asking, answering;
static uint8_t query[MAX], reply[MAX];
static size_t query_len, reply_len;

static const struct sw_tsig_key *find(void *arg, const uint8_t *name, enum sw_tsig_algorithm algorithm)
{
	const struct sw_tsig_key *known = arg;
	return known != NULL && known->algorithm == algorithm && sw_name_equal(known->name, name) ? known
												  : NULL;
}

static uint64_t now(void)
{
	return (uint64_t)time(NULL);
}

static void message_begin(uint8_t *message, size_t *len, unsigned flags)
{
	static const uint8_t question[] = "\7example\0\0\6\0\1";
	memset(message, 0, SW_HEADER_LEN);
	message[0] = 0x12;
	message[1] = 0x34;
	message[2] = (uint8_t)(flags >> 8);
	message[5] = 1;
	memcpy(message + SW_HEADER_LEN, question, sizeof(question) - 1);
	*len = SW_HEADER_LEN + sizeof(question) - 1;
}

static int setup(void **state)
{
	char why[512];
	(void)state;
	assert_int_equal(
		sw_tsig_key_parse(&key, "Key.Example", "hmac-SHA256", "c2VjcmV0IHNlY3JldCBzZWNyZXQ=", why),
		0);
	assert_int_equal(
		sw_tsig_key_parse(&other, "key.example", "hmac-sha256", "b3RoZXIgb3RoZXIgb3RoZXI=", why), 0);
	message_begin(query, &query_len, 0);
	assert_int_equal(sw_tsig_sign_query(&asking, &key, query, &query_len, MAX, now()), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sw_tsig_end(&asking);
	sw_tsig_end(&answering);
	return 0;
}

static int check_query(const struct sw_tsig_key *known)
{
	return sw_tsig_check_query(&answering, find, (void *)(uintptr_t)known, query, &query_len, now());
}

static void reply_sign(void)
{
	message_begin(reply, &reply_len, SW_FLAG_QR);
	assert_int_equal(sw_tsig_sign_reply(&answering, reply, &reply_len, MAX, now()), 0);
}

static int check_reply(bool is_last)
{
	return sw_tsig_check_reply(&asking, reply, &reply_len, is_last, now());
}

static void test_keys(void **state)
{
	struct sw_tsig_key parsed;
	char why[512];
	(void)state;
	assert_memory_equal(key.name, "\3key\7example", 13);
	assert_int_equal(key.secret_len, 20);
	assert_int_equal(sw_tsig_key_parse(&parsed, "k", "hmac-sha3", "c2VjcmV0", why), -EINVAL);
	assert_non_null(strstr(why, "hmac-sha3"));
	assert_int_equal(sw_tsig_key_parse(&parsed, "k", "hmac-sha1", "not base64!", why), -EINVAL);
	assert_int_equal(sw_tsig_key_parse(&parsed, "k", "hmac-sha1", "", why), -EINVAL);
	assert_int_equal(sw_tsig_key_parse(&parsed, "a..b", "hmac-sha1", "c2VjcmV0", why), -EINVAL);
	assert_true(sw_tsig_algorithm_is_weak(SW_TSIG_MD5));
	assert_true(sw_tsig_algorithm_is_weak(SW_TSIG_SHA1));
	assert_false(sw_tsig_algorithm_is_weak(SW_TSIG_SHA256));
}

static void test_there_and_back(void **state)
{
	size_t plain_len;
	uint8_t plain[MAX];
	(void)state;
	assert_int_equal(check_query(&key), 0);
	assert_ptr_equal(answering.key, &key);
	message_begin(plain, &plain_len, 0);
	assert_int_equal(query_len, plain_len); /* the signature is off */
	assert_memory_equal(query, plain, plain_len);
	reply_sign();
	assert_int_equal(check_reply(true), 0);
	assert_int_equal(reply_len, plain_len);
}

/* Two clocks within the fudge of each other: the answer may be signed "before" the query was. */
static void test_a_primary_with_a_slower_clock(void **state)
{
	(void)state;
	message_begin(query, &query_len, 0);
	assert_int_equal(sw_tsig_sign_query(&asking, &key, query, &query_len, MAX, now() + 60), 0);
	assert_int_equal(check_query(&key), 0);
	reply_sign();
	assert_int_equal(check_reply(true), 0);
}

static void test_without_there_is_none(void **state)
{
	(void)state;
	message_begin(query, &query_len, 0);
	assert_int_equal(check_query(&key), 0);
	assert_null(answering.key);
	message_begin(reply, &reply_len, SW_FLAG_QR);
	size_t len = reply_len;
	assert_int_equal(sw_tsig_sign_reply(&answering, reply, &reply_len, MAX, now()), 0);
	assert_int_equal(reply_len, len);
	assert_int_equal(check_reply(true), -EBADMSG); /* who signed wants a signature */
}

/* RFC 8945 s5.2.1: an unknown key is told of without a signature, by its own name. */
static void test_unknown_keys(void **state)
{
	(void)state;
	assert_int_equal(check_query(NULL), SW_RCODE_NOTAUTH);
	assert_int_equal(answering.error, 17);
	assert_null(answering.key);
	reply_sign();
	assert_int_equal(reply[11], 1);
	assert_int_equal(check_reply(true), -EKEYREJECTED);
	assert_int_equal(asking.error, 17);
}

/* s5.2.2 */
static void test_wrong_secrets(void **state)
{
	(void)state;
	assert_int_equal(check_query(&other), SW_RCODE_NOTAUTH);
	assert_int_equal(answering.error, 16);
	reply_sign();
	assert_int_equal(check_reply(true), -EKEYREJECTED);
	assert_int_equal(asking.error, 16);
}

/* s5.2.3: signed, and with our time */
static void test_wrong_times(void **state)
{
	(void)state;
	assert_int_equal(sw_tsig_check_query(&answering, find, &key, query, &query_len, now() + 10000),
		SW_RCODE_NOTAUTH);
	assert_int_equal(answering.error, 18);
	reply_sign();
	assert_int_equal(check_reply(true), -EKEYREJECTED);
	assert_int_equal(asking.error, 18);
}

static void test_changed_on_the_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < 25; i++) {
		message_begin(query, &query_len, 0);
		assert_int_equal(sw_tsig_sign_query(&asking, &key, query, &query_len, MAX, now()), 0);
		query[i] ^= 0x01;
		int rcode = check_query(&key);
		/* the ID is not signed as it stands, and counts that are wrong hide the signature */
		if (i >= 2 && i != 5 && i != 7 && i != 9 && i != 11 && i != 4 && i != 6 && i != 8 && i != 10)
			assert_true(rcode != 0 || answering.key == NULL);
	}
	message_begin(query, &query_len, 0);
	assert_int_equal(sw_tsig_sign_query(&asking, &key, query, &query_len, MAX, now()), 0);
	assert_int_equal(check_query(&key), 0);
	reply_sign();
	reply[3] ^= 1;
	assert_int_equal(check_reply(true), -EBADMSG);
}

static void test_cut_short_is_not_signed(void **state)
{
	uint8_t whole[MAX];
	size_t len = query_len;
	(void)state;
	memcpy(whole, query, len);
	for (size_t i = 0; i < len; i++) {
		memcpy(query, whole, i);
		query_len = i;
		sw_tsig_check_query(&answering, find, &key, query, &query_len, now());
		assert_null(answering.key);
	}
}

/* s5.1: the last record, or FORMERR */
static void test_a_record_behind_it(void **state)
{
	static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
	(void)state;
	memcpy(query + query_len, opt, sizeof(opt));
	query_len += sizeof(opt);
	query[11] = 2;
	assert_int_equal(check_query(&key), SW_RCODE_FORMERR);
}

/* s5.3.1: a stream, of which one in a hundred must be signed. */
static void stream(unsigned between, int expected)
{
	setup(NULL);
	assert_int_equal(check_query(&key), 0);
	reply_sign();
	assert_int_equal(check_reply(false), 0);
	for (unsigned i = 0; i < between; i++) {
		message_begin(reply, &reply_len, SW_FLAG_QR);
		int err = check_reply(false);
		if (err != 0) {
			assert_int_equal(err, expected);
			assert_int_equal(i, 99);
			teardown(NULL);
			return;
		}
	}
	assert_int_equal(asking.unsigned_count, between);
	assert_int_equal(expected, 0);
	teardown(NULL);
}

static void test_streams(void **state)
{
	(void)state;
	assert_int_equal(check_query(&key), 0);
	for (unsigned i = 0; i < 5; i++) {
		reply_sign();
		assert_int_equal(check_reply(false), 0);
	}
	reply_sign();
	reply[13] ^= 1;
	assert_int_equal(check_reply(true), -EBADMSG);
	teardown(NULL);
	stream(99, 0);
	stream(100, -EBADMSG);
}

static void test_no_room(void **state)
{
	(void)state;
	assert_int_equal(check_query(&key), 0);
	message_begin(reply, &reply_len, SW_FLAG_QR);
	assert_int_equal(sw_tsig_sign_reply(&answering, reply, &reply_len, reply_len + 10, now()), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_primary_with_a_slower_clock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_there_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_secrets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_times, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_on_the_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_short_is_not_signed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_record_behind_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
