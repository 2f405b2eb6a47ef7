/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/guarded.h"
#include "answer/answer.h"
#include "guard/guard.h"
#include "serve/log.h"
#include "wire/message.h"
#include "xdp/watch.h"
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu.h>

struct guarded {
	struct sw_guest guest;
	const struct sw_settings *settings;
	struct sw_node_parts parts;
	struct sw_watch *watch;
	struct sw_guard *guard;
	struct sw_worker *worker;		       /* to ask whether names exist */
	struct sw_trusted trusted[2 * SW_TRUSTED_MAX]; /* whatever is learnt of them */
	size_t trusted_count;
};

/* ---- the node, as the guard sees it ---- */

static int counts_get(void *arg, struct sw_node_counts *counts)
{
	struct guarded *guarded = arg;
	return sw_watch_counts(
		guarded->watch, counts->verdicts, &counts->reply_bytes, counts->by_core, SW_CORES_MAX);
}

static int lanes_get(void *arg, struct sw_lane_totals *totals)
{
	struct guarded *guarded = arg;
	return sw_watch_lanes(guarded->watch, totals->offered, totals->refused, &totals->refused_known);
}

static int samples_get(void *arg, sw_sample_fn *take, void *take_arg)
{
	struct guarded *guarded = arg;
	int count = sw_watch_samples(guarded->watch, take, take_arg);
	return count < 0 ? count : 0;
}

static bool is_trusted(const struct guarded *guarded, const uint8_t address[16])
{
	for (size_t i = 0; i < guarded->trusted_count; i++) {
		if (memcmp(guarded->trusted[i].address, address, 16) == 0)
			return true;
	}
	return false;
}

static int known_set(void *arg, const uint8_t address[16], uint8_t hops, bool is_known)
{
	struct guarded *guarded = arg;
	if (is_trusted(guarded, address))
		return 0;
	return sw_watch_known(guarded->watch, address, hops, is_known);
}

static int network_set(void *arg, const struct sw_prefix *prefix, uint32_t admit)
{
	struct guarded *guarded = arg;
	return sw_watch_network(guarded->watch, prefix, admit);
}

struct zone_search {
	const struct sw_hash_key *key;
	uint64_t hash;
	char *text;
	size_t size;
	bool is_found;
};

static void zone_compare(void *arg, const struct sw_zone_report *report)
{
	struct zone_search *search = arg;
	char text[SW_NAME_TEXT_MAX];
	if (search->is_found || sw_name_hash(search->key, report->apex) != search->hash)
		return;
	search->is_found = true;
	snprintf(search->text, search->size, "%s", sw_name_text(report->apex, text));
}

static bool zone_name(void *arg, uint64_t hash, char *text, size_t size)
{
	struct guarded *guarded = arg;
	struct zone_search search = {sw_store_key(guarded->parts.store), hash, text, size, false};
	sw_zones_each(guarded->parts.zones, zone_compare, &search);
	return search.is_found;
}

struct apex_search {
	const uint8_t *name;
	unsigned labels; /* of the longest apex so far */
	uint64_t hash;
	const struct sw_hash_key *key;
};

static void apex_compare(void *arg, const struct sw_zone_report *report)
{
	struct apex_search *search = arg;
	unsigned labels = sw_name_labels(report->apex);
	if (!sw_name_in(search->name, report->apex) || (search->hash && labels < search->labels))
		return;
	search->labels = labels;
	search->hash = sw_name_hash(search->key, report->apex);
}

/** By asking for its A records, as anybody would. */
static int name_exists(void *arg, const uint8_t *name, bool *exists, uint64_t *zone)
{
	struct guarded *guarded = arg;
	struct sw_asker asker = {.address_len = 4, .stream = true};
	static uint8_t reply[65535]; /* commands come one at a time */
	uint8_t query[SW_HEADER_LEN + SW_NAME_MAX + 4] = {0};
	struct apex_search search = {.name = name, .key = sw_store_key(guarded->parts.store)};
	size_t len = sw_name_len(name), at = SW_HEADER_LEN + len;
	unsigned verdict;
	query[5] = 1;
	memcpy(query + SW_HEADER_LEN, name, len);
	query[at + 1] = 1;
	query[at + 3] = 1;
	rcu_register_thread(); /* no thread that answers otherwise */
	rcu_read_lock();
	sw_answer(
		guarded->worker, sw_store_view(guarded->parts.store), &asker, query, at + 4, reply, &verdict);
	rcu_read_unlock();
	rcu_unregister_thread();
	/* as sw_name_exists() has it, answer/admit.h */
	*exists = verdict == SW_VERDICT_ANSWERED || verdict == SW_VERDICT_NODATA ||
		  verdict == SW_VERDICT_REFERRAL || verdict == SW_VERDICT_TRUNCATED ||
		  verdict == SW_VERDICT_YXDOMAIN;
	sw_zones_each(guarded->parts.zones, apex_compare, &search);
	*zone = verdict == SW_VERDICT_NXDOMAIN ? search.hash : 0;
	return 0;
}

