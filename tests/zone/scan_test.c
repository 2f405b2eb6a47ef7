/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the golden zones cannot say: files that are none, limits, and the memory interface. */
#include "zone/input.h"
#include "zone/load.h"
#include "zone/scan.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "$TTL 300\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"

static const uint8_t apex[] = "\7example";
static char directory[] = "/tmp/sw-scan-test-XXXXXX";

/** Keeps the last finding, counts all that were passed on. */
struct seen {
	unsigned count;
	char last[4096];
};

static void see(void *arg, const struct sw_finding *finding)
{
	struct seen *seen = arg;
	seen->count++;
	sw_finding_text(finding, seen->last, sizeof(seen->last));
}

static int load(const char *path, struct seen *seen, struct sw_contents **contents)
{
	struct sw_hash_key key;
	assert_int_equal(sw_hash_key_draw(&key), 0);
	struct sw_findings findings = {.emit = see, .arg = seen};
	*seen = (struct seen){0};
	return sw_zone_load(apex, &key, path, &findings, contents);
}

static int scan_text(const void *text, size_t size, struct seen *seen, struct sw_scan_stats *stats)
{
	struct sw_hash_key key;
	assert_int_equal(sw_hash_key_draw(&key), 0);
	struct sw_contents *contents = sw_contents_new(apex, &key);
	struct sw_findings findings = {.emit = see, .arg = seen};
	*seen = (struct seen){0};
	int error = sw_zone_scan_text(contents, "text", text, size, &findings, stats);
	sw_findings_end(&findings, "text");
	sw_contents_free(contents);
	return error;
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void test_no_file(void **state)
{
	(void)state;
	struct seen seen;
	struct sw_contents *contents = NULL;
	assert_int_equal(load("missing.zone", &seen, &contents), -EBADMSG);
	assert_string_equal(seen.last, "missing.zone: error: No such file or directory [file]");
	assert_int_equal(load(".", &seen, &contents), -EBADMSG);
	assert_string_equal(seen.last, ".: error: a directory, not a file [file]");
	assert_int_equal(load("/dev/zero", &seen, &contents), -EBADMSG);
	assert_string_equal(seen.last, "/dev/zero: error: neither a file nor a pipe [file]");
	write_file("empty.zone", "");
	assert_int_equal(load("empty.zone", &seen, &contents), -EBADMSG);
	assert_string_equal(seen.last, "empty.zone: error: the file is empty [file]");
	assert_int_equal(seen.count, 1);
	/* nobody writes to this pipe: it is empty, and we do not wait */
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_int_equal(load("pipe", &seen, &contents), -EBADMSG);
	assert_string_equal(seen.last, "pipe: error: the file is empty [file]");
	sw_contents_free(contents);
}

static void test_load(void **state)
{
	(void)state;
	struct seen seen;
	struct sw_contents *contents = NULL;
	write_file("good.zone", HEAD);
	assert_int_equal(load("good.zone", &seen, &contents), 0);
	assert_int_equal(seen.count, 0);
	assert_int_equal(sw_contents_records(contents), 3);
	assert_string_equal(sw_contents_file(contents, 0), "good.zone");
	sw_contents_free(contents);
	contents = NULL;
	write_file("warned.zone", HEAD "a MX 1 none\n");
	assert_int_equal(load("warned.zone", &seen, &contents), 0);
	assert_string_equal(seen.last,
		"warned.zone:5: warning: a.example. MX: none.example. does not exist [target-missing]");
	sw_contents_free(contents);
	contents = NULL;
	write_file("refused.zone", HEAD "a CNAME ns\na A 192.0.2.1\n");
	assert_int_equal(load("refused.zone", &seen, &contents), -EBADMSG);
	sw_contents_free(contents);
}

/** Contents used again hold nothing of the zone before, be it small, big or refused. */
static void test_again(void **state)
{
	(void)state;
	struct seen seen;
	struct sw_contents *contents = NULL;
	FILE *big = fopen("big.zone", "w");
	assert_non_null(big);
	fputs(HEAD, big);
	for (int i = 0; i < 100000; i++)
		fprintf(big, "n%d A 192.0.2.1\n", i);
	assert_int_equal(fclose(big), 0);
	write_file("small.zone", HEAD "b A 192.0.2.1\n");
	write_file("other.zone", HEAD "c A 192.0.2.2\n");
	write_file("refused.zone", HEAD "a CNAME ns\na A 192.0.2.1\n");
	static const char *const files[] = {
		"small.zone", "other.zone", "big.zone", "refused.zone", "small.zone"};
	static const uint32_t counts[] = {3, 3, 100002, 3, 3};
	for (size_t i = 0; i < 5; i++) {
		bool is_small = files[i][0] == 's', is_other = files[i][0] == 'o';
		assert_int_equal(load(files[i], &seen, &contents), files[i][0] == 'r' ? -EBADMSG : 0);
		assert_int_equal(sw_contents_count(contents), counts[i]);
		assert_string_equal(sw_contents_file(contents, 0), files[i]);
		assert_int_equal(
			sw_contents_find(contents, (const uint8_t *)"\1b\7example") != NULL, is_small);
		assert_int_equal(
			sw_contents_find(contents, (const uint8_t *)"\1c\7example") != NULL, is_other);
	}
	sw_contents_free(contents);
}

/** All that findings say. */
struct told {
	char text[8192];
	size_t len;
};

static void tell(void *arg, const struct sw_finding *finding)
{
	struct told *told = arg;
	char text[1024];
	sw_finding_text(finding, text, sizeof(text));
	told->len += (size_t)snprintf(told->text + told->len, sizeof(told->text) - told->len, "%s\n", text);
	assert_true(told->len < sizeof(told->text));
}

static void assert_same(const struct sw_contents *a, const struct sw_contents *b)
{
	assert_int_equal(sw_contents_count(a), sw_contents_count(b));
	for (uint32_t i = 0; i < sw_contents_count(a); i++) {
		const struct sw_node *x = sw_contents_node(a, i), *y = sw_contents_node(b, i);
		assert_int_equal(x->name_len, y->name_len);
		assert_memory_equal(sw_contents_name(a, x), sw_contents_name(b, y), x->name_len);
		const struct sw_rr *r = sw_contents_rr(a, x->first), *q = sw_contents_rr(b, y->first);
		for (; r && q; r = sw_contents_rr(a, r->next), q = sw_contents_rr(b, q->next)) {
			assert_int_equal(r->line, q->line);
			assert_int_equal(r->ttl, q->ttl);
			assert_int_equal(r->type, q->type);
			assert_int_equal(r->rdata_len, q->rdata_len);
			assert_memory_equal(r->rdata, q->rdata, r->rdata_len);
		}
		assert_true(r == q);
	}
}

/** Records until just `short_by` bytes of the window are left, then the sample. @return bytes */
static size_t fill_window(char *text, const char *sample, size_t short_by)
{
	size_t len = (size_t)sprintf(text, HEAD), want = SW_INPUT_WINDOW_BYTES - short_by;
	for (int i = 0; len + 200 < want; i++)
		len += (size_t)sprintf(text + len, "filler%d TXT \"%0100d\"\n", i, i);
	len += (size_t)sprintf(text + len, ";%0*d\n", (int)(want - len - 2), 0);
	assert_int_equal(len, want);
	strcpy(text + len, sample);
	return len + strlen(sample);
}

/** What is read piece by piece is what is read whole, wherever a piece ends. */
static void test_windows(void **state)
{
	(void)state;
	static const char *const samples[] = {
		"a 60 A 192.0.2.1\n\n; more\n  AAAA 2001:db8::1\nb A 192.0.2.123",
		"m TXT ( \"one\"\n ; inside\n\t\"two ; \\\" three\"\n) ; after\n  A 192.0.2.1\n",
		"$TTL 86400\n$ORIGIN sub\n$ORIGIN sub\nx A 192.0.2.7\n$ORIGIN example.\ny A 192.0.2.8\n",
		"bad A 192.0.2.300\nworse ( A\n 1.2.3 )\nfine A 192.0.2.9\n$TTL x\nlast A 192.0.2.1\n",
		"r\303\266 CLASS1 A 192.0.2.1\nu_v CLASS1 TXT ( a\nb )\nw A 192.0.2.2\n",
		"soa SOA ns h (\n1\n2 ; two\n3\n4\n5\n)\nopen TXT ( never\nclosed\n",
	};
	struct sw_hash_key key;
	assert_int_equal(sw_hash_key_draw(&key), 0);
	char *text = malloc(2 * SW_INPUT_WINDOW_BYTES);
	assert_non_null(text);
	struct sw_contents *whole = sw_contents_new(apex, &key), *pieces = sw_contents_new(apex, &key);
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		for (size_t short_by = 0; short_by <= strlen(samples[i]) + 1; short_by++) {
			struct told told[2] = {0};
			struct sw_findings findings[2] = {
				{.emit = tell, .arg = &told[0]}, {.emit = tell, .arg = &told[1]}};
			size_t len = fill_window(text, samples[i], short_by);
			write_file("window", text);
			assert_int_equal(sw_contents_restart(whole, apex, &key), 0);
			assert_int_equal(sw_contents_restart(pieces, apex, &key), 0);
			int error = sw_zone_scan_text(whole, "window", text, len, &findings[0], NULL);
			assert_int_equal(sw_zone_scan(pieces, "window", &findings[1], NULL), error);
			assert_string_equal(told[1].text, told[0].text);
			assert_int_equal(sw_contents_finish(whole), 0);
			assert_int_equal(sw_contents_finish(pieces), 0);
			assert_same(whole, pieces);
		}
	}
	sw_contents_free(whole);
	sw_contents_free(pieces);
	free(text);
}

