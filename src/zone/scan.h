/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Master files (RFC 1035 s5, RFC 2308 s4, RFC 3597 s5) into zone contents, by libzscanner.
 *
 * The file is read piece by piece: one that an editor shortens meanwhile cannot raise SIGBUS, as a mapping of
 * it would, and a big one takes no memory besides its records.
 */
#ifndef SW_ZONE_SCAN_H
#define SW_ZONE_SCAN_H

#include "zone/contents.h"
#include "zone/finding.h"

/** TTL of records before any $TTL that carry none themselves, as Knot takes it. */
#define SW_SCAN_TTL_DEFAULT_S 3600

/** $INCLUDE inside $INCLUDE, the zone's own file not counted. */
#define SW_SCAN_INCLUDE_DEPTH_MAX 16

struct sw_scan_stats {
	uint64_t records; /* taken; the contents leave out duplicates */
	uint64_t ignored; /* outside the zone */
	uint64_t bytes;
	uint32_t files;
};

/** Read the file of a zone. Reading goes on after an error, to report them all.
 *
 * $ORIGIN starts as the apex. A relative $INCLUDE is relative to the file that names it.
 *
 * @param stats  may be NULL
 * @return 0; -EBADMSG after findings that refuse the zone; -EEXIST when two names share a hash (start
 *         again with contents of another key); -ENOMEM, -EFBIG
 */
int sw_zone_scan(struct sw_contents *contents, const char *path, struct sw_findings *findings,
	struct sw_scan_stats *stats);

/** The same from memory, without $INCLUDE (an error there).
 * @param name  stands for the file in findings */
int sw_zone_scan_text(struct sw_contents *contents, const char *name, const void *text, size_t size,
	struct sw_findings *findings, struct sw_scan_stats *stats);

#endif
