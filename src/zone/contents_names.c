/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The names of zone contents: nodes, and the index that finds them. */
#include "zone/contents_inside.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/** Nodes that wait for the index at the same time: in a big zone each look at it is a cache miss. */
#define WAITING_MAX 16

#define INDEX_MASK_MIN 1023
#define INDEX_MASK_MAX 0x7fffffff

static size_t index_bytes(uint32_t mask)
{
	return ((size_t)mask + 1) * sizeof(uint64_t);
}

static void index_free(uint64_t *index, uint32_t mask)
{
	if (index)
		munmap(index, index_bytes(mask));
}

/** Make the index another size. The tag, the low half of the hash, gives the slot, so no node is looked at.
 */
static int index_resize(struct sw_contents *contents, uint32_t mask)
{
	uint64_t *index =
		mmap(NULL, index_bytes(mask), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (index == MAP_FAILED)
		return -ENOMEM;
	if (index_bytes(mask) >= BIG_PAGE)
		madvise(index, index_bytes(mask), MADV_HUGEPAGE);
	for (uint32_t i = 0; contents->index && i <= contents->index_mask; i++) {
		uint64_t entry = contents->index[i];
		if (entry == 0)
			continue;
		uint32_t at = (uint32_t)(entry >> 32) & mask;
		while (index[at])
			at = (at + 1) & mask;
		index[at] = entry;
	}
	index_free(contents->index, contents->index_mask);
	contents->index = index;
	contents->index_mask = mask;
	return 0;
}

/** At most three quarters full. */
static uint32_t index_room(uint32_t mask)
{
	return mask - mask / 4;
}

int sw_contents_expect(struct sw_contents *contents, uint64_t names)
{
	uint32_t mask = contents->index_mask;
	while (index_room(mask) < names && mask < INDEX_MASK_MAX)
		mask = mask * 2 + 1;
	return mask == contents->index_mask ? 0 : index_resize(contents, mask);
}

/** @return slot of that hash: free, or its node's */
static uint32_t index_slot(const struct sw_contents *contents, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & contents->index_mask;
	for (; contents->index[at]; at = (at + 1) & contents->index_mask) {
		uint64_t entry = contents->index[at];
		if ((uint32_t)(entry >> 32) == (uint32_t)hash &&
			node_at(contents, (uint32_t)entry - 1)->hash == hash)
			break;
	}
	return at;
}

/** Make a node; it waits for its place in the index. */
static int node_make(
	struct sw_contents *contents, const uint8_t *name, size_t name_len, uint64_t hash, uint32_t parent)
{
	if ((contents->count + 1ull) * sizeof(struct sw_node) > ARENA_MAX ||
		contents->count == UINT32_MAX - 1)
		return -EFBIG;
	uint32_t where = arena_take(&contents->names, name_len);
	if (where == 0)
		return -EFBIG;
	memcpy(arena_at(&contents->names, where), name, name_len);
	*node_at(contents, contents->count) = (struct sw_node){.hash = hash,
		.name = where,
		.parent = parent,
		.name_len = (uint8_t)name_len,
		.labels = (uint8_t)sw_name_labels(name)};
	contents->count++;
	__builtin_prefetch(&contents->index[(uint32_t)hash & contents->index_mask]);
	return 0;
}

/** Hand the records of a waiting node to the one that has its name already, and take it away. */
static void node_merge(struct sw_contents *contents, struct sw_node *into, struct sw_node *node)
{
	for (uint32_t at = node->first; at != 0;) {
		struct sw_rr *rr = rr_at(contents, at);
		uint32_t next = rr->next;
		rr->next = 0;
		contents->records--;
		if (!sw_contents_is_duplicate(contents, into, rr->type, rr->rdata, rr->rdata_len))
			sw_contents_append(contents, into, at);
		at = next;
	}
	contents->count--;
	memmove(node, node + 1, (char *)node_at(contents, contents->count) - (char *)node);
}

/** Put the node that has waited longest into the index. */
static int settle_one(struct sw_contents *contents)
{
	struct sw_node *node = node_at(contents, contents->indexed);
	uint32_t at = index_slot(contents, node->hash);
	uint64_t entry = contents->index[at];
	if (entry) {
		struct sw_node *other = node_at(contents, (uint32_t)entry - 1);
		if (!has_name(contents, other, sw_contents_name(contents, node), node->name_len))
			return -EEXIST;
		node_merge(contents, other, node);
		return 0;
	}
	contents->indexed++;
	contents->index[at] = node->hash << 32 | contents->indexed;
	if (contents->indexed > index_room(contents->index_mask))
		return index_resize(contents, contents->index_mask * 2 + 1);
	return 0;
}

int sw_contents_names_settle(struct sw_contents *contents)
{
	int error = 0;
	while (contents->indexed < contents->count && !error)
		error = settle_one(contents);
	contents->last_node = 0;
	return error;
}

int sw_contents_name_node(
	struct sw_contents *contents, const uint8_t *name, size_t name_len, uint32_t *number)
{
	uint64_t hash = sw_name_hash(&contents->key, name);
	uint64_t entry = contents->index[index_slot(contents, hash)];
	*number = entry ? (uint32_t)entry - 1 : contents->count;
	if (entry)
		return has_name(contents, node_at(contents, *number), name, name_len) ? 0 : -EEXIST;
	int error = node_make(contents, name, name_len, hash, UINT32_MAX);
	return error ? error : settle_one(contents);
}

/** The smallest index, with nothing in it: that of the zone before, or a new one. */
static int index_empty(struct sw_contents *contents)
{
	if (contents->index && contents->index_mask == INDEX_MASK_MIN) {
		memset(contents->index, 0, index_bytes(INDEX_MASK_MIN));
		return 0;
	}
	index_free(contents->index, contents->index_mask);
	contents->index = NULL;
	return index_resize(contents, INDEX_MASK_MIN);
}

int sw_contents_names_start(struct sw_contents *contents)
{
	uint32_t node;
	int error = index_empty(contents);
	if (!error)
		error = sw_contents_name_node(contents, contents->apex, contents->apex_len, &node);
	if (!error)
		node_at(contents, 0)->parent = 0;
	return error;
}

void sw_contents_names_end(struct sw_contents *contents)
{
	index_free(contents->index, contents->index_mask);
}

/** Remember the parent of a name below the apex. @return 0, or -ENOENT outside the zone */
static int parent_set(struct sw_contents *contents, const uint8_t *name, size_t len)
{
	if (!sw_name_in(name, contents->apex))
		return -ENOENT;
	struct parent *parent = &contents->last_parent;
	parent->len = (uint8_t)len;
	memcpy(parent->name, name, len);
	parent->hash = sw_name_hash(&contents->key, name);
	parent->labels = (uint8_t)sw_name_labels(name);
	uint64_t entry = contents->index[index_slot(contents, parent->hash)];
	parent->node = UINT32_MAX;
	if (entry && has_name(contents, node_at(contents, (uint32_t)entry - 1), name, len))
		parent->node = (uint32_t)entry - 1;
	return 0;
}

int sw_contents_owner(struct sw_contents *contents, const uint8_t *name, size_t name_len, uint32_t *number)
{
	*number = 0;
	if (name_len == contents->apex_len && memcmp(name, contents->apex, name_len) == 0)
		return 0;
	if (name[0] == 0)
		return -ENOENT;
	const struct parent *parent = &contents->last_parent;
	const uint8_t *rest = name + 1 + name[0];
	size_t rest_len = name_len - 1 - name[0];
	if (rest_len != parent->len || memcmp(rest, parent->name, rest_len) != 0) {
		int outside = parent_set(contents, rest, rest_len);
		if (outside)
			return outside;
	}
	uint64_t hash = sw_hash_fold(&contents->key, parent->hash, sw_label_hash(&contents->key, name));
	int error = node_make(contents, name, name_len, hash, parent->node);
	if (!error && contents->count - contents->indexed > WAITING_MAX)
		error = settle_one(contents);
	*number = contents->count - 1;
	return error;
}

struct sw_node *sw_contents_find(const struct sw_contents *contents, const uint8_t *name)
{
	const uint64_t hash =
		sw_name_hash_in(&contents->key, name, contents->apex_len, node_at(contents, 0)->hash);
	uint64_t entry = contents->index[index_slot(contents, hash)];
	if (!entry)
		return NULL;
	struct sw_node *node = node_at(contents, (uint32_t)entry - 1);
	return sw_name_equal(sw_contents_name(contents, node), name) ? node : NULL;
}
