/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What arrives and is more than a plain question: NOTIFY (RFC 1996), UPDATE (RFC 2136), AXFR and IXFR
 * (RFC 5936, RFC 1995), and questions that are signed (RFC 8945). Who may do it is known here; what is done,
 * elsewhere.
 */
#ifndef SW_SERVE_REQUESTS_H
#define SW_SERVE_REQUESTS_H

#include "answer/answer.h"
#include "image/image.h"
#include "serve/transfers.h"
#include "wire/message.h"

/** What the log has said so far. */
struct sw_requests_told {
	uint64_t at_ns; /* CLOCK_MONOTONIC; 0: nothing yet */
	uint64_t updates, notifies, others;
};

struct sw_requests {
	struct sw_live *live;
	struct sw_transfers *transfers;
	struct sw_throttle *throttle;
	struct sw_requests_told told;
	bool is_on; /* atomic; there are live zones. Otherwise all goes to sw_answer() */
};

/** @param live  outlives it
 * @return 0 or -ENOMEM */
int sw_requests_new(struct sw_requests **requests, struct sw_live *live);
void sw_requests_free(struct sw_requests *requests); /* takes NULL */

/** Whether there are live zones now. The control page's punts_requests is to say the same. Any thread. */
static inline void sw_requests_switch(struct sw_requests *requests, bool is_on)
{
	__atomic_store_n(&requests->is_on, is_on, __ATOMIC_RELAXED);
}

/** A line to the log where messages beyond their budgets have been dropped since the last, and where there
 * were too many refusals for a line each, once a minute at most. Of one thread, every second or so. */
void sw_requests_tell(struct sw_requests *requests);

/** Whether a message of at least a header may be more than a plain question: sw_requests_take() knows. */
bool sw_requests_suspect(const uint8_t *message, size_t len);

/** The same, and quick: most messages are questions with an OPT record or nothing behind them. */
static inline bool sw_requests_may_be(const struct sw_requests *requests, const uint8_t *message, size_t len)
{
	if (requests == NULL || !__atomic_load_n(&requests->is_on, __ATOMIC_RELAXED))
		return false;
	return len >= SW_HEADER_LEN && sw_requests_suspect(message, len);
}

/** One message, and what becomes of it. */
struct sw_request {
	const struct sw_asker *asker;
	bool is_encrypted; /* over TLS */
	struct sw_worker *answerer;
	const struct sw_image_view *view;
	/** An update is about to wait: set done() and arg of it. @return 0 or -errno: SERVFAIL */
	int (*expect)(void *context, struct sw_update_request *update);
	void *context;
	uint64_t patience_ns; /* how long the asker of an update waits for the reply */
	/* results */
	unsigned verdict;	      /* for counting; of all but SW_TAKEN_NOT */
	size_t reply_len;	      /* of SW_TAKEN_REPLY; 0: none */
	struct sw_transfer *transfer; /* of SW_TAKEN_TRANSFER; the caller's */
};

enum sw_taken {
	SW_TAKEN_NOT,	   /* a plain question */
	SW_TAKEN_REPLY,	   /* all done */
	SW_TAKEN_LATER,	   /* update->done() tells; perhaps it has already */
	SW_TAKEN_TRANSFER, /* streams only: the reply is what comes out of it */
};

/** The caller is inside a read-side critical section.
 *
 * @param message  is changed where it is signed
 * @param reply  as for sw_answer() */
enum sw_taken sw_requests_take(struct sw_requests *requests, struct sw_request *request, uint8_t *message,
	size_t len, uint8_t *reply);

#endif
