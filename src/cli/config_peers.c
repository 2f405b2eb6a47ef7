/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/config_inside.h"
#include <errno.h>
#include <libdnssec/binary.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECRET_TEXT_MAX 512 /* a file of more is none of Base64 alone */
#define TLS_PORT 853	    /* RFC 9103 s7.1 */

/* ---- keys ---- */

int sw_config_find_key(struct sw_config *config, const struct sw_yaml *node, const char *name,
	const struct sw_tsig_key **key)
{
	const struct sw_settings *settings = config->settings;
	struct sw_nearest nearest = sw_nearest_to(name);
	char text[SW_NAME_TEXT_MAX];
	uint8_t wire[SW_NAME_MAX];
	if (sw_name_parse(name, wire) < 0)
		return sw_config_refuse(config, node, "'%s' is not the name of a key", name);
	sw_name_lower(wire);
	const struct sw_tsig_key *found = sw_settings_find_key(settings, wire);
	if (found != NULL) {
		*key = found;
		return 0;
	}
	for (size_t i = 0; i < settings->key_count; i++) {
		sw_name_text(settings->keys[i].name, text);
		if (name[0] != '\0' && name[strlen(name) - 1] != '.' && text[1] != '\0')
			text[strlen(text) - 1] = '\0'; /* as it was written: without the dot at the end */
		sw_nearest_offer(&nearest, text);
	}
	return sw_config_refuse(config, node, "no key '%.100s' in 'keys'%s", name, nearest.text);
}

/** Base64 from a file of one line. @param secret  SECRET_TEXT_MAX bytes */
static int read_secret(struct sw_config *config, const struct sw_yaml *node, char *secret)
{
	char *path = sw_config_relative(config->path, node->text);
	FILE *file = path ? fopen(path, "re") : NULL;
	int err = path == NULL ? -ENOMEM : 0;
	if (path != NULL && file == NULL)
		err = sw_config_refuse(config, node, "%.200s: %s", path, strerror(errno));
	if (file != NULL) {
		size_t len = fread(secret, 1, SECRET_TEXT_MAX - 1, file);
		secret[len] = '\0';
		secret[strcspn(secret, " \t\r\n")] = '\0';
		if (ferror(file) || secret[0] == '\0' || len == SECRET_TEXT_MAX - 1)
			err = sw_config_refuse(
				config, node, "%.200s: a line with a secret in Base64 expected", path);
		fclose(file);
	}
	free(path);
	return err;
}

static int get_secret(
	struct sw_config *config, const struct sw_yaml *node, char *secret, const struct sw_yaml **where)
{
	const struct sw_yaml *inside = NULL, *file = NULL;
	int err = sw_config_scalar_child(config, node, "secret", false, &inside);
	if (err == 0)
		err = sw_config_scalar_child(config, node, "secret-file", false, &file);
	if (err != 0)
		return err;
	if ((inside == NULL) == (file == NULL))
		return sw_config_refuse(config, node, "a key needs either 'secret' or 'secret-file'");
	*where = inside ? inside : file;
	if (file != NULL)
		return read_secret(config, file, secret);
	if (strlen(inside->text) >= SECRET_TEXT_MAX)
		return sw_config_refuse(config, inside, "the secret is too long");
	strcpy(secret, inside->text);
	return 0;
}

/** @param node  NULL: the default */
static int get_algorithm(struct sw_config *config, const struct sw_yaml *key, const struct sw_yaml *node,
	enum sw_tsig_algorithm *algorithm)
{
	struct sw_nearest nearest = sw_nearest_to(node ? node->text : "");
	bool is_weak_told = false;
	const struct sw_yaml *weak = sw_config_child(key, "weak");
	int err = weak ? sw_config_bool(config, weak, &is_weak_told) : 0;
	unsigned i = SW_TSIG_SHA256;
	if (err != 0)
		return err;
	for (i = 0; node != NULL && i < SW_TSIG_ALGORITHM_COUNT; i++) {
		if (strcasecmp(node->text, sw_tsig_algorithm_label(i)) == 0)
			break;
		sw_nearest_offer(&nearest, sw_tsig_algorithm_label(i));
	}
	if (i == SW_TSIG_ALGORITHM_COUNT)
		return sw_config_refuse(
			config, node, "'%.40s' is not an algorithm of TSIG%s", node->text, nearest.text);
	if (sw_tsig_algorithm_is_weak(i) && !is_weak_told)
		return sw_config_refuse(config, node,
			"%s is weak (RFC 8945 s6): 'weak: on' beside it uses it all the same", node->text);
	if (sw_tsig_algorithm_is_weak(i))
		sw_config_warn(config, node, "%s is weak: use hmac-sha256", node->text);
	*algorithm = i;
	return 0;
}

