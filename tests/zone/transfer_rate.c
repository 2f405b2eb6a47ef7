/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How fast transfers go out, updates are judged and versions compared: transfer_rate DIRECTORY [RECORDS].
 * Without signatures, and without a network. No test. */
#include "rate_help.h"
#include "wire/message.h"
#include "zone/diff.h"
#include "zone/outgoing.h"
#include "zone/update.h"

static uint8_t apex[SW_NAME_MAX];
static struct sw_hash_key key;

/** Nothing is signed here. */
int sw_tsig_sign_reply(struct sw_tsig *tsig, uint8_t *message, size_t *len, size_t max, uint64_t now_s)
{
	(void)tsig, (void)message, (void)len, (void)max, (void)now_s;
	return 0;
}

static struct sw_record soa(uint32_t serial)
{
	static uint8_t rdatas[2][64];
	static unsigned turn;
	uint8_t *rdata = rdatas[turn++ % 2];
	size_t len = soa_rdata(serial, rdata);
	return (struct sw_record){
		.owner = apex, .type = 6, .ttl = 3600, .rdata = rdata, .rdata_len = (uint16_t)len};
}

static void owner_of(uint8_t owner[SW_NAME_MAX], unsigned number)
{
	char text[64];
	snprintf(text, sizeof(text), "host-%07u.example.", number);
	must(sw_name_parse(text, owner), text);
}

/** A names' address each. @param step  so many are another's */
static struct sw_contents *contents_of(unsigned records, uint32_t serial, unsigned step)
{
	struct sw_contents *contents = sw_contents_new(apex, &key);
	struct sw_record first = soa(serial);
	must(contents ? 0 : -1, "contents");
	must(sw_contents_add(contents, apex, 6, 3600, first.rdata, first.rdata_len, 0, 0), "add");
	for (unsigned i = 0; i < records; i++) {
		uint8_t owner[SW_NAME_MAX], address[4] = {192, 0, 2, step && i % step == 0};
		owner_of(owner, i);
		must(sw_contents_add(contents, owner, 1, 300, address, 4, 0, 0), "add");
	}
	must(sw_contents_finish(contents), "finish");
	return contents;
}

static void transfer(struct sw_snapshot *snapshot, bool is_ixfr, uint32_t serial, size_t max)
{
	static uint8_t message[65535];
	struct sw_outgoing_query query = {.is_ixfr = is_ixfr, .serial = serial};
	struct sw_outgoing *outgoing;
	double start = now_s(), cpu = cpu_s(), longest = 0, last = start;
	unsigned messages = 0;
	size_t len;
	int more;
	memcpy(query.apex, apex, SW_NAME_MAX);
	must(sw_outgoing_new(&outgoing, &query, false, snapshot, NULL), "new");
	do {
		more = must(sw_outgoing_next(outgoing, message, max, &len, 0), "next");
		double now = now_s();
		longest = now - last > longest ? now - last : longest;
		last = now;
		messages++;
	} while (more);
	double took = last - start, records = (double)sw_outgoing_records(outgoing);
	cpu = cpu_s() - cpu;
	printf("%s in messages of %zu: %.0f records, %u messages, %.1f bytes a record, %.0f ms, "
	       "%.2f million/s, %.2f million for a second of a core, a call %.2f ms at most\n",
		sw_outgoing_form(outgoing) == SW_OUTGOING_ZONE ? "AXFR" : "IXFR", max, records, messages,
		(double)sw_outgoing_bytes(outgoing) / records, took * 1e3, records / took / 1e6,
		records / cpu / 1e6, longest * 1e3);
	sw_outgoing_free(outgoing);
}

/** Each adds an address to a name, or takes it away. @return length */
static size_t update_of(uint8_t *message, unsigned name, uint16_t class, uint8_t address)
{
	static const uint8_t header[SW_HEADER_LEN] = {0, 0, 5 << 3, 0, 0, 1, 0, 0, 0, 1};
	const uint8_t zone[] = {0, 6, 0, 1};
	uint8_t fixed[] = {0, 1, (uint8_t)(class >> 8), (uint8_t) class, 0, 0, 0, class == 1 ? 60 : 0, 0, 4,
		192, 0, 2, address};
	uint8_t owner[SW_NAME_MAX];
	size_t at = 0;
	const struct {
		const void *bytes;
		size_t len;
	} parts[] = {{header, sizeof(header)}, {apex, sw_name_len(apex)}, {zone, 4}, {owner, 0},
		{fixed, sizeof(fixed)}};
	owner_of(owner, name);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t len = parts[i].bytes == owner ? sw_name_len(owner) : parts[i].len;
		memcpy(message + at, parts[i].bytes, len);
		at += len;
	}
	return at;
}

static void update(struct sw_archive *archive, unsigned count, unsigned records)
{
	uint8_t message[512];
	struct sw_update_rules rules = {0};
	double judged = 0, start = now_s(), cpu = cpu_s();
	must(sw_archive_begin(archive), "begin");
	for (unsigned i = 0; i < count; i++) {
		struct sw_update_result result = {0};
		size_t len = update_of(message, (i / 2 * 7919) % records, i % 2 ? 254 : 1, 77);
		double before = cpu_s();
		must(sw_update_judge(sw_archive_own(archive), message, len, &rules, &result), "judge");
		judged += cpu_s() - before;
		if (result.rcode || !result.is_change)
			must(-1, "an update that does nothing");
		must(sw_archive_change(archive, apex, &result.delta), "change");
		sw_update_result_free(&result);
	}
	must(sw_archive_commit(archive), "commit");
	printf("%u updates: judged %.1f us of a core each; with changing the archive %.1f us, %.0f/s in one "
	       "transaction\n",
		count, judged / count * 1e6, (cpu_s() - cpu) / count * 1e6, count / (now_s() - start));
}

int main(int argc, char **argv)
{
	char why[512];
	struct sw_archive *archive;
	unsigned records = argc > 2 ? (unsigned)atoi(argv[2]) : 1000000;
	if (argc < 2)
		return 2;
	must(sw_hash_key_draw(&key), "key");
	must(sw_name_parse("example.", apex), "apex");
	must(sw_archive_open(&archive, argv[1], why), why);
	struct sw_contents *contents = contents_of(records, 1, 0);
	must(sw_archive_begin(archive), "begin");
	must(sw_archive_replace(archive, contents), "replace");
	must(sw_archive_commit(archive), "commit");
	sw_contents_free(contents);

	struct sw_snapshot *snapshot;
	must(sw_snapshot_open(&snapshot, archive), "snapshot");
	transfer(snapshot, false, 0, 65535);
	transfer(snapshot, false, 0, 16384);
	contents = contents_of(records, 2, 100);
	struct sw_delta delta = {0};
	double start = now_s(), cpu = cpu_s();
	must(sw_delta_diff(snapshot, contents, 0, &delta), "diff");
	double took = now_s() - start;
	cpu = cpu_s() - cpu;
	printf("diff of %u records, %zu changed: %.0f ms, %.2f million/s, "
	       "%.2f million for a second of a core\n",
		records, delta.added.count, took * 1e3, records / took / 1e6, records / cpu / 1e6);
	sw_delta_free(&delta);
	sw_contents_free(contents);
	sw_snapshot_close(snapshot);

	update(archive, 10000, records);
	must(sw_snapshot_open(&snapshot, archive), "snapshot");
	transfer(snapshot, true, 1, 65535);
	sw_snapshot_close(snapshot);
	sw_archive_close(archive);
	return 0;
}
