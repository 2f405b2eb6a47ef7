/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/clock.h"
#include "serve/keep_sign.h"
#include "zone/update.h"

#define UPDATES_BATCH 128 /* in one transaction */
#define UPDATE_REPLY_MAX 2048

/** One that has been judged; its change is in the transaction, and in nobody's answers yet. */
struct judged {
	struct sw_update_request *request;
	struct sw_update_result result;
	uint8_t apex[SW_NAME_MAX];
	uint16_t rcode;
	bool is_forwarded; /* its zone is a primary's, or has to wait: no longer ours */
	bool is_whole;	   /* it has replaced the zone */
	bool is_frozen;
};

struct rights {
	const struct sw_zone_setting *setting;
	const struct sw_update_request *request;
};

static bool may_update(void *arg, const uint8_t *name, uint16_t type)
{
	const struct rights *rights = arg;
	return sw_access_lets(&rights->setting->policy->update_by, &rights->request->peer, name, type);
}

/** Its change becomes that of the signed zone, and is written. */
static int update_sign(struct sw_keep *keep, const struct sw_zone_setting *setting,
	struct sw_signing *signing, struct judged *judged)
{
	struct sw_signed_version version = {0};
	struct sw_delta *delta = &judged->result.delta;
	int err = sw_keep_sign_change(keep, setting, signing, delta, delta->to, true, &version);
	if (err == 0) {
		sw_delta_free(delta);
		*delta = version.delta;
		judged->is_whole = version.is_whole;
	} else {
		sw_delta_free(&version.delta);
	}
	return err;
}

/** Judge it, and write its change. @return RCODE */
static uint16_t update_write(
	struct sw_keep *keep, const struct sw_zone_setting *setting, struct judged *judged)
{
	struct rights rights = {setting, judged->request};
	struct sw_signing *signing = sw_keep_signing(keep, setting->apex);
	const struct sw_update_rules rules = {
		.may = may_update, .arg = &rights, .is_signed = signing != NULL && signing->is_ours};
	int err = sw_update_judge(
		sw_keep_own(keep), judged->request->message, judged->request->len, &rules, &judged->result);
	if (err == 0 && judged->result.rcode == 0 && judged->result.is_change && signing != NULL &&
		signing->is_ours)
		err = update_sign(keep, setting, signing, judged);
	else if (err == 0 && judged->result.rcode == 0 && judged->result.is_change)
		err = sw_keep_changes(keep, setting, &judged->result.delta, 1);
	return err ? SW_RCODE_SERVFAIL : judged->result.rcode;
}

static void update_judge(struct sw_keep *keep, struct judged *judged)
{
	judged->rcode = sw_update_apex(judged->request->message, judged->request->len, judged->apex);
	if (judged->rcode != 0)
		return;
	const struct sw_zone_setting *setting = sw_keep_setting(keep, judged->apex);
	if (sw_zones_is_frozen(keep->zones, judged->apex)) {
		judged->rcode = SW_RCODE_REFUSED;
		judged->is_frozen = true;
		return;
	}
	struct sw_signing *signing = sw_keep_signing(keep, judged->apex);
	bool is_busy = signing != NULL && sw_keep_sign_is_busy(signing);
	judged->is_forwarded = setting != NULL && (setting->policy->forwards_updates || is_busy);
	if (setting != NULL && is_busy && !setting->policy->forwards_updates)
		sw_keep_sign_hold(signing, judged->request);
	else if (judged->is_forwarded)
		sw_secondary_forward(keep->secondary, judged->apex, judged->request);
	else if (setting == NULL || setting->policy->primary_count > 0)
		judged->rcode = SW_RCODE_NOTAUTH;
	else if (sw_now_ns() > judged->request->due_ns || sw_keep_begin(keep) != 0)
		judged->rcode = SW_RCODE_SERVFAIL;
	else
		judged->rcode = update_write(keep, setting, judged);
}

/** Prerequisites that are not met are no refusals: clients ask by them (RFC 2136 s5.7). */
static bool is_refusal(uint16_t rcode)
{
	return rcode != 0 && (rcode < SW_RCODE_YXDOMAIN || rcode > SW_RCODE_NXRRSET) &&
	       rcode != SW_RCODE_NXDOMAIN;
}

