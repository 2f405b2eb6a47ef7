/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Showing readers what a change of a zone has made. Of a signed zone in this order, which each of them goes
 * through the other way round, from the head of the zone to a name and from there to what it denies by:
 *
 * 1. Names that come, the deepest first; then those that change or move, from the top down. With NSEC a node
 * has the whole of what it denies by, of one version. With NSEC3 it has hashes, and readers look those up in
 *    the chain of the head they began with: where that is the chain before, a name that has come matches
 *    nothing there, or what does tells of other types.
 * 2. Where names go, a head with the new chain and the old SOA; then these names go, so that from there on
 * none is missed that the chain says there is.
 * 3. The head with the new SOA.
 *
 * What does not go together sets work->is_torn (answer/proof.h): user space looks again, the kernel's program
 * leaves it to user space. */
#include "image/change_inside.h"
#include "wire/message.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is replaced ---- */

static void late_free(struct sw_changer *c, uint32_t ref, size_t size)
{
	struct sw_changes *changes = c->zone->changes;
	const struct sw_late late = {.grace = c->zone->readers->graces.begun,
		.kind = SW_LATE_FREE,
		.ref = ref,
		.size = (uint32_t)size};
	sw_lates_add(&changes->lates, &late); /* without memory it goes with this version of the zone */
}

static bool is_ours(const struct sw_changer *c, uint32_t ref)
{
	return ref && sw_pool_has(&c->zone->changes->pool, ref);
}

static void free_plain(struct sw_changer *c, uint32_t ref)
{
	if (is_ours(c, ref))
		late_free(c, ref, sw_piece_size(sw_space_at(c->zone->space, ref)));
}

static void free_piece(struct sw_changer *c, uint32_t ref, uint16_t type)
{
	if (!is_ours(c, ref))
		return;
	const struct sw_piece *piece = sw_space_at(c->zone->space, ref);
	const void *extra = piece->extra ? sw_space_at(c->zone->space, piece->extra) : NULL;
	if (extra && (type == SW_TYPE_CNAME || type == SW_TYPE_DNAME))
		late_free(c, piece->extra, sw_name_len(extra));
	else if (extra)
		late_free(c, piece->extra, sw_piece_size(extra));
	late_free(c, ref, sw_piece_size(piece));
}

static void free_node(struct sw_changer *c, uint32_t ref)
{
	if (!is_ours(c, ref))
		return;
	const struct sw_image_node *node = sw_space_at(c->zone->space, ref);
	const struct sw_type_entry *entries = (const void *)(node + 1);
	for (unsigned i = 0; i < node->type_count; i++) {
		free_piece(c, entries[i].piece, entries[i].type);
		/* what it denies by is its own NSEC, then, which mostly is the one it answers with */
		if (entries[i].type == SW_TYPE_NSEC && entries[i].piece != node->denial[0] &&
			sw_change_has_nsec(c))
			free_plain(c, node->denial[0]);
	}
	if (sw_change_has_nsec(c) && is_ours(c, node->wildcard))
		late_free(c, node->wildcard, sizeof(struct sw_slot));
	late_free(c, ref, sizeof(*node) + node->type_count * sizeof(*entries));
}

static void free_slot(struct sw_changer *c, const struct sw_slot *slot)
{
	if (slot->kind == SW_SLOT_NAME) {
		free_node(c, slot->name.node);
	} else if (slot->kind == SW_SLOT_CUT) {
		free_piece(c, slot->cut.ns, SW_TYPE_NS);
		free_piece(c, slot->cut.glue, SW_TYPE_A);
		free_piece(c, slot->cut.ds, SW_TYPE_DS);
		if (sw_change_has_nsec(c))
			free_plain(c, slot->cut.proof[0]); /* its NSEC */
	}
}

/* ---- showing ---- */

static int compare_depth(const void *a, const void *b, void *arg)
{
	const struct sw_changer *c = arg;
	return c->names[*(const uint32_t *)a].labels - c->names[*(const uint32_t *)b].labels;
}

