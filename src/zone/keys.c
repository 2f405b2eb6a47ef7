/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/keys.h"
#include "wire/bytes.h"
#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>

#define DIGEST_SHA256 2 /* RFC 4509 s2.1 */

const char *sw_key_role_label(enum sw_key_role role)
{
	static const char *const labels[] = {
#define X(name, label) label,
		SW_KEY_ROLES(X)
#undef X
	};
	return labels[role];
}

static bool signs_keys(const struct sw_key *key)
{
	return key->role != SW_KEY_ZSK && key->removed_s == 0;
}

static bool signs_zone(const struct sw_key *key)
{
	return key->role != SW_KEY_KSK && key->removed_s == 0;
}

/** Everything sw_keys_turn() knows. Numbers of keys are -1 for none. */
struct turn {
	const struct sw_keys *keys;
	const struct sw_keys_policy *policy;
	struct sw_keys_plan *plan;
	int64_t now_s;
	bool has_trust; /* some DS was seen, ever */
	int trusted;	/* newest key whose DS is all that caches have */
	int signer;	/* of the zone */
};

/** Whether a time has come; where it has not, that is when to ask again. */
static bool is_past(struct turn *turn, int64_t at_s)
{
	if (turn->now_s >= at_s)
		return true;
	if (at_s < turn->plan->due_s)
		turn->plan->due_s = at_s;
	return false;
}

/** How long caches may have a DNSKEY set from before a change (RFC 7583 s3.2.1: Ipub). */
static int64_t keys_wait_s(const struct turn *turn)
{
	return (int64_t)turn->policy->dnskey_ttl_s + turn->policy->propagation_s;
}

/** How long they may have signatures (RFC 7583 s3.2.1: Iret). Renewal is at once here, so Dsgn is 0. */
static int64_t zone_wait_s(const struct turn *turn)
{
	return (int64_t)turn->policy->zone_ttl_max_s + turn->policy->propagation_s;
}

static int64_t ds_wait_s(const struct turn *turn)
{
	return (int64_t)turn->policy->ds_ttl_s + turn->policy->parent_propagation_s;
}

static bool is_in_caches(struct turn *turn, const struct sw_key *key)
{
	return key->published_s != 0 && is_past(turn, key->published_s + keys_wait_s(turn));
}

/** The keys that the others stand back for. */
static void find_holders(struct turn *turn)
{
	turn->trusted = turn->signer = -1;
	int oldest = -1;
	for (int i = (int)turn->keys->count - 1; i >= 0; i--) {
		const struct sw_key *key = &turn->keys->keys[i];
		turn->has_trust |= key->ds_seen_s != 0;
		if (signs_keys(key) && turn->trusted < 0 && key->ds_seen_s != 0 &&
			is_past(turn, key->ds_seen_s + ds_wait_s(turn)))
			turn->trusted = i;
		if (!signs_zone(key))
			continue;
		oldest = i;
		/* once it has signed it goes on, also when the clock is put back */
		if (turn->signer < 0 && (key->active_s != 0 || is_in_caches(turn, key)))
			turn->signer = i;
	}
	if (turn->signer < 0)
		turn->signer = oldest; /* the first key of a zone signs from the beginning */
}

/** Whether a new key's DS may be asked for. Of the first key not before the whole zone is seen to be signed:
 * a validator with the DS must not meet unsigned records in its cache (RFC 7583 s3.3.5 is silent about it).
 */
static bool may_submit(struct turn *turn, const struct sw_key *key)
{
	if (key->ds_submitted_s != 0)
		return true;
	return is_in_caches(turn, key) &&
	       (turn->has_trust || is_past(turn, key->published_s + zone_wait_s(turn)));
}

static unsigned key_uses(struct turn *turn, int i)
{
	const struct sw_key *key = &turn->keys->keys[i];
	bool holds_keys = signs_keys(key) && i >= turn->trusted;
	bool is_superseded = signs_zone(key) ? i < turn->signer : !holds_keys;
	unsigned uses = is_superseded ? SW_KEY_RETIRED : 0;
	if (holds_keys)
		uses |= SW_KEY_PUBLISH | SW_KEY_SIGN_KEYS;
	if (!signs_zone(key))
		return uses;
	if (i == turn->signer)
		uses |= SW_KEY_SIGN_ZONE;
	if (!is_superseded || key->retired_s == 0 || !is_past(turn, key->retired_s + zone_wait_s(turn)))
		uses |= SW_KEY_PUBLISH;
	return uses;
}

/** Newest living key with a duty, and how many have it. */
static int newest(const struct sw_keys *keys, bool (*has_duty)(const struct sw_key *), int *count)
{
	int found = -1;
	*count = 0;
	for (size_t i = 0; i < keys->count; i++) {
		if (has_duty(&keys->keys[i])) {
			found = (int)i;
			(*count)++;
		}
	}
	return found;
}

static bool is_old(struct turn *turn, const struct sw_key *key, int64_t since_s, int64_t lifetime_s)
{
	return key->is_roll_asked || (lifetime_s != 0 && is_past(turn, since_s + lifetime_s));
}

static bool wants_sep(struct turn *turn, enum sw_key_role role)
{
	int count, last = newest(turn->keys, signs_keys, &count);
	if (last < 0)
		return true;
	const struct sw_key *key = &turn->keys->keys[last];
	if (key->role != role && (!turn->has_trust || (count == 1 && last == turn->trusted)))
		return true;
	return count == 1 && last == turn->trusted &&
	       is_old(turn, key, key->ds_seen_s, turn->policy->ksk_lifetime_s);
}

