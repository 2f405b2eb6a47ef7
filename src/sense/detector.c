/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sense/detector.h"
#include <string.h>

#define TIMES 4	    /* what is usual */
#define EXPLAINED 2 /* times what the known resolvers' traffic leads one to expect */
#define SHARE_MAX 0.5
#define HOLD_MS 3000 /* without the rate: then a vector is off */
#define WAVE_HOLD_MS 6000
#define JOIN_MS 1000		  /* pauses within a stretch */
#define PEACE_MS 5000		  /* after the last window in which something was on */
#define ORDINARY_MOST_MS 86400000 /* a vector that lasts for a day is how things are now */
#define ORDINARY_LEAST_MS 600000
#define ORDINARY_LEAST_QUESTIONS_MS 3600000 /* too soon, and whoever attacks becomes a known resolver */
#define LOAD_WINDOWS 8			    /* 2 s: before, no share of the load is known */
#define KNOWN_WINDOWS 40		    /* 10 s: at least so long resolvers are learnt */
#define KNOWN_LONG_WINDOWS 14400	    /* 1 h: then whoever is unknown is so for good */
#define YOUNG_WINDOWS 60		    /* 15 s of peace */
#define KNOWN_UNKNOWN 0.25		    /* or when no more than this share is asked by strangers */
#define SHARE_SMOOTHING 0.05		    /* of a new window */
#define LOAD_LEAST 1000 /* queries/s: noise is not a matter of load on a node that is asked less */
#define WAVE_LOAD_LEAST 100

/** What counts as much, as shares of the usual load. */
static const struct rule {
	double least, most;
	double floor_pps;
	bool needs_resolvers;
} rules[SW_VECTOR_COUNT] = {
	/* some 3 % of questions come over TCP; when answers are lost, several times that */
	[SW_VECTOR_SYN] = {0.35, 1, 50, false},
	[SW_VECTOR_ACK] = {0.10, 0.5, 20, false},
	/* never legitimate: anything above the noise */
	[SW_VECTOR_GRE] = {0.02, 0.1, 20, false},
	[SW_VECTOR_PROTOCOL] = {0.02, 0.5, 20, false},
	[SW_VECTOR_JUNK] = {0.05, 0.5, 20, false},
	/* background noise of the internet grows with the prefix, not with the load */
	[SW_VECTOR_SCAN] = {0.02, 1, 20, false},
	[SW_VECTOR_RELAYED] = {0.10, 2, 20, true},
	[SW_VECTOR_RANDOM] = {0.05, 1, 20, true},
	[SW_VECTOR_EXISTING] = {0.25, 2, 50, true},
	[SW_VECTOR_SPOOFED] = {0.10, 1, 20, true},
	/* more than all of what is usual, again or for few names */
	[SW_VECTOR_RETRY_STORM] = {1.5, 8, 100, true},
	[SW_VECTOR_FLASH_CROWD] = {1, 8, 100, true},
};

/* ---- thresholds ---- */

static double share_of(double part, double whole)
{
	double share = whole > 0 ? part / whole : 0;
	return share < SHARE_MAX ? share : SHARE_MAX;
}

/** Strangers, as a share of who asks in peace. */
static double strangers(const struct sw_detector *detector)
{
	return share_of(detector->unknown_share, 1);
}

static double beyond(double rate, double usual)
{
	return rate > usual ? rate - usual : 0;
}

/** What is no attack even if it is more than usual.
 *
 * Names that do not exist, as many as ever, may all be new: after a start, or when an attack has made sense
 * forget older ones. Strangers and TCP grow with what known resolvers ask: a retry storm is theirs too, some
 * of those who relay an attack are not known, and of a crowd as many come over TCP, or by two routes, as
 * ever. */
static double explained(const struct sw_detector *detector, enum sw_vector vector)
{
	const struct sw_scene *scene = &detector->scene;
	double load = sw_baseline_usual(&detector->load);
	double share = share_of(sw_baseline_usual(&detector->usual[vector]), load);
	switch (vector) {
	case SW_VECTOR_SYN:
		return EXPLAINED * share *
		       beyond(scene->exists_known + scene->rate[SW_VECTOR_FLASH_CROWD], load);
	case SW_VECTOR_RELAYED:
		return sw_baseline_usual(&detector->missing);
	case SW_VECTOR_RANDOM:
		return EXPLAINED * strangers(detector) * scene->missing_known;
	case SW_VECTOR_EXISTING:
		return EXPLAINED * strangers(detector) * beyond(scene->exists_known, load);
	case SW_VECTOR_SPOOFED:
		return EXPLAINED * share * beyond(scene->exists_known, load);
	default:
		return 0;
	}
}

