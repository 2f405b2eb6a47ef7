/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Hashed owner names (RFC 5155 s5), for those who make a chain and for those who check one. */
#ifndef SW_ZONE_NSEC3_HASH_H
#define SW_ZONE_NSEC3_HASH_H

#include "wire/name.h"

#define HASH_BYTES 20	    /* SHA-1, the only NSEC3 hash (RFC 5155 s11) */
#define HASH_LABEL_BYTES 32 /* the same in base32hex */
#define NSEC3_NAME_MAX (1 + HASH_LABEL_BYTES + SW_NAME_MAX)

/** What hashes are made with. */
struct nsec3_salt {
	uint16_t iterations;
	uint8_t len;
	const uint8_t *bytes;
};

/** @param name  in lower case @return 0 or -EIO */
int nsec3_hash(const struct nsec3_salt *salt, const uint8_t *name, uint8_t hash[HASH_BYTES]);

/** A hash as it is written in a label. */
void nsec3_label(const uint8_t hash[HASH_BYTES], uint8_t label[HASH_LABEL_BYTES]);

/** The name of the NSEC3 record with that hash. */
void nsec3_name(const uint8_t hash[HASH_BYTES], const uint8_t *apex, uint8_t name[NSEC3_NAME_MAX]);

#endif
