// SPDX-License-Identifier: GPL-3.0-or-later
/** Where the drill's traffic may go: over the links of its own lab, and nowhere else. What it may be
 * addressed to is no parameter at all; the sending program checks it once more (traffic.bpf.c). */
#ifndef LAB_TRAFFIC_GUARD_H
#define LAB_TRAFFIC_GUARD_H

#include <stdint.h>

/** Whether traffic may be sent over an interface: one end of a veth pair between the lab's internet, in which
 * this process runs, and the lab's POP.
 *
 * @param pop  number of the POP that must be at the other end
 * @return NULL, or the reason why not */
const char *lab_link_refuse(const char *name, uint32_t pop);

#endif
