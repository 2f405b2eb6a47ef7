/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the node says about itself, as JSON: the keys are listed in docs/operations.md and stay. */
#ifndef SW_SERVE_STATUS_H
#define SW_SERVE_STATUS_H

#include "serve/keep.h"
#include "serve/ladder.h"
#include "serve/requests.h"
#include "serve/tcp.h"
#include "serve/udp.h"
#include "serve/zones.h"
#include <jansson.h>

/** What is looked at. Pointers that are NULL leave their part out. */
struct sw_status_parts {
	const char *state; /* "loading", "serving", "reloading" */
	int64_t started_s; /* monotonic */
	const struct sw_settings *settings;
	const struct sw_ladder *ladder;
	struct sw_zones *zones;
	struct sw_udp *const *udp; /* as many as settings->listen_count */
	const struct sw_tcp *tcp;
	struct sw_tls *tls;   /* NULL: there is none */
	struct sw_keep *keep; /* NULL, and so is the next, without a state directory */
	struct sw_requests *requests;
};

/** One zone. */
json_t *sw_status_zone(const struct sw_zone_report *report);

/** Add "secondary", where the zone comes from primaries: when they are asked, and when it expires.
 * @param secondary  NULL: nothing does */
void sw_status_secondary_add(struct sw_secondary *secondary, const uint8_t *apex, json_t *zone);

/** Add what zones that change have done: transfers, updates, notifications, signatures. */
void sw_status_live(json_t *status, const struct sw_status_parts *parts);

/** @return a new object, or NULL when out of memory */
json_t *sw_status(const struct sw_status_parts *parts);

#endif
