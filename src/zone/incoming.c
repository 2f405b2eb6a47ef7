/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/incoming.h"
#include "wire/bytes.h"
#include "wire/message.h"
#include "zone/contents_inside.h"
#include "zone/rdata.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** What the next record may be. The names are the order of RFC 1995 s4; the whole zone of an AXFR is ZONE. */
enum place {
	PLACE_FIRST,  /* the SOA of the new version */
	PLACE_SECOND, /* tells a whole zone from changes */
	PLACE_ZONE,
	PLACE_REMOVED, /* behind the old SOA */
	PLACE_ADDED,   /* behind the new SOA */
	PLACE_END,     /* nothing may follow */
};

struct sw_incoming {
	uint8_t apex[SW_NAME_MAX];
	struct sw_hash_key key;
	struct sw_incoming_limits limits;
	bool is_ixfr; /* asked for */
	uint32_t ours;
	struct sw_records our_soa;
	enum place place;
	uint32_t serial;	   /* of the version that comes */
	struct sw_records new_soa; /* one record */
	struct sw_contents *contents;
	struct sw_delta *deltas;
	size_t delta_count;
	uint64_t messages, records, bytes;
	bool may_axfr;
	char why[200];
};

/** Asked for what is newer than ours, and this is not. */
static bool is_old(const struct sw_incoming *incoming)
{
	return incoming->is_ixfr && incoming->new_soa.count > 0 &&
	       !sw_serial_is_newer(incoming->serial, incoming->ours);
}

