/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sense/replay.h"
#include "sense/bytes.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 2
#define TICK 1
#define SAMPLE 2
#define NOTE 3

static const char magic[8] = {'s', 'e', 'a', 'w', 'r', 'e', 'p', 'l'};

#define NUMBERS_BEFORE_SOURCE(X) X(time_ns) X(zone) X(features) X(weight) X(bytes) X(reply_bytes)
#define NUMBERS_BEHIND_SOURCE(X) \
	X(address_len)           \
	X(verdict) X(facts) X(ttl) X(protocol) X(tcp_flags) X(source_port) X(type) X(name_bytes)

struct sw_replay_writer {
	struct sw_bytes out;
};

/** The checksum of a record begins with its place. */
static void record_begin(struct sw_bytes *bytes)
{
	uint8_t place[8];
	for (int i = 0; i < 8; i++)
		place[i] = (uint8_t)(bytes->offset >> (8 * i));
	sw_sum_start(&bytes->sum);
	sw_sum_add(&bytes->sum, place, sizeof(place));
}

static void record_end(struct sw_bytes *bytes)
{
	sw_bytes_put_number(bytes, (uint32_t)sw_sum_end(&bytes->sum), 4);
}

static bool record_is_sound(struct sw_bytes *bytes)
{
	uint32_t sum = (uint32_t)sw_sum_end(&bytes->sum);
	return sw_bytes_get_number(bytes, 4) == sum && !bytes->has_failed;
}

/* ---- writing ---- */

int sw_replay_create(struct sw_replay_writer **out, const char *path)
{
	struct sw_replay_writer *writer = calloc(1, sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	writer->out.file = fopen(path, "we");
	if (!writer->out.file) {
		int err = -errno;
		free(writer);
		return err;
	}
	sw_bytes_put(&writer->out, magic, sizeof(magic));
	sw_bytes_put_number(&writer->out, VERSION, 4);
	sw_bytes_put_number(&writer->out, SW_VERDICT_COUNT, 4);
	*out = writer;
	return 0;
}

static int error_of(const struct sw_bytes *out)
{
	return out->has_failed ? -out->error : 0;
}

int sw_replay_write_tick(struct sw_replay_writer *writer, const struct sw_tick *tick)
{
	struct sw_bytes *out = &writer->out;
	record_begin(out);
	sw_bytes_put_number(out, TICK, 1);
	sw_bytes_put_number(out, tick->time_ms, 8);
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++)
		sw_bytes_put_number(out, tick->counts[verdict], 8);
	record_end(out);
	return error_of(out);
}

int sw_replay_write_sample(struct sw_replay_writer *writer, const struct sw_sample *sample)
{
	struct sw_bytes *out = &writer->out;
	record_begin(out);
	sw_bytes_put_number(out, SAMPLE, 1);
#define X(field) sw_bytes_put_number(out, sample->field, sizeof(sample->field));
	NUMBERS_BEFORE_SOURCE(X)
	sw_bytes_put(out, sample->source, sizeof(sample->source));
	NUMBERS_BEHIND_SOURCE(X)
#undef X
	sw_bytes_put(out, sample->name, sizeof(sample->name));
	record_end(out);
	return error_of(out);
}

int sw_replay_write_note(struct sw_replay_writer *writer, const void *note, uint32_t size)
{
	struct sw_bytes *out = &writer->out;
	record_begin(out);
	sw_bytes_put_number(out, NOTE, 1);
	sw_bytes_put_number(out, size, 4);
	sw_bytes_put(out, note, size);
	record_end(out);
	return error_of(out);
}

int sw_replay_close(struct sw_replay_writer *writer)
{
	if (!writer)
		return 0;
	int err = error_of(&writer->out);
	if (fclose(writer->out.file) != 0 && err == 0)
		err = -errno;
	free(writer);
	return err;
}

/* ---- reading ---- */

static void tick_get(struct sw_bytes *in, struct sw_tick *tick)
{
	tick->time_ms = sw_bytes_get_number(in, 8);
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++)
		tick->counts[verdict] = sw_bytes_get_number(in, 8);
}

static void sample_get(struct sw_bytes *in, struct sw_sample *sample)
{
#define X(field) sample->field = (__typeof__(sample->field))sw_bytes_get_number(in, sizeof(sample->field));
	NUMBERS_BEFORE_SOURCE(X)
	sw_bytes_get(in, sample->source, sizeof(sample->source));
	NUMBERS_BEHIND_SOURCE(X)
#undef X
	sw_bytes_get(in, sample->name, sizeof(sample->name));
}

/** @return whether it is sound */
static bool note_pass(struct sw_bytes *in, const struct sw_replay_taker *taker)
{
	uint32_t size = (uint32_t)sw_bytes_get_number(in, 4);
	uint8_t *note = size <= SW_REPLAY_NOTE_MAX ? malloc(size + 1) : NULL;
	if (!note)
		return false;
	sw_bytes_get(in, note, size);
	bool is_sound = record_is_sound(in);
	if (is_sound && taker->note)
		is_sound = taker->note(taker->arg, note, size) == 0;
	free(note);
	return is_sound;
}

/** @return whether it is sound */
static bool record_pass(struct sw_bytes *in, const struct sw_replay_taker *taker)
{
	struct sw_tick tick;
	struct sw_sample sample;
	record_begin(in);
	switch (sw_bytes_get_number(in, 1)) {
	case TICK:
		tick_get(in, &tick);
		if (!record_is_sound(in))
			return false;
		if (taker->tick)
			taker->tick(taker->arg, &tick);
		return true;
	case SAMPLE:
		sample_get(in, &sample);
		if (!record_is_sound(in))
			return false;
		if (taker->sample)
			taker->sample(taker->arg, &sample);
		return true;
	case NOTE:
		return note_pass(in, taker);
	default:
		return false;
	}
}

static bool header_is_sound(struct sw_bytes *in)
{
	char word[sizeof(magic)];
	sw_bytes_get(in, word, sizeof(word));
	return memcmp(word, magic, sizeof(magic)) == 0 && sw_bytes_get_number(in, 4) == VERSION &&
	       sw_bytes_get_number(in, 4) == SW_VERDICT_COUNT && !in->has_failed;
}

static bool is_at_end(FILE *file)
{
	int byte = fgetc(file);
	ungetc(byte, file);
	return byte == EOF;
}

int sw_replay_read(const char *path, const struct sw_replay_taker *taker, uint64_t *offset)
{
	struct sw_bytes in = {.file = fopen(path, "re")};
	uint64_t begin = 0;
	if (!in.file)
		return -errno;
	bool is_sound = header_is_sound(&in);
	while (is_sound && !is_at_end(in.file)) {
		begin = in.offset;
		is_sound = record_pass(&in, taker);
	}
	int err = ferror(in.file) ? -EIO : is_sound ? 0 : -EBADMSG;
	if (err == -EBADMSG && offset)
		*offset = begin;
	fclose(in.file);
	return err;
}

static void tick_feed(void *arg, const struct sw_tick *tick)
{
	sw_sense_tick(arg, tick);
}

static void sample_feed(void *arg, const struct sw_sample *sample)
{
	sw_sense_sample(arg, sample);
}

int sw_replay_feed(const char *path, struct sw_sense *sense, uint64_t *offset)
{
	const struct sw_replay_taker taker = {.arg = sense, .tick = tick_feed, .sample = sample_feed};
	return sw_replay_read(path, &taker, offset);
}
