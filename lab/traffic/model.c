// SPDX-License-Identifier: GPL-3.0-or-later
#include "model.h"
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_BITS __builtin_ctz(LAB_TRIES) /* ID and port hold the slot */
#define GENERATION_MASK 0x3ffu		   /* 10 bits beside it */
#define CODE_MASK 0x7fffffffu		   /* 16 bits of ID, 15 of a port from 32768 on */
#define CODE_MULTIPLIER 0x2c1b3c6du
#define TCP_WAIT_MS 3000
#define AFTER_REFUSAL_MS 50 /* until the next address is asked */
#define NEWCOMER_SHARE 0.7  /* of a flash crowd's questions */
#define RELAYED_TRIES_MAX 10

/** How each kind of resolver waits. Bounded rounds, then the users ask again or do not. */
static const struct {
	uint32_t wait_ms;
	uint8_t tries_before_doubling;	 /* 0: never doubles */
	uint8_t tries_max, tries_spread; /* 0: for ever */
	uint32_t users_wait_ms;
	double users_ask_again;
} habits[LAB_RETRY_COUNT] = {
	[LAB_PATIENT] = {800, 2, 6, 1, 2000, 0.5},
	[LAB_DOUBLING] = {400, 2, 8, 1, 2000, 0.5},
	[LAB_QUICK] = {500, 0, 2, 3, 5000,
		0.8}, /* RFC 9520 s3.2: a failure is cached for at least a second */
	[LAB_RELENTLESS] = {1000, 0, 0, 1, 0, 0},
};

/* ---- slot and generation in ID and port, so that they look random and lead back ---- */

static uint32_t code_of(uint32_t slot, uint32_t generation)
{
	uint32_t code = ((generation & GENERATION_MASK) << SLOT_BITS | slot) * CODE_MULTIPLIER & CODE_MASK;

	return (code ^ code >> 16) * CODE_MULTIPLIER & CODE_MASK;
}

static uint32_t code_undo(uint32_t code)
{
	/* inverse of an odd number modulo 2^31: each step of Newton's doubles the right bits, beginning with
	 * three */
	uint32_t inverse = CODE_MULTIPLIER;

	for (int i = 0; i < 4; i++)
		inverse *= 2 - CODE_MULTIPLIER * inverse;
	code = code * inverse & CODE_MASK;
	return (code ^ code >> 16) * inverse & CODE_MASK;
}

/* ---- counting ---- */

static void count(struct lab_model *model, const struct lab_resolution *r, enum lab_metric metric)
{
	const struct lab_resolver *resolver = &model->population->resolver[r->resolver];
	struct lab_record *record = model->record;

	if (r->is_relayed)
		return;
	lab_count(record->honest[resolver->pop][resolver->retry][metric], r->second);
	if (resolver->is_top100)
		lab_count(record->group[LAB_GROUP_TOP100][metric], r->second);
	if (r->is_new)
		lab_count(record->group[LAB_GROUP_NEW][metric], r->second);
	if (r->is_fresh)
		lab_count(record->group[LAB_GROUP_FRESH][metric], r->second);
	if (resolver->sends_cookie)
		lab_count(record->group[LAB_GROUP_COOKIE][metric], r->second);
	lab_count(record->group[resolver->uses_tcp  ? LAB_GROUP_TCP
				: resolver->is_ipv6 ? LAB_GROUP_UDP6
						    : LAB_GROUP_UDP4][metric],
		r->second);
}

/* ---- what is asked ---- */

static const struct lab_name *name_of(const struct lab_model *model, const struct lab_resolution *r)
{
	const struct lab_names *names = r->is_fresh ? model->fresh : model->names;

	return r->is_relayed ? NULL : &names->name[r->name];
}

/* What a reply has to agree with: nothing in particular before the last step. */
static const struct lab_name *expected_of(const struct lab_model *model, const struct lab_resolution *r)
{
	return r->step_labels ? NULL : name_of(model, r);
}

static void relayed_name(
	struct lab_model *model, const struct lab_resolution *r, struct lab_question *question)
{
	struct lab_random random = {.state = r->seed};
	uint8_t *to = model->name_scratch;

