/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include "cli/convert.h"
#include <errno.h>
#include <libknot/descriptor.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NOTE_MAX 240 /* bytes of a statement that are shown */

struct sw_plan_block {
	struct sw_plan_block *next;
	max_align_t bytes[];
};

/* ---- memory ---- */

void *sw_plan_alloc(struct sw_plan *plan, size_t size)
{
	struct sw_plan_block *block = calloc(1, sizeof(*block) + size);
	if (block == NULL) {
		fputs("seawall convert: error: out of memory\n", stderr);
		exit(SW_EXIT_FAILED);
	}
	block->next = plan->blocks;
	plan->blocks = block;
	return block->bytes;
}

static void leave(void *node)
{
	(void)node; /* the plan's memory */
}

void sw_plan_end(struct sw_plan *plan)
{
	tdestroy(plan->zone_names, leave);
	while (plan->blocks != NULL) {
		struct sw_plan_block *next = plan->blocks->next;
		free(plan->blocks);
		plan->blocks = next;
	}
}

const char *sw_plan_copy(struct sw_plan *plan, const char *bytes, size_t len)
{
	char *copy = sw_plan_alloc(plan, len + 1);
	memcpy(copy, bytes, len);
	return copy;
}

const char *sw_plan_text(struct sw_plan *plan, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *text = sw_plan_alloc(plan, (size_t)len + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}

void sw_texts_add(struct sw_plan *plan, struct sw_texts *texts, const char *text)
{
	/* copies of a list share their items: one that is full, or shared, is moved when it grows */
	if (texts->count == texts->size) {
		size_t size = texts->count ? 2 * texts->count : 4;
		const char **grown = sw_plan_alloc(plan, size * sizeof(*grown));
		for (size_t i = 0; i < texts->count; i++)
			grown[i] = texts->text[i];
		texts->text = grown;
		texts->size = size;
	}
	texts->text[texts->count++] = text;
}

/* ---- what goes wrong, and what is lost ---- */

int sw_plan_fail(struct sw_plan *plan, const char *file, unsigned line, const char *format, ...)
{
	char text[300];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (plan->error[0] == '\0' && line > 0)
		snprintf(plan->error, sizeof(plan->error), "%.150s:%u: %s", file, line, text);
	else if (plan->error[0] == '\0')
		snprintf(plan->error, sizeof(plan->error), "%.150s: %s", file, text);
	return -EINVAL;
}

struct shown {
	char text[NOTE_MAX + 8];
	size_t len;
};

static void show(struct shown *shown, const char *text)
{
	while (*text != '\0' && shown->len < NOTE_MAX)
		shown->text[shown->len++] = *text++;
}

/** Statements as text. What stands behind a word with "secret" in it is not shown. */
static void show_said(struct shown *shown, const struct sw_said *said)
{
	bool is_secret = false;
	for (const struct sw_word *word = said->words; word != NULL; word = word->next) {
		show(shown, word == said->words ? "" : " ");
		if (word->text != NULL) {
			const char *quote = word->is_quoted ? "\"" : "";
			show(shown, quote);
			show(shown, is_secret ? "..." : word->text);
			show(shown, quote);
			is_secret = is_secret || strcasestr(word->text, "secret") != NULL;
			continue;
		}
		show(shown, "{ ");
		for (const struct sw_said *inner = word->block; inner != NULL; inner = inner->next) {
			show_said(shown, inner);
			show(shown, "; ");
		}
		show(shown, "}");
	}
}

/** @return the text as it stands there */
static const char *note(struct sw_plan *plan, struct sw_plan_zone *zone, const char *text)
{
	struct sw_plan_notes *notes = zone ? &zone->notes : &plan->notes;
	struct sw_plan_note *fresh = sw_plan_alloc(plan, sizeof(*fresh));
	char *plain = (char *)sw_plan_copy(plan, text, strlen(text));
	for (char *c = plain; *c != '\0'; c++) { /* one line of a comment in YAML */
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	fresh->text = plain;
	*(notes->last ? &notes->last->next : &notes->first) = fresh;
	notes->last = fresh;
	return plain;
}

void sw_plan_lost(
	struct sw_plan *plan, struct sw_plan_zone *zone, const struct sw_said *said, const char *why)
{
	struct shown shown = {.len = 0};
	if (plan->is_quiet)
		return;
	show_said(&shown, said);
	strcpy(shown.text + shown.len, shown.len == NOTE_MAX ? " ..." : "");
	const char *text = sw_plan_text(plan, "not converted: %s:%u: %s%s%s%s", said->file, said->line,
		shown.text, why ? " (" : "", why ? why : "", why ? ")" : "");
	fprintf(stderr, "seawall convert: %s\n", note(plan, zone, text));
	plan->lost++;
}

void sw_plan_remark(
	struct sw_plan *plan, struct sw_plan_zone *zone, const struct sw_said *said, const char *text)
{
	note(plan, zone, said ? sw_plan_text(plan, "%s:%u: %s", said->file, said->line, text) : text);
}

/* ---- zones ---- */

struct sw_plan_zone *sw_plan_zone_new(
	struct sw_plan *plan, struct sw_plan_zone **list, const char *name, const struct sw_plan_zone *like)
{
	struct sw_plan_zone *zone = sw_plan_alloc(plan, sizeof(*zone));
	if (like != NULL) {
		*zone = *like;
		for (unsigned i = 0; i < SW_PLAN_KEY_COUNT; i++)
			zone->value[i].size = zone->value[i].count; /* shared: moved when it grows */
		zone->notes = (struct sw_plan_notes){0};
		zone->template = NULL;
	}
	zone->name = name;
	zone->next = NULL;
	if (list != NULL) {
		zone->next = *list; /* turned round by the writer */
		*list = zone;
	}
	return zone;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

struct sw_plan_zone *sw_plan_add_zone(
	struct sw_plan *plan, const struct sw_said *said, const char *name, const struct sw_plan_zone *like)
{
	const char *apex = sw_plan_name(plan, name);
	if (apex == NULL) {
		sw_plan_lost(plan, NULL, said, "not a domain name");
		return NULL;
	}
	const char **found = tsearch(apex, &plan->zone_names, compare_names);
	if (found == NULL)
		exit(SW_EXIT_FAILED);
	if (*found != apex) {
		sw_plan_lost(plan, NULL, said, "a zone of this name is there already");
		return NULL;
	}
	plan->zone_count++;
	return sw_plan_zone_new(plan, &plan->zones, apex, like);
}

void sw_plan_drop_zone(struct sw_plan *plan, struct sw_plan_zone *zone)
{
	plan->zones = zone->next;
	plan->zone_count--;
	for (const struct sw_plan_note *lost = zone->notes.first; lost != NULL; lost = lost->next)
		note(plan, NULL, lost->text);
}

void sw_plan_clear(struct sw_plan_zone *zone, enum sw_plan_key_id key)
{
	zone->value[key] = (struct sw_texts){0};
	zone->is_told[key] = true;
}

void sw_plan_forget(struct sw_plan_zone *zone, enum sw_plan_key_id key)
{
	zone->value[key] = (struct sw_texts){0};
	zone->is_told[key] = false;
}

void sw_plan_add(struct sw_plan *plan, struct sw_plan_zone *zone, enum sw_plan_key_id key, const char *item)
{
	struct sw_texts *value = &zone->value[key];
	zone->is_told[key] = true;
	for (size_t i = 0; i < value->count; i++) {
		if (strcmp(value->text[i], item) == 0)
			return;
	}
	sw_texts_add(plan, value, item);
}

void sw_plan_set(struct sw_plan *plan, struct sw_plan_zone *zone, enum sw_plan_key_id key, const char *item)
{
	sw_plan_clear(zone, key);
	sw_plan_add(plan, zone, key, item);
}

/* ---- keys and remotes ---- */

const char *sw_plan_name(struct sw_plan *plan, const char *text)
{
	char name[SW_NAME_TEXT_MAX];
	uint8_t wire[SW_NAME_MAX];
	if (sw_name_parse(text, wire) < 0)
		return NULL;
	sw_name_lower(wire);
	sw_name_text(wire, name);
	size_t len = strlen(name);
	return sw_plan_copy(plan, name, len > 1 ? len - 1 : len);
}

bool sw_plan_is_type(const char *text)
{
	uint16_t type;
	return knot_rrtype_from_string(text, &type) == 0 && !knot_rrtype_is_metatype(type);
}

bool sw_plan_is_in(const char *name, const char *zone)
{
	uint8_t name_wire[SW_NAME_MAX], zone_wire[SW_NAME_MAX];
	return sw_name_parse(name, name_wire) > 0 && sw_name_parse(zone, zone_wire) > 0 &&
	       sw_name_in(name_wire, zone_wire);
}

void sw_plan_add_key(struct sw_plan *plan, const struct sw_said *said, const char *name,
	const char *algorithm, const char *secret)
{
	char why[SW_WHY_TEXT_MAX];
	const char *known = sw_plan_name(plan, name);
	struct sw_tsig_key parsed;
	unsigned i = 0;
	if (strcasecmp(algorithm, "hmac-md5.sig-alg.reg.int") == 0 ||
		strcasecmp(algorithm, "hmac-md5.sig-alg.reg.int.") == 0)
		algorithm = "hmac-md5";
	while (i < SW_TSIG_ALGORITHM_COUNT && strncasecmp(algorithm, sw_tsig_algorithm_label(i),
						      strlen(sw_tsig_algorithm_label(i)) + 1) != 0)
		i++;
	const char *reason = known == NULL		    ? "its name is not a domain name"
			     : i == SW_TSIG_ALGORITHM_COUNT ? "its algorithm is not known here"
							    : NULL;
	if (reason == NULL && sw_tsig_key_parse(&parsed, known, sw_tsig_algorithm_label(i), secret, why) != 0)
		reason = "its secret is not Base64 of the right length";
	explicit_bzero(&parsed, sizeof(parsed));
	for (const struct sw_plan_key *key = plan->keys; reason == NULL && key != NULL; key = key->next) {
		if (strcmp(key->name, known) == 0)
			reason = "a key of this name is there already";
	}
	if (reason != NULL) {
		sw_plan_lost(plan, NULL, said, reason);
		return;
	}
	struct sw_plan_key *key = sw_plan_alloc(plan, sizeof(*key));
	*key = (struct sw_plan_key){
		.name = known, .algorithm = i, .secret = secret, .said = said, .next = plan->keys};
	plan->keys = key;
}

const char *sw_plan_use_key(struct sw_plan *plan, const char *name)
{
	const char *known = sw_plan_name(plan, name);
	for (struct sw_plan_key *key = plan->keys; known != NULL && key != NULL; key = key->next) {
		if (strcmp(key->name, known) != 0)
			continue;
		key->is_used = true;
		return key->name;
	}
	return NULL;
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_same_remote(const struct sw_plan_remote *a, const struct sw_plan_remote *b)
{
	if (a->addresses.count != b->addresses.count || a->is_tls != b->is_tls || !is_same(a->key, b->key) ||
		!is_same(a->source, b->source) || !is_same(a->tls_hostname, b->tls_hostname) ||
		!is_same(a->tls_pin, b->tls_pin))
		return false;
	for (size_t i = 0; i < a->addresses.count; i++) {
		if (!is_same(a->addresses.text[i], b->addresses.text[i]))
			return false;
	}
	return true;
}

const struct sw_plan_remote *sw_plan_find_remote(const struct sw_plan *plan, const char *name)
{
	const struct sw_plan_remote *remote = plan->remotes;
	while (remote != NULL && strcmp(remote->name, name) != 0)
		remote = remote->next;
	return remote;
}

const char *sw_plan_use_remote(struct sw_plan *plan, const struct sw_plan_remote *wanted)
{
	const char *name = wanted->name;
	for (const struct sw_plan_remote *remote = plan->remotes; remote != NULL; remote = remote->next) {
		if (is_same_remote(remote, wanted))
			return remote->name;
	}
	for (unsigned i = 2; sw_plan_find_remote(plan, name) != NULL; i++)
		name = sw_plan_text(plan, "%s-%u", wanted->name, i);
	struct sw_plan_remote *remote = sw_plan_alloc(plan, sizeof(*remote));
	*remote = *wanted;
	remote->name = name;
	remote->next = plan->remotes;
	plan->remotes = remote;
	return name;
}

const char *sw_plan_endpoint(
	struct sw_plan *plan, const char *address, unsigned long port, unsigned long port_default)
{
	return port == port_default ? address : sw_plan_text(plan, "%s@%lu", address, port);
}

void sw_plan_add_identity(struct sw_plan *plan, const struct sw_said *said, const char *key, const char *text)
{
	char why[SW_WHY_TEXT_MAX];
	struct sw_settings *settings = sw_settings_new();
	int err = -ENOMEM;
	if (settings != NULL && strcmp(key, "nsid") == 0)
		err = sw_settings_set_nsid(settings, text, why);
	else if (settings != NULL)
		err = sw_settings_set_chaos(
			settings, strcmp(key, "version") == 0 ? SW_CHAOS_VERSION : SW_CHAOS_ID, text, why);
	sw_settings_free(settings);
	if (err != 0 || text[0] == '\0')
		sw_plan_lost(plan, NULL, said, "no value of ours");
	else
		sw_texts_add(
			plan, &plan->server, sw_plan_text(plan, "%s: %s", key, sw_plan_quote(plan, text)));
}

bool sw_plan_add_cookie_secret(struct sw_plan *plan, const char *text)
{
	if (strlen(text) != 32 || text[strspn(text, "0123456789abcdefABCDEF")] != '\0' ||
		plan->cookie_secrets.count == 2)
		return false;
	sw_texts_add(plan, &plan->cookie_secrets, text);
	return true;
}

void sw_plan_listen(struct sw_plan *plan, struct sw_texts *list, const char *address, unsigned long port)
{
	const char *text = sw_plan_text(plan, "%s@%lu", address, port);
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->text[i], text) == 0)
			return;
	}
	sw_texts_add(plan, list, text);
}
