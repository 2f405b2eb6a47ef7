/* SPDX-License-Identifier: GPL-3.0-or-later */
/* admit_test DIRECTORY: who is answered when the orders say that there is not room for all. Each row is a
 * question, what is known of its source, and what becomes of it; run on the XDP entry program through
 * BPF_PROG_RUN. */
#include "answer/traits.h"
#include "guard/policy.h"
#include "image/store.h"
#include "packet.h"
#include "wire/message.h"
#include "xdp/kernel.h"
#include "xdp/watch.h"
#include "zone/load.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define EXISTS "www.example.com"
#define MISSING "no-such-name.example.com"

struct node {
	struct sw_kernel *kernel;
	struct sw_store *store;
	struct sw_watch *watch;
	struct sw_orders *orders;
};

static const char *directory;

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static int node_open(void **state)
{
	static struct node node;
	struct sw_backing backing;
	struct sw_contents *contents;
	struct sw_findings findings = {.emit = sw_finding_print, .arg = stderr};
	char why[SW_WHY_MAX], path[4096];
	uint8_t apex[SW_NAME_MAX], address[16] = {0};
	assert_int_equal(sw_kernel_open(&node.kernel, why), 0);
	assert_int_equal(sw_kernel_load(node.kernel, why), 0);
	sw_kernel_backing(node.kernel, &backing);
	assert_int_equal(sw_store_new(&node.store, &backing), 0);
	snprintf(path, sizeof(path), "%s/example.zone", directory);
	assert_true(sw_name_parse("example.com", apex) > 0);
	assert_int_equal(sw_zone_load(apex, sw_store_key(node.store), path, &findings, &contents), 0);
	assert_int_equal(sw_store_put(node.store, contents), 0);
	sw_contents_free(contents);
	inet_pton(AF_INET, SERVICE_IP4, address);
	assert_int_equal(sw_kernel_listen(node.kernel, address, 4, SERVICE_PORT), 0);
	inet_pton(AF_INET6, SERVICE_IP6, address);
	assert_int_equal(sw_kernel_listen(node.kernel, address, 16, SERVICE_PORT), 0);
	assert_int_equal(sw_watch_open(&node.watch, node.kernel), 0);
	struct sw_control *control = sw_store_control(node.store);
	control->udp_max = 1232;
	control->cookies = 1;
	control->cookie_key[0][0] = 1;
	node.orders = &control->orders;
	*state = &node;
	return 0;
}

static int node_close(void **state)
{
	struct node *node = *state;
	sw_watch_close(node->watch);
	sw_store_free(node->store);
	sw_kernel_free(node->kernel);
	return 0;
}

/** Orders to look at everybody and to admit only those of the safe lanes. */
static int orders_strict(void **state)
{
	struct node *node = *state;
	struct sw_orders *orders = node->orders;
	memset(orders, 0, sizeof(*orders));
	sw_policy_default(&orders->policy);
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
		orders->policy.admit[lane] = sw_lane_is_safe((enum sw_lane)lane) ? SW_ADMIT_ALL : 0;
	orders->is_watching = 1;
	orders->alive_ns = now_ns();
	return 0;
}

enum outcome { ANSWERED, NXDOMAIN, TRUNCATED, SILENT };

struct reply {
	uint32_t action, bytes;
	uint8_t frame[2048];
};

static enum outcome ask_frame(const struct node *node, const struct layer *layers, struct reply *reply)
{
	struct packet packet;
	packet_build(&packet, layers);
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet.bytes, .data_size_in = (uint32_t)packet.len,
		.data_out = reply->frame, .data_size_out = sizeof(reply->frame), .repeat = 1);
	assert_int_equal(bpf_prog_test_run_opts(sw_kernel_program_fd(node->kernel), &run), 0);
	reply->action = run.retval;
	reply->bytes = run.data_size_out;
	if (reply->action == XDP_DROP)
		return SILENT;
	assert_int_equal(reply->action, XDP_TX);
	const uint8_t *dns = reply->frame + packet.payload;
	if (dns[2] & 2) {
		/* never more bytes than the query had, but for a cookie that was not there */
		assert_true(reply->bytes <= packet.len);
		return TRUNCATED;
	}
	return (dns[3] & 15) == 3 ? NXDOMAIN : ANSWERED;
}

