/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Versions of signed zones, from a change or whole, into the archive. */
#include "serve/keep_sign.h"
#include "zone/diff.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TRANSFER_MAX 20000   /* records of changes from a primary that are signed while all else waits */
#define SOA_NUMBERS_BYTES 20 /* RFC 1035 s3.3.13: behind two names */

uint32_t sw_keep_sign_chain(const struct sw_dnssec_policy *policy)
{
	return (policy->sign.is_nsec3 ? 1u : 0u) | (policy->sign.is_opt_out ? 2u : 0u);
}

void sw_keep_sign_job(
	struct sw_signing *signing, const struct sw_dnssec_policy *policy, struct sw_sign_job *job)
{
	*job = (struct sw_sign_job){.keys = &signing->keys,
		.plan = &signing->plan,
		.policy = &policy->sign,
		.now_s = (uint32_t)sw_keep_now_s()};
	(void)!getrandom(&job->seed, sizeof(job->seed), 0); /* only spreads the work */
}

/** A SOA with another serial. @return 0 or -ENOMEM */
static int soa_add(struct sw_records *records, struct sw_record soa, uint32_t serial)
{
	uint8_t rdata[2 * SW_NAME_MAX + SOA_NUMBERS_BYTES];
	if (soa.rdata_len > sizeof(rdata) || soa.rdata_len < SOA_NUMBERS_BYTES)
		return -EINVAL;
	memcpy(rdata, soa.rdata, soa.rdata_len);
	sw_soa_set_serial(rdata, soa.rdata_len, serial);
	soa.rdata = rdata;
	return sw_records_add(records, &soa);
}

bool sw_keep_source_soa(struct sw_keep *keep, const uint8_t *apex, struct sw_records *soa)
{
	struct sw_archive_source source;
	struct sw_records kept = {0};
	struct sw_record record;
	size_t at = 0;
	if (sw_snapshot_source(sw_keep_own(keep), apex, &source) != 0)
		return sw_keep_soa(keep, apex, soa);
	bool is_there = sw_keep_soa(keep, apex, &kept) && sw_records_next(&kept, &at, &record) &&
			soa_add(soa, record, source.serial) == 0;
	sw_records_free(&kept);
	return is_there;
}

/** Note what the archive has of the zone now. */
static int source_set(struct sw_keep *keep, struct sw_signing *signing, const struct sw_dnssec_policy *policy,
	uint32_t serial)
{
	struct sw_archive_source source = {.serial = serial,
		.chain = sw_keep_sign_chain(policy),
		.ds_gone_s = policy->is_leaving ? signing->source.ds_gone_s : 0};
	int err = sw_archive_set_source(keep->archive, signing->apex, &source);
	if (err != 0)
		return err;
	pthread_mutex_lock(&keep->signs->lock);
	signing->source = source;
	signing->is_ours = true;
	pthread_mutex_unlock(&keep->signs->lock);
	return 0;
}

static void signed_until(struct sw_keep *keep, struct sw_signing *signing, uint32_t due_s)
{
	if (due_s != 0 && due_s < signing->renew_s)
		signing->renew_s = due_s;
	if (signing->renew_s < signing->due_s)
		sw_keep_sign_due(keep, signing, signing->renew_s);
}

/* ---- a version that is signed already ---- */

static int put(struct sw_keep *keep, const struct sw_zone_setting *setting, const struct sw_signing *signing,
	const struct sw_contents *made, struct sw_signed_version *version)
{
	uint64_t journal = setting->policy->journal_bytes_max;
	int diff = -E2BIG; /* where nothing was signed, all of it is new */
	if (signing->is_ours)
		diff = sw_delta_diff(
			sw_keep_own(keep), made, journal ? journal : SW_JOURNAL_BYTES, &version->delta);
	if (diff == 0)
		return 0;
	if (diff == 1 && sw_serial_is_newer(version->delta.to, version->delta.from))
		return sw_keep_changes(keep, setting, &version->delta, 1);
	if (diff < 0 && diff != -ENOENT && diff != -E2BIG && diff != -EBADMSG)
		return diff;
	version->is_whole = true;
	return sw_keep_replace(keep, made);
}

int sw_keep_sign_put(struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_signing *signing,
	const struct sw_contents *made, uint32_t source_serial, struct sw_signed_version *version)
{
	int err = sw_keep_mark(keep);
	if (err != 0)
		return err;
	err = put(keep, setting, signing, made, version);
	if (err == 0)
		err = source_set(keep, signing, sw_keep_dnssec(setting), source_serial);
	return sw_keep_unmark(keep, err);
}

