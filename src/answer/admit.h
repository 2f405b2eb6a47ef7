/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Who is answered when there is not room for all (image/lanes.h). In the kernel alone: what comes by socket
 * or connection is little, or has proven itself.
 *
 * In peace is_watching is 0, and nothing here runs. A refusal is TC=1, which costs an honest resolver one
 * round trip and proves its address, or silence where even that is too much.
 */
#ifndef SW_ANSWER_ADMIT_H
#define SW_ANSWER_ADMIT_H

#include "answer/cookie.h"
#include "answer/look.h"
#include "answer/state.h"
#include "image/prefix.h"

#ifdef SW_BPF

struct sw_known {
	uint32_t hops; /* as far away as it was in peace; SW_HOPS_ANY: trusted, wherever it comes from;
			* SW_HOPS_HERE: this machine */
};

/** Resolvers known from peace, by address. Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, 16);
	__type(value, struct sw_known);
} sw_known SEC(".maps");

/** Networks that ask for more than their allowance, and the share of 2^32 that is answered of whoever there
 * has not proven himself: of strangers, or of known resolvers. Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct sw_prefix);
	__type(value, uint32_t);
} sw_loud SEC(".maps");

/** Sources that have completed a TCP handshake, and when (CLOCK_MONOTONIC, ns). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__uint(key_size, 16);
	__type(value, uint64_t);
} sw_proven SEC(".maps");

#define SW_RECENT_BITS 16

/** What we did not answer lately: a fingerprint of source, name and type in the high bits, seconds in the
 * low 16. A newer one takes the place of an older. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << SW_RECENT_BITS);
	__type(key, uint32_t);
	__type(value, uint64_t);
} sw_recent SEC(".maps");

#define SW_RECENT_AGE_S 16 /* the longest that resolvers wait before they ask again */

struct sw_lane_counts {
	uint64_t offered[SW_LANE_COUNT];
	uint64_t refused[SW_LANE_COUNT];
	uint64_t refused_known; /* of those, by sources that are known and names that exist: what the defence
				   hurts */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct sw_lane_counts);
} sw_lanes SEC(".maps");

/** The name exists, or a wildcard covers it. */
SW_INLINE int sw_name_exists(const struct sw_work *work)
{
	switch (work->verdict) {
	case SW_VERDICT_ANSWERED:
	case SW_VERDICT_NODATA:
	case SW_VERDICT_REFERRAL:
	case SW_VERDICT_TRUNCATED:
	case SW_VERDICT_YXDOMAIN:
	case SW_VERDICT_CHAOS:
		return 1;
	default:
		return 0;
	}
}

/** Where this question stands in sw_recent, and what must be there if it was refused before. */
SW_INLINE uint64_t sw_question_print(const struct sw_work *work)
{
	uint64_t hash = work->suffix[0] ^ work->type;
	hash = (hash ^ SW_LOAD64(work->address)) * 0x9e3779b97f4a7c15ull;
	hash = ((hash ^ hash >> 29) + SW_LOAD64(work->address + 8)) * 0xbf58476d1ce4e5b9ull;
	return hash ^ hash >> 32;
}

SW_INLINE uint32_t sw_seconds16(uint64_t now_ns)
{
	return (uint32_t)(now_ns / 1000000000ull) & 0xffff;
}

SW_INLINE int sw_is_retry(uint64_t print, uint64_t now_ns)
{
	uint32_t place = (uint32_t)print & ((1u << SW_RECENT_BITS) - 1);
	const uint64_t *entry = bpf_map_lookup_elem(&sw_recent, &place);
	if (!entry || (*entry ^ print) >> 16)
		return 0;
	return ((sw_seconds16(now_ns) - (uint32_t)*entry) & 0xffff) <= SW_RECENT_AGE_S;
}

SW_INLINE void sw_refusal_remember(uint64_t print, uint64_t now_ns)
{
	uint32_t place = (uint32_t)print & ((1u << SW_RECENT_BITS) - 1);
	uint64_t *entry = bpf_map_lookup_elem(&sw_recent, &place);
	if (entry)
		*entry = (print & ~0xffffull) | sw_seconds16(now_ns);
}

