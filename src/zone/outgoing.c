/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/outgoing.h"
#include "wire/bytes.h"
#include "wire/message.h"
#include "zone/compose.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>

/* Both forms are one SOA, a body, and the SOA again; the body of an AXFR is the zone without its SOA (RFC
 * 5936 s2.2), of an IXFR the difference sequences (RFC 1995 s4). */
enum stage { FIRST_SOA, BODY, LAST_SOA, END };

/** A difference of fewer records is sent as such even where the zone has still fewer: RFC 1995 s2 leaves it
 * to us, both fit one message, and a receiver has less to do. */
#define FEW_RECORDS 500

struct sw_outgoing {
	struct sw_outgoing_query query;
	bool is_udp;
	struct sw_snapshot *snapshot;
	struct sw_tsig *tsig;
	enum sw_outgoing_form form;
	uint8_t apex[SW_NAME_MAX]; /* lower case */
	uint32_t serial;
	uint64_t zone_records;
	struct sw_records soa;
	enum stage stage;
	void *position;		   /* in the zone */
	struct sw_records changes; /* a piece of the journal, in the order in which it is sent */
	size_t changes_at;
	uint32_t changes_to; /* serial that the piece ends with */
	bool has_begun;
	uint64_t messages, records, bytes;
	struct sw_compose compose;
};

/* ---- the journal ---- */

struct gather {
	struct sw_outgoing *outgoing;
	uint64_t records; /* of all changes */
	size_t bytes_max; /* to be held */
	bool is_full;
};

static int append(struct sw_records *to, const struct sw_records *from)
{
	struct sw_record record;
	int error = 0;
	for (size_t at = 0; !error && sw_records_next(from, &at, &record);)
		error = sw_records_add(to, &record);
	return error;
}

/** RFC 1995 s4: the old SOA, what is removed, the new SOA, what is added. */
static int gather_change(void *arg, const struct sw_delta *delta)
{
	struct gather *gather = arg;
	struct sw_outgoing *outgoing = gather->outgoing;
	gather->records += 2 + delta->removed.count + delta->added.count;
	if (!gather->is_full && outgoing->changes.used > gather->bytes_max)
		gather->is_full = true;
	if (gather->is_full)
		return 0;
	int error = append(&outgoing->changes, &delta->old_soa);
	if (!error)
		error = append(&outgoing->changes, &delta->removed);
	if (!error)
		error = append(&outgoing->changes, &delta->new_soa);
	if (!error)
		error = append(&outgoing->changes, &delta->added);
	outgoing->changes_to = delta->to;
	return error;
}

/** Read the next piece of the journal. */
static int changes_read(struct sw_outgoing *outgoing, uint32_t from, uint64_t *records)
{
	struct gather gather = {
		.outgoing = outgoing, .bytes_max = outgoing->is_udp ? UINT16_MAX : SW_OUTGOING_PIECE_BYTES};
	sw_records_free(&outgoing->changes);
	outgoing->changes_at = 0;
	int error = sw_snapshot_changes(outgoing->snapshot, outgoing->apex, from, gather_change, &gather);
	if (!error && gather.records == 0)
		error = -EBADMSG; /* the journal ends before the zone's serial */
	*records = gather.records;
	return error;
}

/** How an IXFR is answered. @return 0 or -errno */
static int form_choose(struct sw_outgoing *outgoing)
{
	uint64_t records = 0;
	outgoing->form = SW_OUTGOING_ZONE;
	if (!outgoing->query.is_ixfr)
		return 0;
	if (!sw_serial_is_newer(outgoing->serial, outgoing->query.serial)) {
		outgoing->form = SW_OUTGOING_CURRENT;
		return 0;
	}
	int error = changes_read(outgoing, outgoing->query.serial, &records);
	if (!error && (records <= FEW_RECORDS || records <= outgoing->zone_records)) {
		outgoing->form = SW_OUTGOING_CHANGES;
		return 0;
	}
	sw_records_free(&outgoing->changes);
	return error == -ENOMEM ? error : 0; /* of a journal that is damaged or too short the zone is left */
}

/* ---- messages ---- */

static int keep_soa(void *arg, const struct sw_record *record)
{
	return sw_records_add(arg, record);
}

static bool write_soa(struct sw_outgoing *outgoing)
{
	struct sw_record soa;
	size_t at = 0;
	return sw_records_next(&outgoing->soa, &at, &soa) && sw_compose_record(&outgoing->compose, &soa);
}

static int take_record(void *arg, const struct sw_record *record)
{
	struct sw_outgoing *outgoing = arg;
	if (record->type == SW_TYPE_SOA && sw_name_equal(record->owner, outgoing->apex))
		return 0; /* goes first and last */
	return sw_compose_record(&outgoing->compose, record) ? 0 : 1;
}

