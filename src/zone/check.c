/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/check.h"
#include "zone/check_node.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 65535u
#define HEADER_BYTES 12u
/* owner as a pointer, type, class, TTL, length of data */
#define RR_FIXED_BYTES 12u

static void check_soa(struct sw_check *check, const struct sw_view *view)
{
	uint32_t at = sw_view_find(view, KNOT_RRTYPE_SOA);
	if (view->number != 0)
		SW_TELL(check, SOA_NOT_APEX, view, view->rrs[at], "SOA below the apex");
	else if (at + 1 < view->count && view->rrs[at + 1]->type == KNOT_RRTYPE_SOA)
		SW_TELL(check, SOA_MULTIPLE, view, view->rrs[at + 1], "a second SOA");
}

static void check_apex(struct sw_check *check, const struct sw_view *view)
{
	const char *file = sw_contents_file(check->contents, 0);
	if (!(view->kinds & SW_KIND_SOA))
		sw_findings_add(check->findings, SW_FINDING_SOA_MISSING, file, 0, view->name, KNOT_RRTYPE_SOA,
			"no SOA at the apex");
	if (!(view->kinds & SW_KIND_NS))
		sw_findings_add(check->findings, SW_FINDING_NS_APEX, file, 0, view->name, KNOT_RRTYPE_NS,
			"no NS at the apex");
}

/** Only what DNSSEC adds may stand beside a CNAME (RFC 4034 s2, s4). */
static void check_cname(struct sw_check *check, const struct sw_view *view)
{
	unsigned cnames = 0;
	for (uint32_t i = 0; i < view->count; i++) {
		uint16_t type = view->rrs[i]->type;
		if (type == KNOT_RRTYPE_CNAME && ++cnames == 2)
			SW_TELL(check, CNAME_MULTIPLE, view, view->rrs[i], "a second CNAME");
		else if (type != KNOT_RRTYPE_CNAME && type != KNOT_RRTYPE_RRSIG && type != KNOT_RRTYPE_NSEC) {
			SW_TELL(check, CNAME_NOT_ALONE, view, view->rrs[i], "beside a CNAME");
			return;
		}
	}
}

static void check_dname(struct sw_check *check, const struct sw_view *view)
{
	uint32_t at = sw_view_find(view, KNOT_RRTYPE_DNAME);
	if (at + 1 < view->count && view->rrs[at + 1]->type == KNOT_RRTYPE_DNAME)
		SW_TELL(check, DNAME_MULTIPLE, view, view->rrs[at + 1], "a second DNAME");
	if (view->node->flags & SW_NODE_CUT)
		SW_TELL(check, DNAME_NS, view, view->rrs[at], "DNAME at a zone cut");
}

/** Records that no query can reach: beside or below a cut, and below a DNAME. */
static void check_occluded(struct sw_check *check, const struct sw_view *view)
{
	if (view->node->flags & SW_NODE_BELOW_DNAME && view->count > 0 && !(view->kinds & SW_KIND_NSEC3)) {
		SW_TELL(check, DNAME_CHILDREN, view, view->rrs[0], "below a DNAME");
		return;
	}
	bool is_cut = view->node->flags & SW_NODE_CUT;
	if (!is_cut && !(view->node->flags & SW_NODE_BELOW_CUT))
		return;
	unsigned fit = SW_KIND_ADDRESS | SW_KIND_RRSIG | SW_KIND_NSEC | SW_KIND_NSEC3;
	if (is_cut)
		fit |= SW_KIND_NS | SW_KIND_DS | SW_KIND_DNAME | SW_KIND_CNAME;
	if (!(view->kinds & ~fit))
		return;
	for (uint32_t i = 0; i < view->count; i++) {
		uint16_t type = view->rrs[i]->type;
		if (type == KNOT_RRTYPE_A || type == KNOT_RRTYPE_AAAA || type == KNOT_RRTYPE_RRSIG ||
			type == KNOT_RRTYPE_NSEC ||
			(is_cut && (type == KNOT_RRTYPE_NS || type == KNOT_RRTYPE_DS)))
			continue;
		SW_TELL(check, OCCLUDED, view, view->rrs[i], "%s a zone cut: never served",
			is_cut ? "at" : "below");
		return;
	}
}

