/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/compile_inside.h"
#include "wire/message.h"
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_indexed(const struct sw_compiler *c, const struct sw_node *node)
{
	return !(node->flags & (SW_NODE_BELOW_CUT | SW_NODE_BELOW_DNAME)) &&
	       !sw_denial_is_hashed_owner(c->contents, node);
}

/** The slot of "*" once more, for the node of the name above (struct sw_image_node). */
static int copy_wildcard(struct sw_compiler *c, const struct sw_node *node, const struct sw_slot *slot)
{
	const uint8_t *name = sw_contents_name(c->contents, node);
	if (c->zone.denial != SW_DENIAL_NSEC || name[0] != 1 || name[1] != '*')
		return 0;
	uint32_t ref = sw_denial_wildcard(c->denial, node->parent);
	if (ref)
		memcpy(sw_compiler_at(c, ref), slot, sizeof(*slot));
	return ref ? 0 : -ENOSPC;
}

static int compile_names(struct sw_compiler *c, uint32_t names)
{
	uint32_t count = sw_contents_count(c->contents);
	int error = sw_index_start(&c->index, c->region, names);
	for (uint32_t i = 0; i < count && !error; i++) {
		const struct sw_node *node = sw_contents_node(c->contents, i);
		if (!is_indexed(c, node))
			continue;
		struct sw_slot slot;
		struct sw_denied denied;
		c->denied = c->denial ? &denied : NULL;
		error = c->denial ? sw_denial_of(c->denial, i, &denied) : 0;
		if (!error)
			error = sw_compile_slot(c, i, &slot);
		if (!error)
			error = copy_wildcard(c, node, &slot);
		if (!error && c->depends)
			error = sw_compile_depends(c->contents, node, c->depends);
		if (error)
			return error;
		if (i == 0)
			c->zone.apex = slot;
		uint8_t depth = (uint8_t)(node->labels - c->zone.apex_labels);
		if (depth > c->zone.depth_max)
			c->zone.depth_max = depth;
		error = sw_index_add(&c->index, &slot);
	}
	if (!error)
		error = sw_index_finish(&c->index);
	c->zone.index = c->index.buckets;
	c->zone.bucket_count = c->index.bucket_count;
	return error;
}

/** SOA as negative answers carry it: TTL is the lesser of its own and its last field (RFC 2308 s3). */
static int compile_negative(struct sw_compiler *c, const struct sw_rr *soa)
{
	static const struct sw_owner owner_apex = {.form = SW_OWNER_APEX};
	const struct sw_node *apex = sw_contents_node(c->contents, 0);
	uint32_t minimum;
	memcpy(&minimum, soa->rdata + soa->rdata_len - 4, 4);
	minimum = be32toh(minimum);
	uint32_t ttl = soa->ttl < minimum ? soa->ttl : minimum;
	sw_encoder_start(c->encoder, c->contents, NULL);
	sw_encoder_add_rrset(c->encoder, apex, SW_TYPE_SOA, &owner_apex, ttl);
	sw_encoder_mark(c->encoder);
	sw_encoder_add_signatures(c->encoder, apex, SW_TYPE_SOA, &owner_apex, ttl);
	return sw_compile_store(c, c->encoder, &c->zone.soa_negative);
}

static uint32_t count_indexed(const struct sw_compiler *c)
{
	uint32_t names = 0;
	for (uint32_t i = 0; i < sw_contents_count(c->contents); i++)
		names += is_indexed(c, sw_contents_node(c->contents, i));
	return names;
}

struct sw_compiler *sw_compiler_new(void)
{
	struct sw_compiler *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->encoder = malloc(sizeof(*c->encoder));
	c->extra = malloc(sizeof(*c->extra));
	if (c->encoder && c->extra)
		return c;
	sw_compiler_free(c);
	return NULL;
}

void sw_compiler_free(struct sw_compiler *c)
{
	if (!c)
		return;
	free(c->encoder);
	free(c->extra);
	free(c);
}

