/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/check_report.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void sw_check_report_begin(struct sw_check_report *report)
{
	/* written as it comes: findings of many zones need not fit into memory */
	if (report->is_json)
		fputs("{\"findings\": [", report->to);
}

/** Zone files and file names may have any bytes; JSON has UTF-8 alone.
 * @return null for NULL and "" */
static json_t *text_of(const char *text)
{
	if (text == NULL || text[0] == '\0')
		return json_null();
	json_t *string = json_string(text);
	char *plain = string ? NULL : strdup(text);
	for (char *c = plain; c != NULL && *c != '\0'; c++) {
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	}
	if (plain != NULL)
		string = json_string(plain);
	free(plain);
	return string ? string : json_null();
}

static json_t *number_of(unsigned long number)
{
	return number > 0 ? json_integer((json_int_t)number) : json_null();
}

/** Keys are the same for all findings; what is not known is null. */
static void write_object(struct sw_check_report *report, json_t *object)
{
	fputs(report->has_any ? ",\n  " : "\n  ", report->to);
	report->has_any = true;
	json_dumpf(object, report->to, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(object);
}

static json_t *object_of(const struct sw_check_report *report, const char *severity, const char *code)
{
	json_t *object = json_object();
	json_object_set_new(object, "zone", text_of(report->zone));
	json_object_set_new(object, "severity", json_string(severity));
	json_object_set_new(object, "code", json_string(code));
	return object;
}

void sw_check_report_finding(void *arg, const struct sw_finding *finding)
{
	struct sw_check_report *report = arg;
	if (!report->is_json) {
		sw_finding_print(report->to, finding);
		return;
	}
	json_t *object = object_of(
		report, finding->severity == SW_ERROR ? "error" : "warning", sw_finding_label(finding->code));
	json_object_set_new(object, "text", text_of(finding->message));
	json_object_set_new(object, "file", text_of(finding->file));
	json_object_set_new(object, "line", number_of(finding->line));
	json_object_set_new(object, "column", json_null());
	json_object_set_new(object, "owner", text_of(finding->owner));
	json_object_set_new(object, "type", text_of(finding->type));
	json_object_set_new(object, "source", text_of(sw_finding_source(finding->code)));
	write_object(report, object);
}

/** A number behind a colon at the end of a text, which is cut off. @return 0 for none */
static unsigned long take_number(char *text)
{
	char *colon = strrchr(text, ':');
	if (colon == NULL || colon[1] == '\0' || colon[1 + strspn(colon + 1, "0123456789")] != '\0')
		return 0;
	*colon = '\0';
	return strtoul(colon + 1, NULL, 10);
}

static void print_error(const struct sw_check_report *report, const char *file, const char *text)
{
	fprintf(report->to, "%s%serror: %s%s%s\n", file ? file : "", file ? ": " : "",
		report->zone ? report->zone : "", report->zone ? ": " : "", text);
}

void sw_check_report_error(
	struct sw_check_report *report, const char *code, const char *file, const char *text)
{
	const char *rest = strstr(text, ": ");
	char *place = NULL;
	unsigned long line = 0, column = 0;
	report->errors++;
	if (!report->is_json) {
		print_error(report, file, text);
		return;
	}
	if (file == NULL && rest != NULL && (place = strndup(text, (size_t)(rest - text))) != NULL) {
		line = take_number(place);
		column = line ? take_number(place) : 0;
		if (column > 0) { /* the last one was it */
			unsigned long last = line;
			line = column;
			column = last;
		}
	}
	json_t *object = object_of(report, "error", code);
	json_object_set_new(object, "text", text_of(line ? rest + 2 : text));
	json_object_set_new(object, "file", text_of(line ? place : file));
	json_object_set_new(object, "line", number_of(line));
	json_object_set_new(object, "column", number_of(column));
	json_object_set_new(object, "owner", json_null());
	json_object_set_new(object, "type", json_null());
	json_object_set_new(object, "source", json_null());
	write_object(report, object);
	free(place);
}

static void write_totals(const struct sw_check_report *report)
{
	const struct {
		const char *name;
		uint64_t value;
	} totals[] = {
		{"zones", report->zones},
		{"refused", report->refused},
		{"from_primaries", report->from_primaries},
		{"made", report->made},
		{"errors", report->errors},
		{"warnings", report->warnings},
	};
	fputs(report->has_any ? "\n]" : "]", report->to);
	for (unsigned i = 0; i < sizeof(totals) / sizeof(totals[0]); i++)
		fprintf(report->to, ", \"%s\": %llu", totals[i].name, (unsigned long long)totals[i].value);
	fputs("}\n", report->to);
}

void sw_check_report_end(struct sw_check_report *report)
{
	if (report->is_json) {
		write_totals(report);
		return;
	}
	if (report->from_primaries > 0)
		fprintf(report->to, "%llu zone(s) come from primaries, without a file to check\n",
			(unsigned long long)report->from_primaries);
	if (report->made > 0)
		fprintf(report->to, "%llu catalog(s) are made here, without a file to check\n",
			(unsigned long long)report->made);
	fprintf(report->to, "%llu zone(s) checked, %llu refused: %llu error(s), %llu warning(s)\n",
		(unsigned long long)report->zones, (unsigned long long)report->refused,
		(unsigned long long)report->errors, (unsigned long long)report->warnings);
}
