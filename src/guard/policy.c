/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/policy.h"

static const struct {
	const char *label, *text;
} lanes[] =
	{
#define X(name, label, text) {label, text},
		SW_LANES(X)
#undef X
},
  facts_told[] = {
#define X(name, label, text) {label, text},
	  SW_FACTS(X)
#undef X
};

/** Nobody can forge a cookie or a handshake. An address can be forged, and mostly comes from elsewhere then.
 */
enum sw_lane sw_policy_lane(uint8_t facts)
{
	bool exists = facts & SW_FACT_EXISTS;
	bool is_proven = facts & (SW_FACT_COOKIE | SW_FACT_HANDSHAKE);
	bool is_known = (facts & SW_FACT_KNOWN) && (facts & SW_FACT_HOPS);
	if (is_proven)
		return exists ? SW_LANE_KNOWN : SW_LANE_KNOWN_MISSING;
	/* a signature is learnt and may be wrong: a known resolver asking for what exists is not held to it
	 */
	if (is_known && exists)
		return SW_LANE_KNOWN;
	if (facts & SW_FACT_SIGNATURE)
		return exists ? SW_LANE_SUSPECT : SW_LANE_SUSPECT_MISSING;
	if (is_known)
		return SW_LANE_KNOWN_MISSING;
	if (exists && (facts & SW_FACT_RETRY))
		return SW_LANE_RETRY;
	if (facts & (SW_FACT_KNOWN | SW_FACT_PREFIX))
		return exists ? SW_LANE_DOUBTFUL : SW_LANE_NEW_MISSING;
	return exists ? SW_LANE_NEW : SW_LANE_NEW_MISSING;
}

void sw_policy_default(struct sw_policy *policy)
{
	for (unsigned facts = 0; facts < 256; facts++)
		policy->lane[facts] = (uint8_t)sw_policy_lane((uint8_t)facts);
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++)
		policy->admit[lane] = SW_ADMIT_ALL;
}

const char *sw_lane_label(enum sw_lane lane)
{
	return lanes[lane].label;
}

const char *sw_lane_text(enum sw_lane lane)
{
	return lanes[lane].text;
}

const char *sw_fact_label(unsigned bit)
{
	return facts_told[bit].label;
}

const char *sw_fact_text(unsigned bit)
{
	return facts_told[bit].text;
}
