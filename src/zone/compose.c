/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/compose.h"
#include "wire/bytes.h"
#include "wire/message.h"
#include <libknot/libknot.h>
#include <string.h>

/* What has been written is a tree of labels: a label and the place of the one to its right name a node, so
 * one comparison of one label finds it, and no name is ever walked through its pointers. */

/** Slots looked at for one label: a zone made to crowd a slot costs compression, not time. */
#define PROBES_MAX 8

static uint32_t label_hash(const uint8_t *label, uint16_t parent)
{
	uint64_t hash = parent * 0x9e3779b97f4a7c15u;
	size_t len = 1u + *label;
	for (; len >= 8; len -= 8, label += 8) {
		uint64_t word;
		memcpy(&word, label, 8);
		hash = (hash ^ word) * 0xff51afd7ed558ccdu;
		hash ^= hash >> 32;
	}
	uint64_t word = 0;
	memcpy(&word, label, len);
	hash = (hash ^ word) * 0xff51afd7ed558ccdu;
	return (uint32_t)(hash >> 40);
}

/** The slot of a label below `parent`: its own, or a free one; NULL when there is neither nearby. */
static struct sw_compose_label *slot_of(struct sw_compose *compose, const uint8_t *label, uint16_t parent)
{
	uint32_t hash = label_hash(label, parent);
	for (uint32_t i = 0; i < PROBES_MAX; i++) {
		struct sw_compose_label *slot = &compose->labels[(hash + i) & (SW_COMPOSE_SLOTS - 1)];
		const uint8_t *written = compose->message + slot->at;
		if (slot->at == 0 || (slot->parent == parent && *written == *label &&
					     memcmp(written + 1, label + 1, *label) == 0))
			return slot;
	}
	return NULL;
}

/** Put down a name's first `count` labels, then a pointer or the root. @return false without room */
static bool write_labels(
	struct sw_compose *compose, const uint8_t *const *labels, unsigned count, uint16_t parent)
{
	uint16_t places[SW_LABELS_MAX];
	size_t at = compose->len;
	for (unsigned i = 0; i < count; i++) {
		size_t len = 1u + *labels[i];
		if (at + len > compose->max)
			return false;
		places[i] = at <= SW_POINTER_MAX ? (uint16_t)at : 0;
		memcpy(compose->message + at, labels[i], len);
		at += len;
	}
	size_t end = parent ? 2 : 1;
	if (at + end > compose->max)
		return false;
	if (parent) {
		sw_put16(compose->message + at, SW_POINTER | parent);
	} else {
		compose->message[at] = 0;
	}
	compose->len = at + end;
	for (unsigned i = count; i-- > 0 && places[i];) {
		struct sw_compose_label *slot = slot_of(compose, labels[i], parent);
		if (!slot)
			break;
		*slot = (struct sw_compose_label){.at = places[i], .parent = parent};
		parent = places[i];
	}
	return true;
}

static bool write_name(struct sw_compose *compose, const uint8_t *name)
{
	const uint8_t *labels[SW_LABELS_MAX];
	unsigned count = 0;
	uint16_t parent = 0;
	for (; *name && count < SW_LABELS_MAX; name += 1 + *name)
		labels[count++] = name;
	for (; count > 0; count--) {
		const struct sw_compose_label *slot = slot_of(compose, labels[count - 1], parent);
		if (!slot || slot->at == 0)
			break;
		parent = slot->at;
	}
	return write_labels(compose, labels, count, parent);
}

static bool write_bytes(struct sw_compose *compose, const void *bytes, size_t len)
{
	if (compose->max - compose->len < len)
		return false;
	if (len > 0)
		memcpy(compose->message + compose->len, bytes, len);
	compose->len += len;
	return true;
}

/** Mostly a name has several records, or types. */
static bool write_owner(struct sw_compose *compose, const uint8_t *owner)
{
	size_t len = sw_name_len(owner), at = compose->len;
	if (compose->owner_at && len == compose->owner_len && memcmp(owner, compose->owner, len) == 0) {
		uint8_t pointer[2];
		sw_put16(pointer, SW_POINTER | (unsigned)compose->owner_at);
		return len == 1 ? write_bytes(compose, owner, 1) : write_bytes(compose, pointer, 2);
	}
	if (!write_name(compose, owner))
		return false;
	const uint8_t *written = compose->message + at;
	if (*written >= SW_POINTER >> 8) /* no pointer to a pointer, though RFC 1035 s4.1.4 has them */
		at = sw_get16(written) & SW_POINTER_MAX;
	compose->owner_at = at > SW_POINTER_MAX ? 0 : at;
	compose->owner_len = len;
	memcpy(compose->owner, owner, len);
	return true;
}

static bool write_rdata(struct sw_compose *compose, const struct sw_record *record)
{
	const knot_rdata_descriptor_t *form = knot_get_rdata_descriptor(record->type);
	const uint8_t *from = record->rdata;
	size_t left = record->rdata_len;
	for (int i = 0; form->block_types[i] != KNOT_RDATA_WF_END; i++) {
		int block = form->block_types[i];
		size_t len = block > 0 ? (size_t)block : left;
		if (block == KNOT_RDATA_WF_COMPRESSIBLE_DNAME) {
			len = sw_name_len(from);
			if (!write_name(compose, from))
				return false;
		} else if (block > 0 && len <= left) {
			if (!write_bytes(compose, from, len))
				return false;
		} else {
			break;
		}
		from += len;
		left -= len;
	}
	return write_bytes(compose, from, left);
}

void sw_compose_start(struct sw_compose *compose, uint8_t *message, size_t max)
{
	compose->message = message;
	compose->len = SW_HEADER_LEN;
	compose->max = max;
	compose->records = 0;
	compose->owner_at = 0;
	memset(compose->labels, 0, sizeof(compose->labels));
}

bool sw_compose_question(struct sw_compose *compose, const uint8_t *name, uint16_t type)
{
	uint8_t tail[4];
	sw_put16(tail, type);
	sw_put16(tail + 2, SW_CLASS_IN);
	return write_name(compose, name) && write_bytes(compose, tail, sizeof(tail));
}

bool sw_compose_record(struct sw_compose *compose, const struct sw_record *record)
{
	size_t start = compose->len;
	uint8_t fixed[10];
	sw_put16(fixed, record->type);
	sw_put16(fixed + 2, SW_CLASS_IN);
	sw_put32(fixed + 4, record->ttl);
	if (compose->records < UINT16_MAX && write_owner(compose, record->owner) &&
		write_bytes(compose, fixed, sizeof(fixed))) {
		size_t rdata = compose->len;
		if (write_rdata(compose, record)) {
			sw_put16(compose->message + rdata - 2, (unsigned)(compose->len - rdata));
			compose->records++;
			return true;
		}
	}
	/* names that are cut off here stay in the tree of labels */
	compose->len = start;
	compose->max = start;
	return false;
}
