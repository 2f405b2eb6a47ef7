/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a sender of UPDATE, NOTIFY and signed questions may expect before his signature is checked: by what
 * he says he is, and what the configuration says of who may. Forgers can say so too: it chooses a budget
 * (serve/throttle.h), no more. */
#ifndef SW_SERVE_STANDING_H
#define SW_SERVE_STANDING_H

#include "serve/live.h"
#include "serve/throttle.h"

/** A rule names its networks where they are no larger: anybody can forge an address of a larger one. */
#define SW_STANDING_BITS_MIN4 8
#define SW_STANDING_BITS_MIN6 32

/** Whether a peer asks from the address of a primary, and with its key where it has one. */
bool sw_standing_is_primary(const struct sw_zone_policy *policy, const struct sw_peer *peer);

/** Whether updates of a zone are taken at all, by somebody. */
bool sw_standing_takes_updates(const struct sw_zone_policy *policy);

/** Never SW_STANDING_SIGNED, which the throttle knows.
 *
 * Signed questions come from secondaries, whose rules are those of transfers; nobody who signs is a stranger,
 * for questions are anybody's.
 * @param policy  of the zone; NULL: it is not one of ours
 * @param peer  with the key that he says (sw_tsig_claimed()) */
enum sw_standing sw_standing_of(
	const struct sw_zone_policy *policy, enum sw_throttled kind, const struct sw_peer *peer);

#endif
