/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/tsig.h"
#include "wire/bytes.h"
#include "wire/message.h"
#include <errno.h>
#include <libdnssec/binary.h>
#include <libdnssec/error.h>
#include <libknot/libknot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAC_MIN 10	/* bytes, RFC 8945 s5.2.2.1 */
#define UNSIGNED_MAX 99 /* RFC 8945 s5.3.1 */

static const dnssec_tsig_algorithm_t algorithms[SW_TSIG_ALGORITHM_COUNT] = {
	[SW_TSIG_SHA256] = DNSSEC_TSIG_HMAC_SHA256,
	[SW_TSIG_SHA384] = DNSSEC_TSIG_HMAC_SHA384,
	[SW_TSIG_SHA512] = DNSSEC_TSIG_HMAC_SHA512,
	[SW_TSIG_SHA224] = DNSSEC_TSIG_HMAC_SHA224,
	[SW_TSIG_SHA1] = DNSSEC_TSIG_HMAC_SHA1,
	[SW_TSIG_MD5] = DNSSEC_TSIG_HMAC_MD5,
};

/* ---- keys ---- */

const char *sw_tsig_algorithm_label(enum sw_tsig_algorithm algorithm)
{
	static const char *const labels[] = {
#define X(name, label, is_weak) label,
		SW_TSIG_ALGORITHMS(X)
#undef X
	};
	return labels[algorithm];
}

bool sw_tsig_algorithm_is_weak(enum sw_tsig_algorithm algorithm)
{
	static const bool weak[] = {
#define X(name, label, is_weak) is_weak,
		SW_TSIG_ALGORITHMS(X)
#undef X
	};
	return weak[algorithm];
}

int sw_tsig_key_parse(
	struct sw_tsig_key *key, const char *name, const char *algorithm, const char *secret, char *why)
{
	struct sw_tsig_key fresh = {0};
	dnssec_binary_t bytes = {0};
	const dnssec_binary_t text = {.size = strlen(secret), .data = (uint8_t *)(uintptr_t)secret};
	if (sw_name_parse(name, fresh.name) < 0) {
		snprintf(why, 512, "'%.200s' is not a domain name, as the names of keys are", name);
		return -EINVAL;
	}
	sw_name_lower(fresh.name);
	unsigned i = 0;
	while (i < SW_TSIG_ALGORITHM_COUNT && strcasecmp(sw_tsig_algorithm_label(i), algorithm) != 0)
		i++;
	if (i == SW_TSIG_ALGORITHM_COUNT) {
		snprintf(why, 512, "'%.100s' is no algorithm of TSIG known here", algorithm);
		return -EINVAL;
	}
	fresh.algorithm = (enum sw_tsig_algorithm)i;
	int err = dnssec_binary_from_base64(&text, &bytes);
	if (err != DNSSEC_EOK || bytes.size == 0 || bytes.size > sizeof(fresh.secret)) {
		dnssec_binary_free(&bytes);
		snprintf(why, 512, "the secret is not Base64 of 1 to %d bytes", SW_TSIG_SECRET_MAX);
		return -EINVAL;
	}
	memcpy(fresh.secret, bytes.data, bytes.size);
	fresh.secret_len = bytes.size;
	dnssec_binary_free(&bytes);
	*key = fresh;
	return 0;
}

static knot_tsig_key_t knot_key(const struct sw_tsig_key *key)
{
	return (knot_tsig_key_t){
		.algorithm = algorithms[key->algorithm],
		.name = (knot_dname_t *)(uintptr_t)key->name,
		.secret = {.size = key->secret_len, .data = (uint8_t *)(uintptr_t)key->secret},
	};
}

/* ---- finding the signature ---- */

/** @return where the name ends, 0 when it does not */
static size_t name_skip(const uint8_t *message, size_t len, size_t at)
{
	while (at < len) {
		if (message[at] == 0)
			return at + 1;
		if (message[at] >= 0xc0)
			return at + 2 <= len ? at + 2 : 0;
		if (message[at] > SW_LABEL_MAX)
			return 0;
		at += 1u + message[at];
	}
	return 0;
}

