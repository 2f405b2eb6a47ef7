/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How names that change in a signed zone deny what is not there. */
#include "image/change_inside.h"
#include "wire/message.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- NSEC ---- */

static bool is_there(const struct sw_changed *name)
{
	return name->action > SW_CHANGED_GOES;
}

static struct sw_changed *parent_of(const struct sw_changer *c, const struct sw_changed *name)
{
	return &c->names[name->above];
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
	return sw_compile_denial(c->zone->compiler, sw_contents_find(c->contents, sw_changed_text(c, name)),
		SW_TYPE_NSEC, &name->nsec);
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

static int nsec_chain(struct sw_changer *c)
{
	int error = 0;
	for (uint32_t i = 0; i < c->queue_count && !error; i++)
		error = own_make(c, &c->names[c->queue[i]]);
	/* the deepest first: what is behind a name comes from what is below it */
	for (uint32_t i = c->queue_count; i-- > 0 && !error;) {
		if (c->order[i] != 0)
			error = gap_make(c, &c->names[c->order[i]]);
	}
	return error;
}

/* ---- NSEC3 ---- */

/** The NSEC3 at a name, if it is named as such, into the table or out of it. */
static int hash_make(struct sw_changer *c, const struct sw_changed *name)
{
	const uint8_t *text = sw_changed_text(c, name);
	uint8_t hash[SW_SHA1_LEN];
	uint32_t piece;
	if (name->labels != c->head->apex_labels + 1u || !sw_nsec3_owner_hash(text, hash))
		return name->has_nsec3 ? -EAGAIN : 0;
	const struct sw_gap_key key = {.prefix = sw_nsec3_prefix(hash)};
	uint32_t old = sw_gaps_at(c->zone->space, c->nsec3, &key);
	int error = old ? sw_gaps_drop(&c->gaps, old, sw_piece_size(sw_space_at(c->zone->space, old))) : 0;
	if (error || (!old && !name->has_nsec3))
		return error;
	c->nsec3_count += name->has_nsec3 - (uint32_t)(old != 0);
	if (!name->has_nsec3)
		return sw_gaps_remove(&c->gaps, &c->nsec3, &key);
	const struct sw_node *node = sw_contents_find(c->contents, text);
	const struct sw_rr *rr = sw_contents_find_rr(c->contents, node, SW_TYPE_NSEC3);
	if (sw_nsec3_is_opt_out(rr->rdata, rr->rdata_len) != c->head->is_opt_out)
		return -EAGAIN;
	error = sw_compile_denial(c->zone->compiler, node, SW_TYPE_NSEC3, &piece);
	return error ? error : sw_gaps_set(&c->gaps, &c->nsec3, &key, piece);
}

/** The NSEC3 of a name in the new table, with its hashes. @return 0 where there is none */
static uint32_t own_nsec3(const struct sw_changer *c, const struct sw_changed *name, struct sw_denied *denied)
{
	sw_denial_hashed(&c->params, sw_changed_text(c, name), denied);
	return sw_gaps_at(c->zone->space, c->nsec3, &(struct sw_gap_key){.prefix = denied->own_hash});
}

/** Whether opt-out left a name out before. */
static bool was_left_out(const struct sw_changer *c, const struct sw_changed *name)
{
	const struct sw_gap_key key = {
		.prefix = (uint64_t)name->before.cut.proof[0] << 32 | name->before.cut.proof[1]};
	return c->head->is_opt_out && name->before.kind == SW_SLOT_CUT &&
	       !sw_gaps_at(c->zone->space, c->head->nsec3, &key);
}

/** Whether names that go have lost their NSEC3, and there are as many as names that are not left out: those
 * that stay or come are looked at one by one. */
static bool is_complete(struct sw_changer *c)
{
	uint64_t names = c->zone->compiled->names;
	struct sw_denied denied;
	c->left_out = c->zone->compiled->left_out;
	for (uint32_t i = 0; i < c->queue_count; i++) {
		const struct sw_changed *name = &c->names[c->queue[i]];
		bool has_own = name->action != SW_CHANGED_STAYS && own_nsec3(c, name, &denied);
		names += (name->action == SW_CHANGED_COMES) - (uint64_t)(name->action == SW_CHANGED_GOES);
		c->left_out += (is_there(name) && !has_own) - (uint32_t)was_left_out(c, name);
		if (name->action == SW_CHANGED_GOES && has_own)
			return false;
	}
	return names == (uint64_t)c->nsec3_count + c->left_out && c->has_params;
}

static int nsec3_chain(struct sw_changer *c)
{
	int error = 0;
	c->nsec3 = c->head->nsec3;
	c->nsec3_count = c->head->nsec3_count;
	for (uint32_t i = 0; i < c->queue_count && !error; i++) {
		const struct sw_changed *name = &c->names[c->queue[i]];
		if (name->has_nsec3 && name->has_other)
			return -EAGAIN;
		error = hash_make(c, name);
	}
	return error || is_complete(c) ? error : -EAGAIN;
}

static int hashed_denied(struct sw_changer *c, const struct sw_changed *name, struct sw_denied *denied)
{
	const struct sw_node *node = sw_contents_find(c->contents, sw_changed_text(c, name));
	uint32_t ref = own_nsec3(c, name, denied);
	if (!ref)
		return c->head->is_opt_out && sw_denial_may_leave_out(c->contents, node) ? 0 : -EAGAIN;
	denied->types_mark = ((const struct sw_piece *)sw_space_at(c->zone->space, ref))->extra;
	return sw_denial_is_mark_of(c->contents, node, denied->types_mark) ? 0 : -EAGAIN;
}

int sw_change_chain(struct sw_changer *c)
{
	c->gaps.pool = &c->zone->changes->pool;
	c->gaps.stamp++;
	c->gaps.gone_count = 0;
	int error = sw_change_has_nsec3(c) ? nsec3_chain(c) : nsec_chain(c);
	return error == -ENOENT ? -EAGAIN : error;
}

/* ---- what a name gets ---- */

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

static int nsec_denied(
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

int sw_change_denied(
	struct sw_changer *c, const struct sw_changed *name, bool has_wildcard, struct sw_denied *denied)
{
	if (sw_change_has_nsec3(c))
		return hashed_denied(c, name, denied);
	return nsec_denied(c, name, has_wildcard, denied);
}
