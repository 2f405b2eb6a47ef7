/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard/replay.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Kinds of notes: their first byte. Numbers are little-endian, of eight bytes. */
#define NOTE_START 1
#define NOTE_TURN 2
#define START_BYTES (1 + 6 * 8)
#define TURN_BYTES (1 + 8 * (5 + SW_VERDICT_COUNT + 2 * SW_LANE_COUNT))

/* ---- numbers ---- */

static void put(uint8_t **at, uint64_t number)
{
	for (int i = 0; i < 8; i++)
		*(*at)++ = (uint8_t)(number >> (8 * i));
}

static uint64_t get(const uint8_t **at)
{
	uint64_t number = 0;
	for (int i = 0; i < 8; i++)
		number |= (uint64_t) * (*at)++ << (8 * i);
	return number;
}

static void put_double(uint8_t **at, double number)
{
	uint64_t bits;
	memcpy(&bits, &number, sizeof(bits));
	put(at, bits);
}

static double get_double(const uint8_t **at)
{
	uint64_t bits = get(at);
	double number;
	memcpy(&number, &bits, sizeof(number));
	return number;
}

/* ---- recording ---- */

/** A file behind `head`. @return NULL when it cannot be read */
static uint8_t *file_read(const char *path, size_t head, size_t *size)
{
	FILE *file = fopen(path, "re");
	long bytes = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
	uint8_t *all = bytes >= 0 ? malloc(head + (size_t)bytes) : NULL;
	if (all) {
		rewind(file);
		*size = head + fread(all + head, 1, (size_t)bytes, file);
	}
	if (file)
		fclose(file);
	return all;
}

int sw_recording_start(struct sw_replay_writer **recording, const char *path,
	const struct sw_controller_settings *settings, const char *known)
{
	size_t size = START_BYTES;
	uint8_t *note = known ? file_read(known, START_BYTES, &size) : malloc(START_BYTES);
	if (!note)
		return known ? -EIO : -ENOMEM;
	uint8_t *at = note;
	*at++ = NOTE_START;
	put(&at, settings->seed);
	put_double(&at, settings->limits.answers_qps);
	put_double(&at, settings->limits.egress_bps);
	put_double(&at, settings->limits.punts_qps);
	put_double(&at, settings->limits.busy);
	put_double(&at, settings->network_qps);
	int err = sw_replay_create(recording, path);
	if (err == 0)
		sw_replay_write_note(*recording, note, (uint32_t)size); /* errors stick */
	free(note);
	return err;
}

int sw_recording_turn(struct sw_replay_writer *recording, const struct sw_reading *reading, bool is_window)
{
	uint8_t note[TURN_BYTES], *at = note;
	*at++ = NOTE_TURN;
	put(&at, reading->time_ms);
	put(&at, reading->reply_bytes);
	put(&at, reading->handling);
	put_double(&at, reading->busy);
	put(&at, reading->lanes.refused_known);
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++)
		put(&at, reading->verdicts[verdict]);
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++) {
		put(&at, reading->lanes.offered[lane]);
		put(&at, reading->lanes.refused[lane]);
	}
	if (is_window) {
		struct sw_tick tick = {.time_ms = reading->time_ms};
		memcpy(tick.counts, reading->verdicts, sizeof(tick.counts));
		sw_replay_write_tick(recording, &tick); /* for sense alone */
	}
	return sw_replay_write_note(recording, note, sizeof(note));
}

/* ---- replaying ---- */

struct replay {
	struct sw_controller *controller;
	struct sw_orders orders;
	const struct sw_listener *listener;
	sw_turned_fn *turned;
	void *arg;
};

static int known_load(struct sw_sense *sense, const uint8_t *bytes, size_t size)
{
	char path[] = "/tmp/seawall-known-XXXXXX";
	int fd = mkstemp(path);
	if (fd < 0)
		return -errno;
	int err = write(fd, bytes, size) == (ssize_t)size ? 0 : -EIO;
	close(fd);
	if (err == 0)
		err = sw_sense_load(sense, path);
	unlink(path);
	return err;
}

static int start_take(struct replay *replay, const uint8_t *at, uint32_t size)
{
	struct sw_controller_settings settings;
	if (replay->controller || size < START_BYTES)
		return -EBADMSG;
	const uint8_t *known = at + START_BYTES;
	at++;
	settings.seed = get(&at);
	settings.limits.answers_qps = get_double(&at);
	settings.limits.egress_bps = get_double(&at);
	settings.limits.punts_qps = get_double(&at);
	settings.limits.busy = get_double(&at);
	settings.network_qps = get_double(&at);
	int err = sw_controller_new(&replay->controller, &settings, replay->listener, &replay->orders);
	if (err == 0 && size > START_BYTES)
		err = known_load(replay->controller->sense, known, size - START_BYTES);
	return err;
}

static int turn_take(struct replay *replay, const uint8_t *at, uint32_t size)
{
	struct sw_reading reading;
	if (!replay->controller || size != TURN_BYTES)
		return -EBADMSG;
	at++;
	reading.time_ms = get(&at);
	reading.reply_bytes = get(&at);
	reading.handling = (uint32_t)get(&at);
	reading.busy = get_double(&at);
	reading.lanes.refused_known = get(&at);
	for (unsigned verdict = 0; verdict < SW_VERDICT_COUNT; verdict++)
		reading.verdicts[verdict] = get(&at);
	for (unsigned lane = 0; lane < SW_LANE_COUNT; lane++) {
		reading.lanes.offered[lane] = get(&at);
		reading.lanes.refused[lane] = get(&at);
	}
	sw_controller_turn(replay->controller, &reading);
	if (replay->turned)
		replay->turned(replay->arg, replay->controller, &reading);
	return 0;
}

static int note_take(void *arg, const uint8_t *note, uint32_t size)
{
	switch (size > 0 ? note[0] : 0) {
	case NOTE_START:
		return start_take(arg, note, size);
	case NOTE_TURN:
		return turn_take(arg, note, size);
	default:
		return -EBADMSG;
	}
}

static void sample_take(void *arg, const struct sw_sample *sample)
{
	struct replay *replay = arg;
	if (replay->controller)
		sw_controller_sample(replay->controller, sample);
}

int sw_guard_replay(const char *path, const struct sw_listener *listener, sw_turned_fn *turned, void *arg,
	uint64_t *offset)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	if (!replay)
		return -ENOMEM;
	replay->listener = listener;
	replay->turned = turned;
	replay->arg = arg;
	const struct sw_replay_taker taker = {.arg = replay, .sample = sample_take, .note = note_take};
	int err = sw_replay_read(path, &taker, offset);
	if (err == 0 && !replay->controller)
		err = -EBADMSG;
	sw_controller_free(replay->controller);
	free(replay);
	return err;
}
