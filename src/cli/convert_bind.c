/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BIND's named.conf: options, views, zones. */
#include "cli/convert_bind.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0;
}

/** Whether the first word is one of a list that ends with NULL. */
static bool is_one_of(const struct sw_said *said, const char *const *words)
{
	while (*words != NULL && !is(sw_said_text(said, 0), *words))
		words++;
	return *words != NULL;
}

static bool is_no(const char *word)
{
	return is(word, "no") || is(word, "false") || is(word, "0");
}

/* ---- what zones, views and options have in common ---- */

/** Where to ask and to tell from, and whether to tell: the lists depend on them, wherever they stand. */
static void take_sources(struct sw_bind_scope *scope, const struct sw_said *said)
{
	static const char *const names[] = {
		"transfer-source", "transfer-source-v6", "notify-source", "notify-source-v6"};
	const char **places[] = {&scope->transfer_source[0], &scope->transfer_source[1],
		&scope->notify_source[0], &scope->notify_source[1]};
	for (unsigned i = 0; i < 4; i++) {
		if (is(sw_said_text(said, 0), names[i]))
			*places[i] = is(sw_said_text(said, 1), "*") ? NULL : sw_said_text(said, 1);
	}
	if (is(sw_said_text(said, 0), "notify")) {
		const char *word = sw_said_text(said, 1);
		scope->notify = is_no(word)			      ? SW_BIND_NOTIFY_NO
				: is(word, "explicit")		      ? SW_BIND_NOTIFY_EXPLICIT
				: is(word, "yes") || is(word, "true") ? SW_BIND_NOTIFY_YES
								      : SW_BIND_NOTIFY_IMPLICIT;
	}
}

/** @return whether it was one of them */
static bool take_limit(struct sw_bind *bind, struct sw_bind_scope *scope, const struct sw_said *said)
{
	static const struct {
		const char *name;
		enum sw_plan_key_id key;
	} limits[] = {
		{"min-refresh-time", SW_PLAN_REFRESH_MIN},
		{"max-refresh-time", SW_PLAN_REFRESH_MAX},
		{"min-retry-time", SW_PLAN_RETRY_MIN},
		{"max-records", SW_PLAN_MAX_RECORDS},
		{"max-journal-size", SW_PLAN_JOURNAL_SIZE},
	};
	const char *value = sw_said_text(said, 1);
	size_t digits = strspn(value, "0123456789");
	for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (!is(sw_said_text(said, 0), limits[i].name))
			continue;
		char unit = (char)(value[digits] & ~0x20); /* upper case */
		size_t digits_min =
			limits[i].key == SW_PLAN_JOURNAL_SIZE ? 4 : 1; /* of bytes more than 999 */
		if (is(value, "unlimited") || is(value, "default") || is(value, "0")) {
			if (scope->zone->value[limits[i].key].count > 0)
				sw_plan_lost(bind->plan, scope->zone, said, "the limit told for all stands");
			sw_plan_forget(scope->zone, limits[i].key);
		} else if (value[digits] == '\0' && digits >= digits_min)
			sw_plan_set(bind->plan, scope->zone, limits[i].key, value);
		else if (digits > 0 && (unit == 'K' || unit == 'M' || unit == 'G') &&
			 value[digits + 1] == '\0')
			sw_plan_set(bind->plan, scope->zone, limits[i].key,
				sw_plan_text(bind->plan, "%.*s%c", (int)digits, value, unit));
		else
			sw_plan_lost(bind->plan, scope->zone, said, NULL);
		return true;
	}
	return false;
}

