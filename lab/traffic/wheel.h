// SPDX-License-Identifier: GPL-3.0-or-later
/** Alarms of very many resolutions: a wheel of milliseconds (Varghese and Lauck 1987), linked by slot number.
 */
#ifndef LAB_TRAFFIC_WHEEL_H
#define LAB_TRAFFIC_WHEEL_H

#include <stddef.h>
#include <stdint.h>

#define LAB_WHEEL_MS 16384 /* longest time to an alarm; power of two */

/** The place of one resolution in the wheel; it lies inside the resolution, so that both are one cache miss.
 */
struct lab_alarm {
	uint32_t next, before; /* slot + 1, or 0 */
	uint16_t place;
	uint8_t is_set;
};

struct lab_wheel {
	uint32_t first[LAB_WHEEL_MS]; /* slot + 1 of the first alarm of a millisecond, 0 for none */
	uint8_t *alarms;	      /* that of slot 0 */
	size_t stride;		      /* bytes from one to the next */
	uint64_t now_ms;
};

static inline struct lab_alarm *lab_alarm_of(const struct lab_wheel *wheel, uint32_t slot)
{
	return (void *)(wheel->alarms + slot * wheel->stride);
}

static inline void lab_wheel_clear(struct lab_wheel *wheel, uint32_t slot)
{
	struct lab_alarm *alarm = lab_alarm_of(wheel, slot);

	if (!alarm->is_set)
		return;
	alarm->is_set = 0;
	*(alarm->before ? &lab_alarm_of(wheel, alarm->before - 1)->next : &wheel->first[alarm->place]) =
		alarm->next;
	if (alarm->next)
		lab_alarm_of(wheel, alarm->next - 1)->before = alarm->before;
}

/** Ring in `in_ms` from now: 1 to LAB_WHEEL_MS - 1; what is longer rings then. Replaces the slot's earlier
 * alarm. */
static inline void lab_wheel_set(struct lab_wheel *wheel, uint32_t slot, uint32_t in_ms)
{
	uint32_t wait = in_ms < 1 ? 1 : in_ms < LAB_WHEEL_MS ? in_ms : LAB_WHEEL_MS - 1;
	struct lab_alarm *alarm = lab_alarm_of(wheel, slot);
	uint32_t *first;

	lab_wheel_clear(wheel, slot);
	alarm->place = (uint16_t)((wheel->now_ms + wait) % LAB_WHEEL_MS);
	first = &wheel->first[alarm->place];
	alarm->is_set = 1;
	alarm->before = 0;
	alarm->next = *first;
	if (*first)
		lab_alarm_of(wheel, *first - 1)->before = slot + 1;
	*first = slot + 1;
}

/** Take one alarm of the present millisecond. @return slot + 1, or 0 when there is none left */
static inline uint32_t lab_wheel_take(struct lab_wheel *wheel)
{
	uint32_t first = wheel->first[wheel->now_ms % LAB_WHEEL_MS];

	if (first)
		lab_wheel_clear(wheel, first - 1);
	return first;
}

#endif