static void source_get(void *arg, const uint8_t address[16], uint8_t address_len, struct sw_source_seen *seen)
{
	const struct guarded *guarded = arg;
	sw_watch_source(guarded->watch, address, address_len, seen);
}

static void say(const char *text)
{
	sw_log(SW_LOG_INFO, "%s", text);
}

/* ---- the guard, as the node sees it ---- */

static int trust(struct guarded *guarded, const uint8_t address[16], uint8_t hops)
{
	if (is_trusted(guarded, address) || guarded->trusted_count == 2 * SW_TRUSTED_MAX)
		return 0;
	memcpy(guarded->trusted[guarded->trusted_count++].address, address, 16);
	return sw_watch_known(guarded->watch, address, hops, true);
}

/** This machine itself. */
static int trust_own(struct guarded *guarded)
{
	struct ifaddrs *machine;
	int err = getifaddrs(&machine) == 0 ? 0 : -errno;
	if (err != 0)
		return err;
	for (const struct ifaddrs *one = machine; err == 0 && one; one = one->ifa_next) {
		uint8_t address[16] = {0};
		if (!one->ifa_addr)
			continue;
		if (one->ifa_addr->sa_family == AF_INET)
			memcpy(address, &((const struct sockaddr_in *)one->ifa_addr)->sin_addr, 4);
		else if (one->ifa_addr->sa_family == AF_INET6)
			memcpy(address, &((const struct sockaddr_in6 *)one->ifa_addr)->sin6_addr, 16);
		else
			continue;
		err = trust(guarded, address, SW_HOPS_HERE);
	}
	freeifaddrs(machine);
	return err;
}

static int trust_all(struct guarded *guarded)
{
	const struct sw_guard_options *told = &guarded->settings->guard;
	int err = 0;
	for (size_t i = 0; err == 0 && i < told->trusted_count; i++)
		err = trust(guarded, told->trusted[i].address, SW_HOPS_ANY);
	return err ? err : trust_own(guarded);
}

static void guard_settings(const struct sw_settings *settings, struct sw_guard_settings *guard)
{
	*guard = (struct sw_guard_settings){.is_observing = settings->guard.observe,
		.state = settings->guard.state,
		.recording = settings->guard.record,
		.network_qps = settings->guard.network_qps,
		.limits = {.answers_qps = settings->guard.answers_qps,
			.egress_bps = settings->guard.egress_mbps * 1e6,
			.punts_qps = settings->guard.punts_qps,
			.busy = settings->guard.busy_percent / 100.0}};
}

static int start(void *arg, const struct sw_node_parts *parts)
{
	struct guarded *guarded = arg;
	struct sw_guard_settings settings;
	char why[SW_GUARD_WHY_MAX];
	guarded->parts = *parts;
	if (!parts->kernel) {
		sw_log(SW_LOG_INFO, "guard: off: it watches the kernel part, and there is none");
		return 0;
	}
	const struct sw_guarded node = {.arg = guarded,
		.orders = &sw_store_control(parts->store)->orders,
		.counts = counts_get,
		.lanes = lanes_get,
		.samples = samples_get,
		.known = known_set,
		.network = network_set,
		.zone_name = zone_name,
		.exists = name_exists,
		.source = source_get,
		.log = say};
	guard_settings(guarded->settings, &settings);
	guarded->worker = sw_worker_new();
	int err = guarded->worker ? sw_watch_open(&guarded->watch, parts->kernel) : -ENOMEM;
	if (err == 0)
		err = trust_all(guarded);
	snprintf(why, sizeof(why), "%s", strerror(-err));
	if (err == 0)
		err = sw_guard_new(&guarded->guard, &settings, &node, why);
	if (err == 0)
		err = sw_guard_start(guarded->guard);
	if (err != 0)
		sw_log(SW_LOG_ERROR, "guard: cannot start: %s", why);
	return err;
}

static void stop(void *arg)
{
	struct guarded *guarded = arg;
	sw_guard_free(guarded->guard);
	guarded->guard = NULL;
	sw_watch_close(guarded->watch);
	guarded->watch = NULL;
	sw_worker_free(guarded->worker);
	guarded->worker = NULL;
}

static json_t *command(void *arg, const char *name, const json_t *request)
{
	struct guarded *guarded = arg;
	if (guarded->guard)
		return sw_guard_command(guarded->guard, name, request);
	if (strncmp(name, "guard-", 6) == 0 || strncmp(name, "incident-", 9) == 0)
		return json_pack("{s:b, s:s}", "ok", 0, "error", "there is no guard here: the log says why");
	return NULL;
}

struct sw_guest *sw_guarded_new(const struct sw_settings *settings)
{
	struct guarded *guarded = calloc(1, sizeof(*guarded));
	if (!guarded)
		return NULL;
	guarded->settings = settings;
	guarded->guest = (struct sw_guest){.arg = guarded, .start = start, .stop = stop, .command = command};
	return &guarded->guest;
}

void sw_guarded_free(struct sw_guest *guest)
{
	free(guest ? guest->arg : NULL);
}
