/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Zones of any contents, compiled into the image, and asked for the names in them and their neighbours: the
 * replies are those that a slow model works out from the records. */
#include "exchange.h"
#include "image/store.h"
#include "zone/check.h"
#include "zonegen.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu.h>

#define NAMES_MAX 12
#define NOW_S 1767225600

static struct model model;
static struct sw_worker *worker;

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void finding_print(void *arg, const struct sw_finding *finding)
{
	char text[1024];
	if (finding->severity == SW_ERROR && sw_finding_text(finding, text, sizeof(text)) > 0)
		fprintf(stderr, "%s\n", text);
	(void)arg;
}

/** The records, for whoever has to understand a failure. */
static void model_print(void)
{
	char text[SW_NAME_TEXT_MAX];
	for (unsigned i = 0; i < model.records; i++) {
		const struct model_record *at = &model.record[i];
		fprintf(stderr, "zone %u: %s %u TYPE%u \\# %u ", at->zone, sw_name_text(at->owner, text),
			at->ttl, at->type, at->rdata_len);
		for (unsigned k = 0; k < at->rdata_len && k < 64; k++)
			fprintf(stderr, "%02x", at->rdata[k]);
		fputc('\n', stderr);
	}
}

/* ---- the zones served ---- */

/** @return 0, or what loading says of zones that cannot be served */
static int zone_put(struct sw_store *store, unsigned zone)
{
	struct sw_findings findings = {.emit = finding_print};
	struct sw_contents *contents = sw_contents_new(model.apex[zone], sw_store_key(store));
	require(contents, "no contents");
	for (unsigned i = 0; i < model.records; i++) {
		const struct model_record *record = &model.record[i];
		if (record->zone == zone)
			require(sw_contents_add(contents, record->owner, record->type, record->ttl,
					record->rdata, record->rdata_len, 0, i) == 0,
				"a record is not taken");
	}
	require(sw_contents_finish(contents) == 0, "contents do not end");
	int error = sw_zone_check(contents, NOW_S, &findings);
	require(error == 0 || error == -EBADMSG, "checks fail");
	if (error == 0)
		error = sw_store_put(store, contents);
	sw_contents_free(contents);
	require(error == 0 || error == -EBADMSG || error == -E2BIG || error == -ERANGE, "compiling fails");
	return error;
}

/* ---- what the answer section holds ---- */

struct asked {
	struct exchange exchange;
	const struct reply *reply;
	bool has_do;
	uint16_t type;
	const uint8_t *has_dname; /* owner of the last DNAME of the answer */
	unsigned matched;	  /* records of the answer section accounted for */
};

static void check(const struct asked *asked, bool holds, const char *what)
{
	if (holds)
		return;
	exchange_fail(&asked->exchange, what);
}

static bool section_has(const struct reply *reply, uint8_t section, const uint8_t *owner, uint16_t type,
	uint32_t ttl, const uint8_t *rdata, size_t rdata_len)
{
	for (unsigned i = 0; i < reply->records; i++) {
		const struct record *at = &reply->record[i];
		if (at->section == section && at->type == type && at->class == 1 && at->ttl == ttl &&
			at->rdata_len == rdata_len && reply_rdata_equal(type, at->rdata, rdata, rdata_len) &&
			reply_name_equal(at->owner, owner))
			return true;
	}
	return false;
}

/** All records of an RRset are in a section, with the TTL of the first. @return how many */
static unsigned rrset_check(
	const struct asked *asked, uint8_t section, const struct model_record *first, const uint8_t *owner)
{
	unsigned count = 0;
	for (const struct model_record *at = first; at; at = model_next(&model, at), count++)
		check(asked,
			section_has(
				asked->reply, section, owner, at->type, first->ttl, at->rdata, at->rdata_len),
			"a record is missing");
	return count;
}

/** The signatures of an RRset that was asked for, or of a part of the answer. @return how many */
static unsigned signatures_check(
	const struct asked *asked, uint8_t section, const struct model_record *first, const uint8_t *owner)
{
	unsigned count = 0;
	const struct model_record *at = model_find(&model, first->zone, first->owner, TYPE_RRSIG);
	for (; at; at = model_next(&model, at)) {
		if ((at->rdata[0] << 8 | at->rdata[1]) != first->type)
			continue;
		check(asked,
			section_has(asked->reply, section, owner, TYPE_RRSIG, first->ttl, at->rdata,
				at->rdata_len),
			"a signature is missing");
		count++;
	}
	return count;
}

