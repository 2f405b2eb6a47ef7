/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model.h"
#include "image/lanes.h"
#include "population.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 27000
#define MISSING 2000
#define ZONES 100
#define VICTIM 10
#define VICTIM_NAMES 350
#define TRIES 262144
#define WHEEL 2048 /* steps */
#define STEP_S (MODEL_STEP_MS / 1000.0)
#define SAMPLES_PPS 20000 /* as guard/guard.c orders them: a quarter of it for each verdict */
#define MUTED_FROM 272
#define MUTED_UNTIL 277
#define CROWD_FROM 250
#define CROWD_UNTIL 270
#define DISTURBED_FROM 60

enum shape { STEADY, BURSTS, FALL, RISE };
enum { EAST = MODEL_US_EAST, EU = MODEL_EU, ALL = EAST | EU };

static const struct flow {
	enum sw_vector vector;
	double rate, from_s, until_s; /* in L */
	int pops;
	enum shape shape;
	int ttl_less;
} flows[] = {
	/* P1 */
	{SW_VECTOR_SYN, 2, 60, 70, EU, STEADY, 0},
	{SW_VECTOR_RANDOM, 1, 60, 70, EU, STEADY, 0},
	{SW_VECTOR_JUNK, 1, 60, 70, EU, STEADY, 0},
	{SW_VECTOR_SCAN, 0.2, 60, 70, EU, STEADY, 0},
	/* P2: wave 1 */
	{SW_VECTOR_SYN, 30, 70, 120, EAST, BURSTS, 0},
	{SW_VECTOR_ACK, 5, 70, 120, EAST, BURSTS, 0},
	{SW_VECTOR_GRE, 5, 70, 120, EAST, BURSTS, 0},
	{SW_VECTOR_JUNK, 5, 70, 120, EAST, BURSTS, 0},
	{SW_VECTOR_SCAN, 0.2, 70, 120, EAST, BURSTS, 0},
	/* P4: wave 2 */
	{SW_VECTOR_SYN, 20, 135, 185, ALL, STEADY, 0},
	{SW_VECTOR_ACK, 3, 135, 153, ALL, STEADY, 0},
	{SW_VECTOR_GRE, 3, 135, 169, ALL, STEADY, 0},
	{SW_VECTOR_JUNK, 2, 135, 169, ALL, STEADY, 0},
	{SW_VECTOR_RELAYED, 10, 135, 185, ALL, STEADY, 0},
	{SW_VECTOR_RANDOM, 4, 153, 185, ALL, STEADY, 0},
	{SW_VECTOR_ACK, 3, 169, 185, ALL, STEADY, 0},
	{SW_VECTOR_EXISTING, 3, 169, 185, ALL, STEADY, 0},
	/* P5 */
	{SW_VECTOR_SYN, 3, 185, 195, ALL, FALL, 0},
	{SW_VECTOR_RANDOM, 2, 185, 195, ALL, FALL, 0},
	/* P6: wave 3 */
	{SW_VECTOR_SYN, 30, 195, 210, EAST, STEADY, 0},
	{SW_VECTOR_ACK, 5, 195, 210, EAST, STEADY, 0},
	{SW_VECTOR_GRE, 5, 195, 210, EAST, STEADY, 0},
	{SW_VECTOR_JUNK, 5, 195, 210, EAST, STEADY, 0},
	{SW_VECTOR_SCAN, 0.2, 195, 210, EAST, STEADY, 0},
	{SW_VECTOR_SYN, 15, 210, 235, ALL, STEADY, 9},
	{SW_VECTOR_ACK, 5, 210, 235, ALL, STEADY, 9},
	{SW_VECTOR_GRE, 3, 210, 235, ALL, STEADY, 9},
	{SW_VECTOR_JUNK, 5, 210, 235, ALL, STEADY, 9},
	{SW_VECTOR_RELAYED, 5, 210, 235, ALL, STEADY, 0},
	{SW_VECTOR_SPOOFED, 3, 210, 235, ALL, STEADY, 0},
	{SW_VECTOR_RANDOM, 6, 210, 235, ALL, STEADY, 9},
	{SW_VECTOR_EXISTING, 6, 210, 235, ALL, STEADY, 9},
	/* P7 */
	{SW_VECTOR_SYN, 2, 235, 250, ALL, STEADY, 0},
	{SW_VECTOR_RELAYED, 0.5, 235, 250, ALL, STEADY, 0},
	/* P10, optional */
	{SW_VECTOR_SPOOFED, 6, 300, 340, ALL, RISE, 0},
	{SW_VECTOR_EXISTING, 6, 300, 340, ALL, RISE, 0},
};
#define FLOWS (sizeof(flows) / sizeof(flows[0]))

