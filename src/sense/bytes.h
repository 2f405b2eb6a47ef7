/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Numbers in files: little-endian, of fixed width, with a checksum over what was written or read so far.
 *
 * The checksum is SipHash with a key that everybody knows: it finds damage, it does not stop a forger.
 */
#ifndef SW_SENSE_BYTES_H
#define SW_SENSE_BYTES_H

#include "wire/siphash.h"
#include <stdbool.h>
#include <stdio.h>

struct sw_sum {
	struct sw_siphash state;
	uint64_t tail; /* bytes that do not fill a word yet */
	uint64_t bytes;
};

void sw_sum_start(struct sw_sum *sum);
void sw_sum_add(struct sw_sum *sum, const uint8_t *bytes, size_t size);
uint64_t sw_sum_end(const struct sw_sum *sum);

/** A file that is written or read from its beginning to its end. Errors stick: one look at the end will do.
 */
struct sw_bytes {
	FILE *file;
	struct sw_sum sum;
	uint64_t offset;
	bool has_failed; /* to be written: errno of then is `error`; to be read: it ends too soon */
	int error;
};

void sw_bytes_put(struct sw_bytes *bytes, const void *from, size_t size);
void sw_bytes_put_number(struct sw_bytes *bytes, uint64_t number, unsigned width);
void sw_bytes_put_double(struct sw_bytes *bytes, double number);

/** Zeros where the file ends too soon. */
void sw_bytes_get(struct sw_bytes *bytes, void *to, size_t size);
uint64_t sw_bytes_get_number(struct sw_bytes *bytes, unsigned width);
double sw_bytes_get_double(struct sw_bytes *bytes);

/** The checksum of everything since the last sw_sum_start(): write it, or read one and compare. */
void sw_bytes_put_sum(struct sw_bytes *bytes);
bool sw_bytes_check_sum(struct sw_bytes *bytes);

#endif
