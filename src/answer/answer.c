/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer/answer.h"
#include "answer/path.h"
#include "wire/tsig.h"
#include <sched.h>
#include <stdlib.h>

#define TRIES_MAX 10000 /* of a zone that changes under the query: one does, two would be rare */

struct sw_worker {
	struct sw_work work;
};

struct sw_worker *sw_worker_new(void)
{
	return calloc(1, sizeof(struct sw_worker));
}

void sw_worker_free(struct sw_worker *worker)
{
	free(worker);
}

/** SERVFAIL without records, for a reply that cannot be written: one over TCP whose records would have to
 * point beyond the first 16 KiB (RFC 1035 s4.1.4). @return length */
static size_t sw_fail(struct sw_work *work)
{
	work->rcode = SW_RCODE_SERVFAIL;
	work->verdict = SW_VERDICT_SERVFAIL;
	work->has_edns = 0;
	for (unsigned section = 0; section < SW_SECTIONS; section++)
		work->part_count[section] = work->records[section] = 0;
	return sw_write(NULL, work) ? 0 : work->question_end;
}

static const struct sw_tsig_key *no_key(void *arg, const uint8_t *name, enum sw_tsig_algorithm algorithm)
{
	(void)arg;
	(void)name;
	(void)algorithm;
	return NULL;
}

/** Whoever has keys has looked before: here none is known (RFC 8945 s5.2.1). @return length of the reply */
static size_t refuse_key(struct sw_work *work, uint8_t *reply)
{
	struct sw_tsig tsig;
	size_t len = work->message_len, reply_len = work->reply_len;
	(void)sw_tsig_check_query(&tsig, no_key, NULL, work->buf, &len, 0);
	(void)sw_tsig_sign_reply(&tsig, reply, &reply_len, work->stream ? 65535 : 1500, 0);
	return reply_len;
}

size_t sw_answer(struct sw_worker *worker, const struct sw_image_view *view, const struct sw_asker *asker,
	const uint8_t *query, size_t query_len, uint8_t *reply, unsigned *verdict)
{
	struct sw_work *work = &worker->work;
	size_t copied = query_len < SW_QUERY_MAX + 1 ? query_len : SW_QUERY_MAX + 1;
	work->view = view;
	work->reply = reply;
	memcpy(work->address, asker->address, sizeof(work->address));
	work->address_len = asker->address_len;
	work->stream = asker->stream;
	work->idle_ds = asker->idle_ds;
	work->message_len = (uint32_t)copied;
	memcpy(work->buf, query, copied);
	int state = sw_work_out(work);
	for (unsigned tries = 0; state == SW_QUERY_PUNT && work->is_torn && tries < TRIES_MAX; tries++) {
		sched_yield(); /* the change may need this processor to go on */
		state = sw_work_out(work);
	}
	*verdict = work->verdict;
	if (state != SW_QUERY_REPLY)
		return 0;
	memcpy(reply, work->buf, work->question_end);
	if (sw_write(NULL, work)) {
		*verdict = SW_VERDICT_SERVFAIL;
		return sw_fail(work);
	}
	if (work->tsig_at)
		return refuse_key(work, reply);
	return work->reply_len;
}
