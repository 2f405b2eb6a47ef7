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
	unsigned long port;
	unsigned depth;
};

/** nsd->plan->path and what it includes. */
int sw_nsd_parse(struct sw_nsd *nsd);

/** The last statement of that key, or NULL. */
const struct sw_said *sw_nsd_said(const struct sw_nsd_section *section, const char *key);
/** Its first value, or NULL. */
const char *sw_nsd_value(const struct sw_nsd_section *section, const char *key);
/** The pattern or tls-auth of that name, or NULL. */
const struct sw_nsd_section *sw_nsd_find(const struct sw_nsd *nsd, const char *kind, const char *name);

#endif
