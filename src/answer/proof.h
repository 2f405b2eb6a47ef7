/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Finding the NSEC or NSEC3 that covers a next closer name: the one part of a denial that depends on the
 * name asked for (image/denial.h prepared the rest). */
#ifndef SW_ANSWER_PROOF_H
#define SW_ANSWER_PROOF_H

#include "answer/part.h"
#include "answer/state.h"
#include "wire/sha1.h"

/* What is more work is left to user space: SHA-1 takes 0.3 to 0.8 us for a block, and a chain of wildcards
 * wants a hash for each of its links. RFC 9276 s3.1 asks for no iterations. */
#ifdef SW_BPF
#define SW_ITERATIONS_MAX 16
#define SW_SHA1_BLOCKS_MAX (2 * SW_LINKS_MAX) /* of one query */
#else
#define SW_ITERATIONS_MAX SW_NSEC3_ITERATIONS_MAX
#define SW_SHA1_BLOCKS_MAX UINT32_MAX
#endif
#define SW_GAP_BISECT_MAX 7 /* SW_GAPS_MAX is below 2^7 */

/** Word i (8 bytes from i * 8) of the lower-cased label whose length byte is buf[at], as a big-endian number.
 */
SW_INLINE uint64_t sw_label_word(const struct sw_work *work, uint32_t at, uint32_t i)
{
	uint32_t len = sw_buf8(work, at) & SW_LABEL_MAX;
	if (8 * i >= len)
		return 0;
	uint64_t bytes = sw_buf64(work, at + 1 + 8 * i);
	if (len - 8 * i < 8)
		bytes &= sw_first_bytes(len - 8 * i);
	return sw_be64(sw_lower8(bytes));
}

enum sw_label_order { SW_LABEL_BEFORE = 1, SW_LABEL_SAME = 3 /* both are "not behind" */ };

/** Compare the label at buf[at] with one in the image, canonical order (RFC 4034 s6.1).
 * @return of the one in the image: enum sw_label_order, 0 where it comes behind */
SW_FN uint32_t sw_label_compare(struct sw_work *work, uint32_t at, uint32_t label)
{
	if (!work)
		return 0;
	const uint8_t *stored = sw_image_at(work, label);
	if (!stored)
		return 0;
	uint32_t len = sw_buf8(work, at), stored_len = stored[0];
	for (uint32_t i = 0; i < SW_LABEL_WORDS; i++) {
		if (8 * i >= stored_len)
			break;
		uint64_t word = SW_LOAD64(stored + 1 + 8 * i);
		if (stored_len - 8 * i < 8)
			word &= sw_first_bytes(stored_len - 8 * i);
		uint64_t ours = sw_label_word(work, at, i);
		word = sw_be64(word);
		if (word != ours)
			return word < ours;
	}
	/* equal as far as the stored one goes, padded with zeros: the shorter comes first */
	return stored_len < len ? SW_LABEL_BEFORE : stored_len == len ? SW_LABEL_SAME : 0;
}

/** Entries of a page of gaps that are not behind work->gap_key. @param at  the label in buf */
SW_FN uint32_t sw_gap_look(struct sw_work *work, uint32_t page, uint32_t at)
{
	const struct sw_gap_page *head = work ? (const void *)sw_image_at(work, page) : NULL;
	if (!head)
		return 0;
	const uint8_t *gaps = (const void *)(head + 1);
	uint64_t key = work->gap_key;
	struct sw_bisect found = {0, head->count & SW_GAPS_MAX};
	for (uint32_t i = 0; i < SW_GAP_BISECT_MAX; i++) {
		if (found.low >= found.high)
			break;
		uint32_t middle = sw_bisect_middle(&found);
		const struct sw_gap *gap = (const void *)(gaps + (middle & SW_GAPS_MAX) * sizeof(*gap));
		uint32_t is_not_behind = !sw_is_less(key, gap->prefix);
		if (gap->prefix == key && gap->label)
			is_not_behind = sw_label_compare(work, at, gap->label) & 1;
		sw_bisect_step(&found, middle, is_not_behind);
	}
	return found.low;
}

/** The last entry of a tree of gaps that is not behind work->gap_key; work->gap_is_there: it has that key.
 * @param at  the label in buf; 0 for hashes
 * @return piece, 0 where all are behind */