int sw_change_order(struct sw_changer *c)
{
	uint32_t *order = realloc(c->order, (c->queue_count + 1) * sizeof(*order));
	if (!order)
		return -ENOMEM;
	c->order = order;
	memcpy(order, c->queue, c->queue_count * sizeof(*order));
	qsort_r(order, c->queue_count, sizeof(*order), compare_depth, c);
	return 0;
}

/** Between steps whose order counts, where readers do not look in order by themselves. */
static void step_wait(struct sw_changer *c)
{
	if (!SW_READERS_IN_ORDER)
		c->zone->readers->wait(c->zone->readers->context);
}

static void show(struct sw_changer *c, struct sw_changed *name)
{
	struct sw_places places;
	sw_places_of(&c->index, name->hash, &places);
	sw_place_show(&places, name->place, &name->slot);
}

static void go(struct sw_changer *c, const struct sw_changed *name)
{
	struct sw_places places;
	sw_places_of(&c->index, name->hash, &places);
	struct sw_slot *place = sw_place_find(&places, name->hash);
	free_slot(c, place);
	sw_place_leave(place);
	sw_change_late_place(c, SW_LATE_LEFT, place);
}

static void flip(struct sw_changer *c, const struct sw_changed *name)
{
	struct sw_places places;
	sw_places_of(&c->index, name->hash, &places);
	struct sw_slot *place = sw_place_find(&places, name->hash);
	const struct sw_slot before = *place;
	sw_place_flip(place, &name->slot);
	if (name->later.kind != SW_SLOT_FREE) {
		const struct sw_late late = {.grace = c->zone->readers->graces.begun,
			.kind = SW_LATE_FILL,
			.ref = name->slot.name.node,
			.slot = name->later};
		sw_lates_add(&c->zone->changes->lates, &late); /* there is room */
	}
	free_slot(c, &before);
}

static void move(struct sw_changer *c, const struct sw_changed *name)
{
	struct sw_places places;
	sw_places_of(&c->index, name->hash, &places);
	struct sw_slot *old = sw_place_find(&places, name->hash);
	sw_place_show(&places, name->place, &name->slot);
	free_slot(c, old);
	/* a reader comes to the old place first: it goes on from there when that is left */
	if (sw_place_find(&places, name->hash) == old && SW_READERS_IN_ORDER) {
		sw_place_leave(old);
		sw_change_late_place(c, SW_LATE_LEFT, old);
	} else {
		sw_change_late_place(c, SW_LATE_TWIN, old);
	}
}

static void head_show(struct sw_changer *c, uint32_t ref)
{
	struct sw_changing const *zone = c->zone;
	uint32_t before = zone->compiled->zone;
	__atomic_store_n(zone->word, ref, __ATOMIC_RELEASE);
	zone->compiled->zone = ref;
	if (is_ours(c, before))
		late_free(c, before, sizeof(struct sw_image_zone));
}

/** Whether a name above this one has a wildcard below it that might have stood for it. */
static bool is_below_wildcard(struct sw_changer *c, const struct sw_changed *name)
{
	const uint8_t *text = sw_changed_text(c, name);
	for (unsigned labels = name->labels - 1u; labels > c->head->apex_labels; labels--) {
		struct sw_places places;
		text = sw_name_skip(text, 1);
		uint64_t hash = sw_name_hash(c->zone->readers->key, text);
		sw_places_of(&c->index, hash, &places);
		const struct sw_slot *slot = sw_place_find(&places, hash);
		if (slot && slot->flags & SW_SLOT_WILDCARD)
			return true;
	}
	return c->head->apex.flags & SW_SLOT_WILDCARD;
}

static bool does_parent_come(const struct sw_changer *c, const struct sw_changed *name)
{
	uint32_t parent = sw_changed_find(c, sw_name_skip(sw_changed_text(c, name), 1));
	return parent != SW_CHANGED_NONE && parent != 0 && c->names[parent].is_affected &&
	       c->names[parent].action == SW_CHANGED_COMES;
}

