/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Does a zone make sense? Judged after sw_contents_finish(), before compiling.
 *
 * What refuses a zone follows Knot and NSD: docs/zone-checks.md has the table. Signatures are judged by
 * their fields, not verified: that is the work of whoever signs, and it costs a thousand times the rest.
 *
 * Linear in the records: denial chains are followed by looking names up, not by sorting them.
 */
#ifndef SW_ZONE_CHECK_H
#define SW_ZONE_CHECK_H

#include "zone/contents.h"
#include "zone/finding.h"

/** NSEC3 hashing beyond this is not recomputed here; validators treat such zones as unsigned
 * (RFC 9276 s3.2). */
#define SW_CHECK_NSEC3_ITERATIONS_MAX 100

/** @param now_s  signatures are judged at this time, in seconds since 1970 (RFC 4034 s3.1.5)
 * @return 0; -EBADMSG after findings that refuse the zone; -ENOMEM */
int sw_zone_check(const struct sw_contents *contents, uint32_t now_s, struct sw_findings *findings);

#endif