enum found { NONE, FOUND, MISPLACED };

/** Where the last record begins, when it is a TSIG. What does not parse has none: it is others' to refuse. */
static enum found tsig_find(const uint8_t *message, size_t len, size_t *tsig_at)
{
	if (len < SW_HEADER_LEN)
		return NONE;
	size_t at = SW_HEADER_LEN;
	unsigned before = sw_get16(message + 6) + sw_get16(message + 8),
		 records = before + sw_get16(message + 10);
	for (unsigned i = sw_get16(message + 4); i > 0; i--) {
		at = name_skip(message, len, at);
		if (at == 0 || at + 4 > len)
			return NONE;
		at += 4;
	}
	for (unsigned i = 0; i < records; i++) {
		size_t start = at;
		at = name_skip(message, len, at);
		if (at == 0 || at + 10 > len || at + 10 + sw_get16(message + at + 8) > len)
			return NONE;
		bool is_tsig = sw_get16(message + at) == SW_TYPE_TSIG;
		at += 10 + sw_get16(message + at + 8);
		if (!is_tsig)
			continue;
		*tsig_at = start;
		return i + 1 == records && i >= before && at == len ? FOUND : MISPLACED;
	}
	return NONE;
}

/** Read it, and take it off. @return 0 or -EBADMSG */
static int tsig_take(uint8_t *message, size_t *len, size_t at, knot_rrset_t *rr)
{
	size_t end = at;
	knot_rrset_init_empty(rr);
	if (knot_rrset_rr_from_wire(message, &end, *len, rr, NULL, false) != KNOT_EOK)
		return -EBADMSG;
	/* RFC 8945 s4.2: class and TTL are not signed as they stand */
	if (!knot_tsig_rdata_is_ok(rr) || rr->rclass != KNOT_CLASS_ANY || rr->ttl != 0) {
		knot_rrset_clear(rr, NULL);
		return -EBADMSG;
	}
	knot_wire_set_id(message, knot_tsig_rdata_orig_id(rr));
	knot_wire_set_arcount(message, (uint16_t)(knot_wire_get_arcount(message) - 1));
	*len = at;
	return 0;
}

static void mac_keep(struct sw_tsig *tsig, const knot_rrset_t *rr)
{
	size_t len = knot_tsig_rdata_mac_length(rr);
	tsig->mac_len = (uint32_t)(len < sizeof(tsig->mac) ? len : sizeof(tsig->mac));
	memcpy(tsig->mac, knot_tsig_rdata_mac(rr), tsig->mac_len);
	tsig->time_s = knot_tsig_rdata_time_signed(rr);
}

/* ---- answering ---- */

/** @param name  lower case */
static const struct sw_tsig_key *key_named(
	sw_tsig_find_fn *find, void *arg, const uint8_t *name, dnssec_tsig_algorithm_t algorithm)
{
	for (unsigned i = 0; i < SW_TSIG_ALGORITHM_COUNT; i++) {
		if (algorithms[i] == algorithm)
			return find(arg, name, (enum sw_tsig_algorithm)i);
	}
	return NULL;
}

static const struct sw_tsig_key *key_find(sw_tsig_find_fn *find, void *arg, const knot_rrset_t *rr)
{
	uint8_t name[SW_NAME_MAX];
	memcpy(name, rr->owner, knot_dname_size(rr->owner));
	sw_name_lower(name);
	return key_named(find, arg, name, knot_tsig_rdata_alg(rr));
}

/** A name that is not compressed, in lower case. @return where it ends, 0 when it is none */
static size_t name_copy(uint8_t *name, const uint8_t *message, size_t len, size_t at)
{
	size_t end = at;
	for (; end < len && message[end] != 0; end += 1u + message[end]) {
		if (message[end] > SW_LABEL_MAX)
			return 0;
	}
	end++;
	if (end > len || end - at > SW_NAME_MAX)
		return 0;
	memcpy(name, message + at, end - at);
	sw_name_lower(name);
	return end;
}

