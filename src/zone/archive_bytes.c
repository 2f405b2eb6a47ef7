/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Names, sums and changes in the forms in which the archive keeps them. */
#include "wire/bytes.h"
#include "wire/siphash.h"
#include "zone/archive_inside.h"
#include "zone/rdata.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

size_t sw_owner_key(const uint8_t *owner, size_t apex_len, uint8_t *key)
{
	const uint8_t *labels[SW_LABELS_MAX];
	const uint8_t *end = owner + sw_name_len(owner) - apex_len;
	unsigned count = 0;
	for (const uint8_t *label = owner; label < end; label += 1 + *label)
		labels[count++] = label;
	uint8_t *out = key;
	while (count > 0) {
		const uint8_t *label = labels[--count];
		for (unsigned i = 1; i <= label[0]; i++) {
			uint8_t byte = lower(label[i]);
			if (byte <= 1) {
				*out++ = 1;
				byte++;
			}
			*out++ = byte;
		}
		*out++ = 0;
	}
	return (size_t)(out - key);
}

/** Decode one label. @return bytes of the key used, 0 where it is none */
static size_t label_of_key(const uint8_t *key, size_t len, uint8_t label[SW_LABEL_MAX], size_t *label_len)
{
	size_t out = 0;
	for (size_t at = 0; at < len; at++) {
		uint8_t byte = key[at];
		if (byte == 0) {
			*label_len = out;
			return out > 0 ? at + 1 : 0;
		}
		if (byte == 1) {
			if (++at == len || key[at] < 1 || key[at] > 2)
				return 0;
			byte = (uint8_t)(key[at] - 1);
		}
		if (out == SW_LABEL_MAX || byte != lower(byte))
			return 0;
		label[out++] = byte;
	}
	return 0;
}

int sw_owner_of_key(const uint8_t *key, size_t len, const uint8_t *apex, size_t apex_len, uint8_t *owner)
{
	uint8_t name[SW_NAME_MAX], label[SW_LABEL_MAX];
	size_t start = SW_NAME_MAX - apex_len; /* filled from its end */
	memcpy(name + start, apex, apex_len);
	while (len > 0) {
		size_t label_len;
		size_t used = label_of_key(key, len, label, &label_len);
		if (used == 0 || start < label_len + 1)
			return -EBADMSG;
		start -= label_len + 1;
		name[start] = (uint8_t)label_len;
		memcpy(name + start + 1, label, label_len);
		key += used;
		len -= used;
	}
	memcpy(owner, name + start, SW_NAME_MAX - start);
	return (int)(SW_NAME_MAX - start);
}

/** @return length of the name that begins the bytes, 0 where none does */
static size_t name_within(const uint8_t *bytes, size_t len)
{
	size_t at = 0;
	while (at < len && at < SW_NAME_MAX) {
		if (bytes[at] == 0)
			return at + 1;
		if (bytes[at] > SW_LABEL_MAX)
			return 0;
		at += 1u + bytes[at];
	}
	return 0;
}

bool sw_name_is_whole(const uint8_t *name, size_t len)
{
	if (len == 0 || name_within(name, len) != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] != lower(name[i]))
			return false;
	}
	return true;
}

/** The key guards against accidents only: whoever can write the file can write anything. */
static const uint64_t sum_key[2] = {0x736561776a6c6c21ull, 0x7a6f6e65732e6462ull};

static void add_bytes(struct sw_siphash *state, const uint8_t *bytes, size_t len)
{
	for (; len >= 8; bytes += 8, len -= 8) {
		uint64_t word;
		memcpy(&word, bytes, 8);
		sw_siphash_word(state, word);
	}
	uint64_t word = 0;
	if (len > 0) {
		memcpy(&word, bytes, len);
		sw_siphash_word(state, word);
	}
}

