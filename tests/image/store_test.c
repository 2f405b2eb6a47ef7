/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer/answer.h"
#include "answer/verdict.h"
#include "image/store.h"
#include "wire/message.h"
#include "zones.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <urcu.h>

static struct sw_store *store_new(void)
{
	struct sw_store *store;
	assert_int_equal(sw_store_new(&store, NULL), 0);
	sw_store_control(store)->clock_fixed = 1;
	return store;
}

/** Prepare a version: five addresses that all say which. */
static int prepare(struct sw_store *store, const char *apex, unsigned version)
{
	char text[512];
	unsigned high = version / 250, low = version % 250;
	size_t len = (size_t)sprintf(text, "$TTL 300\n@ SOA ns h %u 1 1 1 1\n@ NS ns\n", version);
	for (unsigned i = 0; i < 5; i++)
		len += (size_t)sprintf(text + len, "www A 10.%u.%u.%u\n", high, low, i);
	struct sw_contents *contents = contents_of(sw_store_key(store), apex, text);
	int error = sw_store_prepare(store, contents);
	sw_contents_free(contents);
	return error;
}

static int put(struct sw_store *store, const char *apex, unsigned version)
{
	int error = prepare(store, apex, version);
	return error ? error : sw_store_publish(store);
}

/** Ask for www.APEX A. @return the RCODE, with the version (-1: a mixture) if it is 0 */
static unsigned ask(struct sw_store *store, struct sw_worker *worker, const char *apex, int *version)
{
	static const struct sw_asker asker = {.address = {192, 0, 2, 1}, .address_len = 4};
	uint8_t query[300] = {0, 1, 0, 0, 0, 1}, reply[1500], name[SW_NAME_MAX];
	int name_len = sw_name_parse(apex, name);
	memcpy(query + 12, "\3www", 4);
	memcpy(query + 16, name, (size_t)name_len);
	size_t len = 16 + (size_t)name_len;
	memcpy(query + len, "\0\1\0\1", 4);
	unsigned verdict;
	rcu_read_lock();
	size_t size = sw_answer(worker, sw_store_view(store), &asker, query, len + 4, reply, &verdict);
	rcu_read_unlock();
	*version = -1;
	if (size < 12 || (reply[3] & 15) != 0)
		return size < 12 ? 255 : reply[3] & 15u;
	const uint8_t *record = reply + len + 4;
	if (reply[7] != 5 || size != len + 4 + 5 * 16)
		return 0;
	*version = record[13] * 250 + record[14];
	for (unsigned i = 0; i < 5; i++) {
		if (record[16 * i + 13] * 250 + record[16 * i + 14] != *version || record[16 * i + 15] != i)
			*version = -1;
	}
	return 0;
}

struct reader {
	struct sw_store *store;
	unsigned long asked, mixtures, backwards, failures;
	bool is_ended;
};

static void *read_on(void *arg)
{
	struct reader *reader = arg;
	struct sw_worker *worker = sw_worker_new();
	int last = 0, version;
	rcu_register_thread();
	while (!__atomic_load_n(&reader->is_ended, __ATOMIC_RELAXED)) {
		unsigned rcode = ask(reader->store, worker, "example", &version);
		reader->failures += rcode != 0;
		reader->mixtures += rcode == 0 && version < 0;
		reader->backwards += rcode == 0 && version < last;
		last = version;
		__atomic_store_n(&reader->asked, reader->asked + 1, __ATOMIC_RELAXED);
	}
	rcu_unregister_thread();
	sw_worker_free(worker);
	return NULL;
}

