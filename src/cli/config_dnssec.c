/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The key 'dnssec' of zones and templates. */
#include "cli/config_inside.h"
#include "image/image.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PARENT_CHECK_S 3600
#define SALT_MAX 32 /* bytes; RFC 9276 s3.1 wants none */

static const struct sw_config_key dnssec_keys[] = {{"mode", NULL}, {"algorithm", NULL}, {"single-type", NULL},
	{"denial", NULL}, {"iterations", NULL}, {"salt", NULL}, {"opt-out", NULL}, {"validity", NULL},
	{"refresh", NULL}, {"jitter", NULL}, {"zsk-lifetime", NULL}, {"ksk-lifetime", NULL},
	{"dnskey-ttl", NULL}, {"propagation", NULL}, {"ds-ttl", NULL}, {"parent-propagation", NULL},
	{"directory", NULL}, {"parents", NULL}, {"parent-check", NULL}, {NULL, NULL}};

/** One of two words. */
static int get_word(struct sw_config *config, const struct sw_yaml *mapping, const char *name,
	const char *const words[2], bool *is_second)
{
	const struct sw_yaml *node = NULL;
	int err = sw_config_scalar_child(config, mapping, name, false, &node);
	if (err != 0 || node == NULL)
		return err;
	*is_second = strcmp(node->text, words[1]) == 0;
	if (*is_second || strcmp(node->text, words[0]) == 0)
		return 0;
	return sw_config_refuse(config, node, "'%s' is neither %s nor %s", node->text, words[0], words[1]);
}

static int get_bool(struct sw_config *config, const struct sw_yaml *mapping, const char *name, bool *out)
{
	const struct sw_yaml *node = sw_config_child(mapping, name);
	return node ? sw_config_bool(config, node, out) : 0;
}

/** @param zero  a word that stands for 0, as does "0"; NULL: at least a second */
static int get_seconds(struct sw_config *config, const struct sw_yaml *mapping, const char *name,
	const char *zero, uint32_t *out)
{
	const struct sw_yaml *node = sw_config_child(mapping, name);
	if (node == NULL)
		return 0;
	int err = sw_config_want_scalar(config, node);
	if (err == 0 && zero != NULL && (strcmp(node->text, zero) == 0 || strcmp(node->text, "0") == 0)) {
		*out = 0;
		return 0;
	}
	return err ? err : sw_config_seconds(config, node, out);
}

