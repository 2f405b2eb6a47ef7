/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/denial.h"
#include "image/gaps.h"
#include "image/nsec3.h"
#include "wire/message.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hashed {
	uint64_t prefix;
	uint32_t piece;
};

struct sw_denial {
	const struct sw_contents *contents;
	struct sw_interner *interner;
	struct sw_region *region;
	struct sw_encoder *encoder;
	enum sw_denial_kind kind;
	/* NSEC, by node */
	uint32_t *nsec;	       /* own piece, or 0 */
	uint32_t *covering;    /* piece of the last NSEC at or before the node in canonical order */
	uint32_t *behind;      /* piece that covers the place behind the node's subtree */
	uint32_t *children;    /* node numbers grouped by parent, each group in canonical order */
	uint32_t *child_start; /* by node: first child in children[]; count + 1 entries */
	uint32_t *wildcards;   /* copy of the slot of "*" below the node, or 0 so far */
	struct sw_gap *gaps;   /* scratch: of one node */
	uint32_t gaps_room;
	bool is_regular;
	/* NSEC3 */
	struct sw_nsec3_params params;
	struct hashed *hashed; /* ascending */
	uint32_t hashed_count;
	uint64_t *own_hash; /* by node */
};

bool sw_denial_is_hashed_owner(const struct sw_contents *contents, const struct sw_node *node)
{
	if (!sw_contents_find_rr(contents, node, SW_TYPE_NSEC3) ||
		node->flags & (SW_NODE_CUT | SW_NODE_HAS_WILDCARD))
		return false;
	for (const struct sw_rr *rr = sw_contents_rr(contents, node->first); rr;
		rr = sw_contents_rr(contents, rr->next)) {
		if (rr->type != SW_TYPE_NSEC3 && rr->type != SW_TYPE_RRSIG)
			return false;
	}
	return true;
}

static bool is_hidden(const struct sw_node *node)
{
	return node->flags & (SW_NODE_BELOW_CUT | SW_NODE_BELOW_DNAME);
}

int sw_denial_piece(struct sw_encoder *encoder, struct sw_interner *interner,
	const struct sw_contents *contents, const struct sw_node *node, uint16_t type, uint32_t *piece)
{
	struct sw_owner owner = {.form = SW_OWNER_NAME, .name = sw_contents_name(contents, node)};
	const struct sw_rr *rr = sw_contents_find_rr(contents, node, type);
	uint32_t ttl = rr->ttl;
	sw_encoder_start(encoder, contents, NULL);
	if (type == SW_TYPE_NSEC3)
		encoder->extra = sw_nsec3_mark(rr->rdata, rr->rdata_len);
	sw_encoder_add_rrset(encoder, node, type, &owner, ttl);
	sw_encoder_mark(encoder);
	sw_encoder_add_signatures(encoder, node, type, &owner, ttl);
	*piece = sw_encoder_store(encoder, interner);
	if (*piece)
		return 0;
	return encoder->too_long ? -E2BIG : -ENOSPC;
}

static int denial_piece(struct sw_denial *denial, const struct sw_node *node, uint16_t type, uint32_t *piece)
{
	return sw_denial_piece(denial->encoder, denial->interner, denial->contents, node, type, piece);
}

/* ---- NSEC ---- */

static int compare_nodes(const void *a, const void *b, void *arg)
{
	const struct sw_contents *contents = arg;
	const struct sw_node *na = sw_contents_node(contents, *(const uint32_t *)a);
	const struct sw_node *nb = sw_contents_node(contents, *(const uint32_t *)b);
	return sw_name_compare(sw_contents_name(contents, na), sw_contents_name(contents, nb));
}

/** Node numbers of the zone's names in canonical order. */
static uint32_t *canonical_order(const struct sw_contents *contents, uint32_t *count)
{
	uint32_t all = sw_contents_count(contents), n = 0;
	uint32_t *order = malloc(all * sizeof(*order));
	if (!order)
		return NULL;
	for (uint32_t i = 0; i < all; i++) {
		const struct sw_node *node = sw_contents_node(contents, i);
		if (!is_hidden(node) && !sw_denial_is_hashed_owner(contents, node))
			order[n++] = i;
	}
	qsort_r(order, n, sizeof(*order), compare_nodes, (void *)contents);
	*count = n;
	return order;
}

