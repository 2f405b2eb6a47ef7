/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may, in knot.conf: remotes, and rules that name them, addresses and keys. */
#include "cli/convert_knot.h"
#include <stdlib.h>
#include <string.h>

#define TLS_PORT 853

static bool is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

const struct sw_said *sw_knot_find(const struct sw_knot_item *item, const char *key)
{
	const struct sw_said *said = item ? item->body.first : NULL;
	while (said != NULL && strcmp(sw_said_text(said, 0), key) != 0)
		said = said->next;
	return said;
}

const char *sw_knot_value(const struct sw_knot_item *item, const char *key)
{
	const struct sw_said *said = sw_knot_find(item, key);
	return said != NULL && sw_said_count(said) > 1 ? sw_said_text(said, 1) : NULL;
}

const struct sw_said *sw_knot_told(
	const struct sw_knot_item *zone, const struct sw_knot_item *template, const char *key)
{
	const struct sw_said *said = sw_knot_find(zone, key);
	return said ? said : sw_knot_find(template, key);
}

const struct sw_knot_item *sw_knot_zone_template(const struct sw_knot *knot, const struct sw_knot_item *zone)
{
	const char *named = sw_knot_value(zone, "template");
	return sw_knot_item(knot, "template", named ? named : "default");
}

struct sw_knot_item *sw_knot_item(const struct sw_knot *knot, const char *kind, const char *id)
{
	for (struct sw_knot_item *item = knot->first; item != NULL; item = item->next) {
		if (is(item->kind, kind) && item->body.first != NULL &&
			is(sw_said_text(item->body.first, 1), id))
			return item;
	}
	return NULL;
}

/* ---- remotes ---- */

static bool add_address(struct sw_plan *plan, struct sw_plan_remote *remote, const char *text)
{
	struct sw_texts one = {0};
	size_t len = strcspn(text, "@");
	unsigned long standard = remote->is_tls ? TLS_PORT : 53;
	unsigned long port = text[len] == '@' ? strtoul(text + len + 1, NULL, 10) : standard;
	const char *address = sw_plan_copy(plan, text, len);
	if (text[0] == '/' || port == 0 || port > 65535 || !sw_plan_addresses(plan, address, &one) ||
		one.count != 1)
		return false;
	sw_texts_add(plan, &remote->addresses, sw_plan_endpoint(plan, one.text[0], port, standard));
	return true;
}

/** Of 'via', what fits the first address. */
static void take_source(struct sw_plan *plan, struct sw_plan_remote *remote, const struct sw_said *via)
{
	for (unsigned i = 1; via != NULL && remote->addresses.count > 0 && i < sw_said_count(via); i++) {
		const char *text = sw_said_text(via, i);
		bool is_v6 = strchr(text, ':') != NULL;
		if (remote->source == NULL && is_v6 == (strchr(remote->addresses.text[0], ':') != NULL))
			remote->source = sw_plan_copy(plan, text, strcspn(text, "@"));
	}
}

const char *sw_knot_remote(
	struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_said *said, const char *id)
{
	static const char *const known[] = {"id", "address", "via", "key", "tls", "cert-key", "cert-hostname",
		"automatic-acl", "no-edns", "block-notify-after-transfer", NULL};
	struct sw_plan *plan = knot->plan;
	struct sw_knot_item *item = sw_knot_item(knot, "remote", id);
	const struct sw_said *addresses = sw_knot_find(item, "address");
	const char *key = sw_knot_value(item, "key");
	struct sw_plan_remote remote = {.name = id,
		.is_tls = is(sw_knot_value(item, "tls"), "on"),
		.tls_pin = sw_knot_value(item, "cert-key"),
		.tls_hostname = sw_knot_value(item, "cert-hostname")};
	if (sw_plan_find_remote(plan, id) != NULL)
		return id;
	for (const struct sw_said *line = item ? item->body.first : NULL; line != NULL; line = line->next) {
		unsigned i = 0;
		while (known[i] != NULL && !is(sw_said_text(line, 0), known[i]))
			i++;
		bool is_certificate = strncmp(sw_said_text(line, 0), "cert-", 5) == 0;
		if (known[i] == NULL && !item->is_noted)
			sw_plan_lost(plan, NULL, line, NULL);
		else if (is_certificate && remote.is_tls && sw_said_count(line) > 2 && !item->is_noted)
			sw_plan_lost(plan, NULL, line, "there is one: that told first");
	}
	for (unsigned i = 1; addresses != NULL && i < sw_said_count(addresses); i++) {
		if (!add_address(plan, &remote, sw_said_text(addresses, i)) && !item->is_noted)
			sw_plan_lost(plan, NULL, addresses, "not an address");
	}
	if (item != NULL)
		item->is_noted = true;
	take_source(plan, &remote, sw_knot_find(item, "via"));
	if (key != NULL)
		remote.key = sw_plan_use_key(plan, key);
	if (remote.addresses.count == 0 || (key != NULL && remote.key == NULL)) {
		sw_plan_lost(plan, zone, said, sw_plan_text(plan, "no usable remote '%.100s'", id));
		return NULL;
	}
	if (!remote.is_tls)
		remote.tls_pin = remote.tls_hostname = NULL;
	return sw_plan_use_remote(plan, &remote);
}

