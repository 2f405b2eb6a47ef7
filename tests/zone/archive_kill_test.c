/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A process that writes is killed at random moments; what it had acknowledged is there, and nothing half.
 *
 * It writes two zones, each commit takes both some changes on, or brings both anew; what they hold follows
 * from the serial. After each commit it tells the serial through a pipe. */
#include "archive_help.h"
#include "zone/archive_inside.h"
#include <signal.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 100
#define CHANGES 5	/* a commit */
#define NAMES 40	/* of a zone, at any serial */
#define REPLACE_EACH 16 /* commits */

static uint8_t apexes[2][SW_NAME_MAX];
static const char *const apex_texts[2] = {"one.example.", "two.example."};

/** Name number n, of a length that differs, so that pages are split and merged. */
static struct sw_record record_of(unsigned zone, uint32_t n)
{
	static uint8_t datas[64][4];
	static unsigned turn;
	char text[128];
	uint8_t *rdata = datas[turn++ % 64];
	snprintf(text, sizeof(text), "n%u%.*s.%s", n * 2654435761u % 9973, (int)(n % 40),
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", apex_texts[zone]);
	memcpy(rdata, &n, 4);
	return help_record(text, A, 60, rdata, 4);
}

static void write_changes(struct sw_archive *archive, unsigned zone, uint32_t serial)
{
	for (uint32_t from = serial; from < serial + CHANGES; from++) {
		struct sw_delta delta = help_delta(apexes[zone], from, from + 1);
		struct sw_record old = record_of(zone, from), new = record_of(zone, from + NAMES);
		sw_records_add(&delta.removed, &old);
		sw_records_add(&delta.added, &new);
		assert_int_equal(sw_archive_change(archive, apexes[zone], &delta), 0);
		sw_delta_free(&delta);
	}
	assert_int_equal(sw_archive_trim(archive, apexes[zone], 20000), 0);
}

static void write_whole(struct sw_archive *archive, unsigned zone, uint32_t serial)
{
	struct sw_contents *contents = sw_contents_new(apexes[zone], help_key());
	struct sw_record record = help_soa(apexes[zone], serial);
	for (uint32_t n = serial; n <= serial + NAMES; n++) {
		assert_int_equal(sw_contents_add(contents, record.owner, record.type, record.ttl,
					 record.rdata, record.rdata_len, 0, 0),
			0);
		record = record_of(zone, n);
	}
	assert_int_equal(sw_contents_finish(contents), 0);
	assert_int_equal(sw_archive_replace(archive, contents), 0);
	sw_contents_free(contents);
}

/** The process that is killed. */
static void write_on(const char *directory, uint32_t serial, int acks)
{
	struct sw_archive *archive = help_open(directory);
	if (serial % 2) /* every few commits the log goes into the database */
		sqlite3_exec(archive->own.db, "PRAGMA wal_autocheckpoint = 30", NULL, NULL, NULL);
	for (unsigned commit = 0;; commit++) {
		bool is_whole = serial == 0 || commit % REPLACE_EACH == REPLACE_EACH - 1;
		assert_int_equal(sw_archive_begin(archive), 0);
		for (unsigned zone = 0; zone < 2; zone++) {
			if (is_whole)
				write_whole(archive, zone, serial + CHANGES);
			else
				write_changes(archive, zone, serial);
		}
		assert_int_equal(sw_archive_commit(archive), 0);
		serial += CHANGES;
		if (write(acks, &serial, sizeof(serial)) != sizeof(serial))
			_exit(1);
	}
}

static void check_zone(struct sw_archive *archive, unsigned zone, uint32_t serial)
{
	struct sw_contents *contents = NULL;
	assert_int_equal(sw_snapshot_load(sw_archive_own(archive), apexes[zone], help_key(), &contents), 0);
	assert_int_equal(sw_contents_records(contents), NAMES + 1);
	for (uint32_t n = serial; n < serial + NAMES; n++) {
		struct sw_record record = record_of(zone, n);
		const struct sw_node *node = sw_contents_find(contents, record.owner);
		assert_non_null(node);
		const struct sw_rr *rr = sw_contents_find_rr(contents, node, A);
		assert_non_null(rr);
		assert_memory_equal(rr->rdata, record.rdata, 4);
	}
	sw_contents_free(contents);
}

/** @return the serial that both zones have, 0 where there are none yet */
static uint32_t check(const char *directory, uint32_t acknowledged)
{
	struct sw_archive *archive = help_open(directory);
	struct sw_archive_zone one, two;
	int first = sw_snapshot_zone(sw_archive_own(archive), apexes[0], &one);
	int second = sw_snapshot_zone(sw_archive_own(archive), apexes[1], &two);
	assert_int_equal(first, second);
	if (first == -ENOENT) {
		assert_int_equal(acknowledged, 0);
		sw_archive_close(archive);
		return 0;
	}
	assert_int_equal(one.serial, two.serial);
	/* all that was told, and at most the one commit that was done and not told */
	assert_true(one.serial == acknowledged || one.serial == acknowledged + CHANGES);
	for (unsigned zone = 0; zone < 2; zone++)
		check_zone(archive, zone, one.serial);
	sw_archive_close(archive);
	return one.serial;
}

static uint32_t random_below(uint32_t below)
{
	uint32_t number = 0;
	assert_int_equal(getrandom(&number, sizeof(number), 0), sizeof(number));
	return number % below;
}

/** Let it commit some times, then go on for up to two milliseconds: a commit takes about one. */
static uint32_t wait_and_kill(pid_t child, int acks, uint32_t serial)
{
	struct timespec start, now;
	uint32_t told;
	for (uint32_t n = random_below(30); n > 0; n--) {
		assert_int_equal(read(acks, &told, sizeof(told)), sizeof(told));
		serial = told;
	}
	long wait_ns = (long)random_below(2000000);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec - start.tv_nsec < wait_ns);
	assert_int_equal(kill(child, SIGKILL), 0);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(acks, &told, sizeof(told)) == sizeof(told))
		serial = told;
	return serial;
}

static void loses_nothing_when_killed(void **state)
{
	uint32_t serial = 0;
	unsigned ahead = 0;
	for (unsigned zone = 0; zone < 2; zone++)
		sw_name_parse(apex_texts[zone], apexes[zone]);
	for (unsigned round = 0; round < ROUNDS; round++) {
		int acks[2];
		assert_int_equal(pipe(acks), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			close(acks[0]);
			write_on(help_directory(state), serial, acks[1]);
		}
		close(acks[1]);
		uint32_t told = wait_and_kill(child, acks[0], serial);
		close(acks[0]);
		serial = check(help_directory(state), told);
		ahead += serial != told;
	}
	print_message(
		"# %u kills, %u commits, %u of them done and not told\n", ROUNDS, serial / CHANGES, ahead);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(loses_nothing_when_killed, help_setup, help_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
