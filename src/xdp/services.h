/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the kernel part knows of addresses: which ones are services, which of those only serve DNS, which
 * else the machine has. Kept in the control page while packets are being judged by it. */
#ifndef SW_XDP_SERVICES_H
#define SW_XDP_SERVICES_H

#include "image/store.h"

/** Which services are dedicated: an address that only serves DNS, where nothing else is let in. */
enum sw_dedicated {
	SW_DEDICATED_AUTO, /* those listened on by name that stand on loopback or dummy interfaces alone */
	SW_DEDICATED_YES,  /* all */
	SW_DEDICATED_NO,
};

/** What may pass beside queries. */
struct sw_gate {
	enum sw_dedicated dedicated;
	struct sw_range range[SW_RANGES_MAX];
	uint32_t range_count;
	uint32_t syn_budget;
};

struct sw_services;

/** @param backing  copied: the control page, and how to wait for its readers
 * @param own_map  descriptor of the map of the machine's addresses; stays the caller's
 * @return 0 or -ENOMEM */
int sw_services_new(struct sw_services **services, const struct sw_backing *backing, int own_map);
void sw_services_free(struct sw_services *services);

/** Copied; counts from the next sw_services_listen() or sw_services_refresh() on. */
void sw_services_gate(struct sw_services *services, const struct sw_gate *gate);

/** One more; see sw_kernel_listen(). @param is_tcp  sw_kernel_listen_tcp() */
int sw_services_listen(struct sw_services *services, const uint8_t *address, uint8_t address_len,
	uint16_t port, bool is_tcp);

bool sw_services_is_dedicated(
	const struct sw_services *services, const uint8_t *address, uint8_t address_len, uint16_t port);

/** Addresses of the machine have changed; see sw_kernel_refresh(). */
int sw_services_refresh(struct sw_services *services);

#endif
