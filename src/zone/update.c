/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/update.h"
#include "zone/rdata.h"
#include "zone/update_inside.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** An update at work. Steps return 0, the RCODE that ends it, or -errno. */
struct judge {
	struct sw_update_message message;
	struct sw_update_sites sites;
	const struct sw_update_rules *rules;
	struct sw_update_result *result;
};

static int end(struct judge *judge, uint16_t rcode, const char *why)
{
	judge->result->why = why;
	return rcode;
}

static bool is_at_apex(const struct judge *judge, const struct sw_record *record)
{
	return sw_name_equal(record->owner, judge->message.apex);
}

/* ---- prerequisites (RFC 2136 s3.2) ---- */

/** @param type  SW_TYPE_ANY: any at all */
static bool site_has(const struct sw_update_site *site, uint16_t type)
{
	for (size_t i = 0; i < site->count; i++) {
		if (site->items[i].is && (type == SW_TYPE_ANY || site->items[i].type == type))
			return true;
	}
	return false;
}

static int prerequisite_value(
	struct judge *judge, const struct sw_record *record, struct sw_update_site *site)
{
	struct sw_update_item *item;
	if (sw_type_is_meta(record->type) ||
		!sw_rdata_is_valid(record->type, record->rdata, record->rdata_len))
		return end(judge, SW_RCODE_FORMERR, "s3.2.3: a prerequisite's data are not of its type");
	int error = sw_update_item_find(site, record, &item);
	if (error)
		return error;
	if (!item)
		return end(judge, SW_RCODE_NXRRSET, "s3.2.3: a record of the RRset is not there");
	item->is_wanted = true;
	return 0;
}

static int prerequisite(struct judge *judge, const struct sw_update_rr *rr)
{
	const struct sw_record *record = &rr->record;
	struct sw_update_site *site;
	if (record->ttl != 0)
		return end(judge, SW_RCODE_FORMERR, "s3.2: a prerequisite with a TTL");
	if (!sw_name_in(record->owner, judge->message.apex))
		return end(judge, SW_RCODE_NOTZONE, "s3.2: a prerequisite's name is outside of the zone");
	if (rr->class != SW_CLASS_ANY && rr->class != SW_CLASS_NONE && rr->class != SW_CLASS_IN)
		return end(judge, SW_RCODE_FORMERR, "s3.2: a prerequisite of another class");
	if (rr->class != SW_CLASS_IN && record->rdata_len != 0)
		return end(judge, SW_RCODE_FORMERR, "s3.2: a prerequisite with data");
	int error = sw_update_site(&judge->sites, record->owner, &site);
	if (error)
		return error;
	if (rr->class == SW_CLASS_IN)
		return prerequisite_value(judge, record, site);
	bool has = site_has(site, record->type), is_any = record->type == SW_TYPE_ANY;
	if (rr->class == SW_CLASS_ANY && !has)
		return is_any ? end(judge, SW_RCODE_NXDOMAIN, "s3.2.1: the name is not in use")
			      : end(judge, SW_RCODE_NXRRSET, "s3.2.1: the RRset is not there");
	if (rr->class == SW_CLASS_NONE && has)
		return is_any ? end(judge, SW_RCODE_YXDOMAIN, "s3.2.2: the name is in use")
			      : end(judge, SW_RCODE_YXRRSET, "s3.2.2: the RRset is there");
	return 0;
}

/** s3.2.3: the RRset is as told, no record more. */
static int prerequisite_whole(
	struct judge *judge, const struct sw_update_rr *rr, const struct sw_update_rr *before)
{
	struct sw_update_site *site;
	if (rr->class != SW_CLASS_IN ||
		(before && before->class == SW_CLASS_IN && before->record.type == rr->record.type &&
			sw_name_equal(before->record.owner, rr->record.owner)))
		return 0; /* looked at already */
	int error = sw_update_site(&judge->sites, rr->record.owner, &site);
	for (size_t i = 0; !error && i < site->count; i++) {
		if (site->items[i].type == rr->record.type && !site->items[i].is_wanted)
			return end(judge, SW_RCODE_NXRRSET, "s3.2.3: the RRset has more records");
	}
	return error;
}

static int prerequisites(struct judge *judge)
{
	const struct sw_update_rr *rrs = judge->message.rrs;
	int result = 0;
	for (size_t i = 0; !result && i < judge->message.prerequisites; i++)
		result = prerequisite(judge, &rrs[i]);
	for (size_t i = 0; !result && i < judge->message.prerequisites; i++)
		result = prerequisite_whole(judge, &rrs[i], i ? &rrs[i - 1] : NULL);
	return result;
}

/* ---- rights and prescan (s3.3, s3.4.1) ---- */

