/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Everything that a packet meets: the program as the daemon loads it, zones, services, orders; and the
 * programs that it is held against. */
#ifndef BENCH_COST_PLACE_H
#define BENCH_COST_PLACE_H

#include "rewind.h"
#include "rows.h"

/** The programs measured. */
enum program {
	SEAWALL,   /* as the daemon loads it */
	QUIET,	   /* the same, no samples ordered */
	SENSELESS, /* the same source without sensing */
	BARE,	   /* return XDP_DROP */
	LOOK,	   /* looks at the addresses, drops */
	NOTHING,   /* a fresh packet and a return: what measuring itself costs */
	PROGRAMS
};

struct place;

/** @param zones  directory of the tables' zones
 * @param worst  directory of worst.test.12.zone and chain.test.12.zone, or NULL
 * @return 0, or -errno with a word on standard error */
int place_make(struct place **place, const char *zones, const char *worst);
void place_free(struct place *place);

int place_program_fd(const struct place *place, enum program program);

/** Have the next packets be those of a row. @return 0 or -errno */
int place_frames(struct place *place, const struct cost_row *row);

/** Orders of the row, with one sample of so many packets (0: none), fresh as if the guard had just been here.
 */
void place_order(struct place *place, const struct cost_row *row, uint32_t sample_every);

/** Take the samples away, as the guard does. @return how many there were */
int place_samples(struct place *place);

int place_counters(struct place *place, uint64_t counters[SW_VERDICT_COUNT]);

/** Have the program measured when place_run() is called. @return 0 or -errno */
int place_choose(struct place *place, enum program program);

/** Run it on so many packets. @return CPU time in ns for each, or -errno */
double place_run(struct place *place, uint32_t repeat);

/** Put so many packets on a wire, as fast as they are made. @return 0 or -errno */
int place_send(struct place *place, unsigned interface, uint32_t repeat);

#endif
