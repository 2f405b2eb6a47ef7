/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Changes under the eyes of readers, a million of them, and zones that come and go among many. */
#include "answer/answer.h"
#include "changing.h"
#include "image/plain.h"
#include "image/store_inside.h"
#include "watched.h"
#include "zones.h"
#include <errno.h>
#include <urcu.h>

#define READERS 2
#define VERSIONS 20000

static struct sw_store *store_new(void)
{
	struct sw_store *store;
	assert_int_equal(sw_store_new(&store, NULL), 0);
	sw_store_control(store)->clock_fixed = 1;
	return store;
}

static void name_make(uint8_t *name, const char *text)
{
	assert_true(sw_name_parse(text, name) > 0);
}

static size_t ask(
	struct sw_store *store, struct sw_worker *worker, const uint8_t *name, uint16_t type, uint8_t *reply)
{
	static const struct sw_asker asker = {.address = {192, 0, 2, 1}, .address_len = 4};
	uint8_t query[300] = {0, 1, 0, 0, 0, 1};
	size_t len = SW_HEADER_LEN + sw_name_len(name);
	memcpy(query + SW_HEADER_LEN, name, sw_name_len(name));
	memcpy(query + len, (uint8_t[]){0, (uint8_t)type, 0, 1}, 4);
	unsigned verdict;
	rcu_read_lock();
	size_t size = sw_answer(worker, sw_store_view(store), &asker, query, len + 4, reply, &verdict);
	rcu_read_unlock();
	return size < SW_HEADER_LEN ? 0 : size;
}

static size_t ask_native(struct watcher *watcher, const char *text, uint16_t type, uint8_t *reply)
{
	uint8_t name[SW_NAME_MAX];
	name_make(name, text);
	return ask(watcher->context, watcher->worker, name, type, reply);
}

/** What readers see is the old version of a name or the new one; names that stay are always there, while
 * others that come push them around. */
static void test_readers(void **state)
{
	(void)state;
	struct watcher watchers[READERS] = {0};
	struct sw_store *store = store_new();
	struct changing_zone *zone = watched_new(store);
	unsigned again = 0;
	for (unsigned i = 0; i < READERS; i++)
		watchers[i] =
			(struct watcher){.ask = ask_native, .context = store, .worker = sw_worker_new()};
	watched_start(watchers, READERS);
	for (unsigned version = 1; version <= VERSIONS; version++) {
		again += watched_change(store, zone, version);
		if (version % 5 == 0)
			sw_store_settle(store);
	}
	watched_end(watchers, READERS, VERSIONS);
	assert_in_range(again, 0, 20);
	for (unsigned i = 0; i < READERS; i++)
		sw_worker_free(watchers[i].worker);
	sw_store_free(store);
	changing_free(zone);
}

/* ---- a million changes ---- */

#define MANY 110 /* "s0" and so on, with so many addresses each */

struct many {
	struct changing_zone *zone; /* the apex */
	unsigned version[MANY];
	unsigned count[MANY];
};

static int many_at(void *context, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	struct many *many = context;
	if (owner[0] == 7)
		return changing_at(many->zone, owner, take, arg);
	unsigned number = (unsigned)strtoul((const char *)owner + 2, NULL, 10);
	int error = 0;
	for (uint8_t i = 0; i < many->count[number] && !error; i++) {
		const uint8_t address[] = {
			10, (uint8_t)(many->version[number] >> 8), (uint8_t)many->version[number], i};
		const struct sw_record record = {
			.owner = owner, .type = SW_TYPE_A, .rdata_len = 4, .ttl = 300, .rdata = address};
		error = take(arg, &record);
	}
	return error;
}