static bool is_signers(uint16_t type)
{
	return type == SW_TYPE_RRSIG || type == SW_TYPE_NSEC || type == SW_TYPE_NSEC3 ||
	       type == SW_TYPE_NSEC3PARAM;
}

static int right(struct judge *judge, const struct sw_update_rr *rr)
{
	const struct sw_update_rules *rules = judge->rules;
	if (rules->is_signed && is_signers(rr->record.type))
		return end(judge, SW_RCODE_REFUSED, "signatures and denials of this zone are made here");
	if (rules->may && !rules->may(rules->arg, rr->record.owner, rr->record.type))
		return end(judge, SW_RCODE_REFUSED, "s3.3: not let to change that");
	return 0;
}

static int prescan(struct judge *judge, const struct sw_update_rr *rr)
{
	const struct sw_record *record = &rr->record;
	if (!sw_name_in(record->owner, judge->message.apex))
		return end(judge, SW_RCODE_NOTZONE, "s3.4.1: a name outside of the zone");
	bool is_any = rr->class == SW_CLASS_ANY;
	if (!is_any && rr->class != SW_CLASS_NONE && rr->class != SW_CLASS_IN)
		return end(judge, SW_RCODE_FORMERR, "s3.4.1: another class");
	if (sw_type_is_meta(record->type) && !(is_any && record->type == SW_TYPE_ANY))
		return end(judge, SW_RCODE_FORMERR, "s3.4.1: a type that is no data");
	if (rr->class != SW_CLASS_IN && record->ttl != 0)
		return end(judge, SW_RCODE_FORMERR, "s3.4.1: a deletion with a TTL");
	if (is_any && record->rdata_len != 0)
		return end(judge, SW_RCODE_FORMERR, "s3.4.1: deletion of an RRset with data");
	if (!is_any && !sw_rdata_is_valid(record->type, record->rdata, record->rdata_len))
		return end(judge, SW_RCODE_FORMERR, "s3.4.1: data that are not of their type");
	return 0;
}

/* ---- the update section (s3.4.2) ---- */

static bool is_of_rrset(
	const struct sw_update_site *site, const struct sw_update_item *item, const struct sw_record *record)
{
	if (item->type != record->type)
		return false;
	/* RFC 4034 s3: RRSIGs make RRsets by the type they cover, and have its TTL */
	return item->type != SW_TYPE_RRSIG || item->rdata_len < 2 || record->rdata_len < 2 ||
	       memcmp(site->bytes + item->rdata, record->rdata, 2) == 0;
}

/** Whether a record takes the place of another with other data: s3.4.2.2 on SOA, WKS and CNAME; RFC 6672 s2.4
 * on DNAME. */
static bool replaces(
	const struct sw_update_site *site, const struct sw_update_item *item, const struct sw_record *record)
{
	enum { WKS = 11, WKS_ADDRESS_AND_PROTOCOL = 5 };
	if (item->type != record->type)
		return false;
	if (item->type == WKS)
		return item->rdata_len >= WKS_ADDRESS_AND_PROTOCOL &&
		       record->rdata_len >= WKS_ADDRESS_AND_PROTOCOL &&
		       memcmp(site->bytes + item->rdata, record->rdata, WKS_ADDRESS_AND_PROTOCOL) == 0;
	return item->type == SW_TYPE_SOA || item->type == SW_TYPE_CNAME || item->type == SW_TYPE_DNAME;
}

/** RFC 4035 s2.5, RFC 2181 s10.1: what a name may have beside a CNAME. */
static bool may_be_beside_cname(uint16_t type)
{
	return type == SW_TYPE_RRSIG || type == SW_TYPE_NSEC || type == SW_TYPE_SIG ||
	       type == KNOT_RRTYPE_KEY || type == KNOT_RRTYPE_NXT;
}

/** s3.4.2.2: a CNAME beside other records is ignored, and they beside it. */
static bool cname_forbids(const struct sw_update_site *site, uint16_t type)
{
	if (may_be_beside_cname(type))
		return false;
	for (size_t i = 0; i < site->count; i++) {
		const struct sw_update_item *item = &site->items[i];
		if (item->is && !may_be_beside_cname(item->type) &&
			(item->type == SW_TYPE_CNAME) != (type == SW_TYPE_CNAME))
			return true;
	}
	return false;
}

static struct sw_record record_of(const struct sw_update_site *site, const struct sw_update_item *item)
{
	return (struct sw_record){.owner = site->owner,
		.type = item->type,
		.rdata_len = item->rdata_len,
		.ttl = item->ttl,
		.rdata = site->bytes + item->rdata};
}

