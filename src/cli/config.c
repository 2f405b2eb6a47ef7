/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/config.h"
#include "cli/config_inside.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- server ---- */

static int add_listen(struct sw_config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	return sw_config_at(config, node, sw_settings_add_listen(config->settings, node->text, text), text);
}

static int take_listen(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_each_scalar(config, node, add_listen);
}

static int add_xdp(struct sw_config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	return sw_config_at(config, node, sw_settings_add_xdp(config->settings, node->text, text), text);
}

static int take_xdp(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_each_scalar(config, node, add_xdp);
}

static int take_control(struct sw_config *config, const struct sw_yaml *node)
{
	int err = sw_config_want_scalar(config, node);
	if (err != 0)
		return err;
	free(config->settings->control);
	config->settings->control =
		strcmp(node->text, "none") == 0 ? strdup("") : sw_config_relative(config->path, node->text);
	return config->settings->control ? 0 : -ENOMEM;
}

static int take_path(struct sw_config *config, const struct sw_yaml *node, char **path)
{
	int err = sw_config_want_scalar(config, node);
	if (err != 0)
		return err;
	free(*path);
	*path = sw_config_relative(config->path, node->text);
	return *path ? 0 : -ENOMEM;
}

static int take_pin(struct sw_config *config, const struct sw_yaml *node)
{
	return take_path(config, node, &config->settings->pin);
}

static int take_server_state(struct sw_config *config, const struct sw_yaml *node)
{
	int err = take_path(config, node, &config->settings->state);
	if (err == 0 && strcmp(node->text, "none") == 0)
		config->settings->state[0] = '\0';
	return err;
}

static int take_outlive(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_duration(config, node, 1000, &config->settings->outlive_ms);
}

static int take_chaos(struct sw_config *config, const struct sw_yaml *node, enum sw_chaos which)
{
	char text[SW_WHY_TEXT_MAX];
	int err = sw_config_want_scalar(config, node);
	return err ? err
		   : sw_config_at(config, node,
			     sw_settings_set_chaos(config->settings, which, node->text, text), text);
}

static int take_identity(struct sw_config *config, const struct sw_yaml *node)
{
	return take_chaos(config, node, SW_CHAOS_ID);
}

static int take_version(struct sw_config *config, const struct sw_yaml *node)
{
	return take_chaos(config, node, SW_CHAOS_VERSION);
}

static int take_nsid(struct sw_config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	int err = sw_config_want_scalar(config, node);
	return err ? err
		   : sw_config_at(
			     config, node, sw_settings_set_nsid(config->settings, node->text, text), text);
}

static int take_cookies(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_bool(config, node, &config->settings->cookies);
}

static int add_cookie_secret(struct sw_config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	return sw_config_at(
		config, node, sw_settings_add_cookie_secret(config->settings, node->text, text), text);
}

static int take_cookie_secret(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_each_scalar(config, node, add_cookie_secret);
}

static int take_udp_max(struct sw_config *config, const struct sw_yaml *node)
{
	unsigned value = 0;
	/* 512: RFC 1035 s2.3.4, what every client takes; 1,452: an Ethernet frame with IPv6. */
	int err = sw_config_number(config, node, 512, 1452, &value);
	if (err == 0)
		config->settings->udp_max = (uint16_t)value;
	return err;
}

static int take_udp_workers(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_number(config, node, 1, 256, &config->settings->udp_workers);
}

static int take_tcp_workers(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_number(config, node, 1, 256, &config->settings->tcp_workers);
}

static int take_server(struct sw_config *config, const struct sw_yaml *node)
{
	static const struct sw_config_key keys[] = {{"listen", take_listen}, {"xdp", take_xdp},
		{"control", take_control}, {"identity", take_identity}, {"version", take_version},
		{"nsid", take_nsid}, {"cookies", take_cookies}, {"cookie-secret", take_cookie_secret},
		{"udp-max-payload", take_udp_max}, {"udp-workers", take_udp_workers},
		{"tcp-workers", take_tcp_workers}, {"pin", take_pin}, {"outlive", take_outlive},
		{"state", take_server_state}, {NULL, NULL}};
	return sw_config_section(config, node, keys, "'server'");
}

/* ---- tcp ---- */

static int take_connections(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_number(config, node, 1, 1000000, &config->settings->tcp.connections);
}

