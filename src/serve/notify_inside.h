/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Whom to tell, and the sockets to tell them from: few of both, kept to the end. */
#ifndef SW_SERVE_NOTIFY_INSIDE_H
#define SW_SERVE_NOTIFY_INSIDE_H

#include "serve/notify.h"

/** A socket to send from: of a family, bound to a source or not. */
struct sw_notify_outlet {
	struct sw_notify_outlet *next;
	struct sw_endpoint source; /* len 0: the system chooses */
	sa_family_t family;
	int fd;
};

/** A remote as it was told. Never freed before the end: there are few. */
struct sw_notify_target {
	struct sw_notify_target *next;
	struct sw_endpoint *addresses;
	size_t address_count;
	struct sw_endpoint source;
	bool is_signed;
	struct sw_tsig_key key;
};

/** The target that a remote is, made where there is none yet. @return NULL when out of memory */
const struct sw_notify_target *sw_notify_target(
	struct sw_notify_target **targets, const struct sw_remote *remote);
void sw_notify_targets_free(struct sw_notify_target *targets);

/** The outlet of a source and a family, opened where there is none yet.
 * @param source  len 0: any; so does one of another family
 * @param epoll  told of answers
 * @return descriptor, or -1 when there is none to be had */
int sw_notify_outlet(
	struct sw_notify_outlet **outlets, int epoll, const struct sw_endpoint *source, sa_family_t family);
void sw_notify_outlets_free(struct sw_notify_outlet *outlets);

#endif
