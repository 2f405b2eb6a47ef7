/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/tsig.h"
#include "wire/message.h"
#include <errno.h>
#include <libdnssec/binary.h>
#include <libdnssec/error.h>
#include <libknot/libknot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BADSIG 16
#define BADKEY 17
#define BADTIME 18
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

static unsigned number_at(const uint8_t *message, size_t at)
{
	return (unsigned)message[at] << 8 | message[at + 1];
}

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
	unsigned before = number_at(message, 6) + number_at(message, 8),
		 records = before + number_at(message, 10);
	for (unsigned i = number_at(message, 4); i > 0; i--) {
		at = name_skip(message, len, at);
		if (at == 0 || at + 4 > len)
			return NONE;
		at += 4;
	}
	for (unsigned i = 0; i < records; i++) {
		size_t start = at;
		at = name_skip(message, len, at);
		if (at == 0 || at + 10 > len || at + 10 + number_at(message, at + 8) > len)
			return NONE;
		bool is_tsig = number_at(message, at) == SW_TYPE_TSIG;
		at += 10 + number_at(message, at + 8);
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
	if (!knot_tsig_rdata_is_ok(rr)) {
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

static const struct sw_tsig_key *key_find(sw_tsig_find_fn *find, void *arg, const knot_rrset_t *rr)
{
	uint8_t name[SW_NAME_MAX];
	dnssec_tsig_algorithm_t algorithm = knot_tsig_rdata_alg(rr);
	memcpy(name, rr->owner, knot_dname_size(rr->owner));
	sw_name_lower(name);
	for (unsigned i = 0; i < SW_TSIG_ALGORITHM_COUNT; i++) {
		if (algorithms[i] == algorithm)
			return find(arg, name, (enum sw_tsig_algorithm)i);
	}
	return NULL;
}

/** @return RCODE */
static int query_judge(struct sw_tsig *tsig, const struct sw_tsig_key *key, const uint8_t *message,
	size_t len, const knot_rrset_t *rr, uint64_t now_s)
{
	if (key == NULL) {
		const uint8_t *algorithm = knot_tsig_rdata_alg_name(rr);
		memcpy(tsig->refused_name, rr->owner, knot_dname_size(rr->owner));
		memcpy(tsig->refused_algorithm, algorithm, knot_dname_size(algorithm));
		tsig->time_s = knot_tsig_rdata_time_signed(rr);
		tsig->error = BADKEY;
		return SW_RCODE_NOTAUTH;
	}
	knot_tsig_key_t its = knot_key(key);
	tsig->key = key;
	mac_keep(tsig, rr);
	int err = knot_tsig_server_check(rr, message, len, &its);
	uint64_t apart_s = now_s > tsig->time_s ? now_s - tsig->time_s : tsig->time_s - now_s;
	if (err == KNOT_EOK && apart_s <= knot_tsig_rdata_fudge(rr))
		return 0;
	tsig->error = err == KNOT_EOK || err == KNOT_TSIG_EBADTIME ? BADTIME : BADSIG;
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

/** A refusal without a signature: of a key that is not known, or a signature that is not right (s5.2.1,
 * s5.2.2). */
static int refusal_add(const struct sw_tsig *tsig, uint8_t *message, size_t *len, size_t max)
{
	const uint8_t *name = tsig->key ? tsig->key->name : tsig->refused_name;
	const uint8_t *algorithm = tsig->key
					   ? dnssec_tsig_algorithm_to_dname(algorithms[tsig->key->algorithm])
					   : tsig->refused_algorithm;
	size_t name_len = sw_name_len(name), algorithm_len = sw_name_len(algorithm);
	size_t rdata_len = algorithm_len + 16;
	if (*len + name_len + 10 + rdata_len > max)
		return -ENOSPC;
	uint8_t *out = message + *len;
	memcpy(out, name, name_len);
	out += name_len;
	const uint8_t fixed[] = {
		0, SW_TYPE_TSIG, 0, SW_CLASS_ANY, 0, 0, 0, 0, (uint8_t)(rdata_len >> 8), (uint8_t)rdata_len};
	memcpy(out, fixed, sizeof(fixed));
	out += sizeof(fixed);
	memcpy(out, algorithm, algorithm_len);
	out += algorithm_len;
	for (int shift = 40; shift >= 0; shift -= 8)
		*out++ = (uint8_t)(tsig->time_s >> shift);
	const uint8_t rest[] = {SW_TSIG_FUDGE_S >> 8, SW_TSIG_FUDGE_S & 0xff, 0, 0, (uint8_t)(tsig->id >> 8),
		(uint8_t)tsig->id, 0, (uint8_t)tsig->error, 0, 0};
	memcpy(out, rest, sizeof(rest));
	*len += name_len + 10 + rdata_len;
	knot_wire_set_arcount(message, (uint16_t)(knot_wire_get_arcount(message) + 1));
	return 0;
}

int sw_tsig_sign_reply(struct sw_tsig *tsig, uint8_t *message, size_t *len, size_t max, uint64_t now_s)
{
	uint8_t digest[sizeof(tsig->mac)];
	size_t digest_len = sizeof(digest);
	(void)now_s; /* libknot's clock is the system's */
	if (tsig->error == BADKEY || tsig->error == BADSIG)
		return refusal_add(tsig, message, len, max);
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
	bool is_refusal = tsig->error == BADKEY || tsig->error == BADSIG || tsig->error == BADTIME;
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
