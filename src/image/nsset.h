/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Sets of name servers that many zone cuts share, so that each is encoded once.
 *
 * A zone of a million delegations has a few thousand of them. A piece depends on the owner only where a
 * target lies in the same branch below the apex as the owner: there names may be compressed against the
 * owner, and addresses may be its glue.
 */
#ifndef SW_IMAGE_NSSET_H
#define SW_IMAGE_NSSET_H

#include "zone/contents.h"

/** The pieces of a cut that follow from its NS records alone. */
struct sw_nsset {
	uint32_t node; /* a cut with these records, plus one; 0 for none */
	uint32_t hash;
	uint32_t ns; /* pieces as in struct sw_slot; ns is 0 while they have to be made */
	uint32_t glue;
};

/** A table in which a set may push out another: that one is encoded again, and found stored. */
struct sw_nssets;

/** @return NULL when out of memory */
struct sw_nssets *sw_nssets_new(const struct sw_contents *contents);
void sw_nssets_free(struct sw_nssets *sets);

/** What is remembered of a cut's NS records. @return NULL where the pieces depend on the owner */
struct sw_nsset *sw_nssets_find(struct sw_nssets *sets, uint32_t cut);

#endif
