/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/change_inside.h"
#include "wire/message.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROWN_BYTES (1u << 20) /* of memory besides twice the zone's: room for what waits, too */
#define LATE_BYTES (16u << 20) /* waiting at most before readers are waited for */
#define LATE_ITEMS 65536

struct sw_changes *sw_changes_new(struct sw_space *space)
{
	struct sw_changes *changes = calloc(1, sizeof(*changes));
	if (!changes)
		return NULL;
	changes->pool.region.space = space;
	changes->depends = sw_depends_new();
	if (changes->depends)
		return changes;
	free(changes);
	return NULL;
}

void sw_changes_free(struct sw_changes *changes)
{
	if (!changes)
		return;
	sw_pool_end(&changes->pool);
	sw_depends_free(changes->depends);
	sw_lates_end(&changes->lates);
	free(changes);
}

struct sw_changer *sw_changer_new(const uint8_t *apex, const struct sw_hash_key *key)
{
	struct sw_changer *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->contents = sw_contents_new(apex, key);
	c->names_mask = 255;
	c->table = calloc(c->names_mask + 1, sizeof(*c->table));
	if (c->contents && c->table)
		return c;
	sw_changer_free(c);
	return NULL;
}

void sw_changer_free(struct sw_changer *c)
{
	if (!c)
		return;
	sw_contents_free(c->contents);
	free(c->table);
	free(c->names);
	free(c->text);
	free(c->queue);
	free(c->targets);
	free(c->order);
	free(c->gaps.gone);
	free(c);
}

/** A change of 100,000 names does not leave its memory to all that come after it. */
#define NAMES_KEPT 4096

static int scratch_restart(struct sw_changer *c)
{
	if (c->names_mask > 4 * NAMES_KEPT) {
		uint32_t *table = calloc(256, sizeof(*table));
		if (!table)
			return -ENOMEM;
		free(c->table);
		c->table = table;
		c->names_mask = 255;
		free(c->names);
		free(c->text);
		free(c->queue);
		free(c->targets);
		free(c->order);
		c->names = NULL;
		c->text = NULL;
		c->queue = c->order = NULL;
		c->targets = NULL;
		c->names_room = c->text_room = c->queue_room = c->targets_room = 0;
	} else if (c->names_count > 0) {
		memset(c->table, 0, (c->names_mask + 1) * sizeof(*c->table));
	}
	c->names_count = c->queue_count = 0;
	c->targets_count = c->text_used = 0;
	return 0;
}

static void zone_read(struct sw_changer *c, const struct sw_changing *zone)
{
	c->zone = zone;
	c->head = sw_space_at(zone->space, zone->compiled->zone);
	c->apex_len = sw_name_len(zone->apex);
	c->apex_hash = sw_name_hash(zone->readers->key, zone->apex);
	c->index_region = (struct sw_region){.space = zone->space};
	c->index.region = &c->index_region;
	c->index.buckets = c->head->index;
	c->index.bucket_count = c->head->bucket_count;
	c->names_more = 0;
	c->has_params = false;
	c->params = (struct sw_nsec3_params){
		.iterations = c->head->nsec3_iterations, .salt_len = c->head->nsec3_salt_len};
	memcpy(c->params.salt, c->head->nsec3_salt, sizeof(c->params.salt));
}

void sw_change_wait(struct sw_changer *c)
{
	const struct sw_changing *zone = c->zone;
	zone->readers->wait(zone->readers->context);
	sw_lates_settle(&zone->changes->lates, &zone->readers->graces, &zone->changes->pool, &c->index);
}

bool sw_change_settle(struct sw_changer *c, const struct sw_changing *zone)
{
	zone_read(c, zone);
	sw_lates_settle(&zone->changes->lates, &zone->readers->graces, &zone->changes->pool, &c->index);
	return zone->changes->lates.count > 0;
}

/** Whether the zone can be changed, after what waits has been seen to. @return 0 or -EAGAIN */
static int zone_ready(struct sw_changer *c)
{
	struct sw_changes *changes = c->zone->changes;
	uint64_t grown_max = 2 * changes->first_bytes + GROWN_BYTES;
	uint64_t late_max = grown_max / 4 < LATE_BYTES ? grown_max / 4 : LATE_BYTES;
	if (!changes->depends || c->head->soa_negative == 0)
		return -EAGAIN;
	if (sw_change_is_signed(c) && !(c->zone->compiled->is_regular && SW_READERS_IN_ORDER))
		return -EAGAIN;
	sw_lates_settle(&changes->lates, &c->zone->readers->graces, &changes->pool, &c->index);
	if (changes->lates.bytes > late_max || changes->lates.count > LATE_ITEMS)
		sw_change_wait(c);
	return changes->pool.region.bytes > grown_max ? -EAGAIN : 0;
}

/* ---- the slots as they shall be ---- */