static int take_prefix_connections(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_number(config, node, 1, 1000000, &config->settings->tcp.prefix_connections);
}

static int take_idle(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_duration(config, node, 100, &config->settings->tcp.idle_ms);
}

static int take_lifetime(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_duration(config, node, 0, &config->settings->tcp.lifetime_ms);
}

static int take_tcp(struct sw_config *config, const struct sw_yaml *node)
{
	static const struct sw_config_key keys[] = {{"max-connections", take_connections},
		{"max-connections-per-prefix", take_prefix_connections}, {"idle-timeout", take_idle},
		{"lifetime", take_lifetime}, {NULL, NULL}};
	return sw_config_section(config, node, keys, "'tcp'");
}

/* ---- tls ---- */

static int add_tls_listen(struct sw_config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	return sw_config_at(config, node, sw_tls_add_listen(&config->settings->tls, node->text, text), text);
}

static int take_tls_listen(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_each_scalar(config, node, add_tls_listen);
}

static int take_certificate(struct sw_config *config, const struct sw_yaml *node)
{
	return take_path(config, node, &config->settings->tls.certificate);
}

static int take_tls_key(struct sw_config *config, const struct sw_yaml *node)
{
	return take_path(config, node, &config->settings->tls.key);
}

static int take_trust(struct sw_config *config, const struct sw_yaml *node)
{
	return take_path(config, node, &config->settings->tls.trust);
}

static int take_handshake_percent(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_number(config, node, 1, 100, &config->settings->tls.handshake_percent);
}

static int take_handshakes(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_number(config, node, 1, 1000000, &config->settings->tls.handshakes);
}

static int take_prefix_handshakes(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_number(config, node, 1, 1000000, &config->settings->tls.prefix_handshakes);
}

static int take_handshake_timeout(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_duration(config, node, 100, &config->settings->tls.handshake_ms);
}

static int take_tls(struct sw_config *config, const struct sw_yaml *node)
{
	static const struct sw_config_key keys[] = {{"listen", take_tls_listen},
		{"certificate", take_certificate}, {"key", take_tls_key}, {"trust", take_trust},
		{"max-handshake-percent", take_handshake_percent}, {"max-handshakes", take_handshakes},
		{"max-handshakes-per-prefix", take_prefix_handshakes},
		{"handshake-timeout", take_handshake_timeout}, {NULL, NULL}};
	int err = sw_config_section(config, node, keys, "'tls'");
	const struct sw_tls_options *tls = &config->settings->tls;
	if (err == 0 && (tls->certificate == NULL) != (tls->key == NULL))
		return sw_config_refuse(
			config, node, "'certificate' and 'key' are told together or not at all");
	return err;
}

/* ---- guard ---- */

static int take_observe(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_bool(config, node, &config->settings->guard.observe);
}

static int take_state(struct sw_config *config, const struct sw_yaml *node)
{
	return take_path(config, node, &config->settings->guard.state);
}

static int take_record(struct sw_config *config, const struct sw_yaml *node)
{
	return take_path(config, node, &config->settings->guard.record);
}

static int take_answers(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_number(config, node, 1, 1000000000, &config->settings->guard.answers_qps);
}

static int take_egress(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_number(config, node, 1, 1000000, &config->settings->guard.egress_mbps);
}

static int take_punts(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_number(config, node, 1, 1000000000, &config->settings->guard.punts_qps);
}

static int take_network(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_number(config, node, 0, 1000000000, &config->settings->guard.network_qps);
}

static int take_busy(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_number(config, node, 0, 100, &config->settings->guard.busy_percent);
}

static int take_dedicated(struct sw_config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	int err = sw_config_want_scalar(config, node);
	return err ? err
		   : sw_config_at(config, node, sw_settings_set_dedicated(config->settings, node->text, text),
			     text);
}

static int add_prefix(struct sw_config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	return sw_config_at(config, node, sw_settings_add_prefix(config->settings, node->text, text), text);
}

static int take_prefixes(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_each_scalar(config, node, add_prefix);
}

static int take_syn_budget(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_number(config, node, 1, 1000000, &config->settings->gate.syn_budget);
}

static int add_trusted(struct sw_config *config, const struct sw_yaml *node)
{
	char text[SW_WHY_TEXT_MAX];
	return sw_config_at(config, node, sw_settings_add_trusted(config->settings, node->text, text), text);
}

