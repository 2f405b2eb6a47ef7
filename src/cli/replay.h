/* SPDX-License-Identifier: GPL-3.0-or-later */
/** `seawall guard replay`: a recording (guard/replay.h) fed to the guard again. */
#ifndef SW_CLI_REPLAY_H
#define SW_CLI_REPLAY_H

#include "cli/cli.h"

/** Print what it tells and decides, a line each; is_json: an object each. @return enum sw_exit */
int sw_replay_print(const struct sw_command *command, const char *path, bool is_json);

#endif
