/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Updates: a row for each rule of RFC 2136 s3.1 to s3.4, then random ones against a model. */
#include "message_help.h"
#include "zone/update.h"
#include <libknot/libknot.h>

#define APEX "example."
#define NOERROR SW_RCODE_NOERROR
#define FORMERR SW_RCODE_FORMERR
#define NXDOMAIN SW_RCODE_NXDOMAIN
#define YXDOMAIN SW_RCODE_YXDOMAIN
#define NXRRSET SW_RCODE_NXRRSET
#define YXRRSET SW_RCODE_YXRRSET
#define NOTZONE SW_RCODE_NOTZONE
#define NOTAUTH SW_RCODE_NOTAUTH
#define REFUSED SW_RCODE_REFUSED
#define NOTIMP SW_RCODE_NOTIMP
#define CLASS_NONE 254

static const char zone_text[] =
	"example. SOA ns.example. host.example. 10 3600 600 86400 300\n"
	"example. NS ns.example.\n"
	"example. NS ns2.example.\n"
	"example. TXT \"apex\"\n"
	"ns.example. A 192.0.2.1\n"
	"www.example. 300 A 192.0.2.1\n"
	"www.example. 300 A 192.0.2.2\n"
	"www.example. 300 TXT \"t\"\n"
	"mx.example. 300 MX 10 Mail.example.\n"
	"alias.example. 300 CNAME www.example.\n"
	"d.example. 300 DNAME t.example.\n"
	"wks.example. 300 TYPE11 \\# 6 c00002010640\n"
	"low.deep.example. 300 TXT \"t\"\n"
	"s.example. 300 NSEC t.example. A RRSIG NSEC\n"
	"s.example. 300 RRSIG A 13 2 300 20300101000000 20200101000000 1 example. AAAA\n"
	"s.example. 600 RRSIG NSEC 13 2 300 20300101000000 20200101000000 1 example. AAAA\n"
	"s.example. 300 A 192.0.2.7\n";

/* ---- messages from text ---- */

static unsigned class_of(const char *text)
{
	return strcmp(text, "IN") == 0	   ? 1
	       : strcmp(text, "ANY") == 0  ? 255
	       : strcmp(text, "NONE") == 0 ? CLASS_NONE
					   : (unsigned)atoi(text);
}

/** Append "CLASS OWNER TTL TYPE [DATA]", data as in a master file, or =HEX, which need not fit the type. */
static size_t put_line(uint8_t *message, size_t at, const char *line)
{
	char class[16], owner[300], type[32], *whole;
	unsigned ttl;
	int used = 0;
	uint16_t number;
	if (sscanf(line, "%15s %299s %u %31s %n", class, owner, &ttl, type, &used) != 4)
		fail_msg("%s", line);
	const char *data = line + used;
	assert_int_equal(knot_rrtype_from_string(type, &number), 0);
	uint8_t name[SW_NAME_MAX], bytes[256];
	assert_true(sw_name_parse(owner, name) > 0);
	struct sw_record record = {.owner = name, .type = number, .ttl = ttl, .rdata = bytes};
	if (*data == '\0' || *data == '=') {
		for (const char *hex = data + (*data == '='); hex[0] && hex[1]; hex += 2) {
			unsigned byte;
			assert_int_equal(sscanf(hex, "%2x", &byte), 1);
			bytes[record.rdata_len++] = (uint8_t)byte;
		}
		return help_put_record(message, at, &record, (uint16_t)class_of(class));
	}
	assert_true(asprintf(&whole, "%s %u %s %s", owner, ttl, type, data) > 0);
	struct sw_records records = help_parse(whole);
	size_t from = 0;
	assert_true(sw_records_next(&records, &from, &record));
	record.owner = name; /* as written */
	at = help_put_record(message, at, &record, (uint16_t)class_of(class));
	sw_records_free(&records);
	free(whole);
	return at;
}

#define LINES_MAX 5

static size_t message_of(
	uint8_t *message, const char *apex, const char *const *before, const char *const *updates)
{
	memset(message, 0, SW_HEADER_LEN);
	help_put16(message, 0x4321);
	help_put16(message + 2, 5 << SW_OPCODE_SHIFT);
	help_put16(message + 4, 1);
	size_t at = help_put_name(message, SW_HEADER_LEN, apex);
	help_put16(message + at, SOA);
	help_put16(message + at + 2, SW_CLASS_IN);
	at += 4;
	unsigned count = 0;
	for (; count < LINES_MAX && before[count]; count++)
		at = put_line(message, at, before[count]);
	help_put16(message + 6, count);
	for (count = 0; count < LINES_MAX && updates[count]; count++)
		at = put_line(message, at, updates[count]);
	help_put16(message + 8, count);
	return at;
}

/* ---- rules ---- */

static bool may(void *arg, const uint8_t *name, uint16_t type)
{
	(void)arg;
	return !sw_name_equal(name, help_name("locked.example.")) &&
	       !(type == TXT && sw_name_equal(name, help_name("notxt.example."))) &&
	       !(type == SW_TYPE_ANY && sw_name_equal(name, help_name("noany.example.")));
}

struct row {
	const char *why;
	const char *before[LINES_MAX], *updates[LINES_MAX];
	int rcode;
	uint32_t serial;		/* 0: no change */
	const char *removed[LINES_MAX]; /* beside the SOA */
	const char *added[LINES_MAX];
	bool is_signed;
};

#define SOA_LINE(serial) "example. 3600 SOA ns.example. host.example. " serial " 3600 600 86400 300"
#define SOA_ADD(serial) "IN example. 3600 SOA ns.example. host.example. " serial " 3600 600 86400 300"
#define NEW "IN new.example. 300 A 192.0.2.9"
#define NEW_ADDED "new.example. 300 A 192.0.2.9"

