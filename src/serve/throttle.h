/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How many UPDATE, NOTIFY and signed messages over UDP are looked at in a second, and whose.
 *
 * A forger sends as many as the line carries, and each that is looked at costs an HMAC, a place in a queue, a
 * message to a primary. So each standing of senders has a budget of its own, and in it each sender no more
 * than his share: whoever floods uses up what he himself could be taken for, and nothing else. Both are token
 * buckets that hold a second's filling. What is over is dropped by its caller without a word, since its
 * source may be another's.
 *
 * A bucket is one number, the time at which it will be full again (as in the GCRA, ITU-T I.371): nothing has
 * to be filled, any thread may take, and who is refused writes nothing. Of one share may have more than one
 * sender where their secret hashes meet.
 *
 * Pure: times are handed in. Fixed memory: 130 KiB. Any thread may call at any time.
 */
#ifndef SW_SERVE_THROTTLE_H
#define SW_SERVE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

/* What is known of a sender before a signature is checked (serve/standing.h). A second's messages in all, and
 * of one sender: of a /24 or /56, for a forger has all addresses of a network, or of an address. */
#define SW_STANDINGS(X)                                                                                    \
	X(STRANGER, 200, 20, "no rule lets him, even if his signature is right: he will be refused")       \
	X(CLAIMS, 1000, 100, "a rule lets him from anywhere, if he has the key whose name he knows")       \
	X(SIGNED, 20000, 10000, "the same, and messages from his address have lately been signed rightly") \
	X(NAMED, 20000, 10000, "a rule or a primary of the zone has his address")

enum sw_standing {
#define X(name, all, share, text) SW_STANDING_##name,
	SW_STANDINGS(X)
#undef X
		SW_STANDING_COUNT
};

enum sw_throttled { SW_THROTTLED_UPDATE, SW_THROTTLED_NOTIFY, SW_THROTTLED_SIGNED, SW_THROTTLED_COUNT };

#define SW_SIGNED_AGE_S 3600 /* how long a right signature counts */

struct sw_throttle;

/** @param secret  nobody can aim at another's share. @return NULL when out of memory */
struct sw_throttle *sw_throttle_new(const uint64_t secret[2]);
void sw_throttle_free(struct sw_throttle *throttle); /* takes NULL */

/** One more message. @param address  len bytes, 4 or 16
 * @param now_ns  of a clock that goes on; one that jumps does no more than fill buckets
 * @return whether it is within the budget, and charged to it */
bool sw_throttle_take(struct sw_throttle *throttle, enum sw_throttled kind, enum sw_standing standing,
	const uint8_t *address, uint8_t len, uint64_t now_ns);

/** A message from this address was signed rightly. The last 4,096 such addresses are remembered, about. */
void sw_throttle_signed(struct sw_throttle *throttle, const uint8_t *address, uint8_t len, uint64_t now_ns);

bool sw_throttle_has_signed(
	const struct sw_throttle *throttle, const uint8_t *address, uint8_t len, uint64_t now_ns);

#endif
