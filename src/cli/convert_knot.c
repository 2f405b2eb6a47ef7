/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Knot's knot.conf: server, keys, templates, zones (knot.conf(5)). */
#include "cli/convert_knot.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_DIRECTORY "/etc/knot" /* Debian's: files of TLS are relative to it */

static bool is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words != NULL && strcmp(word, *words) != 0)
		words++;
	return *words != NULL;
}

/* ---- zones and templates ---- */

static void take_remotes(
	struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_said *said, enum sw_plan_key_id key)
{
	struct sw_plan *plan = knot->plan;
	for (unsigned i = 1; said != NULL && i < sw_said_count(said); i++) {
		const char *id = sw_said_text(said, i);
		const struct sw_knot_item *group = sw_knot_item(knot, "remotes", id);
		const struct sw_said *members = sw_knot_find(group, "remote");
		for (unsigned j = 1; members != NULL && j < sw_said_count(members); j++) {
			const char *name = sw_knot_remote(knot, zone, said, sw_said_text(members, j));
			if (name != NULL)
				sw_plan_add(plan, zone, key, sw_plan_quote(plan, name));
		}
		const char *name = group ? NULL : sw_knot_remote(knot, zone, said, id);
		if (name != NULL)
			sw_plan_add(plan, zone, key, sw_plan_quote(plan, name));
	}
}

static const struct limit {
	const char *name;
	enum sw_plan_key_id key;
	const char *units;
} limits[] = {
	{"refresh-min-interval", SW_PLAN_REFRESH_MIN, "smhdw"},
	{"refresh-max-interval", SW_PLAN_REFRESH_MAX, "smhdw"},
	{"retry-min-interval", SW_PLAN_RETRY_MIN, "smhdw"},
	{"expire-max-interval", SW_PLAN_EXPIRE_MAX, "smhdw"},
	{"journal-max-usage", SW_PLAN_JOURNAL_SIZE, "KMGT"},
	{"zone-max-size", SW_PLAN_MAX_TRANSFER_SIZE, "KMGT"},
};
#define LIMIT_COUNT (sizeof(limits) / sizeof(limits[0]))

static void take_limit(struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_said *said,
	const struct limit *limit)
{
	const char *value = sw_said_text(said, 1);
	size_t digits = strspn(value, "0123456789");
	bool has_unit = value[digits] != '\0' && strchr(limit->units, value[digits]) != NULL;
	if (digits == 0 || digits > 18 || value[digits + has_unit] != '\0' || strtoull(value, NULL, 10) == 0)
		sw_plan_lost(knot->plan, zone, said, NULL);
	else
		sw_plan_set(knot->plan, zone, limit->key, value);
}

/** A transfer to one whom we tell of changes. */
static void allow_remote(struct sw_knot *knot, struct sw_plan_zone *zone, const char *id)
{
	struct sw_plan *plan = knot->plan;
	const struct sw_plan_remote *remote = sw_plan_find_remote(plan, id);
	struct sw_texts addresses = {0};
	for (size_t j = 0; remote != NULL && j < remote->addresses.count; j++)
		sw_plan_addresses(plan,
			sw_plan_copy(
				plan, remote->addresses.text[j], strcspn(remote->addresses.text[j], "@")),
			&addresses);
	if (addresses.count > 0)
		sw_plan_add(plan, zone, SW_PLAN_ALLOW_TRANSFER,
			sw_plan_rule(plan, &addresses, remote->key, NULL, NULL));
}

/** With a transfer to whom we tell of changes, and word from whom we ask, where that goes by itself. */
static void take_automatic(struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_said *notify)
{
	for (unsigned i = 1; notify != NULL && i < sw_said_count(notify); i++) {
		const char *id = sw_said_text(notify, i);
		const struct sw_said *members = sw_knot_find(sw_knot_item(knot, "remotes", id), "remote");
		for (unsigned j = 1; members != NULL && j < sw_said_count(members); j++)
			allow_remote(knot, zone, sw_said_text(members, j));
		if (members == NULL)
			allow_remote(knot, zone, id);
	}
}

