/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Dynamic updates (RFC 2136): a message and a zone into an RCODE and a change. Pure: the zone is read, and
 * not touched; the change is the caller's to apply (sw_archive_change()), which is what makes it atomic.
 */
#ifndef SW_ZONE_UPDATE_H
#define SW_ZONE_UPDATE_H

#include "zone/archive.h"

/** RCODEs of updates alone (RFC 2136 s2.2). */
enum sw_update_rcode {
	SW_RCODE_YXRRSET = 7,
	SW_RCODE_NXRRSET = 8,
	SW_RCODE_NOTZONE = 10,
};

/** What an update may do. */
struct sw_update_rules {
	/** Asked for each record of the update section (RFC 2136 s3.3); NULL: all is let.
	 * @param name  lower case
	 * @param type  SW_TYPE_ANY where all RRsets of the name are to be deleted */
	bool (*may)(void *arg, const uint8_t *name, uint16_t type);
	void *arg;
	bool is_signed; /* by us: RRSIG, NSEC, NSEC3 and NSEC3PARAM are ours, and refused */
};

/** Names in wire format, one behind the other. */
struct sw_update_names {
	uint8_t *bytes;
	size_t used, size; /* bytes */
	size_t count;
};

struct sw_update_result {
	uint16_t rcode;
	const char *why; /* the rule that made it so, with its section; "" where rcode is 0; constant */
	bool is_change;	 /* else there is nothing to do: delta and names are empty */
	struct sw_delta delta;
	struct sw_update_names names; /* whose records change: each once, the apex among them for its SOA */
};

/** The zone that an update is for: for whoever must find it first.
 * @param apex  SW_NAME_MAX bytes, lower case
 * @return 0 or the RCODE to answer with (RFC 2136 s3.1.1): FORMERR, NOTAUTH for a class that is not IN */
int sw_update_apex(const uint8_t *message, size_t len, uint8_t *apex);

/** Judge an update against a zone, in the order of RFC 2136 s3.1 to s3.4.
 *
 * @param snapshot  as things are now: sw_archive_own() within the transaction, so that the next update sees
 *                  what the one before it did
 * @param message  its TSIG off
 * @param result  zeros; freed by the caller, also after an error
 * @return 0; -errno of reading the zone or of memory: SERVFAIL
 */
int sw_update_judge(struct sw_snapshot *snapshot, const uint8_t *message, size_t len,
	const struct sw_update_rules *rules, struct sw_update_result *result);

void sw_update_result_free(struct sw_update_result *result);

/** The name at `*at`, which moves behind it; from 0 on. @return NULL at the end */
const uint8_t *sw_update_names_next(const struct sw_update_names *names, size_t *at);

/** The reply (RFC 2136 s3.8): the header, and the zone section where it can be read; an OPT record where the
 * update had one.
 * @param message  its TSIG off, at least a header
 * @param max  of the reply, at least 512 bytes
 * @return its length */
size_t sw_update_reply(const uint8_t *message, size_t len, uint16_t rcode, uint8_t *reply, size_t max);

#endif
