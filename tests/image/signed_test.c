/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Signed zones that change: readers look on, memory does not grow, and the trees that proofs are found in
 * are as those that are built. */
#include "answer/answer.h"
#include "image/gaps.h"
#include "image/store_inside.h"
#include "states.h"
#include <errno.h>
#include <urcu.h>

#define READERS 2
#define CHANGES 3000

static struct sw_store *store_new(void)
{
	struct sw_store *store;
	assert_int_equal(sw_store_new(&store, NULL), 0);
	return store;
}

static size_t ask_native(struct states_reader *reader, const uint8_t *query, size_t query_len, uint8_t *reply)
{
	static const struct sw_asker asker = {.address = {192, 0, 2, 1}, .address_len = 4};
	unsigned verdict;
	rcu_read_lock();
	size_t len = sw_answer(
		reader->worker, sw_store_view(reader->context), &asker, query, query_len, reply, &verdict);
	rcu_read_unlock();
	assert_true(len >= SW_HEADER_LEN); /* natively nothing is left to others */
	return len;
}

static void read_while_it_changes(bool is_nsec3, uint64_t seed)
{
	struct states_reader readers[READERS] = {0};
	struct sw_store *store = store_new();
	struct states *states = states_new(store, is_nsec3, seed);
	unsigned again = 0;
	for (unsigned i = 0; i < READERS; i++)
		readers[i] = (struct states_reader){
			.ask = ask_native, .context = store, .worker = sw_worker_new()};
	states_start(states, readers, READERS);
	for (unsigned i = 0; i < CHANGES; i++) {
		again += states_change(states, store);
		if (i % 7 == 0)
			sw_store_settle(store);
	}
	states_end(readers, READERS);
	assert_in_range(again, 0, is_nsec3 ? CHANGES / 2 : CHANGES / 20);
	for (unsigned i = 0; i < READERS; i++)
		sw_worker_free(readers[i].worker);
	sw_store_free(store);
	states_free(states);
}

static void test_readers_nsec(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 3; i++)
		read_while_it_changes(false, i);
}

static void test_readers_nsec3(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 3; i++)
		read_while_it_changes(true, 10 + i);
}

/** Each answer after each change, and no more memory after many changes than after some. */
static void test_memory(void **state)
{
	(void)state;
	for (unsigned is_nsec3 = 0; is_nsec3 < 2; is_nsec3++) {
		struct sw_store *store = store_new();
		struct states *states = states_new(store, is_nsec3, 20 + is_nsec3);
		struct states_reader reader = {
			.ask = ask_native, .context = store, .worker = sw_worker_new()};
		uint64_t most[2] = {0};
		for (unsigned i = 0; i < 4000; i++) {
			struct sw_store_zone zone;
			states_change(states, store);
			assert_true(sw_store_find(store, (const uint8_t *)"\7example", &zone));
			if (zone.image_bytes > most[i / 2000])
				most[i / 2000] = zone.image_bytes;
			if (i % 100 == 0)
				assert_int_equal(states_look(states, &reader), 0);
		}
		/* blocks are powers of two */
		assert_in_range(most[1], 1, 2 * most[0]);
		sw_worker_free(reader.worker);
		sw_store_free(store);
		states_free(states);
	}
}

/* ---- trees ---- */

#define KEYS 20000

static struct sw_gap_key key_of(unsigned number, uint8_t label[16])
{
	label[0] = (uint8_t)sprintf((char *)label + 1, "label%06u", number * 7919 % KEYS);
	return sw_gap_key_of(label);
}

/** What is before each key is as in the table beside. */
static void tree_check(const struct sw_space *space, uint32_t root, const uint32_t *piece)
{
	uint32_t before = 0;
	for (unsigned i = 0; i < KEYS; i++) {
		uint8_t label[16];
		label[0] = (uint8_t)sprintf((char *)label + 1, "label%06u", i);
		const struct sw_gap_key key = sw_gap_key_of(label);
		assert_int_equal(sw_gaps_before(space, root, &key), before);
		assert_int_equal(sw_gaps_at(space, root, &key), piece[i]);
		before = piece[i] ? piece[i] : before;
	}
	assert_int_equal(sw_gaps_last(space, root), before);
}

/** Built, added to and taken from, in an order that splits pages and empties them. */
static void test_tree(void **state)
{
	(void)state;
	static uint32_t piece[KEYS];
	static struct sw_gap gaps[KEYS];
	struct sw_store *store = store_new();
	struct sw_region region = {.space = store->space};
	struct sw_pool pool = {.region.space = store->space};
	struct sw_gap_edit edit = {.pool = &pool, .stamp = 1};
	unsigned count = 0;
	uint8_t label[16];
	for (unsigned i = 0; i < KEYS; i += 3, count++) { /* "label000000", "label000003" and so on */
		label[0] = (uint8_t)sprintf((char *)label + 1, "label%06u", i);
		gaps[count] = (struct sw_gap){.prefix = sw_gap_key_of(label).prefix,
			.label = sw_region_take(&region, 16),
			.denial = i + 1};
		memcpy(sw_space_at(store->space, gaps[count].label), label, 1u + label[0]);
		piece[i] = i + 1;
	}
	uint32_t root = sw_gaps_build(&region, gaps, count), built = root;
	static uint32_t first[KEYS];
	memcpy(first, piece, sizeof(first));
	tree_check(store->space, root, piece);
	for (unsigned i = 0; i < KEYS; i++) {
		const struct sw_gap_key key = key_of(i, label);
		edit.stamp += i % 50 == 0;
		piece[i * 7919 % KEYS] = i + 1000000;
		assert_int_equal(sw_gaps_set(&edit, &root, &key, i + 1000000), 0);
	}
	tree_check(store->space, root, piece);
	tree_check(store->space, built, first); /* who has the old root has the old tree */
	for (unsigned i = 0; i < KEYS; i++) {
		const struct sw_gap_key key = key_of(i, label);
		edit.stamp += i % 50 == 0;
		piece[i * 7919 % KEYS] = 0;
		assert_int_equal(sw_gaps_remove(&edit, &root, &key), 0);
		if (i % 4000 == 0)
			tree_check(store->space, root, piece);
	}
	assert_int_equal(root, 0);
	assert_int_equal(sw_gaps_remove(&edit, &root, &(struct sw_gap_key){.prefix = 1}), -ENOENT);
	free(edit.gone);
	sw_pool_end(&pool);
	sw_region_free(&region);
	sw_store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_tree), cmocka_unit_test(test_memory),
		cmocka_unit_test(test_readers_nsec), cmocka_unit_test(test_readers_nsec3)};
	rcu_register_thread();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister_thread();
	return failed;
}
