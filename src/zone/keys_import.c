/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Keys of a zone that another server has signed so far. */
#include "zone/keys_inside.h"
#include <errno.h>
#include <gnutls/x509.h>
#include <libgen.h>
#include <libknot/libknot.h>
#include <libzscanner/scanner.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES 65536

/** A key that was read, before anything is written. */
struct found {
	const struct sw_key_file *file;
	gnutls_x509_privkey_t secret;
	struct sw_key key;
};

static int refuse(char *why, int error, const struct found *found, const char *what)
{
	snprintf(why, SW_KEYS_WHY_MAX, "%.400s: %s", found->file->path, what);
	return error;
}

/* ---- reading ---- */

static void file_forget(char *text)
{
	if (text)
		gnutls_memset(text, 0, FILE_MAX_BYTES + 1);
	free(text);
}

/** A whole file, ended by a NUL. @return 0 or -errno; `text` for file_forget() */
static int file_read(const char *path, char **text)
{
	FILE *file = fopen(path, "re");
	int error = file ? 0 : -errno;
	char *bytes = file ? calloc(1, FILE_MAX_BYTES + 1) : NULL;
	if (file && !bytes)
		error = -ENOMEM;
	if (!error) {
		setvbuf(file, NULL, _IONBF, 0); /* no copy is left behind */
		size_t len = fread(bytes, 1, FILE_MAX_BYTES + 1, file);
		if (ferror(file))
			error = -EIO;
		else if (len > FILE_MAX_BYTES)
			error = -EFBIG;
	}
	if (file)
		fclose(file);
	if (error)
		file_forget(bytes);
	else
		*text = bytes;
	return error;
}

/** The value of a line "NAME: VALUE", up to a space. @return its length, 0 where there is none */
static size_t value_of(const char *text, const char *name, const char **value)
{
	size_t len = strlen(name);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':') {
			*value = line + len + 1 + strspn(line + len + 1, " \t");
			return strcspn(*value, " \t\r\n");
		}
	}
	return 0;
}

/** The DNSKEY record of a file in presentation format. */
static int dnskey_parse(const char *text, const uint8_t *apex, struct sw_key *key)
{
	zs_scanner_t zs;
	int error = -EBADMSG;
	if (zs_init(&zs, ".", KNOT_CLASS_IN, 3600) != 0)
		return -ENOMEM;
	if (zs_set_input_string(&zs, text, strlen(text)) == 0 && zs_parse_record(&zs) == 0 &&
		zs.state == ZS_STATE_DATA && zs.r_type == KNOT_RRTYPE_DNSKEY &&
		sw_name_equal(zs.r_owner, apex) && zs.r_data_length <= sizeof(key->dnskey)) {
		memcpy(key->dnskey, zs.r_data, zs.r_data_length);
		key->dnskey_len = (uint16_t)zs.r_data_length;
		error = 0;
	}
	zs_deinit(&zs);
	return error;
}

/** The .key file beside a .private file of BIND: what the zone publishes, and what the key is for. */
static int public_read(struct found *found, const uint8_t *apex, char *why)
{
	static const char suffix[] = ".private";
	const char *path = found->file->path;
	char beside[4096], *text;
	size_t len = strlen(path), stem = len - (sizeof(suffix) - 1);
	if (len < sizeof(suffix) || len >= sizeof(beside) || strcmp(path + stem, suffix) != 0)
		return refuse(why, -EINVAL, found,
			"its name does not end in .private, so that none is known of its .key file");
	snprintf(beside, sizeof(beside), "%.*s.key", (int)stem, path);
	int error = file_read(beside, &text);
	if (error)
		return sw_keys_tell(why, error, "the public key", beside);
	error = dnskey_parse(text, apex, &found->key);
	file_forget(text);
	if (error) {
		snprintf(why, SW_KEYS_WHY_MAX, "%.400s: it does not begin with a DNSKEY record of the zone",
			beside);
		return error;
	}
	found->key.role = found->key.dnskey[1] & 1 ? SW_KEY_KSK : SW_KEY_ZSK;
	return 0;
}