/** One pass forward for what covers each name, one backward for what covers the place behind its subtree. */
static void nsec_cover(struct sw_denial *denial, const uint32_t *order, uint32_t count)
{
	uint32_t last = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (denial->nsec[order[i]])
			last = denial->nsec[order[i]];
		denial->covering[order[i]] = last;
	}
	for (uint32_t i = count; i-- > 0;) {
		uint32_t node = order[i], parent = sw_contents_node(denial->contents, node)->parent;
		if (!denial->behind[node])
			denial->behind[node] = denial->covering[node];
		if (!denial->behind[parent])
			denial->behind[parent] =
				denial->behind[node]; /* the last descendant comes first here */
	}
}

static void nsec_children(struct sw_denial *denial, const uint32_t *order, uint32_t count)
{
	uint32_t all = sw_contents_count(denial->contents);
	uint32_t *start = denial->child_start;
	for (uint32_t i = 1; i < count; i++) /* order[0] is the apex */
		start[sw_contents_node(denial->contents, order[i])->parent + 1]++;
	for (uint32_t i = 0; i < all; i++)
		start[i + 1] += start[i];
	for (uint32_t i = count; i-- > 1;) {
		/* from the back: each group fills from its end, and its start is found again at the end */
		uint32_t parent = sw_contents_node(denial->contents, order[i])->parent;
		denial->children[--start[parent + 1]] = order[i];
	}
	/* start[parent + 1] now holds the group's start: shift back */
	memmove(start, start + 1, all * sizeof(*start));
	start[all] = count - 1;
}

static int nsec_new(struct sw_denial *denial)
{
	uint32_t all = sw_contents_count(denial->contents), count = 0;
	denial->nsec = calloc(all, sizeof(uint32_t));
	denial->covering = calloc(all, sizeof(uint32_t));
	denial->behind = calloc(all, sizeof(uint32_t));
	denial->children = calloc(all, sizeof(uint32_t));
	denial->child_start = calloc((size_t)all + 1, sizeof(uint32_t));
	denial->wildcards = calloc(all, sizeof(uint32_t));
	denial->is_regular = true;
	uint32_t *order = canonical_order(denial->contents, &count);
	int error = -ENOMEM;
	if (!denial->nsec || !denial->covering || !denial->behind || !denial->children ||
		!denial->child_start || !denial->wildcards || !order)
		goto done;
	for (uint32_t i = 0; i < count; i++) {
		const struct sw_node *node = sw_contents_node(denial->contents, order[i]);
		bool has_nsec = sw_contents_find_rr(denial->contents, node, SW_TYPE_NSEC) != NULL;
		denial->is_regular &= has_nsec == (node->first != 0);
		if (!has_nsec)
			continue;
		error = denial_piece(denial, node, SW_TYPE_NSEC, &denial->nsec[order[i]]);
		if (error)
			goto done;
	}
	nsec_cover(denial, order, count);
	nsec_children(denial, order, count);
	error = 0;
done:
	free(order);
	return error;
}

static uint32_t store_label(struct sw_denial *denial, const uint8_t *label)
{
	uint8_t padded[SW_LABEL_MAX + 1 + SW_UNIT] = {0};
	memcpy(padded, label, 1u + label[0]);
	return sw_interner_store(denial->interner, padded, ((1u + label[0]) + SW_UNIT - 1) & ~(SW_UNIT - 1));
}

/** What covers "*" below a node that has no such child. */
static uint32_t nsec_wildcard(const struct sw_denial *denial, uint32_t node)
{
	static const uint8_t star[] = {1, '*'};
	uint32_t covering = denial->covering[node];
	for (uint32_t i = denial->child_start[node]; i < denial->child_start[node + 1]; i++) {
		const struct sw_node *child = sw_contents_node(denial->contents, denial->children[i]);
		const uint8_t *label = sw_contents_name(denial->contents, child);
		size_t common = label[0] < 1 ? label[0] : 1u;
		int order = memcmp(label + 1, star + 1, common);
		if (order > 0 || (order == 0 && label[0] > 1))
			break;
		covering = denial->behind[denial->children[i]];
	}
	return covering;
}

uint32_t sw_denial_wildcard(struct sw_denial *denial, uint32_t node)
{
	if (denial->kind != SW_DENIAL_NSEC)
		return 0;
	if (!denial->wildcards[node])
		denial->wildcards[node] = sw_region_take(denial->region, sizeof(struct sw_slot));
	return denial->wildcards[node];
}

