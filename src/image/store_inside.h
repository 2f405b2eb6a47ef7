/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files of the store. */
#ifndef SW_IMAGE_STORE_INSIDE_H
#define SW_IMAGE_STORE_INSIDE_H

#include "image/change.h"

/** One zone served, or prepared. */
struct sw_served {
	struct sw_served *before; /* while publishing: the version that this one displaced */
	uint8_t apex[SW_NAME_MAX];
	uint8_t labels;
	bool is_removal; /* prepared: the zone is no longer to be served */
	bool is_live;	 /* it has been changed, or will be: its next version is made for that */
	uint64_t hash;
	uint64_t records;
	struct sw_region region;
	struct sw_compiled compiled;
	struct sw_changes *changes; /* NULL where it was not made for changes */
};

struct sw_store {
	struct sw_backing backing;
	struct sw_control *own_control; /* when the store is in plain memory */
	struct sw_space *space;
	struct sw_compiler *compiler;
	struct sw_changer *changer; /* NULL before the first change */
	struct sw_readers readers;
	struct sw_image_view view;
	bool is_live;		  /* zones prepared now will change */
	struct sw_served **zones; /* open addressing by apex hash */
	size_t zone_count, zone_mask;
	struct sw_served **prepared;
	size_t prepared_count;
	uint64_t *waiting; /* hashes of zones that have something to do when readers are gone */
	size_t waiting_count, waiting_room;
	struct sw_region table; /* the table of zones that readers use */
	size_t table_used;	/* entries that are not free, those of zones removed too */
	uint32_t depth_zones[SW_LABELS_MAX + 1];
};

/** Where a zone stands in the writer's table, or would. */
size_t sw_store_slot(const struct sw_store *store, uint64_t hash);

/* table.c: what readers see */
void sw_store_wait(struct sw_store *store);
int sw_store_show(struct sw_store *store);

/** Have names hashed that deep, before readers meet a zone that deep: one who hashed less would look for what
 * an earlier packet left in the place of a hash. */
void sw_table_deepen(struct sw_store *store, uint32_t depth);

/** Build the table of zones aside and let readers go over to it. @return 0 or -errno */
int sw_table_build(struct sw_store *store);

/** Let the zones prepared, which have their places in the writer's table, come, change and go in the table
 * that readers use. @return 0; -EAGAIN when it must be built anew; other -errno; on an error nothing has
 * changed */
int sw_table_change(struct sw_store *store);

/** Entry of a zone, NULL where readers have none. */
struct sw_zone_entry *sw_table_entry(const struct sw_store *store, uint64_t hash);

#endif