/** Whether a cut or DNAME above a name was there and is not. */
static bool does_cover_go(const struct sw_changer *c, const struct sw_changed *name)
{
	const uint8_t *text = sw_changed_text(c, name);
	for (unsigned labels = name->labels - 1u; labels > c->head->apex_labels; labels--) {
		text = sw_name_skip(text, 1);
		uint32_t number = sw_changed_find(c, text);
		if (number == SW_CHANGED_NONE || !c->names[number].is_affected)
			continue;
		const struct sw_changed *above = &c->names[number];
		const struct sw_slot *before = &above->before;
		if ((before->kind == SW_SLOT_CUT && !above->has_ns) ||
			(before->kind == SW_SLOT_NAME && before->flags & SW_SLOT_DNAME && !above->has_dname))
			return true;
	}
	return false;
}

bool sw_change_is_delicate(struct sw_changer *c)
{
	for (uint32_t i = 0; i < c->queue_count; i++) {
		const struct sw_changed *name = &c->names[c->order[i]];
		if (c->order[i] == 0 || name->action != SW_CHANGED_COMES)
			continue;
		if (does_cover_go(c, name) || (does_parent_come(c, name) && is_below_wildcard(c, name)))
			return true;
	}
	return false;
}

/** Names that come, the deepest first. */
static void show_coming(struct sw_changer *c, bool waits)
{
	unsigned labels = UINT8_MAX;
	for (uint32_t i = c->queue_count; i-- > 0;) {
		struct sw_changed *name = &c->names[c->order[i]];
		if (c->order[i] == 0 || name->action != SW_CHANGED_COMES)
			continue;
		if (waits && labels != UINT8_MAX && name->labels != labels)
			c->zone->readers->wait(c->zone->readers->context);
		labels = name->labels;
		show(c, name);
	}
	if (waits)
		c->zone->readers->wait(c->zone->readers->context);
}

/** Names that are others now, or go, from the top down. */
static void show_changed(struct sw_changer *c, bool flips, bool goes)
{
	unsigned labels = 0;
	for (uint32_t i = 0; i < c->queue_count; i++) {
		const struct sw_changed *name = &c->names[c->order[i]];
		if (c->order[i] == 0)
			continue;
		if (name->labels != labels)
			step_wait(c);
		labels = name->labels;
		if (name->action == SW_CHANGED_FLIPS && flips)
			flip(c, name);
		else if (name->action == SW_CHANGED_MOVES && flips)
			move(c, name);
		else if (name->action == SW_CHANGED_GOES && goes)
			go(c, name);
	}
}

/** What the proofs have left behind. */
static void free_chain(struct sw_changer *c)
{
	if (c->middle_node) {
		const struct sw_image_node *node = sw_space_at(c->zone->space, c->middle_node);
		late_free(c, c->middle_node, sizeof(*node) + node->type_count * sizeof(struct sw_type_entry));
	}
	for (size_t i = 0; i < c->gaps.gone_count; i++) {
		if (is_ours(c, c->gaps.gone[i].ref))
			late_free(c, c->gaps.gone[i].ref, c->gaps.gone[i].size);
	}
	c->gaps.gone_count = 0;
}

void sw_change_publish(struct sw_changer *c)
{
	struct sw_compiled *compiled = c->zone->compiled;
	const struct sw_image_zone before = *c->head;
	bool waits = sw_change_is_delicate(c) || !SW_READERS_IN_ORDER;
	if (c->has_grown)
		sw_lates_forget_places(&c->zone->changes->lates);
	if (c->deep_head) {
		const struct sw_image_zone *deep = sw_space_at(c->zone->space, c->deep_head);
		unsigned labels = before.apex_labels + (unsigned)deep->depth_max;
		c->zone->readers->deepen(c->zone->readers->context, labels);
		if (labels > compiled->labels_max)
			compiled->labels_max = (uint8_t)labels;
		head_show(c, c->deep_head);
	}
	if (waits)
		c->zone->readers->wait(c->zone->readers->context);
	show_coming(c, waits);
	show_changed(c, true, !c->middle_head);
	if (c->middle_head) {
		head_show(c, c->middle_head);
		show_changed(c, false, true);
	}
	step_wait(c);
	if (c->new_head) {
		head_show(c, c->new_head);
		if (c->names[0].is_affected) {
			free_slot(c, &before.apex);
			free_piece(c, before.soa_negative, SW_TYPE_SOA);
		}
	}
	free_chain(c);
	compiled->serial = c->serial;
	compiled->names = (uint64_t)((int64_t)compiled->names + c->names_more);
}
