/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A whole zone. The records are copied without what a signer makes; what a signer makes is added; finishing
 * the contents again after each step brings it to the names it belongs to. */
#include "zone/sign_inside.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>

struct zone_signer {
	struct signer signer;
	struct sw_contents *contents;
	const struct sw_contents *former;
	struct name_view view, before;
};

static int add_record(void *arg, const struct sw_record *record)
{
	int error = sw_contents_add(arg, record->owner, record->type, record->ttl, record->rdata,
		record->rdata_len, UINT16_MAX, 0);
	return error > 0 ? 0 : error;
}

static int copy_node(
	struct sw_contents *to, const struct sw_contents *from, uint32_t number, const struct sw_record *soa)
{
	const struct sw_node *node = sw_contents_node(from, number);
	const uint8_t *owner = sw_contents_name(from, node);
	const struct sw_rr *rr = sw_contents_rr(from, node->first);
	for (; rr; rr = sw_contents_rr(from, rr->next)) {
		bool is_new = soa && number == 0 && rr->type == KNOT_RRTYPE_SOA;
		if (is_signers(rr->type, number == 0))
			continue;
		int error = sw_contents_add(to, owner, rr->type, rr->ttl, is_new ? soa->rdata : rr->rdata,
			is_new ? soa->rdata_len : rr->rdata_len, rr->file, rr->line);
		if (error < 0)
			return error;
	}
	return 0;
}

/** Records of a name, in order of type. Without a name none. */
static int load_view(struct name_view *view, const struct sw_contents *contents, const struct sw_node *node)
{
	view->count = 0;
	if (!node)
		return 0;
	view->owner = sw_contents_name(contents, node);
	view->is_cut = node->flags & SW_NODE_CUT;
	const struct sw_rr *rr = sw_contents_rr(contents, node->first);
	for (; rr; rr = sw_contents_rr(contents, rr->next)) {
		struct sw_record *record = view_add(view);
		if (!record)
			return -ENOMEM;
		*record = (struct sw_record){.owner = view->owner,
			.type = rr->type,
			.rdata_len = rr->rdata_len,
			.ttl = rr->ttl,
			.rdata = rr->rdata};
	}
	view_sort(view);
	return 0;
}

/** RFC 2181 s5.2: one TTL for an RRset, the lowest. A signature holds for one TTL only. */
static void level_ttls(struct sw_contents *contents, const struct sw_node *node)
{
	struct sw_rr *rr = sw_contents_rr(contents, node->first);
	if (!rr || rr->next == 0)
		return;
	for (; rr; rr = sw_contents_rr(contents, rr->next)) {
		struct sw_rr *first = sw_contents_find_rr(contents, node, rr->type);
		if (rr->ttl < first->ttl)
			first->ttl = rr->ttl;
	}
	for (rr = sw_contents_rr(contents, node->first); rr; rr = sw_contents_rr(contents, rr->next))
		rr->ttl = sw_contents_find_rr(contents, node, rr->type)->ttl;
}

static int copy_zone(struct sw_contents *to, const struct sw_contents *from, const struct sw_record *soa)
{
	uint32_t count = sw_contents_count(from);
	int error = sw_contents_copy_files(to, from);
	if (!error)
		error = sw_contents_expect(to, count);
	for (uint32_t i = 0; i < count && !error; i++)
		error = copy_node(to, from, i, soa);
	if (!error)
		error = sw_contents_finish(to);
	for (uint32_t i = 0; !error && i < sw_contents_count(to); i++)
		level_ttls(to, sw_contents_node(to, i));
	return error;
}

/** Everything but the signatures. */
static int make_records(const struct sw_sign_job *job, struct sw_contents *contents)
{
	const struct sw_rr *soa =
		sw_contents_find_rr(contents, sw_contents_node(contents, 0), KNOT_RRTYPE_SOA);
	if (!soa || soa->rdata_len < 20)
		return -EINVAL;
	uint32_t negative_s = negative_ttl(soa->ttl, soa->rdata, soa->rdata_len);
	int error = make_apex(job, sw_contents_apex(contents), negative_s, add_record, contents);
	if (!error)
		error = sw_contents_finish(contents);
	return error ? error : make_chain(job, contents, negative_s);
}

