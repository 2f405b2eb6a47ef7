/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sense/bytes.h"
#include <endian.h>
#include <errno.h>
#include <string.h>

static const uint64_t sum_key[2] = {0x7365617761746368ull, 0x636865636b73756dull};

void sw_sum_start(struct sw_sum *sum)
{
	*sum = (struct sw_sum){0};
	sw_siphash_start(&sum->state, sum_key);
}

void sw_sum_add(struct sw_sum *sum, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		sum->tail |= (uint64_t)bytes[i] << (8 * (sum->bytes & 7));
		if ((++sum->bytes & 7) == 0) {
			sw_siphash_word(&sum->state, sum->tail);
			sum->tail = 0;
		}
	}
}

uint64_t sw_sum_end(const struct sw_sum *sum)
{
	struct sw_siphash state = sum->state;
	return sw_siphash_end(&state, sum->tail, (unsigned)(sum->bytes & 0xff));
}

static void fail(struct sw_bytes *bytes, int error)
{
	if (!bytes->has_failed)
		bytes->error = error;
	bytes->has_failed = true;
}

void sw_bytes_put(struct sw_bytes *bytes, const void *from, size_t size)
{
	if (!bytes->has_failed && fwrite(from, 1, size, bytes->file) != size)
		fail(bytes, errno ? errno : EIO);
	sw_sum_add(&bytes->sum, from, size);
	bytes->offset += size;
}

void sw_bytes_put_number(struct sw_bytes *bytes, uint64_t number, unsigned width)
{
	uint64_t little = htole64(number);
	sw_bytes_put(bytes, &little, width);
}

void sw_bytes_put_double(struct sw_bytes *bytes, double number)
{
	uint64_t bits;
	memcpy(&bits, &number, sizeof(bits));
	sw_bytes_put_number(bytes, bits, sizeof(bits));
}

void sw_bytes_get(struct sw_bytes *bytes, void *to, size_t size)
{
	size_t got = bytes->has_failed ? 0 : fread(to, 1, size, bytes->file);
	if (got < size) {
		memset((uint8_t *)to + got, 0, size - got);
		fail(bytes, ferror(bytes->file) ? EIO : EBADMSG);
	}
	sw_sum_add(&bytes->sum, to, size);
	bytes->offset += size;
}

uint64_t sw_bytes_get_number(struct sw_bytes *bytes, unsigned width)
{
	uint64_t little = 0;
	sw_bytes_get(bytes, &little, width);
	return le64toh(little);
}

double sw_bytes_get_double(struct sw_bytes *bytes)
{
	uint64_t bits = sw_bytes_get_number(bytes, sizeof(bits));
	double number;
	memcpy(&number, &bits, sizeof(number));
	return number;
}

void sw_bytes_put_sum(struct sw_bytes *bytes)
{
	sw_bytes_put_number(bytes, sw_sum_end(&bytes->sum), 8);
}

bool sw_bytes_check_sum(struct sw_bytes *bytes)
{
	uint64_t sum = sw_sum_end(&bytes->sum);
	return sw_bytes_get_number(bytes, 8) == sum && !bytes->has_failed;
}
