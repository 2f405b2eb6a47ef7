/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watched.h"
#include <errno.h>
#include <urcu.h>

#define STAYING 300
#define PASSING 60

static size_t names_count;
static uint8_t names[16][SW_NAME_MAX];

static void name_make(uint8_t *name, const char *text)
{
	assert_true(sw_name_parse(text, name) > 0);
}

void watched_address(struct changing_zone *zone, const char *owner, unsigned version, uint8_t last)
{
	uint8_t name[SW_NAME_MAX];
	name_make(name, owner);
	const uint8_t address[] = {10, (uint8_t)(version >> 8), (uint8_t)version, last};
	changing_add(zone, name, SW_TYPE_A, 300, address, 4);
}

void watched_number(char *text, char letter, unsigned number)
{
	sprintf(text, "%c%u.example", letter, number);
}

static void zone_first(struct changing_zone *zone)
{
	char text[32];
	for (unsigned i = 0; i < STAYING; i++) {
		watched_number(text, 's', i);
		watched_address(zone, text, i, 1);
	}
	watched_address(zone, "*.w.example", 0, 77);
	for (uint8_t i = 0; i < 3; i++)
		watched_address(zone, "www.example", 0, i);
}

static void renew(struct changing_zone *zone, const char *owner)
{
	name_make(names[names_count], owner);
	changing_remove(zone, names[names_count++], 0);
}

static void zone_next(struct changing_zone *zone, unsigned version)
{
	static const uint8_t ns[] = "\2ns\3cut\7example";
	char text[32];
	names_count = 0;
	name_make(names[names_count++], "example");
	changing_set_serial(zone, version);
	renew(zone, "www.example");
	for (uint8_t i = 0; i < 3; i++)
		watched_address(zone, "www.example", version, i);
	renew(zone, "cut.example");
	renew(zone, "ns.cut.example");
	if (version % 8 == 0) {
		watched_address(zone, "cut.example", version, 8);
	} else {
		changing_add(zone, names[names_count - 2], SW_TYPE_NS, 300, ns, sizeof(ns));
	}
	watched_address(zone, "ns.cut.example", version, 9);
	watched_number(text, 'p', version * 7 % PASSING);
	renew(zone, text);
	if (version % 2)
		watched_address(zone, text, 1, 1);
	renew(zone, "a.b.w.example");
	if (version % 3 == 0)
		watched_address(zone, "a.b.w.example", 0, 78);
}

static unsigned version_at(const uint8_t *address)
{
	return address[1] << 8 | address[2];
}

static void look_www(struct watcher *reader)
{
	uint8_t reply[1500];
	size_t question = SW_HEADER_LEN + sizeof("www.example") + 1 + 4;
	size_t size = reader->ask(reader, "www.example", SW_TYPE_A, reply);
	if (size != question + 3 * 16) {
		reader->missing++;
		return;
	}
	unsigned version = version_at(reply + question + 12);
	for (unsigned i = 0; i < 3; i++) {
		const uint8_t *address = reply + question + 16 * i + 12;
		reader->mixtures += address[0] != 10 || version_at(address) != version || address[3] != i;
	}
	reader->backwards += version < reader->last;
	reader->last = version;
}

/** A referral with glue, or an answer, of one version. */
static void look_cut(struct watcher *reader)
{
	uint8_t reply[1500];
	size_t question = SW_HEADER_LEN + sizeof("ns.cut.example") + 1 + 4;
	size_t size = reader->ask(reader, "ns.cut.example", SW_TYPE_A, reply);
	bool is_answer = size == question + 16 && reply[7] == 1;
	/* owner, type, class, TTL, length, "ns" and a pointer; then an address record */
	bool is_referral = size == question + 12 + 5 + 16 && reply[7] == 0 && reply[9] == 1 && reply[11] == 1;
	if ((reply[3] & 15) != 0 || !(is_answer || is_referral)) {
		reader->missing++;
		return;
	}
	const uint8_t *address = reply + size - 4;
	reader->mixtures += address[0] != 10 || address[3] != 9;
	if (is_referral)
		reader->mixtures += version_at(address) % 8 == 0;
}

