/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sign_help.h"
#include "directory_help.h"

char directory[64], why[SW_KEYS_WHY_MAX];
struct sw_hash_key hash_key;
struct sw_keys keys;
struct sw_keys_plan plan;
struct sw_sign_policy policy;
struct sw_sign_job job;

int help_sign_setup(void)
{
	snprintf(directory, sizeof(directory), "/tmp/sw-sign-XXXXXX");
	if (!mkdtemp(directory) || sw_hash_key_draw(&hash_key) != 0)
		return -1;
	keys = (struct sw_keys){.apex = "\7example"};
	plan = (struct sw_keys_plan){0};
	policy = (struct sw_sign_policy)SW_SIGN_POLICY_DEFAULT;
	job = (struct sw_sign_job){.keys = &keys, .plan = &plan, .policy = &policy, .now_s = NOW};
	return 0;
}

int help_sign_teardown(void **state)
{
	(void)state;
	sw_keys_free(&keys);
	return help_remove(directory);
}

void help_add_key(enum sw_key_role role, uint8_t algorithm, unsigned uses)
{
	assert_int_equal(sw_keys_generate(&keys, directory, role, algorithm, NOW, why), 0);
	plan.uses[keys.count - 1] = (uint8_t)uses;
}

struct sw_contents *help_sign(
	const struct sw_contents *plain, const struct sw_contents *former, struct sw_sign_result *result)
{
	struct sw_contents *made = NULL;
	assert_int_equal(sw_sign_zone(&job, plain, NULL, former, &hash_key, &made, result), 0);
	return made;
}

void help_expect_none(const struct sw_findings *findings, enum sw_finding_code first)
{
	for (int i = (int)first; i <= SW_FINDING_NSEC3_ITERATIONS; i++) {
		if (findings->kinds[i])
			fail_msg("%u findings of [%s]", findings->kinds[i], sw_finding_label(i));
	}
}
