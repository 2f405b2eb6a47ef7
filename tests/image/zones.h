/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the tests of the image: contents from master file text. */
#ifndef SW_TEST_IMAGE_ZONES_H
#define SW_TEST_IMAGE_ZONES_H

#include "zone/scan.h"
#include <string.h>
/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static inline struct sw_contents *contents_of(
	const struct sw_hash_key *key, const char *apex_text, const char *text)
{
	uint8_t apex[SW_NAME_MAX];
	struct sw_findings findings = {0};
	assert_true(sw_name_parse(apex_text, apex) > 0);
	struct sw_contents *contents = sw_contents_new(apex, key);
	assert_non_null(contents);
	assert_int_equal(sw_zone_scan_text(contents, "text", text, strlen(text), &findings, NULL), 0);
	assert_int_equal(sw_contents_finish(contents), 0);
	return contents;
}

#endif
