/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Who sends at one POP: a quarter of the populations of lab/traffic/population.c. */
#ifndef TESTS_SENSE_POPULATION_H
#define TESTS_SENSE_POPULATION_H

#include <stdbool.h>
#include <stdint.h>

#define RESOLVERS 750
#define OPERATORS 60
#define NEWCOMERS 750
#define ENDPOINTS 2500
#define DRAWS 65536 /* entries, more for who asks more */

struct source {
	uint8_t address[16];
	uint8_t address_len, hops;
	uint8_t base; /* the TTL it begins with */
	uint8_t habit;
	bool uses_tcp, has_two_routes, mixes_case;
	double missing_share;
};

/** How a resolver asks again (lab/traffic/model.c). */
struct habit {
	double share;
	uint32_t wait_ms;
	uint8_t before_doubling, tries;
};
extern const struct habit habits[4];

struct population {
	struct source resolver[RESOLVERS], newcomer[NEWCOMERS], endpoint[ENDPOINTS];
	uint16_t resolver_draw[DRAWS], endpoint_draw[DRAWS];
};

/* Chance, from a state that a seed begins: splitmix64 (Steele, Lea, Flood 2014). */
uint64_t draw(uint64_t *random);
uint32_t draw_below(uint64_t *random, uint32_t count);
double draw_unit(uint64_t *random);
uint32_t draw_poisson(uint64_t *random, double mean);

/** Rank from 1 to count that a number in [0, 1) stands for, with weights 1/rank^0.9 or, steeper, 1/rank. */
uint32_t zipf_rank(double unit, uint32_t count, bool is_steep);

void population_make(struct population *population, uint64_t *random);
void source_make(struct source *source, bool may_be_ipv6, uint64_t *random);

#endif
