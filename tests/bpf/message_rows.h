/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rows about messages: each way a query can come out of the zones in zones/. */
#ifndef SW_TESTS_BPF_MESSAGE_ROWS_H
#define SW_TESTS_BPF_MESSAGE_ROWS_H

#include "row.h"

extern const struct row message_rows[];
extern const size_t message_row_count;

/** The same where user space takes requests: what is left to it then, and nothing else. */
extern const struct row request_rows[];
extern const size_t request_row_count;

/** Messages with something in each place, for row_check_short(). */
extern const struct row short_rows[];
extern const size_t short_row_count;

#endif
