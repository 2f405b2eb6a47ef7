/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The generator's command line. */
#ifndef BENCH_GENERATOR_OPTIONS_H
#define BENCH_GENERATOR_OPTIONS_H

#include "traffic.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_PROCESSES_MAX 64

struct bench_options {
	const char *interface;
	uint32_t server; /* IPv4 address, host order */
	uint8_t server_mac[6];
	const char *query, *honest_query; /* patterns, see query.h */
	uint32_t count, honest_count, honest_one_in;
	enum bench_kind expected;
	bool with_edns, with_do, is_echo;

	bool is_closed, is_polling; /* is_polling: see poller.h */
	uint32_t window, batch;
	uint32_t hold;	  /* open loop: so many in flight at most; 0: as many as there are */
	double rate_pps;  /* open loop: 0 is as fast as possible */
	bool is_draining; /* open loop: one run, which ends when the last answers are in */
	unsigned runs, server_core;
	double seconds, warmup_seconds;
	uint32_t sample_one_in;
	pid_t processes[BENCH_PROCESSES_MAX];
	unsigned processes_count;

	const char *dump_path; /* write frames to a file instead of sending them */
	uint32_t dump_count;
};

/** @return 0, or -EINVAL after saying on standard error what is wrong */
int bench_options_parse(struct bench_options *options, int argc, char **argv);

#endif
