/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Padding: block lengths of RFC 8467, the option of RFC 7830, and whatever a client may send in place of it.
 */
#include "serve/pad.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOM 65535

/* "a." A, EDNS with an option of padding, 3 bytes of it */
static const uint8_t asks[] = {0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 'a', 0, 0, 1, 0, 1, 0, 0, 41, 16, 0, 0,
	0, 0, 0, 0, 7, 0, 12, 0, 3, 0, 0, 0};
static const uint8_t asks_not[] = {
	0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 'a', 0, 0, 1, 0, 1, 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0};

/** A reply of exactly `len` bytes: a TXT record that points to the question's name, and OPT behind it, with
 * an option of 4 bytes. */
static size_t reply_make(uint8_t *reply, size_t len)
{
	static const uint8_t head[] = {0, 1, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 1, 1, 'a', 0, 0, 1, 0, 1};
	static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 3, 0, 0};
	size_t rdata_len = len - sizeof(head) - 12 - sizeof(opt);
	const uint8_t record[] = {
		0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 1, (uint8_t)(rdata_len >> 8), (uint8_t)rdata_len};
	memcpy(reply, head, sizeof(head));
	memcpy(reply + sizeof(head), record, sizeof(record));
	memset(reply + sizeof(head) + sizeof(record), 0x29, rdata_len);
	memcpy(reply + len - sizeof(opt), opt, sizeof(opt));
	return len;
}

static void test_blocks(void **state)
{
	(void)state;
	static const size_t rows[][2] = {{60, 468}, {463, 468}, {464, 468}, {465, 936}, {468, 936},
		{932, 936}, {933, 1404}, {65000, 65052}, {65052, 65520}, {65516, 65520}, {65517, 65535},
		{65531, 65535}, {65532, 65532}, {65535, 65535}};
	uint8_t *reply = malloc(ROOM), *before = malloc(ROOM);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t len = reply_make(reply, rows[i][0]);
		memcpy(before, reply, len);
		size_t padded = sw_pad(asks, sizeof(asks), reply, len);
		assert_int_equal(padded, rows[i][1]);
		if (padded == len)
			continue;
		size_t rdlen_at = len - 6, rdlen = 4 + padded - len;
		assert_int_equal(reply[rdlen_at] << 8 | reply[rdlen_at + 1], rdlen);
		assert_memory_equal(reply, before, rdlen_at);
		assert_memory_equal(reply + rdlen_at + 2, before + rdlen_at + 2, len - rdlen_at - 2);
		assert_int_equal(reply[len] << 8 | reply[len + 1], 12);
		assert_int_equal(reply[len + 2] << 8 | reply[len + 3], padded - len - 4);
		for (size_t at = len + 4; at < padded; at++)
			assert_int_equal(reply[at], 0);
	}
	free(reply);
	free(before);
}

static void test_unasked(void **state)
{
	(void)state;
	uint8_t *reply = malloc(ROOM);
	size_t len = reply_make(reply, 100);
	assert_int_equal(sw_pad(asks_not, sizeof(asks_not), reply, len), len);
	assert_int_equal(sw_pad(asks, 19, reply, len), len); /* without its OPT record, though it says so */
	assert_int_equal(sw_pad(asks, 0, reply, len), len);
	free(reply);
}

/** A reply that ends with anything else, such as a signature, must stay as it is. */
static void test_signed(void **state)
{
	(void)state;
	uint8_t *reply = malloc(ROOM);
	size_t len = reply_make(reply, 100);
	static const uint8_t tsig[] = {0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0};
	memcpy(reply + len, tsig, sizeof(tsig));
	reply[11] = 2;
	assert_int_equal(sw_pad(asks, sizeof(asks), reply, len + sizeof(tsig)), len + sizeof(tsig));
	reply[11] = 0; /* no OPT at all */
	assert_int_equal(sw_pad(asks, sizeof(asks), reply, len), len);
	free(reply);
}

/** Every cut and every changed byte of a query, in memory of just its size. */
static void test_hostile(void **state)
{
	(void)state;
	uint8_t *reply = malloc(ROOM);
	for (size_t len = 0; len <= sizeof(asks); len++) {
		for (size_t at = 0; at < len; at++) {
			for (unsigned value = 0; value < 256; value += 5) {
				uint8_t *query = malloc(len);
				memcpy(query, asks, len);
				query[at] = (uint8_t)value;
				size_t now = sw_pad(query, len, reply, reply_make(reply, 100));
				assert_true(now == 100 || now == 468);
				free(query);
			}
		}
	}
	free(reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_unasked),
		cmocka_unit_test(test_signed),
		cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
