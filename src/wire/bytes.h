/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Numbers in messages and record data: most significant byte first (RFC 1035 s2.3.2), at any address. */
#ifndef SW_WIRE_BYTES_H
#define SW_WIRE_BYTES_H

#include <stdint.h>

static inline uint16_t sw_get16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

static inline uint32_t sw_get32(const uint8_t *from)
{
	return (uint32_t)sw_get16(from) << 16 | sw_get16(from + 2);
}

/** Of a larger number the lower half. */
static inline void sw_put16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static inline void sw_put32(uint8_t *to, uint32_t value)
{
	sw_put16(to, value >> 16);
	sw_put16(to + 2, value);
}

#endif
