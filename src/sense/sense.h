/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Recognising what happens: counters and samples in, events out.
 *
 * Pure: no clock, no file unless told, no packet. The node feeds it, and so does a recording
 * (sense/replay.h), with the same result. Every structure has a fixed size, whatever arrives; nothing is
 * allocated after sw_sense_new().
 *
 * Counters say how much, samples say of what kind: each verdict's counter is divided as its samples are. What
 * comes of it, a rate for each vector and window, is held against what is usual in peace (sense/detector.h).
 * While a vector is on nothing is learnt, unless it stays.
 */
#ifndef SW_SENSE_SENSE_H
#define SW_SENSE_SENSE_H

#include "answer/sample.h"
#include "answer/verdict.h"
#include "image/prefix.h"
#include <stdbool.h>
#include <stddef.h>

#define SW_SENSE_WINDOW_MS 250

/* name, label, whether somebody attacks, what it is */
#define SW_VECTORS(X)                                                                              \
	X(SYN, "syn", true, "TCP SYN to a service port")                                           \
	X(ACK, "ack", true, "TCP that belongs to no connection")                                   \
	X(GRE, "gre", true, "GRE to a service address")                                            \
	X(PROTOCOL, "protocol", true, "other protocols and ports that are not served")             \
	X(JUNK, "junk", true, "UDP to a service port that is no query, malformed, or for no zone") \
	X(SCAN, "scan", true, "packets to unused addresses of the service prefixes")               \
	X(RELAYED, "relayed", true, "random names below one zone, through known resolvers")        \
	X(RANDOM, "random", true, "random names below one zone, asked directly")                   \
	X(EXISTING, "existing", true, "names that exist, asked directly by many unknown sources")  \
	X(SPOOFED, "spoofed", true, "addresses of known resolvers, from another distance")         \
	X(RETRY_STORM, "retry-storm", false, "known resolvers asking again what was not answered") \
	X(FLASH_CROWD, "flash-crowd", false, "very many want the same few names")

enum sw_vector {
#define X(name, label, is_attack, text) SW_VECTOR_##name,
	SW_VECTORS(X)
#undef X
		SW_VECTOR_COUNT
};

/* name, label */
#define SW_EVENTS(X)                                                          \
	X(ONSET, "onset")		/* the first vector of an incident */ \
	X(VECTOR_ADDED, "vector_added") /* another one */                     \
	X(VECTOR_ENDED, "vector_ended")                                       \
	X(OVER, "over") /* no vector of the incident is left */               \
	X(WAVE, "wave") /* the attack exceeds ten times the usual load */     \
	X(WAVE_OVER, "wave_over")

enum sw_event_type {
#define X(name, label) SW_EVENT_##name,
	SW_EVENTS(X)
#undef X
		SW_EVENT_COUNT
};

struct sw_event {
	uint64_t time_ms; /* when it happened, not when it was noticed; the tick's clock */
	uint64_t noticed_ms;
	enum sw_event_type type;
	enum sw_vector vector; /* of ONSET, VECTOR_ADDED, VECTOR_ENDED */
	uint32_t incident;     /* number, from 1 */
	uint32_t wave; /* number within the node's life, from 1: the one that is on, or has just ended; 0:
			  none */
	/* Of the vector as it is noticed; of WAVE, all attack vectors together; of VECTOR_ENDED and WAVE_OVER
	 * the highest rate of a window. */
	double rate_pps, baseline_pps;
	uint64_t zone;	  /* keyed hash of the zone most concerned, 0: none in particular */
	uint64_t sources; /* distinct, estimated, so far; among the packets that were sampled */
};

/** What the node counts, since its start. */
struct sw_tick {
	uint64_t time_ms;
	uint64_t counts[SW_VERDICT_COUNT];
};

typedef void sw_event_fn(void *arg, const struct sw_event *event);

/** A resolver has become known (or is known at another distance now), or has been forgotten; for the kernel's
 * table. */
typedef void sw_known_fn(
	void *arg, const uint8_t address[16], uint8_t address_len, uint8_t hops, bool is_known);

struct sw_sense;

/** @param seed  secret: nobody who does not know it can crowd a table
 * @param event, known  may be NULL
 * @return 0 or -ENOMEM */
int sw_sense_new(struct sw_sense **sense, uint64_t seed, sw_event_fn *event, sw_known_fn *known, void *arg);
void sw_sense_free(struct sw_sense *sense);

/** One sampled packet, in order of time. */
void sw_sense_sample(struct sw_sense *sense, const struct sw_sample *sample);

/** The counters, every SW_SENSE_WINDOW_MS or a little more: closes the window, and may emit events. Counters
 * that have begun anew, or a pause of more than five seconds, begin a new window and decide nothing. A tick
 * from the past is passed over. */
void sw_sense_tick(struct sw_sense *sense, const struct sw_tick *tick);

/** State of one vector, for status. */
struct sw_vector_state {
	bool is_on;
	bool is_learning; /* too little of peace was seen yet: it cannot be noticed */
	double rate_pps, baseline_pps, threshold_pps;
	const char *because; /* where the threshold comes from */
	uint64_t learnt_ms;  /* of peace that the baseline rests on */
	uint64_t sources; /* distinct in the present minute, estimated, among the packets that were sampled */
	uint64_t since_ms; /* when it began; 0 when it is off */
};
void sw_sense_vector(const struct sw_sense *sense, enum sw_vector vector, struct sw_vector_state *state);

/** State of the whole, for status. */
struct sw_sense_state {
	bool is_peace; /* nothing is on, nor was a moment ago: samples are learnt from */
	bool is_wave;
	uint32_t incident;	    /* the one that is on, 0: none */
	uint32_t waves;		    /* so far */
	uint32_t known;		    /* resolvers */
	double load_qps, usual_qps; /* questions: now, and what 95 % of the windows in peace do not exceed */
	double unknown_share; /* of the questions for names that exist: asked by sources that are not known */
};
void sw_sense_state(const struct sw_sense *sense, struct sw_sense_state *state);

/** A network that much comes from. */
struct sw_network {
	struct sw_prefix prefix;
	/* at least; of its strangers, or of its known resolvers, those who have proven themselves left out */
	double packets;	 /* in the present minute */
	double rate_pps; /* over it */
};

#define SW_SENSE_NETWORKS_MAX (2 * 2 * SW_PREFIX_LENGTHS * 64)

/** The networks that most comes from, of strangers and of known resolvers, of each size, in no order.
 * @return how many were written, up to `max`; there are no more than SW_SENSE_NETWORKS_MAX */
unsigned sw_sense_networks(const struct sw_sense *sense, struct sw_network *networks, unsigned max);

/** Whether a source is a resolver known from peace; hops: as far away as it was then (may be NULL). */
bool sw_sense_knows(const struct sw_sense *sense, const uint8_t *address, uint8_t address_len, uint8_t *hops);

uint32_t sw_sense_known_count(const struct sw_sense *sense);

/** Keep baselines and known resolvers over a restart. Written beside and renamed: the file is the old one or
 * the new one. A damaged or foreign file changes nothing. Time during which the node did not run counts as if
 * it had not passed.
 * @return 0 or -errno; -EBADMSG: not a file of this, or damaged */
int sw_sense_save(const struct sw_sense *sense, const char *path);
int sw_sense_load(struct sw_sense *sense, const char *path);

const char *sw_vector_label(enum sw_vector vector);
const char *sw_vector_text(enum sw_vector vector);
bool sw_vector_is_attack(enum sw_vector vector);
const char *sw_event_label(enum sw_event_type type);

#endif
