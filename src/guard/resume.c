/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/resume.h"

void sw_resume_start(struct sw_resume *resume, const struct sw_incident_open *open, uint32_t last_incident,
	uint32_t last_wave, int64_t until_ms)
{
	*resume = (struct sw_resume){.open = *open,
		.incident_base = open->number ? open->number - 1 : last_incident,
		.wave_base = open->is_wave && last_wave > 0 ? last_wave - 1 : last_wave,
		.until_ms = until_ms,
		.is_waiting = open->number != 0};
}

static void tell_ended(const struct sw_resume *resume, enum sw_event_type type, enum sw_vector vector,
	int64_t now_ms, sw_told_fn *tell, void *arg)
{
	const struct sw_told told = {
		.event = {.type = type, .vector = vector, .incident = resume->open.number},
		.wall_ms = resume->open.last_ms,
		.wall_noticed_ms = now_ms};
	tell(arg, &told);
}

/** What was not seen again ended when the node was last there. */
static void finish(struct sw_resume *resume, int64_t now_ms, sw_told_fn *tell, void *arg)
{
	resume->is_waiting = false;
	for (unsigned vector = 0; vector < SW_VECTOR_COUNT; vector++)
		if (resume->open.vectors >> vector & 1)
			tell_ended(resume, SW_EVENT_VECTOR_ENDED, (enum sw_vector)vector, now_ms, tell, arg);
	if (!resume->has_onset) {
		resume->incident_base++;
		tell_ended(resume, SW_EVENT_OVER, SW_VECTOR_COUNT, now_ms, tell, arg);
	} else if (resume->has_over) {
		tell(arg, &resume->over);
	}
	if (resume->open.is_wave) {
		struct sw_told told = {.event = {.type = SW_EVENT_WAVE_OVER,
					       .vector = SW_VECTOR_COUNT,
					       .incident = resume->open.number,
					       .wave = ++resume->wave_base},
			.wall_ms = resume->open.last_ms,
			.wall_noticed_ms = now_ms};
		tell(arg, &told);
	}
}

/** @return whether it was told before the restart */
static bool is_again(struct sw_resume *resume, struct sw_event *event)
{
	uint32_t bit = event->vector < SW_VECTOR_COUNT ? 1u << event->vector : 0;
	bool is_told = false;
	switch (event->type) {
	case SW_EVENT_ONSET:
		resume->has_onset = true;
		event->type = SW_EVENT_VECTOR_ADDED;
		is_told = resume->open.vectors & bit;
		resume->open.vectors &= ~bit;
		return is_told;
	case SW_EVENT_VECTOR_ADDED:
		is_told = resume->open.vectors & bit;
		resume->open.vectors &= ~bit;
		return is_told;
	case SW_EVENT_WAVE:
		is_told = resume->open.is_wave;
		resume->open.is_wave = false;
		return is_told;
	default:
		return false;
	}
}

void sw_resume_take(struct sw_resume *resume, const struct sw_told *told, sw_told_fn *tell, void *arg)
{
	struct sw_told its = *told;
	if (resume->is_waiting && resume->has_over && told->event.type == SW_EVENT_ONSET)
		finish(resume, told->wall_noticed_ms, tell, arg); /* another one begins already */
	bool is_told = resume->is_waiting && is_again(resume, &its.event);
	its.event.incident += resume->incident_base;
	if (its.event.wave > 0)
		its.event.wave += resume->wave_base;
	if (resume->is_waiting && its.event.type == SW_EVENT_OVER) {
		resume->has_over = true;
		resume->over = its;
	} else if (!is_told) {
		tell(arg, &its);
	}
}

void sw_resume_turn(struct sw_resume *resume, int64_t now_ms, int64_t wall_ms, sw_told_fn *tell, void *arg)
{
	if (resume->is_waiting && now_ms >= resume->until_ms)
		finish(resume, wall_ms, tell, arg);
}