static int gaps_reserve(struct sw_denial *denial, uint32_t count)
{
	if (count <= denial->gaps_room)
		return 0;
	struct sw_gap *gaps = realloc(denial->gaps, 2ul * count * sizeof(*gaps));
	if (!gaps)
		return -ENOMEM;
	denial->gaps = gaps;
	denial->gaps_room = 2 * count;
	return 0;
}

static int nsec_gaps(struct sw_denial *denial, uint32_t number, uint32_t *root)
{
	uint32_t first = denial->child_start[number], count = denial->child_start[number + 1] - first;
	int error = gaps_reserve(denial, count);
	if (error || count == 0)
		return error;
	for (uint32_t i = 0; i < count; i++) {
		const struct sw_node *child = sw_contents_node(denial->contents, denial->children[first + i]);
		const uint8_t *label = sw_contents_name(denial->contents, child);
		denial->gaps[i] = (struct sw_gap){.prefix = sw_gap_key_of(label).prefix,
			.label = store_label(denial, label),
			.denial = denial->behind[denial->children[first + i]]};
		if (!denial->gaps[i].label)
			return -ENOSPC;
	}
	*root = sw_gaps_build(denial->region, denial->gaps, count);
	return *root ? 0 : -ENOSPC;
}

static int nsec_node(struct sw_denial *denial, uint32_t number, struct sw_denied *out)
{
	const struct sw_node *node = sw_contents_node(denial->contents, number);
	out->own = denial->nsec[number];
	out->denial[0] = denial->covering[number];
	if (node->flags & SW_NODE_CUT)
		return 0;
	if (!(node->flags & SW_NODE_HAS_WILDCARD))
		out->wildcard_denial = nsec_wildcard(denial, number);
	else
		out->wildcard = sw_denial_wildcard(denial, number);
	if (node->flags & SW_NODE_HAS_WILDCARD && !out->wildcard)
		return -ENOSPC;
	return nsec_gaps(denial, number, &out->gaps);
}

/* ---- NSEC3 ---- */

static int compare_hashed(const void *a, const void *b)
{
	uint64_t x = ((const struct hashed *)a)->prefix, y = ((const struct hashed *)b)->prefix;
	return x < y ? -1 : x > y;
}

/** The NSEC3 records of the chain in use. */
static int nsec3_collect(struct sw_denial *denial)
{
	const struct sw_contents *contents = denial->contents;
	for (uint32_t i = 0; i < sw_contents_count(contents); i++) {
		const struct sw_node *node = sw_contents_node(contents, i);
		const struct sw_rr *rr = sw_contents_find_rr(contents, node, SW_TYPE_NSEC3);
		uint8_t hash[SW_SHA1_LEN];
		if (!rr || !sw_nsec3_is_of_chain(rr->rdata, rr->rdata_len, &denial->params) ||
			!sw_nsec3_owner_hash(sw_contents_name(contents, node), hash))
			continue;
		if ((denial->hashed_count & (denial->hashed_count - 1)) == 0) {
			size_t room = denial->hashed_count ? denial->hashed_count * 2ul : 1;
			struct hashed *more = realloc(denial->hashed, room * sizeof(*more));
			if (!more)
				return -ENOMEM;
			denial->hashed = more;
		}
		struct hashed *entry = &denial->hashed[denial->hashed_count++];
		entry->prefix = sw_nsec3_prefix(hash);
		int error = denial_piece(denial, node, SW_TYPE_NSEC3, &entry->piece);
		if (error)
			return error;
	}
	if (denial->hashed_count > 0)
		qsort(denial->hashed, denial->hashed_count, sizeof(*denial->hashed), compare_hashed);
	return 0;
}

/** The table the answer path searches. */
static int nsec3_publish(struct sw_denial *denial, struct sw_image_zone *zone)
{
	uint32_t count = denial->hashed_count;
	int error = gaps_reserve(denial, count);
	if (error)
		return error;
	for (uint32_t i = 0; i < count; i++)
		denial->gaps[i] = (struct sw_gap){
			.prefix = denial->hashed[i].prefix, .denial = denial->hashed[i].piece};
	zone->nsec3_count = count;
	zone->nsec3 = sw_gaps_build(denial->region, denial->gaps, count);
	zone->nsec3_last = denial->hashed[count - 1].piece;
	return zone->nsec3 ? 0 : -ENOSPC;
}