static void step_check(struct asked *asked, const struct model_step *step)
{
	uint16_t type = step->type;
	if (!step->source) {
		check(asked,
			section_has(asked->reply, ANSWER, step->owner, TYPE_CNAME, step->ttl, step->target,
				model_name_len(step->target)),
			"no CNAME for a DNAME");
		asked->matched++;
		return;
	}
	for (unsigned i = 0; step->type == TYPE_ANY && i < asked->reply->records; i++) { /* any one will do */
		const struct record *at = &asked->reply->record[i];
		if (at->section == ANSWER && at->type != TYPE_RRSIG &&
			reply_name_equal(at->owner, step->owner))
			type = at->type;
	}
	const struct model_record *first = model_find(&model, step->zone, step->source, type);
	check(asked, first, "a type that is not there");
	if (asked->has_dname == first->owner && reply_name_equal(step->owner, first->owner) &&
		type == TYPE_DNAME)
		return; /* it led back to itself, and stands there already */
	if (step->type == TYPE_DNAME)
		asked->has_dname = first->owner;
	asked->matched += rrset_check(asked, ANSWER, first, step->owner);
	if (asked->has_do)
		asked->matched += signatures_check(asked, ANSWER, first, step->owner);
}

/* ---- what the others hold ---- */

/** Glue of servers below the cut is not optional (RFC 9471 s2.1). */
static void referral_check(const struct asked *asked, const struct model_answer *answer)
{
	const struct model_record *ns = model_find(&model, answer->zone, answer->cut, TYPE_NS);
	const struct model_record *ds = model_find(&model, answer->zone, answer->cut, TYPE_DS);
	rrset_check(asked, AUTHORITY, ns, answer->cut_owner);
	if (ds && asked->has_do && answer->cut[1] != '*')
		rrset_check(asked, AUTHORITY, ds, answer->cut_owner);
	for (; ns && answer->cut[1] != '*'; ns = model_next(&model, ns)) {
		if (!model_name_in(ns->rdata, answer->cut))
			continue;
		const struct model_record *a = model_find(&model, answer->zone, ns->rdata, TYPE_A);
		const struct model_record *aaaa = model_find(&model, answer->zone, ns->rdata, TYPE_AAAA);
		if (a)
			rrset_check(asked, ADDITIONAL, a, ns->rdata);
		if (aaaa)
			rrset_check(asked, ADDITIONAL, aaaa, ns->rdata);
	}
}

/** SOA with the lesser of its TTL and its last field (RFC 2308 s3). */
static void negative_check(const struct asked *asked, const struct model_answer *answer)
{
	const uint8_t *apex = model.apex[answer->zone];
	const struct model_record *soa = model_find(&model, answer->zone, apex, TYPE_SOA);
	uint32_t ttl = soa->rdata[21] < soa->ttl ? soa->rdata[21] : soa->ttl;
	check(asked, section_has(asked->reply, AUTHORITY, apex, TYPE_SOA, ttl, soa->rdata, soa->rdata_len),
		"not the zone's SOA");
}

static const uint8_t rcodes[] = {
	[REFUSED] = 5, [ANSWERED] = 0, [NODATA] = 0, [NXDOMAIN] = 3, [REFERRAL] = 0, [YXDOMAIN] = 6};

static void answer_check(struct asked *asked, const struct model_answer *answer)
{
	const struct reply *reply = asked->reply;
	if (reply->rcode != rcodes[answer->kind])
		fprintf(stderr, "the model: kind %d of zone %u\n", answer->kind, answer->zone);
	check(asked, reply->rcode == rcodes[answer->kind], "another RCODE than the model");
	check(asked, !(reply->flags & 0x400) == !answer->is_authoritative, "AA unlike the model");
	for (unsigned i = 0; i < answer->steps; i++)
		if (!(answer->is_loop && i > 0 && asked->matched == reply->count[ANSWER]))
			step_check(asked, &answer->step[i]);
	check(asked, reply->count[ANSWER] == asked->matched, "more in the answer than the model has");
	if (answer->kind == REFERRAL)
		referral_check(asked, answer);
	else if (answer->kind == NODATA || answer->kind == NXDOMAIN)
		negative_check(asked, answer);
	else if (!asked->has_do)
		check(asked, reply->count[AUTHORITY] == 0, "authority beside an answer");
}

/* ---- asking ---- */

