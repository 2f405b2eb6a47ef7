/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How one core sees a SYN flood; shared by xdp/tcp.bpf.c, which decides, and xdp/kernel.c, which looks. */
#ifndef SW_XDP_PRESSURE_H
#define SW_XDP_PRESSURE_H

#include <stdint.h>

#define SW_SYN_WINDOW_NS 100000000ull
#define SW_SYN_CALM_NS 5000000000ull /* a flood is over so long after the last window beyond the budget */

/** Times are CLOCK_MONOTONIC. */
struct sw_syn_window {
	uint64_t since_ns;
	uint64_t syns;		   /* to service ports since then */
	uint64_t pressed_until_ns; /* 0: never yet */
};

#endif