/** Everything but the file. What a template says is noted with the template. */
static void take_policy(struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_knot_item *item,
	const struct sw_knot_item *template)
{
	const char *const keys[] = {"master", "notify", "acl"};
	for (unsigned i = 0; i < 3 + LIMIT_COUNT; i++) {
		const char *key = i < 3 ? keys[i] : limits[i - 3].name;
		const struct sw_said *said = sw_knot_told(item, template, key);
		knot->plan->is_quiet = sw_knot_find(item, key) == NULL;
		if (said != NULL && i == 0)
			take_remotes(knot, zone, said, SW_PLAN_PRIMARIES);
		else if (said != NULL && i == 1)
			take_remotes(knot, zone, said, SW_PLAN_NOTIFY);
		else if (said != NULL && i == 2)
			sw_knot_access(knot, zone, said);
		else if (said != NULL)
			take_limit(knot, zone, said, &limits[i - 3]);
	}
	knot->plan->is_quiet = false;
	if (knot->has_automatic_acl)
		take_automatic(knot, zone, sw_knot_told(item, template, "notify"));
}

/** Statements that nothing here stands for. */
static void take_rest(struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_knot_item *item)
{
	static const char *const done[] = {"id", "domain", "template", "storage", "file", "master", "notify",
		"acl", "refresh-min-interval", "refresh-max-interval", "retry-min-interval",
		"expire-max-interval", "journal-max-usage", "zone-max-size", "semantic-checks",
		"journal-content", "journal-max-depth", "zonefile-sync", "zonefile-load", "zonefile-skip",
		"journal-db", "journal-db-mode", "max-journal-db-size", "max-journal-usage", "comment",
		"adjust-threads", "provide-ixfr", "catalog-role", "catalog-template", "catalog-zone",
		"catalog-group", NULL};
	bool is_producer = is(sw_knot_value(item, "catalog-role"), "generate"); /* has its own serials */
	for (const struct sw_said *said = item->body.first; said != NULL; said = said->next) {
		const char *key = sw_said_text(said, 0);
		bool is_needless = (is(key, "dnssec-signing") && is(sw_said_text(said, 1), "off")) ||
				   (is(key, "serial-policy") && is_producer);
		if (!is_one_of(key, done) && !is_needless)
			sw_plan_lost(knot->plan, zone, said, NULL);
	}
}

/** A bracketed number or range behind %c and %l. @return characters, 0 for none */
static size_t range(const char *text, size_t *from, size_t *to)
{
	char *end;
	if (*text != '[')
		return 0;
	*from = *to = strtoul(text + 1, &end, 10);
	if (*end == '-')
		*to = strtoul(end + 1, &end, 10);
	return *end == ']' ? (size_t)(end + 1 - text) : 0;
}

/** Label number n from the right; "" for none. */
static const char *label(struct sw_plan *plan, const char *name, size_t n)
{
	const char *end = name + strlen(name), *start;
	for (;; end = start - 1) {
		for (start = end; start > name && start[-1] != '.';)
			start--;
		if (n-- == 0)
			return sw_plan_copy(plan, start, (size_t)(end - start));
		if (start == name)
			return "";
	}
}

