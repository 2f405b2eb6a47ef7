/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The zones of a node: where each comes from, and how loading it went.
 *
 * One thread loads; any may look. A zone that cannot be loaded is refused with a reason; the version that
 * was serving, if any, goes on serving, and so does every other zone.
 */
#ifndef SW_SERVE_ZONES_H
#define SW_SERVE_ZONES_H

#include "image/store.h"
#include "serve/settings.h"
#include "serve/turn.h"
#include "zone/finding.h"

#define SW_ZONE_STATES(X)                                                             \
	X(WAITING, "waiting") /* not looked at yet */                                 \
	X(SERVING, "serving")                                                         \
	X(OUTDATED, "outdated") /* refused, and the version before goes on serving */ \
	X(EXPECTED, "expected") /* no primary has given it yet */                     \
	X(EXPIRED, "expired")	/* no primary has confirmed it for too long */        \
	X(REFUSED, "refused")

enum sw_zone_state {
#define X(name, label) SW_ZONE_##name,
	SW_ZONE_STATES(X)
#undef X
		SW_ZONE_STATE_COUNT
};

const char *sw_zone_state_label(enum sw_zone_state state);

/** What there is to say about a zone. Texts are valid inside the callback. */
struct sw_zone_report {
	const uint8_t *apex;
	const char *file;
	enum sw_zone_state state;
	const char *reason; /* why refused, or "" */
	bool is_frozen;
	uint32_t errors, warnings;   /* of the last attempt */
	int64_t loaded_s;	     /* since 1970: when the version serving was loaded; 0 for none */
	struct sw_store_zone served; /* zeros where nothing is */
};

/** How a round of loading went. */
struct sw_zones_outcome {
	unsigned loaded, unchanged, refused, removed;
	double seconds;
};

struct sw_zones;

/** Whoever keeps the zones that change while they are served (serve/keep.h). */
struct sw_zone_keeper {
	void *arg;
	/** What is to be served of a live zone at a start or a reload.
	 * @param contents  as for sw_zone_load()
	 * @return as sw_zone_load(); -ENODATA when there is nothing yet, -ETIME when it has expired */
	int (*load)(void *arg, const struct sw_zone_setting *setting, struct sw_findings *findings,
		struct sw_contents **contents);
	/** Whether load() would bring what is served already. NULL: where the files are the same.
	 * @param is_same_file  whether the zone was read from the files that are there now */
	bool (*is_current)(void *arg, const struct sw_zone_setting *setting, bool is_same_file);
	/** All zones of a round have been loaded, and will be published. */
	void (*loaded)(void *arg);
	/** A live zone is no longer one of ours. */
	void (*removed)(void *arg, const uint8_t *apex);
	/** Whether a zone is live though its policy does not say so. */
	bool (*keeps)(void *arg, const uint8_t *apex);
};

/** @param keeper  copied; NULL: no zone is live
 * @param is_stopping  when it becomes true, loading ends after the zone in hand */
struct sw_zones *sw_zones_new(
	struct sw_store *store, const struct sw_zone_keeper *keeper, const bool *is_stopping);
void sw_zones_free(struct sw_zones *zones);

/** Make the zones those of the settings, which are held: remove what is not there any more, load all that is
 * and is not served already as its files are.
 * @return 0 or -ENOMEM */
int sw_zones_load(struct sw_zones *zones, struct sw_settings *settings, struct sw_zones_outcome *outcome);

/** The same where no more than these zones come, go, or are others: no other is looked at.
 * @param settings  made from those of the last round by the same turns
 * @return 0 or -ENOMEM, nothing changed */
int sw_zones_turn(struct sw_zones *zones, struct sw_settings *settings, const struct sw_turn *turns,
	size_t count, struct sw_zones_outcome *outcome);

/** A zone comes on trial: that it is refused, and then removed, is for somebody else to say. The loader's
 * thread.
 * @param apex  lent until it is told otherwise; NULL: no zone does */
void sw_zones_try(struct sw_zones *zones, const uint8_t *apex);

/** Take nothing new of a zone from its file, until it is to be again. Any thread. @return 0 or -ENOENT */
int sw_zones_freeze(struct sw_zones *zones, const uint8_t *apex, bool is_frozen);
bool sw_zones_is_frozen(struct sw_zones *zones, const uint8_t *apex);

/** Where a zone stands. @param reason  size bytes @return 0 or -ENOENT */
int sw_zones_state(
	struct sw_zones *zones, const uint8_t *apex, enum sw_zone_state *state, char *reason, size_t size);

/** Load one from its file, changed or not. @return 0; -ENOENT when there is none of that name; -EBUSY when it
 * is frozen */
int sw_zones_load_one(struct sw_zones *zones, const uint8_t *apex, struct sw_zones_outcome *outcome);

/** Check a version that came from elsewhere, and serve it. @return 0 or -errno, and the zone's reason says
 * why */
int sw_zones_put(struct sw_zones *zones, const uint8_t *apex, const struct sw_contents *contents);

/** The keeper has changed what the store serves: note it. */
void sw_zones_changed(struct sw_zones *zones, const uint8_t *apex);

/** Serve it no longer: SERVFAIL until there is a version that may be. @return 0, -ENOENT, other -errno */
int sw_zones_expire(struct sw_zones *zones, const uint8_t *apex);

typedef void sw_zone_report_fn(void *arg, const struct sw_zone_report *report);

/** In canonical order. */
void sw_zones_each(struct sw_zones *zones, sw_zone_report_fn *report, void *arg);

/** Memory held by the answer image, bytes. */
uint64_t sw_zones_bytes(struct sw_zones *zones);

#endif
