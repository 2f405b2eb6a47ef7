/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the programs that say how fast zones are taken in, kept and given out. */
#ifndef TESTS_ZONE_RATE_HELP_H
#define TESTS_ZONE_RATE_HELP_H

#include "wire/name.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double clock_s(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline double now_s(void)
{
	return clock_s(CLOCK_MONOTONIC);
}

/** Other processes apart. */
static inline double cpu_s(void)
{
	return clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

/** @return what is no error; does not return for one */
static inline int must(int error, const char *what)
{
	if (error < 0) {
		fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(-error));
		exit(1);
	}
	return error;
}

/** The data of a SOA of "example.". @return its length */
static inline size_t soa_rdata(uint32_t serial, uint8_t rdata[64])
{
	size_t len = (size_t)sw_name_parse("ns.example.", rdata);
	len += (size_t)sw_name_parse("host.example.", rdata + len);
	const uint32_t numbers[5] = {htonl(serial), htonl(3600), htonl(600), htonl(86400), htonl(300)};
	memcpy(rdata + len, numbers, sizeof(numbers));
	return len + sizeof(numbers);
}

#endif