static int take_key(struct sw_config *config, const struct sw_yaml *node)
{
	static const struct sw_config_key keys[] = {{"name", NULL}, {"algorithm", NULL}, {"secret", NULL},
		{"secret-file", NULL}, {"weak", NULL}, {NULL, NULL}};
	char secret[SECRET_TEXT_MAX] = "", text[SW_WHY_TEXT_MAX];
	const struct sw_yaml *name = NULL, *algorithm_node = NULL, *where = NULL;
	enum sw_tsig_algorithm algorithm = SW_TSIG_SHA256;
	struct sw_tsig_key key = {.secret_len = 0};
	uint8_t wire[SW_NAME_MAX];
	int err = sw_config_section(config, node, keys, "an item of 'keys'");
	if (err == 0)
		err = sw_config_scalar_child(config, node, "name", true, &name);
	if (err == 0 && sw_name_parse(name->text, wire) < 0)
		err = sw_config_refuse(config, name, "'%s' is not a domain name, as keys have", name->text);
	if (err == 0)
		err = sw_config_scalar_child(config, node, "algorithm", false, &algorithm_node);
	if (err == 0)
		err = get_algorithm(config, node, algorithm_node, &algorithm);
	if (err == 0)
		err = get_secret(config, node, secret, &where);
	if (err == 0)
		err = sw_config_at(config, where,
			sw_tsig_key_parse(&key, name->text, sw_tsig_algorithm_label(algorithm), secret, text),
			text);
	if (err == 0)
		err = sw_config_at(config, name, sw_settings_add_key(config->settings, &key, text), text);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(&key, sizeof(key));
	return err;
}

int sw_config_take_keys(struct sw_config *config, const struct sw_yaml *node)
{
	int err = 0;
	if (node->kind != SW_YAML_LIST)
		return sw_config_refuse(
			config, node, "'keys' is a list of items with 'name', 'algorithm' and 'secret'");
	for (const struct sw_yaml *item = node->first; err == 0 && item != NULL; item = item->next)
		err = take_key(config, item);
	return err;
}

/* ---- remotes ---- */

static void set_port(struct sw_endpoint *endpoint, unsigned port)
{
	if (endpoint->any.sa_family == AF_INET)
		endpoint->v4.sin_port = htons((uint16_t)port);
	else
		endpoint->v6.sin6_port = htons((uint16_t)port);
}

static int get_endpoint(struct sw_config *config, const struct sw_yaml *node, unsigned port_default,
	struct sw_endpoint *endpoint)
{
	int err = sw_config_want_scalar(config, node);
	if (err != 0)
		return err;
	if (sw_endpoint_parse(node->text, endpoint) != 0)
		return sw_config_refuse(config, node,
			"'%s' is not ADDR or ADDR@PORT, as 192.0.2.1@53 or 2001:db8::1", node->text);
	if (sw_endpoint_is_wildcard(endpoint))
		return sw_config_refuse(config, node, "'%s' is nobody's address", node->text);
	if (strchr(node->text, '@') == NULL)
		set_port(endpoint, port_default);
	return 0;
}

static int get_addresses(struct sw_config *config, const struct sw_yaml *node, struct sw_remote *remote)
{
	for (const struct sw_yaml *item = sw_config_first(node); item != NULL;
		item = sw_config_next(node, item)) {
		struct sw_endpoint endpoint;
		int err = get_endpoint(config, item, remote->is_tls ? TLS_PORT : SW_PORT_DEFAULT, &endpoint);
		if (err != 0)
			return err;
		struct sw_endpoint *grown =
			reallocarray(remote->addresses, remote->address_count + 1, sizeof(endpoint));
		if (grown == NULL)
			return -ENOMEM;
		grown[remote->address_count++] = endpoint;
		remote->addresses = grown;
	}
	if (remote->address_count == 0)
		return sw_config_refuse(config, node, "an address is missing");
	return 0;
}

/** To ask from; the port is the system's choice unless told. */
static int get_source(struct sw_config *config, const struct sw_yaml *node, struct sw_remote *remote)
{
	int err = get_endpoint(config, node, 0, &remote->source);
	for (size_t i = 0; err == 0 && i < remote->address_count; i++) {
		if (remote->addresses[i].any.sa_family == remote->source.any.sa_family)
			return 0;
	}
	return err ? err
		   : sw_config_refuse(
			     config, node, "no address of this remote is of the kind of '%s'", node->text);
}

