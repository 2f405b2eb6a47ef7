/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plan as YAML. */
#include "cli/convert.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_ITEMS 96 /* bytes of a list that go on the line of its key */
#define STATE "/var/lib/seawall"

static const char *const labels[] = {
#define X(name, label) label,
	SW_PLAN_KEYS(X)
#undef X
};

/* ---- values ---- */

/** One character of UTF-8. @return its bytes, 0 for what is none */
static unsigned decode(const unsigned char *text, unsigned *point)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned len = text[0] < 0x80 ? 1 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
	*point = len == 1 ? text[0] : text[0] & (0x7fu >> len);
	for (unsigned i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*point = *point << 6 | (text[i] & 0x3f);
	}
	bool is_surrogate = *point >= 0xd800 && *point < 0xe000;
	return *point < least[len] || *point > 0x10ffff || is_surrogate || (len == 2 && text[0] < 0xc0) ? 0
													: len;
}

const char *sw_plan_quote(struct sw_plan *plan, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/@+=-";
	if (text[0] != '\0' && strchr("-@=", text[0]) == NULL && text[strspn(text, plain)] == '\0')
		return text;
	char *quoted = sw_plan_alloc(plan, 10 * strlen(text) + 3), *to = quoted;
	*to++ = '"';
	for (const unsigned char *c = (const unsigned char *)text; *c != '\0';) {
		unsigned point, len = decode(c, &point);
		if (len == 0) {
			sw_plan_fail(
				plan, plan->path, 0, "a value in it, or in what it includes, is not UTF-8");
			return "\"\"";
		}
		if (point == '"' || point == '\\')
			to += sprintf(to, "\\%c", point);
		else if (point >= ' ' && point <= '~')
			*to++ = (char)point;
		else
			to += sprintf(to, "\\U%08X", point);
		c += len;
	}
	*to++ = '"';
	return quoted;
}

/** "a" or "[a, b]". @param is_quoted  they are YAML already */
static const char *flow(struct sw_plan *plan, const struct sw_texts *items, bool is_yaml)
{
	const char *list = "";
	if (items->count == 1)
		return is_yaml ? items->text[0] : sw_plan_quote(plan, items->text[0]);
	for (size_t i = 0; i < items->count; i++)
		list = sw_plan_text(plan, "%s%s%s", list, i ? ", " : "",
			is_yaml ? items->text[i] : sw_plan_quote(plan, items->text[i]));
	return sw_plan_text(plan, "[%s]", list);
}

static const char *rule(struct sw_plan *plan, const struct sw_texts *addresses, const char *key,
	const char *name, const struct sw_texts *types, bool is_tls)
{
	struct sw_texts parts = {0};
	bool is_plain = name == NULL && (types == NULL || types->count == 0) && !is_tls;
	if (is_plain && key == NULL && addresses->count == 1)
		return sw_plan_quote(plan, addresses->text[0]);
	if (is_plain && key != NULL && addresses->count == 0)
		return sw_plan_quote(plan, sw_plan_text(plan, "key %s", key));
	if (addresses->count > 0)
		sw_texts_add(plan, &parts, sw_plan_text(plan, "address: %s", flow(plan, addresses, false)));
	if (key != NULL)
		sw_texts_add(plan, &parts, sw_plan_text(plan, "key: %s", sw_plan_quote(plan, key)));
	if (name != NULL)
		sw_texts_add(plan, &parts, sw_plan_text(plan, "name: %s", sw_plan_quote(plan, name)));
	if (types != NULL && types->count > 0)
		sw_texts_add(plan, &parts, sw_plan_text(plan, "types: %s", flow(plan, types, false)));
	if (is_tls)
		sw_texts_add(plan, &parts, "tls: on");
	const char *list = "";
	for (size_t i = 0; i < parts.count; i++)
		list = sw_plan_text(plan, "%s%s%s", list, i ? ", " : "", parts.text[i]);
	return sw_plan_text(plan, "{%s}", list);
}

const char *sw_plan_rule(struct sw_plan *plan, const struct sw_texts *addresses, const char *key,
	const char *name, const struct sw_texts *types)
{
	return rule(plan, addresses, key, name, types, false);
}

const char *sw_plan_tls_rule(struct sw_plan *plan, const struct sw_texts *addresses, const char *key)
{
	struct sw_texts any = {0};
	if (addresses->count == 0 && key == NULL)
		sw_texts_add(plan, &any, "any");
	return rule(plan, any.count ? &any : addresses, key, NULL, NULL, true);
}

/* ---- the file ---- */

