/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Transfers going out: every message is read by libknot, and what they hold compared with the zone. */
#include "message_help.h"
#include "zone/outgoing.h"
#include <libknot/libknot.h>

#define APEX "example."
static const char *const zone_text = "example. SOA NS.example. host.example. 10 3600 600 86400 300\n"
				     "example. NS NS.example.\n"
				     "example. NS ns2.Sub.example.\n"
				     "example. MX 10 mail.example.\n"
				     "ns.example. A 192.0.2.1\n"
				     "ns.example. AAAA 2001:db8::1\n"
				     "mail.example. 60 A 192.0.2.2\n"
				     "sub.example. NS ns2.sub.example.\n"
				     "ns2.sub.example. A 192.0.2.3\n"	       /* glue */
				     "hidden.ns2.sub.example. TXT \"below\"\n" /* occluded */
				     "d.example. DNAME target.example.\n"
				     "x.d.example. A 192.0.2.4\n"
				     "_s._tcp.example. SRV 1 2 3 mail.example.\n"
				     "n.example. NAPTR 1 2 \"u\" \"s\" \"\" mail.example.\n"
				     "r.example. RP mail.example. n.example.\n"
				     "c.example. CNAME MAIL.example.\n"
				     "*.w.example. TXT \"a\" \"b\"\n"
				     "\\000\\001.example. A 192.0.2.5\n"
				     "t.example. TYPE65280 \\# 4 c00cc00c\n"
				     "p.example. PTR mail.example.\n";

/* ---- signing: by the test, so that room and order are seen whatever signs in the end ---- */

static unsigned signed_count;
static knot_tsig_key_t knot_key;

int sw_tsig_sign_reply(struct sw_tsig *tsig, uint8_t *message, size_t *len, size_t max, uint64_t now_s)
{
	size_t mac_len = sizeof(tsig->mac);
	assert_int_equal(now_s, 1000);
	if (!tsig->key)
		return 0;
	if (knot_tsig_sign(message, len, max, tsig->mac, tsig->mac_len, tsig->mac, &mac_len, &knot_key, 0,
		    now_s) != KNOT_EOK)
		return -ENOSPC;
	tsig->mac_len = (uint32_t)mac_len;
	signed_count++;
	return 0;
}

/* ---- a transfer taken ---- */

struct taken {
	char *text; /* all records, a line each */
	unsigned messages;
	size_t bytes, largest;
	int error;
	uint16_t opt_count;
	enum sw_outgoing_form form;
};

/** The lines of help_line(), of many and long records. */
struct lines {
	char *text;
	size_t used, size;
};

static int take_line(void *arg, const struct sw_record *record)
{
	static const char digits[] = "0123456789abcdef";
	struct lines *lines = arg;
	char owner[SW_NAME_TEXT_MAX];
	size_t need = sizeof(owner) + 32 + 2u * record->rdata_len;
	if (lines->size - lines->used < need) {
		lines->size = 2 * lines->size + need;
		lines->text = realloc(lines->text, lines->size);
		assert_non_null(lines->text);
	}
	char *to = lines->text + lines->used;
	to += sprintf(to, "%s %u %u ", sw_name_text(record->owner, owner), record->ttl, record->type);
	for (unsigned i = 0; i < record->rdata_len; i++) {
		*to++ = digits[record->rdata[i] >> 4];
		*to++ = digits[record->rdata[i] & 15];
	}
	memcpy(to, "\n", 2);
	lines->used = (size_t)(to + 1 - lines->text);
	return 0;
}

static void read_message(const struct sw_outgoing_query *query, const uint8_t *message, size_t len,
	struct taken *taken, struct lines *lines)
{
	size_t at = SW_HEADER_LEN;
	assert_int_equal(help_get16(message), query->id);
	assert_int_equal(help_get16(message + 2), 0x8400 | (query->flags & 0x100));
	assert_int_equal(help_get16(message + 4), taken->messages == 0);
	assert_int_equal(help_get16(message + 8), 0);
	if (taken->messages == 0) {
		size_t name_len = sw_name_len(query->apex);
		assert_memory_equal(message + at, query->apex, name_len);
		assert_int_equal(help_get16(message + at + name_len), query->is_ixfr ? 251 : 252);
		at += name_len + 4;
	}
	assert_true(help_get16(message + 6) > 0);
	for (unsigned i = 0; i < help_get16(message + 6); i++)
		help_get_record(message, len, &at, take_line, lines);
	for (unsigned i = 0; i < help_get16(message + 10); i++) {
		struct lines other = {0};
		size_t from = at;
		help_get_record(message, len, &at, take_line, &other);
		taken->opt_count += message[from + 2] == SW_TYPE_OPT && message[from] == 0;
		free(other.text);
	}
	assert_int_equal(at, len);
	knot_pkt_t *packet = knot_pkt_new((void *)(uintptr_t)message, (uint16_t)len, NULL);
	assert_int_equal(knot_pkt_parse(packet, 0), KNOT_EOK);
	knot_pkt_free(packet);
}

