/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One window: counters and samples into a rate for each vector.
 *
 * The counter of each verdict is exact, and is divided as the weights of its samples are: what the ring loses
 * makes shares less certain, not rates smaller. A verdict of which no sample came is divided as it was last.
 */
#ifndef SW_SENSE_WINDOW_H
#define SW_SENSE_WINDOW_H

#include "sense/heavy.h"
#include "sense/resolvers.h"
#include "sense/sense.h"

/** A name is one of few when a sixteenth of the questions for names that exist, and eight samples, are for
 * it. */
#define SW_FEW_SHARE (1.0 / 16)
#define SW_FEW_SAMPLES 8
#define SW_FEW_MAX 16
/** A crowd is seen among known resolvers too: strangers may ask for the few names four times as often as
 * those. What goes beyond that is asked by nobody's users, and counts as EXISTING. */
#define SW_FEW_STRANGERS 4

/* What the samples of a verdict are divided into; they overlap. */
enum sw_part {
	SW_PART_EXISTS,		/* the name exists */
	SW_PART_EXISTS_KNOWN,	/* asked by known resolvers */
	SW_PART_EXISTS_UNKNOWN, /* by strangers */
	SW_PART_EXISTS_SPOOFED,
	SW_PART_EXISTS_RETRY, /* by known resolvers, again */
	SW_PART_MISSING,      /* the name does not exist */
	SW_PART_MISSING_KNOWN,
	SW_PART_RELAYED,   /* by known resolvers, and nobody had asked for it lately */
	SW_PART_RANDOM,	   /* by others, the same */
	SW_PART_TCP_KNOWN, /* TCP of known resolvers */
	SW_PART_COUNT
};

/* Parts of a name's counter. */
enum { SW_NAME_UNKNOWN, SW_NAME_KNOWN, SW_NAME_RETRY };
_Static_assert(SW_NAME_RETRY < SW_HEAVY_PARTS, "room for all");

/* Vectors that concern a zone: RELAYED, RANDOM, EXISTING, SPOOFED. */
#define SW_ZONED_FIRST SW_VECTOR_RELAYED
#define SW_ZONED_COUNT 4
_Static_assert(SW_VECTOR_SPOOFED == SW_ZONED_FIRST + SW_ZONED_COUNT - 1, "the four are neighbours");

/** What a sampled question is, as far as can be told as it arrives. */
struct sw_question {
	bool exists;	/* not: or a wildcard makes it so, and nobody asked for it lately */
	bool is_new;	/* nobody asked for the name lately */
	uint32_t again; /* the same source asked the same lately, in a sample for so many. 0: it did not */
	uint64_t name;	/* fingerprint */
	enum sw_standing standing;
};

struct sw_shares {
	double whole;
	double part[SW_PART_COUNT];
};

/** The zone that most of a vector is for. */
struct sw_zone_share {
	uint64_t zone;
	double share;
};

/** Names that so many want, together: their shares. */
struct sw_few {
	uint64_t name[SW_FEW_MAX]; /* fingerprints */
	uint32_t count;
	double of_all, of_unknown, of_known, of_retry; /* of EXISTS and its parts */
	uint64_t zone;				       /* that of the first among them */
};

struct sw_window {
	struct sw_shares sampled[SW_VERDICT_COUNT]; /* weights in this window */
	struct sw_heavy names;			    /* that exist; note: the zone */
	uint32_t name_samples;
	struct sw_heavy zones[SW_ZONED_COUNT];
	/* of the last window that had samples */
	struct sw_shares last[SW_VERDICT_COUNT];
	struct sw_zone_share top[SW_ZONED_COUNT];
	struct sw_few few;
};

/** What a window was like. */
struct sw_scene {
	uint64_t from_ms, to_ms;
	double rate[SW_VECTOR_COUNT];
	double load; /* questions */
	double exists, exists_known, exists_unknown, missing_known;
	double existing_elsewhere;	/* of the rate of EXISTING: not for the zone most concerned */
	uint64_t zone[SW_VECTOR_COUNT]; /* most concerned; 0: none */
};

/** The vector that a verdict by itself belongs to, or SW_VECTOR_COUNT. */
enum sw_vector sw_verdict_vector(unsigned verdict);

/** Whether a packet was a question for a name in a zone of ours, and `exists`: for one that exists. */
bool sw_sample_is_question(const struct sw_sample *sample, bool *exists);

/** TCP that opens a connection or belongs to none: whose it is decides whether it is part of an attack. */
void sw_window_tcp(struct sw_window *window, const struct sw_sample *sample, bool is_known);

void sw_window_question(
	struct sw_window *window, const struct sw_sample *sample, const struct sw_question *question);

/** Whether a name was one of few in the window before. */
bool sw_window_was_few(const struct sw_window *window, uint64_t name);

/** Read the scene off and begin a new window.
 * @param counts  by verdict, in this window */
void sw_window_close(struct sw_window *window, const uint64_t counts[SW_VERDICT_COUNT], uint64_t from_ms,
	uint64_t to_ms, struct sw_scene *scene);

/** Begin a new window, whatever was in this one. */
void sw_window_clear(struct sw_window *window);

#endif
