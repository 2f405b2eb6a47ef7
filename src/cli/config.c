/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/config.h"
#include "cli/document.h"
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct config {
	const char *path;
	struct sw_settings *settings;
	char *why;
};

static int refuse(struct config *config, const struct sw_yaml *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int refuse(struct config *config, const struct sw_yaml *at, const char *format, ...)
{
	char text[SW_WHY_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(config->why, SW_WHY_TEXT_MAX, "%.160s:%u:%u: %.320s", config->path, at->line, at->column,
		text);
	return -EINVAL;
}

/** Say where, for a text that sw_settings_*() made. */
static int at(struct config *config, const struct sw_yaml *node, int err, const char *text)
{
	return err == -EINVAL ? refuse(config, node, "%s", text) : err;
}

/** A file name as the file at `base` means it. Freed by the caller. */
static char *relative(const char *base, const char *file)
{
	const char *slash = strrchr(base, '/');
	char *joined;
	if (file[0] == '/' || file[0] == '\0' || slash == NULL)
		return strdup(file);
	return asprintf(&joined, "%.*s/%s", (int)(slash - base), base, file) < 0 ? NULL : joined;
}

/* ---- kinds of values ---- */

static int want_scalar(struct config *config, const struct sw_yaml *node)
{
	if (node->kind != SW_YAML_SCALAR)
		return refuse(config, node, "one value expected, not %s", sw_yaml_kind_text(node->kind));
	if (node->is_empty)
		return refuse(config, node, "a value is missing");
	return 0;
}

static int get_number(
	struct config *config, const struct sw_yaml *node, unsigned low, unsigned high, unsigned *out)
{
	char *end;
	int err = want_scalar(config, node);
	if (err != 0)
		return err;
	errno = 0;
	unsigned long value = strtoul(node->text, &end, 10);
	if (errno != 0 || *end != '\0' || node->text[0] < '0' || node->text[0] > '9' || value < low ||
		value > high)
		return refuse(config, node, "'%s' is not a number from %u to %u", node->text, low, high);
	*out = (unsigned)value;
	return 0;
}

/** 500ms, 10s, 5m, 1h; a bare number is seconds. */
static int get_duration(
	struct config *config, const struct sw_yaml *node, unsigned least_ms, unsigned *out_ms)
{
	static const struct {
		const char *unit;
		unsigned ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {"h", 3600000}};
	const unsigned most_ms = 24 * 3600000;
	char *end;
	int err = want_scalar(config, node);
	if (err != 0)
		return err;
	unsigned long value = strtoul(node->text, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (node->text[0] < '0' || node->text[0] > '9' || strcmp(end, units[i].unit) != 0 ||
			value > most_ms / units[i].ms || value * units[i].ms < least_ms)
			continue;
		*out_ms = (unsigned)value * units[i].ms;
		return 0;
	}
	return refuse(config, node, "'%s' is not a time from %gs to 24h, as 500ms, 10s, 5m or 1h", node->text,
		least_ms / 1000.0);
}

static int get_bool(struct config *config, const struct sw_yaml *node, bool *out)
{
	static const char *const words[] = {"off", "false", "no", "on", "true", "yes"};
	int err = want_scalar(config, node);
	for (size_t i = 0; err == 0 && i < 6; i++) {
		if (strcmp(node->text, words[i]) == 0) {
			*out = i >= 3;
			return 0;
		}
	}
	return err ? err : refuse(config, node, "'%s' is neither on nor off", node->text);
}

typedef int take_fn(struct config *config, const struct sw_yaml *node);

/** One value, or a list of them. */
static int each_scalar(struct config *config, const struct sw_yaml *node, take_fn *take)
{
	if (node->kind != SW_YAML_LIST) {
		int err = want_scalar(config, node);
		return err ? err : take(config, node);
	}
	for (const struct sw_yaml *item = node->first; item != NULL; item = item->next) {
		int err = want_scalar(config, item);
		if (err == 0)
			err = take(config, item);
		if (err != 0)
			return err;
	}
	return 0;
}

/* ---- sections ---- */

struct key {
	const char *name;
	take_fn *take;
};

#define KEYS_MAX 16

/** Letters to insert, remove or change to make b of a, for "did you mean". */
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

static int unknown_key(
	struct config *config, const struct sw_yaml *key, const struct key *keys, const char *section)
{
	char known[200] = "", near[96] = "";
	unsigned nearest = 4; /* further away is no misspelling */
	for (; keys->name != NULL; keys++) {
		size_t len = strlen(known);
		snprintf(known + len, sizeof(known) - len, "%s%s", len ? ", " : "", keys->name);
		unsigned far = distance(key->text, keys->name);
		if (far < nearest) {
			nearest = far;
			snprintf(near, sizeof(near), "; did you mean '%s'?", keys->name);
		}
	}
	return refuse(
		config, key, "unknown key '%.40s' in %s%s (known here: %s)", key->text, section, near, known);
}

static int take_section(
	struct config *config, const struct sw_yaml *node, const struct key *keys, const char *section)
{
	if (node->kind != SW_YAML_MAPPING)
		return refuse(
			config, node, "%s: keys expected, not %s", section, sw_yaml_kind_text(node->kind));
	for (const struct sw_yaml *value = node->first; value != NULL; value = value->next) {
		const struct key *key = keys;
		while (key->name != NULL && strcmp(key->name, value->key->text) != 0)
			key++;
		int err =
			key->name ? key->take(config, value) : unknown_key(config, value->key, keys, section);
		if (err != 0)
			return err;
	}
	return 0;
}

/* ---- server ---- */

static int add_listen(struct config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	return at(config, node, sw_settings_add_listen(config->settings, node->text, text), text);
}

static int take_listen(struct config *config, const struct sw_yaml *node)
{
	return each_scalar(config, node, add_listen);
}

static int add_xdp(struct config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	return at(config, node, sw_settings_add_xdp(config->settings, node->text, text), text);
}

static int take_xdp(struct config *config, const struct sw_yaml *node)
{
	return each_scalar(config, node, add_xdp);
}

static int take_control(struct config *config, const struct sw_yaml *node)
{
	int err = want_scalar(config, node);
	if (err != 0)
		return err;
	free(config->settings->control);
	config->settings->control =
		strcmp(node->text, "none") == 0 ? strdup("") : relative(config->path, node->text);
	return config->settings->control ? 0 : -ENOMEM;
}

static int take_path(struct config *config, const struct sw_yaml *node, char **path)
{
	int err = want_scalar(config, node);
	if (err != 0)
		return err;
	free(*path);
	*path = relative(config->path, node->text);
	return *path ? 0 : -ENOMEM;
}

static int take_pin(struct config *config, const struct sw_yaml *node)
{
	return take_path(config, node, &config->settings->pin);
}

static int take_outlive(struct config *config, const struct sw_yaml *node)
{
	return get_duration(config, node, 1000, &config->settings->outlive_ms);
}

static int take_chaos(struct config *config, const struct sw_yaml *node, enum sw_chaos which)
{
	char text[SW_WHY_TEXT_MAX];
	int err = want_scalar(config, node);
	return err ? err
		   : at(config, node, sw_settings_set_chaos(config->settings, which, node->text, text), text);
}

static int take_identity(struct config *config, const struct sw_yaml *node)
{
	return take_chaos(config, node, SW_CHAOS_ID);
}

static int take_version(struct config *config, const struct sw_yaml *node)
{
	return take_chaos(config, node, SW_CHAOS_VERSION);
}

static int take_nsid(struct config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	int err = want_scalar(config, node);
	return err ? err : at(config, node, sw_settings_set_nsid(config->settings, node->text, text), text);
}

static int take_cookies(struct config *config, const struct sw_yaml *node)
{
	return get_bool(config, node, &config->settings->cookies);
}

static int add_cookie_secret(struct config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	return at(config, node, sw_settings_add_cookie_secret(config->settings, node->text, text), text);
}

static int take_cookie_secret(struct config *config, const struct sw_yaml *node)
{
	return each_scalar(config, node, add_cookie_secret);
}

static int take_udp_max(struct config *config, const struct sw_yaml *node)
{
	unsigned value = 0;
	/* 512: RFC 1035 s2.3.4, what every client takes; 1,452: an Ethernet frame with IPv6. */
	int err = get_number(config, node, 512, 1452, &value);
	if (err == 0)
		config->settings->udp_max = (uint16_t)value;
	return err;
}

static int take_udp_workers(struct config *config, const struct sw_yaml *node)
{
	return get_number(config, node, 1, 256, &config->settings->udp_workers);
}

static int take_tcp_workers(struct config *config, const struct sw_yaml *node)
{
	return get_number(config, node, 1, 256, &config->settings->tcp_workers);
}

static int take_server(struct config *config, const struct sw_yaml *node)
{
	static const struct key keys[] = {{"listen", take_listen}, {"xdp", take_xdp},
		{"control", take_control}, {"identity", take_identity}, {"version", take_version},
		{"nsid", take_nsid}, {"cookies", take_cookies}, {"cookie-secret", take_cookie_secret},
		{"udp-max-payload", take_udp_max}, {"udp-workers", take_udp_workers},
		{"tcp-workers", take_tcp_workers}, {"pin", take_pin}, {"outlive", take_outlive},
		{NULL, NULL}};
	return take_section(config, node, keys, "'server'");
}

/* ---- tcp ---- */

static int take_connections(struct config *config, const struct sw_yaml *node)
{
	return get_number(config, node, 1, 1000000, &config->settings->tcp.connections);
}

static int take_prefix_connections(struct config *config, const struct sw_yaml *node)
{
	return get_number(config, node, 1, 1000000, &config->settings->tcp.prefix_connections);
}

static int take_idle(struct config *config, const struct sw_yaml *node)
{
	return get_duration(config, node, 100, &config->settings->tcp.idle_ms);
}

static int take_lifetime(struct config *config, const struct sw_yaml *node)
{
	return get_duration(config, node, 0, &config->settings->tcp.lifetime_ms);
}

static int take_tcp(struct config *config, const struct sw_yaml *node)
{
	static const struct key keys[] = {{"max-connections", take_connections},
		{"max-connections-per-prefix", take_prefix_connections}, {"idle-timeout", take_idle},
		{"lifetime", take_lifetime}, {NULL, NULL}};
	return take_section(config, node, keys, "'tcp'");
}

/* ---- guard ---- */

static int take_observe(struct config *config, const struct sw_yaml *node)
{
	return get_bool(config, node, &config->settings->guard.observe);
}

static int take_state(struct config *config, const struct sw_yaml *node)
{
	return take_path(config, node, &config->settings->guard.state);
}

static int take_record(struct config *config, const struct sw_yaml *node)
{
	return take_path(config, node, &config->settings->guard.record);
}

static int take_answers(struct config *config, const struct sw_yaml *node)
{
	return get_number(config, node, 1, 1000000000, &config->settings->guard.answers_qps);
}

static int take_egress(struct config *config, const struct sw_yaml *node)
{
	return get_number(config, node, 1, 1000000, &config->settings->guard.egress_mbps);
}

static int take_punts(struct config *config, const struct sw_yaml *node)
{
	return get_number(config, node, 1, 1000000000, &config->settings->guard.punts_qps);
}

static int take_network(struct config *config, const struct sw_yaml *node)
{
	return get_number(config, node, 0, 1000000000, &config->settings->guard.network_qps);
}

static int take_busy(struct config *config, const struct sw_yaml *node)
{
	return get_number(config, node, 0, 100, &config->settings->guard.busy_percent);
}

static int take_dedicated(struct config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	int err = want_scalar(config, node);
	return err ? err
		   : at(config, node, sw_settings_set_dedicated(config->settings, node->text, text), text);
}

static int add_prefix(struct config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	return at(config, node, sw_settings_add_prefix(config->settings, node->text, text), text);
}

static int take_prefixes(struct config *config, const struct sw_yaml *node)
{
	return each_scalar(config, node, add_prefix);
}

static int take_syn_budget(struct config *config, const struct sw_yaml *node)
{
	return get_number(config, node, 1, 1000000, &config->settings->gate.syn_budget);
}

static int add_trusted(struct config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	return at(config, node, sw_settings_add_trusted(config->settings, node->text, text), text);
}

static int take_trusted(struct config *config, const struct sw_yaml *node)
{
	return each_scalar(config, node, add_trusted);
}

static int take_guard(struct config *config, const struct sw_yaml *node)
{
	static const struct key keys[] = {{"dedicated", take_dedicated}, {"prefixes", take_prefixes},
		{"syn-budget", take_syn_budget}, {"observe", take_observe}, {"trusted", take_trusted},
		{"state", take_state}, {"record", take_record}, {"max-answers", take_answers},
		{"max-egress-mbit", take_egress}, {"max-punts", take_punts},
		{"max-per-network", take_network}, {"max-busy-percent", take_busy}, {NULL, NULL}};
	return take_section(config, node, keys, "'guard'");
}

/* ---- zones ---- */

static int take_nothing(struct config *config, const struct sw_yaml *node)
{
	return want_scalar(config, node);
}

static int take_zone(struct config *config, const struct sw_yaml *node)
{
	static const struct key keys[] = {{"domain", take_nothing}, {"file", take_nothing}, {NULL, NULL}};
	char text[SW_WHY_TEXT_MAX], source[PATH_MAX + 16];
	const struct sw_yaml *domain = NULL, *file = NULL;
	int err = take_section(config, node, keys, "an item of 'zones'");
	if (err != 0)
		return err;
	for (const struct sw_yaml *value = node->first; value != NULL; value = value->next)
		*(value->key->text[0] == 'd' ? &domain : &file) = value;
	if (domain == NULL || file == NULL)
		return refuse(config, node, "a zone needs both 'domain' and 'file'");
	char *path = relative(config->path, file->text);
	if (path == NULL)
		return -ENOMEM;
	snprintf(source, sizeof(source), "%s:%u", config->path, domain->line);
	err = sw_settings_add_zone(config->settings, domain->text, path, source, text);
	free(path);
	return at(config, domain, err, text);
}

static int take_zones(struct config *config, const struct sw_yaml *node)
{
	int err = 0;
	if (node->kind != SW_YAML_LIST)
		return refuse(config, node, "'zones' is a list of items with 'domain' and 'file'");
	for (const struct sw_yaml *item = node->first; err == 0 && item != NULL; item = item->next)
		err = take_zone(config, item);
	return err;
}

static int add_zone_list(struct config *config, const struct sw_yaml *node)
{
	char *path = relative(config->path, node->text);
	if (path == NULL)
		return -ENOMEM;
	int err = sw_config_read_zone_list(path, config->settings, config->why);
	free(path);
	return err;
}

static int take_zone_list(struct config *config, const struct sw_yaml *node)
{
	return each_scalar(config, node, add_zone_list);
}

int sw_config_read(const char *path, struct sw_settings *settings, char *why)
{
	static const struct key keys[] = {{"server", take_server}, {"tcp", take_tcp}, {"guard", take_guard},
		{"zones", take_zones}, {"zone-list", take_zone_list}, {NULL, NULL}};
	struct config config = {.path = path, .settings = settings, .why = why};
	struct sw_yaml *root;
	int err = sw_yaml_load(path, &root, why);
	if (err != 0 || root == NULL)
		return err;
	err = take_section(&config, root, keys, "the file");
	sw_yaml_free(root);
	if (err == -ENOMEM)
		strcpy(why, "out of memory");
	return err;
}

/** One line of a zone list, its line feed gone. */
static int take_line(const char *path, unsigned line, char *text, struct sw_settings *settings, char *why)
{
	char source[PATH_MAX + 16], reason[SW_WHY_TEXT_MAX];
	if (text[0] == '\0' || text[0] == '#')
		return 0;
	char *tab = strchr(text, '\t');
	if (tab == NULL || tab == text || tab[1] == '\0') {
		snprintf(why, SW_WHY_TEXT_MAX, "%.300s:%u: ORIGIN<TAB>FILE expected", path, line);
		return -EINVAL;
	}
	*tab = '\0';
	char *file = relative(path, tab + 1);
	if (file == NULL)
		return -ENOMEM;
	snprintf(source, sizeof(source), "%s:%u", path, line);
	int err = sw_settings_add_zone(settings, text, file, source, reason);
	free(file);
	if (err == -EINVAL)
		snprintf(why, SW_WHY_TEXT_MAX, "%.160s:%u: %.320s", path, line, reason);
	return err;
}

int sw_config_read_zone_list(const char *path, struct sw_settings *settings, char *why)
{
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		int err = -errno;
		snprintf(why, SW_WHY_TEXT_MAX, "%.300s: %s", path, strerror(-err));
		return err;
	}
	char *text = NULL;
	size_t size = 0;
	int err = 0;
	for (unsigned line = 1; err == 0; line++) {
		ssize_t len = getline(&text, &size, file);
		if (len < 0)
			break;
		if (len > 0 && text[len - 1] == '\n')
			text[--len] = '\0';
		if (len > 0 && text[len - 1] == '\r')
			text[--len] = '\0';
		err = take_line(path, line, text, settings, why);
	}
	free(text);
	fclose(file);
	return err;
}
