/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names: text that anybody may write into a zone file, and what must hold for every name that comes of it. */
#include "wire/name.h"
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 4096

static const struct sw_hash_key key = {
	.nh = {0x9e3779b9, 0x7f4a7c15, 0xf39cc060, 0x5cedc834, 0x1082276b, 0xf3a27251, 0xf86c6a11, 0xd0c18e95,
		0x2767f0b1, 0x53d27b77, 0x03472abf, 0x2c79d4d3, 0x9fb21c65, 0x1e98df25, 0x7f4a7c13,
		0x2545f491},
	.root = 0x243f6a8885a308d3,
	.len_mul = 0x9e3779b97f4a7c15,
	.fold_mul = {0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53},
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

/** What holds for every name by itself. */
static void name_check(const uint8_t *name, size_t len)
{
	char text[SW_NAME_TEXT_MAX];
	uint8_t again[SW_NAME_MAX], lower[SW_NAME_MAX];

	require(len >= 1 && len <= SW_NAME_MAX && sw_name_len(name) == len);
	require(sw_name_labels(name) <= SW_LABELS_MAX);
	require(*sw_name_skip(name, sw_name_labels(name)) == 0);

	require(strlen(sw_name_text(name, text)) < SW_NAME_TEXT_MAX);
	require(sw_name_parse(text, again) == (int)len && memcmp(name, again, len) == 0);

	memcpy(lower, name, len);
	sw_name_lower(lower);
	require(sw_name_len(lower) == len && sw_name_equal(lower, name));
	require(sw_name_compare(lower, name) == 0);
	require(sw_name_hash(&key, lower) == sw_name_hash(&key, name));
}

/** What holds between a name and its parent. */
static void parent_check(const uint8_t *name)
{
	if (*name == 0)
		return;
	const uint8_t *parent = sw_name_skip(name, 1);
	require(sw_name_in(name, parent) && !sw_name_in(parent, name));
	require(sw_name_compare(parent, name) < 0 && sw_name_compare(name, parent) > 0);
	uint64_t hash = sw_hash_fold(&key, sw_name_hash(&key, parent), sw_label_hash(&key, name));
	require(hash == sw_name_hash(&key, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX + 1];
	uint8_t first[SW_NAME_MAX], second[SW_NAME_MAX];

	/* two names in text, the first line and the second */
	if (size > TEXT_MAX)
		size = TEXT_MAX;
	memcpy(text, data, size);
	text[size] = '\0';
	char *rest = text;
	char *line = strsep(&rest, "\n");

	int first_len = sw_name_parse(line, first);
	if (first_len < 0)
		return 0;
	name_check(first, (size_t)first_len);
	parent_check(first);

	int second_len = rest ? sw_name_parse(rest, second) : -1;
	if (second_len < 0)
		return 0;
	int order = sw_name_compare(first, second), back = sw_name_compare(second, first);
	require((order < 0) == (back > 0) && (order == 0) == (back == 0));
	require(sw_name_equal(first, second) == (order == 0));
	return 0;
}