/** %s: the name, '/' in it as '_'; %c[N], %c[N-M]: characters of it; %l[N]: a label, 0 the last. */
static const char *expand(struct sw_plan *plan, const char *pattern, const char *zone)
{
	const char *text = "";
	char *name = (char *)sw_plan_copy(plan, strcmp(zone, ".") ? zone : "", strlen(zone));
	for (char *slash = name; (slash = strchr(slash, '/')) != NULL;)
		*slash = '_';
	for (const char *c = pattern; *c != '\0'; c++) {
		size_t from = 0, to = 0, len = c[0] == '%' ? range(c + 1 + (c[1] != '\0'), &from, &to) : 0;
		if (c[0] == '%' && c[1] == 's') {
			text = sw_plan_text(plan, "%s%s", text, name);
			c++;
		} else if (c[0] == '%' && c[1] == '%') {
			text = sw_plan_text(plan, "%s%%", text);
			c++;
		} else if (len > 0 && (c[1] == 'c' || c[1] == 'l')) {
			size_t own = strlen(name);
			const char *piece =
				c[1] == 'l' ? label(plan, name, from)
				: from < own && to >= from
					? sw_plan_copy(plan, name + from, (to < own ? to + 1 : own) - from)
					: "";
			text = sw_plan_text(plan, "%s%s", text, piece);
			c += 1 + len;
		} else {
			text = sw_plan_text(plan, "%s%c", text, *c);
		}
	}
	return text;
}

static void take_file(struct sw_knot *knot, struct sw_plan_zone *zone, const struct sw_knot_item *item,
	const struct sw_knot_item *template)
{
	struct sw_plan *plan = knot->plan;
	const struct sw_said *file = sw_knot_told(item, template, "file"),
			     *storage = sw_knot_told(item, template, "storage");
	const char *pattern = file ? sw_said_text(file, 1) : "%s.zone";
	const char *path = sw_plan_path(plan, storage ? sw_said_text(storage, 1) : SW_KNOT_STORAGE,
		expand(plan, pattern, zone->name));
	sw_plan_set(plan, zone, SW_PLAN_FILE, sw_plan_quote(plan, path));
}

/** @return false: a secondary without primaries, or a catalog without templates for its members */
static bool settle_zone(struct sw_knot *knot, struct sw_plan_zone *zone, struct sw_knot_item *item,
	const struct sw_knot_item *template)
{
	const struct sw_said *domain = sw_knot_find(item, "domain"),
			     *master = sw_knot_told(item, template, "master"),
			     *role = sw_knot_told(item, template, "catalog-role");
	bool is_secondary = master != NULL && sw_said_count(master) > 1;
	item->is_producer = role != NULL && is(sw_said_text(role, 1), "generate");
	if (item->is_producer) {
		sw_knot_make_catalog(knot, zone);
		return true;
	}
	if (is_secondary && zone->value[SW_PLAN_PRIMARIES].count == 0) {
		sw_plan_lost(knot->plan, zone, domain, "it has no usable primaries");
		return false;
	}
	if (!is_secondary)
		take_file(knot, zone, item, template);
	else if (zone->value[SW_PLAN_ALLOW_UPDATE].count > 0)
		sw_plan_set(knot->plan, zone, SW_PLAN_FORWARD_UPDATES, "on"); /* as Knot does by itself */
	return role == NULL || !is(sw_said_text(role, 1), "interpret") ||
	       sw_knot_take_catalog(knot, zone, domain, sw_knot_told(item, template, "catalog-template"));
}

static void take_zone(struct sw_knot *knot, struct sw_knot_item *item)
{
	struct sw_plan *plan = knot->plan;
	const struct sw_said *domain = sw_knot_find(item, "domain");
	const char *named = sw_knot_value(item, "template");
	const struct sw_knot_item *template = sw_knot_zone_template(knot, item);
	if (domain == NULL)
		return; /* the section's own line, no item */
	if (named != NULL && template == NULL)
		sw_plan_lost(plan, NULL, sw_knot_find(item, "template"), "no such template");
	struct sw_plan_zone *zone = sw_plan_add_zone(plan, domain, sw_said_text(domain, 1), NULL);
	if (zone == NULL)
		return;
	zone->template = template ? template->zone : NULL;
	take_policy(knot, zone, item, template);
	take_rest(knot, zone, item);
	if (settle_zone(knot, zone, item, template))
		item->zone = zone;
	else
		sw_plan_drop_zone(plan, zone);
}