/** A record or a comment longer than any piece. */
static void test_long_record(void **state)
{
	(void)state;
	struct seen seen;
	struct sw_contents *contents = NULL;
	FILE *file = fopen("long.zone", "w");
	assert_non_null(file);
	fputs(HEAD "long TXT (", file);
	for (int i = 0; i < 100000; i++)
		fprintf(file, " ; comment %d\n", i);
	fputs("end )\n", file);
	for (int i = 0; i < 100000; i++)
		fprintf(file, "; comment %d\n", i);
	fputs("last A 192.0.2.1", file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(load("long.zone", &seen, &contents), 0);
	assert_int_equal(sw_contents_records(contents), 5);
	const struct sw_node *last = sw_contents_find(contents, (const uint8_t *)"\4last\7example");
	assert_non_null(last);
	assert_int_equal(sw_contents_rr(contents, last->first)->line, 200006);
	sw_contents_free(contents);
}

static void test_collision(void **state)
{
	(void)state;
	struct sw_hash_key weak = {.fold_mul = {1, 1}};
	struct seen seen = {0};
	struct sw_findings findings = {.emit = see, .arg = &seen};
	struct sw_contents *contents = NULL;
	write_file("collide.zone", HEAD "a.b A 192.0.2.1\nb.a A 192.0.2.2\na A 192.0.2.2\nc A 192.0.2.2\n");
	assert_int_equal(sw_zone_load(apex, &weak, "collide.zone", &findings, &contents), -EEXIST);
	sw_contents_free(contents);
}

static void test_include_depth(void **state)
{
	(void)state;
	struct seen seen;
	struct sw_contents *contents = NULL;
	for (int i = 0; i <= SW_SCAN_INCLUDE_DEPTH_MAX + 1; i++) {
		char name[32], text[256];
		snprintf(name, sizeof(name), "depth%d", i);
		snprintf(
			text, sizeof(text), "%sd%d A 192.0.2.1\n$INCLUDE depth%d\n", i ? "" : HEAD, i, i + 1);
		write_file(name, text);
	}
	assert_int_equal(load("depth0", &seen, &contents), -EBADMSG);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.last, "depth16:2: error: $INCLUDE nested deeper than 16 [include]");
	write_file("depth16", "last A 192.0.2.1\n");
	assert_int_equal(load("depth0", &seen, &contents), 0);
	assert_int_equal(sw_contents_records(contents), 3 + SW_SCAN_INCLUDE_DEPTH_MAX + 1);
	sw_contents_free(contents);
}