const struct sw_tsig_key *sw_tsig_claimed(
	sw_tsig_find_fn *find, void *arg, const uint8_t *message, size_t len)
{
	uint8_t name[SW_NAME_MAX], algorithm[SW_NAME_MAX];
	size_t at;
	if (tsig_find(message, len, &at) != FOUND)
		return NULL;
	at = name_copy(name, message, len, at); /* that its RDATA is all there has been looked at */
	if (at == 0 || name_copy(algorithm, message, at + 10 + sw_get16(message + at + 8), at + 10) == 0)
		return NULL;
	return key_named(find, arg, name, dnssec_tsig_algorithm_from_dname(algorithm));
}

/** RFC 8945 s5.2.2.1: more than the hash gives, or too little to prove anything, is no MAC. */
static bool mac_fits(const struct sw_tsig_key *key, size_t len)
{
	size_t whole = dnssec_tsig_algorithm_size(algorithms[key->algorithm]);
	size_t least = whole / 2 > MAC_MIN ? whole / 2 : MAC_MIN;
	return len >= least && len <= whole;
}

/** What a TSIG says beside its MAC. Names as they are signed: lower case, not compressed. */
struct terms {
	const uint8_t *name, *algorithm;
	uint64_t time_s;
	unsigned fudge, error, other_len;
	const uint8_t *other;
};

#define TERMS_MAX (2 * SW_NAME_MAX + 18)

static size_t number_put(uint8_t *out, size_t at, unsigned value)
{
	sw_put16(out + at, value);
	return at + 2;
}

static size_t time_put(uint8_t *out, size_t at, const struct terms *terms)
{
	at = number_put(out, at, (unsigned)(terms->time_s >> 32));
	at = number_put(out, at, (unsigned)(terms->time_s >> 16));
	at = number_put(out, at, (unsigned)terms->time_s);
	return number_put(out, at, terms->fudge);
}

/** As they are signed behind a message, but for the other data (s4.3.3). @return their length */
static size_t terms_put(uint8_t *out, const struct terms *terms)
{
	size_t name_len = sw_name_len(terms->name), algorithm_len = sw_name_len(terms->algorithm);
	memcpy(out, terms->name, name_len);
	memcpy(out + name_len, (const uint8_t[]){0, SW_CLASS_ANY, 0, 0, 0, 0}, 6);
	memcpy(out + name_len + 6, terms->algorithm, algorithm_len);
	size_t at = time_put(out, name_len + 6 + algorithm_len, terms);
	return number_put(out, number_put(out, at, terms->error), terms->other_len);
}

/** What libknot has no function for: the MAC of terms other than its own.
 * @param before  whose MAC the query had, for a reply; NULL for a query
 * @return 0 or -EIO */
static int mac_make(uint8_t *mac, const struct sw_tsig_key *key, const struct sw_tsig *before,
	const uint8_t *message, size_t len, const struct terms *terms)
{
	uint8_t said[TERMS_MAX], its_len[2];
	number_put(its_len, 0, before ? before->mac_len : 0);
	const dnssec_binary_t secret = {.size = key->secret_len, .data = (uint8_t *)(uintptr_t)key->secret};
	const dnssec_binary_t parts[] = {
		{.size = before ? 2 : 0, .data = its_len},
		{.size = before ? before->mac_len : 0,
			.data = before ? (uint8_t *)(uintptr_t)before->mac : NULL},
		{.size = len, .data = (uint8_t *)(uintptr_t)message},
		{.size = terms_put(said, terms), .data = said},
		{.size = terms->other_len, .data = (uint8_t *)(uintptr_t)terms->other},
	};
	dnssec_tsig_ctx_t *context = NULL;
	int err = dnssec_tsig_new(&context, algorithms[key->algorithm], &secret);
	for (size_t i = 0; err == DNSSEC_EOK && i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].size > 0)
			err = dnssec_tsig_add(context, &parts[i]);
	}
	if (err == DNSSEC_EOK)
		err = dnssec_tsig_write(context, mac);
	dnssec_tsig_free(context);
	return err == DNSSEC_EOK ? 0 : -EIO;
}