/** Last entry at or before a hash; the last of all covers what comes before the first. */
static const struct hashed *nsec3_at(const struct sw_denial *denial, uint64_t prefix)
{
	uint32_t low = 0, high = denial->hashed_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (denial->hashed[middle].prefix <= prefix)
			low = middle + 1;
		else
			high = middle;
	}
	return &denial->hashed[(low ? low : denial->hashed_count) - 1];
}

static uint64_t nsec3_hash(const struct sw_denial *denial, const uint8_t *name)
{
	uint8_t hash[SW_SHA1_LEN];
	sw_nsec3_hash(name, &denial->params, hash);
	return sw_nsec3_prefix(hash);
}

bool sw_denial_is_mark_of(const struct sw_contents *contents, const struct sw_node *node, uint32_t mark)
{
	if (node && node->flags & SW_NODE_CUT) {
		uint32_t ds = sw_contents_find_rr(contents, node, SW_TYPE_DS) ? SW_NSEC3_HAS_DS : 0;
		return (mark & (SW_NSEC3_IS_CUT | SW_NSEC3_HAS_DS)) == (SW_NSEC3_IS_CUT | ds);
	}
	bool has_dname = node && sw_contents_find_rr(contents, node, SW_TYPE_DNAME);
	uint32_t dname = has_dname ? SW_NSEC3_HAS_DNAME : 0;
	return (mark & (SW_NSEC3_IS_CUT | SW_NSEC3_HAS_DNAME)) == dname;
}

/** The hashes of all names; each has its NSEC3 and no other has one, where the chain is that of a signer
 * without opt-out. */
static int nsec3_own(struct sw_denial *denial)
{
	uint32_t all = sw_contents_count(denial->contents), names = 0;
	denial->own_hash = malloc(all * sizeof(*denial->own_hash));
	denial->is_regular = true;
	if (!denial->own_hash)
		return -ENOMEM;
	for (uint32_t i = 0; i < all; i++) {
		const struct sw_node *node = sw_contents_node(denial->contents, i);
		if (is_hidden(node) || sw_denial_is_hashed_owner(denial->contents, node))
			continue;
		names++;
		denial->own_hash[i] = nsec3_hash(denial, sw_contents_name(denial->contents, node));
		const struct hashed *match = nsec3_at(denial, denial->own_hash[i]);
		const struct sw_piece *piece = sw_space_at(denial->region->space, match->piece);
		denial->is_regular &= match->prefix == denial->own_hash[i] &&
				      sw_denial_is_mark_of(denial->contents, node, piece->extra);
	}
	denial->is_regular &= names == denial->hashed_count;
	return 0;
}

static int nsec3_new(struct sw_denial *denial, struct sw_image_zone *zone)
{
	int error = nsec3_collect(denial);
	if (error || denial->hashed_count == 0) {
		zone->denial = denial->kind = error ? denial->kind : SW_DENIAL_NONE;
		return error;
	}
	zone->nsec3_iterations = denial->params.iterations;
	zone->nsec3_salt_len = denial->params.salt_len;
	memcpy(zone->nsec3_salt, denial->params.salt, denial->params.salt_len);
	error = nsec3_own(denial);
	if (denial->is_regular)
		zone->denial = denial->kind = SW_DENIAL_HASHED;
	return error ? error : nsec3_publish(denial, zone);
}

/** Closest encloser proof of a node without an NSEC3 of its own (opt-out): closest provable encloser, and
 * what covers the next closer name below it. @return node number of that encloser */
static uint32_t nsec3_provable(const struct sw_denial *denial, uint32_t number, uint32_t proof[2])
{
	const struct sw_node *node = sw_contents_node(denial->contents, number);
	uint64_t below = denial->own_hash[number];
	const struct hashed *match = nsec3_at(denial, below);
	proof[1] = 0;
	while (match->prefix != below && number != 0) {
		proof[1] = match->piece;
		number = node->parent;
		node = sw_contents_node(denial->contents, number);
		below = denial->own_hash[number];
		match = nsec3_at(denial, below);
	}
	proof[0] = match->piece;
	return number;
}

static void nsec3_node(const struct sw_denial *denial, uint32_t number, struct sw_denied *out)
{
	uint32_t provable = nsec3_provable(denial, number, out->denial);
	out->closest_provable = provable == number;
	const struct sw_node *node = sw_contents_node(denial->contents, provable);
	if (node->flags & SW_NODE_HAS_WILDCARD ||
		sw_contents_node(denial->contents, number)->flags & SW_NODE_CUT)
		return;
	const uint8_t *name = sw_contents_name(denial->contents, node);
	uint8_t star[SW_NAME_MAX + 2] = {1, '*'};
	if (node->name_len + 2 > SW_NAME_MAX)
		return; /* "*" below it would be too long to ask about */
	memcpy(star + 2, name, node->name_len);
	out->wildcard_denial = nsec3_at(denial, nsec3_hash(denial, star))->piece;
}

