/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SW_CLI_KEY_IMPORT_H
#define SW_CLI_KEY_IMPORT_H

#include "cli/cli.h"

/** Take over keys of another server, and say so.
 * @param words  the zone, then FILE or ROLE:FILE each
 * @param directory  where keys are kept; NULL: it was not told
 * @return an exit code */
int sw_key_import(
	const struct sw_command *command, char **words, size_t count, const char *directory, bool is_json);

#endif
