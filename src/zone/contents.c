/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/contents.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/** An arena that grows in place: address space is reserved once, pages come as they are touched. */
struct arena {
	uint8_t *base;
	size_t used;
};

#define ARENA_MAX (1ull << 35) /* 2^32 units of 8 bytes */
#define UNIT 8
#define BIG_PAGE (2ull << 20)

/** What the names directly below one name share. */
struct parent {
	uint64_t hash;
	uint32_t node; /* UINT32_MAX while it has none */
	uint8_t len, labels;
	uint8_t name[SW_NAME_MAX];
};

struct sw_contents {
	struct sw_hash_key key;
	uint8_t apex[SW_NAME_MAX];
	uint8_t apex_len, apex_labels;
	struct arena nodes, names, rrs;
	uint32_t count;
	uint64_t records;
	uint64_t *index; /* open addressing by tag: tag << 32 | node number + 1, 0 is free */
	uint32_t index_mask;
	uint32_t last_node;	   /* of the record before: files mostly repeat an owner */
	struct parent last_parent; /* of the owner before: mostly the next one's too */
	char **files;
	uint16_t file_count;
};

static int arena_open(struct arena *arena)
{
	void *base = mmap(
		NULL, ARENA_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	arena->base = base;
	/* A big zone faults in 2 MiB at a time; a small one stays in the first 2 MiB, in small pages. */
	uintptr_t big = ((uintptr_t)base + 2 * BIG_PAGE - 1) & ~(uintptr_t)(BIG_PAGE - 1);
	madvise((void *)big, ARENA_MAX - (big - (uintptr_t)base), MADV_HUGEPAGE);
	return 0;
}

static void arena_close(struct arena *arena)
{
	if (arena->base)
		munmap(arena->base, ARENA_MAX);
}

/** @return unit number of `size` fresh bytes, or 0 when full (unit 0 is never handed out) */
static uint32_t arena_take(struct arena *arena, size_t size)
{
	size_t at = arena->used ? arena->used : UNIT;
	size_t end = (at + size + UNIT - 1) & ~(size_t)(UNIT - 1);
	if (end > ARENA_MAX)
		return 0;
	arena->used = end;
	return (uint32_t)(at / UNIT);
}

static void *arena_at(const struct arena *arena, uint32_t unit)
{
	return arena->base + (size_t)unit * UNIT;
}

static inline struct sw_node *node_at(const struct sw_contents *contents, uint32_t node)
{
	return (struct sw_node *)contents->nodes.base + node;
}

static inline struct sw_rr *rr_at(const struct sw_contents *contents, uint32_t rr)
{
	return rr ? arena_at(&contents->rrs, rr) : NULL;
}

static inline struct sw_rr *find_rr(
	const struct sw_contents *contents, const struct sw_node *node, uint16_t type)
{
	struct sw_rr *rr = rr_at(contents, node->first);
	while (rr && rr->type != type)
		rr = rr_at(contents, rr->next);
	return rr;
}

static size_t index_bytes(uint32_t mask)
{
	return ((size_t)mask + 1) * sizeof(uint64_t);
}

static void index_free(uint64_t *index, uint32_t mask)
{
	if (index)
		munmap(index, index_bytes(mask));
}

/** Double the index. The tag, the low half of the hash, gives the slot, so no node is looked at. */
static int index_grow(struct sw_contents *contents)
{
	uint32_t mask = contents->index_mask ? contents->index_mask * 2 + 1 : 1023;
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

/** Make the node of a name that has none yet.
 * @param at  its free slot */
static int node_make(
	struct sw_contents *contents, const uint8_t *name, size_t name_len, uint64_t hash, uint32_t at)
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
		.parent = UINT32_MAX,
		.name_len = (uint8_t)name_len,
		.labels = (uint8_t)sw_name_labels(name)};
	contents->count++;
	contents->index[at] = hash << 32 | contents->count;
	if (contents->count > contents->index_mask - contents->index_mask / 4)
		return index_grow(contents);
	return 0;
}

static bool has_name(
	const struct sw_contents *contents, const struct sw_node *node, const uint8_t *name, size_t name_len)
{
	return node->name_len == name_len &&
	       memcmp(arena_at(&contents->names, node->name), name, name_len) == 0;
}

