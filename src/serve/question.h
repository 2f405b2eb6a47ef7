/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One question to one address of a remote, and its answer: signed with the remote's key, over UDP, twice at
 * most; over TCP where the answer did not fit and the asker wants all of it; over TLS where the remote is for
 * TLS.
 *
 * Never blocks. Forged answers do not get through: port and ID are drawn, the socket is connected, the
 * question must be the one asked, and where there is a key the signature right.
 */
#ifndef SW_SERVE_QUESTION_H
#define SW_SERVE_QUESTION_H

#include "serve/policy.h"

#define SW_QUESTION_MESSAGE_MAX 65535

enum sw_question_state {
	SW_QUESTION_GOING,
	SW_QUESTION_ANSWERED, /* the message is in the buffer */
	SW_QUESTION_FAILED,   /* why */
};

struct sw_question_wish {
	const uint8_t *name;
	uint16_t type;
	uint16_t flags;	      /* of the header: SW_FLAG_RD, SW_FLAG_AD */
	bool takes_truncated; /* an answer with TC is one; otherwise it is asked for over TCP */
	uint64_t answer_ns;   /* patience with one try over UDP */
	uint64_t connect_ns;  /* with the answer over TCP */
};

struct sw_question;

/** @param remote  with its key, as long as this lives
 * @param address  one of its addresses
 * @param message  SW_QUESTION_MESSAGE_MAX bytes, as long as this lives: for what goes out and what comes
 * @return 0 or -errno */
int sw_question_new(struct sw_question **question, const struct sw_question_wish *wish,
	const struct sw_remote *remote, const struct sw_endpoint *address, uint8_t *message, uint64_t now_ns);
void sw_question_free(struct sw_question *question); /* takes NULL */

/* What to wait for; the descriptor may be another after a turn. */
int sw_question_fd(const struct sw_question *question);
uint32_t sw_question_events(const struct sw_question *question); /* EPOLLIN, EPOLLOUT */
uint64_t sw_question_due_ns(const struct sw_question *question); /* CLOCK_MONOTONIC */

/** What was waited for is there, or it is due.
 * @param len  of the answer, whose signature is checked and taken off */
enum sw_question_state sw_question_turn(struct sw_question *question, uint64_t now_ns, size_t *len);
const char *sw_question_why(const struct sw_question *question);

#endif
