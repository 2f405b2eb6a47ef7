/* SPDX-License-Identifier: GPL-3.0-or-later */
/** An archive that cannot be opened, is damaged, or has no room on the disk. */
#include "archive_help.h"
#include "zone/archive_inside.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint8_t address[2][4] = {{192, 0, 2, 1}, {192, 0, 2, 2}};

static int open_error(const char *directory, char why[512])
{
	struct sw_archive *archive = NULL;
	int error = sw_archive_open(&archive, directory, why);
	assert_null(archive);
	assert_true(error < 0);
	return error;
}

static void path_of(const char *directory, const char *name, char path[512])
{
	snprintf(path, 512, "%s/%s", directory, name);
}

static bool is_there(const char *directory, const char *name)
{
	char path[512];
	path_of(directory, name, path);
	return access(path, F_OK) == 0;
}

static void is_for_one_process(void **state)
{
	char why[512];
	struct sw_archive *archive = help_open(help_directory(state));
	assert_int_equal(open_error(help_directory(state), why), -EBUSY);
	assert_non_null(strstr(why, "zones.lock"));
	sw_archive_close(archive);
	sw_archive_close(help_open(help_directory(state)));
}

static void needs_a_directory(void **state)
{
	char why[512], path[512];
	path_of(help_directory(state), "missing", path);
	assert_int_equal(open_error(path, why), -ENOENT);
	assert_non_null(strstr(why, path));
	int file = open(path, O_WRONLY | O_CREAT, 0600);
	close(file);
	assert_int_equal(open_error(path, why), -ENOTDIR);
}