/** Make the private key of BIND's numbers. */
static int secret_make(struct found *found, const gnutls_datum_t *number)
{
	uint8_t *public = found->key.dnskey + 4, whole[32] = {0};
	unsigned size = found->key.dnskey_len - 4u;
	bool is_ecdsa = found->key.algorithm == SW_KEY_ECDSAP256SHA256;
	if (size != (is_ecdsa ? 64 : 32) || number->size > 32 || (number->size < 32 && !is_ecdsa))
		return -EBADMSG;
	/* BIND has left out zeros that a number begins with */
	memcpy(whole + 32 - number->size, number->data, number->size);
	const gnutls_datum_t x = {public, 32}, y = {public + 32, 32}, secret = {whole, 32};
	int made = gnutls_x509_privkey_import_ecc_raw(found->secret,
		is_ecdsa ? GNUTLS_ECC_CURVE_SECP256R1 : GNUTLS_ECC_CURVE_ED25519, &x, is_ecdsa ? &y : NULL,
		&secret);
	gnutls_memset(whole, 0, sizeof(whole));
	return made == 0 ? 0 : -EBADMSG;
}

/** A private key as BIND writes it, with its public half beside it. */
static int bind_read(struct found *found, const char *text, const uint8_t *apex, char *why)
{
	const char *value;
	unsigned long algorithm = value_of(text, "Algorithm", &value) ? strtoul(value, NULL, 10) : 0;
	if (algorithm != SW_KEY_ECDSAP256SHA256 && algorithm != SW_KEY_ED25519)
		return refuse(why, -EOPNOTSUPP, found,
			"of another algorithm than ECDSA P-256 (13) and Ed25519 (15)");
	int error = public_read(found, apex, why);
	if (error)
		return error;
	found->key.algorithm = (uint8_t)algorithm;
	size_t len = value_of(text, "PrivateKey", &value);
	gnutls_datum_t number, encoded = {(uint8_t *)value, (unsigned)len};
	if (len == 0 || found->key.dnskey[3] != algorithm || gnutls_base64_decode2(&encoded, &number) != 0)
		return refuse(
			why, -EBADMSG, found, "not a whole private key, or another than its .key file tells");
	error = secret_make(found, &number);
	gnutls_memset(number.data, 0, number.size);
	gnutls_free(number.data);
	return error ? refuse(why, error, found, "not a private key of its algorithm") : 0;
}

/** PKCS #8, as Knot keeps them. */
static int pem_read(struct found *found, const char *text, char *why)
{
	const gnutls_datum_t pem = {(uint8_t *)text, (unsigned)strlen(text)};
	unsigned bits = 0;
	if (gnutls_x509_privkey_import(found->secret, &pem, GNUTLS_X509_FMT_PEM) != 0)
		return refuse(why, -EBADMSG, found, "not a private key in PEM, without a password");
	int kind = gnutls_x509_privkey_get_pk_algorithm2(found->secret, &bits);
	if (kind == GNUTLS_PK_EDDSA_ED25519)
		found->key.algorithm = SW_KEY_ED25519;
	else if (kind == GNUTLS_PK_ECDSA && bits == 256)
		found->key.algorithm = SW_KEY_ECDSAP256SHA256;
	else
		return refuse(why, -EOPNOTSUPP, found,
			"of another algorithm than ECDSA P-256 (13) and Ed25519 (15)");
	return 0;
}

