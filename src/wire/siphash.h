/* SPDX-License-Identifier: GPL-3.0-or-later */
/** SipHash-2-4 (Aumasson and Bernstein, 2012) for DNS cookies (RFC 9018 s4). Shared with the BPF target. */
#ifndef SW_WIRE_SIPHASH_H
#define SW_WIRE_SIPHASH_H

#include <stdint.h>

struct sw_siphash {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t sw_rotl64(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sw_siphash_round(struct sw_siphash *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = sw_rotl64(s->v1, 13) ^ s->v0;
	s->v3 = sw_rotl64(s->v3, 16) ^ s->v2;
	s->v0 = sw_rotl64(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = sw_rotl64(s->v1, 17) ^ s->v2;
	s->v3 = sw_rotl64(s->v3, 21) ^ s->v0;
	s->v2 = sw_rotl64(s->v2, 32);
}

static inline void sw_siphash_start(struct sw_siphash *s, const uint64_t key[2])
{
	s->v0 = key[0] ^ 0x736f6d6570736575ull;
	s->v1 = key[1] ^ 0x646f72616e646f6dull;
	s->v2 = key[0] ^ 0x6c7967656e657261ull;
	s->v3 = key[1] ^ 0x7465646279746573ull;
}

/** Add eight bytes, as a little-endian number. */
static inline void sw_siphash_word(struct sw_siphash *s, uint64_t word)
{
	s->v3 ^= word;
	sw_siphash_round(s);
	sw_siphash_round(s);
	s->v0 ^= word;
}

/** @param tail  the last 0 to 7 bytes as a little-endian number
 * @param len  bytes in all, tail included */
static inline uint64_t sw_siphash_end(struct sw_siphash *s, uint64_t tail, unsigned len)
{
	sw_siphash_word(s, tail | (uint64_t)len << 56);
	s->v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sw_siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

#endif
