/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the tests of signed zones that change: signing, and what differs between two versions. */
#ifndef SW_TEST_IMAGE_SIGNING_H
#define SW_TEST_IMAGE_SIGNING_H

#include "changing.h"
#include "zone/sign.h"

/** Keys in a directory of their own. */
struct signing {
	char directory[64];
	struct sw_keys keys;
	struct sw_keys_plan plan;
	struct sw_sign_policy policy;
	struct sw_sign_job job;
};

void signing_start(struct signing *signing, const char *apex_text, bool is_nsec3);
void signing_end(struct signing *signing);

/** The zone signed. @param former  version before, NULL for none: its signatures are taken over */
struct sw_contents *signing_sign(const struct signing *signing, const struct changing_zone *zone,
	const struct sw_contents *former, const struct sw_hash_key *key);

/** Owners whose records differ. @param names  pointers into the contents @return how many */
size_t signing_diff(
	const struct sw_contents *was, const struct sw_contents *is, const uint8_t **names, size_t names_max);

struct sw_zone_records signing_records(struct sw_contents *contents);

#endif