/** A question under way while answers are lost. */
struct attempt {
	uint32_t next; /* + 1 */
	uint32_t source, name;
	uint8_t tries;
	bool is_missing;
};

struct model {
	struct model_settings settings;
	uint64_t random;
	struct sw_sense *sense;
	struct population here, elsewhere; /* elsewhere: at another POP, until routes change */
	struct sw_tick tick;
	uint64_t counted[SW_VERDICT_COUNT]; /* when the rates of samples were ordered last */
	uint32_t every[SW_VERDICT_COUNT];
	double now_s;
	struct attempt attempt[TRIES];
	uint32_t free_list, wheel[WHEEL], step;
	uint64_t sent[SW_VECTOR_COUNT][MODEL_SECONDS];
};

/* ---- packets ---- */

struct packet {
	enum sw_verdict verdict;
	const struct source *source;
	uint8_t hops, protocol, facts;
	uint8_t name[40];
	uint8_t name_bytes;
	uint32_t zone; /* + 1 */
	uint16_t type;
};

static uint64_t zone_hash(uint32_t zone)
{
	return zone ? (zone + 77) * 0x9e3779b97f4a7c15ull : 0;
}

/** Count a packet, and hand one of so many to sense. */
static void packet_pass(struct model *model, const struct packet *packet)
{
	uint32_t every = model->every[packet->verdict];
	model->tick.counts[packet->verdict]++;
	if (every == 0 || (every > 1 && draw_below(&model->random, every) != 0) ||
		draw_unit(&model->random) < model->settings.lost_share)
		return;
	struct sw_sample sample = {.time_ns = model->tick.time_ms * 1000000,
		.zone = zone_hash(packet->zone),
		.weight = every,
		.bytes = 80,
		.address_len = packet->source->address_len,
		.verdict = (uint8_t)packet->verdict,
		.facts = packet->facts,
		.ttl = (uint8_t)(packet->source->base - packet->hops),
		.protocol = packet->protocol,
		.type = packet->type,
		.name_bytes = packet->name_bytes};
	memcpy(sample.source, packet->source->address, sizeof(sample.source));
	memcpy(sample.name, packet->name, packet->name_bytes);
	sw_sense_sample(model->sense, &sample);
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 33) * 0xff51afd7ed558ccdull;
	return z ^ z >> 33;
}

/** "nXXXXXX" (or random letters) below zone number `zone`. */
static void name_put(struct packet *packet, uint64_t label, uint32_t bytes, uint32_t zone, bool mixes_case)
{
	uint8_t *to = packet->name;
	*to++ = (uint8_t)bytes;
	for (uint32_t i = 0; i < bytes; i++) {
		*to++ = (uint8_t)((mixes_case && i % 2 ? 'A' : 'a') + label % 26);
		label /= 26;
	}
	*to++ = 3;
	*to++ = 'z';
	*to++ = (uint8_t)('a' + zone / 26);
	*to++ = (uint8_t)('a' + zone % 26);
	*to++ = 0;
	packet->name_bytes = (uint8_t)(to - packet->name);
	packet->zone = zone + 1;
	packet->type = 1;
}

/* ---- honest ---- */

static enum sw_verdict verdict_of(uint32_t name)
{
	uint64_t dice = mix(name) % 100;
	return dice < 84   ? SW_VERDICT_ANSWERED
	       : dice < 93 ? SW_VERDICT_NODATA
	       : dice < 98 ? SW_VERDICT_REFERRAL
			   : SW_VERDICT_TRUNCATED;
}

static bool is_under_attack(const struct model *model)
{
	return model->settings.is_defended &&
	       ((model->now_s >= 136 && model->now_s < 186) || (model->now_s >= 196 && model->now_s < 251));
}

static void syn_pass(struct model *model, const struct source *source)
{
	struct packet packet = {
		.verdict = is_under_attack(model) ? SW_VERDICT_TCP_COOKIE : SW_VERDICT_TCP_SYN,
		.source = source,
		.hops = source->hops,
		.protocol = 6};
	packet_pass(model, &packet);
}

static bool is_disturbed(const struct model *model, enum model_disturbance disturbance)
{
	return model->settings.disturbance == disturbance && model->now_s >= DISTURBED_FROM;
}

