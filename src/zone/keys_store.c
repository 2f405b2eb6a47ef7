/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Keys on disk. The order of writing is what makes it safe: a private key is durable before anything names
 * it, and is removed only after nothing names it any more. */
#include "zone/keys_inside.h"
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <jansson.h>
#include <libdnssec/error.h>
#include <libdnssec/key.h>
#include <libdnssec/keystore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS_ZONE 256 /* RFC 4034 s2.1.1 */
#define FLAGS_SEP 257
#define TAG_TRIES_MAX 16

int sw_keys_tell(char *why, int error, const char *what, const char *path)
{
	snprintf(why, SW_KEYS_WHY_MAX, "%.400s: %s: %s", path, what, strerror(-error));
	return error;
}

int sw_keys_errno(int dnssec_error)
{
	switch (dnssec_error) {
	case DNSSEC_EOK:
		return 0;
	case DNSSEC_NOT_FOUND:
		return -ENOENT;
	default:
		/* its own codes begin beyond all of errno's */
		return dnssec_error > DNSSEC_ERROR_MAX || dnssec_error < DNSSEC_ERROR_MIN ? dnssec_error
											  : -EBADMSG;
	}
}

/** A zone's name as that of a file: letters, digits, hyphens and underscores as they are, all else as %XX; a
 * longer one than any file system takes by its SHA-256. */