/** SHA-256 in Base64, as RFC 7469 s2.4 writes it. */
static int get_pin(struct sw_config *config, const struct sw_yaml *node, struct sw_remote *remote)
{
	dnssec_binary_t pin = {0};
	const dnssec_binary_t text = {.size = strlen(node->text), .data = (uint8_t *)node->text};
	bool is_good = dnssec_binary_from_base64(&text, &pin) == 0 && pin.size == sizeof(remote->tls_pin);
	if (is_good)
		memcpy(remote->tls_pin, pin.data, sizeof(remote->tls_pin));
	remote->has_tls_pin = is_good;
	dnssec_binary_free(&pin);
	return is_good ? 0
		       : sw_config_refuse(config, node,
				 "'%.80s' is not a SHA-256 in Base64, which has 44 characters", node->text);
}

static int get_tls(struct sw_config *config, const struct sw_yaml *node, struct sw_remote *remote)
{
	const struct sw_yaml *tls = sw_config_child(node, "tls"), *hostname = NULL, *pin = NULL;
	uint8_t name[SW_NAME_MAX];
	int err = tls ? sw_config_bool(config, tls, &remote->is_tls) : 0;
	if (err == 0)
		err = sw_config_scalar_child(config, node, "tls-hostname", false, &hostname);
	if (err == 0)
		err = sw_config_scalar_child(config, node, "tls-pin", false, &pin);
	if (err != 0)
		return err;
	if (!remote->is_tls && (hostname != NULL || pin != NULL))
		return sw_config_refuse(config, hostname ? hostname : pin, "this needs 'tls: on'");
	if (hostname != NULL && sw_name_parse(hostname->text, name) < 0)
		return sw_config_refuse(config, hostname, "'%s' is not a host name", hostname->text);
	if (hostname != NULL) {
		remote->tls_hostname = strdup(hostname->text);
		if (remote->tls_hostname == NULL)
			return -ENOMEM;
	}
	return pin ? get_pin(config, pin, remote) : 0;
}

static int get_remote(struct sw_config *config, const struct sw_yaml *node, struct sw_remote *remote)
{
	const struct sw_yaml *name = NULL, *key = NULL, *source = NULL;
	const struct sw_yaml *address = sw_config_child(node, "address");
	int err = sw_config_scalar_child(config, node, "name", true, &name);
	if (err == 0)
		err = sw_config_scalar_child(config, node, "key", false, &key);
	if (err == 0)
		err = sw_config_scalar_child(config, node, "source", false, &source);
	if (err == 0 && address == NULL)
		err = sw_config_refuse(config, node, "'address' is missing here");
	if (err == 0)
		err = get_tls(config, node, remote);
	if (err == 0)
		err = get_addresses(config, address, remote);
	if (err == 0 && source != NULL)
		err = get_source(config, source, remote);
	if (err == 0 && key != NULL)
		err = sw_config_find_key(config, key, key->text, &remote->key);
	if (err != 0)
		return err;
	remote->name = strdup(name->text);
	return remote->name ? 0 : -ENOMEM;
}

static int take_remote(struct sw_config *config, const struct sw_yaml *node)
{
	static const struct sw_config_key keys[] = {{"name", NULL}, {"address", NULL}, {"source", NULL},
		{"key", NULL}, {"tls", NULL}, {"tls-hostname", NULL}, {"tls-pin", NULL}, {NULL, NULL}};
	char text[SW_WHY_TEXT_MAX];
	struct sw_remote remote = {0};
	int err = sw_config_section(config, node, keys, "an item of 'remotes'");
	if (err == 0)
		err = get_remote(config, node, &remote);
	if (err == 0)
		err = sw_config_at(config, sw_config_child(node, "name"),
			sw_settings_add_remote(config->settings, &remote, text), text);
	if (err != 0)
		sw_remote_clear(&remote);
	return err;
}

int sw_config_take_remotes(struct sw_config *config, const struct sw_yaml *node)
{
	int err = 0;
	if (node->kind != SW_YAML_LIST)
		return sw_config_refuse(
			config, node, "'remotes' is a list of items with 'name' and 'address'");
	for (const struct sw_yaml *item = node->first; err == 0 && item != NULL; item = item->next)
		err = take_remote(config, item);
	return err;
}
