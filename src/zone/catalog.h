/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Catalog zones (RFC 9432): zones whose records name other zones. Records in, members out. */
#ifndef SW_ZONE_CATALOG_H
#define SW_ZONE_CATALOG_H

#include "zone/delta.h"

#define SW_CATALOG_WHY_MAX 320
#define SW_CATALOG_LABEL_MAX (1 + SW_LABEL_MAX) /* its length byte first */

struct sw_catalog_member {
	const uint8_t *zone;   /* lower case */
	const uint8_t *label;  /* <unique-N>, its length byte first */
	const uint8_t *coo;    /* the catalog that it may go to, lower case; NULL: none */
	const uint8_t *groups; /* a length byte and so many bytes, one behind the other */
	size_t groups_len;     /* bytes of all */
};

struct sw_catalog;

/** @param members_max  with more, the catalog counts as broken
 * @return NULL when out of memory */
struct sw_catalog *sw_catalog_new(const uint8_t *apex, size_t members_max);
void sw_catalog_free(struct sw_catalog *catalog);

/** Take the next record of the zone: a sw_record_fn. In canonical order of owners, as the archive gives them;
 * owners in lower case.
 * @return 0; -EBADMSG when the catalog is broken by it, then sw_catalog_why() says how; -ENOMEM */
int sw_catalog_add(void *catalog, const struct sw_record *record);

/** After the last: sort the members by name. @return as sw_catalog_add() */
int sw_catalog_finish(struct sw_catalog *catalog);

/** Why it is broken, or "". */
const char *sw_catalog_why(const struct sw_catalog *catalog);

/** Of a finished one, in canonical order of their names. */
const struct sw_catalog_member *sw_catalog_members(const struct sw_catalog *catalog, size_t *count);

/** The label that catalogs made here give a zone: made of its name alone, so that it stays. */
void sw_catalog_label(const uint8_t *zone, uint8_t label[SW_CATALOG_LABEL_MAX]);

/** The records of a member, as catalogs made here have them: one PTR, and a TXT where it has a group.
 * @param group  NULL: none; at most 255 bytes
 * @return 0, what `take` returned, -EINVAL for a catalog whose name leaves no room */
int sw_catalog_write(
	const uint8_t *apex, const uint8_t *zone, const char *group, sw_record_fn *take, void *arg);

/** Those at the top: SOA, NS (RFC 9432 s4), version. */
int sw_catalog_write_top(const uint8_t *apex, uint32_t serial, sw_record_fn *take, void *arg);

#endif
