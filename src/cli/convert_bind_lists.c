/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists in named.conf: who may (address match lists), servers to ask and to tell, update policies. */
#include "cli/convert_bind.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MAX 16
#define TLS_PORT 853 /* that need not be told */

static bool is(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0;
}

const struct sw_said *sw_bind_find(const struct sw_bind *bind, const char *first, const char *second)
{
	const struct sw_said *lists[] = {bind->view, bind->tree};
	for (unsigned i = 0; i < 2; i++) {
		for (const struct sw_said *said = lists[i]; said != NULL; said = said->next) {
			if (is(sw_said_text(said, 0), first) &&
				(second == NULL || is(sw_said_text(said, 1), second)))
				return said;
		}
	}
	return NULL;
}

const char *sw_bind_option(const struct sw_said *said, const char *name)
{
	for (unsigned i = 1; i + 1 < sw_said_count(said); i++) {
		if (is(sw_said_text(said, i), name))
			return sw_said_text(said, i + 1);
	}
	return NULL;
}

/* ---- who may ---- */

struct access {
	struct sw_bind *bind;
	struct sw_plan_zone *zone;
	const struct sw_said *said; /* the statement, for notes */
	enum sw_plan_key_id key;
	struct sw_texts only; /* addresses that all keys that follow are bound to */
	unsigned depth;
	bool is_tls;
};

static void add(struct access *access, const struct sw_texts *addresses, const char *key)
{
	struct sw_plan *plan = access->bind->plan;
	sw_plan_add(plan, access->zone, access->key,
		access->is_tls ? sw_plan_tls_rule(plan, addresses, key)
			       : sw_plan_rule(plan, addresses, key, NULL, NULL));
}

/** @return false: the list ends here */
static bool lose(struct access *access, const char *why)
{
	sw_plan_lost(access->bind->plan, access->zone, access->said, why);
	return false;
}

static bool elements(struct access *access, const struct sw_said *list);

static bool add_key(struct access *access, const char *name)
{
	const char *key = sw_plan_use_key(access->bind->plan, name);
	if (key == NULL) {
		/* nobody can have signed with it: the rule lets in nobody */
		lose(access, sw_plan_text(access->bind->plan, "no usable key '%.100s'", name));
		return true;
	}
	add(access, &access->only, key);
	return true;
}

static bool element(struct access *access, const struct sw_said *said)
{
	struct sw_plan *plan = access->bind->plan;
	const char *word = sw_said_text(said, 0);
	struct sw_texts addresses = {0}, loopback = {0};
	if (sw_said_block(said) != NULL && said->words->text == NULL)
		return elements(access, sw_said_block(said));
	if (is(word, "key"))
		return add_key(access, sw_said_text(said, 1));
	if (access->only.count > 0)
		return lose(access, "only keys can follow '!{ !ADDRESS; any; }'");
	if (is(word, "any")) {
		if (access->is_tls)
			add(access, &addresses, NULL);
		else
			sw_plan_add(plan, access->zone, access->key, "any");
		return false; /* what follows can let in nobody else */
	}
	if (is(word, "none"))
		return false; /* nobody gets beyond it */
	if (sw_plan_addresses(plan, word, &addresses)) {
		for (size_t i = 0; i < addresses.count; i++)
			add(access, &(struct sw_texts){.text = &addresses.text[i], .count = 1}, NULL);
		return true;
	}
	const struct sw_said *acl = sw_bind_find(access->bind, "acl", word);
	if (acl != NULL)
		return elements(access, sw_said_block(acl));
	if (!is(word, "localhost"))
		return lose(access, sw_plan_text(plan, "'%.100s' is not known", word));
	sw_texts_add(plan, &loopback, "127.0.0.1");
	sw_texts_add(plan, &loopback, "::1");
	add(access, &loopback, NULL);
	lose(access, "localhost: 127.0.0.1 and ::1, not this machine's other addresses");
	return true;
}