uint64_t sw_record_sum(const struct sw_record *record, size_t owner_len)
{
	struct sw_siphash state;
	sw_siphash_start(&state, sum_key);
	sw_siphash_word(
		&state, record->type | (uint64_t)record->rdata_len << 16 | (uint64_t)record->ttl << 32);
	add_bytes(&state, record->owner, owner_len);
	add_bytes(&state, record->rdata, record->rdata_len);
	return sw_siphash_end(&state, 0, (unsigned)owner_len);
}

uint64_t sw_bytes_sum(const uint8_t *bytes, size_t len)
{
	struct sw_siphash state;
	sw_siphash_start(&state, sum_key);
	sw_siphash_word(&state, len);
	add_bytes(&state, bytes, len);
	return sw_siphash_end(&state, 0, 0);
}

/* A change: for each of its four lists the bytes and the records (eight bytes each, big-endian), then the
 * lists. */
#define LISTS 4
#define LIST_HEAD 16

static void put64(uint8_t *to, uint64_t number)
{
	for (int i = 7; i >= 0; i--, number >>= 8)
		to[i] = (uint8_t)number;
}

static uint64_t get64(const uint8_t *from)
{
	uint64_t number = 0;
	for (int i = 0; i < 8; i++)
		number = number << 8 | from[i];
	return number;
}

size_t sw_delta_packed_bytes(const struct sw_delta *delta)
{
	return (size_t)LISTS * LIST_HEAD + delta->old_soa.used + delta->new_soa.used + delta->removed.used +
	       delta->added.used;
}

int sw_delta_pack(const struct sw_delta *delta, uint8_t **packed, size_t *len)
{
	const struct sw_records *lists[LISTS] = {
		&delta->old_soa, &delta->new_soa, &delta->removed, &delta->added};
	*len = sw_delta_packed_bytes(delta);
	*packed = malloc(*len);
	if (!*packed)
		return -ENOMEM;
	uint8_t *at = *packed + (size_t)LISTS * LIST_HEAD;
	for (unsigned i = 0; i < LISTS; i++) {
		uint8_t *head = *packed + (size_t)i * LIST_HEAD;
		put64(head, lists[i]->used);
		put64(head + 8, lists[i]->count);
		if (lists[i]->used > 0)
			memcpy(at, lists[i]->bytes, lists[i]->used);
		at += lists[i]->used;
	}
	return 0;
}

/** Whether a list that was read is one: sw_records_next() trusts it. */
static bool list_is_valid(const struct sw_records *list, const uint8_t *apex)
{
	size_t at = 0, count = 0;
	for (; at < list->used; count++) {
		size_t left = list->used - at;
		size_t owner_len = left > 8 ? name_within(list->bytes + at + 8, left - 8) : 0;
		if (owner_len == 0)
			return false;
		size_t rdata_len = sw_get16(list->bytes + at + 2);
		if (left - 8 - owner_len < rdata_len)
			return false;
		struct sw_record record;
		sw_records_next(list, &at, &record);
		if (!sw_name_in(record.owner, apex) ||
			!sw_rdata_is_valid(record.type, record.rdata, record.rdata_len))
			return false;
	}
	return count == list->count;
}

int sw_delta_unpack(const uint8_t *packed, size_t len, const uint8_t *apex, struct sw_delta *delta)
{
	struct sw_records *lists[LISTS] = {&delta->old_soa, &delta->new_soa, &delta->removed, &delta->added};
	size_t at = (size_t)LISTS * LIST_HEAD;
	if (len < at)
		return -EBADMSG;
	for (unsigned i = 0; i < LISTS; i++) {
		const uint8_t *head = packed + (size_t)i * LIST_HEAD;
		uint64_t used = get64(head);
		if (used > len - at)
			return -EBADMSG;
		/* nobody writes through it */
		*lists[i] = (struct sw_records){
			.bytes = (uint8_t *)(uintptr_t)packed + at, .used = used, .count = get64(head + 8)};
		if (!list_is_valid(lists[i], apex))
			return -EBADMSG;
		at += used;
	}
	return at == len && delta->old_soa.count == 1 && delta->new_soa.count == 1 ? 0 : -EBADMSG;
}
