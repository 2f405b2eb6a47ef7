/* SPDX-License-Identifier: GPL-3.0-or-later */
/** An incident that the node was away from: it is started again in the middle of an attack.
 *
 * Sense begins anew and counts incidents and waves from one; here they get their numbers over all starts. An
 * incident that had no end and was alive lately goes on: what is seen of it again within a few seconds goes
 * on without a word, what is not seen again ended when the node was last there. Pure.
 */
#ifndef SW_GUARD_RESUME_H
#define SW_GUARD_RESUME_H

#include "guard/incident.h"

#define SW_RESUME_WITHIN_MS 600000 /* away for longer: what comes now is another incident */
#define SW_RESUME_WAIT_MS 5000	   /* to see it again: an attack is noticed within a second */
#define SW_RESUME_LEARN_MS 15000   /* where nothing was kept of peace, and sense has to learn it first */

struct sw_resume {
	struct sw_incident_open open; /* vectors, wave: not seen again yet */
	uint32_t incident_base, wave_base;
	int64_t until_ms; /* of a clock that nobody sets */
	bool is_waiting, has_onset, has_over;
	struct sw_told over; /* kept back until the waiting is over */
};

typedef void sw_told_fn(void *arg, const struct sw_told *told);

/** @param open  the incident that goes on; number 0: none does
 * @param last_incident, last_wave  over all starts */
void sw_resume_start(struct sw_resume *resume, const struct sw_incident_open *open, uint32_t last_incident,
	uint32_t last_wave, int64_t until_ms);

/** Pass on what sense tells, by its number, unless it was told before the restart. */
void sw_resume_take(struct sw_resume *resume, const struct sw_told *told, sw_told_fn *tell, void *arg);

/** From time to time: tells what was not seen again.
 * @param now_ms  by the clock of until_ms
 * @param wall_ms  since 1970 */
void sw_resume_turn(struct sw_resume *resume, int64_t now_ms, int64_t wall_ms, sw_told_fn *tell, void *arg);

#endif
