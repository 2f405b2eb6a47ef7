/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Query templates from a pattern such as `www.d%.deleg.test`. */
#ifndef BENCH_GENERATOR_QUERY_H
#define BENCH_GENERATOR_QUERY_H

#include "traffic.h"
#include <stdbool.h>
#include <stdint.h>

struct bench_path {
	uint8_t client_mac[6], server_mac[6];
	uint32_t server; /* IPv4 address, host order */
};

/** Fill a template with a query for type A.
 *
 * @param pattern      the name; `%` stands for seven digits and follows a letter, `?` for eight random
 * letters
 * @param index_count  digits go from 0 to index_count - 1; at most 10 million
 * @param with_edns    add an OPT record that offers 1232 bytes
 * @param with_do      ask for DNSSEC records (RFC 3225)
 * @return 0, or -EINVAL when the pattern makes no name or no frame that fits
 */
int bench_query_build(struct bench_template *template, const struct bench_path *path, const char *pattern,
	uint32_t index_count, bool with_edns, bool with_do);

/** Bytes of the question section: name, type and class. */
uint32_t bench_query_question_bytes(const struct bench_template *template);

#endif
