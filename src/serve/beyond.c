/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/beyond.h"
#include <errno.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- templates ---- */

int sw_settings_add_template(struct sw_settings *settings, const struct sw_template *template)
{
	struct sw_template **grown =
		reallocarray(settings->templates, settings->template_count + 1, sizeof(*grown));
	struct sw_template *added = malloc(sizeof(*added));
	if (grown != NULL)
		settings->templates = grown;
	if (grown == NULL || added == NULL) {
		free(added);
		return -ENOMEM;
	}
	*added = *template;
	grown[settings->template_count++] = added;
	return 0;
}

const struct sw_template *sw_settings_find_template(const struct sw_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->template_count; i++) {
		if (strcmp(settings->templates[i]->name, name) == 0)
			return settings->templates[i];
	}
	return NULL;
}

int sw_template_file(const char *pattern, const uint8_t *apex, char *path, size_t size)
{
	char name[SW_NAME_TEXT_MAX];
	size_t len = 0;
	strcpy(name, "root");
	if (apex[0] != 0) {
		sw_name_text(apex, name);
		name[strlen(name) - 1] = '\0';
	}
	for (char *slash = name; (slash = strchr(slash, '/')) != NULL;)
		*slash = '_';
	for (const char *c = pattern; *c != '\0'; c++) {
		const char one[2] = {*c, '\0'}, *piece = one;
		if (*c == '%' && *++c != '%') {
			if (*c != 's')
				return -EINVAL;
			piece = name;
		}
		size_t piece_len = strlen(piece);
		if (len + piece_len >= size)
			return -ENAMETOOLONG;
		memcpy(path + len, piece, piece_len);
		len += piece_len;
	}
	path[len] = '\0';
	return 0;
}

/* ---- one zone ---- */

static uint8_t *copy(const uint8_t *bytes, size_t len)
{
	uint8_t *copied = malloc(len ? len : 1);
	if (copied != NULL && len > 0)
		memcpy(copied, bytes, len);
	return copied;
}

static bool name_copy(uint8_t **to, const uint8_t *name)
{
	*to = name ? copy(name, sw_name_len(name)) : NULL;
	return name == NULL || *to != NULL;
}

static bool text_copy(char **to, const char *text)
{
	*to = text ? strdup(text) : NULL;
	return text == NULL || *to != NULL;
}

static bool entry_copy(struct sw_beyond *beyond, const struct sw_register_entry *entry)
{
	if (entry->label != NULL && (beyond->label = copy(entry->label, 1u + *entry->label)) == NULL)
		return false;
	if (entry->groups_len > 0 && (beyond->groups = copy(entry->groups, entry->groups_len)) == NULL)
		return false;
	beyond->groups_len = entry->groups_len;
	return name_copy(&beyond->setting.apex, entry->zone) && name_copy(&beyond->catalog, entry->catalog) &&
	       name_copy(&beyond->coo, entry->coo) && text_copy(&beyond->template, entry->template) &&
	       text_copy(&beyond->file, entry->file);
}

int sw_beyond_new(struct sw_beyond **result, const struct sw_register_entry *entry,
	const struct sw_template *template, const char *source)
{
	static const struct sw_zone_policy nothing;
	char path[PATH_MAX];
	struct sw_beyond *beyond = calloc(1, sizeof(*beyond));
	const char *file = entry->file;
	int err = beyond && entry_copy(beyond, entry) ? 0 : -ENOMEM;
	if (err == 0 && file == NULL && template != NULL && template->file != NULL) {
		err = sw_template_file(template->file, entry->zone, path, sizeof(path));
		file = path;
	}
	if (err == 0) {
		struct sw_zone_setting *setting = &beyond->setting;
		setting->policy = template && template->policy ? template->policy : &nothing;
		setting->template = template;
		beyond->is_mute = file == NULL && setting->policy->primary_count == 0;
		if (!text_copy(&setting->file, file) || !text_copy(&setting->source, source))
			err = -ENOMEM;
	}
	if (err != 0) {
		sw_beyond_free(beyond);
		return err;
	}
	*result = beyond;
	return 0;
}

struct sw_beyond *sw_beyond_hold(struct sw_beyond *beyond)
{
	__atomic_add_fetch(&beyond->holders, 1, __ATOMIC_RELAXED);
	return beyond;
}

void sw_beyond_free(struct sw_beyond *beyond)
{
	if (beyond == NULL || __atomic_fetch_sub(&beyond->holders, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	free(beyond->setting.apex);
	free(beyond->setting.file);
	free(beyond->setting.source);
	free(beyond->catalog);
	free(beyond->label);
	free(beyond->coo);
	free(beyond->groups);
	free(beyond->template);
	free(beyond->file);
	free(beyond);
}

struct sw_register_entry sw_beyond_entry(const struct sw_beyond *beyond)
{
	return (struct sw_register_entry){
		.zone = beyond->setting.apex,
		.catalog = beyond->catalog,
		.label = beyond->label,
		.coo = beyond->coo,
		.groups = beyond->groups,
		.groups_len = beyond->groups_len,
		.template = beyond->template,
		.file = beyond->file,
	};
}

/* ---- settings ---- */

static int compare_setting(const void *apex, const void *setting)
{
	return sw_name_compare(apex, ((const struct sw_zone_setting *)setting)->apex);
}

static bool setting_turn(void *arg, size_t number, const void *old, void *fresh)
{
	const struct sw_turn *turn = (const struct sw_turn *)arg + number;
	(void)old;
	if (turn->after == NULL || turn->after->is_mute)
		return false;
	*(struct sw_zone_setting *)fresh = turn->after->setting;
	return true;
}

struct sw_settings *sw_settings_beyond(struct sw_settings *base, const struct sw_settings *before,
	const struct sw_turn *turns, size_t turn_count, struct sw_beyond *const *beyond, size_t beyond_count)
{
	const struct sw_settings *from = before ? before : base;
	struct sw_settings *settings = malloc(sizeof(*settings));
	struct sw_beyond **held = reallocarray(NULL, beyond_count + 1, sizeof(*held));
	const struct sw_turn_list list = {.old = from->zones,
		.old_count = from->zone_count,
		.size = sizeof(*from->zones),
		.compare = compare_setting,
		.turn = setting_turn,
		.arg = (void *)turns};
	size_t count = 0;
	struct sw_zone_setting *zones =
		settings && held ? sw_turns_apply(&list, turns, turn_count, &count) : NULL;
	if (zones == NULL) {
		free(settings);
		free(held);
		return NULL;
	}
	*settings = *base;
	settings->holders = 0;
	settings->base = sw_settings_hold(base);
	settings->zones = zones;
	settings->zone_count = settings->zone_capacity = count;
	settings->beyond = held;
	settings->beyond_count = beyond_count;
	for (size_t i = 0; i < beyond_count; i++)
		held[i] = sw_beyond_hold(beyond[i]);
	return settings;
}

void sw_beyond_settings_free(struct sw_settings *settings)
{
	for (size_t i = 0; i < settings->beyond_count; i++)
		sw_beyond_free(settings->beyond[i]);
	free(settings->beyond);
	free(settings->zones);
	sw_settings_free(settings->base);
	explicit_bzero(settings->cookie_secret, sizeof(settings->cookie_secret));
	free(settings);
}
