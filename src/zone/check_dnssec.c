/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/bytes.h"
#include "zone/check_node.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/** Fixed part of RRSIG data (RFC 4034 s3.1); the signer's name follows. */
#define RRSIG_FIXED_BYTES 18

/** Its key tags are made differently (RFC 4034 appendix B.1); no validator is left for it. */
#define ALGORITHM_RSAMD5 1

struct rrsig {
	uint16_t covered;
	uint8_t algorithm, labels;
	uint32_t expiration_s, inception_s;
	uint16_t key_tag;
	const uint8_t *signer;
};

static struct rrsig rrsig_of(const struct sw_rr *rr)
{
	const uint8_t *rdata = rr->rdata;
	return (struct rrsig){.covered = sw_get16(rdata),
		.algorithm = rdata[2],
		.labels = rdata[3],
		.expiration_s = sw_get32(rdata + 8),
		.inception_s = sw_get32(rdata + 12),
		.key_tag = sw_get16(rdata + 16),
		.signer = rdata + RRSIG_FIXED_BYTES};
}

/** RFC 4034 appendix B. */
static uint16_t key_tag(const struct sw_rr *dnskey)
{
	uint32_t sum = 0;
	for (uint16_t i = 0; i < dnskey->rdata_len; i++)
		sum += i & 1 ? dnskey->rdata[i] : (uint32_t)dnskey->rdata[i] << 8;
	return (uint16_t)(sum + (sum >> 16));
}

static int keys_read(struct sw_check *check, const struct sw_view *apex)
{
	uint32_t at = sw_view_find(apex, KNOT_RRTYPE_DNSKEY);
	check->keys = calloc(apex->count - at + 1, sizeof(*check->keys));
	if (!check->keys)
		return -ENOMEM;
	for (; at < apex->count && apex->rrs[at]->type == KNOT_RRTYPE_DNSKEY; at++) {
		check->keys[check->key_count++] = (struct sw_dnskey_id){
			.tag = key_tag(apex->rrs[at]), .algorithm = apex->rrs[at]->rdata[3]};
	}
	return 0;
}

static bool has_key(const struct sw_check *check, const struct rrsig *sig)
{
	for (size_t i = 0; i < check->key_count; i++) {
		if (check->keys[i].tag == sig->key_tag && check->keys[i].algorithm == sig->algorithm)
			return true;
	}
	return sig->algorithm == ALGORITHM_RSAMD5;
}

int sw_check_dnssec_start(struct sw_check *check)
{
	struct sw_view apex;
	if (sw_view_load(check, 0, &apex) != 0)
		return -ENOMEM;
	uint32_t at = sw_view_find(&apex, KNOT_RRTYPE_RRSIG);
	for (; at < apex.count && apex.rrs[at]->type == KNOT_RRTYPE_RRSIG; at++)
		check->is_signed |= rrsig_of(apex.rrs[at]).covered == KNOT_RRTYPE_SOA;
	int error = keys_read(check, &apex);
	if (!error && check->is_signed)
		error = sw_check_denial_start(check, &apex);
	return error;
}

void sw_check_dnssec_end(struct sw_check *check)
{
	free(check->keys);
	free(check->links.words);
	free(check->targets.words);
	free(check->hashed.words);
}

static const char *time_text(uint32_t at_s, char *text, size_t size)
{
	time_t at = at_s;
	struct tm tm;
	gmtime_r(&at, &tm);
	strftime(text, size, "%Y-%m-%d %H:%M:%S UTC", &tm);
	return text;
}

/** Serial number arithmetic (RFC 4034 s3.1.5, RFC 1982). */
static bool is_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static void check_times(struct sw_check *check, const struct sw_view *view, const struct sw_rr *rr,
	const struct rrsig *sig, const char *covered)
{
	char text[32];
	if (is_after(check->now_s, sig->expiration_s))
		SW_TELL(check, RRSIG_EXPIRED, view, rr, "signature over %s expired %s", covered,
			time_text(sig->expiration_s, text, sizeof(text)));
	if (is_after(sig->inception_s, check->now_s))
		SW_TELL(check, RRSIG_FUTURE, view, rr, "signature over %s is not valid before %s", covered,
			time_text(sig->inception_s, text, sizeof(text)));
}

