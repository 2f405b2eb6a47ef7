/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TLS in named.conf: 'tls' blocks, and where they are referred to. */
#include "cli/convert_bind.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0;
}

bool sw_bind_is_tls(const char *name)
{
	return name != NULL && !is(name, "none");
}

/** The block called so. 'ephemeral' needs none: named makes a certificate, as we do.
 * @return NULL where there is none; that is noted */
static const struct sw_said *block_of(
	struct sw_bind *bind, struct sw_plan_zone *zone, const struct sw_said *said, const char *name)
{
	const struct sw_said *tls = is(name, "ephemeral") ? NULL : sw_bind_find(bind, "tls", name);
	if (tls == NULL && !is(name, "ephemeral"))
		sw_plan_lost(bind->plan, zone, said, "its 'tls' is not there");
	return tls;
}

static const struct sw_said *inside(const struct sw_said *tls, const char *word)
{
	const struct sw_said *said = tls ? sw_said_block(tls) : NULL;
	while (said != NULL && !is(sw_said_text(said, 0), word))
		said = said->next;
	return said;
}

static const char *file_of(struct sw_bind *bind, const struct sw_said *tls, const char *word)
{
	const struct sw_said *said = inside(tls, word);
	return said ? sw_plan_path(bind->plan, bind->directory, sw_said_text(said, 1)) : NULL;
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* ---- as a server ---- */

void sw_bind_tls_server(struct sw_bind *bind, const struct sw_said *said, const char *name)
{
	struct sw_plan *plan = bind->plan;
	const struct sw_said *tls = block_of(bind, NULL, said, name);
	const char *certificate = file_of(bind, tls, "cert-file"), *key = file_of(bind, tls, "key-file");
	if (plan->tls_listen.count > 0 &&
		!(is_same(certificate, plan->tls_certificate) && is_same(key, plan->tls_key)))
		sw_plan_lost(plan, NULL, said, "there is one certificate for all addresses: that told first");
	else if ((certificate == NULL) != (key == NULL))
		sw_plan_lost(plan, NULL, said, "certificate or key is missing: one is made");
	else if (plan->tls_listen.count == 0) {
		plan->tls_certificate = certificate;
		plan->tls_key = key;
	}
	if (inside(tls, "ca-file") != NULL)
		sw_plan_lost(plan, NULL, said, "converted with more rights: clients need no certificate");
}

/** Whether what comes to a port has come over TLS. */
static bool is_tls_port(const struct sw_bind *bind, unsigned long port)
{
	const struct sw_said *options = sw_bind_find(bind, "options", NULL);
	for (const struct sw_said *said = options ? sw_said_block(options) : NULL; said; said = said->next) {
		if (!is(sw_said_text(said, 0), "listen-on") && !is(sw_said_text(said, 0), "listen-on-v6"))
			continue;
		const char *text = sw_bind_option(said, "port");
		if (sw_bind_is_tls(sw_bind_option(said, "tls")) && sw_bind_option(said, "http") == NULL &&
			(text ? strtoul(text, NULL, 10) : bind->tls_port) == port)
			return true;
	}
	return false;
}

bool sw_bind_tls_access(struct sw_bind *bind, struct sw_plan_zone *zone, const struct sw_said *said)
{
	const char *port = sw_bind_option(said, "port"), *transport = sw_bind_option(said, "transport");
	bool is_tls = transport != NULL && is(transport, "tls");
	if (is_tls && port != NULL && !is_tls_port(bind, strtoul(port, NULL, 10)))
		sw_plan_lost(bind->plan, zone, said, "converted with more rights: on any port, over TLS");
	else if (!is_tls && (port != NULL || transport != NULL))
		sw_plan_lost(bind->plan, zone, said, "converted with more rights: by any port and transport");
	return is_tls;
}

/* ---- as a client ---- */

void sw_bind_tls_client(struct sw_bind *bind, struct sw_plan_zone *zone, const struct sw_said *said,
	const char *name, const char *address, struct sw_plan_remote *remote)
{
	struct sw_plan *plan = bind->plan;
	const struct sw_said *tls = block_of(bind, zone, said, name),
			     *hostname = inside(tls, "remote-hostname");
	const char *trust = file_of(bind, tls, "ca-file");
	remote->is_tls = true;
	if (hostname != NULL)
		remote->tls_hostname = sw_said_text(hostname, 1);
	else if (trust != NULL) /* named looks for the address in the certificate then */
		remote->tls_hostname = address;
	if (trust != NULL && plan->tls_trust == NULL)
		plan->tls_trust = trust;
	else if (trust != NULL && strcmp(trust, plan->tls_trust) != 0)
		sw_plan_lost(plan, zone, said, "there is one 'trust' for all primaries: that told first");
	if (inside(tls, "cert-file") != NULL)
		sw_plan_lost(plan, zone, said, "no certificate of ours is shown to others");
}

/* ---- the blocks themselves ---- */

/** Which versions there are cannot be told: 1.2 and 1.3 to clients, 1.3 to primaries. */
static bool are_protocols_ours(const struct sw_said *said)
{
	bool has_12 = false, has_13 = false;
	for (const struct sw_said *inner = sw_said_block(said); inner != NULL; inner = inner->next) {
		has_12 |= is(sw_said_text(inner, 0), "TLSv1.2");
		has_13 |= is(sw_said_text(inner, 0), "TLSv1.3");
	}
	return has_12 && has_13;
}

void sw_bind_tls_blocks(struct sw_bind *bind)
{
	static const char *const done[] = {"cert-file", "key-file", "ca-file", "remote-hostname"};
	for (const struct sw_said *tls = bind->tree; tls != NULL; tls = tls->next) {
		const struct sw_said *said = is(sw_said_text(tls, 0), "tls") ? sw_said_block(tls) : NULL;
		for (; said != NULL; said = said->next) {
			bool is_done = is(sw_said_text(said, 0), "protocols") && are_protocols_ours(said);
			for (unsigned i = 0; i < sizeof(done) / sizeof(done[0]); i++)
				is_done |= is(sw_said_text(said, 0), done[i]);
			if (!is_done)
				sw_plan_lost(bind->plan, NULL, said,
					is(sw_said_text(said, 0), "protocols")
						? "TLS 1.2 and 1.3 to clients, 1.3 to primaries"
						: NULL);
		}
	}
}