static void take_template(struct sw_knot *knot, struct sw_knot_item *item)
{
	const char *id = sw_knot_value(item, "id");
	if (id == NULL)
		return;
	struct sw_plan_zone *template = sw_plan_zone_new(knot->plan, &knot->plan->templates, id, NULL);
	item->zone = template;
	knot->is_for_members = sw_knot_is_for_members(knot, id);
	take_policy(knot, template, item, NULL);
	take_rest(knot, template, item);
	if (!knot->is_for_members)
		/* which names updates may be about depends on the zone: that stands in each */
		sw_plan_forget(template, SW_PLAN_ALLOW_UPDATE);
	else if (template->value[SW_PLAN_ALLOW_UPDATE].count > 0 &&
		 template->value[SW_PLAN_PRIMARIES].count > 0)
		sw_plan_set(knot->plan, template, SW_PLAN_FORWARD_UPDATES, "on");
	knot->is_for_members = false;
}

/* ---- the server ---- */

/** 'listen', and 'listen-tls' of later versions than Debian 12's. */
static void take_listen(
	struct sw_knot *knot, const struct sw_said *said, struct sw_texts *list, unsigned long standard)
{
	struct sw_plan *plan = knot->plan;
	for (unsigned i = 1; i < sw_said_count(said); i++) {
		struct sw_texts one = {0};
		const char *text = sw_said_text(said, i);
		size_t len = strcspn(text, "@");
		const char *address = sw_plan_copy(plan, text, len);
		unsigned long port = text[len] ? strtoul(text + len + 1, NULL, 10) : standard;
		if (!sw_plan_addresses(plan, address, &one) || one.count != 1 || strchr(address, '/') != NULL)
			sw_plan_lost(plan, NULL, said, "not an address");
		else if (port == 0 || port > 65535)
			sw_plan_lost(plan, NULL, said, "not a port");
		else
			sw_plan_listen(plan, list, one.text[0], port);
	}
}

/** Files of TLS. @return whether it was one */
static bool take_certificate(struct sw_knot *knot, const struct sw_said *said)
{
	struct sw_plan *plan = knot->plan;
	const struct {
		const char *key;
		const char **place;
	} files[] = {{"cert-file", &plan->tls_certificate}, {"key-file", &plan->tls_key},
		{"ca-file", &plan->tls_trust}};
	const char *value = sw_said_text(said, 1);
	for (unsigned i = 0; i < 3; i++) {
		if (!is(sw_said_text(said, 0), files[i].key))
			continue;
		if (sw_said_count(said) > 2)
			sw_plan_lost(plan, NULL, said, "there is one: that told first");
		if (value[0] != '\0') /* ca-file: "" is what the system trusts */
			*files[i].place = sw_plan_path(plan, CONFIG_DIRECTORY, value);
		return true;
	}
	return false;
}

