// SPDX-License-Identifier: GPL-3.0-or-later
/** The resolvers alone, in simulated time, on a network that loses a share of their tries. */
#ifndef LAB_TRAFFIC_SIMULATE_H
#define LAB_TRAFFIC_SIMULATE_H

#include <stdint.h>

/** How many times more they ask than without loss.
 *
 * Published for authoritative servers under attack: 8 times at 90 % loss (Moura et al., When the Dike Breaks,
 * IMC 2018, s6), 10 to 20 times normal traffic at Dyn.
 *
 * @param times  written only on success
 * @return 0 or -errno */
int lab_simulate(double loss, uint64_t seed, double *times);

#endif
