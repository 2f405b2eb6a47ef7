/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/session.h"
#include "serve/settings.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STEPS_MAX 8 /* warnings that a client can have us read in one go */
#define CLIENT_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3"

struct sw_session {
	gnutls_session_t tls;
	int fd;
	struct sw_credentials *credentials;	      /* of a server */
	gnutls_certificate_credentials_t certificate; /* of a client that trusts nobody */
	struct sw_trust *trust;			      /* of one that does */
	struct sw_session_peer peer;		      /* of a client */
	bool is_client;
	bool is_done;	 /* with the handshake */
	bool is_stalled; /* GnuTLS holds a record that the socket did not take */
	bool has_fin;	 /* the other side's TCP sends no more */
	bool is_ended;	 /* nor does its TLS, and all has been read */
	bool has_lied;	 /* another key than the pin's */
	int code;	 /* why it is over */
	char hostname[256];
};

struct sw_trust {
	unsigned references; /* atomic */
	gnutls_certificate_credentials_t certificate;
};

/* ---- the table ---- */

/** What GnuTLS reads with. It takes a FIN without close_notify for the end of both directions and would send
 * no more; here it is that of one, so it is kept from GnuTLS. */
static ssize_t pull(gnutls_transport_ptr_t context, void *bytes, size_t size)
{
	struct sw_session *session = context;
	ssize_t n = recv(session->fd, bytes, size, MSG_DONTWAIT);
	if (n != 0 || size == 0)
		return n;
	session->has_fin = true;
	errno = EAGAIN;
	return -1;
}

static void pull_with(struct sw_link *link, struct sw_session *session)
{
	session->fd = link->fd;
	gnutls_transport_set_ptr2(session->tls, session, (gnutls_transport_ptr_t)(intptr_t)link->fd);
	gnutls_transport_set_pull_function(session->tls, pull);
}

static bool is_passing(int code)
{
	return code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED;
}

static int end(struct sw_session *session, int code)
{
	session->code = code;
	return -EPROTO;
}

/** RFC 9103 s7.1: a server that does not say "dot" is not meant for this. */
static int client_check(struct sw_session *session)
{
	gnutls_datum_t chosen;
	if (gnutls_alpn_get_selected_protocol(session->tls, &chosen) != 0 || chosen.size != 3 ||
		memcmp(chosen.data, "dot", 3) != 0)
		return end(session, GNUTLS_E_NO_APPLICATION_PROTOCOL);
	return 0;
}

static int tls_handshake(struct sw_link *link)
{
	struct sw_session *session = link->session;
	int code = GNUTLS_E_AGAIN;
	if (session->is_done)
		return 0;
	for (unsigned i = 0; i < STEPS_MAX; i++) {
		code = gnutls_handshake(session->tls);
		if (code == 0 || is_passing(code) || gnutls_error_is_fatal(code))
			break;
	}
	if (code == 0) {
		session->is_done = true;
		return session->is_client ? client_check(session) : 0;
	}
	if (session->has_fin)
		return end(session, GNUTLS_E_PREMATURE_TERMINATION);
	if (!gnutls_error_is_fatal(code))
		return -EAGAIN;
	gnutls_alert_send_appropriate(session->tls, code);
	return end(session, code);
}

/** @return bytes of one record, 0 at the end, or -errno */
static ssize_t record_read(struct sw_session *session, uint8_t *bytes, size_t size)
{
	ssize_t n = gnutls_record_recv(session->tls, bytes, size);
	if (n >= 0)
		return n;
	/* The end without a word about it. Messages have their length before them, so nobody can cut one
	 * short unseen, and some clients are like that. */
	if (is_passing((int)n) && session->has_fin)
		return 0;
	/* GNUTLS_E_REHANDSHAKE, which a client of TLS 1.2 may ask for, is no error for GnuTLS; here it would
	 * be a way around the budget of handshakes. */
	if (n == GNUTLS_E_REHANDSHAKE || gnutls_error_is_fatal((int)n))
		return end(session, (int)n);
	return -EAGAIN;
}