static void file_path(
	const char *directory, const uint8_t *apex, const char *suffix, char path[SW_KEYS_PATH_MAX])
{
	char text[4 * SW_NAME_MAX];
	size_t len = 0;
	for (const uint8_t *label = apex; *label != 0; label += 1 + *label) {
		for (unsigned i = 1; i <= *label; i++) {
			char c = (char)label[i];
			bool is_plain =
				(c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
			len += (size_t)(is_plain ? sprintf(text + len, "%c", c)
						 : sprintf(text + len, "%%%02X", label[i]));
		}
		text[len++] = '.';
	}
	text[len] = '\0';
	uint8_t digest[32];
	if (len > 200 && gnutls_hash_fast(GNUTLS_DIG_SHA256, apex, sw_name_len(apex), digest) == 0) {
		len = (size_t)sprintf(text, "sha256-");
		for (unsigned i = 0; i < sizeof(digest); i++)
			len += (size_t)sprintf(text + len, "%02x", digest[i]);
		text[len++] = '.';
		text[len] = '\0';
	}
	snprintf(path, SW_KEYS_PATH_MAX, "%s/%s%s", directory, len ? text : "@.", suffix);
}

void sw_keys_id_path(const char *directory, const char *id, char path[SW_KEYS_PATH_MAX])
{
	snprintf(path, SW_KEYS_PATH_MAX, "%s/%s.pem", directory, id);
}

static int sync_path(const char *path, int flags)
{
	int file = open(path, flags | O_CLOEXEC);
	if (file < 0)
		return -errno;
	int error = fsync(file) == 0 ? 0 : -errno;
	close(file);
	return error;
}

int sw_keys_store_open(dnssec_keystore_t **store, const char *directory)
{
	int error = sw_keys_errno(dnssec_keystore_init_pkcs8(store));
	if (error)
		return error;
	error = sw_keys_errno(dnssec_keystore_open(*store, directory));
	if (error) {
		dnssec_keystore_deinit(*store);
		*store = NULL;
	}
	return error;
}

/* ---- private keys ---- */

static int secret_new(dnssec_key_t **secret, const uint8_t *apex, const struct sw_key *key)
{
	int error = sw_keys_errno(dnssec_key_new(secret));
	if (!error)
		error = sw_keys_errno(dnssec_key_set_dname(*secret, apex));
	if (!error)
		error = sw_keys_errno(
			dnssec_key_set_flags(*secret, key->role == SW_KEY_ZSK ? FLAGS_ZONE : FLAGS_SEP));
	return error ? error : sw_keys_errno(dnssec_key_set_algorithm(*secret, key->algorithm));
}

int sw_keys_secret(dnssec_keystore_t *store, const uint8_t *apex, struct sw_key *key)
{
	dnssec_key_t *secret = NULL;
	dnssec_binary_t rdata;
	int error = secret_new(&secret, apex, key);
	if (!error)
		error = sw_keys_errno(dnssec_keystore_get_private(store, key->id, secret));
	if (!error)
		error = sw_keys_errno(dnssec_key_get_rdata(secret, &rdata));
	if (!error &&
		(rdata.size > sizeof(key->dnskey) ||
			(key->dnskey_len > 0 && (rdata.size != key->dnskey_len ||
							memcmp(rdata.data, key->dnskey, rdata.size) != 0))))
		error = -EBADMSG;
	if (error) {
		dnssec_key_free(secret);
		return error;
	}
	memcpy(key->dnskey, rdata.data, rdata.size);
	key->dnskey_len = (uint16_t)rdata.size;
	key->tag = dnssec_key_get_keytag(secret);
	key->secret = secret;
	return 0;
}

void sw_keys_free(struct sw_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		dnssec_key_free(keys->keys[i].secret);
	memset(keys->keys, 0, sizeof(keys->keys));
	keys->count = 0;
}

/* ---- what is known of them, as JSON ---- */

static json_t *key_json(const struct sw_key *key)
{
	char hex[2 * SW_DNSKEY_MAX + 1] = "";
	for (unsigned i = 0; i < key->dnskey_len; i++)
		sprintf(hex + 2 * i, "%02x", key->dnskey[i]);
	json_t *object = json_pack("{s:s, s:s, s:i, s:i, s:s, s:b}", "id", key->id, "role",
		sw_key_role_label(key->role), "algorithm", key->algorithm, "tag", key->tag, "dnskey", hex,
		"roll-asked", key->is_roll_asked);
#define X(field, label) json_object_set_new(object, label, json_integer(key->field));
	SW_KEY_TIMES(X)
#undef X
	return object;
}

static json_t *keys_json(const struct sw_keys *keys)
{
	char zone[SW_NAME_TEXT_MAX];
	json_t *list = json_array();
	for (size_t i = 0; i < keys->count; i++)
		json_array_append_new(list, key_json(&keys->keys[i]));
	return json_pack(
		"{s:i, s:s, s:o}", "version", 1, "zone", sw_name_text(keys->apex, zone), "keys", list);
}

static bool read_hex(const char *hex, struct sw_key *key)
{
	size_t len = strlen(hex);
	if (len % 2 != 0 || len / 2 > sizeof(key->dnskey) || len / 2 < 4 ||
		strspn(hex, "0123456789abcdef") != len)
		return false;
	for (size_t i = 0; i < len / 2; i++)
		sscanf(hex + 2 * i, "%2hhx", &key->dnskey[i]);
	key->dnskey_len = (uint16_t)(len / 2);
	return true;
}

static bool read_role(const char *label, struct sw_key *key)
{
#define X(name, text)                      \
	if (strcmp(label, text) == 0) {    \
		key->role = SW_KEY_##name; \
		return true;               \
	}
	SW_KEY_ROLES(X)
#undef X
	return false;
}

static bool read_key(json_t *object, struct sw_key *key)
{
	const char *id, *role, *hex;
	int algorithm, tag, is_roll_asked;
	json_int_t time_s;
	if (json_unpack(object, "{s:s, s:s, s:i, s:i, s:s, s:b}", "id", &id, "role", &role, "algorithm",
		    &algorithm, "tag", &tag, "dnskey", &hex, "roll-asked", &is_roll_asked) != 0)
		return false;
	/* the id becomes part of a path */
	if (strlen(id) != SW_KEY_ID_MAX - 1 || strspn(id, "0123456789abcdef") != SW_KEY_ID_MAX - 1 ||
		!read_hex(hex, key) || !read_role(role, key) || algorithm != key->dnskey[3] || tag < 0 ||
		tag > UINT16_MAX)
		return false;
	memcpy(key->id, id, SW_KEY_ID_MAX);
	key->algorithm = (uint8_t)algorithm;
	key->tag = (uint16_t)tag;
	key->is_roll_asked = is_roll_asked != 0;
#define X(field, label)                                                      \
	if (json_unpack(object, "{s:I}", label, &time_s) != 0 || time_s < 0) \
		return false;                                                \
	key->field = (int64_t)time_s;
	SW_KEY_TIMES(X)
#undef X
	return true;
}

static bool read_keys(json_t *object, struct sw_keys *keys)
{
	char text[SW_NAME_TEXT_MAX];
	const char *zone;
	int version;
	json_t *list, *item;
	size_t i;
	if (json_unpack(object, "{s:i, s:s, s:o}", "version", &version, "zone", &zone, "keys", &list) != 0 ||
		version != 1 || strcmp(zone, sw_name_text(keys->apex, text)) != 0 || !json_is_array(list) ||
		json_array_size(list) > SW_KEYS_MAX)
		return false;
	json_array_foreach(list, i, item)
	{
		if (!read_key(item, &keys->keys[i]))
			return false;
		keys->count = i + 1;
	}
	return true;
}

/* ---- files ---- */

static int read_secrets(struct sw_keys *keys, const char *directory, char *why)
{
	dnssec_keystore_t *store;
	char path[SW_KEYS_PATH_MAX];
	int error = sw_keys_store_open(&store, directory);
	if (error)
		return sw_keys_tell(why, error, "no store of keys", directory);
	for (size_t i = 0; i < keys->count && !error; i++) {
		struct sw_key *key = &keys->keys[i];
		if (key->removed_s != 0)
			continue;
		sw_keys_id_path(directory, key->id, path);
		uint16_t tag = key->tag;
		error = sw_keys_secret(store, keys->apex, key);
		if (!error && key->tag != tag)
			error = -EBADMSG;
		if (error)
			sw_keys_tell(why, error, "private key", path);
	}
	dnssec_keystore_deinit(store);
	return error;
}

int sw_keys_load(
	struct sw_keys *keys, const char *directory, const uint8_t *apex, bool has_secrets, char *why)
{
	char path[SW_KEYS_PATH_MAX];
	struct sw_keys found = {0};
	memcpy(found.apex, apex, sw_name_len(apex));
	sw_name_lower(found.apex);
	file_path(directory, found.apex, "json", path);
	FILE *file = fopen(path, "re");
	if (!file && errno != ENOENT)
		return sw_keys_tell(why, -errno, "keys of the zone", path);
	int error = 0;
	if (file) {
		json_error_t where;
		json_t *object = json_loadf(file, JSON_REJECT_DUPLICATES, &where);
		fclose(file);
		if (!object || !read_keys(object, &found))
			error = sw_keys_tell(why, -EBADMSG, "keys of the zone", path);
		json_decref(object);
		if (!error && has_secrets)
			error = read_secrets(&found, directory, why);
	}
	if (error)
		sw_keys_free(&found);
	else
		*keys = found;
	return error;
}

/** Write a new file and put it in place of the old one. */
static int replace_file(const char *path, const char *text)
{
	char fresh[SW_KEYS_PATH_MAX + 8];
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	int file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0)
		return -errno;
	size_t len = strlen(text), at = 0;
	int error = 0;
	while (at < len && !error) {
		ssize_t some = write(file, text + at, len - at);
		if (some > 0)
			at += (size_t)some;
		else if (errno != EINTR)
			error = some < 0 ? -errno : -EIO;
	}
	if (!error && fsync(file) != 0)
		error = -errno;
	close(file);
	if (!error && rename(fresh, path) != 0)
		error = -errno;
	if (error)
		unlink(fresh);
	return error;
}