static struct taken take(struct sw_archive *archive, const struct sw_outgoing_query *query, bool is_udp,
	size_t max, struct sw_tsig *tsig)
{
	struct taken taken = {0};
	struct lines lines = {0};
	struct sw_outgoing *outgoing;
	struct sw_snapshot *snapshot;
	int more;
	assert_int_equal(sw_snapshot_open(&snapshot, archive), 0);
	assert_int_equal(sw_outgoing_new(&outgoing, query, is_udp, snapshot, tsig), 0);
	do {
		uint8_t *message = malloc(max); /* of that very size, for sanitizers */
		size_t len = 0;
		more = sw_outgoing_next(outgoing, message, max, &len, 1000);
		if (more >= 0) {
			assert_true(len <= max);
			read_message(query, message, len, &taken, &lines);
			taken.messages++;
			taken.bytes += len;
			taken.largest = len > taken.largest ? len : taken.largest;
		}
		free(message);
	} while (more == 1);
	taken.error = more;
	taken.text = lines.text;
	taken.form = sw_outgoing_form(outgoing);
	if (more == 0)
		assert_int_equal(sw_outgoing_bytes(outgoing), taken.bytes);
	sw_outgoing_free(outgoing);
	sw_snapshot_close(snapshot);
	return taken;
}

static struct sw_outgoing_query query_of(const char *apex, bool is_ixfr, uint32_t serial)
{
	struct sw_outgoing_query query = {
		.id = 0x1234, .flags = 0x100, .is_ixfr = is_ixfr, .serial = serial, .udp_max = 512};
	assert_true(sw_name_parse(apex, query.apex) > 0);
	return query;
}

/** What an AXFR must hold, in ascending order of lines: the zone, and its SOA once more. */
static char *whole_of(struct sw_archive *archive, const char *apex)
{
	struct lines lines = {0};
	struct sw_snapshot *snapshot;
	assert_int_equal(sw_snapshot_open(&snapshot, archive), 0);
	assert_int_equal(sw_snapshot_below(snapshot, help_name(apex), help_name(apex), take_line, &lines), 0);
	assert_int_equal(
		sw_snapshot_at(snapshot, help_name(apex), help_name(apex), SOA, take_line, &lines), 0);
	sw_snapshot_close(snapshot);
	char *sorted = help_sorted(lines.text);
	free(lines.text);
	return sorted;
}

/** The lines of a serial's SOA among a transfer's. */
static bool is_soa_line(const char *line)
{
	const char *space = strchr(line, ' ');
	return space && (space = strchr(space + 1, ' ')) && strncmp(space, " 6 ", 3) == 0;
}

static void check_whole(struct sw_archive *archive, const char *apex, const struct taken *taken)
{
	char *want = whole_of(archive, apex), *got = help_sorted(taken->text);
	assert_int_equal(taken->error, 0);
	assert_string_equal(got, want);
	const char *last = taken->text + strlen(taken->text) - 1;
	while (last > taken->text && last[-1] != '\n')
		last--;
	assert_true(is_soa_line(taken->text) && is_soa_line(last));
	assert_memory_equal(taken->text, last, strlen(last));
	free(want);
	free(got);
}

static void fill(struct sw_archive *archive, unsigned names)
{
	size_t size = names * 100u + 1000, at = 0;
	char *text = malloc(size);
	at = (size_t)sprintf(text, "%s", zone_text);
	for (unsigned i = 0; i < names; i++) { /* the same labels in many places; some names with two types */
		char owner[64];
		sprintf(owner, "host%u.net%u.example.", i % 50, i / 50);
		at += (size_t)sprintf(text + at, "%s %s\n", owner,
			i % 3	? "A 192.0.2.9"
			: i % 2 ? "MX 5 mail.example."
				: "CNAME ns.example.");
		if (i % 3 == 1)
			at += (size_t)sprintf(text + at, "%s TXT x\n", owner);
	}
	assert_true(at < size);
	help_zone(archive, APEX, text);
	free(text);
}