/** Size in one message, and one TTL. The first TTL is served for all (RFC 2181 s5.2 leaves the choice). */
static void check_rrsets(struct sw_check *check, const struct sw_view *view)
{
	size_t room = MESSAGE_MAX - HEADER_BYTES - view->node->name_len - 4;
	for (uint32_t i = 0; i < view->count;) {
		const struct sw_rr *first = view->rrs[i];
		bool is_clash_told =
			first->type == KNOT_RRTYPE_RRSIG; /* each has the TTL of what it covers */
		size_t bytes = 0;
		uint32_t begin = i;
		for (; i < view->count && view->rrs[i]->type == first->type; i++) {
			bytes += RR_FIXED_BYTES + view->rrs[i]->rdata_len;
			if (view->rrs[i]->ttl == first->ttl || is_clash_told)
				continue;
			is_clash_told = true;
			SW_TELL(check, TTL_CLASH, view, view->rrs[i],
				"TTL %u, but %u before it: %u is served for all", view->rrs[i]->ttl,
				first->ttl, first->ttl);
		}
		if (bytes > room && first->type != KNOT_RRTYPE_RRSIG)
			SW_TELL(check, RRSET_SIZE, view, first,
				"%u records, %zu bytes: more than a message holds", i - begin, bytes);
	}
}

/** Whether a name lies in the zone: by the last bytes first, since most targets are elsewhere. */
static bool is_in_zone(const struct sw_check *check, const uint8_t *name, size_t len)
{
	if (len < check->apex_len)
		return false;
	const uint8_t *tail = name + len - check->apex_len;
	for (uint8_t i = 0; i < check->apex_len; i++) {
		if ((tail[i] | 0x20) != (check->apex[i] | 0x20))
			return false;
	}
	return sw_name_in(name, check->apex);
}

static bool has_type(const struct sw_check *check, const struct sw_node *node, uint16_t type)
{
	return node && sw_contents_find_rr(check->contents, node, type);
}

static bool has_address(const struct sw_check *check, const struct sw_node *node)
{
	return has_type(check, node, KNOT_RRTYPE_A) || has_type(check, node, KNOT_RRTYPE_AAAA);
}

/** The longest existing ancestor of a name that is not in the contents. */
static const struct sw_node *closest_encloser(const struct sw_check *check, const uint8_t *name)
{
	const struct sw_node *node = NULL;
	while (!node)
		node = sw_contents_find(check->contents, name += 1 + *name);
	return node;
}

static const struct sw_node *wildcard_below(const struct sw_check *check, const struct sw_node *node)
{
	uint8_t name[SW_NAME_MAX + 2] = {1, '*'};
	if (node->name_len + 2 > SW_NAME_MAX)
		return NULL;
	memcpy(name + 2, sw_contents_name(check->contents, node), node->name_len);
	return sw_contents_find(check->contents, name);
}

/** A target at or below a zone cut: only this cut's own servers must bring their addresses along. */
static void check_glue(struct sw_check *check, const struct sw_view *view, const struct sw_rr *rr,
	const uint8_t *target, const struct sw_node *found)
{
	if (rr->type != KNOT_RRTYPE_NS || !(view->node->flags & SW_NODE_CUT) ||
		!sw_name_in(target, view->name) || has_address(check, found))
		return;
	char text[SW_NAME_TEXT_MAX];
	SW_TELL(check, GLUE_MISSING, view, rr, "no address for %s, which is inside the delegated zone",
		sw_name_text(target, text));
}

/** RFC 2181 s10.3: the name in NS, MX and SRV has addresses and is no alias. */
static void check_target(struct sw_check *check, const struct sw_view *view, const struct sw_rr *rr,
	const uint8_t *target, size_t len)
{
	if (len == 1 || !is_in_zone(check, target, len))
		return;
	const struct sw_node *node = sw_contents_find(check->contents, target);
	const struct sw_node *around = node ? node : closest_encloser(check, target);
	if (around->flags & (SW_NODE_CUT | SW_NODE_BELOW_CUT)) {
		check_glue(check, view, rr, target, node);
		return;
	}
	char text[SW_NAME_TEXT_MAX];
	bool is_alias = !node && has_type(check, around, KNOT_RRTYPE_DNAME);
	if (!node)
		node = wildcard_below(check, around);
	is_alias |= has_type(check, node, KNOT_RRTYPE_CNAME);
	if (is_alias)
		SW_TELL(check, TARGET_CNAME, view, rr, "%s is an alias", sw_name_text(target, text));
	else if (!node)
		SW_TELL(check, TARGET_MISSING, view, rr, "%s does not exist", sw_name_text(target, text));
	else if (!has_address(check, node))
		SW_TELL(check, TARGET_MISSING, view, rr, "%s has no address", sw_name_text(target, text));
}

