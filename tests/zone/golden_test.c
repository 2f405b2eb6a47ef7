/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every golden/N.zone is read and checked; findings and records must be those of N.ok.
 * The first lines of a zone say its origin and, for signatures, the time ("; origin: X", "; now:
 * YYYYMMDDhhmmss"). With an argument "update" the .ok files are written instead: read the difference before
 * you commit it. */
#include "zone/check.h"
#include "zone/scan.h"
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static bool is_update;
static bool is_kind_seen[SW_FINDING_COUNT];

static void print_finding(void *arg, const struct sw_finding *finding)
{
	is_kind_seen[finding->code] = true;
	sw_finding_print(arg, finding);
}

/** Value of a "; key: value" line, or the default. */
static char *header(const char *path, const char *key, const char *otherwise, char *value, size_t size)
{
	char line[256], want[32];
	snprintf(value, size, "%s", otherwise);
	snprintf(want, sizeof(want), "; %s: ", key);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	for (int i = 0; i < 2 && fgets(line, sizeof(line), file); i++) {
		line[strcspn(line, "\r\n")] = '\0';
		if (strncmp(line, want, strlen(want)) == 0)
			snprintf(value, size, "%s", line + strlen(want));
	}
	fclose(file);
	return value;
}

static uint32_t seconds_of(const char *text)
{
	struct tm tm = {0};
	assert_non_null(strptime(text, "%Y%m%d%H%M%S", &tm));
	return (uint32_t)timegm(&tm);
}

static void print_record(
	FILE *out, const struct sw_contents *contents, const uint8_t *name, const struct sw_rr *rr)
{
	char text[SW_NAME_TEXT_MAX], type[SW_TYPE_TEXT_MAX];
	fprintf(out, "%u %s %u %s ", rr->line, sw_name_text(name, text), rr->ttl,
		sw_type_text(rr->type, type));
	if (rr->rdata_len > 400)
		fprintf(out, "(%u bytes)", rr->rdata_len);
	for (uint16_t i = 0; i < rr->rdata_len && rr->rdata_len <= 400; i++)
		fprintf(out, "%02x", rr->rdata[i]);
	fprintf(out, "\n");
	(void)contents;
}

/** Unsigned zones show their records too; of signed ones the findings say enough. */
static void print_records(FILE *out, const struct sw_contents *contents)
{
	if (sw_contents_find_rr(contents, sw_contents_node(contents, 0), 46))
		return;
	for (uint32_t i = 0; i < sw_contents_count(contents); i++) {
		const struct sw_node *node = sw_contents_node(contents, i);
		const struct sw_rr *rr = sw_contents_rr(contents, node->first);
		for (; rr; rr = sw_contents_rr(contents, rr->next))
			print_record(out, contents, sw_contents_name(contents, node), rr);
	}
}

static char *run_zone(const char *path)
{
	char value[256], *text = NULL;
	size_t size = 0;
	uint8_t apex[SW_NAME_MAX];
	struct sw_hash_key key;
	assert_int_equal(sw_hash_key_draw(&key), 0);
	assert_true(sw_name_parse(header(path, "origin", "example.", value, sizeof(value)), apex) > 0);
	struct sw_contents *contents = sw_contents_new(apex, &key);
	assert_non_null(contents);
	FILE *out = open_memstream(&text, &size);
	struct sw_findings findings = {.emit = print_finding, .arg = out};
	struct sw_scan_stats stats;
	int scanned = sw_zone_scan(contents, path, &findings, &stats);
	assert_true(scanned == 0 || scanned == -EBADMSG);
	assert_int_equal(sw_contents_finish(contents), 0);
	unsigned long kept = (unsigned long)sw_contents_records(contents);
	assert_true(kept <= stats.records);
	uint32_t now_s = seconds_of(header(path, "now", "20260101000000", value, sizeof(value)));
	int checked = sw_zone_check(contents, now_s, &findings);
	assert_true(checked == 0 || checked == -EBADMSG);
	assert_int_equal(findings.count[SW_ERROR] > 0, scanned || checked);
	sw_findings_end(&findings, path);
	fprintf(out, "%s: %u errors, %u warnings, %lu records, %lu duplicates, %lu ignored\n",
		findings.count[SW_ERROR] ? "refused" : "served", findings.count[SW_ERROR],
		findings.count[SW_WARNING], kept, (unsigned long)stats.records - kept,
		(unsigned long)stats.ignored);
	print_records(out, contents);
	fclose(out);
	sw_contents_free(contents);
	return text;
}

static char *read_text(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *file = fopen(path, "r");
	if (!text || !file)
		fail_msg("%s cannot be read", path);
	text[fread(text, 1, (1 << 20) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static void test_zone(void **state)
{
	const char *zone = *state;
	char ok[512];
	snprintf(ok, sizeof(ok), "%.*s.ok", (int)(strlen(zone) - strlen(".zone")), zone);
	char *got = run_zone(zone);
	if (is_update) {
		FILE *file = fopen(ok, "w");
		assert_non_null(file);
		fputs(got, file);
		fclose(file);
	}
	char *want = read_text(ok);
	assert_string_equal(got, want);
	free(got);
	free(want);
}

/** A kind of finding that no zone here provokes is one nobody has ever seen work. */
static void test_every_kind_seen(void **state)
{
	(void)state;
	unsigned missing = 0;
	for (int code = 0; code < SW_FINDING_COUNT; code++) {
		if (is_kind_seen[code])
			continue;
		print_error("no golden zone provokes [%s]\n", sw_finding_label((enum sw_finding_code)code));
		missing++;
	}
	assert_int_equal(missing, 0);
}

static int is_zone(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');
	return dot && strcmp(dot, ".zone") == 0;
}

int main(int argc, char **argv)
{
	is_update = argc > 1 && strcmp(argv[1], "update") == 0;
	struct dirent **entries;
	if (chdir(SW_GOLDEN_DIR) != 0)
		return 1;
	int count = scandir(".", &entries, is_zone, alphasort);
	if (count <= 0)
		return 1;
	struct CMUnitTest *tests = calloc((size_t)count + 1, sizeof(*tests));
	for (int i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){.name = entries[i]->d_name,
			.test_func = test_zone,
			.initial_state = entries[i]->d_name};
	tests[count] =
		(struct CMUnitTest){.name = "every kind of finding", .test_func = test_every_kind_seen};
	int failed = _cmocka_run_group_tests("golden zones", tests, (size_t)count + 1, NULL, NULL);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	free(tests);
	return failed != 0;
}
