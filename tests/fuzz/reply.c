/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reply.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MESSAGE_MAX 65535
#define HEADER_LEN 12
#define RDATA_BYTES (4u << 20)

enum { TYPE_OPT = 41, TYPE_TSIG = 250 };

/** Shape of record data (RFC 1035 s3.3 and the types' own): digits are so many bytes, n a name that may be
 * compressed, N one that may not (RFC 3597 s4), s character strings to the end, * anything to the end. */
static const struct shape {
	uint16_t type;
	const char *fields;
} shapes[] = {
	{1, "4"},
	{2, "n"},
	{5, "n"},
	{6, "nn20"},
	{12, "n"},
	{15, "2n"},
	{16, "s"},
	{17, "NN"},
	{28, "16"},
	{33, "6N"},
	{39, "N"},
	{43, "4*"},
	{46, "18N*"},
	{47, "N*"},
	{48, "4*"},
	{50, "6*"},
	{51, "5*"},
};

/** What is being read. */
static struct {
	const uint8_t *bytes;
	size_t len, at;
	bool is_label[MESSAGE_MAX +
		      1]; /* where labels of the names so far begin, the root and pointers too */
	uint8_t rdata[RDATA_BYTES];
	size_t rdata_len;
	const char *error;
} in;

static bool fail(const char *why)
{
	if (!in.error)
		in.error = why;
	return false;
}

const char *reply_error(void)
{
	return in.error;
}

static uint16_t u16(size_t at)
{
	return (uint16_t)(in.bytes[at] << 8 | in.bytes[at + 1]);
}

bool reply_name_equal(const uint8_t *a, const uint8_t *b)
{
	for (;; a += 1 + *a, b += 1 + *b) {
		if (*a != *b || strncasecmp((const char *)a + 1, (const char *)b + 1, *a) != 0)
			return false;
		if (*a == 0)
			return true;
	}
}

static const char *fields_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
		if (shapes[i].type == type)
			return shapes[i].fields;
	return "*";
}

bool reply_rdata_equal(uint16_t type, const uint8_t *a, const uint8_t *b, size_t len)
{
	if (memcmp(a, b, len) == 0)
		return true;
	bool has_case = !strpbrk(fields_of(type), "nN");
	for (size_t i = 0; i < len; i++)
		if (has_case ? a[i] != b[i] : tolower(a[i]) != tolower(b[i]))
			return false;
	return true;
}

/** Follow a pointer. @return where it leads, or 0 */
static size_t pointer_follow(size_t at, size_t before)
{
	size_t to = at + 2 <= in.len ? u16(at) & 0x3fff : 0;
	if (to == 0 || to >= before || !in.is_label[to])
		fail("a compression pointer to no name before it");
	return in.error ? 0 : to;
}

/** Read a name at in.at and go behind it. Each pointer leads further back than the last, so this ends. */
static bool name_read(uint8_t out[REPLY_NAME_MAX], uint8_t *out_len, bool may_compress)
{
	size_t len = 0, at = in.at, start = at, end = 0;
	for (;;) {
		uint8_t first = at < in.len ? in.bytes[at] : 0x80;
		if (!end)
			in.is_label[at] = true;
		if (first >= 0xc0 && may_compress) {
			end = end ? end : at + 2;
			at = start = pointer_follow(at, start);
			if (at == 0)
				return false;
			continue;
		}
		if (first > 63 || at + 1 + first > in.len)
			return fail("a bad label");
		if (len + 1 + first > REPLY_NAME_MAX)
			return fail("a name over 255 bytes");
		memcpy(out + len, in.bytes + at, 1u + first);
		len += 1u + first;
		at += 1u + first;
		if (first == 0)
			break;
	}
	*out_len = (uint8_t)len;
	in.at = end ? end : at;
	return true;
}

static bool bytes_take(size_t count, size_t end)
{
	if (in.at + count > end)
		return fail("record data too short");
	memcpy(in.rdata + in.rdata_len, in.bytes + in.at, count);
	in.rdata_len += count;
	in.at += count;
	return true;
}

static bool name_take(bool may_compress, size_t end)
{
	uint8_t len;
	if (!name_read(in.rdata + in.rdata_len, &len, may_compress))
		return false;
	in.rdata_len += len;
	return in.at <= end ? true : fail("a name runs out of its record data");
}

static bool strings_take(size_t end)
{
	while (in.at < end)
		if (!bytes_take(1u + in.bytes[in.at], end))
			return false;
	return true;
}

