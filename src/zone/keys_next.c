/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What keys come to next: their lives are played on from now, and the first thing that happens to each is
 * it.
 */
#include "zone/keys.h"
#include <string.h>

#define STEPS_MAX 32 /* changes of a plan that are looked ahead */

const char *sw_key_event_label(enum sw_key_event event)
{
	static const char *const labels[] = {
#define X(name, label) label,
		SW_KEY_EVENTS(X)
#undef X
	};
	return labels[event];
}

/** What happens to a key whose uses become others. */
static enum sw_key_event event_of(const struct sw_key *key, unsigned before, unsigned after)
{
	unsigned comes = after & ~before, goes = before & ~after;
	if (key->removed_s != 0)
		return SW_KEY_NOTHING;
	if (goes & SW_KEY_PUBLISH)
		return SW_KEY_IS_REMOVED;
	if (comes & SW_KEY_RETIRED)
		return SW_KEY_IS_RETIRED;
	if (comes & (key->role == SW_KEY_KSK ? SW_KEY_SIGN_KEYS : SW_KEY_SIGN_ZONE))
		return SW_KEY_IS_ACTIVE;
	return comes & SW_KEY_SUBMIT ? SW_KEY_IS_SUBMITTED : SW_KEY_NOTHING;
}

static void note_events(const struct sw_keys *keys, const uint8_t *before, const uint8_t *after, int64_t at_s,
	struct sw_key_next *next)
{
	for (size_t i = 0; i < keys->count; i++) {
		enum sw_key_event event = event_of(&keys->keys[i], before[i], after[i]);
		if (next[i].event == SW_KEY_NOTHING && event != SW_KEY_NOTHING)
			next[i] = (struct sw_key_next){event, at_s};
	}
}

/** A key of that role is made then: the newest one of that duty is what it is for. */
static void note_successor(
	const struct sw_keys *keys, enum sw_key_role role, int64_t at_s, struct sw_key_next *next)
{
	for (size_t i = keys->count; i-- > 0;) {
		const struct sw_key *key = &keys->keys[i];
		if (key->removed_s != 0 || (key->role == SW_KEY_ZSK) != (role == SW_KEY_ZSK))
			continue;
		if (next[i].event == SW_KEY_NOTHING)
			next[i] = (struct sw_key_next){SW_KEY_IS_REPLACED, at_s};
		return;
	}
}

/** Where the plan stands still until a DS is seen: of that key it is, and those before it go then. */
static void note_awaited(
	const struct sw_keys *keys, const struct sw_keys_plan *plan, struct sw_key_next *next)
{
	for (size_t i = keys->count; i-- > 0;) {
		if (!(plan->uses[i] & SW_KEY_SUBMIT))
			continue;
		if (next[i].event == SW_KEY_NOTHING)
			next[i] = (struct sw_key_next){SW_KEY_IS_SEEN, 0};
		while (i-- > 0) {
			const struct sw_key *key = &keys->keys[i];
			if (next[i].event == SW_KEY_NOTHING && key->removed_s == 0 && key->role != SW_KEY_ZSK)
				next[i] = (struct sw_key_next){key->retired_s == 0 && key->role == SW_KEY_KSK
								       ? SW_KEY_IS_RETIRED
								       : SW_KEY_IS_REMOVED,
					0};
		}
		return;
	}
}

void sw_keys_next(const struct sw_keys *keys, const struct sw_keys_policy *policy, int64_t now_s,
	struct sw_key_next next[SW_KEYS_MAX])
{
	struct sw_keys played = *keys; /* its secrets stay the others' */
	struct sw_keys_plan plan, then;
	memset(next, 0, SW_KEYS_MAX * sizeof(*next));
	if (policy->is_leaving)
		return;
	sw_keys_turn(&played, policy, now_s, &plan);
	for (unsigned i = 0; i < STEPS_MAX && plan.due_s != INT64_MAX; i++) {
		int64_t at_s = plan.due_s;
		(void)sw_keys_served(&played, &plan, now_s);
		sw_keys_turn(&played, policy, at_s, &then);
		note_events(&played, plan.uses, then.uses, at_s, next);
		for (int role = SW_KEY_CSK; role <= SW_KEY_ZSK; role++) {
			if (then.wants[role])
				note_successor(&played, (enum sw_key_role)role, at_s, next);
		}
		if (then.wants[SW_KEY_CSK] || then.wants[SW_KEY_KSK] || then.wants[SW_KEY_ZSK])
			break; /* what it does to the others depends on when it is served */
		plan = then;
		now_s = at_s;
	}
	if (plan.is_ds_awaited)
		note_awaited(&played, &plan, next);
}
