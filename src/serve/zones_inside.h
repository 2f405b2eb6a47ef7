/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files that know the zones of a node. What changes them is the loading thread's. */
#ifndef SW_SERVE_ZONES_INSIDE_H
#define SW_SERVE_ZONES_INSIDE_H

#include "serve/zones.h"
#include "zone/files.h"
#include <pthread.h>

struct sw_zones_entry {
	uint8_t *apex;
	char *file;
	char *reason;
	enum sw_zone_state state;
	uint32_t errors, warnings;
	int64_t loaded_s;
	struct sw_store_zone served;
	struct sw_zone_files files; /* of the version loaded last */
	bool is_live;
	bool is_frozen;	  /* nothing new is taken of it */
	bool is_prepared; /* compiled, to be published */
	bool is_listed;	  /* in sw_zones.zones */
};

struct sw_zones {
	struct sw_store *store;
	struct sw_zone_keeper keeper;
	struct sw_settings *settings; /* held: of the last round */
	const bool *is_stopping;
	struct sw_contents *contents;  /* of the zone in hand; its memory serves a whole round */
	pthread_mutex_t lock;	       /* taken by the loading thread to change, by others to look */
	struct sw_zones_entry **zones; /* in canonical order */
	size_t count;
	uint64_t image_bytes;
	const uint8_t *tried; /* name of a zone that comes on trial, or NULL */
};

static inline bool sw_zones_is_tried(const struct sw_zones *zones, const struct sw_zones_entry *zone)
{
	return zones->tried != NULL && sw_name_equal(zones->tried, zone->apex);
}

/* zones.c: the list */

struct sw_zones_entry *sw_zones_entry_new(const struct sw_zone_setting *setting);
void sw_zones_entry_free(struct sw_zones_entry *zone); /* takes NULL */

/** An element of the list and a name, for bsearch(). */
int sw_zones_compare(const void *apex, const void *zone);
struct sw_zones_entry **sw_zones_find(const struct sw_zones *zones, const uint8_t *apex);

/** A zone that stays may have another file now, or may become live, or cease to be. With the lock held. */
void sw_zones_entry_update(
	const struct sw_zones *zones, struct sw_zones_entry *zone, const struct sw_zone_setting *setting);

/** It is no longer in the list: serve it no more when next published, and free it. */
void sw_zones_drop(struct sw_zones *zones, struct sw_zones_entry *zone, struct sw_zones_outcome *outcome);

/* zones_serve.c: from where a zone comes from to what is served of it */

/** Read, check and compile; nothing is served yet. */
void sw_zones_prepare(
	struct sw_zones *zones, struct sw_zones_entry *zone, const struct sw_zone_setting *setting);

/** All that is to be prepared is: serve it, and say how it went with these. */
void sw_zones_publish(
	struct sw_zones *zones, struct sw_zones_entry **some, size_t count, struct sw_zones_outcome *outcome);

#endif