/** A million changes take no more memory than the first thousand. */
static void test_million(void **state)
{
	(void)state;
	static struct many many;
	struct sw_store *store = store_new();
	struct sw_worker *worker = sw_worker_new();
	uint64_t bytes = 0, image = 0;
	uint8_t apex[SW_NAME_MAX], reply[1500];
	uint8_t owner[SW_NAME_MAX];
	const uint8_t *changed[] = {apex, owner};
	struct sw_store_zone found;
	char text[32];
	name_make(apex, "example");
	many.zone = changing_new("example");
	sw_store_expect_changes(store, true);
	struct changing_zone *first = changing_new("example");
	for (unsigned i = 0; i < 100; i++) {
		watched_number(text, 's', i);
		watched_address(first, text, i, 0);
		many.count[i] = 1;
		many.version[i] = i;
	}
	watched_put(store, first);
	changing_free(first);
	const struct sw_zone_records records = {.context = &many, .at = many_at, .below = many_at};
	for (unsigned i = 1; i <= 1000000; i++) {
		unsigned number = i * 7 % MANY;
		watched_number(text, 's', number);
		name_make(owner, text);
		many.version[number] = i;
		many.count[number] = i % 6;
		changing_set_serial(many.zone, i);
		assert_int_equal(sw_store_change(store, apex, changed, 2, &records), 0);
		if (i == 1000) {
			assert_true(sw_store_find(store, apex, &found));
			bytes = sw_store_bytes(store);
			image = found.image_bytes;
		}
		if (i % 100)
			continue;
		size_t size = ask(store, worker, owner, 1, reply);
		assert_int_equal(reply[7], i % 6);
		if (i % 6)
			assert_int_equal(reply[size - 2], i & 255);
	}
	assert_true(sw_store_find(store, apex, &found));
	assert_int_equal(found.serial, 1000000);
	assert_int_equal(sw_store_bytes(store), bytes);
	assert_in_range(found.image_bytes, 0, 2 * image);
	sw_worker_free(worker);
	sw_store_free(store);
	changing_free(many.zone);
}

/* ---- a zone that grows ---- */

#define GROWN_FIRST 200
#define GROWN_NAMES 2000

struct growing {
	struct changing_zone *zone; /* the apex */
	unsigned count;
};

/** Its names have one address each, their number. */
static int growing_at(void *context, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	struct growing *growing = context;
	if (owner[0] == 7)
		return changing_at(growing->zone, owner, take, arg);
	unsigned number = (unsigned)strtoul((const char *)owner + 2, NULL, 10);
	const uint8_t address[] = {10, 0, (uint8_t)(number >> 8), (uint8_t)number};
	const struct sw_record record = {
		.owner = owner, .type = SW_TYPE_A, .rdata_len = 4, .ttl = 300, .rdata = address};
	return number < growing->count ? take(arg, &record) : 0;
}

static unsigned waits;

static void wait_count(void *context)
{
	(void)context;
	waits++;
}

static void growing_check(struct sw_store *store, struct sw_worker *worker, unsigned number)
{
	char text[32];
	uint8_t name[SW_NAME_MAX], reply[1500];
	sprintf(text, "s%u.example", number);
	name_make(name, text);
	size_t size = ask(store, worker, name, SW_TYPE_A, reply);
	assert_int_equal(reply[7], 1);
	assert_int_equal(reply[size - 2] << 8 | reply[size - 1], number);
}

static struct sw_store *growing_new(struct growing *growing)
{
	struct sw_control *control = calloc(1, sizeof(*control));
	struct sw_backing backing = sw_plain_backing(control);
	struct changing_zone *first = changing_new("example");
	struct sw_store *store;
	char text[32];
	backing.wait_for_readers = wait_count;
	assert_int_equal(sw_store_new(&store, &backing), 0);
	sw_store_expect_changes(store, true);
	growing->zone = changing_new("example");
	growing->count = GROWN_FIRST;
	for (unsigned i = 0; i < GROWN_FIRST; i++) {
		watched_number(text, 's', i);
		watched_address(first, text, i, 0);
	}
	watched_put(store, first);
	changing_free(first);
	return store;
}

/** A small zone that gets names gets a bigger index with them, and waits for nobody, until it has so much
 * more memory than it began with that it is put anew. */
