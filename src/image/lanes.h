/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Facts about a packet, the lanes they lead to, and who is let in: the policy is data.
 *
 * Each query gets a few facts, independent bits that are cheap and exact where possible. lane[facts] says in
 * which lane it waits, admit[lane] with which probability it is answered as if nothing were the matter. While
 * there is room every admit is 1, and the facts are not even looked at.
 */
#ifndef SW_IMAGE_LANES_H
#define SW_IMAGE_LANES_H

#include <stdint.h>

/* name, label, what it says */
#define SW_FACTS(X)                                                                  \
	X(COOKIE, "cookie", "a server cookie of ours that is valid (RFC 7873)")      \
	X(HANDSHAKE, "handshake", "the source has completed a TCP handshake lately") \
	X(KNOWN, "known", "the source is a resolver known from peace")               \
	X(HOPS, "hops", "it comes from as far away as it did then")                  \
	X(EXISTS, "exists", "the name exists, or a wildcard covers it")              \
	X(RETRY, "retry", "asked again after we had not answered")                   \
	X(PREFIX, "prefix", "the source's network asks far more than it used to")    \
	X(SIGNATURE, "signature", "the packet looks like those of an attack that was learnt")

enum sw_fact_bit {
#define X(name, label, text) SW_FACT_BIT_##name,
	SW_FACTS(X)
#undef X
		SW_FACT_COUNT
};

enum sw_fact {
#define X(name, label, text) SW_FACT_##name = 1 << SW_FACT_BIT_##name,
	SW_FACTS(X)
#undef X
};
_Static_assert(SW_FACT_COUNT == 8, "a byte of facts");

/* Best first. name, label, who is in it */
#define SW_LANES(X)                                                                               \
	X(KNOWN, "known", "known or proven sources, names that exist")                            \
	X(RETRY, "retry", "unknown sources asking again for names that exist: an answer ends it") \
	X(NEW, "new", "unknown sources, names that exist")                                        \
	X(KNOWN_MISSING, "known-missing", "known or proven sources, names that do not exist")     \
	X(DOUBTFUL, "doubtful",                                                                   \
		"the address is known, the distance is not; or the network is unusually loud")    \
	X(NEW_MISSING, "new-missing", "unknown sources, names that do not exist")                 \
	X(SUSPECT, "suspect", "looks like an attack that was learnt")                             \
	X(SUSPECT_MISSING, "suspect-missing", "the same, for names that do not exist")

enum sw_lane {
#define X(name, label, text) SW_LANE_##name,
	SW_LANES(X)
#undef X
		SW_LANE_COUNT
};

#define SW_ADMIT_ALL 0xffffffffu

struct sw_policy {
	uint8_t lane[256];	       /* enum sw_lane, by facts */
	uint32_t admit[SW_LANE_COUNT]; /* of 2^32; SW_ADMIT_ALL: everybody */
};

#define SW_ZONE_SHARES 4096 /* by the first bits of the keyed hash of the apex */
#define SW_SIGNATURES_MAX 8

/** Packets whose features agree with `value` where `mask` has bits. */
struct sw_signature {
	uint64_t mask, value; /* mask 0: none */
};

/** Why facts are looked at. */
enum sw_watching {
	SW_WATCHING_CAPACITY = 1, /* there is not room for all */
	SW_WATCHING_NETWORKS = 2, /* a network asks for more than its allowance */
};

/** What user space tells the answer path, part of the control page. Zero: everybody is admitted, nothing is
 * looked at. */
struct sw_orders {
	uint32_t is_watching;  /* enum sw_watching: facts are looked at, lanes apply */
	uint32_t is_observing; /* decided and counted, but nothing is refused */
	uint64_t alive_ns; /* CLOCK_MONOTONIC: whoever gives the orders was here. Older than SW_ORDERS_AGE_NS:
			    * they are void */
	struct sw_policy policy;
	uint32_t dropped_lanes; /* bits: whoever of these is not admitted is dropped, not sent to TCP */
	uint32_t reserved;
	uint32_t missing_refuse[SW_ZONE_SHARES]; /* of 2^32: share refused of names that do not exist, by zone
						  */
	struct sw_signature signature[SW_SIGNATURES_MAX];
	uint32_t sample_every[64]; /* by verdict: one packet of so many; 0: none */
};

#define SW_HOPS_ANY 255
#define SW_HOPS_HERE 254 /* this machine itself: only what comes over its loopback interface */
#define SW_PROVEN_AGE_NS 600000000000ull /* so long a handshake is a proof */

#define SW_ORDERS_AGE_NS 1000000000ull

#endif