static void take_server(struct sw_knot *knot, struct sw_knot_item *item)
{
	static const char *const done[] = {"rundir", "user", "pidfile", "background-workers", "async-start",
		"automatic-acl", "answer-rotation", "tcp-reuseport", "socket-affinity", "dbus-event",
		"comment", NULL};
	static const struct {
		const char *key, *ours;
		bool is_tcp;
	} numbers[] = {{"udp-workers", "udp-workers", false}, {"tcp-workers", "tcp-workers", false},
		{"udp-max-payload", "udp-max-payload", false}, {"tcp-max-clients", "max-connections", true},
		{"tcp-idle-timeout", "idle-timeout", true}};
	struct sw_plan *plan = knot->plan;
	for (const struct sw_said *said = item->body.first; said != NULL; said = said->next) {
		const char *key = sw_said_text(said, 0), *value = sw_said_text(said, 1);
		unsigned long number = strtoul(value, NULL, 10);
		unsigned i = 0;
		while (i < 5 && strcmp(numbers[i].key, key) != 0)
			i++;
		bool is_said = is(key, "identity") || is(key, "version") || is(key, "nsid");
		if (is(key, "listen"))
			take_listen(knot, said, &plan->listen, 53);
		else if (is(key, "listen-tls"))
			take_listen(knot, said, &plan->tls_listen, 853);
		else if (take_certificate(knot, said))
			continue;
		else if (is_said && !is(value, "off") && !is(value, "on") && !is(value, ""))
			sw_plan_add_identity(plan, said, key, value);
		else if (i < 5 && number > 0 && !(i == 2 && (number < 512 || number > 1452)))
			sw_texts_add(plan, numbers[i].is_tcp ? &plan->tcp : &plan->server,
				sw_plan_text(plan, "%s: %s", numbers[i].ours, value));
		else if (!is_one_of(key, done) && !(is_said && is(value, "off")))
			sw_plan_lost(plan, NULL, said, NULL);
	}
	if ((plan->tls_certificate == NULL) != (plan->tls_key == NULL)) {
		sw_plan_lost(plan, NULL, sw_knot_find(item, plan->tls_key ? "key-file" : "cert-file"),
			"certificate or key is missing: one is made");
		plan->tls_certificate = plan->tls_key = NULL;
	}
}

static void take_key(struct sw_knot *knot, struct sw_knot_item *item)
{
	const char *id = sw_knot_value(item, "id"), *algorithm = sw_knot_value(item, "algorithm"),
		   *secret = sw_knot_value(item, "secret");
	if (id == NULL)
		return;
	if (secret == NULL)
		sw_plan_lost(knot->plan, NULL, item->body.first, "its secret is missing");
	else
		sw_plan_add_key(
			knot->plan, item->body.first, id, algorithm ? algorithm : "hmac-sha256", secret);
}

typedef void take_fn(struct sw_knot *knot, struct sw_knot_item *item);

static void each(struct sw_knot *knot, const char *kind, take_fn *take)
{
	struct sw_knot_item *item = is(kind, "zone") ? knot->zones : knot->first;
	for (; item != NULL; item = item->next) {
		if (is(item->kind, kind) && item->body.first != NULL)
			take(knot, item);
	}
}

static void take_other(struct sw_knot *knot, const struct sw_knot_item *item)
{
	static const char *const known[] = {
		"server", "key", "remote", "remotes", "acl", "template", "zone", "database", NULL};
	struct sw_said_list list = {0};
	if (is_one_of(item->kind, known))
		return;
	if (is(item->kind, "log") || is(item->kind, "control")) {
		sw_plan_remark(knot->plan, NULL, item->body.first,
			is(item->kind, "log") ? SW_PLAN_OWN_LOG : SW_PLAN_OWN_CONTROL);
		return;
	}
	const struct sw_said *first = item->body.first;
	struct sw_said *said = sw_said_new(knot->plan, &list, first->file, first->line);
	sw_said_add(knot->plan, said, sw_plan_text(knot->plan, "%s:", item->kind), false);
	for (const struct sw_word *word = first->words; word != NULL; word = word->next)
		sw_said_add(knot->plan, said, word->text, word->is_quoted);
	sw_plan_lost(knot->plan, NULL, said, NULL);
}

int sw_convert_knot(struct sw_plan *plan)
{
	struct sw_knot knot = {.plan = plan};
	if (sw_knot_parse(&knot) != 0)
		return -1;
	for (const struct sw_knot_item *item = knot.first; item != NULL; item = item->next)
		knot.has_automatic_acl |=
			is(item->kind, "server") && is(sw_knot_value(item, "automatic-acl"), "on");
	each(&knot, "key", take_key);
	each(&knot, "server", take_server);
	each(&knot, "template", take_template);
	each(&knot, "zone", take_zone);
	sw_knot_fill_catalogs(&knot);
	for (const struct sw_knot_item *item = knot.first; item != NULL; item = item->next) {
		if (item->body.first != NULL)
			take_other(&knot, item);
	}
	return 0;
}
