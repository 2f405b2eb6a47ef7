/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/learn.h"
#include "answer/traits.h"
#include <stdio.h>
#include <string.h>

#define FADE 0.9885 /* a second: half in a minute */
#define VALUES_MAX 64

static const struct feature {
	const char *label;
	uint64_t mask;
	uint32_t at;
	bool is_learnable; /* what the name is in its zone is no look of the packet */
} features[] = {
#define X(name, label, bits, text)                           \
	{label, SW_FEATURE_MASK(name), SW_FEATURE_AT_##name, \
		SW_FEATURE_##name != SW_FEATURE_EXISTS && SW_FEATURE_##name != SW_FEATURE_WILDCARD},
	SW_FEATURES(X)
#undef X
};

static bool matches(const struct sw_signature *signature, uint64_t word)
{
	return (word & signature->mask) == signature->value;
}

static uint32_t bag_size(uint32_t count)
{
	return count < SW_LEARN_BAG ? count : SW_LEARN_BAG;
}

/** Share of a bag that a signature matches. */
static double share(const struct sw_signature *signature, const uint64_t *bag, uint32_t count)
{
	uint32_t size = bag_size(count), matched = 0;
	for (uint32_t i = 0; i < size; i++)
		matched += matches(signature, bag[i]);
	return size ? (double)matched / size : 0;
}

void sw_learner_see(struct sw_learner *learner, uint64_t word, bool is_good)
{
	if (is_good)
		learner->good[learner->good_count++ % SW_LEARN_BAG] = word;
	else
		learner->doubtful[learner->doubtful_count++ % SW_LEARN_BAG] = word;
	for (unsigned i = 0; i < SW_SIGNATURES_MAX; i++) {
		struct sw_learnt *learnt = &learner->learnt[i];
		if (learnt->state == SW_SIGNATURE_FREE)
			continue;
		bool is_met = matches(&learnt->signature, word);
		*(is_good ? &learnt->good_tried : &learnt->doubtful_tried) += 1;
		*(is_good ? &learnt->good_hurt : &learnt->doubtful_met) += is_met;
		if (is_met && !is_good)
			learnt->idle_s = 0;
	}
}

/* ---- growing one ---- */

/** Doubtful questions that no signature matches yet, to the front of `rest`. @return how many */
static uint32_t unmatched(const struct sw_learner *learner, uint64_t rest[SW_LEARN_BAG])
{
	uint32_t count = 0, size = bag_size(learner->doubtful_count);
	for (uint32_t i = 0; i < size; i++) {
		bool is_matched = false;
		for (unsigned j = 0; j < SW_SIGNATURES_MAX && !is_matched; j++)
			is_matched = learner->learnt[j].state != SW_SIGNATURE_FREE &&
				     matches(&learner->learnt[j].signature, learner->doubtful[i]);
		if (!is_matched)
			rest[count++] = learner->doubtful[i];
	}
	return count;
}

/** The value of a feature that most of a bag have, among those that a signature matches. */
static uint64_t commonest(const struct feature *feature, const struct sw_signature *signature,
	const uint64_t *bag, uint32_t size)
{
	uint32_t seen[VALUES_MAX] = {0}, best = 0;
	for (uint32_t i = 0; i < size; i++)
		if (matches(signature, bag[i]))
			seen[(bag[i] & feature->mask) >> feature->at & (VALUES_MAX - 1)]++;
	for (uint32_t value = 1; value < VALUES_MAX; value++)
		if (seen[value] > seen[best])
			best = value;
	return (uint64_t)best << feature->at;
}

/** The feature whose commonest value parts best: what is kept of the doubtful less what is kept of the good.
 */
static bool grow(const struct sw_learner *learner, const uint64_t *rest, uint32_t rest_count,
	struct sw_signature *signature)
{
	double best_gain = 0, harm = share(signature, learner->good, learner->good_count);
	double cover = share(signature, rest, rest_count);
	struct sw_signature best = *signature;
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		struct sw_signature tried = *signature;
		if (!features[i].is_learnable || signature->mask & features[i].mask)
			continue;
		tried.mask |= features[i].mask;
		tried.value |= commonest(&features[i], signature, rest, rest_count);
		double kept = cover > 0 ? share(&tried, rest, rest_count) / cover : 0;
		double hurt = harm > 0 ? share(&tried, learner->good, learner->good_count) / harm : 0;
		if (kept - hurt > best_gain) {
			best_gain = kept - hurt;
			best = tried;
		}
	}
	*signature = best;
	return best_gain > 0;
}