/** "! { !ADDRESS; ...; any; }" is how named is told that the rest is for these addresses alone. */
static bool only(struct access *access, const struct sw_said *list)
{
	struct sw_plan *plan = access->bind->plan;
	for (; list != NULL && is(sw_said_text(list, 0), "!"); list = list->next) {
		const char *word = sw_said_text(list, 1);
		const struct sw_said *acl = sw_bind_find(access->bind, "acl", word);
		const struct sw_said *inner = acl ? sw_said_block(acl) : NULL;
		if (acl == NULL && !sw_plan_addresses(plan, word, &access->only))
			return false;
		for (; inner != NULL; inner = inner->next) {
			if (!sw_plan_addresses(plan, sw_said_text(inner, 0), &access->only))
				return false;
		}
	}
	return list != NULL && is(sw_said_text(list, 0), "any") && list->next == NULL &&
	       access->only.count > 0;
}

static bool elements(struct access *access, const struct sw_said *list)
{
	bool goes_on = true;
	if (++access->depth > DEPTH_MAX)
		return lose(access, "nested too deep");
	for (; goes_on && list != NULL; list = list->next) {
		bool is_negated = is(sw_said_text(list, 0), "!");
		const struct sw_said *inner = is_negated ? sw_said_block(list) : NULL;
		if (!is_negated)
			goes_on = element(access, list);
		else if (is(sw_said_text(list, 1), "any"))
			goes_on = false;
		else if (access->only.count > 0 || inner == NULL || !only(access, inner))
			goes_on = lose(access, "'!' cannot be said; the list ends before it");
	}
	access->depth--;
	return goes_on;
}

void sw_bind_access(struct sw_bind *bind, struct sw_bind_scope *scope, const struct sw_said *said,
	enum sw_plan_key_id key)
{
	struct access access = {.bind = bind, .zone = scope->zone, .said = said, .key = key};
	sw_plan_clear(scope->zone, key);
	if (sw_said_block(said) == NULL && sw_said_count(said) > 1) {
		lose(&access, "a list is missing");
		return;
	}
	access.is_tls = sw_bind_tls_access(bind, scope->zone, said);
	elements(&access, sw_said_block(said));
}

/* ---- servers ---- */

struct servers {
	struct sw_bind *bind;
	struct sw_bind_scope *scope;
	const struct sw_said *said;
	enum sw_plan_key_id key;
	unsigned depth;
};

/** The key that 'server ADDRESS { keys K; }' gives to an address. */
static const char *key_of_server(const struct sw_bind *bind, const char *address)
{
	const struct sw_said *server = sw_bind_find(bind, "server", address);
	for (const struct sw_said *said = server ? sw_said_block(server) : NULL; said; said = said->next) {
		const struct sw_said *inner = sw_said_block(said);
		if (is(sw_said_text(said, 0), "keys"))
			return inner ? sw_said_text(inner, 0) : sw_said_text(said, 1);
	}
	return NULL;
}

/** An element that is an address. @param port  told for the whole list, 0: none */
static void add_server(struct servers *servers, const struct sw_said *said, const char *address,
	unsigned long port, const char *list_name)
{
	struct sw_plan *plan = servers->bind->plan;
	struct sw_bind_scope *scope = servers->scope;
	bool is_v6 = strchr(address, ':') != NULL;
	const char *port_text = sw_bind_option(said, "port"), *key = sw_bind_option(said, "key"),
		   *tls = sw_bind_option(said, "tls"),
		   *source = sw_bind_option(said, is_v6 ? "source-v6" : "source");
	struct sw_plan_remote remote = {.name = list_name ? list_name : address};
	if (sw_bind_is_tls(tls) && servers->key == SW_PLAN_NOTIFY) {
		sw_plan_lost(plan, scope->zone, servers->said,
			sw_plan_text(plan, "%s is not told: that is done over UDP alone", address));
		return;
	}
	if (sw_bind_is_tls(tls))
		sw_bind_tls_client(servers->bind, scope->zone, servers->said, tls, address, &remote);
	if (key == NULL)
		key = key_of_server(servers->bind, address);
	if (key != NULL && (remote.key = sw_plan_use_key(plan, key)) == NULL) {
		sw_plan_lost(plan, scope->zone, servers->said,
			sw_plan_text(plan, "%s: no usable key '%.100s'", address, key));
		return;
	}
	unsigned long standard = remote.is_tls ? TLS_PORT : 53;
	if (port == 0)
		port = remote.is_tls ? servers->bind->tls_port : servers->bind->port;
	if (port_text != NULL)
		port = strtoul(port_text, NULL, 10);
	if (source == NULL)
		source = servers->key == SW_PLAN_NOTIFY ? scope->notify_source[is_v6]
							: scope->transfer_source[is_v6];
	if (port == 0 || port > 65535) {
		sw_plan_lost(plan, scope->zone, servers->said, "not a port");
		return;
	}
	remote.source = source;
	sw_texts_add(plan, &remote.addresses, sw_plan_endpoint(plan, address, port, standard));
	sw_plan_add(plan, scope->zone, servers->key, sw_plan_quote(plan, sw_plan_use_remote(plan, &remote)));
}

