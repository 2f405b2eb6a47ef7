/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The guard of one node: feeds sense, gives the answer path its orders, keeps the incidents.
 *
 * A thread of its own, ten turns a second. It knows neither programs nor sockets: what it needs of them are a
 * few functions. When it dies, its orders grow old, and the answer path admits everybody.
 */
#ifndef SW_GUARD_GUARD_H
#define SW_GUARD_GUARD_H

#include "guard/capacity.h"
#include "guard/networks.h"
#include "sense/sense.h"
#include <jansson.h>

struct sw_lane_totals {
	uint64_t offered[SW_LANE_COUNT];
	uint64_t refused[SW_LANE_COUNT];
	uint64_t refused_known;
};

#define SW_CORES_MAX 256

/** What the node has counted since its start. */
struct sw_node_counts {
	uint64_t verdicts[SW_VERDICT_COUNT];
	uint64_t reply_bytes;
	uint64_t by_core[SW_CORES_MAX]; /* packets; what is beyond is left out */
};

typedef void sw_sample_fn(void *arg, const struct sw_sample *sample);

/** The node, as the guard sees it. Called from the guard's thread. Functions return 0 or -errno. */
struct sw_guarded {
	void *arg;
	struct sw_orders *orders;
	int (*counts)(void *arg, struct sw_node_counts *counts);
	int (*lanes)(void *arg, struct sw_lane_totals *totals);
	int (*samples)(void *arg, sw_sample_fn *take, void *take_arg); /* those that wait */
	int (*known)(void *arg, const uint8_t address[16], uint8_t hops, bool is_known);
	sw_network_fn *network;
	/* Name of a zone by the keyed hash of its apex; false when there is none. */
	bool (*zone_name)(void *arg, uint64_t hash, char *text, size_t size);
	/* Whether the name exists, or a wildcard covers it, and in which zone (0: none). */
	int (*exists)(void *arg, const uint8_t *name, bool *exists, uint64_t *zone);
	void (*source)(
		void *arg, const uint8_t address[16], uint8_t address_len, struct sw_source_seen *seen);
	void (*log)(const char *text);
};

struct sw_guard_settings {
	struct sw_capacity_limits limits;
	double network_qps; /* allowance of a network; 0: none is limited */
	bool is_observing;
	const char *state;     /* directory for what is learnt and for incidents; NULL: nothing is kept */
	const char *recording; /* file for ticks and samples, to be replayed; NULL: none */
};

struct sw_guard;

#define SW_GUARD_WHY_MAX 1024

/** @param why  SW_GUARD_WHY_MAX bytes: on error what failed
 * @return 0 or -errno */
int sw_guard_new(struct sw_guard **guard, const struct sw_guard_settings *settings,
	const struct sw_guarded *guarded, char *why);
int sw_guard_start(struct sw_guard *guard);
/** Stops the thread, saves what was learnt, voids the orders. Takes NULL. */
void sw_guard_free(struct sw_guard *guard);

/** Commands of the control socket: "guard-status", "guard-lanes", "guard-explain", "guard-observe",
 * "guard-enforce", "incident-list", "incident-show". From any thread.
 * @return reply, or NULL for other commands */
json_t *sw_guard_command(struct sw_guard *guard, const char *command, const json_t *request);

#endif
