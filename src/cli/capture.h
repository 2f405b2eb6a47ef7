/* SPDX-License-Identifier: GPL-3.0-or-later */
/** `seawall guard explain --pcap`: what would become of the packets of a capture now. */
#ifndef SW_CLI_CAPTURE_H
#define SW_CLI_CAPTURE_H

#include "cli/cli.h"

/** Print a line for each packet; is_json: an object each. @return enum sw_exit */
int sw_capture_explain(const struct sw_command *command, const char *path, const char *control, bool is_json);

#endif