/** Whether "*" below a name exists. */
static bool has_wildcard(const struct sw_changer *c, const struct sw_changed *name)
{
	uint8_t star[SW_NAME_MAX + 3] = {1, '*'};
	const uint8_t *text = sw_changed_text(c, name);
	size_t len = sw_name_len(text);
	if (len + 2 > SW_NAME_MAX)
		return false;
	memcpy(star + 2, text, len);
	uint32_t number = sw_changed_find(c, star);
	if (number != SW_CHANGED_NONE && c->names[number].is_affected)
		return c->names[number].exists == 1;
	return name->before.kind != SW_SLOT_FREE && name->before.flags & SW_SLOT_WILDCARD;
}

static void set_wildcard(const struct sw_changer *c, const struct sw_changed *name, struct sw_slot *slot)
{
	slot->flags &= (uint8_t)~SW_SLOT_WILDCARD;
	if (has_wildcard(c, name))
		slot->flags |= SW_SLOT_WILDCARD;
}

static void choose_action(struct sw_changed *name, bool is_there)
{
	bool was_there = name->before.kind != SW_SLOT_FREE;
	if (!is_there)
		name->action = was_there ? SW_CHANGED_GOES : SW_CHANGED_STAYS;
	else if (!was_there)
		name->action = SW_CHANGED_COMES;
	else
		name->action = name->has_ns ? SW_CHANGED_MOVES : SW_CHANGED_FLIPS;
}

/** How a name denies. @return `denied`, or NULL in `*out` where the zone is not signed */
static int denied_make(struct sw_changer *c, const struct sw_changed *name, struct sw_denied *denied,
	const struct sw_denied **out)
{
	*out = sw_change_is_signed(c) ? denied : NULL;
	return *out ? sw_change_denied(c, name, has_wildcard(c, name), denied) : 0;
}

static int slot_make(struct sw_changer *c, struct sw_changed *name)
{
	struct sw_compiler *compiler = c->zone->compiler;
	const struct sw_node *node = sw_contents_find(c->contents, sw_changed_text(c, name));
	struct sw_denied room;
	const struct sw_denied *denied;
	name->later.kind = SW_SLOT_FREE;
	if (name->action == SW_CHANGED_STAYS || name->action == SW_CHANGED_GOES)
		return 0;
	int error = denied_make(c, name, &room, &denied);
	if (error)
		return error;
	/* of the slot of a wildcard there is a copy, for which what it refers to must stay: no second step */
	bool is_copied = sw_change_has_nsec(c) && sw_changed_text(c, name)[0] == 1 &&
			 sw_changed_text(c, name)[1] == '*';
	if (!name->has_records)
		error = sw_compile_empty(compiler, name->hash, denied, &name->slot);
	else if (name->action == SW_CHANGED_FLIPS)
		error = sw_compile_stepwise(
			compiler, node, denied, &name->slot, is_copied ? NULL : &name->later);
	else
		error = sw_compile_one(compiler, node, denied, &name->slot);
	set_wildcard(c, name, &name->slot);
	return error;
}

/** The zone's head, where something in it changes: c->new_head, else 0. */
static int head_make(struct sw_changer *c, const struct sw_image_zone *was, struct sw_image_zone *head)
{
	struct sw_changed *apex = &c->names[0];
	int error = 0;
	*head = *was;
	c->serial = c->zone->compiled->serial;
	if (apex->is_affected) {
		error = sw_compile_negative(c->zone->compiler, &head->soa_negative, &c->serial);
		struct sw_denied room;
		const struct sw_denied *denied;
		if (!error)
			error = denied_make(c, apex, &room, &denied);
		if (!error)
			error = sw_compile_one(
				c->zone->compiler, sw_contents_node(c->contents, 0), denied, &head->apex);
		set_wildcard(c, apex, &head->apex);
		if (sw_change_has_nsec3(c)) {
			head->nsec3 = c->nsec3;
			head->nsec3_count = c->nsec3_count;
			head->nsec3_last = sw_gaps_last(c->zone->space, c->nsec3);
		}
	}
	for (uint32_t i = 0; i < c->queue_count; i++) {
		const struct sw_changed *name = &c->names[c->queue[i]];
		uint8_t depth = (uint8_t)(name->labels - was->apex_labels);
		if (name->action == SW_CHANGED_COMES && depth > head->depth_max)
			head->depth_max = depth;
	}
	return error;
}

int sw_change_head_store(struct sw_changer *c, const struct sw_image_zone *head, uint32_t *ref)
{
	*ref = sw_pool_take(&c->zone->changes->pool, sizeof(*head));
	if (*ref == 0)
		return -ENOSPC;
	memcpy(sw_space_at(c->zone->space, *ref), head, sizeof(*head));
	return 0;
}

static struct sw_type_entry *soa_entry(struct sw_image_node *node)
{
	struct sw_type_entry *entries = (void *)(node + 1);
	for (unsigned i = 0; i < node->type_count; i++) {
		if (entries[i].type == SW_TYPE_SOA)
			return &entries[i];
	}
	return NULL;
}

/** Names that go in a signed zone are denied before they go, and the new SOA comes behind that: a head that
 * has all but that. */
