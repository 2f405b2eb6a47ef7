/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "row.h"
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <linux/bpf.h>

#define ETHERNET_LEN 14
#define REPLY_MAX 1500

static const char *const verdict_labels[] = {
#define X(name, label, text) label,
	SW_VERDICTS(X)
#undef X
};

/** What one run did. */
struct run {
	uint32_t action;
	uint8_t bytes[PACKET_MAX];
	uint32_t len;
	unsigned verdict;
};

static const char *action_name(uint32_t action)
{
	static const char *const names[] = {"ABORTED", "DROP", "PASS", "TX", "REDIRECT"};
	return action < sizeof(names) / sizeof(names[0]) ? names[action] : "no XDP action";
}

/* ---- telling why ---- */

static void tell(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tell(char *why, const char *format, ...)
{
	size_t used = strlen(why);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why + used, WHY_MAX - used, format, arguments);
	va_end(arguments);
}

/** Sixteen bytes a line; lines that differ from `other` are marked. */
static void tell_bytes(char *why, const char *title, const uint8_t *bytes, size_t len, const uint8_t *other,
	size_t other_len)
{
	tell(why, "\n%s, %zu bytes:", title, len);
	for (size_t line = 0; line < len; line += 16) {
		size_t end = line + 16 < len ? line + 16 : len;
		size_t other_end = line + 16 < other_len ? line + 16 : other_len;
		bool is_same = end == other_end && memcmp(bytes + line, other + line, end - line) == 0;
		tell(why, "\n%c %04zx ", is_same ? ' ' : '*', line);
		for (size_t i = line; i < end; i++)
			tell(why, " %02x", bytes[i]);
	}
}

static int compare_bytes(
	const uint8_t *seen, size_t seen_len, const uint8_t *wanted, size_t wanted_len, char *why)
{
	if (seen_len == wanted_len && memcmp(seen, wanted, wanted_len) == 0)
		return 0;
	size_t at = 0;
	while (at < seen_len && at < wanted_len && seen[at] == wanted[at])
		at++;
	tell(why, "the frame differs from byte %zu on", at);
	tell_bytes(why, "expected", wanted, wanted_len, seen, seen_len);
	tell_bytes(why, "came out", seen, seen_len, wanted, wanted_len);
	return -1;
}

/* ---- one run ---- */

/** The one verdict counted between two readings. */
static int find_verdict(const uint64_t before[SW_VERDICT_COUNT], const uint64_t after[SW_VERDICT_COUNT],
	unsigned *verdict, char *why)
{
	uint64_t total = 0;
	for (unsigned i = 0; i < SW_VERDICT_COUNT; i++) {
		total += after[i] - before[i];
		if (after[i] != before[i])
			*verdict = i;
	}
	if (total == 1)
		return 0;
	tell(why, "counted %llu verdicts for one packet", (unsigned long long)total);
	return -1;
}

static bool verdict_fits(unsigned verdict, uint32_t action)
{
	const char *label = verdict_labels[verdict];
	if (strncmp(label, "drop_", 5) == 0)
		return action == XDP_DROP;
	if (strncmp(label, "punt_", 5) == 0 || strncmp(label, "pass_", 5) == 0 ||
		verdict == SW_VERDICT_TCP_SYN || verdict == SW_VERDICT_TCP_PASS)
		return action == XDP_PASS;
	return action == XDP_TX;
}

static int run_once(const struct target *target, const uint8_t *frame, size_t len, struct run *run, char *why)
{
	uint64_t before[SW_VERDICT_COUNT], after[SW_VERDICT_COUNT];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len,
		.data_out = run->bytes, .data_size_out = sizeof(run->bytes), .repeat = 1);

	int error = target->counters(target->context, before);
	if (error == 0)
		error = bpf_prog_test_run_opts(target->program_fd, &opts);
	if (error == 0)
		error = target->counters(target->context, after);
	if (error != 0) {
		tell(why, "BPF_PROG_RUN or its counters: %s", strerror(-error));
		return -1;
	}
	run->action = opts.retval;
	run->len = opts.data_size_out;
	if (find_verdict(before, after, &run->verdict, why) != 0) {
		tell(why, ", action %s", action_name(run->action));
		return -1;
	}
	if (!verdict_fits(run->verdict, run->action)) {
		tell(why, "action %s with verdict %s", action_name(run->action),
			verdict_labels[run->verdict]);
		return -1;
	}
	return 0;
}

