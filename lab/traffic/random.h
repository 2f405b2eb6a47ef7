// SPDX-License-Identifier: GPL-3.0-or-later
/** Random numbers that a seed repeats. */
#ifndef LAB_TRAFFIC_RANDOM_H
#define LAB_TRAFFIC_RANDOM_H

#include <math.h>
#include <stdint.h>

struct lab_random {
	uint64_t state;
};

/** splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014). */
static inline uint64_t lab_draw(struct lab_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/** Uniform in 0 .. count - 1. */
static inline uint32_t lab_draw_below(struct lab_random *random, uint32_t count)
{
	return (uint32_t)(((lab_draw(random) >> 32) * count) >> 32);
}

/** Uniform in [0, 1). */
static inline double lab_draw_unit(struct lab_random *random)
{
	return (double)(lab_draw(random) >> 11) * 0x1p-53;
}

/** Exponential with mean 1: the time between two arrivals that know nothing of each other. */
static inline double lab_draw_exponential(struct lab_random *random)
{
	return -log1p(-lab_draw_unit(random));
}

/** Log-normal with median 1 (Box-Muller). */
static inline double lab_draw_lognormal(struct lab_random *random, double sigma)
{
	double radius = sqrt(2 * lab_draw_exponential(random));

	return exp(sigma * radius * cos(2 * M_PI * lab_draw_unit(random)));
}

#endif