static int middle_make(struct sw_changer *c, const struct sw_image_zone *head)
{
	struct sw_image_node *was = sw_space_at(c->zone->space, c->head->apex.name.node);
	struct sw_image_node *is = sw_space_at(c->zone->space, head->apex.name.node);
	size_t size = sizeof(*is) + is->type_count * sizeof(struct sw_type_entry);
	struct sw_image_zone middle = *head;
	c->middle_node = middle.apex.name.node = sw_pool_take(&c->zone->changes->pool, size);
	if (!c->middle_node)
		return -ENOSPC;
	struct sw_image_node *node = sw_space_at(c->zone->space, c->middle_node);
	memcpy(node, is, size);
	struct sw_type_entry *soa = soa_entry(node), *old = soa_entry(was);
	if (!soa || !old)
		return -EAGAIN;
	soa->piece = old->piece;
	node->any = ((struct sw_type_entry *)(void *)(node + 1))->piece;
	middle.soa_negative = c->head->soa_negative;
	return sw_change_head_store(c, &middle, &c->middle_head);
}

static bool does_any_go(const struct sw_changer *c)
{
	for (uint32_t i = 0; i < c->queue_count; i++) {
		if (c->names[c->queue[i]].action == SW_CHANGED_GOES)
			return true;
	}
	return false;
}

/** The heads: one that lets readers look deeper, one between, and the new one. */
static int heads_store(struct sw_changer *c, const struct sw_image_zone *head)
{
	struct sw_image_zone deep = *c->head;
	int error = 0;
	if (head->depth_max > c->head->depth_max) {
		deep.depth_max = head->depth_max;
		error = sw_change_head_store(c, &deep, &c->deep_head);
	}
	if (!error && (c->deep_head || c->names[0].is_affected))
		error = sw_change_head_store(c, head, &c->new_head);
	if (!error && sw_change_is_signed(c) && does_any_go(c))
		error = middle_make(c, head);
	return error;
}

/** What becomes of each name. */
static void actions_choose(struct sw_changer *c)
{
	for (uint32_t i = 0; i < c->queue_count; i++) {
		struct sw_changed *name = &c->names[c->queue[i]];
		if (c->queue[i] == 0)
			name->action = SW_CHANGED_FLIPS;
		else
			choose_action(name, name->exists == 1 && !sw_changed_is_occluded(c, name));
	}
}

/** Make all slots, the deepest first, and the heads. */
static int slots_make(struct sw_changer *c)
{
	struct sw_image_zone head;
	c->new_head = c->deep_head = c->middle_head = c->middle_node = 0;
	actions_choose(c);
	int error = sw_compile_begin(c->zone->compiler, c->contents, &c->zone->changes->pool);
	if (!error && sw_change_is_signed(c))
		error = sw_change_chain(c);
	for (uint32_t i = c->queue_count; i-- > 0 && !error;) {
		if (c->order[i] != 0)
			error = slot_make(c, &c->names[c->order[i]]);
	}
	if (!error)
		error = head_make(c, c->head, &head);
	sw_compile_end(c->zone->compiler);
	return error ? error : heads_store(c, &head);
}

/** What the zone depends on from now on. */
static void depends_note(struct sw_changer *c)
{
	struct sw_changes *changes = c->zone->changes;
	int error = 0;
	for (uint32_t i = 0; i < c->queue_count && !error; i++) {
		const struct sw_changed *name = &c->names[c->queue[i]];
		sw_depends_clear(changes->depends, name->hash);
		if (name->has_records && (c->queue[i] == 0 || name->action > SW_CHANGED_GOES))
			error = sw_compile_depends(c->contents,
				sw_contents_find(c->contents, sw_changed_text(c, name)), changes->depends);
	}
	if (error) { /* the next change finds that it cannot be done */
		sw_depends_free(changes->depends);
		changes->depends = NULL;
	}
}

int sw_change(struct sw_changer *c, const struct sw_changing *zone, const uint8_t *const *names, size_t count)
{
	zone_read(c, zone);
	int error = zone_ready(c);
	if (!error)
		error = scratch_restart(c);
	if (!error)
		error = sw_contents_restart(c->contents, zone->apex, zone->readers->key);
	if (!error)
		error = sw_change_collect(c, names, count);
	if (!error)
		error = sw_change_order(c);
	if (error)
		return error;
	sw_pool_mark(&zone->changes->pool);
	error = slots_make(c);
	/* readers of the table before look again until they have that behind it: they are not to be waited
	 * for */
	if (!error && sw_change_has_nsec3(c) && sw_change_is_delicate(c))
		error = -EAGAIN;
	if (!error)
		error = sw_change_reserve(c);
	if (!error)
		error = zone->readers->show(zone->readers->context);
	if (error) {
		sw_change_unreserve(c);
		sw_pool_undo(&zone->changes->pool);
		return error;
	}
	sw_change_publish(c);
	sw_pool_mark(&zone->changes->pool);
	depends_note(c);
	return 0;
}
