/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How fast the archive is, on the disk of a directory: archive_rate DIRECTORY [RECORDS] [ZONES]. No test. */
#include "rate_help.h"
#include "zone/archive.h"
#include <sys/resource.h>
#include <sys/stat.h>

static long peak_mb(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss / 1024;
}

static uint8_t *name(const char *text)
{
	static uint8_t wire[4][SW_NAME_MAX];
	static unsigned turn;
	uint8_t *to = wire[turn++ % 4];
	must(sw_name_parse(text, to), text);
	return to;
}

static void fill(struct sw_contents *contents, const char *apex, uint32_t records)
{
	uint8_t rdata[64], ns[SW_NAME_MAX];
	char text[SW_NAME_TEXT_MAX];
	size_t len = soa_rdata(1, rdata);
	must(sw_contents_add(contents, name(apex), 6, 3600, rdata, (uint16_t)len, 0, 0), "add");
	len = (size_t)sw_name_parse("ns.example.", ns);
	must(sw_contents_add(contents, name(apex), 2, 3600, ns, (uint16_t)len, 0, 0), "add");
	for (uint32_t i = 2; i < records; i++) {
		uint32_t address = htonl(0x0a000000 + i);
		/* every name has two addresses; in an order that is not the archive's */
		snprintf(text, sizeof(text), "host%07u.%s", (uint32_t)((i / 2 * 2654435761u) % 10000000),
			apex);
		must(sw_contents_add(contents, name(text), 1, 300, (uint8_t *)&address, 4, 0, 0), "add");
	}
	must(sw_contents_finish(contents), "finish");
}

static void replace(struct sw_archive *archive, const struct sw_contents *contents, const char *what)
{
	double start = now_s();
	must(sw_archive_begin(archive), "begin");
	must(sw_archive_replace(archive, contents), "replace");
	double written = now_s();
	must(sw_archive_commit(archive), "commit");
	double took = now_s() - start;
	uint64_t records = sw_contents_records(contents);
	printf("%s: %lu records in %.2f s, commit %.2f s of it: %.0f records/s, peak %ld MB\n", what,
		(unsigned long)records, took, now_s() - written, (double)records / took, peak_mb());
}

static void load(struct sw_archive *archive, const struct sw_hash_key *key)
{
	struct sw_snapshot *snapshot;
	struct sw_contents *contents = NULL;
	double start = now_s();
	must(sw_snapshot_open(&snapshot, archive), "snapshot");
	must(sw_snapshot_load(snapshot, name("big.example."), key, &contents), "load");
	printf("load: %lu records in %.2f s\n", (unsigned long)sw_contents_records(contents),
		now_s() - start);
	sw_snapshot_close(snapshot);
	sw_contents_free(contents);
}

static void change(struct sw_archive *archive, uint32_t serial)
{
	uint8_t rdata[64];
	char text[64];
	struct sw_delta delta = {.from = serial, .to = serial + 1};
	uint8_t *apex = name("big.example.");
	struct sw_record soa = {.owner = apex, .type = 6, .ttl = 3600, .rdata = rdata};
	soa.rdata_len = (uint16_t)soa_rdata(serial, rdata);
	must(sw_records_add(&delta.old_soa, &soa), "add");
	soa.rdata_len = (uint16_t)soa_rdata(serial + 1, rdata);
	must(sw_records_add(&delta.new_soa, &soa), "add");
	snprintf(text, sizeof(text), "dynamic%u.big.example.", serial * 2654435761u);
	struct sw_record added = {
		.owner = name(text), .type = 1, .ttl = 60, .rdata = (const uint8_t *)&serial, .rdata_len = 4};
	must(sw_records_add(&delta.added, &added), "add");
	must(sw_archive_mark(archive), "mark");
	must(sw_archive_change(archive, apex, &delta), "change");
	must(sw_archive_trim(archive, apex, 1 << 20), "trim");
	must(sw_archive_unmark(archive, false), "unmark");
	sw_delta_free(&delta);
}

static void changes(struct sw_archive *archive, unsigned each, uint32_t *serial)
{
	double start = now_s();
	unsigned commits = 0;
	for (; now_s() - start < 5; commits++) {
		must(sw_archive_begin(archive), "begin");
		for (unsigned i = 0; i < each; i++)
			change(archive, (*serial)++);
		must(sw_archive_commit(archive), "commit");
	}
	double took = now_s() - start;
	printf("%u changes a commit: %.0f commits/s, %.0f changes/s\n", each, commits / took,
		commits * each / took);
}

static int count_zone(void *arg, const struct sw_archive_zone *zone, struct sw_contents **contents, int error)
{
	(void)zone, (void)contents;
	must(error, "zone");
	++*(unsigned *)arg;
	return 0;
}

static void small_zones(struct sw_archive *archive, const struct sw_hash_key *key, unsigned zones)
{
	struct sw_contents *contents = sw_contents_new(name("z."), key);
	double start = now_s();
	must(sw_archive_begin(archive), "begin");
	for (unsigned i = 0; i < zones; i++) {
		char apex[64];
		snprintf(apex, sizeof(apex), "zone%u.example.", i);
		must(sw_contents_restart(contents, name(apex), key), "restart");
		fill(contents, apex, 5);
		must(sw_archive_replace(archive, contents), "replace");
	}
	must(sw_archive_commit(archive), "commit");
	printf("%u zones of 5 records: written in %.2f s\n", zones, now_s() - start);

	struct sw_snapshot *snapshot;
	unsigned count = 0;
	start = now_s();
	must(sw_snapshot_open(&snapshot, archive), "snapshot");
	must(sw_snapshot_each_zone_loaded(snapshot, key, &contents, count_zone, &count), "zones");
	printf("%u zones: read in %.2f s\n", count, now_s() - start);
	sw_snapshot_close(snapshot);
	sw_contents_free(contents);
}

int main(int argc, char **argv)
{
	char why[512], path[4096];
	struct sw_archive *archive;
	struct sw_hash_key key;
	struct stat st;
	if (argc < 2) {
		fprintf(stderr, "usage: archive_rate DIRECTORY [RECORDS] [ZONES]\n");
		return 2;
	}
	must(sw_hash_key_draw(&key), "key");
	must(sw_archive_open(&archive, argv[1], why), why);
	struct sw_contents *contents = sw_contents_new(name("big.example."), &key);
	fill(contents, "big.example.", argc > 2 ? (uint32_t)atoi(argv[2]) : 1000000);
	printf("contents: peak %ld MB\n", peak_mb());
	replace(archive, contents, "replace, first");
	snprintf(path, sizeof(path), "%s/zones.db", argv[1]);
	load(archive, &key);
	replace(archive, contents, "replace, again");
	sw_contents_free(contents);
	uint32_t serial = 1;
	changes(archive, 1, &serial);
	changes(archive, 50, &serial);
	if (stat(path, &st) == 0)
		printf("database: %ld MB\n", (long)(st.st_size >> 20));
	small_zones(archive, &key, argc > 3 ? (unsigned)atoi(argv[3]) : 100000);
	sw_archive_close(archive);
	return 0;
}
