/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How many connections there are, in all and from each client prefix. Shared by the TCP threads; touched
 * when a connection comes or goes, never per query. */
#ifndef SW_SERVE_QUOTA_H
#define SW_SERVE_QUOTA_H

#include "serve/settings.h"

struct sw_quota;

/** A client prefix: /24 of IPv4, /56 of IPv6, the lengths response rate limiting made usual. */
typedef uint64_t sw_prefix;

/** @return NULL when out of memory */
struct sw_quota *sw_quota_new(const struct sw_tcp_limits *limits);
void sw_quota_free(struct sw_quota *quota);

/** Connections that are open already stay. */
void sw_quota_limit(struct sw_quota *quota, const struct sw_tcp_limits *limits);

sw_prefix sw_quota_prefix(const struct sw_endpoint *peer);

/** @return 0; -ENOSPC: too many in all; -EDQUOT: too many from there; -ENOMEM */
int sw_quota_take(struct sw_quota *quota, sw_prefix prefix);
void sw_quota_give(struct sw_quota *quota, sw_prefix prefix);

unsigned sw_quota_used(const struct sw_quota *quota);

#endif
