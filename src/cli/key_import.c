/* SPDX-License-Identifier: GPL-3.0-or-later */
/** seawall key import: no daemon is asked, since the zone is not signed here yet. */
#include "cli/key_import.h"
#include "zone/keys.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FILES_MAX 16 /* that are told of; more than two are refused with what to do */

/** "FILE" or "ROLE:FILE". */
static struct sw_key_file file_of(const char *text)
{
	struct sw_key_file file = {.path = text};
#define X(name, label)                                    \
	if (strncmp(text, label ":", sizeof(label)) == 0) \
		file = (struct sw_key_file){              \
			.path = text + sizeof(label), .has_role = true, .role = SW_KEY_##name};
	SW_KEY_ROLES(X)
#undef X
	return file;
}

static json_t *key_json(const struct sw_key *key)
{
	return json_pack("{s:s, s:s, s:i, s:i}", "id", key->id, "role", sw_key_role_label(key->role),
		"algorithm", key->algorithm, "tag", key->tag);
}

static void print_json(const struct sw_keys *keys, const char *zone)
{
	json_t *list = json_array();
	for (size_t i = 0; i < keys->count; i++)
		json_array_append_new(list, key_json(&keys->keys[i]));
	json_t *object = json_pack("{s:s, s:o}", "zone", zone, "keys", list);
	json_dumpf(object, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(object);
}

/** What was taken over, and what is to be said in the configuration so that it stays. */
static void print_text(const struct sw_keys *keys, const char *zone)
{
	bool is_ed25519 = keys->keys[0].algorithm == SW_KEY_ED25519;
	for (size_t i = 0; i < keys->count; i++)
		printf("%s: %s %u, algorithm %u, is %s.pem\n", zone, sw_key_role_label(keys->keys[i].role),
			keys->keys[i].tag, keys->keys[i].algorithm, keys->keys[i].id);
	printf("Now  dnssec: {single-type: %s%s}  at the zone, and 'seawall reload'.\n",
		keys->count == 1 ? "on" : "off", is_ed25519 ? ", algorithm: ed25519" : "");
}

int sw_key_import(
	const struct sw_command *command, char **words, size_t count, const char *directory, bool is_json)
{
	struct sw_keys keys = {0};
	struct sw_key_file files[FILES_MAX];
	char why[SW_KEYS_WHY_MAX], name[SW_NAME_TEXT_MAX];
	uint8_t apex[SW_NAME_MAX];
	if (directory == NULL || count < 2) {
		sw_complain(command, "import takes a zone, its keys, and --directory");
		return SW_EXIT_USAGE;
	}
	if (sw_name_parse(words[0], apex) < 0) {
		sw_complain(command, "%s: not a domain name", words[0]);
		return SW_EXIT_USAGE;
	}
	count--;
	for (size_t i = 0; i < count && i < FILES_MAX; i++)
		files[i] = file_of(words[1 + i]);
	int error = sw_keys_load(&keys, directory, apex, false, why);
	if (error == 0)
		error = sw_keys_import(&keys, directory, files, count, (int64_t)time(NULL), why);
	if (error != 0)
		sw_complain(command, "%s", why);
	else if (is_json)
		print_json(&keys, sw_name_text(keys.apex, name));
	else
		print_text(&keys, sw_name_text(keys.apex, name));
	sw_keys_free(&keys);
	return error ? SW_EXIT_FAILED : SW_EXIT_OK;
}