static const uint8_t *algorithm_name(const struct sw_tsig_key *key)
{
	return dnssec_tsig_algorithm_to_dname(algorithms[key->algorithm]);
}

/** Whether a MAC that is cut short is the beginning of the right one: libknot checks whole ones alone. */
static bool mac_begins_right(
	const struct sw_tsig_key *key, const uint8_t *message, size_t len, const knot_rrset_t *rr)
{
	uint8_t right[sizeof(((struct sw_tsig *)NULL)->mac)];
	const struct terms terms = {
		.name = key->name,
		.algorithm = algorithm_name(key),
		.time_s = knot_tsig_rdata_time_signed(rr),
		.fudge = knot_tsig_rdata_fudge(rr),
		.error = knot_tsig_rdata_error(rr),
		.other_len = knot_tsig_rdata_other_data_length(rr),
		.other = knot_tsig_rdata_other_data(rr),
	};
	if (mac_make(right, key, NULL, message, len, &terms) != 0)
		return false;
	const uint8_t *mac = knot_tsig_rdata_mac(rr);
	unsigned apart = 0; /* in a time that does not tell where they part */
	for (size_t i = 0; i < knot_tsig_rdata_mac_length(rr); i++)
		apart |= (unsigned)(mac[i] ^ right[i]);
	return apart == 0;
}

/** Key, MAC, time and length, in this order (s5.2). @return RCODE */
static int query_judge(struct sw_tsig *tsig, const struct sw_tsig_key *key, const uint8_t *message,
	size_t len, const knot_rrset_t *rr, uint64_t now_s)
{
	if (key == NULL) {
		const uint8_t *algorithm = knot_tsig_rdata_alg_name(rr);
		memcpy(tsig->refused_name, rr->owner, knot_dname_size(rr->owner));
		memcpy(tsig->refused_algorithm, algorithm, knot_dname_size(algorithm));
		tsig->time_s = knot_tsig_rdata_time_signed(rr);
		tsig->error = SW_TSIG_BADKEY;
		return SW_RCODE_NOTAUTH;
	}
	size_t mac_len = knot_tsig_rdata_mac_length(rr);
	if (!mac_fits(key, mac_len))
		return SW_RCODE_FORMERR;
	knot_tsig_key_t its = knot_key(key);
	bool is_cut = mac_len < dnssec_tsig_algorithm_size(its.algorithm);
	tsig->key = key;
	mac_keep(tsig, rr);
	int err = !is_cut				    ? knot_tsig_server_check(rr, message, len, &its)
		  : mac_begins_right(key, message, len, rr) ? KNOT_EOK
							    : KNOT_TSIG_EBADSIG;
	uint64_t apart_s = now_s > tsig->time_s ? now_s - tsig->time_s : tsig->time_s - now_s;
	bool is_late = err == KNOT_TSIG_EBADTIME || (err == KNOT_EOK && apart_s > knot_tsig_rdata_fudge(rr));
	if (err == KNOT_EOK && !is_late && !is_cut)
		return 0;
	tsig->error = is_late ? SW_TSIG_BADTIME : err == KNOT_EOK ? SW_TSIG_BADTRUNC : SW_TSIG_BADSIG;
	return SW_RCODE_NOTAUTH;
}

int sw_tsig_check_query(
	struct sw_tsig *tsig, sw_tsig_find_fn *find, void *arg, uint8_t *message, size_t *len, uint64_t now_s)
{
	size_t at;
	knot_rrset_t rr;
	*tsig = (struct sw_tsig){0};
	enum found found = tsig_find(message, *len, &at);
	if (found == NONE)
		return 0;
	if (found == MISPLACED || tsig_take(message, len, at, &rr) != 0)
		return SW_RCODE_FORMERR;
	tsig->id = knot_tsig_rdata_orig_id(&rr);
	int rcode = query_judge(tsig, key_find(find, arg, &rr), message, *len, &rr, now_s);
	knot_rrset_clear(&rr, NULL);
	return rcode;
}