static void test_growing(void **state)
{
	(void)state;
	struct growing growing;
	struct sw_store *store = growing_new(&growing);
	struct sw_worker *worker = sw_worker_new();
	const struct sw_zone_records records = {.context = &growing, .at = growing_at, .below = growing_at};
	uint8_t apex[SW_NAME_MAX], owner[SW_NAME_MAX];
	const uint8_t *changed[] = {apex, owner};
	name_make(apex, "example");
	waits = 0;
	while (growing.count < GROWN_NAMES) {
		char text[32];
		sprintf(text, "s%u.example", growing.count++);
		name_make(owner, text);
		changing_set_serial(growing.zone, growing.count);
		int error = sw_store_change(store, apex, changed, 2, &records);
		if (error == -EAGAIN)
			break;
		assert_int_equal(error, 0);
		growing_check(store, worker, growing.count - 1);
		if (growing.count % 100 == 0) /* there are no readers: a wait that ends at once */
			sw_store_grace_end(store, sw_store_grace_begin(store));
	}
	assert_int_equal(waits, 0);
	assert_in_range(growing.count, 3 * GROWN_FIRST, GROWN_NAMES);
	for (unsigned i = GROWN_FIRST; i + 1 < growing.count; i++)
		growing_check(store, worker, i);
	sw_worker_free(worker);
	struct sw_control *control = sw_store_control(store);
	sw_store_free(store);
	free(control);
	changing_free(growing.zone);
}

/** A name's slot in the index. */
static const struct sw_slot *slot_of(struct sw_store *store, const uint8_t *apex, const uint8_t *owner)
{
	const struct sw_hash_key *key = sw_store_key(store);
	const struct sw_served *zone = store->zones[sw_store_slot(store, sw_name_hash(key, apex))];
	const struct sw_image_zone *head = sw_space_at(store->space, zone->compiled.zone);
	struct sw_region region = {.space = store->space};
	const struct sw_index index = {
		.region = &region, .buckets = head->index, .bucket_count = head->bucket_count};
	struct sw_places places;
	sw_places_of(&index, sw_name_hash(key, owner), &places);
	return sw_place_find(&places, sw_name_hash(key, owner));
}

/** When readers have been waited for, a name changed is answered from its slot alone, as one compiled. */
static void test_settled(void **state)
{
	(void)state;
	struct sw_store *store = store_new();
	struct changing_zone *zone = watched_new(store);
	uint8_t apex[SW_NAME_MAX], owner[SW_NAME_MAX];
	name_make(apex, "example");
	name_make(owner, "www.example");
	assert_int_equal(slot_of(store, apex, owner)->inline_count, 3);
	assert_false(watched_change(store, zone, 1));
	assert_int_equal(slot_of(store, apex, owner)->inline_count, 0);
	assert_true(sw_store_settle(store));
	assert_int_equal(slot_of(store, apex, owner)->inline_count, 0);
	while (sw_store_settle(store))
		continue;
	const struct sw_slot *slot = slot_of(store, apex, owner);
	assert_int_equal(slot->inline_count, 3);
	assert_int_equal(slot->name.node, 0);
	assert_memory_equal(&slot->name.address[2], "\12\0\1\2", 4);
	sw_store_free(store);
	changing_free(zone);
}

/* ---- zones ---- */

static void small_put(struct sw_store *store, unsigned number)
{
	char apex[32], text[100];
	sprintf(apex, "z%u.example", number);
	sprintf(text, "$TTL 300\n@ SOA ns h %u 1 1 1 1\n@ NS ns\nwww A 10.0.%u.%u\n", number, number >> 8,
		number & 255);
	struct sw_contents *contents = contents_of(sw_store_key(store), apex, text);
	assert_int_equal(sw_store_put(store, contents), 0);
	sw_contents_free(contents);
}

static void small_check(struct sw_store *store, struct sw_worker *worker, unsigned number, bool is_there)
{
	char text[40];
	uint8_t name[SW_NAME_MAX], reply[1500];
	sprintf(text, "www.z%u.example", number);
	name_make(name, text);
	size_t size = ask(store, worker, name, 1, reply);
	assert_int_equal(reply[3] & 15, is_there ? 0 : SW_RCODE_REFUSED);
	if (is_there)
		assert_int_equal(reply[size - 2] << 8 | reply[size - 1], number);
}

