/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Changing some names of a zone that is served, and only what depends on them.
 *
 * Readers see each name as it was or as it is, never a third thing, and with the new serial only what is new:
 *
 * 1. Which slots can be others now: those of the names changed; of the names above them where names come or
 * go (empty non-terminals, wildcards); of all below a cut or DNAME that comes or goes; of names whose pieces
 * hold addresses of any of these (image/depend.h).
 * 2. A small sw_contents with their records, the names above, and the hosts they point to; from it the
 * compiler makes the slots as it does for a whole zone, into memory of their own (image/pool.h).
 * 3. Places for new slots are reserved (image/place.h), where there are too few in a bigger index. Up to here
 * an error changes nothing.
 * 4. Names that come are shown, the deepest first, so that who missed one does not find the name above it.
 *    Then, from the apex down, names become what they are now, or go: below a new cut nobody misses a name
 * and then finds no cut.
 * 5. The zone's head, with the apex, the SOA and the serial, by storing the word that refers to it; in a
 * signed zone where names go, one before these go that has all but the SOA (image/publish.c).
 *
 * What is replaced waits for the readers it may have (image/late.h). The change itself waits for them only
 * where a name finds no place, where names come below one that comes too and a wildcard stood for both, where
 * a cut or DNAME goes and names below it come, and where names are deeper than any before.
 */
#ifndef SW_IMAGE_CHANGE_H
#define SW_IMAGE_CHANGE_H

#include "image/compile.h"
#include "image/late.h"
#include "zone/delta.h"

/** What a zone that changes has beside its image. */
struct sw_changes {
	struct sw_pool pool;
	struct sw_depends *depends; /* NULL when it got lost for want of memory */
	struct sw_lates lates;
	uint64_t first_bytes; /* of the zone as it was compiled */
	bool is_waiting;      /* the store knows that `lates` has something */
};

/** @return NULL when out of memory */
struct sw_changes *sw_changes_new(struct sw_space *space);
void sw_changes_free(struct sw_changes *changes);

/** The store's side. */
struct sw_readers {
	void *context;
	const struct sw_hash_key *key;
	int (*show)(void *context);			/* the segments made */
	void (*wait)(void *context);			/* counted in `graces` */
	void (*deepen)(void *context, uint32_t labels); /* have names hashed so deep */
	struct sw_graces graces;
};

/** One zone, as the store has it. */
struct sw_changing {
	struct sw_readers *readers;
	struct sw_compiler *compiler;
	struct sw_space *space;
	struct sw_changes *changes;
	struct sw_compiled *compiled;
	const uint8_t *apex;
	uint32_t *word; /* that readers follow to its head */
	const struct sw_zone_records *records;
};

/** Scratch, kept from one change to the next. */
struct sw_changer;

/** @return NULL when out of memory */
struct sw_changer *sw_changer_new(const uint8_t *apex, const struct sw_hash_key *key);
void sw_changer_free(struct sw_changer *changer);

/** @return as sw_store_change() */
int sw_change(struct sw_changer *changer, const struct sw_changing *zone, const uint8_t *const *names,
	size_t count);

/** Do what waited for readers that are gone. @return whether there is more */
bool sw_change_settle(struct sw_changer *changer, const struct sw_changing *zone);

#endif
