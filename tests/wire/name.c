/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/name.h"
/* cmocka.h wants these before it */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t *parse(const char *text, uint8_t *name)
{
	int len = sw_name_parse(text, name);
	if (len < 0)
		fail_msg("\"%s\" does not parse", text);
	assert_int_equal(len, sw_name_len(name));
	return name;
}

/** A name of `count` labels of `len` bytes each, then one of `last` bytes. */
static void text_fill(char *text, unsigned count, unsigned len, unsigned last)
{
	while (count-- > 0) {
		memset(text, 'a', len);
		text[len] = '.';
		text += len + 1;
	}
	memset(text, 'b', last);
	text[last] = '\0';
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		const char *wire;
		int len;
	} rows[] = {
		{".", "", 1},
		{"a", "\1a", 3},
		{"a.", "\1a", 3},
		{"www.Example.COM.", "\3www\7Example\3COM", 17},
		{"*.x", "\1*\1x", 5},
		{"a\\.b.c", "\3a.b\1c", 7},
		{"\\065\\000\\255.", "\3A\0\377", 5},
		{"\\\\", "\1\\", 3},
		{"..", NULL, -EINVAL},
		{"a..b", NULL, -EINVAL},
		{".a", NULL, -EINVAL},
		{"", NULL, -EINVAL},
		{"\\", NULL, -EINVAL},
		{"\\\0x", NULL, -EINVAL}, /* nothing is read beyond the end */
		{"\\25", NULL, -EINVAL},
		{"\\256", NULL, -EINVAL},
		{"\\2x5", NULL, -EINVAL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t name[SW_NAME_MAX];
		int len = sw_name_parse(rows[i].text, name);
		if (len != rows[i].len)
			fail_msg("\"%s\": %d, not %d", rows[i].text, len, rows[i].len);
		if (len > 0)
			assert_memory_equal(name, rows[i].wire, (size_t)len);
	}
}

/* RFC 1035 s2.3.4: labels of 63 bytes, names of 255. */
static void test_parse_limits(void **state)
{
	static const struct {
		unsigned count, len, last;
		int result;
	} rows[] = {
		{0, 0, 63, 65},
		{0, 0, 64, -EINVAL},
		{3, 63, 61, 255},
		{3, 63, 62, -EINVAL},
		{126, 1, 1, 255},
		{127, 1, 1, -EINVAL},
		{1, 64, 1, -EINVAL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		uint8_t name[SW_NAME_MAX];
		text_fill(text, rows[i].count, rows[i].len, rows[i].last);
		assert_int_equal(sw_name_parse(text, name), rows[i].result);
		strcat(text, ".");
		assert_int_equal(sw_name_parse(text, name), rows[i].result);
	}
}

static void test_parse_writes_on_success_only(void **state)
{
	uint8_t name[SW_NAME_MAX];
	(void)state;
	memset(name, 0x5a, sizeof(name));
	assert_int_equal(sw_name_parse("good.bad..", name), -EINVAL);
	for (size_t i = 0; i < sizeof(name); i++)
		assert_int_equal(name[i], 0x5a);
}

static void test_text(void **state)
{
	static const char *rows[][2] = {
		{".", "."},
		{"Www.example", "Www.example."},
		{"a\\.b.c", "a\\.b.c."},
		{"\\000\\032\\127\\255", "\\000\\032\\127\\255."},
		{"\\\"\\;\\(\\)\\@\\$\\\\", "\\\"\\;\\(\\)\\@\\$\\\\."},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t name[SW_NAME_MAX];
		char text[SW_NAME_TEXT_MAX];
		assert_string_equal(sw_name_text(parse(rows[i][0], name), text), rows[i][1]);
	}
}

/* The longest text there is: every byte of the longest name escaped. */
static void test_text_longest(void **state)
{
	uint8_t name[SW_NAME_MAX] = {0}, again[SW_NAME_MAX];
	char text[SW_NAME_TEXT_MAX];
	(void)state;
	for (unsigned at = 0; at < 254; at += name[at] + 1u) {
		name[at] = at == 192 ? 61 : 63;
		memset(name + at + 1, 0xff, name[at]);
	}
	assert_int_equal(sw_name_len(name), 255);
	assert_int_equal(strlen(sw_name_text(name, text)), 4 * 250 + 4);
	assert_int_equal(sw_name_parse(text, again), 255);
	assert_memory_equal(name, again, 255);
}

/* RFC 4034 s6.1, its own example; RFC 4343 s3 for the bytes around the letters. */
static void test_compare(void **state)
{
	static const char *ordered[] = {
		"example",
		"a.example",
		"yljkjljk.a.example",
		"Z.a.example",
		"zABC.a.EXAMPLE",
		"z.example",
		"\\001.z.example",
		"*.z.example",
		"@.z.example",
		"[.z.example",
		"`.z.example",
		"b.z.example",
		"{.z.example",
		"\\200.z.example",
	};
	size_t count = sizeof(ordered) / sizeof(ordered[0]);
	(void)state;
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < count; j++) {
			uint8_t a[SW_NAME_MAX], b[SW_NAME_MAX];
			int order = sw_name_compare(parse(ordered[i], a), parse(ordered[j], b));
			if ((order < 0) != (i < j) || (order == 0) != (i == j))
				fail_msg("%s and %s: %d", ordered[i], ordered[j], order);
		}
	}
}

