/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sense/resolvers.h"

#define LEARN_MS 2000	     /* between two questions of a candidate */
#define CANDIDATE_MS 3600000 /* after that it begins anew */
#define ODD_S 10
#define MOVED_PACKETS 8
#define MOVED_S 30
#define IDLE_S 86400
#define GONE_S (7 * 86400)
#define BRIEF_MINUTES 3

static int32_t seconds_of(uint64_t now_ms)
{
	return (int32_t)(now_ms / 1000);
}

static struct sw_resolver *bucket_of(struct sw_resolvers *resolvers, uint64_t print)
{
	return resolvers->resolver[print & (SW_RESOLVER_BUCKETS - 1)];
}

static void tell(struct sw_resolvers *resolvers, const struct sw_resolver *resolver, bool is_known)
{
	if (resolvers->told)
		resolvers->told(resolvers->told_arg, resolver->address, resolver->address_len, resolver->hops,
			is_known);
}

const struct sw_resolver *sw_resolvers_find(
	const struct sw_resolvers *resolvers, uint64_t print, const uint8_t address[16], uint8_t address_len)
{
	const struct sw_resolver *bucket = resolvers->resolver[print & (SW_RESOLVER_BUCKETS - 1)];
	for (int i = 0; i < SW_RESOLVER_WAYS; i++) {
		if (bucket[i].address_len == address_len &&
			memcmp(bucket[i].address, address, address_len) == 0)
			return &bucket[i];
	}
	return NULL;
}

static struct sw_resolver *find(
	struct sw_resolvers *resolvers, uint64_t print, const struct sw_sample *sample)
{
	return (struct sw_resolver *)sw_resolvers_find(resolvers, print, sample->source, sample->address_len);
}

static void forget(struct sw_resolvers *resolvers, struct sw_resolver *resolver)
{
	tell(resolvers, resolver, false);
	*resolver = (struct sw_resolver){0};
	resolvers->count--;
}

/* ---- heard ---- */

static bool is_near(uint8_t hops, uint8_t other)
{
	return hops <= other + 1 && other <= hops + 1;
}

static void heard_from_its_place(struct sw_resolver *resolver, int32_t now_s, bool is_peace)
{
	if (is_peace && now_s / 60 != resolver->seen_s / 60 && resolver->minutes < UINT16_MAX)
		resolver->minutes++;
	resolver->seen_s = now_s;
	resolver->fits_since_odd = true;
}

static enum sw_standing heard_from_elsewhere(struct sw_resolver *resolver, uint8_t hops, int32_t now_s)
{
	bool is_again = resolver->odd_count > 0 && hops == resolver->odd_hops && !resolver->fits_since_odd;
	bool is_spoofed = resolver->odd_count > 0 && now_s - resolver->odd_s <= ODD_S && !is_again;
	if (!is_again) {
		resolver->odd_count = 0;
		resolver->odd_begin_s = now_s;
	}
	if (resolver->odd_count < UINT8_MAX)
		resolver->odd_count++;
	resolver->odd_hops = hops;
	resolver->odd_s = now_s;
	resolver->fits_since_odd = false;
	return is_spoofed ? SW_SPOOFED : SW_RESOLVER;
}

enum sw_standing sw_resolvers_look(struct sw_resolvers *resolvers, uint64_t print,
	const struct sw_sample *sample, uint64_t now_ms, bool is_peace)
{
	struct sw_resolver *resolver = find(resolvers, print, sample);
	uint8_t hops = sw_hops_passed(sample->ttl);
	int32_t now_s = seconds_of(now_ms);
	if (!resolver)
		return SW_STRANGER;
	if (sample->ttl == 0 || is_near(hops, resolver->hops)) {
		heard_from_its_place(resolver, now_s, is_peace);
		return SW_RESOLVER;
	}
	enum sw_standing standing = heard_from_elsewhere(resolver, hops, now_s);
	if (is_peace && resolver->odd_count >= MOVED_PACKETS && now_s - resolver->odd_begin_s >= MOVED_S) {
		resolver->hops = hops;
		resolver->odd_count = 0;
		resolver->seen_s = now_s;
		tell(resolvers, resolver, true);
	}
	return standing;
}

/* ---- learning ---- */

/** Who leaves a full bucket: whom nothing was heard for longest, if that is a day; else the most fleeting
 * one. */
