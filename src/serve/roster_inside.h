/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files that know which zones there are beyond the configuration. */
#ifndef SW_SERVE_ROSTER_INSIDE_H
#define SW_SERVE_ROSTER_INSIDE_H

#include "serve/roster.h"
#include <pthread.h>

/** A catalog of the configuration. */
struct sw_roster_entry {
	const struct sw_zone_setting *setting; /* of the configuration */
	bool is_stale, is_broken, is_failed;
	struct sw_roster_version version; /* processed last */
	char reason[SW_CATALOG_WHY_MAX];
};

struct sw_roster {
	struct sw_register *reg;
	struct sw_settings *base, *all; /* held */
	struct sw_roster_entry *catalogs;
	size_t catalog_count;
	const struct sw_zone_setting **producers;
	size_t producer_count;
	struct sw_beyond **zones; /* in canonical order */
	size_t count;
	/* of `catalogs` and `zones`: taken by the loader's thread to change, by others to look */
	pthread_mutex_t lock;
};

/** @return NULL where no zone of that name is beyond the configuration */
struct sw_beyond *sw_roster_beyond(const struct sw_roster *roster, const uint8_t *apex);

void sw_roster_zones_free(struct sw_beyond **zones, size_t count);

/** @return NULL where the configuration has no catalog of that name */
struct sw_roster_entry *sw_roster_catalog(struct sw_roster *roster, const uint8_t *apex);

/** Takes `after` over, on errors too; `before` is held. @return 0 or -ENOMEM */
int sw_roster_turns_add(
	struct sw_roster_turns *turns, struct sw_beyond *before, struct sw_beyond *after, bool keeps_state);

/** The template for a member: RFC 9432 s4.3.2 leaves it open which of several groups counts; the
 * configuration's first. @return its name, or NULL */
const char *sw_roster_template(const struct sw_catalog_policy *policy, const struct sw_register_entry *entry);

/** The zone that an entry of the register stands for.
 * @param catalog  that brings it; NULL: a person added it
 * @return 0 or -errno: -EINVAL and -ENAMETOOLONG where its template makes no name of a file of it */
int sw_roster_make(const struct sw_settings *base, const struct sw_zone_setting *catalog,
	const struct sw_register_entry *entry, struct sw_beyond **result);

#endif
