/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The kernel's answer to one message, without a network: the message is put in a frame, the XDP program is
 * run on it (BPF_PROG_RUN), and the frame that comes out is checked and taken off again. */
#ifndef SW_CLI_ANSWER_KERNEL_H
#define SW_CLI_ANSWER_KERNEL_H

#include "xdp/kernel.h"
#include <stddef.h>

/** Larger messages do not fit the one page BPF_PROG_RUN gives a frame. */
#define SW_FRAME_QUERY_MAX 3072
#define SW_FRAME_BYTES_MAX 4096

enum sw_frame_result {
	SW_FRAME_REPLY,
	SW_FRAME_DROPPED,
	SW_FRAME_PUNTED, /* passed on to user space */
	SW_FRAME_BROKEN, /* an error of ours: text in why */
};

struct sw_frame {
	struct sw_kernel *kernel;
	uint8_t source[16];
	uint8_t source_len; /* 4 or 16 */
	uint8_t out[SW_FRAME_BYTES_MAX];
	char why[SW_WHY_MAX];
};

/** Make the kernel part answer for the service address, which is 192.0.2.53 or 2001:db8::53, port 53. */
int sw_frame_listen(struct sw_kernel *kernel);

/** @param reply  points into frame->out */
enum sw_frame_result sw_frame_run(struct sw_frame *frame, const uint8_t *query, size_t query_len,
	const uint8_t **reply, size_t *reply_len);

#endif
