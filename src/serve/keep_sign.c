/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The list of zones that are signed here, their keys, and what is due when. */
#include "serve/keep_sign.h"
#include "serve/key_commands.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_S 60	    /* after something went wrong */
#define GONE_S (30 * 86400) /* how long a key that is gone is remembered */

int sw_keep_sign_new(struct sw_keep *keep, const char *state)
{
	struct sw_signs *signs = calloc(1, sizeof(*signs));
	if (signs == NULL)
		return -ENOMEM;
	pthread_mutex_init(&signs->lock, NULL);
	signs->due_s = INT64_MAX;
	signs->last = &signs->first;
	signs->state = strdup(state);
	keep->signs = signs;
	return signs->state ? sw_signers_new(&signs->signers, keep) : -ENOMEM;
}

static void signing_free(struct sw_signing *signing)
{
	sw_keys_free(&signing->keys);
	sw_parent_watch_free(&signing->parents);
	sw_contents_free(signing->plain);
	sw_delivery_free(signing->taken);
	sw_delivery_free(signing->waiting);
	for (struct sw_update_request *request = signing->held, *next; request != NULL; request = next) {
		next = request->next;
		request->done(request, NULL, 0);
	}
	free(signing);
}

void sw_keep_sign_stop(struct sw_keep *keep)
{
	if (keep->signs != NULL)
		sw_signers_stop(keep->signs->signers);
}

void sw_keep_sign_free(struct sw_keep *keep)
{
	struct sw_signs *signs = keep->signs;
	if (signs == NULL)
		return;
	sw_signers_free(signs->signers);
	for (size_t i = 0; i < signs->count; i++)
		signing_free(signs->zones[i]);
	free(signs->zones);
	sw_key_requests_drop(keep);
	sw_keep_parents_drop(keep);
	free(signs->state);
	pthread_mutex_destroy(&signs->lock);
	free(signs);
	keep->signs = NULL;
}

/* ---- the list ---- */

static int compare_signing(const void *apex, const void *signing)
{
	return sw_name_compare(apex, (*(struct sw_signing *const *)signing)->apex);
}

/** @return whether it is there; *at where it is or belongs */
static bool search(const struct sw_signs *signs, const uint8_t *apex, size_t *at)
{
	return sw_name_search(
		apex, signs->zones, signs->count, sizeof(struct sw_signing *), compare_signing, at);
}

struct sw_signing *sw_keep_signing(struct sw_keep *keep, const uint8_t *apex)
{
	size_t at;
	return search(keep->signs, apex, &at) ? keep->signs->zones[at] : NULL;
}

const struct sw_dnssec_policy *sw_keep_dnssec(const struct sw_zone_setting *setting)
{
	static const struct sw_dnssec_policy leaving = {.is_leaving = true,
		.sign = SW_SIGN_POLICY_DEFAULT,
		.keys = {.is_leaving = true,
			.algorithm = SW_KEY_ECDSAP256SHA256,
			.dnskey_ttl_s = 3600,
			.zone_ttl_max_s = 86400,
			.propagation_s = 3600,
			.ds_ttl_s = 86400,
			.parent_propagation_s = 3600}};
	return setting->policy->dnssec ? setting->policy->dnssec : &leaving;
}

bool sw_keep_signs(struct sw_keep *keep, const struct sw_zone_setting *setting)
{
	struct sw_archive_source source;
	return !sw_keep_dnssec(setting)->is_leaving ||
	       sw_snapshot_source(sw_keep_own(keep), setting->apex, &source) == 0;
}

void sw_keep_key_directory(
	const struct sw_keep *keep, const struct sw_dnssec_policy *policy, char *path, size_t size)
{
	if (policy->directory != NULL)
		snprintf(path, size, "%s", policy->directory);
	else
		snprintf(path, size, "%s/keys", keep->signs->state);
}