/** As a user who may read there, but not write. */
static void needs_to_write(void **state)
{
	char why[512];
	sw_archive_close(help_open(help_directory(state)));
	assert_int_equal(chmod(help_directory(state), 0555), 0);
	pid_t child = fork();
	if (child == 0) {
		struct sw_archive *archive;
		if (geteuid() == 0 && seteuid(65534) != 0)
			_exit(2);
		int error = sw_archive_open(&archive, help_directory(state), why);
		_exit(error == -EACCES && strstr(why, help_directory(state)) ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(chmod(help_directory(state), 0755), 0);
}

static void leaves_other_formats_alone(void **state)
{
	char why[512];
	struct sw_archive *archive = help_open(help_directory(state));
	help_store(archive, help_name("example."), 1, NULL, 0);
	sw_archive_close(archive);
	help_sql(help_directory(state), "PRAGMA user_version = 2");
	assert_int_equal(open_error(help_directory(state), why), -EPROTO);
	assert_non_null(strstr(why, "newer"));
	help_sql(help_directory(state), "PRAGMA user_version = 1; PRAGMA application_id = 5");
	assert_int_equal(open_error(help_directory(state), why), -EPROTO);
	assert_non_null(strstr(why, "another program"));
	assert_false(is_there(help_directory(state), "zones.db.broken-1"));
	help_sql(help_directory(state), "PRAGMA application_id = 1398227282");
	archive = help_open(help_directory(state));
	struct sw_archive_zone zone;
	assert_int_equal(sw_snapshot_zone(sw_archive_own(archive), help_name("example."), &zone), 0);
	sw_archive_close(archive);
}

/* ---- rows that are not what was written ---- */

static int load(struct sw_archive *archive, const char *apex)
{
	struct sw_contents *contents = NULL;
	int error = sw_snapshot_load(sw_archive_own(archive), help_name(apex), help_key(), &contents);
	sw_contents_free(contents);
	return error;
}

struct seen {
	unsigned whole, damaged;
};

static int see(void *arg, const struct sw_archive_zone *zone, struct sw_contents **contents, int error)
{
	struct seen *seen = arg;
	if (error == 0) {
		assert_memory_equal(sw_contents_apex(*contents), zone->apex, sw_name_len(zone->apex));
		assert_int_equal(sw_contents_records(*contents), zone->records);
		seen->whole++;
	} else {
		assert_int_equal(error, -EBADMSG);
		seen->damaged++;
	}
	return 0;
}

static struct seen see_all(struct sw_archive *archive)
{
	struct seen seen = {0};
	struct sw_contents *contents = NULL;
	assert_int_equal(
		sw_snapshot_each_zone_loaded(sw_archive_own(archive), help_key(), &contents, see, &seen), 0);
	sw_contents_free(contents);
	return seen;
}

static void store_three(struct sw_archive *archive)
{
	const struct sw_record records[] = {help_record("a.b.", A, 60, address[0], 4),
		help_record("b.b.", A, 60, address[0], 4), help_record("c.b.", TXT, 60, "\3abc", 4)};
	help_store(archive, help_name("a."), 1, NULL, 0);
	help_store(archive, help_name("b."), 1, records, 3);
	help_store(archive, help_name("c."), 1, NULL, 0);
}

static void finds_damaged_rows(void **state)
{
	static const char *const damages[] = {
		"DELETE FROM record WHERE owner = x'6100'",
		"UPDATE record SET ttl = ttl + 1 WHERE owner = x'6100'",
		"UPDATE record SET ttl = -1 WHERE owner = x'6100'",
		"UPDATE record SET ttl = 1 << 40 WHERE owner = x'6100'",
		"UPDATE record SET rdata = x'c0000203' WHERE owner = x'6100'",
		"UPDATE record SET rdata = x'c00002' WHERE owner = x'6100'",
		"UPDATE record SET rdata = zeroblob(70000) WHERE owner = x'6100'",
		"UPDATE record SET type = 99 WHERE owner = x'6300'",
		"UPDATE record SET type = 65537 WHERE owner = x'6300'",
		"UPDATE record SET owner = x'6400' WHERE owner = x'6100'",
		"UPDATE record SET owner = x'61' WHERE owner = x'6100'",
		"UPDATE record SET owner = x'4100' WHERE owner = x'6100'",
		"UPDATE record SET owner = x'610300' WHERE owner = x'6100'",
		"UPDATE record SET owner = x'610103' WHERE owner = x'6100'",
		"UPDATE record SET owner = x'00' WHERE owner = x'6100'",
		"UPDATE record SET owner = zeroblob(1000) WHERE owner = x'6100'",
		"UPDATE record SET owner = CAST(printf('%.*c', 64, 'a') || x'00' AS BLOB) WHERE owner = "
		"x'6100'",
		"UPDATE record SET zone = 77 WHERE owner = x'6100'",
		"INSERT INTO record SELECT zone, x'6400', 1, rdata, 60 FROM record WHERE owner = x'6100'",
		"UPDATE zone SET records = 5 WHERE apex = x'016200'",
		"UPDATE zone SET records = -1 WHERE apex = x'016200'",
		"UPDATE zone SET checksum = checksum + 1 WHERE apex = x'016200'",
		"UPDATE zone SET serial = 2 WHERE apex = x'016200'",
	};
	struct sw_archive *archive = help_open(help_directory(state));
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		store_three(archive);
		assert_int_equal(load(archive, "b."), 0);
		help_sql(help_directory(state), damages[i]);
		if (load(archive, "b.") != -EBADMSG)
			fail_msg("not found: %s", damages[i]);
		assert_int_equal(load(archive, "a."), 0);
		assert_int_equal(load(archive, "c."), 0);
		struct seen seen = see_all(archive);
		assert_int_equal(seen.whole, 2);
		assert_int_equal(seen.damaged, 1);
		help_sql(help_directory(state), "DELETE FROM record WHERE zone = 77");
	}
	help_sql(help_directory(state), "UPDATE zone SET apex = x'0162' WHERE apex = x'016200'");
	assert_int_equal(load(archive, "b."), -ENOENT);
	assert_int_equal(see_all(archive).whole, 2);
	/* what is damaged can be replaced and removed */
	help_store(archive, help_name("b."), 9, NULL, 0);
	help_sql(help_directory(state), "UPDATE zone SET serial = -1 WHERE apex = x'016200'");
	assert_int_equal(load(archive, "b."), -EBADMSG);
	assert_int_equal(see_all(archive).damaged, 1);
	help_store(archive, help_name("b."), 9, NULL, 0);
	assert_int_equal(load(archive, "b."), 0);
	help_sql(help_directory(state), "UPDATE zone SET serial = -1 WHERE apex = x'016200'");
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_remove(archive, help_name("b.")), 0);
	assert_int_equal(sw_archive_commit(archive), 0);
	assert_int_equal(load(archive, "b."), -ENOENT);
	sw_archive_close(archive);
}