static void honest_ask(struct model *model, const struct source *source, uint32_t name, bool is_missing)
{
	double unit = (double)(mix(name + 1000003u * is_missing) >> 11) * 0x1p-53;
	uint32_t zone = zipf_rank(unit, ZONES, true) - 1;
	struct packet packet = {.verdict = is_missing ? SW_VERDICT_NXDOMAIN : verdict_of(name),
		.source = source,
		.hops = source->hops,
		.protocol = 17};
	if (source->uses_tcp) {
		syn_pass(model, source);
		return;
	}
	if (source->has_two_routes && draw_below(&model->random, 2))
		packet.hops = (uint8_t)(packet.hops + 3);
	name_put(&packet, mix(name + (is_missing ? 500000 : 0)) >> 8, 8, zone, source->mixes_case);
	if (zone == 0 && is_disturbed(model, MODEL_BROKEN_ZONE))
		packet.verdict = SW_VERDICT_NXDOMAIN;
	if (is_disturbed(model, MODEL_ROUTES) && source->address[0] % 5 < 2)
		packet.hops = (uint8_t)(packet.hops + 3);
	if (is_missing && zone == VICTIM && is_under_attack(model))
		packet.verdict = SW_VERDICT_OVER_ZONE;
	packet_pass(model, &packet);
}

static void attempt_put(struct model *model, uint32_t slot, uint32_t in_ms)
{
	uint32_t at = (model->step + in_ms / MODEL_STEP_MS) % WHEEL;
	model->attempt[slot].next = model->wheel[at];
	model->wheel[at] = slot + 1;
}

static bool is_muted(const struct model *model)
{
	return model->now_s >= MUTED_FROM && model->now_s < MUTED_UNTIL;
}

static uint32_t wait_of(const struct source *source, uint8_t tries)
{
	const struct habit *habit = &habits[source->habit];
	return habit->wait_ms << (habit->before_doubling ? (tries - 1) / habit->before_doubling : 0);
}

static void resolver_ask(struct model *model, uint32_t resolver, uint32_t name, bool is_missing)
{
	uint32_t slot = model->free_list;
	honest_ask(model, &model->here.resolver[resolver], name, is_missing);
	if (!is_muted(model) || slot == 0)
		return;
	slot--;
	model->free_list = model->attempt[slot].next;
	model->attempt[slot] =
		(struct attempt){.source = resolver, .name = name, .tries = 1, .is_missing = is_missing};
	attempt_put(model, slot, wait_of(&model->here.resolver[resolver], 1));
}

static void retries_turn(struct model *model)
{
	uint32_t slot = model->wheel[model->step % WHEEL], next;
	model->wheel[model->step % WHEEL] = 0;
	for (; slot-- > 0; slot = next) {
		struct attempt *attempt = &model->attempt[slot];
		const struct source *source = &model->here.resolver[attempt->source];
		next = attempt->next;
		honest_ask(model, source, attempt->name, attempt->is_missing);
		if (is_muted(model) && attempt->tries < habits[source->habit].tries) {
			attempt_put(model, slot, wait_of(source, ++attempt->tries));
			continue;
		}
		attempt->next = model->free_list;
		model->free_list = slot + 1;
	}
}

static void question_draw(struct model *model, const struct source *source, uint32_t *name, bool *is_missing)
{
	*is_missing = draw_unit(&model->random) < source->missing_share;
	*name = *is_missing ? draw_below(&model->random, MISSING)
			    : zipf_rank(draw_unit(&model->random), NAMES, false);
}

static uint32_t resolver_draw(struct model *model)
{
	return model->here.resolver_draw[draw_below(&model->random, DRAWS)];
}

static void crowd_turn(struct model *model, double questions)
{
	for (uint32_t n = draw_poisson(&model->random, questions); n > 0; n--) {
		if (draw_below(&model->random, 10) < 7)
			honest_ask(model, &model->here.newcomer[draw_below(&model->random, NEWCOMERS)], 1,
				false);
		else
			honest_ask(model, &model->here.resolver[resolver_draw(model)], 1, false);
	}
}

