/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How fast transfers are taken in: incoming_rate DIRECTORY [RECORDS] [CHANGED]. A whole zone until it could
 * be compiled, and changes until they are durable. Without a network, and without an image. No test. */
#include "rate_help.h"
#include "wire/message.h"
#include "zone/archive.h"
#include "zone/check.h"
#include "zone/incoming.h"

#define MESSAGE_BYTES 16384

static uint8_t apex[SW_NAME_MAX];
static struct sw_hash_key key;

/** A transfer as it comes: length, message, and so on. */
struct stream {
	uint8_t *bytes;
	size_t used, size, head; /* of the message that is being made */
	unsigned count;
	uint16_t type;
};

/* ---- what a primary sends ---- */

static void put(struct stream *stream, const void *bytes, size_t len)
{
	if (stream->used + len > stream->size) {
		stream->size = 2 * (stream->used + len);
		stream->bytes = realloc(stream->bytes, stream->size);
		must(stream->bytes ? 0 : -1, "memory");
	}
	memcpy(stream->bytes + stream->used, bytes, len);
	stream->used += len;
}

static void put16(struct stream *stream, unsigned value)
{
	const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
	put(stream, bytes, 2);
}

static void message_end(struct stream *stream)
{
	uint8_t *head = stream->bytes + stream->head;
	size_t len = stream->used - stream->head - 2;
	head[0] = (uint8_t)(len >> 8);
	head[1] = (uint8_t)len;
	head[8] = (uint8_t)(stream->count >> 8);
	head[9] = (uint8_t)stream->count;
	stream->count = 0;
}

static void message_begin(struct stream *stream)
{
	static const uint8_t header[2 + SW_HEADER_LEN] = {0, 0, 0, 0, 0x84, 0, 0, 1};
	stream->head = stream->used;
	put(stream, header, sizeof(header));
	put(stream, apex, sw_name_len(apex));
	put16(stream, stream->type);
	put16(stream, SW_CLASS_IN);
}

/** @param label  of an owner below the apex, "" for the apex */
static void put_record(
	struct stream *stream, const char *label, uint16_t type, const uint8_t *rdata, size_t rdata_len)
{
	uint8_t len = (uint8_t)strlen(label);
	if (stream->count > 0 && stream->used - stream->head + len + rdata_len + 13 > MESSAGE_BYTES)
		message_end(stream);
	if (stream->count++ == 0)
		message_begin(stream);
	if (len > 0) {
		put(stream, &len, 1);
		put(stream, label, len);
	}
	put16(stream, SW_POINTER | SW_HEADER_LEN);
	put16(stream, type);
	put16(stream, SW_CLASS_IN);
	put16(stream, 0);
	put16(stream, 3600);
	put16(stream, (unsigned)rdata_len);
	put(stream, rdata, rdata_len);
}

static void put_soa(struct stream *stream, uint32_t serial)
{
	uint8_t rdata[64];
	put_record(stream, "", SW_TYPE_SOA, rdata, soa_rdata(serial, rdata));
}

/** @param version  the last byte of every address */
static void put_addresses(struct stream *stream, char letter, unsigned count, unsigned version)
{
	for (unsigned i = 0; i < count; i++) {
		char label[16];
		const uint8_t address[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)version};
		snprintf(label, sizeof(label), "%c%07u", letter, i);
		put_record(stream, label, SW_TYPE_A, address, 4);
	}
}

static struct stream zone_make(unsigned records, unsigned changed)
{
	struct stream stream = {.type = SW_TYPE_AXFR};
	uint8_t ns[SW_NAME_MAX];
	put_soa(&stream, 1);
	put_record(&stream, "", SW_TYPE_NS, ns, (size_t)sw_name_parse("ns.other.", ns));
	put_addresses(&stream, 'h', records, 1);
	put_addresses(&stream, 'c', changed, 1);
	put_soa(&stream, 1);
	message_end(&stream);
	return stream;
}

static struct stream changes_make(unsigned changed)
{
	struct stream stream = {.type = SW_TYPE_IXFR};
	put_soa(&stream, 2);
	put_soa(&stream, 1);
	put_addresses(&stream, 'c', changed, 1);
	put_soa(&stream, 2);
	put_addresses(&stream, 'c', changed, 2);
	put_soa(&stream, 2);
	message_end(&stream);
	return stream;
}

/* ---- taking it ---- */