/* ---- rules ---- */

struct rule {
	struct sw_knot *knot;
	struct sw_plan_zone *zone;
	struct sw_knot_item *item;
	enum sw_plan_key_id key; /* where it goes */
	struct sw_texts names, types;
};

static void lose(struct rule *rule, const char *why)
{
	bool was_quiet = rule->knot->plan->is_quiet;
	rule->knot->plan->is_quiet = was_quiet || rule->item->is_noted;
	sw_plan_lost(rule->knot->plan, NULL, rule->item->body.first, why);
	rule->knot->plan->is_quiet = was_quiet;
}

/** Whether nothing else is asked of who may: certificates and protocols (of later versions) cannot be said,
 * and without them more would be let in. */
static bool is_understood(struct rule *rule)
{
	static const char *const known[] = {"id", "address", "key", "remote", "action", "deny", "update-type",
		"update-owner", "update-owner-match", "update-owner-name", "comment", NULL};
	for (const struct sw_said *said = rule->item->body.first; said != NULL; said = said->next) {
		unsigned i = 0;
		while (known[i] != NULL && !is(sw_said_text(said, 0), known[i]))
			i++;
		if (known[i] == NULL) {
			lose(rule, sw_plan_text(rule->knot->plan, "'%.100s' cannot be said: nobody may by it",
					   sw_said_text(said, 0)));
			return false;
		}
	}
	return true;
}

/** For one key, or none, and all names that updates may be about. */
static void add_named(struct rule *rule, const struct sw_texts *addresses, const char *key)
{
	struct sw_plan *plan = rule->knot->plan;
	const struct sw_texts any = {.text = (const char *[]){"any"}, .count = 1};
	if (key == NULL && addresses->count == 0)
		addresses = &any;
	for (size_t i = 0; i < rule->names.count; i++)
		sw_plan_add(plan, rule->zone, rule->key,
			sw_plan_rule(plan, addresses, key, rule->names.text[i], &rule->types));
	if (rule->names.count == 0)
		sw_plan_add(
			plan, rule->zone, rule->key, sw_plan_rule(plan, addresses, key, NULL, &rule->types));
}

/** Names that updates may be about. @return false: it lets nobody here */
static bool take_names(struct rule *rule)
{
	struct sw_plan *plan = rule->knot->plan;
	const struct sw_said *names = sw_knot_find(rule->item, "update-owner-name");
	const char *owner = sw_knot_value(rule->item, "update-owner");
	const char *match = sw_knot_value(rule->item, "update-owner-match");
	bool is_exact = is(match, "equal");
	if (owner == NULL || is(owner, "none") ||
		(is(owner, "zone") && (match == NULL || is(match, "sub-or-equal"))))
		return true;
	if (is(owner, "name") && rule->knot->is_for_members) {
		sw_plan_lost(plan, rule->zone, rule->item->body.first,
			"names in members of catalogs cannot be said");
		return false;
	}
	if (!is(owner, "name") || names == NULL ||
		!(match == NULL || is(match, "sub-or-equal") || is_exact)) {
		lose(rule, "which names updates may be about cannot be said");
		return false;
	}
	for (unsigned i = 1; i < sw_said_count(names); i++) {
		const char *name = sw_said_text(names, i), *known = sw_plan_name(plan, name);
		bool is_absolute = name[0] != '\0' && name[strlen(name) - 1] == '.';
		if (is(name, "@"))
			known = rule->zone->name;
		else if (known != NULL && !is_absolute)
			known = sw_plan_text(plan, "%s.%s", known, rule->zone->name);
		if (known != NULL && sw_plan_is_in(known, rule->zone->name))
			sw_texts_add(plan, &rule->names, known);
	}
	if (is_exact)
		lose(rule, "converted with more rights: names below it as well");
	return rule->names.count > 0;
}

