/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The part of user space in a SYN flood: the kernel part sees it and answers by itself (xdp/tcp.bpf.c), but
 * only while the machine's listeners take its cookies. */
#ifndef SW_SERVE_SYN_H
#define SW_SERVE_SYN_H

#include "serve/settings.h"
#include "xdp/kernel.h"

struct sw_syn;

/** Says in the log what would stand in the way of a defence.
 * @param kernel, settings  must outlive it
 * @return NULL when out of memory */
struct sw_syn *sw_syn_new(struct sw_kernel *kernel, const struct sw_settings *settings);

/** Once a second. */
void sw_syn_tick(struct sw_syn *syn);

/** Takes NULL. */
void sw_syn_free(struct sw_syn *syn);

#endif