/** @return whether it was one that may stand in zones, views and options */
static bool take_common(struct sw_bind *bind, struct sw_bind_scope *scope, const struct sw_said *said)
{
	static const char *const done[] = {"transfer-source", "transfer-source-v6", "notify-source",
		"notify-source-v6", "type", "file", NULL};
	static const char *const needless[] = {"allow-query", "allow-query-cache", "allow-recursion",
		"recursion", "dnssec-validation", "dnssec-enable", "check-names", "zone-statistics",
		"masterfile-format", "request-ixfr", "provide-ixfr", "auth-nxdomain", "minimal-responses",
		NULL};
	static const struct {
		const char *name;
		enum sw_plan_key_id key;
	} lists[] = {{"allow-transfer", SW_PLAN_ALLOW_TRANSFER}, {"allow-notify", SW_PLAN_ALLOW_NOTIFY},
		{"allow-update", SW_PLAN_ALLOW_UPDATE}};
	struct sw_plan *plan = bind->plan;
	for (unsigned i = 0; i < 3; i++) {
		if (is(sw_said_text(said, 0), lists[i].name)) {
			sw_bind_access(bind, scope, said, lists[i].key);
			return true;
		}
	}
	if (is(sw_said_text(said, 0), "also-notify")) {
		sw_bind_servers(bind, scope, said, SW_PLAN_NOTIFY);
	} else if (is(sw_said_text(said, 0), "notify")) {
		if (scope->notify == SW_BIND_NOTIFY_YES)
			sw_plan_lost(plan, scope->zone, said,
				"servers of the NS records are told of changes only where 'notify' lists "
				"them");
	} else if (is_one_of(said, needless)) {
		static const struct {
			const char *word, *value;
		} other[] = {
			{"recursion", "yes"}, {"masterfile-format", "raw"}, {"masterfile-format", "map"}};
		const struct sw_said *block = sw_said_block(said);
		bool is_lost = block != NULL && is(sw_said_text(said, 0), "allow-query") &&
			       !is(sw_said_text(block, 0), "any");
		for (unsigned i = 0; i < 3; i++)
			is_lost |= is(sw_said_text(said, 0), other[i].word) &&
				   is(sw_said_text(said, 1), other[i].value);
		if (is_lost)
			sw_plan_lost(plan, scope->zone, said,
				block ? "converted with more rights: everybody may ask" : NULL);
	} else if (!is_one_of(said, done)) {
		return take_limit(bind, scope, said);
	}
	return true;
}

static void settle_notify(struct sw_bind_scope *scope)
{
	if (scope->notify == SW_BIND_NOTIFY_NO)
		sw_plan_clear(scope->zone, SW_PLAN_NOTIFY);
}

/* ---- zones ---- */

enum kind { PRIMARY, SECONDARY, NEEDLESS, LOST };

static const struct sw_said *inside(const struct sw_said *list, const char *first, const char *other)
{
	while (list != NULL && !is(sw_said_text(list, 0), first) && !is(sw_said_text(list, 0), other))
		list = list->next;
	return list;
}

static enum kind kind_of(const struct sw_said *said)
{
	const struct sw_said *type = inside(sw_said_block(said), "type", "type");
	const char *word = type ? sw_said_text(type, 1) : "";
	const char *class = sw_said_text(said, 2);
	if (class[0] != '\0' && !is(class, "IN"))
		return LOST;
	if (is(word, "master") || is(word, "primary"))
		return PRIMARY;
	if (is(word, "slave") || is(word, "secondary"))
		return SECONDARY;
	return is(word, "hint") ? NEEDLESS : LOST;
}

/** named passes on updates for a secondary whose 'allow-update-forwarding' lets them. */
static void take_forwarding(struct sw_bind *bind, struct sw_bind_scope *scope, const struct sw_said *said)
{
	sw_bind_access(bind, scope, said, SW_PLAN_ALLOW_UPDATE);
	if (scope->zone->value[SW_PLAN_ALLOW_UPDATE].count > 0)
		sw_plan_set(bind->plan, scope->zone, SW_PLAN_FORWARD_UPDATES, "on");
}