static int found_read(struct found *found, const uint8_t *apex, char *why)
{
	char *text;
	int error = file_read(found->file->path, &text);
	if (error)
		return sw_keys_tell(why, error, "private key", found->file->path);
	bool is_bind = strncmp(text, "Private-key-format:", 19) == 0;
	if (gnutls_x509_privkey_init(&found->secret) != 0)
		error = refuse(why, -ENOMEM, found, strerror(ENOMEM));
	else
		error = is_bind ? bind_read(found, text, apex, why) : pem_read(found, text, why);
	file_forget(text);
	/* nobody after this looks whether the two halves of a key are of each other */
	if (!error && gnutls_x509_privkey_verify_params(found->secret) != 0)
		error = refuse(why, -EBADMSG, found, "its private and its public half do not fit");
	if (!error && found->file->has_role)
		found->key.role = found->file->role;
	else if (!error && !is_bind)
		error = refuse(
			why, -EINVAL, found, "PEM tells not what it is for: csk:FILE, ksk:FILE or zsk:FILE");
	return error;
}

/** A combined key alone, or one of each of the other roles, all of one algorithm. */
static int roles_check(struct found *found, size_t count, char *why)
{
	size_t roles[3] = {0};
	for (size_t i = 0; i < count; i++) {
		roles[found[i].key.role]++;
		if (found[i].key.algorithm != found[0].key.algorithm)
			return refuse(why, -EINVAL, &found[i], "of another algorithm than the first");
	}
	/* it may be one for all, or its ZSK has been forgotten, without which caches could not go on */
	if (count == 1 && roles[SW_KEY_KSK] == 1 && !found[0].file->has_role)
		return refuse(why, -EINVAL, &found[0],
			"a KSK alone: csk:FILE if it signs the whole zone, else its ZSK is missing");
	bool is_combined = count == 1 && roles[SW_KEY_CSK] == 1;
	bool is_split = count == 2 && roles[SW_KEY_KSK] == 1 && roles[SW_KEY_ZSK] == 1;
	if (is_combined || is_split)
		return 0;
	snprintf(why, SW_KEYS_WHY_MAX,
		"the keys are not one CSK, nor one KSK and one ZSK: end a rollover where the zone is signed "
		"now");
	return -EINVAL;
}

/* ---- writing ---- */

/** Files belong to whom the directory belongs, which is whom the daemon runs as; or, if there is none yet, to
 * the owner of the directory around it. */
static int owner_become(const char *directory)
{
	char around[4096];
	struct stat status;
	if (geteuid() != 0)
		return 0;
	if (stat(directory, &status) != 0) {
		snprintf(around, sizeof(around), "%s", directory);
		if (stat(dirname(around), &status) != 0)
			return -errno;
	}
	return setegid(status.st_gid) == 0 && seteuid(status.st_uid) == 0 ? 0 : -errno;
}

static void owner_leave(uid_t user, gid_t group)
{
	if (seteuid(user) != 0 || setegid(group) != 0)
		abort(); /* root may */
}

/** A private key that two zones or two keys share would go with the first that is removed.
 * @return 0; -EEXIST where it is in the directory; -EIO */
static int id_set(struct found *found, const char *directory)
{
	uint8_t id[SW_KEY_ID_MAX / 2];
	char path[SW_KEYS_PATH_MAX];
	size_t len = sizeof(id);
	/* the name that libdnssec gives it */
	if (gnutls_x509_privkey_get_key_id(found->secret, GNUTLS_KEYID_USE_SHA1, id, &len) != 0 ||
		len != sizeof(id))
		return -EIO;
	for (size_t i = 0; i < len; i++)
		sprintf(found->key.id + 2 * i, "%02x", id[i]);
	sw_keys_id_path(directory, found->key.id, path);
	return access(path, F_OK) == 0 ? -EEXIST : 0;
}