/** Small records, such as a query each: as many as there are and fit. */
static ssize_t tls_read(struct sw_link *link, uint8_t *bytes, size_t size)
{
	struct sw_session *session = link->session;
	size_t len = 0;
	if (session->is_ended)
		return 0;
	while (len < size) {
		ssize_t n = record_read(session, bytes + len, size - len);
		if (n < 0)
			return len > 0 ? (ssize_t)len : n; /* an error that lasts comes again */
		if (n == 0) {
			session->is_ended = true;
			break;
		}
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static ssize_t tls_write(struct sw_link *link, const uint8_t *bytes, size_t len)
{
	struct sw_session *session = link->session;
	ssize_t n = session->is_stalled ? gnutls_record_send(session->tls, NULL, 0)
					: gnutls_record_send(session->tls, bytes, len);
	session->is_stalled = n < 0 && is_passing((int)n);
	if (n >= 0)
		return n;
	return session->is_stalled ? -EAGAIN : end(session, (int)n);
}

static bool tls_pending(const struct sw_link *link)
{
	const struct sw_session *session = link->session;
	return session->is_ended || gnutls_record_check_pending(session->tls) > 0;
}

static bool tls_wants_write(const struct sw_link *link)
{
	const struct sw_session *session = link->session;
	return session != NULL && !session->is_done && gnutls_record_get_direction(session->tls) == 1;
}

static void tls_close(struct sw_link *link, bool is_reset)
{
	struct sw_session *session = link->session;
	if (session == NULL)
		return;
	if (session->tls != NULL) {
		if (session->is_done && !is_reset && session->code == 0)
			gnutls_bye(
				session->tls, GNUTLS_SHUT_WR); /* said once; who does not listen misses it */
		gnutls_deinit(session->tls);
	}
	sw_credentials_release(session->credentials);
	sw_trust_release(session->trust);
	if (session->certificate != NULL)
		gnutls_certificate_free_credentials(session->certificate);
	free(session);
	link->session = NULL;
}

const struct sw_transport sw_transport_tls = {
	.is_encrypted = true,
	.handshake = tls_handshake,
	.read = tls_read,
	.write = tls_write,
	.pending = tls_pending,
	.wants_write = tls_wants_write,
	.close = tls_close,
};

/* ---- beginning ---- */

int sw_session_serve(struct sw_link *link, struct sw_credentials *credentials)
{
	struct sw_session *session = calloc(1, sizeof(*session));
	if (session == NULL)
		return -ENOMEM;
	if (sw_credentials_session(credentials, &session->tls) != 0) {
		free(session);
		return -ENOMEM;
	}
	session->credentials = sw_credentials_hold(credentials);
	pull_with(link, session);
	link->session = session;
	return 0;
}

/** RFC 7858 s4.2, RFC 8310 s8: whoever told a name or a pin wants it met; both, if both are told. */
static int peer_verify(gnutls_session_t tls)
{
	struct sw_session *session = gnutls_session_get_ptr(tls);
	uint8_t pin[SW_PIN_BYTES];
	unsigned status = 0, count = 0;
	if (session->peer.hostname != NULL) {
		int code = gnutls_certificate_verify_peers3(tls, session->hostname, &status);
		if (code != 0 || status != 0)
			return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
	}
	if (session->peer.pin == NULL)
		return 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(tls, &count);
	bool is_met = chain != NULL && count > 0 && sw_pin_of(&chain[0], pin) == 0 &&
		      memcmp(pin, session->peer.pin, SW_PIN_BYTES) == 0;
	session->has_lied = !is_met;
	return is_met ? 0 : GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

/** @return 0 or a code of GnuTLS */
static int client_set(struct sw_session *session, const struct sw_session_peer *peer)
{
	static const gnutls_datum_t dot = {.data = (unsigned char *)"dot", .size = 3};
	struct in6_addr address;
	gnutls_certificate_credentials_t certificate;
	int code = gnutls_priority_set_direct(session->tls, CLIENT_PRIORITIES, NULL);
	if (code == 0 && peer->trust != NULL)
		session->trust = sw_trust_hold(peer->trust);
	else if (code == 0)
		code = gnutls_certificate_allocate_credentials(&session->certificate);
	if (code != 0)
		return code;
	certificate = session->trust ? session->trust->certificate : session->certificate;
	code = gnutls_credentials_set(session->tls, GNUTLS_CRD_CERTIFICATE, certificate);
	if (code == 0)
		code = gnutls_alpn_set_protocols(session->tls, &dot, 1, 0);
	bool is_address = inet_pton(AF_INET, session->hostname, &address) == 1 ||
			  inet_pton(AF_INET6, session->hostname, &address) == 1;
	if (code == 0 && session->hostname[0] != '\0' && !is_address) /* RFC 6066 s3: names alone */
		code = gnutls_server_name_set(
			session->tls, GNUTLS_NAME_DNS, session->hostname, strlen(session->hostname));
	gnutls_session_set_ptr(session->tls, session);
	gnutls_session_set_verify_function(session->tls, peer_verify);
	return code;
}

int sw_session_call(struct sw_link *link, const struct sw_session_peer *peer)
{
	struct sw_session *session = calloc(1, sizeof(*session));
	if (session == NULL)
		return -ENOMEM;
	session->peer = *peer;
	session->is_client = true;
	size_t len = peer->hostname ? strlen(peer->hostname) : 0;
	if (len > 1 && peer->hostname[len - 1] == '.')
		len--; /* certificates have names without the root's dot */
	int err = len >= sizeof(session->hostname) ? -ENAMETOOLONG : 0;
	if (err == 0)
		memcpy(session->hostname, peer->hostname ? peer->hostname : "", len);
	if (err == 0 && gnutls_init(&session->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) != 0)
		err = -ENOMEM;
	if (err == 0 && client_set(session, peer) != 0)
		err = -ENOMEM;
	link->session = session;
	if (err != 0) {
		tls_close(link, true);
		return err;
	}
	pull_with(link, session);
	return 0;
}

bool sw_session_is_resumed(const struct sw_link *link)
{
	return gnutls_session_is_resumed(link->session->tls) != 0;
}

const char *sw_session_why(const struct sw_link *link)
{
	const struct sw_session *session = link->session;
	if (session == NULL || session->code == 0)
		return "";
	if (session->has_lied)
		return "its certificate has another key than the pin says";
	if (session->code == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
		return "its certificate is not for that name, or not trusted";
	if (session->code == GNUTLS_E_NO_APPLICATION_PROTOCOL)
		return "it does not speak DNS over TLS (ALPN \"dot\")";
	return gnutls_strerror(session->code);
}

/* ---- trust ---- */

int sw_trust_load(struct sw_trust **result, const char *file, char *why)
{
	struct sw_trust *trust = calloc(1, sizeof(*trust));
	if (trust == NULL || gnutls_certificate_allocate_credentials(&trust->certificate) != 0) {
		free(trust);
		return -ENOMEM;
	}
	trust->references = 1;
	int count =
		file ? gnutls_certificate_set_x509_trust_file(trust->certificate, file, GNUTLS_X509_FMT_PEM)
		     : gnutls_certificate_set_x509_system_trust(trust->certificate);
	if (count > 0) {
		*result = trust;
		return 0;
	}
	snprintf(why, SW_WHY_TEXT_MAX, "tls: no certificates to trust in %.300s%s%s",
		file ? file : "the system's store", count < 0 ? ": " : "",
		count < 0 ? gnutls_strerror(count) : "");
	sw_trust_release(trust);
	return -EINVAL;
}

struct sw_trust *sw_trust_hold(struct sw_trust *trust)
{
	__atomic_fetch_add(&trust->references, 1, __ATOMIC_RELAXED);
	return trust;
}

void sw_trust_release(struct sw_trust *trust)
{
	if (trust == NULL || __atomic_sub_fetch(&trust->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	gnutls_certificate_free_credentials(trust->certificate);
	free(trust);
}
