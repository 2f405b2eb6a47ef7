/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "change.h"
#include "image/nsec3.h"
#include "wire/message.h"
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 1000000u
#define MORE 20000u /* numbers of names that come and go */
#define SINGLES 20000u
#define BATCH 10000u
#define SIGNATURE_BYTES 64
#define APEX UINT32_MAX

struct hashed {
	uint8_t hash[SW_SHA1_LEN];
	uint32_t number; /* of a name, or APEX */
};

/** "hNNNNNNN" has an address, name i while version[i] is not 0. */
struct zone {
	uint8_t apex[SW_NAME_MAX];
	uint32_t serial;
	uint32_t *version;
	uint32_t count; /* numbers there may be */
	bool is_nsec3;
	struct hashed *hashed; /* ascending; count + 1 */
	uint32_t *place;       /* in there, by number; the apex behind the last */
};

/** To whom a record goes, and at what name. */
struct giving {
	const struct zone *zone;
	const uint8_t *owner;
	sw_record_fn *take;
	void *arg;
};

static void owner_make(const struct zone *zone, uint32_t number, uint8_t *owner)
{
	char digits[16];
	if (number == APEX) {
		memcpy(owner, zone->apex, sw_name_len(zone->apex));
		return;
	}
	snprintf(digits, sizeof(digits), "%07u", number % 10000000);
	owner[0] = 8;
	owner[1] = 'h';
	memcpy(owner + 2, digits, 7);
	memcpy(owner + 9, zone->apex, sw_name_len(zone->apex));
}

static bool is_there(const struct zone *zone, uint32_t number)
{
	return number == APEX || zone->version[number] != 0;
}

static int give(const struct giving *to, uint16_t type, const void *rdata, size_t len)
{
	const struct sw_record record = {
		.owner = to->owner, .type = type, .ttl = 300, .rdata = rdata, .rdata_len = (uint16_t)len};
	return to->take(to->arg, &record);
}

/** A record, and a signature over it. */
static int give_signed(const struct giving *to, uint16_t type, const void *rdata, size_t len)
{
	uint8_t signature[18 + SW_NAME_MAX + SIGNATURE_BYTES] = {(uint8_t)(type >> 8), (uint8_t)type, 13, 2};
	size_t apex_len = sw_name_len(to->zone->apex);
	memcpy(signature + 18, to->zone->apex, apex_len);
	int error = give(to, type, rdata, len);
	return error ? error : give(to, SW_TYPE_RRSIG, signature, 18 + apex_len + SIGNATURE_BYTES);
}

/** NSEC of a name: numbers are in canonical order, the apex comes first. */
static int give_nsec(const struct giving *to, uint32_t number)
{
	static const uint8_t types[] = {0, 6, 0x40, 0, 0, 0, 0, 0x03}; /* A RRSIG NSEC */
	uint8_t rdata[SW_NAME_MAX + sizeof(types)];
	do
		number = number == APEX ? 0 : number + 1 == to->zone->count ? APEX : number + 1;
	while (!is_there(to->zone, number));
	owner_make(to->zone, number, rdata);
	size_t len = sw_name_len(rdata);
	memcpy(rdata + len, types, sizeof(types));
	return to->zone->is_nsec3 ? 0 : give_signed(to, SW_TYPE_NSEC, rdata, len + sizeof(types));
}

static int give_apex(const struct giving *to)
{
	static const uint8_t ns[] = "\2ns\5other", params[] = {1, 0, 0, 0, 0};
	uint8_t rdata[40] = "\2ns\5other";
	memcpy(rdata + 10, "\1h\5other", 9);
	memset(rdata + 19, 0, 20);
	for (unsigned i = 0; i < 4; i++)
		rdata[19 + i] = (uint8_t)(to->zone->serial >> (24 - 8 * i));
	int error = give_signed(to, SW_TYPE_SOA, rdata, 39);
	if (!error)
		error = give_signed(to, SW_TYPE_NS, ns, 10);
	if (!error && to->zone->is_nsec3)
		error = give_signed(to, SW_TYPE_NSEC3PARAM, params, sizeof(params));
	return error ? error : give_nsec(to, APEX);
}

static int give_host(const struct giving *to, uint32_t number)
{
	if (number >= to->zone->count || !is_there(to->zone, number))
		return 0;
	int error = give_signed(to, SW_TYPE_A, &to->zone->version[number], 4);
	return error ? error : give_nsec(to, number);
}

