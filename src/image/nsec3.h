/* SPDX-License-Identifier: GPL-3.0-or-later */
/** NSEC3 hashing (RFC 5155 s5) and the fields of NSEC3 and NSEC3PARAM rdata. */
#ifndef SW_IMAGE_NSEC3_H
#define SW_IMAGE_NSEC3_H

#include "image/image.h"
#include "wire/sha1.h"
#include <stdbool.h>
#include <stddef.h>

struct sw_nsec3_params {
	uint16_t iterations;
	uint8_t salt_len;
	uint8_t salt[SW_NSEC3_SALT_MAX];
};

/** From NSEC3PARAM rdata.
 * @return 0; -ENOTSUP for flags or a hash other than SHA-1, which do not name a chain to use;
 *         -ERANGE for a salt or iteration count beyond image.h's limits; -EINVAL when malformed */
int sw_nsec3_params(const uint8_t *rdata, size_t len, struct sw_nsec3_params *params);

/** Whether NSEC3 rdata belongs to the chain with these parameters. */
bool sw_nsec3_is_of_chain(const uint8_t *rdata, size_t len, const struct sw_nsec3_params *params);

/** Types that NSEC3 rdata of a chain tells of, as a number that differs where they do (but once in 2^29), and
 * SW_NSEC3_HAS_DS, SW_NSEC3_IS_CUT, SW_NSEC3_HAS_DNAME. */
uint32_t sw_nsec3_mark(const uint8_t *rdata, size_t len);

/** Hash of a lower-cased name. */
void sw_nsec3_hash(const uint8_t *name, const struct sw_nsec3_params *params, uint8_t hash[SW_SHA1_LEN]);

/** Decode the first label of an NSEC3 owner (base32hex without padding, RFC 4648 s7). */
bool sw_nsec3_owner_hash(const uint8_t *owner, uint8_t hash[SW_SHA1_LEN]);

/** First eight bytes as a big-endian number: what the table is searched by. */
uint64_t sw_nsec3_prefix(const uint8_t hash[SW_SHA1_LEN]);

#endif
