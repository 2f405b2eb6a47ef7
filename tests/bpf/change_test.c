/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A zone that changes while the XDP program answers: each name is as it was or as it is. */
#include "packet.h"
#include "states.h"
#include "watched.h"
#include "xdp/kernel.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <urcu.h>

#define READERS 2
#define VERSIONS 600
#define CHANGES 600

/** @return bytes of the reply, 0 where the program has made none */
static size_t run_program(struct sw_kernel *kernel, const struct packet *packet, uint8_t *reply)
{
	uint8_t frame[2048];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet->bytes, .data_size_in = (uint32_t)packet->len,
		.data_out = frame, .data_size_out = sizeof(frame), .repeat = 1);
	if (bpf_prog_test_run_opts(sw_kernel_program_fd(kernel), &run) || run.retval != XDP_TX ||
		run.data_size_out < packet->payload + SW_HEADER_LEN)
		return 0;
	size_t size = run.data_size_out - packet->payload;
	memcpy(reply, frame + packet->payload, size);
	return size;
}

static size_t ask_program(struct watcher *watcher, const char *name, uint16_t type, uint8_t *reply)
{
	struct packet packet;
	packet_build(&packet, LAYERS(ETHERNET, IP4(), UDP(), QUERY(name, type)));
	return run_program(watcher->context, &packet, reply);
}

static size_t ask_signed(struct states_reader *reader, const uint8_t *query, size_t query_len, uint8_t *reply)
{
	struct packet packet;
	const struct layer question = {.kind = LAYER_BYTES, .bytes = {query, query_len}};
	packet_build(&packet, LAYERS(ETHERNET, IP4(), UDP(), question));
	return run_program(reader->context, &packet, reply);
}

static struct sw_kernel *kernel_new(struct sw_store **store)
{
	struct sw_kernel *kernel;
	struct sw_backing backing;
	char why[SW_WHY_MAX];
	uint8_t address[16] = {0};
	assert_int_equal(sw_kernel_open(&kernel, why), 0);
	assert_int_equal(sw_kernel_load(kernel, why), 0);
	sw_kernel_backing(kernel, &backing);
	assert_int_equal(sw_store_new(store, &backing), 0);
	inet_pton(AF_INET, SERVICE_IP4, address);
	assert_int_equal(sw_kernel_listen(kernel, address, 4, SERVICE_PORT), 0);
	return kernel;
}

/** A signed zone: each answer is, with its proofs, that of a state there has been meanwhile. What is of none
 * is left to user space, and seldom. */
static void signed_program(bool is_nsec3, uint64_t seed)
{
	struct states_reader readers[READERS] = {0};
	struct sw_store *store;
	struct sw_kernel *kernel = kernel_new(&store);
	struct states *states = states_new(store, is_nsec3, seed);
	unsigned again = 0;
	for (unsigned i = 0; i < READERS; i++)
		readers[i] = (struct states_reader){.ask = ask_signed, .context = kernel};
	states_start(states, readers, READERS);
	for (unsigned i = 0; i < CHANGES; i++) {
		again += states_change(states, store);
		if (i % 50 == 0)
			sw_store_settle(store);
	}
	states_end(readers, READERS);
	assert_in_range(again, 0, is_nsec3 ? CHANGES / 2 : CHANGES / 20);
	sw_store_free(store);
	sw_kernel_free(kernel);
	states_free(states);
}

static void test_nsec(void **state)
{
	(void)state;
	signed_program(false, 30);
}

static void test_nsec3(void **state)
{
	(void)state;
	signed_program(true, 31);
}

static void test_program(void **state)
{
	(void)state;
	struct watcher watchers[READERS] = {0};
	struct sw_store *store;
	unsigned again = 0;
	struct sw_kernel *kernel = kernel_new(&store);
	struct changing_zone *zone = watched_new(store);
	for (unsigned i = 0; i < READERS; i++)
		watchers[i] = (struct watcher){.ask = ask_program, .context = kernel};
	watched_start(watchers, READERS);
	for (unsigned version = 1; version <= VERSIONS; version++) {
		again += watched_change(store, zone, version);
		if (version % 50 == 0)
			sw_store_settle(store);
	}
	watched_end(watchers, READERS, VERSIONS);
	assert_in_range(again, 0, 20);
	sw_store_free(store);
	sw_kernel_free(kernel);
	changing_free(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program), cmocka_unit_test(test_nsec), cmocka_unit_test(test_nsec3)};
	rcu_register_thread();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister_thread();
	return failed;
}
