/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/name.h"
#include <errno.h>
#include <string.h>
#include <sys/random.h>

int sw_hash_key_draw(struct sw_hash_key *key)
{
	if (getrandom(key, sizeof(*key), 0) != (ssize_t)sizeof(*key))
		return -EIO;
	for (unsigned i = 0; i < SW_LABEL_WORDS; i++) {
		key->word_mul[i][0] |= 1;
		key->word_mul[i][1] |= 1;
	}
	key->fold_mul[0] |= 1;
	key->fold_mul[1] |= 1;
	key->len_mul |= 1;
	return 0;
}

static inline uint64_t word_at(const uint8_t *from, size_t size)
{
	uint64_t word = 0;
	memcpy(&word, from, size);
	return word;
}

/** The first bytes as a little-endian word, zero beyond. Names are short, and a copy of so many bytes would
 * be a call: two that overlap are not. */
static inline uint64_t short_word(const uint8_t *from, size_t len)
{
	if (len >= 8)
		return word_at(from, 8);
	if (len >= 4)
		return word_at(from, 4) | word_at(from + len - 4, 4) << (8 * (len - 4));
	if (len >= 2)
		return word_at(from, 2) | word_at(from + len - 2, 2) << (8 * (len - 2));
	return len ? *from : 0;
}

uint64_t sw_label_hash(const struct sw_hash_key *key, const uint8_t *label)
{
	uint32_t len = label[0];
	uint64_t hash = sw_hash_label_start(key, len);
	for (uint32_t i = 0; 8 * i < len; i++)
		hash = sw_hash_label_word(
			key, hash, i, sw_lower8(short_word(label + 1 + 8 * i, len - 8 * i)));
	return hash;
}

uint64_t sw_name_hash(const struct sw_hash_key *key, const uint8_t *name)
{
	return sw_name_hash_in(key, name, 1, key->root);
}

uint64_t sw_name_hash_in(
	const struct sw_hash_key *key, const uint8_t *name, size_t apex_len, uint64_t apex_hash)
{
	const uint8_t *labels[SW_LABELS_MAX + 1], *end = name;
	unsigned n = 0;
	for (; *end && n < SW_LABELS_MAX; end += 1 + *end)
		labels[n++] = end;

	size_t below_len = (size_t)(end + 1 - name) - apex_len;
	while (n > 0 && (size_t)(labels[n - 1] - name) >= below_len)
		n--;
	uint64_t hash = apex_hash;
	while (n > 0)
		hash = sw_hash_fold(key, hash, sw_label_hash(key, labels[--n]));
	return hash;
}

size_t sw_name_len(const uint8_t *name)
{
	const uint8_t *end = name;
	while (*end)
		end += 1 + *end;
	return (size_t)(end - name) + 1;
}

unsigned sw_name_labels(const uint8_t *name)
{
	unsigned n = 0;
	for (; *name; name += 1 + *name)
		n++;
	return n;
}

const uint8_t *sw_name_skip(const uint8_t *name, unsigned labels)
{
	while (labels-- > 0)
		name += 1 + *name;
	return name;
}

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

void sw_name_lower(uint8_t *name)
{
	/* length bytes are at most 63, below 'A': the whole name can be mapped */
	size_t len = sw_name_len(name);
	for (; len >= 8; len -= 8, name += 8) {
		uint64_t word = sw_lower8(word_at(name, 8));
		memcpy(name, &word, 8);
	}
	for (; len > 0; len--, name++)
		*name = lower(*name);
}

static bool bytes_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i += 8) {
		uint64_t x = short_word(a + i, len - i), y = short_word(b + i, len - i);
		if (x != y && sw_lower8(x) != sw_lower8(y))
			return false;
	}
	return true;
}

bool sw_name_equal(const uint8_t *a, const uint8_t *b)
{
	size_t len = sw_name_len(a);
	return len == sw_name_len(b) && bytes_equal(a, b, len);
}

