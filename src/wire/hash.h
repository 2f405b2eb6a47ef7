/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Keyed hash of owner names, computed label by label from the root.
 *
 * Every suffix of a name has its hash after one pass over the labels and one fold from the right, so
 * "is www.example.com here, and if not, which of its ancestors?" costs one probe a question.
 *
 * A label is hashed eight bytes at a time with NH, the almost-universal family of UMAC (RFC 4418 s5.2):
 * two labels of equal length collide with probability at most 2^-32 for labels chosen without the key,
 * and 2^-64 for labels that an adversary does not shape against one 32-bit half. The fold multiplies by
 * secret odd numbers and mixes the high half down. The key is drawn afresh at every start, and no hash
 * ever leaves the node.
 *
 * Shared with the BPF target: words and a masked tail only, no per-byte loop (the verifier walks every
 * iteration of a loop, and 255 of them were too many).
 */
#ifndef SW_WIRE_HASH_H
#define SW_WIRE_HASH_H

#include <stdint.h>

#define SW_LABEL_WORDS 8 /* 63 bytes in 8-byte words */

struct sw_hash_key {
	uint32_t nh[2 * SW_LABEL_WORDS];
	uint64_t root;	      /* hash of the root name */
	uint64_t len_mul;     /* odd */
	uint64_t fold_mul[2]; /* odd */
};
_Static_assert(sizeof(struct sw_hash_key) == 96, "shared with BPF");

/** Lower-case eight bytes of a label at once; bytes other than A-Z stay (RFC 4343 s3). */
static inline uint64_t sw_lower8(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101ull;
	uint64_t low7 = word & (ones * 0x7f);
	uint64_t above_z = low7 + ones * (0x7f - 'Z');
	uint64_t from_a = low7 + ones * (0x80 - 'A');
	uint64_t upper = (from_a ^ above_z) & ~word & (ones * 0x80);
	return word | (upper >> 2);
}

/** Mask that keeps the first n (1 to 8) bytes of a little-endian word. */
static inline uint64_t sw_first_bytes(uint32_t n)
{
	return ~0ull >> ((64 - 8 * n) & 63);
}

static inline uint64_t sw_hash_label_start(const struct sw_hash_key *key, uint32_t label_len)
{
	return label_len * key->len_mul;
}

/** Add word i of a label: lower-cased, zero beyond the label's end. */
static inline uint64_t sw_hash_label_word(
	const struct sw_hash_key *key, uint64_t hash, uint32_t i, uint64_t word)
{
	uint32_t low = (uint32_t)word + key->nh[(2 * i) & 15];
	uint32_t high = (uint32_t)(word >> 32) + key->nh[(2 * i + 1) & 15];
	return hash + (uint64_t)low * high;
}

/** Hash of "label.parent" from the hashes of both. */
static inline uint64_t sw_hash_fold(const struct sw_hash_key *key, uint64_t parent, uint64_t label)
{
	uint64_t hash = (parent ^ label) * key->fold_mul[0];
	hash ^= hash >> 32;
	hash *= key->fold_mul[1]; /* with one alone, names that count up crowd some buckets */
	return hash ^ hash >> 29;
}

#endif
