/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a parent says of a DS: whatever it is, it counts as the DS of a key only where the digest of that key
 * is in it and it is authoritative or validated, and what is told of it is plain text. */
#include "zone/parent.h"
#include "wire/message.h"
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 65535

static const uint8_t apex[] = "\7example\3net";
/* RFC 6605 s6.1, as in tests/zone/parent_test.c */
static const uint8_t dnskey[] = {0x01, 0x01, 0x03, 0x0d, 0x1a, 0x88, 0xc8, 0x86, 0x15, 0xd4, 0x37, 0xfb, 0xb8,
	0xbf, 0x9e, 0x19, 0x42, 0xa1, 0x92, 0x9f, 0x28, 0x56, 0x27, 0x06, 0xae, 0x6c, 0x2b, 0xd3, 0x99, 0xe7,
	0xb1, 0xbf, 0xb6, 0xd1, 0xe9, 0xe7, 0x5b, 0x92, 0xb4, 0xaa, 0x42, 0x91, 0x7a, 0xe1, 0xc6, 0x1b, 0x70,
	0x1e, 0xf0, 0x35, 0xc3, 0xfe, 0x7b, 0xe3, 0x00, 0x9c, 0xba, 0xfe, 0x5a, 0x2f, 0x71, 0x31, 0x6c, 0x90,
	0x2d, 0xcf, 0x0d, 0x00};
static const uint8_t digests[2][4] = {
	{0xb4, 0xc8, 0xc1, 0xfe}, {0x3b, 0xe4, 0xb9, 0x80}}; /* their beginnings */
static uint8_t message[MESSAGE_MAX];

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_keys keys = {
		.count = 1, .keys = {{.algorithm = 13, .tag = 55648, .dnskey_len = sizeof(dnskey)}}};
	struct sw_parent_answer answer;
	char text[SW_PARENT_SAID_MAX];
	size_t len = size < MESSAGE_MAX ? size : MESSAGE_MAX;
	memcpy(keys.apex, apex, sizeof(apex));
	memcpy(keys.keys[0].dnskey, dnskey, sizeof(dnskey));
	memcpy(message, data, len);
	sw_parent_read(message, len, apex, &answer);
	require((answer.kind == SW_PARENT_DS) == (answer.count > 0));
	require(answer.count <= SW_PARENT_DS_MAX && answer.ttl_s <= SW_PARENT_TTL_MAX_S);
	require((answer.kind == SW_PARENT_FAILED) == (answer.why[0] != '\0'));
	/* QR is looked at before (serve/question.c) */
	bool is_vouched = len >= SW_HEADER_LEN && ((data[2] & SW_FLAG_AA >> 8) || (data[3] & SW_FLAG_AD)) &&
			  (data[3] & 15) == SW_RCODE_NOERROR;
	require(answer.kind == SW_PARENT_FAILED || is_vouched);
	if (sw_parent_has(&answer, &keys, &keys.keys[0]))
		require(answer.kind == SW_PARENT_DS &&
			(memmem(data, len, digests[0], 4) || memmem(data, len, digests[1], 4)));
	sw_parent_text(&answer, text);
	for (const char *c = text; *c != '\0'; c++)
		require(*c >= ' ' && *c <= '~');
	require(memchr(text, '\0', sizeof(text)) != NULL);
	return 0;
}
