/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What 'check' prints: lines for people, or one JSON object for programs. */
#ifndef SW_CLI_CHECK_REPORT_H
#define SW_CLI_CHECK_REPORT_H

#include "zone/finding.h"
#include <stdbool.h>
#include <stdio.h>

struct sw_check_report {
	FILE *to;
	bool is_json;
	const char *zone; /* in hand, as text; NULL for none */
	bool has_any;	  /* something has been reported */
	uint64_t errors, warnings;
	uint64_t zones, refused;       /* of those with a file */
	uint64_t from_primaries, made; /* zones without a file: secondaries; catalogs that are made here */
};

void sw_check_report_begin(struct sw_check_report *report);

/** sw_finding_fn of a zone; `arg` is the report. Not counted: struct sw_findings does. */
void sw_check_report_finding(void *arg, const struct sw_finding *finding);

/** An error that is no finding in a zone's file; counted.
 * @param code  "compile", "tls", "configuration", or "failed": what the machine was short of
 * @param file  NULL: none
 * @param text  of "configuration": FILE:LINE:COLUMN: text */
void sw_check_report_error(
	struct sw_check_report *report, const char *code, const char *file, const char *text);

/** Totals. */
void sw_check_report_end(struct sw_check_report *report);

#endif
