/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Record data as bytes. */
#ifndef SW_ZONE_RDATA_H
#define SW_ZONE_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Whether record data has the shape of its type: fixed fields whole, names well-formed and uncompressed,
 * nothing left over.
 *
 * The scanner takes RFC 3597's form \# as it stands, also for types it knows (RFC 3597 s5), and whoever
 * walks a name in record data later trusts its length bytes. */
bool sw_rdata_is_valid(uint16_t type, const uint8_t *rdata, size_t len);

#endif