/** An UPDATE, where user space takes them. @return what the program does with it */
static uint32_t update(const struct node *node, const char *from)
{
	struct packet packet;
	uint8_t frame[2048];
	packet_build(&packet, LAYERS(ETHERNET, IP4(.from = from), UDP(),
				      QUERY("example.com", SW_TYPE_SOA, .flags = 5 << SW_OPCODE_SHIFT)));
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet.bytes, .data_size_in = (uint32_t)packet.len,
		.data_out = frame, .data_size_out = sizeof(frame), .repeat = 1);
	struct sw_control *control = sw_store_control(node->store);
	control->punts_requests = 1;
	int err = bpf_prog_test_run_opts(sw_kernel_program_fd(node->kernel), &run);
	control->punts_requests = 0;
	assert_int_equal(err, 0);
	return run.retval;
}

static enum outcome ask(const struct node *node, const char *from, const char *name)
{
	struct reply reply;
	return ask_frame(node, LAYERS(ETHERNET, IP4(.from = from), UDP(), QUERY(name, SW_TYPE_A)), &reply);
}

static void known(const struct node *node, const char *text, uint8_t hops, bool is_known)
{
	uint8_t address[16] = {0};
	inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, address);
	assert_int_equal(sw_watch_known(node->watch, address, hops, is_known), 0);
}

static void set(
	const struct node *node, const char *map, const char *text, unsigned prefix_bytes, const void *value)
{
	uint8_t address[16] = {0};
	inet_pton(AF_INET, text, address);
	memset(address + prefix_bytes, 0, sizeof(address) - prefix_bytes);
	assert_int_equal(
		bpf_map_update_elem(sw_kernel_map_fd(node->kernel, map), address, value, BPF_ANY), 0);
}

static void test_strangers_wait(void **state)
{
	struct node *node = *state;
	assert_int_equal(ask(node, "198.51.100.1", EXISTS), TRUNCATED);
	assert_int_equal(ask(node, "198.51.100.2", MISSING), TRUNCATED);
}

static void test_known_resolvers_are_answered(void **state)
{
	struct node *node = *state;
	known(node, "198.51.100.10", 64 - ASKER_HOPS, true);
	assert_int_equal(ask(node, "198.51.100.10", EXISTS), ANSWERED);
	assert_int_equal(ask(node, "198.51.100.10", MISSING), TRUNCATED);
	known(node, "198.51.100.10", 0, false);
	assert_int_equal(ask(node, "198.51.100.10", EXISTS), TRUNCATED);
}

static void test_ipv6_is_alike(void **state)
{
	struct node *node = *state;
	struct reply reply;
	const struct layer *layers =
		LAYERS(ETHERNET, IP6(.from = "2001:db8:a::10"), UDP(), QUERY(EXISTS, SW_TYPE_A));
	assert_int_equal(ask_frame(node, layers, &reply), TRUNCATED);
	known(node, "2001:db8:a::10", 64 - ASKER_HOPS, true);
	assert_int_equal(ask_frame(node, layers, &reply), ANSWERED);
	known(node, "2001:db8:a::10", 0, false);
}

/* One hop more or less is a route that changed; more is somebody else. */
static void test_an_address_from_elsewhere_is_doubtful(void **state)
{
	struct node *node = *state;
	for (int off = -4; off <= 4; off++) {
		known(node, "198.51.100.11", (uint8_t)(64 - ASKER_HOPS + off), true);
		assert_int_equal(
			ask(node, "198.51.100.11", EXISTS), off >= -1 && off <= 1 ? ANSWERED : TRUNCATED);
		/* refused before: as a retry of a stranger it would be let in */
		node->orders->policy.admit[SW_LANE_RETRY] = 0;
	}
}

static void test_a_retry_is_let_in(void **state)
{
	struct node *node = *state;
	assert_int_equal(ask(node, "198.51.100.20", EXISTS), TRUNCATED);
	assert_int_equal(ask(node, "198.51.100.20", EXISTS), ANSWERED);
	assert_int_equal(ask(node, "198.51.100.21", EXISTS), TRUNCATED); /* somebody else */
	assert_int_equal(ask(node, "198.51.100.22", MISSING), TRUNCATED);
	assert_int_equal(ask(node, "198.51.100.22", MISSING),
		TRUNCATED); /* random names are not worth a second look */
}

static void test_whoever_shook_hands_is_let_in(void **state)
{
	struct node *node = *state;
	uint64_t lately = now_ns(), long_ago = lately - 601000000000ull; /* also before a start: it wraps */
	set(node, "sw_proven", "198.51.100.30", 4, &lately);
	set(node, "sw_proven", "198.51.100.31", 4, &long_ago);
	assert_int_equal(ask(node, "198.51.100.30", EXISTS), ANSWERED);
	assert_int_equal(ask(node, "198.51.100.31", EXISTS), TRUNCATED);
}

/* A first question with a client cookie gets the server's along with TC=1; with it, the second is answered.
 */