static void take(struct sw_incoming *incoming, const struct stream *stream, enum sw_incoming_state wanted)
{
	enum sw_incoming_state state = SW_INCOMING_MORE;
	double start = now_s(), cpu = cpu_s();
	for (size_t at = 0; at < stream->used;) {
		size_t len = (size_t)stream->bytes[at] << 8 | stream->bytes[at + 1];
		state = sw_incoming_take(incoming, stream->bytes + at + 2, len);
		at += 2 + len;
	}
	must(state == wanted ? 0 : -EBADMSG, sw_incoming_why(incoming));
	double records = (double)sw_incoming_records(incoming);
	printf("taken: %.0f records in %.0f ms, %.2f million/s, %.2f million for a second of a core\n",
		records, (now_s() - start) * 1e3, records / (now_s() - start) / 1e6,
		records / (cpu_s() - cpu) / 1e6);
}

static int soa_add(void *arg, const struct sw_record *record)
{
	return sw_records_add(arg, record);
}

static int record_count(void *arg, const struct sw_record *record)
{
	(void)record;
	++*(unsigned *)arg;
	return 0;
}

/** As the image asks when names have changed. */
static void read_changed(struct sw_archive *archive, const struct sw_delta *delta)
{
	struct sw_record record;
	unsigned count = 0;
	double start = now_s(), cpu = cpu_s();
	must(sw_archive_begin(archive), "begin");
	for (size_t at = 0; sw_records_next(&delta->added, &at, &record);)
		must(sw_snapshot_at(sw_archive_own(archive), apex, record.owner, 0, record_count, &count),
			"at");
	must(sw_archive_commit(archive), "commit");
	printf("read again: %u records of %zu names in %.0f ms, %.0f ms of a core\n", count,
		delta->added.count, (now_s() - start) * 1e3, (cpu_s() - cpu) * 1e3);
}

static void change(struct sw_archive *archive, struct sw_delta *delta)
{
	double start = now_s(), cpu = cpu_s();
	must(sw_archive_begin(archive), "begin");
	must(sw_archive_mark(archive), "mark");
	must(sw_archive_change(archive, apex, delta), "change");
	must(sw_archive_trim(archive, apex, 64 << 20), "trim");
	must(sw_archive_unmark(archive, false), "unmark");
	double written = now_s();
	must(sw_archive_commit(archive), "commit");
	printf("archive: %zu removed, %zu added in %.0f ms, commit %.0f ms of it, %.0f ms of a core\n",
		delta->removed.count, delta->added.count, (now_s() - start) * 1e3, (now_s() - written) * 1e3,
		(cpu_s() - cpu) * 1e3);
	read_changed(archive, delta);
}

static void zone_take(struct sw_archive *archive, unsigned records, unsigned changed)
{
	const struct sw_incoming_limits no_limits = {0};
	struct sw_findings findings = {0};
	struct stream stream = zone_make(records, changed);
	struct sw_incoming *incoming = sw_incoming_new(apex, NULL, &key, &no_limits);
	take(incoming, &stream, SW_INCOMING_ZONE);
	struct sw_contents *contents = sw_incoming_contents(incoming);
	double start = now_s();
	must(sw_zone_check(contents, 0, &findings), "check");
	double checked = now_s();
	must(sw_archive_begin(archive), "begin");
	must(sw_archive_replace(archive, contents), "replace");
	must(sw_archive_commit(archive), "commit");
	printf("checked in %.0f ms, archive: %.0f ms\n", (checked - start) * 1e3, (now_s() - checked) * 1e3);
	sw_contents_free(contents);
	sw_incoming_free(incoming);
	free(stream.bytes);
}

int main(int argc, char **argv)
{
	char why[512];
	struct sw_archive *archive;
	struct sw_records soa = {0};
	struct sw_delta *deltas;
	const struct sw_incoming_limits no_limits = {0};
	unsigned records = argc > 2 ? (unsigned)atoi(argv[2]) : 1000000;
	unsigned changed = argc > 3 ? (unsigned)atoi(argv[3]) : 10000;
	if (argc < 2)
		return 2;
	must(sw_hash_key_draw(&key), "key");
	must(sw_name_parse("example.", apex), "apex");
	must(sw_archive_open(&archive, argv[1], why), why);
	zone_take(archive, records, changed);

	struct stream stream = changes_make(changed);
	must(sw_snapshot_at(sw_archive_own(archive), apex, apex, SW_TYPE_SOA, soa_add, &soa), "soa");
	struct sw_incoming *incoming = sw_incoming_new(apex, &soa, &key, &no_limits);
	take(incoming, &stream, SW_INCOMING_CHANGES);
	size_t count = sw_incoming_deltas(incoming, &deltas);
	for (size_t i = 0; i < count; i++) {
		change(archive, &deltas[i]);
		sw_delta_free(&deltas[i]);
	}
	free(deltas);
	sw_incoming_free(incoming);
	sw_records_free(&soa);
	free(stream.bytes);
	sw_archive_close(archive);
	return 0;
}
