/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/check_node.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>

static unsigned kind_of(uint16_t type)
{
	switch (type) {
	case KNOT_RRTYPE_A:
	case KNOT_RRTYPE_AAAA:
		return SW_KIND_ADDRESS;
	case KNOT_RRTYPE_NS:
		return SW_KIND_NS;
	case KNOT_RRTYPE_CNAME:
		return SW_KIND_CNAME;
	case KNOT_RRTYPE_SOA:
		return SW_KIND_SOA;
	case KNOT_RRTYPE_MX:
	case KNOT_RRTYPE_SRV:
		return SW_KIND_TARGET;
	case KNOT_RRTYPE_DNAME:
		return SW_KIND_DNAME;
	case KNOT_RRTYPE_DS:
		return SW_KIND_DS;
	case KNOT_RRTYPE_RRSIG:
		return SW_KIND_RRSIG;
	case KNOT_RRTYPE_NSEC:
		return SW_KIND_NSEC;
	case KNOT_RRTYPE_DNSKEY:
		return SW_KIND_DNSKEY;
	case KNOT_RRTYPE_NSEC3:
		return SW_KIND_NSEC3;
	case KNOT_RRTYPE_NSEC3PARAM:
		return SW_KIND_NSEC3PARAM;
	default:
		return SW_KIND_OTHER;
	}
}

/** By type; of one type, as they lie in the arena, which is the order of the file. */
static int compare_rrs(const void *a, const void *b)
{
	const struct sw_rr *x = *(struct sw_rr *const *)a, *y = *(struct sw_rr *const *)b;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int scratch_grow(struct sw_check *check)
{
	size_t size = check->scratch_size ? check->scratch_size * 2 : 64;
	struct sw_rr **scratch = realloc(check->scratch, size * sizeof(*scratch));
	if (!scratch)
		return -ENOMEM;
	check->scratch = scratch;
	check->scratch_size = size;
	return 0;
}

int sw_view_load(struct sw_check *check, uint32_t number, struct sw_view *view)
{
	const struct sw_contents *contents = check->contents;
	const struct sw_node *node = sw_contents_node(contents, number);
	*view = (struct sw_view){.node = node, .number = number, .name = sw_contents_name(contents, node)};
	bool is_sorted = true;
	struct sw_rr *rr = sw_contents_rr(contents, node->first);
	for (; rr; rr = sw_contents_rr(contents, rr->next)) {
		if (view->count == check->scratch_size && scratch_grow(check) != 0)
			return -ENOMEM;
		if (view->count > 0 && check->scratch[view->count - 1]->type > rr->type)
			is_sorted = false;
		check->scratch[view->count++] = rr;
		view->kinds |= kind_of(rr->type);
	}
	view->rrs = check->scratch;
	if (!is_sorted)
		qsort(view->rrs, view->count, sizeof(*view->rrs), compare_rrs);
	return 0;
}

uint32_t sw_view_find(const struct sw_view *view, uint16_t type)
{
	uint32_t low = 0, high = view->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (view->rrs[middle]->type < type)
			low = middle + 1;
		else
			high = middle;
	}
	return low < view->count && view->rrs[low]->type == type ? low : view->count;
}

int sw_marks_new(struct sw_marks *marks, uint32_t count)
{
	marks->words = calloc(count / 64 + 1, sizeof(*marks->words));
	return marks->words ? 0 : -ENOMEM;
}

size_t sw_view_bitmap(const struct sw_view *view, uint8_t *bitmap)
{
	bool is_cut = view->node->flags & SW_NODE_CUT;
	size_t len = 0;
	int window = -1;
	uint8_t *block = bitmap;
	for (uint32_t i = 0; i < view->count; i++) {
		uint16_t type = view->rrs[i]->type;
		if (is_cut && type != KNOT_RRTYPE_NS && type != KNOT_RRTYPE_DS && type != KNOT_RRTYPE_RRSIG &&
			type != KNOT_RRTYPE_NSEC)
			continue; /* RFC 4035 s2.3: at a cut only what the parent is authoritative for, and NS
				   */
		if (type >> 8 != window) {
			window = type >> 8;
			block = bitmap + len;
			memset(block, 0, 34);
			block[0] = (uint8_t)window;
			len += 2;
		}
		uint8_t at = (uint8_t)((type & 255) / 8);
		block[2 + at] |= (uint8_t)(0x80 >> (type & 7));
		if (block[1] < at + 1) {
			len += (size_t)(at + 1 - block[1]);
			block[1] = (uint8_t)(at + 1);
		}
	}
	return len;
}
