/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/nsec3_hash.h"
#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>

int nsec3_hash(const struct nsec3_salt *salt, const uint8_t *name, uint8_t hash[HASH_BYTES])
{
	/* GnuTLS rather than dnssec_nsec3_hash(), which allocates: twice as fast */
	uint8_t buffer[SW_NAME_MAX + UINT8_MAX];
	size_t len = sw_name_len(name);
	memcpy(buffer, name, len);
	for (unsigned round = 0; round <= salt->iterations; round++) {
		memcpy(buffer + len, salt->bytes, salt->len);
		if (gnutls_hash_fast(GNUTLS_DIG_SHA1, buffer, len + salt->len, hash) != 0)
			return -EIO;
		memcpy(buffer, hash, HASH_BYTES);
		len = HASH_BYTES;
	}
	return 0;
}

void nsec3_label(const uint8_t hash[HASH_BYTES], uint8_t label[HASH_LABEL_BYTES])
{
	for (unsigned i = 0; i < HASH_LABEL_BYTES; i++) {
		unsigned bit = 5 * i, at = bit / 8;
		unsigned pair = (unsigned)hash[at] << 8 | (at + 1 < HASH_BYTES ? hash[at + 1] : 0);
		label[i] = (uint8_t) "0123456789abcdefghijklmnopqrstuv"[pair >> (11 - bit % 8) & 31];
	}
}

void nsec3_name(const uint8_t hash[HASH_BYTES], const uint8_t *apex, uint8_t name[NSEC3_NAME_MAX])
{
	name[0] = HASH_LABEL_BYTES;
	nsec3_label(hash, name + 1);
	memcpy(name + 1 + HASH_LABEL_BYTES, apex, sw_name_len(apex));
}
