// SPDX-License-Identifier: GPL-3.0-or-later
/** Command line of the drill's traffic. Where it is sent to is not among the options. */
#ifndef LAB_TRAFFIC_OPTIONS_H
#define LAB_TRAFFIC_OPTIONS_H

#include "shared.h"
#include <stdbool.h>
#include <stdint.h>

struct lab_options {
	const char *scenario, *phases, *names, *fresh, *victim, *out;
	const char *link[LAB_POPS];
	uint64_t seed;
	double unit_qps;
	bool is_dry, is_check;
	double simulated_loss; /* negative: no simulation */
};

/** @return 0, or -EINVAL after saying on standard error what is wrong; 1 after --help */
int lab_options_parse(struct lab_options *options, int argc, char **argv);

#endif
