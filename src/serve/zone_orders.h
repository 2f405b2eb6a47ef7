/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Commands that change zones, or need what only the loader's thread may look at: zone-add, zone-remove,
 * zone-freeze, zone-thaw, zone-notify, zone-sign. The loader's thread's. */
#ifndef SW_SERVE_ZONE_ORDERS_H
#define SW_SERVE_ZONE_ORDERS_H

#include "serve/keep.h"
#include <jansson.h>

/** @param keep  NULL: no zone is live
 * @param order  {"command", "zone"}; of zone-add "template" and "file", too
 * @return the reply */
json_t *sw_zone_order(struct sw_keep *keep, struct sw_zones *zones, const json_t *order);

#endif