/** Find or make the node of a lower-cased name inside the zone. */
static int node_for(
	struct sw_contents *contents, const uint8_t *name, size_t name_len, uint64_t hash, uint32_t *number)
{
	uint32_t at = index_slot(contents, hash);
	uint64_t entry = contents->index[at];
	*number = entry ? (uint32_t)entry - 1 : contents->count;
	if (!entry)
		return node_make(contents, name, name_len, hash, at);
	return has_name(contents, node_at(contents, *number), name, name_len) ? 0 : -EEXIST;
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

/** Find or make the node of a lower-cased owner name. */
static int owner_node(struct sw_contents *contents, const uint8_t *name, size_t name_len, uint32_t *number)
{
	if (name_len == contents->apex_len && memcmp(name, contents->apex, name_len) == 0) {
		*number = 0;
		return 0;
	}
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
	uint32_t before = contents->count;
	uint64_t hash = sw_hash_fold(&contents->key, parent->hash, sw_label_hash(&contents->key, name));
	int error = node_for(contents, name, name_len, hash, number);
	if (!error && contents->count > before)
		node_at(contents, *number)->parent = parent->node;
	return error;
}

struct sw_contents *sw_contents_new(const uint8_t *apex, const struct sw_hash_key *key)
{
	struct sw_contents *contents = calloc(1, sizeof(*contents));
	if (!contents)
		return NULL;
	contents->key = *key;
	contents->apex_len = (uint8_t)sw_name_len(apex);
	contents->apex_labels = (uint8_t)sw_name_labels(apex);
	memcpy(contents->apex, apex, contents->apex_len);
	sw_name_lower(contents->apex);
	uint32_t node;
	if (arena_open(&contents->nodes) || arena_open(&contents->names) || arena_open(&contents->rrs) ||
		index_grow(contents) ||
		node_for(contents, contents->apex, contents->apex_len, sw_name_hash(key, contents->apex),
			&node)) {
		sw_contents_free(contents);
		return NULL;
	}
	node_at(contents, 0)->parent = 0;
	return contents;
}

void sw_contents_free(struct sw_contents *contents)
{
	if (!contents)
		return;
	arena_close(&contents->nodes);
	arena_close(&contents->names);
	arena_close(&contents->rrs);
	index_free(contents->index, contents->index_mask);
	for (uint16_t i = 0; i < contents->file_count; i++)
		free(contents->files[i]);
	free(contents->files);
	free(contents);
}

int sw_contents_add_file(struct sw_contents *contents, const char *path)
{
	for (uint16_t i = 0; i < contents->file_count; i++) {
		if (strcmp(contents->files[i], path) == 0)
			return i;
	}
	char **files = realloc(contents->files, (contents->file_count + 1u) * sizeof(*files));
	if (!files)
		return -ENOMEM;
	contents->files = files;
	files[contents->file_count] = strdup(path);
	if (!files[contents->file_count] || contents->file_count == UINT16_MAX)
		return -ENOMEM;
	return contents->file_count++;
}

/** Rdata equal without regard to the case of the names in it (RFC 4034 s6.2 lists the types). */
static bool rdata_equal(uint16_t type, const uint8_t *a, uint16_t a_len, const uint8_t *b, uint16_t b_len)
{
	if (a_len != b_len)
		return false;
	if (memcmp(a, b, a_len) == 0)
		return true;
	const knot_rdata_descriptor_t *form = knot_get_rdata_descriptor(type);
	size_t at = 0;
	for (int i = 0; form->block_types[i] != KNOT_RDATA_WF_END; i++) {
		int block = form->block_types[i];
		size_t len = 0;
		if (block == KNOT_RDATA_WF_COMPRESSIBLE_DNAME ||
			block == KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME || block == KNOT_RDATA_WF_FIXED_DNAME) {
			len = sw_name_len(a + at);
			if (len != sw_name_len(b + at) || !sw_name_equal(a + at, b + at))
				return false;
		} else if (block > 0) {
			len = (size_t)block;
			if (at + len > a_len || memcmp(a + at, b + at, len) != 0)
				return false;
		} else {
			return memcmp(a + at, b + at, a_len - at) == 0;
		}
		at += len;
	}
	return at == a_len;
}

/** Records of a node that are compared one by one; nodes with more wait for drop_duplicates(), or a million
 * records of one name would be compared half a million million times. */
#define COMPARED_MAX 64
#define CROWDED 0x4000 /* node flag: duplicates not looked for yet */

static bool is_duplicate(const struct sw_contents *contents, struct sw_node *node, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len)
{
	unsigned steps = 0;
	if (node->flags & CROWDED)
		return false;
	for (struct sw_rr *rr = rr_at(contents, node->first); rr; rr = rr_at(contents, rr->next)) {
		if (rr->type == type && rdata_equal(type, rr->rdata, rr->rdata_len, rdata, rdata_len))
			return true;
		if (++steps == COMPARED_MAX) {
			node->flags |= CROWDED;
			return false;
		}
	}
	return false;
}

/** Brings duplicates side by side, the one read first in front. */
static int compare_rrs(const void *a, const void *b)
{
	const struct sw_rr *x = *(struct sw_rr *const *)a, *y = *(struct sw_rr *const *)b;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	if (x->rdata_len != y->rdata_len)
		return x->rdata_len < y->rdata_len ? -1 : 1;
	for (uint16_t i = 0; i < x->rdata_len; i++) {
		/* bit 5 is the case of letters: rdata_equal() has the last word */
		int order = (x->rdata[i] | 0x20) - (y->rdata[i] | 0x20);
		if (order != 0)
			return order;
	}
	int order = memcmp(x->rdata, y->rdata, x->rdata_len);
	return order ? order : x < y ? -1 : x > y;
}

#define DUPLICATE_FILE UINT16_MAX /* no file has this number; seen by drop_duplicates() alone */

static int drop_duplicates(struct sw_contents *contents, struct sw_node *node)
{
	size_t count = 0, i = 0;
	for (struct sw_rr *rr = rr_at(contents, node->first); rr; rr = rr_at(contents, rr->next))
		count++;
	struct sw_rr **rrs = malloc(count * sizeof(*rrs));
	if (!rrs)
		return -ENOMEM;
	for (struct sw_rr *rr = rr_at(contents, node->first); rr; rr = rr_at(contents, rr->next))
		rrs[i++] = rr;
	qsort(rrs, count, sizeof(*rrs), compare_rrs);
	struct sw_rr *kept = rrs[0];
	for (i = 1; i < count; i++) {
		if (kept->type == rrs[i]->type && rdata_equal(kept->type, kept->rdata, kept->rdata_len,
							  rrs[i]->rdata, rrs[i]->rdata_len))
			rrs[i]->file = DUPLICATE_FILE;
		else
			kept = rrs[i];
	}
	free(rrs);

	uint32_t *link = &node->first;
	for (uint32_t at = node->first; at != 0;) {
		struct sw_rr *rr = rr_at(contents, at);
		if (rr->file == DUPLICATE_FILE) {
			*link = rr->next;
			contents->records--;
		} else {
			link = &rr->next;
			node->last = at;
		}
		at = rr->next;
	}
	node->flags &= (uint16_t)~CROWDED;
	return 0;
}

/** Copy a name in lower case, eight bytes at a time: length bytes are below 'A'. @return its length */
static size_t lower_copy(const uint8_t *owner, uint8_t name[SW_NAME_MAX + 1])
{
	size_t len = sw_name_len(owner);
	memcpy(name, owner, len);
	memset(name + len, 0, 8 - len % 8);
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word;
		memcpy(&word, name + i, 8);
		word = sw_lower8(word);
		memcpy(name + i, &word, 8);
	}
	return len;
}

