/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the files that read knot.conf share. */
#ifndef SW_CLI_CONVERT_KNOT_H
#define SW_CLI_CONVERT_KNOT_H

#include "cli/convert.h"

#define SW_KNOT_STORAGE "/var/lib/knot" /* where Debian's Knot looks when it is not told */

/** An item of a section that lists them, or a section that is one. */
struct sw_knot_item {
	const char *kind;	   /* of the section */
	struct sw_said_list body;  /* key, then its values */
	bool is_noted;		   /* what is lost of it */
	struct sw_plan_zone *zone; /* of the plan, or its template; NULL: none */
	bool is_producer;	   /* a catalog that is made here */
	bool is_member;		   /* a template all whose zones are in one */
	struct sw_knot_item *next;
};

struct sw_knot {
	struct sw_plan *plan;
	struct sw_knot_item *first, **last, *item; /* zones apart, the last of all */
	struct sw_knot_item *zones, **last_zone;
	bool has_automatic_acl;
	bool is_for_members; /* the template in hand is one for members of catalogs */
	struct sw_knot_derived *derived;
};

int sw_knot_parse(struct sw_knot *knot);

/** The statement of a key, or NULL. */
const struct sw_said *sw_knot_find(const struct sw_knot_item *item, const char *key);
/** Its first value, or NULL. */
const char *sw_knot_value(const struct sw_knot_item *item, const char *key);
/** A zone's own statement, else its template's; NULL for none. */
const struct sw_said *sw_knot_told(
	const struct sw_knot_item *zone, const struct sw_knot_item *template, const char *key);
/** The template that is for a zone; NULL for none. */
const struct sw_knot_item *sw_knot_zone_template(const struct sw_knot *knot, const struct sw_knot_item *zone);
/** The item of that identifier: its first key. */
struct sw_knot_item *sw_knot_item(const struct sw_knot *knot, const char *kind, const char *id);

/** The name of our remote; NULL where there is none, which is noted. */
const char *sw_knot_remote(
	struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_said *said, const char *id);

/** Who may, by the rules that 'acl' lists. */
void sw_knot_access(struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_said *said);

/** Whether a catalog names the template for its members. */
bool sw_knot_is_for_members(const struct sw_knot *knot, const char *id);

/** A catalog that comes from elsewhere. @param templates  NULL: not told
 * @return whether any of its members can be served; what cannot is noted */
bool sw_knot_take_catalog(struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_said *domain,
	const struct sw_said *templates);

/** A catalog that is made here, as yet without members. */
void sw_knot_make_catalog(struct sw_knot *knot, struct sw_plan_zone *zone);

/** Its members, when all zones are there. */
void sw_knot_fill_catalogs(struct sw_knot *knot);

#endif
