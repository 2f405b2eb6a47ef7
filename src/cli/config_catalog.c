/* SPDX-License-Identifier: GPL-3.0-or-later */
/** 'catalog' of a zone: how its members are served, or which zones are in it. */
#include "cli/config_inside.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_MAX 255 /* one string of a TXT record */

static const struct sw_config_key keys[] = {{"template", NULL}, {"groups", NULL}, {"only-below", NULL},
	{"max-members", NULL}, {"produce", NULL}, {NULL, NULL}};

/** @param group  NULL: none */
static int add_group(struct sw_config *config, const struct sw_yaml *group, const struct sw_yaml *template,
	struct sw_catalog_policy *catalog)
{
	int err = sw_config_want_scalar(config, template);
	if (err != 0)
		return err;
	if (group != NULL && (strlen(group->text) == 0 || strlen(group->text) > GROUP_MAX))
		return sw_config_refuse(config, group, "a group is a text of 1 to %d bytes", GROUP_MAX);
	struct sw_catalog_group *grown =
		reallocarray(catalog->groups, catalog->group_count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	catalog->groups = grown;
	struct sw_catalog_group *added = &grown[catalog->group_count++];
	*added = (struct sw_catalog_group){
		.group = group ? strdup(group->text) : NULL, .template = strdup(template->text)};
	return added->template && (group == NULL || added->group) ? 0 : -ENOMEM;
}

static int take_groups(
	struct sw_config *config, const struct sw_yaml *node, struct sw_catalog_policy *catalog)
{
	int err = 0;
	if (node->kind != SW_YAML_MAPPING)
		return sw_config_refuse(config, node, "'groups' is GROUP: TEMPLATE for each group");
	for (const struct sw_yaml *item = node->first; err == 0 && item != NULL; item = item->next)
		err = add_group(config, item->key, item, catalog);
	return err;
}

/** What is in a catalog made here: the name of a template, or {template, group}, or a list of these. */
static int take_produce(
	struct sw_config *config, const struct sw_yaml *node, struct sw_catalog_policy *catalog)
{
	static const struct sw_config_key parts[] = {{"template", NULL}, {"group", NULL}, {NULL, NULL}};
	int err = 0;
	catalog->is_produced = true;
	for (const struct sw_yaml *item = sw_config_first(node); err == 0 && item != NULL;
		item = sw_config_next(node, item)) {
		const struct sw_yaml *template = item, *group = NULL;
		if (item->kind == SW_YAML_MAPPING) {
			err = sw_config_section(config, item, parts, "an item of 'produce'");
			if (err == 0)
				err = sw_config_scalar_child(config, item, "template", true, &template);
			if (err == 0)
				err = sw_config_scalar_child(config, item, "group", false, &group);
		}
		if (err == 0)
			err = add_group(config, group, template, catalog);
	}
	return err;
}

static int take_only_below(
	struct sw_config *config, const struct sw_yaml *node, struct sw_catalog_policy *catalog)
{
	for (const struct sw_yaml *item = sw_config_first(node); item != NULL;
		item = sw_config_next(node, item)) {
		uint8_t name[SW_NAME_MAX];
		int err = sw_config_want_scalar(config, item);
		if (err != 0)
			return err;
		int len = sw_name_parse(item->text, name);
		if (len < 0)
			return sw_config_refuse(config, item, "'%.200s' is not a domain name", item->text);
		uint8_t **grown =
			reallocarray(catalog->only_below, catalog->only_below_count + 1, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		catalog->only_below = grown;
		if ((grown[catalog->only_below_count] = malloc((size_t)len)) == NULL)
			return -ENOMEM;
		sw_name_lower(name);
		memcpy(grown[catalog->only_below_count++], name, (size_t)len);
	}
	return 0;
}

static int take_template(
	struct sw_config *config, const struct sw_yaml *node, struct sw_catalog_policy *catalog)
{
	int err = sw_config_want_scalar(config, node);
	if (err != 0)
		return err;
	catalog->template = strdup(node->text);
	return catalog->template ? 0 : -ENOMEM;
}

static int take_max_members(
	struct sw_config *config, const struct sw_yaml *node, struct sw_catalog_policy *catalog)
{
	return sw_config_number(config, node, 1, 100000000, &catalog->members_max);
}

typedef int take_fn(struct sw_config *config, const struct sw_yaml *node, struct sw_catalog_policy *catalog);
static take_fn *const takes[] = {take_template, take_groups, take_only_below, take_max_members, take_produce};

int sw_config_catalog(struct sw_config *config, const struct sw_yaml *node, struct sw_catalog_policy **result)
{
	struct sw_catalog_policy *catalog = calloc(1, sizeof(*catalog));
	if (catalog == NULL)
		return -ENOMEM;
	*result = catalog; /* the policy's from here on */
	if (node->kind == SW_YAML_SCALAR)
		return take_template(config, node, catalog);
	int err = sw_config_section(config, node, keys, "'catalog'");
	for (size_t i = 0; err == 0 && keys[i].name != NULL; i++) {
		const struct sw_yaml *child = sw_config_child(node, keys[i].name);
		if (child != NULL)
			err = takes[i](config, child, catalog);
	}
	if (err == 0 && catalog->is_produced &&
		(catalog->template || catalog->only_below_count > 0 || catalog->members_max ||
			sw_config_child(node, "groups")))
		return sw_config_refuse(config, node,
			"'produce' makes a catalog of the zones here, and stands alone: the other keys are "
			"for members "
			"of "
			"catalogs that come from elsewhere");
	return err;
}

static int check_template(
	struct sw_config *config, const struct sw_yaml *node, const char *name, bool is_for_members)
{
	const struct sw_template *found = sw_settings_find_template(config->settings, name);
	if (found == NULL) {
		struct sw_nearest nearest = sw_nearest_to(name);
		for (size_t i = 0; i < config->settings->template_count; i++)
			sw_nearest_offer(&nearest, config->settings->templates[i]->name);
		return sw_config_refuse(
			config, node, "'catalog': no template '%.100s' in 'templates'%s", name, nearest.text);
	}
	if (!is_for_members)
		return 0;
	if (found->is_for_zone)
		return sw_config_refuse(config, node,
			"'catalog': template '%.100s' names names in 'allow-update': it is for zones of this "
			"file",
			name);
	if (found->file == NULL && (found->policy == NULL || found->policy->primary_count == 0))
		return sw_config_refuse(config, node,
			"'catalog': template '%.100s' needs 'primaries' or 'file' for members to come from",
			name);
	return 0;
}

int sw_config_check_catalog(
	struct sw_config *config, const struct sw_yaml *node, const struct sw_zone_policy *policy)
{
	const struct sw_catalog_policy *catalog = policy->catalog;
	int err = 0;
	if (catalog->is_produced && (policy->primary_count > 0 || policy->update_by.count > 0))
		return sw_config_refuse(config, node,
			"a catalog that is made here has neither 'primaries' nor 'allow-update'");
	if (policy->dnssec != NULL && !policy->dnssec->is_leaving)
		return sw_config_refuse(config, node,
			"a catalog is not signed with DNSSEC: say 'dnssec: off' where its template says "
			"otherwise");
	if (!catalog->is_produced && catalog->template == NULL && catalog->group_count == 0)
		return sw_config_refuse(config, node,
			"'catalog' needs 'template', 'groups' or 'produce': how members are served, or which "
			"zones are "
			"in it");
	if (catalog->template != NULL)
		err = check_template(config, node, catalog->template, true);
	for (size_t i = 0; err == 0 && i < catalog->group_count; i++)
		err = check_template(config, node, catalog->groups[i].template, !catalog->is_produced);
	return err;
}

/** A pattern as the configuration at `path` means it: what a path has of percent signs is no pattern. */
static char *pattern_of(const char *path, const char *file)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash && file[0] != '/' ? (size_t)(slash - path) + 1 : 0;
	char *pattern = malloc(2 * len + strlen(file) + 1), *to = pattern;
	if (pattern == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		*to++ = path[i];
		if (path[i] == '%')
			*to++ = '%';
	}
	strcpy(to, file);
	return pattern;
}

int sw_config_keep_template(
	struct sw_config *config, const struct sw_config_template *told, const struct sw_yaml *file)
{
	struct sw_template template = {.name = strdup(told->name),
		.file = file ? pattern_of(config->path, file->text) : NULL,
		.policy = told->policy,
		.is_for_zone = told->is_for_zone};
	int err = template.name && (file == NULL || template.file)
			  ? sw_settings_add_template(config->settings, &template)
			  : -ENOMEM;
	if (err != 0) {
		free(template.name);
		free(template.file);
	}
	return err;
}
