/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Authenticated denial, prepared: which NSEC or NSEC3 proves what, worked out when a zone is compiled.
 *
 * Only one thing depends on the name asked for: what covers the next closer name. Everything else
 * (matching the closest encloser, covering its wildcard, the proofs of an insecure referral) follows from
 * the closest encloser alone and is stored with its node: with NSEC the pieces, so that a signed NXDOMAIN
 * costs one search, by label among the closest encloser's children; with NSEC3 the hashes that the pieces are
 * found by in one table, since their chain changes at names far away from those that change. Under opt-out,
 * where what proves depends on names far away too, the pieces.
 */
#ifndef SW_IMAGE_DENIAL_H
#define SW_IMAGE_DENIAL_H

#include "image/nsec3.h"
#include "image/piece.h"

struct sw_denial;

/** Decide how the zone denies (RFC 5155 s7.3: an NSEC3PARAM with flags 0 rules, else NSEC at the apex) and
 * prepare: NSEC and NSEC3 pieces, trees of gaps, the NSEC3 table (into `zone`).
 *
 * @return 0, -ENOMEM, -ENOSPC, -E2BIG, or -ERANGE for an NSEC3 salt or iteration count beyond image.h's */
int sw_denial_new(struct sw_denial **denial, const struct sw_contents *contents, struct sw_interner *interner,
	struct sw_region *region, struct sw_encoder *encoder, struct sw_image_zone *zone);
void sw_denial_free(struct sw_denial *denial);

/** How a name denies. */
struct sw_denied {
	uint32_t own;	    /* piece: its own NSEC; 0 where it has none, and with NSEC3 */
	uint32_t denial[2]; /* these as in struct sw_image_node; of a cut: that there is no DS */
	uint32_t wildcard_denial, gaps, wildcard, closest_provable;
	bool is_hashed; /* SW_DENIAL_HASHED: these instead */
	uint32_t types_mark;
	uint64_t own_hash, wildcard_hash;
};

/** The hashes of a name; its mark is 0. */
void sw_denial_hashed(const struct sw_nsec3_params *params, const uint8_t *name, struct sw_denied *out);

/** @return 0, -ENOMEM or -ENOSPC */
int sw_denial_of(struct sw_denial *denial, uint32_t node, struct sw_denied *out);

/** NSEC: where the copy of the slot of "*" below a node is to be. @return 0 with NSEC3, or without space */
uint32_t sw_denial_wildcard(struct sw_denial *denial, uint32_t node);

/** Whether each name that has records has an NSEC and no other has; with NSEC3, each name, empty
 * non-terminals too. Then the chain can change in place. */
bool sw_denial_is_regular(const struct sw_denial *denial);

/** The NSEC or NSEC3 RRset of a node with its RRSIGs, as it stands in a denial. @return 0, -ENOSPC, -E2BIG */
int sw_denial_piece(struct sw_encoder *encoder, struct sw_interner *interner,
	const struct sw_contents *contents, const struct sw_node *node, uint16_t type, uint32_t *piece);

/** Whether the mark of a name's NSEC3 tells of a cut with or without DS, or of a DNAME, as there is one:
 * readers take it for one of another version of the zone where it does not.
 * @param node  NULL for an empty non-terminal */
bool sw_denial_is_mark_of(const struct sw_contents *contents, const struct sw_node *node, uint32_t mark);

/** Whether a node is no name of the zone but the hashed owner of an NSEC3. */
bool sw_denial_is_hashed_owner(const struct sw_contents *contents, const struct sw_node *node);

#endif