/* ---- judging it ---- */

/** What user space makes of the message in a packet. @return bytes of the reply, 0 for none */
static size_t ask_user_space(
	const struct target *target, const struct packet *asked, uint8_t reply[REPLY_MAX], unsigned *verdict)
{
	const uint8_t *ip = asked->bytes + asked->ip, *udp = asked->bytes + asked->transport;
	struct sw_asker asker = {.address_len = asked->is_ip6 ? 16 : 4};
	memcpy(asker.address, ip + (asked->is_ip6 ? 8 : 12), asker.address_len);

	size_t len = (size_t)(udp[4] << 8 | udp[5]) - 8;
	return target->reply(target->context, &asker, asked->bytes + asked->payload, len, reply, verdict);
}

static int check_verdict(unsigned seen, unsigned wanted, char *why)
{
	if (seen == wanted)
		return 0;
	tell(why, "verdict %s, in user space %s", verdict_labels[seen], verdict_labels[wanted]);
	return -1;
}

static int check_reply(
	const struct target *target, const struct packet *asked, const struct run *run, char *why)
{
	uint8_t message[REPLY_MAX];
	unsigned verdict;
	size_t len = ask_user_space(target, asked, message, &verdict);
	if (len == 0) {
		tell(why, "a reply, where user space has none (%s)", verdict_labels[verdict]);
		return -1;
	}
	if (check_verdict(run->verdict, verdict, why) != 0)
		return -1;
	struct packet reply;
	packet_reply(asked, message, len, &reply);
	packet_adopt_free_fields(&reply, run->bytes, run->len);
	return compare_bytes(run->bytes, run->len, reply.bytes, reply.len, why);
}

/** Whether an ACK is taken for the answer to a SYN-ACK. */
static int check_ack(
	const struct target *target, const struct packet *syn, uint32_t cookie, bool is_good, char *why)
{
	const unsigned wanted = is_good ? SW_VERDICT_TCP_PASS : SW_VERDICT_DROP_TCP_STATE;
	struct packet ack;
	struct run run;
	packet_ack(syn, cookie, &ack);
	if (run_once(target, ack.bytes, ack.len, &run, why) != 0)
		return -1;
	if (run.verdict == wanted)
		return 0;
	tell(why, "the ACK of %s cookie: verdict %s", is_good ? "the" : "another",
		verdict_labels[run.verdict]);
	return -1;
}

static int check_cookie(
	const struct target *target, const struct packet *syn, const struct run *run, char *why)
{
	struct packet reply;
	size_t at = syn->transport + 4;
	if (run->verdict != SW_VERDICT_TCP_COOKIE || run->len < at + 4 || run->len > syn->len) {
		tell(why, "verdict %s, %u bytes", verdict_labels[run->verdict], run->len);
		return -1;
	}
	uint32_t cookie = (uint32_t)run->bytes[at] << 24 | (uint32_t)run->bytes[at + 1] << 16 |
			  (uint32_t)run->bytes[at + 2] << 8 | run->bytes[at + 3];
	packet_syn_ack(syn, cookie, &reply);
	packet_adopt_free_fields(&reply, run->bytes, run->len);
	if (compare_bytes(run->bytes, run->len, reply.bytes, reply.len, why) != 0 ||
		check_ack(target, syn, cookie, true, why) != 0)
		return -1;
	/* its low bits say which MSS; these must be right */
	return check_ack(target, syn, cookie + 0x1000, false, why);
}

static bool action_fits(enum outcome outcome, uint32_t action)
{
	switch (outcome) {
	case PASSES:
		return action == XDP_PASS;
	case DROPS:
		return action == XDP_DROP;
	case REPLIES:
	case COOKIES:
		return action == XDP_TX;
	case NEVER_REPLIES:
		return action == XDP_PASS || action == XDP_DROP;
	}
	return false;
}

