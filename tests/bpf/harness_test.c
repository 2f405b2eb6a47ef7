/* SPDX-License-Identifier: GPL-3.0-or-later */
/* harness_test rows|lies OBJECT: the harness of the table tests, held against a reflector that can lie. Every
 * row must hold while it is honest, and one must fail for each of its lies. */
#include "frame_rows.h"
#include "message_rows.h"
#include "reflector.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#define CPUS_MAX 1024

static struct bpf_object *object;

static int read_counters(void *context, uint64_t counters[SW_VERDICT_COUNT])
{
	(void)context;
	int map = bpf_object__find_map_fd_by_name(object, "counters");
	int cpus = libbpf_num_possible_cpus();
	uint64_t values[CPUS_MAX];
	if (cpus < 1 || cpus > CPUS_MAX)
		return -E2BIG;
	for (uint32_t i = 0; i < SW_VERDICT_COUNT; i++) {
		if (bpf_map_lookup_elem(map, &i, values) != 0)
			return -errno;
		counters[i] = 0;
		for (int cpu = 0; cpu < cpus; cpu++)
			counters[i] += values[cpu];
	}
	return 0;
}

static size_t reflected(void *context, const struct sw_asker *asker, const uint8_t *query, size_t query_len,
	uint8_t *reply, unsigned *verdict)
{
	(void)context;
	(void)asker;
	if (query_len < SW_HEADER_LEN) {
		*verdict = SW_VERDICT_DROP_SHORT;
		return 0;
	}
	memcpy(reply, query, query_len);
	reply[2] |= SW_FLAG_QR >> 8;
	*verdict = SW_VERDICT_ANSWERED;
	return query_len;
}

static struct target target = {.reply = reflected, .counters = read_counters};

static void tell_lie(uint32_t lie)
{
	uint32_t zero = 0;
	assert_int_equal(
		bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, "lie"), &zero, &lie, 0), 0);
}

#define QUESTION QUERY("www.example.com", SW_TYPE_A)

static const struct layer *const query4 = LAYERS(ETHERNET, IP4(), UDP(), QUESTION);
static const struct layer *const query6 = LAYERS(ETHERNET, VLAN(7), IP6(), UDP(), QUESTION);
static const struct layer *const padded = LAYERS(ETHERNET, IP4(), UDP(), QUESTION, PAD(5));
static const struct layer *const arp = LAYERS(ETHERNET, ARP);

/** A row that must fail, and what the harness must say about it. */
static const struct {
	uint32_t lie;
	struct row row;
	const char *why;
} wrong[] = {
	{LIE_NONE, {"", query4, PASSES, 0}, "action TX"},
	{LIE_NONE, {"", query4, DROPS, 0}, "action TX"},
	{LIE_NONE, {"", query4, NEVER_REPLIES, 0}, "action TX"},
	{LIE_NONE, {"", arp, REPLIES, 0}, "action PASS"},
	{LIE_NONE, {"", arp, DROPS, 0}, "action PASS"},
	{LIE_NONE, {"", query4, REPLIES, ONE_OF(NXDOMAIN)}, "verdict answered"},
	{LIE_SUM, {"", query4, REPLIES, 0}, "differs from byte 40"},
	{LIE_SUM, {"", query6, REPLIES, 0}, "differs from byte 64"},
	{LIE_HOPS, {"", query4, REPLIES, 0}, "differs from byte 22"},
	{LIE_HOPS, {"", query6, REPLIES, 0}, "differs from byte 25"},
	{LIE_PADDING, {"", padded, REPLIES, 0}, "differs from byte 75"},
	{LIE_TOUCH, {"", arp, PASSES, 0}, "differs from byte 0"},
	{LIE_UNCOUNTED, {"", query4, REPLIES, 0}, "counted 0 verdicts"},
	{LIE_COUNTED_TWICE, {"", query4, REPLIES, 0}, "counted 2 verdicts"},
	{LIE_VERDICT, {"", query4, REPLIES, 0}, "action TX with verdict pass_other"},
};