static size_t query_make(uint8_t *query, const uint8_t *name, uint16_t type, bool has_do)
{
	static const uint8_t opt[] = {0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0};
	const uint8_t head[] = {0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, has_do};
	size_t len = sizeof(head), name_len = model_name_len(name);
	memcpy(query, head, sizeof(head));
	memcpy(query + len, name, name_len);
	len += name_len;
	const uint8_t tail[] = {(uint8_t)(type >> 8), (uint8_t)type, 0, 1};
	memcpy(query + len, tail, sizeof(tail));
	len += sizeof(tail);
	if (has_do)
		memcpy(query + len, opt, sizeof(opt));
	return len + (has_do ? sizeof(opt) : 0);
}

/** One question, over a stream and over UDP. */
static void ask(const struct sw_image_view *view, const uint8_t *name, uint16_t type, bool has_do)
{
	static struct model_answer answer;
	uint8_t query[512];
	struct asked asked = {.has_do = has_do, .type = type};
	asked.exchange.query = query;
	asked.exchange.query_len = query_make(query, name, type, has_do);
	asked.exchange.is_stream = true;
	model_ask(&model, name, type, &answer);
	asked.reply = exchange_run(worker, view, &asked.exchange);
	bool is_judged = type != TYPE_RRSIG; /* RFC 4035 leaves open which signatures are given */
	if (is_judged && !(asked.reply->flags & 0x200))
		answer_check(&asked, &answer);
	asked.exchange.is_stream = false;
	asked.matched = 0;
	asked.has_dname = NULL;
	asked.reply = exchange_run(worker, view, &asked.exchange);
	if (is_judged && !(asked.reply->flags & 0x200))
		answer_check(&asked, &answer);
}

static void ask_types(const struct sw_image_view *view, const uint8_t *name, uint16_t own, unsigned turn)
{
	static const uint16_t types[] = {TYPE_DS, TYPE_NS, TYPE_ANY, TYPE_CNAME, TYPE_MX, TYPE_TXT, TYPE_NSEC,
		TYPE_DNAME, TYPE_SOA, TYPE_RRSIG, TYPE_NSEC3};
	ask(view, name, TYPE_A, turn & 1);
	ask(view, name, own, !(turn & 1));
	ask(view, name, types[turn % (sizeof(types) / sizeof(*types))], turn & 2);
}

/** A name, its parent, and names beside and below it. */
static void ask_around(const struct sw_image_view *view, const uint8_t *name, uint16_t own, unsigned turn)
{
	static const char beside[][2] = {{1, 'a'}, {1, '*'}, {1, 0}, {1, 'q'}};
	uint8_t other[MODEL_NAME_MAX];
	size_t len = model_name_len(name);
	ask_types(view, name, own, turn);
	if (len > 1)
		ask_types(view, name + 1 + *name, own, turn + 1);
	if (len + 2 > MODEL_NAME_MAX)
		return;
	memcpy(other, beside[turn & 3], 2);
	memcpy(other + 2, name, len);
	ask_types(view, other, own, turn + 2);
	if (*name && len - *name - 1 + 2 <= MODEL_NAME_MAX) {
		memcpy(other + 2, name + 1 + *name, len - *name - 1);
		ask_types(view, other, own, turn + 3);
	}
}

static void ask_all(const struct sw_image_view *view, struct dice *dice)
{
	uint8_t turn = dice_take(dice);
	unsigned step = model.records / NAMES_MAX + 1;
	for (unsigned i = 0; i < model.records; i += step) {
		const struct model_record *record = &model.record[i];
		ask_around(view, record->owner, record->type, turn + i);
		if (record->type == TYPE_CNAME || record->type == TYPE_DNAME || record->type == TYPE_NS)
			ask_around(view, record->rdata, TYPE_AAAA, turn + i);
	}
	for (unsigned i = 0; i < 4; i++) {
		uint8_t name[MODEL_NAME_MAX];
		zonegen_name(&model, dice, name);
		ask_types(view, name, TYPE_DS, turn + i);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dice dice = {data, size};
	struct sw_store *store;
	int error = 0;
	if (!worker) {
		rcu_register_thread();
		worker = sw_worker_new();
		exchange_explain = model_print;
	}
	require(worker && sw_store_new(&store, NULL) == 0, "no store");
	zonegen_make(&model, &dice);
	for (unsigned i = 0; i < model.zones && error == 0; i++)
		error = zone_put(store, i);
	rcu_read_lock();
	if (error == 0)
		ask_all(sw_store_view(store), &dice);
	rcu_read_unlock();
	sw_store_free(store);
	return 0;
}
