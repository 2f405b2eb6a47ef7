/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/finding.h"
#include "wire/name.h"
#include <inttypes.h>
#include <libknot/libknot.h>
#include <stdio.h>

static const struct {
	const char *label, *source;
	enum sw_severity severity;
} kinds[SW_FINDING_COUNT] = {
#define X(name, label_text, default_severity, source_text) \
	[SW_FINDING_##name] = {label_text, source_text, SW_##default_severity},
	SW_FINDINGS(X)
#undef X
};

const char *sw_finding_label(enum sw_finding_code code)
{
	return kinds[code].label;
}

const char *sw_finding_source(enum sw_finding_code code)
{
	return kinds[code].source;
}

char *sw_type_text(uint16_t type, char *text)
{
	if (type == 0 || knot_rrtype_to_string(type, text, SW_TYPE_TEXT_MAX) < 0)
		text[0] = '\0';
	return text;
}

size_t sw_finding_text(const struct sw_finding *finding, char *text, size_t size)
{
	char line[16] = "";
	if (finding->line > 0)
		snprintf(line, sizeof(line), ":%" PRIu32, finding->line);
	int len = snprintf(text, size, "%s%s: %s: %s%s%s%s%s [%s]", finding->file, line,
		finding->severity == SW_ERROR ? "error" : "warning", finding->owner,
		*finding->owner && *finding->type ? " " : "", finding->type,
		*finding->owner || *finding->type ? ": " : "", finding->message,
		sw_finding_label(finding->code));
	if (len < 0)
		return 0;
	return (size_t)len < size ? (size_t)len : size - 1;
}

void sw_finding_print(void *arg, const struct sw_finding *finding)
{
	char text[8192];
	sw_finding_text(finding, text, sizeof(text));
	fprintf(arg, "%s\n", text);
}

void sw_findings_add(struct sw_findings *findings, enum sw_finding_code code, const char *file, uint32_t line,
	const uint8_t *owner, uint16_t type, const char *format, ...)
{
	enum sw_severity severity = kinds[code].severity;
	findings->count[severity]++;
	if (findings->kinds[code]++ >= SW_FINDINGS_PASSED_MAX || !findings->emit)
		return;
	char message[2560], owner_text[SW_NAME_TEXT_MAX] = "", type_text[SW_TYPE_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	struct sw_finding finding = {.severity = severity,
		.code = code,
		.file = file,
		.line = line,
		.owner = owner ? sw_name_text(owner, owner_text) : "",
		.type = sw_type_text(type, type_text),
		.message = message};
	findings->emit(findings->arg, &finding);
}

void sw_findings_end(struct sw_findings *findings, const char *file)
{
	for (int code = 0; code < SW_FINDING_COUNT; code++) {
		uint32_t count = findings->kinds[code];
		if (count <= SW_FINDINGS_PASSED_MAX || !findings->emit)
			continue;
		char message[64];
		snprintf(message, sizeof(message), "%" PRIu32 " more like this not shown",
			count - SW_FINDINGS_PASSED_MAX);
		struct sw_finding finding = {.severity = kinds[code].severity,
			.code = (enum sw_finding_code)code,
			.file = file,
			.owner = "",
			.type = "",
			.message = message};
		findings->emit(findings->arg, &finding);
	}
}