static int take_trusted(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_each_scalar(config, node, add_trusted);
}

static int take_guard(struct sw_config *config, const struct sw_yaml *node)
{
	static const struct sw_config_key keys[] = {{"dedicated", take_dedicated},
		{"prefixes", take_prefixes}, {"syn-budget", take_syn_budget}, {"observe", take_observe},
		{"trusted", take_trusted}, {"state", take_state}, {"record", take_record},
		{"max-answers", take_answers}, {"max-egress-mbit", take_egress}, {"max-punts", take_punts},
		{"max-per-network", take_network}, {"max-busy-percent", take_busy}, {NULL, NULL}};
	return sw_config_section(config, node, keys, "'guard'");
}

/* ---- lists of zones ---- */

/** One line of a zone list, its line feed gone. Without a file where the template 'default' has one, or
 * primaries. */
static int take_line(const char *path, unsigned line, char *text, struct sw_config *config, char *why)
{
	char source[PATH_MAX + 16], reason[SW_WHY_TEXT_MAX] = "";
	if (text[0] == '\0' || text[0] == '#')
		return 0;
	char *tab = strchr(text, '\t'), *file = NULL;
	bool is_broken = tab != NULL && (tab == text || tab[1] == '\0');
	snprintf(source, sizeof(source), "%s:%u", path, line);
	if (tab != NULL && !is_broken) {
		*tab = '\0';
		file = sw_config_relative(path, tab + 1);
		if (file == NULL)
			return -ENOMEM;
	}
	config->why = reason;
	int err = is_broken ? -ENODATA : sw_config_listed_zone(config, text, file, source);
	config->why = why;
	free(file);
	if (err == -ENODATA) {
		snprintf(why, SW_WHY_TEXT_MAX, "%.300s:%u: ORIGIN<TAB>FILE expected", path, line);
		return -EINVAL;
	}
	if (err == -EINVAL)
		snprintf(why, SW_WHY_TEXT_MAX, "%.160s:%u: %.320s", path, line, reason);
	return err;
}

static int read_zone_list(const char *path, struct sw_config *config, char *why)
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
		err = take_line(path, line, text, config, why);
	}
	free(text);
	fclose(file);
	return err;
}

/* ---- the file ---- */

static int add_zone_list(struct sw_config *config, const struct sw_yaml *node)
{
	char *path = sw_config_relative(config->path, node->text);
	if (path == NULL)
		return -ENOMEM;
	int err = read_zone_list(path, config, config->why);
	free(path);
	return err;
}

static int take_zone_list(struct sw_config *config, const struct sw_yaml *node)
{
	return sw_config_each_scalar(config, node, add_zone_list);
}

/** In this order, whatever the file's is: each refers to those before it. */
static const struct sw_config_key sections[] = {{"server", take_server}, {"tcp", take_tcp}, {"tls", take_tls},
	{"guard", take_guard}, {"transfers", sw_config_take_transfers}, {"keys", sw_config_take_keys},
	{"remotes", sw_config_take_remotes}, {"templates", sw_config_take_templates},
	{"zones", sw_config_take_zones}, {"zone-list", take_zone_list}, {NULL, NULL}};

static int take_file(struct sw_config *config, const struct sw_yaml *root)
{
	struct sw_config_key names[sizeof(sections) / sizeof(sections[0])];
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		names[i] = (struct sw_config_key){sections[i].name, NULL};
	int err = sw_config_section(config, root, names, "the file");
	for (const struct sw_config_key *key = sections; err == 0 && key->name != NULL; key++) {
		const struct sw_yaml *node = sw_config_child(root, key->name);
		if (node != NULL)
			err = key->take(config, node);
	}
	return err;
}

int sw_config_read(const char *path, struct sw_settings *settings, char *why)
{
	struct sw_config config = {.path = path, .settings = settings, .why = why};
	struct sw_yaml *root;
	int err = sw_yaml_load(path, &root, why);
	if (err != 0 || root == NULL)
		return err;
	err = take_file(&config, root);
	free(config.templates);
	sw_yaml_free(root);
	if (err == -ENOMEM)
		strcpy(why, "out of memory");
	return err;
}

int sw_config_read_zone_list(const char *path, struct sw_settings *settings, char *why)
{
	struct sw_config config = {.path = path, .settings = settings, .why = why};
	return read_zone_list(path, &config, why);
}
