/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which engine answers on which interface: native XDP, else generic XDP, else the sockets alone.
 *
 * Chosen by trying. Each step that could not be taken leaves its reason, for the log and for the status.
 */
#ifndef SW_SERVE_LADDER_H
#define SW_SERVE_LADDER_H

#include "serve/settings.h"
#include "xdp/kernel.h"
#include <net/if.h>

struct sw_rung {
	char interface[IF_NAMESIZE];
	enum sw_attach_mode mode;
	char why[SW_WHY_MAX]; /* how it is attached, and why not better */
};

struct sw_ladder;

/** Find the interfaces and make the maps of the kernel part, if it is wanted. Not being allowed to is no
 * error: there are the sockets.
 * @param why  SW_WHY_TEXT_MAX bytes
 * @return 0; -ENODEV with text in why when a listed interface is missing, or the directory of pins cannot be
 * had; -ENOMEM */
int sw_ladder_open(struct sw_ladder **ladder, const struct sw_settings *settings, char *why);

/** Begin to load the programs on a thread of its own. Where there is one core alone the zones come first,
 * since sockets can answer from them; then sw_ladder_attach() loads. Signals must be blocked. */
void sw_ladder_start(struct sw_ladder *ladder);

/** Leave the interfaces to the sockets. */
void sw_ladder_detach(struct sw_ladder *ladder);

/** Take off what an earlier process left as well: nobody is to answer any more. */
void sw_ladder_leave(struct sw_ladder *ladder);

/** Detached or not; the store must have gone before. Takes NULL. */
void sw_ladder_free(struct sw_ladder *ladder);

/** NULL where there are no maps. */
struct sw_kernel *sw_ladder_kernel(const struct sw_ladder *ladder);

/** Whether the kernel has taken the programs; known after sw_ladder_attach(). */
bool sw_ladder_is_loaded(const struct sw_ladder *ladder);

/** Why it has not, or "". */
const char *sw_ladder_why(const struct sw_ladder *ladder);

/** Wait for the programs, or load them, and attach everywhere; what cannot be is in the rungs. A kernel that
 * refuses the programs is no error. The store of this kernel part must exist. What an earlier process left on
 * interfaces is taken over, or taken off. */
void sw_ladder_attach(struct sw_ladder *ladder, const struct sw_settings *settings);

/** The programs may go on by themselves for as long as the settings say, from now. */
void sw_ladder_tick(struct sw_ladder *ladder, const struct sw_settings *settings, struct sw_control *control);

/** Addresses of the machine have changed: wildcards stand for others now. */
void sw_ladder_refresh(struct sw_ladder *ladder);

/** @return rungs; none when XDP was not asked for */
const struct sw_rung *sw_ladder_rungs(const struct sw_ladder *ladder, size_t *count);

/** "native XDP", "generic XDP", "sockets". */
const char *sw_ladder_mode_text(enum sw_attach_mode mode);

#endif