/** @return 1 when the message is full, 0 at the end, -errno */
static int write_changes(struct sw_outgoing *outgoing)
{
	for (;;) {
		struct sw_record record;
		size_t next = outgoing->changes_at;
		while (sw_records_next(&outgoing->changes, &next, &record)) {
			if (!sw_compose_record(&outgoing->compose, &record))
				return 1;
			outgoing->changes_at = next;
		}
		if (outgoing->changes_to == outgoing->serial)
			return 0;
		uint64_t records;
		int error = changes_read(outgoing, outgoing->changes_to, &records);
		if (error)
			return error;
	}
}

static int write_body(struct sw_outgoing *outgoing)
{
	return outgoing->form == SW_OUTGOING_CHANGES ? write_changes(outgoing)
						     : sw_snapshot_some(outgoing->snapshot, outgoing->apex,
							       &outgoing->position, take_record, outgoing);
}

/** Go on until the message is full. @return 1 when it is, 0 at the end, -errno */
static int write_stages(struct sw_outgoing *outgoing)
{
	if (outgoing->stage == FIRST_SOA) {
		if (!write_soa(outgoing))
			return 1;
		outgoing->stage = outgoing->form == SW_OUTGOING_CURRENT ? END : BODY;
	}
	if (outgoing->stage == BODY) {
		int result = write_body(outgoing);
		if (result != 0)
			return result;
		outgoing->stage = LAST_SOA;
	}
	if (outgoing->stage == LAST_SOA) {
		if (!write_soa(outgoing))
			return 1;
		outgoing->stage = END;
	}
	return 0;
}

/** Bytes to leave for a signature. In a packet as few as do: RFC 8945 s4.2 with the longest algorithm name
 * and MAC, and the name of its key. */
static size_t tsig_room(const struct sw_tsig *tsig, bool is_udp)
{
	enum { FIXED = 10, ALGORITHM = 30, TIMES = 16, MAC = 64, OTHER = 6 };
	if (!tsig || !tsig->key)
		return 0;
	return is_udp ? sw_name_len(tsig->key->name) + FIXED + ALGORITHM + TIMES + MAC + OTHER : SW_TSIG_ROOM;
}

/** @param opt_len  of the OPT record that is added behind the answer section, or 0 */
static void finish(struct sw_outgoing *outgoing, bool has_question, size_t opt_len)
{
	struct sw_compose *compose = &outgoing->compose;
	uint8_t *message = compose->message;
	sw_put16(message, outgoing->query.id);
	sw_put16(message + 2, SW_FLAG_QR | SW_FLAG_AA | (outgoing->query.flags & SW_FLAG_RD));
	sw_put16(message + 4, has_question);
	sw_put16(message + 6, compose->records);
	sw_put16(message + 8, 0);
	sw_put16(message + 10, opt_len > 0);
	if (opt_len == 0)
		return;
	/* RFC 6891 s6.1.2: root, OPT, our UDP size, extended RCODE and flags, no options */
	static const uint8_t opt[SW_OPT_LEN] = {0, 0, SW_TYPE_OPT, 1232 >> 8, 1232 & 0xff};
	memcpy(message + compose->len, opt, SW_OPT_LEN);
	compose->len += SW_OPT_LEN;
}

/** @return as sw_outgoing_next() */
static int message_make(struct sw_outgoing *outgoing, uint8_t *message, size_t max)
{
	/* RFC 5936 s2.2.1, s2.2.5: question and OPT are due in the first message, and may be in the others */
	bool is_first = outgoing->messages == 0;
	size_t opt_len = is_first && outgoing->query.has_edns ? SW_OPT_LEN : 0;
	size_t room = tsig_room(outgoing->tsig, outgoing->is_udp) + opt_len;
	if (max < SW_HEADER_LEN + room)
		return -EMSGSIZE;
	struct sw_compose *compose = &outgoing->compose;
	sw_compose_start(compose, message, max - room);
	if (is_first && !sw_compose_question(compose, outgoing->query.apex,
				outgoing->query.is_ixfr ? SW_TYPE_IXFR : SW_TYPE_AXFR))
		return -EMSGSIZE;
	int result = write_stages(outgoing);
	if (result == 1 && compose->records == 0)
		result = -EMSGSIZE;
	finish(outgoing, is_first, opt_len);
	return result;
}

int sw_outgoing_next(struct sw_outgoing *outgoing, uint8_t *message, size_t max, size_t *len, uint64_t now_s)
{
	max = max < UINT16_MAX ? max : UINT16_MAX;
	int result = message_make(outgoing, message, max);
	if (outgoing->is_udp && (result == 1 || result == -EMSGSIZE) &&
		outgoing->form != SW_OUTGOING_CURRENT) {
		/* RFC 1995 s2: what does not fit a packet is told by the SOA alone; they come again over TCP
		 */
		outgoing->form = SW_OUTGOING_CURRENT;
		outgoing->stage = FIRST_SOA;
		result = message_make(outgoing, message, max);
	}
	if (result < 0)
		return result;
	size_t used = outgoing->compose.len;
	int error = outgoing->tsig ? sw_tsig_sign_reply(outgoing->tsig, message, &used, max, now_s) : 0;
	if (error)
		return error;
	outgoing->messages++;
	outgoing->records += outgoing->compose.records;
	outgoing->bytes += used;
	*len = used;
	return result;
}

