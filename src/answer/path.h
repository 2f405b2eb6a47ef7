/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The answer path, whole. Its three stages: read the query, resolve it into parts, write the parts.
 *
 * Included by src/answer/answer.c for user space, and by the BPF programs in src/xdp with SW_BPF defined. */
#ifndef SW_ANSWER_PATH_H
#define SW_ANSWER_PATH_H

#ifdef SW_BPF
#include "answer/admit.h"
#endif
#include "answer/query.h"
#include "answer/resolve.h"
#include "answer/write.h"

/** Read and resolve the query in work->buf; afterwards the reply's length is known, nothing is written.
 * @return SW_QUERY_REPLY, SW_QUERY_SILENT or SW_QUERY_PUNT */
SW_INLINE int sw_work_out(struct sw_work *work)
{
	const struct sw_control *control = sw_control_of(work);
	if (!control)
		return SW_QUERY_PUNT;
	int state = sw_query_read(work, control);
	if (state == SW_QUERY_GO)
		state = sw_resolve(work, control);
#ifdef SW_BPF
	if (control->orders.is_watching && state <= SW_QUERY_REPLY)
		state = sw_admit(work);
	else if (control->orders.is_watching && work->verdict == SW_VERDICT_PUNT_REQUEST)
		state = sw_admit_request(work);
#endif
	if (state == SW_QUERY_SILENT || state == SW_QUERY_PUNT)
		return state;
	/* a header-only reply: nothing of a question that could not be read is sent back */
	if (work->question_end == SW_HEADER_LEN)
		work->answers_end = SW_HEADER_LEN;
	sw_finish(work, control);
	return SW_QUERY_REPLY;
}

#endif