SW_FN uint32_t sw_gap_search(struct sw_work *work, uint32_t page, uint32_t at)
{
	if (!work)
		return 0;
	work->gap_is_there = 0;
	for (uint32_t i = 0; i < SW_GAP_LEVELS_MAX; i++) {
		const struct sw_gap_page *level = (const void *)sw_image_at(work, page);
		if (!level || page == 0)
			break;
		uint32_t is_inner = level->is_inner, count = sw_gap_look(work, page, at) & SW_GAPS_MAX;
		if (count == 0)
			break;
		/* the head is as long as an entry */
		const struct sw_gap *gap = (const void *)sw_image_at(work, page + count);
		if (!gap)
			break;
		page = gap->denial;
		if (is_inner)
			continue;
		if (gap->prefix == work->gap_key)
			work->gap_is_there =
				!gap->label || sw_label_compare(work, at, gap->label) == SW_LABEL_SAME;
		return page;
	}
	return 0;
}

/** NSEC covering a child that does not exist: bisect among the children that do. Where it is one of those the
 * zone has changed meanwhile: work->is_torn.
 * @param node  closest encloser
 * @param at  the child's label in buf
 * @return piece, or 0 */
SW_FN uint32_t sw_gap_find(struct sw_work *work, uint32_t node, uint32_t at)
{
	const struct sw_image_node *head = work && node ? (const void *)sw_image_at(work, node) : NULL;
	if (!head)
		return 0;
	uint32_t before_first = head->denial[0];
	work->gap_key = sw_label_word(work, at, 0);
	uint32_t piece = sw_gap_search(work, head->gaps, at);
	work->is_torn |= work->gap_is_there;
	return piece ? piece : before_first;
}

/** Feed one 64-byte block of hash_in to SHA-1. */
SW_FN int sw_sha1_feed(struct sw_work *work, uint32_t block)
{
	if (!work)
		return -1;
	uint32_t *w = work->sha_words;
	for (uint32_t i = 0; i < 16; i++)
		w[i] = sw_be32(SW_LOAD32(&work->hash_in[(block * SW_SHA1_BLOCK + 4 * i) & SW_HASH_IN_MASK]));
	sw_sha1_block(work->sha, w);
	return 0;
}

/** SHA-1 of `len` bytes of hash_in and the zone's salt behind them; zeros must follow to the block's end. */
SW_FN int sw_sha1_salted(struct sw_work *work, uint32_t len)
{
	const struct sw_image_zone *zone = work ? (const void *)sw_image_at(work, work->zone) : NULL;
	if (!zone)
		return -1;
	for (uint32_t i = 0; i < SW_NSEC3_SALT_MAX; i++) {
		if (i >= zone->nsec3_salt_len)
			break;
		work->hash_in[(len + i) & SW_HASH_IN_MASK] = zone->nsec3_salt[i];
	}
	len += zone->nsec3_salt_len;
	uint32_t blocks = (len + 8) / SW_SHA1_BLOCK + 1;
	work->hash_in[len & SW_HASH_IN_MASK] = 0x80;
	SW_STORE16(
		&work->hash_in[(blocks * SW_SHA1_BLOCK - 2) & SW_HASH_IN_MASK], sw_be16((uint16_t)(8 * len)));
	sw_sha1_start(work->sha);
	for (uint32_t i = 0; i < SW_HASH_IN_BYTES / SW_SHA1_BLOCK; i++) {
		if (i >= blocks)
			break;
		sw_sha1_feed(work, i);
	}
	return 0;
}

/** The digest so far becomes the input of the next iteration. */
SW_INLINE void sw_sha1_again(struct sw_work *work)
{
	for (uint32_t i = 0; i < SW_SHA1_BLOCK; i += 8)
		SW_STORE64(&work->hash_in[i], 0);
	for (uint32_t i = 0; i < 5; i++)
		SW_STORE32(&work->hash_in[4 * i], sw_be32(work->sha[i]));
}

/** Word i of hash_in: lower-cased bytes from buf[from], zeros past `len`. */
SW_FN int sw_hash_in_word(struct sw_work *work, uint32_t from, uint32_t len, uint32_t i)
{
	if (!work)
		return -1;
	uint64_t word = 0;
	if (8 * i < len)
		word = sw_lower8(sw_buf64(work, from + 8 * i));
	if (8 * i < len && len - 8 * i < 8)
		word &= sw_first_bytes(len - 8 * i);
	SW_STORE64(&work->hash_in[(8 * i) & SW_HASH_IN_MASK], word);
	return 0;
}

