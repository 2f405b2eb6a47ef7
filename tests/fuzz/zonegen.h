/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Zones from a fuzzer's bytes: few labels, so that names meet, and everything of a shape that loading takes.
 */
#ifndef SW_TESTS_FUZZ_ZONEGEN_H
#define SW_TESTS_FUZZ_ZONEGEN_H

#include "model.h"

/** Bytes to decide by; zeros when they are used up. */
struct dice {
	const uint8_t *bytes;
	size_t left;
};

uint8_t dice_take(struct dice *dice);

/** A name in the zones, at or below a name that is there, or elsewhere. */
void zonegen_name(const struct model *model, struct dice *dice, uint8_t name[MODEL_NAME_MAX]);

/** Fill the model: one or two zones with SOA, correct but for the DNSSEC records, whose contents are
 * anything. Record data stays until the next call. */
void zonegen_make(struct model *model, struct dice *dice);

#endif
