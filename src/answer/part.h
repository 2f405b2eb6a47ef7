/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Putting the reply together from parts, before a byte of it is written. */
#ifndef SW_ANSWER_PART_H
#define SW_ANSWER_PART_H

#include "answer/work.h"

#define SW_SKIP_MAX 1536u /* UDP: bytes of a piece before those that are sent */

/** Where in the message the suffix of `len` bytes of the current name stands. Names that a CNAME or DNAME led
 * to stand in full, as the question's does. */
SW_INLINE uint32_t sw_suffix_at(const struct sw_work *work, uint32_t len)
{
	return work->owner_at + work->name_len - len;
}

/** A fresh part of a section, or NULL when there are too many. */
SW_INLINE struct sw_part *sw_part_new(struct sw_work *work, uint32_t section)
{
	if (section >= SW_SECTIONS)
		return NULL;
	uint32_t count = work->part_count[section];
	if (count >= SW_PARTS_MAX)
		return NULL;
	work->part_count[section] = count + 1;
	return &work->part[section][count & (SW_PARTS_MAX - 1)];
}

/** Whether a section has a piece already. */
SW_FN int sw_part_has(struct sw_work *work, uint32_t section, uint32_t ref)
{
	if (!work || section >= SW_SECTIONS)
		return 0;
	for (uint32_t i = 0; i < SW_PARTS_MAX; i++) {
		if (i >= work->part_count[section])
			break;
		if (work->part[section][i].ref == ref)
			return 1;
	}
	return 0;
}

/** Count in a part that has its length. @return where it will stand, for answers; 0 else */
SW_INLINE int sw_part_place(struct sw_work *work, uint32_t section, struct sw_part *part)
{
	uint32_t at = work->answers_end, len = part->len;
	work->records[section] += part->count;
	if (section != SW_ANSWER) {
		work->behind_len += len;
		return 0;
	}
	work->answers_end = at + len;
	return (int)at;
}

/** Add a piece to a section; in the authority section the same piece only once.
 *
 * @param form  enum sw_form, or SW_SIGNATURES; the high byte is enum sw_shrink
 * @param owner  where its owner name stands in the message
 * @return where the part will stand, for answers; 0 else; -1 when it cannot be added */
SW_INLINE int sw_part_put(struct sw_work *work, uint32_t section, uint32_t ref, uint32_t form, uint32_t owner)
{
	if (ref == 0 || section >= SW_SECTIONS)
		return -1;
	if (section == SW_AUTHORITY && work->part_count[SW_AUTHORITY] > 0 && sw_part_has(work, section, ref))
		return 0;
	const struct sw_piece *piece = (const void *)sw_image_at(work, ref);
	struct sw_part *part = sw_part_new(work, section);
	if (!piece || !part)
		return -1;
	uint32_t which = form & 0xff, len = piece->len[which & 1], count = piece->count[which & 1];
	if (which == SW_SIGNATURES) {
		len = (uint32_t)piece->len[SW_FULL] - piece->len[SW_PLAIN];
		count = (uint32_t)piece->count[SW_FULL] - piece->count[SW_PLAIN];
	}
	part->ref = ref;
	part->len = (uint16_t)len;
	part->count = (uint16_t)count;
	part->form = (uint8_t)which;
	part->shrink = (uint8_t)(form >> 8);
	part->base[SW_BASE_OWNER] = (uint16_t)(owner - SW_HEADER_LEN);
	part->base[SW_BASE_APEX] = (uint16_t)work->apex_at;
	part->base[SW_BASE_FIRST] = 0;
	return sw_part_place(work, section, part);
}

SW_FN int sw_part_add(struct sw_work *work, uint32_t section, uint32_t ref, uint32_t form, uint32_t owner)
{
	return work ? sw_part_put(work, section, ref, form, owner) : -1;
}

/** Take `room` bytes of buf, for literal bytes of the reply. @return where, or 0 when there is no room */
SW_INLINE uint32_t sw_literal_take(struct sw_work *work, uint32_t room)
{
	uint32_t at = work->literals;
	if (at + room > SW_BUF_BYTES)
		return 0;
	work->literals = at + room;
	return at;
}

/** Add to the answer section what has no piece: `len` bytes at buf[source]; with source 0 the addresses that
 * the slot holds. @return where the part will stand; -1 when it cannot be added */
SW_INLINE int sw_literal_put(struct sw_work *work, uint32_t source, uint32_t len, uint32_t count)
{
	struct sw_part *part = sw_part_new(work, SW_ANSWER);
	if (!part)
		return -1;
	part->ref = 0;
	part->source = (uint16_t)source;
	part->len = (uint16_t)len;
	part->count = (uint16_t)count;
	part->shrink = SW_KEEP;
	return sw_part_place(work, SW_ANSWER, part);
}

/* Writing literal bytes: at buf[at], `at` being masked here, where it is added. */
SW_INLINE void sw_literal16(struct sw_work *work, uint32_t at, uint32_t number)
{
	SW_STORE16(&work->buf[at & SW_BUF_MASK], sw_be16((uint16_t)number));
}

SW_INLINE void sw_literal32(struct sw_work *work, uint32_t at, uint32_t number)
{
	SW_STORE32(&work->buf[at & SW_BUF_MASK], sw_be32(number));
}

SW_INLINE void sw_literal64(struct sw_work *work, uint32_t at, uint64_t bytes)
{
	SW_STORE64(&work->buf[at & SW_BUF_MASK], bytes);
}

#endif
