/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Where settings come from: a file and options. Kept as told, so that a reload can read it all again.
 *
 * Zones of all sources are served. --listen, --xdp, --pin and --control take the place of the file's keys.
 */
#ifndef SW_CLI_SOURCES_H
#define SW_CLI_SOURCES_H

#include "serve/settings.h"
#include <jansson.h>

/** Strings of argv; not owned. */
struct sw_words {
	const char **word;
	size_t count;
};

struct sw_sources {
	const char *file; /* NULL for none */
	struct sw_words zones, zone_lists, listens, xdps;
	const char *pin, *control;
};

/** @return 0 or -ENOMEM */
int sw_words_add(struct sw_words *words, const char *word);
void sw_sources_free(struct sw_sources *sources);

/** Read everything into finished settings.
 * @param why  SW_WHY_TEXT_MAX bytes
 * @return 0 or -errno with text in why; `settings` written only on success */
int sw_sources_read(const struct sw_sources *sources, struct sw_settings **settings, char *why);

#endif
