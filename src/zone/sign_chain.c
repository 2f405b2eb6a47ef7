/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The chain that proves what does not exist: NSEC (RFC 4035 s2.3) or NSEC3 (RFC 5155 s7.1). */
#include "zone/sign_inside.h"
#include <errno.h>
#include <libdnssec/nsec.h>
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>

#define BITMAP_MAX (256 * 34) /* RFC 4034 s4.1.2 */

struct link {
	const struct sw_node *node;
	const uint8_t *name;
	uint8_t hash[HASH_BYTES];
};

struct chain {
	const struct sw_sign_job *job;
	struct sw_contents *contents;
	uint32_t ttl_s;
	struct link *links;
	size_t count;
	dnssec_nsec_bitmap_t *bitmap;
};

int policy_hash(const struct sw_sign_policy *policy, const uint8_t *name, uint8_t hash[HASH_BYTES])
{
	const struct nsec3_salt salt = {
		.iterations = policy->iterations, .len = policy->salt_len, .bytes = policy->salt};
	return nsec3_hash(&salt, name, hash);
}

bool has_signature(bool is_cut, bool has_ds, bool has_records)
{
	return is_cut ? has_ds : has_records;
}

static bool has_type(const struct chain *chain, const struct sw_node *node, uint16_t type)
{
	return sw_contents_find_rr(chain->contents, node, type) != NULL;
}

/** What stands at a name into the chain's bitmap. At a cut only what the parent vouches for, and NS (RFC 4035
 * s2.3, RFC 5155 s7.1). @return its length */
static size_t fill_bitmap(struct chain *chain, const struct sw_node *node, bool is_nsec, uint8_t *to)
{
	bool is_cut = node->flags & SW_NODE_CUT;
	dnssec_nsec_bitmap_clear(chain->bitmap);
	const struct sw_rr *rr = sw_contents_rr(chain->contents, node->first);
	for (; rr; rr = sw_contents_rr(chain->contents, rr->next)) {
		if (!is_cut || rr->type == KNOT_RRTYPE_NS || rr->type == KNOT_RRTYPE_DS)
			dnssec_nsec_bitmap_add(chain->bitmap, rr->type);
	}
	if (is_nsec || has_signature(is_cut, has_type(chain, node, KNOT_RRTYPE_DS), node->first != 0))
		dnssec_nsec_bitmap_add(chain->bitmap, KNOT_RRTYPE_RRSIG);
	if (is_nsec)
		dnssec_nsec_bitmap_add(chain->bitmap, KNOT_RRTYPE_NSEC);
	dnssec_nsec_bitmap_write(chain->bitmap, to);
	return dnssec_nsec_bitmap_size(chain->bitmap);
}

static int add(struct chain *chain, const uint8_t *owner, uint16_t type, const uint8_t *rdata, size_t len)
{
	int error = sw_contents_add(
		chain->contents, owner, type, chain->ttl_s, rdata, (uint16_t)len, UINT16_MAX, 0);
	return error > 0 ? 0 : error;
}

static bool is_ours(const struct sw_node *node)
{
	return !(node->flags & (SW_NODE_BELOW_CUT | SW_NODE_BELOW_DNAME));
}

/** Of names that have records, in canonical order. */
static int compare_names(const void *a, const void *b)
{
	return sw_name_compare(((const struct link *)a)->name, ((const struct link *)b)->name);
}

static int make_nsec(struct chain *chain)
{
	uint8_t rdata[SW_NAME_MAX + BITMAP_MAX];
	for (uint32_t i = 0; i < sw_contents_count(chain->contents); i++) {
		const struct sw_node *node = sw_contents_node(chain->contents, i);
		if (is_ours(node) && node->first != 0)
			chain->links[chain->count++] =
				(struct link){.node = node, .name = sw_contents_name(chain->contents, node)};
	}
	qsort(chain->links, chain->count, sizeof(*chain->links), compare_names);
	int error = 0;
	for (size_t i = 0; i < chain->count && !error; i++) {
		const uint8_t *next = chain->links[(i + 1) % chain->count].name;
		size_t len = sw_name_len(next);
		memcpy(rdata, next, len);
		len += fill_bitmap(chain, chain->links[i].node, true, rdata + len);
		error = add(chain, chain->links[i].name, KNOT_RRTYPE_NSEC, rdata, len);
	}
	return error;
}

