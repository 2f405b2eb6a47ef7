/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What reading a query comes to. */
#ifndef SW_ANSWER_STATE_H
#define SW_ANSWER_STATE_H

#include "answer/work.h"

/** What is to be done with a query after reading it. */
enum sw_query_state {
	SW_QUERY_GO = 0, /* look it up */
	SW_QUERY_REPLY,	 /* rcode and verdict are set: reply without looking up */
	SW_QUERY_SILENT, /* verdict is set: no reply */
	SW_QUERY_PUNT,	 /* verdict is set: user space must do this */
};

SW_INLINE int sw_query_fail(struct sw_work *work, enum sw_rcode rcode, enum sw_verdict verdict)
{
	work->rcode = rcode;
	work->verdict = verdict;
	return SW_QUERY_REPLY;
}

#endif