static struct sw_resolver *place_for(struct sw_resolver *bucket, int32_t now_s)
{
	struct sw_resolver *idlest = bucket, *briefest = bucket;
	for (int i = 0; i < SW_RESOLVER_WAYS; i++) {
		struct sw_resolver *other = &bucket[i];
		if (other->address_len == 0)
			return other;
		if (other->seen_s < idlest->seen_s)
			idlest = other;
		if (other->minutes < briefest->minutes ||
			(other->minutes == briefest->minutes && other->seen_s < briefest->seen_s))
			briefest = other;
	}
	if (now_s - idlest->seen_s >= IDLE_S)
		return idlest;
	return briefest->minutes <= BRIEF_MINUTES ? briefest : NULL;
}

static bool put(
	struct sw_resolvers *resolvers, uint64_t print, const struct sw_resolver *resolver, int32_t now_s)
{
	struct sw_resolver *place = place_for(bucket_of(resolvers, print), now_s);
	if (!place)
		return false;
	if (place->address_len != 0)
		forget(resolvers, place);
	*place = *resolver;
	resolvers->count++;
	tell(resolvers, place, true);
	return true;
}

bool sw_resolvers_put(struct sw_resolvers *resolvers, const struct sw_resolver *resolver, uint64_t now_ms)
{
	uint64_t print = sw_print_address(&resolvers->key, resolver->address, resolver->address_len);
	if (sw_resolvers_find(resolvers, print, resolver->address, resolver->address_len))
		return true;
	return put(resolvers, print, resolver, seconds_of(now_ms));
}

/** The candidate with this fingerprint, or where it belongs: a free place, or the oldest one's. */
static struct sw_candidate *candidate_of(struct sw_resolvers *resolvers, uint64_t print, uint32_t now)
{
	struct sw_candidate *bucket = resolvers->candidate[print & (SW_CANDIDATE_BUCKETS - 1)],
			    *place = bucket;
	for (int i = 0; i < SW_RESOLVER_WAYS; i++) {
		if (bucket[i].print == print)
			return &bucket[i];
		if (place->print != 0 &&
			(bucket[i].print == 0 || now - bucket[i].first_ms > now - place->first_ms))
			place = &bucket[i];
	}
	return place;
}

void sw_resolvers_learn(
	struct sw_resolvers *resolvers, uint64_t print, const struct sw_sample *sample, uint64_t now_ms)
{
	uint32_t now = (uint32_t)now_ms;
	uint8_t hops = sw_hops_passed(sample->ttl);
	struct sw_candidate *candidate = candidate_of(resolvers, print, now);
	if (sample->ttl == 0)
		return;
	if (candidate->print != print || !is_near(candidate->hops, hops) ||
		now - candidate->first_ms > CANDIDATE_MS) {
		*candidate = (struct sw_candidate){.print = print, .first_ms = now, .hops = hops};
		return;
	}
	if (now - candidate->first_ms < LEARN_MS)
		return;
	struct sw_resolver resolver = {.address_len = sample->address_len,
		.hops = candidate->hops,
		.minutes = 1,
		.seen_s = seconds_of(now_ms)};
	memcpy(resolver.address, sample->source, sample->address_len);
	put(resolvers, print, &resolver, resolver.seen_s);
	*candidate = (struct sw_candidate){0};
}

void sw_resolvers_connected(struct sw_resolvers *resolvers, uint64_t print, const struct sw_sample *sample,
	uint64_t now_ms, bool is_peace)
{
	struct sw_resolver *resolver = find(resolvers, print, sample);
	if (resolver && is_near(sw_hops_passed(sample->ttl), resolver->hops))
		heard_from_its_place(resolver, seconds_of(now_ms), is_peace);
	else if (!resolver && is_peace)
		sw_resolvers_learn(resolvers, print, sample, now_ms);
}

void sw_resolvers_distrust(struct sw_resolvers *resolvers)
{
	memset(resolvers->candidate, 0, sizeof(resolvers->candidate));
}

void sw_resolvers_sweep(struct sw_resolvers *resolvers, uint64_t now_ms)
{
	resolvers->swept = (resolvers->swept + 1) % SW_RESOLVER_BUCKETS;
	for (int i = 0; i < SW_RESOLVER_WAYS; i++) {
		struct sw_resolver *resolver = &resolvers->resolver[resolvers->swept][i];
		if (resolver->address_len != 0 && seconds_of(now_ms) - resolver->seen_s >= GONE_S)
			forget(resolvers, resolver);
	}
}
