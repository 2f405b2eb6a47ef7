/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/credentials.h"
#include "serve/settings.h"
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* RFC 9325 s4: of TLS 1.2 what is forward secret and authenticated as it is encrypted. */
#define PRIORITIES                                                                    \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:" \
	"-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM:"                   \
	"-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:%SERVER_PRECEDENCE"

#define EPHEMERAL_NAME "seawall"
#define EPHEMERAL_DAYS 3650 /* no client looks; the key is gone with the process */
#define DAY_S 86400

struct sw_credentials {
	unsigned references; /* atomic */
	gnutls_certificate_credentials_t certificate;
	gnutls_priority_t priorities;
	gnutls_datum_t ticket_key;
	uint8_t digest[2][32]; /* of the files; zeros: none */
	struct sw_credentials_about about;
};

static int refuse(char *why, const char *what, const char *file, int code)
{
	if (code == GNUTLS_E_MEMORY_ERROR)
		return -ENOMEM;
	const char *reason = code == GNUTLS_E_FILE_ERROR ? strerror(errno) : gnutls_strerror(code);
	snprintf(why, SW_WHY_TEXT_MAX, "tls: %s%s%.300s: %s", what, file[0] ? " " : "", file, reason);
	return -EINVAL;
}

/** Everything but the certificate. @return 0 or a code of GnuTLS */
static int credentials_new(struct sw_credentials **result)
{
	struct sw_credentials *credentials = calloc(1, sizeof(*credentials));
	if (credentials == NULL)
		return GNUTLS_E_MEMORY_ERROR;
	credentials->references = 1;
	int code = gnutls_certificate_allocate_credentials(&credentials->certificate);
	if (code == 0)
		code = gnutls_priority_init(&credentials->priorities, PRIORITIES, NULL);
	if (code == 0)
		code = gnutls_session_ticket_key_generate(&credentials->ticket_key);
	if (code != 0) {
		sw_credentials_release(credentials);
		return code;
	}
	*result = credentials;
	return 0;
}

struct sw_credentials *sw_credentials_hold(struct sw_credentials *credentials)
{
	__atomic_fetch_add(&credentials->references, 1, __ATOMIC_RELAXED);
	return credentials;
}

void sw_credentials_release(struct sw_credentials *credentials)
{
	if (credentials == NULL || __atomic_sub_fetch(&credentials->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (credentials->certificate != NULL)
		gnutls_certificate_free_credentials(credentials->certificate);
	if (credentials->priorities != NULL)
		gnutls_priority_deinit(credentials->priorities);
	if (credentials->ticket_key.data != NULL) {
		gnutls_memset(credentials->ticket_key.data, 0, credentials->ticket_key.size);
		gnutls_free(credentials->ticket_key.data);
	}
	free(credentials);
}

/* ---- what there is to say of a certificate ---- */

static int pin_of(gnutls_x509_crt_t certificate, uint8_t pin[SW_PIN_BYTES])
{
	size_t len = SW_PIN_BYTES;
	return gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, pin, &len);
}

int sw_pin_of(const gnutls_datum_t *der, uint8_t pin[SW_PIN_BYTES])
{
	gnutls_x509_crt_t certificate;
	int code = gnutls_x509_crt_init(&certificate);
	if (code != 0)
		return code;
	code = gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER);
	if (code == 0)
		code = pin_of(certificate, pin);
	gnutls_x509_crt_deinit(certificate);
	return code;
}

static int about_set(struct sw_credentials *credentials, gnutls_x509_crt_t certificate)
{
	uint8_t pin[SW_PIN_BYTES];
	gnutls_datum_t raw = {.data = pin, .size = sizeof(pin)}, text = {0};
	int code = pin_of(certificate, pin);
	if (code == 0)
		code = gnutls_base64_encode2(&raw, &text);
	if (code != 0)
		return code;
	snprintf(credentials->about.pin, SW_PIN_TEXT_MAX, "%.*s", (int)text.size, (const char *)text.data);
	gnutls_free(text.data);
	credentials->about.expires_s = gnutls_x509_crt_get_expiration_time(certificate);
	return 0;
}

void sw_credentials_about(const struct sw_credentials *credentials, struct sw_credentials_about *about)
{
	*about = credentials->about;
}

