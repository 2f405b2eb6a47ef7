/* SPDX-License-Identifier: GPL-3.0-or-later */
/** RRsets in canonical form, and signatures over them. */
#include "zone/sign_inside.h"
#include <errno.h>
#include <libdnssec/error.h>
#include <libdnssec/key.h>
#include <libdnssec/sign.h>
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>

#define CLASS_IN 1

/* ---- memory ---- */

static uint8_t *bytes_take(struct bytes *bytes, size_t len)
{
	if (bytes->size - bytes->used < len) {
		size_t size = bytes->size ? bytes->size * 2 : 4096;
		while (size - bytes->used < len)
			size *= 2;
		uint8_t *at = realloc(bytes->at, size);
		if (!at)
			return NULL;
		bytes->at = at;
		bytes->size = size;
	}
	bytes->used += len;
	return bytes->at + bytes->used - len;
}

struct sw_record *view_add(struct name_view *view)
{
	if (view->count == view->size) {
		size_t size = view->size ? view->size * 2 : 16;
		struct sw_record *records = realloc(view->records, size * sizeof(*records));
		if (!records)
			return NULL;
		view->records = records;
		view->size = size;
	}
	return &view->records[view->count++];
}

/** By type; of one type as they lie in memory, which is the order they came in. */
static int compare_types(const void *a, const void *b)
{
	const struct sw_record *x = a, *y = b;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return x->rdata < y->rdata ? -1 : x->rdata > y->rdata;
}

void view_sort(struct name_view *view)
{
	for (size_t i = 1; i < view->count; i++) {
		if (view->records[i].type < view->records[i - 1].type) {
			qsort(view->records, view->count, sizeof(*view->records), compare_types);
			return;
		}
	}
}

size_t view_find(const struct name_view *view, uint16_t type)
{
	size_t i = 0;
	while (i < view->count && view->records[i].type != type)
		i++;
	return i;
}

/* ---- canonical form ---- */

/** RFC 4034 s6.2: names in the data of the types listed there are in lower case; of which RFC 6840 s5.1 takes
 * NSEC and RRSIG out again. */
static void lower_names(uint16_t type, uint8_t *rdata, size_t len)
{
	if (!knot_rrtype_should_be_lowercased(type))
		return;
	const knot_rdata_descriptor_t *form = knot_get_rdata_descriptor(type);
	size_t at = 0;
	for (int i = 0; form->block_types[i] != KNOT_RDATA_WF_END && at < len; i++) {
		int block = form->block_types[i];
		switch (block) {
		case KNOT_RDATA_WF_COMPRESSIBLE_DNAME:
		case KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME:
		case KNOT_RDATA_WF_FIXED_DNAME:
			sw_name_lower(rdata + at);
			at += sw_name_len(rdata + at);
			break;
		case KNOT_RDATA_WF_NAPTR_HEADER: /* RFC 3403 s4.1 */
			at += 4;
			for (int string = 0; string < 3 && at < len; string++)
				at += 1u + rdata[at];
			break;
		case KNOT_RDATA_WF_REMAINDER:
			return;
		default:
			at += (size_t)block;
		}
	}
}

/** RFC 4034 s6.3: as strings of bytes, a missing byte before any other. */
static int compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	uint16_t common = x->rdata_len < y->rdata_len ? x->rdata_len : y->rdata_len;
	int order = memcmp(x->rdata, y->rdata, common);
	return order ? order : (int)x->rdata_len - (int)y->rdata_len;
}

static int pieces_expect(struct signer *signer, size_t count)
{
	if (count <= signer->pieces_size)
		return 0;
	struct piece *pieces = realloc(signer->pieces, 2 * count * sizeof(*pieces));
	if (!pieces)
		return -ENOMEM;
	signer->pieces = pieces;
	signer->pieces_size = 2 * count;
	return 0;
}

