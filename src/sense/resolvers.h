/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Resolvers known from peace: address, and how far away it is.
 *
 * Learnt from samples of questions for names that exist, in peace only. A source becomes known when it asks
 * again after two seconds or more, from the same distance: nobody becomes known within the two windows that
 * it takes to notice an attack, and who was first seen just before one is forgotten as it begins.
 *
 * Fixed size: 8,192 buckets of eight, found by a keyed hash, so that nobody can choose addresses that crowd
 * one. In a full bucket a newcomer takes the place of whom nothing was heard for a day, else of one that
 * asked in no more than three different minutes so far, else it does not get in: a flood of addresses,
 * however many, pushes out none of those that have been here for a while.
 */
#ifndef SW_SENSE_RESOLVERS_H
#define SW_SENSE_RESOLVERS_H

#include "sense/print.h"
#include <stdbool.h>

#define SW_RESOLVER_WAYS 8
#define SW_RESOLVER_BUCKETS 8192 /* power of two */
#define SW_RESOLVERS_MAX (SW_RESOLVER_WAYS * SW_RESOLVER_BUCKETS)
#define SW_CANDIDATE_BUCKETS 2048 /* power of two */

struct sw_resolver {
	uint8_t address[16];
	uint8_t address_len; /* 0: free */
	uint8_t hops;	     /* as far away as it was in peace */
	uint8_t odd_hops;    /* of the last packet from another distance */
	uint8_t odd_count;   /* such packets in a row, all from there */
	bool fits_since_odd; /* it was heard from its own distance since */
	uint16_t minutes;    /* in which it asked, in peace, as far as can be counted */
	int32_t seen_s;	     /* last from its own distance */
	int32_t odd_s, odd_begin_s;
};

struct sw_candidate {
	uint64_t print;	   /* 0: free */
	uint32_t first_ms; /* modulo 2^32 */
	uint8_t hops;
};

/** @param hops  as far away as it was in peace */
typedef void sw_resolver_fn(
	void *arg, const uint8_t address[16], uint8_t address_len, uint8_t hops, bool is_known);

struct sw_resolvers {
	struct sw_print_key key;
	sw_resolver_fn *told; /* of each that becomes known, moves or is forgotten; may be NULL */
	void *told_arg;
	uint32_t count;
	uint32_t swept; /* bucket that was looked through last for those long gone */
	struct sw_resolver resolver[SW_RESOLVER_BUCKETS][SW_RESOLVER_WAYS];
	struct sw_candidate candidate[SW_CANDIDATE_BUCKETS][SW_RESOLVER_WAYS];
};

/** Who sends, as far as address and distance tell. */
enum sw_standing {
	SW_STRANGER,
	SW_RESOLVER, /* known, from the distance it is known for; or it has moved */
	SW_SPOOFED,  /* the address is known, but packets come from elsewhere as well */
};

/** Hops that a packet has passed: its TTL began at the next of 32, 64, 128, 255. */
static inline uint8_t sw_hops_passed(uint8_t ttl)
{
	return (uint8_t)(ttl <= 32 ? 32 - ttl : ttl <= 64 ? 64 - ttl : ttl <= 128 ? 128 - ttl : 255 - ttl);
}

/** Tell who sends, and note that it was heard.
 *
 * A distance that differs by more than one is no proof yet: routes change, and then a resolver is heard from
 * a new distance only. It is spoofed when within ten seconds it is heard from two others, or from another and
 * its own in turn. Who was heard from the same new distance eight times in half a minute of peace, and not
 * from the old one, has moved.
 *
 * @param ttl  0: not known, any distance will do */
enum sw_standing sw_resolvers_look(struct sw_resolvers *resolvers, uint64_t print,
	const struct sw_sample *sample, uint64_t now_ms, bool is_peace);

/** A stranger asked, in peace, for a name that exists. */
void sw_resolvers_learn(
	struct sw_resolvers *resolvers, uint64_t print, const struct sw_sample *sample, uint64_t now_ms);

/** A packet of a connection that is established, where such packets are sampled: its address is proven. (The
 * guard has none sampled, they are many and say little: the answer path itself remembers who shook hands.)
 * TCP may start from another TTL than UDP does: here the distance of those who are known proves nothing. */
void sw_resolvers_connected(struct sw_resolvers *resolvers, uint64_t print, const struct sw_sample *sample,
	uint64_t now_ms, bool is_peace);

/** Forget who is not known yet: an attack begins. */
void sw_resolvers_distrust(struct sw_resolvers *resolvers);

/** Look through one bucket for resolvers not heard for seven days. */
void sw_resolvers_sweep(struct sw_resolvers *resolvers, uint64_t now_ms);

const struct sw_resolver *sw_resolvers_find(
	const struct sw_resolvers *resolvers, uint64_t print, const uint8_t address[16], uint8_t address_len);

/** Put in one that is known from elsewhere: another start, another node.
 * @return false when there is no room for it */
bool sw_resolvers_put(struct sw_resolvers *resolvers, const struct sw_resolver *resolver, uint64_t now_ms);

#endif