/** Record data of a type, up to `end`. */
static bool rdata_read(uint16_t type, size_t end)
{
	const char *fields = fields_of(type);
	for (bool is_good = true; *fields; fields++) {
		size_t digits = 0;
		for (; *fields >= '0' && *fields <= '9'; fields++)
			digits = 10 * digits + (size_t)(*fields - '0');
		if (digits > 0) {
			is_good = bytes_take(digits, end);
			fields--;
		} else if (*fields == 's') {
			is_good = strings_take(end);
		} else if (*fields == '*') {
			is_good = bytes_take(end - in.at, end);
		} else {
			is_good = name_take(*fields == 'n', end);
		}
		if (!is_good)
			return false;
	}
	return in.at == end ? true : fail("bytes left over in record data");
}

static bool record_read(struct record *record, uint8_t section)
{
	record->section = section;
	if (!name_read(record->owner, &record->owner_len, true))
		return false;
	if (in.at + 10 > in.len)
		return fail("a record runs out of the message");
	record->type = u16(in.at);
	record->class = u16(in.at + 2);
	record->ttl = (uint32_t)u16(in.at + 4) << 16 | u16(in.at + 6);
	size_t end = in.at + 10 + u16(in.at + 8), start = in.rdata_len;
	in.at += 10;
	if (end > in.len)
		return fail("record data runs out of the message");
	if (in.rdata_len + 2 * MESSAGE_MAX > RDATA_BYTES)
		return fail("too much record data for this reader");
	if (!rdata_read(record->type, end))
		return false;
	record->rdata = in.rdata + start;
	record->rdata_len = (uint32_t)(in.rdata_len - start);
	return true;
}

/** OPT record: at the root, its options whole (RFC 6891 s6.1.2). */
static bool opt_take(struct reply *reply, const struct record *record)
{
	if (reply->opt.type || record->owner[0] != 0 || record->section != ADDITIONAL)
		return fail("a second OPT, or one in the wrong place");
	for (size_t at = 0; at < record->rdata_len;) {
		if (at + 4 > record->rdata_len)
			return fail("half an option");
		at += 4u + (size_t)(record->rdata[at + 2] << 8 | record->rdata[at + 3]);
		if (at > record->rdata_len)
			return fail("an option runs out of the OPT");
	}
	reply->opt = *record;
	reply->rcode |= (uint16_t)(record->ttl >> 24 << 4);
	return true;
}

static bool section_read(struct reply *reply, uint8_t section)
{
	for (unsigned i = 0; i < reply->count[section]; i++) {
		if (reply->records == REPLY_RECORDS_MAX)
			return fail("more records than a message can hold");
		struct record *record = &reply->record[reply->records];
		if (reply->tsig.type)
			return fail("a record behind TSIG");
		if (!record_read(record, section))
			return false;
		if (record->type == TYPE_TSIG)
			reply->tsig = *record;
		else if (record->type != TYPE_OPT)
			reply->records++;
		else if (!opt_take(reply, record))
			return false;
	}
	return true;
}

static bool question_read(struct reply *reply)
{
	reply->question_end = HEADER_LEN;
	if (reply->count[QUESTION] == 0)
		return true;
	if (reply->count[QUESTION] > 1)
		return fail("more than one question");
	if (!name_read(reply->name, &reply->name_len, false))
		return false;
	if (in.at + 4 > in.len)
		return fail("the question runs out of the message");
	reply->type = u16(in.at);
	reply->class = u16(in.at + 2);
	in.at += 4;
	reply->question_end = in.at;
	return true;
}

bool reply_read(struct reply *reply, const uint8_t *message, size_t len)
{
	in.bytes = message;
	in.len = len;
	in.at = HEADER_LEN;
	in.rdata_len = 0;
	in.error = NULL;
	memset(in.is_label, 0, len + 1);
	if (len < HEADER_LEN || len > MESSAGE_MAX)
		return fail("no message");
	reply->id = u16(0);
	reply->flags = u16(2);
	reply->rcode = reply->flags & 15;
	reply->records = 0;
	reply->opt.type = reply->tsig.type = 0;
	for (size_t i = 0; i < SECTIONS; i++)
		reply->count[i] = u16(4 + 2 * i);
	if (!question_read(reply))
		return false;
	for (uint8_t section = ANSWER; section <= ADDITIONAL; section++)
		if (!section_read(reply, section))
			return false;
	return in.at == len ? true : fail("bytes behind the last record");
}
