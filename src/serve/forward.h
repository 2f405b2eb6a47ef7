/* SPDX-License-Identifier: GPL-3.0-or-later */
/** An update that is passed on to a zone's primary (RFC 2136 s6), and its answer back. Over TCP or TLS, under
 * an ID of our own, signed with our key there; never blocks.
 */
#ifndef SW_SERVE_FORWARD_H
#define SW_SERVE_FORWARD_H

#include "serve/live.h"

struct sw_forward;

/** @param settings  with the remote in them; held as long as this lives
 * @return 0; or -errno, then the request is still the caller's */
int sw_forward_new(struct sw_forward **forward, struct sw_update_request *request,
	struct sw_settings *settings, const struct sw_remote *remote);

int sw_forward_fd(const struct sw_forward *forward);
uint32_t sw_forward_events(const struct sw_forward *forward); /* EPOLLIN, EPOLLOUT */
uint64_t sw_forward_due_ns(const struct sw_forward *forward); /* CLOCK_MONOTONIC: when its asker gives up */

/** What was waited for is there, or it is due. @return whether it is over: the request has its reply */
bool sw_forward_turn(struct sw_forward *forward, uint64_t now_ns);

/** Whoever still waits for a reply hears SERVFAIL. Takes NULL. */
void sw_forward_free(struct sw_forward *forward);

/** Answer a request that cannot be passed on. */
void sw_forward_refuse(struct sw_update_request *request);

#endif