static uint64_t wildcard_hash(const struct sw_nsec3_params *params, const uint8_t *name)
{
	uint8_t star[SW_NAME_MAX + 2] = {1, '*'}, hash[SW_SHA1_LEN];
	size_t len = sw_name_len(name);
	if (len + 2 > SW_NAME_MAX)
		return 0; /* "*" below it would be too long to ask about */
	memcpy(star + 2, name, len);
	sw_nsec3_hash(star, params, hash);
	return sw_nsec3_prefix(hash);
}

void sw_denial_hashed(const struct sw_nsec3_params *params, const uint8_t *name, struct sw_denied *out)
{
	uint8_t hash[SW_SHA1_LEN];
	sw_nsec3_hash(name, params, hash);
	*out = (struct sw_denied){.is_hashed = true, .own_hash = sw_nsec3_prefix(hash)};
	out->wildcard_hash = wildcard_hash(params, name);
}

static void hashed_node(const struct sw_denial *denial, uint32_t number, struct sw_denied *out)
{
	const struct sw_node *node = sw_contents_node(denial->contents, number);
	const struct sw_piece *piece =
		sw_space_at(denial->region->space, nsec3_at(denial, denial->own_hash[number])->piece);
	*out = (struct sw_denied){
		.is_hashed = true, .own_hash = denial->own_hash[number], .types_mark = piece->extra};
	if (!(node->flags & SW_NODE_CUT))
		out->wildcard_hash = wildcard_hash(&denial->params, sw_contents_name(denial->contents, node));
}

/* ---- either ---- */

static int choose_kind(struct sw_denial *denial)
{
	const struct sw_node *apex = sw_contents_node(denial->contents, 0);
	const struct sw_rr *rr = sw_contents_find_rr(denial->contents, apex, SW_TYPE_NSEC3PARAM);
	for (; rr; rr = sw_contents_next(denial->contents, rr)) {
		int error = sw_nsec3_params(rr->rdata, rr->rdata_len, &denial->params);
		if (error == -ENOTSUP)
			continue; /* flags or an unknown algorithm: not this chain (RFC 5155 s4.1.2) */
		if (error)
			return error;
		denial->kind = SW_DENIAL_NSEC3;
		return 0;
	}
	if (sw_contents_find_rr(denial->contents, apex, SW_TYPE_NSEC))
		denial->kind = SW_DENIAL_NSEC;
	return 0;
}

int sw_denial_new(struct sw_denial **out, const struct sw_contents *contents, struct sw_interner *interner,
	struct sw_region *region, struct sw_encoder *encoder, struct sw_image_zone *zone)
{
	struct sw_denial *denial = calloc(1, sizeof(*denial));
	if (!denial)
		return -ENOMEM;
	denial->contents = contents;
	denial->interner = interner;
	denial->region = region;
	denial->encoder = encoder;
	int error = choose_kind(denial);
	zone->denial = (uint8_t)denial->kind;
	if (!error && denial->kind == SW_DENIAL_NSEC)
		error = nsec_new(denial);
	else if (!error && denial->kind == SW_DENIAL_NSEC3)
		error = nsec3_new(denial, zone);
	if (error) {
		sw_denial_free(denial);
		return error;
	}
	*out = denial;
	return 0;
}

void sw_denial_free(struct sw_denial *denial)
{
	if (!denial)
		return;
	free(denial->nsec);
	free(denial->covering);
	free(denial->behind);
	free(denial->children);
	free(denial->child_start);
	free(denial->wildcards);
	free(denial->gaps);
	free(denial->hashed);
	free(denial->own_hash);
	free(denial);
}

int sw_denial_of(struct sw_denial *denial, uint32_t node, struct sw_denied *out)
{
	*out = (struct sw_denied){0};
	if (denial->kind == SW_DENIAL_NSEC)
		return nsec_node(denial, node, out);
	if (denial->kind == SW_DENIAL_HASHED)
		hashed_node(denial, node, out);
	else
		nsec3_node(denial, node, out);
	return 0;
}

bool sw_denial_is_regular(const struct sw_denial *denial)
{
	return denial->is_regular;
}