	*to++ = LAB_RANDOM_LABEL;
	for (int i = 0; i < LAB_RANDOM_LABEL; i++)
		*to++ = (uint8_t)('a' + lab_draw_below(&random, 26));
	memcpy(to, model->victim, model->victim_bytes);
	question->name = model->name_scratch;
	question->name_bytes = (uint8_t)(1 + LAB_RANDOM_LABEL + model->victim_bytes);
	question->type = 1;
}

static void step_name(
	const struct lab_name *name, const struct lab_resolution *r, struct lab_question *question)
{
	uint32_t at = 0;

	for (uint32_t i = r->step_labels; i && i < name->labels; i++)
		at += name->wire[at] + 1u;
	question->name = name->wire + at;
	question->name_bytes = (uint8_t)(name->wire_bytes - at);
	/* RFC 9156 s2.1: steps before the last ask for A */
	question->type = r->step_labels ? 1 : name->type;
}

static void question_make(
	struct lab_model *model, uint32_t slot, uint32_t generation, struct lab_question *question)
{
	const struct lab_resolution *r = &model->resolution[slot];
	uint32_t code = code_of(slot, generation);

	*question = (struct lab_question){.resolver = &model->population->resolver[r->resolver],
		.case_seed = r->seed + generation,
		.service = (r->seed + generation) & 1,
		.id = (uint16_t)code,
		.port = (uint16_t)(0x8000 | code >> 16)};
	if (r->is_relayed)
		relayed_name(model, r, question);
	else
		step_name(name_of(model, r), r, question);
}

/* ---- tries ---- */

static uint32_t wait_of(const struct lab_model *model, const struct lab_resolution *r)
{
	uint8_t retry = model->population->resolver[r->resolver].retry,
		rounds = habits[retry].tries_before_doubling;

	if (r->over_tcp)
		return TCP_WAIT_MS;
	return habits[retry].wait_ms << (rounds ? (r->round_tries - 1) / rounds : 0);
}

static uint32_t second_of(const struct lab_model *model)
{
	return (uint32_t)((model->wheel->now_ms - model->start_ms) / 1000);
}

static void try_send(struct lab_model *model, uint32_t slot)
{
	struct lab_resolution *r = &model->resolution[slot];
	const struct lab_resolver *resolver = &model->population->resolver[r->resolver];
	struct lab_question question;

	r->generation++;
	r->round_tries += r->round_tries < UINT8_MAX;
	count(model, r, LAB_METRIC_TRIES);
	if (r->is_relayed && !r->over_tcp)
		lab_count(r->round_tries == 1 ? model->record->sent[LAB_RELAYED][resolver->pop]
					      : model->record->relayed_tries,
			second_of(model));
	question_make(model, slot, r->generation, &question);
	lab_wheel_set(model->wheel, slot, wait_of(model, r));
	if (resolver->uses_tcp || r->over_tcp)
		model->record->tcp_full +=
			!model->carrier.connect(model->carrier.context, slot, &question, r->is_relayed);
	else
		model->record->ring_full += !model->carrier.send(model->carrier.context, slot, &question,
			r->generation == r->first_generation, r->is_relayed);
}

static void step_begin(struct lab_model *model, uint32_t slot)
{
	struct lab_resolution *r = &model->resolution[slot];

	r->first_generation = r->generation + 1;
	r->round_tries = 0;
	r->over_tcp = false;
	try_send(model, slot);
}

static void resolution_end(struct lab_model *model, uint32_t slot)
{
	struct lab_resolution *r = &model->resolution[slot];

	if (r->over_tcp || model->population->resolver[r->resolver].uses_tcp)
		model->carrier.disconnect(model->carrier.context, slot);
	lab_wheel_clear(model->wheel, slot);
	r->is_busy = false;
	model->free_slots[model->free_count++] = slot;
}

static struct lab_resolution *resolution_take(struct lab_model *model, uint32_t *slot)
{
	struct lab_resolution *r;
	uint32_t generation;

	if (model->free_count == 0) {
		model->record->slots_full++;
		return NULL;
	}
	*slot = model->free_slots[--model->free_count];
	r = &model->resolution[*slot];
	generation = r->generation; /* goes on, so that late replies to whoever was here are known as such */
	*r = (struct lab_resolution){
		.generation = generation, .is_busy = true, .begin_ms = model->wheel->now_ms};
	r->second = (uint16_t)second_of(model);
	return r;
}

/* ---- arrivals ---- */

