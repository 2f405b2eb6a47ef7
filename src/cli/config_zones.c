/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/config_inside.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEMPLATE_DEFAULT "default"

/** Where a zone's keys stand: its own come before those of its template. */
struct told {
	const struct sw_yaml *zone; /* NULL: of a list, or for the template alone */
	const struct sw_config_template *template;
	const uint8_t *apex; /* NULL: for the template alone */
};

static const struct sw_yaml *told_child(const struct told *told, const char *name)
{
	const struct sw_yaml *child = told->zone ? sw_config_child(told->zone, name) : NULL;
	if (child == NULL && told->template != NULL)
		child = sw_config_child(told->template->node, name);
	return child;
}

/* ---- what a policy is made of ---- */

int sw_config_remotes(struct sw_config *config, const struct sw_yaml *node, const struct sw_remote ***remotes,
	size_t *count)
{
	const struct sw_settings *settings = config->settings;
	for (const struct sw_yaml *item = sw_config_first(node); item != NULL;
		item = sw_config_next(node, item)) {
		int err = sw_config_want_scalar(config, item);
		if (err != 0)
			return err;
		const struct sw_remote *remote = sw_settings_find_remote(settings, item->text);
		if (remote == NULL) {
			struct sw_nearest nearest = sw_nearest_to(item->text);
			for (size_t i = 0; i < settings->remote_count; i++)
				sw_nearest_offer(&nearest, settings->remotes[i].name);
			return sw_config_refuse(
				config, item, "no remote '%.100s' in 'remotes'%s", item->text, nearest.text);
		}
		const struct sw_remote **grown = reallocarray(*remotes, *count + 1, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		grown[(*count)++] = remote;
		*remotes = grown;
	}
	return 0;
}

typedef int policy_fn(struct sw_config *config, const struct sw_yaml *node, const uint8_t *apex,
	struct sw_zone_policy *policy);

#define UNUSED __attribute__((unused))

static int take_primaries(struct sw_config *config, const struct sw_yaml *node, UNUSED const uint8_t *apex,
	struct sw_zone_policy *policy)
{
	return sw_config_remotes(config, node, &policy->primaries, &policy->primary_count);
}

static int take_notify(struct sw_config *config, const struct sw_yaml *node, UNUSED const uint8_t *apex,
	struct sw_zone_policy *policy)
{
	return sw_config_remotes(config, node, &policy->notify, &policy->notify_count);
}

static int take_allow_notify(struct sw_config *config, const struct sw_yaml *node, const uint8_t *apex,
	struct sw_zone_policy *policy)
{
	return sw_config_access(config, node, false, apex, &policy->notify_from);
}

static int take_allow_transfer(struct sw_config *config, const struct sw_yaml *node, const uint8_t *apex,
	struct sw_zone_policy *policy)
{
	return sw_config_access(config, node, false, apex, &policy->transfer_to);
}

static int take_allow_update(struct sw_config *config, const struct sw_yaml *node, const uint8_t *apex,
	struct sw_zone_policy *policy)
{
	return sw_config_access(config, node, true, apex, &policy->update_by);
}

static int take_forward(struct sw_config *config, const struct sw_yaml *node, UNUSED const uint8_t *apex,
	struct sw_zone_policy *policy)
{
	return sw_config_bool(config, node, &policy->forwards_updates);
}

static int take_refresh_min(struct sw_config *config, const struct sw_yaml *node, UNUSED const uint8_t *apex,
	struct sw_zone_policy *policy)
{
	return sw_config_seconds(config, node, &policy->refresh_min_s);
}

static int take_refresh_max(struct sw_config *config, const struct sw_yaml *node, UNUSED const uint8_t *apex,
	struct sw_zone_policy *policy)
{
	int err = sw_config_seconds(config, node, &policy->refresh_max_s);
	if (err == 0 && policy->refresh_max_s < policy->refresh_min_s)
		return sw_config_refuse(config, node, "'refresh-max' is less than 'refresh-min'");
	return err;
}

static int take_retry_min(struct sw_config *config, const struct sw_yaml *node, UNUSED const uint8_t *apex,
	struct sw_zone_policy *policy)
{
	return sw_config_seconds(config, node, &policy->retry_min_s);
}

static int take_expire_max(struct sw_config *config, const struct sw_yaml *node, UNUSED const uint8_t *apex,
	struct sw_zone_policy *policy)
{
	return sw_config_seconds(config, node, &policy->expire_max_s);
}

static int take_records(struct sw_config *config, const struct sw_yaml *node, UNUSED const uint8_t *apex,
	struct sw_zone_policy *policy)
{
	unsigned records = 0;
	int err = sw_config_number(config, node, 1, UINT_MAX, &records);
	if (err == 0)
		policy->records_max = records;
	return err;
}

static int take_transfer_size(struct sw_config *config, const struct sw_yaml *node,
	UNUSED const uint8_t *apex, struct sw_zone_policy *policy)
{
	return sw_config_size(config, node, &policy->transfer_bytes_max);
}

static int take_journal_size(struct sw_config *config, const struct sw_yaml *node, UNUSED const uint8_t *apex,
	struct sw_zone_policy *policy)
{
	return sw_config_size(config, node, &policy->journal_bytes_max);
}

static int take_catalog(struct sw_config *config, const struct sw_yaml *node, const uint8_t *apex,
	struct sw_zone_policy *policy)
{
	if (apex == NULL)
		return sw_config_refuse(config, node, "'catalog' is a key of zones, not of templates");
	return sw_config_catalog(config, node, &policy->catalog);
}

static int take_dnssec(struct sw_config *config, const struct sw_yaml *node, UNUSED const uint8_t *apex,
	struct sw_zone_policy *policy)
{
	return sw_config_dnssec(config, node, &policy->dnssec);
}

#define POLICY_KEYS(X)                             \
	X("primaries", take_primaries)             \
	X("notify", take_notify)                   \
	X("allow-notify", take_allow_notify)       \
	X("allow-transfer", take_allow_transfer)   \
	X("allow-update", take_allow_update)       \
	X("forward-updates", take_forward)         \
	X("refresh-min", take_refresh_min)         \
	X("refresh-max", take_refresh_max)         \
	X("retry-min", take_retry_min)             \
	X("expire-max", take_expire_max)           \
	X("max-records", take_records)             \
	X("max-transfer-size", take_transfer_size) \
	X("journal-size", take_journal_size)       \
	X("dnssec", take_dnssec)                   \
	X("catalog", take_catalog)

static const struct {
	const char *name;
	policy_fn *take;
} policy_keys[] = {
#define X(name, take) {name, take},
	POLICY_KEYS(X)
#undef X
};
#define POLICY_KEY_COUNT (sizeof(policy_keys) / sizeof(policy_keys[0]))

/** A policy of the settings from all that is told; NULL where nothing is. */
static int make_policy(
	struct sw_config *config, const struct told *told, const struct sw_zone_policy **result)
{
	struct sw_zone_policy *policy = calloc(1, sizeof(*policy));
	bool is_told = false;
	int err = policy ? 0 : -ENOMEM;
	for (size_t i = 0; err == 0 && i < POLICY_KEY_COUNT; i++) {
		const struct sw_yaml *node = told_child(told, policy_keys[i].name);
		is_told |= node != NULL;
		if (node != NULL)
			err = policy_keys[i].take(config, node, told->apex, policy);
	}
	if (err == 0 && is_told)
		err = sw_settings_add_policy(config->settings, policy);
	if (err != 0 || !is_told)
		sw_zone_policy_free(policy);
	if (err == 0)
		*result = is_told ? policy : NULL;
	return err;
}

/* ---- templates ---- */

/** Whether it has a rule that names names. */
static bool names_names(const struct sw_yaml *template)
{
	const struct sw_yaml *rules = sw_config_child(template, "allow-update");
	for (const struct sw_yaml *rule = sw_config_first(rules); rule != NULL;
		rule = sw_config_next(rules, rule)) {
		if (rule->kind == SW_YAML_MAPPING && sw_config_child(rule, "name") != NULL)
			return true;
	}
	return false;
}

static const struct sw_config_template *find_template(const struct sw_config *config, const char *name)
{
	for (size_t i = 0; i < config->template_count; i++) {
		if (strcmp(config->templates[i].name, name) == 0)
			return &config->templates[i];
	}
	return NULL;
}

/** A template's file: %s is the zone's name without its final dot ('/' becomes '_', the root is 'root'), %%
 * is a percent sign.
 * @return 0 with text from malloc(), -EINVAL, -ENOMEM */
static int expand(struct sw_config *config, const struct sw_yaml *node, const uint8_t *apex, char **text)
{
	char path[PATH_MAX];
	int err = sw_template_file(node->text, apex, path, sizeof(path));
	if (err == -EINVAL) {
		const char *percent = strchr(node->text, '%');
		while (percent[1] == 's' || percent[1] == '%')
			percent = strchr(percent + 2, '%');
		return sw_config_refuse(config, node,
			"'%%%.1s' is not understood: %%s stands for the zone's name, %%%% for a percent sign",
			percent + 1);
	}
	if (err != 0)
		return sw_config_refuse(config, node, "the file's name becomes too long");
	*text = sw_config_relative(config->path, path);
	return *text ? 0 : -ENOMEM;
}

/** Zones that need it may come later, when nobody looks. */
static int check_pattern(struct sw_config *config, const struct sw_yaml *node)
{
	static const uint8_t root[] = {0};
	char *text = NULL;
	int err = expand(config, node, root, &text);
	free(text);
	return err;
}

static int take_template(struct sw_config *config, const struct sw_yaml *node)
{
	static const struct sw_config_key keys[] = {{"name", NULL}, {"file", NULL},
#define X(name, take) {name, NULL},
		POLICY_KEYS(X)
#undef X
			{NULL, NULL}};
	const struct sw_yaml *name = NULL, *file = NULL;
	int err = sw_config_section(config, node, keys, "an item of 'templates'");
	if (err == 0)
		err = sw_config_scalar_child(config, node, "name", true, &name);
	if (err == 0)
		err = sw_config_scalar_child(config, node, "file", false, &file);
	if (err == 0 && find_template(config, name->text) != NULL)
		err = sw_config_refuse(config, name, "template '%.100s' is told twice", name->text);
	if (err == 0 && file != NULL)
		err = check_pattern(config, file);
	if (err != 0)
		return err;
	struct sw_config_template fresh = {
		.name = name->text, .node = node, .is_for_zone = names_names(node)};
	err = make_policy(config, &(struct told){.template = &fresh}, &fresh.policy);
	struct sw_config_template *grown =
		err ? NULL : reallocarray(config->templates, config->template_count + 1, sizeof(fresh));
	if (grown == NULL)
		return err ? err : -ENOMEM;
	config->templates = grown;
	grown[config->template_count++] = fresh;
	return sw_config_keep_template(config, &fresh, file);
}

int sw_config_take_templates(struct sw_config *config, const struct sw_yaml *node)
{
	int err = 0;
	if (node->kind != SW_YAML_LIST)
		return sw_config_refuse(
			config, node, "'templates' is a list of items with 'name' and keys of zones");
	for (const struct sw_yaml *item = node->first; err == 0 && item != NULL; item = item->next)
		err = take_template(config, item);
	return err;
}

/** The one that a zone names, else the one for all, else NULL. */
static int get_template(
	struct sw_config *config, const struct sw_yaml *name, const struct sw_config_template **template)
{
	const struct sw_config_template *found = find_template(config, name ? name->text : TEMPLATE_DEFAULT);
	if (name != NULL && found == NULL) {
		struct sw_nearest nearest = sw_nearest_to(name->text);
		for (size_t i = 0; i < config->template_count; i++)
			sw_nearest_offer(&nearest, config->templates[i].name);
		return sw_config_refuse(
			config, name, "no template '%.100s' in 'templates'%s", name->text, nearest.text);
	}
	*template = found;
	return 0;
}

/* ---- zones ---- */

/** @param file  from malloc(); NULL where nothing is told */
static int get_file(struct sw_config *config, const struct told *told, char **file)
{
	const struct sw_yaml *own = told->zone ? sw_config_child(told->zone, "file") : NULL;
	const struct sw_yaml *shared = told->template ? sw_config_child(told->template->node, "file") : NULL;
	*file = NULL;
	if (own == NULL && shared == NULL)
		return 0;
	if (own == NULL)
		return expand(config, shared, told->apex, file);
	int err = sw_config_want_scalar(config, own);
	if (err == 0)
		*file = sw_config_relative(config->path, own->text);
	return err ? err : *file ? 0 : -ENOMEM;
}

static bool has_own_policy(const struct told *told)
{
	for (size_t i = 0; told->zone != NULL && i < POLICY_KEY_COUNT; i++) {
		if (sw_config_child(told->zone, policy_keys[i].name) != NULL)
			return true;
	}
	return false;
}

/** What single keys cannot know. */
static int check_policy(
	struct sw_config *config, const struct sw_yaml *node, const struct sw_zone_policy *policy)
{
	const char *state = config->settings->state ? config->settings->state : sw_settings_state_default();
	if (policy->forwards_updates && policy->primary_count == 0)
		return sw_config_refuse(config, node, "updates are forwarded to primaries, and it has none");
	if (policy->forwards_updates && policy->update_by.count == 0)
		return sw_config_refuse(
			config, node, "'forward-updates' needs 'allow-update', which says whose");
	if (policy->primary_count > 0 && policy->update_by.count > 0 && !policy->forwards_updates)
		return sw_config_refuse(config, node,
			"a zone with primaries takes no updates itself: 'forward-updates: on' passes them "
			"on");
	if (policy->catalog != NULL) {
		int err = sw_config_check_catalog(config, node, policy);
		if (err != 0)
			return err;
	}
	if (sw_policy_is_live(policy) && (state == NULL || state[0] == '\0'))
		return sw_config_refuse(config, node,
			"a zone with primaries, notify, allow-transfer, allow-update, dnssec or catalog "
			"needs a "
			"directory: "
			"'state' of 'server'");
	return 0;
}

/** The policy of a zone, its template's where it has no keys of its own; NULL for none. */
static int get_policy(struct sw_config *config, const struct told *told, const struct sw_yaml *node,
	const struct sw_zone_policy **policy)
{
	bool is_shared = !has_own_policy(told) && (told->template == NULL || !told->template->is_for_zone);
	int err = 0;
	if (is_shared)
		*policy = told->template ? told->template->policy : NULL;
	else
		err = make_policy(config, told, policy);
	if (err == 0 && *policy != NULL)
		err = check_policy(config, node, *policy);
	return err;
}

/** @param node  where errors stand that are of no single key
 * @return as sw_config_listed_zone() */
static int add_zone(struct sw_config *config, const struct told *told, const struct sw_yaml *node,
	const char *domain, const char *file, const char *source)
{
	const struct sw_zone_policy *policy = NULL;
	char text[SW_WHY_TEXT_MAX], *own = NULL;
	int err = get_policy(config, told, node, &policy);
	if (err == 0 && file == NULL) {
		bool is_made = policy != NULL && policy->catalog != NULL && policy->catalog->is_produced;
		err = is_made ? 0 : get_file(config, told, &own);
		if (err == 0 && own == NULL && !is_made && (policy == NULL || policy->primary_count == 0))
			err = -ENODATA;
	}
	if (err == 0)
		err = sw_config_at(config, node,
			sw_settings_add_zone_with(
				config->settings, domain, file ? file : own, policy, source, text),
			text);
	if (err == 0 && told->template != NULL) /* for catalogs made here */
		config->settings->zones[config->settings->zone_count - 1].template =
			sw_settings_find_template(config->settings, told->template->name);
	free(own);
	return err;
}

static int take_zone(struct sw_config *config, const struct sw_yaml *node)
{
	static const struct sw_config_key keys[] = {{"domain", NULL}, {"file", NULL}, {"template", NULL},
#define X(name, take) {name, NULL},
		POLICY_KEYS(X)
#undef X
			{NULL, NULL}};
	char source[PATH_MAX + 16];
	uint8_t apex[SW_NAME_MAX];
	const struct sw_yaml *domain = NULL, *name = NULL;
	struct told told = {.zone = node, .apex = apex};
	int err = sw_config_section(config, node, keys, "an item of 'zones'");
	if (err == 0)
		err = sw_config_scalar_child(config, node, "domain", true, &domain);
	if (err == 0)
		err = sw_config_scalar_child(config, node, "template", false, &name);
	if (err == 0)
		err = get_template(config, name, &told.template);
	if (err == 0 && sw_name_parse(domain->text, apex) < 0)
		err = sw_config_refuse(config, domain, "'%s' is not a domain name", domain->text);
	if (err != 0)
		return err;
	sw_name_lower(apex);
	snprintf(source, sizeof(source), "%s:%u", config->path, domain->line);
	err = add_zone(config, &told, domain, domain->text, NULL, source);
	return err == -ENODATA
		       ? sw_config_refuse(config, node, "a zone needs 'file', or 'primaries' to come from")
		       : err;
}

int sw_config_take_zones(struct sw_config *config, const struct sw_yaml *node)
{
	int err = 0;
	if (node->kind != SW_YAML_LIST)
		return sw_config_refuse(config, node, "'zones' is a list of items with 'domain' and 'file'");
	for (const struct sw_yaml *item = node->first; err == 0 && item != NULL; item = item->next)
		err = take_zone(config, item);
	return err;
}

int sw_config_listed_zone(struct sw_config *config, const char *domain, const char *file, const char *source)
{
	char text[SW_WHY_TEXT_MAX];
	uint8_t apex[SW_NAME_MAX];
	struct told told = {.template = find_template(config, TEMPLATE_DEFAULT), .apex = apex};
	if (told.template == NULL && file == NULL)
		return -ENODATA;
	bool is_name = sw_name_parse(domain, apex) >= 0;
	if (told.template == NULL || !is_name) {
		int err = sw_settings_add_zone(config->settings, domain, file ? file : "", source, text);
		if (err == -EINVAL)
			strcpy(config->why, text);
		return err;
	}
	sw_name_lower(apex);
	return add_zone(config, &told, sw_config_child(told.template->node, "name"), domain, file, source);
}
