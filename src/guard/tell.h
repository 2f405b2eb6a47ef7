/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the guard says of itself: JSON for commands, sentences for the log. */
#ifndef SW_GUARD_TELL_H
#define SW_GUARD_TELL_H

#include "guard/incident.h"
#include "guard/learn.h"
#include "guard/measure.h"

#define SW_ZONE_TEXT_MAX 1024

struct sw_telling {
	const struct sw_guarded *guarded;
	const struct sw_sense *sense;
	const struct sw_capacity *capacity;
	const struct sw_measure *measure;
	const struct sw_learner *learner;
};

json_t *sw_tell_status(const struct sw_telling *telling);

/** All lanes with what is offered and refused, and all 256 rows of the policy. */
json_t *sw_tell_lanes(const struct sw_telling *telling);

/** Labels of facts. */
json_t *sw_facts_json(uint8_t facts);

/** Why a packet like this one is answered, sent to TCP, or dropped. Request: "address", and "name", "ttl",
 * "cookie" where they are to be taken into account. */
json_t *sw_tell_explain(const struct sw_telling *telling, const json_t *request);

/** An event as a line of the log. */
void sw_told_text(const struct sw_told *told, const char *zone, char *text, size_t size);

#endif
