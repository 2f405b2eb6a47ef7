/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the log says of requests: which refusals get a line, how many there are at most, and what it says. */
#include "serve/requests_log.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND_NS 1000000000ull
#define START_NS (12345 * SECOND_NS)

static struct sw_requests_log *requests_log;
static FILE *file;
static int standard_error;

static int setup(void **state)
{
	static const uint64_t secret[2] = {0x0123456789abcdef, 0xfedcba9876543210};
	(void)state;
	requests_log = sw_requests_log_new(secret);
	file = tmpfile();
	standard_error = dup(STDERR_FILENO);
	return requests_log == NULL || file == NULL || dup2(fileno(file), STDERR_FILENO) < 0;
}

static int teardown(void **state)
{
	(void)state;
	dup2(standard_error, STDERR_FILENO);
	close(standard_error);
	fclose(file);
	sw_requests_log_free(requests_log);
	return 0;
}

/** All that was logged since the last call. */
static const char *said(void)
{
	static char text[4096];
	ssize_t len = pread(fileno(file), text, sizeof(text) - 1, 0);
	assert_true(len >= 0);
	text[len] = '\0';
	assert_int_equal(ftruncate(fileno(file), 0), 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	return text;
}

static struct sw_peer peer_of(const char *address)
{
	struct sw_peer peer = {.address_len = strchr(address, ':') ? 16 : 4};
	assert_int_equal(inet_pton(peer.address_len == 4 ? AF_INET : AF_INET6, address, peer.address), 1);
	return peer;
}

static bool refused(enum sw_request_kind kind, const char *zone, const char *address, bool is_here,
	bool is_stream, uint64_t now_ns)
{
	uint8_t name[SW_NAME_MAX];
	struct sw_peer peer = peer_of(address);
	assert_true(sw_name_parse(zone, name) > 0);
	const struct sw_refusal refusal = {.kind = kind,
		.why = SW_REFUSED_ADDRESS,
		.zone = name,
		.is_here = is_here,
		.peer = &peer,
		.is_stream = is_stream};
	return sw_requests_log_refused(requests_log, &refusal, now_ns);
}

static bool update_refused(const char *zone, const char *address, uint64_t now_ns)
{
	return refused(SW_REQUEST_UPDATE, zone, address, true, false, now_ns);
}

static void test_once_a_minute(void **state)
{
	(void)state;
	assert_true(update_refused("example.", "192.0.2.1", START_NS));
	assert_false(update_refused("example.", "192.0.2.1", START_NS));
	assert_false(update_refused("example.", "192.0.2.254", START_NS + SECOND_NS)); /* its /24 */
	assert_true(update_refused("example.", "192.0.3.1", START_NS));
	assert_true(update_refused("example.net.", "192.0.2.1", START_NS));
	assert_true(refused(SW_REQUEST_NOTIFY, "example.", "192.0.2.1", true, false, START_NS));
	assert_true(update_refused("example.", "2001:db8:0:100::1", START_NS));
	assert_false(update_refused("example.", "2001:db8:0:1ff::1", START_NS)); /* its /56 */
	assert_true(update_refused("example.", "2001:db8:0:200::1", START_NS));
	assert_false(update_refused("example.", "192.0.2.1", START_NS + 60 * SECOND_NS - 1));
	assert_true(update_refused("example.", "192.0.2.1", START_NS + 60 * SECOND_NS));
	assert_int_equal(sw_requests_log_more(requests_log, START_NS), 0); /* none for want of room */
}

/* Zones that are not here are as one for each network. */
static void test_zones_that_are_not_here(void **state)
{
	(void)state;
	assert_true(refused(SW_REQUEST_UPDATE, "a.", "192.0.2.1", false, false, START_NS));
	assert_false(refused(SW_REQUEST_UPDATE, "b.", "192.0.2.1", false, false, START_NS));
	assert_true(refused(SW_REQUEST_UPDATE, "b.", "192.0.3.1", false, false, START_NS));
	assert_true(update_refused("example.", "192.0.2.1", START_NS));
}

/* A forger of all addresses, for ten minutes: in no minute more lines than may be, none lost to the count,
 * and who asks over a stream is told all the same. */
static void test_forger(void **state)
{
	(void)state;
	static uint64_t lines_ns[10000];
	unsigned lines = 0, sent = 0, told = 0, more_lines = 0;
	said();
	for (uint64_t now_ns = START_NS; now_ns < START_NS + 600 * SECOND_NS;
		now_ns += SECOND_NS / 50, sent++) {
		char address[32];
		snprintf(address, sizeof(address), "10.%u.%u.1", sent >> 8 & 255, sent & 255);
		if (update_refused("example.", address, now_ns))
			lines_ns[lines++] = now_ns;
		if (sent % 50 == 0) {
			unsigned n = (unsigned)sw_requests_log_more(requests_log, now_ns);
			told += n;
			more_lines += n > 0;
		}
		if (sent == 15000)
			assert_true(refused(SW_REQUEST_AXFR, "example.", "192.0.2.1", true, true, now_ns));
	}
	assert_int_equal(lines, 10 * SW_REFUSED_LINES);
	for (unsigned i = SW_REFUSED_LINES; i < lines; i++)
		assert_true(lines_ns[i] - lines_ns[i - SW_REFUSED_LINES] >= 60 * SECOND_NS);
	assert_true(more_lines <= 10);
	told += (unsigned)sw_requests_log_more(requests_log, START_NS + 3600 * SECOND_NS);
	assert_int_equal(lines + told, sent);
}

static void test_given(void **state)
{
	(void)state;
	struct sw_peer peer = peer_of("192.0.2.1");
	struct sw_tsig_key key = {.name = "\2k1"};
	struct sw_given given = {.zone = (const uint8_t *)"\7example",
		.peer = &peer,
		.is_ixfr = true,
		.is_changes = true,
		.from = 5,
		.serial = 4294967295u,
		.records = 7,
		.bytes = 345,
		.seconds = 0.25};
	peer.key = &key;
	peer.is_encrypted = true;
	said();
	assert_true(sw_requests_log_given(requests_log, &given, START_NS));
	assert_string_equal(said(),
		"seawall: info: zone example.: IXFR to 192.0.2.1 over TLS, key k1.: changes from serial 5 "
		"to 4294967295, 7 records, 345 bytes, 0.250 s\n");
	given.is_changes = given.is_ixfr = false;
	given.broken = "it took too long";
	peer.key = NULL;
	peer.is_encrypted = false;
	assert_true(sw_requests_log_given(requests_log, &given, START_NS));
	assert_string_equal(said(),
		"seawall: warning: zone example.: AXFR to 192.0.2.1 broken off: it took too long: "
		"the zone whole, serial 4294967295, 7 records, 345 bytes, 0.250 s\n");
	unsigned lines = 2; /* alike as they are */
	while (lines < 1000 && sw_requests_log_given(requests_log, &given, START_NS))
		lines++;
	assert_int_equal(lines, SW_GIVEN_LINES);
	said();
	assert_int_equal(sw_requests_log_more(requests_log, START_NS), 1);
	assert_non_null(strstr(said(), "1 more transfers"));
	assert_true(update_refused("example.", "192.0.2.1", START_NS));
}

/* Names come from anybody: a line is a line. */
static void test_names_that_lie(void **state)
{
	(void)state;
	struct sw_peer peer = peer_of("2001:db8::1");
	const struct sw_refusal refusal = {.kind = SW_REQUEST_NOTIFY,
		.why = SW_REFUSED_BAD_KEY,
		.zone = (const uint8_t *)"\4a\n\033b",
		.key_name = (const uint8_t *)"\3\r%s",
		.peer = &peer};
	said();
	assert_true(sw_requests_log_refused(requests_log, &refusal, START_NS));
	assert_string_equal(said(),
		"seawall: warning: zone a\\010\\027b.: NOTIFY from 2001:db8::1, key \\013%s. is "
		"refused: bad key: none of that name and algorithm is known here\n");
	struct sw_refusal none = refusal;
	none.zone = none.key_name = NULL;
	none.kind = SW_REQUEST_UPDATE;
	none.why = SW_REFUSED_MALFORMED;
	assert_true(sw_requests_log_refused(requests_log, &none, START_NS));
	assert_string_equal(said(), "seawall: info: UPDATE from 2001:db8::1 is refused: malformed\n");
}

static void test_why(void **state)
{
	(void)state;
	struct sw_tsig_key key = {.name = "\1k"}, other = {.name = "\1o"};
	struct sw_peer peer = peer_of("192.0.2.1");
	struct sw_access rules[] = {{.address = {10}, .address_len = 4, .bits = 8},
		{.address = {192, 0, 2, 0}, .address_len = 4, .bits = 24, .key = &key, .is_tls = true}};
	struct sw_access_list list = {.rules = rules};
	assert_int_equal(sw_refused_by(&list, &peer), SW_REFUSED_NO_RULE);
	list.count = 1;
	assert_int_equal(sw_refused_by(&list, &peer), SW_REFUSED_ADDRESS);
	list.count = 2;
	assert_int_equal(sw_refused_by(&list, &peer), SW_REFUSED_UNSIGNED);
	peer.key = &other;
	assert_int_equal(sw_refused_by(&list, &peer), SW_REFUSED_OTHER_KEY);
	peer.key = &key;
	assert_int_equal(sw_refused_by(&list, &peer), SW_REFUSED_NO_TLS);

	struct sw_endpoint address;
	assert_int_equal(sw_endpoint_parse("192.0.2.1", &address), 0);
	const struct sw_remote remote = {.addresses = &address, .address_count = 1, .key = &other};
	const struct sw_remote *primaries[] = {&remote};
	struct sw_zone_policy policy = {0};
	assert_int_equal(sw_refused_notify(&policy, &peer), SW_REFUSED_NO_PRIMARIES);
	policy.primaries = primaries;
	policy.primary_count = 1;
	assert_int_equal(sw_refused_notify(&policy, &peer), SW_REFUSED_OTHER_KEY);
	peer.key = NULL;
	assert_int_equal(sw_refused_notify(&policy, &peer), SW_REFUSED_UNSIGNED);
	peer.address[3] = 2;
	assert_int_equal(sw_refused_notify(&policy, &peer), SW_REFUSED_ADDRESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once_a_minute, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zones_that_are_not_here, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forger, setup, teardown),
		cmocka_unit_test_setup_teardown(test_given, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_that_lie, setup, teardown),
		cmocka_unit_test_setup_teardown(test_why, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
