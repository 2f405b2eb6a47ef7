/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signatures: both ends against each other, and what may come in between. */
#include "wire/tsig.h"
#include "wire/message.h"
#include <errno.h>
#include <libdnssec/error.h>
#include <libdnssec/tsig.h>
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

static const struct sw_tsig_key *claimed(const struct sw_tsig_key *known)
{
	uint8_t copy[MAX];
	memcpy(copy, query, query_len);
	const struct sw_tsig_key *found = sw_tsig_claimed(find, (void *)(uintptr_t)known, query, query_len);
	assert_memory_equal(copy, query, query_len);
	return found;
}

/* What it says is known before anything is checked: right, wrong, of another key, cut off anywhere. */
static void test_claims(void **state)
{
	(void)state;
	size_t len = query_len, name_at = SW_HEADER_LEN + 13;
	assert_ptr_equal(claimed(&key), &key);
	assert_ptr_equal(claimed(&other), &other); /* of the same name */
	assert_null(claimed(NULL));
	struct sw_tsig_key of_sha512 = key;
	of_sha512.algorithm = SW_TSIG_SHA512;
	assert_null(claimed(&of_sha512));
	query[name_at + 1] = 'K'; /* as case matters nowhere */
	assert_ptr_equal(claimed(&key), &key);
	for (query_len = 0; query_len < len; query_len++) {
		uint8_t *exact = test_malloc(query_len + 1); /* what is read behind its end is found */
		memcpy(exact, query, query_len);
		assert_null(sw_tsig_claimed(find, &key, exact, query_len));
		test_free(exact);
	}
	query_len = len;
	query[11] = 0; /* no additional section: there is none */
	assert_null(claimed(&key));
	query[11] = 1;
	query[name_at + 13 + 10] = 200; /* the algorithm's name ends nowhere */
	assert_null(claimed(&key));
	query[name_at + 13 + 10] = 0xc0; /* compressed */
	assert_null(claimed(&key));
	message_begin(query, &query_len, 0);
	static const uint8_t pointer[] = "\xc0\0\0\xfa\0\xff\0\0\0\0\0\0";
	memcpy(query + query_len, pointer, sizeof(pointer) - 1);
	query_len += sizeof(pointer) - 1;
	query[11] = 1;
	assert_null(claimed(&key));
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

/* ---- signatures of our own making, which no library would make ---- */

/** What is not as it should be. */
struct odd {
	unsigned mac_len; /* 0: the whole */
	int skew_s;
	unsigned fudge; /* 0: 300 */
	bool is_wrong;	/* its last byte */
	uint16_t class; /* 0: ANY */
	uint8_t ttl;
	bool has_no_mac;
};

static void put16(uint8_t *message, size_t *len, unsigned value)
{
	message[(*len)++] = (uint8_t)(value >> 8);
	message[(*len)++] = (uint8_t)value;
}

static void put(uint8_t *message, size_t *len, const void *bytes, size_t count)
{
	memcpy(message + *len, bytes, count);
	*len += count;
}

/** HMAC over what RFC 8945 s4.3.3 lists. @param signed_bytes  the message before its TSIG */
static size_t mac_make(const uint8_t *signed_bytes, size_t len, uint8_t mac[64])
{
	const dnssec_binary_t secret = {.size = key.secret_len, .data = key.secret},
			      bytes = {.size = len, .data = (uint8_t *)(uintptr_t)signed_bytes};
	dnssec_tsig_ctx_t *context;
	assert_int_equal(dnssec_tsig_new(&context, DNSSEC_TSIG_HMAC_SHA256, &secret), DNSSEC_EOK);
	assert_int_equal(dnssec_tsig_add(context, &bytes), DNSSEC_EOK);
	assert_int_equal(dnssec_tsig_write(context, mac), DNSSEC_EOK);
	dnssec_tsig_free(context);
	return 32;
}

static void time_put(uint8_t *message, size_t *len, uint64_t time_s, unsigned fudge)
{
	put16(message, len, (unsigned)(time_s >> 32));
	put16(message, len, (unsigned)(time_s >> 16 & 0xffff));
	put16(message, len, (unsigned)(time_s & 0xffff));
	put16(message, len, fudge);
}

static const uint8_t sha256_name[] = "\13hmac-sha256";

/** The TSIG record with a MAC, as s4.2 has it. */
static void tsig_put(uint8_t *message, size_t *len, const struct odd *odd, uint64_t time_s,
	const uint8_t *mac, size_t mac_len)
{
	put(message, len, key.name, sw_name_len(key.name));
	put16(message, len, SW_TYPE_TSIG);
	put16(message, len, odd->class ? odd->class : SW_CLASS_ANY);
	put(message, len, (const uint8_t[]){0, 0, 0, odd->ttl}, 4);
	put16(message, len, (unsigned)(sizeof(sha256_name) + 16 + mac_len));
	put(message, len, sha256_name, sizeof(sha256_name));
	time_put(message, len, time_s, odd->fudge ? odd->fudge : SW_TSIG_FUDGE_S);
	put16(message, len, (unsigned)mac_len);
	put(message, len, mac, mac_len);
	put(message, len, message, 2); /* the original ID */
	put(message, len, (const uint8_t[4]){0}, 4);
	message[11]++;
}

/** A query that is signed as `odd` says. */
static void query_sign(const struct odd *odd)
{
	uint8_t bytes[MAX], mac[512] = {0};
	uint64_t time_s = now() + (uint64_t)(int64_t)odd->skew_s;
	message_begin(query, &query_len, 0);
	size_t len = query_len;
	memcpy(bytes, query, len);
	put(bytes, &len, key.name, sw_name_len(key.name));
	put(bytes, &len, (const uint8_t[]){0, SW_CLASS_ANY, 0, 0, 0, 0}, 6);
	put(bytes, &len, sha256_name, sizeof(sha256_name));
	time_put(bytes, &len, time_s, odd->fudge ? odd->fudge : SW_TSIG_FUDGE_S);
	put(bytes, &len, (const uint8_t[4]){0}, 4);
	size_t mac_len = mac_make(bytes, len, mac);
	if (odd->mac_len != 0)
		mac_len = odd->mac_len;
	if (odd->has_no_mac)
		mac_len = 0;
	if (odd->is_wrong)
		mac[mac_len - 1] ^= 1;
	tsig_put(query, &query_len, odd, time_s, mac, mac_len);
}

/** What comes of such a query: its RCODE, and the error in the TSIG of the reply. */
static void odd_query(const struct odd *odd, int rcode, unsigned error)
{
	query_sign(odd);
	assert_int_equal(check_query(&key), rcode);
	assert_int_equal(answering.error, error);
	assert_true((answering.key != NULL) == (rcode != SW_RCODE_FORMERR));
	reply_sign();
	/* FORMERR has no TSIG; BADSIG has one without a MAC (s5.3.2), the others are signed */
	assert_int_equal(reply[11], rcode != SW_RCODE_FORMERR);
	bool has_mac = rcode == 0 || error == 18 || error == 22;
	assert_true((reply_len > 100) == has_mac);
	teardown(NULL);
}

/* s5.2.2.1: the whole MAC; or FORMERR; or, right as far as it goes, BADTRUNC, since we want all of it
 * (s5.2.4) */
static void test_lengths_of_macs(void **state)
{
	(void)state;
	odd_query(&(struct odd){0}, 0, 0);
	for (unsigned len = 1; len < 16; len++)
		odd_query(&(struct odd){.mac_len = len}, SW_RCODE_FORMERR, 0);
	odd_query(&(struct odd){.has_no_mac = true}, SW_RCODE_FORMERR, 0);
	for (unsigned len = 16; len < 32; len++) {
		odd_query(&(struct odd){.mac_len = len}, SW_RCODE_NOTAUTH, 22);
		odd_query(&(struct odd){.mac_len = len, .is_wrong = true}, SW_RCODE_NOTAUTH, 16);
	}
	for (unsigned len = 33; len < 300; len += 13)
		odd_query(&(struct odd){.mac_len = len}, SW_RCODE_FORMERR, 0);
	odd_query(&(struct odd){.mac_len = 64}, SW_RCODE_FORMERR, 0);
}

/* s5.2: the MAC is looked at before the time, the time before the length. */
static void test_order_of_checks(void **state)
{
	(void)state;
	odd_query(&(struct odd){.is_wrong = true, .skew_s = 4000}, SW_RCODE_NOTAUTH, 16);
	odd_query(&(struct odd){.is_wrong = true, .skew_s = -4000, .mac_len = 20}, SW_RCODE_NOTAUTH, 16);
	odd_query(&(struct odd){.skew_s = 4000, .mac_len = 20}, SW_RCODE_NOTAUTH, 18);
	odd_query(&(struct odd){.skew_s = 4000, .mac_len = 9}, SW_RCODE_FORMERR, 0);
	query_sign(&(struct odd){.mac_len = 9}); /* of a key that is not known nothing else is looked at */
	assert_int_equal(check_query(NULL), SW_RCODE_NOTAUTH);
	assert_int_equal(answering.error, 17);
}

/* s5.2.3: the fudge is the client's; its bounds are within. Some seconds for the test's own time. */
static void test_fudge(void **state)
{
	(void)state;
	odd_query(&(struct odd){.skew_s = 290}, 0, 0);
	odd_query(&(struct odd){.skew_s = -290}, 0, 0);
	odd_query(&(struct odd){.skew_s = 310 + 60}, SW_RCODE_NOTAUTH, 18);
	odd_query(&(struct odd){.skew_s = -310}, SW_RCODE_NOTAUTH, 18);
	odd_query(&(struct odd){.skew_s = -1000, .fudge = 2000}, 0, 0);
	odd_query(&(struct odd){.skew_s = -100, .fudge = 20}, SW_RCODE_NOTAUTH, 18);
}

/* s4.2: class ANY and TTL 0, which the MAC does not show */
static void test_class_and_ttl(void **state)
{
	(void)state;
	odd_query(&(struct odd){.class = 1}, SW_RCODE_FORMERR, 0);
	odd_query(&(struct odd){.ttl = 1}, SW_RCODE_FORMERR, 0);
}

/* s5.1: one, in the additional section */
static void test_places(void **state)
{
	uint8_t one[MAX];
	(void)state;
	query_sign(&(struct odd){0});
	size_t start = SW_HEADER_LEN + 13, len = query_len - start;
	memcpy(one, query + start, len);
	put(query, &query_len, one, len);
	query[11] = 2;
	assert_int_equal(check_query(&key), SW_RCODE_FORMERR);
	assert_null(answering.key);
	query_sign(&(struct odd){0});
	query[11] = 0;
	query[7] = 1; /* in the answer section */
	assert_int_equal(check_query(&key), SW_RCODE_FORMERR);
	assert_null(answering.key);
}

/** The next message of a stream, signed by ourselves (s5.3.1) over the MAC before and the timers. */
static void next_sign(int skew_s)
{
	uint8_t bytes[MAX], mac[64];
	size_t len = 0;
	uint64_t time_s = now() + (uint64_t)(int64_t)skew_s;
	message_begin(reply, &reply_len, SW_FLAG_QR);
	put16(bytes, &len, asking.mac_len);
	put(bytes, &len, asking.mac, asking.mac_len);
	put(bytes, &len, reply, reply_len);
	time_put(bytes, &len, time_s, SW_TSIG_FUDGE_S);
	size_t mac_len = mac_make(bytes, len, mac);
	tsig_put(reply, &reply_len, &(struct odd){0}, time_s, mac, mac_len);
}

/* s5.3.1: in a stream the time never goes back; equal is right. */
static void test_time_of_streams(void **state)
{
	(void)state;
	assert_int_equal(check_query(&key), 0);
	reply_sign();
	assert_int_equal(check_reply(false), 0);
	next_sign(50);
	assert_int_equal(check_reply(false), 0);
	next_sign(50);
	assert_int_equal(check_reply(false), 0);
	next_sign(-50);
	assert_int_equal(check_reply(false), -ETIME);
}

/* s5.2.4, s5.3.2: the refusal of a MAC that is cut short is signed, over that MAC. */
static void test_refusal_is_signed(void **state)
{
	uint8_t bytes[MAX], mac[64];
	size_t len = 0;
	(void)state;
	query_sign(&(struct odd){.mac_len = 20});
	memcpy(asking.mac, query + query_len - 26, 20);
	asking.mac_len = 20;
	assert_int_equal(check_query(&key), SW_RCODE_NOTAUTH);
	reply_sign();
	assert_int_equal(reply[reply_len - 3], 22);
	size_t plain_len = SW_HEADER_LEN + 13, time_at = reply_len - 32 - 6 - 2 - 8;
	put16(bytes, &len, 20);
	put(bytes, &len, asking.mac, 20);
	put(bytes, &len, reply, plain_len);
	bytes[2 + 20 + 11]--; /* before the TSIG there was none */
	put(bytes, &len, key.name, sw_name_len(key.name));
	put(bytes, &len, (const uint8_t[]){0, SW_CLASS_ANY, 0, 0, 0, 0}, 6);
	put(bytes, &len, sha256_name, sizeof(sha256_name));
	put(bytes, &len, reply + time_at, 8);
	put(bytes, &len, (const uint8_t[]){0, 22, 0, 0}, 4);
	assert_int_equal(mac_make(bytes, len, mac), 32);
	assert_memory_equal(mac, reply + reply_len - 32 - 6, 32);
	assert_int_equal(check_reply(true), -EKEYREJECTED);
	assert_int_equal(asking.error, 22);
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
		cmocka_unit_test_setup_teardown(test_claims, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_secrets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_times, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_on_the_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_short_is_not_signed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_record_behind_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lengths_of_macs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_of_checks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fudge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_class_and_ttl, setup, teardown),
		cmocka_unit_test_setup_teardown(test_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time_of_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusal_is_signed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