static void update_tell(struct sw_keep *keep, const struct judged *judged)
{
	const char *why = judged->result.why;
	const struct sw_refusal refusal = {
		.kind = SW_REQUEST_UPDATE,
		.why = judged->is_frozen		    ? SW_REFUSED_FROZEN
		       : judged->rcode == SW_RCODE_REFUSED  ? SW_REFUSED_NO_RIGHT
		       : judged->rcode == SW_RCODE_SERVFAIL ? SW_REFUSED_FAILED
							    : SW_REFUSED_MALFORMED,
		.detail = judged->rcode == judged->result.rcode && why && why[0] ? why : NULL,
		.zone = judged->apex,
		.is_here = sw_keep_setting(keep, judged->apex) != NULL,
		.key_name = judged->request->peer.key ? judged->request->peer.key->name : NULL,
		.peer = &judged->request->peer,
		.is_stream = judged->request->is_stream,
	};
	if (is_refusal(judged->rcode))
		sw_requests_log_refused(sw_live_log(keep->live), &refusal, sw_now_ns());
}

static void update_answer(struct sw_counts *counts, struct judged *judged)
{
	uint8_t reply[UPDATE_REPLY_MAX];
	struct sw_update_request *request = judged->request;
	sw_count(judged->rcode ? &counts->updates.refused : &counts->updates.taken, 1);
	size_t len = sw_update_reply(request->message, request->len, judged->rcode, reply,
		sizeof(reply) - SW_TSIG_ROOM - SW_NAME_MAX);
	if (sw_tsig_sign_reply(&request->tsig, reply, &len, sizeof(reply), (uint64_t)sw_keep_now_s()) != 0)
		len = 0;
	request->done(request, reply, len);
}

/** Serve the changes of a batch, zone by zone. */
static void updates_serve(struct sw_keep *keep, struct judged *batch, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct sw_delta deltas[UPDATES_BATCH];
		unsigned same = 0;
		bool is_whole = false;
		for (unsigned j = i; j < count; j++) {
			if (batch[j].rcode != 0 || !batch[j].result.is_change ||
				!sw_name_equal(batch[j].apex, batch[i].apex))
				continue;
			deltas[same++] = batch[j].result.delta;
			is_whole |= batch[j].is_whole;
			batch[j].result.is_change = false;
		}
		if (same == 0)
			continue;
		if (is_whole)
			sw_keep_serve_whole(keep, batch[i].apex);
		else
			sw_keep_serve(keep, batch[i].apex, deltas, same);
		sw_keep_tell(keep, batch[i].apex);
	}
}

/** A batch: one transaction, one sync, then served, then acknowledged. */
static void batch_take(struct sw_keep *keep, struct judged *batch, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		update_judge(keep, &batch[i]);
	if (sw_keep_settle(keep) != 0) {
		for (unsigned i = 0; i < count; i++)
			batch[i].rcode = batch[i].rcode ? batch[i].rcode : SW_RCODE_SERVFAIL;
	}
	updates_serve(keep, batch, count);
	struct sw_counts *counts = sw_live_counts(keep->live);
	for (unsigned i = 0; i < count; i++) {
		if (!batch[i].is_forwarded) {
			update_tell(keep, &batch[i]);
			update_answer(counts, &batch[i]);
		} else {
			sw_count(&counts->updates.forwarded, 1);
		}
		sw_update_result_free(&batch[i].result);
	}
}

void sw_keep_take_updates(struct sw_keep *keep)
{
	sw_keep_take_requests(keep, sw_live_updates_take(keep->live));
}

void sw_keep_take_requests(struct sw_keep *keep, struct sw_update_request *next)
{
	while (next != NULL) {
		struct judged batch[UPDATES_BATCH] = {0};
		unsigned count = 0;
		for (; next != NULL && count < UPDATES_BATCH; next = next->next)
			batch[count++].request = next;
		batch_take(keep, batch, count);
	}
}