/** Before what is explained comes on top. */
static double threshold_of(const struct rule *rule, double usual, double load, const char **because)
{
	double threshold = TIMES * usual, measure = load > LOAD_LEAST ? load : LOAD_LEAST;
	*because = "four times what is usual";
	if (threshold < rule->least * load) {
		threshold = rule->least * load;
		*because = "a share of the usual load";
	}
	if (threshold > rule->most * measure) {
		threshold = rule->most * measure;
		*because = "the most of the usual load that is ordinary";
	}
	if (threshold < rule->floor_pps) {
		threshold = rule->floor_pps;
		*because = "the least that is noticed";
	}
	return threshold;
}

/** What thresholds are shares of. On a node that has hardly been asked yet, what it is asked now for names
 * that exist: the first minute of a day like any other is no flood. */
static double load_of(const struct sw_detector *detector)
{
	double usual = sw_baseline_usual(&detector->load), now = detector->scene.exists;
	return detector->load.windows < YOUNG_WINDOWS && now > usual ? now : usual;
}

struct sw_threshold sw_detector_threshold(const struct sw_detector *detector, enum sw_vector vector)
{
	struct sw_threshold threshold;
	double explained_pps = explained(detector, vector);
	double on_pps = threshold_of(&rules[vector], sw_baseline_usual(&detector->usual[vector]),
		load_of(detector), &threshold.because);
	if (explained_pps > on_pps)
		threshold.because = "what known resolvers and crowds explain";
	threshold.on_pps = on_pps + explained_pps;
	threshold.off_pps = on_pps / 2 + explained_pps;
	return threshold;
}

bool sw_detector_is_learning(const struct sw_detector *detector, enum sw_vector vector)
{
	return detector->load.windows < LOAD_WINDOWS ||
	       (rules[vector].needs_resolvers && !detector->knows_enough);
}

/* ---- switches ---- */

enum turned { STAYS, GOES_ON, GOES_OFF };

static bool is_sure(uint8_t above)
{
	return (above & 3) == 3 || __builtin_popcount(above) >= 3;
}

static enum turned switch_turn(struct sw_switch *turned, const struct sw_scene *scene, double rate,
	const struct sw_threshold *threshold, uint64_t hold_ms)
{
	turned->above = (uint8_t)(turned->above << 1 | (rate > threshold->on_pps));
	if (turned->above == 1)
		turned->above_ms = scene->from_ms;
	if (rate > threshold->off_pps) {
		if (!turned->is_on && scene->from_ms > turned->last_ms + JOIN_MS) {
			turned->since_ms = scene->from_ms;
			turned->peak = 0;
		}
		turned->last_ms = scene->to_ms;
		turned->peak = rate > turned->peak ? rate : turned->peak;
	}
	if (!turned->is_on && is_sure(turned->above)) {
		turned->is_on = true;
		return GOES_ON;
	}
	if (turned->is_on && scene->to_ms >= turned->last_ms + hold_ms) {
		turned->is_on = false;
		turned->above = 0;
		return GOES_OFF;
	}
	return STAYS;
}

/* ---- learning ---- */

static uint64_t ordinary_after_ms(const struct sw_detector *detector, enum sw_vector vector)
{
	uint64_t peace_ms = detector->load.windows * SW_SENSE_WINDOW_MS;
	uint64_t least_ms = rules[vector].needs_resolvers ? ORDINARY_LEAST_QUESTIONS_MS : ORDINARY_LEAST_MS;
	return peace_ms < least_ms ? least_ms : peace_ms < ORDINARY_MOST_MS ? peace_ms : ORDINARY_MOST_MS;
}

/** On for so long that it is how things are now. */
static bool is_ordinary(const struct sw_detector *detector, enum sw_vector vector)
{
	const struct sw_switch *its = &detector->vector[vector];
	return its->is_on && detector->scene.to_ms - its->since_ms >= ordinary_after_ms(detector, vector);
}

