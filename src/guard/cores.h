/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How busy the cores are that handle packets: others may be busy with what they like. */
#ifndef SW_GUARD_CORES_H
#define SW_GUARD_CORES_H

#include "guard/guard.h"

struct sw_cores {
	uint64_t idle[SW_CORES_MAX], all[SW_CORES_MAX]; /* of /proc/stat, at the last look */
	uint64_t packets[SW_CORES_MAX];
};

/** What there was since the last look.
 * @param packets   by core, since the start
 * @param handling  cores that handled more than a hundredth of the packets
 * @return share of its time that the busiest of them was not idle */
double sw_cores_busy(struct sw_cores *cores, const uint64_t packets[SW_CORES_MAX], uint32_t *handling);

#endif
