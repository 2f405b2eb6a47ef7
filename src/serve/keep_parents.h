/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the parents of zones that are signed here say of their DS, where the configuration tells who they
 * are: the loader's thread has them asked, and does what `seawall key ds-seen` and `ds-gone` do when all
 * agree.
 *
 * Nothing but that advances anything: not a parent that fails, not most of them. When all agree it counts
 * from then on as the operator's word does, with `ds-ttl` and `parent-propagation` behind it; where the TTL
 * seen at a parent is longer than `ds-ttl`, they have to agree for the difference first.
 */
#ifndef SW_SERVE_KEEP_PARENTS_H
#define SW_SERVE_KEEP_PARENTS_H

#include "serve/counts.h"
#include "zone/parent.h"
#include <jansson.h>

struct sw_keep;
struct sw_signing;
struct sw_zone_setting;

/** One server, and what it said last. */
struct sw_parent_said {
	char from[128]; /* "parent1 (192.0.2.1@53)" */
	char text[SW_PARENT_SAID_MAX];
	bool is_as_awaited;
};

/** Of a zone; what other threads look at changes under the lock of the keeper's `signs`. */
struct sw_parent_watch {
	bool is_on;		 /* something is waited for that parents can tell */
	char key[SW_KEY_ID_MAX]; /* the one whose DS it is; "": that there is none any more */
	bool is_asking;
	int64_t next_s, asked_s; /* seconds since 1970; 0: not yet */
	int64_t agreed_s;	 /* all say so since then; 0: they do not */
	int64_t until_s;	 /* and have to until then; 0: not known */
	uint32_t ttl_max_s;	 /* of the DS sets seen meanwhile */
	struct sw_parent_said *servers;
	size_t count;
};

/** Have them asked when it is time; the plan of the version kept is known. May make the zone due sooner. */
void sw_keep_parents_turn(
	struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_signing *signing);

/** They are to be asked soon: who they are may have changed. */
void sw_keep_parents_again(struct sw_signing *signing);

/** Take what they have said. */
void sw_keep_parents_take(struct sw_keep *keep);

/** Nobody will. */
void sw_keep_parents_drop(struct sw_keep *keep);

void sw_parent_watch_free(struct sw_parent_watch *watch);

/** For who looks at the zone; under the lock. NULL where nobody is asked. */
json_t *sw_keep_parents_json(const struct sw_signing *signing);

/** Any thread. */
void sw_keep_parents_counted(struct sw_keep *keep, struct sw_parent_counts *counts);

#endif