void sw_keep_sign_fault(struct sw_keep *keep, struct sw_signing *signing, const char *format, ...)
{
	char apex[SW_NAME_TEXT_MAX], why[SW_KEYS_WHY_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	sw_log(SW_LOG_ERROR, "zone %s: %s", sw_name_text(signing->apex, apex), why);
	pthread_mutex_lock(&keep->signs->lock);
	memcpy(signing->why, why, sizeof(why));
	pthread_mutex_unlock(&keep->signs->lock);
}

static int list_insert(struct sw_signs *signs, size_t at, struct sw_signing *signing)
{
	if (signs->count == signs->size) {
		size_t size = 2 * signs->size + 16;
		struct sw_signing **zones = reallocarray(signs->zones, size, sizeof(*zones));
		if (zones == NULL)
			return -ENOMEM;
		signs->zones = zones;
		signs->size = size;
	}
	memmove(signs->zones + at + 1, signs->zones + at, (signs->count - at) * sizeof(*signs->zones));
	signs->zones[at] = signing;
	signs->count++;
	return 0;
}

/** Keys of one algorithm sign a zone (RFC 6840 s5.11), and those that are there decide which. */
static void check_algorithm(
	struct sw_keep *keep, struct sw_signing *signing, const struct sw_dnssec_policy *policy)
{
	for (size_t i = 0; !policy->is_leaving && i < signing->keys.count; i++) {
		const struct sw_key *key = &signing->keys.keys[i];
		if (key->removed_s == 0 && key->algorithm != policy->keys.algorithm) {
			sw_keep_sign_fault(keep, signing,
				"its keys are of algorithm %u, not %u as 'dnssec' says: the algorithm of a "
				"signed zone cannot be changed; it goes on with %u. Unsign it first ('mode: "
				"leave')",
				key->algorithm, policy->keys.algorithm, key->algorithm);
			return;
		}
	}
}

int sw_keep_sign_open(struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_signing **result)
{
	struct sw_signs *signs = keep->signs;
	const struct sw_dnssec_policy *policy = sw_keep_dnssec(setting);
	char directory[4096], why[SW_KEYS_WHY_MAX], apex[SW_NAME_TEXT_MAX];
	size_t at;
	if (search(signs, setting->apex, &at)) {
		*result = signs->zones[at];
		return 0;
	}
	struct sw_signing *signing = calloc(1, sizeof(*signing));
	if (signing == NULL)
		return -ENOMEM;
	memcpy(signing->apex, setting->apex, sw_name_len(setting->apex));
	signing->held_last = &signing->held;
	signing->turn_s = INT64_MAX;
	sw_keep_key_directory(keep, policy, directory, sizeof(directory));
	int err = sw_keys_load(&signing->keys, directory, setting->apex, true, why);
	if (err != 0) {
		sw_log(SW_LOG_ERROR, "zone %s: %s", sw_name_text(setting->apex, apex), why);
		free(signing);
		return err;
	}
	signing->is_ours = sw_snapshot_source(sw_keep_own(keep), setting->apex, &signing->source) == 0;
	check_algorithm(keep, signing, policy);
	pthread_mutex_lock(&signs->lock);
	err = list_insert(signs, at, signing);
	pthread_mutex_unlock(&signs->lock);
	if (err != 0) {
		signing_free(signing);
		return err;
	}
	sw_keep_sign_due(keep, signing, 0);
	*result = signing;
	return 0;
}

void sw_keep_sign_forget(struct sw_keep *keep, const uint8_t *apex)
{
	struct sw_signs *signs = keep->signs;
	size_t at;
	pthread_mutex_lock(&signs->lock);
	if (search(signs, apex, &at)) {
		signing_free(signs->zones[at]);
		memmove(signs->zones + at, signs->zones + at + 1,
			(--signs->count - at) * sizeof(*signs->zones));
	}
	pthread_mutex_unlock(&signs->lock);
}

/* ---- keys ---- */

int sw_keep_sign_save(struct sw_keep *keep, struct sw_signing *signing, const struct sw_dnssec_policy *policy)
{
	char directory[4096], why[SW_KEYS_WHY_MAX];
	sw_keep_key_directory(keep, policy, directory, sizeof(directory));
	int err = sw_keys_save(&signing->keys, directory, why);
	if (err != 0)
		sw_keep_sign_fault(keep, signing, "%s", why);
	return err;
}

int sw_keep_sign_delete_keys(
	struct sw_keep *keep, struct sw_signing *signing, const struct sw_dnssec_policy *policy)
{
	char directory[4096], why[SW_KEYS_WHY_MAX];
	int64_t now_s = sw_keep_now_s();
	sw_keep_key_directory(keep, policy, directory, sizeof(directory));
	pthread_mutex_lock(&keep->signs->lock);
	for (size_t i = 0; i < signing->keys.count; i++)
		signing->keys.keys[i].removed_s = now_s;
	int err = sw_keys_purge(&signing->keys, directory, now_s + 1, why);
	pthread_mutex_unlock(&keep->signs->lock);
	if (err != 0)
		sw_keep_sign_fault(keep, signing, "%s", why);
	return err;
}

static int key_make(struct sw_keep *keep, struct sw_signing *signing, const struct sw_dnssec_policy *policy,
	enum sw_key_role role, uint8_t algorithm)
{
	char directory[4096], why[SW_KEYS_WHY_MAX], apex[SW_NAME_TEXT_MAX];
	sw_keep_key_directory(keep, policy, directory, sizeof(directory));
	if (signing->is_ours && signing->keys.count == 0)
		sw_log(SW_LOG_ERROR,
			"zone %s: it was signed here, and its keys are not in %s any more: it gets new ones. "
			"If "
			"its parent has a DS, it must be changed at once",
			sw_name_text(signing->apex, apex), directory);
	pthread_mutex_lock(&keep->signs->lock);
	int err = sw_keys_generate(&signing->keys, directory, role, algorithm, sw_keep_now_s(), why);
	pthread_mutex_unlock(&keep->signs->lock);
	if (err != 0) {
		sw_keep_sign_fault(keep, signing, "%s", why);
		return err;
	}
	const struct sw_key *key = &signing->keys.keys[signing->keys.count - 1];
	sw_log(SW_LOG_INFO, "zone %s: new %s, key tag %u, algorithm %u", sw_name_text(signing->apex, apex),
		sw_key_role_label(role), key->tag, key->algorithm);
	return 0;
}

int sw_keep_sign_plan(struct sw_keep *keep, struct sw_signing *signing, const struct sw_dnssec_policy *policy,
	struct sw_keys_plan *plan)
{
	struct sw_keys_policy keys = policy->keys;
	if (signing->ttl_max_s != 0)
		keys.zone_ttl_max_s = signing->ttl_max_s;
	int err = 0;
	struct sw_key_next next[SW_KEYS_MAX];
	sw_keys_turn(&signing->keys, &keys, sw_keep_now_s(), plan);
	for (int role = SW_KEY_CSK; err == 0 && role <= SW_KEY_ZSK; role++) {
		if (!plan->wants[role])
			continue;
		err = key_make(keep, signing, policy, (enum sw_key_role)role, plan->wanted_algorithm);
		if (err == 0)
			sw_keys_turn(&signing->keys, &keys, sw_keep_now_s(), plan);
	}
	sw_keys_next(&signing->keys, &keys, sw_keep_now_s(), next);
	pthread_mutex_lock(&keep->signs->lock);
	memcpy(signing->next, next, sizeof(next));
	pthread_mutex_unlock(&keep->signs->lock);
	return err;
}

/** What is kept is served: the keys live on from now. */
static void note_served(
	struct sw_keep *keep, struct sw_signing *signing, const struct sw_dnssec_policy *policy)
{
	char directory[4096], why[SW_KEYS_WHY_MAX];
	if (!signing->has_plan || signing->is_served || !signing->is_ours)
		return;
	pthread_mutex_lock(&keep->signs->lock);
	bool is_new = sw_keys_served(&signing->keys, &signing->plan, sw_keep_now_s());
	pthread_mutex_unlock(&keep->signs->lock);
	signing->is_served = !is_new || sw_keep_sign_save(keep, signing, policy) == 0;
	bool has_gone = false;
	for (size_t i = 0; i < signing->keys.count; i++)
		has_gone |= signing->keys.keys[i].removed_s != 0 &&
			    signing->keys.keys[i].removed_s < sw_keep_now_s() - GONE_S;
	if (!has_gone)
		return;
	sw_keep_key_directory(keep, policy, directory, sizeof(directory));
	pthread_mutex_lock(&keep->signs->lock);
	int err = sw_keys_purge(&signing->keys, directory, sw_keep_now_s() - GONE_S, why);
	pthread_mutex_unlock(&keep->signs->lock);
	signing->has_plan = false; /* its numbers of keys are others now */
	if (err != 0)
		sw_keep_sign_fault(keep, signing, "%s", why);
}

/* ---- what is due ---- */

/** Whether the zone as it is kept was made by this plan and policy: a change that changes nothing fits. */
static bool is_made_so(struct sw_keep *keep, struct sw_signing *signing,
	const struct sw_dnssec_policy *policy, const struct sw_keys_plan *plan)
{
	struct sw_sign_archived archived = {sw_keep_own(keep), signing->apex};
	struct sw_sign_source source = sw_sign_source_of(&archived);
	struct sw_delta change = {0}, delta = {0};
	struct sw_sign_job job;
	struct sw_record soa;
	size_t at = 0;
	sw_keep_sign_job(signing, policy, &job);
	job.plan = plan;
	bool is_so = sw_keep_soa(keep, signing->apex, &change.new_soa) &&
		     sw_records_next(&change.new_soa, &at, &soa);
	if (is_so)
		is_so = sw_sign_delta(&job, signing->apex, &source, &change, &delta, NULL) == 0;
	sw_delta_free(&change);
	sw_delta_free(&delta);
	return is_so;
}

/** Whether keys or policy are others than those that made what is kept. */
static bool is_other(struct sw_keep *keep, struct sw_signing *signing, const struct sw_dnssec_policy *policy,
	const struct sw_keys_plan *plan)
{
	struct sw_keys keys = signing->keys; /* its secrets stay the others' */
	if (signing->source.chain != sw_keep_sign_chain(policy) ||
		sw_keys_served(&keys, plan, sw_keep_now_s()))
		return true;
	if (signing->has_plan && (memcmp(plan->uses, signing->plan.uses, sizeof(plan->uses)) != 0 ||
					 plan->is_delete != signing->plan.is_delete))
		return true;
	if (signing->has_plan && memcmp(&signing->made_by, &policy->sign, sizeof(policy->sign)) == 0)
		return false; /* a reload looks at all zones, and most are as before */
	bool is_so = is_made_so(keep, signing, policy, plan);
	if (is_so)
		signing->made_by = policy->sign;
	return !is_so;
}

/** Whether nobody expects signatures any more. */
static bool may_undo(struct sw_signing *signing, const struct sw_dnssec_policy *policy, int64_t *due_s)
{
	bool is_asked_for = false; /* somebody may have followed */
	for (size_t i = 0; i < signing->keys.count; i++)
		is_asked_for |= signing->keys.keys[i].ds_submitted_s != 0;
	if (!is_asked_for)
		return true;
	if (signing->source.ds_gone_s == 0)
		return false;
	*due_s = signing->source.ds_gone_s + policy->keys.ds_ttl_s + policy->keys.parent_propagation_s;
	return *due_s <= sw_keep_now_s();
}

bool sw_keep_awaits_removal(const struct sw_signing *signing)
{
	bool is_asked_for = false;
	for (size_t i = 0; i < signing->keys.count; i++)
		is_asked_for |= signing->keys.keys[i].ds_submitted_s != 0;
	return signing->is_ours && signing->plan.is_delete && is_asked_for && signing->source.ds_gone_s == 0;
}

/** What is kept is by this plan. */
static void zone_wait(
	struct sw_keep *keep, struct sw_signing *signing, const struct sw_keys_plan *plan, int64_t undo_s)
{
	pthread_mutex_lock(&keep->signs->lock);
	signing->plan = *plan;
	signing->has_plan = true;
	signing->turn_s = plan->due_s < undo_s ? plan->due_s : undo_s;
	signing->due_s = signing->turn_s < signing->renew_s ? signing->turn_s : signing->renew_s;
	pthread_mutex_unlock(&keep->signs->lock);
}

bool sw_keep_sign_has_expired(struct sw_keep *keep, const struct sw_zone_setting *setting)
{
	struct sw_archive_zone kept;
	return setting->policy->primary_count > 0 &&
	       sw_snapshot_zone(sw_keep_own(keep), setting->apex, &kept) == 0 &&
	       kept.expires_s <= sw_keep_now_s();
}

static void zone_turn(struct sw_keep *keep, struct sw_signing *signing)
{
	const struct sw_zone_setting *setting = sw_settings_find_zone(keep->settings, signing->apex);
	struct sw_archive_zone kept;
	struct sw_keys_plan plan;
	int64_t undo_s = INT64_MAX;
	signing->due_s = INT64_MAX; /* until a task is done, a version comes, or below */
	if (setting == NULL || signing->task != NULL)
		return;
	if (signing->plain == NULL && sw_snapshot_zone(sw_keep_own(keep), signing->apex, &kept) != 0)
		return; /* no primary has given it yet */
	const struct sw_dnssec_policy *policy = sw_keep_dnssec(setting);
	if (policy->is_leaving && !signing->is_ours)
		return;
	if (signing->plain == NULL && sw_keep_sign_has_expired(keep, setting)) {
		signing->due_s = sw_keep_now_s() + AGAIN_S;
		return;
	}
	note_served(keep, signing, policy);
	bool is_undone = policy->is_leaving && may_undo(signing, policy, &undo_s);
	int err = sw_keep_sign_plan(keep, signing, policy, &plan);
	if (err == 0 && is_undone) {
		err = sw_keep_sign_begin(keep, setting, signing, SW_SIGN_UNDO, &plan);
	} else if (err == 0 && (signing->plain != NULL || signing->is_whole_due || signing->is_anew_due ||
				       !signing->is_ours || is_other(keep, signing, policy, &plan))) {
		err = sw_keep_sign_begin(keep, setting, signing, SW_SIGN_WHOLE, &plan);
	} else if (err == 0) {
		zone_wait(keep, signing, &plan, undo_s);
		sw_keep_parents_turn(keep, setting, signing);
		if (signing->renew_s <= sw_keep_now_s())
			err = sw_keep_sign_begin(keep, setting, signing, SW_SIGN_RENEW, &plan);
	}
	if (err != 0)
		signing->due_s = sw_keep_now_s() + AGAIN_S;
}

void sw_keep_sign_turn(struct sw_keep *keep)
{
	struct sw_signs *signs = keep->signs;
	int64_t now_s = sw_keep_now_s(), due_s = INT64_MAX;
	if (keep->settings == NULL || signs->due_s > now_s)
		return;
	for (size_t i = 0; i < signs->count; i++) {
		struct sw_signing *signing = signs->zones[i];
		if (signing->due_s <= now_s)
			zone_turn(keep, signing);
		due_s = signing->due_s < due_s ? signing->due_s : due_s;
	}
	__atomic_store_n(&signs->due_s, due_s, __ATOMIC_RELEASE);
}

void sw_keep_tick(struct sw_keep *keep)
{
	if (keep != NULL && (__atomic_load_n(&keep->signs->due_s, __ATOMIC_ACQUIRE) <= sw_keep_now_s() ||
				    sw_keep_catalogs_are_due(keep)))
		sw_keep_wake(keep);
}

void sw_keep_sign_settings(struct sw_keep *keep)
{
	struct sw_signing *signing;
	for (size_t i = 0; i < keep->settings->zone_count; i++) {
		const struct sw_zone_setting *setting = &keep->settings->zones[i];
		if (sw_policy_is_live(setting->policy) && !sw_keep_dnssec(setting)->is_leaving)
			sw_keep_sign_open(keep, setting, &signing);
	}
	for (size_t i = 0; i < keep->signs->count; i++) {
		const struct sw_zone_setting *setting =
			sw_settings_find_zone(keep->settings, keep->signs->zones[i]->apex);
		sw_keep_parents_again(keep->signs->zones[i]);
		sw_keep_sign_due(keep, keep->signs->zones[i], 0); /* as it is told now */
		if (setting != NULL)
			check_algorithm(keep, keep->signs->zones[i], sw_keep_dnssec(setting));
	}
	sw_keep_sign_turn(keep);
}
