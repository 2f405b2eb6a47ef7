/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The drill's traffic at one POP as sense would see it: counters and samples, and the truth beside them.
 *
 * The phases are those of lab/scenarios/small.json, the populations those of lab/traffic/population.c and
 * model.c, in simulated time and without packets. Beyond the lab's world there is noise: strangers among the
 * honest, resolvers whose packets come over two routes, stray packets of every kind.
 */
#ifndef TESTS_SENSE_MODEL_H
#define TESTS_SENSE_MODEL_H

#include "sense/sense.h"

#define MODEL_USUAL_SECONDS 300
#define MODEL_SECONDS 340 /* with the slow rise */
#define MODEL_STEP_MS 10

enum model_pop { MODEL_US_EAST = 1, MODEL_EU = 2 };

/** What happens after a minute of peace instead of an attack. */
enum model_disturbance {
	MODEL_ATTACK,	   /* the drill */
	MODEL_PEACE,	   /* nothing */
	MODEL_ROUTES,	   /* two fifths of the resolvers are further away now */
	MODEL_CATCHMENT,   /* the resolvers of another POP come here */
	MODEL_BROKEN_ZONE, /* the largest zone has lost its names */
	MODEL_CACHES,	   /* caches were emptied: everybody asks for everything, four times as much */
};

struct model_settings {
	uint64_t seed;
	double unit_qps; /* L */
	enum model_pop pop;
	uint32_t window_ms; /* between ticks */
	bool is_defended;   /* much of the attack is refused, and resolvers that are sent to TCP go there */
	enum model_disturbance disturbance;
	double lost_share;	/* of the samples */
	double first_s, last_s; /* of the schedule, to play a part of it; 0, 0: all */
};

struct model;

struct model *model_new(const struct model_settings *settings);
void model_free(struct model *model);

/** Play all of it into `sense`; `every_s` is called after each second (may be NULL).
 * Ticks begin at `MODEL_START_MS`. */
#define MODEL_START_MS 1000000
void model_play(
	struct model *model, struct sw_sense *sense, void (*second)(void *arg, unsigned second), void *arg);

/** Attack packets that were sent in a second of the schedule. */
uint64_t model_sent(const struct model *model, enum sw_vector vector, unsigned second);

#endif
