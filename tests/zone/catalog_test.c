/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Catalogs (RFC 9432): records in, members out, and what must not be taken for one. */
#include "wire/message.h"
#include "zone/catalog.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define APEX "catalog.invalid."
#define LINES_MAX 32

/** A catalog of lines "owner TYPE data", in canonical order of owners. */
static int take(struct sw_catalog **result, size_t members_max, const char *const *lines)
{
	uint8_t apex[SW_NAME_MAX];
	sw_name_parse(APEX, apex);
	struct sw_catalog *catalog = sw_catalog_new(apex, members_max);
	int err = 0;
	for (; *lines && !err; lines++) {
		char owner[300], type[16], data[300];
		uint8_t name[SW_NAME_MAX], rdata[600];
		assert_int_equal(sscanf(*lines, "%299s %15s %299[^\n]", owner, type, data), 3);
		strncat(owner, strcmp(owner, "@") == 0 ? "" : "." APEX, sizeof(owner) - strlen(owner) - 1);
		assert_true(sw_name_parse(owner[0] == '@' ? APEX : owner, name) > 0);
		struct sw_record record = {.owner = name, .rdata = rdata};
		assert_int_equal(knot_rrtype_from_string(type, &record.type), 0);
		if (record.type == KNOT_RRTYPE_TXT) {
			size_t len = 0;
			for (char *word = strtok(data, " "); word; word = strtok(NULL, " ")) {
				rdata[len] = (uint8_t)strlen(word);
				memcpy(rdata + len + 1, word, strlen(word));
				len += 1 + strlen(word);
			}
			record.rdata_len = (uint16_t)len;
		} else {
			int len = sw_name_parse(data, rdata);
			assert_true(len > 0);
			record.rdata_len = (uint16_t)len;
		}
		err = sw_catalog_add(catalog, &record);
	}
	if (!err)
		err = sw_catalog_finish(catalog);
	*result = catalog;
	return err;
}

static void good(void **state)
{
	(void)state;
	static const char *const lines[] = {"@ NS invalid.", "version TXT 2", "x.version TXT 3",
		"zones TXT 9", "ext.zones PTR not.a.member.", "a.zones PTR Example.COM.",
		"coo.a.zones PTR New.Catalog.", "group.a.zones TXT one", "group.a.zones TXT two",
		"group.a.zones TXT two parts", "x.group.a.zones TXT three", "b.zones PTR example.",
		"b.zones TXT not.for.us.", "coo.c.zones PTR of.no.member.", "group.c.zones TXT none", NULL};
	struct sw_catalog *catalog;
	uint8_t name[SW_NAME_MAX];
	size_t count;
	assert_int_equal(take(&catalog, 10, lines), 0);
	const struct sw_catalog_member *members = sw_catalog_members(catalog, &count);
	assert_int_equal(count, 3); /* ext.zones is a member like any other: its label is "ext" */
	sw_name_parse("example.", name);
	assert_int_not_equal(sw_name_compare(members[0].zone, members[1].zone), 0);
	const struct sw_catalog_member *com = NULL;
	for (size_t i = 0; i < count; i++) {
		if (members[i].label[1] == 'a')
			com = &members[i];
	}
	assert_non_null(com);
	sw_name_parse("example.com.", name);
	assert_memory_equal(com->zone, name, sw_name_len(name));
	sw_name_parse("new.catalog.", name);
	assert_memory_equal(com->coo, name, sw_name_len(name));
	assert_int_equal(com->groups_len, 8);
	assert_memory_equal(com->groups, "\3one\3two", 8);
	sw_catalog_free(catalog);
}

static const struct {
	const char *why;
	const char *lines[8];
} broken[] = {
	{"it has no version", {"a.zones PTR example."}},
	{"its version is not \"2\"", {"version TXT 1"}},
	{"its version is not \"2\"", {"version TXT 2 2"}},
	{"its version is not \"2\"", {"version TXT 22"}},
	{"more than one version", {"version TXT 2", "version TXT 3"}},
	{"more than one PTR record at a.zones.catalog.invalid.",
		{"version TXT 2", "a.zones PTR example.", "a.zones PTR example.com."}},
	{"more than one PTR record at coo.a.zones.catalog.invalid.",
		{"version TXT 2", "a.zones PTR example.", "coo.a.zones PTR x.", "coo.a.zones PTR y."}},
	{"zone example. is a member twice",
		{"version TXT 2", "a.zones PTR example.", "b.zones PTR EXAMPLE."}},
	{"more than 2 members", {"version TXT 2", "a.zones PTR a.", "b.zones PTR b.", "c.zones PTR c."}},
};

static void bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct sw_catalog *catalog;
		size_t count = 1;
		assert_int_equal(take(&catalog, 2, broken[i].lines), -EBADMSG);
		assert_string_equal(sw_catalog_why(catalog), broken[i].why);
		sw_catalog_members(catalog, &count);
		assert_int_equal(count, 0);
		sw_catalog_free(catalog);
	}
}