/* ---- AXFR ---- */

static void gives_the_zone(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	static const size_t sizes[] = {300, 512, 1232, 4096, 16384, 65535, 100000};
	help_zone(archive, APEX, zone_text);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sw_outgoing_query query = query_of(i % 2 ? "ExamPLE." : APEX, false, 0);
		struct taken taken = take(archive, &query, false, sizes[i], NULL);
		check_whole(archive, APEX, &taken);
		assert_true(taken.messages == 1 || sizes[i] < 1232);
		assert_int_equal(taken.form, SW_OUTGOING_ZONE);
		assert_int_equal(taken.opt_count, 0);
		free(taken.text);
	}
	sw_archive_close(archive);
}

static void fills_messages(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	static const size_t sizes[] = {512, 16384, 65535};
	fill(archive, 20000);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sw_outgoing_query query = query_of(APEX, false, 0);
		query.has_edns = true;
		struct taken taken = take(archive, &query, false, sizes[i], NULL);
		check_whole(archive, APEX, &taken);
		assert_int_equal(taken.opt_count, 1); /* the first message's */
		assert_true(taken.largest > sizes[i] - 60);
		assert_true(taken.messages <= taken.bytes / (sizes[i] - 60) + 1);
		/* "hostN", a pointer or "netN" and a pointer, fixed fields, 4 bytes of data or so; a little
		 * more where pointers do not reach */
		assert_true(taken.bytes / 20000 < (sizes[i] > 16384 ? 40 : 36));
		free(taken.text);
	}
	sw_archive_close(archive);
}

/** Where a record of a type begins in a message that was just made, and its data's length. */
static size_t rdata_len_of(const uint8_t *message, size_t len, uint16_t type)
{
	size_t at = SW_HEADER_LEN + 9 + 4;
	for (unsigned i = 0; i < help_get16(message + 6); i++) {
		char *line = NULL;
		int name_len = knot_dname_wire_check(message + at, message + len, message);
		size_t head = at + (size_t)name_len;
		assert_true(name_len > 0);
		help_get_record(message, len, &at, help_line, &line);
		free(line);
		if (help_get16(message + head) == type)
			return help_get16(message + head + 8);
	}
	fail_msg("no record of type %u", type);
	return 0;
}

static void compresses_well_known_types_only(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	struct sw_outgoing_query query = query_of(APEX, false, 0);
	struct sw_outgoing *outgoing;
	static uint8_t message[65535];
	size_t len;
	help_zone(archive, APEX, zone_text);
	assert_int_equal(sw_outgoing_new(&outgoing, &query, false, sw_archive_own(archive), NULL), 0);
	assert_int_equal(sw_outgoing_next(outgoing, message, sizeof(message), &len, 1000), 0);
	/* RFC 3597 s4: types of RFC 1035 */
	assert_true(rdata_len_of(message, len, SOA) < 12 + 14 + 20);
	assert_int_equal(rdata_len_of(message, len, SW_TYPE_MX), 2 + 7); /* "mail" and a pointer */
	assert_int_equal(rdata_len_of(message, len, 12), 2);		 /* PTR: a pointer */
	/* "MAIL" is not "mail": RFC 5936 s3.4 */
	assert_int_equal(rdata_len_of(message, len, SW_TYPE_CNAME), 5 + 2);
	/* others are whole */
	assert_int_equal(rdata_len_of(message, len, SW_TYPE_SRV), 6 + 14);
	assert_int_equal(rdata_len_of(message, len, SW_TYPE_DNAME), 16);
	assert_int_equal(rdata_len_of(message, len, 17), 14 + 11);	      /* RP */
	assert_int_equal(rdata_len_of(message, len, 35), 4 + 2 + 2 + 1 + 14); /* NAPTR */
	assert_int_equal(rdata_len_of(message, len, PRIVATE), 4);
	sw_outgoing_free(outgoing);
	sw_archive_close(archive);
}

