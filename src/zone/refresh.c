/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/refresh.h"
#include "wire/bytes.h"
#include <string.h>

#define SPREAD 10 /* a tenth of an interval at most */

struct sw_soa_timers sw_soa_timers(const struct sw_record *soa)
{
	const uint8_t *numbers =
		soa->rdata + soa->rdata_len - 20; /* serial, refresh, retry, expire, minimum */
	return (struct sw_soa_timers){sw_get32(numbers + 4), sw_get32(numbers + 8), sw_get32(numbers + 12)};
}

/** @return seconds from now, spread downwards */
static int64_t later(int64_t now_s, uint64_t interval_s, uint32_t chance)
{
	if (interval_s > SW_REFRESH_MOST_S)
		interval_s = SW_REFRESH_MOST_S;
	interval_s -= interval_s / SPREAD * chance / UINT32_MAX;
	return now_s + (int64_t)(interval_s < SW_REFRESH_LEAST_S ? SW_REFRESH_LEAST_S : interval_s);
}

void sw_refresh_start(
	struct sw_refresh *refresh, int64_t confirmed_s, int64_t expires_s, int64_t now_s, uint32_t chance)
{
	*refresh = (struct sw_refresh){.confirmed_s = confirmed_s, .expires_s = expires_s};
	/* what happened while nobody listened is not known: all are asked soon, though not all at once */
	refresh->next_s = expires_s == 0 ? now_s : now_s + chance % SW_REFRESH_START_S;
}

bool sw_refresh_wanted(struct sw_refresh *refresh, int64_t now_s)
{
	if (refresh->is_asking) {
		refresh->is_again = true;
		return false;
	}
	/* a clock that was set back must not keep it from asking */
	int64_t since_s = now_s - refresh->asked_s;
	bool is_early = refresh->asked_s != 0 && since_s >= 0 && since_s < SW_REFRESH_LEAST_S;
	refresh->next_s = is_early ? refresh->asked_s + SW_REFRESH_LEAST_S : now_s;
	return !is_early;
}

static void asked(struct sw_refresh *refresh, int64_t now_s)
{
	refresh->is_asking = false;
	refresh->asked_s = now_s;
	if (refresh->is_again)
		refresh->next_s = now_s + SW_REFRESH_LEAST_S;
	refresh->is_again = false;
}

void sw_refresh_done(
	struct sw_refresh *refresh, const struct sw_soa_timers *timers, int64_t now_s, uint32_t chance)
{
	refresh->failures = 0;
	refresh->confirmed_s = now_s;
	refresh->expires_s = now_s + timers->expire_s;
	refresh->next_s = later(now_s, timers->refresh_s, chance);
	/* one that expires before it would be asked for again is asked for in time */
	if (refresh->next_s >= refresh->expires_s)
		refresh->next_s = later(now_s, timers->expire_s / 2, chance);
	asked(refresh, now_s);
}

void sw_refresh_failed(
	struct sw_refresh *refresh, const struct sw_soa_timers *timers, int64_t now_s, uint32_t chance)
{
	uint64_t interval_s = timers->retry_s > SW_REFRESH_LEAST_S ? timers->retry_s : SW_REFRESH_LEAST_S;
	for (uint32_t i = 0; i < refresh->failures && interval_s < timers->refresh_s; i++)
		interval_s *= 2;
	if (interval_s > timers->refresh_s && timers->refresh_s >= timers->retry_s)
		interval_s = timers->refresh_s;
	refresh->failures += refresh->failures < UINT32_MAX;
	refresh->next_s = later(now_s, interval_s, chance);
	asked(refresh, now_s);
}

bool sw_refresh_is_expired(const struct sw_refresh *refresh, int64_t now_s)
{
	return refresh->expires_s != 0 && refresh->expires_s <= now_s;
}
