/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Finding names in the image: the zone, the name itself, the closest encloser. */
#ifndef SW_ANSWER_LOOKUP_H
#define SW_ANSWER_LOOKUP_H

#include "answer/work.h"

/* looked at without a call */
#define SW_DEPTHS_INLINE 4 /* label counts of apexes */
#define SW_TYPES_INLINE 4

SW_INLINE const struct sw_zone_entry *sw_zone_entry_at(
	const struct sw_work *work, const struct sw_root *root, uint64_t hash, uint32_t i)
{
	return (const void *)sw_image_at(work, root->zones + (((uint32_t)hash + i) & root->zone_mask));
}

/** The zone whose apex has this hash, when the hash's first entry is another's. @return reference, or 0 */
SW_FN uint32_t sw_zone_probe(struct sw_work *work, uint64_t hash)
{
	const struct sw_control *control = work ? sw_control_of(work) : NULL;
	if (!control)
		return 0;
	const struct sw_root *root = &control->root[control->active_root & 1];
	for (uint32_t i = 1; i < SW_ZONE_PROBES; i++) {
		const struct sw_zone_entry *entry = sw_zone_entry_at(work, root, hash, i);
		if (!entry || entry->zone == 0)
			return 0;
		if (entry->hash == hash)
			return entry->zone;
	}
	return 0;
}

/** The deepest zone that holds the name, looked for at the label counts root->depths[from, to). DS lives in
 * the parent, so at an apex the zone above is preferred for it (RFC 4035 s3.1.4.1).
 * @return reference, or 0 */
SW_INLINE uint32_t sw_zone_search(
	struct sw_work *work, const struct sw_control *control, uint32_t from, uint32_t to)
{
	const struct sw_root *root = &control->root[control->active_root & 1];
	for (uint32_t i = from; i < to; i++) {
		if (i >= root->depth_count)
			break;
		uint32_t depth = root->depths[i & SW_LABELS_MAX];
		if (depth > work->labels)
			continue;
		uint64_t hash = work->suffix[(work->labels - depth) & SW_LABELS_MAX];
		const struct sw_zone_entry *entry = sw_zone_entry_at(work, root, hash, 0);
		uint32_t zone = entry ? entry->zone : 0;
		if (zone != 0 && entry->hash != hash)
			zone = sw_zone_probe(work, hash);
		if (zone == 0)
			continue;
		if (work->type != SW_TYPE_DS || depth < work->labels)
			return zone;
		work->own_zone = zone;
	}
	return 0;
}

/** The same at the shallower label counts. */
SW_FN uint32_t sw_zone_search_on(struct sw_work *work)
{
	const struct sw_control *control = work ? sw_control_of(work) : NULL;
	return control ? sw_zone_search(work, control, SW_DEPTHS_INLINE, SW_LABELS_MAX + 1) : 0;
}

/** The zone that answers for the name. @return reference, or 0 */
SW_INLINE uint32_t sw_zone_find(struct sw_work *work, const struct sw_control *control)
{
	work->own_zone = 0;
	uint32_t zone = sw_zone_search(work, control, 0, SW_DEPTHS_INLINE);
	if (zone == 0 && control->root[control->active_root & 1].depth_count > SW_DEPTHS_INLINE)
		zone = sw_zone_search_on(work);
	return zone ? zone : work->own_zone;
}

/** Take a slot if it is that hash's. The names of a zone may move meanwhile (image/place.h): the hash is
 * compared once more behind the rest, instead of being copied. */
SW_INLINE int sw_slot_take(struct sw_work *work, const struct sw_slot *slot, uint64_t hash)
{
	if (slot->hash != hash || slot->kind == SW_SLOT_FREE)
		return 0;
	sw_pin(slot);
	const uint8_t *from = (const void *)slot;
	uint64_t second = SW_LOAD64(from + 8), third = SW_LOAD64(from + 16), fourth = SW_LOAD64(from + 24);
	sw_pin_behind(slot, second, third, fourth);
	if (slot->hash != hash)
		return 0;
	uint8_t *to = (void *)&work->slot;
	SW_STORE64(to + 8, second);
	SW_STORE64(to + 16, third);
	SW_STORE64(to + 24, fourth);
	return 1;
}