bool sw_detector_is_peace(const struct sw_detector *detector)
{
	return detector->on_ms == 0 || detector->scene.to_ms >= detector->on_ms + PEACE_MS;
}

/** Whether strangers can be told from resolvers by now: enough of what is asked comes from those known. */
static void resolvers_judge(struct sw_detector *detector)
{
	const struct sw_scene *scene = &detector->scene;
	if (scene->exists <= 0)
		return;
	double share = scene->exists_unknown / scene->exists;
	detector->unknown_share += SHARE_SMOOTHING * (share - detector->unknown_share);
	if (detector->load.windows >= KNOWN_LONG_WINDOWS ||
		(detector->load.windows >= KNOWN_WINDOWS && detector->unknown_share <= KNOWN_UNKNOWN))
		detector->knows_enough = true;
}

static bool is_any_above(const struct sw_detector *detector)
{
	for (unsigned vector = 0; vector < SW_VECTOR_COUNT; vector++) {
		if (detector->vector[vector].above & 1 && !is_ordinary(detector, (enum sw_vector)vector))
			return true;
	}
	return false;
}

/** What was seen in a window of peace is usual. */
static void learn_from(struct sw_detector *detector, const struct sw_scene *scene)
{
	sw_baseline_add(&detector->load, scene->load);
	if (detector->knows_enough)
		sw_baseline_add(&detector->missing, scene->missing_known);
	for (unsigned vector = 0; vector < SW_VECTOR_COUNT; vector++) {
		if (detector->knows_enough || !rules[vector].needs_resolvers)
			sw_baseline_add(&detector->usual[vector], scene->rate[vector]);
	}
}

/** Windows wait before they are learnt from. When something is noticed, those that wait are what it was
 * noticed by, and are forgotten; a burst that leads to nothing becomes a part of what is usual. */
static void learn(struct sw_detector *detector)
{
	const struct sw_scene *scene = &detector->scene;
	if (!sw_detector_is_peace(detector)) {
		detector->waiting_count = 0;
		return;
	}
	if (!is_any_above(detector))
		resolvers_judge(detector);
	if (detector->waiting_count == SW_WAITING_WINDOWS) {
		learn_from(detector, &detector->waiting[0]);
		memmove(&detector->waiting[0], &detector->waiting[1],
			--detector->waiting_count * sizeof(detector->waiting[0]));
	}
	detector->waiting[detector->waiting_count++] = *scene;
}

/* ---- events ---- */

struct telling {
	struct sw_detector *detector;
	sw_event_fn *emit;
	void *arg;
};

static void tell(const struct telling *telling, enum sw_event_type type, enum sw_vector vector,
	uint64_t time_ms, double rate)
{
	const struct sw_detector *detector = telling->detector;
	struct sw_event event = {.time_ms = time_ms,
		.noticed_ms = detector->scene.to_ms,
		.type = type,
		.vector = vector,
		.incident = detector->incidents,
		.wave = detector->wave.is_on || type == SW_EVENT_WAVE_OVER ? detector->waves : 0,
		.rate_pps = rate};
	if (type != SW_EVENT_OVER && vector < SW_VECTOR_COUNT) {
		event.baseline_pps = sw_baseline_usual(&detector->usual[vector]);
		event.zone = detector->zone[vector];
	}
	if (type == SW_EVENT_WAVE || type == SW_EVENT_WAVE_OVER)
		event.baseline_pps = sw_baseline_usual(&detector->load);
	telling->emit(telling->arg, &event);
}

static void began(const struct telling *telling, enum sw_vector vector)
{
	struct sw_detector *detector = telling->detector;
	enum sw_event_type type = detector->has_incident ? SW_EVENT_VECTOR_ADDED : SW_EVENT_ONSET;
	detector->incidents += !detector->has_incident;
	detector->has_incident = true;
	tell(telling, type, vector, detector->vector[vector].since_ms, detector->scene.rate[vector]);
}

static void ended(const struct telling *telling, enum sw_vector vector)
{
	struct sw_detector *detector = telling->detector;
	const struct sw_switch *its = &detector->vector[vector];
	tell(telling, SW_EVENT_VECTOR_ENDED, vector, its->last_ms, its->peak);
	if (its->last_ms > detector->end_ms)
		detector->end_ms = its->last_ms;
}

