/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How many different things there were, in 4 KB: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007).
 *
 * Each of 2^12 registers keeps the longest run of zero bits among the hashes that fall to it. Standard error
 * 1.04 / sqrt(4096) = 1.6 %. Up to 2.5 registers' worth the empty ones are counted instead (linear counting,
 * same paper s4). Hashes have 64 bits, so that the paper's correction for large ranges has nothing to
 * correct.
 *
 * Two of them made with the same hash key can be merged: of CPUs, of minutes, of nodes.
 */
#ifndef SW_SENSE_HLL_H
#define SW_SENSE_HLL_H

#include <stdint.h>

#define SW_HLL_BITS 12
#define SW_HLL_REGISTERS (1u << SW_HLL_BITS)

struct sw_hll {
	uint8_t rank[SW_HLL_REGISTERS];
};

void sw_hll_clear(struct sw_hll *hll);

/** @param hash  all 64 bits of it must look random */
void sw_hll_add(struct sw_hll *hll, uint64_t hash);

/** Afterwards `into` has seen what either has. */
void sw_hll_merge(struct sw_hll *into, const struct sw_hll *from);

uint64_t sw_hll_estimate(const struct sw_hll *hll);

#endif