static void honest_turn(struct model *model)
{
	double unit = model->settings.unit_qps * STEP_S;
	uint32_t name;
	bool is_missing;
	for (uint32_t n = draw_poisson(&model->random, is_disturbed(model, MODEL_CACHES) ? 4 * unit : unit);
		n > 0; n--) {
		uint32_t resolver = resolver_draw(model);
		question_draw(model, &model->here.resolver[resolver], &name, &is_missing);
		resolver_ask(model, resolver, name, is_missing);
	}
	for (uint32_t n = draw_poisson(&model->random, is_disturbed(model, MODEL_CATCHMENT) ? unit : 0);
		n > 0; n--) {
		const struct source *source =
			&model->elsewhere
				 .resolver[model->elsewhere.resolver_draw[draw_below(&model->random, DRAWS)]];
		question_draw(model, source, &name, &is_missing);
		honest_ask(model, source, name, is_missing);
	}
	if (model->now_s >= CROWD_FROM && model->now_s < CROWD_UNTIL)
		crowd_turn(model, 9 * unit);
}

/** What the lab's world lacks. */
static void noise_turn(struct model *model)
{
	static const enum sw_verdict stray[] = {SW_VERDICT_DROP_UNUSED, SW_VERDICT_FORMERR,
		SW_VERDICT_DROP_PORT, SW_VERDICT_DROP_TCP_STATE, SW_VERDICT_TCP_SYN, SW_VERDICT_REFUSED};
	double unit = model->settings.unit_qps * STEP_S;
	struct source source;
	for (uint32_t n = draw_poisson(&model->random, 0.01 * unit); n > 0; n--) {
		source_make(&source, true, &model->random);
		bool is_missing = draw_below(&model->random, 10) == 0;
		honest_ask(model, &source,
			zipf_rank(draw_unit(&model->random), is_missing ? MISSING : NAMES, false),
			is_missing);
	}
	for (uint32_t n = draw_poisson(&model->random, 0.001 * unit + 2 * STEP_S); n > 0; n--) {
		source_make(&source, true, &model->random);
		struct packet packet = {
			.verdict = stray[draw_below(&model->random, 6)], .source = &source, .hops = 9};
		packet_pass(model, &packet);
	}
}

/* ---- attack ---- */

static const struct source *endpoint_draw(struct model *model)
{
	return &model->here.endpoint[model->here.endpoint_draw[draw_below(&model->random, DRAWS)]];
}

/** What the defence makes of a question, in most cases. */
static void refuse(
	struct model *model, struct packet *packet, enum sw_verdict verdict, uint8_t facts, double share)
{
	if (!is_under_attack(model) || draw_unit(&model->random) >= share)
		return;
	packet->verdict = verdict;
	packet->facts = facts;
}

static void relayed_pass(struct model *model, struct packet *packet)
{
	do
		packet->source = &model->here.resolver[resolver_draw(model)];
	while (packet->source->uses_tcp);
	packet->hops = packet->source->hops;
	packet->verdict = SW_VERDICT_NXDOMAIN;
	name_put(packet, draw(&model->random), 12, VICTIM, false);
	refuse(model, packet, SW_VERDICT_OVER_ZONE, SW_FACT_KNOWN | SW_FACT_HOPS, 0.8);
	if (packet->verdict == SW_VERDICT_OVER_ZONE)
		syn_pass(model, packet->source);
	packet_pass(model, packet);
}

static void question_pass(struct model *model, struct packet *packet, enum sw_vector vector)
{
	uint32_t name = draw_below(&model->random, VICTIM_NAMES);
	packet->protocol = 17;
	switch (vector) {
	case SW_VECTOR_RELAYED:
		relayed_pass(model, packet);
		return;
	case SW_VECTOR_RANDOM:
		packet->verdict = SW_VERDICT_NXDOMAIN;
		name_put(packet, draw(&model->random), 12, VICTIM, false);
		refuse(model, packet,
			draw_below(&model->random, 2) ? SW_VERDICT_OVER_LANE : SW_VERDICT_DROP_LANE, 0, 0.9);
		break;
	case SW_VECTOR_SPOOFED:
		do
			packet->source = &model->here.resolver[resolver_draw(model)];
		while (packet->source->address_len != 4);
		/* fall through */
	default:
		packet->verdict = SW_VERDICT_ANSWERED;
		name_put(packet, mix(name + 900000) >> 8, 8, VICTIM, false);
		refuse(model, packet, SW_VERDICT_OVER_LANE, SW_FACT_EXISTS, 0.5);
	}
	packet_pass(model, packet);
}

