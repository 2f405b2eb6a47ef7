// SPDX-License-Identifier: GPL-3.0-or-later
/** What happened, second by second; written out as the recording that lab/score.py reads. */
#ifndef LAB_TRAFFIC_RECORD_H
#define LAB_TRAFFIC_RECORD_H

#include "population.h"

#define LAB_SECONDS_MAX 1024
#define LAB_PHASES_MAX 16
#define LAB_BUCKETS \
	112 /* of latency: bucket b holds 2^(b/4) to 2^((b+1)/4) microseconds; the last: 188 s and more */

/** What is counted of honest resolutions, each in the second in which its first try went out. */
#define LAB_METRICS(X)                                                           \
	X(RESOLUTIONS, "resolutions")                                            \
	X(FIRST_OK, "first_ok") /* right, without a second try, within 800 ms */ \
	X(RESOLVED, "resolved") /* right within 5 s */                           \
	X(TRIES, "tries")                                                        \
	X(WRONG, "wrong")                                                        \
	X(TRUNCATED, "truncated") /* though the answer would have fitted */      \
	X(REFUSED_REPLIES, "refused")                                            \
	X(UNANSWERED, "unanswered") /* given up */

enum lab_metric {
#define X(name, text) LAB_METRIC_##name,
	LAB_METRICS(X)
#undef X
		LAB_METRIC_COUNT
};

/** Other ways to divide the same resolutions. */
#define LAB_GROUPS(X)       \
	X(TOP100, "top100") \
	X(NEW, "new") X(FRESH, "fresh") X(UDP4, "udp4") X(UDP6, "udp6") X(TCP, "tcp") X(COOKIE, "cookie")

enum lab_group {
#define X(name, text) LAB_GROUP_##name,
	LAB_GROUPS(X)
#undef X
		LAB_GROUP_COUNT
};

typedef uint32_t lab_series[LAB_SECONDS_MAX];

struct lab_record {
	lab_series honest[LAB_POPS][LAB_RETRY_COUNT][LAB_METRIC_COUNT];
	lab_series group[LAB_GROUP_COUNT][LAB_METRIC_COUNT];
	lab_series sent[LAB_VECTOR_COUNT][LAB_POPS]; /* attack packets */
	lab_series relayed_tries;		     /* of those, tries after the first */
	lab_series to_attackers_packets, to_attackers_bytes;
	lab_series missed;  /* attack packets that were due and could not be made in time */
	lab_series late_ms; /* longest that the model came after its time */
	uint64_t latency[LAB_POPS][LAB_PHASES_MAX][LAB_BUCKETS];
	uint64_t ring_full, slots_full, tcp_full; /* tries that this machine had no room for */
	uint64_t replies_lost, no_route, not_ours, tcp_failed;
};

struct lab_scenario;
struct lab_run {
	uint64_t seed;
	double unit_qps;
	double started_s; /* since 1970: when second 0 began */
	uint32_t endpoints_used, endpoints_moved;
	const struct lab_scenario *scenario;
};

static inline void lab_count(lab_series series, uint32_t second)
{
	if (second < LAB_SECONDS_MAX)
		series[second]++;
}

/** Bucket of a latency. */
uint32_t lab_latency_bucket(uint64_t latency_us);

/** @return 0 or -errno */
int lab_record_write(const struct lab_record *record, const struct lab_run *run, const char *path);

#endif
