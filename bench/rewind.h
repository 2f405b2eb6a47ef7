/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What progrun and its BPF program share. */
#ifndef BENCH_REWIND_H
#define BENCH_REWIND_H

#include <linux/types.h>

#define REWIND_FRAME_MAX 512
#define REWIND_FRAMES 65536 /* a power of two */

struct rewind_frame {
	__u32 frame_bytes;
	__u32 padding;
	__u8 frame[REWIND_FRAME_MAX];
};

#endif
