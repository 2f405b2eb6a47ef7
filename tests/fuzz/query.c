/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A message from anybody, put to servers of several zones over UDP and over a stream. */
#include "exchange.h"
#include "image/store.h"
#include "zone/scan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu.h>

#define ZONES_MAX 5

/** Zones that are served together. Two, as both RFCs' examples are called "example.". */
static const struct world {
	const char *const zones[ZONES_MAX][2];
} worlds[] = {
	{{{"example.com.", "bpf/zones/example.zone"}, {"nsec.example.", "bpf/zones/nsec.zone"},
		{"nsec3.example.", "bpf/zones/nsec3.zone"}, {"example.", "conformance/zones/rfc4035.zone"},
		{"odd.", "fuzz/zones/odd.zone"}}},
	{{{"example.", "conformance/zones/rfc5155.zone"}, {".", "fuzz/zones/root.zone"}}},
};

#define WORLDS (sizeof(worlds) / sizeof(*worlds))

static struct sw_store *stores[WORLDS];
static struct sw_worker *worker;

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void zone_load(struct sw_store *store, const char *origin, const char *file)
{
	struct sw_findings findings = {.emit = sw_finding_print, .arg = stderr};
	uint8_t apex[SW_NAME_MAX];
	char path[4096];
	require(sw_name_parse(origin, apex) > 0, origin);
	snprintf(path, sizeof(path), "%s/%s", SW_TESTS, file);
	struct sw_contents *contents = sw_contents_new(apex, sw_store_key(store));
	require(contents && sw_zone_scan(contents, path, &findings, NULL) == 0, path);
	require(sw_contents_finish(contents) == 0 && sw_store_put(store, contents) == 0, path);
	sw_contents_free(contents);
}

/** A fixed clock and secret, so that an input does the same each time, and everything on. */
static void identity_set(struct sw_control *control)
{
	static const char *const names[SW_CHAOS_NAMES] = {
		"id.server.", "hostname.bind.", "version.server.", "version.bind."};
	uint8_t name[SW_NAME_MAX];
	for (size_t i = 0; i < SW_CHAOS_NAMES; i++) {
		require(sw_name_parse(names[i], name) > 0, names[i]);
		control->chaos_hash[i] = sw_name_hash(&control->key, name);
	}
	for (size_t i = 0; i < SW_CHAOS_COUNT; i++) {
		control->chaos_len[i] = SW_CHAOS_TEXT_MAX;
		memset(control->chaos_text[i], 't', SW_CHAOS_TEXT_MAX);
	}
	control->nsid_len = SW_NSID_MAX;
	memset(control->nsid, 'n', SW_NSID_MAX);
	control->cookies = 1;
	control->cookie_key[0][0] = control->cookie_key[1][1] = 0x0123456789abcdef;
	control->clock_fixed = 1767225600;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	rcu_register_thread();
	worker = sw_worker_new();
	require(worker, "no worker");
	for (size_t i = 0; i < WORLDS; i++) {
		require(sw_store_new(&stores[i], NULL) == 0, "no store");
		identity_set(sw_store_control(stores[i]));
		for (size_t k = 0; k < ZONES_MAX && worlds[i].zones[k][0]; k++)
			zone_load(stores[i], worlds[i].zones[k][0], worlds[i].zones[k][1]);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rcu_read_lock();
	for (size_t i = 0; i < WORLDS; i++)
		for (int is_stream = 0; is_stream < 2; is_stream++) {
			struct exchange exchange = {.query = data, .query_len = size, .is_stream = is_stream};
			exchange_run(worker, sw_store_view(stores[i]), &exchange);
		}
	rcu_read_unlock();
	return 0;
}
