// SPDX-License-Identifier: GPL-3.0-or-later
/** The attack's packets, as templates that the kernel fills in, and how many of which are due. */
#ifndef LAB_TRAFFIC_ATTACK_H
#define LAB_TRAFFIC_ATTACK_H

#include "names.h"
#include "scenario.h"

struct lab_attack {
	struct lab_template *templates; /* LAB_TEMPLATES */
	uint32_t template_count;
	struct {
		uint16_t first;
		uint8_t bits; /* 2^bits of them in a row */
		bool exists;
	} variant[LAB_VECTOR_COUNT][LAB_VARIANTS_MAX];
};

/** Write the templates of all vectors.
 *
 * @param scenario  for its looks; NULL: without
 * @param victim  zone under attack, wire format
 * @return 0; -ENOENT when the victim has no name that exists */
int lab_attack_prepare(struct lab_attack *attack, struct lab_template *templates,
	const struct lab_names *names, const struct lab_scenario *scenario, const uint8_t *victim,
	uint32_t victim_bytes);

/** Whether every flow of a scenario has its templates. @return the flow's vector, or NULL when all have */
const char *lab_attack_lacks(const struct lab_attack *attack, const struct lab_scenario *scenario);

/** Packets per second of all flows of a phase but the relayed one, and what to draw from.
 *
 * @param at_s  time within the phase
 * @return 1 when the mix differs from what it was, else 0 */
bool lab_mix_make(struct lab_mix *mix, const struct lab_attack *attack, const struct lab_phase *phase,
	double at_s, double unit_qps);

/** Questions per second that the attack sends through honest resolvers, for each catchment. */
void lab_relayed_rates(const struct lab_phase *phase, double at_s, double unit_qps, double rates[LAB_POPS]);

#endif
