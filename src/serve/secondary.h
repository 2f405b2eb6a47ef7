/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Asks primaries, on a thread of its own: who has a newer version of which zone, and fetches it (RFC 1034
 * s4.3.5, RFC 1996, RFC 5936, RFC 1995, RFC 9103).
 *
 * It knows times and serials, not records: what a transfer brings is handed over whole to the loader, which
 * judges it and says what became of it. Until then the zone is not asked for again.
 */
#ifndef SW_SERVE_SECONDARY_H
#define SW_SERVE_SECONDARY_H

#include "serve/live.h"
#include "serve/notify.h"
#include "serve/turn.h"
#include "zone/incoming.h"
#include "zone/refresh.h"

struct sw_secondary;

enum sw_delivery_kind {
	SW_DELIVERY_ZONE,    /* contents */
	SW_DELIVERY_CHANGES, /* deltas */
	SW_DELIVERY_CURRENT, /* a primary says that ours is the newest */
	SW_DELIVERY_EXPIRED, /* nobody could say so for too long */
};

/** What is to be done about a zone. Whoever takes it frees it, after sw_secondary_settled(). */
struct sw_delivery {
	struct sw_delivery *next; /* the taker's */
	enum sw_delivery_kind kind;
	uint8_t apex[SW_NAME_MAX];
	struct sw_contents *contents;
	struct sw_delta *deltas;
	size_t delta_count;
	int64_t time_s; /* when the primary was asked */
	uint64_t bytes, records;
	double seconds;
	char from[128]; /* "primary1 (192.0.2.1@53)" */
};
void sw_delivery_free(struct sw_delivery *delivery);

/** Called on the thread of the secondary; must not block. */
typedef void sw_deliver_fn(void *arg, struct sw_delivery *delivery);

/** @param key  of the store that contents are made for
 * @return 0 or -errno */
int sw_secondary_new(
	struct sw_secondary **secondary, const struct sw_hash_key *key, sw_deliver_fn *deliver, void *arg);
/** End its thread: nothing is asked for or delivered any more. Takes NULL, and so does the next. */
void sw_secondary_stop(struct sw_secondary *secondary);
void sw_secondary_free(struct sw_secondary *secondary);

/** What is known of a zone: its SOA (one record, or none for a zone that is not there), and from when. */
struct sw_secondary_zone {
	const struct sw_zone_setting *setting;
	const struct sw_record *soa; /* NULL: nothing to serve yet */
	int64_t confirmed_s, expires_s;
};

/** Have the zones be these, sorted by name: those with primaries. What is known of one that was there already
 * stays; `known` is asked for the others. The settings are held (sw_settings_hold()) as long as they are
 * needed.
 * @return 0 or -ENOMEM, nothing changed */
typedef bool sw_secondary_known_fn(void *arg, const uint8_t *apex, struct sw_secondary_zone *known);
int sw_secondary_set(struct sw_secondary *secondary, struct sw_settings *settings,
	sw_secondary_known_fn *known, void *arg);

/** The same for settings with the same base, where no more than these zones come, go, or are others.
 * @return 0 or -ENOMEM, nothing changed */
int sw_secondary_turn(struct sw_secondary *secondary, struct sw_settings *settings,
	const struct sw_turn *turns, size_t count, sw_secondary_known_fn *known, void *arg);

/** Have a zone asked for no more, until it is to be again: at once then. It may still expire. Any thread.
 * @return 0, or -ENOENT when there is no such zone with primaries */
int sw_secondary_freeze(struct sw_secondary *secondary, const uint8_t *apex, bool is_frozen);

enum sw_settlement {
	SW_SETTLED_TAKEN,   /* it is served, or confirmed */
	SW_SETTLED_AXFR,    /* the changes do not fit: fetch it whole */
	SW_SETTLED_REFUSED, /* it cannot be served: ask later */
};

/** What became of a delivery. @param soa  of the version served now; NULL for none
 * @return when the zone expires, seconds since 1970 */
int64_t sw_secondary_settled(struct sw_secondary *secondary, const struct sw_delivery *delivery,
	enum sw_settlement settlement, const struct sw_record *soa);

/** Ask now. @param is_whole  fetch it whole, whatever its serial
 * @return 0, or -ENOENT when there is no such zone with primaries. Any thread. */
int sw_secondary_ask(
	struct sw_secondary *secondary, const uint8_t *apex, bool has_serial, uint32_t serial, bool is_whole);

/** Have remotes told of a new version (RFC 1996). What is needed of them is copied. Any thread.
 * @param soa  of the new version */
void sw_secondary_tell(struct sw_secondary *secondary, const struct sw_record *soa,
	const struct sw_remote *const *remotes, size_t count);

/** From now on, remotes may be told: those that hear of a version ask for it at once, and who is refused then
 * may not come again for long. What was to be told until now follows. Any thread; takes NULL. */
void sw_secondary_answers(struct sw_secondary *secondary);

/** Pass an update on to the first primary of its zone, and the answer back: request->done(). Any thread.
 * @param request  is no longer the caller's */
void sw_secondary_forward(
	struct sw_secondary *secondary, const uint8_t *apex, struct sw_update_request *request);

/** Have the parents of a zone asked for its DS; inquiry->done() is called on this thread here, unless it is
 * stopped before. Any thread. */
struct sw_inquiry;
void sw_secondary_inquire(struct sw_secondary *secondary, struct sw_inquiry *inquiry);

/** What it does, and has done since the start. Any thread. */
struct sw_secondary_load {
	struct sw_in_counts counts;
	size_t running, waiting; /* zones that are asked for, and those that wait for a place at a primary */
	struct sw_notify_counts notify;
	size_t notifies; /* in hand */
};
void sw_secondary_load(struct sw_secondary *secondary, struct sw_secondary_load *load);

/** For status. Any thread. */
struct sw_secondary_report {
	int64_t next_s, confirmed_s, expires_s;
	uint32_t failures;
	bool is_asking;
	char why[256]; /* the last attempt failed, or "" */
};
int sw_secondary_look(
	struct sw_secondary *secondary, const uint8_t *apex, struct sw_secondary_report *report);

#endif