/* ---- a database that is none any more ---- */

/** Write over a file. */
static void overwrite(const char *directory, const char *name, long from, long len)
{
	char path[512];
	path_of(directory, name, path);
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, from, SEEK_SET), 0);
	for (long i = 0; i < len; i++)
		assert_true(fputc(0xa5, file) != EOF);
	assert_int_equal(fclose(file), 0);
}

static void puts_junk_aside(void **state)
{
	const char *directory = help_directory(state);
	for (unsigned i = 1; i <= 2; i++) {
		char why[512], name[32], path[512];
		struct stat st;
		struct sw_archive *archive = help_open(directory);
		store_three(archive);
		sw_archive_close(archive);
		overwrite(directory, "zones.db", 0, 4096);
		assert_int_equal(sw_archive_open(&archive, directory, why), 0);
		snprintf(name, sizeof(name), "zones.db.broken-%u", i);
		assert_non_null(strstr(why, name));
		assert_non_null(strstr(why, "0 zones"));
		path_of(directory, name, path);
		assert_int_equal(stat(path, &st), 0);
		assert_true(st.st_size > 4096);
		assert_int_equal(load(archive, "a."), -ENOENT);
		store_three(archive);
		assert_int_equal(load(archive, "b."), 0);
		sw_archive_close(archive);
		sw_archive_close(help_open(directory));
	}
}

static void misses_its_tables(void **state)
{
	char why[512];
	struct sw_archive *archive = help_open(help_directory(state));
	store_three(archive);
	sw_archive_close(archive);
	help_sql(help_directory(state), "DROP INDEX change_from");
	assert_int_equal(sw_archive_open(&archive, help_directory(state), why), 0);
	assert_non_null(strstr(why, "3 zones"));
	assert_int_equal(load(archive, "b."), 0);
	sw_archive_close(archive);
}

/** A zone of many small records, on some pages of its own. */
static void store_big(struct sw_archive *archive)
{
	static struct sw_record records[400];
	static uint8_t names[400][SW_NAME_MAX];
	char name[32];
	for (unsigned i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "name%04u.big.", i);
		assert_true(sw_name_parse(name, names[i]) > 0);
		records[i] = (struct sw_record){
			.owner = names[i], .type = A, .ttl = 60, .rdata = address[0], .rdata_len = 4};
	}
	help_store(archive, help_name("big."), 1, records, 400);
}

/** A page of records is damaged: found when it is read, mended at the next start; the others go on. */
static void saves_what_is_whole(void **state)
{
	const char *directory = help_directory(state);
	struct sw_archive *archive = help_open(directory);
	char why[512];
	store_three(archive);
	store_big(archive);
	struct sw_archive_zone zone = {.refreshed_s = 11, .expires_s = 12, .stamp = 13};
	memcpy(zone.apex, help_name("b."), 3);
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_note(archive, &zone), 0);
	assert_int_equal(sw_archive_commit(archive), 0);
	sw_archive_close(archive);

	/* the last leaf: some hundred names of the big zone, and nothing else */
	char path[512];
	struct stat st;
	path_of(directory, "zones.db", path);
	assert_int_equal(stat(path, &st), 0);
	overwrite(directory, "zones.db", st.st_size - 4096, 4096);
	archive = help_open(directory);
	assert_int_equal(load(archive, "b."), 0);
	assert_int_equal(load(archive, "big."), -EBADMSG);
	struct seen seen = see_all(archive);
	assert_int_equal(seen.whole, 3);
	assert_int_equal(seen.damaged, 1);
	sw_archive_close(archive);

	assert_int_equal(sw_archive_open(&archive, directory, why), 0);
	assert_non_null(strstr(why, "zones.db.broken-1; 3 zones in it were whole and go on, 1 were not"));
	assert_int_equal(load(archive, "b."), 0);
	assert_int_equal(load(archive, "big."), -ENOENT);
	assert_int_equal(sw_snapshot_zone(sw_archive_own(archive), help_name("b."), &zone), 0);
	assert_int_equal(zone.refreshed_s, 11);
	assert_int_equal(zone.expires_s, 12);
	assert_int_equal(zone.stamp, 13);
	sw_archive_close(archive);
	sw_archive_close(help_open(directory)); /* once is enough */
	assert_false(is_there(directory, "zones.db.broken-2"));
}

