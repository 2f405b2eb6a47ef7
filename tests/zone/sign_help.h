/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the tests of the signer: what they sign with, made anew for each test. */
#ifndef TESTS_ZONE_SIGN_HELP_H
#define TESTS_ZONE_SIGN_HELP_H

#include "zone/check.h"
#include "zone/sign.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1800000000u

extern char directory[64], why[SW_KEYS_WHY_MAX]; /* of the keys; what is wrong with them */
extern struct sw_hash_key hash_key;
extern struct sw_keys keys; /* of the zone "example." */
extern struct sw_keys_plan plan;
extern struct sw_sign_policy policy;
extern struct sw_sign_job job; /* of all of these */

/** Make all of it, with the default policy and without a key. @return 0, or not */
int help_sign_setup(void);
int help_sign_teardown(void **state);

/** One more key, for these uses. */
void help_add_key(enum sw_key_role role, uint8_t algorithm, unsigned uses);

/** Sign it, as `job` says. @param former, result  as for sw_sign_zone() */
struct sw_contents *help_sign(
	const struct sw_contents *plain, const struct sw_contents *former, struct sw_sign_result *result);

/** Of the kinds of findings from `first` on, those about DNSSEC, there is none. */
void help_expect_none(const struct sw_findings *findings, enum sw_finding_code first);

#endif
