/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a TLS server shows: a chain of certificates and its key, and the key of its session tickets.
 *
 * Never changed once made, and shared by counted references: each session holds what it was begun with, so
 * that others can take its place while connections are open. The tickets' key goes with it: no session of an
 * old certificate is resumed under a new one.
 */
#ifndef SW_SERVE_CREDENTIALS_H
#define SW_SERVE_CREDENTIALS_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

struct sw_credentials;

#define SW_PIN_BYTES 32
#define SW_PIN_TEXT_MAX 45 /* base64, NUL */

struct sw_credentials_about {
	char pin[SW_PIN_TEXT_MAX]; /* SHA-256 of the public key (RFC 7858 s4.2), base64 */
	int64_t expires_s;	   /* since 1970 */
	bool is_ephemeral;
};

/** From PEM files; the chain's first certificate is the server's own.
 * @param why  SW_WHY_TEXT_MAX bytes
 * @return 0; -EINVAL with text in why; -ENOMEM */
int sw_credentials_load(
	struct sw_credentials **credentials, const char *certificate, const char *key, char *why);

/** A new key (P-256) and a certificate signed with itself, in memory alone: for clients that do not care who
 * answers (RFC 7858 s4.1), or that are told the pin. */
int sw_credentials_make(struct sw_credentials **credentials, char *why);

/** Whether both come from files of the same contents. */
bool sw_credentials_equal(const struct sw_credentials *a, const struct sw_credentials *b);

void sw_credentials_about(const struct sw_credentials *credentials, struct sw_credentials_about *about);

/** One more reference. @return credentials */
struct sw_credentials *sw_credentials_hold(struct sw_credentials *credentials);
/** One less; the last one frees. Takes NULL. Any thread. */
void sw_credentials_release(struct sw_credentials *credentials);

/** A session of a server, set up to shake hands. Needs a reference as long as it lives.
 * @return 0 or a code of GnuTLS */
int sw_credentials_session(struct sw_credentials *credentials, gnutls_session_t *session);

/** The pin of a certificate. @return 0 or a code of GnuTLS */
int sw_pin_of(const gnutls_datum_t *der, uint8_t pin[SW_PIN_BYTES]);

#endif
