/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Padding of replies, so that their length tells less of what was asked (RFC 7830, RFC 8467). */
#ifndef SW_SERVE_PAD_H
#define SW_SERVE_PAD_H

#include <stddef.h>
#include <stdint.h>

#define SW_PAD_BLOCK 468 /* RFC 8467 s4.1 */

/** Make a reply's length a multiple of SW_PAD_BLOCK, if the query has the option that asks for it. A reply
 * whose last record is not OPT (it is signed, it has none) stays as it is.
 * @param reply  65,535 bytes of room
 * @return its length now */
size_t sw_pad(const uint8_t *query, size_t query_len, uint8_t *reply, size_t reply_len);

#endif
