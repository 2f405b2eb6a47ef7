/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What has changed between the zone that is kept and one that was read again, for IXFR of zones that are
 * edited as files. */
#ifndef SW_ZONE_DIFF_H
#define SW_ZONE_DIFF_H

#include "zone/archive.h"

/** Make a change of two versions, in one pass through both in canonical order (RFC 4034 s6.1).
 *
 * Records whose data differ in the case of names count as different: what is served is what was written.
 *
 * @param contents  finished
 * @param bytes_max  of records removed and added together; 0: no limit
 * @param delta  zeros; from the kept zone to the contents. Where `from` and `to` are the same serial, or `to`
 *               is not the newer one, it is no change that a journal can keep: the caller decides
 * @return 1 when there are differences, beside the SOA or in it; 0 when there are none, delta untouched;
 * -E2BIG past the limit: replace the zone; -EINVAL for contents without one SOA at the apex; -ENOENT,
 * -ENOMEM, other -errno of reading */
int sw_delta_diff(struct sw_snapshot *snapshot, const struct sw_contents *contents, size_t bytes_max,
	struct sw_delta *delta);

/** The same against a kept zone that is signed here, as it would be unsigned: on both sides what a signer
 * makes is left out, and the SOA of the kept zone has this serial, as in `from`. */
int sw_delta_diff_unsigned(struct sw_snapshot *snapshot, const struct sw_contents *contents, uint32_t serial,
	size_t bytes_max, struct sw_delta *delta);

#endif
