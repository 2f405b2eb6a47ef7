/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files of updates: the message taken apart, and what becomes of the names in it. */
#ifndef SW_ZONE_UPDATE_INSIDE_H
#define SW_ZONE_UPDATE_INSIDE_H

#include "wire/message.h"
#include "zone/update.h"
#include <libknot/libknot.h>

#define SW_CLASS_NONE 254 /* RFC 2136 s1.3 */

/* ---- update_parse.c ---- */

/** A record of a message, its names uncompressed and its owner in lower case. */
struct sw_update_rr {
	knot_rrset_t set;
	uint16_t class;
	struct sw_record record; /* lies in `set` */
};

struct sw_update_message {
	uint8_t apex[SW_NAME_MAX];
	size_t zone_end; /* bytes up to the end of the zone section */
	struct sw_update_rr *rrs;
	size_t prerequisites, updates; /* in this order */
	bool has_edns;
};

/** Take a message apart: the zone section (RFC 2136 s2.3), and what is well-formed about the others.
 * @return 0, the RCODE to answer with and why, -ENOMEM; freed by the caller in any case */
int sw_update_parse(struct sw_update_message *update, const uint8_t *message, size_t len, const char **why);
void sw_update_message_free(struct sw_update_message *update);

/* ---- update_site.c ---- */

/** A record that a name has, had or gets. */
struct sw_update_item {
	uint32_t hash; /* of type and canonical rdata: most are told apart by it */
	uint16_t type, rdata_len;
	uint32_t ttl, old_ttl;
	size_t rdata;	  /* in the bytes of the site */
	size_t canonical; /* the same with names in lower case; the same place where it has none */
	bool was, is;
	bool is_wanted; /* a prerequisite names it */
};

/** A name of the message with all of its records. */
struct sw_update_site {
	const uint8_t *owner; /* the message's */
	uint64_t hash;
	struct sw_update_item *items;
	size_t count, size;
	uint8_t *bytes;
	size_t used, bytes_size;
};

/** All names of a message, read from the zone when they first come up. */
struct sw_update_sites {
	struct sw_snapshot *snapshot;
	const uint8_t *apex;
	struct sw_hash_key key;
	struct sw_update_site *sites; /* open addressing */
	size_t mask;
	struct sw_update_site **order; /* as they came up */
	size_t count;
};

/** @param names  at most so many will come @return 0 or -ENOMEM, -EIO */
int sw_update_sites_start(
	struct sw_update_sites *sites, struct sw_snapshot *snapshot, const uint8_t *apex, size_t names);
void sw_update_sites_free(struct sw_update_sites *sites);

/** @param owner  lower case, in the zone; kept by the caller @return 0 or -errno */
int sw_update_site(struct sw_update_sites *sites, const uint8_t *owner, struct sw_update_site **site);

/** Add a record to a site's list. @param was  it is in the zone @return 0 or -ENOMEM */
int sw_update_item_add(struct sw_update_site *site, const struct sw_record *record, bool was);

/** The item of those data (names without regard to case), whether it is there or was.
 * @param item  NULL when there is none @return 0 or -ENOMEM */
int sw_update_item_find(
	struct sw_update_site *site, const struct sw_record *record, struct sw_update_item **item);

#endif