static void attack_pass(struct model *model, const struct flow *flow)
{
	static const enum sw_verdict junk[] = {
		SW_VERDICT_DROP_RESPONSE, SW_VERDICT_FORMERR, SW_VERDICT_FORMERR, SW_VERDICT_REFUSED};
	struct packet packet = {.source = endpoint_draw(model), .protocol = 6};
	packet.hops = (uint8_t)(packet.source->hops + flow->ttl_less);
	switch (flow->vector) {
	case SW_VECTOR_SYN:
		packet.verdict = is_under_attack(model) ? SW_VERDICT_TCP_COOKIE : SW_VERDICT_TCP_SYN;
		break;
	case SW_VECTOR_ACK:
		packet.verdict = SW_VERDICT_DROP_TCP_STATE;
		break;
	case SW_VECTOR_GRE:
		packet.verdict = SW_VERDICT_DROP_GRE;
		break;
	case SW_VECTOR_JUNK:
		packet.verdict = junk[draw_below(&model->random, 4)];
		break;
	case SW_VECTOR_SCAN:
		packet.verdict = SW_VERDICT_DROP_UNUSED;
		break;
	default:
		question_pass(model, &packet, flow->vector);
		return;
	}
	packet_pass(model, &packet);
}

static double flow_rate(const struct flow *flow, double at_s)
{
	double since_s = at_s - flow->from_s;
	if (flow->shape == BURSTS && since_s < 5)
		return (uint64_t)(since_s * 10) % 2 ? 0 : 2 * flow->rate;
	double share = since_s / (flow->until_s - flow->from_s);
	return flow->rate * (flow->shape == FALL ? 1 - share : flow->shape == RISE ? share : 1);
}

static void attack_turn(struct model *model)
{
	for (size_t i = 0; i < FLOWS && !model->settings.disturbance; i++) {
		const struct flow *flow = &flows[i];
		double scanners = flow->vector == SW_VECTOR_SCAN ? 0.71 : 1; /* of the endpoints that scan */
		if (!(flow->pops & (int)model->settings.pop) || model->now_s < flow->from_s ||
			model->now_s >= flow->until_s)
			continue;
		uint32_t n = draw_poisson(&model->random,
			flow_rate(flow, model->now_s) * scanners * model->settings.unit_qps * STEP_S);
		model->sent[flow->vector][(unsigned)model->now_s] += n;
		for (; n > 0; n--)
			attack_pass(model, flow);
	}
}

/* ---- time ---- */

static void sampling_order(struct model *model, double seconds)
{
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++) {
		double pps = (double)(model->tick.counts[verdict] - model->counted[verdict]) / seconds;
		double every = pps * 4 / SAMPLES_PPS;
		model->counted[verdict] = model->tick.counts[verdict];
		model->every[verdict] = verdict == SW_VERDICT_TCP_PASS ? 0
					: every < 1		       ? 1
								       : (uint32_t)(every + 1);
	}
}

struct model *model_new(const struct model_settings *settings)
{
	struct model *model = calloc(1, sizeof(*model));
	model->settings = *settings;
	model->random = settings->seed * 0xd1342543de82ef95ull;
	population_make(&model->here, &model->random);
	population_make(&model->elsewhere, &model->random);
	for (uint32_t i = 0; i < TRIES; i++)
		model->attempt[i].next = i + 1 < TRIES ? i + 2 : 0;
	model->free_list = 1;
	sampling_order(model, 1);
	return model;
}

void model_free(struct model *model)
{
	free(model);
}

uint64_t model_sent(const struct model *model, enum sw_vector vector, unsigned second)
{
	return model->sent[vector][second];
}

void model_play(
	struct model *model, struct sw_sense *sense, void (*second)(void *arg, unsigned second), void *arg)
{
	double last_s = model->settings.last_s > 0 ? model->settings.last_s : MODEL_USUAL_SECONDS;
	uint32_t first_step = (uint32_t)(model->settings.first_s * 1000 / MODEL_STEP_MS);
	model->sense = sense;
	model->tick.time_ms = MODEL_START_MS + (uint64_t)(model->settings.first_s * 1000);
	sw_sense_tick(sense, &model->tick);
	uint64_t ticked_ms = model->tick.time_ms;
	for (model->step = first_step; model->step * STEP_S < last_s; model->step++) {
		model->now_s = model->step * STEP_S;
		honest_turn(model);
		retries_turn(model);
		noise_turn(model);
		attack_turn(model);
		model->tick.time_ms += MODEL_STEP_MS;
		if (model->step % 10 == 9)
			sampling_order(model, 0.1);
		if (model->tick.time_ms - ticked_ms >= model->settings.window_ms) {
			ticked_ms = model->tick.time_ms;
			sw_sense_tick(sense, &model->tick);
		}
		if (second && model->step % 100 == 99)
			second(arg, model->step / 100);
	}
}
