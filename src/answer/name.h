/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Reading a name: where its labels stand, and the hashes of its suffixes. */
#ifndef SW_ANSWER_NAME_H
#define SW_ANSWER_NAME_H

#include "answer/work.h"

/** Hash of the label of more than eight bytes whose length byte is buf[at]. Apart from sw_name_hash_labels(),
 * whose loop the verifier would otherwise multiply with this one's. */
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

/** Hash the suffixes of the name from the right, as far as any zone has names: deeper labels of random names
 * cost no more than being stepped over. A function of its own, so that the verifier does not walk this loop
 * once for every number of labels. */
SW_FN int sw_name_hash_labels(struct sw_work *work)
{
	const struct sw_control *control = work ? sw_control_of(work) : NULL;
	if (!control)
		return -1;
	const struct sw_hash_key *key = &control->key;
	uint32_t labels = work->labels, depth_max = control->root[control->active_root & 1].depth_max;
	uint64_t hash = key->root;
	work->suffix[labels & SW_LABELS_MAX] = hash;
	for (uint32_t depth = 1; depth <= SW_LABELS_MAX; depth++) {
		if (depth > labels || depth > depth_max)
			break;
		uint32_t i = (labels - depth) & SW_LABELS_MAX, at = work->label_at[i],
			 len = sw_buf8(work, at);
		uint64_t label;
		if (len > 8)
			label = sw_long_label_hash(work, at);
		else
			label = sw_hash_label_word(key, sw_hash_label_start(key, len), 0,
				sw_lower8(sw_buf64(work, at + 1) & sw_first_bytes(len)));
		hash = sw_hash_fold(key, hash, label);
		work->suffix[i] = hash;
	}
	return 0;
}

/** Read the uncompressed name at buf[at], before buf[end]: where its labels stand, and the hashes of its
 * suffixes.
 * @return offset behind the name, or -1 when malformed */
SW_FN int sw_name_read(struct sw_work *work, uint32_t at, uint32_t end)
{
	if (!work)
		return -1;
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
	if (labels > SW_LABELS_MAX || at + 1 - start > SW_NAME_MAX || at >= end)
		return -1;
	work->name_at = start;
	work->name_len = at + 1 - start;
	work->labels = labels;
	sw_name_hash_labels(work);
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