/** A refusal that libknot does not make: without a signature, of a key that is not known, or a signature that
 * is not right (s5.2.1, s5.2.2); signed, of one that is cut short (s5.2.4). */
static int refusal_add(const struct sw_tsig *tsig, uint8_t *message, size_t *len, size_t max, uint64_t now_s)
{
	bool is_signed = tsig->error == SW_TSIG_BADTRUNC && tsig->key != NULL;
	uint8_t mac[sizeof(tsig->mac)] = {0};
	const struct terms terms = {
		.name = tsig->key ? tsig->key->name : tsig->refused_name,
		.algorithm = tsig->key ? algorithm_name(tsig->key) : tsig->refused_algorithm,
		.time_s = is_signed ? now_s : tsig->time_s,
		.fudge = SW_TSIG_FUDGE_S,
		.error = tsig->error,
	};
	size_t name_len = sw_name_len(terms.name), algorithm_len = sw_name_len(terms.algorithm);
	size_t mac_len = is_signed ? dnssec_tsig_algorithm_size(algorithms[tsig->key->algorithm]) : 0;
	size_t rdata_len = algorithm_len + 16 + mac_len;
	if (*len + name_len + 10 + rdata_len > max ||
		(is_signed && mac_make(mac, tsig->key, tsig, message, *len, &terms) != 0))
		return -ENOSPC;
	uint8_t *out = message + *len;
	memcpy(out, terms.name, name_len);
	const uint8_t fixed[] = {
		0, SW_TYPE_TSIG, 0, SW_CLASS_ANY, 0, 0, 0, 0, (uint8_t)(rdata_len >> 8), (uint8_t)rdata_len};
	memcpy(out + name_len, fixed, sizeof(fixed));
	size_t at = name_len + sizeof(fixed);
	memcpy(out + at, terms.algorithm, algorithm_len);
	at = number_put(out, time_put(out, at + algorithm_len, &terms), (unsigned)mac_len);
	memcpy(out + at, mac, mac_len);
	at = number_put(out, at + mac_len, tsig->id);
	number_put(out, number_put(out, at, terms.error), terms.other_len);
	*len += name_len + 10 + rdata_len;
	knot_wire_set_arcount(message, (uint16_t)(knot_wire_get_arcount(message) + 1));
	return 0;
}

int sw_tsig_sign_reply(struct sw_tsig *tsig, uint8_t *message, size_t *len, size_t max, uint64_t now_s)
{
	uint8_t digest[sizeof(tsig->mac)];
	size_t digest_len = sizeof(digest);
	if (tsig->error == SW_TSIG_BADKEY || tsig->error == SW_TSIG_BADSIG || tsig->error == SW_TSIG_BADTRUNC)
		return refusal_add(
			tsig, message, len, max, now_s); /* of the others, libknot's clock is the system's */
	if (tsig->key == NULL)
		return 0;
	knot_tsig_key_t key = knot_key(tsig->key);
	int err = tsig->messages == 0 ? knot_tsig_sign(message, len, max, tsig->mac, tsig->mac_len, digest,
						&digest_len, &key, tsig->error, tsig->time_s)
				      : knot_tsig_sign_next(message, len, max, tsig->mac, tsig->mac_len,
						digest, &digest_len, &key, message, *len);
	if (err != KNOT_EOK)
		return -ENOSPC;
	memcpy(tsig->mac, digest, digest_len);
	tsig->mac_len = (uint32_t)digest_len;
	tsig->messages++;
	return 0;
}

/* ---- asking ---- */

int sw_tsig_sign_query(struct sw_tsig *tsig, const struct sw_tsig_key *key, uint8_t *message, size_t *len,
	size_t max, uint64_t now_s)
{
	size_t digest_len = sizeof(tsig->mac);
	(void)now_s; /* libknot's clock is the system's */
	/* the reply may be signed by a clock behind ours, within the fudge: only what one end signs has an
	 * order (RFC 8945 s5.3.1), so time_s begins with its first message */
	*tsig = (struct sw_tsig){.key = key};
	if (key == NULL)
		return 0;
	knot_tsig_key_t its = knot_key(key);
	if (knot_tsig_sign(message, len, max, NULL, 0, tsig->mac, &digest_len, &its, 0, 0) != KNOT_EOK)
		return -ENOSPC;
	tsig->mac_len = (uint32_t)digest_len;
	return 0;
}

