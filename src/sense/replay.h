/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A recording of what sense was fed with: fed again, it says the same.
 *
 * "seawrepl", version 4, number of verdicts 4; then records, little-endian:
 *
 *   tick    1, time_ms 8, counters 8 each
 *   sample  2, the fields of struct sw_sample in their order, 136 bytes
 *   note    3, bytes 4, as many bytes: of whoever else records (guard/replay.h)
 *   each followed by 4 bytes of checksum over its place in the file and its bytes
 *
 * so that whatever is changed, lost, doubled, moved or cut off is found, and where.
 */
#ifndef SW_SENSE_REPLAY_H
#define SW_SENSE_REPLAY_H

#include "sense/sense.h"

struct sw_replay_writer;

/** A file of that name is overwritten. @return 0 or -errno */
int sw_replay_create(struct sw_replay_writer **writer, const char *path);

/** Errors stick, and sw_replay_close() tells the first of them too. @return 0 or -errno */
int sw_replay_write_tick(struct sw_replay_writer *writer, const struct sw_tick *tick);
int sw_replay_write_sample(struct sw_replay_writer *writer, const struct sw_sample *sample);
int sw_replay_write_note(struct sw_replay_writer *writer, const void *note, uint32_t size);

/** Takes NULL. @return 0, or -errno when not everything was written */
int sw_replay_close(struct sw_replay_writer *writer);

#define SW_REPLAY_NOTE_MAX (64u << 20)

/** Who takes what is recorded, in its order; each may be NULL. A note is refused by other than 0. */
struct sw_replay_taker {
	void *arg;
	void (*tick)(void *arg, const struct sw_tick *tick);
	void (*sample)(void *arg, const struct sw_sample *sample);
	int (*note)(void *arg, const uint8_t *note, uint32_t size);
};

/** As sw_replay_feed(), to whoever takes it. */
int sw_replay_read(const char *path, const struct sw_replay_taker *taker, uint64_t *offset);

/** Feed a recording. Nothing behind damage is read.
 *
 * @param offset  on -EBADMSG: where the record begins that is damaged, or what is no recording; may be NULL
 * @return 0 or -errno; -EBADMSG: no recording, one of another version, damaged, or cut off */
int sw_replay_feed(const char *path, struct sw_sense *sense, uint64_t *offset);

#endif