/** Zones that come and go leave the others alone, and the table that readers use where it is. */
static void test_zones(void **state)
{
	(void)state;
	enum { ZONES = 3000, ROUNDS = 6000 };
	static bool is_there[ZONES];
	struct sw_store *store = store_new();
	struct sw_worker *worker = sw_worker_new();
	unsigned tables = 0, seen = 0;
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned number = i < ZONES ? i : i * 7919 % ZONES;
		char apex[32];
		uint8_t name[SW_NAME_MAX];
		sprintf(apex, "z%u.example", number);
		name_make(name, apex);
		if (is_there[number])
			assert_int_equal(sw_store_remove(store, name), 0);
		else
			small_put(store, number);
		is_there[number] = !is_there[number];
		const struct sw_control *control = sw_store_control(store);
		tables += control->root[control->active_root].zones != seen;
		seen = control->root[control->active_root].zones;
		for (unsigned k = 0; k < 20; k++)
			small_check(store, worker, (number + k * 151) % ZONES,
				is_there[(number + k * 151) % ZONES]);
	}
	for (unsigned i = 0; i < ZONES; i++)
		small_check(store, worker, i, is_there[i]);
	assert_in_range(tables, 1, 20);
	sw_worker_free(worker);
	sw_store_free(store);
}

/** What cannot be done says so and changes nothing. */
static void test_refusals(void **state)
{
	(void)state;
	struct changing_zone *zone = changing_new("example");
	struct sw_store *store = store_new();
	struct sw_worker *worker = sw_worker_new();
	struct sw_zone_records records = changing_records(zone);
	uint8_t apex[SW_NAME_MAX], outside[SW_NAME_MAX], reply[1500];
	const uint8_t *changed[] = {apex};
	name_make(apex, "example");
	name_make(outside, "other");
	assert_int_equal(sw_store_change(store, apex, changed, 1, &records), -ENOENT);
	watched_put(store, zone);
	assert_int_equal(sw_store_change(store, apex, changed, 1, &records), -EAGAIN); /* not made for it */
	watched_put(store, zone);
	assert_int_equal(sw_store_change(store, apex, changed, 1, &records), 0); /* made for it now */
	changed[0] = outside;
	assert_int_equal(sw_store_change(store, apex, changed, 1, &records), -EINVAL);
	changed[0] = apex;
	changing_set_serial(zone, 7);
	for (unsigned i = 0; i < 5000; i++) { /* 16 bytes each: more than a message holds */
		const uint8_t address[] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
		changing_add(zone, apex, SW_TYPE_A, 300, address, 4);
	}
	assert_int_equal(sw_store_change(store, apex, changed, 1, &records), -E2BIG);
	changing_remove(zone, apex, SW_TYPE_A);
	changing_add(zone, apex, 51, 300, (const uint8_t *)"\1\0\0\0\0", 5); /* NSEC3PARAM */
	assert_int_equal(sw_store_change(store, apex, changed, 1, &records), -EAGAIN);
	changing_remove(zone, apex, 51);
	size_t size = ask(store, worker, apex, SW_TYPE_SOA, reply);
	assert_int_equal(reply[7], 1);
	assert_int_equal(reply[size - 17], 0); /* serial */
	assert_int_equal(sw_store_change(store, apex, changed, 1, &records), 0);
	size = ask(store, worker, apex, SW_TYPE_SOA, reply);
	assert_int_equal(reply[size - 17], 7);
	sw_worker_free(worker);
	sw_store_free(store);
	changing_free(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_readers), cmocka_unit_test(test_million),
		cmocka_unit_test(test_growing), cmocka_unit_test(test_settled), cmocka_unit_test(test_zones),
		cmocka_unit_test(test_refusals)};
	rcu_register_thread();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister_thread();
	return failed;
}