static void test_a_cookie_is_a_proof(void **state)
{
	struct node *node = *state;
	const uint8_t client[] = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t both[4 + 24] = {0, 10, 0, 24, 1, 2, 3, 4, 5, 6, 7, 8};
	struct packet packet;
	struct reply reply;
	node->orders->policy.admit[SW_LANE_RETRY] = 0;
	packet_build(&packet, LAYERS(ETHERNET, IP4(.from = "198.51.100.40"), UDP(),
				      QUERY(EXISTS, SW_TYPE_A, .edns = 1232, .options = client,
					      .options_len = sizeof(client))));
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet.bytes, .data_size_in = (uint32_t)packet.len,
		.data_out = reply.frame, .data_size_out = sizeof(reply.frame), .repeat = 1);
	assert_int_equal(bpf_prog_test_run_opts(sw_kernel_program_fd(node->kernel), &run), 0);
	assert_true(reply.frame[packet.payload + 2] & 2);
	memcpy(both + 12, reply.frame + run.data_size_out - 16, 16);
	assert_int_equal(ask_frame(node,
				 LAYERS(ETHERNET, IP4(.from = "198.51.100.40"), UDP(),
					 QUERY(EXISTS, SW_TYPE_A, .edns = 1232, .options = both,
						 .options_len = sizeof(both))),
				 &reply),
		ANSWERED);
	both[20] ^= 1;
	assert_int_equal(ask_frame(node,
				 LAYERS(ETHERNET, IP4(.from = "198.51.100.40"), UDP(),
					 QUERY(EXISTS, SW_TYPE_A, .edns = 1232, .options = both,
						 .options_len = sizeof(both))),
				 &reply),
		TRUNCATED);
}

static void test_the_trusted_are_so_from_anywhere(void **state)
{
	struct node *node = *state;
	known(node, "198.51.100.90", SW_HOPS_ANY, true);
	assert_int_equal(ask(node, "198.51.100.90", EXISTS), ANSWERED);
	known(node, "198.51.100.90", 30, true);
	assert_int_equal(ask(node, "198.51.100.90", EXISTS), TRUNCATED);
}

static void test_lanes_that_are_dropped_hear_nothing(void **state)
{
	struct node *node = *state;
	node->orders->dropped_lanes = 1u << SW_LANE_NEW_MISSING;
	assert_int_equal(ask(node, "198.51.100.50", MISSING), SILENT);
	assert_int_equal(ask(node, "198.51.100.50", EXISTS), TRUNCATED);
}

static void test_a_loud_network_is_doubtful(void **state)
{
	struct node *node = *state;
	static const struct {
		const char *network, *inside, *outside;
	} rows[SW_PREFIX_LENGTHS] = {{"203.0.113.9", "203.0.113.9", "203.0.113.8"},
		{"203.0.113.0", "203.0.113.77", "203.0.114.77"}, {"203.0.0.0", "203.0.255.77", "203.1.0.77"}};
	node->orders->policy.admit[SW_LANE_NEW] = SW_ADMIT_ALL;
	for (unsigned which = 0; which < SW_PREFIX_LENGTHS; which++) {
		uint32_t address;
		inet_pton(AF_INET, rows[which].network, &address);
		const struct sw_prefix prefix = sw_prefix_of(address, 4, which, 0);
		assert_int_equal(sw_watch_network(node->watch, &prefix, 1), 0);
		assert_int_equal(ask(node, rows[which].inside, EXISTS), TRUNCATED);
		assert_int_equal(ask(node, rows[which].outside, EXISTS), ANSWERED);
		assert_int_equal(sw_watch_network(node->watch, &prefix, SW_ADMIT_ALL), 0);
		assert_int_equal(ask(node, rows[which].inside, EXISTS), ANSWERED);
	}
}

/* Known resolvers have an allowance of their own, and the trusted none. */
static void test_a_loud_network_of_known_ones(void **state)
{
	struct node *node = *state;
	uint32_t first = 0;
	inet_pton(AF_INET, "203.0.113.200", &first);
	const struct sw_prefix strangers = sw_prefix_of(first, 4, 1, 0),
			       resolvers = sw_prefix_of(first, 4, 1, 1);
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
		node->orders->policy.admit[lane] = SW_ADMIT_ALL;
	known(node, "203.0.113.200", 64 - ASKER_HOPS, true);
	known(node, "203.0.113.201", SW_HOPS_ANY, true);
	assert_int_equal(sw_watch_network(node->watch, &strangers, 1), 0);
	assert_int_equal(ask(node, "203.0.113.200", EXISTS), ANSWERED);
	assert_int_equal(ask(node, "203.0.113.199", EXISTS), TRUNCATED);
	assert_int_equal(sw_watch_network(node->watch, &resolvers, 1), 0);
	assert_int_equal(ask(node, "203.0.113.200", EXISTS), TRUNCATED);
	assert_int_equal(ask(node, "203.0.113.201", EXISTS), ANSWERED);
	assert_int_equal(sw_watch_network(node->watch, &strangers, SW_ADMIT_ALL), 0);
	assert_int_equal(ask(node, "203.0.113.199", EXISTS), ANSWERED);
	assert_int_equal(ask(node, "203.0.113.200", EXISTS), TRUNCATED);
	assert_int_equal(sw_watch_network(node->watch, &resolvers, SW_ADMIT_ALL), 0);
	known(node, "203.0.113.200", 0, false);
	known(node, "203.0.113.201", 0, false);
}

