/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/policy.h"
#include <stdlib.h>
#include <string.h>

static bool is_from(const struct sw_access *rule, const struct sw_peer *peer)
{
	unsigned whole = rule->bits / 8, rest = rule->bits % 8;
	if (rule->address_len == 0)
		return true;
	if (rule->address_len != peer->address_len || memcmp(rule->address, peer->address, whole) != 0)
		return false;
	return rest == 0 || (rule->address[whole] ^ peer->address[whole]) >> (8 - rest) == 0;
}

/** The same key, though the settings may have been read again since the message was checked. */
static bool is_signed(const struct sw_access *rule, const struct sw_peer *peer)
{
	if (rule->key == NULL || rule->key == peer->key)
		return true;
	return peer->key != NULL && rule->key->algorithm == peer->key->algorithm &&
	       sw_name_equal(rule->key->name, peer->key->name);
}

static bool fits(const struct sw_access *rule, const struct sw_peer *peer)
{
	return is_from(rule, peer) && is_signed(rule, peer) && (peer->is_encrypted || !rule->is_tls);
}

const struct sw_access *sw_access_find(const struct sw_access_list *list, const struct sw_peer *peer)
{
	for (size_t i = 0; i < list->count; i++) {
		if (fits(&list->rules[i], peer))
			return &list->rules[i];
	}
	return NULL;
}

/** A rule with types does not let type ANY, which removes all of them (RFC 2136 s2.5.3). */
static bool is_about(const struct sw_access *rule, const uint8_t *name, uint16_t type)
{
	if (rule->name != NULL && !sw_name_in(name, rule->name))
		return false;
	for (size_t i = 0; i < rule->type_count; i++) {
		if (rule->types[i] == type)
			return true;
	}
	return rule->type_count == 0;
}

bool sw_access_lets(
	const struct sw_access_list *list, const struct sw_peer *peer, const uint8_t *name, uint16_t type)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct sw_access *rule = &list->rules[i];
		if (fits(rule, peer) && is_about(rule, name, type))
			return true;
	}
	return false;
}

void sw_access_list_clear(struct sw_access_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->rules[i].name);
		free(list->rules[i].types);
	}
	free(list->rules);
	*list = (struct sw_access_list){0};
}

void sw_remote_clear(struct sw_remote *remote)
{
	free(remote->name);
	free(remote->addresses);
	free(remote->tls_hostname);
	*remote = (struct sw_remote){0};
}

void sw_catalog_policy_free(struct sw_catalog_policy *catalog)
{
	if (catalog == NULL)
		return;
	for (size_t i = 0; i < catalog->group_count; i++) {
		free(catalog->groups[i].group);
		free(catalog->groups[i].template);
	}
	for (size_t i = 0; i < catalog->only_below_count; i++)
		free(catalog->only_below[i]);
	free(catalog->groups);
	free(catalog->only_below);
	free(catalog->template);
	free(catalog);
}

void sw_zone_policy_free(struct sw_zone_policy *policy)
{
	if (policy == NULL)
		return;
	free(policy->primaries);
	free(policy->notify);
	sw_access_list_clear(&policy->notify_from);
	sw_access_list_clear(&policy->transfer_to);
	sw_access_list_clear(&policy->update_by);
	sw_catalog_policy_free(policy->catalog);
	if (policy->dnssec != NULL) {
		free(policy->dnssec->directory);
		free(policy->dnssec->parents);
	}
	free(policy->dnssec);
	free(policy);
}
