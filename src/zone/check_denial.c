/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chains without sorting: if every NSEC leads to a later name that has an NSEC, except one that leads back to
 * the apex, and no two lead to the same name, then the links are one ring in canonical order. NSEC3 likewise
 * over hashes, with one record that wraps around. */
#include "wire/bytes.h"
#include "zone/check_node.h"
#include "zone/nsec3_hash.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <string.h>

#define NSEC3_OPT_OUT 1
#define NSEC3_FIXED_BYTES 5 /* algorithm, flags, iterations, salt length */

/** @return false where the data are cut short */
static bool params_read(const struct sw_rr *rr, struct sw_nsec3_params *params)
{
	const uint8_t *rdata = rr->rdata;
	if (rr->rdata_len < NSEC3_FIXED_BYTES || rr->rdata_len < NSEC3_FIXED_BYTES + rdata[4])
		return false;
	params->algorithm = rdata[0];
	params->iterations = sw_get16(rdata + 2);
	params->salt_len = rdata[4];
	memcpy(params->salt, rdata + NSEC3_FIXED_BYTES, rdata[4]);
	return true;
}

static bool params_equal(const struct sw_nsec3_params *a, const struct sw_nsec3_params *b)
{
	return a->algorithm == b->algorithm && a->iterations == b->iterations && a->salt_len == b->salt_len &&
	       memcmp(a->salt, b->salt, a->salt_len) == 0;
}

/** Node of the NSEC3 record with that hash, or NULL. */
static const struct sw_node *nsec3_node(const struct sw_check *check, const uint8_t hash[HASH_BYTES])
{
	uint8_t name[NSEC3_NAME_MAX];
	nsec3_name(hash, check->apex, name);
	const struct sw_node *node = sw_contents_find(check->contents, name);
	return node && sw_contents_find_rr(check->contents, node, KNOT_RRTYPE_NSEC3) ? node : NULL;
}

static void check_params(struct sw_check *check, const struct sw_view *apex)
{
	const struct sw_rr *rr = apex->rrs[sw_view_find(apex, KNOT_RRTYPE_NSEC3PARAM)];
	check->is_nsec3_hashed = params_read(rr, &check->params) && check->params.algorithm == 1;
	if (!check->is_nsec3_hashed)
		SW_TELL(check, NSEC3_PARAM, apex, rr, "hash algorithm %u: only 1 (SHA-1) is known",
			rr->rdata[0]);
	if (rr->rdata[1] != 0)
		SW_TELL(check, NSEC3_PARAM, apex, rr, "flags %u must be 0", rr->rdata[1]);
	if (check->params.iterations > 0)
		SW_TELL(check, NSEC3_ITERATIONS, apex, rr, "%u extra iterations: should be 0%s",
			check->params.iterations,
			check->params.iterations > SW_CHECK_NSEC3_ITERATIONS_MAX
				? "; the chain was not compared with the names"
				: "");
	if (check->params.iterations > SW_CHECK_NSEC3_ITERATIONS_MAX)
		check->is_nsec3_hashed = false;
}

static bool zone_has_opt_out(const struct sw_contents *contents)
{
	for (uint32_t i = 0; i < sw_contents_count(contents); i++) {
		const struct sw_rr *rr =
			sw_contents_find_rr(contents, sw_contents_node(contents, i), KNOT_RRTYPE_NSEC3);
		if (rr && rr->rdata[1] & NSEC3_OPT_OUT)
			return true;
	}
	return false;
}

int sw_check_denial_start(struct sw_check *check, const struct sw_view *apex)
{
	check->has_nsec = apex->kinds & SW_KIND_NSEC;
	check->has_nsec3 = apex->kinds & SW_KIND_NSEC3PARAM;
	const char *file = sw_contents_file(check->contents, 0);
	if (check->has_nsec && check->has_nsec3)
		sw_findings_add(check->findings, SW_FINDING_DENIAL_MIXED, file, 0, apex->name, 0,
			"NSEC and NSEC3PARAM at the apex: NSEC3 is taken for the truth");
	if (!check->has_nsec && !check->has_nsec3)
		sw_findings_add(check->findings, SW_FINDING_DENIAL_MISSING, file, 0, apex->name, 0,
			"signed, but neither NSEC nor NSEC3PARAM at the apex");
	if (check->has_nsec3) {
		check_params(check, apex);
		check->has_opt_out = zone_has_opt_out(check->contents);
	}
	uint32_t count = sw_contents_count(check->contents);
	if (sw_marks_new(&check->links, count) || sw_marks_new(&check->targets, count) ||
		sw_marks_new(&check->hashed, count))
		return -ENOMEM;
	return 0;
}

