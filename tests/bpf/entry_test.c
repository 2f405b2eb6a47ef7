/* SPDX-License-Identifier: GPL-3.0-or-later */
/* entry_test DIRECTORY: the tables, run on the XDP entry program with the zones of that directory in its
 * maps, and held against the native engine over the same image. */
#include "frame_rows.h"
#include "gate_rows.h"
#include "image/store.h"
#include "machine.h"
#include "message_rows.h"
#include "xdp/kernel.h"
#include "zone/scan.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <urcu.h>

struct setting {
	struct sw_kernel *kernel;
	struct sw_store *store;
	struct sw_worker *worker;
};

static size_t native_reply(void *context, const struct sw_asker *asker, const uint8_t *query,
	size_t query_len, uint8_t *reply, unsigned *verdict)
{
	const struct setting *setting = context;
	rcu_read_lock();
	size_t len = sw_answer(
		setting->worker, sw_store_view(setting->store), asker, query, query_len, reply, verdict);
	rcu_read_unlock();
	return len;
}

static int kernel_counters(void *context, uint64_t counters[SW_VERDICT_COUNT])
{
	const struct setting *setting = context;
	return sw_kernel_counters(setting->kernel, counters);
}

static void set_chaos(struct sw_control *control, const struct sw_hash_key *key, unsigned i, const char *name)
{
	uint8_t wire[SW_NAME_MAX];
	if (sw_name_parse(name, wire) > 0)
		control->chaos_hash[i] = sw_name_hash(key, wire);
}

/** Everything the operator may turn on, and the secret and the clock of RFC 9018 Appendix A.1. */
static void set_identity(struct sw_store *store)
{
	static const uint8_t secret[16] = {0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f, 0x48, 0xe7, 0xdc,
		0x84, 0x9e, 0x37, 0xbf, 0xcf};
	static const char text[] = "entry test";
	struct sw_control *control = sw_store_control(store);

	set_chaos(control, sw_store_key(store), 0, "id.server");
	set_chaos(control, sw_store_key(store), 1, "hostname.bind");
	set_chaos(control, sw_store_key(store), 2, "version.server");
	set_chaos(control, sw_store_key(store), 3, "version.bind");
	for (unsigned i = 0; i < SW_CHAOS_COUNT; i++) {
		memcpy(control->chaos_text[i], text, sizeof(text));
		control->chaos_len[i] = sizeof(text) - 1;
	}
	memcpy(control->nsid, text, sizeof(text));
	control->nsid_len = sizeof(text) - 1;
	memcpy(control->cookie_key[0], secret, sizeof(secret));
	control->cookies = 1;
	control->udp_max = 1232;
	control->clock_fixed = 1559731985;
}

static int put_zone(struct sw_store *store, const char *directory, const char *file, const char *apex_text)
{
	struct sw_findings findings = {.emit = sw_finding_print, .arg = stderr};
	uint8_t apex[SW_NAME_MAX];
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", directory, file);
	if (sw_name_parse(apex_text, apex) < 0)
		return -EINVAL;
	struct sw_contents *contents = sw_contents_new(apex, sw_store_key(store));
	int error = contents ? sw_zone_scan(contents, path, &findings, NULL) : -ENOMEM;
	if (error == 0)
		error = sw_contents_finish(contents);
	if (error == 0)
		error = sw_store_put(store, contents);
	sw_contents_free(contents);
	return error;
}

static int put_broken(struct sw_store *store)
{
	int error = sw_store_prepare_broken(store, (const uint8_t *)"\6broken\7example");
	return error ? error : sw_store_publish(store);
}

static int listen_on(struct sw_kernel *kernel, int family, const char *text)
{
	uint8_t address[16] = {0};
	if (inet_pton(family, text, address) != 1)
		return -EINVAL;
	uint8_t len = family == AF_INET ? 4 : 16;
	int error = sw_kernel_listen_tcp(kernel, address, len, TLS_PORT);
	return error ? error : sw_kernel_listen(kernel, address, len, SERVICE_PORT);
}

static struct sw_range range_of(int family, const char *text, unsigned bits)
{
	struct sw_range range = {.address_len = family == AF_INET ? 4 : 16};
	inet_pton(family, text, range.address);
	memset(range.mask, 0xff, bits / 8);
	return range;
}

/** Addresses, and what is dedicated among them: those that stand on the loopback interface. */
static int set_addresses(struct sw_kernel *kernel)
{
	const struct sw_gate gate = {.dedicated = SW_DEDICATED_AUTO,
		.range = {range_of(AF_INET, UNUSED_NET4, UNUSED_BITS4),
			range_of(AF_INET6, UNUSED_NET6, UNUSED_BITS6)},
		.range_count = 2,
		.syn_budget = 1u << 30};
	int error = 0;
	if (*sw_kernel_tcp_why(kernel)) {
		fprintf(stderr, "the program for TCP: %s\n", sw_kernel_tcp_why(kernel));
		return -ENOENT;
	}
	sw_kernel_gate(kernel, &gate);
	if ((error = listen_on(kernel, AF_INET, SERVICE_IP4)) != 0 ||
		(error = listen_on(kernel, AF_INET6, SERVICE_IP6)) != 0 ||
		(error = listen_on(kernel, AF_INET, DEDICATED_IP4)) != 0)
		return error;
	return listen_on(kernel, AF_INET6, DEDICATED_IP6);
}

