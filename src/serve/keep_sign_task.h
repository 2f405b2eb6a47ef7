/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the threads that sign and the loader's thread hand to each other. */
#ifndef SW_SERVE_KEEP_SIGN_TASK_H
#define SW_SERVE_KEEP_SIGN_TASK_H

#include "serve/keep_sign.h"

struct sw_sign_task {
	struct sw_sign_task *next;
	enum sw_sign_kind kind;
	uint8_t apex[SW_NAME_MAX];
	struct sw_sign_policy policy;
	struct sw_keys keys; /* its own: secrets are not for two threads */
	struct sw_keys_plan plan;
	struct sw_contents *plain; /* NULL: what is kept */
	bool is_anew;		   /* no signature is taken over */
	uint32_t source_serial;
	uint32_t window_s;
	uint32_t undo_serial; /* of SW_SIGN_UNDO, where has_undo_serial */
	bool has_undo_serial;
	/* what came of it */
	bool has_base;
	uint32_t base; /* serial of the version that it began with */
	int err;
	struct sw_contents *made;
	struct sw_delta delta;
	struct sw_sign_result result;
	uint32_t ttl_max_s;
	double seconds;
};

void sw_sign_task_free(struct sw_sign_task *task);

/** @return 0 or -errno, then the task is still the caller's */
int sw_signers_post(struct sw_signers *signers, struct sw_sign_task *task);

/** Those that are done, in no order, or NULL. */
struct sw_sign_task *sw_signers_done(struct sw_signers *signers);

/** The SOA of contents, its data in `rdata`. @return 0 or -EINVAL */
int sw_sign_soa_of(const struct sw_contents *contents, uint8_t rdata[2 * SW_NAME_MAX + 20],
	struct sw_record *soa, uint32_t *serial);

#endif
