/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files of the running node. */
#ifndef SW_SERVE_NODE_INSIDE_H
#define SW_SERVE_NODE_INSIDE_H

#include "serve/control.h"
#include "serve/ladder.h"
#include "serve/node.h"
#include "serve/requests.h"
#include "serve/syn.h"
#include "serve/tcp.h"
#include "serve/udp.h"

struct sw_running_node {
	struct sw_settings *settings;
	const struct sw_guest *guest;
	struct sw_ladder *ladder;
	struct sw_store *store;
	struct sw_zones *zones;
	struct sw_keep *keep;
	struct sw_requests *requests; /* NULL without a state directory */
	struct sw_udp **udp;
	struct sw_tls *tls;
	struct sw_tcp *tcp;
	struct sw_syn *syn;
	struct sw_control_socket *control;
	struct sw_loader *loader;
	int64_t started_s;
	bool is_answering;
	bool is_stopping; /* read by the loader */
	int epoll, signals, timer, netlink;
};

/* node_commands.c */

/** Take a command that has come in on the control socket, and reply to it or have it replied to. */
void sw_node_take_command(struct sw_running_node *node);

#endif