static void signs_each_message(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	static const struct {
		const char *name, *algorithm;
	} keys[] = {{"k.", "hmac-sha256"}, {"k.", "hmac-md5"},
		{"a.very.long.name.that.a.key.may.have.though.nobody.would.write.one.as.long.as.this.is."
		 "really.a.very.long.name.that.a.key.may.have.though.nobody.would.write.one.as.long.as.this."
		 "is.really.a.very.long.name.that.a.key.may.have.though.nobody.would.write.",
			"hmac-sha512"}};
	fill(archive, 2000);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct sw_tsig_key key = {0};
		struct sw_tsig tsig = {.key = &key};
		struct sw_outgoing_query query = query_of(APEX, false, 0);
		assert_true(sw_name_parse(keys[i].name, key.name) > 0);
		assert_int_equal(
			knot_tsig_key_init(&knot_key, keys[i].algorithm, keys[i].name, "c2VjcmV0"), KNOT_EOK);
		signed_count = 0;
		struct taken taken = take(archive, &query, false, 1232, &tsig);
		check_whole(archive, APEX, &taken);
		assert_int_equal(signed_count, taken.messages);
		assert_true(taken.messages > 30);
		free(taken.text);
		/* a packet of 512 bytes has room for a SOA and any signature */
		tsig.mac_len = 0;
		query = query_of(APEX, true, 9);
		taken = take(archive, &query, true, 512, &tsig);
		assert_int_equal(taken.error, 0);
		assert_int_equal(taken.form, SW_OUTGOING_CURRENT);
		free(taken.text);
		knot_tsig_key_deinit(&knot_key);
	}
	sw_archive_close(archive);
}

static void ends_where_a_record_fits_no_message(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	static uint8_t data[65535];
	struct sw_record record = help_record("big.example.", PRIVATE, 60, data, 65535);
	struct sw_outgoing_query query = query_of(APEX, false, 0);
	help_store(archive, help_name(APEX), 1, &record, 1);
	struct taken taken = take(archive, &query, false, 65535, NULL);
	assert_int_equal(taken.error, -EMSGSIZE);
	free(taken.text);
	/* header, "big" and "example", fixed fields: what is just possible in a message of its own */
	record.rdata_len = 65535 - 12 - 13 - 10;
	help_store(archive, help_name(APEX), 1, &record, 1);
	taken = take(archive, &query, false, 65535, NULL);
	check_whole(archive, APEX, &taken);
	assert_int_equal(taken.messages, 3);
	free(taken.text);
	sw_archive_close(archive);
}

static void says_what_cannot_be(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	struct sw_outgoing_query query = query_of("other.", false, 0);
	struct sw_outgoing *outgoing = NULL;
	struct sw_snapshot *own = sw_archive_own(archive);
	help_zone(archive, APEX, zone_text);
	assert_int_equal(sw_outgoing_new(&outgoing, &query, false, own, NULL), -ENOENT);
	query = query_of(APEX, false, 0);
	assert_int_equal(sw_outgoing_new(&outgoing, &query, true, own, NULL), -EINVAL);
	assert_null(outgoing);
	sw_outgoing_free(NULL);
	sw_archive_close(archive);
}

/* ---- IXFR ---- */

/** Changes 10 to 11, ..., each with `records` added, and those of the one before removed. */
static void change(struct sw_archive *archive, uint32_t from, unsigned records, size_t rdata_len)
{
	static uint8_t data[65535];
	uint8_t apex[SW_NAME_MAX];
	assert_true(sw_name_parse(APEX, apex) > 0);
	struct sw_delta delta = help_delta(apex, from, from + 1);
	for (unsigned i = 0; i < records; i++) {
		char name[64];
		sprintf(name, "c%u.example.", i);
		for (uint32_t serial = from; serial <= from + 1; serial++) {
			if (serial == 10)
				continue;
			help_put16(data, serial);
			struct sw_record record = help_record(name, PRIVATE, 60, data, rdata_len);
			assert_int_equal(
				sw_records_add(serial > from ? &delta.added : &delta.removed, &record), 0);
		}
	}
	help_change(archive, apex, delta);
}

static void store_first(struct sw_archive *archive, unsigned names)
{
	static char name[5000][32];
	static const uint8_t address[4] = {192, 0, 2, 1};
	struct sw_record *records = calloc(names + 1, sizeof(*records));
	uint8_t(*owners)[SW_NAME_MAX] = calloc(names + 1, SW_NAME_MAX);
	assert_true(names <= 5000);
	for (unsigned i = 0; i < names; i++) {
		sprintf(name[i], "n%u.example.", i);
		records[i] = help_record(name[i], A, 60, address, 4);
		memcpy(owners[i], records[i].owner, sw_name_len(records[i].owner));
		records[i].owner = owners[i];
	}
	help_store(archive, help_name(APEX), 10, records, names);
	free(records);
	free(owners);
}

