/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Zones changed name by name answer as zones compiled anew, byte for byte, whatever changes. */
#include "answer/answer.h"
#include "changing.h"
#include "image/store_inside.h"
#include "signing.h"
#include "wire/message.h"
#include "zones.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <urcu.h>

static uint64_t seed;
static unsigned fillers_count;

static unsigned draw(unsigned below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % below;
}

/* Few enough that each meets all others: as cuts, below cuts, as hosts of theirs, as DNAMEs, below wildcards.
 */
static const char *const owners[] = {"example", "a.example", "b.example", "c.example", "*.example",
	"a.a.example", "b.a.example", "*.a.example", "x.b.a.example", "*.b.a.example", "q.*.a.example",
	"ns.a.example", "d.ns.a.example", "a.b.example", "*.b.example", "ns.b.example", "ns1.example",
	"ns2.example", "mail.example", "www.example", "w.x.y.z.example", "y.z.example", "1.2.3.4.5.z.example",
	"*.z.example", "ns.y.z.example", "c.c.example", "*.c.c.example", "ns.c.c.example"};
#define OWNERS (sizeof(owners) / sizeof(*owners))

static const uint16_t types[] = {SW_TYPE_A, SW_TYPE_A, SW_TYPE_A, SW_TYPE_AAAA, SW_TYPE_NS, SW_TYPE_NS,
	SW_TYPE_MX, SW_TYPE_SRV, SW_TYPE_CNAME, SW_TYPE_DNAME, SW_TYPE_TXT, SW_TYPE_DS};
#define TYPES (sizeof(types) / sizeof(*types))

static uint8_t wire[OWNERS][SW_NAME_MAX];

/** Record data of a type; hosts are names of the zone, mostly. */
static uint16_t rdata_draw(uint16_t type, uint8_t *rdata)
{
	static const uint8_t elsewhere[] = "\2ns\5other";
	const uint8_t *host = draw(8) ? wire[draw(OWNERS)] : elsewhere;
	size_t at = 0;
	switch (type) {
	case SW_TYPE_A:
		memcpy(rdata, (uint8_t[]){10, 0, 0, (uint8_t)draw(6)}, 4);
		return 4;
	case SW_TYPE_AAAA:
		memset(rdata, 0, 16);
		rdata[15] = (uint8_t)draw(4);
		return 16;
	case SW_TYPE_TXT:
		at = 1 + draw(200);
		memset(rdata, 'x', at);
		rdata[0] = (uint8_t)(at - 1);
		return (uint16_t)at;
	case SW_TYPE_DS:
		memset(rdata, (int)draw(250), 36);
		return 36;
	case SW_TYPE_MX:
		memcpy(rdata, (uint8_t[]){0, (uint8_t)draw(3)}, 2);
		at = 2;
		break;
	case SW_TYPE_SRV:
		memcpy(rdata, (uint8_t[]){0, 1, 0, 1, 0, (uint8_t)draw(3)}, 6);
		at = 6;
		break;
	default:
		break;
	}
	memcpy(rdata + at, host, sw_name_len(host));
	return (uint16_t)(at + sw_name_len(host));
}

/** One step: a record comes, or all of a type at a name go. @return the name */
static const uint8_t *step_draw(struct changing_zone *zone)
{
	const uint8_t *owner = wire[draw(OWNERS)];
	uint16_t type = types[draw(TYPES)];
	if (draw(100) < 30 + (zone->count - fillers_count) / 2) {
		changing_remove(zone, owner, draw(4) ? type : 0);
		return owner;
	}
	uint8_t rdata[300];
	uint16_t len = rdata_draw(type, rdata);
	if (type == SW_TYPE_CNAME || type == SW_TYPE_DNAME)
		changing_remove(zone, owner, type);
	if (owner == wire[0] && (type == SW_TYPE_CNAME || (type == SW_TYPE_DNAME && draw(16))))
		return owner;
	changing_add(zone, owner, type, draw(8) ? 300 : draw(3), rdata, len);
	return owner;
}

struct both {
	struct sw_store *changed, *anew;
	struct sw_worker *worker;
	unsigned changes, again;
	struct signing *signing;      /* NULL: the zone is not signed */
	struct sw_contents *contents; /* signed, as it is */
};

