/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sense/window.h"
#include "answer/traits.h"
#include "image/lanes.h"

enum sw_vector sw_verdict_vector(unsigned verdict)
{
	switch (verdict) {
	case SW_VERDICT_TCP_SYN:
	case SW_VERDICT_TCP_COOKIE:
		return SW_VECTOR_SYN;
	case SW_VERDICT_DROP_TCP_STATE:
		return SW_VECTOR_ACK;
	case SW_VERDICT_DROP_GRE:
		return SW_VECTOR_GRE;
	case SW_VERDICT_DROP_PROTOCOL:
	case SW_VERDICT_DROP_PORT:
	case SW_VERDICT_DROP_FRAGMENT:
		return SW_VECTOR_PROTOCOL;
	case SW_VERDICT_FORMERR:
	case SW_VERDICT_NOTIMP:
	case SW_VERDICT_DROP_SHORT:
	case SW_VERDICT_DROP_RESPONSE:
	case SW_VERDICT_DROP_LENGTH:
	case SW_VERDICT_DROP_PORT0:
	case SW_VERDICT_REFUSED:
		return SW_VECTOR_JUNK;
	case SW_VERDICT_DROP_UNUSED:
		return SW_VECTOR_SCAN;
	default:
		return SW_VECTOR_COUNT;
	}
}

enum question { NONE, EXISTS, MISSING, EITHER };

/** What a verdict says about the name that was asked for. EITHER: the packet's facts do. */
static enum question question_of(unsigned verdict)
{
	switch (verdict) {
	case SW_VERDICT_ANSWERED:
	case SW_VERDICT_NODATA:
	case SW_VERDICT_REFERRAL:
	case SW_VERDICT_TRUNCATED:
		return EXISTS;
	case SW_VERDICT_NXDOMAIN:
	case SW_VERDICT_OVER_ZONE:
		return MISSING;
	case SW_VERDICT_OVER_LANE:
	case SW_VERDICT_DROP_LANE:
	case SW_VERDICT_OVER_PREFIX:
		return EITHER;
	default:
		return NONE;
	}
}

bool sw_sample_is_question(const struct sw_sample *sample, bool *exists)
{
	enum question kind = question_of(sample->verdict);
	bool says_so = (sample->facts & SW_FACT_EXISTS) || (sample->features & SW_FEATURE_MASK(EXISTS));
	*exists = kind == EXISTS || (kind == EITHER && says_so);
	return kind != NONE;
}

/* ---- samples ---- */

static void zone_add(struct sw_window *window, enum sw_vector vector, const struct sw_sample *sample)
{
	if (sample->zone)
		sw_heavy_add(&window->zones[vector - SW_ZONED_FIRST], sample->zone, sample->weight);
}

static void existing_add(struct sw_window *window, struct sw_shares *shares, const struct sw_sample *sample,
	const struct sw_question *question)
{
	double weight = sample->weight;
	struct sw_heavy_counter *name = sw_heavy_add(&window->names, question->name, weight);
	name->note = sample->zone;
	window->name_samples++;
	shares->part[SW_PART_EXISTS] += weight;
	switch (question->standing) {
	case SW_STRANGER:
		shares->part[SW_PART_EXISTS_UNKNOWN] += weight;
		name->part[SW_NAME_UNKNOWN] += weight;
		zone_add(window, SW_VECTOR_EXISTING, sample);
		break;
	case SW_SPOOFED:
		shares->part[SW_PART_EXISTS_SPOOFED] += weight;
		zone_add(window, SW_VECTOR_SPOOFED, sample);
		break;
	case SW_RESOLVER:
		/* the earlier try was sampled too, which happens to one of so many */
		shares->part[SW_PART_EXISTS_KNOWN] += weight;
		name->part[SW_NAME_KNOWN] += weight;
		shares->part[SW_PART_EXISTS_RETRY] += weight * question->again;
		name->part[SW_NAME_RETRY] += weight * question->again;
		break;
	}
}

static void missing_add(struct sw_window *window, struct sw_shares *shares, const struct sw_sample *sample,
	const struct sw_question *question)
{
	bool is_known = question->standing == SW_RESOLVER;
	double weight = sample->weight;
	shares->part[SW_PART_MISSING] += weight;
	if (is_known)
		shares->part[SW_PART_MISSING_KNOWN] += weight;
	if (!question->is_new)
		return;
	shares->part[is_known ? SW_PART_RELAYED : SW_PART_RANDOM] += weight;
	zone_add(window, is_known ? SW_VECTOR_RELAYED : SW_VECTOR_RANDOM, sample);
}

