/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the files that read nsd.conf share. */
#ifndef SW_CLI_CONVERT_NSD_H
#define SW_CLI_CONVERT_NSD_H

#include "cli/convert.h"

#define SW_NSD_DEPTH_MAX 32

/** Everything between two keys that begin sections; `body` in the order of the file. */
struct sw_nsd_section {
	const char *kind;
	const struct sw_said *said; /* its first line */
	struct sw_said_list body;
	struct sw_nsd_section *next;
	struct sw_nsd_section *next_named; /* that others refer to */
};

struct sw_nsd {
	struct sw_plan *plan;
	struct sw_nsd_section *first, **last;
	struct sw_nsd_section *named;
	const char *zonesdir;
	unsigned long port, tls_port, tls_auth_port; /* tls_auth_port 0: none */
	bool has_tls;				     /* it serves DNS over TLS */
	unsigned depth;
};

/** Of 'server': certificate, key and trust, and the ports that are for TLS. Before addresses are taken. */
void sw_nsd_take_tls(struct sw_nsd *nsd);
/** Whether what comes to this port comes over TLS. */
bool sw_nsd_is_tls_port(const struct sw_nsd *nsd, unsigned long port);
/** Note what is not as it was when all addresses are there. */
void sw_nsd_settle_tls(struct sw_nsd *nsd);
/** 'tls-auth' of a server that is asked. */
void sw_nsd_tls_client(struct sw_nsd *nsd, struct sw_plan_zone *zone, const struct sw_said *said,
	const char *name, struct sw_plan_remote *remote);

/** nsd->plan->path and what it includes. */
int sw_nsd_parse(struct sw_nsd *nsd);

/** The last statement of that key, or NULL. */
const struct sw_said *sw_nsd_said(const struct sw_nsd_section *section, const char *key);
/** Its first value, or NULL. */
const char *sw_nsd_value(const struct sw_nsd_section *section, const char *key);
/** The pattern or tls-auth of that name, or NULL. */
const struct sw_nsd_section *sw_nsd_find(const struct sw_nsd *nsd, const char *kind, const char *name);

#endif
