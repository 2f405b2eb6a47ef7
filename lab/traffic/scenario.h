// SPDX-License-Identifier: GPL-3.0-or-later
/** What happens when: the phases of lab/scenarios/NAME.json. */
#ifndef LAB_TRAFFIC_SCENARIO_H
#define LAB_TRAFFIC_SCENARIO_H

#include "record.h"
#include <stdbool.h>
#include <stddef.h>

#define LAB_FLOWS_MAX 24 /* of one phase */
#define LAB_LOOKS_MAX 8	 /* of a scenario */
#define LAB_VARIANTS_BUILT_IN 2
#define LAB_VARIANTS_MAX (LAB_VARIANTS_BUILT_IN + LAB_LOOKS_MAX)
#define LAB_PATTERNS_MAX 4
#define LAB_LOOK_OPTIONS_MAX 40

enum lab_shape {
	LAB_STEADY,
	LAB_BURSTS, /* five seconds of 100 ms twice the rate, 100 ms nothing; then steady */
	LAB_RISE,   /* from nothing */
	LAB_FALL,   /* to nothing */
};

/** How the packets of a flow look, as data: what a recogniser of attacks has to find out by itself. */
struct lab_look {
	char pattern[LAB_PATTERNS_MAX]
		    [LAB_LABEL_MAX + 1];     /* labels before the victim's; '?' is drawn anew each time */
	uint8_t pattern_count;		     /* 0: names that exist are asked for */
	char alphabet[LAB_ALPHABET_MAX + 1]; /* '?' is one of these */
	uint16_t type;			     /* of the question */
	uint16_t edns_bytes;		     /* UDP payload size of EDNS, 0: without EDNS */
	bool wants_dnssec;
	uint8_t flags[2];		       /* of the header: bytes 2 and 3 */
	uint8_t options[LAB_LOOK_OPTIONS_MAX]; /* of EDNS, or of TCP */
	uint8_t options_bytes;
	uint16_t window; /* of TCP */
	uint8_t ttl;	 /* that the tool sends with */
	uint16_t port_first, port_count;
};

/** One vector at some POPs for some time. */
struct lab_flow {
	uint8_t vector;	 /* enum lab_vector */
	uint8_t variant; /* of its packets: one that is built in (attack.c), or else LAB_VARIANTS_BUILT_IN +
			    look */
	uint8_t shape;
	bool pop[LAB_POPS];
	double rate;		/* in units, at each POP */
	double from_s, until_s; /* within the phase */
};

struct lab_phase {
	char name[8];
	double begin_s, end_s;		  /* of the whole */
	double honest;			  /* in units, at each POP */
	double crowd;			  /* beyond that, for one name */
	double fresh_share, fresh_from_s; /* of honest questions: names of the reload */
	double muted_from_s, muted_until_s;
	bool is_wave;
	struct lab_flow flow[LAB_FLOWS_MAX];
	uint32_t flow_count;
};

struct lab_scenario {
	struct lab_phase phase[LAB_PHASES_MAX];
	uint32_t phase_count;
	struct lab_look look[LAB_LOOKS_MAX];
	uint8_t look_vector[LAB_LOOKS_MAX]; /* of the flow that has it */
	uint32_t look_count;
	double length_s;
};

/** Read a scenario.
 *
 * @param chosen  names of phases, separated by commas, in the order they are to be played; NULL for all that
 * are not optional
 * @return 0, or -EINVAL with the reason */
int lab_scenario_read(struct lab_scenario *scenario, const char *path, const char *const *pops,
	const char *chosen, char *why, size_t why_bytes);

/** Phase at a time, NULL behind the last. */
const struct lab_phase *lab_phase_at(const struct lab_scenario *scenario, double at_s);

/** Rate of a flow at a time of its phase, in units. */
double lab_flow_rate(const struct lab_flow *flow, double at_s);

const char *lab_vector_name(uint32_t vector);

#endif
