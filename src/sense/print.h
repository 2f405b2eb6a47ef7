/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Keyed fingerprints of addresses and names: who does not know the key can neither make two collide nor aim
 * at one place of a table. The key is the node's; what is to be merged between nodes needs the same one. */
#ifndef SW_SENSE_PRINT_H
#define SW_SENSE_PRINT_H

#include "answer/sample.h"
#include "wire/hash.h"
#include "wire/siphash.h"
#include <string.h>

struct sw_print_key {
	uint64_t word[2];
};

/** splitmix64 (Steele, Lea, Flood 2014): as many keys from one seed as are wanted. */
static inline struct sw_print_key sw_print_key_make(uint64_t *seed)
{
	struct sw_print_key key;
	for (int i = 0; i < 2; i++) {
		uint64_t z = *seed += 0x9e3779b97f4a7c15ull;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
		z = (z ^ z >> 27) * 0x94d049bb133111ebull;
		key.word[i] = z ^ z >> 31;
	}
	return key;
}

static inline uint64_t sw_print_address(
	const struct sw_print_key *key, const uint8_t address[16], uint8_t address_len)
{
	struct sw_siphash hash;
	uint64_t words[2] = {0};
	memcpy(words, address, address_len);
	sw_siphash_start(&hash, key->word);
	sw_siphash_word(&hash, words[0]);
	sw_siphash_word(&hash, words[1]);
	return sw_siphash_end(&hash, address_len, 1);
}

/** Of as much of the name as the sample holds; upper and lower case are the same. */
static inline uint64_t sw_print_name(const struct sw_print_key *key, const struct sw_sample *sample)
{
	struct sw_siphash hash;
	uint8_t name[80] = {0};
	unsigned bytes = sample->name_bytes < SW_SAMPLE_NAME ? sample->name_bytes : SW_SAMPLE_NAME;
	memcpy(name, sample->name, bytes);
	sw_siphash_start(&hash, key->word);
	for (unsigned at = 0; at < bytes; at += 8) {
		uint64_t word;
		memcpy(&word, name + at, sizeof(word));
		sw_siphash_word(&hash, sw_lower8(word));
	}
	return sw_siphash_end(&hash, sample->zone & 0xffffffffffffffull, sample->name_bytes);
}

static inline uint64_t sw_print_question(
	const struct sw_print_key *key, uint64_t source_print, uint64_t name_print, uint16_t type)
{
	struct sw_siphash hash;
	sw_siphash_start(&hash, key->word);
	sw_siphash_word(&hash, source_print);
	sw_siphash_word(&hash, name_print);
	return sw_siphash_end(&hash, type, 2);
}

#endif
