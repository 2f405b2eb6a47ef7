/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer/traits.h"
#include "sense/inside.h"
#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#define NAME_MS 600000	 /* a name that nobody asked for so long, as far as is remembered, is new */
#define QUESTION_MS 5000 /* a question that comes again within is a retry: resolvers wait 0.4 to 3.2 s */
#define ALIGNMENT ((size_t)64)
#define MINUTE_MS 60000
#define PAUSE_MS 5000 /* without a tick: nobody knows what happened */

static const struct {
	const char *label, *text;
	bool is_attack;
} vectors[SW_VECTOR_COUNT] = {
#define X(name, label_text, attacks, what) [SW_VECTOR_##name] = {label_text, what, attacks},
	SW_VECTORS(X)
#undef X
};

static const char *const events[SW_EVENT_COUNT] = {
#define X(name, label_text) [SW_EVENT_##name] = (label_text),
	SW_EVENTS(X)
#undef X
};

const char *sw_vector_label(enum sw_vector vector)
{
	return vector < SW_VECTOR_COUNT ? vectors[vector].label : "";
}

const char *sw_vector_text(enum sw_vector vector)
{
	return vector < SW_VECTOR_COUNT ? vectors[vector].text : "";
}

bool sw_vector_is_attack(enum sw_vector vector)
{
	return vector < SW_VECTOR_COUNT && vectors[vector].is_attack;
}

const char *sw_event_label(enum sw_event_type type)
{
	return type < SW_EVENT_COUNT ? events[type] : "";
}

