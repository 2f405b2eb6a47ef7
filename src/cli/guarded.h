/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The guard in a running node: what the one knows, the other is told. */
#ifndef SW_CLI_GUARDED_H
#define SW_CLI_GUARDED_H

#include "serve/node.h"

/** For sw_node_run(): starts the guard where there is a kernel part. The settings must outlive the node. */
struct sw_guest *sw_guarded_new(const struct sw_settings *settings);
void sw_guarded_free(struct sw_guest *guest);

#endif