static uint32_t name_draw(const struct lab_names *names, double nxdomain_share, struct lab_random *random)
{
	if (names->nxdomain < names->count && lab_draw_unit(random) < nxdomain_share)
		return names->nxdomain + lab_draw_below(random, names->count - names->nxdomain);
	return lab_alias_draw(&names->popularity, random);
}

static void honest_begin(
	struct lab_model *model, uint8_t phase, uint32_t resolver, uint32_t name, bool is_fresh)
{
	uint64_t seed = lab_draw(&model->honest_random);
	uint32_t slot;
	struct lab_resolution *r = resolution_take(model, &slot);
	const struct lab_name *asked;

	if (!r)
		return;
	r->seed = seed;
	r->phase = phase;
	r->resolver = resolver;
	r->name = name;
	r->is_fresh = is_fresh;
	r->is_new = resolver >= LAB_RESOLVERS;
	asked = name_of(model, r);
	if (model->population->resolver[resolver].minimises && asked->labels > asked->zone_labels + 1)
		r->step_labels = (uint8_t)(asked->zone_labels + 1);
	count(model, r, LAB_METRIC_RESOLUTIONS);
	step_begin(model, slot);
}

static void honest_arrive(struct lab_model *model, const struct lab_demand *demand)
{
	struct lab_random *random = &model->honest_random;
	uint32_t resolver = lab_alias_draw(&model->population->known, random);
	bool is_fresh = model->fresh && lab_draw_unit(random) < demand->fresh_share;
	double nxdomain_share = model->population->resolver[resolver].nxdomain_share;

	honest_begin(model, demand->phase, resolver,
		name_draw(is_fresh ? model->fresh : model->names, nxdomain_share, random), is_fresh);
}

/* Everybody wants the most popular name. */
static void crowd_arrive(struct lab_model *model, const struct lab_demand *demand)
{
	struct lab_random *random = &model->honest_random;
	bool is_new = lab_draw_unit(random) < NEWCOMER_SHARE;
	uint32_t resolver = is_new ? LAB_RESOLVERS + lab_alias_draw(&model->population->newcomers, random)
				   : lab_alias_draw(&model->population->known, random);

	honest_begin(model, demand->phase, resolver, 0, false);
}

static void relayed_arrive(struct lab_model *model, const struct lab_demand *demand)
{
	uint32_t slot, resolver;
	struct lab_resolution *r = resolution_take(model, &slot);

	if (!r)
		return;
	/* not through the few who always use TCP: thousands of connections a second are more than this
	 * machine can make */
	do
		resolver = lab_alias_draw(&model->population->known, &model->relayed_random);
	while (demand->relayed_qps[model->population->resolver[resolver].pop] <= 0 ||
		model->population->resolver[resolver].uses_tcp);
	r->resolver = resolver;
	r->seed = lab_draw(&model->relayed_random);
	r->is_relayed = true;
	step_begin(model, slot);
}

/* ---- alarms ---- */

/* Nothing came. Ask again, or give up; users who still want it make the resolver begin anew. */
static void alarm_ring(struct lab_model *model, uint32_t slot)
{
	struct lab_resolution *r = &model->resolution[slot];
	uint8_t retry = model->population->resolver[r->resolver].retry;
	uint32_t most =
		habits[retry].tries_max ? habits[retry].tries_max + r->seed % habits[retry].tries_spread : 0;

	if (r->over_tcp || model->population->resolver[r->resolver].uses_tcp)
		model->carrier.disconnect(model->carrier.context, slot);
	r->over_tcp = false;
	if (r->waits_for_users) {
		r->waits_for_users = false;
		r->round_tries = 0;
	} else if (r->is_relayed && r->round_tries >= (most ? most : RELAYED_TRIES_MAX)) {
		resolution_end(model, slot);
		return;
	} else if (most && r->round_tries >= most) {
		if (lab_draw_unit(&model->retry_random) >= habits[retry].users_ask_again) {
			count(model, r, LAB_METRIC_UNANSWERED);
			resolution_end(model, slot);
			return;
		}
		r->waits_for_users = true;
		lab_wheel_set(model->wheel, slot, habits[retry].users_wait_ms);
		return;
	}
	try_send(model, slot);
}

