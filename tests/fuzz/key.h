/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A hash key that is the same in each run, so that an input found once fails again. Its numbers are those of
 * SplitMix64 (https://prng.di.unimi.it/splitmix64.c) after 0, made odd. */
#ifndef SW_FUZZ_KEY_H
#define SW_FUZZ_KEY_H

#include "wire/hash.h"

static const struct sw_hash_key fuzz_key = {
	.word_mul = {{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f5}, {0x06c45d188009454f, 0xf88bb8a8724c81ed},
		{0x1b39896a51a8749b, 0x53cb9f0c747ea2eb}, {0x2c829abe1f4532e1, 0xc584133ac916ab3d},
		{0x3ee5789041c98ac3, 0xf3b8488c368cb0a7}, {0x657eecdd3cb13d09, 0xc2d326e0055bdef7},
		{0x8621a03fe0bbdb7b, 0x8e1f7555983aa92f}, {0xb54e0f1600cc4d19, 0x84bb3f97971d80ab}},
	.fold_mul = {0x7d29825c75521255, 0xc3cf17102b7f7f87},
	.len_mul = 0x3466e9a083914f65,
	.root = 0xd81a8d2b5a4485ad,
};

#endif
