/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The records of one zone, grouped by owner name, between reading them and compiling the image.
 *
 * Short-lived: filled by the scanner, judged by the checks, compiled, freed. Nodes and records live in
 * two growing arenas and name each other by index, so a million records cost about 100 MB while this
 * lives and are returned to the system in one piece.
 */
#ifndef SW_ZONE_CONTENTS_H
#define SW_ZONE_CONTENTS_H

#include "wire/name.h"

/** Why a node is not plain authoritative data. Set by sw_contents_finish(). */
enum sw_node_flag {
	SW_NODE_CUT = 1,       /* NS and not the apex: a zone cut */
	SW_NODE_BELOW_CUT = 2, /* occluded by a cut above: glue at most */
	SW_NODE_BELOW_DNAME = 4,
	SW_NODE_EMPTY = 8,	   /* empty non-terminal (RFC 4592 s2.2.2) */
	SW_NODE_HAS_WILDCARD = 16, /* "*" below this name exists */
};

/** One record. Records of a node form a list in the order they were read. */
struct sw_rr {
	uint32_t next; /* 0 ends the list */
	uint32_t ttl;
	uint16_t type;
	uint16_t rdata_len;
	uint32_t line;	 /* in the file `file` */
	uint16_t file;	 /* index for sw_contents_file() */
	uint8_t rdata[]; /* wire format, names uncompressed */
};

/** One owner name. */
struct sw_node {
	uint64_t hash;	 /* sw_name_hash of the owner */
	uint32_t name;	 /* for sw_contents_name() */
	uint32_t parent; /* node of the name without its first label; the apex has itself */
	uint32_t first;	 /* first record, 0 where there is none */
	uint32_t last;
	uint8_t name_len; /* bytes, root label included */
	uint8_t labels;
	uint16_t flags; /* enum sw_node_flag */
	uint32_t types; /* SW_TYPE_BIT() of each type it has: most that are asked for are not there */
};
#define SW_TYPE_BIT(type) (1u << (type) % 32)

struct sw_contents;

/** @param apex  in wire format; copied, lower-cased
 * @return NULL when out of memory */
struct sw_contents *sw_contents_new(const uint8_t *apex, const struct sw_hash_key *key);
void sw_contents_free(struct sw_contents *contents);

/** Empty them for another zone, as new ones: making and unmaking the memory of 100,000 small zones takes
 * longer than reading them. @return 0 or -ENOMEM */
int sw_contents_restart(struct sw_contents *contents, const uint8_t *apex, const struct sw_hash_key *key);

/** Make room for so many names at once, which saves growing step by step; fewer or more may come.
 * @return 0 or -ENOMEM */
int sw_contents_expect(struct sw_contents *contents, uint64_t names);

/** Add one record.
 *
 * Exact duplicates (owner, type, rdata without regard to the case of names) are dropped: RFC 2181 s5. Between
 * records that do not follow each other that happens later, at names with more than some dozens of records
 * in sw_contents_finish().
 *
 * @param owner  in wire format, any case
 * @param rdata  of the shape sw_rdata_is_valid() wants: names in it are walked by their length bytes
 * @return 0; 1 for a duplicate; -ENOENT when the owner is outside the zone; -EEXIST when two names share
 *         a hash under this key (draw another and start again); -ENOMEM; -EFBIG past 2^32 arena units
 */
int sw_contents_add(struct sw_contents *contents, const uint8_t *owner, uint16_t type, uint32_t ttl,
	const uint8_t *rdata, uint16_t rdata_len, uint16_t file, uint32_t line);

/** Remember a file name for findings. @return its index, or -ENOMEM */
int sw_contents_add_file(struct sw_contents *contents, const char *path);

/** Remember which version of a file was read (zone/files.h). */
void sw_contents_stamp_file(struct sw_contents *contents, uint16_t file, uint64_t stamp);
uint64_t sw_contents_file_stamp(const struct sw_contents *contents, uint16_t file);
/** Have the files of others, so that findings still say where a record stands. @return 0 or -ENOMEM */
int sw_contents_copy_files(struct sw_contents *to, const struct sw_contents *from);
uint16_t sw_contents_file_count(const struct sw_contents *contents);

/** After the last record: make empty non-terminals, set flags and parents; only then can names be looked up.
 * @return 0 or -ENOMEM, -EEXIST, -EFBIG */
int sw_contents_finish(struct sw_contents *contents);

/* Reading. Node numbers run from 0 (the apex, also when it has no records) to count - 1. */
const uint8_t *sw_contents_apex(const struct sw_contents *contents);
const struct sw_hash_key *sw_contents_key(const struct sw_contents *contents);
uint32_t sw_contents_count(const struct sw_contents *contents);
uint64_t sw_contents_records(const struct sw_contents *contents);
struct sw_node *sw_contents_node(const struct sw_contents *contents, uint32_t node);
const uint8_t *sw_contents_name(const struct sw_contents *contents, const struct sw_node *node);
struct sw_rr *sw_contents_rr(const struct sw_contents *contents, uint32_t rr);
const char *sw_contents_file(const struct sw_contents *contents, uint16_t file);

/** First record of a type at a node, or NULL; then sw_contents_next() for the others of that RRset. */
struct sw_rr *sw_contents_find_rr(
	const struct sw_contents *contents, const struct sw_node *node, uint16_t type);
struct sw_rr *sw_contents_next(const struct sw_contents *contents, const struct sw_rr *rr);

/** Node of a name (any case), or NULL. */
struct sw_node *sw_contents_find(const struct sw_contents *contents, const uint8_t *name);

#endif
