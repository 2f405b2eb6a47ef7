// SPDX-License-Identifier: GPL-3.0-or-later
/** Honest resolvers: who asks what, when they ask again, and what they think of the replies.
 *
 * The model knows no network and no clock. It is told the time and the replies, and hands its questions to
 * whoever carries them: the drill, or a simulation that loses some. So its retries can be held against
 * published figures.
 */
#ifndef LAB_TRAFFIC_MODEL_H
#define LAB_TRAFFIC_MODEL_H

#include "query.h"
#include "record.h"
#include "wheel.h"

#define LAB_FIRST_LIMIT_MS 800
#define LAB_RESOLVED_LIMIT_MS 5000
#define LAB_RANDOM_LABEL 12

/** One resolution under way. */
struct lab_resolution {
	uint64_t seed; /* of what is drawn for it: case, service address, random label */
	uint64_t begin_ms;
	uint32_t resolver;
	uint32_t name;		   /* of the names file; of a relayed one nothing */
	uint32_t generation;	   /* of the last try; ID and port hold its last bits */
	uint32_t first_generation; /* of the first try of this step */
	uint16_t second;	   /* of the first try */
	uint8_t phase;
	uint8_t round_tries; /* since users have asked, or asked again */
	uint8_t step_labels; /* QNAME minimisation: labels that are asked now, 0 for the whole name */
	bool is_busy, is_relayed, is_fresh, is_new, over_tcp, waits_for_users;
	bool needed_retry; /* a first try was not what brought the answer */
	struct lab_alarm alarm;
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct lab_resolution) == 64, "one cache line");

struct lab_model;

/** Who carries questions. */
struct lab_carrier {
	/** @return false when there is no room; the try is lost then */
	bool (*send)(void *context, uint32_t slot, const struct lab_question *question, bool is_first,
		bool is_relayed);
	/** Ask over TCP; replies come by lab_model_reply_tcp(). @return false when there is no room */
	bool (*connect)(void *context, uint32_t slot, const struct lab_question *question, bool is_relayed);
	void (*disconnect)(void *context, uint32_t slot);
	void *context;
};

struct lab_model {
	struct lab_population *population;
	const struct lab_names *names, *fresh;
	uint8_t victim[LAB_NAME_MAX]; /* zone under attack, wire format */
	uint32_t victim_bytes;
	struct lab_carrier carrier;
	struct lab_record *record;
	struct lab_random honest_random, relayed_random, retry_random;
	double honest_left, crowd_left, relayed_left; /* until the next arrival, in mean distances */
	struct lab_resolution *resolution;	      /* LAB_TRIES */
	struct lab_wheel *wheel;
	uint32_t *free_slots, free_count;
	uint64_t start_ms;
	uint8_t name_scratch[LAB_NAME_MAX];
};

/** What is asked at the moment, per second. */
struct lab_demand {
	double honest_qps;  /* all catchments together */
	double crowd_qps;   /* beyond that, for one name, much of it by resolvers never seen before */
	double fresh_share; /* of honest questions: for the names of the reload */
	double relayed_qps[LAB_POPS];
	bool may_relay; /* false: this machine is late; what should be relayed is counted as missed */
	uint8_t phase;
};

/** @return 0 or -ENOMEM */
int lab_model_make(struct lab_model *model, uint64_t seed, uint64_t start_ms);
void lab_model_free(struct lab_model *model);

/** Everything that happens in one millisecond: arrivals, then alarms. Milliseconds must not be left out. */
void lab_model_turn(struct lab_model *model, const struct lab_demand *demand);

/** A reply over UDP.
 *
 * @param first_sent_ns  by slot: when the first try of its step went out */
void lab_model_reply(struct lab_model *model, const struct lab_reply *reply, const uint64_t *first_sent_ns);

/** A reply over TCP, or NULL: no connection, or it ended without one. */
void lab_model_reply_tcp(struct lab_model *model, uint32_t slot, const uint8_t *message, uint32_t bytes);

/** Resolutions under way. */
static inline uint32_t lab_model_busy(const struct lab_model *model)
{
	return LAB_TRIES - model->free_count;
}

/** Count those that are still open as not answered. */
void lab_model_close(struct lab_model *model);

#endif
