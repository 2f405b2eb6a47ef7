/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Incidents: what sense has told, kept for whoever asks. A line of JSON for each event, in a file that
 * outlives the node, so that a node that is started again in the middle of an attack knows of it. */
#ifndef SW_GUARD_INCIDENT_H
#define SW_GUARD_INCIDENT_H

#include "sense/sense.h"
#include <jansson.h>

#define SW_INCIDENTS_MAX 256	   /* kept; the oldest goes */
#define SW_INCIDENT_EVENTS_MAX 128 /* of one incident; what comes after is counted */

struct sw_incidents;

/** @param path  of the file; NULL: kept in memory only. Lines that cannot be read are passed over, and
 * counted
 * @return 0 or -errno */
int sw_incidents_open(struct sw_incidents **incidents, const char *path, unsigned *unread);
void sw_incidents_close(struct sw_incidents *incidents);

/** Add an event; `wall_ms` is its time since 1970.
 * @param zone  name of the zone most concerned, or NULL */
int sw_incidents_add(struct sw_incidents *incidents, const struct sw_event *event, int64_t wall_ms,
	int64_t wall_noticed_ms, const char *zone);

/** Number of the last incident, over restarts; 0: none yet. */
uint32_t sw_incidents_last(const struct sw_incidents *incidents);

/** Newest first: number, waves, begin, end (null while it lasts), vectors, peak, zone. */
json_t *sw_incidents_list(const struct sw_incidents *incidents);

/** One of them with its events, or NULL. 0: the last. */
json_t *sw_incident_show(const struct sw_incidents *incidents, uint32_t number);

#endif