/** The least that is let in of the networks around the asker, of 2^32; SW_ADMIT_ALL: none is beyond its
 * allowance. */
SW_INLINE uint32_t sw_prefix_admit(const struct sw_work *work, uint32_t is_known)
{
	uint64_t first = SW_LOAD64(work->address);
	uint32_t least = SW_ADMIT_ALL;
	for (uint32_t which = 0; which < SW_PREFIX_LENGTHS; which++) {
		struct sw_prefix prefix = sw_prefix_of(first, work->address_len, which, is_known);
		const uint32_t *admit = bpf_map_lookup_elem(&sw_loud, &prefix);
		uint32_t share = admit ? *admit : SW_ADMIT_ALL;
		sw_opaque(share); /* or the compiler would combine pointers, which the verifier refuses */
		least = share < least ? share : least;
	}
	return least;
}

/** Facts about the source. */
SW_INLINE uint32_t sw_source_facts(struct sw_work *work, uint64_t now_ns)
{
	uint32_t facts = 0;
	/* Linux 6.1 takes no argument's memory for a key */
	uint64_t source[2] = {SW_LOAD64(work->address), SW_LOAD64(work->address + 8)};
	const struct sw_known *known = bpf_map_lookup_elem(&sw_known, source);
	const uint64_t *proven = bpf_map_lookup_elem(&sw_proven, source);
	uint32_t fits = 0, is_trusted = 0;
	if (known) {
		uint32_t hops = known->hops, apart = sw_hops(work->ttl) - hops;
		fits = hops == SW_HOPS_HERE ? work->is_local : apart + 1 <= 2 || hops == SW_HOPS_ANY;
		is_trusted = hops == SW_HOPS_ANY || (hops == SW_HOPS_HERE && fits);
		facts |= SW_FACT_KNOWN | (fits ? SW_FACT_HOPS : 0);
	}
	if (proven && now_ns <= *proven + SW_PROVEN_AGE_NS)
		facts |= SW_FACT_HANDSHAKE;
	if (!is_trusted && sw_prefix_admit(work, fits) != SW_ADMIT_ALL)
		facts |= SW_FACT_PREFIX;
	return facts;
}

SW_INLINE int sw_is_signed(const struct sw_orders *orders, uint64_t features)
{
	for (uint32_t i = 0; i < SW_SIGNATURES_MAX; i++) {
		const struct sw_signature *signature = &orders->signature[i];
		if (signature->mask && (features & signature->mask) == signature->value)
			return 1;
	}
	return 0;
}

/** All facts about a query that has been resolved. */
SW_FN uint32_t sw_facts(struct sw_work *work)
{
	const struct sw_control *control = work ? sw_control_of(work) : NULL;
	if (!control)
		return 0;
	uint64_t now_ns = bpf_ktime_get_coarse_ns();
	uint32_t facts = sw_source_facts(work, now_ns);
	if (work->has_cookie && control->cookies && sw_cookie_settle(work) == 0 && work->cookie_is_valid)
		facts |= SW_FACT_COOKIE;
	if (sw_name_exists(work))
		facts |= SW_FACT_EXISTS;
	if (sw_is_retry(sw_question_print(work), now_ns))
		facts |= SW_FACT_RETRY;
	if (sw_is_signed(&control->orders, sw_look(work) | SW_FEATURE_PUT(EXISTS, sw_name_exists(work))))
		facts |= SW_FACT_SIGNATURE;
	return facts;
}

/** Whether a share of 2^32 does not fall on this packet. */
SW_INLINE int sw_is_refused(uint32_t admit)
{
	return admit != SW_ADMIT_ALL && bpf_get_prandom_u32() >= admit;
}

SW_INLINE struct sw_lane_counts *sw_lane_counts_of(void)
{
	uint32_t zero = 0;
	return bpf_map_lookup_elem(&sw_lanes, &zero);
}

