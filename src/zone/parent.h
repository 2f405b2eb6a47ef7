/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a server says of the DS set that the parent of a zone has, and whether that is what is waited for.
 * Pure; what is read is hostile.
 *
 * Those asked are servers of the parent, or resolvers that validate. What is neither authoritative nor
 * validated counts for nothing: neither a DS nor that there is none. Nor does what the zone's own servers say
 * of it, who have no DS (RFC 4035 s3.1.4.1).
 */
#ifndef SW_ZONE_PARENT_H
#define SW_ZONE_PARENT_H

#include "zone/keys.h"

#define SW_PARENT_DS_MAX 32	   /* records of a set; more is no answer */
#define SW_PARENT_DIGEST_MAX 48	   /* bytes: SHA-384 (RFC 6605 s2) */
#define SW_PARENT_TTL_MAX_S 604800 /* a week: no cache that is known keeps anything for longer */
#define SW_PARENT_SAID_MAX 160	   /* bytes of text */

enum sw_parent_kind {
	SW_PARENT_FAILED, /* nothing that counts: why */
	SW_PARENT_NO_DS,
	SW_PARENT_DS,
};

struct sw_parent_ds {
	uint16_t tag;
	uint8_t algorithm, digest_type; /* RFC 4034 s5.1 */
	uint8_t len;			/* of the digest; 0: longer than any that is known */
	uint8_t digest[SW_PARENT_DIGEST_MAX];
};

/** What one server said. Zeros: it was not asked. */
struct sw_parent_answer {
	enum sw_parent_kind kind;
	uint32_t ttl_s; /* of the set, SW_PARENT_TTL_MAX_S at most */
	size_t count;
	struct sw_parent_ds ds[SW_PARENT_DS_MAX];
	char why[SW_PARENT_SAID_MAX]; /* of SW_PARENT_FAILED, as a sentence about it: "it answers REFUSED" */
};

/** Read an answer to the question for a zone's DS.
 * @param message  a reply to that very question, whole, its signature checked and taken off */
void sw_parent_read(uint8_t *message, size_t len, const uint8_t *apex, struct sw_parent_answer *answer);

/** Note why there is no answer. */
void sw_parent_fail(struct sw_parent_answer *answer, const char *why);

/** Whether there is a DS of that key that validators take: SHA-256, or SHA-384 where any record of the set
 * has that, since some look at the strongest digest alone (as RFC 4509 s3 has them do with SHA-1 and
 * SHA-256). */
bool sw_parent_has(
	const struct sw_parent_answer *answer, const struct sw_keys *keys, const struct sw_key *key);

/** What it said, for who reads it: "DS of 12345, 4711", "no DS", or why not.
 * @return text, of SW_PARENT_SAID_MAX bytes */
const char *sw_parent_text(const struct sw_parent_answer *answer, char *text);

#endif
