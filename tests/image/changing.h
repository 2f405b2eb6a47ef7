/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the tests of zones that change: records of a zone in memory, for sw_store_change(). */
#ifndef SW_TEST_IMAGE_CHANGING_H
#define SW_TEST_IMAGE_CHANGING_H

#include "image/store.h"
#include "wire/message.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct changing_record {
	uint8_t owner[SW_NAME_MAX];
	uint16_t type, rdata_len;
	uint32_t ttl;
	uint8_t rdata[300];
};

/** Records in canonical order of their owners; those of one in the order in which they came. The first is the
 * SOA. */
struct changing_zone {
	struct changing_record *records;
	unsigned count, room;
};

static inline void changing_add(struct changing_zone *zone, const uint8_t *owner, uint16_t type, uint32_t ttl,
	const uint8_t *rdata, uint16_t rdata_len)
{
	unsigned at = 0;
	if (zone->count == zone->room) {
		zone->room = zone->room ? 2 * zone->room : 64;
		zone->records = realloc(zone->records, zone->room * sizeof(*zone->records));
		assert_non_null(zone->records);
	}
	while (at < zone->count && sw_name_compare(zone->records[at].owner, owner) <= 0)
		at++;
	memmove(zone->records + at + 1, zone->records + at, (zone->count - at) * sizeof(*zone->records));
	zone->records[at] = (struct changing_record){.type = type, .rdata_len = rdata_len, .ttl = ttl};
	memcpy(zone->records[at].owner, owner, sw_name_len(owner));
	memcpy(zone->records[at].rdata, rdata, rdata_len);
	zone->count++;
}

/** @param type  0 for all but a SOA */
static inline void changing_remove(struct changing_zone *zone, const uint8_t *owner, uint16_t type)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < zone->count; i++) {
		const struct changing_record *at = &zone->records[i];
		bool is_gone = sw_name_equal(at->owner, owner) &&
			       (type ? at->type == type : at->type != SW_TYPE_SOA);
		if (!is_gone)
			zone->records[kept++] = *at;
	}
	zone->count = kept;
}

static inline void changing_set_serial(struct changing_zone *zone, uint32_t serial)
{
	struct changing_record *soa = zone->records;
	uint8_t bytes[] = {
		(uint8_t)(serial >> 24), (uint8_t)(serial >> 16), (uint8_t)(serial >> 8), (uint8_t)serial};
	assert_int_equal(soa->type, SW_TYPE_SOA);
	memcpy(soa->rdata + soa->rdata_len - 20, bytes, sizeof(bytes));
}

/** With a SOA and an NS record. */
static inline struct changing_zone *changing_new(const char *apex_text)
{
	struct changing_zone *zone = calloc(1, sizeof(*zone));
	uint8_t apex[SW_NAME_MAX], rdata[300] = "\2ns\4host\0\1h\4host";
	assert_non_null(zone);
	assert_true(sw_name_parse(apex_text, apex) > 0);
	memset(rdata + 17, 0, 20);
	rdata[36] = 5;
	changing_add(zone, apex, SW_TYPE_SOA, 300, rdata, 37);
	changing_add(zone, apex, SW_TYPE_NS, 300, rdata, 9);
	return zone;
}

static inline void changing_free(struct changing_zone *zone)
{
	free(zone->records);
	free(zone);
}

static inline struct sw_contents *changing_contents(
	const struct changing_zone *zone, const struct sw_hash_key *key)
{
	struct sw_contents *contents = sw_contents_new(zone->records[0].owner, key);
	assert_non_null(contents);
	for (unsigned i = 0; i < zone->count; i++) {
		const struct changing_record *at = &zone->records[i];
		assert_in_range(sw_contents_add(contents, at->owner, at->type, at->ttl, at->rdata,
					at->rdata_len, 0, 0),
			0, 1);
	}
	assert_int_equal(sw_contents_finish(contents), 0);
	return contents;
}

static inline int changing_give(
	const struct changing_zone *zone, const uint8_t *owner, bool is_below, sw_record_fn *take, void *arg)
{
	int error = 0;
	for (unsigned i = 0; i < zone->count && !error; i++) {
		const struct changing_record *at = &zone->records[i];
		if (is_below ? !sw_name_in(at->owner, owner) : !sw_name_equal(at->owner, owner))
			continue;
		const struct sw_record record = {.owner = at->owner,
			.type = at->type,
			.rdata_len = at->rdata_len,
			.ttl = at->ttl,
			.rdata = at->rdata};
		error = take(arg, &record);
	}
	return error;
}

static inline int changing_at(void *zone, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	return changing_give(zone, owner, false, take, arg);
}

static inline int changing_below(void *zone, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	return changing_give(zone, owner, true, take, arg);
}

static inline struct sw_zone_records changing_records(struct changing_zone *zone)
{
	return (struct sw_zone_records){.context = zone, .at = changing_at, .below = changing_below};
}

#endif
