/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Recordings of the guard: those of sense (sense/replay.h) with notes of what the controller was given
 * beside samples: its settings and what was known at the start, and each reading. Fed again it decides the
 * same.
 *
 * A recording has the seed of the node's tables in it, and addresses of who asked: keep it to yourself.
 */
#ifndef SW_GUARD_REPLAY_H
#define SW_GUARD_REPLAY_H

#include "guard/controller.h"
#include "sense/replay.h"

/** @param known  file that was loaded into sense at the start (sw_sense_load()), or NULL
 * @return 0 or -errno */
int sw_recording_start(struct sw_replay_writer **recording, const char *path,
	const struct sw_controller_settings *settings, const char *known);

/** A turn that has just been made. @param is_window  what sw_controller_turn() returned */
int sw_recording_turn(struct sw_replay_writer *recording, const struct sw_reading *reading, bool is_window);

/** Called after each turn. */
typedef void sw_turned_fn(
	void *arg, const struct sw_controller *controller, const struct sw_reading *reading);

/** Make all turns of a recording again.
 * @param offset  see sw_replay_feed()
 * @return 0 or -errno; -EBADMSG: no recording of a guard, one of another version, damaged, or cut off */
int sw_guard_replay(const char *path, const struct sw_listener *listener, sw_turned_fn *turned, void *arg,
	uint64_t *offset);

#endif