static void arrivals_turn(struct lab_model *model, const struct lab_demand *demand)
{
	double relayed_qps = 0;

	for (uint32_t pop = 0; pop < LAB_POPS; pop++)
		relayed_qps += demand->relayed_qps[pop];
	for (model->honest_left -= demand->honest_qps / 1000; model->honest_left < 0;
		model->honest_left += lab_draw_exponential(&model->honest_random))
		honest_arrive(model, demand);
	for (model->crowd_left -= demand->crowd_qps / 1000; model->crowd_left < 0;
		model->crowd_left += lab_draw_exponential(&model->honest_random))
		crowd_arrive(model, demand);
	for (model->relayed_left -= relayed_qps / 1000; model->relayed_left < 0;
		model->relayed_left += lab_draw_exponential(&model->relayed_random))
		if (demand->may_relay)
			relayed_arrive(model, demand);
		else
			lab_count(model->record->missed, second_of(model));
}

void lab_model_turn(struct lab_model *model, const struct lab_demand *demand)
{
	uint32_t ringing;

	model->wheel->now_ms++;
	arrivals_turn(model, demand);
	while ((ringing = lab_wheel_take(model->wheel)))
		alarm_ring(model, ringing - 1);
}

/* ---- replies ---- */

static void answer_take(struct lab_model *model, uint32_t slot)
{
	struct lab_resolution *r = &model->resolution[slot];
	uint64_t took_ms = model->wheel->now_ms - r->begin_ms;

	if (!r->needed_retry && took_ms <= LAB_FIRST_LIMIT_MS)
		count(model, r, LAB_METRIC_FIRST_OK);
	if (took_ms <= LAB_RESOLVED_LIMIT_MS)
		count(model, r, LAB_METRIC_RESOLVED);
	resolution_end(model, slot);
}

/* One label more, or the whole name; a step's NXDOMAIN holds for everything below it (RFC 8020 s2). */
static void step_next(struct lab_model *model, uint32_t slot, uint8_t rcode)
{
	struct lab_resolution *r = &model->resolution[slot];
	const struct lab_name *name = name_of(model, r);

	if (rcode != 3) {
		if (++r->step_labels == name->labels)
			r->step_labels = 0;
		step_begin(model, slot);
	} else if (name->kind == LAB_NXDOMAIN) {
		answer_take(model, slot);
	} else {
		count(model, r, LAB_METRIC_WRONG);
		resolution_end(model, slot);
	}
}

static void verdict_take(struct lab_model *model, uint32_t slot, enum lab_verdict verdict, uint8_t rcode)
{
	struct lab_resolution *r = &model->resolution[slot];
	const struct lab_name *name = name_of(model, r);

	switch (verdict) {
	case LAB_RIGHT:
		if (r->step_labels)
			step_next(model, slot, rcode);
		else
			answer_take(model, slot);
		break;
	case LAB_WRONG:
		count(model, r, LAB_METRIC_WRONG);
		resolution_end(model, slot);
		break;
	case LAB_TRUNCATED:
		if (!name || name->kind != LAB_LARGE)
			count(model, r, LAB_METRIC_TRUNCATED);
		r->over_tcp = true;
		r->round_tries--; /* the same try, by other means */
		try_send(model, slot);
		break;
	case LAB_BADCOOKIE:
		r->round_tries--;
		try_send(model, slot);
		break;
	case LAB_REFUSED:
		count(model, r, LAB_METRIC_REFUSED_REPLIES);
		lab_wheel_set(model->wheel, slot, AFTER_REFUSAL_MS);
		break;
	case LAB_FOREIGN:
		break;
	}
}

static void latency_count(struct lab_model *model, const struct lab_resolution *r,
	const struct lab_reply *reply, uint64_t sent_ns)
{
	uint32_t bucket = lab_latency_bucket((reply->received_ns - sent_ns) / 1000);

	if (!r->is_relayed && reply->received_ns > sent_ns && r->phase < LAB_PHASES_MAX)
		model->record->latency[model->population->resolver[r->resolver].pop][r->phase][bucket]++;
}

