/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The packets whose cost is measured, and what the guard has ordered meanwhile. */
#ifndef BENCH_COST_ROWS_H
#define BENCH_COST_ROWS_H

#include "answer/verdict.h"
#include "packet.h"

/** What the row is about. */
enum group {
	PEACE,	/* held against the program without sensing */
	ATTACK, /* what a packet of an attack costs */
	NEVER,	/* what is never legitimate, held against a program that drops everything */
	WORST,	/* the most work that one packet can make */
};

/** What the guard has ordered. */
enum orders {
	AT_PEACE, /* nothing but samples */
	WATCHING, /* facts are looked at, with eight signatures; everybody is admitted */
	REFUSING, /* the same; strangers and names that do not exist are sent to TCP */
	DROPPING, /* and names that do not exist dropped */
	IN_FLOOD, /* each SYN is one too many */
};

struct cost_row {
	const char *key, *title;
	enum group group;
	enum orders orders;
	enum sw_verdict verdict; /* how each of its packets must leave */
	/** One of its packets, the number-th. */
	void (*build)(struct packet *packet, unsigned number);
};

extern const struct cost_row cost_rows[];
extern const size_t cost_row_count;

/* Sources of the rows: of the one network nothing is known, the other's are known resolvers, from as far away
 * as the packets come; and a third's are known, from further away. */
#define SOURCES 1024
#define STRANGER_NET 18
#define KNOWN_NET 19
#define SPOOFED_NET 20

/** @param text  at least 16 bytes */
void cost_source(char *text, unsigned network, unsigned number);

#endif