int sw_contents_add(struct sw_contents *contents, const uint8_t *owner, uint16_t type, uint32_t ttl,
	const uint8_t *rdata, uint16_t rdata_len, uint16_t file, uint32_t line)
{
	uint8_t name[SW_NAME_MAX + 1];
	size_t name_len = lower_copy(owner, name);
	uint32_t number = contents->last_node;
	if (!has_name(contents, node_at(contents, number), name, name_len)) {
		int error = owner_node(contents, name, name_len, &number);
		if (error)
			return error;
		contents->last_node = number;
	}
	struct sw_node *node = node_at(contents, number);
	if (node->first && is_duplicate(contents, node, type, rdata, rdata_len))
		return 1;

	uint32_t at = arena_take(&contents->rrs, sizeof(struct sw_rr) + rdata_len);
	if (at == 0)
		return -EFBIG;
	struct sw_rr *rr = arena_at(&contents->rrs, at);
	*rr = (struct sw_rr){.ttl = ttl, .type = type, .rdata_len = rdata_len, .line = line, .file = file};
	memcpy(rr->rdata, rdata, rdata_len);
	if (node->last)
		rr_at(contents, node->last)->next = at;
	else
		node->first = at;
	node->last = at;
	contents->records++;
	return 0;
}

/** Link a node to its parent, making the empty non-terminals in between. */
static int link_parents(struct sw_contents *contents, uint32_t number)
{
	while (node_at(contents, number)->parent == UINT32_MAX) {
		const uint8_t *name = sw_contents_name(contents, node_at(contents, number));
		const uint8_t *parent_name = sw_name_skip(name, 1);
		uint32_t before = contents->count, parent;
		int error = node_for(contents, parent_name, sw_name_len(parent_name),
			sw_name_hash(&contents->key, parent_name), &parent);
		if (error)
			return error;
		if (contents->count > before)
			node_at(contents, parent)->flags |= SW_NODE_EMPTY;
		node_at(contents, number)->parent = parent;
		number = parent;
	}
	return 0;
}