/* ---- NSEC3 ---- */

static int compare_hashed(const void *a, const void *b)
{
	return memcmp(((const struct hashed *)a)->hash, ((const struct hashed *)b)->hash, SW_SHA1_LEN);
}

static void hashed_make(struct zone *zone)
{
	const struct sw_nsec3_params params = {0};
	zone->hashed = malloc((zone->count + 1ul) * sizeof(*zone->hashed));
	zone->place = malloc((zone->count + 1ul) * sizeof(*zone->place));
	for (uint32_t i = 0; i <= zone->count; i++) {
		uint8_t owner[SW_NAME_MAX];
		zone->hashed[i].number = i < zone->count ? i : APEX;
		owner_make(zone, zone->hashed[i].number, owner);
		sw_nsec3_hash(owner, &params, zone->hashed[i].hash);
	}
	qsort(zone->hashed, zone->count + 1ul, sizeof(*zone->hashed), compare_hashed);
	for (uint32_t i = 0; i <= zone->count; i++) {
		uint32_t number = zone->hashed[i].number;
		zone->place[number == APEX ? zone->count : number] = i;
	}
}

/** The next there is, one step of 1 or -1 after the other. */
static uint32_t hashed_next(const struct zone *zone, uint32_t place, uint32_t step)
{
	uint32_t all = zone->count + 1;
	do
		place = (place + all + step) % all;
	while (!is_there(zone, zone->hashed[place].number));
	return place;
}

static void hashed_owner(const struct zone *zone, uint32_t place, uint8_t *owner)
{
	const uint8_t *hash = zone->hashed[place].hash;
	owner[0] = 32;
	for (unsigned i = 0; i < 32; i++) {
		unsigned bit = 5 * i, at = bit / 8;
		unsigned pair = (unsigned)hash[at] << 8 | (at + 1 < SW_SHA1_LEN ? hash[at + 1] : 0);
		owner[1 + i] = (uint8_t) "0123456789abcdefghijklmnopqrstuv"[pair >> (11 - bit % 8) & 31];
	}
	memcpy(owner + 33, zone->apex, sw_name_len(zone->apex));
}

static int give_hashed(const struct giving *to, uint32_t place)
{
	static const uint8_t types[] = {0, 6, 0x40, 0, 0, 0, 0, 0x02}; /* A RRSIG */
	uint8_t rdata[6 + SW_SHA1_LEN + sizeof(types)] = {1, 0, 0, 0, 0, SW_SHA1_LEN};
	if (!is_there(to->zone, to->zone->hashed[place].number))
		return 0;
	memcpy(rdata + 6, to->zone->hashed[hashed_next(to->zone, place, 1)].hash, SW_SHA1_LEN);
	memcpy(rdata + 6 + SW_SHA1_LEN, types, sizeof(types));
	return give_signed(to, SW_TYPE_NSEC3, rdata, sizeof(rdata));
}

/* ---- the zone ---- */

static int records_at(void *context, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	const struct zone *zone = context;
	const struct giving to = {.zone = zone, .owner = owner, .take = take, .arg = arg};
	struct hashed sought;
	if (sw_name_equal(owner, zone->apex))
		return give_apex(&to);
	if (!sw_nsec3_owner_hash(owner, sought.hash))
		return give_host(&to, (uint32_t)strtoul((const char *)owner + 2, NULL, 10));
	const struct hashed *found =
		bsearch(&sought, zone->hashed, zone->count + 1ul, sizeof(sought), compare_hashed);
	return found ? give_hashed(&to, (uint32_t)(found - zone->hashed)) : 0;
}

static int fill(void *arg, const struct sw_record *record)
{
	return sw_contents_add(
		arg, record->owner, record->type, record->ttl, record->rdata, record->rdata_len, 0, 0);
}

