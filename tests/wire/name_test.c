/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/name.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t *parse(const char *text, uint8_t *name)
{
	assert_true(sw_name_parse(text, name) > 0);
	return name;
}

/* RFC 4034 s6.1: "the following names are sorted in canonical DNS name order" */
static const char *const canonical[] = {"example", "a.example", "yljkjljk.a.example", "Z.a.example",
	"zABC.a.EXAMPLE", "z.example", "\\001.z.example", "*.z.example", "\\200.z.example"};
#define CANONICAL_COUNT (sizeof(canonical) / sizeof(*canonical))

static void test_canonical_order(void **state)
{
	(void)state;
	uint8_t a[SW_NAME_MAX], b[SW_NAME_MAX];
	for (size_t i = 0; i < CANONICAL_COUNT; i++) {
		for (size_t j = 0; j < CANONICAL_COUNT; j++) {
			int order = sw_name_compare(parse(canonical[i], a), parse(canonical[j], b));
			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
	/* absence of a byte sorts before a zero byte */
	assert_true(sw_name_compare(parse("a.example", a), parse("a\\000.example", b)) < 0);
	assert_int_equal(sw_name_compare(parse("WWW.Example", a), parse("www.eXAMPLE", b)), 0);
}

static const struct {
	const char *text;
	const char *wire;
	int len; /* -EINVAL: refused */
	const char *canonical_text;
} texts[] = {
	{".", "", 1, "."},
	{"example", "\7example", 9, "example."},
	{"www.Example.", "\3www\7Example", 13, "www.Example."},
	{"a\\.b.c", "\3a.b\1c", 7, "a\\.b.c."},
	{"\\097\\046", "\2a.", 4, "a\\.."},
	{"a\\\\b", "\3a\\b", 5, "a\\\\b."},
	{"a\\ b", "\3a b", 5, "a\\032b."},
	{"\\255\\000", "\2\377\0", 4, "\\255\\000."},
	{"@.\\$", "\1@\1$", 5, "\\@.\\$."},
	{"", NULL, -EINVAL, NULL},
	{"..", NULL, -EINVAL, NULL},
	{".a", NULL, -EINVAL, NULL},
	{"a..b", NULL, -EINVAL, NULL},
	{"a\\", NULL, -EINVAL, NULL},
	{"a\\25", NULL, -EINVAL, NULL},
	{"a\\256", NULL, -EINVAL, NULL},
	{"a\\2x5", NULL, -EINVAL, NULL},
};

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		uint8_t name[SW_NAME_MAX];
		char text[SW_NAME_TEXT_MAX];
		assert_int_equal(sw_name_parse(texts[i].text, name), texts[i].len);
		if (texts[i].len < 0)
			continue;
		assert_memory_equal(name, texts[i].wire, texts[i].len - 1);
		assert_int_equal(name[texts[i].len - 1], 0);
		assert_int_equal(sw_name_len(name), texts[i].len);
		assert_string_equal(sw_name_text(name, text), texts[i].canonical_text);
	}
}

/** "xx...x.xx...x. ..." with labels of the given lengths. */
static char *labels_text(char *text, const unsigned *lens, size_t count)
{
	char *out = text;
	for (size_t i = 0; i < count; i++) {
		memset(out, 'x', lens[i]);
		out += lens[i];
		*out++ = '.';
	}
	*out = '\0';
	return text;
}

static void test_limits(void **state)
{
	(void)state;
	uint8_t name[SW_NAME_MAX];
	char text[2048];
	assert_int_equal(sw_name_parse(labels_text(text, (unsigned[]){63}, 1), name), 65);
	assert_int_equal(sw_name_parse(labels_text(text, (unsigned[]){64}, 1), name), -EINVAL);
	assert_int_equal(sw_name_parse(labels_text(text, (unsigned[]){63, 63, 63, 61}, 4), name), 255);
	assert_int_equal(sw_name_parse(labels_text(text, (unsigned[]){63, 63, 63, 62}, 4), name), -EINVAL);
	unsigned ones[SW_LABELS_MAX + 1];
	for (size_t i = 0; i <= SW_LABELS_MAX; i++)
		ones[i] = 1;
	assert_int_equal(sw_name_parse(labels_text(text, ones, SW_LABELS_MAX), name), 255);
	assert_int_equal(sw_name_labels(name), SW_LABELS_MAX);
	assert_int_equal(sw_name_parse(labels_text(text, ones, SW_LABELS_MAX + 1), name), -EINVAL);

	/* the longest text there is: 250 bytes, each escaped, in four labels */
	char *out = text;
	for (int i = 0; i < 250; i++) {
		if (i > 0 && i % 63 == 0)
			*out++ = '.';
		memcpy(out, "\\001", 4);
		out += 4;
	}
	*out = '\0';
	char back[SW_NAME_TEXT_MAX];
	assert_int_equal(sw_name_parse(text, name), 255);
	assert_int_equal(strlen(sw_name_text(name, back)), 250 * 4 + 4);
}

static void test_in(void **state)
{
	(void)state;
	uint8_t name[SW_NAME_MAX], apex[SW_NAME_MAX];
	assert_true(sw_name_in(parse("a.b.Example", name), parse("eXample", apex)));
	assert_true(sw_name_in(parse("example", name), parse("example", apex)));
	assert_true(sw_name_in(parse("x.y", name), parse(".", apex)));
	assert_false(sw_name_in(parse("xexample", name), parse("example", apex)));
	assert_false(sw_name_in(parse("example", name), parse("a.example", apex)));
	assert_false(sw_name_in(parse("a\\.example", name), parse("example", apex)));
}

static void test_hash(void **state)
{
	(void)state;
	struct sw_hash_key key, other;
	uint8_t a[SW_NAME_MAX], b[SW_NAME_MAX];
	assert_int_equal(sw_hash_key_draw(&key), 0);
	assert_int_equal(sw_hash_key_draw(&other), 0);
	parse("WwW.a-label-of-more-than-sixteen-bytes.Example", a);
	parse("www.A-LABEL-of-more-than-sixteen-bytes.eXAMPLE", b);
	assert_true(sw_name_hash(&key, a) == sw_name_hash(&key, b));
	assert_true(sw_name_hash(&key, a) != sw_name_hash(&other, a));
	assert_true(sw_name_hash(&key, sw_name_skip(a, 3)) == key.root);
	/* the fold from the right is the hash of the whole */
	uint64_t parent = sw_name_hash(&key, sw_name_skip(a, 1));
	assert_true(sw_hash_fold(&key, parent, sw_label_hash(&key, a)) == sw_name_hash(&key, a));
	/* neither length nor place of a zero byte is lost */
	assert_true(sw_name_hash(&key, parse("a.b", a)) != sw_name_hash(&key, parse("b.a", b)));
	assert_true(sw_name_hash(&key, parse("a\\000", a)) != sw_name_hash(&key, parse("a", b)));
	assert_true(sw_name_hash(&key, parse("ab", a)) != sw_name_hash(&key, parse("a.b", b)));
}

static void test_lower(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		uint64_t word = byte | (uint64_t)byte << 56;
		uint64_t want = byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
		assert_true(sw_lower8(word) == (want | want << 56));
	}
	uint8_t name[SW_NAME_MAX];
	parse("\\064AZ\\091\\193.X", name);
	sw_name_lower(name);
	assert_memory_equal(name, "\5@az[\301\1x", 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_canonical_order),
		cmocka_unit_test(test_texts), cmocka_unit_test(test_limits), cmocka_unit_test(test_in),
		cmocka_unit_test(test_hash), cmocka_unit_test(test_lower)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