void sw_window_question(
	struct sw_window *window, const struct sw_sample *sample, const struct sw_question *question)
{
	struct sw_shares *shares = &window->sampled[sample->verdict];
	shares->whole += sample->weight;
	if (question->exists)
		existing_add(window, shares, sample, question);
	else
		missing_add(window, shares, sample, question);
}

void sw_window_tcp(struct sw_window *window, const struct sw_sample *sample, bool is_known)
{
	struct sw_shares *shares = &window->sampled[sample->verdict];
	shares->whole += sample->weight;
	if (is_known)
		shares->part[SW_PART_TCP_KNOWN] += sample->weight;
}

/* ---- few names ---- */

/** What a name must have to be one of few: its share, and enough samples that it is no chance. */
static double few_least(const struct sw_window *window)
{
	double share = SW_FEW_SHARE * window->names.total;
	double samples = SW_FEW_SAMPLES * window->names.total / (window->name_samples + 1.0);
	return share > samples ? share : samples;
}

/** Weights of a part in this window, all verdicts together. */
static double part_weight(const struct sw_window *window, enum sw_part part)
{
	double weight = 0;
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++)
		weight += window->sampled[verdict].part[part];
	return weight;
}

static double share_of(double part, double whole)
{
	return part <= 0 ? 0 : part < whole ? part / whole : 1;
}

static void few_add_up(struct sw_window *window, struct sw_few *few)
{
	double least = few_least(window), most = 0, sum = 0, part[SW_HEAVY_PARTS] = {0};
	if (window->name_samples == 0)
		return;
	*few = (struct sw_few){0};
	for (uint32_t i = 0; i < window->names.used && few->count < SW_FEW_MAX; i++) {
		const struct sw_heavy_counter *name = &window->names.counter[i];
		double weight = sw_heavy_least(name);
		if (weight < least)
			continue;
		few->name[few->count++] = window->names.key[i];
		sum += weight;
		for (unsigned j = 0; j < SW_HEAVY_PARTS; j++)
			part[j] += name->part[j];
		few->zone = weight > most ? name->note : few->zone;
		most = weight > most ? weight : most;
	}
	few->of_all = share_of(sum, window->names.total);
	few->of_unknown = share_of(part[SW_NAME_UNKNOWN], part_weight(window, SW_PART_EXISTS_UNKNOWN));
	few->of_known = share_of(part[SW_NAME_KNOWN], part_weight(window, SW_PART_EXISTS_KNOWN));
	few->of_retry = share_of(part[SW_NAME_RETRY], part_weight(window, SW_PART_EXISTS_RETRY));
}

bool sw_window_was_few(const struct sw_window *window, uint64_t name)
{
	for (uint32_t i = 0; i < window->few.count; i++) {
		if (window->few.name[i] == name)
			return true;
	}
	return false;
}

/* ---- the scene ---- */

static double verdict_part(const struct sw_window *window, const uint64_t counts[SW_VERDICT_COUNT],
	unsigned verdict, enum sw_part part)
{
	const struct sw_shares *shares = &window->last[verdict];
	return shares->whole > 0 ? (double)counts[verdict] * shares->part[part] / shares->whole : 0;
}

/** What samples of all verdicts say about one part, as a rate. */
static double part_rate(const struct sw_window *window, const uint64_t counts[SW_VERDICT_COUNT],
	enum sw_part part, double seconds)
{
	double packets = 0;
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++)
		packets += verdict_part(window, counts, verdict, part);
	return packets / seconds;
}

/** The zone that most is for, and its share of all that have one. */
static void zone_top(const struct sw_heavy *zones, struct sw_zone_share *top)
{
	int most = sw_heavy_top(zones);
	if (most < 0)
		return;
	top->zone = zones->key[most];
	top->share = sw_heavy_least(&zones->counter[most]) / zones->total;
}

static void scene_count(const uint64_t counts[SW_VERDICT_COUNT], double seconds, struct sw_scene *scene)
{
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++) {
		enum sw_vector vector = sw_verdict_vector(verdict);
		if (vector < SW_VECTOR_COUNT)
			scene->rate[vector] += (double)counts[verdict] / seconds;
		if (question_of(verdict) != NONE)
			scene->load += (double)counts[verdict] / seconds;
	}
}

