/* SPDX-License-Identifier: GPL-3.0-or-later */
/** DNS messages read strictly, by code that has nothing in common with the server's. */
#ifndef SW_TESTS_FUZZ_REPLY_H
#define SW_TESTS_FUZZ_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_NAME_MAX 255
#define REPLY_RECORDS_MAX 6000 /* 65,535 bytes hold no more of them */

enum { QUESTION, ANSWER, AUTHORITY, ADDITIONAL, SECTIONS };

struct record {
	uint8_t section;
	uint8_t owner[REPLY_NAME_MAX]; /* uncompressed, case kept */
	uint8_t owner_len;
	uint16_t type;
	uint16_t class;
	uint32_t ttl;
	uint32_t rdata_len;
	const uint8_t *rdata; /* names in it uncompressed */
};

struct reply {
	uint16_t id, flags;
	uint16_t count[SECTIONS];
	uint16_t rcode; /* with the high bits of the OPT record */
	uint8_t name[REPLY_NAME_MAX];
	uint8_t name_len;
	uint16_t type, class;
	size_t question_end;
	unsigned records; /* OPT and TSIG are not among them */
	struct record record[REPLY_RECORDS_MAX];
	struct record opt, tsig; /* type 0: there is none */
};

/** Read a message: counts equal to what is there, names well-formed, every compression pointer to the start
 * of a label that a name before it has, and compressed only where RFC 3597 s4 allows it, record data of the
 * shape of its type, at most one OPT, TSIG last, nothing behind the last record.
 * @return whether all that is so; else reply_error() says what is not. Record data is valid until the next
 *         call. */
bool reply_read(struct reply *reply, const uint8_t *message, size_t len);
const char *reply_error(void);

/** Whether two names in wire format are the same (RFC 4343). */
bool reply_name_equal(const uint8_t *a, const uint8_t *b);

/** The same for record data, of types with names in it without regard to case. */
bool reply_rdata_equal(uint16_t type, const uint8_t *a, const uint8_t *b, size_t len);

#endif
