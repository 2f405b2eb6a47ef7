/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What time it is. */
#ifndef SW_SERVE_CLOCK_H
#define SW_SERVE_CLOCK_H

#include <stdint.h>
#include <time.h>

/** Since 1970, as set by the operator. */
static inline int64_t sw_now_s(void)
{
	return (int64_t)time(NULL);
}

/** CLOCK_MONOTONIC: for what lasts. */
static inline uint64_t sw_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static inline double sw_seconds_since(uint64_t begun_ns)
{
	return (double)(sw_now_ns() - begun_ns) * 1e-9;
}

#endif