/* Names that do not exist of a zone beyond its share; the zone's names that do are not touched. */
static void test_zones_have_their_share(void **state)
{
	struct node *node = *state;
	uint8_t apex[SW_NAME_MAX];
	sw_name_parse("example.com", apex);
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
		node->orders->policy.admit[lane] = SW_ADMIT_ALL;
	assert_int_equal(ask(node, "198.51.100.60", MISSING), NXDOMAIN);
	node->orders->missing_refuse[sw_name_hash(sw_store_key(node->store), apex) >> 52] = UINT32_MAX;
	assert_int_equal(ask(node, "198.51.100.60", MISSING), TRUNCATED);
	assert_int_equal(ask(node, "198.51.100.60", EXISTS), ANSWERED);
}

static void test_a_signature_makes_suspects(void **state)
{
	struct node *node = *state;
	for (unsigned lane = 0; lane < SW_LANE_SUSPECT; lane++)
		node->orders->policy.admit[lane] = SW_ADMIT_ALL;
	/* recursion desired, as no resolver asks us for */
	node->orders->signature[3] = (struct sw_signature){.mask = 1 << 12, .value = 1 << 12};
	struct reply reply;
	assert_int_equal(ask(node, "198.51.100.70", EXISTS), ANSWERED);
	assert_int_equal(ask_frame(node,
				 LAYERS(ETHERNET, IP4(.from = "198.51.100.71"), UDP(),
					 QUERY(EXISTS, SW_TYPE_A, .flags = SW_FLAG_RD)),
				 &reply),
		TRUNCATED);
}

static void test_who_observes_refuses_nobody_and_counts(void **state)
{
	struct node *node = *state;
	uint64_t offered[SW_LANE_COUNT], before[SW_LANE_COUNT], after[SW_LANE_COUNT], known_refused,
		known_before;
	node->orders->is_observing = 1;
	assert_int_equal(sw_watch_lanes(node->watch, offered, before, &known_before), 0);
	assert_int_equal(ask(node, "198.51.100.80", EXISTS), ANSWERED);
	assert_int_equal(sw_watch_lanes(node->watch, offered, after, &known_refused), 0);
	assert_int_equal(after[SW_LANE_NEW], before[SW_LANE_NEW] + 1);
	assert_int_equal(known_refused, known_before);
}

/* Promise 4: the defence never is the outage. Whoever gave the orders is gone: they are void. */
static void test_old_orders_are_void(void **state)
{
	struct node *node = *state;
	node->orders->alive_ns = now_ns() - SW_ORDERS_AGE_NS - 100000000;
	assert_int_equal(ask(node, "198.51.100.90", EXISTS), ANSWERED);
	assert_int_equal(ask(node, "198.51.100.90", MISSING), NXDOMAIN);
}

static void test_part_of_a_lane(void **state)
{
	struct node *node = *state;
	unsigned let = 0;
	node->orders->policy.admit[SW_LANE_NEW_MISSING] = UINT32_MAX / 4;
	for (unsigned i = 0; i < 2000; i++)
		let += ask(node, "198.51.100.91", MISSING) == NXDOMAIN;
	assert_in_range(let, 400, 600);
}

/* A flood of them cannot get around the lanes. */
struct looked {
	unsigned count;
	uint64_t features;
};

static void look(void *arg, const struct sw_sample *sample)
{
	struct looked *looked = arg;
	looked->count++;
	looked->features = sample->features;
}

