/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What was asked lately: whether a question comes again, and whether a name is new. The last 65,536 in three
 * quarters of a megabyte; when there are more, the oldest of eight is forgotten first. */
#ifndef SW_SENSE_LATELY_H
#define SW_SENSE_LATELY_H

#include <stdint.h>

#define SW_LATELY_WAYS 8
#define SW_LATELY_BUCKETS 8192 /* power of two */

struct sw_lately_entry {
	uint32_t tag;	  /* the fingerprint's upper half; 0: free */
	uint32_t time_ms; /* of the last time, modulo 2^32 */
	uint32_t weight;  /* of the sample then */
};

struct sw_lately {
	struct sw_lately_entry entry[SW_LATELY_BUCKETS][SW_LATELY_WAYS];
};

/** Note that something was asked.
 *
 * @param weight  packets that the sample stands for
 * @return the weight of the sample before if that was no longer than `within_ms` ago, else 0 */
uint32_t sw_lately_note(
	struct sw_lately *lately, uint64_t print, uint64_t now_ms, uint32_t within_ms, uint32_t weight);

#endif