static int sequence(void *arg, const struct sw_delta *delta)
{
	const struct sw_records *lists[] = {&delta->old_soa, &delta->removed, &delta->new_soa, &delta->added};
	struct sw_record record;
	for (size_t i = 0; i < 4; i++) {
		for (size_t at = 0; sw_records_next(lists[i], &at, &record);)
			take_line(arg, &record);
	}
	return 0;
}

/** What an IXFR must hold, in order (RFC 1995 s4). */
static char *changes_of(struct sw_archive *archive, uint32_t from)
{
	struct lines lines = {0};
	struct sw_snapshot *own = sw_archive_own(archive);
	const uint8_t *apex = help_name(APEX);
	assert_int_equal(sw_snapshot_at(own, apex, apex, SOA, take_line, &lines), 0);
	assert_int_equal(sw_snapshot_changes(own, apex, from, sequence, &lines), 0);
	assert_int_equal(sw_snapshot_at(own, apex, apex, SOA, take_line, &lines), 0);
	return lines.text;
}

static char *soa_of(struct sw_archive *archive)
{
	struct lines lines = {0};
	const uint8_t *apex = help_name(APEX);
	assert_int_equal(sw_snapshot_at(sw_archive_own(archive), apex, apex, SOA, take_line, &lines), 0);
	return lines.text;
}

static void check_changes(
	struct sw_archive *archive, uint32_t from, bool is_udp, size_t max, unsigned messages_min)
{
	struct sw_outgoing_query query = query_of(APEX, true, from);
	struct taken taken = take(archive, &query, is_udp, max, NULL);
	char *want = changes_of(archive, from);
	assert_int_equal(taken.error, 0);
	assert_int_equal(taken.form, SW_OUTGOING_CHANGES);
	assert_string_equal(taken.text, want);
	assert_true(taken.messages >= messages_min);
	free(taken.text);
	free(want);
}

static void check_current(struct sw_archive *archive, uint32_t from, bool is_udp, size_t max)
{
	struct sw_outgoing_query query = query_of(APEX, true, from);
	struct taken taken = take(archive, &query, is_udp, max, NULL);
	char *want = soa_of(archive);
	assert_int_equal(taken.error, 0);
	assert_int_equal(taken.form, SW_OUTGOING_CURRENT);
	assert_string_equal(taken.text, want);
	assert_int_equal(taken.messages, 1);
	free(taken.text);
	free(want);
}

static void check_zone(struct sw_archive *archive, uint32_t from, bool is_udp, size_t max)
{
	struct sw_outgoing_query query = query_of(APEX, true, from);
	struct taken taken = take(archive, &query, is_udp, max, NULL);
	assert_int_equal(taken.form, SW_OUTGOING_ZONE);
	check_whole(archive, APEX, &taken);
	free(taken.text);
}

static void gives_changes(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	store_first(archive, 10);
	for (uint32_t serial = 10; serial < 20; serial++)
		change(archive, serial, 8, 20);
	check_changes(archive, 10, false, 65535, 1);
	check_changes(archive, 10, false, 512, 10);
	check_changes(archive, 15, false, 300, 5);
	check_changes(archive, 19, false, 65535, 1);
	check_current(archive, 20, false, 65535);		/* RFC 1995 s2: current */
	check_current(archive, 21, false, 65535);		/* or newer */
	check_current(archive, 20u + 0x7fffffff, false, 65535); /* RFC 1982 s3.2 */
	check_zone(archive, 9, false, 65535);			/* the journal does not reach back */
	check_zone(archive, 9, false, 512);
	sw_archive_close(archive);
}

static void gives_changes_in_a_packet(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	store_first(archive, 10);
	for (uint32_t serial = 10; serial < 20; serial++)
		change(archive, serial, 8, 20);
	check_changes(archive, 19, true, 1232, 1);
	check_current(archive, 19, true, 512); /* RFC 1995 s2: does not fit */
	check_current(archive, 10, true, 1232);
	check_current(archive, 20, true, 512);
	check_zone(archive, 9, true, 1232);
	check_current(archive, 9, true, 512);
	sw_archive_close(archive);
}