static void look_staying(struct watcher *reader, unsigned number)
{
	char text[32];
	uint8_t reply[1500];
	watched_number(text, 's', number);
	size_t size = reader->ask(reader, text, SW_TYPE_A, reply);
	if (size < 16 || reply[7] != 1)
		reader->missing++;
	else
		reader->mixtures += version_at(reply + size - 4) != number;
}

static void look_passing(struct watcher *reader, unsigned number)
{
	char text[32];
	uint8_t reply[1500];
	watched_number(text, 'p', number);
	size_t size = reader->ask(reader, text, SW_TYPE_A, reply);
	bool is_there =
		size > 16 && reply[7] == 1 && version_at(reply + size - 4) == 1 && (reply[3] & 15) == 0;
	bool is_absent = size > 16 && reply[7] == 0 && (reply[3] & 15) == SW_RCODE_NXDOMAIN;
	reader->mixtures += !is_there && !is_absent;
}

/** The wildcard stands for it, or it is there: it never does not exist. */
static void look_covered(struct watcher *reader)
{
	uint8_t reply[1500];
	size_t size = reader->ask(reader, "a.b.w.example", SW_TYPE_A, reply);
	if (size < 16 || reply[7] != 1 || (reply[3] & 15) != 0)
		reader->missing++;
	else
		reader->mixtures += reply[size - 1] != 77 && reply[size - 1] != 78;
}

static void *read_on(void *arg)
{
	struct watcher *reader = arg;
	rcu_register_thread();
	for (unsigned i = 0; !__atomic_load_n(&reader->is_ended, __ATOMIC_RELAXED); i++) {
		look_www(reader);
		look_cut(reader);
		look_covered(reader);
		look_staying(reader, i % STAYING);
		look_passing(reader, i % PASSING);
		__atomic_store_n(&reader->asked, reader->asked + 1, __ATOMIC_RELAXED);
	}
	rcu_unregister_thread();
	return NULL;
}

void watched_put(struct sw_store *store, const struct changing_zone *zone)
{
	struct sw_contents *contents = changing_contents(zone, sw_store_key(store));
	assert_int_equal(sw_store_put(store, contents), 0);
	sw_contents_free(contents);
}

struct changing_zone *watched_new(struct sw_store *store)
{
	struct changing_zone *zone = changing_new("example");
	sw_store_expect_changes(store, true);
	zone_first(zone);
	zone_next(zone, 0);
	watched_put(store, zone);
	return zone;
}

bool watched_change(struct sw_store *store, struct changing_zone *zone, unsigned version)
{
	const uint8_t *changed[16];
	zone_next(zone, version);
	for (size_t i = 0; i < names_count; i++)
		changed[i] = names[i];
	const struct sw_zone_records records = changing_records(zone);
	int error = sw_store_change(store, changed[0], changed, names_count, &records);
	if (error == -EAGAIN)
		watched_put(store, zone);
	else
		assert_int_equal(error, 0);
	return error == -EAGAIN;
}

void watched_start(struct watcher *watchers, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(pthread_create(&watchers[i].thread, NULL, read_on, &watchers[i]), 0);
}

void watched_end(struct watcher *watchers, unsigned count, unsigned version)
{
	for (unsigned i = 0; i < count; i++) {
		struct watcher *watcher = &watchers[i];
		unsigned long asked = __atomic_load_n(&watcher->asked, __ATOMIC_RELAXED);
		while (__atomic_load_n(&watcher->asked, __ATOMIC_RELAXED) < asked + 2)
			continue; /* the last version has been seen */
		__atomic_store_n(&watcher->is_ended, true, __ATOMIC_RELAXED);
		pthread_join(watcher->thread, NULL);
		assert_int_equal(watcher->missing, 0);
		assert_int_equal(watcher->mixtures, 0);
		assert_int_equal(watcher->backwards, 0);
		assert_int_equal(watcher->last, version);
	}
}
