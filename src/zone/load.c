/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/load.h"
#include "zone/check.h"
#include "zone/scan.h"
#include <errno.h>
#include <time.h>

int sw_zone_load(const uint8_t *apex, const struct sw_hash_key *key, const char *path,
	struct sw_findings *findings, struct sw_contents **out)
{
	struct sw_contents *contents = sw_contents_new(apex, key);
	if (!contents)
		return -ENOMEM;
	int scanned = sw_zone_scan(contents, path, findings, NULL);
	int error = scanned == -EBADMSG ? 0 : scanned;
	if (!error)
		error = sw_contents_finish(contents);
	/* a file that could not be read has said so: no need to add that the SOA is missing */
	if (!error && (scanned == 0 || sw_contents_records(contents) > 0))
		error = sw_zone_check(contents, (uint32_t)time(NULL), findings);
	if (!error)
		error = scanned;
	if (error != -EEXIST)
		sw_findings_end(findings, path);
	if (error) {
		sw_contents_free(contents);
		return error;
	}
	*out = contents;
	return 0;
}
