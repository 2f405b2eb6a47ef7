/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Record data as bytes. */
#ifndef SW_ZONE_RDATA_H
#define SW_ZONE_RDATA_H

#include "wire/message.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Types that are no data: OPT, TSIG and the like, queries (RFC 6895 s3.1), and 0, which is none. */
static inline bool sw_type_is_meta(uint16_t type)
{
	return type == 0 || type == SW_TYPE_OPT || (type >= 128 && type <= 255);
}

/** Whether record data has the shape of its type: fixed fields whole, names well-formed and uncompressed,
 * nothing left over.
 *
 * The scanner takes RFC 3597's form \# as it stands, also for types it knows (RFC 3597 s5), and whoever
 * walks a name in record data later trusts its length bytes. */
bool sw_rdata_is_valid(uint16_t type, const uint8_t *rdata, size_t len);

#endif