static void take_zone_body(
	struct sw_bind *bind, struct sw_bind_scope *scope, const struct sw_said *list, enum kind kind)
{
	struct sw_plan *plan = bind->plan;
	for (const struct sw_said *said = list; said != NULL; said = said->next)
		take_sources(scope, said);
	for (const struct sw_said *said = list; said != NULL; said = said->next) {
		const char *word = sw_said_text(said, 0);
		if (is(word, "masters") || is(word, "primaries"))
			sw_bind_servers(bind, scope, said, SW_PLAN_PRIMARIES);
		else if (is(word, "update-policy") && kind == PRIMARY)
			sw_bind_update_policy(bind, scope, said);
		else if (is(word, "allow-update-forwarding") && kind == SECONDARY)
			take_forwarding(bind, scope, said);
		else if (is(word, "file") && kind == PRIMARY)
			sw_plan_set(plan, scope->zone, SW_PLAN_FILE,
				sw_plan_quote(
					plan, sw_plan_path(plan, bind->directory, sw_said_text(said, 1))));
		else if (is(word, "masterfile-format") && kind == SECONDARY)
			continue; /* its file is a copy, made anew */
		else if (is(word, "allow-update") && kind == SECONDARY)
			sw_plan_lost(plan, scope->zone, said, "a secondary only forwards updates");
		else if (!take_common(bind, scope, said))
			sw_plan_lost(plan, scope->zone, said, NULL);
	}
	settle_notify(scope);
}

static void take_zone(struct sw_bind *bind, const struct sw_bind_scope *around, const struct sw_said *said)
{
	struct sw_plan *plan = bind->plan;
	struct sw_bind_scope scope = *around;
	enum kind kind = kind_of(said);
	bool is_redirect = inside(sw_said_block(said), "in-view", "in-view") != NULL;
	if (kind == NEEDLESS) {
		sw_plan_remark(plan, NULL, said, "hints are for resolvers");
		return;
	}
	if (kind == LOST || is_redirect) {
		sw_plan_lost(plan, NULL, said, "no zone of ours: its type, or its class");
		return;
	}
	scope.zone = sw_plan_add_zone(plan, said, sw_said_text(said, 1), around->zone);
	if (scope.zone == NULL)
		return;
	scope.zone->template = around->zone->name ? around->zone : NULL;
	if (kind == SECONDARY)
		sw_plan_forget(scope.zone, SW_PLAN_ALLOW_UPDATE);
	take_zone_body(bind, &scope, sw_said_block(said), kind);
	if (scope.zone->value[kind == PRIMARY ? SW_PLAN_FILE : SW_PLAN_PRIMARIES].count == 0) {
		sw_plan_lost(
			plan, scope.zone, said, kind == PRIMARY ? "it has no file" : "it has no primaries");
		sw_plan_drop_zone(plan, scope.zone);
	}
}

/* ---- options ---- */

static void take_text(struct sw_plan *plan, const char *key, const struct sw_said *said)
{
	const char *word = sw_said_text(said, 1);
	if (is(word, "none") && !said->words->next->is_quoted)
		return;
	if (is(word, "hostname"))
		sw_plan_lost(plan, NULL, said, "the name of the machine is to be told");
	else
		sw_plan_add_identity(plan, said, key, word);
}

/** @return whether it was one of those that stand in options alone */
static bool take_server_option(struct sw_bind *bind, const struct sw_said *said)
{
	static const char *const done[] = {"directory", "port", "tls-port", "pid-file", "session-keyfile",
		"dump-file", "statistics-file", "memstatistics-file", "listen-on", "listen-on-v6",
		"managed-keys-directory", "bindkeys-file", "recursing-file", "secroots-file", "catalog-zones",
		NULL};
	struct sw_plan *plan = bind->plan;
	const char *word = sw_said_text(said, 0), *value = sw_said_text(said, 1);
	unsigned long number = strtoul(value, NULL, 10);
	if (is(word, "listen-on") || is(word, "listen-on-v6"))
		sw_bind_listen(bind, said, is(word, "listen-on-v6"));
	else if (is(word, "version"))
		take_text(plan, "version", said);
	else if (is(word, "hostname"))
		take_text(plan, "identity", said);
	else if (is(word, "server-id"))
		take_text(plan, "nsid", said);
	else if (is(word, "max-udp-size") && number >= 512 && number <= 1452)
		sw_texts_add(plan, &plan->server, sw_plan_text(plan, "udp-max-payload: %lu", number));
	else if (is(word, "tcp-clients") && number > 0)
		sw_texts_add(plan, &plan->tcp, sw_plan_text(plan, "max-connections: %lu", number));
	else if (is(word, "tcp-idle-timeout") && number > 0)
		sw_texts_add(plan, &plan->tcp, sw_plan_text(plan, "idle-timeout: %lums", 100 * number));
	else if (is(word, "cookie-secret") && sw_plan_add_cookie_secret(plan, value))
		return true;
	else if (is(word, "answer-cookie"))
		sw_texts_add(plan, &plan->server, is_no(value) ? "cookies: off" : "cookies: on");
	else
		return is_one_of(said, done);
	return true;
}

