/* SPDX-License-Identifier: GPL-3.0-or-later */
/** From a master file to contents that are fit to serve. */
#ifndef SW_ZONE_LOAD_H
#define SW_ZONE_LOAD_H

#include "zone/contents.h"
#include "zone/finding.h"

/** Read, group and check one zone; sums up what findings were not passed on.
 *
 * @param contents  NULL, or those of another zone, to be used again; may be changed on failure too. The
 * caller frees them
 * @return 0; -EBADMSG when findings refuse the zone; -EEXIST when two names share a hash (draw another key);
 *         -ENOMEM, -EFBIG
 */
int sw_zone_load(const uint8_t *apex, const struct sw_hash_key *key, const char *path,
	struct sw_findings *findings, struct sw_contents **contents);

#endif
