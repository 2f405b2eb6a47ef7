/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A number that nobody else knows, for what is spread or has to be guessed. */
#ifndef SW_SERVE_CHANCE_H
#define SW_SERVE_CHANCE_H

#include <stdint.h>
#include <sys/random.h>

static inline uint32_t sw_chance(void)
{
	uint32_t value = 0;
	(void)!getrandom(&value, sizeof(value), 0);
	return value;
}

#endif
