/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/catalog.h"
#include "wire/bytes.h"
#include "wire/message.h"
#include <errno.h>
#include <gnutls/crypto.h>
#include <libknot/libknot.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION "2"
#define NONE SIZE_MAX

/* What RFC 9432 s4 recommends for those that nobody asks; consumers are told of changes, and ask in between
 * as often as the refresh says. */
#define REFRESH_S 3600
#define RETRY_S 600
#define EXPIRE_S 2147483646u

/** A member while the bytes may still move. */
struct place {
	size_t zone, label, coo, groups, groups_len;
};

struct sw_catalog {
	uint8_t apex[SW_NAME_MAX];
	unsigned apex_labels;
	size_t members_max;
	bool has_version, is_finished;
	uint8_t *bytes;
	size_t used, size;
	struct place *places;
	size_t count, room;
	struct sw_catalog_member *members;
	char why[SW_CATALOG_WHY_MAX];
};

struct sw_catalog *sw_catalog_new(const uint8_t *apex, size_t members_max)
{
	struct sw_catalog *catalog = calloc(1, sizeof(*catalog));
	if (!catalog)
		return NULL;
	memcpy(catalog->apex, apex, sw_name_len(apex));
	catalog->apex_labels = sw_name_labels(apex);
	catalog->members_max = members_max;
	return catalog;
}

void sw_catalog_free(struct sw_catalog *catalog)
{
	if (!catalog)
		return;
	free(catalog->bytes);
	free(catalog->places);
	free(catalog->members);
	free(catalog);
}

const char *sw_catalog_why(const struct sw_catalog *catalog)
{
	return catalog->why;
}