static void check_targets(struct sw_check *check, const struct sw_view *view)
{
	if (view->node->flags & SW_NODE_BELOW_CUT)
		return;
	for (uint32_t i = 0; i < view->count; i++) {
		const struct sw_rr *rr = view->rrs[i];
		size_t before = 0; /* bytes before the name: preference; priority, weight, port */
		if (rr->type == KNOT_RRTYPE_MX)
			before = 2;
		else if (rr->type == KNOT_RRTYPE_SRV)
			before = 6;
		else if (rr->type != KNOT_RRTYPE_NS)
			continue;
		check_target(check, view, rr, rr->rdata + before, rr->rdata_len - before);
	}
}

/** Lengths of the digests of RFC 4034, RFC 4509, RFC 5933 and RFC 6605. */
static size_t digest_len(uint8_t type)
{
	static const uint8_t lens[] = {[1] = 20, [2] = 32, [3] = 32, [4] = 48};
	return type < sizeof(lens) ? lens[type] : 0;
}

static void check_ds(struct sw_check *check, const struct sw_view *view)
{
	uint32_t at = sw_view_find(view, KNOT_RRTYPE_DS);
	if (view->number == 0)
		SW_TELL(check, DS_APEX, view, view->rrs[at], "DS at the apex: it belongs into the parent");
	else if (!(view->node->flags & SW_NODE_CUT))
		SW_TELL(check, DS_WITHOUT_NS, view, view->rrs[at], "DS where no zone is delegated");
	for (; at < view->count && view->rrs[at]->type == KNOT_RRTYPE_DS; at++) {
		const uint8_t *rdata = view->rrs[at]->rdata;
		size_t len = view->rrs[at]->rdata_len - 4u, want = digest_len(rdata[3]);
		if (want != 0 && len != want)
			SW_TELL(check, DS_DIGEST, view, view->rrs[at], "digest of %zu bytes, type %u has %zu",
				len, rdata[3], want);
		else if (want == 0)
			SW_TELL(check, DS_DIGEST, view, view->rrs[at], "unknown digest type %u", rdata[3]);
	}
}

static const struct {
	unsigned kinds; /* run where one of these is present */
	void (*run)(struct sw_check *check, const struct sw_view *view);
} node_checks[] = {
	{SW_KIND_SOA, check_soa},
	{SW_KIND_CNAME, check_cname},
	{SW_KIND_DNAME, check_dname},
	{~0u, check_rrsets},
	{SW_KIND_NS | SW_KIND_TARGET, check_targets},
	{SW_KIND_DS, check_ds},
	{SW_KIND_RRSIG, sw_check_rrsigs},
};

static int check_node(struct sw_check *check, uint32_t number)
{
	struct sw_view view;
	if (sw_view_load(check, number, &view) != 0)
		return -ENOMEM;
	if (number == 0)
		check_apex(check, &view);
	if (view.node->flags & (SW_NODE_CUT | SW_NODE_BELOW_CUT | SW_NODE_BELOW_DNAME))
		check_occluded(check, &view);
	for (size_t i = 0; i < sizeof(node_checks) / sizeof(*node_checks); i++) {
		if (view.kinds & node_checks[i].kinds)
			node_checks[i].run(check, &view);
	}
	if (check->is_signed) {
		sw_check_signed(check, &view);
		sw_check_denial(check, &view);
	}
	return 0;
}

int sw_zone_check(const struct sw_contents *contents, uint32_t now_s, struct sw_findings *findings)
{
	struct sw_check check = {.contents = contents,
		.findings = findings,
		.now_s = now_s,
		.apex = sw_contents_apex(contents)};
	uint32_t errors_before = findings->count[SW_ERROR];
	check.apex_len = (uint8_t)sw_name_len(check.apex);
	int error = sw_check_dnssec_start(&check);
	for (uint32_t i = 0; i < sw_contents_count(contents) && !error; i++)
		error = check_node(&check, i);
	if (!error && check.is_signed)
		sw_check_denial_end(&check);
	sw_check_dnssec_end(&check);
	free(check.scratch);
	if (error)
		return error;
	return findings->count[SW_ERROR] > errors_before ? -EBADMSG : 0;
}
