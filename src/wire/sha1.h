/* SPDX-License-Identifier: GPL-3.0-or-later */
/** SHA-1's block function (FIPS 180-4 s6.1) for NSEC3 owner names (RFC 5155 s5). Shared with BPF. */
#ifndef SW_WIRE_SHA1_H
#define SW_WIRE_SHA1_H

#include <stdint.h>

#define SW_SHA1_BLOCK 64
#define SW_SHA1_LEN 20

static inline void sw_sha1_start(uint32_t state[5])
{
	state[0] = 0x67452301;
	state[1] = 0xefcdab89;
	state[2] = 0x98badcfe;
	state[3] = 0x10325476;
	state[4] = 0xc3d2e1f0;
}

static inline uint32_t sw_rotl32(uint32_t x, unsigned bits)
{
	return x << bits | x >> (32 - bits);
}

/** @param w  the block's 16 words, converted from big-endian; overwritten. In BPF: map memory */
static inline void sw_sha1_block(uint32_t state[5], uint32_t w[16])
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
	/* not unrolled for BPF: the unrolled form spills more than its 512 bytes of stack hold */
#ifdef __bpf__
	_Pragma("clang loop unroll(disable)")
#endif
		for (unsigned t = 0; t < 80; t++)
	{
		uint32_t f, k;
		if (t < 20) {
			f = d ^ (b & (c ^ d));
			k = 0x5a827999;
		} else if (t < 40) {
			f = b ^ c ^ d;
			k = 0x6ed9eba1;
		} else if (t < 60) {
			f = (b & c) | (d & (b | c));
			k = 0x8f1bbcdc;
		} else {
			f = b ^ c ^ d;
			k = 0xca62c1d6;
		}
		uint32_t word = w[t & 15];
		uint32_t next = sw_rotl32(word ^ w[(t + 2) & 15] ^ w[(t + 8) & 15] ^ w[(t + 13) & 15], 1);
		w[t & 15] = next; /* word t + 16, in place of word t */
		uint32_t sum = sw_rotl32(a, 5) + f + e + k + word;
		e = d;
		d = c;
		c = sw_rotl32(b, 30);
		b = a;
		a = sum;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

#endif