/** NSEC3 hash (RFC 5155 s5) of the current name from label i on; the result in work->sha. */
SW_FN int sw_nsec3_digest(struct sw_work *work, uint32_t label)
{
	const struct sw_image_zone *zone = work ? (const void *)sw_image_at(work, work->zone) : NULL;
	if (!zone)
		return -1;
	uint32_t from = work->label_at[label & SW_LABELS_MAX], len = sw_suffix_len(work, label);
	uint32_t words = (len + zone->nsec3_salt_len + 9 + SW_SHA1_BLOCK) / 8; /* as far as padding reaches */
	for (uint32_t i = 0; i < SW_HASH_IN_BYTES / 8; i++) {
		if (i >= words)
			break;
		sw_hash_in_word(work, from, len, i);
	}
	sw_sha1_salted(work, len);
	for (uint32_t i = 0; i < SW_ITERATIONS_MAX; i++) {
		if (i >= zone->nsec3_iterations)
			break;
		sw_sha1_again(work);
		sw_sha1_salted(work, SW_SHA1_LEN);
	}
	return 0;
}

/** NSEC3 that matches a hash (work->gap_is_there) or covers it. @return piece, or 0 */
SW_INLINE uint32_t sw_nsec3_at(struct sw_work *work, uint64_t hash)
{
	const struct sw_image_zone *zone = (const void *)sw_image_at(work, work->zone);
	if (!zone)
		return 0;
	uint32_t last = zone->nsec3_last; /* of the chain: it covers what comes before the first */
	work->gap_key = hash;
	uint32_t piece = sw_gap_search(work, zone->nsec3, 0);
	return piece ? piece : last;
}

/** NSEC3 covering the current name from label i on. @return piece, or 0 */
SW_FN uint32_t sw_nsec3_find(struct sw_work *work, uint32_t label)
{
	if (!work || sw_nsec3_digest(work, label))
		return 0;
	return sw_nsec3_at(work, (uint64_t)work->sha[0] << 32 | work->sha[1]);
}

/** Add the NSEC3 that covers a hash. Where one matches it the zone has changed meanwhile: work->is_torn. */
SW_INLINE void sw_prove_covered(struct sw_work *work, uint64_t hash)
{
	uint32_t piece = sw_nsec3_at(work, hash);
	work->is_torn |= work->gap_is_there;
	sw_part_add(work, SW_AUTHORITY, piece, SW_FULL, work->apex_at);
}

/** The NSEC3 that matches a hash. Where none does, or one that tells of other types than the name has, the
 * zone has changed meanwhile: work->is_torn.
 * @param mark  bits of the types' mark that must be as said; `value`: as what
 * @return piece, or 0 */
SW_FN uint32_t sw_nsec3_match(struct sw_work *work, uint64_t hash, uint32_t mark, uint32_t value)
{
	uint32_t ref = work ? sw_nsec3_at(work, hash) : 0;
	const struct sw_piece *piece = ref ? (const void *)sw_image_at(work, ref) : NULL;
	if (!piece)
		return 0;
	if (!work->gap_is_there || (piece->extra & mark) != value)
		work->is_torn = 1;
	return ref;
}

SW_INLINE int sw_prove_matched(struct sw_work *work, uint64_t hash, uint32_t mark, uint32_t value)
{
	return sw_part_add(
		work, SW_AUTHORITY, sw_nsec3_match(work, hash, mark, value), SW_FULL, work->apex_at);
}

/** Whether the NSEC3 hash of the name from a label on, and those before it, are more work than one query may
 * cost here. */
SW_INLINE int sw_nsec3_is_costly(struct sw_work *work, uint32_t label)
{
	const struct sw_image_zone *zone = (const void *)sw_image_at(work, work->zone);
	if (!zone)
		return 0;
	uint32_t len = sw_suffix_len(work, label) + zone->nsec3_salt_len;
	work->sha_blocks += (len + 8) / SW_SHA1_BLOCK + 1 + zone->nsec3_iterations;
	return zone->nsec3_iterations > SW_ITERATIONS_MAX || work->sha_blocks > SW_SHA1_BLOCKS_MAX;
}

/** Where a wildcard stands for the name, in work->slot, the chain that proves so must know it.
 * @param hash  the wildcard's */
SW_INLINE void sw_wildcard_check(struct sw_work *work, uint64_t hash)
{
	const struct sw_image_node *wildcard =
		work->by_wildcard ? (const void *)sw_image_at(work, work->slot.name.node) : NULL;
	if (wildcard)
		sw_nsec3_match(work, hash, UINT32_MAX, wildcard->types_mark);
}

