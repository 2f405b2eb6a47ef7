/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/keep_parents.h"
#include "serve/chance.h"
#include "serve/keep_sign.h"
#include "serve/key_commands.h"
#include "serve/parents.h"
#include <stdlib.h>
#include <string.h>

#define START_S 30 /* thousands of zones that begin to wait do not ask at once */
#define SPREAD 10  /* a tenth of the interval at most */

/* ---- what is waited for ---- */

/** The key whose DS is, or NULL. */
static const struct sw_key *key_awaited(const struct sw_signing *signing)
{
	if (!signing->has_plan || !signing->plan.is_ds_awaited)
		return NULL;
	for (size_t i = 0; i < signing->keys.count; i++) {
		const struct sw_key *key = &signing->keys.keys[i];
		if ((signing->plan.uses[i] & SW_KEY_SUBMIT) && key->ds_submitted_s != 0 &&
			key->ds_seen_s == 0 && key->removed_s == 0)
			return key;
	}
	return NULL;
}

/** @param key  NULL: that there is no DS
 * @return whether parents can tell anything */
static bool is_awaited(
	const struct sw_signing *signing, const struct sw_dnssec_policy *policy, const struct sw_key **key)
{
	*key = key_awaited(signing);
	return policy->parent_count > 0 && signing->is_ours &&
	       (*key != NULL || sw_keep_awaits_removal(signing));
}

void sw_parent_watch_free(struct sw_parent_watch *watch)
{
	free(watch->servers);
	*watch = (struct sw_parent_watch){0};
}

void sw_keep_parents_again(struct sw_signing *signing)
{
	if (!signing->parents.is_asking)
		signing->parents.next_s = 0;
}

/* ---- asking ---- */

/** Called on the secondary's thread. */
static void answered(void *arg, struct sw_inquiry *inquiry)
{
	struct sw_keep *keep = arg;
	pthread_mutex_lock(&keep->lock);
	inquiry->next = keep->signs->inquiries;
	keep->signs->inquiries = inquiry;
	pthread_mutex_unlock(&keep->lock);
	sw_keep_wake(keep);
}

static bool inquire(
	struct sw_keep *keep, const struct sw_dnssec_policy *policy, const struct sw_signing *signing)
{
	struct sw_inquiry *inquiry = sw_inquiry_new(keep->settings, policy, signing->apex);
	if (inquiry == NULL)
		return false; /* the next round tries again */
	inquiry->done = answered;
	inquiry->arg = keep;
	sw_count(&keep->signs->parent_counts.asked, inquiry->count);
	sw_secondary_inquire(keep->secondary, inquiry);
	return true;
}

void sw_keep_parents_turn(
	struct sw_keep *keep, const struct sw_zone_setting *setting, struct sw_signing *signing)
{
	const struct sw_dnssec_policy *policy = sw_keep_dnssec(setting);
	struct sw_parent_watch *watch = &signing->parents;
	const struct sw_key *key;
	int64_t now_s = sw_keep_now_s();
	bool is_on = is_awaited(signing, policy, &key);
	pthread_mutex_lock(&keep->signs->lock);
	if (watch->is_on && (!is_on || strcmp(watch->key, key ? key->id : "") != 0)) {
		bool is_asking = watch->is_asking;
		sw_parent_watch_free(watch);
		watch->is_asking = is_asking;
	}
	if (is_on && !watch->is_on)
		snprintf(watch->key, sizeof(watch->key), "%s", key ? key->id : "");
	watch->is_on = is_on;
	if (is_on && watch->next_s == 0) {
		uint32_t spread_s = policy->parent_check_s < START_S ? policy->parent_check_s : START_S;
		watch->next_s = now_s + sw_chance() % spread_s;
	}
	if (is_on && watch->next_s > now_s + policy->parent_check_s)
		watch->next_s = now_s; /* the clock was set back */
	if (is_on && !watch->is_asking && watch->next_s <= now_s) {
		watch->is_asking = inquire(keep, policy, signing);
		watch->next_s = now_s + policy->parent_check_s;
	}
	if (is_on && !watch->is_asking && watch->next_s < signing->due_s)
		signing->due_s = watch->next_s;
	pthread_mutex_unlock(&keep->signs->lock);
}

/* ---- what they said ---- */