/* ---- begin and end ---- */

int sw_outgoing_new(struct sw_outgoing **out, const struct sw_outgoing_query *query, bool is_udp,
	struct sw_snapshot *snapshot, struct sw_tsig *tsig)
{
	struct sw_archive_zone zone;
	if (is_udp && !query->is_ixfr)
		return -EINVAL;
	struct sw_outgoing *outgoing = calloc(1, sizeof(*outgoing));
	if (!outgoing)
		return -ENOMEM;
	outgoing->query = *query;
	outgoing->is_udp = is_udp;
	outgoing->snapshot = snapshot;
	outgoing->tsig = tsig;
	memcpy(outgoing->apex, query->apex, sw_name_len(query->apex));
	sw_name_lower(outgoing->apex);
	int error = sw_snapshot_zone(snapshot, outgoing->apex, &zone);
	if (!error)
		error = sw_snapshot_at(
			snapshot, outgoing->apex, outgoing->apex, SW_TYPE_SOA, keep_soa, &outgoing->soa);
	if (!error && outgoing->soa.count != 1)
		error = -EBADMSG;
	if (!error) {
		outgoing->serial = zone.serial;
		outgoing->zone_records = zone.records;
		error = form_choose(outgoing);
	}
	if (error)
		sw_outgoing_free(outgoing);
	else
		*out = outgoing;
	return error;
}

void sw_outgoing_free(struct sw_outgoing *outgoing)
{
	if (!outgoing)
		return;
	free(outgoing->position);
	sw_records_free(&outgoing->soa);
	sw_records_free(&outgoing->changes);
	free(outgoing);
}

enum sw_outgoing_form sw_outgoing_form(const struct sw_outgoing *outgoing)
{
	return outgoing->form;
}

uint32_t sw_outgoing_serial(const struct sw_outgoing *outgoing)
{
	return outgoing->serial;
}

uint64_t sw_outgoing_records(const struct sw_outgoing *outgoing)
{
	return outgoing->records;
}

uint64_t sw_outgoing_bytes(const struct sw_outgoing *outgoing)
{
	return outgoing->bytes;
}

/* ---- the query ---- */

/** Sections behind the question: the SOA of an IXFR (RFC 1995 s3) and OPT. */
static int parse_sections(struct sw_outgoing_query *query, const uint8_t *message, size_t len, size_t at)
{
	unsigned authority = sw_get16(message + 8), additional = sw_get16(message + 10);
	bool has_serial = false;
	if (sw_get16(message + 6) != 0)
		return SW_RCODE_FORMERR;
	for (unsigned i = 0; i < authority + additional; i++) {
		knot_rrset_t set;
		if (knot_rrset_rr_from_wire(message, &at, len, &set, NULL, false) != KNOT_EOK)
			return SW_RCODE_FORMERR;
		const knot_rdata_t *rdata = set.rrs.rdata;
		if (i < authority && query->is_ixfr && set.type == SW_TYPE_SOA && set.rrs.count == 1 &&
			rdata->len >= 22 && sw_name_equal(set.owner, query->apex)) {
			struct sw_record soa = {.rdata = rdata->data, .rdata_len = rdata->len};
			query->serial = sw_soa_serial(&soa);
			has_serial = true;
		}
		if (i >= authority && set.type == SW_TYPE_OPT) {
			query->has_edns = true;
			query->udp_max = set.rclass > SW_UDP_PLAIN_MAX ? set.rclass : SW_UDP_PLAIN_MAX;
		}
		knot_rrset_clear(&set, NULL);
	}
	return at == len && has_serial == query->is_ixfr ? 0 : SW_RCODE_FORMERR;
}

int sw_outgoing_parse(struct sw_outgoing_query *query, const uint8_t *message, size_t len)
{
	struct sw_outgoing_query parsed = {.udp_max = SW_UDP_PLAIN_MAX};
	if (len < SW_HEADER_LEN || sw_get16(message + 4) != 1)
		return SW_RCODE_FORMERR;
	const uint8_t *name = message + SW_HEADER_LEN;
	int name_len = knot_dname_wire_check(name, message + len, message);
	if (name_len <= 0 || len - SW_HEADER_LEN < (size_t)name_len + 4 ||
		knot_dname_unpack(parsed.apex, name, SW_NAME_MAX, message) <= 0)
		return SW_RCODE_FORMERR;
	uint16_t type = sw_get16(name + name_len), class = sw_get16(name + name_len + 2);
	parsed.id = sw_get16(message);
	parsed.flags = sw_get16(message + 2);
	parsed.is_ixfr = type == SW_TYPE_IXFR;
	if ((parsed.flags & (SW_FLAG_QR | 0xf << SW_OPCODE_SHIFT)) != 0 || class != SW_CLASS_IN ||
		(type != SW_TYPE_AXFR && !parsed.is_ixfr))
		return SW_RCODE_NOTIMP;
	int rcode = parse_sections(&parsed, message, len, SW_HEADER_LEN + (size_t)name_len + 4);
	if (rcode == 0)
		*query = parsed;
	return rcode;
}
