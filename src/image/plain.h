/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Segments in plain memory, where there is no BPF. */
#ifndef SW_IMAGE_PLAIN_H
#define SW_IMAGE_PLAIN_H

#include "image/store.h"

/** @param control  the caller's */
struct sw_backing sw_plain_backing(struct sw_control *control);

#endif