static size_t ask(
	const struct both *both, struct sw_store *store, const uint8_t *query, size_t len, uint8_t *reply)
{
	static const struct sw_asker asker = {.address = {192, 0, 2, 1}, .address_len = 4};
	unsigned verdict;
	rcu_read_lock();
	size_t size = sw_answer(both->worker, sw_store_view(store), &asker, query, len, reply, &verdict);
	rcu_read_unlock();
	return size;
}

static void compare(const struct both *both, const uint8_t *name, uint16_t type, bool wants_dnssec)
{
	static const uint8_t opt[] = {0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 0};
	uint8_t query[400] = {0, 1, 0, 0, 0, 1}, replies[2][4200];
	size_t len = SW_HEADER_LEN, size[2];
	memcpy(query + len, name, sw_name_len(name));
	len += sw_name_len(name);
	memcpy(query + len, (uint8_t[]){(uint8_t)(type >> 8), (uint8_t)type, 0, 1}, 4);
	len += 4;
	if (wants_dnssec) {
		memcpy(query + len, opt, sizeof(opt));
		query[11] = 1;
		len += sizeof(opt);
	}
	size[0] = ask(both, both->changed, query, len, replies[0]);
	size[1] = ask(both, both->anew, query, len, replies[1]);
	if (size[0] == size[1] && memcmp(replies[0], replies[1], size[0]) == 0)
		return;
	char text[SW_NAME_TEXT_MAX];
	print_error("after %u changes: %s TYPE%u is not as compiled anew\n", both->changes,
		sw_name_text(name, text), type);
	for (unsigned i = 0; i < 2; i++) {
		for (size_t k = 0; k < size[i]; k++)
			print_error("%02x%s", replies[i][k], k + 1 == size[i] ? "\n" : "");
	}
	fail();
}

static void compare_all(const struct both *both)
{
	static const uint16_t asked[] = {SW_TYPE_A, SW_TYPE_AAAA, SW_TYPE_NS, SW_TYPE_MX, SW_TYPE_SRV,
		SW_TYPE_CNAME, SW_TYPE_DNAME, SW_TYPE_TXT, SW_TYPE_DS, SW_TYPE_SOA, SW_TYPE_ANY, SW_TYPE_NSEC,
		SW_TYPE_RRSIG};
	for (unsigned i = 0; i < 3 * OWNERS; i++) {
		uint8_t name[SW_NAME_MAX] = {1, 'q', 1, 'q'};
		memcpy(name + 2 * (i / OWNERS), wire[i % OWNERS], sw_name_len(wire[i % OWNERS]));
		for (unsigned k = 0; k < sizeof(asked) / sizeof(*asked); k++) {
			compare(both, name, asked[k], k % 2);
			if (both->signing)
				compare(both, name, asked[k], !(k % 2));
		}
	}
}

static void put(struct sw_store *store, const struct changing_zone *zone)
{
	struct sw_contents *contents = changing_contents(zone, sw_store_key(store));
	assert_int_equal(sw_store_put(store, contents), 0);
	sw_contents_free(contents);
}

/** The names of a zone's index are those that are in its records, whatever came and went. */
static void check_counts(const struct both *both)
{
	struct sw_store_zone changed, anew;
	assert_true(sw_store_find(both->changed, wire[0], &changed));
	assert_true(sw_store_find(both->anew, wire[0], &anew));
	assert_int_equal(changed.names, anew.names);
	assert_int_equal(changed.serial, anew.serial);
}

/** Compile anew where a change did not do. */
static void settle_error(struct both *both, int error, const struct sw_contents *contents)
{
	if (error != -EAGAIN) {
		assert_int_equal(error, 0);
		return;
	}
	both->again++;
	assert_int_equal(sw_store_put(both->changed, contents), 0);
}

/** Sign the zone, and change what that has made others. */
static void change_signed(struct both *both, const struct changing_zone *zone)
{
	const uint8_t *names[600];
	struct sw_contents *was = both->contents;
	struct sw_contents *is = signing_sign(both->signing, zone, was, sw_store_key(both->changed));
	size_t count = signing_diff(was, is, names, sizeof(names) / sizeof(*names));
	const struct sw_zone_records records = signing_records(is);
	settle_error(both, sw_store_change(both->changed, wire[0], names, count, &records), is);
	assert_int_equal(sw_store_put(both->anew, is), 0);
	sw_contents_free(was);
	both->contents = is;
}

