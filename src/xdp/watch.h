/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the kernel part tells of the traffic beside its counters, and what it is told of sources. */
#ifndef SW_XDP_WATCH_H
#define SW_XDP_WATCH_H

#include "answer/sample.h"
#include "image/prefix.h"
#include "xdp/kernel.h"

struct sw_watch;

/** @return 0 or -errno */
int sw_watch_open(struct sw_watch **watch, struct sw_kernel *kernel);
void sw_watch_close(struct sw_watch *watch);

/** Hand over the samples that wait, oldest first, and no more than a turn can bear: the rest waits for the
 * next.
 * @return how many, or -errno */
int sw_watch_samples(
	struct sw_watch *watch, void (*take)(void *arg, const struct sw_sample *sample), void *arg);

/** Questions offered and refused by lane, since start, over all cores. `refused_known`: see answer/admit.h.
 */
int sw_watch_lanes(struct sw_watch *watch, uint64_t offered[SW_LANE_COUNT], uint64_t refused[SW_LANE_COUNT],
	uint64_t *refused_known);

/** Packets by verdict and by core (as many as `cores`; 0 beyond those there are), and bytes of replies. */
int sw_watch_counts(struct sw_watch *watch, uint64_t verdicts[SW_VERDICT_COUNT], uint64_t *reply_bytes,
	uint64_t *by_core, size_t cores);

/** A resolver that is known from peace, or is not any more. A full table takes no more: -E2BIG. */
int sw_watch_known(struct sw_watch *watch, const uint8_t address[16], uint8_t hops, bool is_known);

/** A network of which only a share of 2^32 is answered, or all again (SW_ADMIT_ALL). */
int sw_watch_network(struct sw_watch *watch, const struct sw_prefix *prefix, uint32_t admit);

/** What the programs find when they look for a source. @param address  zero-padded */
void sw_watch_source(const struct sw_watch *watch, const uint8_t address[16], uint8_t address_len,
	struct sw_source_seen *seen);

#endif
