/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/throttle.h"
#include "wire/siphash.h"
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000ull
#define SHARES 1024 /* power of two */
#define SIGNED_SETS 1024
#define SIGNED_WAYS 4

struct rate {
	uint64_t all, share; /* messages a second */
};

static const struct rate rates[SW_STANDING_COUNT] = {
#define X(name, all, share, text) {all, share},
	SW_STANDINGS(X)
#undef X
};

/** Buckets: when each is full again. Atomic. */
struct lane {
	_Alignas(64) uint64_t all; /* read for every message of a flood: alone in its cache line */
	_Alignas(64) uint64_t shares[SHARES];
};

struct sw_throttle {
	uint64_t secret[2];
	struct lane lanes[SW_THROTTLED_COUNT][SW_STANDING_COUNT];
	/* 32 bits of an address's hash, never 0, and 32 of the second. Atomic. */
	uint64_t signers[SIGNED_SETS][SIGNED_WAYS];
};
_Static_assert(sizeof(struct sw_throttle) <= 130 << 10, "as the header says");

struct sw_throttle *sw_throttle_new(const uint64_t secret[2])
{
	struct sw_throttle *throttle = aligned_alloc(_Alignof(struct sw_throttle), sizeof(*throttle));
	if (throttle == NULL)
		return NULL;
	memset(throttle, 0, sizeof(*throttle));
	memcpy(throttle->secret, secret, sizeof(throttle->secret));
	return throttle;
}

void sw_throttle_free(struct sw_throttle *throttle)
{
	free(throttle);
}

/** Of the first bytes of an address. */
static uint64_t hash(const struct sw_throttle *throttle, const uint8_t *address, uint8_t len, uint8_t bytes)
{
	struct sw_siphash siphash;
	uint64_t words[2] = {0};
	memcpy(words, address, bytes);
	sw_siphash_start(&siphash, throttle->secret);
	sw_siphash_word(&siphash, words[0]);
	sw_siphash_word(&siphash, words[1]);
	return sw_siphash_end(&siphash, len, 17); /* the length keeps the families apart */
}

/* ---- buckets ---- */

/** What is missing to a full bucket, in time to fill it. More than it holds by far: the clock was set back;
 * by little: another thread has looked at it a moment later. */
static uint64_t missing_ns(uint64_t full_ns, uint64_t now_ns)
{
	uint64_t ns = full_ns > now_ns ? full_ns - now_ns : 0;
	return ns <= 2 * SECOND_NS ? ns : 0;
}

static bool has_one(const uint64_t *bucket, uint64_t rate, uint64_t now_ns)
{
	uint64_t full_ns = __atomic_load_n(bucket, __ATOMIC_RELAXED);
	return missing_ns(full_ns, now_ns) + SECOND_NS / rate <= SECOND_NS;
}

static bool take_one(uint64_t *bucket, uint64_t rate, uint64_t now_ns)
{
	uint64_t full_ns = __atomic_load_n(bucket, __ATOMIC_RELAXED), after_ns;
	do {
		after_ns = missing_ns(full_ns, now_ns) + SECOND_NS / rate;
		if (after_ns > SECOND_NS)
			return false;
	} while (!__atomic_compare_exchange_n(
		bucket, &full_ns, now_ns + after_ns, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

bool sw_throttle_take(struct sw_throttle *throttle, enum sw_throttled kind, enum sw_standing standing,
	const uint8_t *address, uint8_t len, uint64_t now_ns)
{
	struct lane *lane = &throttle->lanes[kind][standing];
	const struct rate *rate = &rates[standing];
	bool is_network = standing == SW_STANDING_STRANGER || standing == SW_STANDING_CLAIMS;
	if (!has_one(&lane->all, rate->all, now_ns))
		return false;
	uint64_t sender = hash(throttle, address, len, !is_network ? len : len == 4 ? 3 : 7);
	return take_one(&lane->shares[sender & (SHARES - 1)], rate->share, now_ns) &&
	       take_one(&lane->all, rate->all, now_ns);
}

/* ---- who signs ---- */

/** What tells it from others in its set, in the upper half. */
static uint64_t tag_of(const struct sw_throttle *throttle, const uint8_t *address, uint8_t len, size_t *set)
{
	uint64_t sender = hash(throttle, address, len, len);
	*set = sender & (SIGNED_SETS - 1);
	return (sender | 1ull << 32) & ~(uint64_t)UINT32_MAX;
}

static bool is_of(uint64_t signer, uint64_t tag)
{
	return (signer & ~(uint64_t)UINT32_MAX) == tag;
}

/** @return seconds; 0 where another thread's clock is ahead */
static uint32_t age_s(uint64_t signer, uint64_t now_ns)
{
	int32_t age = (int32_t)((uint32_t)(now_ns / SECOND_NS) - (uint32_t)signer);
	return age < 0 ? 0 : (uint32_t)age;
}

void sw_throttle_signed(struct sw_throttle *throttle, const uint8_t *address, uint8_t len, uint64_t now_ns)
{
	size_t set, place = 0;
	uint64_t tag = tag_of(throttle, address, len, &set), most = 0;
	for (unsigned i = 0; i < SIGNED_WAYS; i++) {
		uint64_t signer = __atomic_load_n(&throttle->signers[set][i], __ATOMIC_RELAXED);
		/* its own place before a free one before the oldest */
		uint64_t fit = is_of(signer, tag) ? UINT64_MAX
			       : signer == 0	  ? UINT32_MAX
						  : age_s(signer, now_ns);
		if (fit > most) {
			most = fit;
			place = i;
		}
	}
	__atomic_store_n(
		&throttle->signers[set][place], tag | (uint32_t)(now_ns / SECOND_NS), __ATOMIC_RELAXED);
}

bool sw_throttle_has_signed(
	const struct sw_throttle *throttle, const uint8_t *address, uint8_t len, uint64_t now_ns)
{
	size_t set;
	uint64_t tag = tag_of(throttle, address, len, &set);
	for (unsigned i = 0; i < SIGNED_WAYS; i++) {
		uint64_t signer = __atomic_load_n(&throttle->signers[set][i], __ATOMIC_RELAXED);
		if (is_of(signer, tag) && age_s(signer, now_ns) < SW_SIGNED_AGE_S)
			return true;
	}
	return false;
}
