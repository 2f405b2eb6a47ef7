/* SPDX-License-Identifier: GPL-3.0-or-later */
/** TSIG: messages signed with a key that both ends have (RFC 8945). The work is libknot's; here is who signed
 * what so far, in exchanges of many messages too (s5.3.1). */
#ifndef SW_WIRE_TSIG_H
#define SW_WIRE_TSIG_H

#include "wire/name.h"

#define SW_TSIG_ALGORITHMS(X)           \
	X(SHA256, "hmac-sha256", false) \
	X(SHA384, "hmac-sha384", false) \
	X(SHA512, "hmac-sha512", false) \
	X(SHA224, "hmac-sha224", false) \
	X(SHA1, "hmac-sha1", true)      \
	X(MD5, "hmac-md5", true)

enum sw_tsig_algorithm {
#define X(name, label, is_weak) SW_TSIG_##name,
	SW_TSIG_ALGORITHMS(X)
#undef X
		SW_TSIG_ALGORITHM_COUNT
};

const char *sw_tsig_algorithm_label(enum sw_tsig_algorithm algorithm);
/** MD5 and SHA-1 are used only by who says so, and is told that (RFC 8945 s6). */
bool sw_tsig_algorithm_is_weak(enum sw_tsig_algorithm algorithm);

/* Errors (RFC 8945 s3, s5.2). */
#define SW_TSIG_BADSIG 16
#define SW_TSIG_BADKEY 17
#define SW_TSIG_BADTIME 18
#define SW_TSIG_BADTRUNC 22

#define SW_TSIG_SECRET_MAX 128 /* bytes */
#define SW_TSIG_ROOM 512 /* bytes that a signature adds to a message at most, names of 255 bytes apart */
#define SW_TSIG_FUDGE_S 300

struct sw_tsig_key {
	uint8_t name[SW_NAME_MAX]; /* lower case */
	enum sw_tsig_algorithm algorithm;
	uint8_t secret[SW_TSIG_SECRET_MAX];
	size_t secret_len;
};

/** @param secret  Base64
 * @param why  512 bytes, text of an error
 * @return 0 or -EINVAL with text in why */
int sw_tsig_key_parse(
	struct sw_tsig_key *key, const char *name, const char *algorithm, const char *secret, char *why);

/** The key of that name and algorithm, or NULL. */
typedef const struct sw_tsig_key *sw_tsig_find_fn(
	void *arg, const uint8_t *name, enum sw_tsig_algorithm algorithm);

/** What one exchange has signed. Zeros for a new one; nothing to free. */
struct sw_tsig {
	const struct sw_tsig_key *key; /* NULL: not signed */
	uint8_t mac[64];	       /* of the message before */
	uint32_t mac_len;
	uint32_t messages; /* signed or checked since the first */
	uint64_t time_s;   /* signed at: never goes back */
	uint16_t error;	   /* BADSIG, BADKEY, BADTIME, BADTRUNC to be told in the reply; 0 for none */
	uint16_t id;	   /* of the query, as its signer wrote it */
	uint8_t refused_name[SW_NAME_MAX], refused_algorithm[SW_NAME_MAX]; /* of a key that is not known */
	/* messages of a stream since the last that was signed (s5.3.1) */
	uint8_t *unsigned_bytes;
	size_t unsigned_len, unsigned_size;
	uint32_t unsigned_count;
};
void sw_tsig_end(struct sw_tsig *tsig); /* free what a stream held */

/** Answering: the key that a query says it is signed with. Nothing is checked and nothing changed: anybody
 * may say so who knows its name. It costs no more than to read the message once.
 * @return NULL where it says none that is known; its name compressed, which none should be, is not looked at
 */
const struct sw_tsig_key *sw_tsig_claimed(
	sw_tsig_find_fn *find, void *arg, const uint8_t *message, size_t len);

/** Answering: check a query, and take its TSIG off.
 * @param len  in and out
 * @return 0: there was none (tsig->key NULL) or it is right (tsig->key set); else the RCODE to refuse with:
 *         SW_RCODE_FORMERR (a TSIG that is not the last record, or malformed, or of a MAC longer or shorter
 *         than may be: RFC 8945 s5.2.2.1) or SW_RCODE_NOTAUTH, with tsig->error. A MAC that is cut short and
 *         right is refused, too: BADTRUNC */
int sw_tsig_check_query(struct sw_tsig *tsig, sw_tsig_find_fn *find, void *arg, uint8_t *message, size_t *len,
	uint64_t now_s);

/** Answering: sign a reply, or the next message of one; does nothing where the query was not signed. A
 * refusal of s5.2 is signed where s5.2 says so, and unsigned otherwise.
 * @param max  bytes that the message may have, at most 65,535
 * @return 0 or -ENOSPC */
int sw_tsig_sign_reply(struct sw_tsig *tsig, uint8_t *message, size_t *len, size_t max, uint64_t now_s);

/** Asking: sign a query; does nothing where key is NULL. */
int sw_tsig_sign_query(struct sw_tsig *tsig, const struct sw_tsig_key *key, uint8_t *message, size_t *len,
	size_t max, uint64_t now_s);

/** Asking: check the reply, or the next message of it, and take its TSIG off. Of a stream's messages the
 * first must be signed, and at least every hundredth behind it.
 * @param is_last  no other message follows: this one must be signed
 * @return 0; -EBADMSG for a signature that is wrong, or missing where it must be; -EKEYREJECTED with
 *         tsig->error where the other end refused ours; -ETIME for one out of time */
int sw_tsig_check_reply(struct sw_tsig *tsig, uint8_t *message, size_t *len, bool is_last, uint64_t now_s);

#endif