static int compare_element(const void *name, const void *element)
{
	return sw_name_compare(name, *(const uint8_t *const *)element);
}

static void test_search(void **state)
{
	static const char *const ordered[] = {
		"example", "a.example", "Z.a.example", "z.example", "*.z.example"};
	enum { COUNT = sizeof(ordered) / sizeof(ordered[0]) };
	uint8_t names[COUNT][SW_NAME_MAX];
	const uint8_t *list[COUNT];
	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		parse(ordered[i], names[i]);
	/* every list that leaves some of them out, asked for each */
	for (unsigned chosen = 0; chosen < 1u << COUNT; chosen++) {
		size_t count = 0, before = 0, at;
		for (size_t i = 0; i < COUNT; i++) {
			if (chosen >> i & 1)
				list[count++] = names[i];
		}
		for (size_t i = 0; i < COUNT; i++) {
			bool is_in = chosen >> i & 1;
			assert_int_equal(
				sw_name_search(names[i], list, count, sizeof(list[0]), compare_element, &at),
				is_in);
			assert_int_equal(at, before);
			before += is_in;
		}
	}
}

static void test_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{"www.example", "WWW.eXample", true},
		{".", ".", true},
		{"a.example", "b.example", false},
		{"ab.c", "a.bc", false},
		{"[.example", "{.example", false}, /* 0x5b and 0x7b: no letters */
		{"@.example", "`.example", false},
		{"\\200", "\\232", false},
		{"a", "a.a", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t a[SW_NAME_MAX], b[SW_NAME_MAX];
		if (sw_name_equal(parse(rows[i].a, a), parse(rows[i].b, b)) != rows[i].equal)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
	}
}

static void test_in(void **state)
{
	static const struct {
		const char *name, *apex;
		bool in;
	} rows[] = {
		{"example.com", "EXAMPLE.com", true}, {"a.b.example.com", "example.com", true},
		{"a.b.example.com", ".", true}, {"badexample.com", "example.com", false},
		{"com", "example.com", false}, {"example.com.org", "example.com", false},
		{"x\\007example.com", "example.com", false}, /* bytes alike, labels not */
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t name[SW_NAME_MAX], apex[SW_NAME_MAX];
		if (sw_name_in(parse(rows[i].name, name), parse(rows[i].apex, apex)) != rows[i].in)
			fail_msg("%s in %s", rows[i].name, rows[i].apex);
	}
}

/* Every byte: sw_lower8() treats eight at once, sw_name_lower() one by one. */
static void test_lower(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		uint8_t name[] = {1, (uint8_t)byte, 0};
		uint8_t want = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : (uint8_t)byte;
		sw_name_lower(name);
		assert_int_equal(name[1], want);
		for (unsigned at = 0; at < 8; at++) {
			uint64_t others =
				0x5a417a615b40ff00; /* Z A z a [ @ and two that are no ASCII letters */
			uint64_t mask = 0xffull << (8 * at);
			uint64_t lowered = sw_lower8((others & ~mask) | (uint64_t)byte << (8 * at));
			assert_int_equal(lowered >> (8 * at) & 0xff, want);
			assert_int_equal(lowered & ~mask, 0x7a617a615b40ff00 & ~mask);
		}
	}
}

static void test_hash(void **state)
{
	static const char *names[] = {
		".",
		"a",
		"b",
		"a.b",
		"b.a",
		"ab",
		"a.a",
		"aaaaaaaa",
		"aaaaaaaaa",
		"aaaaaaaa\\000",
		"\\000",
		"\\000\\000",
	};
	size_t count = sizeof(names) / sizeof(names[0]);
	struct sw_hash_key key;
	(void)state;
	assert_int_equal(sw_hash_key_draw(&key), 0);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < count; j++) {
			uint8_t a[SW_NAME_MAX], b[SW_NAME_MAX];
			uint64_t hash = sw_name_hash(&key, parse(names[i], a));
			if ((hash == sw_name_hash(&key, parse(names[j], b))) != (i == j))
				fail_msg("%s and %s", names[i], names[j]);
		}
	}
}