static void empty(void **state)
{
	(void)state;
	static const char *const lines[] = {"version TXT 2", NULL};
	struct sw_catalog *catalog;
	size_t count = 1;
	assert_int_equal(take(&catalog, 2, lines), 0);
	sw_catalog_members(catalog, &count);
	assert_int_equal(count, 0);
	sw_catalog_free(catalog);
}

/* What is made here is read here, whatever the zone is called. */

struct kept {
	struct sw_records list;
};

static int keep(void *arg, const struct sw_record *record)
{
	return sw_records_add(&((struct kept *)arg)->list, record);
}

static void there_and_back(void **state)
{
	(void)state;
	static const char *const zones[] = {".", "example.", "*.x\\000\\255.example.",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."};
	uint8_t apex[SW_NAME_MAX], zone[SW_NAME_MAX];
	sw_name_parse(APEX, apex);
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		struct kept kept = {0};
		struct sw_record record;
		size_t at = 0, count;
		struct sw_catalog *catalog = sw_catalog_new(apex, 1);
		assert_true(sw_name_parse(zones[i], zone) > 0);
		assert_int_equal(sw_catalog_write_top(apex, 7, keep, &kept), 0);
		assert_int_equal(sw_catalog_write(apex, zone, "a group", keep, &kept), 0);
		assert_true(sw_records_next(&kept.list, &at, &record));
		assert_int_equal(record.type, SW_TYPE_SOA);
		assert_int_equal(sw_soa_serial(&record), 7);
		for (at = 0; sw_records_next(&kept.list, &at, &record);)
			assert_int_equal(sw_catalog_add(catalog, &record), 0);
		assert_int_equal(sw_catalog_finish(catalog), 0);
		const struct sw_catalog_member *members = sw_catalog_members(catalog, &count);
		assert_int_equal(count, 1);
		assert_true(sw_name_equal(members[0].zone, zone));
		assert_int_equal(members[0].groups_len, 8);
		assert_null(members[0].coo);
		sw_catalog_free(catalog);
		sw_records_free(&kept.list);
	}
}

/** A name that leaves no room for the labels of a member. */
static void too_long(void **state)
{
	(void)state;
	uint8_t apex[SW_NAME_MAX], zone[] = "\7example";
	char text[SW_NAME_TEXT_MAX] = "";
	for (int i = 0; i < 115; i++)
		strcat(text, "a.");
	assert_true(sw_name_parse(text, apex) > 0);
	struct kept kept = {0};
	assert_int_equal(sw_catalog_write(apex, zone, NULL, keep, &kept), -EINVAL);
	assert_int_equal(kept.list.count, 0);
}

/** Whatever bytes a secondary hands over, it ends, with members or a reason. */
static void hostile(void **state)
{
	(void)state;
	uint8_t apex[SW_NAME_MAX];
	sw_name_parse(APEX, apex);
	srandom(9432);
	for (int round = 0; round < 2000; round++) {
		static const char *const owners[] = {"version", "a.zones", "a.zones", "coo.a.zones",
			"coo.a.zones", "group.a.zones", "b.zones", "group.b.zones", "zones", "x.y.z.zones"};
		struct sw_catalog *catalog = sw_catalog_new(apex, 3);
		int err = 0;
		for (size_t i = 0; !err && i < sizeof(owners) / sizeof(owners[0]); i++) {
			char text[SW_NAME_TEXT_MAX];
			uint8_t owner[SW_NAME_MAX], rdata[64];
			if (random() % 3 == 0)
				continue;
			snprintf(text, sizeof(text), "%s.%s", owners[i], APEX);
			sw_name_parse(text, owner);
			bool is_ptr = random() % 2;
			struct sw_record record = {.owner = owner,
				.type = is_ptr ? KNOT_RRTYPE_PTR : KNOT_RRTYPE_TXT,
				.rdata = rdata,
				.rdata_len = (uint16_t)(random() % sizeof(rdata))};
			for (unsigned k = 0; k < record.rdata_len; k++)
				rdata[k] = (uint8_t)random();
			if (is_ptr) /* the archive hands over names only */
				record.rdata_len =
					(uint16_t)sw_name_parse(random() % 2 ? "example." : ".", rdata);
			err = sw_catalog_add(catalog, &record);
		}
		if (!err)
			err = sw_catalog_finish(catalog);
		size_t count;
		sw_catalog_members(catalog, &count);
		assert_true(err == 0 || err == -EBADMSG);
		assert_int_equal(err != 0, sw_catalog_why(catalog)[0] != '\0');
		assert_true(err == 0 || count == 0);
		sw_catalog_free(catalog);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(bad),
		cmocka_unit_test(empty), cmocka_unit_test(there_and_back), cmocka_unit_test(too_long),
		cmocka_unit_test(hostile)};
	return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