static const struct row rows[] = {
	{"s2: nothing asked", {0}, {0}, NOERROR, 0, {0}, {0}, false},
	/* s3.2.1: RRset or name exists */
	{"s3.2: TTL in a prerequisite", {"ANY www.example. 1 A"}, {NEW}, FORMERR, 0, {0}, {0}, false},
	{"s3.2: outside of the zone", {"ANY www.other. 0 A"}, {NEW}, NOTZONE, 0, {0}, {0}, false},
	{"s3.2: TTL before zone", {"ANY www.other. 1 A"}, {NEW}, FORMERR, 0, {0}, {0}, false},
	{"s3.2: another class", {"3 www.example. 0 A"}, {NEW}, FORMERR, 0, {0}, {0}, false},
	{"s3.2.1: data", {"ANY www.example. 0 A =c0000201"}, {NEW}, FORMERR, 0, {0}, {0}, false},
	{"s3.2.1: name in use", {"ANY www.example. 0 ANY"}, {NEW}, NOERROR, 11, {0}, {NEW_ADDED}, false},
	{"s3.2.1: case of the name", {"ANY WWW.Example. 0 ANY"}, {NEW}, NOERROR, 11, {0}, {NEW_ADDED}, false},
	{"s3.2.1: name not in use", {"ANY no.example. 0 ANY"}, {NEW}, NXDOMAIN, 0, {0}, {0}, false},
	{"s2.4.4: an empty non-terminal is not in use", {"ANY deep.example. 0 ANY"}, {NEW}, NXDOMAIN, 0, {0},
		{0}, false},
	{"s3.2.1: RRset there", {"ANY www.example. 0 A"}, {NEW}, NOERROR, 11, {0}, {NEW_ADDED}, false},
	{"s3.2.1: RRset not there", {"ANY www.example. 0 MX"}, {NEW}, NXRRSET, 0, {0}, {0}, false},
	{"s3.2.1: no aliases", {"ANY alias.example. 0 A"}, {NEW}, NXRRSET, 0, {0}, {0}, false},
	/* s3.2.2: not */
	{"s3.2.2: data", {"NONE no.example. 0 A =c0000201"}, {NEW}, FORMERR, 0, {0}, {0}, false},
	{"s3.2.2: TTL", {"NONE no.example. 1 A"}, {NEW}, FORMERR, 0, {0}, {0}, false},
	{"s3.2.2: name not in use", {"NONE no.example. 0 ANY"}, {NEW}, NOERROR, 11, {0}, {NEW_ADDED}, false},
	{"s3.2.2: name in use", {"NONE www.example. 0 ANY"}, {NEW}, YXDOMAIN, 0, {0}, {0}, false},
	{"s3.2.2: RRset not there", {"NONE www.example. 0 MX"}, {NEW}, NOERROR, 11, {0}, {NEW_ADDED}, false},
	{"s3.2.2: RRset there", {"NONE www.example. 0 A"}, {NEW}, YXRRSET, 0, {0}, {0}, false},
	/* s3.2.3: RRsets with values */
	{"s3.2.3: the same, in another order",
		{"IN www.example. 0 A 192.0.2.2", "IN www.example. 0 A 192.0.2.1"}, {NEW}, NOERROR, 11, {0},
		{NEW_ADDED}, false},
	{"s3.2.3: the same, one twice",
		{"IN www.example. 0 A 192.0.2.2", "IN www.example. 0 A 192.0.2.1",
			"IN www.example. 0 A 192.0.2.2"},
		{NEW}, NOERROR, 11, {0}, {NEW_ADDED}, false},
	{"s3.2.3: too few", {"IN www.example. 0 A 192.0.2.2"}, {NEW}, NXRRSET, 0, {0}, {0}, false},
	{"s3.2.3: too many",
		{"IN www.example. 0 A 192.0.2.2", "IN www.example. 0 A 192.0.2.1",
			"IN www.example. 0 A 192.0.2.3"},
		{NEW}, NXRRSET, 0, {0}, {0}, false},
	{"s3.2.3: other data", {"IN www.example. 0 TXT \"u\""}, {NEW}, NXRRSET, 0, {0}, {0}, false},
	{"s3.2.3: two RRsets", {"IN www.example. 0 TXT \"t\"", "IN mx.example. 0 MX 10 mail.EXAMPLE."}, {NEW},
		NOERROR, 11, {0}, {NEW_ADDED}, false},
	{"s3.2.3: mixed RRsets",
		{"IN www.example. 0 A 192.0.2.1", "IN www.example. 0 TXT \"t\"",
			"IN www.example. 0 A 192.0.2.2"},
		{NEW}, NOERROR, 11, {0}, {NEW_ADDED}, false},
	{"s3.2.3: TTL", {"IN www.example. 300 TXT \"t\""}, {NEW}, FORMERR, 0, {0}, {0}, false},
	{"s3.2.3: data not of the type", {"IN www.example. 0 A =c00002"}, {NEW}, FORMERR, 0, {0}, {0}, false},
	{"s3.2.5: all are judged before anything is done",
		{"ANY www.example. 0 A", "NONE www.example. 0 TXT"}, {NEW}, YXRRSET, 0, {0}, {0}, false},
	/* s3.3 */
	{"s3.3: a name", {0}, {NEW, "IN locked.example. 300 A 192.0.2.9"}, REFUSED, 0, {0}, {0}, false},
	{"s3.3: case of the name", {0}, {"IN LOCKED.example. 300 A 192.0.2.9"}, REFUSED, 0, {0}, {0}, false},
	{"s3.3: a type", {0}, {"IN notxt.example. 300 TXT \"x\""}, REFUSED, 0, {0}, {0}, false},
	{"s3.3: another type", {0}, {"IN notxt.example. 300 A 192.0.2.9"}, NOERROR, 11, {0},
		{"notxt.example. 300 A 192.0.2.9"}, false},
	{"s3.3: all types", {0}, {"ANY noany.example. 0 ANY"}, REFUSED, 0, {0}, {0}, false},
	{"s3.3: deletions too", {0}, {"NONE locked.example. 0 A 192.0.2.9"}, REFUSED, 0, {0}, {0}, false},
	{"s3.3: behind the prerequisites", {"ANY no.example. 0 ANY"}, {"IN locked.example. 300 A 192.0.2.9"},
		NXDOMAIN, 0, {0}, {0}, false},
	{"ours: RRSIG of a zone signed here", {0},
		{"NONE s.example. 0 RRSIG A 13 2 300 20300101000000 20200101000000 1 example. AAAA"}, REFUSED,
		0, {0}, {0}, true},
	{"ours: NSEC", {0}, {"ANY s.example. 0 NSEC"}, REFUSED, 0, {0}, {0}, true},
	{"ours: NSEC3", {0}, {"ANY s.example. 0 NSEC3"}, REFUSED, 0, {0}, {0}, true},
	{"ours: NSEC3PARAM", {0}, {"IN example. 0 NSEC3PARAM 1 0 0 -"}, REFUSED, 0, {0}, {0}, true},
	{"ours: NSEC3PARAM of a zone that is not", {0}, {"IN example. 0 NSEC3PARAM 1 0 0 -"}, NOERROR, 11,
		{0}, {"example. 0 NSEC3PARAM 1 0 0 -"}, false},
	{"ours: all types but those", {0}, {"ANY s.example. 0 ANY"}, NOERROR, 11,
		{"s.example. 300 A 192.0.2.7"}, {0}, true},
	/* s3.4.1: prescan */
	{"s3.4.1: outside of the zone", {0}, {NEW, "IN www.other. 300 A 192.0.2.9"}, NOTZONE, 0, {0}, {0},
		false},
	{"s3.4.1: above the zone", {0}, {"IN . 300 A 192.0.2.9"}, NOTZONE, 0, {0}, {0}, false},
	{"s3.4.1: another class", {0}, {NEW, "3 www.example. 300 A =c0000201"}, FORMERR, 0, {0}, {0}, false},
	{"s3.4.1: add ANY", {0}, {"IN www.example. 300 ANY"}, FORMERR, 0, {0}, {0}, false},
	{"s3.4.1: add AXFR", {0}, {"IN www.example. 300 TYPE252"}, FORMERR, 0, {0}, {0}, false},
	{"s3.4.1: add MAILA", {0}, {"IN www.example. 300 TYPE254"}, FORMERR, 0, {0}, {0}, false},
	{"s3.4.1: add MAILB", {0}, {"IN www.example. 300 TYPE253"}, FORMERR, 0, {0}, {0}, false},
	{"s3.4.1: add OPT", {0}, {"IN www.example. 300 OPT"}, FORMERR, 0, {0}, {0}, false},
	{"s3.4.1: add data not of the type", {0}, {"IN www.example. 300 A =c00002"}, FORMERR, 0, {0}, {0},
		false},
	{"s3.4.1: add without data", {0}, {"IN www.example. 300 A"}, FORMERR, 0, {0}, {0}, false},
	{"s3.4.1: add a name too many", {0}, {"IN www.example. 300 NS =00016100"}, FORMERR, 0, {0}, {0},
		false},
	{"s3.4.1: delete RRset, TTL", {0}, {"ANY www.example. 1 A"}, FORMERR, 0, {0}, {0}, false},
	{"s3.4.1: delete RRset, data", {0}, {"ANY www.example. 0 A =c0000201"}, FORMERR, 0, {0}, {0}, false},
	{"s3.4.1: delete RRset AXFR", {0}, {"ANY www.example. 0 TYPE252"}, FORMERR, 0, {0}, {0}, false},
	{"s3.4.1: delete RR, TTL", {0}, {"NONE www.example. 1 A 192.0.2.1"}, FORMERR, 0, {0}, {0}, false},
	{"s3.4.1: delete RR ANY", {0}, {"NONE www.example. 0 ANY"}, FORMERR, 0, {0}, {0}, false},
	{"s3.4.1: delete RR AXFR", {0}, {"NONE www.example. 0 TYPE252"}, FORMERR, 0, {0}, {0}, false},
	{"s3.4.1: all or nothing", {0}, {NEW, "ANY www.example. 0 ANY", "ANY www.example. 1 A"}, FORMERR, 0,
		{0}, {0}, false},
	/* s3.4.2.2: add */
	{"s3.4.2.2: add a name", {0}, {NEW}, NOERROR, 11, {0}, {NEW_ADDED}, false},
	{"s3.4.2.2: in lower case", {0}, {"IN NEW.Example. 300 A 192.0.2.9"}, NOERROR, 11, {0}, {NEW_ADDED},
		false},
	{"s3.4.2.2: add to an RRset", {0}, {"IN www.example. 300 A 192.0.2.9"}, NOERROR, 11, {0},
		{"www.example. 300 A 192.0.2.9"}, false},
	{"s3.4.2.2: a duplicate", {0}, {"IN www.example. 300 A 192.0.2.1"}, NOERROR, 0, {0}, {0}, false},
	{"s1.1.1: a duplicate but for case", {0}, {"IN mx.example. 300 MX 10 mAIL.example."}, NOERROR, 0, {0},
		{0}, false},
	{"s3.4.2.2: twice in the message", {0}, {NEW, NEW}, NOERROR, 11, {0}, {NEW_ADDED}, false},
	{"RFC 2181 s5.2: another TTL", {0}, {"IN www.example. 60 A 192.0.2.1"}, NOERROR, 11,
		{"www.example. 300 A 192.0.2.1", "www.example. 300 A 192.0.2.2"},
		{"www.example. 60 A 192.0.2.1", "www.example. 60 A 192.0.2.2"}, false},
	{"RFC 2181 s5.2: a record with another TTL", {0}, {"IN www.example. 60 A 192.0.2.9"}, NOERROR, 11,
		{"www.example. 300 A 192.0.2.1", "www.example. 300 A 192.0.2.2"},
		{"www.example. 60 A 192.0.2.1", "www.example. 60 A 192.0.2.2", "www.example. 60 A 192.0.2.9"},
		false},
	{"RFC 2181 s5.2: there and back", {0},
		{"IN www.example. 60 A 192.0.2.1", "IN www.example. 300 A 192.0.2.2"}, NOERROR, 0, {0}, {0},
		false},
	{"RFC 2181 s8: TTL with the highest bit", {0}, {"IN new.example. 2147483648 A =c0000209"}, NOERROR,
		11, {0}, {"new.example. 0 A 192.0.2.9"}, false},
	{"RFC 4034 s3: RRSIGs of another type keep their TTL", {0},
		{"IN s.example. 60 RRSIG A 13 2 300 20300101000000 20200101000000 2 example. AAAA"}, NOERROR,
		11, {"s.example. 300 RRSIG A 13 2 300 20300101000000 20200101000000 1 example. AAAA"},
		{"s.example. 60 RRSIG A 13 2 300 20300101000000 20200101000000 1 example. AAAA",
			"s.example. 60 RRSIG A 13 2 300 20300101000000 20200101000000 2 example. AAAA"},
		false},
	{"s3.4.2.2: WKS of that address and protocol", {0}, {"IN wks.example. 300 TYPE11 \\# 6 c00002010680"},
		NOERROR, 11, {"wks.example. 300 TYPE11 \\# 6 c00002010640"},
		{"wks.example. 300 TYPE11 \\# 6 c00002010680"}, false},
	{"s3.4.2.2: WKS of another protocol", {0}, {"IN wks.example. 300 TYPE11 \\# 6 c00002011180"}, NOERROR,
		11, {0}, {"wks.example. 300 TYPE11 \\# 6 c00002011180"}, false},
	{"s3.4.2.2: CNAME beside others", {0}, {"IN www.example. 300 CNAME ns.example."}, NOERROR, 0, {0},
		{0}, false},
	{"s3.4.2.2: CNAME at the apex", {0}, {"IN example. 300 CNAME ns.example."}, NOERROR, 0, {0}, {0},
		false},
	{"s3.4.2.2: others beside a CNAME", {0}, {"IN alias.example. 300 A 192.0.2.9"}, NOERROR, 0, {0}, {0},
		false},
	{"s3.4.2.2: a CNAME for a CNAME", {0}, {"IN alias.example. 60 CNAME ns.example."}, NOERROR, 11,
		{"alias.example. 300 CNAME www.example."}, {"alias.example. 60 CNAME ns.example."}, false},
	{"s3.4.2.2: CNAME in place of others", {0},
		{"ANY mx.example. 0 MX", "IN mx.example. 60 CNAME ns.example."}, NOERROR, 11,
		{"mx.example. 300 MX 10 Mail.example."}, {"mx.example. 60 CNAME ns.example."}, false},
	{"RFC 4035 s2.5: NSEC beside a CNAME", {0}, {"IN alias.example. 300 NSEC d.example. CNAME"}, NOERROR,
		11, {0}, {"alias.example. 300 NSEC d.example. CNAME"}, false},
	{"RFC 4035 s2.5: CNAME beside NSEC and RRSIG", {0},
		{"ANY s.example. 0 A", "IN s.example. 300 CNAME ns.example."}, NOERROR, 11,
		{"s.example. 300 A 192.0.2.7"}, {"s.example. 300 CNAME ns.example."}, false},
	{"RFC 6672 s2.4: a DNAME for a DNAME", {0}, {"IN d.example. 300 DNAME u.example."}, NOERROR, 11,
		{"d.example. 300 DNAME t.example."}, {"d.example. 300 DNAME u.example."}, false},
	{"RFC 6672 s2.4: CNAME beside DNAME", {0}, {"IN d.example. 300 CNAME u.example."}, NOERROR, 0, {0},
		{0}, false},
	{"s3.4.2.2: SOA that is newer", {0}, {SOA_ADD("20")}, NOERROR, 20, {0}, {0}, false},
	{"s3.6: its serial stands", {0}, {NEW, SOA_ADD("20")}, NOERROR, 20, {0}, {NEW_ADDED}, false},
	{"s3.4.2.2: SOA that is older", {0}, {SOA_ADD("9")}, NOERROR, 0, {0}, {0}, false},
	{"s3.4.2.2: SOA that is as old", {0}, {SOA_ADD("10"), NEW}, NOERROR, 11, {0}, {NEW_ADDED}, false},
	{"RFC 1982: newer by wrapping", {0}, {SOA_ADD("2147483657")}, NOERROR, 2147483657, {0}, {0}, false},
	{"RFC 1982: half the circle away is not newer", {0}, {SOA_ADD("2147483658")}, NOERROR, 0, {0}, {0},
		false},
	{"s3.4.2.2: the newest of several SOA", {0}, {SOA_ADD("20"), SOA_ADD("30"), SOA_ADD("25")}, NOERROR,
		30, {0}, {0}, false},
	{"s3.4.2.2: no SOA there to replace", {0},
		{"IN new.example. 300 SOA ns.example. host.example. 99 1 1 1 1"}, NOERROR, 0, {0}, {0},
		false},
	/* s3.4.2.3: delete RRsets */
	{"s3.4.2.3: an RRset", {0}, {"ANY WWW.example. 0 A"}, NOERROR, 11,
		{"www.example. 300 A 192.0.2.1", "www.example. 300 A 192.0.2.2"}, {0}, false},
	{"s3.4.2.3: an RRset that is not there", {0}, {"ANY www.example. 0 MX"}, NOERROR, 0, {0}, {0}, false},
	{"s3.4.2.3: all of a name", {0}, {"ANY www.example. 0 ANY"}, NOERROR, 11,
		{"www.example. 300 A 192.0.2.1", "www.example. 300 A 192.0.2.2",
			"www.example. 300 TXT \"t\""},
		{0}, false},
	{"s3.4.2.3: not what is below", {0}, {"ANY deep.example. 0 ANY"}, NOERROR, 0, {0}, {0}, false},
	{"s3.4.2.3: all of the apex but SOA and NS", {0}, {"ANY example. 0 ANY"}, NOERROR, 11,
		{"example. 3600 TXT \"apex\""}, {0}, false},
	{"s3.4.2.3: the SOA", {0}, {"ANY example. 0 SOA"}, NOERROR, 0, {0}, {0}, false},
	{"s3.4.2.3: the apex's NS", {0}, {"ANY example. 0 NS"}, NOERROR, 0, {0}, {0}, false},
	/* s3.4.2.4: delete a record */
	{"s3.4.2.4: a record", {0}, {"NONE www.example. 0 A 192.0.2.2"}, NOERROR, 11,
		{"www.example. 300 A 192.0.2.2"}, {0}, false},
	{"s3.4.2.4: case of names in data", {0}, {"NONE mx.example. 0 MX 10 MAIL.example."}, NOERROR, 11,
		{"mx.example. 300 MX 10 Mail.example."}, {0}, false},
	{"s3.4.2.4: one that is not there", {0}, {"NONE www.example. 0 A 192.0.2.3"}, NOERROR, 0, {0}, {0},
		false},
	{"s3.4.2.4: the SOA", {0}, {"NONE example. 0 SOA ns.example. host.example. 10 3600 600 86400 300"},
		NOERROR, 0, {0}, {0}, false},
	{"s3.4.2.4: one NS of two", {0}, {"NONE example. 0 NS ns.example."}, NOERROR, 11,
		{"example. 3600 NS ns.example."}, {0}, false},
	{"s3.4.2.4: but not the last", {0},
		{"NONE example. 0 NS ns.example.", "NONE example. 0 NS ns2.example."}, NOERROR, 11,
		{"example. 3600 NS ns.example."}, {0}, false},
	{"s3.4.2.4: the last, another there meanwhile", {0},
		{"NONE example. 0 NS ns.example.", "IN example. 3600 NS ns3.example.",
			"NONE example. 0 NS ns2.example."},
		NOERROR, 11, {"example. 3600 NS ns.example.", "example. 3600 NS ns2.example."},
		{"example. 3600 NS ns3.example."}, false},
	/* s3.4.2.1: in the order in which they stand */
	{"s3.4.2: add and delete", {0}, {NEW, "ANY new.example. 0 ANY"}, NOERROR, 0, {0}, {0}, false},
	{"s3.4.2: delete and add", {0}, {"ANY new.example. 0 ANY", NEW}, NOERROR, 11, {0}, {NEW_ADDED},
		false},
	{"s3.4.2: delete and add again", {0},
		{"ANY www.example. 0 A", "IN www.example. 300 A 192.0.2.1",
			"IN www.example. 300 A 192.0.2.2"},
		NOERROR, 0, {0}, {0}, false},
	{"s3.4.2: an RRset replaced", {0}, {"ANY www.example. 0 A", "IN www.example. 60 A 192.0.2.1"},
		NOERROR, 11, {"www.example. 300 A 192.0.2.1", "www.example. 300 A 192.0.2.2"},
		{"www.example. 60 A 192.0.2.1"}, false},
};