static int broken(struct sw_catalog *catalog, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int broken(struct sw_catalog *catalog, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(catalog->why, sizeof(catalog->why), format, args);
	va_end(args);
	return -EBADMSG;
}

/** Keep bytes. @return where, or NONE without memory */
static size_t keep(struct sw_catalog *catalog, const uint8_t *bytes, size_t len)
{
	if (catalog->used + len > catalog->size) {
		size_t size = 2 * (catalog->used + len);
		uint8_t *grown = realloc(catalog->bytes, size);
		if (!grown)
			return NONE;
		catalog->bytes = grown;
		catalog->size = size;
	}
	size_t at = catalog->used;
	memcpy(catalog->bytes + at, bytes, len);
	catalog->used += len;
	return at;
}

static size_t keep_name(struct sw_catalog *catalog, const uint8_t *name)
{
	uint8_t lower[SW_NAME_MAX];
	size_t len = sw_name_len(name);
	memcpy(lower, name, len);
	sw_name_lower(lower);
	return keep(catalog, lower, len);
}

static bool is_label(const uint8_t *label, const char *text)
{
	return *label == strlen(text) && memcmp(label + 1, text, *label) == 0;
}

/** RFC 9432 s4.2.1: exactly one, and one that we know. */
static int take_version(struct sw_catalog *catalog, const struct sw_record *record)
{
	if (record->type != KNOT_RRTYPE_TXT)
		return 0;
	if (catalog->has_version)
		return broken(catalog, "more than one version");
	if (record->rdata_len != sizeof(VERSION) || !is_label(record->rdata, VERSION))
		return broken(catalog, "its version is not \"" VERSION "\"");
	catalog->has_version = true;
	return 0;
}

static struct place *member_room(struct sw_catalog *catalog)
{
	if (catalog->count == catalog->room) {
		size_t room = catalog->room ? 2 * catalog->room : 64;
		struct place *grown = reallocarray(catalog->places, room, sizeof(*grown));
		if (!grown)
			return NULL;
		catalog->places = grown;
		catalog->room = room;
	}
	return &catalog->places[catalog->count];
}

/** The member whose node this label is, if it is the one before. */
static struct place *member_at(struct sw_catalog *catalog, const uint8_t *label)
{
	struct place *last = catalog->count ? &catalog->places[catalog->count - 1] : NULL;
	if (!last || memcmp(catalog->bytes + last->label, label, 1u + *label) != 0)
		return NULL;
	return last;
}

/** RFC 9432 s4.1: <unique-N>.zones */
static int take_member(struct sw_catalog *catalog, const struct sw_record *record)
{
	char text[SW_NAME_TEXT_MAX];
	if (record->type != KNOT_RRTYPE_PTR)
		return 0;
	if (member_at(catalog, record->owner))
		return broken(
			catalog, "more than one PTR record at %.200s", sw_name_text(record->owner, text));
	if (catalog->count == catalog->members_max)
		return broken(catalog, "more than %zu members", catalog->members_max);
	struct place *place = member_room(catalog);
	if (!place)
		return -ENOMEM;
	*place = (struct place){.zone = keep_name(catalog, record->rdata),
		.label = keep(catalog, record->owner, 1u + *record->owner),
		.coo = NONE};
	if (place->zone == NONE || place->label == NONE)
		return -ENOMEM;
	catalog->count++;
	return 0;
}

/** RFC 9432 s4.3.2: each TXT record is a group. One of several strings is none that we know. */
static int take_group(struct sw_catalog *catalog, struct place *place, const struct sw_record *record)
{
	if (record->rdata_len == 0 || record->rdata_len != 1u + record->rdata[0])
		return 0;
	size_t at = keep(catalog, record->rdata, record->rdata_len);
	if (at == NONE)
		return -ENOMEM;
	if (place->groups_len == 0)
		place->groups = at;
	place->groups_len += record->rdata_len; /* of one owner, one after the other: so are the bytes */
	return 0;
}

/** <property>.<unique-N>.zones, of a node that is a member. */
static int take_property(struct sw_catalog *catalog, const struct sw_record *record)
{
	char text[SW_NAME_TEXT_MAX];
	const uint8_t *property = record->owner;
	struct place *place = member_at(catalog, sw_name_skip(record->owner, 1));
	if (!place)
		return 0;
	if (is_label(property, "group") && record->type == KNOT_RRTYPE_TXT)
		return take_group(catalog, place, record);
	if (!is_label(property, "coo") || record->type != KNOT_RRTYPE_PTR)
		return 0;
	if (place->coo != NONE)
		return broken(
			catalog, "more than one PTR record at %.200s", sw_name_text(record->owner, text));
	place->coo = keep_name(catalog, record->rdata);
	return place->coo == NONE ? -ENOMEM : 0;
}

int sw_catalog_add(void *arg, const struct sw_record *record)
{
	struct sw_catalog *catalog = arg;
	unsigned depth = sw_name_labels(record->owner) - catalog->apex_labels;
	if (depth == 1 && is_label(record->owner, "version"))
		return take_version(catalog, record);
	if (depth < 2 || !is_label(sw_name_skip(record->owner, depth - 1), "zones"))
		return 0;
	if (depth == 2)
		return take_member(catalog, record);
	return depth == 3 ? take_property(catalog, record) : 0;
}

static int compare_members(const void *a, const void *b)
{
	return sw_name_compare(
		((const struct sw_catalog_member *)a)->zone, ((const struct sw_catalog_member *)b)->zone);
}

int sw_catalog_finish(struct sw_catalog *catalog)
{
	char text[SW_NAME_TEXT_MAX];
	if (!catalog->has_version)
		return broken(catalog, "it has no version");
	catalog->members = calloc(catalog->count + 1, sizeof(*catalog->members));
	if (!catalog->members)
		return -ENOMEM;
	for (size_t i = 0; i < catalog->count; i++) {
		const struct place *place = &catalog->places[i];
		catalog->members[i] = (struct sw_catalog_member){.zone = catalog->bytes + place->zone,
			.label = catalog->bytes + place->label,
			.coo = place->coo == NONE ? NULL : catalog->bytes + place->coo,
			.groups = catalog->bytes + place->groups,
			.groups_len = place->groups_len};
	}
	qsort(catalog->members, catalog->count, sizeof(*catalog->members), compare_members);
	for (size_t i = 1; i < catalog->count; i++) {
		if (compare_members(&catalog->members[i - 1], &catalog->members[i]) == 0)
			return broken(catalog, "zone %.200s is a member twice",
				sw_name_text(catalog->members[i].zone, text));
	}
	catalog->is_finished = true;
	return 0;
}

const struct sw_catalog_member *sw_catalog_members(const struct sw_catalog *catalog, size_t *count)
{
	*count = catalog->is_finished ? catalog->count : 0;
	return catalog->members;
}

/* ---- made here ---- */

void sw_catalog_label(const uint8_t *zone, uint8_t label[SW_CATALOG_LABEL_MAX])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t hash[32];
	gnutls_hash_fast(GNUTLS_DIG_SHA256, zone, sw_name_len(zone), hash);
	label[0] = 32; /* 128 bits: no two of them meet */
	for (unsigned i = 0; i < 16; i++) {
		label[1 + 2 * i] = (uint8_t)digits[hash[i] >> 4];
		label[2 + 2 * i] = (uint8_t)digits[hash[i] & 15];
	}
}