/** Each record in canonical form, into the scratch memory. */
static int write_pieces(struct signer *signer, const struct sw_record *records, size_t count, uint32_t ttl_s)
{
	size_t owner_len = sw_name_len(records->owner);
	signer->scratch.used = 0;
	for (size_t i = 0; i < count; i++) {
		const struct sw_record *record = &records[i];
		size_t len = owner_len + 10 + record->rdata_len, at = signer->scratch.used;
		uint8_t *to = bytes_take(&signer->scratch, len);
		if (!to)
			return -ENOMEM;
		memcpy(to, record->owner, owner_len);
		sw_put16(to + owner_len, record->type);
		sw_put16(to + owner_len + 2, CLASS_IN);
		sw_put32(to + owner_len + 4, ttl_s);
		sw_put16(to + owner_len + 8, record->rdata_len);
		memcpy(to + owner_len + 10, record->rdata, record->rdata_len);
		lower_names(record->type, to + owner_len + 10, record->rdata_len);
		signer->pieces[i] = (struct piece){.at = at, .len = len, .rdata_len = record->rdata_len};
	}
	for (size_t i = 0; i < count; i++) /* the memory stays where it is from here on */
		signer->pieces[i].rdata = signer->scratch.at + signer->pieces[i].at + owner_len + 10;
	return 0;
}

/** Append an RRset in canonical form and order, without duplicates (RFC 4034 s6.3). */
static int write_rrset(struct signer *signer, struct bytes *bytes, const struct sw_record *records,
	size_t count, uint32_t ttl_s)
{
	if (pieces_expect(signer, count) != 0 || write_pieces(signer, records, count, ttl_s) != 0)
		return -ENOMEM;
	if (count > 1)
		qsort(signer->pieces, count, sizeof(*signer->pieces), compare_pieces);
	for (size_t i = 0; i < count; i++) {
		const struct piece *piece = &signer->pieces[i];
		if (i > 0 && compare_pieces(piece - 1, piece) == 0)
			continue;
		uint8_t *to = bytes_take(bytes, piece->len);
		if (!to)
			return -ENOMEM;
		memcpy(to, signer->scratch.at + piece->at, piece->len);
	}
	return 0;
}

/* ---- signatures ---- */

int signer_open(struct signer *signer, const struct sw_sign_job *job, const uint8_t *apex)
{
	unsigned uses = 0;
	*signer =
		(struct signer){.job = job, .apex = apex, .apex_len = sw_name_len(apex), .random = job->seed};
	signer->result.due_s = UINT32_MAX;
	for (size_t i = 0; i < job->keys->count; i++) {
		const struct sw_key *key = &job->keys->keys[i];
		struct signing_key *own = &signer->keys[signer->key_count];
		own->key = key;
		own->uses = job->plan->uses[i] & (SW_KEY_SIGN_KEYS | SW_KEY_SIGN_ZONE);
		if (own->uses == 0)
			continue;
		if (!key->secret || dnssec_sign_new(&own->context, key->secret) != DNSSEC_EOK)
			return -EINVAL;
		signer->key_count++;
		uses |= own->uses;
	}
	return uses == (SW_KEY_SIGN_KEYS | SW_KEY_SIGN_ZONE) ? 0 : -EINVAL;
}

void signer_close(struct signer *signer)
{
	for (size_t i = 0; i < signer->key_count; i++)
		dnssec_sign_free(signer->keys[i].context);
	free(signer->message.at);
	free(signer->other.at);
	free(signer->scratch.at);
	free(signer->pieces);
}