static void write_notes(const struct sw_plan_notes *notes, const char *indent, FILE *to)
{
	for (const struct sw_plan_note *note = notes->first; note != NULL; note = note->next)
		fprintf(to, "%s# %s\n", indent, note->text);
}

static bool is_same(const struct sw_texts *a, const struct sw_texts *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		if (strcmp(a->text[i], b->text[i]) != 0)
			return false;
	}
	return a->count == b->count;
}

/** Whether this key must be written: what the template says the same, or as little, is left to it. Only lists
 * and the switch can be taken back; the readers note where a number should be. */
static bool is_written(const struct sw_plan_zone *zone, unsigned key)
{
	const struct sw_plan_zone *template = zone->template;
	bool is_empty = zone->value[key].count == 0;
	if (template == NULL)
		return !is_empty;
	return key == SW_PLAN_FILE || (is_empty && key > SW_PLAN_FORWARD_UPDATES)
		       ? !is_empty
		       : !is_same(&zone->value[key], &template->value[key]);
}

static void write_value(struct sw_plan *plan, const char *label, const struct sw_texts *items, FILE *to)
{
	const char *line = flow(plan, items, true);
	if (items->count < 2 || strlen(line) <= LINE_MAX_ITEMS) {
		fprintf(to, "    %s: %s\n", label, line);
		return;
	}
	fprintf(to, "    %s:\n", label);
	for (size_t i = 0; i < items->count; i++)
		fprintf(to, "      - %s\n", items->text[i]);
}

static void write_zone(struct sw_plan *plan, const char *label, const struct sw_plan_zone *zone, FILE *to)
{
	write_notes(&zone->notes, "  ", to);
	fprintf(to, "  - %s: %s\n", label, sw_plan_quote(plan, zone->name));
	if (zone->template != NULL && strcmp(zone->template->name, "default") != 0)
		fprintf(to, "    template: %s\n", sw_plan_quote(plan, zone->template->name));
	for (unsigned i = 0; i < SW_PLAN_KEY_COUNT; i++) {
		/* a switch has no empty value */
		if (is_written(zone, i) && i == SW_PLAN_FORWARD_UPDATES && zone->value[i].count == 0)
			fprintf(to, "    %s: off\n", labels[i]);
		else if (is_written(zone, i))
			write_value(plan, labels[i], &zone->value[i], to);
	}
}

static struct sw_plan_zone *turn_round(struct sw_plan_zone *zone)
{
	struct sw_plan_zone *turned = NULL;
	while (zone != NULL) {
		struct sw_plan_zone *next = zone->next;
		zone->next = turned;
		turned = zone;
		zone = next;
	}
	return turned;
}

static void write_zones(
	struct sw_plan *plan, const char *section, const char *label, struct sw_plan_zone **zones, FILE *to)
{
	*zones = turn_round(*zones);
	if (*zones != NULL)
		fprintf(to, "\n%s:\n", section);
	for (const struct sw_plan_zone *zone = *zones; zone != NULL; zone = zone->next)
		write_zone(plan, label, zone, to);
}

static bool is_live(const struct sw_plan_zone *zone)
{
	for (; zone != NULL; zone = zone->next) {
		if (zone->value[SW_PLAN_PRIMARIES].count + zone->value[SW_PLAN_NOTIFY].count +
				zone->value[SW_PLAN_ALLOW_TRANSFER].count +
				zone->value[SW_PLAN_ALLOW_UPDATE].count + zone->value[SW_PLAN_CATALOG].count >
			0)
			return true;
	}
	return false;
}

static void write_server(struct sw_plan *plan, FILE *to)
{
	if (is_live(plan->zones) || is_live(plan->templates))
		sw_texts_add(plan, &plan->server, "state: " STATE);
	if (plan->server.count + plan->listen.count + plan->cookie_secrets.count > 0)
		fputs("\nserver:\n", to);
	if (plan->listen.count > 0)
		fputs("  listen:\n", to);
	for (size_t i = 0; i < plan->listen.count; i++)
		fprintf(to, "    - %s\n", sw_plan_quote(plan, plan->listen.text[i]));
	for (size_t i = 0; i < plan->server.count; i++)
		fprintf(to, "  %s\n", plan->server.text[i]);
	if (plan->cookie_secrets.count > 0)
		fprintf(to, "  cookie-secret: %s\n", flow(plan, &plan->cookie_secrets, false));
	if (plan->tcp.count > 0)
		fputs("\ntcp:\n", to);
	for (size_t i = 0; i < plan->tcp.count; i++)
		fprintf(to, "  %s\n", plan->tcp.text[i]);
}

