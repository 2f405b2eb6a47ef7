/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/contents.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	A = 1,
	NS = 2,
	TXT = 16,
	DNAME = 39,
};

static struct sw_contents *contents_of(const char *apex)
{
	struct sw_hash_key key;
	uint8_t name[SW_NAME_MAX];
	assert_int_equal(sw_hash_key_draw(&key), 0);
	assert_true(sw_name_parse(apex, name) > 0);
	struct sw_contents *contents = sw_contents_new(name, &key);
	assert_non_null(contents);
	return contents;
}

static int add(struct sw_contents *contents, const char *owner, uint16_t type, const void *rdata, size_t len)
{
	uint8_t name[SW_NAME_MAX];
	assert_true(sw_name_parse(owner, name) > 0);
	return sw_contents_add(contents, name, type, 300, rdata, (uint16_t)len, 0, 7);
}

static struct sw_node *find(struct sw_contents *contents, const char *owner)
{
	uint8_t name[SW_NAME_MAX];
	assert_true(sw_name_parse(owner, name) > 0);
	return sw_contents_find(contents, name);
}

static unsigned count_rrs(const struct sw_contents *contents, const struct sw_node *node, uint16_t type)
{
	unsigned count = 0;
	for (struct sw_rr *rr = sw_contents_find_rr(contents, node, type); rr;
		rr = sw_contents_next(contents, rr))
		count++;
	return count;
}

static void test_owners(void **state)
{
	(void)state;
	struct sw_contents *contents = contents_of("Example");
	assert_string_equal((const char *)sw_contents_apex(contents), "\7example");
	assert_int_equal(sw_contents_count(contents), 1);
	assert_int_equal(add(contents, "WWW.example", A, "\300\0\2\1", 4), 0);
	assert_int_equal(add(contents, "www.EXAMPLE", A, "\300\0\2\2", 4), 0);
	assert_int_equal(add(contents, "example", A, "\300\0\2\3", 4), 0);
	assert_int_equal(add(contents, "example2", A, "\300\0\2\3", 4), -ENOENT);
	assert_int_equal(add(contents, "xexample", A, "\300\0\2\3", 4), -ENOENT);
	assert_int_equal(add(contents, ".", A, "\300\0\2\3", 4), -ENOENT);
	assert_int_equal(sw_contents_finish(contents), 0);
	assert_int_equal(sw_contents_count(contents), 2);
	assert_int_equal(sw_contents_records(contents), 3);
	struct sw_node *www = find(contents, "wWw.example");
	assert_non_null(www);
	assert_string_equal((const char *)sw_contents_name(contents, www), "\3www\7example");
	assert_int_equal(count_rrs(contents, www, A), 2);
	assert_int_equal(www->labels, 2);
	assert_int_equal(www->parent, 0);
	assert_null(find(contents, "nope.example"));
	sw_contents_free(contents);
}

static void test_duplicates(void **state)
{
	(void)state;
	struct sw_contents *contents = contents_of("example");
	assert_int_equal(add(contents, "a.example", NS, "\1x", 3), 0);
	assert_int_equal(add(contents, "a.example", NS, "\1X", 3), 1); /* names: case ignored */
	assert_int_equal(add(contents, "a.example", TXT, "\1x", 2), 0);
	assert_int_equal(add(contents, "a.example", TXT, "\1X", 2), 0); /* text: not */
	assert_int_equal(add(contents, "a.example", TXT, "\1x", 2), 1);
	assert_int_equal(sw_contents_finish(contents), 0);
	assert_int_equal(sw_contents_records(contents), 3);
	sw_contents_free(contents);
}

/** At a crowded name duplicates go in finish(), and the order of the rest stays. */
static void test_crowded(void **state)
{
	(void)state;
	enum { COUNT = 3000 };
	struct sw_contents *contents = contents_of("example");
	for (unsigned i = 0; i < 2 * COUNT; i++) {
		uint32_t address = (i % COUNT) * 2654435761u;
		assert_in_range(add(contents, "a.example", A, &address, 4), 0, 1);
		char text[16];
		int len = snprintf(text + 1, sizeof(text) - 1, "%c%u", i < COUNT ? 't' : 'T', i % COUNT);
		text[0] = (char)len;
		assert_in_range(add(contents, "a.example", TXT, text, (size_t)len + 1), 0, 1);
	}
	assert_int_equal(sw_contents_finish(contents), 0);
	const struct sw_node *node = find(contents, "a.example");
	assert_int_equal(count_rrs(contents, node, A), COUNT);
	assert_int_equal(count_rrs(contents, node, TXT), 2 * COUNT);
	assert_int_equal(sw_contents_records(contents), 3 * COUNT);
	unsigned i = 0;
	struct sw_rr *rr = sw_contents_find_rr(contents, node, A);
	for (; rr; rr = sw_contents_next(contents, rr)) {
		uint32_t address = i++ * 2654435761u;
		assert_memory_equal(rr->rdata, &address, 4);
	}
	assert_int_equal(sw_contents_rr(contents, node->last)->next, 0);
	sw_contents_free(contents);
}

