/* SPDX-License-Identifier: GPL-3.0-or-later */
/** DNS over TLS (RFC 7858): what is told of it, and the certificate in use.
 *
 * Connections are the TCP loops' (serve/tcp.h); what they shake hands with comes from here, and can be
 * exchanged meanwhile.
 */
#ifndef SW_SERVE_TLS_H
#define SW_SERVE_TLS_H

#include "serve/credentials.h"
#include "serve/endpoint.h"
#include <stddef.h>

struct sw_tls_options {
	struct sw_endpoint *listen; /* none: no TLS */
	size_t listen_count;
	char *certificate, *key;    /* files; NULL: one of our own making */
	char *trust;		    /* file of those whose certificates name primaries; NULL: the system's */
	unsigned handshake_percent; /* of one loop's time, for handshakes */
	unsigned handshakes;	    /* that may be going on, in all */
	unsigned prefix_handshakes; /* the same from one /24 or /56 */
	unsigned handshake_ms;	    /* that one may take */
};

void sw_tls_options_init(struct sw_tls_options *options);
void sw_tls_options_free(struct sw_tls_options *options);

/** Port 853 unless told. @return 0; -EINVAL with text in why (SW_WHY_TEXT_MAX bytes); -ENOMEM */
int sw_tls_add_listen(struct sw_tls_options *options, const char *text, char *why);

struct sw_tls;

/** With the certificate that the options name, which is logged. @return as sw_tls_reload() */
int sw_tls_new(struct sw_tls **tls, const struct sw_tls_options *options, char *why);
void sw_tls_free(struct sw_tls *tls);

/** Read certificate and key again; new handshakes use what is there now. Sessions keep what they began with.
 * @param tls  NULL: does nothing
 * @return 0; -EINVAL with text in why, or -ENOMEM: the old certificate stays */
int sw_tls_reload(struct sw_tls *tls, const struct sw_tls_options *options, char *why);

/** Those in use, held for the caller. Any thread. */
struct sw_credentials *sw_tls_credentials(struct sw_tls *tls);

void sw_tls_about(struct sw_tls *tls, struct sw_credentials_about *about);

#endif