static int judge(const struct target *target, const struct row *row, const struct packet *packet,
	const struct run *run, char *why)
{
	if (!action_fits(row->outcome, run->action)) {
		tell(why, "action %s (verdict %s)", action_name(run->action), verdict_labels[run->verdict]);
		if (run->action == XDP_TX)
			tell_bytes(why, "came out", run->bytes, run->len, packet->bytes, packet->len);
		return -1;
	}
	if (row->verdicts && !(row->verdicts & 1ull << run->verdict)) {
		tell(why, "verdict %s is not one of the row's", verdict_labels[run->verdict]);
		return -1;
	}
	if (row->outcome == COOKIES)
		return check_cookie(target, packet, run, why);
	if (run->action == XDP_TX)
		return check_reply(target, packet, run, why);
	if (run->action == XDP_PASS)
		return compare_bytes(run->bytes, run->len, packet->bytes, packet->len, why);
	return 0;
}

int row_check(const struct target *target, const struct row *row, char *why)
{
	struct packet packet;
	struct run run;
	why[0] = '\0';
	packet_build(&packet, row->layers);
	if (run_once(target, packet.bytes, packet.len, &run, why) != 0)
		return -1;
	return judge(target, row, &packet, &run, why);
}

int row_check_cut(const struct target *target, const struct row *row, char *why)
{
	const struct row cut_row = {.name = row->name, .outcome = NEVER_REPLIES};
	struct packet packet;
	struct run run;
	why[0] = '\0';
	packet_build(&packet, row->layers);
	size_t whole = packet.len;
	for (packet.len = ETHERNET_LEN; packet.len < whole; packet.len++) {
		if (run_once(target, packet.bytes, packet.len, &run, why) != 0 ||
			judge(target, &cut_row, &packet, &run, why) != 0) {
			tell(why, "\ncut to %zu of %zu bytes", packet.len, whole);
			return -1;
		}
	}
	return 0;
}

int row_check_short(const struct target *target, const struct row *row, char *why)
{
	struct packet packet;
	struct run run;
	why[0] = '\0';
	packet_build(&packet, row->layers);
	for (size_t len = packet.ip_end - packet.payload; len-- > 0;) {
		uint8_t message[REPLY_MAX];
		unsigned verdict;
		packet_shorten(&packet, len);
		bool is_answered = ask_user_space(target, &packet, message, &verdict) > 0;
		const struct row short_row = {.outcome = is_answered ? REPLIES : DROPS};
		if (run_once(target, packet.bytes, packet.len, &run, why) != 0 ||
			judge(target, &short_row, &packet, &run, why) != 0 ||
			check_verdict(run.verdict, verdict, why) != 0) {
			tell(why, "\nmessage shortened to %zu bytes", len);
			return -1;
		}
	}
	return 0;
}

/* ---- tables as cmocka groups ---- */

struct row_test {
	const struct target *target;
	const struct table *table;
	const struct row *row;
	char name[120];
};

static void test_row(void **state)
{
	const struct row_test *test = *state;
	char why[WHY_MAX];
	if (test->table->check(test->target, test->row, why) != 0)
		fail_msg("%s", why);
}

static size_t add_table(const struct target *target, const struct table *table, struct row_test *tests,
	struct CMUnitTest *units)
{
	for (size_t i = 0; i < table->count; i++) {
		tests[i] = (struct row_test){.target = target, .table = table, .row = &table->rows[i]};
		snprintf(tests[i].name, sizeof(tests[i].name), "%s: %s", table->name, table->rows[i].name);
		units[i] = (struct CMUnitTest){
			.name = tests[i].name, .test_func = test_row, .initial_state = &tests[i]};
	}
	return table->count;
}

int tables_run(const char *group, const struct target *target, const struct table *tables, size_t count)
{
	size_t total = 0, at = 0;
	for (size_t i = 0; i < count; i++)
		total += tables[i].count;
	struct row_test *tests = calloc(total, sizeof(*tests));
	struct CMUnitTest *units = calloc(total, sizeof(*units));
	int failed = -1;
	if (!tests || !units)
		goto out;
	for (size_t i = 0; i < count; i++)
		at += add_table(target, &tables[i], tests + at, units + at);
	failed = _cmocka_run_group_tests(group, units, total, NULL, NULL);
out:
	free(units);
	free(tests);
	return failed;
}
