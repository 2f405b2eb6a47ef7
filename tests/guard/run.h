/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A node that is simulated around the controller: who asks what, in tenths of a second. */
#ifndef TESTS_GUARD_RUN_H
#define TESTS_GUARD_RUN_H

#include "guard/controller.h"

#define RUN_TELL_MAX 256

/** Sources that ask alike. */
struct askers {
	uint8_t network[3]; /* with `count` below 254: one /24, else the /24s from there on */
	uint32_t count;
	double qps;	/* of all together */
	uint32_t names; /* that they choose from; 0: each asks for a new one */
	bool exists;
	uint8_t hops;
	uint64_t features;
};

struct run {
	struct sw_controller *controller;
	struct sw_orders orders;
	struct sw_reading reading;
	uint64_t random;
	double busy;	    /* of the busiest core, from now on */
	double reply_bytes; /* of an answer */
	double punts_qps;
	/* what was said */
	struct sw_event event[RUN_TELL_MAX];
	unsigned events;
	unsigned limited, released; /* networks, times */
	/* hears everything as the controller does; may be NULL */
	void (*sample)(void *arg, const struct sw_sample *sample);
	void (*turn)(void *arg, const struct sw_reading *reading);
	void *arg;
};

/** The least that a run needs to know. */
struct run *run_new(const struct sw_controller_settings *settings);
void run_free(struct run *run);

/** A tenth of a second in which these ask. Whoever is not admitted by the orders is not answered. */
void run_tick(struct run *run, const struct askers *askers, unsigned count);

/** Whether anybody is refused anything. */
bool run_refuses(const struct run *run);

#endif