#define FLAGGED 0x8000 /* own and inherited flags are final */

/** Flags of a node follow from its records and its parent's flags; parents first. */
static void flag_node(struct sw_contents *contents, uint32_t number)
{
	uint32_t path[SW_LABELS_MAX + 1];
	unsigned depth = 0;
	while (!(node_at(contents, number)->flags & FLAGGED)) {
		path[depth++] = number;
		if (number == 0)
			break;
		number = node_at(contents, number)->parent;
	}
	while (depth > 0) {
		struct sw_node *node = node_at(contents, path[--depth]);
		struct sw_node *parent = node_at(contents, node->parent);
		node->flags |= FLAGGED;
		if (node == parent)
			continue; /* the apex */
		const uint8_t *name = sw_contents_name(contents, node);
		if (name[0] == 1 && name[1] == '*')
			parent->flags |= SW_NODE_HAS_WILDCARD;
		if (parent->flags & (SW_NODE_CUT | SW_NODE_BELOW_CUT))
			node->flags |= SW_NODE_BELOW_CUT;
		else if (find_rr(contents, node, KNOT_RRTYPE_NS))
			node->flags |= SW_NODE_CUT;
		if ((parent->flags & SW_NODE_BELOW_DNAME || find_rr(contents, parent, KNOT_RRTYPE_DNAME)) &&
			!find_rr(contents, node, KNOT_RRTYPE_NSEC3)) /* a DNAME at the apex spares them */
			node->flags |= SW_NODE_BELOW_DNAME;
	}
}

int sw_contents_finish(struct sw_contents *contents)
{
	for (uint32_t i = 0; i < contents->count; i++) {
		struct sw_node *node = node_at(contents, i);
		int error = node->flags & CROWDED ? drop_duplicates(contents, node) : 0;
		if (!error)
			error = link_parents(contents, i);
		if (error)
			return error;
	}
	for (uint32_t i = 0; i < contents->count; i++)
		flag_node(contents, i);
	for (uint32_t i = 0; i < contents->count; i++)
		node_at(contents, i)->flags &= (uint16_t)~FLAGGED;
	return 0;
}

const uint8_t *sw_contents_apex(const struct sw_contents *contents)
{
	return contents->apex;
}

const struct sw_hash_key *sw_contents_key(const struct sw_contents *contents)
{
	return &contents->key;
}

uint32_t sw_contents_count(const struct sw_contents *contents)
{
	return contents->count;
}

uint64_t sw_contents_records(const struct sw_contents *contents)
{
	return contents->records;
}

const char *sw_contents_file(const struct sw_contents *contents, uint16_t file)
{
	return file < contents->file_count ? contents->files[file] : "?";
}

struct sw_node *sw_contents_node(const struct sw_contents *contents, uint32_t node)
{
	return node_at(contents, node);
}

const uint8_t *sw_contents_name(const struct sw_contents *contents, const struct sw_node *node)
{
	return arena_at(&contents->names, node->name);
}

struct sw_rr *sw_contents_rr(const struct sw_contents *contents, uint32_t rr)
{
	return rr_at(contents, rr);
}

struct sw_rr *sw_contents_find_rr(
	const struct sw_contents *contents, const struct sw_node *node, uint16_t type)
{
	return find_rr(contents, node, type);
}

struct sw_rr *sw_contents_next(const struct sw_contents *contents, const struct sw_rr *rr)
{
	uint16_t type = rr->type;
	do
		rr = rr_at(contents, rr->next);
	while (rr && rr->type != type);
	return (struct sw_rr *)rr;
}

struct sw_node *sw_contents_find(const struct sw_contents *contents, const uint8_t *name)
{
	uint64_t entry = contents->index[index_slot(contents, sw_name_hash(&contents->key, name))];
	if (!entry)
		return NULL;
	struct sw_node *node = node_at(contents, (uint32_t)entry - 1);
	return sw_name_equal(sw_contents_name(contents, node), name) ? node : NULL;
}
