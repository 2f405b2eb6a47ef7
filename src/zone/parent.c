/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/parent.h"
#include "wire/message.h"
#include "zone/rdata.h"
#include <gnutls/crypto.h>
#include <libknot/libknot.h>
#include <stdio.h>
#include <string.h>

#define DIGEST_SHA256 2 /* RFC 4509 s5 */
#define DIGEST_SHA384 4 /* RFC 6605 s7 */

void sw_parent_fail(struct sw_parent_answer *answer, const char *why)
{
	*answer = (struct sw_parent_answer){.kind = SW_PARENT_FAILED};
	snprintf(answer->why, sizeof(answer->why), "%s", why);
}

/* ---- reading ---- */

static void take_ds(struct sw_parent_ds *ds, const knot_rdata_t *rdata)
{
	uint16_t len = knot_ds_digest_len(rdata);
	*ds = (struct sw_parent_ds){.tag = knot_ds_key_tag(rdata),
		.algorithm = knot_ds_alg(rdata),
		.digest_type = knot_ds_digest_type(rdata)};
	if (len > sizeof(ds->digest))
		return;
	ds->len = (uint8_t)len;
	memcpy(ds->digest, knot_ds_digest(rdata), len);
}

/** The DS set of the answer section. An alias there is no answer: the zone's name has a DS or it has none.
 * @return why that cannot be taken, or NULL */
static const char *read_set(
	const knot_pktsection_t *section, const uint8_t *apex, struct sw_parent_answer *answer)
{
	for (unsigned i = 0; i < section->count; i++) {
		const knot_rrset_t *rrset = knot_pkt_rr(section, (uint16_t)i);
		if (rrset->type == KNOT_RRTYPE_RRSIG)
			continue;
		if (rrset->type != KNOT_RRTYPE_DS || rrset->rclass != KNOT_CLASS_IN ||
			!sw_name_equal(rrset->owner, apex))
			return "it answers with something else than the DS of the zone";
		const knot_rdata_t *rdata = rrset->rrs.rdata;
		if (!sw_rdata_is_valid(SW_TYPE_DS, rdata->data, rdata->len)) /* libknot takes any length */
			return "its answer is malformed";
		if (answer->count == SW_PARENT_DS_MAX)
			return "it answers with more DS records than a zone has";
		/* RFC 2181 s5.2, s8: one TTL; one with its highest bit set is 0 */
		uint32_t ttl_s = rrset->ttl > INT32_MAX ? 0 : rrset->ttl;
		ttl_s = ttl_s > SW_PARENT_TTL_MAX_S ? SW_PARENT_TTL_MAX_S : ttl_s;
		answer->ttl_s = ttl_s > answer->ttl_s ? ttl_s : answer->ttl_s;
		take_ds(&answer->ds[answer->count++], rdata);
	}
	return NULL;
}

/** Who says that there is none: the SOA that comes with it (RFC 2308 s2.2) is that of a zone above.
 * @return whether there is one */
static bool is_said_above(const knot_pktsection_t *section, const uint8_t *apex)
{
	for (unsigned i = 0; i < section->count; i++) {
		const knot_rrset_t *rrset = knot_pkt_rr(section, (uint16_t)i);
		if (rrset->type == KNOT_RRTYPE_SOA && rrset->rclass == KNOT_CLASS_IN &&
			sw_name_in(apex, rrset->owner) && !sw_name_equal(apex, rrset->owner))
			return true;
	}
	return false;
}

/** @return why it counts for nothing, or NULL */
static const char *read_answer(const knot_pkt_t *packet, const uint8_t *apex, struct sw_parent_answer *answer)
{
	const uint8_t *wire = packet->wire;
	const char *why = read_set(knot_pkt_section(packet, KNOT_ANSWER), apex, answer);
	if (why != NULL)
		return why;
	if (!knot_wire_get_aa(wire) && !knot_wire_get_ra(wire))
		return "it refers to others: it is neither a server of the parent nor a resolver";
	/* RFC 4035 s3.2.3: what a resolver has validated it says so of, to who asks with AD (RFC 6840 s5.7)
	 */
	if (!knot_wire_get_aa(wire) && !knot_wire_get_ad(wire))
		return "its answer is neither authoritative nor validated";
	if (answer->count == 0 && !is_said_above(knot_pkt_section(packet, KNOT_AUTHORITY), apex))
		return "it has no DS, but does not speak for the parent";
	return NULL;
}