bool sw_name_in(const uint8_t *name, const uint8_t *apex)
{
	size_t len = sw_name_len(name), apex_len = sw_name_len(apex);
	if (len < apex_len || !bytes_equal(name + len - apex_len, apex, apex_len))
		return false;
	for (; len > apex_len; name += 1 + *name)
		len -= 1u + *name;
	return len == apex_len; /* else the same bytes begin inside a label */
}

static int label_compare(const uint8_t *a, const uint8_t *b)
{
	uint8_t common = *a < *b ? *a : *b;
	for (uint8_t i = 1; i <= common; i++) {
		int order = lower(a[i]) - lower(b[i]);
		if (order != 0)
			return order;
	}
	return *a - *b;
}

int sw_name_compare(const uint8_t *a, const uint8_t *b)
{
	unsigned a_labels = sw_name_labels(a), b_labels = sw_name_labels(b);
	unsigned common = a_labels < b_labels ? a_labels : b_labels;
	for (unsigned i = 1; i <= common; i++) {
		int order = label_compare(sw_name_skip(a, a_labels - i), sw_name_skip(b, b_labels - i));
		if (order != 0)
			return order;
	}
	return (int)a_labels - (int)b_labels;
}

bool sw_name_search(const uint8_t *name, const void *list, size_t count, size_t size,
	int (*compare)(const void *name, const void *element), size_t *at)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(name, (const uint8_t *)list + middle * size);
		if (order == 0) {
			*at = middle;
			return true;
		}
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return false;
}

char *sw_name_text(const uint8_t *name, char *text)
{
	char *out = text;
	if (*name == 0)
		*out++ = '.';
	while (*name) {
		for (uint8_t i = 1; i <= *name; i++) {
			uint8_t byte = name[i];
			if (byte <= ' ' || byte >= 0x7f) {
				*out++ = '\\';
				*out++ = (char)('0' + byte / 100);
				*out++ = (char)('0' + byte / 10 % 10);
				*out++ = (char)('0' + byte % 10);
				continue;
			}
			if (strchr(".\\\"();@$", byte))
				*out++ = '\\';
			*out++ = (char)byte;
		}
		*out++ = '.';
		name += 1 + *name;
	}
	*out = '\0';
	return text;
}

/** One byte of a label, escapes resolved (RFC 1035 s5.1). @return bytes of text used, or 0 */
static unsigned parse_byte(const char *text, uint8_t *byte)
{
	if (text[0] != '\\') {
		*byte = (uint8_t)text[0];
		return 1;
	}
	if (text[1] < '0' || text[1] > '9') {
		*byte = (uint8_t)text[1];
		return text[1] ? 2 : 0;
	}
	unsigned value = 0;
	for (unsigned i = 1; i <= 3; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	*byte = (uint8_t)value;
	return value <= 255 ? 4 : 0;
}

int sw_name_parse(const char *text, uint8_t *name)
{
	uint8_t out[SW_NAME_MAX + 1];
	size_t label = 0, len = 1; /* out[label] is the length byte being filled */
	if (strcmp(text, ".") == 0) {
		name[0] = 0;
		return 1;
	}
	if (*text == '\0')
		return -EINVAL;
	while (*text) {
		if (*text == '.') {
			if (len == label + 1)
				return -EINVAL; /* empty label */
			out[label] = (uint8_t)(len - label - 1);
			label = len++;
			text++;
		} else {
			unsigned used = parse_byte(text, &out[len]);
			if (used == 0 || ++len - label - 1 > SW_LABEL_MAX)
				return -EINVAL;
			text += used;
		}
		if (len > SW_NAME_MAX)
			return -EINVAL;
	}
	if (len > label + 1) { /* no final dot */
		out[label] = (uint8_t)(len - label - 1);
		label = len++;
	}
	if (len > SW_NAME_MAX)
		return -EINVAL;
	out[label] = 0;
	memcpy(name, out, len);
	return (int)len;
}