int sw_keys_save(const struct sw_keys *keys, const char *directory, char *why)
{
	char path[SW_KEYS_PATH_MAX];
	int error = 0;
	file_path(directory, keys->apex, "json", path);
	if (keys->count == 0) {
		error = unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
	} else {
		json_t *object = keys_json(keys);
		char *text = json_dumps(object, JSON_INDENT(1));
		json_decref(object);
		error = text ? replace_file(path, text) : -ENOMEM;
		free(text);
	}
	if (!error)
		error = sync_path(directory, O_RDONLY | O_DIRECTORY);
	return error ? sw_keys_tell(why, error, "cannot be written", path) : 0;
}

bool sw_keys_has_tag(const struct sw_keys *keys, uint16_t tag)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->keys[i].tag == tag)
			return true;
	}
	return false;
}

/** Make a private key and read it back. One in 65536 has a key tag that the zone knows already: it is drawn
 * again, since signatures name their key by tag alone and validators would have to try both. */
static int generate_unlike(
	dnssec_keystore_t *store, const struct sw_keys *keys, struct sw_key *key, unsigned bits)
{
	for (unsigned i = 0; i < TAG_TRIES_MAX; i++) {
		char *id = NULL;
		int error = sw_keys_errno(dnssec_keystore_generate(store, key->algorithm, bits, NULL, &id));
		if (error)
			return error;
		snprintf(key->id, sizeof(key->id), "%s", id);
		free(id);
		key->dnskey_len = 0;
		error = sw_keys_secret(store, keys->apex, key);
		if (!error && !sw_keys_has_tag(keys, key->tag))
			return 0;
		dnssec_key_free(key->secret);
		key->secret = NULL;
		dnssec_keystore_remove(store, key->id);
		if (error)
			return error;
	}
	return -EEXIST;
}

