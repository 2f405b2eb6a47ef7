/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What tests of this room share. */
#ifndef TESTS_SENSE_SUPPORT_H
#define TESTS_SENSE_SUPPORT_H

#include "sense/sense.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/** splitmix64 of Steele, Lea and Flood: the same in every run. */
static inline uint64_t random_of(uint64_t i)
{
	uint64_t z = (i + 1) * 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/** A question over UDP by source number `source`, `hops` away, for name number `name` of a zone. */
static inline struct sw_sample question_of(
	uint32_t source, uint8_t hops, uint32_t name, enum sw_verdict verdict)
{
	struct sw_sample sample = {.zone = 99,
		.weight = 1,
		.address_len = 4,
		.verdict = (uint8_t)verdict,
		.ttl = (uint8_t)(64 - hops),
		.protocol = 17,
		.type = 1,
		.name_bytes = 8};
	memcpy(sample.source, &source, 4);
	sample.name[0] = 6;
	for (int i = 1; i < 7; i++, name /= 26)
		sample.name[i] = (uint8_t)('a' + name % 26);
	return sample;
}

#define EVENTS_MAX 512

struct heard {
	struct sw_event event[EVENTS_MAX];
	unsigned count;
};

static inline void hear(void *arg, const struct sw_event *event)
{
	struct heard *heard = arg;
	assert_true(heard->count < EVENTS_MAX);
	heard->event[heard->count++] = *event;
}

/** A file of this test's own; it is removed at the end. */
static inline char *path_make(char path[64])
{
	snprintf(path, 64, "/tmp/seawall-sense-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	fclose(fdopen(fd, "w"));
	return path;
}

static inline size_t file_read(const char *path, uint8_t *bytes, size_t max)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t size = fread(bytes, 1, max, file);
	fclose(file);
	return size;
}

static inline void file_write(const char *path, const uint8_t *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

#endif