/** Published a wait before the end of its predecessor, so that it signs when that has lived its time. */
static bool wants_zsk(struct turn *turn)
{
	int count, last = newest(turn->keys, signs_zone, &count);
	if (last < 0 || turn->keys->keys[last].role == SW_KEY_CSK)
		return true;
	const struct sw_key *key = &turn->keys->keys[last];
	int64_t lifetime_s = turn->policy->zsk_lifetime_s;
	if (lifetime_s != 0)
		lifetime_s = lifetime_s > keys_wait_s(turn) ? lifetime_s - keys_wait_s(turn) : 1;
	return count == 1 && key->active_s != 0 && is_old(turn, key, key->active_s, lifetime_s);
}

/** CDS and CDNSKEY are for the newest key that may. */
static void submit(struct turn *turn)
{
	struct sw_keys_plan *plan = turn->plan;
	plan->is_delete = turn->policy->is_leaving;
	for (int i = (int)turn->keys->count - 1; i >= 0 && !plan->is_delete; i--) {
		const struct sw_key *key = &turn->keys->keys[i];
		if (!(plan->uses[i] & SW_KEY_SIGN_KEYS) || !may_submit(turn, key))
			continue;
		plan->uses[i] |= SW_KEY_SUBMIT;
		plan->is_ds_awaited = key->ds_seen_s == 0;
		return;
	}
}

void sw_keys_turn(const struct sw_keys *keys, const struct sw_keys_policy *policy, int64_t now_s,
	struct sw_keys_plan *plan)
{
	*plan = (struct sw_keys_plan){.due_s = INT64_MAX, .wanted_algorithm = policy->algorithm};
	struct turn turn = {.keys = keys, .policy = policy, .plan = plan, .now_s = now_s};
	find_holders(&turn);
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->keys[i].removed_s != 0)
			continue;
		plan->uses[i] = (uint8_t)key_uses(&turn, (int)i);
		plan->wanted_algorithm = keys->keys[i].algorithm;
	}
	submit(&turn);
	enum sw_key_role role = policy->is_split ? SW_KEY_KSK : SW_KEY_CSK;
	plan->wants[role] = !policy->is_leaving && wants_sep(&turn, role);
	plan->wants[SW_KEY_ZSK] = policy->is_split && wants_zsk(&turn);
}

static bool note(int64_t *time_s, int64_t now_s)
{
	if (*time_s != 0)
		return false;
	*time_s = now_s;
	return true;
}

bool sw_keys_served(struct sw_keys *keys, const struct sw_keys_plan *plan, int64_t now_s)
{
	bool is_new = false;
	for (size_t i = 0; i < keys->count; i++) {
		struct sw_key *key = &keys->keys[i];
		unsigned uses = plan->uses[i];
		if (key->removed_s != 0)
			continue;
		if (uses & SW_KEY_PUBLISH)
			is_new |= note(&key->published_s, now_s);
		if (uses & (key->role == SW_KEY_KSK ? SW_KEY_SIGN_KEYS : SW_KEY_SIGN_ZONE))
			is_new |= note(&key->active_s, now_s);
		if (uses & SW_KEY_SUBMIT)
			is_new |= note(&key->ds_submitted_s, now_s);
		if (uses & SW_KEY_RETIRED)
			is_new |= note(&key->retired_s, now_s);
		if ((uses & SW_KEY_RETIRED) && !(uses & SW_KEY_PUBLISH))
			is_new |= note(&key->removed_s, now_s);
	}
	return is_new;
}

int sw_keys_ds_seen(struct sw_keys *keys, const char *id, int64_t now_s)
{
	for (size_t i = 0; i < keys->count; i++) {
		struct sw_key *key = &keys->keys[i];
		if (!signs_keys(key) || strcmp(key->id, id) != 0)
			continue;
		if (key->ds_submitted_s == 0)
			return -EAGAIN;
		note(&key->ds_seen_s, now_s);
		return 0;
	}
	return -ENOENT;
}

int sw_keys_roll(struct sw_keys *keys, enum sw_key_role role)
{
	int count, last = newest(keys, role == SW_KEY_ZSK ? signs_zone : signs_keys, &count);
	if (last < 0 || (role == SW_KEY_ZSK) != (keys->keys[last].role == SW_KEY_ZSK))
		return -ENOENT;
	/* asked twice it would be replaced twice: its successor stands there already, not yet in use */
	if (keys->keys[last].is_roll_asked || (count > 1 && keys->keys[last].active_s == 0))
		return -EALREADY;
	keys->keys[last].is_roll_asked = true;
	return 0;
}

int sw_key_ds(const struct sw_keys *keys, const struct sw_key *key, uint8_t ds[SW_DS_BYTES])
{
	/* RFC 4034 s5.1.4: the digest is over the owner name and the DNSKEY's data */
	uint8_t bytes[SW_NAME_MAX + SW_DNSKEY_MAX];
	size_t len = sw_name_len(keys->apex);
	memcpy(bytes, keys->apex, len);
	memcpy(bytes + len, key->dnskey, key->dnskey_len);
	sw_put16(ds, key->tag);
	ds[2] = key->algorithm;
	ds[3] = DIGEST_SHA256;
	return gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, len + key->dnskey_len, ds + 4) == 0 ? 0 : -EIO;
}

const struct sw_key *sw_keys_find_ds(const struct sw_keys *keys, const uint8_t *ds, size_t len)
{
	uint8_t own[SW_DS_BYTES];
	for (size_t i = 0; i < keys->count && len == SW_DS_BYTES; i++) {
		const struct sw_key *key = &keys->keys[i];
		if (signs_keys(key) && sw_key_ds(keys, key, own) == 0 && memcmp(own, ds, len) == 0)
			return key;
	}
	return NULL;
}