static char *text_of(const char *const *lines)
{
	char *text = strdup("");
	for (size_t i = 0; i < LINES_MAX && lines[i]; i++) {
		struct sw_records records = help_parse(lines[i]);
		struct sw_record record;
		for (size_t at = 0; sw_records_next(&records, &at, &record);)
			help_line(&text, &record);
		sw_records_free(&records);
	}
	char *sorted = help_sorted(text);
	free(text);
	return sorted;
}

static char *list_text(const struct sw_records *records)
{
	char *text = strdup("");
	struct sw_record record;
	for (size_t at = 0; sw_records_next(records, &at, &record);)
		help_line(&text, &record);
	char *sorted = help_sorted(text);
	free(text);
	return sorted;
}

static bool same_records(const struct sw_records *records, const char *const *lines, const char *what)
{
	char *want = text_of(lines), *got = list_text(records);
	bool is_same = strcmp(want, got) == 0;
	if (!is_same)
		print_error("%s, wanted:\n%sgot:\n%s", what, want, got);
	free(want);
	free(got);
	return is_same;
}

/** Each name whose records change is told once, and the apex. */
static void check_names(const struct sw_update_result *result)
{
	const struct sw_records *lists[] = {&result->delta.removed, &result->delta.added};
	const uint8_t *name;
	struct sw_record record;
	unsigned apexes = 0;
	for (size_t at = 0; (name = sw_update_names_next(&result->names, &at));) {
		unsigned count = 0;
		apexes += sw_name_equal(name, help_name(APEX));
		for (size_t other = 0; other < result->names.used;
			count += sw_name_equal(name, sw_update_names_next(&result->names, &other)))
			;
		assert_int_equal(count, 1);
	}
	for (size_t i = 0; i < 2; i++) {
		for (size_t at = 0; sw_records_next(lists[i], &at, &record);) {
			bool is_told = false;
			for (size_t k = 0; (name = sw_update_names_next(&result->names, &k));)
				is_told = is_told || sw_name_equal(name, record.owner);
			assert_true(is_told);
		}
	}
	assert_int_equal(apexes, result->is_change);
}

