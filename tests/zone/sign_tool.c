/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One version of a zone, signed, for sign.py: takes a turn of the keys, signs, notes that it is served.
 * sign_tool KEYS ORIGIN FILE OUT NOW
 * [nsec3|opt-out|salt|split|ed25519|leave|seen|roll-csk|roll-ksk|roll-zsk]... Prints "due SECONDS", "made N",
 * "reused N", and a line "key ID ROLE TAG USES DS" for each key. */
#include "zone/check.h"
#include "zone/scan.h"
#include "zone/sign.h"
#include <errno.h>
#include <libknot/libknot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char why[SW_KEYS_WHY_MAX];
static struct sw_keys keys;
static struct sw_keys_plan plan;
static struct sw_keys_policy lives = {.algorithm = SW_KEY_ECDSAP256SHA256,
	.dnskey_ttl_s = 3600,
	.zone_ttl_max_s = 7200,
	.propagation_s = 600,
	.ds_ttl_s = 86400,
	.parent_propagation_s = 1800};
static struct sw_sign_policy policy = SW_SIGN_POLICY_DEFAULT;

static void must(int error, const char *what)
{
	if (!error)
		return;
	fprintf(stderr, "sign_tool: %s: %s %s\n", what, strerror(-error), why);
	exit(1);
}

static void option(const char *word, int64_t now_s)
{
	if (strcmp(word, "nsec3") == 0 || strcmp(word, "opt-out") == 0 || strcmp(word, "salt") == 0)
		policy.is_nsec3 = true;
	if (strcmp(word, "opt-out") == 0)
		policy.is_opt_out = true;
	if (strcmp(word, "salt") == 0) {
		policy.salt_len = 2;
		memcpy(policy.salt, "\xab\xcd", 2);
		policy.iterations = 3;
	}
	lives.is_split |= strcmp(word, "split") == 0;
	lives.is_leaving |= strcmp(word, "leave") == 0;
	if (strcmp(word, "ed25519") == 0)
		lives.algorithm = SW_KEY_ED25519;
	if (strcmp(word, "roll-csk") == 0)
		must(sw_keys_roll(&keys, SW_KEY_CSK), word);
	if (strcmp(word, "roll-ksk") == 0)
		must(sw_keys_roll(&keys, SW_KEY_KSK), word);
	if (strcmp(word, "roll-zsk") == 0)
		must(sw_keys_roll(&keys, SW_KEY_ZSK), word);
	for (size_t i = 0; i < keys.count && strcmp(word, "seen") == 0; i++) {
		if (keys.keys[i].ds_submitted_s != 0 && keys.keys[i].removed_s == 0)
			must(sw_keys_ds_seen(&keys, keys.keys[i].id, now_s), word);
	}
}

static struct sw_contents *read_zone(const uint8_t *apex, const char *path)
{
	struct sw_hash_key key;
	struct sw_findings findings = {.emit = sw_finding_print, .arg = stderr};
	must(sw_hash_key_draw(&key), "key");
	struct sw_contents *contents = sw_contents_new(apex, &key);
	if (!contents)
		must(-ENOMEM, path);
	must(sw_zone_scan(contents, path, &findings, NULL), path);
	must(sw_contents_finish(contents), path);
	return contents;
}

static void turn(const char *directory, int64_t now_s)
{
	bool is_done = false;
	while (!is_done) {
		sw_keys_turn(&keys, &lives, now_s, &plan);
		is_done = true;
		for (unsigned role = 0; role < 3 && is_done; role++) {
			if (!plan.wants[role])
				continue;
			is_done = false;
			must(sw_keys_generate(&keys, directory, role, plan.wanted_algorithm, now_s, why),
				"generate");
		}
	}
}

static void write_zone(const struct sw_contents *contents, const char *path)
{
	static char text[1 << 20];
	FILE *out = fopen(path, "w");
	if (!out)
		must(-errno, path);
	for (uint32_t i = 0; i < sw_contents_count(contents); i++) {
		const struct sw_node *node = sw_contents_node(contents, i);
		const struct sw_rr *rr = sw_contents_rr(contents, node->first);
		for (; rr; rr = sw_contents_rr(contents, rr->next)) {
			char owner[SW_NAME_TEXT_MAX], type[SW_TYPE_TEXT_MAX];
			knot_rrset_t set;
			knot_rrset_init(&set, (knot_dname_t *)sw_contents_name(contents, node), rr->type,
				KNOT_CLASS_IN, rr->ttl);
			must(knot_rrset_add_rdata(&set, rr->rdata, rr->rdata_len, NULL), path);
			if (knot_rrset_txt_dump_data(&set, 0, text, sizeof(text), &KNOT_DUMP_STYLE_DEFAULT) <
				0)
				must(-EINVAL, "dump");
			fprintf(out, "%s %u IN %s %s\n",
				sw_name_text(sw_contents_name(contents, node), owner), rr->ttl,
				sw_type_text(rr->type, type), text);
			knot_rdataset_clear(&set.rrs, NULL);
		}
	}
	fclose(out);
}

static void print_keys(void)
{
	for (size_t i = 0; i < keys.count; i++) {
		const struct sw_key *key = &keys.keys[i];
		uint8_t ds[SW_DS_BYTES];
		must(sw_key_ds(&keys, key, ds), "ds");
		printf("key %s %s %u %u ", key->id, sw_key_role_label(key->role), key->tag, plan.uses[i]);
		printf("%u %u %u ", ds[0] << 8 | ds[1], ds[2], ds[3]);
		for (unsigned j = 4; j < sizeof(ds); j++)
			printf("%02x", ds[j]);
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	uint8_t apex[SW_NAME_MAX];
	if (argc < 6 || sw_name_parse(argv[2], apex) < 0)
		return 2;
	int64_t now_s = atoll(argv[5]);
	must(sw_keys_load(&keys, argv[1], apex, true, why), "load");
	for (int i = 6; i < argc; i++)
		option(argv[i], now_s);
	struct sw_contents *plain = read_zone(apex, argv[3]), *made = NULL;
	turn(argv[1], now_s);
	struct sw_sign_job job = {
		.keys = &keys, .plan = &plan, .policy = &policy, .now_s = (uint32_t)now_s, .seed = 1};
	struct sw_sign_result result;
	must(sw_sign_zone(&job, plain, NULL, NULL, sw_contents_key(plain), &made, &result), "sign");
	struct sw_findings findings = {.emit = sw_finding_print, .arg = stderr};
	must(sw_zone_check(made, (uint32_t)now_s, &findings), "check");
	if (sw_sign_due(made, &policy) != result.due_s)
		must(-EINVAL, "due");
	write_zone(made, argv[4]);
	sw_keys_served(&keys, &plan, now_s);
	must(sw_keys_save(&keys, argv[1], why), "save");
	int64_t due_s = plan.due_s < result.due_s ? plan.due_s : result.due_s;
	sw_keys_turn(&keys, &lives, now_s, &plan); /* what is next, now that this is served */
	if (plan.due_s < due_s)
		due_s = plan.due_s;
	printf("due %lld\nmade %llu\nreused %llu\nawaited %d\n", (long long)due_s,
		(unsigned long long)result.made, (unsigned long long)result.reused, plan.is_ds_awaited);
	print_keys();
	sw_contents_free(plain);
	sw_contents_free(made);
	sw_keys_free(&keys);
	return 0;
}
