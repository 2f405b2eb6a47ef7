/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Incidents: what sense has told, kept for whoever asks. A line of JSON for each event, in a file that
 * outlives the node, so that a node that is started again in the middle of an attack knows of it.
 *
 * Beside the events of sense there are two of restarts: `resumed`, the node is back and was away since
 * `away_from`; and `not_seen`, the incident ended while the node was away, nobody knows when.
 */
#ifndef SW_GUARD_INCIDENT_H
#define SW_GUARD_INCIDENT_H

#include "sense/sense.h"
#include <jansson.h>

#define SW_INCIDENTS_MAX 256	   /* kept; the oldest goes */
#define SW_INCIDENT_EVENTS_MAX 128 /* of one incident; what comes after is counted */

struct sw_incidents;

/** An event with its times since 1970. */
struct sw_told {
	struct sw_event event;
	int64_t wall_ms, wall_noticed_ms;
};

/** An incident that has no end. */
struct sw_incident_open {
	uint32_t number;  /* 0: none */
	uint32_t vectors; /* bits: those that are on */
	bool is_wave;
	int64_t last_ms; /* when the node was there last, since 1970 */
};

/** @param path  of the file; NULL: kept in memory only. Lines that cannot be read are passed over, and
 * counted
 * @return 0 or -errno */
int sw_incidents_open(struct sw_incidents **incidents, const char *path, unsigned *unread);
void sw_incidents_close(struct sw_incidents *incidents);

/** @param zone  name of the zone most concerned, or NULL */
int sw_incidents_add(struct sw_incidents *incidents, const struct sw_told *told, const char *zone);

/** Say that the node is there: the file's time says when it was last. Once a second, while an incident lasts.
 */
void sw_incidents_alive(const struct sw_incidents *incidents);

/** After a restart: the last incident goes on if it has no end and the node was there within `within_ms`;
 * all others that have none are closed.
 * @param open  the one that goes on, or number 0 */
int sw_incidents_resume(
	struct sw_incidents *incidents, int64_t now_ms, int64_t within_ms, struct sw_incident_open *open);

/** Numbers of the last incident and the last wave, over restarts; 0: none yet. */
uint32_t sw_incidents_last(const struct sw_incidents *incidents);
uint32_t sw_incidents_last_wave(const struct sw_incidents *incidents);

/** Newest first: number, waves, begin, end (null while it lasts) and whether that was seen, vectors, peak,
 * zone. */
json_t *sw_incidents_list(const struct sw_incidents *incidents);

/** One of them with its events, or NULL. 0: the last. */
json_t *sw_incident_show(const struct sw_incidents *incidents, uint32_t number);

#endif
