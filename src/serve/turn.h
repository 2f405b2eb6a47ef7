/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Zones that come and go among many that stay: what a list of them needs to be told. */
#ifndef SW_SERVE_TURN_H
#define SW_SERVE_TURN_H

#include "serve/settings.h"

/** One zone that comes, goes, or is another from now on. Lists of them are in canonical order, none twice. */
struct sw_turn {
	const uint8_t *apex;
	struct sw_beyond *before; /* as it was; NULL: it comes */
	struct sw_beyond *after;  /* as it is; NULL: it goes */
	bool keeps_state;	  /* with both: only how it is served has changed */
};

/** A list in canonical order, and how it follows. */
struct sw_turn_list {
	const void *old;
	size_t old_count;
	size_t size; /* bytes of an element */
	int (*compare)(const void *apex, const void *element);
	/** @param old  the element of that name; NULL where there is none
	 * @param fresh  room for its successor
	 * @return whether it has one */
	bool (*turn)(void *arg, size_t number, const void *old, void *fresh);
	void *arg;
};

/** A list with turns taken: elements between them are copied as they are, so that a few of them cost little
 * among 100,000.
 * @return from malloc(), NULL without memory (before the first turn) */
void *sw_turns_apply(
	const struct sw_turn_list *list, const struct sw_turn *turns, size_t count, size_t *fresh_count);

#endif