/** The SOA that is there now, or was before the update. */
static const struct sw_update_item *soa_of(const struct sw_update_site *site, bool is_old)
{
	for (size_t i = 0; i < site->count; i++) {
		const struct sw_update_item *item = &site->items[i];
		if (item->type == SW_TYPE_SOA && (is_old ? item->was : item->is))
			return item;
	}
	return NULL;
}

static uint32_t serial_of(const struct sw_update_site *site, const struct sw_update_item *item)
{
	struct sw_record soa = record_of(site, item);
	return sw_soa_serial(&soa);
}

/** s3.4.2.2: ignored unless it is the zone's, and newer. Newer than what there was before the update, too:
 * two steps of less than 2^31 can lead back behind it (RFC 1982 s3.2), and secondaries would never follow. */
static bool soa_is_newer(
	const struct judge *judge, const struct sw_update_site *site, const struct sw_record *soa)
{
	const struct sw_update_item *item = soa_of(site, false), *old = soa_of(site, true);
	if (!is_at_apex(judge, soa) || !item || !old)
		return false;
	uint32_t serial = sw_soa_serial(soa);
	return sw_serial_is_newer(serial, serial_of(site, item)) &&
	       sw_serial_is_newer(serial, serial_of(site, old));
}

static int add(struct judge *judge, struct sw_record record, struct sw_update_site *site)
{
	struct sw_update_item *same;
	if (record.ttl > INT32_MAX)
		record.ttl = 0; /* RFC 2181 s8 */
	if (cname_forbids(site, record.type) ||
		(record.type == SW_TYPE_SOA && !soa_is_newer(judge, site, &record)))
		return 0;
	for (size_t i = 0; i < site->count; i++) {
		if (replaces(site, &site->items[i], &record))
			site->items[i].is = false;
	}
	int error = sw_update_item_find(site, &record, &same);
	if (!error && same)
		same->is = true;
	else if (!error)
		error = sw_update_item_add(site, &record, false);
	/* RFC 2181 s5.2: the TTLs of an RRset are one; the last that is told */
	for (size_t i = 0; i < site->count; i++) {
		if (is_of_rrset(site, &site->items[i], &record))
			site->items[i].ttl = record.ttl;
	}
	return error;
}

/** s3.4.2.3: RRsets, all or one; of the apex SOA and NS stay. */
static void delete_rrsets(struct judge *judge, const struct sw_record *record, struct sw_update_site *site)
{
	bool is_apex = is_at_apex(judge, record), is_all = record->type == SW_TYPE_ANY;
	for (size_t i = 0; i < site->count; i++) {
		struct sw_update_item *item = &site->items[i];
		bool stays = is_apex && (item->type == SW_TYPE_SOA || item->type == SW_TYPE_NS);
		stays = stays || (is_all && judge->rules->is_signed && is_signers(item->type));
		if (!stays && (is_all || item->type == record->type))
			item->is = false;
	}
}

/** s3.4.2.4: one record; of the apex SOA and the last NS stay. */
static int delete_one(struct judge *judge, const struct sw_record *record, struct sw_update_site *site)
{
	struct sw_update_item *item;
	int error = sw_update_item_find(site, record, &item);
	if (error || !item || !item->is)
		return error;
	if (is_at_apex(judge, record)) {
		size_t left = 0;
		for (size_t i = 0; i < site->count; i++)
			left += site->items[i].is && site->items[i].type == SW_TYPE_NS;
		if (record->type == SW_TYPE_SOA || (record->type == SW_TYPE_NS && left == 1))
			return 0;
	}
	item->is = false;
	return 0;
}

static int apply(struct judge *judge, const struct sw_update_rr *rr)
{
	struct sw_update_site *site;
	int error = sw_update_site(&judge->sites, rr->record.owner, &site);
	if (error)
		return error;
	if (rr->class == SW_CLASS_IN)
		return add(judge, rr->record, site);
	if (rr->class == SW_CLASS_NONE)
		return delete_one(judge, &rr->record, site);
	delete_rrsets(judge, &rr->record, site);
	return 0;
}

/* ---- what came of it ---- */

static int name_add(struct sw_update_names *names, const uint8_t *name)
{
	size_t len = sw_name_len(name);
	if (names->size - names->used < len) {
		size_t size = 2 * names->size + SW_NAME_MAX;
		uint8_t *bytes = realloc(names->bytes, size);
		if (!bytes)
			return -ENOMEM;
		names->bytes = bytes;
		names->size = size;
	}
	memcpy(names->bytes + names->used, name, len);
	names->used += len;
	names->count++;
	return 0;
}

static int item_tell(
	struct sw_delta *delta, const struct sw_update_site *site, const struct sw_update_item *item)
{
	struct sw_record record = record_of(site, item);
	bool is_other = item->was && item->is && item->ttl != item->old_ttl;
	int error = 0;
	if ((item->is && !item->was) || is_other)
		error = sw_records_add(&delta->added, &record);
	record.ttl = item->old_ttl;
	if (!error && ((item->was && !item->is) || is_other))
		error = sw_records_add(&delta->removed, &record);
	return error;
}

