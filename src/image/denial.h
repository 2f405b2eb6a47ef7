/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Authenticated denial, prepared: which NSEC or NSEC3 proves what, worked out when a zone is compiled.
 *
 * Only one thing depends on the name asked for: what covers the next closer name. Everything else
 * (matching the closest encloser, covering its wildcard, the proofs of an insecure referral) follows from
 * the closest encloser alone and is stored with its node. So a signed NXDOMAIN costs one search: by label
 * among the closest encloser's children for NSEC, by hash in one table for NSEC3.
 */
#ifndef SW_IMAGE_DENIAL_H
#define SW_IMAGE_DENIAL_H

#include "image/piece.h"

struct sw_denial;

/** Decide how the zone denies (RFC 5155 s7.3: an NSEC3PARAM with flags 0 rules, else NSEC at the apex) and
 * prepare: NSEC and NSEC3 pieces, gap arrays, the NSEC3 table (into `zone`).
 *
 * @return 0, -ENOMEM, -ENOSPC, -E2BIG, or -ERANGE for an NSEC3 salt or iteration count beyond image.h's */
int sw_denial_new(struct sw_denial **denial, const struct sw_contents *contents, struct sw_interner *interner,
	struct sw_region *region, struct sw_encoder *encoder, struct sw_image_zone *zone);
void sw_denial_free(struct sw_denial *denial);

/** Fill the denial fields of an authoritative node. @return 0 or -ENOSPC */
int sw_denial_node(struct sw_denial *denial, uint32_t node, struct sw_image_node *out);

/** Pieces that prove that there is no DS at a zone cut. */
void sw_denial_proofs(struct sw_denial *denial, uint32_t node, uint32_t proof[2]);

/** NSEC piece of a node, or 0. */
uint32_t sw_denial_nsec(const struct sw_denial *denial, uint32_t node);

/** Whether a node is no name of the zone but the hashed owner of an NSEC3. */
bool sw_denial_is_hashed_owner(const struct sw_contents *contents, const struct sw_node *node);

#endif
