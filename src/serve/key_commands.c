/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/key_commands.h"
#include "serve/control.h"
#include "serve/keep_sign.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- looking; under the lock ---- */

static const char *state_of(const struct sw_key *key, unsigned uses)
{
	if (key->removed_s != 0)
		return "removed";
	if (key->retired_s != 0)
		return "retired";
	if (uses & (SW_KEY_SIGN_KEYS | SW_KEY_SIGN_ZONE))
		return "active";
	return key->published_s != 0 ? "published" : "created";
}

/** The record for the parent. */
static json_t *ds_json(const struct sw_keys *keys, const struct sw_key *key)
{
	uint8_t ds[SW_DS_BYTES];
	char name[SW_NAME_TEXT_MAX], hex[2 * SW_DS_BYTES + 1] = "";
	if (key->role == SW_KEY_ZSK || key->removed_s != 0 || sw_key_ds(keys, key, ds) != 0)
		return NULL;
	for (unsigned i = 4; i < SW_DS_BYTES; i++)
		sprintf(hex + 2 * (i - 4), "%02X", ds[i]);
	return json_sprintf(
		"%s IN DS %u %u %u %s", sw_name_text(keys->apex, name), key->tag, ds[2], ds[3], hex);
}

/** What comes next of a key. @return NULL (JSON) for nothing, as far as can be seen */
static json_t *next_json(const struct sw_key *key, const struct sw_key_next *next)
{
	if (next->event == SW_KEY_NOTHING || key->removed_s != 0)
		return json_null();
	return json_pack("{s:s, s:o}", "state", sw_key_event_label(next->event), "at",
		next->at_s ? json_integer(next->at_s) : json_null());
}

static json_t *key_json(
	const struct sw_keys *keys, const struct sw_key *key, unsigned uses, const struct sw_key_next *next)
{
	json_t *object = json_pack("{s:s, s:i, s:s, s:i, s:s, s:b, s:b}", "id", key->id, "tag", key->tag,
		"role", sw_key_role_label(key->role), "algorithm", key->algorithm, "state",
		state_of(key, uses), "roll-asked", key->is_roll_asked, "submit", (uses & SW_KEY_SUBMIT) != 0);
	json_object_set_new(object, "ds", ds_json(keys, key));
	json_object_set_new(object, "next", next_json(key, next));
#define X(field, label) json_object_set_new(object, label, json_integer(key->field));
	SW_KEY_TIMES(X)
#undef X
	return object;
}

static json_t *signing_json(const struct sw_signing *signing)
{
	char name[SW_NAME_TEXT_MAX];
	json_t *keys = json_array();
	for (size_t i = 0; i < signing->keys.count; i++)
		json_array_append_new(keys, key_json(&signing->keys, &signing->keys.keys[i],
						    signing->plan.uses[i], &signing->next[i]));
	return json_pack("{s:s, s:b, s:b, s:b, s:b, s:b, s:I, s:I, s:I, s:s%, s:o*, s:o}", "zone",
		sw_name_text(signing->apex, name), "signed", signing->is_ours, "signing",
		signing->task != NULL, "leaving", signing->plan.is_delete, "ds_awaited",
		signing->plan.is_ds_awaited, "ds_removal_awaited", sw_keep_awaits_removal(signing),
		"unsigned_serial", (json_int_t)(signing->is_ours ? signing->source.serial : 0),
		"next_signing", (json_int_t)signing->renew_s, "next_key_change", (json_int_t)signing->turn_s,
		"reason", signing->why, strlen(signing->why), "parents", sw_keep_parents_json(signing),
		"keys", keys);
}

void sw_key_zone_add(struct sw_keep *keep, const uint8_t *apex, json_t *zone)
{
	if (keep == NULL)
		return;
	pthread_mutex_lock(&keep->signs->lock);
	const struct sw_signing *signing = sw_keep_signing(keep, apex);
	if (signing != NULL)
		json_object_set_new(zone, "dnssec", signing_json(signing));
	pthread_mutex_unlock(&keep->signs->lock);
}

static json_t *list(struct sw_keep *keep)
{
	json_t *zones = json_array();
	if (keep == NULL)
		return json_pack("{s:b, s:o}", "ok", 1, "zones", zones);
	pthread_mutex_lock(&keep->signs->lock);
	for (size_t i = 0; i < keep->signs->count; i++)
		json_array_append_new(zones, signing_json(keep->signs->zones[i]));
	pthread_mutex_unlock(&keep->signs->lock);
	return json_pack("{s:b, s:o}", "ok", 1, "zones", zones);
}

