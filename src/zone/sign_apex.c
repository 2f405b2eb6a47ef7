/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a signer puts at the apex. */
#include "zone/sign_inside.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <string.h>

bool is_signers(uint16_t type, bool is_apex)
{
	switch (type) {
	case KNOT_RRTYPE_RRSIG:
	case KNOT_RRTYPE_NSEC:
	case KNOT_RRTYPE_NSEC3:
	case KNOT_RRTYPE_NSEC3PARAM:
		return true;
	case KNOT_RRTYPE_DNSKEY:
	case KNOT_RRTYPE_CDS:
	case KNOT_RRTYPE_CDNSKEY:
		return is_apex;
	default:
		return false;
	}
}

uint32_t negative_ttl(uint32_t soa_ttl_s, const uint8_t *soa, size_t len)
{
	uint32_t minimum_s = sw_get32(soa + len - 4);
	return soa_ttl_s < minimum_s ? soa_ttl_s : minimum_s;
}

/** RFC 7344 s4, and for a zone that is leaving RFC 8078 s4: one of each with zeros. */
static int make_submission(
	const struct sw_sign_job *job, size_t i, struct sw_record *record, sw_record_fn *emit, void *arg)
{
	uint8_t ds[SW_DS_BYTES];
	const struct sw_key *key = &job->keys->keys[i];
	if (sw_key_ds(job->keys, key, ds) != 0)
		return -EIO;
	record->type = KNOT_RRTYPE_CDS;
	record->rdata = ds;
	record->rdata_len = sizeof(ds);
	int error = emit(arg, record);
	record->type = KNOT_RRTYPE_CDNSKEY;
	record->rdata = key->dnskey;
	record->rdata_len = key->dnskey_len;
	return error ? error : emit(arg, record);
}

static int make_deletion(struct sw_record *record, sw_record_fn *emit, void *arg)
{
	static const uint8_t cds[5], cdnskey[5] = {0, 0, 3, 0, 0}; /* protocol 3: RFC 4034 s2.1.2 */
	record->type = KNOT_RRTYPE_CDS;
	record->rdata = cds;
	record->rdata_len = 5;
	int error = emit(arg, record);
	record->type = KNOT_RRTYPE_CDNSKEY;
	record->rdata = cdnskey;
	return error ? error : emit(arg, record);
}

static int make_nsec3param(
	const struct sw_sign_policy *policy, struct sw_record *record, sw_record_fn *emit, void *arg)
{
	uint8_t rdata[5 + 255] = {1}; /* SHA-1; no flags (RFC 5155 s4.1.2) */
	sw_put16(rdata + 2, policy->iterations);
	rdata[4] = policy->salt_len;
	memcpy(rdata + 5, policy->salt, policy->salt_len);
	record->type = KNOT_RRTYPE_NSEC3PARAM;
	record->rdata = rdata;
	record->rdata_len = (uint16_t)(5 + policy->salt_len);
	return emit(arg, record);
}

int make_apex(const struct sw_sign_job *job, const uint8_t *apex, uint32_t negative_ttl_s, sw_record_fn *emit,
	void *arg)
{
	struct sw_record record = {.owner = apex, .ttl = job->policy->dnskey_ttl_s};
	int error = 0;
	for (size_t i = 0; i < job->keys->count && !error; i++) {
		const struct sw_key *key = &job->keys->keys[i];
		record.type = KNOT_RRTYPE_DNSKEY;
		record.rdata = key->dnskey;
		record.rdata_len = key->dnskey_len;
		if (job->plan->uses[i] & SW_KEY_PUBLISH)
			error = emit(arg, &record);
		if (!error && job->plan->uses[i] & SW_KEY_SUBMIT)
			error = make_submission(job, i, &record, emit, arg);
	}
	if (!error && job->plan->is_delete)
		error = make_deletion(&record, emit, arg);
	record.ttl = negative_ttl_s;
	if (!error && job->policy->is_nsec3)
		error = make_nsec3param(job->policy, &record, emit, arg);
	return error;
}