void sw_parent_read(uint8_t *message, size_t len, const uint8_t *apex, struct sw_parent_answer *answer)
{
	char why[SW_PARENT_SAID_MAX] = "its answer is malformed";
	const char *refused = why;
	*answer = (struct sw_parent_answer){.kind = SW_PARENT_FAILED};
	knot_pkt_t *packet = len <= UINT16_MAX ? knot_pkt_new(message, (uint16_t)len, NULL) : NULL;
	if (packet != NULL && knot_pkt_parse(packet, 0) == KNOT_EOK) {
		unsigned rcode = knot_pkt_ext_rcode(packet);
		const knot_lookup_t *name = knot_lookup_by_id(knot_rcode_names, (int)rcode);
		if (rcode == SW_RCODE_NOERROR)
			refused = read_answer(packet, apex, answer);
		else if (name != NULL)
			snprintf(why, sizeof(why), "it answers %s", name->name);
		else
			snprintf(why, sizeof(why), "it answers RCODE %u", rcode);
	}
	knot_pkt_free(packet);
	if (refused != NULL)
		sw_parent_fail(answer, refused);
	else
		answer->kind = answer->count > 0 ? SW_PARENT_DS : SW_PARENT_NO_DS;
}

/* ---- judging ---- */

/** RFC 4034 s5.1.4. @return bytes of the digest, 0 where it cannot be made */
static size_t digest_of(const struct sw_keys *keys, const struct sw_key *key, uint8_t type,
	uint8_t digest[SW_PARENT_DIGEST_MAX])
{
	uint8_t bytes[SW_NAME_MAX + SW_DNSKEY_MAX];
	size_t len = sw_name_len(keys->apex);
	memcpy(bytes, keys->apex, len);
	memcpy(bytes + len, key->dnskey, key->dnskey_len);
	gnutls_digest_algorithm_t algorithm = type == DIGEST_SHA384 ? GNUTLS_DIG_SHA384 : GNUTLS_DIG_SHA256;
	return gnutls_hash_fast(algorithm, bytes, len + key->dnskey_len, digest) == 0
		       ? gnutls_hash_get_len(algorithm)
		       : 0;
}

bool sw_parent_has(
	const struct sw_parent_answer *answer, const struct sw_keys *keys, const struct sw_key *key)
{
	uint8_t digest[SW_PARENT_DIGEST_MAX], type = DIGEST_SHA256;
	for (size_t i = 0; i < answer->count; i++) {
		if (answer->ds[i].digest_type == DIGEST_SHA384)
			type = DIGEST_SHA384;
	}
	size_t len = digest_of(keys, key, type, digest);
	for (size_t i = 0; answer->kind == SW_PARENT_DS && len > 0 && i < answer->count; i++) {
		const struct sw_parent_ds *ds = &answer->ds[i];
		if (ds->tag == key->tag && ds->algorithm == key->algorithm && ds->digest_type == type &&
			ds->len == len && memcmp(ds->digest, digest, len) == 0)
			return true;
	}
	return false;
}

const char *sw_parent_text(const struct sw_parent_answer *answer, char *text)
{
	if (answer->kind != SW_PARENT_DS) {
		const char *why = answer->why[0] ? answer->why : "it was not asked yet";
		snprintf(text, SW_PARENT_SAID_MAX, "%s", answer->kind == SW_PARENT_NO_DS ? "no DS" : why);
		return text;
	}
	size_t at = (size_t)snprintf(text, SW_PARENT_SAID_MAX, "DS of");
	for (size_t i = 0; i < answer->count && at + 40 < SW_PARENT_SAID_MAX; i++) {
		const struct sw_parent_ds *ds = &answer->ds[i];
		at += (size_t)snprintf(text + at, SW_PARENT_SAID_MAX - at, "%s %u (%u %u)", i ? "," : "",
			ds->tag, ds->algorithm, ds->digest_type);
		if (i + 1 < answer->count && at + 40 >= SW_PARENT_SAID_MAX)
			snprintf(text + at, SW_PARENT_SAID_MAX - at, " and %zu more", answer->count - i - 1);
	}
	return text;
}
