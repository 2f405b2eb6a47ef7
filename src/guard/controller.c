/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/controller.h"
#include "guard/policy.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_PPS 20000 /* as many as sense can take in without noticing it */

int sw_controller_new(struct sw_controller **out, const struct sw_controller_settings *settings,
	const struct sw_listener *listener, struct sw_orders *orders)
{
	struct sw_controller *controller = calloc(1, sizeof(*controller));
	if (!controller)
		return -ENOMEM;
	int err = sw_sense_new(
		&controller->sense, settings->seed, listener->event, listener->known, listener->arg);
	if (err != 0) {
		free(controller);
		return err;
	}
	controller->listener = *listener;
	controller->orders = orders;
	controller->networks.allowance_qps = settings->network_qps;
	sw_capacity_start(&controller->capacity, &settings->limits);
	sw_measure_start(&controller->measure);
	sw_policy_default(&orders->policy);
	*out = controller;
	return 0;
}

void sw_controller_free(struct sw_controller *controller)
{
	if (!controller)
		return;
	sw_sense_free(controller->sense);
	free(controller);
}

/* ---- samples ---- */

/** Whom a signature must not hurt, and whom it may be learnt from. */
static void learn(struct sw_controller *controller, const struct sw_sample *sample)
{
	uint8_t hops;
	if (sample->features == 0)
		return;
	if (!sw_sense_knows(controller->sense, sample->source, sample->address_len, &hops)) {
		if (controller->is_attack)
			sw_learner_see(&controller->learner, sample->features, false);
	} else if (sw_hops_fit(sample->ttl, hops)) {
		sw_learner_see(&controller->learner, sample->features, true);
	}
}

void sw_controller_sample(struct sw_controller *controller, const struct sw_sample *sample)
{
	learn(controller, sample);
	sw_measure_sample(&controller->measure, sample);
	sw_sense_sample(controller->sense, sample);
}

/* ---- a turn ---- */

/** A verdict that is rare is sampled whole, a frequent one to its share of what can be taken in. */
static void sampling_order(const struct sw_measure *measure, struct sw_orders *orders)
{
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++) {
		double every = measure->verdict_pps[verdict] * SW_VERDICTS_AT_ONCE / SAMPLES_PPS;
		uint32_t order = verdict == SW_VERDICT_PASS_OTHER || verdict == SW_VERDICT_TCP_PASS ? 0
				 : every < 1							    ? 1
					     : (uint32_t)(every + 1);
		__atomic_store_n(&orders->sample_every[verdict], order, __ATOMIC_RELAXED);
	}
}

/** Vectors that consist of questions: to refuse some of them would make room. */
static bool is_of_questions(enum sw_vector vector)
{
	return vector == SW_VECTOR_RELAYED || vector == SW_VECTOR_RANDOM || vector == SW_VECTOR_EXISTING ||
	       vector == SW_VECTOR_SPOOFED;
}

static void sense_turn(struct sw_controller *controller, const struct sw_reading *reading)
{
	struct sw_tick tick = {.time_ms = reading->time_ms};
	memcpy(tick.counts, reading->verdicts, sizeof(tick.counts));
	controller->window_ms = reading->time_ms;
	sw_sense_tick(controller->sense, &tick);
	controller->attack_qps = 0;
	for (unsigned vector = 0; vector < SW_VECTOR_COUNT; vector++) {
		struct sw_vector_state state;
		if (!is_of_questions((enum sw_vector)vector))
			continue;
		sw_sense_vector(controller->sense, (enum sw_vector)vector, &state);
		controller->attack_qps += state.is_on ? state.rate_pps : 0;
	}
}

/** A reader must never see the mask of one with the value of another: what changes rests for a second. */
static void signatures_order(struct sw_orders *orders, const struct sw_signature active[SW_SIGNATURES_MAX])
{
	for (unsigned i = 0; i < SW_SIGNATURES_MAX; i++) {
		struct sw_signature *signature = &orders->signature[i];
		if (signature->mask == active[i].mask && signature->value == active[i].value)
			continue;
		if (signature->mask) {
			__atomic_store_n(&signature->mask, 0, __ATOMIC_RELEASE);
			continue;
		}
		__atomic_store_n(&signature->value, active[i].value, __ATOMIC_RELEASE);
		__atomic_store_n(&signature->mask, active[i].mask, __ATOMIC_RELEASE);
	}
}

static void second_turn(struct sw_controller *controller, double seconds)
{
	const struct sw_listener *listener = &controller->listener;
	struct sw_orders *orders = controller->orders;
	struct sw_signature active[SW_SIGNATURES_MAX];
	struct sw_sense_state state;
	sw_sense_state(controller->sense, &state);
	controller->is_attack = !state.is_peace;
	sw_learner_turn(&controller->learner, controller->is_attack, active);
	signatures_order(orders, active);
	if (sw_networks_turn(
		    &controller->networks, controller->sense, seconds, listener->network, listener->arg) > 0)
		orders->is_watching |= SW_WATCHING_NETWORKS;
	else
		orders->is_watching &= ~(uint32_t)SW_WATCHING_NETWORKS;
}

/** What the capacity has decided, word by word: nobody sees a step on the way to it. */
static void orders_give(struct sw_orders *orders, const struct sw_orders *next)
{
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
		__atomic_store_n(&orders->policy.admit[lane], next->policy.admit[lane], __ATOMIC_RELAXED);
	for (unsigned i = 0; i < SW_ZONE_SHARES; i++)
		if (orders->missing_refuse[i] != next->missing_refuse[i])
			__atomic_store_n(
				&orders->missing_refuse[i], next->missing_refuse[i], __ATOMIC_RELAXED);
	__atomic_store_n(&orders->dropped_lanes, next->dropped_lanes, __ATOMIC_RELAXED);
	__atomic_store_n(&orders->is_watching, next->is_watching, __ATOMIC_RELEASE);
}

bool sw_controller_turn(struct sw_controller *controller, const struct sw_reading *reading)
{
	struct sw_capacity_load load;
	bool is_window = reading->time_ms - controller->window_ms >= SW_SENSE_WINDOW_MS;
	sw_measure_turn(&controller->measure, reading, controller->attack_qps, &load);
	controller->next = *controller->orders;
	sw_capacity_tick(&controller->capacity, &load, &controller->next);
	orders_give(controller->orders, &controller->next);
	sampling_order(&controller->measure, controller->orders);
	if (is_window)
		sense_turn(controller, reading);
	if (reading->time_ms - controller->second_ms >= 1000) {
		second_turn(controller, (double)(reading->time_ms - controller->second_ms) / 1000);
		controller->second_ms = reading->time_ms;
	}
	return is_window;
}