static void check_rrsig(struct sw_check *check, const struct sw_view *view, const struct sw_rr *rr)
{
	struct rrsig sig = rrsig_of(rr);
	char covered[SW_TYPE_TEXT_MAX], name[SW_NAME_TEXT_MAX];
	sw_type_text(sig.covered, covered);
	if (!sw_view_has(view, sig.covered)) {
		SW_TELL(check, RRSIG_COVERS_NONE, view, rr, "signature over %s, which is not here", covered);
		return;
	}
	bool is_cut = view->node->flags & SW_NODE_CUT;
	if (view->node->flags & SW_NODE_BELOW_CUT ||
		(is_cut && sig.covered != KNOT_RRTYPE_DS && sig.covered != KNOT_RRTYPE_NSEC)) {
		SW_TELL(check, RRSIG_UNWANTED, view, rr,
			"signature over %s, which belongs to the delegated zone", covered);
		return;
	}
	bool is_wildcard = view->name[0] == 1 && view->name[1] == '*';
	unsigned labels = view->node->labels - is_wildcard;
	if (sig.labels != labels)
		SW_TELL(check, RRSIG_LABELS, view, rr, "signature over %s says %u labels, the name has %u",
			covered, sig.labels, labels);
	check_times(check, view, rr, &sig, covered);
	if (!sw_name_equal(sig.signer, check->apex))
		SW_TELL(check, RRSIG_SIGNER, view, rr, "signature over %s is by %s, not by the zone", covered,
			sw_name_text(sig.signer, name));
	else if (check->key_count > 0 && !has_key(check, &sig))
		SW_TELL(check, RRSIG_KEY, view, rr,
			"signature over %s: no DNSKEY has tag %u and algorithm %u", covered, sig.key_tag,
			sig.algorithm);
}

void sw_check_rrsigs(struct sw_check *check, const struct sw_view *view)
{
	uint32_t at = sw_view_find(view, KNOT_RRTYPE_RRSIG);
	if (check->key_count == 0 && !check->is_dnskey_told) {
		check->is_dnskey_told = true;
		SW_TELL(check, DNSKEY_MISSING, view, view->rrs[at],
			"a signature, but no DNSKEY at the apex to check it with");
	}
	for (; at < view->count && view->rrs[at]->type == KNOT_RRTYPE_RRSIG; at++)
		check_rrsig(check, view, view->rrs[at]);
}

void sw_check_signed(struct sw_check *check, const struct sw_view *view)
{
	if (view->count == 0 || view->node->flags & (SW_NODE_BELOW_CUT | SW_NODE_BELOW_DNAME))
		return;
	uint64_t covered[65536 / 64] = {0}; /* a bit a type: one pass, however many types a name has */
	uint32_t at = sw_view_find(view, KNOT_RRTYPE_RRSIG);
	for (; at < view->count && view->rrs[at]->type == KNOT_RRTYPE_RRSIG; at++) {
		uint16_t type = rrsig_of(view->rrs[at]).covered;
		covered[type / 64] |= 1ull << type % 64;
	}
	bool is_cut = view->node->flags & SW_NODE_CUT;
	uint16_t before = 0;
	for (uint32_t i = 0; i < view->count; i++) {
		uint16_t type = view->rrs[i]->type;
		if (type == before || type == KNOT_RRTYPE_RRSIG ||
			(is_cut && type != KNOT_RRTYPE_DS && type != KNOT_RRTYPE_NSEC))
			continue;
		before = type;
		if (!(covered[type / 64] >> type % 64 & 1))
			SW_TELL(check, RRSIG_MISSING, view, view->rrs[i], "not signed, though the zone is");
	}
}
