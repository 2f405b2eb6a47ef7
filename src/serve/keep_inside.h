/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files that keep the zones that change: all of it is the loader's thread's, but for what is
 * said to be under the lock. */
#ifndef SW_SERVE_KEEP_INSIDE_H
#define SW_SERVE_KEEP_INSIDE_H

#include "serve/grace.h"
#include "serve/keep.h"
#include "serve/log.h"
#include "wire/message.h"
#include <time.h>

struct sw_signs;

#define SW_JOURNAL_BYTES (64ull << 20) /* of a zone, unless told */

struct sw_keep {
	char *directory;
	struct sw_store *store;
	struct sw_zones *zones;
	struct sw_archive *archive;
	struct sw_live *live;
	struct sw_secondary *secondary;
	struct sw_grace *grace;
	struct sw_roster *roster;
	struct sw_settings *settings; /* held */
	sw_keep_wake_fn *wake;
	void *wake_arg;
	struct sw_signs *signs;	  /* keep_sign.h */
	bool is_writing;	  /* a transaction is open */
	bool is_catalogs_turn;	  /* zones that go now go with their keys */
	int64_t catalogs_again_s; /* atomic: one of them failed; 0: none */
	uint8_t *changed; /* names of zones whose files brought another version, one behind the other */
	size_t changed_used, changed_size;
	pthread_mutex_t lock; /* of what follows */
	bool is_stopped;
	struct sw_delivery *first, **last; /* what has arrived */
	struct sw_records known_soa;	   /* while the secondary is told */
	struct sw_record known_record;
};

static inline int64_t sw_keep_now_s(void)
{
	return (int64_t)time(NULL);
}

/* keep_write.c: the archive's transactions. Each change is there as a whole or not at all; all of them are
 * durable after sw_keep_settle(). Return 0 or -errno, as the function of zone/archive.h. */

int sw_keep_begin(struct sw_keep *keep);
int sw_keep_settle(struct sw_keep *keep);
int sw_keep_replace(struct sw_keep *keep, const struct sw_contents *contents);
int sw_keep_note(struct sw_keep *keep, const struct sw_archive_zone *zone);
int sw_keep_remove(struct sw_keep *keep, const uint8_t *apex);
int sw_keep_changes(struct sw_keep *keep, const struct sw_zone_setting *setting,
	const struct sw_delta *deltas, size_t count);

/** A part of the transaction that happens as a whole or not at all, within others too: err = sw_keep_mark();
 * if (err == 0) err = sw_keep_unmark(keep, work()). */
int sw_keep_mark(struct sw_keep *keep);
int sw_keep_unmark(struct sw_keep *keep, int err);

/** What is kept, with what is written and not durable yet. */
struct sw_snapshot *sw_keep_own(struct sw_keep *keep);

/** The SOA that is kept. @return whether there is one; to be freed either way */
bool sw_keep_soa(struct sw_keep *keep, const uint8_t *apex, struct sw_records *soa);

/** The SOA that its primary or its file has: of a zone signed here another serial than that of what is kept.
 */
bool sw_keep_source_soa(struct sw_keep *keep, const uint8_t *apex, struct sw_records *soa);

/** Have the loader call sw_keep_work(). Any thread. */
void sw_keep_wake(struct sw_keep *keep);

/* keep_load.c */

uint64_t sw_keep_file_stamp(const char *path);
/** Whether what is kept has moved on from its file, which is the one that was taken.
 * @param stamp  of the file now */
bool sw_keep_file_is_taken(
	const struct sw_zone_setting *setting, const struct sw_archive_zone *zone, uint64_t stamp);
void sw_keep_changed_note(struct sw_keep *keep, const uint8_t *apex);
void sw_keep_say_damaged(const uint8_t *apex);

/* keep_serve.c: from what is kept to what is served */

/** The zone as it is told, or NULL when it is not one of ours any more. */
const struct sw_zone_setting *sw_keep_setting(struct sw_keep *keep, const uint8_t *apex);

/** Serve what changes have made of a zone; they are durable. @return 0 or -errno, then the version before is
 */
int sw_keep_serve(struct sw_keep *keep, const uint8_t *apex, const struct sw_delta *deltas, size_t count);

/** The same before they are written, for those that could be fetched again. What is to be said of the zone
 * waits for sw_keep_served(). @return whether it is done; if not, nothing has changed, and they may not fit
 * what is kept */
bool sw_keep_serve_ahead(
	struct sw_keep *keep, const uint8_t *apex, const struct sw_delta *deltas, size_t count);
/** What is said of a zone follows what is kept. */
void sw_keep_served(struct sw_keep *keep, const uint8_t *apex);

/** Serve what is kept by compiling it whole. */
int sw_keep_serve_whole(struct sw_keep *keep, const uint8_t *apex);

/** Others are told of a new version. */
void sw_keep_tell(struct sw_keep *keep, const uint8_t *apex);

/** New settings hold, made by turns from those that held. */
void sw_keep_settings_turn(
	struct sw_keep *keep, struct sw_settings *settings, const struct sw_turn *turns, size_t count);

/* keep_catalog.c: of a catalog the SOA and the NS records are served, and no more (docs/wire.md) */

bool sw_keep_is_catalog(struct sw_keep *keep, const uint8_t *apex);
/** Contents that have these alone, from what is kept. @param contents  as for sw_zone_load() */
int sw_keep_cover(struct sw_keep *keep, const uint8_t *apex, struct sw_contents **contents);
int sw_keep_serve_cover(struct sw_keep *keep, const uint8_t *apex);

/** Whether a catalog that failed is to be looked at again. Any thread. */
bool sw_keep_catalogs_are_due(struct sw_keep *keep);

/* keep_roster.c: zones that come and go */

/** Take turns, in memory and in what is served. @return 0 or -errno, nothing changed */
int sw_keep_turn(struct sw_keep *keep, const struct sw_roster_turns *turns, struct sw_zones_outcome *outcome);

/* keep_produce.c: catalogs made here */

/** Have what is kept of a catalog be made of the zones there are. @return 0 or -errno */
int sw_keep_produce(struct sw_keep *keep, const struct sw_zone_setting *producer);
/** Have all of them follow, and serve them. */
void sw_keep_produce_turns(struct sw_keep *keep, const struct sw_roster_turns *turns);

/* keep_take.c, keep_update.c: what arrives */

void sw_keep_take_delivery(struct sw_keep *keep, struct sw_delivery *delivery);
void sw_keep_take_updates(struct sw_keep *keep);
void sw_keep_take_requests(struct sw_keep *keep, struct sw_update_request *next);

void sw_keep_settled(struct sw_keep *keep, const struct sw_delivery *delivery, enum sw_settlement settlement);
/** Of a zone of which nothing was kept. */
void sw_keep_say_first(const struct sw_delivery *delivery, uint32_t serial);
void sw_keep_say_transfer(const struct sw_delivery *delivery, const char *how, uint32_t from, uint32_t to);

#endif
