/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The zones beyond the configuration, on disk: those a person added while the server ran, and the members of
 * catalogs. DIRECTORY/roster.db, an SQLite database with a row for each; one process at a time, which holds
 * the archive of that directory too.
 *
 * A membership is kept here, not only in the catalog's records, as it outlasts them: a catalog that is broken
 * or has expired keeps its members, over a restart too (RFC 9432 s5.1).
 */
#ifndef SW_ZONE_REGISTER_H
#define SW_ZONE_REGISTER_H

#include "wire/name.h"

struct sw_register;

struct sw_register_entry {
	const uint8_t *zone;	/* lower case, as all names here */
	const uint8_t *catalog; /* that brought it; NULL: a person added it */
	/* of a member (zone/catalog.h) */
	const uint8_t *label, *coo, *groups; /* NULL: none */
	size_t groups_len;
	/* of one added; NULL: none */
	const char *template, *file;
};

/** Open or make it. One that is damaged is put aside as roster.db.broken, and a fresh one begun.
 * @param why  512 bytes: text of an error, or of what was put aside; empty when there is nothing to tell
 * @return 0 or -errno */
int sw_register_open(struct sw_register **reg, const char *directory, char *why);
void sw_register_close(struct sw_register *reg); /* takes NULL */

/** What is put and removed after this is durable when sw_register_commit() returns 0, or has not happened. */
int sw_register_begin(struct sw_register *reg);
int sw_register_commit(struct sw_register *reg);

/** Add one, or put it in place of the one of that name. @return 0 or -errno */
int sw_register_put(struct sw_register *reg, const struct sw_register_entry *entry);
int sw_register_remove(struct sw_register *reg, const uint8_t *zone);

typedef int sw_register_fn(void *arg, const struct sw_register_entry *entry);

/** In no particular order. Rows that are not what they should be are left out.
 * @return 0, what `take` returned, -errno */
int sw_register_each(struct sw_register *reg, sw_register_fn *take, void *arg);

#endif