static void put(struct sw_store *store, struct zone *zone)
{
	struct sw_contents *contents = sw_contents_new(zone->apex, sw_store_key(store));
	uint8_t owner[SW_NAME_MAX];
	int error = contents ? records_at(zone, zone->apex, fill, contents) : -ENOMEM;
	for (uint32_t i = 0; i < zone->count && !error; i++) {
		owner_make(zone, i, owner);
		error = records_at(zone, owner, fill, contents);
	}
	for (uint32_t i = 0; i <= zone->count && !error && zone->is_nsec3; i++) {
		hashed_owner(zone, i, owner);
		error = records_at(zone, owner, fill, contents);
	}
	if (!error)
		error = sw_contents_finish(contents);
	double start = now_us();
	if (!error)
		error = sw_store_put(store, contents);
	if (error)
		die("put", error);
	printf("%-44s %.0f ms, %llu MiB\n",
		zone->is_nsec3 ? "NSEC3: the whole zone, 1,000,000 names"
			       : "NSEC: the whole zone, 1,000,000 names",
		(now_us() - start) / 1e3, (unsigned long long)(sw_store_bytes(store) >> 20));
	sw_contents_free(contents);
}

/* ---- changes ---- */

struct names {
	uint8_t text[4 * BATCH + 4][64];
	const uint8_t *at[4 * BATCH + 4];
	size_t count;
};

static struct names names;

static uint8_t *name_new(void)
{
	names.at[names.count] = names.text[names.count];
	return names.text[names.count++];
}

/** Who has other records when a name comes or goes, or only its address is another. */
static void names_add(const struct zone *zone, uint32_t number, bool is_toggled)
{
	owner_make(zone, number, name_new());
	if (!is_toggled)
		return;
	if (zone->is_nsec3) {
		uint32_t place = zone->place[number];
		hashed_owner(zone, place, name_new());
		hashed_owner(zone, hashed_next(zone, place, UINT32_MAX), name_new());
		return;
	}
	do
		number = number == 0 ? APEX : number - 1;
	while (!is_there(zone, number));
	owner_make(zone, number, name_new());
}

/** @return microseconds */
static double change(struct sw_store *store, struct zone *zone)
{
	const struct sw_zone_records records = {.context = zone, .at = records_at, .below = records_at};
	owner_make(zone, APEX, name_new());
	zone->serial++;
	double start = now_us();
	int error = sw_store_change(store, zone->apex, names.at, names.count, &records);
	double took = now_us() - start;
	if (error)
		die("change", error);
	names.count = 0;
	return took;
}

static void singles(struct sw_store *store, struct zone *zone, const char *what, uint32_t first,
	uint32_t range, bool is_toggled)
{
	static double us[SINGLES];
	for (uint32_t i = 0; i < SINGLES; i++) {
		uint32_t number = first + (uint32_t)random() % range;
		zone->version[number] = is_toggled && zone->version[number] ? 0 : i + 1;
		names_add(zone, number, is_toggled);
		us[i] = change(store, zone);
	}
	row(what, us, SINGLES);
}

static void batch(struct sw_store *store, struct zone *zone, const char *what, uint32_t first, uint32_t step,
	bool is_toggled)
{
	double us[5];
	for (uint32_t k = 0; k < 5; k++) {
		for (uint32_t i = 0; i < BATCH; i++) {
			uint32_t number = first + (is_toggled ? 0 : k * step * BATCH) + i * step;
			zone->version[number] = is_toggled && zone->version[number] ? 0 : 77 + k;
		}
		for (uint32_t i = 0; i < BATCH; i++)
			names_add(zone, first + (is_toggled ? 0 : k * step * BATCH) + i * step, is_toggled);
		us[k] = change(store, zone);
	}
	row(what, us, 5);
}

void signed_measure(struct sw_store *store, bool is_nsec3)
{
	struct zone zone = {
		.apex = "\6signed\4test", .serial = 1, .count = NAMES + MORE, .is_nsec3 = is_nsec3};
	zone.version = calloc(zone.count, sizeof(*zone.version));
	for (uint32_t i = 0; i < NAMES; i++)
		zone.version[i] = i + 1;
	if (is_nsec3)
		hashed_make(&zone);
	put(store, &zone);
	singles(store, &zone, "one record and the SOA", 0, NAMES, false);
	singles(store, &zone, "a name that comes or goes, of 10,000", NAMES, 10000, true);
	batch(store, &zone, "10,000 records in one change", 0, 17, false);
	batch(store, &zone, "10,000 names that come or go in one change", NAMES + 10000, 1, true);
	while (sw_store_settle(store))
		continue;
	int error = sw_store_remove(store, zone.apex);
	if (error)
		die("removal", error);
	free(zone.version);
	free(zone.hashed);
	free(zone.place);
}
