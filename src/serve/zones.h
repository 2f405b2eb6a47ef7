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

#define SW_ZONE_STATES(X)                                                             \
	X(WAITING, "waiting") /* not looked at yet */                                 \
	X(SERVING, "serving")                                                         \
	X(OUTDATED, "outdated") /* refused, and the version before goes on serving */ \
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
	const char *reason;	     /* why refused, or "" */
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

/** @param is_stopping  when it becomes true, loading ends after the zone in hand */
struct sw_zones *sw_zones_new(struct sw_store *store, const bool *is_stopping);
void sw_zones_free(struct sw_zones *zones);

/** Make the zones those of the settings: remove what is not there any more, load all that is and is not
 * served already as its files are.
 * @return 0 or -ENOMEM */
int sw_zones_load(
	struct sw_zones *zones, const struct sw_settings *settings, struct sw_zones_outcome *outcome);

/** Load one from its file, changed or not. @return 0, or -ENOENT when there is none of that name */
int sw_zones_load_one(struct sw_zones *zones, const uint8_t *apex, struct sw_zones_outcome *outcome);

typedef void sw_zone_report_fn(void *arg, const struct sw_zone_report *report);

/** In canonical order. */
void sw_zones_each(struct sw_zones *zones, sw_zone_report_fn *report, void *arg);

/** Memory held by the answer image, bytes. */
uint64_t sw_zones_bytes(struct sw_zones *zones);

#endif