/** Names that get an NSEC3: all, empty non-terminals too; with opt-out not unsigned delegations, nor what is
 * there for their sake alone (RFC 5155 s7.1). */
static void mark_hashed(const struct chain *chain, bool *is_hashed, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct sw_node *node = sw_contents_node(chain->contents, i);
		bool is_unsigned = node->first == 0 ||
				   (node->flags & SW_NODE_CUT && !has_type(chain, node, KNOT_RRTYPE_DS));
		if (!is_ours(node) || (is_unsigned && i != 0 && chain->job->policy->is_opt_out))
			continue;
		/* to the apex, which is its own parent */
		for (uint32_t up = i; !is_hashed[up]; up = sw_contents_node(chain->contents, up)->parent)
			is_hashed[up] = true;
	}
}

static int compare_hashes(const void *a, const void *b)
{
	return memcmp(((const struct link *)a)->hash, ((const struct link *)b)->hash, HASH_BYTES);
}

static int collect_hashes(struct chain *chain, uint32_t count)
{
	bool *is_hashed = calloc(count, sizeof(*is_hashed));
	if (!is_hashed)
		return -ENOMEM;
	mark_hashed(chain, is_hashed, count);
	int error = 0;
	for (uint32_t i = 0; i < count && !error; i++) {
		struct link *link = &chain->links[chain->count];
		if (!is_hashed[i])
			continue;
		link->node = sw_contents_node(chain->contents, i);
		link->name = sw_contents_name(chain->contents, link->node);
		error = policy_hash(chain->job->policy, link->name, link->hash);
		chain->count++;
	}
	free(is_hashed);
	return error;
}

static int make_nsec3(struct chain *chain)
{
	const struct sw_sign_policy *policy = chain->job->policy;
	uint8_t rdata[5 + sizeof(policy->salt) + 1 + HASH_BYTES + BITMAP_MAX], owner[NSEC3_NAME_MAX];
	if (sw_name_len(sw_contents_apex(chain->contents)) + 1 + HASH_LABEL_BYTES > SW_NAME_MAX)
		return -EINVAL;
	int error = collect_hashes(chain, sw_contents_count(chain->contents));
	qsort(chain->links, chain->count, sizeof(*chain->links), compare_hashes);
	rdata[0] = 1; /* SHA-1 */
	rdata[1] = policy->is_opt_out ? OPT_OUT : 0;
	sw_put16(rdata + 2, policy->iterations);
	rdata[4] = policy->salt_len;
	memcpy(rdata + 5, policy->salt, policy->salt_len);
	size_t fixed_len = 5u + policy->salt_len;
	rdata[fixed_len++] = HASH_BYTES;
	for (size_t i = 0; i < chain->count && !error; i++) {
		size_t len = fixed_len + HASH_BYTES;
		memcpy(rdata + fixed_len, chain->links[(i + 1) % chain->count].hash, HASH_BYTES);
		len += fill_bitmap(chain, chain->links[i].node, false, rdata + len);
		nsec3_name(chain->links[i].hash, sw_contents_apex(chain->contents), owner);
		error = add(chain, owner, KNOT_RRTYPE_NSEC3, rdata, len);
	}
	return error;
}

int make_chain(const struct sw_sign_job *job, struct sw_contents *contents, uint32_t ttl_s)
{
	struct chain chain = {.job = job, .contents = contents, .ttl_s = ttl_s};
	chain.links = malloc(sw_contents_count(contents) * sizeof(*chain.links));
	chain.bitmap = dnssec_nsec_bitmap_new();
	int error = -ENOMEM;
	if (chain.links && chain.bitmap)
		error = job->policy->is_nsec3 ? make_nsec3(&chain) : make_nsec(&chain);
	free(chain.links);
	dnssec_nsec_bitmap_free(chain.bitmap);
	return error ? error : sw_contents_finish(contents);
}
