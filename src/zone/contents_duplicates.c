/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Records that a zone's file says twice. */
#include "zone/contents_inside.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdlib.h>

bool sw_contents_rdata_equal(
	uint16_t type, const uint8_t *a, uint16_t a_len, const uint8_t *b, uint16_t b_len)
{
	if (a_len != b_len)
		return false;
	if (memcmp(a, b, a_len) == 0)
		return true;
	const knot_rdata_descriptor_t *form = knot_get_rdata_descriptor(type);
	size_t at = 0;
	for (int i = 0; form->block_types[i] != KNOT_RDATA_WF_END; i++) {
		int block = form->block_types[i];
		size_t len = 0;
		if (block == KNOT_RDATA_WF_COMPRESSIBLE_DNAME ||
			block == KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME || block == KNOT_RDATA_WF_FIXED_DNAME) {
			len = sw_name_len(a + at);
			if (len != sw_name_len(b + at) || !sw_name_equal(a + at, b + at))
				return false;
		} else if (block > 0) {
			len = (size_t)block;
			if (at + len > a_len || memcmp(a + at, b + at, len) != 0)
				return false;
		} else {
			return memcmp(a + at, b + at, a_len - at) == 0;
		}
		at += len;
	}
	return at == a_len;
}

bool sw_contents_is_duplicate(const struct sw_contents *contents, struct sw_node *node, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len)
{
	unsigned steps = 0;
	if (node->flags & CROWDED || !(node->types & SW_TYPE_BIT(type)))
		return false;
	for (struct sw_rr *rr = rr_at(contents, node->first); rr; rr = rr_at(contents, rr->next)) {
		if (rr->type == type &&
			sw_contents_rdata_equal(type, rr->rdata, rr->rdata_len, rdata, rdata_len))
			return true;
		if (++steps == COMPARED_MAX) {
			node->flags |= CROWDED;
			return false;
		}
	}
	return false;
}

/** Brings duplicates side by side, the one read first in front. */
static int compare_rrs(const void *a, const void *b)
{
	const struct sw_rr *x = *(struct sw_rr *const *)a, *y = *(struct sw_rr *const *)b;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	if (x->rdata_len != y->rdata_len)
		return x->rdata_len < y->rdata_len ? -1 : 1;
	for (uint16_t i = 0; i < x->rdata_len; i++) {
		/* bit 5 is the case of letters: sw_contents_rdata_equal() has the last word */
		int order = (x->rdata[i] | 0x20) - (y->rdata[i] | 0x20);
		if (order != 0)
			return order;
	}
	int order = memcmp(x->rdata, y->rdata, x->rdata_len);
	return order ? order : x < y ? -1 : x > y;
}

#define DUPLICATE_FILE UINT16_MAX /* no file has this number; seen below alone */

int sw_contents_drop_duplicates(struct sw_contents *contents, struct sw_node *node)
{
	size_t count = 0, i = 0;
	for (struct sw_rr *rr = rr_at(contents, node->first); rr; rr = rr_at(contents, rr->next))
		count++;
	if (count == 0)
		return 0;
	struct sw_rr **rrs = malloc(count * sizeof(*rrs));
	if (!rrs)
		return -ENOMEM;
	for (struct sw_rr *rr = rr_at(contents, node->first); rr; rr = rr_at(contents, rr->next))
		rrs[i++] = rr;
	qsort(rrs, count, sizeof(*rrs), compare_rrs);
	struct sw_rr *kept = rrs[0];
	for (i = 1; i < count; i++) {
		if (kept->type == rrs[i]->type && sw_contents_rdata_equal(kept->type, kept->rdata,
							  kept->rdata_len, rrs[i]->rdata, rrs[i]->rdata_len))
			rrs[i]->file = DUPLICATE_FILE;
		else
			kept = rrs[i];
	}
	free(rrs);

	uint32_t *link = &node->first;
	for (uint32_t at = node->first; at != 0;) {
		struct sw_rr *rr = rr_at(contents, at);
		if (rr->file == DUPLICATE_FILE) {
			*link = rr->next;
			contents->records--;
		} else {
			link = &rr->next;
			node->last = at;
		}
		at = rr->next;
	}
	node->flags &= (uint16_t)~CROWDED;
	return 0;
}