static void test_text_without_include(void **state)
{
	(void)state;
	struct seen seen;
	struct sw_scan_stats stats;
	write_file("inc", "a A 192.0.2.1\n");
	const char text[] = HEAD "$INCLUDE inc\nb A 192.0.2.2\n";
	assert_int_equal(scan_text(text, sizeof(text) - 1, &seen, &stats), -EBADMSG);
	assert_string_equal(seen.last, "text:5: error: $INCLUDE is not allowed here [include]");
	assert_int_equal(stats.records, 4);
}

/** Findings are bounded, and the sum is told. */
static void test_many_errors(void **state)
{
	(void)state;
	struct seen seen;
	struct sw_scan_stats stats;
	size_t count = 5000, size = 0;
	char *text = malloc(count * 32);
	for (size_t i = 0; i < count; i++)
		size += (size_t)sprintf(text + size, "a%zu A bad\n", i);
	assert_int_equal(scan_text(text, size, &seen, &stats), -EBADMSG);
	assert_int_equal(seen.count, SW_FINDINGS_PASSED_MAX + 1);
	assert_string_equal(seen.last, "text: error: 4900 more like this not shown [syntax]");
	free(text);
}

/** Lines longer than any buffer: an owner, a type, a text, a comment, an $INCLUDE, blanks. */
static void test_huge_lines(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after;
		char fill;
		int error;
		unsigned records;
	} rows[] = {
		{"", " A 192.0.2.1\n", 'a', -EBADMSG, 1},
		{"", " A 192.0.2.1\n", '.', -EBADMSG, 1},
		{"x ", " 192.0.2.1\n", 'A', -EBADMSG, 1},
		{"x A ", "\n", '1', -EBADMSG, 1},
		{"x TXT \"", "\"\n", 't', -EBADMSG, 1},
		{"x TYPE731 \\# 65535 ", "\n", 'f', -EBADMSG, 1},
		{"x OPENPGPKEY ", "\n", 'A', -EBADMSG, 1},
		{"x A 192.0.2.1 ; ", "\n", ';', 0, 2},
		{"x A ", "192.0.2.1\n", ' ', 0, 2},
		{"x A (", "192.0.2.1 )\n", '\n', 0, 2},
		{"x A ", "192.0.2.1\n", '(', -EBADMSG, 0},
		{"$INCLUDE ", "\n", 'i', -EBADMSG, 1},
		{"$ORIGIN ", ".\n", 'o', -EBADMSG, 0},
		{"$TTL ", "\n", '9', -EBADMSG, 1},
		{"$", "\n", 'X', -EBADMSG, 1},
		{"x A ", "\n", '\0', -EBADMSG, 1},
		{"", " A 192.0.2.1\n", '\377', -EBADMSG, 1},
	};
	enum { FILL = 1 << 20 };
	char *text = malloc(FILL + 256);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t size = (size_t)sprintf(text, "$TTL 300\n%s", rows[i].before);
		memset(text + size, rows[i].fill, FILL);
		size += FILL;
		size += (size_t)sprintf(text + size, "%slast 300 A 192.0.2.9\n", rows[i].after);
		struct seen seen;
		struct sw_scan_stats stats;
		int error = scan_text(text, size, &seen, &stats);
		if (error != rows[i].error || stats.records != rows[i].records)
			fail_msg("row %zu: %d, %u records: %s", i, error, (unsigned)stats.records, seen.last);
	}
	free(text);
}

static int enter_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int leave_directory(void **state)
{
	(void)state;
	char command[64];
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return chdir("/") == 0 ? system(command) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_file), cmocka_unit_test(test_load),
		cmocka_unit_test(test_again), cmocka_unit_test(test_windows),
		cmocka_unit_test(test_long_record), cmocka_unit_test(test_collision),
		cmocka_unit_test(test_include_depth), cmocka_unit_test(test_text_without_include),
		cmocka_unit_test(test_many_errors), cmocka_unit_test(test_huge_lines)};
	return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