bool sw_credentials_equal(const struct sw_credentials *a, const struct sw_credentials *b)
{
	return a->about.is_ephemeral == b->about.is_ephemeral &&
	       memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

/* ---- from files ---- */

/** The first certificate of a file, and what is told of it. */
static int chain_look(struct sw_credentials *credentials, const gnutls_datum_t *pem)
{
	gnutls_x509_crt_t *chain;
	unsigned count;
	int code = gnutls_x509_crt_list_import2(&chain, &count, pem, GNUTLS_X509_FMT_PEM, 0);
	if (code < 0)
		return code;
	code = about_set(credentials, chain[0]);
	for (unsigned i = 0; i < count; i++)
		gnutls_x509_crt_deinit(chain[i]);
	gnutls_free(chain);
	return code;
}

static int files_take(struct sw_credentials *credentials, const char *certificate,
	const gnutls_datum_t *certificate_pem, const char *key, const gnutls_datum_t *key_pem, char *why)
{
	int code = chain_look(credentials, certificate_pem);
	if (code != 0)
		return refuse(why, "certificate", certificate, code);
	code = gnutls_certificate_set_x509_key_mem2(
		credentials->certificate, certificate_pem, key_pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
		snprintf(why, SW_WHY_TEXT_MAX, "tls: key %.200s does not belong to certificate %.200s", key,
			certificate);
		return -EINVAL;
	}
	if (code < 0)
		return refuse(why, "key", key, code);
	gnutls_hash_fast(
		GNUTLS_DIG_SHA256, certificate_pem->data, certificate_pem->size, credentials->digest[0]);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, key_pem->data, key_pem->size, credentials->digest[1]);
	return 0;
}

int sw_credentials_load(struct sw_credentials **result, const char *certificate, const char *key, char *why)
{
	struct sw_credentials *credentials;
	gnutls_datum_t certificate_pem = {0}, key_pem = {0};
	int code = credentials_new(&credentials), err;
	if (code != 0)
		return refuse(why, "cannot begin", "", code);
	if ((code = gnutls_load_file(certificate, &certificate_pem)) != 0)
		err = refuse(why, "certificate", certificate, code);
	else if ((code = gnutls_load_file(key, &key_pem)) != 0)
		err = refuse(why, "key", key, code);
	else
		err = files_take(credentials, certificate, &certificate_pem, key, &key_pem, why);
	if (key_pem.data != NULL)
		gnutls_memset(key_pem.data, 0, key_pem.size);
	gnutls_free(certificate_pem.data);
	gnutls_free(key_pem.data);
	if (err != 0) {
		sw_credentials_release(credentials);
		return err;
	}
	*result = credentials;
	return 0;
}

/* ---- of our own making ---- */

static int certificate_make(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key)
{
	uint8_t serial[16];
	time_t now = time(NULL);
	int code = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
	serial[0] &= 0x7f; /* RFC 5280 s4.1.2.2: positive */
	if (code == 0)
		code = gnutls_x509_privkey_generate(
			key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (code == 0)
		code = gnutls_x509_crt_set_version(certificate, 3);
	if (code == 0)
		code = gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial));
	if (code == 0)
		code = gnutls_x509_crt_set_dn(certificate, "CN=" EPHEMERAL_NAME, NULL);
	if (code == 0)
		code = gnutls_x509_crt_set_activation_time(certificate, now - DAY_S); /* clocks differ */
	if (code == 0)
		code = gnutls_x509_crt_set_expiration_time(certificate, now + (time_t)EPHEMERAL_DAYS * DAY_S);
	if (code == 0)
		code = gnutls_x509_crt_set_key(certificate, key);
	return code ? code : gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
}

static int ephemeral_make(struct sw_credentials *credentials)
{
	gnutls_x509_crt_t certificate = NULL;
	gnutls_x509_privkey_t key = NULL;
	int code = gnutls_x509_crt_init(&certificate);
	if (code == 0)
		code = gnutls_x509_privkey_init(&key);
	if (code == 0)
		code = certificate_make(certificate, key);
	if (code == 0)
		code = gnutls_certificate_set_x509_key(credentials->certificate, &certificate, 1, key);
	if (code >= 0)
		code = about_set(credentials, certificate);
	credentials->about.is_ephemeral = true;
	gnutls_x509_crt_deinit(certificate);
	gnutls_x509_privkey_deinit(key);
	return code;
}

int sw_credentials_make(struct sw_credentials **result, char *why)
{
	struct sw_credentials *credentials = NULL;
	int code = credentials_new(&credentials);
	if (code == 0)
		code = ephemeral_make(credentials);
	if (code != 0) {
		sw_credentials_release(credentials);
		return refuse(why, "cannot make a certificate", "", code);
	}
	*result = credentials;
	return 0;
}

/* ---- sessions ---- */

int sw_credentials_session(struct sw_credentials *credentials, gnutls_session_t *result)
{
	static const gnutls_datum_t dot = {.data = (unsigned char *)"dot", .size = 3};
	gnutls_session_t session;
	int code = gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	if (code != 0)
		return code;
	code = gnutls_priority_set(session, credentials->priorities);
	if (code == 0)
		code = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials->certificate);
	/* RFC 7858 knows no ALPN, so who offers none is welcome; who offers others has come to the wrong
	 * place (RFC 7301 s3.2), and may be somebody's browser that was sent here (RFC 9325 s3.7). */
	if (code == 0)
		code = gnutls_alpn_set_protocols(session, &dot, 1, GNUTLS_ALPN_MANDATORY);
	if (code == 0)
		code = gnutls_session_ticket_enable_server(session, &credentials->ticket_key);
	if (code != 0) {
		gnutls_deinit(session);
		return code;
	}
	*result = session;
	return 0;
}