static bool row_holds(struct sw_archive *archive, const struct row *row)
{
	static uint8_t message[65536];
	struct sw_update_rules rules = {.may = may, .is_signed = row->is_signed};
	struct sw_update_result result = {0};
	size_t len = message_of(message, "EXAMPLE.", row->before, row->updates);
	assert_int_equal(sw_update_judge(sw_archive_own(archive), message, len, &rules, &result), 0);
	bool holds = result.rcode == row->rcode && result.is_change == (row->serial != 0) &&
		     (result.rcode == 0) == (result.why[0] == '\0');
	if (!holds)
		print_error("rcode %u, change %d: %s\n", result.rcode, result.is_change, result.why);
	holds = holds && same_records(&result.delta.removed, row->removed, "removed") &&
		same_records(&result.delta.added, row->added, "added");
	check_names(&result);
	if (result.is_change) {
		char serial[16];
		snprintf(serial, sizeof(serial), "%u", row->serial);
		char *line;
		assert_true(
			asprintf(&line, "example. 3600 SOA ns.example. host.example. %s 3600 600 86400 300",
				serial) > 0);
		const char *old[LINES_MAX] = {SOA_LINE("10")}, *new[LINES_MAX] = {line};
		holds = holds && result.delta.from == 10 && result.delta.to == row->serial &&
			same_records(&result.delta.old_soa, old, "old SOA") &&
			same_records(&result.delta.new_soa, new, "new SOA");
		free(line);
		/* and the archive takes it */
		assert_int_equal(sw_archive_begin(archive), 0);
		assert_int_equal(sw_archive_change(archive, help_name(APEX), &result.delta), 0);
		sw_archive_abort(archive);
	} else {
		holds = holds && result.delta.old_soa.count + result.delta.new_soa.count == 0;
	}
	sw_update_result_free(&result);
	return holds;
}

