/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/networks.h"
#include "image/lanes.h"
#include <string.h>

static struct sw_limited_network *limited_find(struct sw_networks *networks, const struct sw_network *network)
{
	for (unsigned i = 0; i < networks->count; i++)
		if (memcmp(networks->limited[i].network.address, network->address, 16) == 0)
			return &networks->limited[i];
	return NULL;
}

static void limit(
	struct sw_networks *networks, const struct sw_network *network, sw_network_fn *tell, void *arg)
{
	struct sw_limited_network *limited = limited_find(networks, network);
	if (!limited && networks->count == SW_NETWORKS_MAX)
		return;
	if (!limited)
		limited = &networks->limited[networks->count++];
	limited->network = *network;
	limited->hold_s = SW_NETWORK_HOLD_S;
	limited->admit = (uint32_t)(networks->allowance_qps / network->rate_pps * 4294967295.0);
	tell(arg, network->address, limited->admit);
}

unsigned sw_networks_turn(
	struct sw_networks *networks, const struct sw_sense *sense, sw_network_fn *tell, void *arg)
{
	struct sw_network loud[SW_NETWORKS_MAX];
	unsigned count = networks->allowance_qps > 0 ? sw_sense_networks(sense, loud, SW_NETWORKS_MAX) : 0;
	for (unsigned i = 0; i < count; i++)
		if (loud[i].rate_pps > networks->allowance_qps)
			limit(networks, &loud[i], tell, arg);
	for (unsigned i = networks->count; i-- > 0;) {
		struct sw_limited_network *limited = &networks->limited[i];
		if (limited->hold_s-- > 0)
			continue;
		tell(arg, limited->network.address, SW_ADMIT_ALL);
		*limited = networks->limited[--networks->count];
	}
	return networks->count;
}
