/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/scan.h"
#include "zone/input.h"
#include "zone/rdata.h"
#include <ctype.h>
#include <errno.h>
#include <libknot/libknot.h>
#include <libzscanner/scanner.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Stands for "no $TTL yet": the scanner hands it down to included files by itself. */
#define TTL_UNSET UINT32_MAX

/** One reading of a zone, with all its files. */
struct scan {
	struct sw_contents *contents;
	struct sw_findings *findings;
	struct sw_scan_stats stats;
	bool may_include;
	bool is_ttl_told; /* the missing $TTL was found once */
};

/** One file being read; included files form a stack. */
struct frame {
	struct scan *scan;
	const struct frame *parent;
	const char *path;
	struct sw_input input;
	bool is_rewritten;
	uint16_t file;
	unsigned depth;

	/* where the record being read begins, the end of the one before, and how the scanner stood there */
	const char *from;
	uint64_t from_line;
	int from_state, from_top;
	bool is_from_multiline;

	zs_scanner_t zs;
};

/** Line of the first word of the record just read: a record may follow blank lines and have several itself.
 */
static uint32_t first_line(const struct frame *frame)
{
	const char *at = frame->from, *end = frame->input.text + frame->input.size;
	uint64_t line = frame->from_line;
	if (*at == '\n' && line + 1 == frame->zs.line_counter)
		return (uint32_t)frame->zs.line_counter;
	while (at < end) {
		bool is_directive = *at == '$';
		while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
			at++;
		if (at == end || (*at != '\n' && *at != ';' && !is_directive))
			break;
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at)
			break;
		at++;
		line++;
	}
	return (uint32_t)(line < frame->zs.line_counter ? line : frame->zs.line_counter);
}

/** The TTL to serve: RFC 2308 s4 wants $TTL, RFC 2181 s8 reads values above 2^31 - 1 as 0. */
static uint32_t ttl_of(struct frame *frame)
{
	zs_scanner_t *zs = &frame->zs;
	struct sw_findings *findings = frame->scan->findings;
	if (zs->r_ttl <= INT32_MAX)
		return zs->r_ttl;
	if (zs->r_ttl != TTL_UNSET || zs->default_ttl != TTL_UNSET) {
		sw_findings_add(findings, SW_FINDING_TTL_RANGE, frame->path, first_line(frame), zs->r_owner,
			zs->r_type, "TTL %u is above 2147483647: 0 is served", zs->r_ttl);
		return 0;
	}
	if (!frame->scan->is_ttl_told)
		sw_findings_add(findings, SW_FINDING_NO_TTL, frame->path, first_line(frame), zs->r_owner,
			zs->r_type, "no TTL, and no $TTL before it: %u is served", SW_SCAN_TTL_DEFAULT_S);
	frame->scan->is_ttl_told = true;
	return SW_SCAN_TTL_DEFAULT_S;
}

static int keep_record(struct frame *frame)
{
	zs_scanner_t *zs = &frame->zs;
	struct scan *scan = frame->scan;
	if (sw_type_is_meta(zs->r_type)) {
		sw_findings_add(scan->findings, SW_FINDING_META_TYPE, frame->path, first_line(frame),
			zs->r_owner, zs->r_type, "a type of messages, not of zones: ignored");
		scan->stats.ignored++;
		return 0;
	}
	if (!sw_rdata_is_valid(zs->r_type, zs->r_data, zs->r_data_length)) {
		sw_findings_add(scan->findings, SW_FINDING_RDATA, frame->path, first_line(frame), zs->r_owner,
			zs->r_type, "the data do not have the form of this type");
		return 0;
	}
	int error = sw_contents_add(scan->contents, zs->r_owner, zs->r_type, ttl_of(frame), zs->r_data,
		(uint16_t)zs->r_data_length, frame->file, first_line(frame));
	if (error == -ENOENT) {
		scan->stats.ignored++;
		sw_findings_add(scan->findings, SW_FINDING_OUT_OF_ZONE, frame->path, first_line(frame),
			zs->r_owner, zs->r_type, "outside the zone: ignored");
		return 0;
	}
	if (error < 0)
		return error;
	scan->stats.records++;
	return 0;
}

/** The word an error is about: the one the scanner stopped in, or the one it had just left.
 * @param word  at least 4 * 40 + 4 bytes */