static void gives_the_zone_where_changes_are_more(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	store_first(archive, 1000);
	for (uint32_t serial = 10; serial < 13; serial++)
		change(archive, serial, 300, 20); /* 302, then 602 each */
	check_changes(archive, 12, false, 65535, 1);
	check_changes(archive, 11, false, 65535, 1); /* 1,204 records of a zone of 1,301 */
	check_zone(archive, 10, false, 65535);	     /* 1,506 */
	sw_archive_close(archive);
}

/** More than is held in memory at a time. */
static void reads_the_journal_in_pieces(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	store_first(archive, 2000);
	for (uint32_t serial = 10; serial < 14; serial++)
		change(archive, serial, 100, 60000);
	check_changes(archive, 10, false, 65535, 100);
	sw_archive_close(archive);
}

/* ---- the query ---- */

static void reads_queries(void **state)
{
	static const struct {
		const char *why;
		unsigned flags, type, class, soas, opts, extra;
		const char *soa_owner;
		int want;
	} rows[] = {
		{"AXFR", 0x100, 252, 1, 0, 0, 0, APEX, 0},
		{"AXFR with OPT", 0, 252, 1, 0, 1, 0, APEX, 0},
		{"IXFR", 0, 251, 1, 1, 0, 0, "EXAMPLE.", 0},
		{"IXFR with OPT", 0, 251, 1, 1, 1, 0, APEX, 0},
		{"IXFR without SOA", 0, 251, 1, 0, 0, 0, APEX, SW_RCODE_FORMERR},
		{"IXFR, SOA of another zone", 0, 251, 1, 1, 0, 0, "other.", SW_RCODE_FORMERR},
		{"bytes left over", 0, 252, 1, 0, 0, 1, APEX, SW_RCODE_FORMERR},
		{"no transfer", 0, 1, 1, 0, 0, 0, APEX, SW_RCODE_NOTIMP},
		{"class CH", 0, 252, 3, 0, 0, 0, APEX, SW_RCODE_NOTIMP},
		{"a reply", 0x8000, 252, 1, 0, 0, 0, APEX, SW_RCODE_NOTIMP},
		{"opcode NOTIFY", 4 << 11, 252, 1, 0, 0, 0, APEX, SW_RCODE_NOTIMP},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t message[512] = {0xab, 0xcd};
		struct sw_outgoing_query query = {.id = 1};
		help_put16(message + 2, rows[i].flags);
		help_put16(message + 4, 1);
		help_put16(message + 8, rows[i].soas);
		help_put16(message + 10, rows[i].opts);
		size_t len = help_put_name(message, SW_HEADER_LEN, "Example.");
		help_put16(message + len, rows[i].type);
		help_put16(message + len + 2, rows[i].class);
		len += 4;
		struct sw_record soa = help_soa(help_name(rows[i].soa_owner), 77);
		if (rows[i].soas)
			len = help_put_record(message, len, &soa, SW_CLASS_IN);
		struct sw_record opt = {
			.owner = (const uint8_t *)"", .type = SW_TYPE_OPT, .rdata = opt.owner};
		if (rows[i].opts)
			len = help_put_record(message, len, &opt, 1400);
		int got = sw_outgoing_parse(&query, message, len + rows[i].extra);
		if (got != rows[i].want)
			fail_msg("%s: %d, not %d", rows[i].why, got, rows[i].want);
		assert_int_equal(query.id, got == 0 ? 0xabcd : 1);
		if (got == 0) {
			assert_int_equal(query.serial, rows[i].soas ? 77 : 0);
			assert_int_equal(query.is_ixfr, rows[i].type == 251);
			assert_int_equal(query.has_edns, rows[i].opts);
			assert_int_equal(query.udp_max, rows[i].opts ? 1400 : 512);
			assert_string_equal((const char *)query.apex, "\7Example");
		}
		for (size_t cut = 0; cut < len; cut++)
			assert_int_not_equal(sw_outgoing_parse(&query, message, cut), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, help_setup, help_teardown)
		TEST(gives_the_zone),
		TEST(fills_messages),
		TEST(compresses_well_known_types_only),
		TEST(signs_each_message),
		TEST(ends_where_a_record_fits_no_message),
		TEST(says_what_cannot_be),
		TEST(gives_changes),
		TEST(gives_changes_in_a_packet),
		TEST(gives_the_zone_where_changes_are_more),
		TEST(reads_the_journal_in_pieces),
		cmocka_unit_test(reads_queries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