static void follows_the_rules(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	unsigned failed = 0;
	help_zone(archive, APEX, zone_text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (row_holds(archive, &rows[i]))
			continue;
		print_error("row %zu: %s\n\n", i, rows[i].why);
		failed++;
	}
	assert_int_equal(failed, 0);
	sw_archive_close(archive);
}

/* ---- the zone section and what is malformed (s3.1) ---- */

static uint16_t rcode_of(struct sw_archive *archive, const uint8_t *message, size_t len)
{
	struct sw_update_rules rules = {0};
	struct sw_update_result result = {0};
	uint8_t *copy = malloc(len + 1); /* of that very size, for sanitizers */
	copy = realloc(copy, len ? len : 1);
	memcpy(copy, message, len);
	assert_int_equal(sw_update_judge(sw_archive_own(archive), copy, len, &rules, &result), 0);
	uint16_t rcode = result.rcode;
	if (rcode) {
		assert_false(result.is_change);
		assert_int_equal(result.names.count, 0);
	}
	sw_update_result_free(&result);
	free(copy);
	return rcode;
}

static void checks_the_zone_section(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	static uint8_t message[65536];
	static const char *const none[LINES_MAX], *const some[LINES_MAX] = {NEW};
	const size_t behind = SW_HEADER_LEN + 9; /* of the zone's name */
	help_zone(archive, APEX, zone_text);
	size_t len = message_of(message, APEX, none, some);
	assert_int_equal(rcode_of(archive, message, len), NOERROR);
	help_put16(message + 4, 0); /* s3.1.1: exactly one */
	assert_int_equal(rcode_of(archive, message, len), FORMERR);
	help_put16(message + 4, 2);
	assert_int_equal(rcode_of(archive, message, len), FORMERR);
	help_put16(message + 4, 1);
	help_put16(message + behind, A); /* s3.1.1: of type SOA */
	assert_int_equal(rcode_of(archive, message, len), FORMERR);
	help_put16(message + behind, SOA);
	help_put16(message + behind + 2, 3); /* s3.1.2: a class that we have */
	assert_int_equal(rcode_of(archive, message, len), NOTAUTH);
	help_put16(message + behind + 2, 1);
	help_put16(message + 2, 0);
	assert_int_equal(rcode_of(archive, message, len), NOTIMP);
	assert_int_equal(rcode_of(archive, message, message_of(message, "other.", none, none)), NOTAUTH);
	/* a name in the zone is not the zone */
	assert_int_equal(
		rcode_of(archive, message, message_of(message, "www.example.", none, none)), NOTAUTH);
	assert_int_equal(rcode_of(archive, message, message_of(message, ".", none, none)), NOTAUTH);
	sw_archive_close(archive);
}

