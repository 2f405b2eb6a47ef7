/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Zones that the configuration does not tell, and settings that have them: those of the configuration,
 * shared, with another list of zones. */
#ifndef SW_SERVE_BEYOND_H
#define SW_SERVE_BEYOND_H

#include "serve/turn.h"
#include "zone/register.h"

/** One such zone. It does not change: who holds settings looks at it whenever he likes. */
struct sw_beyond {
	unsigned holders; /* beside the first */
	struct sw_zone_setting setting;
	/* how it is kept in the register; all its own */
	uint8_t *catalog; /* that brought it; NULL: a person added it */
	uint8_t *label, *coo, *groups;
	size_t groups_len;
	char *template, *file; /* as told when it was added */
	bool is_mute;	       /* nothing says where it comes from: it is not one of the zones */
};

/** @param entry  copied
 * @param template  that it is served by; NULL: none
 * @param source  for messages
 * @return 0, -EINVAL or -ENAMETOOLONG for a file that cannot be called so, -ENOMEM */
int sw_beyond_new(struct sw_beyond **beyond, const struct sw_register_entry *entry,
	const struct sw_template *template, const char *source);
struct sw_beyond *sw_beyond_hold(struct sw_beyond *beyond);
void sw_beyond_free(struct sw_beyond *beyond); /* takes NULL */

/** As it is kept. */
struct sw_register_entry sw_beyond_entry(const struct sw_beyond *beyond);

/** Settings with some zones more, none of which is among those told.
 * @param base  is held
 * @param before  of the same base; NULL: all of `beyond` are turns
 * @param turns  what makes `beyond` from that of `before`
 * @param beyond  all of them, in canonical order; held
 * @return NULL when out of memory */
struct sw_settings *sw_settings_beyond(struct sw_settings *base, const struct sw_settings *before,
	const struct sw_turn *turns, size_t turn_count, struct sw_beyond *const *beyond, size_t beyond_count);

/** For sw_settings_free(), when the last holder goes. */
void sw_beyond_settings_free(struct sw_settings *settings);

#endif