int sw_keys_make_durable(const char *directory, const char *id)
{
	char path[SW_KEYS_PATH_MAX];
	sw_keys_id_path(directory, id, path);
	if (chmod(path, 0600) != 0)
		return -errno;
	int error = sync_path(path, O_RDONLY);
	return error ? error : sync_path(directory, O_RDONLY | O_DIRECTORY);
}

int sw_keys_generate(struct sw_keys *keys, const char *directory, enum sw_key_role role, uint8_t algorithm,
	int64_t now_s, char *why)
{
	if (algorithm != SW_KEY_ECDSAP256SHA256 && algorithm != SW_KEY_ED25519)
		return sw_keys_tell(why, -EINVAL, "algorithm of a key", directory);
	if (keys->count == SW_KEYS_MAX)
		return sw_keys_tell(why, -ENOSPC, "too many keys", directory);
	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return sw_keys_tell(why, -errno, "directory of keys", directory);
	struct sw_key key = {.role = role, .algorithm = algorithm, .created_s = now_s};
	dnssec_keystore_t *store;
	int error = sw_keys_store_open(&store, directory);
	if (error)
		return sw_keys_tell(why, error, "no store of keys", directory);
	error = generate_unlike(store, keys, &key, (unsigned)dnssec_algorithm_key_size_default(algorithm));
	if (error) {
		sw_keys_tell(why, error, "cannot make a key", directory);
	} else {
		error = sw_keys_make_durable(directory, key.id);
		keys->keys[keys->count++] = key;
		error = error ? sw_keys_tell(why, error, "cannot be written", directory)
			      : sw_keys_save(keys, directory, why);
	}
	if (error && key.secret) {
		keys->keys[--keys->count] = (struct sw_key){0};
		dnssec_key_free(key.secret);
		dnssec_keystore_remove(store, key.id);
	}
	dnssec_keystore_deinit(store);
	return error;
}

int sw_keys_purge(struct sw_keys *keys, const char *directory, int64_t before_s, char *why)
{
	char gone[SW_KEYS_MAX][SW_KEY_ID_MAX], path[SW_KEYS_PATH_MAX];
	size_t gone_count = 0, kept = 0;
	for (size_t i = 0; i < keys->count; i++) {
		struct sw_key *key = &keys->keys[i];
		if (key->removed_s != 0 && key->removed_s < before_s) {
			memcpy(gone[gone_count++], key->id, SW_KEY_ID_MAX);
			dnssec_key_free(key->secret);
		} else {
			keys->keys[kept++] = *key;
		}
	}
	memset(keys->keys + kept, 0, (keys->count - kept) * sizeof(*keys->keys));
	keys->count = kept;
	int error = gone_count ? sw_keys_save(keys, directory, why) : 0;
	for (size_t i = 0; i < gone_count && !error; i++) {
		sw_keys_id_path(directory, gone[i], path);
		if (unlink(path) != 0 && errno != ENOENT)
			error = sw_keys_tell(why, -errno, "private key", path);
	}
	return error;
}
