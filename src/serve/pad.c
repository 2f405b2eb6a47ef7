/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/pad.h"
#include "wire/bytes.h"
#include "wire/message.h"
#include <stdbool.h>
#include <string.h>

#define MESSAGE_MAX 65535
#define OPTION_PADDING 12 /* RFC 7830 s3 */
#define OPTION_HEADER 4
#define OPT_LENGTH_AT 9 /* from the root that is its owner */

/** @return offset behind the name at `at`, or 0 where it goes past the end */
static size_t name_skip(const uint8_t *message, size_t len, size_t at)
{
	while (at < len && message[at] != 0) {
		if (message[at] >= SW_POINTER >> 8)
			return at + 2;
		at += 1 + (size_t)message[at];
	}
	return at < len ? at + 1 : 0;
}

/** Find the OPT record. @param end  set to the offset behind it
 * @return its offset, or 0 */
static size_t opt_find(const uint8_t *message, size_t len, size_t *end)
{
	size_t at = SW_HEADER_LEN;
	if (len < SW_HEADER_LEN)
		return 0;
	for (unsigned i = sw_get16(message + 4); i > 0; i--) {
		at = name_skip(message, len, at);
		if (at == 0 || (at += 4) > len)
			return 0;
	}
	unsigned before = sw_get16(message + 6) + sw_get16(message + 8),
		 records = before + sw_get16(message + 10);
	for (unsigned i = 0; i < records; i++) {
		size_t owner = at;
		at = name_skip(message, len, at);
		if (at == 0 || at + 10 > len)
			return 0;
		bool is_opt = i >= before && message[owner] == 0 && sw_get16(message + at) == SW_TYPE_OPT;
		at += 10 + sw_get16(message + at + 8);
		if (at > len)
			return 0;
		if (is_opt) {
			*end = at;
			return owner;
		}
	}
	return 0;
}

static bool asks_for_padding(const uint8_t *query, size_t len)
{
	size_t end = 0, opt = opt_find(query, len, &end);
	if (opt == 0)
		return false;
	for (size_t at = opt + SW_OPT_LEN; at + OPTION_HEADER <= end;
		at += OPTION_HEADER + sw_get16(query + at + 2)) {
		if (sw_get16(query + at) == OPTION_PADDING)
			return true;
	}
	return false;
}

size_t sw_pad(const uint8_t *query, size_t query_len, uint8_t *reply, size_t reply_len)
{
	size_t end = 0;
	if (reply_len + OPTION_HEADER > MESSAGE_MAX || !asks_for_padding(query, query_len))
		return reply_len;
	size_t opt = opt_find(reply, reply_len, &end);
	if (opt == 0 || end != reply_len)
		return reply_len;
	size_t padded = (reply_len + OPTION_HEADER + SW_PAD_BLOCK - 1) / SW_PAD_BLOCK * SW_PAD_BLOCK;
	if (padded > MESSAGE_MAX)
		padded = MESSAGE_MAX;
	sw_put16(reply + reply_len, OPTION_PADDING);
	sw_put16(reply + reply_len + 2, padded - reply_len - OPTION_HEADER);
	memset(reply + reply_len + OPTION_HEADER, 0, padded - reply_len - OPTION_HEADER);
	sw_put16(reply + opt + OPT_LENGTH_AT, padded - opt - SW_OPT_LEN);
	return padded;
}
