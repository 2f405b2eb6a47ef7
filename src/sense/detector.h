/* SPDX-License-Identifier: GPL-3.0-or-later */
/** When a vector is on: rates against thresholds, with nothing hidden in between.
 *
 * For each vector and window there is a rate, and a threshold:
 *
 *   what is usual in peace (95th percentile) times four,
 *     but at least a share of the usual load: less would not matter,
 *     and at most another share of it: what is never ordinary is not learnt as ordinary,
 *   and at least a number of packets: below that nothing is noticed.
 *   On top of it comes what the traffic of known resolvers explains.
 *
 * On: two windows in a row above it, or three within two seconds. It began when the rate rose above half of
 * the threshold (what is explained aside). Off: three seconds without a window above half of it. It ended
 * with the last such window.
 *
 * A wave is a time in which all attack vectors together exceed ten times the usual load; pauses of less than
 * six seconds do not end it.
 *
 * Vectors that need to know who is a resolver are not judged before enough are known.
 *
 * While a vector is on nothing is learnt, until it has lasted for longer than all the peace before it: then
 * it is how things are now, and all is learnt as if it were not on. That takes ten minutes at least, an hour
 * if the vector is one of questions (whoever sends it may be taken for a resolver then), and a day at most.
 * So what a node mistakes for an attack in its first minutes, because it has seen nothing else yet, does not
 * keep it from learning for long; and an attack that is on when it starts is not usual a minute later. What
 * is never ordinary stays on, but keeps nobody from learning.
 */
#ifndef SW_SENSE_DETECTOR_H
#define SW_SENSE_DETECTOR_H

#include "sense/baseline.h"
#include "sense/window.h"

#define SW_WAVE_TIMES 10
#define SW_WAITING_WINDOWS 8 /* two seconds: as long as it may take to notice something */

/** Something that is on or off. */
struct sw_switch {
	bool is_on;
	uint8_t above;	   /* whether each of the last eight windows was, the newest in the lowest bit */
	uint64_t since_ms; /* of the stretch above half of it */
	uint64_t above_ms; /* of the first of those eight windows that was above it */
	uint64_t last_ms;  /* end of the last window above half of it */
	double peak;	   /* highest rate of a window since then */
};

struct sw_detector {
	struct sw_baseline load;
	struct sw_baseline missing; /* names that do not exist, asked for by known resolvers */
	struct sw_baseline usual[SW_VECTOR_COUNT];
	bool knows_enough;    /* resolvers, to tell strangers from them */
	double unknown_share; /* smoothed over some five seconds of peace */
	struct sw_switch vector[SW_VECTOR_COUNT];
	struct sw_switch wave;
	uint64_t on_ms; /* end of the last window in which something was on that is not ordinary; 0: never */
	uint64_t zone[SW_VECTOR_COUNT]; /* most concerned, when the rate was highest */
	uint32_t incidents, waves;
	bool has_incident;
	uint64_t end_ms;       /* of the vector of the incident that ended last, so far */
	struct sw_scene scene; /* the last one */
	struct sw_scene waiting[SW_WAITING_WINDOWS]; /* to be learnt from, oldest first */
	unsigned waiting_count;
};

/** Take the next window; call `emit` for what follows from it, with zone but without sources. */
void sw_detector_turn(
	struct sw_detector *detector, const struct sw_scene *scene, sw_event_fn *emit, void *arg);

/** Whether what is seen may be learnt from: nothing is on but what is ordinary by now, nor was in the last
 * five seconds. */
bool sw_detector_is_peace(const struct sw_detector *detector);

struct sw_threshold {
	double on_pps, off_pps;
	const char *because; /* where it comes from, mostly */
};

/** As it stands after the last window. */
struct sw_threshold sw_detector_threshold(const struct sw_detector *detector, enum sw_vector vector);

/** Whether a vector cannot be noticed yet. */
bool sw_detector_is_learning(const struct sw_detector *detector, enum sw_vector vector);

#endif