static const struct sw_said *named_list(const struct sw_bind *bind, const char *name)
{
	static const char *const words[] = {"primaries", "masters", "remote-servers"};
	const struct sw_said *found = NULL;
	for (unsigned i = 0; i < 3 && found == NULL; i++)
		found = sw_bind_find(bind, words[i], name);
	return found;
}

static void add_servers(struct servers *servers, const struct sw_said *head, const char *list_name)
{
	struct sw_plan *plan = servers->bind->plan;
	const char *port_text = sw_bind_option(head, "port");
	unsigned long port = port_text ? strtoul(port_text, NULL, 10) : 0;
	const struct sw_said *list = sw_said_block(head);
	if (list != NULL && list->next != NULL)
		list_name = NULL; /* several: by their addresses */
	for (; list != NULL; list = list->next) {
		struct sw_texts one = {0};
		const char *word = sw_said_text(list, 0);
		const struct sw_said *named = named_list(servers->bind, word);
		if (sw_plan_addresses(plan, word, &one) && one.count == 1 && strchr(word, '/') == NULL) {
			add_server(servers, list, one.text[0], port, list_name);
		} else if (named != NULL && servers->depth < DEPTH_MAX && sw_said_count(list) == 1) {
			servers->depth++;
			add_servers(servers, named, word);
			servers->depth--;
		} else {
			sw_plan_lost(plan, servers->scope->zone, servers->said,
				sw_plan_text(plan, "'%.100s' is not understood here", word));
		}
	}
}

void sw_bind_servers(struct sw_bind *bind, struct sw_bind_scope *scope, const struct sw_said *said,
	enum sw_plan_key_id key)
{
	struct servers servers = {.bind = bind, .scope = scope, .said = said, .key = key};
	sw_plan_clear(scope->zone, key);
	add_servers(&servers, said, NULL);
}

/* ---- update-policy ---- */

/** The types of a rule. @return why not, or NULL */
static const char *take_types(
	struct sw_plan *plan, const struct sw_said *rule, unsigned from, struct sw_texts *types)
{
	for (unsigned i = from; i < sw_said_count(rule); i++) {
		const char *type = sw_said_text(rule, i);
		if (is(type, "ANY"))
			*types = (struct sw_texts){0};
		if (is(type, "ANY"))
			return NULL;
		if (strchr(type, '(') != NULL)
			return "numbers of records cannot be limited";
		if (!sw_plan_is_type(type))
			return "no type of records that is known";
		sw_texts_add(plan, types, type);
	}
	return NULL;
}