static void blamed_word(const struct frame *frame, char *word)
{
	const zs_scanner_t *zs = &frame->zs;
	const char *low = frame->from, *high = frame->input.text + frame->input.size;
	const char *line_end = zs->input.current;
	if (line_end < low || line_end > high)
		line_end = high; /* a last line without line feed */
	size_t rest = zs->buffer_length > 0 ? zs->buffer_length - 1 : 0;
	const char *start = (size_t)(line_end - low) > rest ? line_end - rest : low;
	while (start > low && (start == line_end || isspace((unsigned char)*start)) && start[-1] != '\n')
		start--;
	while (start > low && !isspace((unsigned char)start[-1]))
		start--;
	char *out = word;
	for (int i = 0; start < line_end && !isspace((unsigned char)*start); start++) {
		if (++i > 40) {
			strcpy(out, "...");
			return;
		}
		bool is_printable = *start > ' ' && *start < 0x7f;
		out += sprintf(out, is_printable ? "%c" : "\\%03u", (unsigned char)*start);
	}
	*out = '\0';
}

/** Whether a word names a class other than IN (RFC 1035 s3.2.4, RFC 2136 s2.4, RFC 3597 s5). */
static bool is_other_class(const char *word)
{
	static const char *const classes[] = {"CH", "CHAOS", "HS", "CS", "NONE", "ANY"};
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (strcasecmp(word, classes[i]) == 0)
			return true;
	}
	return strncasecmp(word, "CLASS", 5) == 0 && isdigit((unsigned char)word[5]);
}

/** Errors in the words between owner and data: the scanner names the first of the three it tried. */
static bool is_type_error(int code)
{
	return code == ZS_UNSUPPORTED_TYPE || code == ZS_BAD_NUMBER || code == ZS_BAD_TIME_UNIT;
}

static void report_error(struct frame *frame)
{
	zs_scanner_t *zs = &frame->zs;
	struct sw_findings *findings = frame->scan->findings;
	uint32_t line = (uint32_t)zs->line_counter;
	char word[4 * 40 + 4];
	blamed_word(frame, word);
	const uint8_t *owner = zs->r_owner_length > 0 && !zs->error.fatal ? zs->r_owner : NULL;
	if (owner && zs->r_type == 0 && is_other_class(word))
		sw_findings_add(findings, SW_FINDING_CLASS, frame->path, line, owner, 0,
			"class %s: only IN is served", word);
	else if (owner && zs->r_type == 0 && is_type_error(zs->error.code))
		sw_findings_add(findings, SW_FINDING_SYNTAX, frame->path, line, owner, 0,
			"neither a TTL, a class nor a type (at \"%s\")", word);
	else if (strstr(word, "\\000"))
		sw_findings_add(findings, SW_FINDING_SYNTAX, frame->path, line, owner, zs->r_type,
			"a NUL byte (at \"%s\")", word);
	else
		sw_findings_add(findings, SW_FINDING_SYNTAX, frame->path, line, owner, zs->r_type,
			"%s (at \"%s\")", zs_strerror(zs->error.code), word);
}

/** Whether there is sense in reading on: the scanner calls every error in a directive fatal, but only with
 * the origin unknown would each name that follows be wrong. */
static bool may_go_on(const struct frame *frame)
{
	static const char origin[] = "$ORIGIN";
	const zs_scanner_t *zs = &frame->zs;
	if (zs->error.code == ZS_UNCOVERED_STATE || zs->error.code == ZS_UNCLOSED_MULTILINE)
		return false;
	if (!zs->error.fatal)
		return true;
	const char *low = frame->from, *start = zs->input.current;
	if (start < low || start > frame->input.text + frame->input.size)
		return false;
	while (start > low && start[-1] != '\n')
		start--;
	return (size_t)(zs->input.current - start) < strlen(origin) ||
	       strncasecmp(start, origin, strlen(origin)) != 0;
}

/** Let the scanner go on at a place in the text, whatever it was doing. */
static void scanner_point(struct frame *frame, const char *at)
{
	zs_scanner_t *zs = &frame->zs;
	zs->input.start = frame->input.text;
	zs->input.current = at;
	zs->input.end = frame->input.text + frame->input.size;
	zs->input.eof = false;
}

/** Let the scanner read the record at frame->from as if it had not begun. */
static void scanner_place(struct frame *frame)
{
	zs_scanner_t *zs = &frame->zs;
	scanner_point(frame, frame->from);
	zs->cs = frame->from_state;
	zs->top = frame->from_top;
	zs->multiline = frame->is_from_multiline;
	zs->long_string = zs->comma_list = false;
	zs->r_data_tail = 0;
	zs->line_counter = frame->from_line;
	zs->state = ZS_STATE_NONE;
	zs->error.code = ZS_OK;
	zs->error.fatal = false;
}

/** Read the failed record once more in the form libzscanner takes.
 * @return 1 when there is something to read again, 0 when the error stands, -errno of reading */
static int try_rewritten(struct frame *frame)
{
	zs_scanner_t *zs = &frame->zs;
	if (frame->is_rewritten)
		return 0;
	frame->is_rewritten = true;
	bool is_inside = zs->input.start == frame->input.text;
	ptrdiff_t at = zs->input.current - frame->from;
	int changed = sw_input_rewrite(&frame->input, &frame->from);
	if (changed > 0)
		scanner_place(frame);
	else if (is_inside)
		scanner_point(frame, frame->from + at);
	return changed;
}

