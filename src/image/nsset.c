/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/nsset.h"
#include "wire/message.h"
#include <stdlib.h>
#include <string.h>

#define SETS 65536u /* power of two; 1 MiB, of which a zone touches what it needs */

struct sw_nssets {
	const struct sw_contents *contents;
	unsigned apex_labels;
	struct sw_nsset table[SETS];
};

struct sw_nssets *sw_nssets_new(const struct sw_contents *contents)
{
	struct sw_nssets *sets = calloc(1, sizeof(*sets));
	if (!sets)
		return NULL;
	sets->contents = contents;
	sets->apex_labels = sw_name_labels(sw_contents_apex(contents));
	return sets;
}

void sw_nssets_free(struct sw_nssets *sets)
{
	free(sets);
}

/** Spreads entries of our own table; equality is always by bytes. */
static uint64_t mix(uint64_t hash, const uint8_t *bytes, size_t size)
{
	for (; size >= 8; bytes += 8, size -= 8) {
		uint64_t word;
		memcpy(&word, bytes, 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	uint64_t word = size;
	memcpy((uint8_t *)&word + 1, bytes, size);
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 32;
}

static bool is_same(const struct sw_contents *contents, const struct sw_rr *a, const struct sw_rr *b)
{
	while (a && b && a->ttl == b->ttl && a->rdata_len == b->rdata_len &&
		memcmp(a->rdata, b->rdata, a->rdata_len) == 0) {
		a = sw_contents_next(contents, a);
		b = sw_contents_next(contents, b);
	}
	return !a && !b;
}

struct sw_nsset *sw_nssets_find(struct sw_nssets *sets, uint32_t cut)
{
	const struct sw_contents *contents = sets->contents;
	const struct sw_node *node = sw_contents_node(contents, cut);
	const struct sw_rr *first = sw_contents_find_rr(contents, node, SW_TYPE_NS);
	const uint8_t *branch =
		sw_name_skip(sw_contents_name(contents, node), node->labels - sets->apex_labels - 1);
	uint64_t hash = first->ttl;
	for (const struct sw_rr *rr = first; rr; rr = sw_contents_next(contents, rr)) {
		if (sw_name_in(rr->rdata, branch))
			return NULL;
		hash = mix(hash, rr->rdata, rr->rdata_len);
	}
	struct sw_nsset *set = &sets->table[(hash >> 32) % SETS];
	if (set->node && set->hash == (uint32_t)hash) {
		const struct sw_node *other = sw_contents_node(contents, set->node - 1);
		if (is_same(contents, first, sw_contents_find_rr(contents, other, SW_TYPE_NS)))
			return set;
	}
	*set = (struct sw_nsset){.node = cut + 1, .hash = (uint32_t)hash};
	return set;
}