static void refuses_what_is_malformed(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	static uint8_t message[65536];
	static const char *const before[LINES_MAX] = {"ANY www.example. 0 A", "IN www.example. 0 TXT \"t\""},
				 *const updates[LINES_MAX] = {NEW, "IN new.example. 300 MX 1 ns.example."};
	help_zone(archive, APEX, zone_text);
	size_t len = message_of(message, APEX, before, updates);
	assert_int_equal(rcode_of(archive, message, len), NOERROR);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(rcode_of(archive, message, cut), FORMERR);
	assert_int_equal(rcode_of(archive, message, len + 1), FORMERR);
	for (unsigned i = 6; i <= 10; i += 2) { /* counts that are not true */
		unsigned was = help_get16(message + i);
		help_put16(message + i, was + 1);
		assert_int_equal(rcode_of(archive, message, len), FORMERR);
		help_put16(message + i, 65535);
		assert_int_equal(rcode_of(archive, message, len), FORMERR);
		help_put16(message + i, was);
	}
	sw_archive_close(archive);
}

/** RFC 1035 s4.1.4: names in a message may be compressed, in data of the well-known types too. */
static void reads_compressed_names(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	static uint8_t message[65536];
	static const char *const none[LINES_MAX];
	static const uint8_t record[] = {
		1, 'm', 0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 60, 0, 6, 0, 7, 1, 'n', 0xc0, 12};
	static const char *const want[LINES_MAX] = {"m.example. 60 MX 7 n.example."};
	struct sw_update_rules rules = {0};
	struct sw_update_result result = {0};
	help_zone(archive, APEX, zone_text);
	size_t len = message_of(message, APEX, none, none);
	help_put16(message + 8, 1);
	memcpy(message + len, record, sizeof(record));
	assert_int_equal(
		sw_update_judge(sw_archive_own(archive), message, len + sizeof(record), &rules, &result), 0);
	assert_int_equal(result.rcode, 0);
	assert_true(same_records(&result.delta.added, want, "added"));
	sw_update_result_free(&result);
	sw_archive_close(archive);
}