static void say(const struct sw_signing *signing, const struct sw_parent_said *said,
	const struct sw_parent_answer *answer, const struct sw_key *key)
{
	char apex[SW_NAME_TEXT_MAX], awaited[64] = "that there is none is waited for";
	if (key != NULL)
		snprintf(awaited, sizeof(awaited), "that of key %u is waited for", key->tag);
	sw_log(answer->kind == SW_PARENT_FAILED ? SW_LOG_WARNING : SW_LOG_INFO,
		"zone %s: DS asked of %s: %s%s%s", sw_name_text(signing->apex, apex), said->from, said->text,
		said->is_as_awaited ? ", as is waited for" : "; ", said->is_as_awaited ? "" : awaited);
}

/** What each says, told where it is something else than the last time. @return whether all say what is waited
 * for */
static bool compare(struct sw_keep *keep, struct sw_signing *signing, const struct sw_inquiry *inquiry,
	const struct sw_key *key)
{
	struct sw_parent_watch *watch = &signing->parents;
	size_t i = 0;
	bool is_agreed = inquiry->count > 0;
	for (size_t r = 0; r < inquiry->policy->parent_count; r++) {
		const struct sw_remote *remote = inquiry->policy->parents[r];
		for (size_t a = 0; a < remote->address_count; a++, i++) {
			const struct sw_parent_answer *answer = &inquiry->answers[i];
			char address[SW_ENDPOINT_TEXT_MAX], text[SW_PARENT_SAID_MAX];
			struct sw_parent_said said = {0};
			snprintf(said.from, sizeof(said.from), "%.64s (%s)", remote->name,
				sw_endpoint_text(&remote->addresses[a], address));
			memcpy(said.text, sw_parent_text(answer, text), sizeof(text));
			said.is_as_awaited = key ? sw_parent_has(answer, &signing->keys, key)
						 : answer->kind == SW_PARENT_NO_DS;
			bool is_new = strcmp(said.from, watch->servers[i].from) != 0 ||
				      strcmp(said.text, watch->servers[i].text) != 0 ||
				      said.is_as_awaited != watch->servers[i].is_as_awaited;
			watch->servers[i] = said;
			if (is_new)
				say(signing, &said, answer, key);
			is_agreed &= said.is_as_awaited;
			watch->ttl_max_s =
				answer->ttl_s > watch->ttl_max_s ? answer->ttl_s : watch->ttl_max_s;
			sw_count(answer->kind == SW_PARENT_FAILED ? &keep->signs->parent_counts.failed
				 : said.is_as_awaited		  ? &keep->signs->parent_counts.agreed
								  : &keep->signs->parent_counts.waiting,
				1);
		}
	}
	return is_agreed;
}

/** There is room for what each says. */
static bool make_room(struct sw_parent_watch *watch, size_t count)
{
	if (watch->count == count && watch->servers != NULL)
		return true;
	struct sw_parent_said *servers = calloc(count + 1, sizeof(*servers));
	if (servers == NULL)
		return false;
	free(watch->servers);
	watch->servers = servers;
	watch->count = count;
	return true;
}

/** Since when all agree, and until when they have to, now that all have been asked. @return whether it is
 * time */
static bool agree(
	struct sw_signing *signing, const struct sw_dnssec_policy *policy, bool is_agreed, int64_t now_s)
{
	struct sw_parent_watch *watch = &signing->parents;
	char apex[SW_NAME_TEXT_MAX];
	uint32_t ds_ttl_s = policy->keys.ds_ttl_s;
	int64_t excess_s = watch->ttl_max_s > ds_ttl_s ? watch->ttl_max_s - ds_ttl_s : 0;
	bool is_first = is_agreed && (watch->agreed_s == 0 || watch->agreed_s > now_s);
	watch->agreed_s = is_first ? now_s : is_agreed ? watch->agreed_s : 0;
	watch->until_s = is_agreed ? watch->agreed_s + excess_s : 0;
	watch->asked_s = now_s;
	watch->next_s = now_s + policy->parent_check_s -
			(int64_t)((uint64_t)policy->parent_check_s / SPREAD * sw_chance() / UINT32_MAX);
	if (is_agreed && watch->until_s > now_s && watch->until_s < watch->next_s)
		watch->next_s = watch->until_s;
	if (is_first && excess_s > 0)
		sw_log(SW_LOG_WARNING,
			"zone %s: the DS at its parent has a TTL of %u s, and 'ds-ttl' says %u: it counts "
			"when all "
			"parents have agreed for the %lld s between",
			sw_name_text(signing->apex, apex), watch->ttl_max_s, ds_ttl_s, (long long)excess_s);
	return is_agreed && watch->until_s <= now_s;
}

