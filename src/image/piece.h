/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Encoding of RRsets as pieces (struct sw_piece), and storing identical pieces once. */
#ifndef SW_IMAGE_PIECE_H
#define SW_IMAGE_PIECE_H

#include "image/pool.h"
#include "zone/contents.h"

#define SW_PIECE_BYTES_MAX 65536u
#define SW_PIECE_RELOCS_MAX 32768u
#define SW_PIECE_NAMES_MAX 64u /* earlier names remembered for compression */

/** One piece being written. About 200 KiB: made once per compilation. */
struct sw_encoder {
	const struct sw_contents *contents;
	const uint8_t *apex;
	const uint8_t *owner; /* names below it may point into it; NULL when its place is not known */
	uint32_t len, reloc_count, count;
	bool too_long;
	uint32_t mark_len, mark_relocs, mark_count; /* end of the plain form */
	uint32_t ttl, extra;
	struct {
		const uint8_t *name;
		uint32_t at;
	} names[SW_PIECE_NAMES_MAX]; /* written in full or in part at `at` */
	uint32_t name_count;
	uint16_t relocs[SW_PIECE_RELOCS_MAX];
	uint8_t bytes[SW_PIECE_BYTES_MAX];
};

/** How the owner of a record is written. */
enum sw_owner_form {
	SW_OWNER_ASKED, /* pointer to the owner: the name asked for, or that a reply has come to */
	SW_OWNER_APEX,	/* pointer to the apex */
	SW_OWNER_NAME,	/* its own labels, then a pointer to the apex */
	SW_OWNER_FIRST, /* pointer to a name in the piece this one is extra to */
	SW_OWNER_APART, /* as SW_OWNER_NAME, but never a pointer into this piece: it may stand too far back */
};

struct sw_owner {
	enum sw_owner_form form;
	const uint8_t *name; /* SW_OWNER_NAME, SW_OWNER_APART */
	uint32_t at;	     /* SW_OWNER_FIRST */
};

/** Begin a piece. @param owner  name whose place in the reply is SW_BASE_OWNER, or NULL */
void sw_encoder_start(struct sw_encoder *encoder, const struct sw_contents *contents, const uint8_t *owner);

/** Add all records of one type at a node, in the order of the file. */
void sw_encoder_add_rrset(struct sw_encoder *encoder, const struct sw_node *node, uint16_t type,
	const struct sw_owner *owner, uint32_t ttl);

/** Add the RRSIGs that cover a type at a node. */
void sw_encoder_add_signatures(struct sw_encoder *encoder, const struct sw_node *node, uint16_t type,
	const struct sw_owner *owner, uint32_t ttl);

/** What stands so far is the plain form; what follows makes it full. */
void sw_encoder_mark(struct sw_encoder *encoder);

/** Where an NS, MX or SRV target was written, for the owners of its addresses. @return false when not */
bool sw_encoder_target_at(const struct sw_encoder *encoder, const uint8_t *name, uint32_t *at);

/** Pieces already stored, by their bytes. */
struct sw_interner;
struct sw_interner *sw_interner_new(struct sw_region *region);
/** One that stores everything anew, in a pool: each object belongs to who stored it. */
struct sw_interner *sw_interner_new_apart(struct sw_pool *pool);
void sw_interner_free(struct sw_interner *interner);

/** Finish a piece and store it, or find the same one stored before.
 * @return reference; 0 when out of space, or, with encoder->too_long, when no message can hold it */
uint32_t sw_encoder_store(struct sw_encoder *encoder, struct sw_interner *interner);

/** Store `size` bytes, or find them stored before. */
uint32_t sw_interner_store(struct sw_interner *interner, const void *bytes, size_t size);

#endif