/** Share of names that do not exist which the zone may still have answered. */
SW_INLINE uint32_t sw_missing_admit(const struct sw_orders *orders, const struct sw_work *work)
{
	uint32_t apex = (work->labels - work->apex_labels) & SW_LABELS_MAX;
	if (work->verdict != SW_VERDICT_NXDOMAIN || work->zone == 0)
		return SW_ADMIT_ALL;
	return ~orders->missing_refuse[work->suffix[apex] >> 52];
}

/** Not admitted: TC=1 or silence, unless orders say to look on. @return enum sw_query_state */
SW_INLINE int sw_refuse(struct sw_work *work, const struct sw_orders *orders, uint32_t lane, uint32_t verdict)
{
	struct sw_lane_counts *counts = sw_lane_counts_of();
	if (counts) {
		counts->refused[lane]++;
		if ((work->facts & (SW_FACT_KNOWN | SW_FACT_HOPS | SW_FACT_EXISTS)) ==
			(SW_FACT_KNOWN | SW_FACT_HOPS | SW_FACT_EXISTS))
			counts->refused_known++;
	}
	if (orders->is_observing)
		return SW_QUERY_GO;
	sw_refusal_remember(sw_question_print(work), bpf_ktime_get_coarse_ns());
	work->verdict = verdict;
	if (orders->dropped_lanes >> lane & 1) {
		work->verdict = SW_VERDICT_DROP_LANE;
		return SW_QUERY_SILENT;
	}
	work->truncates = 1;
	return SW_QUERY_GO;
}

/** Of a network beyond its allowance: who has not proven himself. Known resolvers have a larger one of their
 * own, since to be known takes no more than to ask, which a forger can do in another's name. */
SW_INLINE uint32_t sw_network_admit(const struct sw_work *work)
{
	if (!(work->facts & SW_FACT_PREFIX) || work->facts & (SW_FACT_COOKIE | SW_FACT_HANDSHAKE))
		return SW_ADMIT_ALL;
	return sw_prefix_admit(work, (work->facts & SW_FACT_KNOWN) && (work->facts & SW_FACT_HOPS));
}

/** Whether a query that has been resolved is answered. @return SW_QUERY_GO or SW_QUERY_SILENT */
SW_FN int sw_admit(struct sw_work *work)
{
	const struct sw_control *control = work ? sw_control_of(work) : NULL;
	if (!control)
		return SW_QUERY_GO;
	const struct sw_orders *orders = &control->orders;
	/* whoever gave the orders is gone: they are void, everybody is admitted (the coarse clock may lag
	 * behind theirs) */
	if (bpf_ktime_get_coarse_ns() > orders->alive_ns + SW_ORDERS_AGE_NS)
		return SW_QUERY_GO;
	work->facts = (uint8_t)sw_facts(work);
	uint32_t lane = orders->policy.lane[work->facts] & (SW_LANE_COUNT - 1);
	struct sw_lane_counts *counts = sw_lane_counts_of();
	if (counts)
		counts->offered[lane]++;
	if (sw_is_refused(orders->policy.admit[lane]))
		return sw_refuse(work, orders, lane, SW_VERDICT_OVER_LANE);
	if (sw_is_refused(sw_missing_admit(orders, work)))
		return sw_refuse(work, orders, lane, SW_VERDICT_OVER_ZONE);
	if (sw_is_refused(sw_network_admit(work)))
		return sw_refuse(work, orders, lane, SW_VERDICT_OVER_PREFIX);
	return SW_QUERY_GO;
}

/** Whether user space gets a NOTIFY or UPDATE. Who is not admitted hears nothing, and asks again (RFC 1996
 * s3.6, RFC 2136 s4.6): TC=1 says of these messages no more than that they were not read.
 * @return SW_QUERY_PUNT or SW_QUERY_SILENT */
SW_INLINE int sw_admit_request(struct sw_work *work)
{
	int state = sw_admit(work);
	if (state == SW_QUERY_GO && work->verdict == SW_VERDICT_PUNT_REQUEST)
		return SW_QUERY_PUNT;
	work->verdict = SW_VERDICT_DROP_LANE;
	return SW_QUERY_SILENT;
}

#endif

#endif
