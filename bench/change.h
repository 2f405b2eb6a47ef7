/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files of the bench of changes. */
#ifndef SW_BENCH_CHANGE_H
#define SW_BENCH_CHANGE_H

#include "image/store.h"
#include <stdbool.h>

double now_us(void);
void die(const char *what, int error);

/** Print a row. @param us  is sorted */
void row(const char *what, double *us, unsigned count);

/** change_signed.c: a signed zone of a million names. Its signatures are zeros: nobody here looks at them. */
void signed_measure(struct sw_store *store, bool is_nsec3);

#endif
