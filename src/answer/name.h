/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Reading a name: where its labels stand, and the hashes of its suffixes. */
#ifndef SW_ANSWER_NAME_H
#define SW_ANSWER_NAME_H

#include "answer/work.h"

#define SW_LABEL_INLINE 16 /* bytes of a label that are hashed without a call */

/** Hash of the label of more than SW_LABEL_INLINE bytes whose length byte is buf[at]. Apart from
 * sw_name_hash_suffixes(), whose loop the verifier would otherwise multiply with this one's. */
SW_FN uint64_t sw_long_label_hash(struct sw_work *work, uint32_t at)
{
	const struct sw_control *control = work ? sw_control_of(work) : NULL;
	if (!control)
		return 0;
	uint32_t len = sw_buf8(work, at);
	uint64_t hash = sw_hash_label_start(&control->key, len);
	for (uint32_t word = 0; word < SW_LABEL_WORDS; word++) {
		if (8 * word >= len)
			break;
		uint64_t bytes = sw_buf64(work, at + 1 + 8 * word);
		if (len - 8 * word < 8)
			bytes &= sw_first_bytes(len - 8 * word);
		hash = sw_hash_label_word(&control->key, hash, word, sw_lower8(bytes));
	}
	return hash;
}

SW_INLINE uint64_t sw_label_hash_at(struct sw_work *work, const struct sw_hash_key *key, uint32_t at)
{
	uint32_t len = sw_buf8(work, at);
	if (len > SW_LABEL_INLINE)
		return sw_long_label_hash(work, at);
	uint64_t hash = sw_hash_label_start(key, len), first = sw_buf64(work, at + 1);
	if (len <= 8)
		return sw_hash_label_word(key, hash, 0, sw_lower8(first & sw_first_bytes(len)));
	uint64_t second = sw_buf64(work, at + 9) & sw_first_bytes(len - 8);
	hash = sw_hash_label_word(key, hash, 0, sw_lower8(first));
	return sw_hash_label_word(key, hash, 1, sw_lower8(second));
}

/** Hash the suffixes of the name from the right, as far as any zone has names: deeper labels of random names
 * cost no more than being stepped over. */
SW_INLINE void sw_name_hash_suffixes(struct sw_work *work, const struct sw_control *control)
{
	const struct sw_hash_key *key = &control->key;
	uint32_t labels = work->labels, depth_max = control->root[control->active_root & 1].depth_max;
	uint64_t hash = key->root;
	sw_opaque(labels); /* not masked earlier: Linux 6.1 forgets that */
	work->suffix[labels & SW_LABELS_MAX] = hash;
	for (uint32_t depth = 1; depth <= SW_LABELS_MAX; depth++) {
		if (depth > labels || depth > depth_max)
			break;
		uint32_t i = (labels - depth) & SW_LABELS_MAX;
		hash = sw_hash_fold(key, hash, sw_label_hash_at(work, key, work->label_at[i]));
		work->suffix[i] = hash;
	}
}

/** Read the uncompressed name at buf[at], before buf[end]: where its labels stand, and the hashes of its
 * suffixes.
 * @return offset behind the name, or -1 when malformed */
SW_INLINE int sw_name_read(struct sw_work *work, const struct sw_control *control, uint32_t at, uint32_t end)
{
	uint32_t start = at, labels;
	for (labels = 0; labels <= SW_LABELS_MAX; labels++) {
		uint32_t len = sw_buf8(work, at);
		if (at >= end || len > SW_LABEL_MAX)
			return -1;
		work->label_at[labels & SW_LABELS_MAX] = (uint16_t)at;
		if (len == 0)
			break;
		/* Read again: what is known of `len` would give the verifier a state of its own for each
		 * turn. */
		uint32_t label = at;
		sw_opaque(label);
		at += 1u + sw_buf8(work, label);
	}
	labels = sw_forget(work, labels);
	at = sw_forget(work, at);
	if (labels > SW_LABELS_MAX || at + 1 - start > SW_NAME_MAX || at >= end)
		return -1;
	work->name_at = start;
	work->name_len = at + 1 - start;
	work->labels = labels;
	sw_name_hash_suffixes(work, control);
	return (int)(at + 1);
}

/** The hash that tells whether a chain comes back to a name: of as much of it as was hashed. */
SW_INLINE uint64_t sw_name_mark(const struct sw_work *work)
{
	const struct sw_control *control = sw_control_of(work);
	uint32_t depth_max = control ? control->root[control->active_root & 1].depth_max : 0;
	uint32_t first = work->labels > depth_max ? work->labels - depth_max : 0;
	return work->suffix[first & SW_LABELS_MAX] + work->name_len;
}

#endif