static enum sw_incoming_state bad(struct sw_incoming *incoming, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static enum sw_incoming_state bad(struct sw_incoming *incoming, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(incoming->why, sizeof(incoming->why), format, args);
	va_end(args);
	/* what is not newer would be the same zone by AXFR */
	incoming->may_axfr = incoming->is_ixfr && incoming->contents == NULL && !is_old(incoming);
	incoming->place = PLACE_END;
	return SW_INCOMING_BAD;
}

static enum sw_incoming_state bad_error(struct sw_incoming *incoming, int err)
{
	switch (err) {
	case -ENOENT:
		return bad(incoming, "a record from outside the zone");
	case -EEXIST:
		return bad(incoming, "two names share a hash under this start's key");
	default:
		return bad(incoming, "%s", strerror(-err));
	}
}

/* ---- the query ---- */

struct sw_incoming *sw_incoming_new(const uint8_t *apex, const struct sw_records *ours,
	const struct sw_hash_key *key, const struct sw_incoming_limits *limits)
{
	struct sw_incoming *incoming = calloc(1, sizeof(*incoming));
	struct sw_record soa;
	size_t at = 0;
	if (incoming == NULL)
		return NULL;
	memcpy(incoming->apex, apex, sw_name_len(apex));
	sw_name_lower(incoming->apex);
	incoming->key = *key;
	incoming->limits = *limits;
	incoming->is_ixfr = ours != NULL && sw_records_next(ours, &at, &soa);
	if (incoming->is_ixfr && sw_records_add(&incoming->our_soa, &soa) != 0) {
		free(incoming);
		return NULL;
	}
	if (incoming->is_ixfr)
		incoming->ours = sw_soa_serial(&soa);
	return incoming;
}

void sw_incoming_free(struct sw_incoming *incoming)
{
	if (incoming == NULL)
		return;
	for (size_t i = 0; i < incoming->delta_count; i++)
		sw_delta_free(&incoming->deltas[i]);
	free(incoming->deltas);
	sw_contents_free(incoming->contents);
	sw_records_free(&incoming->our_soa);
	sw_records_free(&incoming->new_soa);
	free(incoming);
}

static size_t put16(uint8_t *message, size_t at, unsigned value)
{
	sw_put16(message + at, value);
	return at + 2;
}

size_t sw_incoming_query(const struct sw_incoming *incoming, uint16_t id, uint8_t *message)
{
	struct sw_record soa;
	size_t name_len = sw_name_len(incoming->apex), at = 0;
	memset(message, 0, SW_HEADER_LEN);
	knot_wire_set_id(message, id);
	knot_wire_set_qdcount(message, 1);
	memcpy(message + SW_HEADER_LEN, incoming->apex, name_len);
	size_t end =
		put16(message, SW_HEADER_LEN + name_len, incoming->is_ixfr ? SW_TYPE_IXFR : SW_TYPE_AXFR);
	end = put16(message, end, SW_CLASS_IN);
	if (!incoming->is_ixfr || !sw_records_next(&incoming->our_soa, &at, &soa))
		return end;
	knot_wire_set_nscount(message, 1);
	end = put16(message, end, SW_POINTER | SW_HEADER_LEN);
	end = put16(message, end, SW_TYPE_SOA);
	end = put16(message, end, SW_CLASS_IN);
	end = put16(message, put16(message, end, 0), 0);
	end = put16(message, end, soa.rdata_len);
	memcpy(message + end, soa.rdata, soa.rdata_len);
	return end + soa.rdata_len;
}

/* ---- records ---- */

static struct sw_delta *delta_last(struct sw_incoming *incoming)
{
	return &incoming->deltas[incoming->delta_count - 1];
}

/** A difference sequence begins with the SOA that is to go. */
static enum sw_incoming_state delta_begin(struct sw_incoming *incoming, const struct sw_record *soa)
{
	uint32_t expected = incoming->delta_count ? delta_last(incoming)->to : incoming->ours;
	uint32_t serial = sw_soa_serial(soa);
	if (serial != expected)
		return bad(incoming, "changes from serial %u, expected from %u", serial, expected);
	size_t count = incoming->delta_count;
	if ((count & (count - 1)) == 0) {
		struct sw_delta *deltas =
			realloc(incoming->deltas, (count ? 2 * count : 1) * sizeof(*incoming->deltas));
		if (deltas == NULL)
			return bad_error(incoming, -ENOMEM);
		incoming->deltas = deltas;
	}
	incoming->deltas[incoming->delta_count++] = (struct sw_delta){.from = serial, .to = serial};
	int err = sw_records_add(&delta_last(incoming)->old_soa, soa);
	incoming->place = PLACE_REMOVED;
	return err ? bad_error(incoming, err) : SW_INCOMING_MORE;
}

/** It goes on with the SOA that comes. */
static enum sw_incoming_state delta_turn(struct sw_incoming *incoming, const struct sw_record *soa)
{
	struct sw_delta *delta = delta_last(incoming);
	delta->to = sw_soa_serial(soa);
	if (!sw_serial_is_newer(delta->to, delta->from))
		return bad(incoming, "changes from serial %u back to %u", delta->from, delta->to);
	if (delta->to != incoming->serial && sw_serial_is_newer(delta->to, incoming->serial))
		return bad(incoming, "changes beyond serial %u", incoming->serial);
	int err = sw_records_add(&delta->new_soa, soa);
	incoming->place = PLACE_ADDED;
	return err ? bad_error(incoming, err) : SW_INCOMING_MORE;
}

static bool is_first_soa(const struct sw_incoming *incoming, const struct sw_record *soa)
{
	struct sw_record first;
	size_t at = 0;
	return sw_records_next(&incoming->new_soa, &at, &first) &&
	       sw_contents_rdata_equal(SW_TYPE_SOA, first.rdata, first.rdata_len, soa->rdata, soa->rdata_len);
}

static enum sw_incoming_state zone_add(struct sw_incoming *incoming, const struct sw_record *record)
{
	int err = sw_contents_add(incoming->contents, record->owner, record->type, record->ttl, record->rdata,
		record->rdata_len, 0, 0);
	return err < 0 ? bad_error(incoming, err) : SW_INCOMING_MORE;
}

static enum sw_incoming_state zone_begin(struct sw_incoming *incoming)
{
	struct sw_record soa;
	size_t at = 0;
	incoming->contents = sw_contents_new(incoming->apex, &incoming->key);
	if (incoming->contents == NULL || sw_contents_add_file(incoming->contents, "transfer") < 0)
		return bad_error(incoming, -ENOMEM);
	incoming->place = PLACE_ZONE;
	if (!sw_records_next(&incoming->new_soa, &at, &soa))
		return bad_error(incoming, -EINVAL);
	return zone_add(incoming, &soa);
}

static enum sw_incoming_state zone_end(struct sw_incoming *incoming, const struct sw_record *soa)
{
	if (!is_first_soa(incoming, soa))
		return bad(incoming, "it ends with another SOA than it began with");
	int err = sw_contents_finish(incoming->contents);
	incoming->place = PLACE_END;
	return err ? bad_error(incoming, err) : SW_INCOMING_ZONE;
}

static enum sw_incoming_state first_take(struct sw_incoming *incoming, const struct sw_record *soa)
{
	int err = sw_records_add(&incoming->new_soa, soa);
	incoming->serial = sw_soa_serial(soa);
	incoming->place = PLACE_SECOND;
	return err ? bad_error(incoming, err) : SW_INCOMING_MORE;
}

/** A SOA in the middle of changes: the next one, or the end. */
static enum sw_incoming_state soa_between(struct sw_incoming *incoming, const struct sw_record *soa)
{
	if (delta_last(incoming)->to != incoming->serial)
		return delta_begin(incoming, soa);
	if (!is_first_soa(incoming, soa))
		return bad(incoming, "it ends with another SOA than it began with");
	incoming->place = PLACE_END;
	return SW_INCOMING_CHANGES;
}

/** A SOA that is not newer stands alone (RFC 1995 s2): with a zone behind it, it would take ours back. */
static enum sw_incoming_state bad_old(struct sw_incoming *incoming)
{
	return bad(incoming, "a zone of serial %u, not newer than %u", incoming->serial, incoming->ours);
}

static enum sw_incoming_state soa_take(struct sw_incoming *incoming, const struct sw_record *soa)
{
	if (soa->rdata_len < 22 || !sw_name_equal(soa->owner, incoming->apex))
		return bad(incoming, "a SOA that is not the zone's");
	switch (incoming->place) {
	case PLACE_FIRST:
		return first_take(incoming, soa);
	case PLACE_SECOND:
		if (is_old(incoming))
			return bad_old(incoming);
		if (incoming->is_ixfr && sw_soa_serial(soa) != incoming->serial)
			return delta_begin(incoming, soa);
		return bad(incoming, is_first_soa(incoming, soa)
					     ? "a zone of nothing but its SOA"
					     : "it ends with another SOA than it began with");
	case PLACE_ZONE:
		return zone_end(incoming, soa);
	case PLACE_REMOVED:
		return delta_turn(incoming, soa);
	case PLACE_ADDED:
		return soa_between(incoming, soa);
	case PLACE_END:
		break;
	}
	return bad(incoming, "records behind its end");
}

static enum sw_incoming_state record_take(struct sw_incoming *incoming, const struct sw_record *record)
{
	int err;
	if (record->type == SW_TYPE_SOA)
		return soa_take(incoming, record);
	switch (incoming->place) {
	case PLACE_FIRST:
		return bad(incoming, "it does not begin with a SOA");
	case PLACE_SECOND:
		if (is_old(incoming))
			return bad_old(incoming);
		if (zone_begin(incoming) != SW_INCOMING_MORE)
			return SW_INCOMING_BAD;
		return zone_add(incoming, record);
	case PLACE_ZONE:
		return zone_add(incoming, record);
	case PLACE_REMOVED:
	case PLACE_ADDED:
		err = sw_name_in(record->owner, incoming->apex) ? 0 : -ENOENT;
		if (err == 0)
			err = sw_records_add(incoming->place == PLACE_REMOVED ? &delta_last(incoming)->removed
									      : &delta_last(incoming)->added,
				record);
		return err ? bad_error(incoming, err) : SW_INCOMING_MORE;
	case PLACE_END:
		break;
	}
	return bad(incoming, "records behind its end");
}

/* ---- messages ---- */

/** @param record  its owner in any case; what it points to may be in the message */
static enum sw_incoming_state rr_take(
	struct sw_incoming *incoming, const struct sw_record *told, unsigned rclass)
{
	struct sw_record record = *told;
	uint8_t owner[SW_NAME_MAX];
	if (rclass != SW_CLASS_IN || sw_type_is_meta(record.type))
		return bad(
			incoming, "a record of class %u and type %u, which no zone has", rclass, record.type);
	if (++incoming->records > incoming->limits.records && incoming->limits.records != 0)
		return bad(incoming, "more than %llu records", (unsigned long long)incoming->limits.records);
	if (record.ttl > INT32_MAX) /* RFC 2181 s8 */
		record.ttl = 0;
	memcpy(owner, record.owner, sw_name_len(record.owner));
	sw_name_lower(owner);
	record.owner = owner;
	return record_take(incoming, &record);
}

/** A record whose data is not valid as it lies: libknot makes the names in it whole (RFC 1035 s4.1.4, RFC
 * 3597 s4), in memory of its own. */
static enum sw_incoming_state packed_take(
	struct sw_incoming *incoming, const uint8_t *message, size_t len, size_t *at)
{
	knot_rrset_t rr;
	knot_rrset_init_empty(&rr);
	if (knot_rrset_rr_from_wire(message, at, len, &rr, NULL, false) != KNOT_EOK)
		return bad(incoming, "a malformed message");
	enum sw_incoming_state state;
	if (rr.rrs.count != 1)
		state = bad(incoming, "a record without data");
	else if (!sw_rdata_is_valid(rr.type, rr.rrs.rdata->data, rr.rrs.rdata->len))
		state = bad(incoming, "a malformed record of type %u", rr.type);
	else
		state = rr_take(incoming,
			&(struct sw_record){.owner = rr.owner,
				.type = rr.type,
				.ttl = rr.ttl,
				.rdata = rr.rrs.rdata->data,
				.rdata_len = rr.rrs.rdata->len},
			rr.rclass);
	knot_rrset_clear(&rr, NULL);
	return state;
}

/** The record at `*at`, which moves behind it. Most have no names in their data, and are taken from where
 * they lie. */
static enum sw_incoming_state wire_take(
	struct sw_incoming *incoming, const uint8_t *message, size_t len, size_t *at)
{
	uint8_t owner[SW_NAME_MAX];
	int owner_len = knot_dname_wire_check(message + *at, message + len, message);
	size_t head = *at + (size_t)(owner_len > 0 ? owner_len : 0);
	if (owner_len <= 0 || len - head < 10 ||
		knot_dname_unpack(owner, message + *at, sizeof(owner), message) <= 0)
		return bad(incoming, "a malformed message");
	const struct sw_record record = {
		.owner = owner,
		.type = sw_get16(message + head),
		.ttl = sw_get32(message + head + 4),
		.rdata = message + head + 10,
		.rdata_len = sw_get16(message + head + 8),
	};
	if (record.rdata_len > len - head - 10)
		return bad(incoming, "a malformed message");
	if (!sw_rdata_is_valid(record.type, record.rdata, record.rdata_len))
		return packed_take(incoming, message, len, at);
	*at = head + 10 + record.rdata_len;
	return rr_take(incoming, &record, sw_get16(message + head + 2));
}

static enum sw_incoming_state answer_take(
	struct sw_incoming *incoming, const uint8_t *message, size_t len, size_t at)
{
	enum sw_incoming_state state = SW_INCOMING_MORE;
	for (unsigned i = knot_wire_get_ancount(message); i > 0 && state != SW_INCOMING_BAD; i--) {
		if (state != SW_INCOMING_MORE)
			return bad(incoming, "records behind its end");
		state = wire_take(incoming, message, len, &at);
	}
	return state;
}

/** The question, where there is one. @return where the answer begins, 0 when it is another's */
static size_t question_check(const struct sw_incoming *incoming, const uint8_t *message, size_t len)
{
	uint8_t name[SW_NAME_MAX];
	size_t at = SW_HEADER_LEN;
	unsigned count = knot_wire_get_qdcount(message);
	if (count == 0)
		return at;
	int name_len = knot_dname_wire_check(message + at, message + len, message);
	if (count != 1 || name_len <= 0 || at + (size_t)name_len + 4 > len ||
		knot_dname_unpack(name, message + at, sizeof(name), message) <= 0)
		return 0;
	at += (size_t)name_len;
	unsigned type = sw_get16(message + at);
	bool is_same = type == (incoming->is_ixfr ? SW_TYPE_IXFR : SW_TYPE_AXFR) && message[at + 2] == 0 &&
		       message[at + 3] == SW_CLASS_IN && /* RFC 5936 s2.2.1: the question is the query's */
		       sw_name_equal(name, incoming->apex);
	return is_same ? at + 4 : 0;
}

static enum sw_incoming_state refused(struct sw_incoming *incoming, unsigned rcode)
{
	const knot_lookup_t *name = knot_lookup_by_id(knot_rcode_names, (int)rcode);
	snprintf(incoming->why, sizeof(incoming->why), "it refuses the transfer: %s",
		name ? name->name : "an error");
	incoming->may_axfr = incoming->is_ixfr && incoming->messages == 1;
	incoming->place = PLACE_END;
	return SW_INCOMING_REFUSED;
}

enum sw_incoming_state sw_incoming_take(struct sw_incoming *incoming, const uint8_t *message, size_t len)
{
	incoming->messages++;
	incoming->bytes += len;
	if (len < SW_HEADER_LEN || !knot_wire_get_qr(message) || knot_wire_get_opcode(message) != 0 ||
		knot_wire_get_tc(message))
		return bad(incoming, "a message that is no answer");
	if (knot_wire_get_rcode(message) != 0)
		return refused(incoming, knot_wire_get_rcode(message));
	if (incoming->limits.bytes != 0 && incoming->bytes > incoming->limits.bytes)
		return bad(incoming, "more than %llu bytes", (unsigned long long)incoming->limits.bytes);
	size_t at = question_check(incoming, message, len);
	if (at == 0)
		return bad(incoming, "an answer to another question");
	if (knot_wire_get_ancount(message) == 0) /* endless empty messages would be a way to hold us */
		return bad(incoming, "a message without records");
	enum sw_incoming_state state = answer_take(incoming, message, len, at);
	/* one SOA, and it is not newer than ours: that is all there is (RFC 1995 s2) */
	if (state == SW_INCOMING_MORE && incoming->place == PLACE_SECOND && is_old(incoming)) {
		incoming->place = PLACE_END;
		return SW_INCOMING_CURRENT;
	}
	return state;
}

const char *sw_incoming_why(const struct sw_incoming *incoming)
{
	return incoming->why;
}

bool sw_incoming_may_axfr(const struct sw_incoming *incoming)
{
	return incoming->may_axfr;
}

struct sw_contents *sw_incoming_contents(struct sw_incoming *incoming)
{
	struct sw_contents *contents = incoming->contents;
	incoming->contents = NULL;
	return contents;
}

size_t sw_incoming_deltas(struct sw_incoming *incoming, struct sw_delta **deltas)
{
	size_t count = incoming->delta_count;
	*deltas = incoming->deltas;
	incoming->deltas = NULL;
	incoming->delta_count = 0;
	return count;
}

uint64_t sw_incoming_bytes(const struct sw_incoming *incoming)
{
	return incoming->bytes;
}

uint64_t sw_incoming_records(const struct sw_incoming *incoming)
{
	return incoming->records;
}
