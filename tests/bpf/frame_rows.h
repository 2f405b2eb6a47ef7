/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rows about frames: what is passed, dropped or answered whatever the zones say. */
#ifndef SW_TESTS_BPF_FRAME_ROWS_H
#define SW_TESTS_BPF_FRAME_ROWS_H

#include "row.h"

extern const struct row frame_rows[];
extern const size_t frame_row_count;

/** Good queries, for row_check_cut(). */
extern const struct row cut_rows[];
extern const size_t cut_row_count;

#endif