static int get_salt(struct sw_config *config, const struct sw_yaml *mapping, struct sw_sign_policy *sign)
{
	const struct sw_yaml *node = NULL;
	int err = sw_config_scalar_child(config, mapping, "salt", false, &node);
	if (err != 0 || node == NULL || strcmp(node->text, "none") == 0)
		return err;
	size_t len = strlen(node->text);
	if (len % 2 != 0 || len / 2 > SALT_MAX || strspn(node->text, "0123456789abcdefABCDEF") != len)
		return sw_config_refuse(config, node,
			"'%s' is neither 'none' nor hexadecimal of at most %d bytes", node->text, SALT_MAX);
	for (size_t i = 0; i < len / 2; i++) {
		const char digits[3] = {node->text[2 * i], node->text[2 * i + 1], '\0'};
		sign->salt[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	sign->salt_len = (uint8_t)(len / 2);
	return 0;
}

/** NSEC or NSEC3, and how. */
static int get_denial(struct sw_config *config, const struct sw_yaml *mapping, struct sw_sign_policy *sign)
{
	static const char *const words[2] = {"nsec", "nsec3"};
	static const char *const nsec3_keys[] = {"iterations", "salt", "opt-out"};
	const struct sw_yaml *iterations = sw_config_child(mapping, "iterations");
	unsigned number = 0;
	int err = get_word(config, mapping, "denial", words, &sign->is_nsec3);
	if (err == 0 && iterations != NULL)
		err = sw_config_number(config, iterations, 0, SW_NSEC3_ITERATIONS_MAX, &number);
	sign->iterations = (uint16_t)number;
	if (err == 0)
		err = get_salt(config, mapping, sign);
	if (err == 0)
		err = get_bool(config, mapping, "opt-out", &sign->is_opt_out);
	for (unsigned i = 0; err == 0 && !sign->is_nsec3 && i < 3; i++) {
		const struct sw_yaml *node = sw_config_child(mapping, nsec3_keys[i]);
		if (node != NULL)
			err = sw_config_refuse(config, node, "'%s' is for 'denial: nsec3'", nsec3_keys[i]);
	}
	if (err == 0 && (sign->iterations > 0 || sign->salt_len > 0))
		sw_config_warn(config, mapping,
			"iterations and salt of NSEC3 make it slow and not safer (RFC 9276 s3.1)");
	return err;
}

static int get_algorithm(struct sw_config *config, const struct sw_yaml *mapping, uint8_t *algorithm)
{
	static const char *const words[2] = {"ecdsap256sha256", "ed25519"};
	bool is_ed25519 = false;
	int err = get_word(config, mapping, "algorithm", words, &is_ed25519);
	*algorithm = is_ed25519 ? SW_KEY_ED25519 : SW_KEY_ECDSAP256SHA256;
	return err;
}

static int get_times(struct sw_config *config, const struct sw_yaml *mapping, struct sw_dnssec_policy *policy)
{
	const struct {
		const char *name, *zero;
		uint32_t *out;
	} times[] = {
		{"validity", NULL, &policy->sign.validity_s},
		{"refresh", NULL, &policy->sign.refresh_s},
		{"jitter", "none", &policy->sign.jitter_s},
		{"zsk-lifetime", "forever", &policy->keys.zsk_lifetime_s},
		{"ksk-lifetime", "forever", &policy->keys.ksk_lifetime_s},
		{"dnskey-ttl", NULL, &policy->keys.dnskey_ttl_s},
		{"propagation", "none", &policy->keys.propagation_s},
		{"ds-ttl", NULL, &policy->keys.ds_ttl_s},
		{"parent-propagation", "none", &policy->keys.parent_propagation_s},
	};
	int err = 0;
	for (size_t i = 0; err == 0 && i < sizeof(times) / sizeof(times[0]); i++)
		err = get_seconds(config, mapping, times[i].name, times[i].zero, times[i].out);
	policy->sign.dnskey_ttl_s = policy->keys.dnskey_ttl_s;
	return err;
}

/** What single keys cannot know. */
static int check(
	struct sw_config *config, const struct sw_yaml *mapping, const struct sw_dnssec_policy *policy)
{
	const struct sw_sign_policy *sign = &policy->sign;
	const struct sw_keys_policy *keys = &policy->keys;
	const struct sw_yaml *zsk = sw_config_child(mapping, "zsk-lifetime");
	uint64_t wait_s = (uint64_t)keys->dnskey_ttl_s + keys->propagation_s;
	if ((uint64_t)sign->refresh_s + sign->jitter_s >= sign->validity_s)
		return sw_config_refuse(config, mapping,
			"'validity' must be more than 'refresh' and 'jitter' together: %u s, and not more "
			"than "
			"%u and %u",
			sign->validity_s, sign->refresh_s, sign->jitter_s);
	if (zsk != NULL && !keys->is_split)
		return sw_config_refuse(
			config, zsk, "'zsk-lifetime' is for 'single-type: off': there is no ZSK");
	if (keys->is_split && keys->zsk_lifetime_s != 0 && keys->zsk_lifetime_s <= wait_s)
		return sw_config_refuse(config, zsk ? zsk : mapping,
			"'zsk-lifetime' must be more than 'dnskey-ttl' and 'propagation' together");
	return 0;
}

/** Who is asked for the DS, and how often. */
static int get_parents(
	struct sw_config *config, const struct sw_yaml *mapping, struct sw_dnssec_policy *policy)
{
	const struct sw_yaml *parents = sw_config_child(mapping, "parents");
	const struct sw_yaml *check = sw_config_child(mapping, "parent-check");
	int err = parents ? sw_config_remotes(config, parents, &policy->parents, &policy->parent_count) : 0;
	if (err == 0 && check != NULL && policy->parent_count == 0)
		return sw_config_refuse(
			config, check, "'parent-check' is for those in 'parents', and there are none");
	return err ? err : get_seconds(config, mapping, "parent-check", NULL, &policy->parent_check_s);
}

static int fill(struct sw_config *config, const struct sw_yaml *node, struct sw_dnssec_policy *policy)
{
	static const char *const modes[2] = {"sign", "leave"};
	const struct sw_yaml *directory = NULL;
	bool is_on = false, is_single = true;
	if (node->kind == SW_YAML_SCALAR) {
		int err = sw_config_bool(config, node, &is_on);
		policy->is_leaving = policy->keys.is_leaving = !is_on;
		return err;
	}
	int err = sw_config_section(config, node, dnssec_keys, "'dnssec'");
	if (err == 0)
		err = get_word(config, node, "mode", modes, &policy->is_leaving);
	policy->keys.is_leaving = policy->is_leaving;
	if (err == 0)
		err = get_algorithm(config, node, &policy->keys.algorithm);
	if (err == 0)
		err = get_bool(config, node, "single-type", &is_single);
	policy->keys.is_split = !is_single;
	if (err == 0)
		err = get_denial(config, node, &policy->sign);
	if (err == 0)
		err = get_times(config, node, policy);
	if (err == 0)
		err = get_parents(config, node, policy);
	if (err == 0)
		err = sw_config_scalar_child(config, node, "directory", false, &directory);
	if (err == 0 && directory != NULL) {
		policy->directory = sw_config_relative(config->path, directory->text);
		err = policy->directory ? 0 : -ENOMEM;
	}
	return err ? err : check(config, node, policy);
}

int sw_config_dnssec(struct sw_config *config, const struct sw_yaml *node, struct sw_dnssec_policy **policy)
{
	*policy = malloc(sizeof(**policy));
	if (*policy == NULL)
		return -ENOMEM;
	**policy = (struct sw_dnssec_policy){.sign = SW_SIGN_POLICY_DEFAULT,
		.keys = SW_KEYS_POLICY_DEFAULT,
		.parent_check_s = PARENT_CHECK_S};
	return fill(config, node, *policy);
}
