/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive_help.h"
#include "directory_help.h"
#include <arpa/inet.h>
#include <sqlite3.h>
#include <time.h>
#include <unistd.h>

char *help_directory(void **state)
{
	return *state;
}

int help_setup(void **state)
{
	char *directory = strdup("/tmp/seawall-archive.XXXXXX");
	*state = mkdtemp(directory);
	return *state ? 0 : -1;
}

int help_teardown(void **state)
{
	int left = help_remove(*state);
	free(*state);
	return left;
}

struct sw_archive *help_open(const char *directory)
{
	char why[512];
	struct sw_archive *archive = NULL;
	int error = sw_archive_open(&archive, directory, why);
	if (error)
		fail_msg("%s: %s", strerror(-error), why);
	assert_string_equal(why, "");
	return archive;
}

static uint64_t state;

void help_seed(void)
{
	const char *given = getenv("ARCHIVE_SEED");
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t number = given ? strtoull(given, NULL, 10) : (uint64_t)now.tv_nsec + 1;
	print_message("# ARCHIVE_SEED=%llu\n", (unsigned long long)number);
	state = number * 0x9e3779b97f4a7c15ull | 1;
}

uint32_t help_chance(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 11) % below);
}

const uint8_t *help_name(const char *text)
{
	static uint8_t names[16][SW_NAME_MAX];
	static unsigned turn;
	uint8_t *name = names[turn++ % 16];
	assert_true(sw_name_parse(text, name) > 0);
	return name;
}

const struct sw_hash_key *help_key(void)
{
	static struct sw_hash_key key;
	if (key.len_mul == 0)
		assert_int_equal(sw_hash_key_draw(&key), 0);
	return &key;
}

struct sw_record help_record(const char *owner, uint16_t type, uint32_t ttl, const void *rdata, size_t len)
{
	return (struct sw_record){.owner = help_name(owner),
		.type = type,
		.ttl = ttl,
		.rdata = rdata,
		.rdata_len = (uint16_t)len};
}

struct sw_record help_soa(const uint8_t *apex, uint32_t serial)
{
	static uint8_t datas[8][64];
	static unsigned turn;
	uint8_t *rdata = datas[turn++ % 8];
	size_t len = (size_t)sw_name_parse("NS.example.", rdata);
	len += (size_t)sw_name_parse("host.example.", rdata + len);
	const uint32_t numbers[5] = {htonl(serial), htonl(3600), htonl(600), htonl(86400), htonl(300)};
	memcpy(rdata + len, numbers, sizeof(numbers));
	return (struct sw_record){.owner = apex,
		.type = SOA,
		.ttl = 3600,
		.rdata = rdata,
		.rdata_len = (uint16_t)(len + sizeof(numbers))};
}

static void add(struct sw_contents *contents, const struct sw_record *record)
{
	assert_int_equal(sw_contents_add(contents, record->owner, record->type, record->ttl, record->rdata,
				 record->rdata_len, 0, 0),
		0);
}

struct sw_contents *help_contents(
	const uint8_t *apex, uint32_t serial, const struct sw_record *records, size_t count)
{
	struct sw_contents *contents = sw_contents_new(apex, help_key());
	struct sw_record soa = help_soa(apex, serial);
	assert_non_null(contents);
	add(contents, &soa);
	for (size_t i = 0; i < count; i++)
		add(contents, &records[i]);
	assert_int_equal(sw_contents_finish(contents), 0);
	return contents;
}

struct sw_delta help_delta(const uint8_t *apex, uint32_t from, uint32_t to)
{
	struct sw_delta delta = {.from = from, .to = to};
	struct sw_record old = help_soa(apex, from), new = help_soa(apex, to);
	assert_int_equal(sw_records_add(&delta.old_soa, &old), 0);
	assert_int_equal(sw_records_add(&delta.new_soa, &new), 0);
	return delta;
}

void help_store(struct sw_archive *archive, const uint8_t *apex, uint32_t serial,
	const struct sw_record *records, size_t count)
{
	struct sw_contents *contents = help_contents(apex, serial, records, count);
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_replace(archive, contents), 0);
	assert_int_equal(sw_archive_commit(archive), 0);
	sw_contents_free(contents);
}

void help_change(struct sw_archive *archive, const uint8_t *apex, struct sw_delta delta)
{
	assert_int_equal(sw_archive_begin(archive), 0);
	assert_int_equal(sw_archive_change(archive, apex, &delta), 0);
	assert_int_equal(sw_archive_commit(archive), 0);
	sw_delta_free(&delta);
}

int help_line(void *arg, const struct sw_record *record)
{
	char **text = arg, owner[SW_NAME_TEXT_MAX], *data = calloc(1, record->rdata_len * 2u + 1), *whole;
	for (unsigned i = 0; i < record->rdata_len; i++)
		sprintf(data + (size_t)2 * i, "%02x", record->rdata[i]);
	assert_true(asprintf(&whole, "%s%s %u %u %s\n", *text ? *text : "",
			    sw_name_text(record->owner, owner), record->ttl, record->type, data) > 0);
	free(*text);
	free(data);
	*text = whole;
	return 0;
}

char *help_text(struct sw_snapshot *snapshot, const uint8_t *apex)
{
	char *text = NULL;
	assert_int_equal(sw_snapshot_below(snapshot, apex, apex, help_line, &text), 0);
	return text;
}

char *help_committed(struct sw_archive *archive, const uint8_t *apex)
{
	struct sw_snapshot *snapshot;
	assert_int_equal(sw_snapshot_open(&snapshot, archive), 0);
	char *text = help_text(snapshot, apex);
	sw_snapshot_close(snapshot);
	return text;
}

void help_sql(const char *directory, const char *sql)
{
	char path[512], *why = NULL;
	sqlite3 *db;
	snprintf(path, sizeof(path), "%s/zones.db", directory);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(db);
}
