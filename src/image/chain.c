/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How names that change in a zone signed with NSEC deny what is not there. */
#include "image/change_inside.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_there(const struct sw_changed *name)
{
	return name->action > SW_CHANGED_GOES;
}

static struct sw_changed *parent_of(const struct sw_changer *c, const struct sw_changed *name)
{
	return &c->names[sw_changed_find(c, sw_name_skip(sw_changed_text(c, name), 1))];
}

/** Its own NSEC; of the tree below it what there was. @return 0, -EAGAIN where it has none and should, or the
 * other way round; -ENOSPC, -E2BIG */
static int own_make(struct sw_changer *c, struct sw_changed *name)
{
	const struct sw_slot *before = &name->before;
	name->nsec = name->gaps = 0;
	if (before->kind == SW_SLOT_NAME) {
		const struct sw_image_node *node = sw_space_at(c->zone->space, before->name.node);
		name->gaps = node->gaps;
	}
	if (!is_there(name) || !name->has_records)
		return 0;
	if (!name->has_nsec)
		return -EAGAIN;
	return sw_compile_nsec(
		c->zone->compiler, sw_contents_find(c->contents, sw_changed_text(c, name)), &name->nsec);
}

/** What covers the place behind all that is below a name: the last NSEC there, which is its own where nothing
 * is. */
static uint32_t behind(const struct sw_changer *c, const struct sw_changed *name)
{
	return name->gaps ? sw_gaps_last(c->zone->space, name->gaps) : name->nsec;
}

/** A name into the tree of the name above, or out of it. */
static int gap_make(struct sw_changer *c, const struct sw_changed *name)
{
	struct sw_changed *parent = parent_of(c, name);
	const struct sw_gap_key key = sw_gap_key_of(sw_changed_text(c, name));
	if (name->action == SW_CHANGED_GOES)
		return sw_gaps_remove(&c->gaps, &parent->gaps, &key);
	if (!is_there(name))
		return 0;
	uint32_t piece = behind(c, name);
	return piece ? sw_gaps_set(&c->gaps, &parent->gaps, &key, piece) : -EAGAIN;
}

int sw_change_chain(struct sw_changer *c)
{
	int error = 0;
	c->gaps.pool = &c->zone->changes->pool;
	c->gaps.stamp++;
	c->gaps.gone_count = 0;
	for (uint32_t i = 0; i < c->queue_count && !error; i++)
		error = own_make(c, &c->names[c->queue[i]]);
	/* the deepest first: what is behind a name comes from what is below it */
	for (uint32_t i = c->queue_count; i-- > 0 && !error;) {
		if (c->order[i] != 0)
			error = gap_make(c, &c->names[c->order[i]]);
	}
	return error == -ENOENT ? -EAGAIN : error;
}

/** The last NSEC at or before a name; that of one without records follows from what is before it. */
static uint32_t covering(const struct sw_changer *c, const struct sw_changed *name)
{
	while (!name->nsec) {
		const struct sw_changed *parent = parent_of(c, name);
		const struct sw_gap_key key = sw_gap_key_of(sw_changed_text(c, name));
		uint32_t piece = sw_gaps_before(c->zone->space, parent->gaps, &key);
		if (piece || name->labels <= c->head->apex_labels + 1u)
			return piece ? piece : parent->nsec;
		name = parent;
	}
	return name->nsec;
}

/** The slot of a wildcard as it shall be; NULL where it is not in the index. */
static const struct sw_slot *wildcard_slot(const struct sw_changer *c, const uint8_t *star)
{
	uint32_t number = sw_changed_find(c, star);
	if (number != SW_CHANGED_NONE && c->names[number].is_affected)
		return is_there(&c->names[number]) ? &c->names[number].slot : NULL;
	uint64_t hash = sw_name_hash(c->zone->readers->key, star);
	struct sw_places places;
	sw_places_of(&c->index, hash, &places);
	return sw_place_find(&places, hash);
}

int sw_change_denied(
	struct sw_changer *c, const struct sw_changed *name, bool has_wildcard, struct sw_denied *denied)
{
	static const uint8_t star_label[] = {1, '*'};
	const struct sw_gap_key star_key = sw_gap_key_of(star_label);
	uint8_t star[SW_NAME_MAX + 3] = {1, '*'};
	const uint8_t *text = sw_changed_text(c, name);
	*denied = (struct sw_denied){.own = name->nsec, .gaps = name->gaps};
	denied->denial[0] = covering(c, name);
	if (!denied->denial[0])
		return -EAGAIN;
	if (!has_wildcard) {
		uint32_t piece = sw_gaps_before(c->zone->space, name->gaps, &star_key);
		denied->wildcard_denial = piece ? piece : denied->denial[0];
		return 0;
	}
	memcpy(star + 2, text, sw_name_len(text));
	const struct sw_slot *slot = wildcard_slot(c, star);
	if (!slot)
		return 0; /* below a cut or a DNAME: nobody looks for it */
	denied->wildcard = sw_pool_take(&c->zone->changes->pool, sizeof(*slot));
	if (!denied->wildcard)
		return -ENOSPC;
	memcpy(sw_space_at(c->zone->space, denied->wildcard), slot, sizeof(*slot));
	return 0;
}