static void replies(void **state)
{
	static uint8_t message[65536];
	uint8_t reply[512], apex[SW_NAME_MAX];
	static const char *const none[LINES_MAX], *const some[LINES_MAX] = {NEW};
	(void)state;
	size_t len = message_of(message, "Example.", none, some), zone_end = SW_HEADER_LEN + 9 + 4;
	assert_int_equal(sw_update_apex(message, len, apex), 0);
	assert_string_equal((const char *)apex, "\7example");
	size_t reply_len = sw_update_reply(message, len, NXRRSET, reply, sizeof(reply));
	assert_int_equal(reply_len, zone_end);
	static const uint8_t header[SW_HEADER_LEN] = {0x43, 0x21, 0xa8, 8, 0, 1};
	assert_memory_equal(reply, header, sizeof(header));
	assert_memory_equal(reply + SW_HEADER_LEN, message + SW_HEADER_LEN, zone_end - SW_HEADER_LEN);
	/* with EDNS */
	struct sw_record opt = {.owner = (const uint8_t *)"", .type = SW_TYPE_OPT, .rdata = opt.owner};
	help_put16(message + 10, 1);
	len = help_put_record(message, len, &opt, 1232);
	assert_int_equal(sw_update_reply(message, len, 0, reply, sizeof(reply)), zone_end + SW_OPT_LEN);
	assert_int_equal(help_get16(reply + 10), 1);
	/* what cannot be read is not copied */
	assert_int_equal(sw_update_reply(message, 15, FORMERR, reply, sizeof(reply)), SW_HEADER_LEN);
	assert_int_equal(help_get16(reply + 4), 0);
	assert_int_equal(sw_update_apex(message, 15, apex), FORMERR);
}

/* ---- random updates against a model ---- */

/* The model is RFC 2136's own pseudo-code on a list of records. Data are numbers. */
enum { NAMES = 5, DATA = 4, MODEL_MAX = 400, ROUNDS = 6000, OPERATIONS_MAX = 6 };

static const char *const owners[NAMES] = {
	"example.", "a.example.", "b.example.", "*.b.example.", "c.a.example."};
static const uint16_t types[] = {A, NS, SW_TYPE_CNAME, TXT, SOA};
#define TYPES (sizeof(types) / sizeof(types[0]))

struct model_rr {
	unsigned name, type, data;
	uint32_t ttl;
};

struct model {
	uint32_t serial;
	uint32_t soa_ttl;
	unsigned count;
	struct model_rr rrs[MODEL_MAX]; /* beside the SOA */
};

struct operation {
	unsigned class, name, type, data;
	uint32_t ttl, serial;
};

static uint64_t seed = 0x9e3779b97f4a7c15;

static unsigned chance(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)((seed >> 11) % below);
}

static unsigned model_count(const struct model *model, unsigned name, unsigned type)
{
	unsigned count = name == 0 && (type == SOA || type == SW_TYPE_ANY);
	for (unsigned i = 0; i < model->count; i++)
		count += model->rrs[i].name == name && (type == SW_TYPE_ANY || model->rrs[i].type == type);
	return count;
}

static bool model_has(const struct model *model, const struct operation *op)
{
	for (unsigned i = 0; i < model->count; i++) {
		const struct model_rr *rr = &model->rrs[i];
		if (rr->name == op->name && rr->type == op->type && rr->data == op->data)
			return true;
	}
	return false;
}

static void model_delete(struct model *model, unsigned name, unsigned type, int data)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < model->count; i++) {
		const struct model_rr *rr = &model->rrs[i];
		bool goes = rr->name == name && (type == SW_TYPE_ANY || rr->type == type) &&
			    (data < 0 || rr->data == (unsigned)data) &&
			    !(name == 0 && data < 0 && rr->type == NS);
		if (!goes)
			model->rrs[kept++] = *rr;
	}
	model->count = kept;
}

static void model_add(struct model *model, const struct operation *op, bool *has_soa)
{
	if (op->type == SOA) {
		if (op->name == 0 && sw_serial_is_newer(op->serial, model->serial)) {
			model->serial = op->serial;
			model->soa_ttl = op->ttl;
			*has_soa = true;
		}
		return;
	}
	unsigned aliases = model_count(model, op->name, SW_TYPE_CNAME);
	if (op->type == SW_TYPE_CNAME ? model_count(model, op->name, SW_TYPE_ANY) > aliases : aliases > 0)
		return;
	if (op->type == SW_TYPE_CNAME)
		model_delete(model, op->name, SW_TYPE_CNAME, -1);
	if (!model_has(model, op))
		model->rrs[model->count++] =
			(struct model_rr){.name = op->name, .type = op->type, .data = op->data};
	for (unsigned i = 0; i < model->count; i++) {
		if (model->rrs[i].name == op->name && model->rrs[i].type == op->type)
			model->rrs[i].ttl = op->ttl;
	}
}

static void model_apply(struct model *model, const struct operation *op, bool *has_soa)
{
	if (op->class == SW_CLASS_IN)
		model_add(model, op, has_soa);
	else if (op->class == SW_CLASS_ANY)
		model_delete(model, op->name, op->type, -1);
	else if (!(op->name == 0 && op->type == NS && model_count(model, 0, NS) == 1))
		model_delete(model, op->name, op->type, (int)op->data);
}

static int model_prerequisite(const struct model *model, const struct operation *op)
{
	bool has = model_count(model, op->name, op->type) > 0, is_any = op->type == SW_TYPE_ANY;
	if (op->class == SW_CLASS_ANY)
		return has ? 0 : is_any ? NXDOMAIN : NXRRSET;
	return !has ? 0 : is_any ? YXDOMAIN : YXRRSET;
}

static struct sw_record model_record(const struct operation *op, uint8_t *rdata)
{
	struct sw_record record = {.owner = help_name(owners[op->name]),
		.type = (uint16_t)op->type,
		.ttl = op->ttl,
		.rdata = rdata};
	if (op->type == A) {
		memcpy(rdata, (uint8_t[]){192, 0, 2, (uint8_t)op->data}, 4);
		record.rdata_len = 4;
	} else if (op->type == TXT) {
		memcpy(rdata, (uint8_t[]){1, (uint8_t)('a' + op->data)}, 2);
		record.rdata_len = 2;
	} else if (op->type == SOA) {
		record = help_soa(record.owner, op->serial);
		record.ttl = op->ttl;
	} else { /* case changes, and says nothing */
		memcpy(rdata, (uint8_t[]){1, (uint8_t)((chance(2) ? 'x' : 'X') + op->data % 3), 0}, 3);
		record.rdata_len = 3;
	}
	return record;
}

