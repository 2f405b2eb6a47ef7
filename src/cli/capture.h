/* SPDX-License-Identifier: GPL-3.0-or-later */
/** `seawall guard explain --pcap`: what would become of the packets of a capture now. */
#ifndef SW_CLI_CAPTURE_H
#define SW_CLI_CAPTURE_H

#include "cli/cli.h"

struct sw_capture {
	const char *path, *control;
	unsigned port; /* of the service */
	bool is_json;
};

/** Print a line for each packet, or an object each. @return enum sw_exit */
int sw_capture_explain(const struct sw_command *command, const struct sw_capture *what);

#endif