/** Numbers that look random and follow from the seed (SplitMix64, Steele et al. 2014). */
static uint64_t draw(struct signer *signer)
{
	uint64_t z = signer->random += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

struct rrset {
	const struct sw_record *records;
	size_t count;
	uint32_t ttl_s;
	uint8_t labels; /* as RRSIG counts them (RFC 4034 s3.1.3): neither root nor asterisk */
};

static void note_expiration(struct signer *signer, uint32_t expiration_s)
{
	uint32_t due_s = expiration_s - signer->job->policy->refresh_s;
	if (due_s < signer->result.due_s)
		signer->result.due_s = due_s;
}

/** The data of an RRSIG up to the signature itself. @return its length */
static size_t rrsig_head(
	struct signer *signer, const struct rrset *set, const struct sw_key *key, uint8_t *to)
{
	const struct sw_sign_policy *policy = signer->job->policy;
	uint32_t jitter_s = policy->jitter_s ? (uint32_t)(draw(signer) % (policy->jitter_s + 1ull)) : 0;
	uint32_t expiration_s = signer->job->now_s + policy->validity_s - jitter_s;
	sw_put16(to, set->records->type);
	to[2] = key->algorithm;
	to[3] = set->labels;
	sw_put32(to + 4, set->ttl_s);
	sw_put32(to + 8, expiration_s);
	sw_put32(to + 12, signer->job->now_s - policy->backdate_s);
	sw_put16(to + 16, key->tag);
	memcpy(to + RRSIG_FIXED_BYTES, signer->apex, signer->apex_len);
	note_expiration(signer, expiration_s);
	return RRSIG_FIXED_BYTES + signer->apex_len;
}

static int emit_rrsig(
	const struct rrset *set, const uint8_t *rdata, size_t len, sw_record_fn *emit, void *arg)
{
	return emit(arg, &(struct sw_record){.owner = set->records->owner,
				 .type = KNOT_RRTYPE_RRSIG,
				 .ttl = set->ttl_s,
				 .rdata = rdata,
				 .rdata_len = (uint16_t)len});
}

static int make_rrsig(struct signer *signer, const struct rrset *set, const struct signing_key *key,
	sw_record_fn *emit, void *arg)
{
	struct bytes *message = &signer->message;
	uint8_t rdata[RRSIG_FIXED_BYTES + SW_NAME_MAX + 64];
	size_t head_len = rrsig_head(signer, set, key->key, rdata);
	message->used = 0;
	uint8_t *to = bytes_take(message, head_len);
	if (!to)
		return -ENOMEM;
	memcpy(to, rdata, head_len);
	if (write_rrset(signer, message, set->records, set->count, set->ttl_s) != 0)
		return -ENOMEM;
	dnssec_binary_t data = {.size = message->used, .data = message->at}, signature = {0};
	if (dnssec_sign_init(key->context) != DNSSEC_EOK ||
		dnssec_sign_add(key->context, &data) != DNSSEC_EOK ||
		dnssec_sign_write(key->context, DNSSEC_SIGN_REPRODUCIBLE, &signature) != DNSSEC_EOK)
		return -EIO;
	int error = -EIO;
	if (signature.size <= 64) {
		memcpy(rdata + head_len, signature.data, signature.size);
		signer->result.made++;
		error = emit_rrsig(set, rdata, head_len + signature.size, emit, arg);
	}
	dnssec_binary_free(&signature);
	return error;
}

/** Whether a signature says what a new one would, and is good for long enough. Serial arithmetic: RFC 4034
 * s3.1.5. */
static bool is_good(const struct signer *signer, const struct rrset *set, const struct sw_key *key,
	const struct sw_record *rrsig)
{
	const uint8_t *rdata = rrsig->rdata;
	const struct sw_sign_job *job = signer->job;
	return rrsig->rdata_len > RRSIG_FIXED_BYTES + signer->apex_len &&
	       sw_get16(rdata) == set->records->type && rdata[2] == key->algorithm &&
	       rdata[3] == set->labels && sw_get32(rdata + 4) == set->ttl_s &&
	       sw_get16(rdata + 16) == key->tag &&
	       (int32_t)(sw_get32(rdata + 8) - job->now_s) > (int32_t)job->policy->refresh_s &&
	       (int32_t)(job->now_s - sw_get32(rdata + 12)) >= 0 &&
	       sw_name_equal(rdata + RRSIG_FIXED_BYTES, signer->apex);
}

static const struct sw_record *find_good(const struct signer *signer, const struct rrset *set,
	const struct sw_key *key, const struct name_view *former)
{
	size_t i = view_find(former, KNOT_RRTYPE_RRSIG);
	for (; i < former->count && former->records[i].type == KNOT_RRTYPE_RRSIG; i++) {
		if (is_good(signer, set, key, &former->records[i]))
			return &former->records[i];
	}
	return NULL;
}

static size_t run_length(const struct name_view *view, size_t at)
{
	size_t end = at;
	while (end < view->count && view->records[end].type == view->records[at].type)
		end++;
	return end - at;
}

/** Whether the former version has the very same RRset. @return 1, 0, or -ENOMEM */
static int is_unchanged(struct signer *signer, const struct rrset *set, const struct name_view *former)
{
	size_t at = view_find(former, set->records->type), i = 0;
	if (at == former->count || run_length(former, at) != set->count)
		return 0;
	const struct sw_record *old = former->records + at;
	while (i < set->count && old[i].rdata_len == set->records[i].rdata_len &&
		memcmp(old[i].rdata, set->records[i].rdata, old[i].rdata_len) == 0)
		i++;
	if (i == set->count)
		return 1;
	signer->message.used = signer->other.used = 0;
	if (write_rrset(signer, &signer->message, set->records, set->count, set->ttl_s) != 0 ||
		write_rrset(signer, &signer->other, old, set->count, set->ttl_s) != 0)
		return -ENOMEM;
	return signer->message.used == signer->other.used &&
	       memcmp(signer->message.at, signer->other.at, signer->other.used) == 0;
}

static int sign_rrset(struct signer *signer, const struct rrset *set, unsigned use,
	const struct name_view *former, sw_record_fn *emit, void *arg)
{
	int same = former ? is_unchanged(signer, set, former) : 0;
	int error = same < 0 ? same : 0;
	for (size_t i = 0; i < signer->key_count && !error; i++) {
		const struct signing_key *key = &signer->keys[i];
		if (!(key->uses & use))
			continue;
		const struct sw_record *old = same ? find_good(signer, set, key->key, former) : NULL;
		if (!old) {
			error = make_rrsig(signer, set, key, emit, arg);
			continue;
		}
		signer->result.reused++;
		note_expiration(signer, sw_get32(old->rdata + 8));
		error = emit_rrsig(set, old->rdata, old->rdata_len, emit, arg);
	}
	return error;
}

/** RFC 4035 s2.2: all authoritative RRsets but RRSIG; at a cut the NS set is the child's. */
static bool is_to_sign(uint16_t type, bool is_cut)
{
	if (is_cut)
		return type == KNOT_RRTYPE_DS || type == KNOT_RRTYPE_NSEC;
	return type != KNOT_RRTYPE_RRSIG;
}

int sign_name(struct signer *signer, const struct name_view *view, const struct name_view *former,
	sw_record_fn *emit, void *arg)
{
	bool is_wildcard = view->owner[0] == 1 && view->owner[1] == '*';
	bool is_apex = sw_name_equal(view->owner, signer->apex);
	int error = 0;
	for (size_t at = 0, count; at < view->count && !error; at += count) {
		count = run_length(view, at);
		uint16_t type = view->records[at].type;
		if (!is_to_sign(type, view->is_cut))
			continue;
		struct rrset set = {.records = view->records + at,
			.count = count,
			.ttl_s = view->records[at].ttl,
			.labels = (uint8_t)(sw_name_labels(view->owner) - is_wildcard)};
		bool is_of_keys = is_apex && (type == KNOT_RRTYPE_DNSKEY || type == KNOT_RRTYPE_CDS ||
						     type == KNOT_RRTYPE_CDNSKEY);
		error = sign_rrset(
			signer, &set, is_of_keys ? SW_KEY_SIGN_KEYS : SW_KEY_SIGN_ZONE, former, emit, arg);
	}
	return error;
}