static json_t *show(struct sw_keep *keep, const uint8_t *apex)
{
	json_t *reply = json_pack("{s:b}", "ok", 1);
	sw_key_zone_add(keep, apex, reply);
	if (json_object_get(reply, "dnssec") != NULL)
		return reply;
	json_decref(reply);
	return sw_control_refusal("no such zone here that is signed");
}

/* ---- asking ---- */

/** The role in a request. @return whether it is one, or none is told */
static bool read_role(const json_t *request, struct sw_key_request *wish, bool *is_told)
{
	const char *text = json_string_value(json_object_get(request, "role"));
	*is_told = text != NULL;
	for (int role = SW_KEY_CSK; text != NULL && role <= SW_KEY_ZSK; role++) {
		if (strcmp(text, sw_key_role_label((enum sw_key_role)role)) == 0) {
			wish->role = (enum sw_key_role)role;
			return true;
		}
	}
	return text == NULL;
}

/** Which key a roll is about where nothing is told: of a zone with one kind of key that one. */
static bool guess_role(struct sw_keep *keep, struct sw_key_request *wish)
{
	bool is_split = false;
	pthread_mutex_lock(&keep->signs->lock);
	const struct sw_signing *signing = sw_keep_signing(keep, wish->apex);
	for (size_t i = 0; signing != NULL && i < signing->keys.count; i++)
		is_split |= signing->keys.keys[i].role != SW_KEY_CSK && signing->keys.keys[i].removed_s == 0;
	pthread_mutex_unlock(&keep->signs->lock);
	wish->role = SW_KEY_CSK;
	return !is_split;
}

static json_t *post(struct sw_keep *keep, const json_t *request, const struct sw_key_request *filled)
{
	const char *key = json_string_value(json_object_get(request, "key"));
	struct sw_key_request *wish = malloc(sizeof(*wish));
	if (wish == NULL)
		return sw_control_refusal("out of memory");
	*wish = *filled;
	snprintf(wish->id, sizeof(wish->id), "%s", key ? key : "");
	pthread_mutex_lock(&keep->lock);
	*keep->signs->last = wish;
	keep->signs->last = &wish->next;
	pthread_mutex_unlock(&keep->lock);
	sw_keep_wake(keep);
	return NULL;
}

static json_t *ask(
	struct sw_keep *keep, const json_t *request, const uint8_t *apex, enum sw_key_wish kind, int client)
{
	struct sw_key_request wish = {.wish = kind, .reply_fd = client};
	bool is_told;
	if (keep == NULL)
		return sw_control_refusal("no such zone here that is signed");
	memcpy(wish.apex, apex, sw_name_len(apex));
	if (!read_role(request, &wish, &is_told))
		return sw_control_refusal("\"role\" is neither csk, ksk nor zsk");
	if (kind == SW_KEY_WISH_ROLL && !is_told && !guess_role(keep, &wish))
		return sw_control_refusal("it has a KSK and a ZSK: say which, with --role");
	return post(keep, request, &wish);
}

bool sw_key_command(
	struct sw_keep *keep, const char *command, const json_t *request, int client, json_t **reply)
{
	static const char *const commands[] = {
		"key-roll", "key-ds-seen", "key-ds-gone", "key-show", "key-list"};
	uint8_t apex[SW_NAME_MAX];
	size_t which = 0;
	while (which < 5 && strcmp(command, commands[which]) != 0)
		which++;
	if (which == 5)
		return false;
	const char *name = json_string_value(json_object_get(request, "zone"));
	if (which == 4 && name == NULL) {
		*reply = list(keep);
		return true;
	}
	if (name == NULL || sw_name_parse(name, apex) < 0) {
		*reply = sw_control_refusal("this is not a domain name");
		return true;
	}
	sw_name_lower(apex);
	*reply = which >= 3 ? show(keep, apex) : ask(keep, request, apex, (enum sw_key_wish)which, client);
	return true;
}

/* ---- doing; the loader's thread ---- */

static const char *roll(struct sw_keep *keep, struct sw_signing *signing, const struct sw_key_request *wish)
{
	pthread_mutex_lock(&keep->signs->lock);
	int err = sw_keys_roll(&signing->keys, wish->role);
	pthread_mutex_unlock(&keep->signs->lock);
	return err == -EALREADY ? "that key is being replaced already: 'seawall key show' says how far it is"
	       : err		? "it has no key of that role: 'seawall key list' shows those it has"
				: NULL;
}