void lab_model_reply(struct lab_model *model, const struct lab_reply *reply, const uint64_t *first_sent_ns)
{
	uint16_t id = (uint16_t)(reply->message[0] << 8 | reply->message[1]);
	uint32_t code = code_undo((uint32_t)(reply->port & 0x7fff) << 16 | id);
	uint32_t slot = code & (LAB_TRIES - 1), behind, generation;
	uint32_t copied = reply->message_bytes < LAB_REPLY_MAX ? reply->message_bytes : LAB_REPLY_MAX;
	struct lab_resolution *r = &model->resolution[slot];
	struct lab_question question;
	enum lab_verdict verdict;

	behind = (r->generation - (code >> SLOT_BITS)) & GENERATION_MASK;
	generation = r->generation - behind;
	if (copied < 12 || !r->is_busy || r->resolver != reply->resolver || r->over_tcp ||
		r->waits_for_users || behind > r->generation - r->first_generation)
		return; /* nobody waits for it any more */
	question_make(model, slot, generation, &question);
	verdict = lab_reply_judge(&question, expected_of(model, r), reply->message, copied);
	if (verdict == LAB_FOREIGN)
		return;
	if (question.resolver->sends_cookie)
		lab_cookie_learn(&model->population->resolver[r->resolver],
			(uint8_t)(question.service + (question.resolver->is_ipv6 ? 2 : 0)), reply->message,
			copied);
	/* a try that was made meanwhile does not count against an answer to the first */
	if (generation != r->first_generation)
		r->needed_retry = true;
	else if (verdict == LAB_RIGHT)
		latency_count(model, r, reply, first_sent_ns[slot]);
	else if (verdict == LAB_TRUNCATED || verdict == LAB_BADCOOKIE)
		r->first_generation =
			r->generation + 1; /* over TCP, or with its cookie, it is still the first */
	verdict_take(model, slot, verdict, reply->message[3] & 15);
}

void lab_model_reply_tcp(struct lab_model *model, uint32_t slot, const uint8_t *message, uint32_t bytes)
{
	struct lab_resolution *r = &model->resolution[slot];
	struct lab_question question;
	enum lab_verdict verdict;

	if (!r->is_busy)
		return;
	if (!message) {
		/* the address does not listen now; another is asked in a moment */
		model->record->tcp_failed++;
		lab_wheel_set(model->wheel, slot, AFTER_REFUSAL_MS);
		return;
	}
	if (r->generation != r->first_generation)
		r->needed_retry = true;
	question_make(model, slot, r->generation, &question);
	verdict = lab_reply_judge(&question, expected_of(model, r), message, bytes);
	/* TC over TCP would lead round in a circle */
	verdict_take(model, slot, verdict == LAB_TRUNCATED || verdict == LAB_FOREIGN ? LAB_WRONG : verdict,
		message[3] & 15);
}

/* ---- the whole ---- */

int lab_model_make(struct lab_model *model, uint64_t seed, uint64_t start_ms)
{
	model->honest_random.state = seed * 3 + 1;
	model->relayed_random.state = seed * 3 + 2;
	model->retry_random.state = seed * 3 + 3;
	model->honest_left = model->crowd_left = model->relayed_left = 1;
	model->resolution = aligned_alloc(sizeof(*model->resolution), LAB_TRIES * sizeof(*model->resolution));
	model->wheel = calloc(1, sizeof(*model->wheel));
	model->free_slots = calloc(LAB_TRIES, sizeof(*model->free_slots));
	if (!model->resolution || !model->wheel || !model->free_slots) {
		lab_model_free(model);
		return -ENOMEM;
	}
	/* all pages are there from the beginning: the first of many new resolutions are no slower than later
	 * ones */
	memset(model->resolution, 0, LAB_TRIES * sizeof(*model->resolution));
	model->wheel->alarms = (uint8_t *)model->resolution + offsetof(struct lab_resolution, alarm);
	model->wheel->stride = sizeof(*model->resolution);
	model->wheel->now_ms = model->start_ms = start_ms;
	for (uint32_t slot = LAB_TRIES; slot-- > 0;)
		model->free_slots[model->free_count++] = slot;
	return 0;
}

void lab_model_free(struct lab_model *model)
{
	free(model->resolution);
	free(model->wheel);
	free(model->free_slots);
	model->resolution = NULL;
	model->wheel = NULL;
	model->free_slots = NULL;
}

void lab_model_close(struct lab_model *model)
{
	for (uint32_t slot = 0; slot < LAB_TRIES; slot++)
		if (model->resolution[slot].is_busy) {
			count(model, &model->resolution[slot], LAB_METRIC_UNANSWERED);
			resolution_end(model, slot);
		}
}