/* Case does not count, for labels of every length: whole words and tails. */
static void test_hash_case(void **state)
{
	struct sw_hash_key key;
	(void)state;
	assert_int_equal(sw_hash_key_draw(&key), 0);
	for (unsigned len = 1; len <= SW_LABEL_MAX; len++) {
		uint8_t upper[SW_LABEL_MAX + 2] = {0}, lower[SW_LABEL_MAX + 2] = {0};
		upper[0] = lower[0] = (uint8_t)len;
		memset(upper + 1, 'Q', len);
		memset(lower + 1, 'q', len);
		assert_int_equal(sw_name_hash(&key, upper), sw_name_hash(&key, lower));
		lower[len] = 'r';
		assert_int_not_equal(sw_name_hash(&key, upper), sw_name_hash(&key, lower));
	}
}

static uint8_t lower_one(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 'a' - 'A') : byte;
}

/** Labels of every length, differing in every byte, in names behind which nothing may be read: the functions
 * that take eight bytes at once against one by one. */
static void test_lengths(void **state)
{
	(void)state;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	static const uint8_t bytes[] = {
		0, '@', 'A', 'M', 'Z', '[', '`', 'a', 'm', 'z', '{', 0x80, 0xc1, 0xff};
	struct sw_hash_key key;
	uint8_t *memory[2];
	assert_int_equal(sw_hash_key_draw(&key), 0);
	for (int i = 0; i < 2; i++) {
		memory[i] = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_ptr_not_equal(memory[i], MAP_FAILED);
		assert_int_equal(mprotect(memory[i] + page, page, PROT_NONE), 0);
	}
	for (unsigned len = 1; len <= SW_LABEL_MAX; len++) {
		uint8_t *a = memory[0] + page - len - 2, *b = memory[1] + page - len - 2;
		a[0] = b[0] = (uint8_t)len;
		for (unsigned at = 1; at <= len; at++)
			a[at] = bytes[(at * 5 + len) % sizeof(bytes)];
		a[len + 1] = b[len + 1] = 0;
		for (unsigned at = 1; at <= len; at++) {
			for (unsigned i = 0; i < sizeof(bytes); i++) {
				memcpy(b, a, len + 2);
				b[at] = bytes[i];
				bool is_same = lower_one(a[at]) == lower_one(b[at]);
				assert_int_equal(sw_name_equal(a, b), is_same);
				assert_int_equal(sw_name_hash(&key, a) == sw_name_hash(&key, b), is_same);
				sw_name_lower(b);
				for (unsigned k = 0; k < len + 2; k++)
					assert_int_equal(b[k], lower_one(k == at ? bytes[i] : a[k]));
			}
		}
	}
	for (int i = 0; i < 2; i++)
		munmap(memory[i], 2 * page);
}

/** From the hash of any name that it is in, the same. */
static void test_hash_in(void **state)
{
	(void)state;
	static const char *const texts[] = {".", "org", "example.org", "a.example.org", "*.a.example.org",
		"www.EXAMPLE.org", "\\000.\\255.a.b.c.d.example.org"};
	struct sw_hash_key key;
	uint8_t name[SW_NAME_MAX];
	assert_int_equal(sw_hash_key_draw(&key), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		parse(texts[i], name);
		for (unsigned labels = 0; labels <= sw_name_labels(name); labels++) {
			const uint8_t *apex = sw_name_skip(name, labels);
			assert_int_equal(
				sw_name_hash_in(&key, name, sw_name_len(apex), sw_name_hash(&key, apex)),
				sw_name_hash(&key, name));
		}
	}
}

static void test_keys_differ(void **state)
{
	static const uint8_t name[] = "\3www\7example\3com";
	struct sw_hash_key first, second;
	(void)state;
	assert_int_equal(sw_hash_key_draw(&first), 0);
	assert_int_equal(sw_hash_key_draw(&second), 0);
	assert_int_not_equal(sw_name_hash(&first, name), sw_name_hash(&second, name));
	assert_true(first.len_mul & first.fold_mul[0] & first.fold_mul[1] & 1);
	for (unsigned i = 0; i < SW_LABEL_WORDS; i++)
		assert_true(first.word_mul[i][0] & first.word_mul[i][1] & 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_limits),
		cmocka_unit_test(test_parse_writes_on_success_only),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_longest),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_in),
		cmocka_unit_test(test_lower),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_hash_case),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_hash_in),
		cmocka_unit_test(test_keys_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
