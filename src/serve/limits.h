/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How much transfers and requests may take. One list: the members, the defaults; docs/configuration.md has a
 * row for each. A limit holds for what begins after it was told. */
#ifndef SW_SERVE_LIMITS_H
#define SW_SERVE_LIMITS_H

#include <stdint.h>

#define SW_TRANSFERS_MAX 1024 /* at once, coming in or going out: each has a buffer of 64 KiB */

#define SW_LIMIT_SECOND_NS 1000000000ull

/* member, default, what it is; all are uint64_t */
#define SW_LIMITS(X)                                                                                      \
	X(in_at_once, 64, "zones that are asked for at once; thousands that are due wait for each other") \
	X(in_primary_at_once, SW_TRANSFERS_MAX, "of these, at one primary")                               \
	X(in_answer_ns, 2 * SW_LIMIT_SECOND_NS, "to the answer to a question for a serial")               \
	X(in_connect_ns, 5 * SW_LIMIT_SECOND_NS, "to the first message of a transfer")                    \
	X(in_silence_ns, 20 * SW_LIMIT_SECOND_NS, "between two messages of a transfer")                   \
	X(in_records, 100000000, "of a transfer, unless the zone tells")                                  \
	X(in_bytes, 16ull << 30, "of a transfer, unless the zone tells")                                  \
	X(out_at_once, 64, "transfers going out")                                                         \
	X(out_address_at_once, 8, "of these, to one address")                                             \
	X(out_longest_ns, 7200 * SW_LIMIT_SECOND_NS, "while one lasts, what it reads is kept on disk")

struct sw_limits {
#define X(name, value, text) uint64_t name;
	SW_LIMITS(X)
#undef X
};

/** What is told, and the default of what is not (0). */
static inline struct sw_limits sw_limits(const struct sw_limits *told)
{
	struct sw_limits limits = *told;
#define X(name, value, text) limits.name = limits.name ? limits.name : (value);
	SW_LIMITS(X)
#undef X
	return limits;
}

#endif
