/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What follows from all records of a zone: empty non-terminals, cuts and what they hide. */
#include "zone/contents_inside.h"
#include <libknot/libknot.h>

/** Link a node to its parent, making the empty non-terminals in between. */
static int link_parents(struct sw_contents *contents, uint32_t number)
{
	while (node_at(contents, number)->parent == UINT32_MAX) {
		const uint8_t *name = sw_contents_name(contents, node_at(contents, number));
		const uint8_t *parent_name = sw_name_skip(name, 1);
		uint32_t before = contents->count, parent;
		int error = sw_contents_name_node(contents, parent_name, sw_name_len(parent_name), &parent);
		if (error)
			return error;
		if (contents->count > before)
			node_at(contents, parent)->flags |= SW_NODE_EMPTY;
		node_at(contents, number)->parent = parent;
		number = parent;
	}
	return 0;
}

#define FLAGGED 0x8000 /* own and inherited flags are final */

/** Flags of a node follow from its records and its parent's flags; parents first. */
static void flag_node(struct sw_contents *contents, uint32_t number)
{
	uint32_t path[SW_LABELS_MAX + 1];
	unsigned depth = 0;
	while (!(node_at(contents, number)->flags & FLAGGED)) {
		path[depth++] = number;
		if (number == 0)
			break;
		number = node_at(contents, number)->parent;
	}
	while (depth > 0) {
		struct sw_node *node = node_at(contents, path[--depth]);
		struct sw_node *parent = node_at(contents, node->parent);
		node->flags |= FLAGGED;
		if (node == parent)
			continue; /* the apex */
		const uint8_t *name = sw_contents_name(contents, node);
		if (name[0] == 1 && name[1] == '*')
			parent->flags |= SW_NODE_HAS_WILDCARD;
		if (parent->flags & (SW_NODE_CUT | SW_NODE_BELOW_CUT))
			node->flags |= SW_NODE_BELOW_CUT;
		else if (find_rr(contents, node, KNOT_RRTYPE_NS))
			node->flags |= SW_NODE_CUT;
		if ((parent->flags & SW_NODE_BELOW_DNAME || find_rr(contents, parent, KNOT_RRTYPE_DNAME)) &&
			!find_rr(contents, node, KNOT_RRTYPE_NSEC3)) /* a DNAME at the apex spares them */
			node->flags |= SW_NODE_BELOW_DNAME;
	}
}

int sw_contents_finish(struct sw_contents *contents)
{
	int error = sw_contents_names_settle(contents);
	for (uint32_t i = 0; i < contents->count && !error; i++) {
		struct sw_node *node = node_at(contents, i);
		if (node->flags & CROWDED)
			error = sw_contents_drop_duplicates(contents, node);
		if (!error)
			error = link_parents(contents, i);
	}
	if (error)
		return error;
	for (uint32_t i = 0; i < contents->count; i++)
		flag_node(contents, i);
	for (uint32_t i = 0; i < contents->count; i++)
		node_at(contents, i)->flags &= (uint16_t)~FLAGGED;
	return 0;
}