/** A sample says whether a wildcard stood for the name that was asked for, and not for where that led. */
static void test_samples_tell_of_wildcards(void **state)
{
	static const struct {
		const char *name;
		bool is_wildcard;
	} rows[] = {
		{"random.wild.example.com", true},
		{"random.alias.example.com", true},
		{"one.example.com", false},
		{EXISTS, false},
	};
	struct node *node = *state;
	memset(node->orders, 0, sizeof(*node->orders));
	node->orders->sample_every[SW_VERDICT_ANSWERED] = 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct looked looked = {0};
		assert_int_equal(ask(node, "198.51.100.40", rows[i].name), ANSWERED);
		assert_true(sw_watch_samples(node->watch, look, &looked) >= 0);
		assert_int_equal(looked.count, 1);
		assert_int_equal((looked.features & SW_FEATURE_MASK(WILDCARD)) != 0, rows[i].is_wildcard);
	}
}

#define FLOOD 50000

struct flood {
	struct node *node;
	unsigned taken;
};

/** Two more packets for every sample that is taken, until the flood is over. */
static void flood(void *arg, const struct sw_sample *sample)
{
	struct flood *it = arg;
	(void)sample;
	for (unsigned i = 0; i < 2 && it->taken < FLOOD; i++)
		ask(it->node, "198.51.100.40", EXISTS);
	it->taken++;
}

/** Samples that come faster than they are taken do not keep the guard from its next order. */
static void test_a_turn_ends_in_a_flood_of_samples(void **state)
{
	struct node *node = *state;
	struct flood it = {.node = node};
	memset(node->orders, 0, sizeof(*node->orders));
	node->orders->sample_every[SW_VERDICT_ANSWERED] = 1;
	assert_int_equal(ask(node, "198.51.100.40", EXISTS), ANSWERED);
	int taken = sw_watch_samples(node->watch, flood, &it);
	assert_in_range(taken, 1, FLOOD - 1);
	assert_int_equal(taken, it.taken);
	node->orders->sample_every[SW_VERDICT_ANSWERED] = 0;
	unsigned turns = 1;
	while ((taken = sw_watch_samples(node->watch, flood, &it)) > 0)
		turns++;
	assert_int_equal(taken, 0);
	assert_true(turns > 1);
	assert_true(it.taken >= 2 * 8000);
}

static void test_updates_wait_with_all_others(void **state)
{
	struct node *node = *state;
	unsigned let = 0;
	assert_int_equal(update(node, "198.51.100.100"), XDP_DROP);
	assert_int_equal(update(node, "198.51.100.100"), XDP_DROP);
	node->orders->policy.admit[SW_LANE_NEW_MISSING] = UINT32_MAX / 4;
	for (unsigned i = 0; i < 2000; i++)
		let += update(node, "198.51.100.101") == XDP_PASS;
	assert_in_range(let, 400, 600);
	node->orders->is_observing = 1;
	assert_int_equal(update(node, "198.51.100.100"), XDP_PASS);
	node->orders->is_observing = 0;
	node->orders->alive_ns = now_ns() - SW_ORDERS_AGE_NS - 100000000;
	assert_int_equal(update(node, "198.51.100.100"), XDP_PASS);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_strangers_wait, orders_strict),
		cmocka_unit_test_setup(test_a_turn_ends_in_a_flood_of_samples, orders_strict),
		cmocka_unit_test_setup(test_known_resolvers_are_answered, orders_strict),
		cmocka_unit_test_setup(test_ipv6_is_alike, orders_strict),
		cmocka_unit_test_setup(test_an_address_from_elsewhere_is_doubtful, orders_strict),
		cmocka_unit_test_setup(test_a_retry_is_let_in, orders_strict),
		cmocka_unit_test_setup(test_whoever_shook_hands_is_let_in, orders_strict),
		cmocka_unit_test_setup(test_a_cookie_is_a_proof, orders_strict),
		cmocka_unit_test_setup(test_the_trusted_are_so_from_anywhere, orders_strict),
		cmocka_unit_test_setup(test_lanes_that_are_dropped_hear_nothing, orders_strict),
		cmocka_unit_test_setup(test_a_loud_network_is_doubtful, orders_strict),
		cmocka_unit_test_setup(test_a_loud_network_of_known_ones, orders_strict),
		cmocka_unit_test_setup(test_zones_have_their_share, orders_strict),
		cmocka_unit_test_setup(test_a_signature_makes_suspects, orders_strict),
		cmocka_unit_test_setup(test_who_observes_refuses_nobody_and_counts, orders_strict),
		cmocka_unit_test_setup(test_old_orders_are_void, orders_strict),
		cmocka_unit_test_setup(test_part_of_a_lane, orders_strict),
		cmocka_unit_test_setup(test_updates_wait_with_all_others, orders_strict),
		cmocka_unit_test(test_samples_tell_of_wildcards),
	};
	directory = argc > 1 ? argv[1] : "";
	return cmocka_run_group_tests_name("admission", tests, node_open, node_close);
}