/** 1,000 replacements under a reader's eyes, while other zones come and go. */
static void test_replace(void **state)
{
	(void)state;
	struct reader reader = {.store = store_new()};
	pthread_t thread;
	assert_int_equal(put(reader.store, "example", 0), 0);
	assert_int_equal(put(reader.store, "other", 0), 0);
	uint64_t bytes = 0;
	struct sw_store_zone zone;
	assert_int_equal(pthread_create(&thread, NULL, read_on, &reader), 0);
	for (unsigned version = 1; version <= 1000; version++) {
		assert_int_equal(put(reader.store, "example", version), 0);
		if (version % 10 == 0)
			assert_int_equal(sw_store_remove(reader.store, (const uint8_t *)"\5other"), 0);
		if (version % 10 == 0)
			assert_int_equal(put(reader.store, "other", version), 0);
		if (version == 10)
			bytes = sw_store_bytes(reader.store);
	}
	unsigned long asked = __atomic_load_n(&reader.asked, __ATOMIC_RELAXED);
	while (__atomic_load_n(&reader.asked, __ATOMIC_RELAXED) < asked + 2)
		continue; /* the last version has been seen */
	__atomic_store_n(&reader.is_ended, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(reader.failures, 0);
	assert_int_equal(reader.mixtures, 0);
	assert_int_equal(reader.backwards, 0);
	assert_int_equal(sw_store_bytes(reader.store), bytes);
	assert_true(sw_store_find(reader.store, (const uint8_t *)"\7example", &zone));
	assert_int_equal(zone.serial, 1000);
	sw_store_free(reader.store);
}

/** Many changes in one publication, some of them of one zone. */
static void test_many(void **state)
{
	(void)state;
	enum { ZONES = 500 };
	struct sw_store *store = store_new();
	struct sw_worker *worker = sw_worker_new();
	char apex[32];
	uint8_t wire[SW_NAME_MAX];
	int version;
	for (unsigned round = 1; round <= 3; round++) {
		for (unsigned i = 0; i < ZONES; i++) {
			sprintf(apex, "z%u.example", i);
			assert_int_equal(prepare(store, apex, round * 1000), 0);
			assert_int_equal(prepare(store, apex, round * 1000 + i), 0);
			assert_true(sw_name_parse(apex, wire) > 0);
			if (round == 3 && i % 2) /* the last word counts */
				assert_int_equal(sw_store_prepare_removal(store, wire), 0);
		}
		assert_int_equal(sw_store_publish(store), 0);
		for (unsigned i = 0; i < ZONES; i++) {
			sprintf(apex, "z%u.example", i);
			bool is_gone = round == 3 && i % 2;
			assert_int_equal(ask(store, worker, apex, &version), is_gone ? SW_RCODE_REFUSED : 0);
			assert_int_equal(version, is_gone ? -1 : (int)(round * 1000 + i));
		}
	}
	size_t position = 0, count = 0;
	struct sw_store_zone zone;
	while (sw_store_next(store, &position, &zone))
		count++;
	assert_int_equal(count, ZONES / 2);
	sw_worker_free(worker);
	sw_store_free(store);
}

/** SERVFAIL until a version is there; a good version is never displaced by none. */
static void test_broken(void **state)
{
	(void)state;
	static const uint8_t apex[] = "\7example";
	struct sw_store *store = store_new();
	struct sw_worker *worker = sw_worker_new();
	struct sw_store_zone zone;
	int version;
	assert_int_equal(ask(store, worker, "example", &version), SW_RCODE_REFUSED);
	assert_int_equal(sw_store_prepare_broken(store, apex), 0);
	assert_int_equal(sw_store_publish(store), 0);
	assert_int_equal(ask(store, worker, "example", &version), SW_RCODE_SERVFAIL);
	assert_false(sw_store_find(store, apex, &zone));
	assert_int_equal(put(store, "example", 7), 0);
	assert_int_equal(sw_store_prepare_broken(store, apex), 0);
	assert_int_equal(sw_store_publish(store), 0);
	assert_int_equal(ask(store, worker, "example", &version), 0);
	assert_int_equal(version, 7);
	assert_int_equal(sw_store_remove(store, apex), 0);
	assert_int_equal(sw_store_remove(store, apex), -ENOENT);
	assert_int_equal(ask(store, worker, "example", &version), SW_RCODE_REFUSED);
	sw_worker_free(worker);
	sw_store_free(store);
}

/** What cannot be compiled says why, leaves no memory behind, and the old version goes on. */
static void test_errors(void **state)
{
	(void)state;
	static char text[200000];
	struct sw_store *store = store_new();
	struct sw_worker *worker = sw_worker_new();
	int version;
	assert_int_equal(put(store, "example", 3), 0);
	uint64_t bytes = sw_store_bytes(store);
	size_t len = (size_t)sprintf(text, "$TTL 300\n@ SOA ns h 1 1 1 1 1\n@ NS ns\n");
	for (unsigned i = 0; i < 5000; i++) /* 16 bytes each */
		len += (size_t)sprintf(text + len, "www A 10.0.%u.%u\n", i / 250, i % 250);
	static const char salt[] = "$TTL 300\n@ SOA ns h 1 1 1 1 1\n@ NS ns\n@ NSEC3PARAM 1 0 0 "
				   "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\n";
	static const char no_soa[] = "$TTL 300\n@ NS ns\n";
	const struct {
		const char *text;
		int error;
	} rows[] = {{text, -E2BIG}, {salt, -ERANGE}, {no_soa, -EINVAL}};
	for (unsigned i = 0; i < 3; i++) {
		struct sw_contents *contents = contents_of(sw_store_key(store), "example", rows[i].text);
		assert_int_equal(sw_store_put(store, contents), rows[i].error);
		sw_contents_free(contents);
		assert_int_equal(sw_store_bytes(store), bytes);
		assert_int_equal(ask(store, worker, "example", &version), 0);
		assert_int_equal(version, 3);
	}
	sw_worker_free(worker);
	sw_store_free(store);
}

/** A backing that shows no new segments: nothing changes, neither zones nor memory. */
static int fault;

static int show(void *context)
{
	(void)context;
	return fault;
}

static int heap_new(void *context, uint32_t number, uint8_t **memory)
{
	(void)context;
	(void)number;
	*memory = calloc(1, SW_SEGMENT_BYTES + SW_SEGMENT_GUARD);
	return *memory ? 0 : -ENOMEM;
}

static void heap_free(void *context, uint32_t number, uint8_t *memory)
{
	(void)context;
	(void)number;
	free(memory);
}

static void test_publish_fails(void **state)
{
	(void)state;
	static struct sw_control control;
	const struct sw_backing backing = {.control = &control,
		.segment_new = heap_new,
		.segments_show = show,
		.segment_free = heap_free};
	struct sw_store *store;
	struct sw_worker *worker = sw_worker_new();
	int version;
	assert_int_equal(sw_store_new(&store, &backing), 0);
	control.clock_fixed = 1;
	assert_int_equal(put(store, "example", 1), 0);
	assert_int_equal(put(store, "gone", 1), 0);
	fault = -ENOSPC;
	assert_int_equal(put(store, "example", 2), -ENOSPC); /* words alone */
	assert_int_equal(prepare(store, "example", 3), 0);
	assert_int_equal(prepare(store, "new", 3), 0);
	assert_int_equal(sw_store_prepare_removal(store, (const uint8_t *)"\4gone"), 0);
	assert_int_equal(sw_store_publish(store), -ENOSPC); /* a new table */
	fault = 0;
	assert_int_equal(sw_store_publish(store), 0); /* nothing is left to do */
	assert_int_equal(ask(store, worker, "example", &version), 0);
	assert_int_equal(version, 1);
	assert_int_equal(ask(store, worker, "gone", &version), 0);
	assert_int_equal(ask(store, worker, "new", &version), SW_RCODE_REFUSED);
	assert_int_equal(put(store, "example", 4), 0);
	assert_int_equal(ask(store, worker, "example", &version), 0);
	assert_int_equal(version, 4);
	sw_worker_free(worker);
	sw_store_free(store);
}

/** What readers that began before the first wait can meet: the depth they hash to, and the version. */
struct met {
	struct sw_store *store;
	struct sw_worker *worker;
	unsigned waits;
	uint32_t depth_max;
	int version;
};

static void meet(void *context)
{
	struct met *met = context;
	if (met->waits++ > 0)
		return;
	const struct sw_control *control = sw_store_control(met->store);
	met->depth_max = control->root[control->active_root].depth_max;
	ask(met->store, met->worker, "example", &met->version);
}

/** Deeper names are hashed by every reader before one can come upon a zone that has them. */
static void test_deeper(void **state)
{
	(void)state;
	static struct sw_control control;
	struct met met = {.worker = sw_worker_new()};
	const struct sw_backing backing = {.context = &met,
		.control = &control,
		.segment_new = heap_new,
		.segment_free = heap_free,
		.wait_for_readers = meet};
	assert_int_equal(sw_store_new(&met.store, &backing), 0);
	control.clock_fixed = 1;
	assert_int_equal(put(met.store, "example", 1), 0);
	struct sw_contents *deep = contents_of(sw_store_key(met.store), "example",
		"$TTL 300\n@ SOA ns h 2 1 1 1 1\n@ NS ns\na.b.c.d.e A 192.0.2.1\n");
	met.waits = 0;
	assert_int_equal(sw_store_put(met.store, deep), 0); /* a word */
	assert_int_equal(met.depth_max, 6);
	assert_int_equal(met.version, 1);
	sw_contents_free(deep);
	assert_int_equal(put(met.store, "example", 3), 0);
	deep = contents_of(sw_store_key(met.store), "x.example",
		"$TTL 300\n@ SOA ns h 2 1 1 1 1\n@ NS ns\na.b.c.d.e.f A 192.0.2.1\n");
	met.waits = 0;
	uint32_t root = control.active_root;
	assert_int_equal(sw_store_put(met.store, deep), 0); /* a table */
	assert_int_equal(met.depth_max, 8);
	assert_int_equal(met.waits, 2);
	assert_int_not_equal(control.active_root, root);
	sw_contents_free(deep);
	sw_worker_free(met.worker);
	sw_store_free(met.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_replace), cmocka_unit_test(test_many),
		cmocka_unit_test(test_broken), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_publish_fails), cmocka_unit_test(test_deeper)};
	rcu_register_thread();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister_thread();
	return failed;
}