static int sign_all(struct zone_signer *zone)
{
	uint32_t count = sw_contents_count(zone->contents);
	int error = 0;
	const bool *is_stopping = zone->signer.job->is_stopping;
	for (uint32_t i = 0; i < count && !error; i++) {
		const struct sw_node *node = sw_contents_node(zone->contents, i), *old = NULL;
		if (is_stopping && __atomic_load_n(is_stopping, __ATOMIC_RELAXED))
			return -ECANCELED;
		if (node->first == 0 || node->flags & (SW_NODE_BELOW_CUT | SW_NODE_BELOW_DNAME))
			continue;
		error = load_view(&zone->view, zone->contents, node);
		if (zone->former)
			old = sw_contents_find(zone->former, zone->view.owner);
		if (!error)
			error = load_view(&zone->before, zone->former, old);
		if (!error)
			error = sign_name(&zone->signer, &zone->view, old ? &zone->before : NULL, add_record,
				zone->contents);
	}
	return error ? error : sw_contents_finish(zone->contents);
}

int sw_sign_zone(const struct sw_sign_job *job, const struct sw_contents *plain, const struct sw_record *soa,
	const struct sw_contents *former, const struct sw_hash_key *key, struct sw_contents **signed_contents,
	struct sw_sign_result *result)
{
	struct zone_signer zone = {.former = former};
	zone.contents = sw_contents_new(sw_contents_apex(plain), key);
	if (!zone.contents)
		return -ENOMEM;
	int error = signer_open(&zone.signer, job, sw_contents_apex(plain));
	if (!error)
		error = copy_zone(zone.contents, plain, soa);
	if (!error)
		error = make_records(job, zone.contents);
	if (!error)
		error = sign_all(&zone);
	if (!error && result)
		*result = zone.signer.result;
	signer_close(&zone.signer);
	free(zone.view.records);
	free(zone.before.records);
	if (error)
		sw_contents_free(zone.contents);
	else
		*signed_contents = zone.contents;
	return error;
}

int sw_sign_undo(const struct sw_contents *signed_contents, const struct sw_record *soa,
	const struct sw_hash_key *key, struct sw_contents **plain)
{
	struct sw_contents *made = sw_contents_new(sw_contents_apex(signed_contents), key);
	if (!made)
		return -ENOMEM;
	int error = copy_zone(made, signed_contents, soa);
	if (error)
		sw_contents_free(made);
	else
		*plain = made;
	return error;
}

uint32_t sw_sign_due(const struct sw_contents *contents, const struct sw_sign_policy *policy)
{
	uint32_t first_s = 0;
	for (uint32_t i = 0; i < sw_contents_count(contents); i++) {
		const struct sw_node *node = sw_contents_node(contents, i);
		const struct sw_rr *rr = sw_contents_find_rr(contents, node, KNOT_RRTYPE_RRSIG);
		for (; rr; rr = sw_contents_next(contents, rr)) {
			uint32_t due_s = sw_get32(rr->rdata + 8) - policy->refresh_s;
			if (first_s == 0 || due_s < first_s)
				first_s = due_s;
		}
	}
	return first_s;
}

uint32_t sw_sign_ttl_max(const struct sw_contents *contents)
{
	uint32_t ttl_max_s = 0;
	for (uint32_t i = 0; i < sw_contents_count(contents); i++) {
		const struct sw_node *node = sw_contents_node(contents, i);
		const struct sw_rr *rr = sw_contents_rr(contents, node->first);
		for (; rr; rr = sw_contents_rr(contents, rr->next)) {
			if (rr->ttl > ttl_max_s)
				ttl_max_s = rr->ttl;
		}
	}
	return ttl_max_s;
}