/** What of the samples outlasts the window: where the next one has none, these are taken. */
static void shares_keep(struct sw_window *window)
{
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++) {
		if (window->sampled[verdict].whole > 0)
			window->last[verdict] = window->sampled[verdict];
	}
	for (unsigned i = 0; i < SW_ZONED_COUNT; i++)
		zone_top(&window->zones[i], &window->top[i]);
	few_add_up(window, &window->few);
}

/** Of a vector's packets, the share that is for the zone most concerned. */
static double zone_share(const struct sw_window *window, enum sw_vector vector)
{
	return window->top[vector - SW_ZONED_FIRST].share;
}

static void scene_divide(const struct sw_window *window, const uint64_t counts[SW_VERDICT_COUNT],
	double seconds, struct sw_scene *scene)
{
	const struct sw_few *few = &window->few;
	double part[SW_PART_COUNT];
	for (unsigned i = 0; i < SW_PART_COUNT; i++)
		part[i] = part_rate(window, counts, (enum sw_part)i, seconds);
	for (unsigned i = 0; i < SW_ZONED_COUNT; i++)
		scene->zone[SW_ZONED_FIRST + i] = window->top[i].zone;
	scene->zone[SW_VECTOR_FLASH_CROWD] = few->zone;
	scene->exists = part[SW_PART_EXISTS];
	scene->exists_known = part[SW_PART_EXISTS_KNOWN];
	scene->exists_unknown = part[SW_PART_EXISTS_UNKNOWN];
	scene->missing_known = part[SW_PART_MISSING_KNOWN];
	/* below one zone: a thousand customers' typing errors are no attack */
	scene->rate[SW_VECTOR_RELAYED] = part[SW_PART_RELAYED] * zone_share(window, SW_VECTOR_RELAYED);
	scene->rate[SW_VECTOR_RANDOM] = part[SW_PART_RANDOM] * zone_share(window, SW_VECTOR_RANDOM);
	double few_unknown = part[SW_PART_EXISTS_UNKNOWN] * few->of_unknown;
	double few_crowd = SW_FEW_STRANGERS * part[SW_PART_EXISTS_KNOWN] * few->of_known;
	double few_beyond = few_unknown > few_crowd ? few_unknown - few_crowd : 0;
	scene->rate[SW_VECTOR_EXISTING] = part[SW_PART_EXISTS_UNKNOWN] - few_unknown + few_beyond;
	scene->existing_elsewhere =
		scene->rate[SW_VECTOR_EXISTING] * (1 - zone_share(window, SW_VECTOR_EXISTING));
	scene->rate[SW_VECTOR_SPOOFED] = part[SW_PART_EXISTS_SPOOFED];
	scene->rate[SW_VECTOR_FLASH_CROWD] = part[SW_PART_EXISTS] * few->of_all - few_beyond;
	/* what came n times may be counted n times where few are sampled: never more than there are */
	double again = part[SW_PART_EXISTS_RETRY] * (1 - few->of_retry);
	double known = part[SW_PART_EXISTS_KNOWN] * (1 - few->of_known);
	scene->rate[SW_VECTOR_RETRY_STORM] = again < known ? again : known;
}

/** Known resolvers may open as many connections as they ask questions: they do when they are sent to TCP, or
 * when answers are lost. */
static void scene_pardon(const struct sw_window *window, const uint64_t counts[SW_VERDICT_COUNT],
	double seconds, struct sw_scene *scene)
{
	double pardoned_pps = scene->exists_known + scene->missing_known;
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++) {
		double known_pps = verdict_part(window, counts, verdict, SW_PART_TCP_KNOWN) / seconds;
		double less_pps = known_pps < pardoned_pps ? known_pps : pardoned_pps;
		if (known_pps > 0)
			scene->rate[sw_verdict_vector(verdict)] -= less_pps;
	}
}

void sw_window_close(struct sw_window *window, const uint64_t counts[SW_VERDICT_COUNT], uint64_t from_ms,
	uint64_t to_ms, struct sw_scene *scene)
{
	double seconds = (double)(to_ms - from_ms) / 1000;
	*scene = (struct sw_scene){.from_ms = from_ms, .to_ms = to_ms};
	shares_keep(window);
	scene_count(counts, seconds, scene);
	scene_divide(window, counts, seconds, scene);
	scene_pardon(window, counts, seconds, scene);
	sw_window_clear(window);
}

void sw_window_clear(struct sw_window *window)
{
	memset(window->sampled, 0, sizeof(window->sampled));
	sw_heavy_clear(&window->names);
	window->name_samples = 0;
	for (unsigned i = 0; i < SW_ZONED_COUNT; i++)
		sw_heavy_clear(&window->zones[i]);
}