int sw_sense_new(struct sw_sense **out, uint64_t seed, sw_event_fn *event, sw_known_fn *known, void *arg)
{
	struct sw_sense *sense =
		aligned_alloc(ALIGNMENT, (sizeof(*sense) + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
	if (!sense)
		return -ENOMEM;
	/* written, not taken from calloc(): all of its memory is there from the start, none comes in a flood
	 */
	memset(sense, 0, sizeof(*sense));
	sense->event = event;
	sense->arg = arg;
	sense->resolvers.key = sw_print_key_make(&seed);
	sense->name_key = sw_print_key_make(&seed);
	sense->question_key = sw_print_key_make(&seed);
	sense->resolvers.told = known;
	sense->resolvers.told_arg = arg;
	sense->detector.unknown_share = 1;
	*out = sense;
	return 0;
}

void sw_sense_free(struct sw_sense *sense)
{
	free(sense);
}

/* ---- samples ---- */

/** Read off a question who asks it, and whether it was asked before. */
static void question_read(
	struct sw_sense *sense, const struct sw_sample *sample, uint64_t source, struct sw_question *question)
{
	uint64_t now_ms = sw_sense_clock(sense);
	bool is_peace = sw_detector_is_peace(&sense->detector);
	question->name = sw_print_name(&sense->name_key, sample);
	question->standing = sw_resolvers_look(&sense->resolvers, source, sample, now_ms, is_peace);
	question->is_new =
		sw_lately_note(&sense->names, question->name, now_ms, NAME_MS, sample->weight) == 0;
	/* below a wildcard every name exists: one that nobody has asked for is as random as one that does not
	 */
	if (question->is_new && (sample->features & SW_FEATURE_MASK(WILDCARD)))
		question->exists = false;
	if (!question->exists)
		return;
	if (question->standing == SW_RESOLVER) {
		uint64_t print =
			sw_print_question(&sense->question_key, source, question->name, sample->type);
		question->again =
			sw_lately_note(&sense->questions, print, now_ms, QUESTION_MS, sample->weight);
	} else if (question->standing == SW_STRANGER && is_peace) {
		sw_resolvers_learn(&sense->resolvers, source, sample, now_ms);
	}
}

/** The vector that a question would belong to, if that were on. */
static enum sw_vector question_vector(const struct sw_sense *sense, const struct sw_question *question)
{
	bool is_known = question->standing == SW_RESOLVER;
	if (!question->exists)
		return !question->is_new ? SW_VECTOR_COUNT : is_known ? SW_VECTOR_RELAYED : SW_VECTOR_RANDOM;
	if (question->standing == SW_SPOOFED)
		return SW_VECTOR_SPOOFED;
	if (sw_window_was_few(&sense->window, question->name))
		return SW_VECTOR_FLASH_CROWD;
	return !is_known ? SW_VECTOR_EXISTING : question->again ? SW_VECTOR_RETRY_STORM : SW_VECTOR_COUNT;
}

/** Whether it counts for the allowances of networks: what is answered, to whoever has not proven himself.
 * Facts are there only while they are looked at: proofs count from when a network is held to its allowance.
 */
static bool is_unproven_asking(const struct sw_sample *sample)
{
	bool exists;
	return sw_sample_is_question(sample, &exists) &&
	       !(sample->facts & (SW_FACT_COOKIE | SW_FACT_HANDSHAKE));
}

/** Where networks of a kind are counted: strangers or known resolvers, IPv4 or IPv6, of which size. */
static uint32_t network_kind(uint32_t is_known, uint32_t is_ipv6, uint32_t which)
{
	return (which * 2 + is_ipv6) * 2 + is_known;
}

static void networks_add(struct sw_sense *sense, const struct sw_sample *sample, bool is_known)
{
	uint64_t first = 0;
	memcpy(&first, sample->source, sample->address_len == 4 ? 4 : 8);
	for (uint32_t which = 0; which < SW_PREFIX_LENGTHS; which++)
		sw_heavy_add(&sense->networks[network_kind(is_known, sample->address_len == 16, which)],
			sw_prefix_of(first, sample->address_len, which, is_known).first, sample->weight);
}

/** Take a packet for its window. @return the vector that it would belong to, if that were on */
static enum sw_vector packet_take(
	struct sw_sense *sense, const struct sw_sample *sample, uint64_t source, enum sw_standing *standing)
{
	enum sw_vector vector = sw_verdict_vector(sample->verdict);
	struct sw_question question = {.standing = SW_STRANGER};
	if (vector == SW_VECTOR_SYN || vector == SW_VECTOR_ACK) {
		bool is_known = sw_resolvers_find(&sense->resolvers, source, sample->source,
					sample->address_len) != NULL;
		sw_window_tcp(&sense->window, sample, is_known);
		*standing = is_known ? SW_RESOLVER : SW_STRANGER;
		return is_known ? SW_VECTOR_COUNT : vector;
	}
	if (!sw_sample_is_question(sample, &question.exists))
		return vector;
	question_read(sense, sample, source, &question);
	sw_window_question(&sense->window, sample, &question);
	*standing = question.standing;
	return question_vector(sense, &question);
}

void sw_sense_sample(struct sw_sense *sense, const struct sw_sample *sample)
{
	if (sample->verdict >= SW_VERDICT_COUNT || sample->weight == 0 ||
		(sample->address_len != 4 && sample->address_len != 16))
		return;
	uint64_t source = sw_print_address(&sense->resolvers.key, sample->source, sample->address_len);
	if (sample->verdict == SW_VERDICT_TCP_PASS) {
		sw_resolvers_connected(&sense->resolvers, source, sample, sw_sense_clock(sense),
			sw_detector_is_peace(&sense->detector));
		return;
	}
	enum sw_standing standing = SW_STRANGER;
	enum sw_vector vector = packet_take(sense, sample, source, &standing);
	if (is_unproven_asking(sample))
		networks_add(sense, sample, standing == SW_RESOLVER);
	if (vector < SW_VECTOR_COUNT) {
		sw_hll_add(&sense->so_far[vector], source);
		sw_hll_add(&sense->minute[vector], source);
	}
}

/* ---- ticks ---- */

/** The detector's events, completed with what it does not know. */
static void event_pass(void *arg, const struct sw_event *detected)
{
	struct sw_sense *sense = arg;
	struct sw_event event = *detected;
	if (event.type == SW_EVENT_ONSET)
		sw_resolvers_distrust(&sense->resolvers);
	if (event.vector < SW_VECTOR_COUNT)
		event.sources = sw_hll_estimate(&sense->so_far[event.vector]);
	if (sense->event)
		sense->event(sense->arg, &event);
}

/** @return false where no window ends: at the start, after a pause, and where counters began anew */
static bool counts_between(
	const struct sw_sense *sense, const struct sw_tick *tick, uint64_t counts[SW_VERDICT_COUNT])
{
	const struct sw_tick *before = &sense->before;
	if (!sense->has_tick || tick->time_ms - before->time_ms > PAUSE_MS)
		return false;
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++) {
		if (tick->counts[verdict] < before->counts[verdict])
			return false;
		counts[verdict] = tick->counts[verdict] - before->counts[verdict];
	}
	return true;
}

static void sources_turn(struct sw_sense *sense, uint64_t now_ms)
{
	for (unsigned vector = 0; vector < SW_VECTOR_COUNT; vector++) {
		const struct sw_switch *its = &sense->detector.vector[vector];
		if (!its->is_on && !its->above)
			sw_hll_clear(&sense->so_far[vector]);
	}
	if (now_ms - sense->minute_ms < MINUTE_MS)
		return;
	sense->minute_ms = now_ms;
	memset(sense->minute, 0, sizeof(sense->minute));
	for (uint32_t i = 0; i < NETWORK_KINDS; i++)
		sw_heavy_clear(&sense->networks[i]);
}

void sw_sense_tick(struct sw_sense *sense, const struct sw_tick *tick)
{
	uint64_t counts[SW_VERDICT_COUNT], from_ms = sense->before.time_ms;
	struct sw_scene scene;
	if (sense->has_tick && tick->time_ms <= from_ms)
		return;
	bool is_window = counts_between(sense, tick, counts);
	if (!sense->has_tick)
		sense->first_ms = sense->minute_ms = tick->time_ms;
	sense->before = *tick;
	sense->has_tick = true;
	if (!is_window) {
		sw_window_clear(&sense->window);
		return;
	}
	sw_window_close(&sense->window, counts, from_ms, tick->time_ms, &scene);
	sw_detector_turn(&sense->detector, &scene, event_pass, sense);
	sources_turn(sense, tick->time_ms);
	sw_resolvers_sweep(&sense->resolvers, sw_sense_clock(sense));
}

/* ---- status ---- */

void sw_sense_vector(const struct sw_sense *sense, enum sw_vector vector, struct sw_vector_state *state)
{
	const struct sw_detector *detector = &sense->detector;
	const struct sw_switch *its = &detector->vector[vector];
	struct sw_threshold threshold = sw_detector_threshold(detector, vector);
	*state = (struct sw_vector_state){.is_on = its->is_on,
		.is_learning = sw_detector_is_learning(detector, vector),
		.rate_pps = detector->scene.rate[vector],
		.baseline_pps = sw_baseline_usual(&detector->usual[vector]),
		.threshold_pps = threshold.on_pps,
		.because = threshold.because,
		.learnt_ms = detector->usual[vector].windows * SW_SENSE_WINDOW_MS,
		.sources = sw_hll_estimate(&sense->minute[vector]),
		.since_ms = its->is_on ? its->since_ms : 0};
}

void sw_sense_state(const struct sw_sense *sense, struct sw_sense_state *state)
{
	const struct sw_detector *detector = &sense->detector;
	*state = (struct sw_sense_state){.is_peace = sw_detector_is_peace(detector),
		.is_wave = detector->wave.is_on,
		.incident = detector->has_incident ? detector->incidents : 0,
		.waves = detector->waves,
		.known = sense->resolvers.count,
		.load_qps = detector->scene.load,
		.usual_qps = sw_baseline_usual(&detector->load),
		.unknown_share = detector->unknown_share};
}

_Static_assert(SW_SENSE_NETWORKS_MAX == NETWORK_KINDS * SW_HEAVY_COUNTERS, "all of them");

/** Of one kind. @return how many were written */
static unsigned networks_list(const struct sw_heavy *heavy, uint32_t kind, double seconds,
	struct sw_network *networks, unsigned max)
{
	unsigned count = 0;
	for (uint32_t i = 0; i < heavy->used && count < max; i++) {
		double least = sw_heavy_least(&heavy->counter[i]);
		if (least > 0)
			networks[count++] = (struct sw_network){
				.prefix = sw_prefix_of(heavy->key[i], kind & 2 ? 16 : 4, kind / 4, kind & 1),
				.packets = least,
				.rate_pps = least / seconds};
	}
	return count;
}

unsigned sw_sense_networks(const struct sw_sense *sense, struct sw_network *networks, unsigned max)
{
	double seconds = (double)(sense->before.time_ms - sense->minute_ms) / 1000;
	unsigned count = 0;
	for (uint32_t kind = 0; seconds > 0 && kind < NETWORK_KINDS; kind++)
		count += networks_list(&sense->networks[kind], kind, seconds, networks + count, max - count);
	return count;
}

bool sw_sense_knows(const struct sw_sense *sense, const uint8_t *address, uint8_t address_len, uint8_t *hops)
{
	uint8_t padded[16] = {0};
	if (address_len != 4 && address_len != 16)
		return false;
	memcpy(padded, address, address_len);
	uint64_t print = sw_print_address(&sense->resolvers.key, padded, address_len);
	const struct sw_resolver *resolver = sw_resolvers_find(&sense->resolvers, print, padded, address_len);
	if (resolver && hops)
		*hops = resolver->hops;
	return resolver != NULL;
}

uint32_t sw_sense_known_count(const struct sw_sense *sense)
{
	return sense->resolvers.count;
}
