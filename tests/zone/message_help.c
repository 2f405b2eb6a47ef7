/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "message_help.h"
#include "zone/scan.h"
#include <libknot/libknot.h>

static void emit(void *arg, const struct sw_finding *finding)
{
	char text[1024];
	(void)arg;
	sw_finding_text(finding, text, sizeof(text));
	fail_msg("%s", text);
}

struct sw_contents *help_scan(const char *apex, const char *text)
{
	struct sw_findings findings = {.emit = emit};
	struct sw_contents *contents = sw_contents_new(help_name(apex), help_key());
	char *whole;
	assert_true(asprintf(&whole, "$TTL 3600\n%s\n", text) > 0);
	assert_int_equal(sw_zone_scan_text(contents, "zone", whole, strlen(whole), &findings, NULL), 0);
	assert_int_equal(sw_contents_finish(contents), 0);
	free(whole);
	return contents;
}

void help_zone(struct sw_archive *archive, const char *apex, const char *text)
{
	struct sw_contents *contents = help_scan(apex, text);
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_replace(archive, contents), 0);
	assert_int_equal(sw_archive_commit(archive), 0);
	sw_contents_free(contents);
}

struct sw_records help_parse(const char *line)
{
	struct sw_contents *contents = help_scan(".", line);
	struct sw_records records = {0};
	for (uint32_t i = 0; i < sw_contents_count(contents); i++) {
		const struct sw_node *node = sw_contents_node(contents, i);
		if (node->first == 0)
			continue;
		const struct sw_rr *rr = sw_contents_rr(contents, node->first);
		struct sw_record record = {.owner = sw_contents_name(contents, node),
			.type = rr->type,
			.ttl = rr->ttl,
			.rdata = rr->rdata,
			.rdata_len = rr->rdata_len};
		assert_int_equal(sw_records_add(&records, &record), 0);
	}
	assert_int_equal(records.count, 1);
	sw_contents_free(contents);
	return records;
}

void help_put16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

unsigned help_get16(const uint8_t *from)
{
	return (unsigned)(from[0] << 8 | from[1]);
}

size_t help_put_record(uint8_t *message, size_t at, const struct sw_record *record, uint16_t class)
{
	size_t len = sw_name_len(record->owner);
	memcpy(message + at, record->owner, len);
	at += len;
	help_put16(message + at, record->type);
	help_put16(message + at + 2, class);
	help_put16(message + at + 4, record->ttl >> 16);
	help_put16(message + at + 6, record->ttl & 0xffff);
	help_put16(message + at + 8, record->rdata_len);
	if (record->rdata_len > 0)
		memcpy(message + at + 10, record->rdata, record->rdata_len);
	return at + 10 + record->rdata_len;
}

size_t help_put_name(uint8_t *message, size_t at, const char *name)
{
	const uint8_t *wire = help_name(name);
	memcpy(message + at, wire, sw_name_len(wire));
	return at + sw_name_len(wire);
}

void help_get_record(const uint8_t *message, size_t len, size_t *at, sw_record_fn *take, void *arg)
{
	knot_rrset_t set;
	assert_int_equal(knot_rrset_rr_from_wire(message, at, len, &set, NULL, false), KNOT_EOK);
	const knot_rdata_t *rdata = set.rrs.rdata;
	struct sw_record record = {.owner = set.owner,
		.type = set.type,
		.ttl = set.ttl,
		.rdata = set.rrs.count ? rdata->data : NULL,
		.rdata_len = set.rrs.count ? rdata->len : 0};
	assert_int_equal(take(arg, &record), 0);
	knot_rrset_clear(&set, NULL);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *help_sorted(const char *text)
{
	size_t count = 0, at = 0;
	char *copy = strdup(text), *sorted = malloc(strlen(text) + 2), *rest = copy;
	char **lines = calloc(strlen(text) + 1, sizeof(char *));
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (*line)
			lines[count++] = line;
	}
	qsort(lines, count, sizeof(char *), compare_lines);
	sorted[0] = '\0';
	for (size_t i = 0; i < count; i++)
		at += (size_t)sprintf(sorted + at, "%s\n", lines[i]);
	free(lines);
	free(copy);
	return sorted;
}
