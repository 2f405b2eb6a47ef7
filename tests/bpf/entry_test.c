/* SPDX-License-Identifier: GPL-3.0-or-later */
/* entry_test DIRECTORY: the tables, run on the XDP entry program with the zones of that directory in its
 * maps, and held against the native engine over the same image. */
#include "frame_rows.h"
#include "image/store.h"
#include "message_rows.h"
#include "xdp/kernel.h"
#include "zone/scan.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

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
	return sw_kernel_listen(kernel, address, family == AF_INET ? 4 : 16, SERVICE_PORT);
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
		(error = put_broken(setting->store)) != 0 ||
		(error = listen_on(setting->kernel, AF_INET, SERVICE_IP4)) != 0)
		return error;
	return listen_on(setting->kernel, AF_INET6, SERVICE_IP6);
}

int main(int argc, char **argv)
{
	struct setting setting = {0};
	int failed = 1;
	if (argc != 2) {
		fprintf(stderr, "usage: entry_test DIRECTORY\n");
		return 2;
	}
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
		{"short", short_rows, short_row_count, row_check_short},
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
