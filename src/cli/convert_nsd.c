/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NSD's nsd.conf: server, keys, patterns, zones (nsd.conf(5)). */
#include "cli/convert_nsd.h"
#include <stdlib.h>
#include <string.h>

#define ZONESDIR "/etc/nsd" /* where Debian's NSD looks when it is not told */
#define TLS_PORT 853

/** Told for a zone or a pattern, with what its patterns say. */
struct scope {
	struct sw_plan_zone *zone;
	const char *zonefile;
	const char *source[2]; /* IPv4, IPv6 */
	const char *pattern;   /* the only one it includes; "" for several */
	bool is_secondary;
	bool is_blocked[SW_PLAN_KEY_COUNT]; /* somebody is, whatever else the list says */
};

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* ---- zones and patterns ---- */

/** ADDR@PORT split. */
static const char *split_port(struct sw_plan *plan, const char *text, unsigned long *port)
{
	const char *at = strchr(text, '@');
	if (at == NULL)
		return text;
	*port = strtoul(at + 1, NULL, 10);
	return sw_plan_copy(plan, text, (size_t)(at - text));
}

/** "IP KEY|NOKEY|BLOCKED" of allow-notify and provide-xfr. */
static void take_access(
	struct sw_nsd *nsd, struct scope *scope, const struct sw_said *said, enum sw_plan_key_id key)
{
	struct sw_plan *plan = nsd->plan;
	struct sw_texts addresses = {0};
	unsigned long port = 0;
	const char *address = split_port(plan, sw_said_text(said, 1), &port), *word = sw_said_text(said, 2);
	const char *name = is(word, "NOKEY") ? NULL : sw_plan_use_key(plan, word);
	bool is_tls = sw_said_count(said) > 3; /* 'tls-auth' of versions after 4.6 */
	scope->is_blocked[key] |= is(word, "BLOCKED");
	if (is(word, "BLOCKED"))
		sw_plan_lost(plan, scope->zone, said, "who is blocked cannot be said: nobody may");
	else if (!sw_plan_addresses(plan, address, &addresses))
		sw_plan_lost(plan, scope->zone, said, "not an address");
	else if (name == NULL && !is(word, "NOKEY"))
		sw_plan_lost(plan, scope->zone, said, "no usable key of that name");
	else
		sw_plan_add(plan, scope->zone, key,
			is_tls ? sw_plan_tls_rule(plan, &addresses, name)
			       : sw_plan_rule(plan, &addresses, name, NULL, NULL));
	if (is_tls)
		sw_plan_lost(plan, scope->zone, said,
			"converted with more rights: over TLS, but whoever's certificate");
}

/** "[AXFR|UDP] IP[@PORT] KEY|NOKEY [TLS-AUTH]" of request-xfr and notify. */
static void take_remote(
	struct sw_nsd *nsd, struct scope *scope, const struct sw_said *said, enum sw_plan_key_id key)
{
	struct sw_plan *plan = nsd->plan;
	const char *kind = sw_said_text(said, 1);
	unsigned at = is(kind, "AXFR") || is(kind, "UDP") ? 2 : 1;
	unsigned long port = 0;
	struct sw_texts one = {0};
	struct sw_plan_remote remote = {.name = NULL};
	scope->is_secondary |= key == SW_PLAN_PRIMARIES;
	const char *address = split_port(plan, sw_said_text(said, at), &port);
	const char *word = sw_said_text(said, at + 1), *tls = sw_said_text(said, at + 2);
	if (port > 65535 || !sw_plan_addresses(plan, address, &one) || one.count != 1 ||
		strchr(one.text[0], '/') != NULL) {
		sw_plan_lost(plan, scope->zone, said, "not an address");
		return;
	}
	if (!is(word, "NOKEY") && (remote.key = sw_plan_use_key(plan, word)) == NULL) {
		sw_plan_lost(plan, scope->zone, said, "no usable key of that name");
		return;
	}
	if (tls[0] != '\0')
		sw_nsd_tls_client(nsd, scope->zone, said, tls, &remote);
	unsigned long standard = remote.is_tls ? TLS_PORT : 53;
	remote.name = one.text[0];
	remote.source = scope->source[strchr(address, ':') != NULL];
	sw_texts_add(
		plan, &remote.addresses, sw_plan_endpoint(plan, address, port ? port : standard, standard));
	sw_plan_add(plan, scope->zone, key, sw_plan_quote(plan, sw_plan_use_remote(plan, &remote)));
}