/** Look a hash up in the zone's index. The pins keep the order of loads that names moving meanwhile rely on
 * (image/place.h).
 * @return 1 with the slot in work->slot; 0, work->slot unchanged */
SW_INLINE int sw_slot_look(struct sw_work *work, uint64_t hash)
{
	uint32_t index = work->index, count = work->bucket_count;
	const struct sw_slot *bucket =
		(const void *)sw_image_at(work, index + 4 * sw_bucket_first(hash, count));
	if (!bucket)
		return 0;
	if (sw_slot_take(work, &bucket[0], hash))
		return 1;
	sw_pin(bucket);
	if (sw_slot_take(work, &bucket[1], hash))
		return 1;
	sw_pin(bucket);
	if (!bucket[0].overflow)
		return 0;
	bucket = (const void *)sw_image_at(work, index + 4 * sw_bucket_second(hash, count));
	if (!bucket)
		return 0;
	if (sw_slot_take(work, &bucket[0], hash))
		return 1;
	sw_pin(bucket);
	return sw_slot_take(work, &bucket[1], hash);
}

SW_FN int sw_slot_find(struct sw_work *work, uint64_t hash)
{
	return work ? sw_slot_look(work, hash) : 0;
}

/** Find the closest encloser of a name that does not exist (RFC 4592 s3.3.1): work->slot, which is the apex's
 * so far, and work->encloser.
 *
 * If a name exists, so do all its ancestors down to the apex (empty non-terminals are in the index), so
 * the depth is found by bisection: seven probes at most, none for a zone that is flat.
 *
 * @param depth  labels of the name below the apex */
SW_INLINE void sw_encloser_find(struct sw_work *work, uint32_t depth)
{
	uint32_t deepest = depth - 1 < work->depth_max ? depth - 1 : work->depth_max;
	struct sw_bisect depths = {1, deepest + 1}; /* depth 0 is the apex, which exists */
	for (uint32_t i = 0; i < 8; i++) {
		if (depths.low >= depths.high)
			break;
		uint32_t middle = sw_bisect_middle(&depths);
		uint32_t label = work->labels - work->apex_labels - middle;
		uint64_t hash = work->suffix[label & SW_LABELS_MAX];
		sw_bisect_step(&depths, middle, (uint32_t)sw_slot_find(work, hash));
	}
	work->encloser = work->labels - work->apex_labels - (depths.low - 1);
}

/** Entry i of a node's types: two to a unit, behind the head. */
SW_INLINE const struct sw_type_entry *sw_type_at(const struct sw_work *work, uint32_t node, uint32_t i)
{
	const uint8_t *unit =
		sw_image_at(work, node + (uint32_t)sizeof(struct sw_image_node) / SW_UNIT + i / 2);
	return unit ? (const void *)(unit + (i & 1) * sizeof(struct sw_type_entry)) : NULL;
}

/** @return piece of a type at a node, or 0 */
SW_FN uint32_t sw_type_find(struct sw_work *work, uint32_t node, uint32_t type)
{
	const struct sw_image_node *head = work && node ? (const void *)sw_image_at(work, node) : NULL;
	if (!head)
		return 0;
	struct sw_bisect types = {0, head->type_count};
	for (uint32_t i = 0; i < 13; i++) {
		if (types.low >= types.high)
			break;
		uint32_t middle = sw_bisect_middle(&types);
		const struct sw_type_entry *entry = sw_type_at(work, node, middle);
		if (!entry)
			return 0;
		sw_bisect_step(&types, middle, sw_is_less(entry->type, type));
	}
	if (types.low >= head->type_count)
		return 0;
	const struct sw_type_entry *entry = sw_type_at(work, node, types.low);
	return entry && entry->type == type ? entry->piece : 0;
}

/** The same for a node that is there, faster where it has few types: head and entries are one cache line. */
SW_INLINE uint32_t sw_type_look(struct sw_work *work, uint32_t node, uint32_t type)
{
	const struct sw_image_node *head = (const void *)sw_image_at(work, node);
	if (!head)
		return 0;
	if (head->type_count > SW_TYPES_INLINE)
		return sw_type_find(work, node, type);
	const struct sw_type_entry *entry = (const void *)(head + 1);
	for (uint32_t i = 0; i < SW_TYPES_INLINE; i++) {
		if (i < head->type_count && entry[i].type == type)
			return entry[i].piece;
	}
	return 0;
}

#endif