static void take_options(struct sw_bind *bind, struct sw_bind_scope *scope, const struct sw_said *list)
{
	for (const struct sw_said *said = list; said != NULL; said = said->next)
		take_sources(scope, said);
	for (const struct sw_said *said = list; said != NULL; said = said->next) {
		if (!take_server_option(bind, said) && !take_common(bind, scope, said))
			sw_plan_lost(bind->plan, NULL, said, NULL);
	}
	settle_notify(scope);
}

/** named listens on all addresses of a family that no option names. */
static void listen_default(struct sw_bind *bind, const struct sw_said *options)
{
	bool has_v4 = inside(options, "listen-on", "listen-on") != NULL;
	bool has_v6 = inside(options, "listen-on-v6", "listen-on-v6") != NULL;
	if (!has_v4 && !has_v6 && bind->port == 53)
		return; /* as it is here */
	if (!has_v4)
		sw_plan_listen(bind->plan, &bind->plan->listen, "0.0.0.0", bind->port);
	if (!has_v6)
		sw_plan_listen(bind->plan, &bind->plan->listen, "::", bind->port);
}

/* ---- the file ---- */

static bool has_values(const struct sw_plan_zone *zone)
{
	for (unsigned i = 0; i < SW_PLAN_KEY_COUNT; i++) {
		if (zone->value[i].count > 0)
			return true;
	}
	return false;
}

static void add_template(struct sw_plan *plan, struct sw_plan_zone *values, const char *name)
{
	if (!has_values(values))
		return;
	values->name = name;
	values->next = plan->templates;
	plan->templates = values;
}

static void take_key(struct sw_plan *plan, const struct sw_said *said)
{
	const struct sw_said *list = sw_said_block(said);
	const struct sw_said *algorithm = inside(list, "algorithm", "algorithm");
	const struct sw_said *secret = inside(list, "secret", "secret");
	if (algorithm == NULL || secret == NULL)
		sw_plan_lost(plan, NULL, said, "algorithm or secret is missing");
	else
		sw_plan_add_key(plan, said, sw_said_text(said, 1), sw_said_text(algorithm, 1),
			sw_said_text(secret, 1));
}

static void take_keys(struct sw_plan *plan, const struct sw_said *list)
{
	for (; list != NULL; list = list->next) {
		if (is(sw_said_text(list, 0), "key"))
			take_key(plan, list);
	}
}

/** Zones of one view: the first. Those of the others are lost, for here a zone has one version. */
static void take_view(
	struct sw_bind *bind, const struct sw_bind_scope *around, struct sw_said *view, bool is_first)
{
	static const char *const done[] = {"zone", "key", "acl", "masters", "primaries", "server",
		"match-clients", "match-destinations", "catalog-zones", NULL};
	struct sw_plan *plan = bind->plan;
	struct sw_said *list = sw_said_block(view);
	struct sw_bind_scope scope = *around;
	struct sw_said_list head = {0};
	struct sw_said *name = sw_said_new(plan, &head, view->file, view->line);
	sw_said_add(plan, name, "view", false);
	sw_said_add(plan, name, sw_said_text(view, 1), true);
	sw_plan_lost(plan, NULL, name,
		is_first ? "views: its zones are for everybody now"
			 : "views: of several only the first is converted");
	if (!is_first)
		return;
	take_keys(plan, list);
	bind->view = list;
	scope.zone = sw_plan_zone_new(plan, NULL, NULL, around->zone);
	for (const struct sw_said *said = list; said != NULL; said = said->next)
		take_sources(&scope, said);
	for (const struct sw_said *said = list; said != NULL; said = said->next) {
		if (!is_one_of(said, done) && !take_common(bind, &scope, said))
			sw_plan_lost(plan, NULL, said, NULL);
	}
	settle_notify(&scope);
	add_template(plan, scope.zone, sw_plan_text(plan, "view %s", sw_said_text(view, 1)));
	for (const struct sw_said *said = list; said != NULL; said = said->next) {
		if (is(sw_said_text(said, 0), "zone"))
			take_zone(bind, &scope, said);
	}
	sw_bind_catalogs(bind, &scope, list);
	bind->view = NULL;
}