/** @return 1 to go on, 0 to leave this file, -errno of reading */
static int meet_error(struct frame *frame)
{
	zs_scanner_t *zs = &frame->zs;
	int again = try_rewritten(frame);
	if (again != 0)
		return again;
	report_error(frame);
	if (!may_go_on(frame)) {
		sw_findings_add(frame->scan->findings, SW_FINDING_SYNTAX, frame->path,
			(uint32_t)zs->line_counter, NULL, 0, "the rest of the file was not read");
		return 0;
	}
	zs->error.fatal = false;
	return 1;
}

static int scan_file(struct scan *scan, const struct frame *parent, const char *path, const char *origin,
	uint32_t ttl, uint32_t line);

static int meet_include(struct frame *frame)
{
	zs_scanner_t *zs = &frame->zs;
	struct scan *scan = frame->scan;
	uint32_t line = (uint32_t)zs->line_counter;
	if (!scan->may_include) {
		sw_findings_add(scan->findings, SW_FINDING_INCLUDE, frame->path, line, NULL, 0,
			"$INCLUDE is not allowed here");
		return 0;
	}
	if (frame->depth >= SW_SCAN_INCLUDE_DEPTH_MAX) {
		sw_findings_add(scan->findings, SW_FINDING_INCLUDE, frame->path, line, NULL, 0,
			"$INCLUDE nested deeper than %d", SW_SCAN_INCLUDE_DEPTH_MAX);
		return 0;
	}
	/* path and origin stay the scanner's, which rests meanwhile; without a directory it has put "./"
	 * before */
	const char *path = zs->include_filename;
	if (!strchr(frame->path, '/') && strncmp(path, "./", 2) == 0)
		path += 2;
	return scan_file(scan, frame, path, (const char *)zs->buffer, zs->default_ttl, line);
}

static void from_note(struct frame *frame)
{
	frame->from = frame->zs.input.current;
	frame->from_line = frame->zs.line_counter;
	frame->from_state = frame->zs.cs;
	frame->from_top = frame->zs.top;
	frame->is_from_multiline = frame->zs.multiline;
	sw_input_release(&frame->input, frame->from);
}

/** The first lines of a file tell about how many names are in all of it. */
static int expect_names(const struct frame *frame)
{
	const struct sw_input *input = &frame->input;
	uint64_t bytes = input->bytes - input->filled;
	uint64_t names = sw_contents_count(frame->scan->contents);
	return bytes ? sw_contents_expect(frame->scan->contents, names * (input->bytes_all / bytes)) : 0;
}

/** Parse the next record, with as much text as it takes. Where the lines in memory end inside a record the
 * scanner ends it by a line feed of its own: then it is read again, with more lines.
 * @return 0, or -errno of reading */
static int parse_record(struct frame *frame)
{
	zs_scanner_t *zs = &frame->zs;
	struct sw_input *input = &frame->input;
	from_note(frame);
	for (;;) {
		if (zs->input.current != zs->input.end || input->fd < 0) {
			zs->r_type = 0;
			if (zs_parse_record(zs) != 0)
				return -ENOMEM;
			if (input->fd < 0 || zs->input.start == input->text)
				return 0;
		}
		bool is_first = input->bytes == input->filled;
		int error = sw_input_more(input, &frame->from);
		if (!error && is_first)
			error = expect_names(frame);
		if (error)
			return error;
		scanner_place(frame);
	}
}

static int read_records(struct frame *frame)
{
	zs_scanner_t *zs = &frame->zs;
	for (;;) {
		int error = parse_record(frame);
		if (error && error != -ENOMEM) {
			sw_findings_add(frame->scan->findings, SW_FINDING_FILE, frame->path,
				(uint32_t)frame->from_line, NULL, 0, "%s", strerror(-error));
			return 0;
		}
		if (error)
			return error;
		switch (zs->state) {
		case ZS_STATE_DATA:
			error = keep_record(frame);
			break;
		case ZS_STATE_INCLUDE:
			error = meet_include(frame);
			break;
		case ZS_STATE_ERROR:
			error = meet_error(frame);
			if (error == 0)
				return 0;
			break;
		default:
			return 0;
		}
		if (error < 0)
			return error;
	}
}

