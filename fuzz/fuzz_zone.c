/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way of a zone from bytes to judged contents, without files: $INCLUDE is refused there. */
#include "zone/check.h"
#include "zone/rdata.h"
#include "zone/scan.h"
#include <errno.h>
#include <stdlib.h>

/** Texts are made for every finding, so that making them is fuzzed too. */
static void format(void *arg, const struct sw_finding *finding)
{
	char text[512];
	*(size_t *)arg += sw_finding_text(finding, text, sizeof(text));
}

static void judge(
	struct sw_contents *contents, struct sw_findings *findings, const uint8_t *data, size_t size)
{
	int error = sw_zone_scan_text(contents, "fuzz", data, size, findings, NULL);
	if (error == -EEXIST)
		return; /* the key is known here: names may be made to meet */
	if (error != 0 && error != -EBADMSG)
		abort();
	error = sw_contents_finish(contents);
	if (error == -EEXIST)
		return;
	if (error != 0)
		abort();
	for (uint32_t i = 0; i < sw_contents_count(contents); i++) {
		const struct sw_node *node = sw_contents_node(contents, i);
		struct sw_rr *rr = sw_contents_rr(contents, node->first);
		for (; rr; rr = sw_contents_rr(contents, rr->next)) {
			if (!sw_rdata_is_valid(rr->type, rr->rdata, rr->rdata_len))
				abort();
		}
	}
	sw_zone_check(contents, 1780272000, findings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_hash_key key = {.root = 0x5ea,
		.len_mul = 0x9e3779b97f4a7c15, /* any odd numbers */
		.fold_mul = {0xbf58476d1ce4e5b9, 0x94d049bb133111eb}};
	for (uint32_t i = 0; i < 2 * SW_LABEL_WORDS; i++)
		key.nh[i] = 0x85ebca6b * (i + 1);
	struct sw_contents *contents = sw_contents_new((const uint8_t *)"\7example", &key);
	if (!contents)
		return 0;
	size_t bytes = 0;
	struct sw_findings findings = {.emit = format, .arg = &bytes};
	judge(contents, &findings, data, size);
	sw_findings_end(&findings, "fuzz");
	sw_contents_free(contents);
	return 0;
}