static void remark_defaults(struct sw_plan *plan, const struct sw_bind_scope *options)
{
	if (!options->zone->is_told[SW_PLAN_ALLOW_TRANSFER])
		sw_plan_remark(plan, NULL, NULL,
			"Where named is told nothing, everybody may transfer a zone (in most versions); here "
			"nobody "
			"may.");
	if (options->notify == SW_BIND_NOTIFY_IMPLICIT)
		sw_plan_remark(plan, NULL, NULL,
			"named tells the servers of the NS records of changes; here 'notify' lists who is "
			"told.");
}

/** Zones and views out of the list, which is looked through for each of them.
 * @return their list */
static struct sw_said *split_zones(struct sw_said_list *list)
{
	struct sw_said *zones = NULL, **last_zone = &zones, **last = &list->first;
	for (struct sw_said *said = list->first; said != NULL; said = said->next) {
		bool is_zone = is(sw_said_text(said, 0), "zone") || is(sw_said_text(said, 0), "view");
		*(is_zone ? last_zone : last) = said;
		*(is_zone ? &last_zone : &last) = &said->next;
	}
	*last = *last_zone = NULL;
	return zones;
}

/** named's own default is wherever it was started. */
static void find_directory(struct sw_bind *bind)
{
	struct sw_plan *plan = bind->plan;
	const char *here = sw_plan_absolute(plan, sw_plan_directory(plan, plan->path));
	if (bind->directory == NULL)
		sw_plan_remark(
			plan, NULL, NULL, "No 'directory' is told: files are looked for beside this one.");
	bind->directory = bind->directory ? sw_plan_path(plan, here, bind->directory) : here;
}

int sw_convert_bind(struct sw_plan *plan)
{
	static const char *const done[] = {
		"options", "key", "acl", "masters", "primaries", "remote-servers", "server", "tls", NULL};
	struct sw_said_list list = {0};
	struct sw_bind bind = {.plan = plan, .port = 53, .tls_port = 853};
	struct sw_bind_scope scope = {.zone = sw_plan_zone_new(plan, NULL, NULL, NULL)};
	bool is_first = true;
	if (sw_bind_parse(plan, &list, &bind.directory) != 0)
		return -1;
	struct sw_said *zones = split_zones(&list);
	bind.tree = list.first;
	find_directory(&bind);
	const struct sw_said *options = sw_bind_find(&bind, "options", NULL);
	const struct sw_said *inner = options ? sw_said_block(options) : NULL;
	const struct sw_said *port = inside(inner, "port", "port"),
			     *tls_port = inside(inner, "tls-port", "tls-port");
	if (port != NULL)
		bind.port = strtoul(sw_said_text(port, 1), NULL, 10);
	if (tls_port != NULL)
		bind.tls_port = strtoul(sw_said_text(tls_port, 1), NULL, 10);
	take_keys(plan, list.first);
	sw_bind_tls_blocks(&bind);
	take_options(&bind, &scope, inner);
	listen_default(&bind, inner);
	remark_defaults(plan, &scope);
	add_template(plan, scope.zone, "default");
	for (const struct sw_said *said = list.first; said != NULL; said = said->next) {
		if (is(sw_said_text(said, 0), "logging"))
			sw_plan_remark(plan, NULL, said, SW_PLAN_OWN_LOG);
		else if (is(sw_said_text(said, 0), "controls"))
			sw_plan_remark(plan, NULL, said, SW_PLAN_OWN_CONTROL);
		else if (!is_one_of(said, done))
			sw_plan_lost(plan, NULL, said, NULL);
	}
	for (struct sw_said *said = zones; said != NULL; said = said->next) {
		if (is(sw_said_text(said, 0), "zone")) {
			take_zone(&bind, &scope, said);
		} else {
			take_view(&bind, &scope, said, is_first);
			is_first = false;
		}
	}
	sw_bind_catalogs(&bind, &scope, inner);
	return 0;
}
