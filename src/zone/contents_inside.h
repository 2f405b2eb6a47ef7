/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files of the zone contents: how they are laid out. */
#ifndef SW_ZONE_CONTENTS_INSIDE_H
#define SW_ZONE_CONTENTS_INSIDE_H

#include "zone/contents.h"
#include <string.h>

#define ARENA_MAX (1ull << 34) /* 2^32 units of 4 bytes */
#define UNIT 4
#define BIG_PAGE (2ull << 20)

/** An arena that grows in place: address space is reserved once, pages come as they are touched. */
struct arena {
	uint8_t *base;
	size_t used;
};

/** A file that was read. */
struct file {
	char *path;
	uint64_t stamp;
};

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
	uint32_t indexed; /* nodes below this number are in the index, the others wait for it */
	uint64_t records;
	uint64_t *index; /* open addressing by tag: tag << 32 | node number + 1, 0 is free */
	uint32_t index_mask;
	uint32_t last_node;	   /* of the record before: files mostly repeat an owner */
	struct parent last_parent; /* of the owner before: mostly the next one's too */
	struct file *files;
	uint16_t file_count;
};

/** @return unit number of `size` fresh bytes, or 0 when full (unit 0 is never handed out) */
static inline uint32_t arena_take(struct arena *arena, size_t size)
{
	size_t at = arena->used ? arena->used : UNIT;
	size_t end = (at + size + UNIT - 1) & ~(size_t)(UNIT - 1);
	if (end > ARENA_MAX)
		return 0;
	arena->used = end;
	return (uint32_t)(at / UNIT);
}

static inline void *arena_at(const struct arena *arena, uint32_t unit)
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
	if (!(node->types & SW_TYPE_BIT(type)))
		return NULL;
	struct sw_rr *rr = rr_at(contents, node->first);
	while (rr && rr->type != type)
		rr = rr_at(contents, rr->next);
	return rr;
}

static inline bool has_name(
	const struct sw_contents *contents, const struct sw_node *node, const uint8_t *name, size_t name_len)
{
	return node->name_len == name_len &&
	       memcmp(arena_at(&contents->names, node->name), name, name_len) == 0;
}

/* contents_names.c */

/** Make the index, with the apex in it. @return 0 or -ENOMEM */
int sw_contents_names_start(struct sw_contents *contents);
void sw_contents_names_end(struct sw_contents *contents);

/** Find or make the node of a lower-cased owner name. A name seen before, but not just before, may get a
 * second node for a while; its records go to the first when the index is looked at.
 * @return 0, -ENOENT outside the zone, -EEXIST, -EFBIG, -ENOMEM */
int sw_contents_owner(struct sw_contents *contents, const uint8_t *name, size_t name_len, uint32_t *number);

/** Put the nodes that wait into the index. @return 0, -EEXIST, -ENOMEM */
int sw_contents_names_settle(struct sw_contents *contents);

/** Find or make the node of a lower-cased name inside the zone, when no node waits. */
int sw_contents_name_node(
	struct sw_contents *contents, const uint8_t *name, size_t name_len, uint32_t *number);

/* contents_duplicates.c */

/** Records of a node that are compared one by one; nodes with more wait for sw_contents_drop_duplicates(), or
 * a million records of one name would be compared half a million million times. */
#define COMPARED_MAX 64
#define CROWDED 0x4000 /* node flag: duplicates not looked for yet */

/** Rdata equal without regard to the case of the names in it (RFC 4034 s6.2 lists the types). */
bool sw_contents_rdata_equal(
	uint16_t type, const uint8_t *a, uint16_t a_len, const uint8_t *b, uint16_t b_len);

bool sw_contents_is_duplicate(const struct sw_contents *contents, struct sw_node *node, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len);

/** Those of a crowded node. @return 0 or -ENOMEM */
int sw_contents_drop_duplicates(struct sw_contents *contents, struct sw_node *node);

/* contents.c */

/** Append a record that lies in the arena. */
void sw_contents_append(struct sw_contents *contents, struct sw_node *node, uint32_t at);

#endif