/** All records as lines, names in data in lower case. */
static char *model_text(const struct model *model)
{
	char *text = strdup("");
	for (unsigned i = 0; i <= model->count; i++) {
		struct operation op = {.type = SOA, .ttl = model->soa_ttl, .serial = model->serial};
		if (i < model->count)
			op = (struct operation){.name = model->rrs[i].name,
				.type = model->rrs[i].type,
				.data = model->rrs[i].data,
				.ttl = model->rrs[i].ttl};
		uint8_t rdata[64];
		struct sw_record record = model_record(&op, rdata);
		if (op.type == NS || op.type == SW_TYPE_CNAME)
			sw_name_lower(rdata);
		help_line(&text, &record);
	}
	char *sorted = help_sorted(text);
	free(text);
	return sorted;
}

static int lower_line(void *arg, const struct sw_record *record)
{
	uint8_t rdata[64];
	struct sw_record copy = *record;
	assert_true(record->rdata_len <= sizeof(rdata));
	memcpy(rdata, record->rdata, record->rdata_len);
	if (record->type == NS || record->type == SW_TYPE_CNAME)
		sw_name_lower(rdata);
	copy.rdata = rdata;
	return help_line(arg, &copy);
}

static char *archive_text(struct sw_archive *archive)
{
	char *text = NULL;
	const uint8_t *apex = help_name(APEX);
	assert_int_equal(sw_snapshot_below(sw_archive_own(archive), apex, apex, lower_line, &text), 0);
	char *sorted = help_sorted(text);
	free(text);
	return sorted;
}

static struct operation random_operation(const struct model *model, bool is_prerequisite)
{
	struct operation op = {.name = chance(NAMES),
		.type = types[chance(TYPES)],
		.data = chance(3),
		.ttl = 60 * (1 + chance(2)),
		.class = chance(3) == 0 ? SW_CLASS_ANY
			 : chance(2)	? SW_CLASS_IN
					: CLASS_NONE};
	op.serial = model->serial + chance(5) - 2;
	if (is_prerequisite)
		op.class = chance(3) ? SW_CLASS_ANY : CLASS_NONE;
	if ((op.class == SW_CLASS_ANY || is_prerequisite) && chance(4) == 0)
		op.type = SW_TYPE_ANY;
	return op;
}

static size_t put_operation(uint8_t *message, size_t at, const struct operation *op, bool is_prerequisite)
{
	uint8_t rdata[64];
	struct sw_record record = {
		.owner = help_name(owners[op->name]), .type = (uint16_t)op->type, .rdata = rdata};
	if (op->class != SW_CLASS_ANY && !is_prerequisite)
		record = model_record(op, rdata);
	if (op->class != SW_CLASS_IN)
		record.ttl = 0;
	return help_put_record(message, at, &record, (uint16_t)op->class);
}

/** One update, put to both. @return whether it changed something */
static bool random_round(struct sw_archive *archive, struct model *model)
{
	static uint8_t message[65536];
	static const char *const none[LINES_MAX];
	size_t len = message_of(message, APEX, none, none);
	unsigned before = chance(4) == 0, count = 1 + chance(OPERATIONS_MAX);
	int rcode = 0;
	bool has_soa = false;
	struct model next = *model;
	struct sw_update_rules rules = {0};
	struct sw_update_result result = {0};
	if (before) {
		struct operation op = random_operation(model, true);
		rcode = model_prerequisite(model, &op);
		len = put_operation(message, len, &op, true);
	}
	for (unsigned i = 0; i < count; i++) {
		struct operation op = random_operation(&next, false);
		len = put_operation(message, len, &op, false);
		if (rcode == 0)
			model_apply(&next, &op, &has_soa);
	}
	help_put16(message + 6, before);
	help_put16(message + 8, count);
	char *was = model_text(model), *is = model_text(&next);
	bool is_change = strcmp(was, is) != 0;
	next.serial += is_change && !has_soa;

	assert_int_equal(sw_update_judge(sw_archive_own(archive), message, len, &rules, &result), 0);
	assert_int_equal(result.rcode, rcode);
	assert_int_equal(result.is_change, is_change);
	check_names(&result);
	if (is_change) {
		assert_int_equal(sw_archive_change(archive, help_name(APEX), &result.delta), 0);
		*model = next;
	}
	char *want = model_text(model), *got = archive_text(archive);
	assert_string_equal(got, want);
	sw_update_result_free(&result);
	free(was);
	free(is);
	free(want);
	free(got);
	return is_change;
}

static void agrees_with_a_model(void **state)
{
	struct sw_archive *archive = help_open(help_directory(state));
	struct sw_record ns = help_record(APEX, NS, 60, "\1x", 3);
	static struct model model = {.serial = 0xfffffff0,
		.soa_ttl = 3600,
		.count = 1,
		.rrs = {{.type = NS, .data = 0, .ttl = 60}}};
	unsigned changes = 0;
	help_store(archive, help_name(APEX), model.serial, &ns, 1);
	assert_int_equal(sw_archive_begin(archive), 0);
	for (unsigned round = 0; round < ROUNDS; round++)
		changes += random_round(archive, &model);
	assert_true(changes > ROUNDS / 2);
	assert_int_equal(sw_archive_commit(archive), 0);
	sw_archive_close(archive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, help_setup, help_teardown)
		TEST(follows_the_rules),
		TEST(checks_the_zone_section),
		TEST(refuses_what_is_malformed),
		TEST(reads_compressed_names),
		cmocka_unit_test(replies),
		TEST(agrees_with_a_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
