/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sense/heavy.h"
#include <string.h>

void sw_heavy_clear(struct sw_heavy *heavy)
{
	heavy->used = 0;
	heavy->total = 0;
}

static struct sw_heavy_counter *counter_of(struct sw_heavy *heavy, uint64_t key)
{
	for (uint32_t i = 0; i < heavy->used; i++) {
		if (heavy->key[i] == key)
			return &heavy->counter[i];
	}
	return NULL;
}

static uint32_t smallest(const struct sw_heavy *heavy)
{
	uint32_t found = 0;
	for (uint32_t i = 1; i < heavy->used; i++) {
		if (heavy->counter[i].weight < heavy->counter[found].weight)
			found = i;
	}
	return found;
}

static struct sw_heavy_counter *counter_take(struct sw_heavy *heavy, uint64_t key)
{
	uint32_t at = heavy->used < SW_HEAVY_COUNTERS ? heavy->used : smallest(heavy);
	double before = heavy->used < SW_HEAVY_COUNTERS ? 0 : heavy->counter[at].weight;
	heavy->used += heavy->used < SW_HEAVY_COUNTERS;
	heavy->key[at] = key;
	heavy->counter[at] = (struct sw_heavy_counter){.weight = before, .error = before};
	return &heavy->counter[at];
}

struct sw_heavy_counter *sw_heavy_add(struct sw_heavy *heavy, uint64_t key, double weight)
{
	struct sw_heavy_counter *counter = counter_of(heavy, key);
	if (!counter)
		counter = counter_take(heavy, key);
	counter->weight += weight;
	heavy->total += weight;
	return counter;
}

int sw_heavy_top(const struct sw_heavy *heavy)
{
	int top = -1;
	for (uint32_t i = 0; i < heavy->used; i++) {
		if (top < 0 || sw_heavy_least(&heavy->counter[i]) > sw_heavy_least(&heavy->counter[top]))
			top = (int)i;
	}
	return top;
}

int sw_heavy_has(const struct sw_heavy *heavy, uint64_t key, double weight)
{
	for (uint32_t i = 0; i < heavy->used; i++) {
		if (heavy->key[i] == key)
			return sw_heavy_least(&heavy->counter[i]) >= weight;
	}
	return 0;
}
