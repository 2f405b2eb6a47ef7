/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names as zones have them: a million that count up, in several shapes. No two of them may share a hash. */
#include "wire/name.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAMES 1000000u
#define KEYS 2
#define SET_BITS 22 /* four times as many places as names */

/** Write the label of number n. @return its length */
typedef int shape_fn(char *label, unsigned n);

static int shape_letter(char *label, unsigned n)
{
	return sprintf(label, "h%07u", n);
}

static int shape_short(char *label, unsigned n)
{
	return sprintf(label, "%06u", n);
}

static int shape_any_length(char *label, unsigned n)
{
	return sprintf(label, "host%u", n);
}

/** Digits on both sides of a border between words. */
static int shape_across(char *label, unsigned n)
{
	return sprintf(label, "pool%07u", n);
}

/** Four bytes from digit to digit: the last ones of three numbers lie in the same place of both halves. */
static int shape_address(char *label, unsigned n)
{
	return sprintf(label, "010-%03u-%03u-%03u", n / 10000, n / 100 % 100, n % 100);
}

/** Only the last bytes of two words differ. */
static int shape_ends(char *label, unsigned n)
{
	return sprintf(label, "abcd%04uabcd%04u", n / 1000, n % 1000);
}

static int shape_third_word(char *label, unsigned n)
{
	return sprintf(label, "customer-site-%07u-internal", n);
}

static int shape_hexadecimal(char *label, unsigned n)
{
	return sprintf(label, "%08x-%04x-%04x-%08x", n * 2654435761u, n & 0xffff, n >> 16, ~n);
}

static int shape_longest(char *label, unsigned n)
{
	return sprintf(label, "%06u%051d%06u", n, 0, n / 7);
}

/** A set of hashes, empty where 0; the hash 0 itself is not expected. */
struct set {
	uint64_t *hashes;
	unsigned found; /* that were there already */
};

static void set_add(struct set *set, uint64_t hash)
{
	size_t at = hash >> (64 - SET_BITS);
	while (set->hashes[at] != 0 && set->hashes[at] != hash)
		at = (at + 1) & (((size_t)1 << SET_BITS) - 1);
	set->found += set->hashes[at] == hash;
	set->hashes[at] = hash;
}

static void set_clear(struct set *set)
{
	set->found = 0;
	memset(set->hashes, 0, sizeof(*set->hashes) << SET_BITS);
}

static void labels_add(struct set *sets, const struct sw_hash_key *keys, shape_fn *shape)
{
	for (unsigned n = 0; n < NAMES; n++) {
		char label[SW_LABEL_MAX + 2];
		uint8_t name[SW_LABEL_MAX + 2] = {0};
		int len = shape(label, n);
		assert_in_range(len, 1, SW_LABEL_MAX);
		name[0] = (uint8_t)len;
		memcpy(name + 1, label, (size_t)len);
		for (unsigned k = 0; k < KEYS; k++)
			set_add(&sets[k], sw_name_hash(&keys[k], name));
	}
}

static void test_names_that_count_up(void **state)
{
	static const struct {
		const char *name;
		shape_fn *shape;
	} shapes[] = {
		{"a letter and seven digits", shape_letter},
		{"six digits", shape_short},
		{"any length", shape_any_length},
		{"across two words", shape_across},
		{"addresses", shape_address},
		{"the ends of two words", shape_ends},
		{"a third word", shape_third_word},
		{"hexadecimal", shape_hexadecimal},
		{"the longest labels", shape_longest},
	};
	struct sw_hash_key keys[KEYS];
	struct set sets[KEYS];
	(void)state;
	for (unsigned k = 0; k < KEYS; k++) {
		sets[k].hashes = malloc(sizeof(*sets[k].hashes) << SET_BITS);
		assert_non_null(sets[k].hashes);
		assert_int_equal(sw_hash_key_draw(&keys[k]), 0);
	}
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		for (unsigned k = 0; k < KEYS; k++)
			set_clear(&sets[k]);
		labels_add(sets, keys, shapes[i].shape);
		for (unsigned k = 0; k < KEYS; k++) {
			if (sets[k].found > 0)
				fail_msg("%s: %u names have the hash of another", shapes[i].name,
					sets[k].found);
		}
	}
	for (unsigned k = 0; k < KEYS; k++)
		free(sets[k].hashes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_names_that_count_up)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
