/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/piece.h"
#include "wire/message.h"
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>

/* Room for a header, a question and an OPT record in the largest message. */
#define PIECE_LEN_MAX (65535u - SW_HEADER_LEN - SW_NAME_MAX - 4 - 512)
#define POINTER_REACH 8191u /* of SW_BASE_SELF and SW_BASE_FIRST: leaves half of 14 bits for the base */

void sw_encoder_start(struct sw_encoder *encoder, const struct sw_contents *contents, const uint8_t *owner)
{
	encoder->contents = contents;
	encoder->apex = sw_contents_apex(contents);
	/* the place of a wildcard's labels in the reply is not known: the name asked for differs */
	encoder->owner = owner && !(owner[0] == 1 && owner[1] == '*') ? owner : NULL;
	encoder->len = encoder->reloc_count = encoder->count = 0;
	encoder->mark_len = UINT32_MAX;
	encoder->name_count = 0;
	encoder->too_long = false;
	encoder->ttl = encoder->extra = 0;
}

void sw_encoder_mark(struct sw_encoder *encoder)
{
	encoder->mark_len = encoder->len;
	encoder->mark_relocs = encoder->reloc_count;
	encoder->mark_count = encoder->count;
}

static void put(struct sw_encoder *encoder, const void *bytes, size_t size)
{
	if (encoder->len + size > PIECE_LEN_MAX) {
		encoder->too_long = true;
		return;
	}
	memcpy(encoder->bytes + encoder->len, bytes, size);
	encoder->len += (uint32_t)size;
}

static void put16(struct sw_encoder *encoder, uint32_t number)
{
	uint8_t bytes[2] = {(uint8_t)(number >> 8), (uint8_t)number};
	put(encoder, bytes, 2);
}

static void put32(struct sw_encoder *encoder, uint32_t number)
{
	put16(encoder, number >> 16);
	put16(encoder, number & 0xffff);
}

static void put_pointer(struct sw_encoder *encoder, enum sw_base base, uint32_t offset)
{
	if (encoder->reloc_count == SW_PIECE_RELOCS_MAX) {
		encoder->too_long = true;
		return;
	}
	encoder->relocs[encoder->reloc_count++] = (uint16_t)encoder->len;
	put16(encoder, (uint32_t)base << 14 | offset);
}

/** Offset of `name` inside `host` when it is one of its suffixes, else -1. The root never is: one byte
 * needs no pointer. */
static int suffix_at(const uint8_t *host, const uint8_t *name)
{
	if (!host || *name == 0)
		return -1;
	unsigned host_labels = sw_name_labels(host), labels = sw_name_labels(name);
	if (labels > host_labels)
		return -1;
	const uint8_t *suffix = sw_name_skip(host, host_labels - labels);
	return sw_name_equal(suffix, name) ? (int)(suffix - host) : -1;
}

/** Point to a name that stands elsewhere in the reply, if one does. */
static bool put_known_name(struct sw_encoder *encoder, const uint8_t *name)
{
	int at = suffix_at(encoder->apex, name);
	if (at >= 0) {
		put_pointer(encoder, SW_BASE_APEX, (uint32_t)at);
		return true;
	}
	at = suffix_at(encoder->owner, name);
	if (at >= 0) {
		put_pointer(encoder, SW_BASE_OWNER, SW_HEADER_LEN + (uint32_t)at);
		return true;
	}
	for (uint32_t i = 0; i < encoder->name_count; i++) {
		at = suffix_at(encoder->names[i].name, name);
		if (at >= 0 && encoder->names[i].at + (uint32_t)at <= POINTER_REACH) {
			put_pointer(encoder, SW_BASE_SELF, encoder->names[i].at + (uint32_t)at);
			return true;
		}
	}
	return false;
}

static void remember_name(struct sw_encoder *encoder, const uint8_t *name, uint32_t at)
{
	if (encoder->name_count < SW_PIECE_NAMES_MAX && *name)
		encoder->names[encoder->name_count++] = (typeof(encoder->names[0])){name, at};
}

static void put_name(struct sw_encoder *encoder, const uint8_t *name, bool may_compress)
{
	uint32_t start = encoder->len;
	const uint8_t *left = name;
	while (*left && !(may_compress && put_known_name(encoder, left))) {
		put(encoder, left, 1u + *left);
		left += 1 + *left;
	}
	if (*left == 0)
		put(encoder, "", 1);
	/* A remembered name is found by its text. Suffixes past the labels written here stand behind a
	 * pointer, not at at + offset; but each of them is found in the apex, the owner or an earlier name
	 * first, so they are never looked up here. */
	remember_name(encoder, name, start);
}