static void take_size(
	struct sw_nsd *nsd, struct scope *scope, const struct sw_said *said, enum sw_plan_key_id key)
{
	const char *value = sw_said_text(said, 1);
	if (strlen(value) > 3 && value[strspn(value, "0123456789")] == '\0')
		sw_plan_set(nsd->plan, scope->zone, key, value);
	else if (!is(value, "0"))
		sw_plan_lost(nsd->plan, scope->zone, said, NULL);
}

static void take_seconds(
	struct sw_nsd *nsd, struct scope *scope, const struct sw_said *said, enum sw_plan_key_id key)
{
	const char *value = sw_said_text(said, 1);
	if (value[strspn(value, "0123456789")] != '\0' || strtoul(value, NULL, 10) == 0)
		sw_plan_lost(nsd->plan, scope->zone, said, NULL);
	else
		sw_plan_set(nsd->plan, scope->zone, key, value);
}

static const struct attribute {
	const char *name;
	void (*take)(
		struct sw_nsd *nsd, struct scope *scope, const struct sw_said *said, enum sw_plan_key_id key);
	enum sw_plan_key_id key;
} attributes[] = {
	{"allow-notify", take_access, SW_PLAN_ALLOW_NOTIFY},
	{"provide-xfr", take_access, SW_PLAN_ALLOW_TRANSFER},
	{"request-xfr", take_remote, SW_PLAN_PRIMARIES},
	{"notify", take_remote, SW_PLAN_NOTIFY},
	{"min-refresh-time", take_seconds, SW_PLAN_REFRESH_MIN},
	{"max-refresh-time", take_seconds, SW_PLAN_REFRESH_MAX},
	{"min-retry-time", take_seconds, SW_PLAN_RETRY_MIN},
	{"size-limit-xfr", take_size, SW_PLAN_MAX_TRANSFER_SIZE},
	{"ixfr-size", take_size, SW_PLAN_JOURNAL_SIZE},
	{NULL, NULL, 0},
};

static void take_body(struct sw_nsd *nsd, struct scope *scope, const struct sw_nsd_section *section);

static void include_pattern(struct sw_nsd *nsd, struct scope *scope, const struct sw_said *said)
{
	const struct sw_nsd_section *pattern = sw_nsd_find(nsd, "pattern", sw_said_text(said, 1));
	if (pattern == NULL || nsd->depth == SW_NSD_DEPTH_MAX) {
		sw_plan_lost(nsd->plan, scope->zone, said, "no such pattern");
		return;
	}
	scope->pattern = scope->pattern ? "" : sw_said_text(said, 1);
	const char *own = scope->pattern;
	bool was_quiet = nsd->plan->is_quiet;
	nsd->plan->is_quiet = true; /* what is lost is noted where the pattern stands */
	nsd->depth++;
	take_body(nsd, scope, pattern);
	nsd->depth--;
	nsd->plan->is_quiet = was_quiet;
	scope->pattern = own;
}

/** Where to ask from: before the servers that are asked, wherever it stands. */
static void take_source(struct sw_nsd *nsd, struct scope *scope, const struct sw_said *said)
{
	unsigned long port = 0;
	const char *address = split_port(nsd->plan, sw_said_text(said, 1), &port);
	if (is(sw_said_text(said, 0), "outgoing-interface"))
		scope->source[strchr(address, ':') != NULL] = address;
}