int sw_keep_sign_now(struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_signing *signing,
	const struct sw_contents *plain, struct sw_contents **made)
{
	const struct sw_dnssec_policy *policy = sw_keep_dnssec(setting);
	const struct sw_hash_key *key = sw_store_key(keep->store);
	const struct sw_rr *rr = sw_contents_find_rr(plain, sw_contents_node(plain, 0), SW_TYPE_SOA);
	struct sw_contents *former = NULL;
	struct sw_sign_result result;
	struct sw_records soa = {0};
	struct sw_record record;
	struct sw_archive_zone kept;
	struct sw_sign_job job;
	size_t at = 0;
	if (rr == NULL)
		return -EINVAL;
	record = (struct sw_record){.owner = signing->apex,
		.type = SW_TYPE_SOA,
		.ttl = rr->ttl,
		.rdata = rr->rdata,
		.rdata_len = rr->rdata_len};
	uint32_t serial = sw_soa_serial(&record);
	if (sw_snapshot_zone(sw_keep_own(keep), signing->apex, &kept) == 0) {
		serial = sw_keep_sign_serial(kept.serial, serial);
		(void)sw_snapshot_load(sw_keep_own(keep), signing->apex, key, &former); /* or all is new */
	}
	sw_keep_sign_job(signing, policy, &job);
	int err = soa_add(&soa, record, serial);
	if (err == 0)
		err = sw_records_next(&soa, &at, &record)
			      ? sw_sign_zone(&job, plain, &record, former, key, made, &result)
			      : -EINVAL;
	if (err == 0) {
		signing->renew_s = result.due_s;
		uint32_t ttl_s = sw_sign_ttl_max(*made);
		signing->ttl_max_s = ttl_s > signing->ttl_max_s ? ttl_s : signing->ttl_max_s;
	}
	sw_contents_free(former);
	sw_records_free(&soa);
	return err;
}

/* ---- changes ---- */

/** The change as it is to what is kept: with its SOA, and a newer one. */
static int change_rebase(struct sw_keep *keep, const struct sw_signing *signing,
	const struct sw_delta *change, struct sw_delta *rebased)
{
	struct sw_record soa, old;
	size_t at = 0, old_at = 0;
	*rebased = (struct sw_delta){.removed = change->removed, .added = change->added};
	if (!sw_records_next(&change->new_soa, &at, &soa) ||
		!sw_keep_soa(keep, signing->apex, &rebased->old_soa) ||
		!sw_records_next(&rebased->old_soa, &old_at, &old))
		return -EINVAL;
	rebased->from = sw_soa_serial(&old);
	rebased->to = sw_keep_sign_serial(rebased->from, change->to);
	return soa_add(&rebased->new_soa, soa, rebased->to);
}

static uint32_t ttl_max(const struct sw_delta *change, uint32_t ttl_s)
{
	struct sw_record record;
	for (size_t at = 0; sw_records_next(&change->added, &at, &record);)
		ttl_s = record.ttl > ttl_s ? record.ttl : ttl_s;
	return ttl_s;
}

/** Nothing but a new SOA, and that one only for its serial. */
static bool is_nothing(const struct sw_delta *delta)
{
	struct sw_record record;
	for (size_t at = 0; sw_records_next(&delta->added, &at, &record);) {
		if (record.type != SW_TYPE_RRSIG || record.rdata_len < 2 || record.rdata[0] != 0 ||
			record.rdata[1] != SW_TYPE_SOA)
			return false;
	}
	for (size_t at = 0; sw_records_next(&delta->removed, &at, &record);) {
		if (record.type != SW_TYPE_RRSIG)
			return false;
	}
	return true;
}

/** The change, where signing it alone does not do: another negative TTL. The archive applies it, for a
 * moment, and gives the whole. */
