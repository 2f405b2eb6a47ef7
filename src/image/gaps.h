/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Trees of gaps: where, in canonical order, the place begins that an NSEC covers; or by hash, an NSEC3.
 *
 * A page is not changed once readers may have it: a change copies those from the root down to the entry, 2
 * KiB each, three of them for a million names. Who has a root has one version of all that is below it. The
 * key of an entry in an inner page is that of the first entry below it.
 */
#ifndef SW_IMAGE_GAPS_H
#define SW_IMAGE_GAPS_H

#include "image/pool.h"

/** Where an entry stands. */
struct sw_gap_key {
	uint64_t prefix;
	const uint8_t *label; /* length byte and lower-cased label; NULL: the prefix is that of a hash */
};

struct sw_gap_key sw_gap_key_of(const uint8_t *label);

/** A tree of entries in ascending order. @return root; 0 when out of space or memory */
uint32_t sw_gaps_build(struct sw_region *region, const struct sw_gap *gaps, uint32_t count);

/** The piece of the last entry before a key, of the last of all. @return 0 where there is none */
uint32_t sw_gaps_before(const struct sw_space *space, uint32_t root, const struct sw_gap_key *key);
uint32_t sw_gaps_last(const struct sw_space *space, uint32_t root);

/** The piece of the entry with a key. @return 0 where there is none */
uint32_t sw_gaps_at(const struct sw_space *space, uint32_t root, const struct sw_gap_key *key);

/** Changes of trees that are shown, or undone, together. */
struct sw_gap_edit {
	struct sw_pool *pool;  /* for what is new */
	uint64_t stamp;	       /* of no page there is: what has it is changed where it stands */
	struct sw_taken *gone; /* pages and labels that are in use no more when the new roots are */
	size_t gone_count, gone_room;
};

/** Have an entry for a key, with that piece.
 * @param root  0 for an empty tree
 * @return 0, -ENOMEM, -ENOSPC, -EAGAIN for a tree too deep for readers; then the edit is to be undone */
int sw_gaps_set(struct sw_gap_edit *edit, uint32_t *root, const struct sw_gap_key *key, uint32_t piece);

/** @return as above, or -ENOENT */
int sw_gaps_remove(struct sw_gap_edit *edit, uint32_t *root, const struct sw_gap_key *key);

/** Add to what is in use no more. @return 0 or -ENOMEM */
int sw_gaps_drop(struct sw_gap_edit *edit, uint32_t ref, size_t size);

#endif