/** "grant KEY RULE [NAME] [TYPES]". @return why not, or NULL */
static const char *grant(struct sw_bind *bind, struct sw_bind_scope *scope, const struct sw_said *rule)
{
	struct sw_plan *plan = bind->plan;
	const struct sw_texts nowhere = {0};
	struct sw_texts types = {0};
	const char *kind = sw_said_text(rule, 2), *name = NULL, *key;
	bool is_zone = is(kind, "zonesub"), is_exact = is(kind, "name");
	if (!is_zone && !is_exact && !is(kind, "subdomain"))
		return "this kind of rule cannot be said";
	key = sw_plan_use_key(plan, sw_said_text(rule, 1));
	if (key == NULL)
		return "no usable key of that name";
	if (!is_zone) {
		name = sw_plan_name(plan, sw_said_text(rule, 3));
		if (name == NULL)
			return "not a domain name";
		if (!sw_plan_is_in(name, scope->zone->name))
			return "not in this zone";
	}
	unsigned types_at = is_zone ? 3 : 4;
	const char *why = take_types(plan, rule, types_at, &types);
	if (why != NULL)
		return why;
	sw_plan_add(plan, scope->zone, SW_PLAN_ALLOW_UPDATE, sw_plan_rule(plan, &nowhere, key, name, &types));
	if (is_exact)
		return "converted with more rights: names below it as well";
	/* without types named means all but NS, SOA, RRSIG, NSEC and NSEC3 */
	return sw_said_count(rule) == types_at ? "converted with more rights: all types, NS too" : NULL;
}

void sw_bind_update_policy(struct sw_bind *bind, struct sw_bind_scope *scope, const struct sw_said *said)
{
	sw_plan_clear(scope->zone, SW_PLAN_ALLOW_UPDATE);
	if (sw_said_block(said) == NULL) {
		sw_plan_lost(bind->plan, scope->zone, said, "the key that named makes for it is not known");
		return;
	}
	for (const struct sw_said *rule = sw_said_block(said); rule != NULL; rule = rule->next) {
		bool is_grant = is(sw_said_text(rule, 0), "grant");
		const char *why = is_grant ? grant(bind, scope, rule) : "what follows it is left out, too";
		if (why != NULL)
			sw_plan_lost(bind->plan, scope->zone, rule, why);
		if (!is_grant)
			return;
	}
}

/* ---- where to listen ---- */

static void listen_on(struct sw_bind *bind, const struct sw_said *said, const struct sw_said *list,
	unsigned long port, bool is_v6, bool is_tls, unsigned depth)
{
	struct sw_plan *plan = bind->plan;
	for (; list != NULL; list = list->next) {
		struct sw_texts one = {0};
		const char *word = sw_said_text(list, 0);
		const struct sw_said *acl = sw_bind_find(bind, "acl", word);
		if (is(word, "any"))
			word = is_v6 ? "::" : "0.0.0.0";
		if (is(word, "none"))
			return;
		if (acl != NULL && depth < DEPTH_MAX)
			listen_on(bind, said, sw_said_block(acl), port, is_v6, is_tls, depth + 1);
		else if (sw_plan_addresses(plan, word, &one) && one.count == 1 &&
			 strchr(one.text[0], '/') == NULL)
			sw_plan_listen(plan, is_tls ? &plan->tls_listen : &plan->listen, one.text[0], port);
		else
			sw_plan_lost(plan, NULL, said,
				sw_plan_text(plan, "'%.100s' is not an address to listen on", word));
	}
}

void sw_bind_listen(struct sw_bind *bind, const struct sw_said *said, bool is_v6)
{
	const char *port = sw_bind_option(said, "port"), *tls = sw_bind_option(said, "tls");
	if (sw_bind_option(said, "http") != NULL) {
		sw_plan_lost(bind->plan, NULL, said, NULL);
		return;
	}
	if (sw_bind_is_tls(tls))
		sw_bind_tls_server(bind, said, tls);
	unsigned long number = sw_bind_is_tls(tls) ? bind->tls_port : bind->port;
	if (port != NULL)
		number = strtoul(port, NULL, 10);
	if (number == 0 || number > 65535)
		sw_plan_lost(bind->plan, NULL, said, "not a port");
	else
		listen_on(bind, said, sw_said_block(said), number, is_v6, sw_bind_is_tls(tls), 0);
}