static void take_body(struct sw_nsd *nsd, struct scope *scope, const struct sw_nsd_section *section)
{
	static const char *const needless[] = {"name", "allow-axfr-fallback", "outgoing-interface",
		"zonestats", "multi-primary-check", "multi-master-check", "store-ixfr", "ixfr-number",
		"create-ixfr", "notify-retry", NULL};
	for (const struct sw_said *said = section->body.first; said != NULL; said = said->next)
		take_source(nsd, scope, said);
	for (const struct sw_said *said = section->body.first; said != NULL; said = said->next) {
		const char *key = sw_said_text(said, 0);
		const struct attribute *attribute = attributes;
		unsigned i = 0;
		while (attribute->name != NULL && !is(attribute->name, key))
			attribute++;
		while (needless[i] != NULL && !is(needless[i], key))
			i++;
		if (is(key, "zonefile"))
			scope->zonefile = sw_said_text(said, 1);
		else if (is(key, "include-pattern"))
			include_pattern(nsd, scope, said);
		else if (attribute->name != NULL)
			attribute->take(nsd, scope, said, attribute->key);
		else if (needless[i] == NULL)
			sw_plan_lost(nsd->plan, scope->zone, said, NULL);
	}
}

/** The part of a name that a pattern for files stands for: %s all of it, %1 to %3 its first characters, %z
 * the last label, %y and %x those before it, "." where there is none (nsd.conf(5)). */
static const char *expand(struct sw_plan *plan, const char *zonefile, const char *name)
{
	const char *text = "", *end = name + strlen(name);
	for (const char *c = zonefile; *c != '\0'; c++) {
		if (*c != '%' || c[1] == '\0') {
			text = sw_plan_text(plan, "%s%c", text, *c);
			continue;
		}
		c++;
		if (*c == 's')
			text = sw_plan_text(plan, "%s%s", text, name);
		else if (*c >= '1' && *c <= '3')
			text = sw_plan_text(plan, "%s%c", text,
				strlen(name) >= (size_t)(*c - '0') ? name[*c - '1'] : '.');
		else if (*c >= 'x' && *c <= 'z') {
			const char *last = end, *first = end;
			for (int i = 'z'; i >= *c && first != NULL; i--) {
				last = first == end ? end : first - 1;
				if (last <= name)
					first = NULL;
				else
					for (first = last; first > name && first[-1] != '.'; first--) {
					}
			}
			text = sw_plan_text(
				plan, "%s%.*s", text, first ? (int)(last - first) : 1, first ? first : ".");
		} else {
			text = sw_plan_text(plan, "%s%%%c", text, *c);
		}
	}
	return text;
}

/** NSD lets nobody whom an entry blocks, wherever it stands (nsd.conf(5)). */
static void settle_blocked(struct scope *scope)
{
	for (unsigned i = 0; i < SW_PLAN_KEY_COUNT; i++) {
		if (scope->is_blocked[i])
			sw_plan_clear(scope->zone, i);
	}
}

static void take_zone(struct sw_nsd *nsd, const struct sw_nsd_section *section)
{
	struct sw_plan *plan = nsd->plan;
	struct scope scope = {.zone = NULL};
	const char *name = sw_nsd_value(section, "name");
	if (name == NULL) {
		sw_plan_lost(plan, NULL, section->said, "it has no name");
		return;
	}
	scope.zone = sw_plan_add_zone(plan, section->said, name, NULL);
	if (scope.zone == NULL)
		return;
	take_body(nsd, &scope, section);
	for (const struct sw_plan_zone *template = plan->templates; template; template = template->next) {
		if (scope.pattern != NULL && is(template->name, scope.pattern))
			scope.zone->template = template;
	}
	settle_blocked(&scope);
	if (scope.zonefile != NULL && !scope.is_secondary)
		sw_plan_set(plan, scope.zone, SW_PLAN_FILE,
			sw_plan_quote(plan, sw_plan_path(plan, nsd->zonesdir,
						    expand(plan, scope.zonefile, scope.zone->name))));
	if (scope.zone->value[SW_PLAN_FILE].count + scope.zone->value[SW_PLAN_PRIMARIES].count == 0) {
		sw_plan_lost(plan, scope.zone, sw_nsd_said(section, "name"),
			scope.is_secondary ? "it has no usable primaries"
					   : "it has neither a file nor primaries");
		sw_plan_drop_zone(plan, scope.zone);
	}
}

