/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/budget.h"
#include <string.h>

#define SECOND_NS 1000000000ull
#define BURST_NS (SECOND_NS / 10) /* what a bucket holds is the filling of so long */
#define PREFIX_PARTS 4

void sw_budget_init(struct sw_budget *budget, uint64_t now_ns, uint64_t secret)
{
	memset(budget, 0, sizeof(*budget));
	budget->filled_ns = budget->second_ns = now_ns;
	budget->multiplier = secret | 1;
}

void sw_budget_fill(struct sw_budget *budget, uint64_t now_ns, unsigned percent)
{
	const int64_t most_ns = (int64_t)(BURST_NS * percent / 100);
	budget->left_ns += (int64_t)((now_ns - budget->filled_ns) * percent / 100);
	if (budget->left_ns > most_ns)
		budget->left_ns = most_ns;
	budget->filled_ns = now_ns;
	if (now_ns - budget->second_ns >= SECOND_NS) {
		budget->second_ns = now_ns;
		memset(budget->spent_us, 0, sizeof(budget->spent_us));
	}
}

uint64_t sw_budget_wait_ns(const struct sw_budget *budget, unsigned percent)
{
	return budget->left_ns > 0 ? 0 : (uint64_t)(1 - budget->left_ns) * 100 / percent + 1;
}

static uint64_t slot_of(const struct sw_budget *budget, uint64_t prefix)
{
	uint64_t mixed = prefix * budget->multiplier;
	return (mixed ^ mixed >> 32) >> 8 & (SW_BUDGET_SLOTS - 1);
}

void sw_budget_charge(struct sw_budget *budget, uint64_t prefix, uint64_t cost_ns)
{
	budget->left_ns -= (int64_t)cost_ns;
	budget->spent_us[slot_of(budget, prefix)] += (uint32_t)((cost_ns + 999) / 1000);
}

bool sw_budget_is_heavy(const struct sw_budget *budget, uint64_t prefix, unsigned percent)
{
	return budget->spent_us[slot_of(budget, prefix)] > SECOND_NS / 1000 * percent / 100 / PREFIX_PARTS;
}
