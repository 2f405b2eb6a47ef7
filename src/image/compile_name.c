/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What stands for one name: its slot, its node, and the pieces of its RRsets. */
#include "image/compile_inside.h"
#include "wire/message.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct sw_owner owner_asked = {.form = SW_OWNER_ASKED};

int sw_compile_store(struct sw_compiler *c, struct sw_encoder *encoder, uint32_t *piece)
{
	*piece = sw_encoder_store(encoder, c->interner);
	if (*piece)
		return 0;
	return encoder->too_long ? -E2BIG : -ENOSPC;
}

static const uint8_t *target_of(const struct sw_rr *rr)
{
	return sw_depends_host(rr->type, rr->rdata);
}

/** Add the A and AAAA records of a target; `signatures` instead adds their RRSIGs. */
static void add_addresses(
	struct sw_compiler *c, const struct sw_node *node, const struct sw_owner *owner, bool signatures)
{
	static const uint16_t types[] = {SW_TYPE_A, SW_TYPE_AAAA};
	for (unsigned i = 0; i < 2; i++) {
		const struct sw_rr *rr = sw_contents_find_rr(c->contents, node, types[i]);
		if (rr && signatures)
			sw_encoder_add_signatures(c->extra, node, types[i], owner, rr->ttl);
		else if (rr)
			sw_encoder_add_rrset(c->extra, node, types[i], owner, rr->ttl);
	}
}

/** Which targets' addresses to add: of hosts below the owner, of other hosts that are glue, of hosts that are
 * authoritative data, or just the signatures of the last. */
enum targets { TARGETS_BELOW, TARGETS_SIBLING, TARGETS_OURS, TARGETS_SIGNATURES };

static bool is_wanted(enum targets which, bool is_glue, bool is_below)
{
	switch (which) {
	case TARGETS_BELOW:
		return is_glue && is_below;
	case TARGETS_SIBLING:
		return is_glue && !is_below;
	default:
		return !is_glue;
	}
}

/** Whether a record before this one has its target: SRV often differ in the port alone. */
static bool is_target_known(const struct sw_compiler *c, const struct sw_rr *first, const struct sw_rr *rr)
{
	for (; first != rr; first = sw_contents_next(c->contents, first)) {
		if (sw_name_equal(target_of(first), target_of(rr)))
			return true;
	}
	return false;
}

static void add_targets(struct sw_compiler *c, const struct sw_node *node, uint16_t type, enum targets which)
{
	const uint8_t *owner_name = sw_contents_name(c->contents, node);
	const struct sw_rr *first = sw_contents_find_rr(c->contents, node, type);
	for (const struct sw_rr *rr = first; rr; rr = sw_contents_next(c->contents, rr)) {
		const uint8_t *target = target_of(rr);
		const struct sw_node *host = sw_contents_find(c->contents, target);
		if (!host || host->flags & SW_NODE_BELOW_DNAME)
			continue;
		bool is_glue = host->flags & (SW_NODE_CUT | SW_NODE_BELOW_CUT);
		if (is_glue && type != SW_TYPE_NS)
			continue; /* not ours to vouch for (RFC 2181 s5.4.1); glue is for NS alone */
		if (!is_wanted(which, is_glue, sw_name_in(target, owner_name)) ||
			is_target_known(c, first, rr))
			continue;
		struct sw_owner owner = {.form = SW_OWNER_FIRST, .name = target};
		if (!sw_encoder_target_at(c->encoder, target, &owner.at))
			owner.form = SW_OWNER_APART; /* behind the names remembered, or out of reach */
		add_addresses(c, host, &owner, which == TARGETS_SIGNATURES);
	}
}

/** Addresses that go with the RRset in c->encoder; at the apex with glue of its servers below cuts. */
static int compile_extra(struct sw_compiler *c, const struct sw_node *node, uint16_t type)
{
	if (type != SW_TYPE_NS && type != SW_TYPE_MX && type != SW_TYPE_SRV)
		return 0;
	sw_encoder_start(c->extra, c->contents, NULL);
	if (!(node->flags & SW_NODE_CUT)) {
		add_targets(c, node, type, TARGETS_BELOW);
		add_targets(c, node, type, TARGETS_SIBLING);
	}
	add_targets(c, node, type, TARGETS_OURS);
	sw_encoder_mark(c->extra);
	if (c->denied)
		add_targets(c, node, type, TARGETS_SIGNATURES);
	if (c->extra->len == 0 || c->extra->too_long)
		return 0; /* too many to go along: a resolver asks for them */
	return sw_compile_store(c, c->extra, &c->encoder->extra);
}

