/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Whole validation of one answer, for the sample that the receiving program copies out. */
#ifndef BENCH_GENERATOR_CHECK_H
#define BENCH_GENERATOR_CHECK_H

#include "traffic.h"
#include <stdbool.h>

struct bench_expectation {
	const struct bench_template *query;
	enum bench_kind kind;
	bool has_do;  /* signatures, and proofs of what does not exist, must be there */
	bool is_echo; /* a reflector's: the query with the QR bit set */
};

/** Check the frame from the IP header to the last record.
 *
 * Addresses are those that zonegen gives: 10.0.0.0 plus the index in the name.
 * @return NULL when the answer is right, or what is wrong with it
 */
const char *bench_answer_check(const struct bench_sample *sample, const struct bench_expectation *expected);

#endif
