/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rows of a table test: a frame goes in through BPF_PROG_RUN; action, frame and counters must come out as
 * the row says. Every run, whatever the row, must leave through exactly one verdict, and one that fits the
 * action: no packet is dropped without a named reason. */
#ifndef SW_TESTS_BPF_ROW_H
#define SW_TESTS_BPF_ROW_H

#include "answer/answer.h"
#include "answer/verdict.h"
#include "packet.h"

/** The program under test, and what it is held against. */
struct target {
	int program_fd;
	void *context;
	/** What user space would reply, see sw_answer(). */
	size_t (*reply)(void *context, const struct sw_asker *asker, const uint8_t *query, size_t query_len,
		uint8_t *reply, unsigned *verdict);
	/** Packets per verdict so far. @return 0 or -errno */
	int (*counters)(void *context, uint64_t counters[SW_VERDICT_COUNT]);
};

enum outcome {
	PASSES,	 /* XDP_PASS, untouched */
	DROPS,	 /* XDP_DROP */
	REPLIES, /* XDP_TX: what target->reply says to the query, in the frame turned round, same verdict */
	COOKIES, /* XDP_TX: the SYN-ACK with a cookie that the program itself takes back in an ACK, and no
		    other */
	NEVER_REPLIES, /* PASSES or DROPS */
};

struct row {
	const char *name;
	const struct layer *layers;
	enum outcome outcome;
	uint64_t verdicts; /* those allowed, as a sum of ONE_OF(); 0 for any that fits the action */
};

#define ONE_OF(verdict) (1ull << SW_VERDICT_##verdict)
_Static_assert(SW_VERDICT_COUNT <= 64, "verdicts of a row are a mask");

#define WHY_MAX 16384 /* room for two frames in hexadecimal */

/** @param why  WHY_MAX bytes: on failure what differs, with both frames
 * @return 0, or -1 where the program does otherwise than the row says */
int row_check(const struct target *target, const struct row *row, char *why);

/** The row's frame cut off behind each of its bytes in turn (from the end of the Ethernet header on, the
 * least BPF_PROG_RUN takes): never answered. The outcome and verdicts of the row are not looked at. */
int row_check_cut(const struct target *target, const struct row *row, char *why);

/** The row's message shortened to each length in turn, in a frame that is right about it: must come out as in
 * user space, reply or none, with the same verdict. The outcome and verdicts of the row are not looked at. */
int row_check_short(const struct target *target, const struct row *row, char *why);

struct table {
	const char *name;
	const struct row *rows;
	size_t count;
	int (*check)(const struct target *target, const struct row *row, char *why);
};

/** Run tables as one cmocka group, a test for each row, named "table: row".
 * @return tests failed */
int tables_run(const char *group, const struct target *target, const struct table *tables, size_t count);

#endif
