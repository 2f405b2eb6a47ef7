/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A transfer from anybody: messages behind their lengths, and what must hold for all that comes of them. */
#include "wire/tsig.h"
#include "zone/incoming.h"
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 10000

static const uint8_t apex[] = "\7example";

static const struct sw_hash_key hash_key = {
	.nh = {0x9e3779b9, 0x7f4a7c15, 0xf39cc060, 0x5cedc834, 0x1082276b, 0xf3a27251, 0xf86c6a11, 0xd0c18e95,
		0x2767f0b1, 0x53d27b77, 0x03472abf, 0x2c79d4d3, 0x9fb21c65, 0x1e98df25, 0x7f4a7c13,
		0x2545f491},
	.root = 0x243f6a8885a308d3,
	.len_mul = 0x9e3779b97f4a7c15,
	.fold_mul = {0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53},
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void records_check(const struct sw_records *records)
{
	struct sw_record record;
	size_t count = 0;
	for (size_t at = 0; sw_records_next(records, &at, &record); count++)
		require(sw_name_in(record.owner, apex));
	require(count == records->count);
}

/** Changes begin with our serial, and each with that of the one before. */
static void changes_check(struct sw_incoming *incoming, uint32_t ours)
{
	struct sw_delta *deltas;
	size_t count = sw_incoming_deltas(incoming, &deltas);
	require(count > 0);
	for (size_t i = 0; i < count; i++) {
		require(deltas[i].from == ours && sw_serial_is_newer(deltas[i].to, ours));
		require(deltas[i].old_soa.count == 1 && deltas[i].new_soa.count == 1);
		records_check(&deltas[i].removed);
		records_check(&deltas[i].added);
		ours = deltas[i].to;
		sw_delta_free(&deltas[i]);
	}
	free(deltas);
}

static void zone_check(struct sw_incoming *incoming)
{
	struct sw_contents *contents = sw_incoming_contents(incoming);
	require(contents != NULL && sw_contents_records(contents) > 0);
	require(sw_contents_find_rr(contents, sw_contents_node(contents, 0), 6) != NULL);
	sw_contents_free(contents);
}

static const struct sw_tsig_key *find(void *arg, const uint8_t *name, enum sw_tsig_algorithm algorithm)
{
	(void)name;
	(void)algorithm;
	return arg;
}

/** As a query with a signature, too: nobody can make one without the key. */
static void signature_check(const uint8_t *data, size_t size)
{
	static const struct sw_tsig_key key = {.name = "\3key", .secret = "secret", .secret_len = 6};
	struct sw_tsig tsig;
	uint8_t message[65535 + SW_TSIG_ROOM + 1];
	size_t len = size < 65535 ? size : 65535;
	memcpy(message, data, len);
	int rcode = sw_tsig_check_query(&tsig, find, (void *)(uintptr_t)&key, message, &len, 1000000);
	require(rcode != 0 || tsig.key == NULL);
	require(len <= size);
	if (len >= 12)
		(void)sw_tsig_sign_reply(&tsig, message, &len, sizeof(message), 1000000);
	sw_tsig_end(&tsig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t rdata[22] = {0, 0, 0, 0, 0, 5};
	const struct sw_record soa = {
		.owner = apex, .type = 6, .ttl = 300, .rdata = rdata, .rdata_len = sizeof(rdata)};
	const struct sw_incoming_limits limits = {.records = RECORDS_MAX, .bytes = 1 << 20};
	struct sw_records ours = {0};
	enum sw_incoming_state state = SW_INCOMING_MORE;
	if (size < 1)
		return 0;
	bool is_ixfr = data[0] & 1;
	require(sw_records_add(&ours, &soa) == 0);
	struct sw_incoming *incoming = sw_incoming_new(apex, is_ixfr ? &ours : NULL, &hash_key, &limits);
	require(incoming != NULL);
	signature_check(data + 1, size - 1);
	for (size_t at = 1; at + 2 <= size && state == SW_INCOMING_MORE;) {
		size_t len = (size_t)data[at] << 8 | data[at + 1];
		at += 2;
		len = len < size - at ? len : size - at;
		state = sw_incoming_take(incoming, data + at, len);
		at += len;
	}
	require(sw_incoming_records(incoming) <= RECORDS_MAX + 1);
	if (state == SW_INCOMING_ZONE)
		zone_check(incoming);
	if (state == SW_INCOMING_CHANGES)
		changes_check(incoming, 5);
	require((state == SW_INCOMING_BAD || state == SW_INCOMING_REFUSED) ==
		(sw_incoming_why(incoming)[0] != '\0'));
	require(is_ixfr || !sw_incoming_may_axfr(incoming));
	sw_incoming_free(incoming);
	sw_records_free(&ours);
	return 0;
}