/** Add the proof that the next closer name below the closest encloser does not exist.
 * @param node  the closest encloser's
 * @return 0, or SW_QUERY_PUNT with the verdict set */
SW_FN int sw_prove_next_closer(struct sw_work *work, uint32_t node)
{
	const struct sw_image_node *head = work ? (const void *)sw_image_at(work, node) : NULL;
	if (!head || node == 0)
		return 0;
	uint32_t label = work->encloser - 1, piece = head->denial[1];
	if (work->denial == SW_DENIAL_NSEC) {
		piece = sw_gap_find(work, node, work->label_at[label & SW_LABELS_MAX]);
	} else if (work->denial == SW_DENIAL_HASHED || head->closest_provable) {
		/* else opt-out: the next closer name of the provable encloser */
		if (sw_nsec3_is_costly(work, label)) {
			work->verdict = SW_VERDICT_PUNT_COST;
			return SW_QUERY_PUNT;
		}
		piece = sw_nsec3_find(work, label);
		if (work->denial == SW_DENIAL_HASHED) {
			work->is_torn |= work->gap_is_there;
			sw_wildcard_check(work, head->wildcard_hash);
		}
	}
	sw_part_add(work, SW_AUTHORITY, piece, SW_FULL, work->apex_at);
	return 0;
}

/** Add what a node denies by: its own NSEC or NSEC3, or the closest encloser proof in its place.
 * @param has_types  1: that it has a type not; 0: that it is the closest encloser */
SW_INLINE int sw_prove_node(struct sw_work *work, uint32_t node, uint32_t has_types)
{
	const struct sw_image_node *head = (const void *)sw_image_at(work, node);
	if (!head || node == 0)
		return -1;
	if (work->denial == SW_DENIAL_HASHED)
		return sw_prove_matched(work, head->own_hash,
			has_types ? UINT32_MAX : SW_NSEC3_IS_CUT | SW_NSEC3_HAS_DNAME,
			has_types ? head->types_mark : 0); /* what an encloser must not be: RFC 5155 s8.3 */
	uint32_t second = head->denial[1];
	sw_part_add(work, SW_AUTHORITY, head->denial[0], SW_FULL, work->apex_at);
	if (second)
		sw_part_add(work, SW_AUTHORITY, second, SW_FULL, work->apex_at);
	return 0;
}

/** Add the proof that there is no DS at the cut in work->slot. */
SW_INLINE int sw_prove_no_ds(struct sw_work *work, uint32_t owner)
{
	uint32_t first = work->slot.cut.proof[0], second = work->slot.cut.proof[1];
	if (work->denial == SW_DENIAL_HASHED)
		return sw_prove_matched(work, (uint64_t)first << 32 | second,
			SW_NSEC3_HAS_DS | SW_NSEC3_IS_CUT, SW_NSEC3_IS_CUT);
	sw_part_add(work, SW_AUTHORITY, first, SW_FULL, owner);
	sw_part_add(work, SW_AUTHORITY, second, SW_FULL, owner);
	return 0;
}

/** NXDOMAIN: neither the name (its next closer name is denied later) nor a wildcard; work->slot is the
 * closest encloser's. */
SW_FN int sw_prove_no_name(struct sw_work *work)
{
	uint32_t node = work ? work->slot.name.node : 0;
	const struct sw_image_node *head = node ? (const void *)sw_image_at(work, node) : NULL;
	if (!head)
		return -1;
	uint32_t wildcard = head->wildcard_denial;
	uint64_t wildcard_hash = head->wildcard_hash;
	if (work->denial != SW_DENIAL_NSEC)
		sw_prove_node(work, node, 0);
	work->prove_below = node;
	if (work->denial == SW_DENIAL_HASHED && wildcard_hash)
		sw_prove_covered(work, wildcard_hash);
	else if (work->denial != SW_DENIAL_HASHED)
		sw_part_add(work, SW_AUTHORITY, wildcard, SW_FULL, work->apex_at);
	return 0;
}

/** NODATA: the name has not this type, and if it is a wildcard's, nor is there the name asked for. */
SW_FN int sw_prove_no_type(struct sw_work *work)
{
	uint32_t parent = work ? work->wildcard_parent : 0;
	if (!work)
		return -1;
	if (parent && work->denial != SW_DENIAL_NSEC)
		sw_prove_node(work, parent, 0);
	work->prove_below = parent;
	sw_prove_node(work, work->slot.name.node, 1);
	return 0;
}

#endif