/** A name's own labels, then a pointer to the apex. */
static void put_name_apart(struct sw_encoder *encoder, const uint8_t *name)
{
	int at = -1;
	while (*name && (at = suffix_at(encoder->apex, name)) < 0) {
		put(encoder, name, 1u + *name);
		name += 1 + *name;
	}
	if (*name)
		put_pointer(encoder, SW_BASE_APEX, (uint32_t)at);
	else
		put(encoder, "", 1);
}

/** Rdata with the names that may be compressed (RFC 3597 s4: those of RFC 1035) pointing back. A CNAME's
 * target stands in full: the answer goes on with it as the owner, and whatever zone and piece come next count
 * their pointers from there. */
static void put_rdata(struct sw_encoder *encoder, uint16_t type, const uint8_t *rdata, uint16_t rdata_len)
{
	uint32_t len_at = encoder->len;
	put16(encoder, rdata_len);
	const knot_rdata_descriptor_t *form = knot_get_rdata_descriptor(type);
	uint32_t at = 0;
	for (int i = 0; form->block_types[i] != KNOT_RDATA_WF_END && at < rdata_len; i++) {
		int block = form->block_types[i];
		uint32_t len = rdata_len - at;
		if (block == KNOT_RDATA_WF_COMPRESSIBLE_DNAME || block == KNOT_RDATA_WF_FIXED_DNAME ||
			block == KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME) {
			len = (uint32_t)sw_name_len(rdata + at);
			put_name(encoder, rdata + at,
				block == KNOT_RDATA_WF_COMPRESSIBLE_DNAME && type != SW_TYPE_CNAME);
		} else {
			if (block > 0 && (uint32_t)block < len)
				len = (uint32_t)block;
			put(encoder, rdata + at, len);
		}
		at += len;
	}
	uint32_t written = encoder->len - len_at - 2;
	encoder->bytes[len_at] = (uint8_t)(written >> 8);
	encoder->bytes[len_at + 1] = (uint8_t)written;
}

static void put_owner(struct sw_encoder *encoder, const struct sw_owner *owner)
{
	switch (owner->form) {
	case SW_OWNER_ASKED:
		put_pointer(encoder, SW_BASE_OWNER, SW_HEADER_LEN);
		break;
	case SW_OWNER_APEX:
		if (*encoder->apex)
			put_pointer(encoder, SW_BASE_APEX, 0);
		else
			put(encoder, "", 1);
		break;
	case SW_OWNER_NAME:
		put_name(encoder, owner->name, true);
		break;
	case SW_OWNER_FIRST:
		put_pointer(encoder, SW_BASE_FIRST, owner->at);
		break;
	case SW_OWNER_APART:
		put_name_apart(encoder, owner->name);
		break;
	}
}

static void put_record(
	struct sw_encoder *encoder, const struct sw_rr *rr, const struct sw_owner *owner, uint32_t ttl)
{
	put_owner(encoder, owner);
	put16(encoder, rr->type);
	put16(encoder, SW_CLASS_IN);
	put32(encoder, ttl);
	put_rdata(encoder, rr->type, rr->rdata, rr->rdata_len);
	encoder->count++;
}

void sw_encoder_add_rrset(struct sw_encoder *encoder, const struct sw_node *node, uint16_t type,
	const struct sw_owner *owner, uint32_t ttl)
{
	const struct sw_rr *rr = sw_contents_find_rr(encoder->contents, node, type);
	encoder->ttl = ttl;
	for (; rr; rr = sw_contents_next(encoder->contents, rr))
		put_record(encoder, rr, owner, ttl);
}

void sw_encoder_add_signatures(struct sw_encoder *encoder, const struct sw_node *node, uint16_t type,
	const struct sw_owner *owner, uint32_t ttl)
{
	const struct sw_rr *rr = sw_contents_find_rr(encoder->contents, node, SW_TYPE_RRSIG);
	for (; rr; rr = sw_contents_next(encoder->contents, rr)) {
		if (rr->rdata_len > 18 && (rr->rdata[0] << 8 | rr->rdata[1]) == type)
			put_record(encoder, rr, owner, ttl);
	}
}

bool sw_encoder_target_at(const struct sw_encoder *encoder, const uint8_t *name, uint32_t *at)
{
	for (uint32_t i = 0; i < encoder->name_count; i++) {
		if (sw_name_equal(encoder->names[i].name, name) && encoder->names[i].at <= POINTER_REACH) {
			*at = encoder->names[i].at;
			return true;
		}
	}
	return false;
}

