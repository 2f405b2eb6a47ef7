/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Finding names in the image: the zone, the name itself, the closest encloser. */
#ifndef SW_ANSWER_LOOKUP_H
#define SW_ANSWER_LOOKUP_H

#include "answer/work.h"

/** @return reference of the zone whose apex has this hash, or 0 */
SW_FN uint32_t sw_zone_probe(struct sw_work *work, uint64_t hash)
{
	const struct sw_control *control = work ? sw_control_of(work) : NULL;
	if (!control)
		return 0;
	const struct sw_root *root = &control->root[control->active_root & 1];
	uint32_t table = root->zones, mask = root->zone_mask;
	for (uint32_t i = 0; i < SW_ZONE_PROBES; i++) {
		const struct sw_zone_entry *entry =
			(const void *)sw_image_at(work, table + (((uint32_t)hash + i) & mask));
		if (!entry || entry->zone == 0)
			return 0;
		if (entry->hash == hash)
			return entry->zone;
	}
	return 0;
}

/** The deepest zone that holds the name. DS lives in the parent, so at an apex the zone above is preferred
 * for it (RFC 4035 s3.1.4.1).
 * @return reference, or 0 */
SW_INLINE uint32_t sw_zone_find(struct sw_work *work)
{
	const struct sw_control *control = sw_control_of(work);
	if (!control)
		return 0;
	const struct sw_root *root = &control->root[control->active_root & 1];
	uint32_t own = 0;
	for (uint32_t i = 0; i < SW_LABELS_MAX + 1; i++) {
		if (i >= root->depth_count)
			break;
		uint32_t depth = root->depths[i & SW_LABELS_MAX];
		if (depth > work->labels)
			continue;
		uint32_t zone = sw_zone_probe(work, work->suffix[(work->labels - depth) & SW_LABELS_MAX]);
		if (zone == 0)
			continue;
		if (work->type != SW_TYPE_DS || depth < work->labels)
			return zone;
		own = zone;
	}
	return own;
}

SW_INLINE int sw_slot_take(struct sw_work *work, const struct sw_slot *slot, uint64_t hash)
{
	if (slot->hash != hash || slot->kind == SW_SLOT_FREE)
		return 0;
	work->slot = *slot;
	return 1;
}

/** Look a hash up in the zone's index.
 * @return 1 with the slot in work->slot; 0, work->slot unchanged */
SW_FN int sw_slot_find(struct sw_work *work, uint64_t hash)
{
	if (!work)
		return 0;
	uint32_t index = work->index, count = work->bucket_count;
	const struct sw_slot *bucket =
		(const void *)sw_image_at(work, index + 4 * sw_bucket_first(hash, count));
	if (!bucket)
		return 0;
	if (sw_slot_take(work, &bucket[0], hash) || sw_slot_take(work, &bucket[1], hash))
		return 1;
	if (!bucket[0].overflow)
		return 0;
	bucket = (const void *)sw_image_at(work, index + 4 * sw_bucket_second(hash, count));
	if (!bucket)
		return 0;
	return sw_slot_take(work, &bucket[0], hash) || sw_slot_take(work, &bucket[1], hash);
}

/** Find the closest encloser of a name that does not exist (RFC 4592 s3.3.1): work->slot, which is the apex's
 * so far, and work->encloser.
 *
 * If a name exists, so do all its ancestors down to the apex (empty non-terminals are in the index), so
 * the depth is found by bisection: seven probes at most, none for a zone that is flat.
 *
 * @param depth  labels of the name below the apex */
SW_FN int sw_encloser_find(struct sw_work *work, uint32_t depth)
{
	if (!work)
		return -1;
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
	return 0;
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
	if (!work || node == 0)
		return 0;
	const struct sw_image_node *head = (const void *)sw_image_at(work, node);
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

#endif
