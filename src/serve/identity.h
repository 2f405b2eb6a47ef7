/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the answer path is told about the node: who it is, its cookie secrets, what time it is. */
#ifndef SW_SERVE_IDENTITY_H
#define SW_SERVE_IDENTITY_H

#include "serve/settings.h"

/** Write identity, limits and cookie secrets into the control page; again after a change, while readers run.
 *
 * Without configured secrets one is drawn the first time, and kept.
 * @return 0 or -EIO when there are no random numbers */
int sw_identity_set(struct sw_control *control, const struct sw_settings *settings);

/** Set the clock from the system's; to be called each second, since the system's may be stepped. */
void sw_identity_clock(struct sw_control *control);

#endif
