/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the files that read knot.conf share. */
#ifndef SW_CLI_CONVERT_KNOT_H
#define SW_CLI_CONVERT_KNOT_H

#include "cli/convert.h"

/** An item of a section that lists them, or a section that is one. */
struct sw_knot_item {
	const char *kind;	  /* of the section */
	struct sw_said_list body; /* key, then its values */
	bool is_noted;		  /* what is lost of it */
	struct sw_knot_item *next;
};

struct sw_knot {
	struct sw_plan *plan;
	struct sw_knot_item *first, **last, *item; /* zones apart, the last of all */
	struct sw_knot_item *zones, **last_zone;
	bool has_automatic_acl;
};

int sw_knot_parse(struct sw_knot *knot);

/** The statement of a key, or NULL. */
const struct sw_said *sw_knot_find(const struct sw_knot_item *item, const char *key);
/** Its first value, or NULL. */
const char *sw_knot_value(const struct sw_knot_item *item, const char *key);
/** The item of that identifier: its first key. */
struct sw_knot_item *sw_knot_item(const struct sw_knot *knot, const char *kind, const char *id);

/** The name of our remote; NULL where there is none, which is noted. */
const char *sw_knot_remote(
	struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_said *said, const char *id);

/** Who may, by the rules that 'acl' lists. */
void sw_knot_access(struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_said *said);

#endif
