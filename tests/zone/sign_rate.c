/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What signing costs: sign_rate [NAMES]. Prints a line for each of both algorithms and both denials: a zone
 * of so many names with an A record each signed, then signed anew with ten of them changed. */
#include "directory_help.h"
#include "rate_help.h"
#include "zone/sign.h"

static char directory[] = "/tmp/sw-rate-XXXXXX", why[SW_KEYS_WHY_MAX];
static struct sw_hash_key hash_key;

/** @param changed  so many names have another address */
static struct sw_contents *make(unsigned names, unsigned changed)
{
	static const uint8_t soa[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 44};
	const uint8_t *apex = (const uint8_t *)"\7example";
	struct sw_contents *contents = sw_contents_new(apex, &hash_key);
	if (!contents)
		must(-ENOMEM, "contents");
	must(sw_contents_add(contents, apex, 6, 3600, soa, sizeof(soa), 0, 0), "add");
	must(sw_contents_add(contents, apex, 2, 3600, (const uint8_t *)"\2ns", 4, 0, 0), "add");
	for (unsigned i = 0; i < names; i++) {
		char text[64];
		uint8_t name[SW_NAME_MAX],
			address[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
		snprintf(text, sizeof(text), "host-%u.example.", i);
		sw_name_parse(text, name);
		address[0] = (uint8_t)(10 + (i % (names / 10) == 0 && i / (names / 10) < changed));
		must(sw_contents_add(contents, name, 1, 3600, address, 4, 0, 0), "add");
	}
	must(sw_contents_finish(contents), "finish");
	return contents;
}

/** So many changes of one record each, signed and kept in one transaction. */
static void measure_changes(
	const struct sw_sign_job *job, const struct sw_contents *contents, unsigned names, unsigned changes)
{
	struct sw_archive *archive;
	const uint8_t *apex = (const uint8_t *)"\7example";
	must(sw_archive_open(&archive, directory, why), why);
	must(sw_archive_begin(archive), "begin");
	must(sw_archive_replace(archive, contents), "replace");
	must(sw_archive_commit(archive), "commit");
	must(sw_archive_begin(archive), "begin");
	struct sw_sign_archived lent = {.snapshot = sw_archive_own(archive), .apex = apex};
	struct sw_sign_source source = sw_sign_source_of(&lent);
	double at = cpu_s(), signing = 0;
	for (unsigned i = 0; i < changes; i++) {
		uint8_t soa[22] = {0, 0, 0, 0, (uint8_t)((i + 2) >> 8), (uint8_t)(i + 2), 0, 0, 0, 1, 0, 0, 0,
			1, 0, 0, 0, 1, 0, 0, 1, 44};
		uint8_t name[SW_NAME_MAX],
			address[4] = {11, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
		char text[64];
		/* every other one a name that was not there */
		snprintf(text, sizeof(text), i & 1 ? "new-%u.example." : "host-%u.example.", i * 37 % names);
		sw_name_parse(text, name);
		struct sw_delta change = {0}, delta;
		struct sw_record record = {
			.owner = apex, .type = 6, .ttl = 3600, .rdata = soa, .rdata_len = 22};
		must(sw_records_add(&change.new_soa, &record), "add");
		record = (struct sw_record){
			.owner = name, .type = 1, .ttl = 3600, .rdata = address, .rdata_len = 4};
		must(sw_records_add(&change.added, &record), "add");
		double before = cpu_s();
		must(sw_sign_delta(job, apex, &source, &change, &delta, NULL), "sign");
		signing += cpu_s() - before;
		must(sw_archive_change(archive, apex, &delta), "change");
		sw_delta_free(&change);
		sw_delta_free(&delta);
	}
	must(sw_archive_commit(archive), "commit");
	printf("%u changes in the archive: %.0f us each to sign, %.0f us in all\n", changes,
		signing / changes * 1e6, (cpu_s() - at) / changes * 1e6);
	sw_archive_close(archive);
}

static void measure(unsigned names, uint8_t algorithm, bool is_nsec3)
{
	struct sw_keys keys = {.apex = "\7example"};
	struct sw_keys_plan plan = {.uses = {SW_KEY_PUBLISH | SW_KEY_SIGN_KEYS | SW_KEY_SIGN_ZONE}};
	struct sw_sign_policy policy = SW_SIGN_POLICY_DEFAULT;
	struct sw_sign_job job = {
		.keys = &keys, .plan = &plan, .policy = &policy, .now_s = 1800000000, .seed = 1};
	struct sw_contents *plain = make(names, 0), *other = make(names, 10), *first = NULL, *second = NULL;
	struct sw_sign_result made, again;
	policy.is_nsec3 = is_nsec3;
	must(sw_keys_generate(&keys, directory, SW_KEY_CSK, algorithm, 1, why), why);
	double at = cpu_s();
	must(sw_sign_zone(&job, plain, NULL, NULL, &hash_key, &first, &made), "sign");
	double once = cpu_s() - at;
	at = cpu_s();
	must(sw_sign_zone(&job, other, NULL, first, &hash_key, &second, &again), "sign");
	double twice = cpu_s() - at;
	printf("%s %s, %u names: %llu signatures in %.2f s (%.0f/s); again with 10 changes: %llu in %.3f s\n",
		algorithm == SW_KEY_ED25519 ? "ed25519" : "ecdsap256", is_nsec3 ? "nsec3" : "nsec", names,
		(unsigned long long)made.made, once, (double)made.made / once, (unsigned long long)again.made,
		twice);
	measure_changes(&job, first, names, 1000);
	sw_contents_free(plain);
	sw_contents_free(other);
	sw_contents_free(first);
	sw_contents_free(second);
	sw_keys_free(&keys);
}

int main(int argc, char **argv)
{
	unsigned names = argc > 1 ? (unsigned)atoi(argv[1]) : 100000;
	if (names < 10 || !mkdtemp(directory) || sw_hash_key_draw(&hash_key) != 0)
		return 2;
	for (int i = 0; i < 4; i++)
		measure(names, i < 2 ? SW_KEY_ECDSAP256SHA256 : SW_KEY_ED25519, i & 1);
	return help_remove(directory);
}
