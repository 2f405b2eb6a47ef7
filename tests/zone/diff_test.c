/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Differences of two versions: applied to the one they make the other, whatever the versions are. */
#include "message_help.h"
#include "zone/diff.h"

#define APEX "example."

static char *list_text(const struct sw_records *records)
{
	char *text = strdup("");
	struct sw_record record;
	for (size_t at = 0; sw_records_next(records, &at, &record);)
		help_line(&text, &record);
	return text;
}

static void check_list(const struct sw_records *records, const char *const *lines)
{
	char *want = strdup(""), *got = list_text(records);
	for (; *lines; lines++) {
		struct sw_records parsed = help_parse(*lines);
		struct sw_record record;
		for (size_t at = 0; sw_records_next(&parsed, &at, &record);)
			help_line(&want, &record);
		sw_records_free(&parsed);
	}
	assert_string_equal(got, want);
	free(want);
	free(got);
}

#define SOA_LINE(serial) "example. 3600 SOA ns.example. host.example. " serial " 3600 600 86400 300"

static void tells_differences(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	struct sw_delta delta = {0};
	help_zone(archive, APEX,
		SOA_LINE("1") "\n"
			      "example. NS ns.example.\n"
			      "a.example. A 192.0.2.1\n"
			      "a.example. A 192.0.2.2\n"
			      "b.example. 60 TXT \"ttl\"\n"
			      "c.example. MX 1 Mail.example.\n"
			      "z.gone.example. A 192.0.2.3\n"
			      "zz.example. A 192.0.2.4\n");
	struct sw_contents *contents = help_scan(APEX, "zzz.example. A 192.0.2.6\n" /* in no order */
						       "a.example. A 192.0.2.9\n"
						       "a.example. A 192.0.2.2\n"
						       "a.example. AAAA 2001:db8::1\n"
						       "b.example. 61 TXT \"ttl\"\n"
						       "c.example. MX 1 mail.example.\n"
						       "0.example. A 192.0.2.5\n"
						       "example. NS ns.example.\n"
						       "zz.example. A 192.0.2.4\n" SOA_LINE("5") "\n");
	assert_int_equal(sw_delta_diff(sw_archive_own(archive), contents, 0, &delta), 1);
	assert_int_equal(delta.from, 1);
	assert_int_equal(delta.to, 5);
	check_list(&delta.old_soa, (const char *[]){SOA_LINE("1"), NULL});
	check_list(&delta.new_soa, (const char *[]){SOA_LINE("5"), NULL});
	check_list(&delta.removed,
		(const char *[]){"a.example. 3600 A 192.0.2.1", "b.example. 60 TXT \"ttl\"",
			"c.example. 3600 MX 1 Mail.example.", "z.gone.example. 3600 A 192.0.2.3", NULL});
	check_list(&delta.added,
		(const char *[]){"0.example. 3600 A 192.0.2.5", "a.example. 3600 A 192.0.2.9",
			"a.example. 3600 AAAA 2001:db8::1", "b.example. 61 TXT \"ttl\"",
			"c.example. 3600 MX 1 mail.example.", "zzz.example. 3600 A 192.0.2.6", NULL});
	size_t bytes = delta.removed.used + delta.added.used;
	sw_delta_free(&delta);
	delta = (struct sw_delta){0};
	assert_int_equal(sw_delta_diff(sw_archive_own(archive), contents, bytes - 1, &delta), -E2BIG);
	assert_null(delta.added.bytes);
	assert_int_equal(sw_delta_diff(sw_archive_own(archive), contents, bytes, &delta), 1);
	sw_delta_free(&delta);
	sw_contents_free(contents);
	sw_archive_close(archive);
}

/** What a signer has made is neither there nor missing, names that have nothing else included, and the serial
 * of the kept zone is that of what it was made of. */
static void tells_unsigned_differences(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	struct sw_delta delta = {0};
	help_zone(archive, APEX,
		SOA_LINE("9") "\n"
			      "example. NS ns.example.\n"
			      "example. DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n"
			      "example. CDS 0 0 0 00\n"
			      "example. NSEC3PARAM 1 0 0 -\n"
			      "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 0 0 - "
			      "2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG\n"
			      "a.example. A 192.0.2.1\n"
			      "a.example. NSEC example. A NSEC\n"
			      "b.example. DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n");
	const char *same = SOA_LINE("3") "\n"
					 "example. NS ns.example.\n"
					 "example. NSEC3PARAM 1 0 5 -\n"
					 "a.example. A 192.0.2.1\n"
					 "aa.example. NSEC example. A NSEC\n"
					 "b.example. DNSKEY 257 3 15 "
					 "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n";
	struct sw_contents *contents = help_scan(APEX, same);
	assert_int_equal(sw_delta_diff_unsigned(sw_archive_own(archive), contents, 3, 0, &delta), 0);
	assert_int_equal(sw_delta_diff_unsigned(sw_archive_own(archive), contents, 2, 0, &delta), 1);
	assert_int_equal(delta.from, 2);
	assert_int_equal(delta.to, 3);
	assert_int_equal(delta.removed.count + delta.added.count, 0);
	check_list(&delta.old_soa, (const char *[]){SOA_LINE("2"), NULL});
	sw_delta_free(&delta);
	sw_contents_free(contents);
	contents = help_scan(APEX, SOA_LINE("4") "\nexample. NS ns.example.\nzz.example. A 192.0.2.5\n");
	delta = (struct sw_delta){0};
	assert_int_equal(sw_delta_diff_unsigned(sw_archive_own(archive), contents, 3, 0, &delta), 1);
	check_list(&delta.removed,
		(const char *[]){"a.example. 3600 A 192.0.2.1",
			"b.example. 3600 DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
			NULL});
	check_list(&delta.added, (const char *[]){"zz.example. 3600 A 192.0.2.5", NULL});
	sw_delta_free(&delta);
	sw_contents_free(contents);
	sw_archive_close(archive);
}

