/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/networks.h"
#include "image/lanes.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* by size, largest last: sw_prefix_of() */
static double allowance_of(const struct sw_networks *networks, const struct sw_prefix *prefix)
{
	static const double times[SW_PREFIX_LENGTHS] = {0.25, 1, 16};
	uint32_t which = prefix->address_len == 4 ? 4 - prefix->bits / 8 : 4 - prefix->bits / 16;
	return times[which] * (prefix->is_known ? SW_NETWORK_KNOWN_TIMES : 1) * networks->allowance_qps;
}

static bool is_of_this_machine(const struct sw_prefix *prefix)
{
	return prefix->address_len == 4 ? (prefix->first & 0xff) == 127 : prefix->first == 0;
}

/** @return NULL when there is no room for one more */
static struct sw_heard_network *heard_get(struct sw_networks *networks, const struct sw_network *network)
{
	for (unsigned i = 0; i < networks->count; i++)
		if (memcmp(&networks->heard[i].network.prefix, &network->prefix, sizeof(network->prefix)) ==
			0)
			return &networks->heard[i];
	if (networks->count == SW_NETWORKS_MAX)
		return NULL;
	struct sw_heard_network *heard = &networks->heard[networks->count++];
	*heard = (struct sw_heard_network){.network = *network, .admit = SW_ADMIT_ALL};
	heard->network.packets = 0;
	return heard;
}

/** What came since the turn before. A new minute begins at nothing, and so does a counter of sense that was
 * another network's. */
static void hear(struct sw_networks *networks, const struct sw_network *network, double seconds)
{
	struct sw_heard_network *heard = heard_get(networks, network);
	if (!heard)
		return;
	double before = heard->network.packets <= network->packets ? heard->network.packets : 0;
	heard->rate_pps = (network->packets - before) / seconds;
	heard->network = *network;
	heard->is_heard = true;
}

/** @return whether it is limited */
static bool judge(
	const struct sw_networks *networks, struct sw_heard_network *heard, sw_network_fn *tell, void *arg)
{
	bool was_limited = heard->admit != SW_ADMIT_ALL;
	double allowance_qps = allowance_of(networks, &heard->network.prefix);
	if (!heard->is_heard)
		heard->rate_pps = 0;
	heard->beyond_s = heard->rate_pps > allowance_qps ? heard->beyond_s + 1 : 0;
	if (heard->beyond_s >= (was_limited ? 1 : SW_NETWORK_PATIENCE_S)) {
		heard->hold_s = SW_NETWORK_HOLD_S;
		heard->admit = (uint32_t)(allowance_qps / heard->rate_pps * 4294967295.0);
		tell(arg, &heard->network.prefix, heard->admit);
	} else if (was_limited && heard->hold_s-- == 0) {
		heard->admit = SW_ADMIT_ALL;
		tell(arg, &heard->network.prefix, SW_ADMIT_ALL);
	}
	return heard->admit != SW_ADMIT_ALL;
}

unsigned sw_networks_turn(struct sw_networks *networks, const struct sw_sense *sense, double seconds,
	sw_network_fn *tell, void *arg)
{
	struct sw_network most[SW_NETWORKS_MAX];
	unsigned limited = 0,
		 count = networks->allowance_qps > 0 ? sw_sense_networks(sense, most, SW_NETWORKS_MAX) : 0;
	for (unsigned i = 0; i < networks->count; i++)
		networks->heard[i].is_heard = false;
	for (unsigned i = 0; i < count; i++)
		if (!is_of_this_machine(&most[i].prefix))
			hear(networks, &most[i], seconds);
	for (unsigned i = networks->count; i-- > 0;) {
		struct sw_heard_network *heard = &networks->heard[i];
		bool is_limited = judge(networks, heard, tell, arg);
		limited += is_limited;
		if (!is_limited && !heard->is_heard)
			*heard = networks->heard[--networks->count];
	}
	return limited;
}

const char *sw_prefix_text(const struct sw_prefix *prefix, char text[SW_PREFIX_TEXT_MAX])
{
	uint8_t address[16] = {0};
	memcpy(address, &prefix->first, sizeof(prefix->first));
	inet_ntop(prefix->address_len == 4 ? AF_INET : AF_INET6, address, text, SW_PREFIX_TEXT_MAX);
	size_t len = strlen(text);
	snprintf(text + len, SW_PREFIX_TEXT_MAX - len, "/%u", prefix->bits);
	return text;
}