/** Keep a message until one that is signed comes. @return 0 or -ENOMEM */
static int unsigned_keep(struct sw_tsig *tsig, const uint8_t *message, size_t len)
{
	if (tsig->unsigned_len + len > tsig->unsigned_size) {
		size_t size = 2 * (tsig->unsigned_len + len);
		uint8_t *bytes = realloc(tsig->unsigned_bytes, size);
		if (bytes == NULL)
			return -ENOMEM;
		tsig->unsigned_bytes = bytes;
		tsig->unsigned_size = size;
	}
	memcpy(tsig->unsigned_bytes + tsig->unsigned_len, message, len);
	tsig->unsigned_len += len;
	tsig->unsigned_count++;
	return 0;
}

/** The first is signed over the query's MAC, the others over the MAC before and all since (s5.3.1). */
static int reply_judge(struct sw_tsig *tsig, const knot_rrset_t *rr, const uint8_t *message, size_t len)
{
	knot_tsig_key_t key = knot_key(tsig->key);
	if (tsig->messages == 0)
		return knot_tsig_client_check(rr, message, len, tsig->mac, tsig->mac_len, &key, tsig->time_s);
	if (tsig->unsigned_count == 0)
		return knot_tsig_client_check_next(
			rr, message, len, tsig->mac, tsig->mac_len, &key, tsig->time_s);
	if (unsigned_keep(tsig, message, len) != 0)
		return KNOT_ENOMEM;
	return knot_tsig_client_check_next(
		rr, tsig->unsigned_bytes, tsig->unsigned_len, tsig->mac, tsig->mac_len, &key, tsig->time_s);
}

static int signed_take(struct sw_tsig *tsig, uint8_t *message, size_t *len, size_t at)
{
	knot_rrset_t rr;
	if (tsig_take(message, len, at, &rr) != 0)
		return -EBADMSG;
	tsig->error = knot_tsig_rdata_error(&rr);
	bool is_refusal = tsig->error >= SW_TSIG_BADSIG && tsig->error <= SW_TSIG_BADTIME;
	is_refusal |= tsig->error == SW_TSIG_BADTRUNC;
	bool is_ours = sw_name_equal(rr.owner, tsig->key->name) &&
		       knot_tsig_rdata_alg(&rr) == algorithms[tsig->key->algorithm];
	int err = is_refusal ? -EKEYREJECTED : is_ours ? 0 : -EBADMSG;
	if (err == 0) {
		int judged = reply_judge(tsig, &rr, message, *len);
		err = judged == KNOT_EOK ? 0 : judged == KNOT_TSIG_EBADTIME ? -ETIME : -EBADMSG;
	}
	if (err == 0) {
		mac_keep(tsig, &rr);
		tsig->messages++;
		tsig->unsigned_len = tsig->unsigned_count = 0;
	}
	knot_rrset_clear(&rr, NULL);
	return err;
}

int sw_tsig_check_reply(struct sw_tsig *tsig, uint8_t *message, size_t *len, bool is_last, uint64_t now_s)
{
	size_t at;
	(void)now_s; /* libknot's clock is the system's */
	if (tsig->key == NULL)
		return 0;
	switch (tsig_find(message, *len, &at)) {
	case FOUND:
		return signed_take(tsig, message, len, at);
	case MISPLACED:
		return -EBADMSG;
	case NONE:
		break;
	}
	if (tsig->messages == 0 || is_last || tsig->unsigned_count == UNSIGNED_MAX)
		return -EBADMSG;
	return unsigned_keep(tsig, message, *len);
}

void sw_tsig_end(struct sw_tsig *tsig)
{
	free(tsig->unsigned_bytes);
	tsig->unsigned_bytes = NULL;
	tsig->unsigned_len = tsig->unsigned_size = tsig->unsigned_count = 0;
}
