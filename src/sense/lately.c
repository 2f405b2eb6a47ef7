/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sense/lately.h"

uint32_t sw_lately_note(
	struct sw_lately *lately, uint64_t print, uint64_t now_ms, uint32_t within_ms, uint32_t weight)
{
	struct sw_lately_entry *bucket = lately->entry[print & (SW_LATELY_BUCKETS - 1)], *place = bucket;
	uint32_t tag = (uint32_t)(print >> 32) | 1, now = (uint32_t)now_ms, before = 0;
	for (int i = 0; i < SW_LATELY_WAYS; i++) {
		if (bucket[i].tag == tag) {
			place = &bucket[i];
			before = now - place->time_ms <= within_ms ? place->weight : 0;
			break;
		}
		if (place->tag != 0 && (bucket[i].tag == 0 || now - bucket[i].time_ms > now - place->time_ms))
			place = &bucket[i];
	}
	*place = (struct sw_lately_entry){.tag = tag, .time_ms = now, .weight = weight};
	return before;
}