static int site_tell(struct judge *judge, const struct sw_update_site *site)
{
	struct sw_delta *delta = &judge->result->delta;
	size_t before = delta->added.count + delta->removed.count;
	bool is_apex = sw_name_equal(site->owner, judge->message.apex);
	int error = 0;
	for (size_t i = 0; !error && i < site->count; i++) {
		if (!is_apex || site->items[i].type != SW_TYPE_SOA)
			error = item_tell(delta, site, &site->items[i]);
	}
	if (!error && !is_apex && delta->added.count + delta->removed.count > before)
		error = name_add(&judge->result->names, site->owner);
	return error;
}

/** The SOA records of the change. s3.6: where the update brought none, the serial goes up by one. */
static int soa_tell(struct judge *judge)
{
	struct sw_delta *delta = &judge->result->delta;
	struct sw_update_site *apex;
	int error = sw_update_site(&judge->sites, judge->message.apex, &apex);
	if (error)
		return error;
	const struct sw_update_item *old = soa_of(apex, true), *new = soa_of(apex, false);
	if (!old || !new)
		return -EBADMSG; /* a zone without SOA is not kept */
	if (old == new && delta->added.count + delta->removed.count == 0)
		return 0;
	struct sw_record old_soa = record_of(apex, old), new_soa = record_of(apex, new);
	uint8_t rdata[2 * SW_NAME_MAX + 20];
	old_soa.ttl = old->old_ttl;
	delta->from = sw_soa_serial(&old_soa);
	delta->to = old == new ? delta->from + 1 : sw_soa_serial(&new_soa);
	memcpy(rdata, new_soa.rdata, new_soa.rdata_len);
	sw_soa_set_serial(rdata, new_soa.rdata_len, delta->to);
	new_soa.rdata = rdata;
	error = sw_records_add(&delta->old_soa, &old_soa);
	if (!error)
		error = sw_records_add(&delta->new_soa, &new_soa);
	if (!error)
		error = name_add(&judge->result->names, judge->message.apex);
	judge->result->is_change = !error;
	return error;
}

static int tell(struct judge *judge)
{
	int error = 0;
	for (size_t i = 0; !error && i < judge->sites.count; i++)
		error = site_tell(judge, judge->sites.order[i]);
	return error ? error : soa_tell(judge);
}

static int judge_all(struct judge *judge)
{
	const struct sw_update_rr *updates = judge->message.rrs + judge->message.prerequisites;
	size_t count = judge->message.updates;
	int result = prerequisites(judge);
	for (size_t i = 0; !result && i < count; i++)
		result = right(judge, &updates[i]);
	for (size_t i = 0; !result && i < count; i++)
		result = prescan(judge, &updates[i]);
	for (size_t i = 0; !result && i < count; i++)
		result = apply(judge, &updates[i]);
	return result ? result : tell(judge);
}

int sw_update_judge(struct sw_snapshot *snapshot, const uint8_t *message, size_t len,
	const struct sw_update_rules *rules, struct sw_update_result *result)
{
	struct judge judge = {.rules = rules, .result = result};
	struct sw_archive_zone zone;
	result->why = "";
	int outcome = sw_update_parse(&judge.message, message, len, &result->why);
	if (!outcome) {
		outcome = sw_snapshot_zone(snapshot, judge.message.apex, &zone);
		if (outcome == -ENOENT)
			outcome = end(&judge, SW_RCODE_NOTAUTH, "s3.1.2: the zone is not here");
	}
	if (!outcome)
		outcome = sw_update_sites_start(&judge.sites, snapshot, judge.message.apex,
			judge.message.prerequisites + judge.message.updates + 1);
	if (!outcome)
		outcome = judge_all(&judge);
	sw_update_sites_free(&judge.sites);
	sw_update_message_free(&judge.message);
	if (outcome != 0) {
		sw_delta_free(&result->delta);
		result->delta = (struct sw_delta){0};
	}
	result->rcode = (uint16_t)(outcome > 0 ? outcome : 0);
	return outcome < 0 ? outcome : 0;
}

void sw_update_result_free(struct sw_update_result *result)
{
	sw_delta_free(&result->delta);
	free(result->names.bytes);
	*result = (struct sw_update_result){0};
}

const uint8_t *sw_update_names_next(const struct sw_update_names *names, size_t *at)
{
	if (*at >= names->used)
		return NULL;
	const uint8_t *name = names->bytes + *at;
	*at += sw_name_len(name);
	return name;
}
