/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signing.h"
#include <ftw.h>
#include <unistd.h>

#define NOW 1800000000u

static int remove_one(const char *path, const struct stat *stat, int flag, struct FTW *ftw)
{
	(void)stat, (void)flag, (void)ftw;
	return remove(path);
}

void signing_start(struct signing *signing, const char *apex_text, bool is_nsec3)
{
	char why[SW_KEYS_WHY_MAX];
	*signing = (struct signing){.directory = "/tmp/sw-image-XXXXXX",
		.plan.uses = {SW_KEY_PUBLISH | SW_KEY_SIGN_KEYS | SW_KEY_SIGN_ZONE},
		.policy = SW_SIGN_POLICY_DEFAULT};
	signing->policy.is_nsec3 = is_nsec3;
	signing->policy.jitter_s = 0;
	signing->job = (struct sw_sign_job){
		.keys = &signing->keys, .plan = &signing->plan, .policy = &signing->policy, .now_s = NOW};
	assert_non_null(mkdtemp(signing->directory));
	assert_true(sw_name_parse(apex_text, signing->keys.apex) > 0);
	assert_int_equal(
		sw_keys_generate(&signing->keys, signing->directory, SW_KEY_CSK, SW_KEY_ED25519, NOW, why),
		0);
}

void signing_end(struct signing *signing)
{
	sw_keys_free(&signing->keys);
	assert_int_equal(nftw(signing->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

struct sw_contents *signing_sign(const struct signing *signing, const struct changing_zone *zone,
	const struct sw_contents *former, const struct sw_hash_key *key)
{
	struct sw_contents *plain = changing_contents(zone, key), *made = NULL;
	assert_int_equal(sw_sign_zone(&signing->job, plain, NULL, former, key, &made, NULL), 0);
	sw_contents_free(plain);
	return made;
}

static bool is_same(const struct sw_contents *a, const struct sw_node *na, const struct sw_contents *b,
	const struct sw_node *nb)
{
	const struct sw_rr *ra = na ? sw_contents_rr(a, na->first) : NULL;
	const struct sw_rr *rb = nb ? sw_contents_rr(b, nb->first) : NULL;
	for (; ra && rb; ra = sw_contents_rr(a, ra->next), rb = sw_contents_rr(b, rb->next)) {
		if (ra->type != rb->type || ra->ttl != rb->ttl || ra->rdata_len != rb->rdata_len ||
			memcmp(ra->rdata, rb->rdata, ra->rdata_len) != 0)
			return false;
	}
	return !ra && !rb;
}

size_t signing_diff(
	const struct sw_contents *was, const struct sw_contents *is, const uint8_t **names, size_t names_max)
{
	const struct sw_contents *both[] = {was, is};
	size_t count = 0;
	for (unsigned k = 0; k < 2; k++) {
		for (uint32_t i = 0; i < sw_contents_count(both[k]); i++) {
			const struct sw_node *node = sw_contents_node(both[k], i);
			const uint8_t *name = sw_contents_name(both[k], node);
			const struct sw_node *other = sw_contents_find(both[!k], name);
			if ((k == 1 && other) || is_same(both[k], node, both[!k], other))
				continue;
			assert_true(count < names_max);
			names[count++] = name;
		}
	}
	return count;
}

static int give(const struct sw_contents *contents, const struct sw_node *node, sw_record_fn *take, void *arg)
{
	int error = 0;
	const struct sw_rr *rr = sw_contents_rr(contents, node->first);
	for (; rr && !error; rr = sw_contents_rr(contents, rr->next)) {
		const struct sw_record record = {.owner = sw_contents_name(contents, node),
			.type = rr->type,
			.ttl = rr->ttl,
			.rdata_len = rr->rdata_len,
			.rdata = rr->rdata};
		error = take(arg, &record);
	}
	return error;
}

static int give_at(void *contents, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	const struct sw_node *node = sw_contents_find(contents, owner);
	return node ? give(contents, node, take, arg) : 0;
}

static int give_below(void *contents, const uint8_t *owner, sw_record_fn *take, void *arg)
{
	int error = 0;
	for (uint32_t i = 0; i < sw_contents_count(contents) && !error; i++) {
		const struct sw_node *node = sw_contents_node(contents, i);
		if (sw_name_in(sw_contents_name(contents, node), owner))
			error = give(contents, node, take, arg);
	}
	return error;
}

struct sw_zone_records signing_records(struct sw_contents *contents)
{
	return (struct sw_zone_records){.context = contents, .at = give_at, .below = give_below};
}