static void finds_lies(void **state)
{
	(void)state;
	char why[WHY_MAX];
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		tell_lie(wrong[i].lie);
		int result = row_check(&target, &wrong[i].row, why);
		tell_lie(LIE_NONE);
		if (result != -1 || !strstr(why, wrong[i].why))
			fail_msg("lie %zu: wanted \"%s\", got %d \"%s\"", i, wrong[i].why, result, why);
	}
}

static size_t other_reply(void *context, const struct sw_asker *asker, const uint8_t *query, size_t query_len,
	uint8_t *reply, unsigned *verdict)
{
	size_t len = reflected(context, asker, query, query_len, reply, verdict);
	reply[len - 1] ^= 1;
	return len;
}

static size_t no_reply(void *context, const struct sw_asker *asker, const uint8_t *query, size_t query_len,
	uint8_t *reply, unsigned *verdict)
{
	reflected(context, asker, query, query_len, reply, verdict);
	return 0;
}

static size_t other_verdict(void *context, const struct sw_asker *asker, const uint8_t *query,
	size_t query_len, uint8_t *reply, unsigned *verdict)
{
	size_t len = reflected(context, asker, query, query_len, reply, verdict);
	*verdict = SW_VERDICT_NODATA;
	return len;
}

static void finds_disagreement(void **state)
{
	(void)state;
	const struct row row = {"", query4, REPLIES, 0};
	struct target other = target;
	char why[WHY_MAX];
	other.reply = other_reply;
	assert_int_equal(row_check(&other, &row, why), -1);
	other.reply = no_reply;
	assert_int_equal(row_check(&other, &row, why), -1);
	other.reply = other_verdict;
	assert_int_equal(row_check(&other, &row, why), -1);
}

static void finds_disagreement_over_short_messages(void **state)
{
	(void)state;
	struct target other = target;
	char why[WHY_MAX];
	other.reply = no_reply;
	assert_int_equal(row_check_short(&other, &short_rows[0], why), -1);
	assert_non_null(strstr(why, "message shortened to 32 bytes"));
	other.reply = other_verdict;
	assert_int_equal(row_check_short(&other, &short_rows[1], why), -1);
}

static void finds_lies_in_cut_frames(void **state)
{
	(void)state;
	const struct row row = {"", query4, NEVER_REPLIES, 0};
	char why[WHY_MAX];
	tell_lie(LIE_TOUCH);
	int result = row_check_cut(&target, &row, why);
	tell_lie(LIE_NONE);
	assert_int_equal(result, -1);
	assert_non_null(strstr(why, "cut to 14 of 75 bytes"));
}

/** Every row that does not depend on a zone, on the honest reflector. */
static int run_rows(void)
{
	const struct table tables[] = {
		{"frame", frame_rows, frame_row_count, row_check},
		{"cut", cut_rows, cut_row_count, row_check_cut},
		{"short", short_rows, short_row_count, row_check_short},
	};
	return tables_run("reflector", &target, tables, sizeof(tables) / sizeof(tables[0]));
}

static int run_lies(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_lies),
		cmocka_unit_test(finds_disagreement),
		cmocka_unit_test(finds_disagreement_over_short_messages),
		cmocka_unit_test(finds_lies_in_cut_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

static int set_up(const char *path)
{
	object = bpf_object__open_file(path, NULL);
	if (!object || bpf_object__load(object) != 0)
		return -1;
	target.program_fd = bpf_program__fd(bpf_object__find_program_by_name(object, "reflector"));
	return target.program_fd < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	if (argc != 3 || set_up(argv[2]) != 0) {
		fprintf(stderr, "usage: harness_test rows|lies OBJECT (needs CAP_BPF and CAP_NET_ADMIN)\n");
		return 2;
	}
	int failed = strcmp(argv[1], "rows") == 0 ? run_rows() : run_lies();
	bpf_object__close(object);
	return failed ? 1 : 0;
}
