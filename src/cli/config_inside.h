/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the files of the configuration's reader share: config.c (sections of the node), config_peers.c (keys
 * and remotes), config_zones.c (templates and zones), config_catalog.c (catalogs), config_access.c (who may),
 * config_dnssec.c (signing), config_values.c (this). */
#ifndef SW_CLI_CONFIG_INSIDE_H
#define SW_CLI_CONFIG_INSIDE_H

#include "cli/document.h"
#include "serve/settings.h"

/** Zone keys under a name. */
struct sw_config_template {
	const char *name;
	const struct sw_yaml *node;
	const struct sw_zone_policy *policy; /* of the settings */
	bool is_for_zone; /* rules in it name names: each zone has a policy of its own, checked against it */
};

struct sw_config {
	const char *path;
	struct sw_settings *settings;
	char *why;
	struct sw_config_template *templates;
	size_t template_count;
};

/* ---- refusing; each returns -EINVAL, with the text in config->why ---- */

int sw_config_refuse(struct sw_config *config, const struct sw_yaml *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** Say where, for a text that sw_settings_*() made; other errors are returned as they are. */
int sw_config_at(struct sw_config *config, const struct sw_yaml *node, int err, const char *text);

/** Something the file does not stop at. */
void sw_config_warn(struct sw_config *config, const struct sw_yaml *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** Looks for what a misspelt word was meant to be. */
struct sw_nearest {
	const char *word;
	unsigned distance;
	char text[96]; /* "; did you mean 'x'?", or "" */
};
struct sw_nearest sw_nearest_to(const char *word);
void sw_nearest_offer(struct sw_nearest *nearest, const char *known);

/* ---- values; each returns 0 or -EINVAL with a text, sw_config_take_fn -ENOMEM too ---- */

typedef int sw_config_take_fn(struct sw_config *config, const struct sw_yaml *node);

int sw_config_want_scalar(struct sw_config *config, const struct sw_yaml *node);
int sw_config_number(
	struct sw_config *config, const struct sw_yaml *node, unsigned low, unsigned high, unsigned *out);
/** 500ms, 10s, 5m, 1h; a bare number is seconds. At most 24 hours. */
int sw_config_duration(
	struct sw_config *config, const struct sw_yaml *node, unsigned least_ms, unsigned *out_ms);
/** 10s, 5m, 1h, 7d, 2w; a bare number is seconds. From one second to 366 days. */
int sw_config_seconds(struct sw_config *config, const struct sw_yaml *node, unsigned *out_s);
/** 4096, 64K, 64M, 1G: bytes, units of 1,024. */
int sw_config_size(struct sw_config *config, const struct sw_yaml *node, uint64_t *out_bytes);
int sw_config_bool(struct sw_config *config, const struct sw_yaml *node, bool *out);

/** One value, or a list of them. */
int sw_config_each_scalar(struct sw_config *config, const struct sw_yaml *node, sw_config_take_fn *take);
/** One thing of any kind, or a list of them. NULL at the end, and for no node. */
const struct sw_yaml *sw_config_first(const struct sw_yaml *node);
const struct sw_yaml *sw_config_next(const struct sw_yaml *node, const struct sw_yaml *item);

/* ---- sections ---- */

struct sw_config_key {
	const char *name;
	sw_config_take_fn *take; /* NULL: the caller looks it up with sw_config_child() */
};

/** @param keys  up to a name of NULL
 * @param section  its name, for messages */
int sw_config_section(struct sw_config *config, const struct sw_yaml *node, const struct sw_config_key *keys,
	const char *section);
/** The value of a key of a mapping, or NULL. */
const struct sw_yaml *sw_config_child(const struct sw_yaml *mapping, const char *name);
/** The same, a single value.
 * @param child  NULL where there is none, if that may be */
int sw_config_scalar_child(struct sw_config *config, const struct sw_yaml *mapping, const char *name,
	bool is_needed, const struct sw_yaml **child);

/** A file name as the file at `base` means it; freed by the caller. NULL when out of memory. */
char *sw_config_relative(const char *base, const char *file);

/* ---- parts ---- */

/* config_limits.c */
int sw_config_take_transfers(struct sw_config *config, const struct sw_yaml *node);

int sw_config_take_keys(struct sw_config *config, const struct sw_yaml *node);
int sw_config_take_remotes(struct sw_config *config, const struct sw_yaml *node);
int sw_config_take_templates(struct sw_config *config, const struct sw_yaml *node);
int sw_config_take_zones(struct sw_config *config, const struct sw_yaml *node);

/** The key of that name, which stands at `node`. */
int sw_config_find_key(struct sw_config *config, const struct sw_yaml *node, const char *name,
	const struct sw_tsig_key **key);

/** Rules: one, or a list of them. What was added stays in the list on errors.
 * @param is_update  they may tell names and types
 * @param apex  of the zone; NULL in a template, where names are not held against it */
int sw_config_access(struct sw_config *config, const struct sw_yaml *node, bool is_update,
	const uint8_t *apex, struct sw_access_list *list);

/** What a zone is told of being a catalog. @param catalog  the policy's, on errors too */
int sw_config_catalog(
	struct sw_config *config, const struct sw_yaml *node, struct sw_catalog_policy **catalog);
/** What it cannot know before all of the zone has been read. */
int sw_config_check_catalog(
	struct sw_config *config, const struct sw_yaml *node, const struct sw_zone_policy *policy);

/** Keep a template for zones that come while the server runs. @param file  its pattern; NULL: none */
int sw_config_keep_template(
	struct sw_config *config, const struct sw_config_template *told, const struct sw_yaml *file);
/** A list of remotes by name. What was added stays in the list on errors. */
int sw_config_remotes(struct sw_config *config, const struct sw_yaml *node, const struct sw_remote ***remotes,
	size_t *count);

/** How a zone is signed: on, off, or keys of a mapping. @param policy  from malloc() */
int sw_config_dnssec(struct sw_config *config, const struct sw_yaml *node, struct sw_dnssec_policy **policy);

/** A zone of a list: the template called 'default' is for it, too.
 * @param file  NULL: that the template says
 * @return 0, -EINVAL with a text, -ENODATA where neither gives a file or primaries, -ENOMEM */
int sw_config_listed_zone(struct sw_config *config, const char *domain, const char *file, const char *source);

#endif
