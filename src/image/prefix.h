/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Networks of three sizes around an address: what is asked from one address, from its neighbours, from far
 * around. */
#ifndef SW_IMAGE_PREFIX_H
#define SW_IMAGE_PREFIX_H

#include "image/lanes.h"
#include "wire/hash.h"

#define SW_PREFIX_LENGTHS 3 /* IPv4: /32, /24, /16; IPv6: /64, /48, /32 */

/** Key of a map; shared with BPF. */
struct sw_prefix {
	uint64_t first;	      /* bytes of the address, as on the wire; those behind the prefix are 0 */
	uint16_t address_len; /* 4 or 16 */
	uint16_t is_known;    /* of its known resolvers; 0: of its strangers */
	uint32_t bits;
};

static inline struct sw_prefix sw_prefix_of(
	uint64_t first, uint32_t address_len, uint32_t which, uint32_t is_known)
{
	uint32_t bytes = address_len == 4 ? 4 - which : 8 - 2 * which;
	return (struct sw_prefix){
		first & sw_first_bytes(bytes), (uint16_t)address_len, (uint16_t)is_known, 8 * bytes};
}

/** What the kernel part has of a source, for explanations. */
struct sw_source_seen {
	uint32_t is_known;
	uint32_t hops; /* SW_HOPS_ANY for the trusted */
	uint32_t is_proven;
	/* as a stranger, as a known resolver: of 2^32; SW_ADMIT_ALL: none of its networks is beyond its
	 * allowance */
	uint32_t network_admit[2];
	struct sw_prefix network[2]; /* that of which least is let in */
};

#endif