/** A pattern becomes a template, with the patterns that it includes; the files are expanded in the zones. */
static void take_pattern(struct sw_nsd *nsd, const struct sw_nsd_section *section)
{
	const char *name = sw_nsd_value(section, "name");
	struct scope scope = {.zone = NULL};
	if (name == NULL) {
		sw_plan_lost(nsd->plan, NULL, section->said, "it has no name");
		return;
	}
	scope.zone = sw_plan_zone_new(nsd->plan, &nsd->plan->templates, name, NULL);
	take_body(nsd, &scope, section);
	settle_blocked(&scope);
	if (is(name, "default")) {
		/* the template of that name would be for all zones */
		nsd->plan->templates = scope.zone->next;
		sw_plan_remark(nsd->plan, NULL, section->said, "what this pattern says stands in its zones");
	}
}

/* ---- the server ---- */

static void take_listen(struct sw_nsd *nsd, const struct sw_said *said)
{
	struct sw_plan *plan = nsd->plan;
	struct sw_texts one = {0};
	unsigned long port = nsd->port;
	const char *address = split_port(plan, sw_said_text(said, 1), &port);
	if (!sw_plan_addresses(plan, address, &one) || one.count != 1 || strchr(one.text[0], '/') != NULL)
		sw_plan_lost(plan, NULL, said, "not an address");
	else if (port == 0 || port > 65535)
		sw_plan_lost(plan, NULL, said, "not a port");
	else
		sw_plan_listen(plan, sw_nsd_is_tls_port(nsd, port) ? &plan->tls_listen : &plan->listen,
			one.text[0], port);
	if (sw_said_count(said) > 2)
		sw_plan_lost(plan, NULL, said, "what stands behind the address");
}

static void take_nsid(struct sw_plan *plan, const struct sw_said *said)
{
	const char *value = sw_said_text(said, 1);
	value = strncmp(value, "ascii_", 6) == 0 ? value + 6 : sw_plan_text(plan, "0x%s", value);
	sw_plan_add_identity(plan, said, "nsid", value);
}

static void take_server_line(struct sw_nsd *nsd, const struct sw_said *said)
{
	static const char *const needless[] = {"zonesdir", "port", "database", "zonelistfile", "pidfile",
		"logfile", "username", "xfrdfile", "xfrdir", "server-count", "verbosity",
		"xfrd-reload-timeout", "reuseport", "hide-identity", "hide-version", "do-ip4", "do-ip6",
		"log-time-ascii", "debug-mode", "refuse-any", "minimal-responses", "confine-to-zone",
		"round-robin", "log-only-syslog", "cpu-affinity", "tcp-reject-overflow", "tls-service-key",
		"tls-service-pem", "tls-service-ocsp", "tls-port", "tls-auth-port", "tls-cert-bundle", NULL};
	struct sw_plan *plan = nsd->plan;
	const char *key = sw_said_text(said, 0), *value = sw_said_text(said, 1);
	unsigned long number = strtoul(value, NULL, 10);
	unsigned i = 0;
	while (needless[i] != NULL && !is(needless[i], key))
		i++;
	if (is(key, "ip-address") || is(key, "interface"))
		take_listen(nsd, said);
	else if (is(key, "identity") || is(key, "version"))
		sw_plan_add_identity(plan, said, key, value);
	else if (is(key, "nsid"))
		take_nsid(plan, said);
	else if (is(key, "cookie-secret") && sw_plan_add_cookie_secret(plan, value))
		return;
	else if (is(key, "answer-cookie"))
		sw_texts_add(plan, &plan->server, is(value, "yes") ? "cookies: on" : "cookies: off");
	else if (is(key, "ipv6-edns-size") && number >= 512 && number <= 1452)
		sw_texts_add(plan, &plan->server, sw_plan_text(plan, "udp-max-payload: %lu", number));
	else if (is(key, "tcp-count") && number > 0)
		sw_texts_add(plan, &plan->tcp, sw_plan_text(plan, "max-connections: %lu", number));
	else if (is(key, "tcp-timeout") && number > 0)
		sw_texts_add(plan, &plan->tcp, sw_plan_text(plan, "idle-timeout: %lus", number));
	else if (needless[i] == NULL)
		sw_plan_lost(plan, NULL, said, NULL);
}

