/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A master file from anybody: reading it ends, and what it leaves behind holds together. */
#include "zone/contents.h"
#include "zone/finding.h"
#include "zone/scan.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t apex[] = "\7example\3com";

static void require(bool holds)
{
	if (!holds)
		abort();
}

/** Findings are printed to people: one line each, at a place. */
static void finding_check(void *arg, const struct sw_finding *finding)
{
	char text[1024];
	(void)arg;
	size_t len = sw_finding_text(finding, text, sizeof(text));
	require(len > 0 && len < sizeof(text) && strlen(text) == len && !strchr(text, '\n'));
}

/** @return records at the node */
static uint64_t node_check(const struct sw_contents *contents, uint32_t number)
{
	const struct sw_node *node = sw_contents_node(contents, number);
	const uint8_t *name = sw_contents_name(contents, node);
	uint64_t records = 0;

	require(sw_name_len(name) == node->name_len && sw_name_labels(name) == node->labels);
	require(sw_name_in(name, apex) && sw_contents_find(contents, name) == node);
	require(node->hash == sw_name_hash(sw_contents_key(contents), name));

	const struct sw_node *parent = sw_contents_node(contents, node->parent);
	const uint8_t *parent_name = sw_contents_name(contents, parent);
	require(sw_name_equal(parent_name, number == 0 ? apex : sw_name_skip(name, 1)));

	for (uint32_t rr = node->first; rr; rr = sw_contents_rr(contents, rr)->next)
		records++;
	require((records == 0) == ((node->flags & SW_NODE_EMPTY) != 0) || number == 0);
	return records;
}

static void contents_check(const struct sw_contents *contents)
{
	uint64_t records = 0;
	for (uint32_t i = 0; i < sw_contents_count(contents); i++)
		records += node_check(contents, i);
	require(records == sw_contents_records(contents));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_findings findings = {.emit = finding_check};
	struct sw_hash_key key;
	require(sw_hash_key_draw(&key) == 0);

	struct sw_contents *contents = sw_contents_new(apex, &key);
	require(contents);
	int rc = sw_zone_scan_text(contents, "zone", data, size, &findings, NULL);
	require(rc == 0 || rc == -EBADMSG);
	require((rc == -EBADMSG) == (findings.count[SW_ERROR] > 0));
	require(sw_contents_finish(contents) == 0);
	contents_check(contents);
	sw_contents_free(contents);
	return 0;
}
