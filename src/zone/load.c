/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/load.h"
#include "zone/check.h"
#include "zone/scan.h"
#include <errno.h>
#include <time.h>

/** Empty contents: new ones, or those there are. */
static int begin(struct sw_contents **contents, const uint8_t *apex, const struct sw_hash_key *key)
{
	if (*contents)
		return sw_contents_restart(*contents, apex, key);
	*contents = sw_contents_new(apex, key);
	return *contents ? 0 : -ENOMEM;
}

int sw_zone_load(const uint8_t *apex, const struct sw_hash_key *key, const char *path,
	struct sw_findings *findings, struct sw_contents **contents)
{
	int error = begin(contents, apex, key);
	if (error)
		return error;
	int scanned = sw_zone_scan(*contents, path, findings, NULL);
	error = scanned == -EBADMSG ? 0 : scanned;
	if (!error)
		error = sw_contents_finish(*contents);
	/* a file that could not be read has said so: no need to add that the SOA is missing */
	if (!error && (scanned == 0 || sw_contents_records(*contents) > 0))
		error = sw_zone_check(*contents, (uint32_t)time(NULL), findings);
	if (!error)
		error = scanned;
	if (error != -EEXIST)
		sw_findings_end(findings, path);
	return error;
}