static void add_rule(struct rule *rule)
{
	struct sw_knot *knot = rule->knot;
	struct sw_plan *plan = knot->plan;
	struct sw_texts addresses = {0};
	const struct sw_said *told = sw_knot_find(rule->item, "address"),
			     *keys = sw_knot_find(rule->item, "key"),
			     *remotes = sw_knot_find(rule->item, "remote"),
			     *types = sw_knot_find(rule->item, "update-type");
	if (rule->key == SW_PLAN_ALLOW_UPDATE && !take_names(rule))
		return;
	for (unsigned i = 1; rule->key == SW_PLAN_ALLOW_UPDATE && types && i < sw_said_count(types); i++) {
		if (!sw_plan_is_type(sw_said_text(types, i))) {
			lose(rule, "no type of records that is known");
			return;
		}
		sw_texts_add(plan, &rule->types, sw_said_text(types, i));
	}
	for (unsigned i = 1; told != NULL && i < sw_said_count(told); i++) {
		if (!sw_plan_addresses(plan, sw_said_text(told, i), &addresses))
			lose(rule, "an address is not understood");
	}
	for (unsigned i = 1; remotes != NULL && i < sw_said_count(remotes); i++) {
		const char *id = sw_knot_remote(knot, rule->zone, remotes, sw_said_text(remotes, i));
		const struct sw_plan_remote *remote = id ? sw_plan_find_remote(plan, id) : NULL;
		struct sw_texts own = {0};
		for (size_t j = 0; remote != NULL && j < remote->addresses.count; j++)
			sw_plan_addresses(plan,
				sw_plan_copy(plan, remote->addresses.text[j],
					strcspn(remote->addresses.text[j], "@")),
				&own);
		if (remote != NULL)
			add_named(rule, &own, remote->key);
	}
	if (remotes != NULL || (told != NULL && addresses.count == 0))
		return;
	for (unsigned i = 1; keys != NULL && i < sw_said_count(keys); i++) {
		const char *key = sw_plan_use_key(plan, sw_said_text(keys, i));
		if (key == NULL)
			lose(rule, "a key of it is not usable");
		else
			add_named(rule, &addresses, key);
	}
	if (keys == NULL)
		add_named(rule, &addresses, NULL);
}

static bool has_action(const struct sw_knot_item *item, const char *action)
{
	const struct sw_said *actions = sw_knot_find(item, "action");
	for (unsigned i = 1; actions != NULL && i < sw_said_count(actions); i++) {
		if (is(sw_said_text(actions, i), action))
			return true;
	}
	return false;
}

void sw_knot_access(struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_said *said)
{
	static const struct {
		const char *name;
		enum sw_plan_key_id key;
	} actions[] = {{"notify", SW_PLAN_ALLOW_NOTIFY}, {"transfer", SW_PLAN_ALLOW_TRANSFER},
		{"update", SW_PLAN_ALLOW_UPDATE}};
	bool is_over[3] = {false};
	for (unsigned i = 1; said != NULL && i < sw_said_count(said); i++) {
		struct sw_knot_item *item = sw_knot_item(knot, "acl", sw_said_text(said, i));
		if (item == NULL) {
			sw_plan_lost(knot->plan, zone, said, "no such acl");
			continue;
		}
		bool is_denial = is(sw_knot_value(item, "deny"), "on");
		for (unsigned j = 0; j < 3; j++) {
			struct rule rule = {.knot = knot, .zone = zone, .item = item, .key = actions[j].key};
			bool is_meant = has_action(item, actions[j].name) ||
					(is_denial && sw_knot_find(item, "action") == NULL);
			if (is_meant && is_denial && !is_over[j])
				lose(&rule, "who is denied cannot be said: rules behind it are left out");
			is_over[j] |= is_meant && is_denial;
			if (is_meant && !is_over[j] && is_understood(&rule))
				add_rule(&rule);
		}
		item->is_noted = true;
	}
}
