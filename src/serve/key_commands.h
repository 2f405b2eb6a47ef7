/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What `seawall key` asks of the daemon: what is looked at is told at once, what changes keys is done by the
 * loader's thread, which then replies. */
#ifndef SW_SERVE_KEY_COMMANDS_H
#define SW_SERVE_KEY_COMMANDS_H

#include "serve/keep.h"
#include <jansson.h>

struct sw_signing;

/** @param keep  NULL where no zone is live
 * @param command  "key-list"; "key-show", "key-roll", "key-ds-seen", "key-ds-gone", whose request has "zone"
 * @param reply  NULL: the client will be replied to and closed by another thread
 * @return whether it is one of these commands */
bool sw_key_command(
	struct sw_keep *keep, const char *command, const json_t *request, int client, json_t **reply);

/** "dnssec" for `seawall zone show`, where the zone is signed here. */
void sw_key_zone_add(struct sw_keep *keep, const uint8_t *apex, json_t *zone);

/** The parent has the DS of a key, or none any more. The loader's thread.
 * @param told  id or tag of the key; "": the one that is waited for
 * @return NULL, or why that cannot be noted */
const char *sw_key_ds_seen(struct sw_keep *keep, struct sw_signing *signing,
	const struct sw_dnssec_policy *policy, const char *told);
const char *sw_key_ds_gone(struct sw_keep *keep, struct sw_signing *signing);

/** Do what waits. The loader's thread. */
void sw_key_requests_take(struct sw_keep *keep);

/** Nobody will do it any more. */
void sw_key_requests_drop(struct sw_keep *keep);

#endif