/** The name a CNAME or DNAME leads to. DNAMEs have each their own copy, and so pieces of their own: the
 * answer path tells by its piece whether a DNAME stands in the reply already. */
static int compile_target(struct sw_compiler *c, const struct sw_rr *rr)
{
	uint32_t ref;
	if (rr->type == SW_TYPE_DNAME) {
		ref = sw_compiler_take(c, rr->rdata_len);
		if (ref)
			memcpy(sw_compiler_at(c, ref), rr->rdata, rr->rdata_len);
	} else {
		ref = sw_interner_store(c->interner, rr->rdata, rr->rdata_len);
	}
	c->encoder->extra = ref;
	return ref ? 0 : -ENOSPC;
}

/** One RRset as an answer. */
static int compile_rrset(
	struct sw_compiler *c, const struct sw_node *node, const struct sw_rr *first, uint32_t *piece)
{
	sw_encoder_start(c->encoder, c->contents, sw_contents_name(c->contents, node));
	sw_encoder_add_rrset(c->encoder, node, first->type, &owner_asked, first->ttl);
	int error = compile_extra(c, node, first->type);
	if (!error && (first->type == SW_TYPE_CNAME || first->type == SW_TYPE_DNAME))
		error = compile_target(c, first);
	if (error)
		return error;
	sw_encoder_mark(c->encoder);
	sw_encoder_add_signatures(c->encoder, node, first->type, &owner_asked, first->ttl);
	return sw_compile_store(c, c->encoder, piece);
}

static int compare_entries(const void *a, const void *b)
{
	return ((const struct sw_type_entry *)a)->type - ((const struct sw_type_entry *)b)->type;
}

static bool has_type_below(const struct sw_compiler *c, const struct sw_node *node, uint16_t type)
{
	for (const struct sw_rr *rr = sw_contents_rr(c->contents, node->first); rr;
		rr = sw_contents_rr(c->contents, rr->next)) {
		if (rr->type < type && rr->type != SW_TYPE_RRSIG)
			return true;
	}
	return false;
}

/** All RRsets of a node but the one already inline in its slot. */
static int compile_types(struct sw_compiler *c, uint32_t number, bool has_inline_a, uint32_t *count)
{
	const struct sw_node *node = sw_contents_node(c->contents, number);
	const uint8_t *name = sw_contents_name(c->contents, node);
	bool is_wildcard = name[0] == 1 && name[1] == '*';
	uint32_t n = 0;
	for (const struct sw_rr *rr = sw_contents_rr(c->contents, node->first); rr;
		rr = sw_contents_rr(c->contents, rr->next)) {
		if (rr != sw_contents_find_rr(c->contents, node, rr->type) || rr->type == SW_TYPE_RRSIG ||
			rr->type == SW_TYPE_NSEC3 || (has_inline_a && rr->type == SW_TYPE_A))
			continue;
		if (n == SW_TYPES_MAX)
			return -E2BIG;
		uint32_t piece = 0;
		/* asked for, it stands with its own name; not where its signatures alone may be the answer,
		 * which point to that name (the lowest type answers RRSIG) */
		if (rr->type == SW_TYPE_NSEC && c->denied && !is_wildcard &&
			has_type_below(c, node, rr->type))
			piece = c->denied->own;
		int error = piece ? 0 : compile_rrset(c, node, rr, &piece);
		if (error)
			return error;
		c->entries[n++] = (struct sw_type_entry){.type = rr->type, .piece = piece};
	}
	if (n > 1)
		qsort(c->entries, n, sizeof(c->entries[0]), compare_entries);
	*count = n;
	return 0;
}

/** @param count  of c->entries */
static int store_node(struct sw_compiler *c, uint32_t count, uint32_t *ref)
{
	const struct sw_denied *denied = c->denied;
	if (count == 0 && !denied)
		return 0;
	struct sw_image_node head = {.type_count = (uint16_t)count, .any = count ? c->entries[0].piece : 0};
	if (denied && denied->is_hashed) {
		head.own_hash = denied->own_hash;
		head.wildcard_hash = denied->wildcard_hash;
		head.types_mark = denied->types_mark;
	} else if (denied) {
		memcpy(head.denial, denied->denial, sizeof(head.denial));
		head.wildcard_denial = denied->wildcard_denial;
		head.gaps = denied->gaps;
		head.wildcard = denied->wildcard;
		head.closest_provable = denied->closest_provable;
	}
	*ref = sw_compiler_take(c, sizeof(head) + count * sizeof(c->entries[0]));
	if (*ref == 0)
		return -ENOSPC;
	uint8_t *bytes = sw_compiler_at(c, *ref);
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), c->entries, count * sizeof(c->entries[0]));
	return 0;
}