static bool is_enough(const struct sw_learner *learner)
{
	return bag_size(learner->good_count) >= SW_LEARN_TRIED_FEWEST &&
	       bag_size(learner->doubtful_count) >= 200;
}

/** Look for a signature of what is left, and put it into the shadow. */
static void look(struct sw_learner *learner)
{
	static uint64_t rest[SW_LEARN_BAG]; /* one guard a process */
	struct sw_signature signature = {0};
	struct sw_learnt *place = NULL;
	for (unsigned i = 0; i < SW_SIGNATURES_MAX && !place; i++)
		if (learner->learnt[i].state == SW_SIGNATURE_FREE)
			place = &learner->learnt[i];
	if (!place || !is_enough(learner))
		return;
	uint32_t count = unmatched(learner, rest);
	if (count < SW_LEARN_COVER * bag_size(learner->doubtful_count))
		return;
	for (unsigned i = 0; i < SW_LEARN_FEATURES_MAX; i++) {
		if (!grow(learner, rest, count, &signature))
			break;
		if (share(&signature, learner->good, learner->good_count) <= SW_LEARN_BUDGET)
			break;
	}
	if (signature.mask == 0 || share(&signature, learner->good, learner->good_count) > SW_LEARN_BUDGET ||
		share(&signature, learner->doubtful, learner->doubtful_count) < SW_LEARN_COVER)
		return;
	*place = (struct sw_learnt){.signature = signature, .state = SW_SIGNATURE_SHADOW};
}

/* ---- living with them ---- */

static void learnt_turn(struct sw_learner *learner, struct sw_learnt *learnt)
{
	double harm = learnt->good_tried > 0 ? learnt->good_hurt / learnt->good_tried : 0;
	learnt->age_s++;
	learnt->idle_s++;
	if (harm > SW_LEARN_BUDGET && learnt->good_hurt >= 2) {
		learner->withdrawn++;
		learnt->state = SW_SIGNATURE_FREE;
	} else if (learnt->idle_s > SW_LEARN_IDLE_S) {
		learnt->state = SW_SIGNATURE_FREE;
	} else if (learnt->state == SW_SIGNATURE_SHADOW && learnt->age_s >= SW_LEARN_SHADOW_S &&
		   learnt->good_tried >= SW_LEARN_TRIED_FEWEST) {
		learnt->state = SW_SIGNATURE_ACTIVE;
	}
	learnt->good_tried *= FADE;
	learnt->good_hurt *= FADE;
	learnt->doubtful_tried *= FADE;
	learnt->doubtful_met *= FADE;
}

void sw_learner_turn(
	struct sw_learner *learner, bool is_attack, struct sw_signature active[SW_SIGNATURES_MAX])
{
	for (unsigned i = 0; i < SW_SIGNATURES_MAX; i++)
		if (learner->learnt[i].state != SW_SIGNATURE_FREE)
			learnt_turn(learner, &learner->learnt[i]);
	if (is_attack)
		look(learner);
	for (unsigned i = 0; i < SW_SIGNATURES_MAX; i++)
		active[i] = learner->learnt[i].state == SW_SIGNATURE_ACTIVE ? learner->learnt[i].signature
									    : (struct sw_signature){0};
}

void sw_signature_text(const struct sw_signature *signature, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]) && used < size; i++)
		if (signature->mask & features[i].mask)
			used += (size_t)snprintf(text + used, size - used, "%s%s=%u", used ? " " : "",
				features[i].label,
				(unsigned)((signature->value & features[i].mask) >> features[i].at));
}
