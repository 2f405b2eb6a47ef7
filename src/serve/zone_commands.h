/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What `seawall zone` asks of the daemon. */
#ifndef SW_SERVE_ZONE_COMMANDS_H
#define SW_SERVE_ZONE_COMMANDS_H

#include "serve/keep.h"
#include <jansson.h>

/** @param keep  NULL where no zone is live
 * @param command  "zone-show", "zone-refresh", "zone-retransfer"; their request has "zone"
 * @return the reply, or NULL: no such command */
json_t *sw_zone_command(
	struct sw_keep *keep, struct sw_zones *zones, const char *command, const json_t *request);

#endif
