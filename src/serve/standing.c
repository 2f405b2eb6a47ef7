/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/standing.h"
#include <string.h>

static bool is_key(const struct sw_tsig_key *wanted, const struct sw_tsig_key *key)
{
	return wanted == NULL ||
	       (key != NULL && wanted->algorithm == key->algorithm && sw_name_equal(wanted->name, key->name));
}

bool sw_standing_is_primary(const struct sw_zone_policy *policy, const struct sw_peer *peer)
{
	for (size_t i = 0; i < policy->primary_count; i++) {
		const struct sw_remote *remote = policy->primaries[i];
		for (size_t j = 0; j < remote->address_count; j++) {
			uint8_t len;
			const uint8_t *address = sw_endpoint_address(&remote->addresses[j], &len);
			if (len == peer->address_len && memcmp(address, peer->address, len) == 0 &&
				is_key(remote->key, peer->key))
				return true;
		}
	}
	return false;
}

bool sw_standing_takes_updates(const struct sw_zone_policy *policy)
{
	return policy->update_by.count > 0 && (policy->primary_count == 0 || policy->forwards_updates);
}

static bool is_named(const struct sw_access *rule)
{
	unsigned least = rule->address_len == 4 ? SW_STANDING_BITS_MIN4 : SW_STANDING_BITS_MIN6;
	return rule->address_len != 0 && rule->bits >= least;
}

/** By the best of the rules that let him. */
static enum sw_standing standing_by(const struct sw_access_list *list, const struct sw_peer *peer)
{
	enum sw_standing best = SW_STANDING_STRANGER;
	for (size_t i = 0; i < list->count; i++) {
		const struct sw_access_list one = {.rules = &list->rules[i], .count = 1};
		if (sw_access_find(&one, peer) == NULL)
			continue;
		if (is_named(&list->rules[i]))
			return SW_STANDING_NAMED;
		best = SW_STANDING_CLAIMS;
	}
	return best;
}

enum sw_standing sw_standing_of(
	const struct sw_zone_policy *policy, enum sw_throttled kind, const struct sw_peer *peer)
{
	if (kind == SW_THROTTLED_SIGNED)
		return policy && standing_by(&policy->transfer_to, peer) == SW_STANDING_NAMED
			       ? SW_STANDING_NAMED
			       : SW_STANDING_CLAIMS;
	if (policy == NULL)
		return SW_STANDING_STRANGER;
	if (kind == SW_THROTTLED_UPDATE)
		return sw_standing_takes_updates(policy) ? standing_by(&policy->update_by, peer)
							 : SW_STANDING_STRANGER;
	if (policy->primary_count == 0)
		return SW_STANDING_STRANGER;
	return sw_standing_is_primary(policy, peer) ? SW_STANDING_NAMED
						    : standing_by(&policy->notify_from, peer);
}
