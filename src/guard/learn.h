/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Signatures: what the packets of an attack have in common and honest ones have not (answer/traits.h).
 *
 * Two bags of questions are kept: *good* ones, of resolvers known from peace, and *doubtful* ones, of
 * strangers while an attack is on. A signature is grown feature by feature: each time the one is added that
 * loses few doubtful and many good. One that would hurt less good traffic than its budget is tried in the
 * shadow, on questions that come after it was made; only then it counts, and only as a fact: it never refuses
 * by itself (image/lanes.h). It is watched on, withdrawn when it hurts more than its budget, and forgotten
 * when nothing matches it any more.
 */
#ifndef SW_GUARD_LEARN_H
#define SW_GUARD_LEARN_H

#include "image/lanes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SW_LEARN_BAG 4096	/* questions in a bag; new ones take the places of old ones */
#define SW_LEARN_FEATURES_MAX 5 /* of one signature: more fit the day they were learnt, and no other */
#define SW_LEARN_COVER 0.10	/* of the doubtful: what matches less is not worth a signature */
#define SW_LEARN_BUDGET 0.001	/* of the good that it may match (DRILL: honest packets hurt <= 0.1 %) */
#define SW_LEARN_SHADOW_S 2	/* at least, and until it was tried on enough */
#define SW_LEARN_TRIED_FEWEST \
	500		   /* good questions; of 1,000 a budget of one in a thousand lets one through */
#define SW_LEARN_IDLE_S 30 /* without a match: forgotten */

enum sw_signature_state { SW_SIGNATURE_FREE, SW_SIGNATURE_SHADOW, SW_SIGNATURE_ACTIVE };

struct sw_learnt {
	struct sw_signature signature;
	enum sw_signature_state state;
	uint32_t age_s, idle_s;
	/* since it was made, fading with half of it gone in a minute */
	double good_tried, good_hurt, doubtful_tried, doubtful_met;
};

struct sw_learner {
	uint64_t good[SW_LEARN_BAG], doubtful[SW_LEARN_BAG];
	uint32_t good_count, doubtful_count; /* ever */
	struct sw_learnt learnt[SW_SIGNATURES_MAX];
	uint32_t withdrawn; /* for what they hurt, ever */
};

/** A question that was seen. @param is_good  of a known resolver; else of a stranger while an attack is on */
void sw_learner_see(struct sw_learner *learner, uint64_t features, bool is_good);

/** Once a second: tries, promotes, withdraws, forgets; looks for new ones while an attack is on. Writes those
 * that count. */
void sw_learner_turn(
	struct sw_learner *learner, bool is_attack, struct sw_signature active[SW_SIGNATURES_MAX]);

/** "rd=1 edns=0 first=12" */
void sw_signature_text(const struct sw_signature *signature, char *text, size_t size);

#endif
