/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/tls.h"
#include "serve/log.h"
#include "serve/settings.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A full handshake of TLS 1.3 costs 0.5 ms with P-256, 2.6 ms with RSA of 2,048 bits, 0.36 ms with a ticket
 * (one core of 2026, cpu_ns of the status over 200 of each): a quarter of a loop's time are some 500 in a
 * second. */
#define HANDSHAKE_PERCENT 25
#define HANDSHAKES 1024
#define PREFIX_HANDSHAKES 64
#define HANDSHAKE_MS 5000
#define EXPIRY_WARNING_S (14 * 86400)

struct sw_tls {
	pthread_mutex_t lock; /* taken for a moment, once a handshake */
	struct sw_credentials *credentials;
};

/* ---- options ---- */

void sw_tls_options_init(struct sw_tls_options *options)
{
	*options = (struct sw_tls_options){
		.handshake_percent = HANDSHAKE_PERCENT,
		.handshakes = HANDSHAKES,
		.prefix_handshakes = PREFIX_HANDSHAKES,
		.handshake_ms = HANDSHAKE_MS,
	};
}

void sw_tls_options_free(struct sw_tls_options *options)
{
	free(options->listen);
	free(options->certificate);
	free(options->key);
	free(options->trust);
}

int sw_tls_add_listen(struct sw_tls_options *options, const char *text, char *why)
{
	char with_port[SW_ENDPOINT_TEXT_MAX + 8];
	struct sw_endpoint endpoint;
	snprintf(with_port, sizeof(with_port), "%s%s", text, strchr(text, '@') ? "" : "@853");
	if (sw_endpoint_parse(with_port, &endpoint) != 0) {
		snprintf(why, SW_WHY_TEXT_MAX, "'%.80s' is not ADDR or ADDR@PORT, as 192.0.2.1@853 or ::1",
			text);
		return -EINVAL;
	}
	for (size_t i = 0; i < options->listen_count; i++) {
		if (sw_endpoint_equal(&options->listen[i], &endpoint)) {
			snprintf(why, SW_WHY_TEXT_MAX, "'%.80s' is told twice", text);
			return -EINVAL;
		}
	}
	struct sw_endpoint *grown =
		reallocarray(options->listen, options->listen_count + 1, sizeof(endpoint));
	if (grown == NULL)
		return -ENOMEM;
	grown[options->listen_count++] = endpoint;
	options->listen = grown;
	return 0;
}

/* ---- the certificate in use ---- */

static void say(const struct sw_tls_options *options, const struct sw_credentials *credentials)
{
	struct sw_credentials_about about;
	char date[32];
	time_t expires;
	struct tm utc;
	sw_credentials_about(credentials, &about);
	if (about.is_ephemeral) {
		sw_log(SW_LOG_INFO,
			"TLS: no certificate told, one was made for as long as this process lives: pin "
			"sha256/%s",
			about.pin);
		return;
	}
	expires = (time_t)about.expires_s;
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&expires, &utc));
	bool is_late = about.expires_s < time(NULL) + EXPIRY_WARNING_S;
	sw_log(is_late ? SW_LOG_WARNING : SW_LOG_INFO, "TLS: certificate %s, pin sha256/%s, %s %s",
		options->certificate, about.pin, about.expires_s < time(NULL) ? "expired" : "expires", date);
}

/** @return as sw_credentials_load() */
static int credentials_get(
	struct sw_credentials **credentials, const struct sw_tls_options *options, char *why)
{
	if (options->certificate == NULL)
		return sw_credentials_make(credentials, why);
	return sw_credentials_load(credentials, options->certificate, options->key, why);
}

int sw_tls_new(struct sw_tls **result, const struct sw_tls_options *options, char *why)
{
	struct sw_tls *tls = calloc(1, sizeof(*tls));
	if (tls == NULL)
		return -ENOMEM;
	int err = credentials_get(&tls->credentials, options, why);
	if (err != 0) {
		free(tls);
		return err;
	}
	pthread_mutex_init(&tls->lock, NULL);
	say(options, tls->credentials);
	*result = tls;
	return 0;
}

void sw_tls_free(struct sw_tls *tls)
{
	if (tls == NULL)
		return;
	sw_credentials_release(tls->credentials);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}

int sw_tls_reload(struct sw_tls *tls, const struct sw_tls_options *options, char *why)
{
	struct sw_credentials *fresh, *old;
	if (tls == NULL)
		return 0;
	/* only this thread changes it, so there is nothing to lock for a look */
	struct sw_credentials_about about;
	sw_credentials_about(tls->credentials, &about);
	if (options->certificate == NULL && about.is_ephemeral)
		return 0;
	int err = credentials_get(&fresh, options, why);
	if (err != 0)
		return err;
	if (sw_credentials_equal(fresh, tls->credentials)) {
		sw_credentials_release(fresh); /* and with it fresh keys: tickets of before stay good */
		return 0;
	}
	say(options, fresh);
	pthread_mutex_lock(&tls->lock);
	old = tls->credentials;
	tls->credentials = fresh;
	pthread_mutex_unlock(&tls->lock);
	sw_credentials_release(old);
	return 0;
}

struct sw_credentials *sw_tls_credentials(struct sw_tls *tls)
{
	pthread_mutex_lock(&tls->lock);
	struct sw_credentials *credentials = sw_credentials_hold(tls->credentials);
	pthread_mutex_unlock(&tls->lock);
	return credentials;
}

void sw_tls_about(struct sw_tls *tls, struct sw_credentials_about *about)
{
	struct sw_credentials *credentials = sw_tls_credentials(tls);
	sw_credentials_about(credentials, about);
	sw_credentials_release(credentials);
}