static int change_by_whole(struct sw_keep *keep, const struct sw_zone_setting *setting,
	struct sw_signing *signing, const struct sw_delta *rebased, uint32_t source_serial,
	struct sw_signed_version *version)
{
	struct sw_contents *plain = NULL, *made = NULL;
	int err = sw_keep_mark(keep);
	if (err != 0)
		return err;
	err = sw_archive_change(keep->archive, signing->apex, rebased);
	if (err == 0)
		err = sw_snapshot_load(sw_keep_own(keep), signing->apex, sw_store_key(keep->store), &plain);
	int undone = sw_archive_unmark(keep->archive, true);
	if (err == 0)
		err = undone;
	if (err == 0)
		err = sw_keep_sign_now(keep, setting, signing, plain, &made);
	if (err == 0)
		err = sw_keep_sign_put(keep, setting, signing, made, source_serial, version);
	sw_contents_free(plain);
	sw_contents_free(made);
	return err;
}

static int delta_write(struct sw_keep *keep, const struct sw_zone_setting *setting,
	struct sw_signing *signing, const struct sw_delta *delta, uint32_t source_serial)
{
	int err = sw_keep_mark(keep);
	if (err != 0)
		return err;
	/* a file that says the same in another way (TTLs of a set that differ) is no new version */
	if (!(source_serial == signing->source.serial && is_nothing(delta)))
		err = sw_keep_changes(keep, setting, delta, 1);
	if (err == 0)
		err = source_set(keep, signing, sw_keep_dnssec(setting), source_serial);
	return sw_keep_unmark(keep, err);
}

int sw_keep_sign_change(struct sw_keep *keep, const struct sw_zone_setting *setting,
	struct sw_signing *signing, const struct sw_delta *change, uint32_t source_serial, bool may_be_whole,
	struct sw_signed_version *version)
{
	struct sw_sign_archived archived = {sw_keep_own(keep), signing->apex};
	struct sw_sign_source source = sw_sign_source_of(&archived);
	struct sw_sign_result result;
	struct sw_sign_job job;
	struct sw_delta rebased;
	sw_keep_sign_job(signing, sw_keep_dnssec(setting), &job);
	int err = change_rebase(keep, signing, change, &rebased);
	if (err == 0 && signing->source.chain != sw_keep_sign_chain(sw_keep_dnssec(setting)))
		err = -ESTALE; /* links of one kind in a chain of the other */
	if (err == 0)
		err = sw_sign_delta(&job, signing->apex, &source, &rebased, &version->delta, &result);
	if (err == 0) {
		err = delta_write(keep, setting, signing, &version->delta, source_serial);
		signing->ttl_max_s = ttl_max(&version->delta, signing->ttl_max_s);
		signed_until(keep, signing, result.due_s);
	} else if (may_be_whole && err == -ESTALE) {
		err = change_by_whole(keep, setting, signing, &rebased, source_serial, version);
	}
	sw_records_free(&rebased.old_soa);
	sw_records_free(&rebased.new_soa);
	return err;
}

/** All of them or none. */
static int transfer_write(struct sw_keep *keep, const struct sw_zone_setting *setting,
	struct sw_signing *signing, const struct sw_delivery *delivery, struct sw_signed_version *versions)
{
	struct sw_archive_zone kept;
	int err = sw_snapshot_zone(sw_keep_own(keep), signing->apex, &kept);
	/* a big zone comes whole instead, and is signed by a thread of its own */
	bool may_be_whole = err == 0 && kept.records <= SW_SIGN_AT_ONCE_MAX;
	if (err == 0 && delivery->records > TRANSFER_MAX)
		err = -E2BIG;
	for (size_t i = 0; err == 0 && i < delivery->delta_count; i++) {
		const struct sw_delta *change = &delivery->deltas[i];
		err = change->from == signing->source.serial
			      ? sw_keep_sign_change(keep, setting, signing, change, change->to, may_be_whole,
					&versions[i])
			      : -ESTALE;
	}
	return err;
}

int sw_keep_sign_transfer(struct sw_keep *keep, const struct sw_zone_setting *setting,
	struct sw_signing *signing, struct sw_delivery *delivery, bool *is_whole)
{
	struct sw_archive_source before = signing->source;
	struct sw_signed_version *versions = calloc(delivery->delta_count + 1, sizeof(*versions));
	int err = versions ? sw_keep_mark(keep) : -ENOMEM;
	if (err == 0)
		err = sw_keep_unmark(keep, transfer_write(keep, setting, signing, delivery, versions));
	if (err != 0)
		signing->source = before;
	*is_whole = false;
	for (size_t i = 0; versions != NULL && i < delivery->delta_count; i++) {
		sw_delta_free(&delivery->deltas[i]);
		delivery->deltas[i] = versions[i].delta;
		*is_whole |= versions[i].is_whole;
	}
	free(versions);
	return err;
}
