/* SPDX-License-Identifier: GPL-3.0-or-later */
/** When a secondary asks its primaries, and until when it may answer (RFC 1034 s4.3.5). Pure: the clock is an
 * argument, chance too.
 *
 * Intervals are spread by up to a tenth downwards, so that thousands of zones loaded at once do not ask at
 * once for ever. Whoever could not be asked is asked again after retry, doubled each time up to refresh;
 * never twice in SW_REFRESH_LEAST_S. A zone expires `expire` after it was last confirmed, not after it was
 * last changed.
 */
#ifndef SW_ZONE_REFRESH_H
#define SW_ZONE_REFRESH_H

#include "zone/delta.h"

#define SW_REFRESH_LEAST_S 2
#define SW_REFRESH_START_S 30 /* all zones are asked for within, after a start */
#define SW_REFRESH_MOST_S (28 * 86400)

/** The timers of a SOA, and the operator's bounds to them. */
struct sw_soa_timers {
	uint32_t refresh_s, retry_s, expire_s;
};
struct sw_soa_timers sw_soa_timers(const struct sw_record *soa);

struct sw_refresh {
	int64_t next_s;	     /* when to ask; INT64_MAX: not by itself */
	int64_t asked_s;     /* the last answer, or none: 0 for not since the start */
	int64_t confirmed_s; /* 0: never */
	int64_t expires_s;   /* 0: nothing to serve yet, or expired */
	uint32_t failures;   /* in a row */
	bool is_asking;
	bool is_again; /* notified while it was asking */
};

/** At the start. @param confirmed_s, expires_s  from the archive, 0 where there is nothing */
void sw_refresh_start(
	struct sw_refresh *refresh, int64_t confirmed_s, int64_t expires_s, int64_t now_s, uint32_t chance);

/** A NOTIFY, or an operator: ask now. @return whether the caller should start asking */
bool sw_refresh_wanted(struct sw_refresh *refresh, int64_t now_s);

/** The primary confirmed our version, or gave a newer one. */
void sw_refresh_done(
	struct sw_refresh *refresh, const struct sw_soa_timers *timers, int64_t now_s, uint32_t chance);

/** No primary could tell. */
void sw_refresh_failed(
	struct sw_refresh *refresh, const struct sw_soa_timers *timers, int64_t now_s, uint32_t chance);

/** Whether the zone may not be answered for any more. */
bool sw_refresh_is_expired(const struct sw_refresh *refresh, int64_t now_s);

#endif