static void tells_what_is_none(void **state)
{
	static const char same[] = SOA_LINE("1") "\nexample. NS ns.example.\nwww.example. A 192.0.2.1\n";
	struct sw_archive *archive = help_open(help_directory(state));
	struct sw_snapshot *own = sw_archive_own(archive);
	struct sw_delta delta = {0};
	struct sw_contents *contents = help_scan(APEX, same);
	assert_int_equal(sw_delta_diff(own, contents, 0, &delta), -ENOENT);
	help_zone(archive, APEX, same);
	assert_int_equal(sw_delta_diff(own, contents, 1, &delta), 0);
	sw_contents_free(contents);
	/* the SOA alone */
	contents = help_scan(APEX, SOA_LINE("2") "\nexample. NS ns.example.\nwww.example. A 192.0.2.1\n");
	assert_int_equal(sw_delta_diff(own, contents, 1, &delta), 1);
	assert_int_equal(delta.removed.count + delta.added.count, 0);
	assert_int_equal(delta.to, 2);
	sw_delta_free(&delta);
	sw_contents_free(contents);
	delta = (struct sw_delta){0};
	/* no SOA, two */
	contents = help_scan(APEX, "example. NS ns.example.\n");
	assert_int_equal(sw_delta_diff(own, contents, 0, &delta), -EINVAL);
	sw_contents_free(contents);
	struct sw_record second = help_soa(help_name(APEX), 3);
	contents = help_contents(help_name(APEX), 2, &second, 1);
	assert_int_equal(sw_delta_diff(own, contents, 0, &delta), -EINVAL);
	sw_contents_free(contents);
	assert_null(delta.old_soa.bytes);
	sw_archive_close(archive);
}

/* ---- random versions ---- */

static uint64_t seed = 0x2545f4914f6cdd1d;

static unsigned chance(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)((seed >> 11) % below);
}

#define RECORDS_MAX 60

/** Names of few bytes, which meet often, and sort in ways of their own. */
static struct sw_contents *random_contents(uint32_t serial)
{
	static const uint8_t bytes[] = {0, 1, 2, 'a', 'B', 'z', '*', 0xff};
	struct sw_record soa = help_soa(help_name(APEX), serial);
	struct sw_contents *contents = sw_contents_new(soa.owner, help_key());
	assert_non_null(contents);
	sw_contents_add(contents, soa.owner, SOA, soa.ttl, soa.rdata, soa.rdata_len, 0, 0);
	for (unsigned count = chance(RECORDS_MAX); count > 0; count--) {
		uint8_t owner[SW_NAME_MAX], data[3] = {(uint8_t)chance(2), (uint8_t)chance(2)};
		size_t at = 0;
		for (unsigned labels = chance(3); labels > 0; labels--) {
			unsigned len = 1 + chance(2);
			owner[at++] = (uint8_t)len;
			while (len-- > 0)
				owner[at++] = bytes[chance(sizeof(bytes))];
		}
		memcpy(owner + at, help_name(APEX), 9);
		int added = sw_contents_add(contents, owner, (uint16_t)(PRIVATE + chance(2)), 60 * chance(2),
			data, (uint16_t)(1 + chance(2)), 0, 0);
		assert_in_range(added, 0, 1);
	}
	assert_int_equal(sw_contents_finish(contents), 0);
	return contents;
}

static void makes_one_of_the_other(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	struct sw_snapshot *own = sw_archive_own(archive);
	uint8_t apex[SW_NAME_MAX];
	assert_true(sw_name_parse(APEX, apex) > 0);
	struct sw_contents *first = random_contents(0);
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_replace(archive, first), 0);
	sw_contents_free(first);
	for (uint32_t serial = 1; serial < 2000; serial++) {
		struct sw_contents *contents = random_contents(serial);
		struct sw_delta delta = {0};
		assert_int_equal(sw_delta_diff(own, contents, 0, &delta), 1);
		assert_int_equal(sw_archive_change(archive, apex, &delta), 0);
		sw_delta_free(&delta);
		/* the archive's own way of keeping contents, beside */
		char *got = help_text(own, apex);
		assert_int_equal(sw_archive_replace(archive, contents), 0);
		char *want = help_text(own, apex);
		assert_string_equal(got, want);
		assert_int_equal(sw_delta_diff(own, contents, 0, &delta), 0);
		free(got);
		free(want);
		sw_contents_free(contents);
	}
	assert_int_equal(sw_archive_commit(archive), 0);
	sw_archive_close(archive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, help_setup, help_teardown)
		TEST(tells_differences),
		TEST(tells_unsigned_differences),
		TEST(tells_what_is_none),
		TEST(makes_one_of_the_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
