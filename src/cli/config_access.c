/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/config_inside.h"
#include <arpa/inet.h>
#include <errno.h>
#include <libknot/descriptor.h>
#include <stdlib.h>
#include <string.h>

/** One way to fit a rule that lists several addresses, keys or names. */
static int add_rule(struct sw_access_list *list, const struct sw_access *rule, const uint8_t *name,
	const uint16_t *types, size_t type_count)
{
	struct sw_access *grown = reallocarray(list->rules, list->count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	list->rules = grown;
	struct sw_access *added = &grown[list->count++];
	*added = *rule;
	if (name != NULL) {
		added->name = malloc(sw_name_len(name));
		if (added->name == NULL)
			return -ENOMEM;
		memcpy(added->name, name, sw_name_len(name));
	}
	if (type_count > 0) {
		added->types = malloc(type_count * sizeof(*types));
		if (added->types == NULL)
			return -ENOMEM;
		memcpy(added->types, types, type_count * sizeof(*types));
		added->type_count = type_count;
	}
	return 0;
}

/** ADDRESS, PREFIX/LEN or "any". */
static int get_address(struct sw_config *config, const struct sw_yaml *node, struct sw_access *rule)
{
	char address[INET6_ADDRSTRLEN] = "", *end;
	const char *slash = strchr(node->text, '/');
	size_t len = slash ? (size_t)(slash - node->text) : strlen(node->text);
	rule->address_len = 0;
	if (strcmp(node->text, "any") == 0)
		return 0;
	if (len < sizeof(address))
		memcpy(address, node->text, len);
	uint8_t address_len = strchr(address, ':') ? 16 : 4;
	unsigned long bits = 8UL * address_len;
	bool is_good = inet_pton(address_len == 16 ? AF_INET6 : AF_INET, address, rule->address) == 1;
	if (slash != NULL) {
		is_good = is_good && slash[1] >= '0' && slash[1] <= '9';
		bits = strtoul(slash + 1, &end, 10);
		is_good = is_good && *end == '\0' && bits <= 8UL * address_len;
	}
	if (!is_good)
		return sw_config_refuse(config, node,
			"'%.80s' is neither any, an address, a prefix as 192.0.2.0/24, nor 'key NAME'",
			node->text);
	for (unsigned long i = bits; i < 8UL * address_len; i++) {
		if (rule->address[i / 8] & 0x80 >> i % 8)
			return sw_config_refuse(
				config, node, "'%s' has bits set behind its length", node->text);
	}
	rule->address_len = address_len;
	rule->bits = (uint8_t)bits;
	return 0;
}

static int take_scalar(
	struct sw_config *config, const struct sw_yaml *node, bool is_update, struct sw_access_list *list)
{
	struct sw_access rule = {0};
	int err = sw_config_want_scalar(config, node);
	if (err != 0)
		return err;
	if (strncmp(node->text, "key ", 4) == 0) {
		const char *name = node->text + 4 + strspn(node->text + 4, " ");
		err = sw_config_find_key(config, node, name, &rule.key);
	} else {
		err = get_address(config, node, &rule);
	}
	if (err == 0 && is_update && rule.key == NULL)
		sw_config_warn(config, node, "updates without a key: an address can be forged");
	return err ? err : add_rule(list, &rule, NULL, NULL, 0);
}

/** The types of an update rule. @param types  freed by the caller, on errors too */
static int get_types(
	struct sw_config *config, const struct sw_yaml *node, uint16_t **types, size_t *type_count)
{
	for (const struct sw_yaml *item = sw_config_first(node); item != NULL;
		item = sw_config_next(node, item)) {
		uint16_t type;
		int err = sw_config_want_scalar(config, item);
		if (err != 0)
			return err;
		if (knot_rrtype_from_string(item->text, &type) != 0 || knot_rrtype_is_metatype(type))
			return sw_config_refuse(config, item, "'%.40s' is not a type of records", item->text);
		uint16_t *grown = reallocarray(*types, *type_count + 1, sizeof(type));
		if (grown == NULL)
			return -ENOMEM;
		grown[(*type_count)++] = type;
		*types = grown;
	}
	return 0;
}

/** A name, or one whose last label is "@", which stands for the zone. */
static int get_name(struct sw_config *config, const struct sw_yaml *node, const uint8_t *apex, uint8_t *name)
{
	char text[SW_NAME_TEXT_MAX], zone[SW_NAME_TEXT_MAX];
	int err = sw_config_want_scalar(config, node);
	size_t len = err ? 0 : strlen(node->text);
	if (err != 0)
		return err;
	bool is_relative = len > 0 && node->text[len - 1] == '@' && (len == 1 || node->text[len - 2] == '.');
	if (len >= sizeof(text))
		return sw_config_refuse(config, node, "the name is too long");
	strcpy(text, node->text);
	if (is_relative && apex != NULL && sw_name_len(apex) > 1)
		sw_name_text(apex, zone);
	else
		zone[0] = '\0';
	if (is_relative)
		text[len == 1 ? 0 : len - 1] = '\0';
	if (strlen(text) + strlen(zone) >= sizeof(text))
		return sw_config_refuse(config, node, "the name is too long");
	strcat(text, zone);
	if (sw_name_parse(text[0] ? text : ".", name) < 0)
		return sw_config_refuse(config, node, "'%.200s' is not a domain name", node->text);
	sw_name_lower(name);
	if (apex != NULL && !sw_name_in(name, apex))
		return sw_config_refuse(
			config, node, "'%.150s' is not in zone %.150s", node->text, sw_name_text(apex, zone));
	return 0;
}

struct mapping {
	bool is_tls;
	const struct sw_yaml *addresses, *keys, *names;
	uint16_t *types;
	size_t type_count;
};

/** For each name, or for the whole zone. */
static int add_names(struct sw_config *config, const struct mapping *mapping, const struct sw_access *rule,
	const uint8_t *apex, struct sw_access_list *list)
{
	uint8_t name[SW_NAME_MAX];
	if (mapping->names == NULL)
		return add_rule(list, rule, NULL, mapping->types, mapping->type_count);
	for (const struct sw_yaml *item = sw_config_first(mapping->names); item != NULL;
		item = sw_config_next(mapping->names, item)) {
		int err = get_name(config, item, apex, name);
		if (err == 0)
			err = add_rule(list, rule, name, mapping->types, mapping->type_count);
		if (err != 0)
			return err;
	}
	return 0;
}

/** For each key, or for any that is signed or not. */
static int add_keys(struct sw_config *config, const struct mapping *mapping, struct sw_access *rule,
	const uint8_t *apex, struct sw_access_list *list)
{
	if (mapping->keys == NULL)
		return add_names(config, mapping, rule, apex, list);
	for (const struct sw_yaml *item = sw_config_first(mapping->keys); item != NULL;
		item = sw_config_next(mapping->keys, item)) {
		int err = sw_config_want_scalar(config, item);
		if (err == 0)
			err = sw_config_find_key(config, item, item->text, &rule->key);
		if (err == 0)
			err = add_names(config, mapping, rule, apex, list);
		if (err != 0)
			return err;
	}
	return 0;
}

static int add_all(struct sw_config *config, const struct mapping *mapping, const uint8_t *apex,
	struct sw_access_list *list)
{
	struct sw_access rule = {.is_tls = mapping->is_tls};
	if (mapping->addresses == NULL)
		return add_keys(config, mapping, &rule, apex, list);
	for (const struct sw_yaml *item = sw_config_first(mapping->addresses); item != NULL;
		item = sw_config_next(mapping->addresses, item)) {
		rule = (struct sw_access){.is_tls = mapping->is_tls};
		int err = sw_config_want_scalar(config, item);
		if (err == 0)
			err = get_address(config, item, &rule);
		if (err == 0)
			err = add_keys(config, mapping, &rule, apex, list);
		if (err != 0)
			return err;
	}
	return 0;
}

static int take_mapping(struct sw_config *config, const struct sw_yaml *node, bool is_update,
	const uint8_t *apex, struct sw_access_list *list)
{
	static const struct sw_config_key plain[] = {{"address", NULL}, {"key", NULL}, {"tls", NULL},
		{NULL, NULL}},
					  update[] = {{"address", NULL}, {"key", NULL}, {"tls", NULL},
						  {"name", NULL}, {"types", NULL}, {NULL, NULL}};
	const struct sw_yaml *types, *tls;
	int err = sw_config_section(config, node, is_update ? update : plain, "a rule");
	if (err != 0)
		return err;
	/* an empty list would be a rule that nobody fits, and looks like one that all do */
	for (const struct sw_yaml *child = node->first; child != NULL; child = child->next) {
		if (child->kind == SW_YAML_LIST && child->first == NULL)
			return sw_config_refuse(
				config, child, "an empty list: leave '%s' out instead", child->key->text);
	}
	struct mapping mapping = {.addresses = sw_config_child(node, "address"),
		.keys = sw_config_child(node, "key"),
		.names = sw_config_child(node, "name")};
	if (mapping.addresses == NULL && mapping.keys == NULL)
		return sw_config_refuse(
			config, node, "a rule needs 'address' or 'key'; 'any' stands for everybody");
	if (is_update && mapping.keys == NULL)
		sw_config_warn(config, node, "updates without a key: an address can be forged");
	tls = sw_config_child(node, "tls");
	err = tls ? sw_config_bool(config, tls, &mapping.is_tls) : 0;
	types = sw_config_child(node, "types");
	if (err == 0 && types != NULL)
		err = get_types(config, types, &mapping.types, &mapping.type_count);
	if (err == 0)
		err = add_all(config, &mapping, apex, list);
	free(mapping.types);
	return err;
}

int sw_config_access(struct sw_config *config, const struct sw_yaml *node, bool is_update,
	const uint8_t *apex, struct sw_access_list *list)
{
	for (const struct sw_yaml *item = sw_config_first(node); item != NULL;
		item = sw_config_next(node, item)) {
		int err = item->kind == SW_YAML_MAPPING ? take_mapping(config, item, is_update, apex, list)
							: take_scalar(config, item, is_update, list);
		if (err != 0)
			return err;
	}
	return 0;
}
