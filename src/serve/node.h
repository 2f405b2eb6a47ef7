/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The running node: opens everything, answers until told to stop, closes everything. */
#ifndef SW_SERVE_NODE_H
#define SW_SERVE_NODE_H

#include "serve/loader.h"
#include "serve/settings.h"
#include "xdp/kernel.h"
#include <jansson.h>

/** What a guest may use, from its start to its stop. */
struct sw_node_parts {
	struct sw_kernel *kernel; /* NULL: nothing is answered in the kernel */
	struct sw_store *store;
	struct sw_zones *zones;
};

/** Somebody who lives in the node without being a part of it. */
struct sw_guest {
	void *arg;
	/** Called once, when the node is ready. Its failure is its own: the node answers all the same. */
	int (*start)(void *arg, const struct sw_node_parts *parts);
	void (*stop)(void *arg); /* started or not */
	/** A command of the control socket that the node does not know. @return reply, or NULL: nor do I */
	json_t *(*command)(void *arg, const char *name, const json_t *request);
};

/** Run until SIGTERM, SIGINT or the command "stop". Errors are logged.
 *
 * @param settings  finished (sw_settings_finish()); must stay until the return
 * @param reread  for SIGHUP and "reload"; may be NULL
 * @param guest  may be NULL
 * @return 0 after a graceful stop; -EINVAL: the settings cannot be met on this machine; else -errno */
int sw_node_run(
	struct sw_settings *settings, sw_reread_fn *reread, void *reread_arg, const struct sw_guest *guest);

#endif
