/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TLS in nsd.conf: of the server, and of servers that are asked. */
#include "cli/convert_nsd.h"
#include <stdlib.h>
#include <string.h>

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* ---- as a server ---- */

/** What counts of several sections: the last. */
static const struct sw_said *server_said(const struct sw_nsd *nsd, const char *key)
{
	const struct sw_said *found = NULL;
	for (const struct sw_nsd_section *section = nsd->first; section != NULL; section = section->next) {
		const struct sw_said *said = is(section->kind, "server") ? sw_nsd_said(section, key) : NULL;
		if (said != NULL)
			found = said;
	}
	return found;
}

/** @return NULL where nothing is told, or "" */
static const char *file_of(struct sw_nsd *nsd, const struct sw_said *said)
{
	const char *text = said ? sw_said_text(said, 1) : "";
	return text[0] != '\0' ? sw_plan_path(nsd->plan, nsd->zonesdir, text) : NULL;
}

void sw_nsd_take_tls(struct sw_nsd *nsd)
{
	struct sw_plan *plan = nsd->plan;
	const struct sw_said *key = server_said(nsd, "tls-service-key"),
			     *certificate = server_said(nsd, "tls-service-pem"),
			     *ocsp = server_said(nsd, "tls-service-ocsp"),
			     *port = server_said(nsd, "tls-port"),
			     *auth_port = server_said(nsd, "tls-auth-port");
	plan->tls_key = file_of(nsd, key);
	plan->tls_certificate = file_of(nsd, certificate);
	plan->tls_trust = file_of(nsd, server_said(nsd, "tls-cert-bundle"));
	nsd->has_tls = plan->tls_key != NULL;
	if (port != NULL)
		nsd->tls_port = strtoul(sw_said_text(port, 1), NULL, 10);
	if (auth_port != NULL)
		nsd->tls_auth_port = strtoul(sw_said_text(auth_port, 1), NULL, 10);
	if (file_of(nsd, ocsp) != NULL)
		sw_plan_lost(plan, NULL, ocsp, "answers of OCSP are not passed on");
	if ((plan->tls_key == NULL) != (plan->tls_certificate == NULL)) {
		sw_plan_lost(plan, NULL, plan->tls_key ? key : certificate,
			plan->tls_key ? "its certificate is missing: one is made" : "its key is missing");
		plan->tls_key = plan->tls_certificate = NULL;
	}
}

bool sw_nsd_is_tls_port(const struct sw_nsd *nsd, unsigned long port)
{
	return nsd->has_tls && (port == nsd->tls_port || port == nsd->tls_auth_port);
}

void sw_nsd_settle_tls(struct sw_nsd *nsd)
{
	struct sw_plan *plan = nsd->plan;
	if (nsd->has_tls && plan->tls_listen.count == 0)
		sw_plan_remark(plan, NULL, server_said(nsd, "tls-service-key"),
			"there is no address with 'tls-port': NSD does not answer over TLS");
	if (plan->tls_listen.count > 0 && plan->listen.count == 0)
		sw_plan_lost(plan, NULL, server_said(nsd, "tls-service-key"),
			"converted with more rights: all addresses answer without TLS, too");
}

/* ---- as a client ---- */

void sw_nsd_tls_client(struct sw_nsd *nsd, struct sw_plan_zone *zone, const struct sw_said *said,
	const char *name, struct sw_plan_remote *remote)
{
	const struct sw_nsd_section *tls = sw_nsd_find(nsd, "tls-auth", name);
	remote->is_tls = true;
	if (tls == NULL) {
		sw_plan_lost(nsd->plan, zone, said, "its tls-auth is not there");
		return;
	}
	remote->tls_hostname = sw_nsd_value(tls, "auth-domain-name");
	if (remote->tls_hostname == NULL)
		sw_plan_lost(nsd->plan, zone, said, "its certificate is not looked at");
	if (sw_nsd_said(tls, "client-cert") != NULL)
		sw_plan_lost(nsd->plan, zone, said, "no certificate of ours is shown to others");
}