static void test_flags(void **state)
{
	(void)state;
	struct sw_contents *contents = contents_of("example");
	add(contents, "example", NS, "\2ns\7example", 12);
	add(contents, "glue.ns.sub.example", A, "\300\0\2\1", 4); /* before its cut */
	add(contents, "sub.example", NS, "\2ns\7example", 12);
	add(contents, "ns.sub.example", NS, "\2ns\7example", 12);
	add(contents, "a.b.c.example", A, "\300\0\2\1", 4);
	add(contents, "d.example", DNAME, "\1x", 3);
	add(contents, "*.w.example", A, "\300\0\2\1", 4);
	add(contents, "y.d.example", A, "\300\0\2\1", 4);
	assert_int_equal(sw_contents_finish(contents), 0);
	assert_int_equal(find(contents, "example")->flags, 0);
	assert_int_equal(find(contents, "sub.example")->flags, SW_NODE_CUT);
	assert_int_equal(find(contents, "ns.sub.example")->flags, SW_NODE_BELOW_CUT);
	assert_int_equal(find(contents, "glue.ns.sub.example")->flags, SW_NODE_BELOW_CUT);
	assert_int_equal(find(contents, "c.example")->flags, SW_NODE_EMPTY);
	assert_int_equal(find(contents, "b.c.example")->flags, SW_NODE_EMPTY);
	assert_int_equal(find(contents, "a.b.c.example")->flags, 0);
	assert_int_equal(find(contents, "d.example")->flags, 0);
	assert_int_equal(find(contents, "y.d.example")->flags, SW_NODE_BELOW_DNAME);
	assert_int_equal(find(contents, "w.example")->flags, SW_NODE_EMPTY | SW_NODE_HAS_WILDCARD);
	assert_int_equal(find(contents, "*.w.example")->flags, 0);
	const struct sw_node *leaf = find(contents, "a.b.c.example");
	assert_ptr_equal(sw_contents_node(contents, leaf->parent), find(contents, "b.c.example"));
	sw_contents_free(contents);
}

/** Under a key that hashes nothing but lengths, two names of one length meet. */
static void test_hash_collision(void **state)
{
	(void)state;
	struct sw_hash_key weak = {.fold_mul = {1, 1}};
	struct sw_contents *contents = sw_contents_new((const uint8_t *)"\7example", &weak);
	assert_non_null(contents);
	int error = 0;
	for (int i = 0; i < 2 && !error; i++)
		error = add(contents, i ? "b.a.example" : "a.b.example", A, "\300\0\2\1", 4);
	for (int i = 0; i < 64 && !error; i++) {
		char owner[32];
		snprintf(owner, sizeof(owner), "%c.%c.example", 'a' + i / 8, 'a' + i % 8);
		error = add(contents, owner, A, "\300\0\2\1", 4);
	}
	assert_int_equal(error, -EEXIST);
	sw_contents_free(contents);
}

/** Enough names to grow the index several times; each must be found again. */
static void test_many(void **state)
{
	(void)state;
	struct sw_contents *contents = contents_of("example");
	char owner[64];
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(owner, sizeof(owner), "n%u.p%u.example", i, i % 97);
		assert_int_equal(add(contents, owner, A, &i, 4), 0);
	}
	assert_int_equal(sw_contents_finish(contents), 0);
	assert_int_equal(sw_contents_count(contents), 20000 + 97 + 1);
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(owner, sizeof(owner), "N%u.P%u.example", i, i % 97);
		const struct sw_node *node = find(contents, owner);
		assert_non_null(node);
		assert_memory_equal(sw_contents_rr(contents, node->first)->rdata, &i, 4);
		snprintf(owner, sizeof(owner), "p%u.example", i % 97);
		assert_ptr_equal(sw_contents_node(contents, node->parent), find(contents, owner));
	}
	sw_contents_free(contents);
}

/** Names that come again and again, near each other and far apart, are one node with their records in order.
 */
static void test_apart(void **state)
{
	(void)state;
	enum { NAMES = 100, ROUNDS = 6 };
	struct sw_contents *contents = contents_of("example");
	char owner[64];
	for (unsigned near = 1; near <= NAMES; near += 33) {
		for (unsigned i = 0; i < NAMES * ROUNDS; i++) { /* `near` names in turn, then the next ones */
			unsigned group = i / (near * ROUNDS), name = group * near + i % near;
			unsigned round = i / near % ROUNDS;
			uint8_t address[4] = {10, (uint8_t)near, (uint8_t)(name & 255), (uint8_t)round};
			snprintf(owner, sizeof(owner), "n%u.p%u.example", name, near);
			assert_in_range(add(contents, owner, A, address, 4), 0, 1);
			assert_in_range(add(contents, owner, A, address, 4), 0, 1);
			if (round > 0) {
				address[3] = 0; /* as in the first round */
				assert_in_range(add(contents, owner, A, address, 4), 0, 1);
			}
		}
	}
	assert_int_equal(sw_contents_finish(contents), 0);
	for (uint32_t i = 0; i < sw_contents_count(contents); i++) {
		const struct sw_node *node = sw_contents_node(contents, i);
		assert_ptr_equal(sw_contents_find(contents, sw_contents_name(contents, node)), node);
		unsigned round = 0;
		struct sw_rr *rr = sw_contents_rr(contents, node->first);
		for (; rr; rr = sw_contents_rr(contents, rr->next))
			assert_int_equal(rr->rdata[3], round++);
	}
	sw_contents_free(contents);
}

static void test_files(void **state)
{
	(void)state;
	struct sw_contents *contents = contents_of("example");
	assert_int_equal(sw_contents_add_file(contents, "a"), 0);
	assert_int_equal(sw_contents_add_file(contents, "b"), 1);
	assert_int_equal(sw_contents_add_file(contents, "a"), 0);
	assert_string_equal(sw_contents_file(contents, 1), "b");
	assert_string_equal(sw_contents_file(contents, 9), "?");
	sw_contents_free(contents);
	sw_contents_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_owners), cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_crowded), cmocka_unit_test(test_flags),
		cmocka_unit_test(test_hash_collision), cmocka_unit_test(test_many),
		cmocka_unit_test(test_apart), cmocka_unit_test(test_files)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