/** A process that died leaves a log: what is in it is saved as well. */
static void saves_what_the_log_has(void **state)
{
	const char *directory = help_directory(state);
	struct sw_archive *archive = help_open(directory);
	char why[512], path[512];
	struct stat st;
	store_big(archive);
	sw_archive_close(archive);
	pid_t child = fork();
	if (child == 0) {
		store_three(help_open(directory));
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(is_there(directory, "zones.db-wal"));
	path_of(directory, "zones.db", path);
	assert_int_equal(stat(path, &st), 0);
	overwrite(directory, "zones.db", st.st_size - 2 * 4096L, 4096); /* within `big` */
	path_of(directory, "zones.db.damaged", path);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(sw_archive_open(&archive, directory, why), 0);
	assert_non_null(strstr(why, "3 zones in it were whole and go on, 1 were not"));
	assert_int_equal(see_all(archive).whole, 3);
	assert_true(is_there(directory, "zones.db.broken-1"));
	sw_archive_close(archive);
	sw_archive_close(help_open(directory));
}

/* ---- no room ---- */

static void max_pages(struct sw_archive *archive, unsigned pages)
{
	char sql[64];
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %u", pages);
	assert_int_equal(sqlite3_exec(archive->own.db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void tells_of_a_full_disk(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	static uint8_t big[60000];
	const struct sw_record small = help_record("a.a.", A, 60, address[0], 4);
	const struct sw_record records[] = {help_record("a.b.", PRIVATE, 60, big, sizeof(big)),
		help_record("b.b.", PRIVATE, 60, big, sizeof(big))};
	const uint8_t *a = help_name("a."), *b = help_name("b.");
	struct sw_contents *contents = help_contents(b, 1, records, 2);
	struct sw_delta delta = help_delta(a, 1, 2);
	assert_int_equal(sw_records_add(&delta.added, &small), 0);
	help_store(archive, a, 1, NULL, 0);
	char *before = help_committed(archive, a);
	max_pages(archive, 20);

	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_change(archive, a, &delta), 0);
	assert_int_equal(sw_archive_mark(archive), 0);
	assert_int_equal(sw_archive_replace(archive, contents), -ENOSPC);
	/* the transaction is gone: what is tried now must not happen on its own */
	struct sw_archive_zone zone = {.stamp = 5};
	memcpy(zone.apex, a, 3);
	assert_int_equal(sw_archive_note(archive, &zone), -ENOSPC);
	assert_int_equal(sw_archive_change(archive, a, &delta), -ENOSPC);
	assert_int_equal(sw_archive_mark(archive), -ENOSPC);
	assert_int_equal(sw_archive_unmark(archive, true), -ENOSPC);
	assert_int_equal(sw_archive_commit(archive), -ENOSPC);
	char *after = help_committed(archive, a);
	assert_string_equal(before, after);
	assert_int_equal(sw_snapshot_zone(sw_archive_own(archive), a, &zone), 0);
	assert_int_equal(zone.stamp, 0);
	assert_int_equal(load(archive, "b."), -ENOENT);
	assert_int_equal(load(archive, "a."), 0);

	max_pages(archive, 100000);
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_replace(archive, contents), 0);
	assert_int_equal(sw_archive_commit(archive), 0);
	assert_int_equal(load(archive, "b."), 0);
	free(before);
	free(after);
	sw_contents_free(contents);
	sw_delta_free(&delta);
	sw_archive_close(archive);
}

/* Writes that fail from some number on, in the middle of what SQLite is about. */
static int writes_left = -1, write_error; /* -1: none fails */

static ssize_t failing_pwrite(int file, const void *bytes, size_t len, off_t at)
{
	if (writes_left == 0) {
		errno = write_error;
		return -1;
	}
	writes_left -= writes_left > 0;
	return pwrite(file, bytes, len, at);
}

static void writes_fail_after(int writes, int error)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	writes_left = writes;
	write_error = error;
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(vfs->xSetSystemCall(vfs, i ? "pwrite" : "pwrite64",
					 writes < 0 ? NULL : (sqlite3_syscall_ptr)failing_pwrite),
			SQLITE_OK);
}

/** Change one zone and bring another anew, in one transaction. */
static int both(struct sw_archive *archive, uint32_t from, const struct sw_contents *contents)
{
	const uint8_t *a = help_name("a.");
	struct sw_delta delta = help_delta(a, from, from + 1);
	int error = sw_archive_begin(archive);
	if (!error)
		error = sw_archive_change(archive, a, &delta);
	if (!error)
		error = sw_archive_replace(archive, contents);
	if (!error)
		error = sw_archive_commit(archive);
	else
		sw_archive_abort(archive);
	sw_delta_free(&delta);
	return error;
}

static void survives_failing_writes(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	static uint8_t big[3000];
	static struct sw_record records[30];
	static char name[32];
	unsigned failed = 0, done = 0;
	/* with so little memory pages are written before the commit too */
	assert_int_equal(
		sqlite3_exec(archive->own.db, "PRAGMA cache_size = 10", NULL, NULL, NULL), SQLITE_OK);
	help_store(archive, help_name("a."), 1, NULL, 0);
	help_store(archive, help_name("b."), 1, NULL, 0);
	for (int writes = 0; writes < 200 && done < 4; writes++) {
		static uint8_t names[30][SW_NAME_MAX];
		for (unsigned i = 0; i < 30; i++) {
			snprintf(name, sizeof(name), "n%u.b.", i);
			assert_true(sw_name_parse(name, names[i]) > 0);
			records[i] = (struct sw_record){.owner = names[i],
				.type = PRIVATE,
				.ttl = 1 + (uint32_t)writes,
				.rdata = big,
				.rdata_len = sizeof(big)};
		}
		struct sw_contents *contents =
			help_contents(help_name("b."), 2 + (uint32_t)writes, records, 30);
		char *a = help_committed(archive, help_name("a."));
		char *b = help_committed(archive, help_name("b."));
		struct sw_archive_zone zone;
		assert_int_equal(sw_snapshot_zone(sw_archive_own(archive), help_name("a."), &zone), 0);
		int error_wanted = writes % 2 ? ENOSPC : EIO;
		writes_fail_after(writes, error_wanted);
		int error = both(archive, zone.serial, contents);
		writes_fail_after(-1, 0);
		char *a_after = help_committed(archive, help_name("a."));
		char *b_after = help_committed(archive, help_name("b."));
		if (error) {
			assert_int_equal(error, -error_wanted);
			assert_string_equal(a, a_after);
			assert_string_equal(b, b_after);
			failed++;
		} else {
			assert_string_not_equal(a, a_after);
			assert_string_not_equal(b, b_after);
			done++;
		}
		assert_int_equal(load(archive, "a."), 0);
		assert_int_equal(load(archive, "b."), 0);
		free(a), free(b), free(a_after), free(b_after);
		sw_contents_free(contents);
	}
	assert_true(failed > 20);
	assert_int_equal(done, 4);
	sw_archive_close(archive);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, help_setup, help_teardown)
	const struct CMUnitTest tests[] = {
		TEST(is_for_one_process),
		TEST(needs_a_directory),
		TEST(needs_to_write),
		TEST(leaves_other_formats_alone),
		TEST(finds_damaged_rows),
		TEST(puts_junk_aside),
		TEST(misses_its_tables),
		TEST(saves_what_is_whole),
		TEST(saves_what_the_log_has),
		TEST(survives_failing_writes),
		TEST(tells_of_a_full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
