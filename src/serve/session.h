/* SPDX-License-Identifier: GPL-3.0-or-later */
/** TLS over a connection, as server (RFC 7858) and as client (RFC 9103). */
#ifndef SW_SERVE_SESSION_H
#define SW_SERVE_SESSION_H

#include "serve/credentials.h"
#include "serve/transport.h"

/** A link with this one has a session from the first step of its handshake on. */
extern const struct sw_transport sw_transport_tls;

/** Become the server's side of a session; holds the credentials. @return 0 or -errno */
int sw_session_serve(struct sw_link *link, struct sw_credentials *credentials);

/** Whom a client wants to talk to; must stay as long as the session does. */
struct sw_session_peer {
	const char *hostname;	/* that its certificate must be for, by what is trusted; NULL: any */
	const uint8_t *pin;	/* SW_PIN_BYTES, SHA-256 of its public key; NULL: any */
	struct sw_trust *trust; /* NULL without hostname */
};

/** Become the client's side of a session: TLS 1.3 and ALPN "dot", or nothing (RFC 9103 s7.1, s8.1).
 * @return 0 or -errno */
int sw_session_call(struct sw_link *link, const struct sw_session_peer *peer);

/** Whether the handshake could do without signatures (tickets). */
bool sw_session_is_resumed(const struct sw_link *link);

/** Why the session is over, or "". */
const char *sw_session_why(const struct sw_link *link);

/** Certificates that are trusted to name others; counted references. */
struct sw_trust;

/** @param file  PEM; NULL: the system's, which takes some tens of milliseconds
 * @param why  SW_WHY_TEXT_MAX bytes
 * @return 0; -EINVAL with text in why; -ENOMEM */
int sw_trust_load(struct sw_trust **trust, const char *file, char *why);
struct sw_trust *sw_trust_hold(struct sw_trust *trust);
void sw_trust_release(struct sw_trust *trust);

#endif