/** Labels in front of a name. @return false when it gets too long */
static bool name_put(uint8_t *name, const uint8_t *const *labels, unsigned count, const uint8_t *apex)
{
	size_t len = 0, apex_len = sw_name_len(apex);
	for (unsigned i = 0; i < count; i++) {
		size_t label_len = 1u + *labels[i];
		if (len + label_len + apex_len > SW_NAME_MAX)
			return false;
		memcpy(name + len, labels[i], label_len);
		len += label_len;
	}
	memcpy(name + len, apex, apex_len);
	return true;
}

int sw_catalog_write(
	const uint8_t *apex, const uint8_t *zone, const char *group, sw_record_fn *take, void *arg)
{
	static const uint8_t zones[] = "\5zones", groups[] = "\5group";
	uint8_t label[SW_CATALOG_LABEL_MAX], owner[SW_NAME_MAX], text[256];
	sw_catalog_label(zone, label);
	const uint8_t *const node[] = {groups, label, zones};
	if (!name_put(owner, node, 3, apex) || !name_put(owner, node + 1, 2, apex))
		return -EINVAL;
	struct sw_record record = {.owner = owner,
		.type = KNOT_RRTYPE_PTR,
		.rdata = zone,
		.rdata_len = (uint16_t)sw_name_len(zone)};
	int ended = take(arg, &record);
	if (ended || !group)
		return ended;
	size_t len = strnlen(group, 255);
	text[0] = (uint8_t)len;
	memcpy(text + 1, group, len);
	name_put(owner, node, 3, apex);
	record.type = KNOT_RRTYPE_TXT;
	record.rdata = text;
	record.rdata_len = (uint16_t)(1 + len);
	return take(arg, &record);
}

int sw_catalog_write_top(const uint8_t *apex, uint32_t serial, sw_record_fn *take, void *arg)
{
	static const uint8_t invalid[] = "\7invalid", version[] = "\7version";
	const uint8_t *const node[] = {version};
	uint8_t soa[2 * sizeof(invalid) + 20], owner[SW_NAME_MAX];
	size_t len = 0;
	if (!name_put(owner, node, 1, apex))
		return -EINVAL;
	for (unsigned i = 0; i < 2; i++, len += sizeof(invalid))
		memcpy(soa + len, invalid, sizeof(invalid));
	const uint32_t numbers[] = {serial, REFRESH_S, RETRY_S, EXPIRE_S, 0};
	for (unsigned i = 0; i < 5; i++, len += 4)
		sw_put32(soa + len, numbers[i]);
	const struct sw_record records[] = {
		{.owner = apex, .type = KNOT_RRTYPE_SOA, .rdata = soa, .rdata_len = (uint16_t)len},
		{.owner = apex, .type = KNOT_RRTYPE_NS, .rdata = invalid, .rdata_len = sizeof(invalid)},
		{.owner = owner,
			.type = KNOT_RRTYPE_TXT,
			.rdata = (const uint8_t *)"\1" VERSION,
			.rdata_len = sizeof(VERSION)},
	};
	int ended = 0;
	for (unsigned i = 0; !ended && i < sizeof(records) / sizeof(records[0]); i++)
		ended = take(arg, &records[i]);
	return ended;
}
