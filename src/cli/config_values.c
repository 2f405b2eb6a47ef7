/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/config_inside.h"
#include "serve/log.h"
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX (366 * 86400)
#define NEAR_MAX 4 /* letters; what is that far away is no misspelling */

static void text_at(char *text, const struct sw_config *config, const struct sw_yaml *at, const char *what)
{
	snprintf(text, SW_WHY_TEXT_MAX, "%.130s:%u:%u: %.350s", config->path, at->line, at->column, what);
}

int sw_config_refuse(struct sw_config *config, const struct sw_yaml *at, const char *format, ...)
{
	char text[SW_WHY_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_at(config->why, config, at, text);
	return -EINVAL;
}

int sw_config_at(struct sw_config *config, const struct sw_yaml *node, int err, const char *text)
{
	return err == -EINVAL ? sw_config_refuse(config, node, "%s", text) : err;
}

void sw_config_warn(struct sw_config *config, const struct sw_yaml *at, const char *format, ...)
{
	char text[SW_WHY_TEXT_MAX], whole[SW_WHY_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_at(whole, config, at, text);
	sw_log(SW_LOG_WARNING, "%s", whole);
}

/** Letters to insert, remove or change to make b of a. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[64];
	size_t b_len = strlen(b);
	if (b_len >= 63 || strlen(a) > 255)
		return UINT_MAX;
	for (unsigned j = 0; j <= b_len; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			unsigned change = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			unsigned shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			row[j] = change < shift ? change : shift;
		}
	}
	return row[b_len];
}

struct sw_nearest sw_nearest_to(const char *word)
{
	return (struct sw_nearest){.word = word, .distance = NEAR_MAX};
}

void sw_nearest_offer(struct sw_nearest *nearest, const char *known)
{
	unsigned far = distance(nearest->word, known);
	if (far >= nearest->distance)
		return;
	nearest->distance = far;
	snprintf(nearest->text, sizeof(nearest->text), "; did you mean '%s'?", known);
}

/* ---- kinds of values ---- */

int sw_config_want_scalar(struct sw_config *config, const struct sw_yaml *node)
{
	if (node->kind != SW_YAML_SCALAR)
		return sw_config_refuse(
			config, node, "one value expected, not %s", sw_yaml_kind_text(node->kind));
	if (node->is_empty)
		return sw_config_refuse(config, node, "a value is missing");
	return 0;
}

int sw_config_number(
	struct sw_config *config, const struct sw_yaml *node, unsigned low, unsigned high, unsigned *out)
{
	char *end;
	int err = sw_config_want_scalar(config, node);
	if (err != 0)
		return err;
	errno = 0;
	unsigned long value = strtoul(node->text, &end, 10);
	if (errno != 0 || *end != '\0' || node->text[0] < '0' || node->text[0] > '9' || value < low ||
		value > high)
		return sw_config_refuse(
			config, node, "'%s' is not a number from %u to %u", node->text, low, high);
	*out = (unsigned)value;
	return 0;
}

struct unit {
	const char *name;
	unsigned long factor;
};

/** A number and a unit of the list, whose last has no name. @return whether it is one, from least to most */
static bool get_quantity(const char *text, const struct unit *units, unsigned long least, unsigned long most,
	unsigned long *out)
{
	char *end;
	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	while (units->name != NULL && strcmp(end, units->name) != 0)
		units++;
	if (errno != 0 || units->name == NULL || value > most / units->factor ||
		value * units->factor < least)
		return false;
	*out = value * units->factor;
	return true;
}

int sw_config_duration(
	struct sw_config *config, const struct sw_yaml *node, unsigned least_ms, unsigned *out_ms)
{
	static const struct unit units[] = {
		{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0}};
	unsigned long ms;
	int err = sw_config_want_scalar(config, node);
	if (err != 0)
		return err;
	if (!get_quantity(node->text, units, least_ms, 24 * 3600000, &ms))
		return sw_config_refuse(config, node,
			"'%s' is not a time from %gs to 24h, as 500ms, 10s, 5m or 1h", node->text,
			least_ms / 1000.0);
	*out_ms = (unsigned)ms;
	return 0;
}

int sw_config_seconds(struct sw_config *config, const struct sw_yaml *node, unsigned *out_s)
{
	static const struct unit units[] = {
		{"s", 1}, {"", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}, {NULL, 0}};
	unsigned long s;
	int err = sw_config_want_scalar(config, node);
	if (err != 0)
		return err;
	if (!get_quantity(node->text, units, 1, SECONDS_MAX, &s))
		return sw_config_refuse(config, node,
			"'%s' is not a time from 1s to 366d, as 10s, 5m, 1h, 7d or 2w", node->text);
	*out_s = (unsigned)s;
	return 0;
}

int sw_config_size(struct sw_config *config, const struct sw_yaml *node, uint64_t *out_bytes)
{
	static const struct unit units[] = {
		{"", 1}, {"K", 1UL << 10}, {"M", 1UL << 20}, {"G", 1UL << 30}, {"T", 1UL << 40}, {NULL, 0}};
	unsigned long bytes;
	int err = sw_config_want_scalar(config, node);
	if (err != 0)
		return err;
	if (!get_quantity(node->text, units, 1024, 1UL << 50, &bytes))
		return sw_config_refuse(config, node,
			"'%s' is not a size in bytes, at least 1K, as 512K, 64M or 1G", node->text);
	*out_bytes = bytes;
	return 0;
}

int sw_config_bool(struct sw_config *config, const struct sw_yaml *node, bool *out)
{
	static const char *const words[] = {"off", "false", "no", "on", "true", "yes"};
	int err = sw_config_want_scalar(config, node);
	for (size_t i = 0; err == 0 && i < 6; i++) {
		if (strcmp(node->text, words[i]) == 0) {
			*out = i >= 3;
			return 0;
		}
	}
	return err ? err : sw_config_refuse(config, node, "'%s' is neither on nor off", node->text);
}

const struct sw_yaml *sw_config_first(const struct sw_yaml *node)
{
	return node != NULL && node->kind == SW_YAML_LIST ? node->first : node;
}

const struct sw_yaml *sw_config_next(const struct sw_yaml *node, const struct sw_yaml *item)
{
	return node->kind == SW_YAML_LIST ? item->next : NULL;
}

int sw_config_each_scalar(struct sw_config *config, const struct sw_yaml *node, sw_config_take_fn *take)
{
	for (const struct sw_yaml *item = sw_config_first(node); item != NULL;
		item = sw_config_next(node, item)) {
		int err = sw_config_want_scalar(config, item);
		if (err == 0)
			err = take(config, item);
		if (err != 0)
			return err;
	}
	return 0;
}

/* ---- sections ---- */

static int unknown_key(struct sw_config *config, const struct sw_yaml *key, const struct sw_config_key *keys,
	const char *section)
{
	char known[320] = "";
	struct sw_nearest nearest = sw_nearest_to(key->text);
	for (; keys->name != NULL; keys++) {
		size_t len = strlen(known);
		snprintf(known + len, sizeof(known) - len, "%s%s", len ? ", " : "", keys->name);
		sw_nearest_offer(&nearest, keys->name);
	}
	return sw_config_refuse(config, key, "unknown key '%.40s' in %s%s (known here: %s)", key->text,
		section, nearest.text, known);
}

int sw_config_section(struct sw_config *config, const struct sw_yaml *node, const struct sw_config_key *keys,
	const char *section)
{
	if (node->kind != SW_YAML_MAPPING)
		return sw_config_refuse(
			config, node, "%s: keys expected, not %s", section, sw_yaml_kind_text(node->kind));
	for (const struct sw_yaml *value = node->first; value != NULL; value = value->next) {
		const struct sw_config_key *key = keys;
		while (key->name != NULL && strcmp(key->name, value->key->text) != 0)
			key++;
		int err = 0;
		if (key->name == NULL)
			err = unknown_key(config, value->key, keys, section);
		else if (key->take != NULL)
			err = key->take(config, value);
		if (err != 0)
			return err;
	}
	return 0;
}

const struct sw_yaml *sw_config_child(const struct sw_yaml *mapping, const char *name)
{
	const struct sw_yaml *child = mapping->first;
	while (child != NULL && strcmp(child->key->text, name) != 0)
		child = child->next;
	return child;
}

int sw_config_scalar_child(struct sw_config *config, const struct sw_yaml *mapping, const char *name,
	bool is_needed, const struct sw_yaml **child)
{
	const struct sw_yaml *found = sw_config_child(mapping, name);
	if (found == NULL && is_needed)
		return sw_config_refuse(config, mapping, "'%s' is missing here", name);
	int err = found ? sw_config_want_scalar(config, found) : 0;
	if (err == 0)
		*child = found;
	return err;
}

char *sw_config_relative(const char *base, const char *file)
{
	const char *slash = strrchr(base, '/');
	char *joined;
	if (file[0] == '/' || file[0] == '\0' || slash == NULL)
		return strdup(file);
	return asprintf(&joined, "%.*s/%s", (int)(slash - base), base, file) < 0 ? NULL : joined;
}
