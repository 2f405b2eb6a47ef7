/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the files that read named.conf share: convert_bind.c (statements), convert_bind_lists.c (lists of
 * addresses and servers), convert_bind_tls.c, convert_bind_catalog.c. */
#ifndef SW_CLI_CONVERT_BIND_H
#define SW_CLI_CONVERT_BIND_H

#include "cli/convert.h"

/** named.conf while it is converted. */
struct sw_bind {
	struct sw_plan *plan;
	struct sw_said *tree;  /* all statements of the file; those of a view, while its zones are taken */
	struct sw_said *view;  /* NULL outside */
	const char *directory; /* files are relative to it */
	unsigned long port, tls_port;
};

enum sw_bind_notify {
	SW_BIND_NOTIFY_IMPLICIT,
	SW_BIND_NOTIFY_YES,
	SW_BIND_NOTIFY_EXPLICIT,
	SW_BIND_NOTIFY_NO
};

/** What is told for a zone, in it or around it. */
struct sw_bind_scope {
	struct sw_plan_zone *zone; /* of the plan; a zone of no list for options */
	enum sw_bind_notify notify;
	const char *transfer_source[2], *notify_source[2]; /* IPv4, IPv6; NULL: any */
};

/** A statement of the file, or of the view, by its first word and, unless NULL, its second. */
const struct sw_said *sw_bind_find(const struct sw_bind *bind, const char *first, const char *second);

/** The word behind another, after the first of a statement; NULL for none. */
const char *sw_bind_option(const struct sw_said *said, const char *name);

/** A list of who may into items of a key; what cannot be said is noted, and ends the list, as what follows
 * could be let in only because of it. */
void sw_bind_access(struct sw_bind *bind, struct sw_bind_scope *scope, const struct sw_said *said,
	enum sw_plan_key_id key);

/** A list of servers into items of a key. */
void sw_bind_servers(struct sw_bind *bind, struct sw_bind_scope *scope, const struct sw_said *said,
	enum sw_plan_key_id key);

/** The rules of 'update-policy'. */
void sw_bind_update_policy(struct sw_bind *bind, struct sw_bind_scope *scope, const struct sw_said *said);

/** Addresses to listen on; prefixes and what is not known beforehand are noted. */
void sw_bind_listen(struct sw_bind *bind, const struct sw_said *said, bool is_v6);

/** Whether 'tls NAME' asks for TLS. @param name  NULL: it is not there */
bool sw_bind_is_tls(const char *name);

/** An address is listened on with 'tls NAME'. Before it is added to the list. */
void sw_bind_tls_server(struct sw_bind *bind, const struct sw_said *said, const char *name);

/** A server is asked with 'tls NAME'. */
void sw_bind_tls_client(struct sw_bind *bind, struct sw_plan_zone *zone, const struct sw_said *said,
	const char *name, const char *address, struct sw_plan_remote *remote);

/** What a list of who may says of ports and transports. @return whether it is for TLS alone */
bool sw_bind_tls_access(struct sw_bind *bind, struct sw_plan_zone *zone, const struct sw_said *said);

/** Note what is told in 'tls' blocks and cannot be here. */
void sw_bind_tls_blocks(struct sw_bind *bind);

/** Those of 'catalog-zones' among statements of options or a view, when all zones are there. */
void sw_bind_catalogs(
	struct sw_bind *bind, const struct sw_bind_scope *around, const struct sw_said *statements);

#endif