/* ---- a turn ---- */

/** Strangers that ask for all zones, no more than everybody usually does, may be resolvers that have come
 * here from another POP, when routes change. */
static void scene_take(struct sw_detector *detector, const struct sw_scene *scene)
{
	double usual = sw_baseline_usual(&detector->load);
	detector->scene = *scene;
	detector->scene.rate[SW_VECTOR_EXISTING] -=
		scene->existing_elsewhere < usual ? scene->existing_elsewhere : usual;
}

static bool is_any_on(const struct sw_detector *detector)
{
	for (unsigned vector = 0; vector < SW_VECTOR_COUNT; vector++) {
		if (detector->vector[vector].is_on)
			return true;
	}
	return false;
}

static void vectors_turn(struct sw_detector *detector, enum turned turned[SW_VECTOR_COUNT])
{
	const struct sw_scene *scene = &detector->scene;
	for (unsigned vector = 0; vector < SW_VECTOR_COUNT; vector++) {
		struct sw_switch *its = &detector->vector[vector];
		struct sw_threshold threshold = sw_detector_threshold(detector, (enum sw_vector)vector);
		double rate =
			sw_detector_is_learning(detector, (enum sw_vector)vector) ? 0 : scene->rate[vector];
		turned[vector] = switch_turn(its, scene, rate, &threshold, HOLD_MS);
		if ((its->is_on || its->above) && rate >= its->peak && scene->zone[vector])
			detector->zone[vector] = scene->zone[vector];
		if (its->is_on && !is_ordinary(detector, (enum sw_vector)vector))
			detector->on_ms = scene->to_ms;
	}
}

/** All attack vectors that are on or about to be, so that a wave is noticed together with them. */
static double attack_rate(const struct sw_detector *detector)
{
	double rate = 0;
	for (unsigned vector = 0; vector < SW_VECTOR_COUNT; vector++) {
		const struct sw_switch *its = &detector->vector[vector];
		if (sw_vector_is_attack((enum sw_vector)vector) && (its->is_on || (its->above & 1)))
			rate += detector->scene.rate[vector];
	}
	return rate;
}

static enum turned wave_turn(struct sw_detector *detector, double rate)
{
	double usual = sw_baseline_usual(&detector->load);
	double on_pps = SW_WAVE_TIMES * (usual > WAVE_LOAD_LEAST ? usual : WAVE_LOAD_LEAST);
	const struct sw_threshold threshold = {.on_pps = on_pps, .off_pps = on_pps / 2};
	enum turned turned = switch_turn(&detector->wave, &detector->scene, rate, &threshold, WAVE_HOLD_MS);
	detector->waves += turned == GOES_ON;
	return turned;
}

void sw_detector_turn(
	struct sw_detector *detector, const struct sw_scene *scene, sw_event_fn *emit, void *arg)
{
	const struct telling telling = {.detector = detector, .emit = emit, .arg = arg};
	enum turned vectors[SW_VECTOR_COUNT], wave;
	scene_take(detector, scene);
	vectors_turn(detector, vectors);
	wave = wave_turn(detector, attack_rate(detector));
	for (unsigned vector = 0; vector < SW_VECTOR_COUNT; vector++) {
		if (vectors[vector] == GOES_ON)
			began(&telling, (enum sw_vector)vector);
	}
	if (wave == GOES_ON)
		tell(&telling, SW_EVENT_WAVE, SW_VECTOR_COUNT, detector->wave.above_ms,
			attack_rate(detector));
	for (unsigned vector = 0; vector < SW_VECTOR_COUNT; vector++) {
		if (vectors[vector] == GOES_OFF)
			ended(&telling, (enum sw_vector)vector);
	}
	if (detector->has_incident && !is_any_on(detector)) {
		tell(&telling, SW_EVENT_OVER, SW_VECTOR_COUNT, detector->end_ms, 0);
		detector->has_incident = false;
		detector->end_ms = 0;
	}
	if (wave == GOES_OFF)
		tell(&telling, SW_EVENT_WAVE_OVER, SW_VECTOR_COUNT, detector->wave.last_ms,
			detector->wave.peak);
	learn(detector);
}
