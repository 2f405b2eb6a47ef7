/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/bytes.h"
#include "zone/rdata.h"
#include "zone/update_inside.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPCODE_UPDATE 5

static int verdict(uint16_t rcode, const char *why, const char **out)
{
	*out = why;
	return rcode;
}

/** RFC 2136 s3.1.1: one zone, of type SOA. */
static int parse_zone(struct sw_update_message *update, const uint8_t *message, size_t len, const char **why)
{
	if (len < SW_HEADER_LEN)
		return verdict(SW_RCODE_FORMERR, "shorter than a header", why);
	if ((sw_get16(message + 2) & (SW_FLAG_QR | 0xf << SW_OPCODE_SHIFT)) != OPCODE_UPDATE
										       << SW_OPCODE_SHIFT)
		return verdict(SW_RCODE_NOTIMP, "no update", why);
	if (sw_get16(message + 4) != 1)
		return verdict(SW_RCODE_FORMERR, "s3.1.1: not one record in the zone section", why);
	const uint8_t *name = message + SW_HEADER_LEN;
	int name_len = knot_dname_wire_check(name, message + len, message);
	if (name_len <= 0 || len - SW_HEADER_LEN < (size_t)name_len + 4 ||
		knot_dname_unpack(update->apex, name, SW_NAME_MAX, message) <= 0)
		return verdict(SW_RCODE_FORMERR, "s3.1.1: the zone section cannot be read", why);
	sw_name_lower(update->apex);
	update->zone_end = SW_HEADER_LEN + (size_t)name_len + 4;
	if (sw_get16(name + name_len) != SW_TYPE_SOA)
		return verdict(SW_RCODE_FORMERR, "s3.1.1: the zone's type is not SOA", why);
	if (sw_get16(name + name_len + 2) != SW_CLASS_IN)
		return verdict(SW_RCODE_NOTAUTH, "s3.1.2: no zone of that class", why);
	return 0;
}

/** Read a record. @return whether it is well-formed */
static bool parse_rr(struct sw_update_rr *rr, const uint8_t *message, size_t len, size_t *at)
{
	if (knot_rrset_rr_from_wire(message, at, len, &rr->set, NULL, false) != KNOT_EOK)
		return false;
	sw_name_lower(rr->set.owner);
	const knot_rdata_t *rdata = rr->set.rrs.count ? rr->set.rrs.rdata : NULL;
	rr->class = rr->set.rclass;
	rr->record = (struct sw_record){.owner = rr->set.owner,
		.type = rr->set.type,
		.ttl = rr->set.ttl,
		.rdata_len = rdata ? rdata->len : 0,
		.rdata = rdata && rdata->len ? rdata->data : (const uint8_t *)""};
	return true;
}

static int parse_all(struct sw_update_message *update, const uint8_t *message, size_t len)
{
	size_t count = update->prerequisites + update->updates, at = update->zone_end;
	size_t additional = sw_get16(message + 10);
	/* the counts are anybody's word; the bytes are not */
	if ((count + additional) * SW_RECORD_MIN > len)
		return SW_RCODE_FORMERR;
	update->rrs = calloc(count + 1, sizeof(*update->rrs));
	if (!update->rrs)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (!parse_rr(&update->rrs[i], message, len, &at))
			return SW_RCODE_FORMERR;
	}
	for (size_t i = 0; i < additional; i++) {
		struct sw_update_rr rr = {0};
		if (!parse_rr(&rr, message, len, &at))
			return SW_RCODE_FORMERR;
		update->has_edns = update->has_edns || rr.record.type == SW_TYPE_OPT;
		knot_rrset_clear(&rr.set, NULL);
	}
	return at == len ? 0 : SW_RCODE_FORMERR;
}

int sw_update_parse(struct sw_update_message *update, const uint8_t *message, size_t len, const char **why)
{
	*update = (struct sw_update_message){0};
	int rcode = parse_zone(update, message, len, why);
	if (rcode)
		return rcode;
	update->prerequisites = sw_get16(message + 6);
	update->updates = sw_get16(message + 8);
	rcode = parse_all(update, message, len);
	if (rcode > 0)
		*why = "a record cannot be read, or bytes are left over";
	return rcode;
}

void sw_update_message_free(struct sw_update_message *update)
{
	for (size_t i = 0; update->rrs && i < update->prerequisites + update->updates; i++) {
		if (update->rrs[i].set.owner)
			knot_rrset_clear(&update->rrs[i].set, NULL);
	}
	free(update->rrs);
	update->rrs = NULL;
}

int sw_update_apex(const uint8_t *message, size_t len, uint8_t *apex)
{
	struct sw_update_message update = {0};
	const char *why;
	int rcode = parse_zone(&update, message, len, &why);
	if (rcode == 0)
		memcpy(apex, update.apex, sw_name_len(update.apex));
	return rcode;
}

size_t sw_update_reply(const uint8_t *message, size_t len, uint16_t rcode, uint8_t *reply, size_t max)
{
	struct sw_update_message update;
	const char *why;
	/* what does not parse is answered with the header alone, where not even the zone section does */
	(void)sw_update_parse(&update, message, len, &why);
	sw_update_message_free(&update);
	size_t used = SW_HEADER_LEN;
	memset(reply, 0, SW_HEADER_LEN);
	memcpy(reply, message, 2);
	/* s3.8: ID and opcode are the request's */
	reply[2] = (uint8_t)(SW_FLAG_QR >> 8 | (message[2] & 0x78));
	reply[3] = (uint8_t)(rcode & 0xf);
	if (update.zone_end && update.zone_end + SW_OPT_LEN <= max) {
		memcpy(reply + used, message + used, update.zone_end - used);
		reply[5] = 1;
		used = update.zone_end;
	}
	if (update.has_edns) {
		static const uint8_t opt[SW_OPT_LEN] = {0, 0, SW_TYPE_OPT, 1232 >> 8, 1232 & 0xff};
		memcpy(reply + used, opt, SW_OPT_LEN);
		reply[11] = 1;
		used += SW_OPT_LEN;
	}
	return used;
}