/** The node behind a slot: types, and how to deny. */
static int compile_node(struct sw_compiler *c, uint32_t number, bool has_inline_a, uint32_t *ref)
{
	uint32_t count = 0;
	const struct sw_node *node = sw_contents_node(c->contents, number);
	bool is_signed = sw_contents_find_rr(c->contents, node, SW_TYPE_RRSIG) != NULL;
	int error = compile_types(c, number, has_inline_a && !is_signed, &count);
	return error ? error : store_node(c, count, ref);
}

/** Put a short A RRset into the slot itself. */
static bool inline_addresses(const struct sw_compiler *c, const struct sw_node *node, struct sw_slot *slot)
{
	const struct sw_rr *rr = sw_contents_find_rr(c->contents, node, SW_TYPE_A);
	uint8_t count = 0;
	if (!rr)
		return false;
	slot->name.ttl = htobe32(rr->ttl);
	for (; rr; rr = sw_contents_next(c->contents, rr)) {
		if (count == 3 || rr->rdata_len != 4)
			return false;
		memcpy(&slot->name.address[count++], rr->rdata, 4);
	}
	slot->inline_count = count;
	return true;
}

static int compile_name(struct sw_compiler *c, uint32_t number, struct sw_slot *slot)
{
	const struct sw_node *node = sw_contents_node(c->contents, number);
	slot->kind = SW_SLOT_NAME;
	if (sw_contents_find_rr(c->contents, node, SW_TYPE_CNAME))
		slot->flags |= SW_SLOT_CNAME;
	if (!inline_addresses(c, node, slot)) {
		slot->inline_count = 0;
		memset(slot->name.address, 0, sizeof(slot->name.address));
	}
	return compile_node(c, number, slot->inline_count > 0, &slot->name.node);
}

/** NS records and glue of a cut, in `set`. */
static int compile_nsset(struct sw_compiler *c, const struct sw_node *node, struct sw_nsset *set)
{
	const struct sw_rr *ns = sw_contents_find_rr(c->contents, node, SW_TYPE_NS);
	sw_encoder_start(c->encoder, c->contents, sw_contents_name(c->contents, node));
	sw_encoder_add_rrset(c->encoder, node, SW_TYPE_NS, &owner_asked, ns->ttl);
	int error = compile_extra(c, node, SW_TYPE_NS);
	if (!error)
		error = sw_compile_store(c, c->encoder, &set->ns);
	if (error)
		return error;
	sw_encoder_start(c->extra, c->contents, NULL);
	add_targets(c, node, SW_TYPE_NS, TARGETS_BELOW);
	sw_encoder_mark(c->extra);
	add_targets(c, node, SW_TYPE_NS, TARGETS_SIBLING);
	return c->extra->len > 0 ? sw_compile_store(c, c->extra, &set->glue) : 0;
}

static int compile_cut(struct sw_compiler *c, uint32_t number, struct sw_slot *slot)
{
	const struct sw_node *node = sw_contents_node(c->contents, number);
	const struct sw_rr *ds = sw_contents_find_rr(c->contents, node, SW_TYPE_DS);
	if (!c->nssets && !c->pool)
		c->nssets = sw_nssets_new(c->contents);
	struct sw_nsset own = {0}, *set = c->nssets ? sw_nssets_find(c->nssets, number) : NULL;
	if (!set)
		set = &own; /* no memory is no reason: it is encoded like any other RRset */
	int error = set->ns ? 0 : compile_nsset(c, node, set);
	if (error)
		return error;
	slot->kind = SW_SLOT_CUT;
	slot->cut.ns = set->ns;
	slot->cut.glue = set->glue;
	if (c->denied && c->denied->is_hashed) {
		slot->cut.proof[0] = (uint32_t)(c->denied->own_hash >> 32);
		slot->cut.proof[1] = (uint32_t)c->denied->own_hash;
	} else if (c->denied) { /* where there is a DS readers do not look, but a change finds the cut's NSEC
				 */
		memcpy(slot->cut.proof, c->denied->denial, sizeof(slot->cut.proof));
	}
	return ds ? compile_rrset(c, node, ds, &slot->cut.ds) : 0;
}

