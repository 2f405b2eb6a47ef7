/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An update from anybody who may change all of a zone: it is judged, and the archive can do what it comes to.
 */
#include "zone/update.h"
#include "wire/message.h"
#include "zone/archive.h"
#include "zone/outgoing.h"
#include "zone/scan.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/seawall-fuzz.XXXXXX";
static struct sw_archive *archive;

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void clean(void)
{
	char path[512];
	sw_archive_abort(archive);
	sw_archive_close(archive);
	DIR *entries = opendir(directory);
	for (struct dirent *entry; entries && (entry = readdir(entries));) {
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		unlink(path);
	}
	closedir(entries);
	rmdir(directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct sw_findings findings = {.emit = sw_finding_print, .arg = stderr};
	struct sw_hash_key key;
	uint8_t apex[SW_NAME_MAX];
	char why[512];
	(void)argc;
	(void)argv;
	require(mkdtemp(directory) && sw_archive_open(&archive, directory, why) == 0);
	atexit(clean);
	require(sw_hash_key_draw(&key) == 0 && sw_name_parse("example.", apex) > 0);
	struct sw_contents *contents = sw_contents_new(apex, &key);
	require(contents && sw_zone_scan(contents, SW_TESTS "/fuzz/zones/update.zone", &findings, NULL) == 0);
	require(sw_contents_finish(contents) == 0);
	/* one transaction, never committed: each input sees the zone as it is in the file */
	require(sw_archive_begin(archive) == 0 && sw_archive_replace(archive, contents) == 0);
	sw_contents_free(contents);
	return 0;
}

/** What the zone would be is inside it, and has a newer serial. */
static void check_change(const struct sw_update_result *result, const uint8_t *apex)
{
	const uint8_t *name;
	size_t names = 0;
	for (size_t at = 0; (name = sw_update_names_next(&result->names, &at)); names++)
		require(sw_name_in(name, apex));
	require(names == result->names.count && names > 0);
	require(sw_serial_is_newer(result->delta.to, result->delta.from));
	require(sw_archive_mark(archive) == 0);
	require(sw_archive_change(archive, apex, &result->delta) == 0);
	require(sw_archive_unmark(archive, true) == 0);
}

static void judge(const uint8_t *data, size_t size, bool is_signed)
{
	struct sw_update_rules rules = {.is_signed = is_signed};
	struct sw_update_result result = {0};
	uint8_t apex[SW_NAME_MAX];
	require(sw_update_judge(sw_archive_own(archive), data, size, &rules, &result) == 0);
	require((result.rcode == 0) == (result.why[0] == '\0'));
	require(!result.is_change || result.rcode == 0);
	if (result.is_change) {
		require(sw_update_apex(data, size, apex) == 0);
		check_change(&result, apex);
	}
	if (size >= SW_HEADER_LEN) {
		uint8_t *reply = malloc(SW_UDP_PLAIN_MAX);
		size_t len = sw_update_reply(data, size, result.rcode, reply, SW_UDP_PLAIN_MAX);
		require(len >= SW_HEADER_LEN && len <= SW_UDP_PLAIN_MAX && (reply[3] & 0xf) == result.rcode);
		free(reply);
	}
	sw_update_result_free(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_outgoing_query query;
	judge(data, size, false);
	judge(data, size, true);
	(void)sw_outgoing_parse(&query, data, size);
	return 0;
}

/** Nothing is sent here. */
int sw_tsig_sign_reply(struct sw_tsig *tsig, uint8_t *message, size_t *len, size_t max, uint64_t now_s)
{
	(void)tsig, (void)message, (void)len, (void)max, (void)now_s;
	return 0;
}
