/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The guard's mind: samples and readings in; orders, events, and what is to be told of sources out.
 *
 * Pure: no clock, no file, no packet. The guard's thread drives it, and so does a recording (guard/replay.h),
 * with the same result.
 */
#ifndef SW_GUARD_CONTROLLER_H
#define SW_GUARD_CONTROLLER_H

#include "guard/learn.h"
#include "guard/measure.h"

struct sw_controller_settings {
	struct sw_capacity_limits limits;
	double network_qps;
	uint64_t seed; /* see sw_sense_new() */
};

/** Who hears what it says. */
struct sw_listener {
	void *arg;
	sw_event_fn *event;
	sw_known_fn *known;
	sw_network_fn *network;
};

struct sw_controller {
	struct sw_listener listener;
	struct sw_orders *orders;
	struct sw_orders next; /* in the making */
	struct sw_sense *sense;
	struct sw_capacity capacity;
	struct sw_measure measure;
	struct sw_networks networks;
	struct sw_learner learner;
	uint64_t window_ms, second_ms; /* when they were closed */
	double attack_qps;	       /* questions of the attacks that are on */
	bool is_attack;		       /* something is on that is not peace */
};

/** @param orders  given from now on; must outlive the controller
 * @return 0 or -ENOMEM */
int sw_controller_new(struct sw_controller **controller, const struct sw_controller_settings *settings,
	const struct sw_listener *listener, struct sw_orders *orders);
void sw_controller_free(struct sw_controller *controller);

/** One sampled packet, in order of time. */
void sw_controller_sample(struct sw_controller *controller, const struct sw_sample *sample);

/** Every SW_CAPACITY_TICK_MS: takes what was read off the node, gives orders.
 * @return whether a window of sense was closed */
bool sw_controller_turn(struct sw_controller *controller, const struct sw_reading *reading);

#endif