int sw_compile_slot(struct sw_compiler *c, uint32_t number, struct sw_slot *slot)
{
	const struct sw_node *node = sw_contents_node(c->contents, number);
	*slot = (struct sw_slot){.hash = node->hash};
	if (node->flags & SW_NODE_HAS_WILDCARD)
		slot->flags |= SW_SLOT_WILDCARD;
	if (sw_contents_find_rr(c->contents, node, SW_TYPE_DNAME))
		slot->flags |= SW_SLOT_DNAME; /* of a cut, for changes alone: readers come to the cut first */
	return node->flags & SW_NODE_CUT ? compile_cut(c, number, slot) : compile_name(c, number, slot);
}

int sw_compile_depends(
	const struct sw_contents *contents, const struct sw_node *node, struct sw_depends *depends)
{
	const uint8_t *apex = sw_contents_apex(contents);
	for (const struct sw_rr *rr = sw_contents_rr(contents, node->first); rr;
		rr = sw_contents_rr(contents, rr->next)) {
		const uint8_t *target = target_of(rr);
		if (!target || !sw_name_in(target, apex))
			continue;
		uint64_t hash = sw_name_hash(sw_contents_key(contents), target);
		if (sw_depends_add(depends, node->hash, sw_contents_name(contents, node), hash))
			return -ENOMEM;
	}
	return 0;
}

/* ---- names one by one ---- */

static uint32_t number_of(const struct sw_compiler *c, const struct sw_node *node)
{
	return (uint32_t)(node - sw_contents_node(c->contents, 0));
}

int sw_compile_denial(struct sw_compiler *c, const struct sw_node *node, uint16_t type, uint32_t *piece)
{
	return sw_denial_piece(c->encoder, c->interner, c->contents, node, type, piece);
}

int sw_compile_one(struct sw_compiler *c, const struct sw_node *node, const struct sw_denied *denied,
	struct sw_slot *slot)
{
	c->denied = denied;
	return sw_compile_slot(c, number_of(c, node), slot);
}

int sw_compile_empty(
	struct sw_compiler *c, uint64_t hash, const struct sw_denied *denied, struct sw_slot *slot)
{
	*slot = (struct sw_slot){.hash = hash, .kind = SW_SLOT_NAME};
	c->denied = denied;
	return store_node(c, 0, &slot->name.node);
}

/** A copy of a node without its first type; none where nothing is left, as store_node(). */
static int compile_rest(struct sw_compiler *c, uint32_t whole, uint32_t *rest)
{
	struct sw_image_node head;
	const uint8_t *bytes = sw_compiler_at(c, whole);
	memcpy(&head, bytes, sizeof(head));
	*rest = 0;
	if (--head.type_count == 0 && !c->denied)
		return 0;
	size_t size = head.type_count * sizeof(struct sw_type_entry);
	*rest = sw_compiler_take(c, sizeof(head) + size);
	if (*rest == 0)
		return -ENOSPC;
	struct sw_type_entry *entries = (void *)((uint8_t *)sw_compiler_at(c, *rest) + sizeof(head));
	memcpy(entries, bytes + sizeof(head) + sizeof(*entries), size);
	head.any = head.type_count ? entries[0].piece : 0;
	memcpy(sw_compiler_at(c, *rest), &head, sizeof(head));
	return 0;
}

int sw_compile_stepwise(struct sw_compiler *c, const struct sw_node *node, const struct sw_denied *denied,
	struct sw_slot *slot, struct sw_slot *later)
{
	c->denied = denied;
	*slot = (struct sw_slot){.hash = node->hash, .kind = SW_SLOT_NAME};
	if (sw_contents_find_rr(c->contents, node, SW_TYPE_CNAME))
		slot->flags |= SW_SLOT_CNAME;
	if (sw_contents_find_rr(c->contents, node, SW_TYPE_DNAME))
		slot->flags |= SW_SLOT_DNAME;
	int error = compile_node(c, number_of(c, node), false, &slot->name.node);
	if (!later)
		return error;
	*later = *slot;
	if (error || !inline_addresses(c, node, later)) {
		later->kind = SW_SLOT_FREE;
		return error;
	}
	if (sw_contents_find_rr(c->contents, node, SW_TYPE_RRSIG))
		return 0; /* the node goes on having them, for their signatures */
	return compile_rest(c, slot->name.node, &later->name.node);
}
