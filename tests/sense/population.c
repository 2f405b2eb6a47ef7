/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "population.h"
#include <math.h>
#include <string.h>

/* Kinds of retrying, by lab/traffic/model.c. */
const struct habit habits[4] = {
	{0.40, 800, 2, 6}, {0.35, 400, 2, 8}, {0.20, 500, 0, 4}, {0.05, 1000, 0, 255}};

uint64_t draw(uint64_t *random)
{
	uint64_t z = *random += 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint32_t draw_below(uint64_t *random, uint32_t count)
{
	return (uint32_t)(((draw(random) >> 32) * count) >> 32);
}

double draw_unit(uint64_t *random)
{
	return (double)(draw(random) >> 11) * 0x1p-53;
}

uint32_t draw_poisson(uint64_t *random, double mean)
{
	uint32_t count = 0;
	if (mean <= 0)
		return 0;
	if (mean > 50) { /* the normal distribution is as good there */
		double radius = sqrt(-2 * log1p(-draw_unit(random)));
		double value = mean + sqrt(mean) * radius * cos(2 * M_PI * draw_unit(random));
		return value > 0 ? (uint32_t)(value + 0.5) : 0;
	}
	for (double left = exp(mean) * draw_unit(random); left > 1 && count < 1000; count++)
		left *= draw_unit(random);
	return count;
}

uint32_t zipf_rank(double unit, uint32_t count, bool is_steep)
{
	double rank = is_steep ? pow(count + 1, unit) : pow(1 + unit * (pow(count + 1, 0.1) - 1), 10);
	return rank < count ? (uint32_t)rank : count;
}

void source_make(struct source *source, bool may_be_ipv6, uint64_t *random)
{
	*source = (struct source){.address_len = 4, .base = draw_below(random, 16) == 0 ? 128 : 64};
	source->hops = (uint8_t)(4 + draw_below(random, 18));
	source->missing_share = 0.05 + 0.1 * draw_unit(random);
	for (int i = 0; i < 16; i++)
		source->address[i] = (uint8_t)draw(random);
	if (may_be_ipv6 && draw_below(random, 3) == 0)
		source->address_len = 16;
	else
		memset(source->address + 4, 0, 12);
}

static uint8_t habit_draw(uint64_t *random)
{
	double unit = draw_unit(random);
	uint8_t habit = 0;
	while (habit < 3 && unit >= habits[habit].share)
		unit -= habits[habit++].share;
	return habit;
}

/** Entries of a table in proportion to weights. */
static void draws_fill(uint16_t *table, const double *weight, uint32_t count)
{
	double sum = 0, covered = 0;
	uint32_t filled = 0;
	for (uint32_t i = 0; i < count; i++)
		sum += weight[i];
	for (uint32_t i = 0; i < count; i++) {
		covered += weight[i] * DRAWS / sum;
		for (; filled < DRAWS && (filled < covered || i == count - 1); filled++)
			table[filled] = (uint16_t)i;
	}
}

void population_make(struct population *population, uint64_t *random)
{
	static double weight[ENDPOINTS];
	double sum = 0;
	for (uint32_t i = OPERATORS; i < RESOLVERS; i++)
		sum += pow(4 * (i - OPERATORS) + 1, -0.9);
	for (uint32_t i = 0; i < RESOLVERS; i++) {
		struct source *resolver = &population->resolver[i];
		source_make(resolver, true, random);
		weight[i] =
			i < OPERATORS ? 0.33 / OPERATORS : 0.67 * pow(4 * (i - OPERATORS) + 1, -0.9) / sum;
		resolver->habit = habit_draw(random);
		resolver->uses_tcp = i >= OPERATORS && draw_below(random, 100) < 5;
		resolver->has_two_routes = draw_below(random, 100) < 2;
		resolver->mixes_case = i < OPERATORS / 5;
	}
	draws_fill(population->resolver_draw, weight, RESOLVERS);
	for (uint32_t i = 0; i < NEWCOMERS; i++)
		source_make(&population->newcomer[i], true, random);
	for (uint32_t i = 0; i < ENDPOINTS; i++) {
		source_make(&population->endpoint[i], false, random);
		population->endpoint[i].base = 64;
		weight[i] = exp(sqrt(-2 * log1p(-draw_unit(random))) * cos(2 * M_PI * draw_unit(random)));
	}
	draws_fill(population->endpoint_draw, weight, ENDPOINTS);
}