/** Folded one's complement sum of native 16-bit words (RFC 1071: byte order does not matter to the sum). */
static uint16_t sum_bytes(const uint8_t *bytes, size_t size)
{
	uint64_t sum = 0;
	for (size_t i = 0; i + 1 < size; i += 2) {
		uint16_t word;
		memcpy(&word, bytes + i, 2);
		sum += word;
	}
	if (size & 1)
		sum += bytes[size - 1]; /* little-endian: the missing high byte is zero */
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint32_t sw_encoder_store(struct sw_encoder *encoder, struct sw_interner *interner)
{
	if (encoder->too_long)
		return 0;
	if (encoder->mark_len == UINT32_MAX)
		sw_encoder_mark(encoder);
	struct sw_piece head = {
		.len = {(uint16_t)encoder->mark_len, (uint16_t)encoder->len},
		.sum = {sum_bytes(encoder->bytes, encoder->mark_len),
			sum_bytes(encoder->bytes, encoder->len)},
		.count = {(uint16_t)encoder->mark_count, (uint16_t)encoder->count},
		.reloc_count = {(uint16_t)encoder->mark_relocs, (uint16_t)encoder->reloc_count},
		.extra = encoder->extra,
		.ttl = encoder->ttl,
	};
	static _Thread_local uint8_t whole[sizeof(head) + 2 * SW_PIECE_RELOCS_MAX + SW_PIECE_BYTES_MAX];
	size_t relocs = 2u * encoder->reloc_count;
	memcpy(whole, &head, sizeof(head));
	memcpy(whole + sizeof(head), encoder->relocs, relocs);
	memcpy(whole + sizeof(head) + relocs, encoder->bytes, encoder->len);
	return sw_interner_store(interner, whole, sizeof(head) + relocs + encoder->len);
}

/* ---- identical bytes stored once ---- */

struct interned {
	uint32_t ref; /* 0: free */
	uint32_t hash;
	uint32_t size;
};

struct sw_interner {
	struct sw_region *region;
	struct sw_pool *pool; /* apart: no table */
	struct interned *table;
	uint32_t mask, count;
};

struct sw_interner *sw_interner_new(struct sw_region *region)
{
	struct sw_interner *interner = calloc(1, sizeof(*interner));
	if (!interner)
		return NULL;
	interner->region = region;
	interner->mask = 255;
	interner->table = calloc(interner->mask + 1, sizeof(*interner->table));
	if (!interner->table) {
		free(interner);
		return NULL;
	}
	return interner;
}

struct sw_interner *sw_interner_new_apart(struct sw_pool *pool)
{
	struct sw_interner *interner = calloc(1, sizeof(*interner));
	if (interner)
		interner->pool = pool;
	return interner;
}

void sw_interner_free(struct sw_interner *interner)
{
	if (!interner)
		return;
	free(interner->table);
	free(interner);
}

/** FNV-1a over words: only spreads entries of our own table; equality is always by bytes. */
static uint32_t table_hash(const uint8_t *bytes, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325ull ^ size;
	for (; size >= 8; bytes += 8, size -= 8) {
		uint64_t word;
		memcpy(&word, bytes, 8);
		hash = (hash ^ word) * 0x100000001b3ull;
		hash ^= hash >> 29;
	}
	for (; size > 0; bytes++, size--)
		hash = (hash ^ *bytes) * 0x100000001b3ull;
	return (uint32_t)(hash ^ hash >> 32);
}

static int interner_grow(struct sw_interner *interner)
{
	uint32_t mask = interner->mask * 2 + 1;
	struct interned *table = calloc((size_t)mask + 1, sizeof(*table));
	if (!table)
		return -1;
	for (uint32_t i = 0; i <= interner->mask; i++) {
		if (!interner->table[i].ref)
			continue;
		uint32_t at = interner->table[i].hash & mask;
		while (table[at].ref)
			at = (at + 1) & mask;
		table[at] = interner->table[i];
	}
	free(interner->table);
	interner->table = table;
	interner->mask = mask;
	return 0;
}

static uint32_t store_apart(struct sw_pool *pool, const void *bytes, size_t size)
{
	uint32_t ref = sw_pool_take(pool, size);
	if (ref)
		memcpy(sw_space_at(pool->region.space, ref), bytes, size);
	return ref;
}

uint32_t sw_interner_store(struct sw_interner *interner, const void *bytes, size_t size)
{
	if (interner->pool)
		return store_apart(interner->pool, bytes, size);
	struct sw_space *space = interner->region->space;
	uint32_t hash = table_hash(bytes, size);
	uint32_t at = hash & interner->mask;
	for (; interner->table[at].ref; at = (at + 1) & interner->mask) {
		struct interned *entry = &interner->table[at];
		if (entry->hash == hash && entry->size == size &&
			memcmp(sw_space_at(space, entry->ref), bytes, size) == 0)
			return entry->ref;
	}
	uint32_t ref = sw_region_take(interner->region, size);
	if (ref == 0)
		return 0;
	memcpy(sw_space_at(space, ref), bytes, size);
	interner->table[at] = (struct interned){ref, hash, (uint32_t)size};
	if (++interner->count > interner->mask / 4 * 3 && interner_grow(interner))
		return 0;
	return ref;
}
