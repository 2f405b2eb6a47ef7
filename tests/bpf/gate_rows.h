/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rows about the gate: what is no query, for addresses that only serve DNS and for others, and TCP.
 *
 * They are about a network namespace that tests/bpf/machine.h has made.
 */
#ifndef SW_TESTS_BPF_GATE_ROWS_H
#define SW_TESTS_BPF_GATE_ROWS_H

#include "row.h"

extern const struct row gate_rows[];
extern const size_t gate_row_count;

/** TCP while there are few SYNs. */
extern const struct row tcp_rows[];
extern const size_t tcp_row_count;

/** TCP while every SYN is one too many. */
extern const struct row flood_rows[];
extern const size_t flood_row_count;

/** SYNs of which one a second is let through. */
extern const struct row warm_rows[];
extern const size_t warm_row_count;

/** For row_check_cut(), in peace and in a flood. */
extern const struct row gate_cut_rows[];
extern const size_t gate_cut_row_count;

#endif