static int zone_start(struct sw_compiler *c, const struct sw_contents *contents, struct sw_region *region)
{
	const struct sw_node *apex = sw_contents_node(contents, 0);
	c->contents = contents;
	c->region = region;
	c->zone = (struct sw_image_zone){.apex_len = apex->name_len, .apex_labels = apex->labels};
	c->interner = sw_interner_new(region);
	return c->interner ? 0 : -ENOMEM;
}

static void zone_end(struct sw_compiler *c)
{
	sw_denial_free(c->denial);
	sw_nssets_free(c->nssets);
	sw_interner_free(c->interner);
	c->denial = NULL;
	c->denied = NULL;
	c->nssets = NULL;
	c->interner = NULL;
}

/** Signed zones know how to deny; the others answer negatively with the SOA alone. */
static int compile_denial(struct sw_compiler *c)
{
	int error = sw_denial_new(&c->denial, c->contents, c->interner, c->region, c->encoder, &c->zone);
	if (!error && c->zone.denial == SW_DENIAL_NONE) {
		sw_denial_free(c->denial);
		c->denial = NULL;
	}
	return error;
}

static int zone_store(struct sw_region *region, const struct sw_image_zone *zone, uint32_t *ref)
{
	*ref = sw_region_take(region, sizeof(*zone));
	if (*ref == 0)
		return -ENOSPC;
	memcpy(sw_space_at(region->space, *ref), zone, sizeof(*zone));
	sw_region_trim(region);
	return 0;
}

/** @return the SOA record, NULL where there is none */
static const struct sw_rr *find_soa(const struct sw_contents *contents, uint32_t *serial)
{
	const struct sw_rr *soa = sw_contents_find_rr(contents, sw_contents_node(contents, 0), SW_TYPE_SOA);
	if (!soa || soa->rdata_len < 22)
		return NULL;
	memcpy(serial, soa->rdata + soa->rdata_len - 20, 4);
	*serial = be32toh(*serial);
	return soa;
}

int sw_compile(struct sw_compiler *c, const struct sw_contents *contents, struct sw_region *region,
	struct sw_depends *depends, struct sw_compiled *compiled)
{
	uint32_t serial = 0, names = 0;
	const struct sw_rr *soa = find_soa(contents, &serial);
	if (!soa)
		return -EINVAL;
	*compiled = (struct sw_compiled){.serial = serial};
	c->depends = depends;
	int error = zone_start(c, contents, region);
	if (!error) {
		names = count_indexed(c);
		error = compile_negative(c, soa);
	}
	if (!error)
		error = compile_denial(c);
	if (!error)
		error = compile_names(c, names);
	if (!error)
		error = zone_store(region, &c->zone, &compiled->zone);
	compiled->names = names;
	compiled->labels_max = (uint8_t)(c->zone.apex_labels + c->zone.depth_max);
	compiled->is_signed = c->denial != NULL;
	compiled->is_regular = !c->denial || sw_denial_is_regular(c->denial);
	compiled->left_out = c->denial ? sw_denial_left_out(c->denial) : 0;
	zone_end(c);
	return error;
}

/* ---- names one by one ---- */

int sw_compile_begin(struct sw_compiler *c, const struct sw_contents *contents, struct sw_pool *pool)
{
	c->contents = contents;
	c->region = NULL;
	c->pool = pool;
	c->denied = NULL;
	c->interner = sw_interner_new_apart(pool);
	return c->interner ? 0 : -ENOMEM;
}

void sw_compile_end(struct sw_compiler *c)
{
	zone_end(c);
	c->pool = NULL;
}

int sw_compile_negative(struct sw_compiler *c, uint32_t *piece, uint32_t *serial)
{
	const struct sw_rr *soa = find_soa(c->contents, serial);
	int error = soa ? compile_negative(c, soa) : -EINVAL;
	*piece = c->zone.soa_negative;
	return error;
}

int sw_compile_broken(const uint8_t *apex, struct sw_region *region, struct sw_compiled *compiled)
{
	struct sw_image_zone zone = {
		.apex_len = (uint8_t)sw_name_len(apex), .apex_labels = (uint8_t)sw_name_labels(apex)};
	*compiled = (struct sw_compiled){.is_broken = true, .labels_max = zone.apex_labels};
	return zone_store(region, &zone, &compiled->zone);
}
