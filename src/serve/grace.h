/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Waits for the readers of the answer image on a thread of its own, so that who changes it need not. */
#ifndef SW_SERVE_GRACE_H
#define SW_SERVE_GRACE_H

#include "image/store.h"

struct sw_grace;

/** @param wake  called when a wait is over, on the thread that waited
 * @return NULL when out of memory or threads */
struct sw_grace *sw_grace_new(struct sw_store *store, void (*wake)(void *arg), void *arg);

/** End the thread; `wake` is not called any more when this returns. Takes NULL. */
void sw_grace_stop(struct sw_grace *grace);
void sw_grace_free(struct sw_grace *grace);

/** The writer's: do what waited for a wait that is over, and have another begin where there is a reason.
 * Returns at once. */
void sw_grace_turn(struct sw_grace *grace);

#endif
