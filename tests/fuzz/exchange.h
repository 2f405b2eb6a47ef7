/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What holds for every message and its reply, whatever the zones say. */
#ifndef SW_TESTS_FUZZ_EXCHANGE_H
#define SW_TESTS_FUZZ_EXCHANGE_H

#include "answer/answer.h"
#include "reply.h"

/** A message put to the server and what came of it. */
struct exchange {
	const uint8_t *query;
	size_t query_len;
	bool is_stream;
	const uint8_t *reply;
	size_t reply_len;
	unsigned verdict; /* what sw_answer() said */
};

/** Ask, in buffers of exactly the sizes promised, and check. Aborts where something does not hold.
 * @param exchange  query, query_len and is_stream are set; the rest is filled in, valid until the next call
 * @return the reply, or NULL where there is none; valid until the next call */
const struct reply *exchange_run(
	struct sw_worker *worker, const struct sw_image_view *view, struct exchange *exchange);

/** Says what else is to be known when an exchange fails; may be NULL. */
extern void (*exchange_explain)(void);

/** Abort, after saying why and dumping both messages. */
void exchange_fail(const struct exchange *exchange, const char *why) __attribute__((noreturn));

#endif