/** A check while each SYN is one too many. One a second is let through to each service: so a row may have a
 * second try.
 */
static int in_flood(const struct target *target, const struct row *row, char *why,
	int (*check)(const struct target *target, const struct row *row, char *why))
{
	const struct setting *setting = target->context;
	struct sw_control *control = sw_store_control(setting->store);
	uint32_t budget = control->syn_budget;
	control->syn_budget = 0;
	control->syncookies_ready = 1;
	int failed = check(target, row, why);
	if (failed)
		failed = check(target, row, why);
	control->syncookies_ready = 0;
	control->syn_budget = budget;
	return failed;
}

static int flood_check(const struct target *target, const struct row *row, char *why)
{
	return in_flood(target, row, why, row_check);
}

static int flood_check_cut(const struct target *target, const struct row *row, char *why)
{
	return in_flood(target, row, why, row_check_cut);
}

/** A check where there are zones that change while they are served. */
static int requests_check(const struct target *target, const struct row *row, char *why)
{
	const struct setting *setting = target->context;
	struct sw_control *control = sw_store_control(setting->store);
	control->punts_requests = 1;
	int failed = row_check(target, row, why);
	control->punts_requests = 0;
	return failed;
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** Within two seconds one SYN passes, and within the next no other. */
static int check_warm(const struct target *target, const struct row *row, char *why)
{
	const struct row passes = {.layers = row->layers, .outcome = PASSES, .verdicts = ONE_OF(TCP_SYN)};
	int64_t start = now_ms(), passed;
	while (row_check(target, &passes, why) != 0) {
		if (now_ms() - start > 2000)
			return -1;
	}
	for (passed = now_ms(); now_ms() - passed < 900;) {
		if (row_check(target, row, why) != 0)
			return -1;
	}
	return 0;
}

static int flood_check_warm(const struct target *target, const struct row *row, char *why)
{
	return in_flood(target, row, why, check_warm);
}

static int set_up(struct setting *setting, const char *directory)
{
	char why[SW_WHY_MAX] = "";
	struct sw_backing backing;
	int error = sw_kernel_open(&setting->kernel, why);
	if (error == 0)
		error = sw_kernel_load(setting->kernel, why);
	if (error != 0) {
		fprintf(stderr, "the kernel part: %s: %s\n", strerror(-error), why);
		return error;
	}
	sw_kernel_backing(setting->kernel, &backing);
	error = sw_store_new(&setting->store, &backing);
	if (error != 0)
		return error;
	set_identity(setting->store);
	setting->worker = sw_worker_new();
	if (!setting->worker)
		return -ENOMEM;
	if ((error = put_zone(setting->store, directory, "example.zone", "example.com")) != 0 ||
		(error = put_zone(setting->store, directory, "nsec.zone", "nsec.example")) != 0 ||
		(error = put_zone(setting->store, directory, "nsec3.zone", "nsec3.example")) != 0 ||
		(error = put_broken(setting->store)) != 0)
		return error;
	return set_addresses(setting->kernel);
}

int main(int argc, char **argv)
{
	struct setting setting = {0};
	int failed = 1;
	if (argc != 2) {
		fprintf(stderr, "usage: entry_test DIRECTORY\n");
		return 2;
	}
	if (machine_make() != 0)
		return 1;
	rcu_register_thread();
	int error = set_up(&setting, argv[1]);
	if (error != 0) {
		fprintf(stderr, "set up: %s\n", strerror(-error));
		goto out;
	}
	const struct table tables[] = {
		{"frame", frame_rows, frame_row_count, row_check},
		{"cut", cut_rows, cut_row_count, row_check_cut},
		{"message", message_rows, message_row_count, row_check},
		{"request", request_rows, request_row_count, requests_check},
		{"short", short_rows, short_row_count, row_check_short},
		{"gate", gate_rows, gate_row_count, row_check},
		{"gate cut", gate_cut_rows, gate_cut_row_count, row_check_cut},
		{"tcp", tcp_rows, tcp_row_count, row_check},
		{"flood", flood_rows, flood_row_count, flood_check},
		{"flood warms", warm_rows, warm_row_count, flood_check_warm},
		{"flood cut", gate_cut_rows, gate_cut_row_count, flood_check_cut},
	};
	const struct target target = {.program_fd = sw_kernel_program_fd(setting.kernel),
		.context = &setting,
		.reply = native_reply,
		.counters = kernel_counters};
	failed = tables_run("entry", &target, tables, sizeof(tables) / sizeof(tables[0]));
out:
	sw_worker_free(setting.worker);
	sw_store_free(setting.store);
	sw_kernel_free(setting.kernel);
	rcu_unregister_thread();
	return failed ? 1 : 0;
}