static void check_bitmap(struct sw_check *check, const struct sw_view *view, const struct sw_view *owner,
	const struct sw_rr *rr, size_t at)
{
	uint8_t want[SW_BITMAP_MAX];
	size_t len = sw_view_bitmap(view, want);
	if (at + len == rr->rdata_len && memcmp(rr->rdata + at, want, len) == 0)
		return;
	char name[SW_NAME_TEXT_MAX];
	SW_TELL(check, NSEC_BITMAP, owner, rr, "the type bitmap does not match the types at %s",
		sw_name_text(view->name, name));
}

static void check_nsec_next(struct sw_check *check, const struct sw_view *view, const struct sw_rr *rr)
{
	const uint8_t *next = rr->rdata;
	char text[SW_NAME_TEXT_MAX];
	sw_name_text(next, text);
	const struct sw_node *node =
		sw_name_in(next, check->apex) ? sw_contents_find(check->contents, next) : NULL;
	if (!node || !sw_contents_find_rr(check->contents, node, KNOT_RRTYPE_NSEC)) {
		SW_TELL(check, NSEC_CHAIN, view, rr, "next name %s has no NSEC", text);
		return;
	}
	uint32_t number = sw_node_number(check, node);
	if (number != 0 && sw_name_compare(next, view->name) <= 0)
		SW_TELL(check, NSEC_CHAIN, view, rr, "next name %s comes before this one", text);
	else if (sw_is_marked(&check->targets, number))
		SW_TELL(check, NSEC_CHAIN, view, rr, "another NSEC has the same next name %s", text);
	sw_mark(&check->targets, number);
}

static void check_nsec(struct sw_check *check, const struct sw_view *view)
{
	uint32_t at = sw_view_find(view, KNOT_RRTYPE_NSEC);
	if (at == view->count) {
		if (sw_view_is_signed_name(view))
			SW_TELL(check, DENIAL_MISSING, view, view->rrs[0], "no NSEC here");
		return;
	}
	const struct sw_rr *rr = view->rrs[at];
	sw_mark(&check->links, view->number);
	if (at + 1 < view->count && view->rrs[at + 1]->type == KNOT_RRTYPE_NSEC)
		SW_TELL(check, NSEC_MULTIPLE, view, view->rrs[at + 1], "a second NSEC");
	if (!sw_view_is_signed_name(view)) {
		SW_TELL(check, NSEC_UNWANTED, view, rr, "NSEC below a zone cut");
		return;
	}
	check_nsec_next(check, view, rr);
	check_bitmap(check, view, view, rr, sw_name_len(rr->rdata));
}

/** The hash in an NSEC3 record and what follows. @return false where the data are cut short */
static bool nsec3_next(const struct sw_rr *rr, const uint8_t **next, size_t *bitmap_at)
{
	size_t at = NSEC3_FIXED_BYTES + (size_t)rr->rdata[4];
	if (at >= rr->rdata_len || rr->rdata[at] != HASH_BYTES || at + 1 + HASH_BYTES > rr->rdata_len)
		return false;
	*next = rr->rdata + at + 1;
	*bitmap_at = at + 1 + HASH_BYTES;
	return true;
}

/** One NSEC3 record as a link of its chain. */
static void check_nsec3_link(struct sw_check *check, const struct sw_view *view)
{
	const struct sw_rr *rr = view->rrs[sw_view_find(view, KNOT_RRTYPE_NSEC3)];
	struct sw_nsec3_params params = {0};
	const uint8_t *next;
	size_t bitmap_at;
	if (view->node->parent != 0 || view->number == 0 || view->name[0] != HASH_LABEL_BYTES) {
		SW_TELL(check, NSEC3_OWNER, view, rr, "the owner is no hash directly below the apex");
		return;
	}
	if (!params_read(rr, &params) || !nsec3_next(rr, &next, &bitmap_at)) {
		SW_TELL(check, NSEC3_PARAM, view, rr, "the hash is not of %d bytes", HASH_BYTES);
		return;
	}
	if (!params_equal(&params, &check->params)) {
		SW_TELL(check, NSEC3_PARAM, view, rr, "parameters differ from those of NSEC3PARAM");
		return;
	}
	sw_mark(&check->links, view->number);
	const struct sw_node *node = nsec3_node(check, next);
	uint8_t label[HASH_LABEL_BYTES];
	nsec3_label(next, label);
	if (!node) {
		SW_TELL(check, NSEC_CHAIN, view, rr, "there is no NSEC3 for the next hash %.*s",
			HASH_LABEL_BYTES, (const char *)label);
		return;
	}
	uint32_t number = sw_node_number(check, node);
	if (memcmp(label, view->name + 1, HASH_LABEL_BYTES) <= 0 && ++check->wraps > 1)
		SW_TELL(check, NSEC_CHAIN, view, rr, "the next hash %.*s comes before this one",
			HASH_LABEL_BYTES, (const char *)label);
	else if (sw_is_marked(&check->targets, number))
		SW_TELL(check, NSEC_CHAIN, view, rr, "another NSEC3 has the same next hash %.*s",
			HASH_LABEL_BYTES, (const char *)label);
	sw_mark(&check->targets, number);
}

