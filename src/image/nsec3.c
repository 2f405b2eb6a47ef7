/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/nsec3.h"
#include "wire/message.h"
#include "wire/name.h"
#include <endian.h>
#include <errno.h>
#include <string.h>

#define HASH_SHA1 1

int sw_nsec3_params(const uint8_t *rdata, size_t len, struct sw_nsec3_params *params)
{
	if (len < 5 || len != 5u + rdata[4])
		return -EINVAL;
	if (rdata[0] != HASH_SHA1 || rdata[1] != 0)
		return -ENOTSUP;
	uint16_t iterations = (uint16_t)(rdata[2] << 8 | rdata[3]);
	if (iterations > SW_NSEC3_ITERATIONS_MAX || rdata[4] > SW_NSEC3_SALT_MAX)
		return -ERANGE;
	params->iterations = iterations;
	params->salt_len = rdata[4];
	memcpy(params->salt, rdata + 5, rdata[4]);
	return 0;
}

bool sw_nsec3_is_of_chain(const uint8_t *rdata, size_t len, const struct sw_nsec3_params *params)
{
	return len > 5u + params->salt_len && rdata[0] == HASH_SHA1 &&
	       (rdata[2] << 8 | rdata[3]) == params->iterations && rdata[4] == params->salt_len &&
	       memcmp(rdata + 5, params->salt, params->salt_len) == 0;
}

/** Whether the first window of a bitmap of types has one (RFC 4034 s4.1.2: number, length, bits). */
static bool has_type(const uint8_t *windows, size_t len, unsigned type)
{
	return len > 2u + type / 8 && windows[0] == 0 && windows[1] > type / 8 &&
	       windows[2 + type / 8] & 0x80 >> type % 8;
}

uint32_t sw_nsec3_mark(const uint8_t *rdata, size_t len)
{
	size_t at = 5u + rdata[4];
	uint32_t mark = 2166136261u; /* FNV-1a: marks of one name are compared, of honest zones */
	uint32_t flags = 0;
	at += at < len ? 1u + rdata[at] : 0;
	if (at < len) {
		flags |= has_type(rdata + at, len - at, SW_TYPE_DS) ? SW_NSEC3_HAS_DS : 0;
		flags |= has_type(rdata + at, len - at, SW_TYPE_DNAME) ? SW_NSEC3_HAS_DNAME : 0;
		if (has_type(rdata + at, len - at, SW_TYPE_NS) &&
			!has_type(rdata + at, len - at, SW_TYPE_SOA))
			flags |= SW_NSEC3_IS_CUT;
	}
	for (; at < len; at++)
		mark = (mark ^ rdata[at]) * 16777619u;
	return (mark & ~(uint32_t)SW_NSEC3_FLAGS) | flags;
}

static void sha1(const uint8_t *bytes, size_t len, uint8_t hash[SW_SHA1_LEN])
{
	uint32_t state[5], w[16];
	uint8_t block[SW_SHA1_BLOCK];
	sw_sha1_start(state);
	for (size_t at = 0; at < len + 9; at += SW_SHA1_BLOCK) {
		memset(block, 0, sizeof(block));
		size_t have = at < len ? len - at : 0;
		memcpy(block, bytes + at, have < SW_SHA1_BLOCK ? have : SW_SHA1_BLOCK);
		if (have < SW_SHA1_BLOCK && at <= len)
			block[have] = 0x80;
		if (at + SW_SHA1_BLOCK >= len + 9) {
			uint64_t bits = htobe64(8 * len);
			memcpy(block + SW_SHA1_BLOCK - 8, &bits, 8);
		}
		for (unsigned i = 0; i < 16; i++) {
			uint32_t word;
			memcpy(&word, block + 4 * i, 4);
			w[i] = be32toh(word);
		}
		sw_sha1_block(state, w);
	}
	for (unsigned i = 0; i < 5; i++) {
		uint32_t word = htobe32(state[i]);
		memcpy(hash + 4 * i, &word, 4);
	}
}

void sw_nsec3_hash(const uint8_t *name, const struct sw_nsec3_params *params, uint8_t hash[SW_SHA1_LEN])
{
	uint8_t bytes[SW_NAME_MAX + SW_NSEC3_SALT_MAX];
	size_t len = sw_name_len(name);
	memcpy(bytes, name, len);
	for (unsigned i = 0; i <= params->iterations; i++) {
		memcpy(bytes + len, params->salt, params->salt_len);
		sha1(bytes, len + params->salt_len, hash);
		len = SW_SHA1_LEN;
		memcpy(bytes, hash, len);
	}
}

bool sw_nsec3_owner_hash(const uint8_t *owner, uint8_t hash[SW_SHA1_LEN])
{
	if (owner[0] != 32)
		return false;
	uint64_t bits = 0;
	unsigned have = 0, out = 0;
	for (unsigned i = 1; i <= 32; i++) {
		uint8_t c = owner[i], value;
		if (c >= '0' && c <= '9')
			value = (uint8_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'v')
			value = (uint8_t)((c | 0x20) - 'a' + 10);
		else
			return false;
		bits = bits << 5 | value;
		for (have += 5; have >= 8; have -= 8)
			hash[out++] = (uint8_t)(bits >> (have - 8));
	}
	return true;
}

uint64_t sw_nsec3_prefix(const uint8_t hash[SW_SHA1_LEN])
{
	uint64_t prefix;
	memcpy(&prefix, hash, 8);
	return be64toh(prefix);
}