/** The key that is meant: by its id, by its tag, or the one whose DS is waited for. */
static const struct sw_key *find_key(const struct sw_signing *signing, const char *told)
{
	for (size_t i = signing->keys.count; i-- > 0;) {
		const struct sw_key *key = &signing->keys.keys[i];
		char tag[8];
		snprintf(tag, sizeof(tag), "%u", key->tag);
		if (key->role == SW_KEY_ZSK || key->removed_s != 0)
			continue;
		if (told[0] == '\0' ? key->ds_submitted_s != 0 && key->ds_seen_s == 0
				    : strcmp(told, key->id) == 0 || strcmp(told, tag) == 0)
			return key;
	}
	return NULL;
}

/** The keys have changed. @return NULL, or why that is not kept */
static const char *save(
	struct sw_keep *keep, struct sw_signing *signing, const struct sw_dnssec_policy *policy)
{
	return sw_keep_sign_save(keep, signing, policy) ? "its keys cannot be written: the log says why"
							: NULL;
}

const char *sw_key_ds_seen(struct sw_keep *keep, struct sw_signing *signing,
	const struct sw_dnssec_policy *policy, const char *told)
{
	const struct sw_key *key = find_key(signing, told);
	if (key == NULL)
		return told[0] ? "it has no such key, or that is not for the parent"
			       : "no DS is waited for yet: 'seawall key show' says when it will be";
	pthread_mutex_lock(&keep->signs->lock);
	int err = sw_keys_ds_seen(&signing->keys, key->id, sw_keep_now_s());
	pthread_mutex_unlock(&keep->signs->lock);
	return err == -EAGAIN
		       ? "too early: caches may still have DNSKEY sets without that key; its DS is not "
			 "asked for yet"
	       : err ? "it has no such key"
		     : save(keep, signing, policy);
}

const char *sw_key_ds_gone(struct sw_keep *keep, struct sw_signing *signing)
{
	struct sw_archive_source source = signing->source;
	if (!signing->is_ours || !signing->plan.is_delete)
		return "the zone is not to be unsigned: 'dnssec: {mode: leave}' and a reload come first";
	source.ds_gone_s = sw_keep_now_s();
	int err = sw_keep_begin(keep);
	if (err == 0)
		err = sw_archive_set_source(keep->archive, signing->apex, &source);
	if (err == 0)
		err = sw_keep_settle(keep);
	if (err != 0)
		return strerror(-err);
	pthread_mutex_lock(&keep->signs->lock);
	signing->source = source;
	pthread_mutex_unlock(&keep->signs->lock);
	return NULL;
}

/** @return NULL, or why not */
static const char *wish_do(struct sw_keep *keep, const struct sw_key_request *wish)
{
	struct sw_signing *signing = sw_keep_signing(keep, wish->apex);
	const struct sw_zone_setting *setting =
		keep->settings ? sw_settings_find_zone(keep->settings, wish->apex) : NULL;
	if (signing == NULL || setting == NULL)
		return "no such zone here that is signed";
	sw_keep_sign_due(keep, signing, 0);
	if (wish->wish == SW_KEY_WISH_DS_GONE)
		return sw_key_ds_gone(keep, signing);
	const struct sw_dnssec_policy *policy = sw_keep_dnssec(setting);
	if (wish->wish == SW_KEY_WISH_DS_SEEN)
		return sw_key_ds_seen(keep, signing, policy, wish->id);
	const char *why = roll(keep, signing, wish);
	return why ? why : save(keep, signing, policy);
}

static struct sw_key_request *wishes_take(struct sw_keep *keep)
{
	pthread_mutex_lock(&keep->lock);
	struct sw_key_request *first = keep->signs->first;
	keep->signs->first = NULL;
	keep->signs->last = &keep->signs->first;
	pthread_mutex_unlock(&keep->lock);
	return first;
}

void sw_key_requests_take(struct sw_keep *keep)
{
	for (struct sw_key_request *wish = wishes_take(keep), *next; wish != NULL; wish = next) {
		next = wish->next;
		const char *why = wish_do(keep, wish);
		json_t *reply = why ? sw_control_refusal(why) : json_pack("{s:b}", "ok", 1);
		sw_control_reply(wish->reply_fd, reply);
		json_decref(reply);
		close(wish->reply_fd);
		free(wish);
	}
}

void sw_key_requests_drop(struct sw_keep *keep)
{
	for (struct sw_key_request *wish = wishes_take(keep), *next; wish != NULL; wish = next) {
		next = wish->next;
		close(wish->reply_fd);
		free(wish);
	}
}