/** Read frame->input as master file text. */
static int scan_text(struct frame *frame, const char *origin, uint32_t ttl)
{
	struct scan *scan = frame->scan;
	zs_scanner_t *zs = &frame->zs;
	int file = sw_contents_add_file(scan->contents, frame->path);
	if (file < 0)
		return file;
	frame->file = (uint16_t)file;
	sw_contents_stamp_file(scan->contents, frame->file, frame->input.stamp);
	scan->stats.files++;
	if (zs_init(zs, origin, KNOT_CLASS_IN, ttl) != 0)
		return -ENOMEM;
	if (!origin) {
		const uint8_t *apex = sw_contents_apex(scan->contents);
		zs->zone_origin_length = (uint32_t)sw_name_len(apex);
		memcpy(zs->zone_origin, apex, zs->zone_origin_length);
	}
	const char *slash = strrchr(frame->path, '/');
	if (slash) {
		free(zs->path); /* relative $INCLUDE starts here */
		zs->path = strndup(frame->path, slash == frame->path ? 1 : (size_t)(slash - frame->path));
	}
	int error = -ENOMEM;
	if (zs->path && zs_set_input_string(zs, frame->input.text, frame->input.size) == 0)
		error = read_records(frame);
	scan->stats.bytes += frame->input.bytes;
	zs_deinit(zs);
	return error;
}

/** @return text for a file that could not be read, NULL when it could */
static const char *open_input(struct frame *frame)
{
	int error = sw_input_open(&frame->input, frame->path);
	if (error == -EISDIR)
		return "a directory, not a file";
	if (error == -ENODEV)
		return "neither a file nor a pipe";
	if (error)
		return strerror(-error);
	if (frame->input.size == 0 && !frame->parent)
		return "the file is empty";
	for (const struct frame *above = frame->parent; above; above = above->parent) {
		if (above->input.device == frame->input.device && above->input.inode == frame->input.inode)
			return "the file includes itself";
	}
	return NULL;
}

static struct frame *frame_new(struct scan *scan, const struct frame *parent, const char *path)
{
	struct frame *frame = malloc(sizeof(*frame));
	if (!frame)
		return NULL;
	memset(frame, 0, offsetof(struct frame, zs)); /* the scanner, 200 KB, clears itself */
	frame->scan = scan;
	frame->parent = parent;
	frame->path = path;
	frame->depth = parent ? parent->depth + 1 : 0;
	frame->input.fd = -1;
	return frame;
}

/** @param origin  text, or NULL for the apex
 * @param line    of the $INCLUDE in the parent's file */
static int scan_file(struct scan *scan, const struct frame *parent, const char *path, const char *origin,
	uint32_t ttl, uint32_t line)
{
	struct frame *frame = frame_new(scan, parent, path);
	if (!frame)
		return -ENOMEM;
	int error = 0;
	const char *problem = open_input(frame);
	if (problem && parent)
		sw_findings_add(scan->findings, SW_FINDING_INCLUDE, parent->path, line, NULL, 0, "%s: %s",
			path, problem);
	else if (problem)
		sw_findings_add(scan->findings, SW_FINDING_FILE, path, 0, NULL, 0, "%s", problem);
	else
		error = scan_text(frame, origin, ttl);
	sw_input_free(&frame->input);
	free(frame);
	return error;
}

static int conclude(const struct scan *scan, struct sw_scan_stats *stats, uint32_t errors_before, int error)
{
	if (stats)
		*stats = scan->stats;
	if (error)
		return error;
	return scan->findings->count[SW_ERROR] > errors_before ? -EBADMSG : 0;
}

int sw_zone_scan(struct sw_contents *contents, const char *path, struct sw_findings *findings,
	struct sw_scan_stats *stats)
{
	struct scan scan = {.contents = contents, .findings = findings, .may_include = true};
	uint32_t errors_before = findings->count[SW_ERROR];
	int file = sw_contents_add_file(contents, path); /* number 0, also when it cannot be read */
	int error = file < 0 ? file : scan_file(&scan, NULL, path, NULL, TTL_UNSET, 0);
	return conclude(&scan, stats, errors_before, error);
}

int sw_zone_scan_text(struct sw_contents *contents, const char *name, const void *text, size_t size,
	struct sw_findings *findings, struct sw_scan_stats *stats)
{
	struct scan scan = {.contents = contents, .findings = findings};
	uint32_t errors_before = findings->count[SW_ERROR];
	struct frame *frame = frame_new(&scan, NULL, name);
	if (!frame)
		return -ENOMEM;
	/* borrowed and never written to: the rewriter makes its own */
	frame->input = (struct sw_input){
		.text = (char *)(uintptr_t)text, .size = size, .filled = size, .bytes = size, .fd = -1};
	int error = 0;
	if (size == 0)
		sw_findings_add(findings, SW_FINDING_FILE, name, 0, NULL, 0, "the file is empty");
	else
		error = scan_text(frame, NULL, TTL_UNSET);
	sw_input_free(&frame->input);
	free(frame);
	return conclude(&scan, stats, errors_before, error);
}