static void write_tls(struct sw_plan *plan, FILE *to)
{
	const struct {
		const char *label, *file;
	} files[] = {
		{"certificate", plan->tls_certificate}, {"key", plan->tls_key}, {"trust", plan->tls_trust}};
	if (plan->tls_listen.count == 0 && plan->tls_trust == NULL)
		return;
	fputs("\ntls:\n", to);
	if (plan->tls_listen.count > 0)
		fputs("  listen:\n", to);
	for (size_t i = 0; i < plan->tls_listen.count; i++)
		fprintf(to, "    - %s\n", sw_plan_quote(plan, plan->tls_listen.text[i]));
	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].file != NULL)
			fprintf(to, "  %s: %s\n", files[i].label, sw_plan_quote(plan, files[i].file));
	}
}

/** Last first, as they are listed: each before it is written by the call within. */
static void write_key(struct sw_plan *plan, const struct sw_plan_key *key, FILE *to)
{
	if (key == NULL)
		return;
	write_key(plan, key->next, to);
	if (!key->is_used)
		return;
	fprintf(to, "  - name: %s\n    algorithm: %s\n    secret: %s\n", sw_plan_quote(plan, key->name),
		sw_tsig_algorithm_label(key->algorithm), sw_plan_quote(plan, key->secret));
	if (sw_tsig_algorithm_is_weak(key->algorithm))
		fputs("    weak: on\n", to);
}

static void write_keys(struct sw_plan *plan, FILE *to)
{
	bool is_any_used = false;
	for (const struct sw_plan_key *key = plan->keys; key != NULL; key = key->next)
		is_any_used |= key->is_used;
	if (is_any_used)
		fputs("\nkeys:\n", to);
	write_key(plan, plan->keys, to);
}

/** A value that the reader looks at; a wrong one is lost. @param value  NULL: none */
static void write_checked(struct sw_plan *plan, const char *label, const char *value, bool is_good, FILE *to)
{
	if (value == NULL)
		return;
	const char *quoted = sw_plan_quote(plan, value);
	if (is_good) {
		fprintf(to, "    %s: %s\n", label, quoted);
		return;
	}
	fprintf(to, "    # not converted: %s: %s\n", label, quoted);
	fprintf(stderr, "seawall convert: not converted: %s: %s\n", label, quoted);
	plan->lost++;
}

static bool is_sha256(const char *text)
{
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	return strlen(text) == 44 && strspn(text, base64) == 43 && text[43] == '=';
}

static void write_remote(struct sw_plan *plan, const struct sw_plan_remote *remote, FILE *to)
{
	struct sw_texts source = {0};
	if (remote == NULL)
		return;
	write_remote(plan, remote->next, to);
	fprintf(to, "  - name: %s\n    address: %s\n", sw_plan_quote(plan, remote->name),
		flow(plan, &remote->addresses, false));
	bool is_source =
		remote->source != NULL && strpbrk(remote->source, "/-&") == NULL &&
		sw_plan_addresses(plan, remote->source, &source) &&
		(strchr(remote->source, ':') != NULL) == (strchr(remote->addresses.text[0], ':') != NULL);
	write_checked(plan, "source", remote->source, is_source, to);
	if (remote->key != NULL)
		fprintf(to, "    key: %s\n", sw_plan_quote(plan, remote->key));
	if (remote->is_tls)
		fputs("    tls: on\n", to);
	write_checked(plan, "tls-hostname", remote->tls_hostname,
		remote->tls_hostname != NULL && sw_plan_name(plan, remote->tls_hostname) != NULL, to);
	write_checked(
		plan, "tls-pin", remote->tls_pin, remote->tls_pin != NULL && is_sha256(remote->tls_pin), to);
}

void sw_plan_write(struct sw_plan *plan, FILE *to)
{
	for (const struct sw_plan_key *key = plan->keys; key != NULL; key = key->next) {
		if (!key->is_used)
			sw_plan_remark(plan, NULL, key->said,
				sw_plan_text(plan, "key %s is used by no zone", key->name));
	}
	fprintf(to, "# From %s, the configuration of %s, by seawall convert.\n",
		sw_plan_quote(plan, plan->path), plan->from);
	write_notes(&plan->notes, "", to);
	write_server(plan, to);
	write_tls(plan, to);
	write_keys(plan, to);
	if (plan->remotes != NULL)
		fputs("\nremotes:\n", to);
	write_remote(plan, plan->remotes, to);
	write_zones(plan, "templates", "name", &plan->templates, to);
	write_zones(plan, "zones", "domain", &plan->zones, to);
}