/** Put one into the store. */
static int found_store(
	struct found *found, dnssec_keystore_t *store, const char *directory, struct sw_keys *keys, char *why)
{
	gnutls_datum_t pem;
	char *id = NULL;
	int error = id_set(found, directory);
	if (error == -EEXIST)
		return refuse(why, error, found,
			"the key is there already: it has another use, or another zone, or is left of an "
			"import that was broken off");
	if (error)
		return refuse(why, error, found, strerror(-error));
	if (gnutls_x509_privkey_export2_pkcs8(
		    found->secret, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem) != 0)
		return refuse(why, -EBADMSG, found, "not a private key that can be kept");
	const dnssec_binary_t text = {pem.size, pem.data};
	error = sw_keys_errno(dnssec_keystore_import(store, &text, &id));
	gnutls_memset(pem.data, 0, pem.size);
	gnutls_free(pem.data);
	if (error) {
		if (error != -EEXIST) /* else somebody else has made it meanwhile */
			dnssec_keystore_remove(store, found->key.id);
		return sw_keys_tell(why, error, "a key cannot be written", directory);
	}
	error = strcmp(id, found->key.id) == 0 ? sw_keys_secret(store, keys->apex, &found->key) : -EIO;
	free(id);
	if (!error && sw_keys_has_tag(keys, found->key.tag))
		error = -EEXIST;
	if (!error)
		error = sw_keys_make_durable(directory, found->key.id);
	keys->keys[keys->count++] = found->key;
	if (error == -EBADMSG)
		return refuse(why, error, found, "the private key does not fit its DNSKEY");
	if (error == -EEXIST)
		return refuse(why, error, found, "of the same key tag as the other");
	return error ? sw_keys_tell(why, error, "a key cannot be written", directory) : 0;
}

/** Nothing names the keys any more, then they go. */
static void undo(dnssec_keystore_t *store, const char *directory, const struct sw_keys *keys)
{
	char why[SW_KEYS_WHY_MAX];
	struct sw_keys none = {0};
	memcpy(none.apex, keys->apex, sizeof(none.apex));
	if (sw_keys_save(&none, directory, why) != 0)
		return;
	for (size_t i = 0; i < keys->count; i++)
		dnssec_keystore_remove(store, keys->keys[i].id);
}

static int all_store(
	struct found *found, size_t count, const char *directory, struct sw_keys *keys, char *why)
{
	dnssec_keystore_t *store;
	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return sw_keys_tell(why, -errno, "directory of keys", directory);
	int error = sw_keys_store_open(&store, directory);
	if (error)
		return sw_keys_tell(why, error, "no store of keys", directory);
	for (size_t i = 0; i < count && !error; i++)
		error = found_store(&found[i], store, directory, keys, why);
	if (!error)
		error = sw_keys_save(keys, directory, why);
	if (error)
		undo(store, directory, keys);
	dnssec_keystore_deinit(store);
	return error;
}

/** In use for long, as far as this server is concerned. */
static void times_set(struct sw_key *key, int64_t now_s)
{
	key->created_s = key->published_s = key->active_s = now_s;
	if (key->role != SW_KEY_ZSK)
		key->ds_submitted_s = key->ds_seen_s = now_s;
}

int sw_keys_import(struct sw_keys *keys, const char *directory, const struct sw_key_file *files, size_t count,
	int64_t now_s, char *why)
{
	struct found found[2] = {0};
	if (keys->count > 0) {
		snprintf(why, SW_KEYS_WHY_MAX, "%.400s: the zone has keys there already", directory);
		return -EEXIST;
	}
	if (count == 0 || count > 2) {
		snprintf(why, SW_KEYS_WHY_MAX, "one CSK, or one KSK and one ZSK, not %zu keys", count);
		return -EINVAL;
	}
	int error = 0;
	for (size_t i = 0; i < count && !error; i++) {
		found[i].file = &files[i];
		error = found_read(&found[i], keys->apex, why);
	}
	if (!error)
		error = roles_check(found, count, why);
	for (size_t i = 0; i < count && !error; i++)
		times_set(&found[i].key, now_s);
	mode_t mask = umask(0077); /* the library would let the group read, until it is told otherwise */
	uid_t user = geteuid();
	gid_t group = getegid();
	if (!error) {
		error = owner_become(directory);
		error = error ? sw_keys_tell(why, error, "directory of keys", directory)
			      : all_store(found, count, directory, keys, why);
		owner_leave(user, group);
	}
	umask(mask);
	for (size_t i = 0; i < count; i++)
		gnutls_x509_privkey_deinit(found[i].secret);
	if (error)
		sw_keys_free(keys);
	return error;
}