/** As by command. */
static void note(struct sw_keep *keep, struct sw_signing *signing, const struct sw_dnssec_policy *policy,
	const struct sw_key *key)
{
	char apex[SW_NAME_TEXT_MAX];
	sw_name_text(signing->apex, apex);
	const char *why =
		key ? sw_key_ds_seen(keep, signing, policy, key->id) : sw_key_ds_gone(keep, signing);
	if (why != NULL) {
		sw_log(SW_LOG_ERROR, "zone %s: what all its parents say cannot be noted: %s", apex, why);
		return;
	}
	sw_count(&keep->signs->parent_counts.noted, 1);
	if (key != NULL)
		sw_log(SW_LOG_INFO, "zone %s: the DS of key %u is at all its parents: noted", apex, key->tag);
	else
		sw_log(SW_LOG_INFO, "zone %s: its DS is gone from all its parents: noted", apex);
}

static void take(struct sw_keep *keep, const struct sw_inquiry *inquiry)
{
	struct sw_signing *signing = sw_keep_signing(keep, inquiry->apex);
	const struct sw_zone_setting *setting =
		keep->settings ? sw_settings_find_zone(keep->settings, inquiry->apex) : NULL;
	if (signing == NULL || setting == NULL)
		return;
	const struct sw_dnssec_policy *policy = sw_keep_dnssec(setting);
	struct sw_parent_watch *watch = &signing->parents;
	const struct sw_key *key = NULL;
	bool is_time = false;
	pthread_mutex_lock(&keep->signs->lock);
	watch->is_asking = false;
	if (policy != inquiry->policy) { /* others may be to be asked now */
		watch->next_s = 0;
	} else if (watch->is_on && is_awaited(signing, policy, &key) &&
		   strcmp(watch->key, key ? key->id : "") == 0 && make_room(watch, inquiry->count)) {
		bool is_agreed = compare(keep, signing, inquiry, key);
		is_time = agree(signing, policy, is_agreed, sw_keep_now_s());
	}
	pthread_mutex_unlock(&keep->signs->lock);
	if (is_time)
		note(keep, signing, policy, key);
	sw_keep_sign_due(keep, signing, 0);
}

static struct sw_inquiry *inquiries_take(struct sw_keep *keep)
{
	pthread_mutex_lock(&keep->lock);
	struct sw_inquiry *first = keep->signs->inquiries;
	keep->signs->inquiries = NULL;
	pthread_mutex_unlock(&keep->lock);
	return first;
}

void sw_keep_parents_take(struct sw_keep *keep)
{
	for (struct sw_inquiry *inquiry = inquiries_take(keep), *next; inquiry != NULL; inquiry = next) {
		next = inquiry->next;
		take(keep, inquiry);
		sw_inquiry_free(inquiry);
	}
}

void sw_keep_parents_drop(struct sw_keep *keep)
{
	for (struct sw_inquiry *inquiry = inquiries_take(keep), *next; inquiry != NULL; inquiry = next) {
		next = inquiry->next;
		sw_inquiry_free(inquiry);
	}
}

/* ---- for who looks ---- */

json_t *sw_keep_parents_json(const struct sw_signing *signing)
{
	const struct sw_parent_watch *watch = &signing->parents;
	if (!watch->is_on)
		return NULL;
	json_t *servers = json_array();
	for (size_t i = 0; i < watch->count; i++)
		json_array_append_new(servers,
			json_pack("{s:s, s:s, s:b}", "server", watch->servers[i].from, "said",
				watch->servers[i].text, "as_awaited", watch->servers[i].is_as_awaited));
	return json_pack("{s:I, s:I, s:b, s:I, s:o}", "asked", (json_int_t)watch->asked_s, "next",
		(json_int_t)watch->next_s, "asking", watch->is_asking, "agreed_until",
		(json_int_t)watch->until_s, "servers", servers);
}

void sw_keep_parents_counted(struct sw_keep *keep, struct sw_parent_counts *counts)
{
	const struct sw_parent_counts *all = &keep->signs->parent_counts;
#define X(name, text) counts->name = __atomic_load_n(&all->name, __ATOMIC_RELAXED);
	SW_PARENT_COUNTERS(X)
#undef X
}