static void change_plain(
	struct both *both, struct changing_zone *zone, const uint8_t *const *names, size_t count)
{
	const struct sw_zone_records records = changing_records(zone);
	struct sw_contents *contents = changing_contents(zone, sw_store_key(both->changed));
	settle_error(both, sw_store_change(both->changed, wire[0], names, count, &records), contents);
	sw_contents_free(contents);
	put(both->anew, zone);
}

static void change(struct both *both, struct changing_zone *zone)
{
	const uint8_t *names[9];
	size_t count = 0, steps = 1 + draw(draw(4) ? 2 : 8);
	while (count < steps)
		names[count++] = step_draw(zone);
	if (draw(10)) {
		changing_set_serial(zone, ++both->changes);
		names[count++] = wire[0];
	}
	if (both->signing)
		change_signed(both, zone);
	else
		change_plain(both, zone, names, count);
	for (unsigned i = draw(4); i > 1; i--)
		sw_store_settle(both->changed);
}

/** The zone as it is at first, in both stores. */
static void put_first(struct both *both, const struct changing_zone *zone)
{
	if (!both->signing) {
		put(both->changed, zone);
		put(both->anew, zone);
		return;
	}
	/* contents serve both, which so must have one key */
	sw_store_control(both->anew)->key = *sw_store_key(both->changed);
	sw_store_control(both->anew)->star_hash = sw_store_control(both->changed)->star_hash;
	both->contents = signing_sign(both->signing, zone, NULL, sw_store_key(both->changed));
	assert_int_equal(sw_store_put(both->changed, both->contents), 0);
	assert_int_equal(sw_store_put(both->anew, both->contents), 0);
}

/** @param fillers  names that nobody changes: where there are many, the index has room for those that come
 * @return changes of 1,000 that had to be compiled anew */
static unsigned changes(uint64_t start, unsigned fillers, unsigned count, struct signing *signing)
{
	struct changing_zone *zone = changing_new("example");
	struct both both = {.worker = sw_worker_new(), .signing = signing};
	seed = start;
	fillers_count = fillers;
	assert_int_equal(sw_store_new(&both.changed, NULL), 0);
	assert_int_equal(sw_store_new(&both.anew, NULL), 0);
	sw_store_control(both.changed)->clock_fixed = sw_store_control(both.anew)->clock_fixed = 1;
	sw_store_expect_changes(both.changed, true);
	for (unsigned i = 0; i < OWNERS; i++)
		assert_true(sw_name_parse(owners[i], wire[i]) > 0);
	for (unsigned i = 0; i < fillers; i++) {
		char text[32];
		uint8_t name[SW_NAME_MAX];
		sprintf(text, "f%u.example", i);
		assert_true(sw_name_parse(text, name) > 0);
		changing_add(zone, name, SW_TYPE_A, 300, (const uint8_t *)"\12\0\0\1", 4);
	}
	put_first(&both, zone);
	for (unsigned i = 0; i < count; i++) {
		change(&both, zone);
		compare_all(&both);
		check_counts(&both);
	}
	sw_store_free(both.changed);
	sw_store_free(both.anew);
	sw_worker_free(both.worker);
	sw_contents_free(both.contents);
	changing_free(zone);
	return both.again * 1000 / count;
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 8; i++)
		assert_in_range(changes(i, 150, 500, NULL), 0, 80);
}

/** Where the index is mostly full, names are moved in it to make room, or the zone is compiled anew. */
static void test_crowded(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 8; i++)
		assert_in_range(changes(100 + i, i * 2, 300, NULL), 0, 900);
}

static void signed_changes(bool is_nsec3)
{
	struct signing signing;
	signing_start(&signing, "example", is_nsec3);
	/* with NSEC3 a name below one that comes with it, where a wildcard stood for both, is too much */
	for (unsigned i = 1; i <= 6; i++)
		assert_in_range(changes(200 + i, 150, 300, &signing), 0, is_nsec3 ? 160 : 80);
	assert_in_range(changes(300, 10, 300, &signing), 0, 900);
	signing_end(&signing);
}

static void test_nsec(void **state)
{
	(void)state;
	signed_changes(false);
}

static void test_nsec3(void **state)
{
	(void)state;
	signed_changes(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_crowded),
		cmocka_unit_test(test_nsec), cmocka_unit_test(test_nsec3)};
	rcu_register_thread();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister_thread();
	return failed;
}
