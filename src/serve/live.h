/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The zones that change while they are served, for whoever takes requests about them.
 *
 * Any thread may call; those that return pointers, within rcu_read_lock() (liburcu, memb flavour), until
 * which they are valid. Changes themselves are the loader's work, on its thread.
 */
#ifndef SW_SERVE_LIVE_H
#define SW_SERVE_LIVE_H

#include "serve/counts.h"
#include "serve/requests_log.h"
#include "serve/settings.h"
#include "zone/archive.h"

struct sw_live;

/** What happens elsewhere when somebody asks for something. Called from any thread; must not block. */
struct sw_live_calls {
	void (*notified)(void *arg, const uint8_t *apex, bool has_serial, uint32_t serial);
	void (*updates_wait)(void *arg); /* the first of a row of updates waits to be taken */
	void *arg;
};

/** @param archive  NULL: no zone can be read for a transfer. Both outlive this
 * @return NULL when out of memory */
struct sw_live *sw_live_new(struct sw_archive *archive, const struct sw_live_calls *calls);
void sw_live_free(struct sw_live *live); /* readers are gone; updates that wait are refused */

/** Have the zones be those of `settings`, which the caller keeps until the next call has returned. */
void sw_live_set(struct sw_live *live, struct sw_settings *settings);

/** Whether any of them is live: then requests are taken. Any thread. */
bool sw_live_has_zones(const struct sw_live *live);

/** All updates that wait, oldest first, or NULL. */
struct sw_update_request *sw_live_updates_take(struct sw_live *live);

/** The zone of that very name when it is live (sw_policy_is_live()), or NULL. */
const struct sw_zone_setting *sw_live_zone(const struct sw_live *live, const uint8_t *apex);

/** To count with. As long as `live` lives; any thread, by sw_count(). */
struct sw_counts *sw_live_counts(struct sw_live *live);
/** What was counted so far. */
void sw_live_counted(const struct sw_live *live, struct sw_counts *counts);

/** What the log says of requests. As long as `live` lives; any thread. */
struct sw_requests_log *sw_live_log(struct sw_live *live);

/** How much transfers and requests may take now. */
struct sw_limits sw_live_limits(const struct sw_live *live);

/** The key of that name and algorithm: a sw_tsig_find_fn with `live` as its argument. */
const struct sw_tsig_key *sw_live_key(void *live, const uint8_t *name, enum sw_tsig_algorithm algorithm);

/** Somebody who may says that a zone has changed: have its primaries asked. */
void sw_live_notified(struct sw_live *live, const uint8_t *apex, bool has_serial, uint32_t serial);

/** To read a zone for a transfer. @return 0 or -errno */
int sw_live_snapshot(struct sw_live *live, struct sw_snapshot **snapshot);

/** An update that is waiting for its turn. Made by malloc(), `message` behind it; whoever has it frees it. */
struct sw_update_request {
	struct sw_update_request *next;
	struct sw_peer peer;
	struct sw_tsig tsig; /* to sign the reply with */
	bool is_stream;
	uint64_t due_ns; /* CLOCK_MONOTONIC: nobody waits for the reply any more; it is not done then */
	/** Called once, from the loader's thread, when the update is durable and served, or refused; the
	 * reply is signed. Frees the request. */
	void (*done)(struct sw_update_request *request, const uint8_t *reply, size_t len);
	void *arg;
	uint64_t token; /* the caller's */
	size_t len;
	uint8_t message[]; /* its TSIG off */
};

/** @return 0; -EAGAIN when too many are waiting (SERVFAIL), then the request is still the caller's */
int sw_live_update(struct sw_live *live, struct sw_update_request *request);

#endif