/** Names that opt-out lets go without NSEC3: insecure delegations and what exists only above them
 * (RFC 5155 s7.1). Empty non-terminals are given the benefit of the doubt. */
static bool may_opt_out(const struct sw_check *check, const struct sw_view *view)
{
	if (!check->has_opt_out)
		return false;
	return view->count == 0 || (view->node->flags & SW_NODE_CUT && !(view->kinds & SW_KIND_DS));
}

/** A name of the zone against the NSEC3 that stands for it. */
static void check_nsec3_name(struct sw_check *check, const struct sw_view *view)
{
	const struct nsec3_salt salt = {.iterations = check->params.iterations,
		.len = check->params.salt_len,
		.bytes = check->params.salt};
	uint8_t hash[HASH_BYTES];
	if (!check->is_nsec3_hashed || view->node->flags & (SW_NODE_BELOW_CUT | SW_NODE_BELOW_DNAME) ||
		nsec3_hash(&salt, view->name, hash) != 0)
		return;
	const struct sw_node *node = nsec3_node(check, hash);
	if (!node) {
		if (!may_opt_out(check, view))
			sw_findings_add(check->findings, SW_FINDING_DENIAL_MISSING,
				sw_contents_file(check->contents, view->count ? view->rrs[0]->file : 0),
				view->count ? view->rrs[0]->line : 0, view->name, 0,
				"no NSEC3 for this name");
		return;
	}
	sw_mark(&check->hashed, sw_node_number(check, node));
	const struct sw_rr *rr = sw_contents_find_rr(check->contents, node, KNOT_RRTYPE_NSEC3);
	struct sw_view owner = {.node = node, .name = sw_contents_name(check->contents, node)};
	const uint8_t *next;
	size_t bitmap_at;
	if (nsec3_next(rr, &next, &bitmap_at))
		check_bitmap(check, view, &owner, rr, bitmap_at);
}

void sw_check_denial(struct sw_check *check, const struct sw_view *view)
{
	if (check->has_nsec3) {
		if (view->kinds & SW_KIND_NSEC && view->number != 0)
			SW_TELL(check, DENIAL_MIXED, view, view->rrs[sw_view_find(view, KNOT_RRTYPE_NSEC)],
				"NSEC in a zone with NSEC3");
		if (view->kinds & SW_KIND_NSEC3)
			check_nsec3_link(check, view);
		else
			check_nsec3_name(check, view);
	} else if (check->has_nsec) {
		if (view->kinds & SW_KIND_NSEC3)
			SW_TELL(check, DENIAL_MIXED, view, view->rrs[sw_view_find(view, KNOT_RRTYPE_NSEC3)],
				"NSEC3 in a zone with NSEC");
		else
			check_nsec(check, view);
	}
}

/** What the marks say once every name was seen. */
void sw_check_denial_end(struct sw_check *check)
{
	uint16_t type = check->has_nsec3 ? KNOT_RRTYPE_NSEC3 : KNOT_RRTYPE_NSEC;
	for (uint32_t i = 0; i < sw_contents_count(check->contents); i++) {
		if (!sw_is_marked(&check->links, i))
			continue;
		const struct sw_node *node = sw_contents_node(check->contents, i);
		struct sw_view view = {.node = node, .name = sw_contents_name(check->contents, node)};
		const struct sw_rr *rr = sw_contents_find_rr(check->contents, node, type);
		if (!sw_is_marked(&check->targets, i))
			SW_TELL(check, NSEC_CHAIN, &view, rr, "no other record of the chain leads here");
		if (check->is_nsec3_hashed && !sw_is_marked(&check->hashed, i))
			SW_TELL(check, NSEC_UNWANTED, &view, rr, "the hash of no name in the zone");
	}
}
