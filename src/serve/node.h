/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The running node: opens everything, answers until told to stop, closes everything. */
#ifndef SW_SERVE_NODE_H
#define SW_SERVE_NODE_H

#include "serve/loader.h"
#include "serve/settings.h"

/** Run until SIGTERM, SIGINT or the command "stop". Errors are logged.
 *
 * @param settings  finished (sw_settings_finish()); must stay until the return
 * @param reread  for SIGHUP and "reload"; may be NULL
 * @return 0 after a graceful stop; -EINVAL: the settings cannot be met on this machine; else -errno */
int sw_node_run(const struct sw_settings *settings, sw_reread_fn *reread, void *reread_arg);

#endif
