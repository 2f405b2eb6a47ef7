/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files of the zone check: the node under check with its records sorted by type. */
#ifndef SW_ZONE_CHECK_NODE_H
#define SW_ZONE_CHECK_NODE_H

#include "zone/check.h"
#include "zone/contents.h"
#include "zone/finding.h"
#include <stdbool.h>

/** Types that some check looks for, as bits. */
enum sw_kind {
	SW_KIND_SOA = 1 << 0,
	SW_KIND_NS = 1 << 1,
	SW_KIND_CNAME = 1 << 2,
	SW_KIND_DNAME = 1 << 3,
	SW_KIND_TARGET = 1 << 4, /* MX, SRV */
	SW_KIND_ADDRESS = 1 << 5,
	SW_KIND_DS = 1 << 6,
	SW_KIND_DNSKEY = 1 << 7,
	SW_KIND_RRSIG = 1 << 8,
	SW_KIND_NSEC = 1 << 9,
	SW_KIND_NSEC3 = 1 << 10,
	SW_KIND_NSEC3PARAM = 1 << 11,
	SW_KIND_OTHER = 1 << 12,
};

/** One owner name with its records, those of a type together and in the order of the file. */
struct sw_view {
	const struct sw_node *node;
	uint32_t number;
	const uint8_t *name;
	struct sw_rr **rrs;
	uint32_t count;
	unsigned kinds;
};

struct sw_dnskey_id {
	uint16_t tag;
	uint8_t algorithm;
};

#define SW_NSEC3_SALT_MAX 255

struct sw_nsec3_params {
	uint8_t algorithm;
	uint8_t salt_len;
	uint16_t iterations;
	uint8_t salt[SW_NSEC3_SALT_MAX];
};

/** Node numbers as bits. */
struct sw_marks {
	uint64_t *words;
};

struct sw_check {
	const struct sw_contents *contents;
	struct sw_findings *findings;
	uint32_t now_s;
	const uint8_t *apex;
	uint8_t apex_len;
	struct sw_rr **scratch; /* the view's records */
	size_t scratch_size;

	/* DNSSEC */
	bool is_signed; /* the apex has a signed SOA */
	bool has_nsec, has_nsec3, has_opt_out, is_nsec3_hashed;
	bool is_dnskey_told;
	unsigned wraps; /* NSEC3 records whose next hash is not above their own */
	struct sw_dnskey_id *keys;
	size_t key_count;
	struct sw_nsec3_params params;
	struct sw_marks links;	 /* nodes with NSEC or NSEC3 */
	struct sw_marks targets; /* nodes that one of them leads to */
	struct sw_marks hashed;	 /* NSEC3 nodes that are the hash of a name */
};

#define SW_TELL(check, code, view, rr, ...)                                                            \
	sw_findings_add((check)->findings, SW_FINDING_##code,                                          \
		sw_contents_file((check)->contents, (rr)->file), (rr)->line, (view)->name, (rr)->type, \
		__VA_ARGS__)

/** Load the node's records into the check's scratch array. @return 0 or -ENOMEM */
int sw_view_load(struct sw_check *check, uint32_t number, struct sw_view *view);

/** @return index of the first record of a type, or view->count */
uint32_t sw_view_find(const struct sw_view *view, uint16_t type);

static inline bool sw_view_has(const struct sw_view *view, uint16_t type)
{
	return sw_view_find(view, type) < view->count;
}

/** Authoritative data: neither below a cut nor an empty non-terminal. */
static inline bool sw_view_is_signed_name(const struct sw_view *view)
{
	return view->count > 0 && !(view->node->flags & (SW_NODE_BELOW_CUT | SW_NODE_BELOW_DNAME)) &&
	       !(view->kinds & SW_KIND_NSEC3);
}

int sw_marks_new(struct sw_marks *marks, uint32_t count);

static inline void sw_mark(struct sw_marks *marks, uint32_t bit)
{
	marks->words[bit / 64] |= 1ull << bit % 64;
}

static inline bool sw_is_marked(const struct sw_marks *marks, uint32_t bit)
{
	return marks->words[bit / 64] >> bit % 64 & 1;
}

static inline uint32_t sw_node_number(const struct sw_check *check, const struct sw_node *node)
{
	return (uint32_t)(node - sw_contents_node(check->contents, 0));
}

/** Longest type bitmap: 256 windows of 2 + 32 bytes (RFC 4034 s4.1.2). */
#define SW_BITMAP_MAX (256 * 34)

/** The bitmap an NSEC or NSEC3 of this name should carry.
 * @return its length */
size_t sw_view_bitmap(const struct sw_view *view, uint8_t *bitmap);

/* check_dnssec.c */
int sw_check_dnssec_start(struct sw_check *check);
void sw_check_rrsigs(struct sw_check *check, const struct sw_view *view);
void sw_check_signed(struct sw_check *check, const struct sw_view *view);
void sw_check_dnssec_end(struct sw_check *check);

/* check_denial.c */
int sw_check_denial_start(struct sw_check *check, const struct sw_view *apex);
void sw_check_denial(struct sw_check *check, const struct sw_view *view);
void sw_check_denial_end(struct sw_check *check);

#endif