static void take_server(struct sw_nsd *nsd)
{
	for (const struct sw_nsd_section *section = nsd->first; section != NULL; section = section->next) {
		if (!is(section->kind, "server"))
			continue;
		if (sw_nsd_value(section, "zonesdir") != NULL)
			nsd->zonesdir = sw_nsd_value(section, "zonesdir");
		if (sw_nsd_value(section, "port") != NULL)
			nsd->port = strtoul(sw_nsd_value(section, "port"), NULL, 10);
	}
	sw_nsd_take_tls(nsd);
	for (const struct sw_nsd_section *section = nsd->first; section != NULL; section = section->next) {
		for (const struct sw_said *said = section->body.first; said != NULL; said = said->next) {
			if (is(section->kind, "server"))
				take_server_line(nsd, said);
		}
	}
	sw_nsd_settle_tls(nsd);
	if (nsd->plan->listen.count == 0 && nsd->port != 53) {
		sw_plan_listen(nsd->plan, &nsd->plan->listen, "0.0.0.0", nsd->port);
		sw_plan_listen(nsd->plan, &nsd->plan->listen, "::", nsd->port);
	}
}

static void take_keys(struct sw_nsd *nsd)
{
	for (const struct sw_nsd_section *section = nsd->first; section != NULL; section = section->next) {
		const char *name = sw_nsd_value(section, "name"),
			   *algorithm = sw_nsd_value(section, "algorithm"),
			   *secret = sw_nsd_value(section, "secret");
		if (!is(section->kind, "key"))
			continue;
		if (name == NULL || secret == NULL)
			sw_plan_lost(nsd->plan, NULL, section->said, "its name or its secret is missing");
		else
			sw_plan_add_key(nsd->plan, section->said, name, algorithm ? algorithm : "hmac-sha256",
				secret);
	}
}

int sw_convert_nsd(struct sw_plan *plan)
{
	static const char *const done[] = {"server", "zone", "pattern", "key", "tls-auth", NULL};
	struct sw_nsd nsd = {.plan = plan, .zonesdir = ZONESDIR, .port = 53, .tls_port = TLS_PORT};
	if (sw_nsd_parse(&nsd) != 0)
		return -1;
	take_keys(&nsd);
	take_server(&nsd);
	for (const struct sw_nsd_section *section = nsd.first; section != NULL; section = section->next) {
		unsigned i = 0;
		while (done[i] != NULL && !is(done[i], section->kind))
			i++;
		if (is(section->kind, "pattern"))
			take_pattern(&nsd, section);
		else if (is(section->kind, "remote-control"))
			sw_plan_remark(plan, NULL, section->said, SW_PLAN_OWN_CONTROL);
		else if (done[i] == NULL)
			sw_plan_lost(plan, NULL, section->said, NULL);
	}
	for (const struct sw_nsd_section *section = nsd.first; section != NULL; section = section->next) {
		if (is(section->kind, "zone"))
			take_zone(&nsd, section);
	}
	return 0;
}
