/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys on disk, and rollovers through simulated time. What a rollover must never do is judged by a model of
 * all resolvers at once: whatever version of the DS set, of the DNSKEY set and of a signature may still lie
 * in some cache, together they must make a chain. */
#include "directory_help.h"
#include "zone/keys.h"
#include <errno.h>
#include <gnutls/crypto.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR 3600
#define DAY (24 * HOUR)

static char directory[64], why[SW_KEYS_WHY_MAX];
static const uint8_t apex[] = "\7example";

static int setup(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/sw-keys-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return help_remove(directory);
}

static struct sw_keys no_keys(void)
{
	struct sw_keys keys = {0};
	memcpy(keys.apex, apex, sizeof(apex));
	return keys;
}

static void path_of(char path[256], const char *name, const char *suffix)
{
	snprintf(path, 256, "%s/%s%s", directory, name, suffix);
}

static void expect_mode(const char *path, unsigned mode)
{
	struct stat found;
	assert_int_equal(stat(path, &found), 0);
	assert_int_equal(found.st_mode & 07777, mode);
}

static void test_round_trip(void **state)
{
	(void)state;
	struct sw_keys keys = no_keys(), again = {0};
	char path[256];
	assert_int_equal(sw_keys_load(&again, directory, apex, true, why), 0);
	assert_int_equal(again.count, 0);
	assert_int_equal(
		sw_keys_generate(&keys, directory, SW_KEY_KSK, SW_KEY_ECDSAP256SHA256, 1000, why), 0);
	assert_int_equal(sw_keys_generate(&keys, directory, SW_KEY_ZSK, SW_KEY_ED25519, 2000, why), 0);
	keys.keys[0].published_s = 5;
	keys.keys[0].active_s = 6;
	keys.keys[0].ds_submitted_s = 7;
	keys.keys[0].ds_seen_s = 8;
	keys.keys[1].is_roll_asked = true;
	assert_int_equal(sw_keys_save(&keys, directory, why), 0);
	assert_int_equal(sw_keys_load(&again, directory, (const uint8_t *)"\7EXAMPLE", true, why), 0);
	assert_int_equal(again.count, 2);
	for (int i = 0; i < 2; i++) {
		struct sw_key made = keys.keys[i], read = again.keys[i];
		assert_non_null(read.secret);
		made.secret = read.secret = NULL;
		assert_memory_equal(&read, &made, sizeof(made));
		path_of(path, keys.keys[i].id, ".pem");
		expect_mode(path, 0600);
	}
	assert_int_equal(keys.keys[0].dnskey_len, 4 + 64);
	assert_memory_equal(keys.keys[0].dnskey, "\1\1\3\15", 4);
	assert_int_equal(keys.keys[1].dnskey_len, 4 + 32);
	assert_memory_equal(keys.keys[1].dnskey, "\1\0\3\17", 4);
	path_of(path, "example", ".json");
	expect_mode(path, 0600);
	sw_keys_free(&again);
	assert_int_equal(sw_keys_load(&again, directory, apex, false, why), 0);
	assert_null(again.keys[0].secret);
	sw_keys_free(&keys);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void expect_refused(int error)
{
	struct sw_keys keys = {.count = 7};
	assert_int_equal(sw_keys_load(&keys, directory, apex, true, why), error);
	assert_int_equal(keys.count, 7); /* written only on success */
	assert_non_null(strstr(why, directory));
}

static void test_bad_files(void **state)
{
	(void)state;
	struct sw_keys keys = no_keys();
	char path[256], one[256], other[256], text[4096] = "", changed[4096];
	assert_int_equal(sw_keys_generate(&keys, directory, SW_KEY_CSK, SW_KEY_ECDSAP256SHA256, 1, why), 0);
	assert_int_equal(sw_keys_generate(&keys, directory, SW_KEY_CSK, SW_KEY_ECDSAP256SHA256, 2, why), 0);
	path_of(path, "example", ".json");
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);

	static const char *const texts[] = {"", "[]", "{\"version\":1}", "{\"version\":2}", "nonsense"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		write_text(path, texts[i]);
		expect_refused(-EBADMSG);
	}
	/* one word changed: another zone, a path as id, an unknown role, a time before 1970, another tag */
	static const char *const words[][2] = {{"example.", "exampla."}, {"\"id\": \"", "\"id\": \"../"},
		{"\"csk\"", "\"ask\""}, {"\"created\": 1", "\"created\": -1"}, {"\"tag\": ", "\"tag\": 9"},
		{"\"dnskey\": \"0", "\"dnskey\": \"g"}, {"\"algorithm\": 13", "\"algorithm\": 15"}};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		char *at = strstr(text, words[i][0]);
		assert_non_null(at);
		snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, words[i][1],
			at + strlen(words[i][0]));
		write_text(path, changed);
		expect_refused(-EBADMSG);
	}
	write_text(path, text);
	path_of(one, keys.keys[0].id, ".pem");
	path_of(other, keys.keys[1].id, ".pem");
	assert_int_equal(rename(one, other), 0);
	expect_refused(-ENOENT);
	assert_int_equal(link(other, one), 0);
	expect_refused(-EBADMSG); /* the second key has the private key of the first */
	write_text(other, "-----BEGIN PRIVATE KEY-----\n");
	expect_refused(-EBADMSG);
	sw_keys_free(&keys);
}

static void test_names(void **state)
{
	(void)state;
	/* names that would be paths, and one too long for a file name */
	uint8_t names[4][SW_NAME_MAX] = {"", "\3../\2..", "\1a\1.\2\0x"};
	for (int i = 0; i < 250; i += 50)
		names[3][i] = 49, memset(names[3] + i + 1, '/', 49);
	names[3][250] = 0;
	struct sw_keys found = {0};
	for (int i = 0; i < 4; i++) {
		struct sw_keys keys = {0};
		memcpy(keys.apex, names[i], SW_NAME_MAX);
		assert_int_equal(sw_keys_generate(&keys, directory, SW_KEY_CSK, SW_KEY_ED25519, 1, why), 0);
		assert_int_equal(sw_keys_load(&found, directory, names[i], true, why), 0);
		assert_int_equal(found.count, 1);
		assert_string_equal(found.keys[0].id, keys.keys[0].id);
		sw_keys_free(&found);
		sw_keys_free(&keys);
	}
}

static void test_errors(void **state)
{
	(void)state;
	struct sw_keys keys = no_keys();
	assert_int_equal(sw_keys_generate(&keys, directory, SW_KEY_CSK, 8, 1, why), -EINVAL);
	assert_int_equal(
		sw_keys_generate(&keys, "/dev/null/x", SW_KEY_CSK, SW_KEY_ED25519, 1, why), -ENOTDIR);
	assert_int_equal(keys.count, 0);
	assert_int_equal(sw_keys_save(&keys, "/dev/null/x", why), -ENOTDIR);
	assert_int_equal(sw_keys_ds_seen(&keys, "x", 1), -ENOENT);
	assert_int_equal(sw_keys_roll(&keys, SW_KEY_CSK), -ENOENT);
	keys.count = SW_KEYS_MAX;
	assert_int_equal(sw_keys_generate(&keys, directory, SW_KEY_CSK, SW_KEY_ED25519, 1, why), -ENOSPC);
}

static void test_purge(void **state)
{
	(void)state;
	struct sw_keys keys = no_keys();
	char path[2][256];
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sw_keys_generate(&keys, directory, SW_KEY_ZSK, SW_KEY_ED25519, 1, why), 0);
		path_of(path[i], keys.keys[i].id, ".pem");
	}
	keys.keys[0].removed_s = 50;
	assert_int_equal(sw_keys_purge(&keys, directory, 50, why), 0);
	assert_int_equal(keys.count, 2);
	assert_int_equal(sw_keys_purge(&keys, directory, 51, why), 0);
	assert_int_equal(keys.count, 1);
	assert_int_equal(access(path[0], F_OK), -1);
	assert_int_equal(access(path[1], F_OK), 0);
	sw_keys_free(&keys);
	assert_int_equal(sw_keys_load(&keys, directory, apex, true, why), 0);
	assert_int_equal(keys.count, 1);
	sw_keys_free(&keys);
}

/** Makes and forgets keys until it is killed. Every key there is has its private key at that time. */
static void churn(void)
{
	struct sw_keys keys = no_keys();
	for (int64_t now_s = 1;; now_s++) {
		if (keys.count > 3)
			keys.keys[0].removed_s = now_s;
		if (sw_keys_purge(&keys, directory, INT64_MAX, why) != 0 ||
			sw_keys_generate(&keys, directory, SW_KEY_ZSK, SW_KEY_ED25519, now_s, why) != 0)
			_exit(1);
	}
}

static void test_killed(void **state)
{
	(void)state;
	size_t most = 0;
	srandom(9);
	/* more rounds where the machine is so busy that none comes far */
	for (int round = 0; round < 60 || (most < 2 && round < 6000); round++) {
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0)
			churn();
		/* at a random moment of its work: whether it has come far is seen below */
		struct timespec some = {.tv_nsec = random() % 20000000};
		clock_nanosleep(CLOCK_MONOTONIC, 0, &some, NULL);
		int status;
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		struct sw_keys keys = no_keys();
		if (sw_keys_load(&keys, directory, apex, true, why) != 0)
			fail_msg("%s", why);
		most = keys.count > most ? keys.count : most;
		sw_keys_free(&keys);
	}
	assert_true(most >= 2);
}

/** RFC 6605 s6.1: a P-256 key and its DS. */
static void test_ds(void **state)
{
	(void)state;
	static const char public_key[] = "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb"
					 "krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
	static const char digest[] = "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17";
	struct sw_keys keys = {.count = 1};
	sw_name_parse("example.net.", keys.apex);
	struct sw_key *key = &keys.keys[0];
	*key = (struct sw_key){.algorithm = 13, .tag = 55648, .dnskey = {1, 1, 3, 13}, .dnskey_len = 68};
	gnutls_datum_t text = {(unsigned char *)public_key, sizeof(public_key) - 1}, raw;
	assert_int_equal(gnutls_base64_decode2(&text, &raw), 0);
	assert_int_equal(raw.size, 64);
	memcpy(key->dnskey + 4, raw.data, raw.size);
	gnutls_free(raw.data);
	uint8_t ds[SW_DS_BYTES], want[SW_DS_BYTES] = {55648 >> 8, 55648 & 255, 13, 2};
	for (int i = 0; i < 32; i++)
		sscanf(digest + 2 * i, "%2hhx", &want[4 + i]);
	assert_int_equal(sw_key_ds(&keys, key, ds), 0);
	assert_memory_equal(ds, want, sizeof(ds));
	assert_ptr_equal(sw_keys_find_ds(&keys, ds, sizeof(ds)), key);
	ds[20] ^= 1;
	assert_null(sw_keys_find_ds(&keys, ds, sizeof(ds)));
	assert_null(sw_keys_find_ds(&keys, want, sizeof(want) - 1));
}

/* ---- the world ---- */

#define VERSIONS_MAX 4096

/** What is served from some time on. Keys as bits. */
struct version {
	int64_t from_s;
	uint32_t published, sign_keys, sign_zone, submitted, ds;
};

struct world {
	struct sw_keys keys;
	struct sw_keys_policy policy;
	struct version versions[VERSIONS_MAX];
	size_t count;
	uint32_t ds;	     /* at the parent */
	int64_t parent_s;    /* the parent looks at CDS so often; 0: never */
	int64_t seen_next_s; /* and the operator has seen it then */
};

static struct world world;

static void make_key(struct sw_keys *keys, enum sw_key_role role, uint8_t algorithm, int64_t now_s)
{
	assert_true(keys->count < SW_KEYS_MAX);
	struct sw_key *key = &keys->keys[keys->count];
	*key = (struct sw_key){.role = role, .algorithm = algorithm, .created_s = now_s};
	snprintf(key->id, sizeof(key->id), "%040zx", keys->count++);
}

/** One turn of the zone; it is served at once. @return when the next is due */
static int64_t serve(int64_t now_s)
{
	struct sw_keys_plan plan;
	for (int tries = 0;; tries++) {
		assert_true(tries < 5);
		struct sw_keys before = world.keys;
		sw_keys_turn(&world.keys, &world.policy, now_s, &plan);
		assert_memory_equal(&before, &world.keys, sizeof(before)); /* it is pure */
		if (!plan.wants[0] && !plan.wants[1] && !plan.wants[2])
			break;
		for (int role = 0; role < 3; role++) {
			if (plan.wants[role])
				make_key(&world.keys, role, plan.wanted_algorithm, now_s);
		}
	}
	assert_true(world.count < VERSIONS_MAX);
	struct version *version = &world.versions[world.count++];
	*version = (struct version){.from_s = now_s, .ds = world.ds};
	for (size_t i = 0; i < world.keys.count; i++) {
		version->published |= (plan.uses[i] & SW_KEY_PUBLISH ? 1u : 0) << i;
		version->sign_keys |= (plan.uses[i] & SW_KEY_SIGN_KEYS ? 1u : 0) << i;
		version->sign_zone |= (plan.uses[i] & SW_KEY_SIGN_ZONE ? 1u : 0) << i;
		version->submitted |= (plan.uses[i] & SW_KEY_SUBMIT ? 1u : 0) << i;
	}
	sw_keys_served(&world.keys, &plan, now_s);
	assert_false(sw_keys_served(&world.keys, &plan, now_s + 1)); /* nothing new the second time */
	sw_keys_turn(&world.keys, &world.policy, now_s, &plan);
	return plan.due_s;
}

/** Versions that some cache may have got until `back_s` before now: the newest before that, and all since. */
static size_t oldest_in_caches(int64_t now_s, int64_t back_s)
{
	size_t i = world.count - 1;
	while (i > 0 && world.versions[i].from_s > now_s - back_s)
		i--;
	return i;
}

/** Every chain that a resolver may put together now. */
static void judge(int64_t now_s)
{
	const struct sw_keys_policy *policy = &world.policy;
	size_t ds_from = oldest_in_caches(now_s, policy->ds_ttl_s + policy->parent_propagation_s);
	size_t keys_from = oldest_in_caches(now_s, policy->dnskey_ttl_s + policy->propagation_s);
	size_t zone_from = oldest_in_caches(now_s, policy->zone_ttl_max_s + policy->propagation_s);
	for (size_t d = ds_from; d < world.count; d++) {
		for (size_t k = keys_from; k < world.count && world.versions[d].ds; k++) {
			const struct version *keys = &world.versions[k];
			uint32_t chain = world.versions[d].ds & keys->published & keys->sign_keys;
			if (!chain)
				fail_msg("second %lld: DS %x, DNSKEY %x signed by %x", (long long)now_s,
					world.versions[d].ds, keys->published, keys->sign_keys);
			for (size_t z = zone_from; z < world.count; z++) {
				if (!(world.versions[z].sign_zone & keys->published))
					fail_msg("second %lld: signed by %x, DNSKEY %x", (long long)now_s,
						world.versions[z].sign_zone, keys->published);
			}
		}
	}
}

/** The parent puts the DS it is asked for in place of what there was; the operator sees it an hour later. */
static void parent_acts(int64_t now_s)
{
	uint32_t asked = world.versions[world.count - 1].submitted;
	if (world.seen_next_s && now_s >= world.seen_next_s) {
		world.seen_next_s = 0;
		for (size_t i = 0; i < world.keys.count; i++) {
			if (world.ds >> i & 1)
				assert_int_equal(
					sw_keys_ds_seen(&world.keys, world.keys.keys[i].id, now_s), 0);
		}
	}
	if (world.parent_s && now_s % world.parent_s == 0 && asked && asked != world.ds) {
		world.ds = asked;
		world.seen_next_s = now_s + HOUR;
	}
}

/** Live through some time in steps of ten minutes. @return when `until` first held */
static int64_t live(int64_t from_s, int64_t to_s)
{
	int64_t due_s = from_s;
	for (int64_t now_s = from_s; now_s < to_s; now_s += 600) {
		uint32_t ds = world.ds;
		int64_t seen_s = world.seen_next_s;
		if (world.count)
			parent_acts(now_s);
		/* a version is made when one is due, or when something happened; never for nothing, so that
		 * what `due_s` leaves out is found out by rollovers that stand still */
		if (now_s >= due_s || ds != world.ds || seen_s != world.seen_next_s)
			due_s = serve(now_s);
		judge(now_s);
	}
	return due_s;
}

static void begin(struct sw_keys_policy policy, int64_t parent_s)
{
	memset(&world, 0, sizeof(world));
	world.policy = policy;
	world.parent_s = parent_s;
	world.keys = no_keys();
}

static const struct sw_keys_policy quick = {.algorithm = 13,
	.dnskey_ttl_s = HOUR,
	.zone_ttl_max_s = 4 * HOUR,
	.propagation_s = HOUR,
	.ds_ttl_s = DAY,
	.parent_propagation_s = 2 * HOUR};

#define START (20000 * DAY)

static size_t alive(void)
{
	size_t count = 0;
	for (size_t i = 0; i < world.keys.count; i++)
		count += world.keys.keys[i].removed_s == 0;
	return count;
}

static void test_first_key(void **state)
{
	(void)state;
	begin(quick, 6 * HOUR);
	int64_t due_s = live(START, START + 10 * DAY);
	const struct sw_key *key = &world.keys.keys[0];
	assert_int_equal(world.keys.count, 1);
	assert_int_equal(key->role, SW_KEY_CSK);
	assert_int_equal(key->published_s, START);
	assert_int_equal(key->active_s, START);
	/* the DS only when no cache has unsigned records: the zone's TTL and an hour */
	assert_int_equal(key->ds_submitted_s, START + 5 * HOUR);
	assert_int_equal(key->ds_seen_s, START + 7 * HOUR);
	assert_int_equal(due_s, INT64_MAX);
}

/** What happened to a key meanwhile, and when. */
static struct sw_key_next happened(const struct sw_key *old, const struct sw_key *new)
{
	if (old->removed_s != new->removed_s)
		return (struct sw_key_next){SW_KEY_IS_REMOVED, new->removed_s};
	if (old->retired_s != new->retired_s)
		return (struct sw_key_next){SW_KEY_IS_RETIRED, new->retired_s};
	if (old->active_s != new->active_s)
		return (struct sw_key_next){SW_KEY_IS_ACTIVE, new->active_s};
	if (old->ds_submitted_s != new->ds_submitted_s)
		return (struct sw_key_next){SW_KEY_IS_SUBMITTED, new->ds_submitted_s};
	return (struct sw_key_next){SW_KEY_NOTHING, 0};
}

/** What is told to come next does come, at that moment, and nothing before it: looked at an hour apart. */
static void live_as_told(int64_t from_s, int64_t to_s, unsigned told[])
{
	struct sw_key_next next[SW_KEYS_MAX];
	live(from_s, from_s + HOUR);
	for (int64_t now_s = from_s + HOUR; now_s < to_s; now_s += HOUR) {
		struct sw_keys before = world.keys;
		uint32_t ds = world.ds;
		int64_t seen_s = world.seen_next_s;
		sw_keys_next(&world.keys, &world.policy, now_s - HOUR, next);
		assert_memory_equal(&before, &world.keys, sizeof(before));
		live(now_s, now_s + HOUR);
		if (ds != world.ds || seen_s != world.seen_next_s)
			continue; /* somebody has acted: what was told may be others' now */
		for (size_t i = 0; i < before.count; i++) {
			struct sw_key_next did = happened(&before.keys[i], &world.keys.keys[i]);
			bool is_told = next[i].at_s != 0 && next[i].at_s <= now_s;
			if (is_told && next[i].event == SW_KEY_IS_REPLACED) {
				assert_true(world.keys.count > before.count);
			} else if (is_told || did.event != SW_KEY_NOTHING) {
				assert_int_equal(did.event, next[i].event);
				assert_int_equal(did.at_s, next[i].at_s);
			}
			told[next[i].event]++;
		}
	}
}

static void test_next(void **state)
{
	(void)state;
	unsigned told[SW_KEY_IS_REPLACED + 1] = {0};
	begin(quick, 6 * HOUR);
	world.policy.ksk_lifetime_s = 30 * DAY;
	live_as_told(START, START + 100 * DAY, told);
	begin(quick, 6 * HOUR);
	world.policy.is_split = true;
	world.policy.ksk_lifetime_s = 40 * DAY;
	world.policy.zsk_lifetime_s = 10 * DAY;
	live_as_told(START, START + 100 * DAY, told);
	for (int event = SW_KEY_IS_ACTIVE; event <= SW_KEY_IS_REPLACED; event++)
		assert_true(told[event] > 0);
}

static void test_next_awaited(void **state)
{
	(void)state;
	struct sw_key_next next[SW_KEYS_MAX];
	begin(quick, 0); /* no parent looks */
	serve(START);
	sw_keys_next(&world.keys, &world.policy, START, next);
	assert_int_equal(next[0].event, SW_KEY_IS_SUBMITTED);
	assert_int_equal(next[0].at_s, START + 5 * HOUR);
	live(START, START + DAY);
	sw_keys_next(&world.keys, &world.policy, START + DAY, next);
	assert_int_equal(next[0].event, SW_KEY_IS_SEEN);
	assert_int_equal(next[0].at_s, 0);
	assert_int_equal(sw_keys_ds_seen(&world.keys, world.keys.keys[0].id, START + DAY), 0);
	live(START + DAY, START + 3 * DAY);
	sw_keys_next(&world.keys, &world.policy, START + 3 * DAY, next);
	assert_int_equal(next[0].event, SW_KEY_NOTHING); /* for ever */
	assert_int_equal(sw_keys_roll(&world.keys, SW_KEY_CSK), 0);
	live(START + 3 * DAY, START + 6 * DAY);
	sw_keys_next(&world.keys, &world.policy, START + 6 * DAY, next);
	assert_int_equal(world.keys.count, 2);
	assert_int_equal(next[0].event, SW_KEY_IS_REMOVED); /* its successor signs, its DS is all there is */
	assert_int_equal(next[0].at_s, 0);
	assert_int_equal(next[1].event, SW_KEY_IS_SEEN);
	world.policy.is_leaving = true;
	sw_keys_next(&world.keys, &world.policy, START + 6 * DAY, next);
	assert_int_equal(next[0].event, SW_KEY_NOTHING);
}

static void test_csk_roll(void **state)
{
	(void)state;
	begin(quick, 6 * HOUR);
	world.policy.ksk_lifetime_s = 30 * DAY;
	live(START, START + 100 * DAY);
	assert_int_equal(alive(), 1);
	assert_int_equal(world.keys.count, 4);
	for (int i = 0; i < 3; i++) {
		const struct sw_key *old = &world.keys.keys[i], *new = old + 1;
		int64_t begin_s = old->ds_seen_s + 30 * DAY;
		assert_int_equal(new->published_s, begin_s);
		assert_int_equal(new->active_s, begin_s + 2 * HOUR); /* DNSKEY TTL, propagation */
		assert_int_equal(new->ds_submitted_s, begin_s + 2 * HOUR);
		assert_int_equal(old->retired_s, new->active_s);
		assert_int_equal(old->removed_s, new->ds_seen_s + 26 * HOUR); /* DS TTL, propagation */
	}
}

static void test_split_rolls(void **state)
{
	(void)state;
	begin(quick, 6 * HOUR);
	world.policy.is_split = true;
	world.policy.ksk_lifetime_s = 70 * DAY;
	world.policy.zsk_lifetime_s = 20 * DAY;
	live(START, START + 190 * DAY);
	assert_int_equal(alive(), 2);
	const struct sw_key *last[3] = {0};
	int counts[3] = {0};
	for (size_t i = 0; i < world.keys.count; i++) {
		const struct sw_key *key = &world.keys.keys[i], *old = last[key->role];
		last[key->role] = key;
		counts[key->role]++;
		if (old && key->role == SW_KEY_ZSK) {
			assert_int_equal(key->active_s - old->active_s, 20 * DAY);
			assert_int_equal(key->published_s, key->active_s - 2 * HOUR);
			assert_int_equal(old->retired_s, key->active_s);
			assert_int_equal(old->removed_s, key->active_s + 5 * HOUR);
		}
	}
	assert_int_equal(counts[SW_KEY_CSK], 0);
	assert_int_equal(counts[SW_KEY_KSK], 3);
	assert_int_equal(counts[SW_KEY_ZSK], 10);
}

/** A parent that never takes the DS stops the rollover for good, and hurts nobody. */
static void test_ds_never_comes(void **state)
{
	(void)state;
	begin(quick, 6 * HOUR);
	live(START, START + 5 * DAY);
	world.parent_s = 0;
	assert_int_equal(sw_keys_roll(&world.keys, SW_KEY_CSK), 0);
	assert_int_equal(sw_keys_roll(&world.keys, SW_KEY_CSK), -EALREADY);
	live(START + 5 * DAY, START + 300 * DAY);
	assert_int_equal(world.keys.count, 2);
	assert_int_equal(alive(), 2);
	struct sw_keys_plan plan;
	sw_keys_turn(&world.keys, &world.policy, START + 300 * DAY, &plan);
	assert_true(plan.is_ds_awaited);
	assert_int_equal(plan.due_s, INT64_MAX);
	assert_int_equal(plan.uses[0], SW_KEY_PUBLISH | SW_KEY_SIGN_KEYS | SW_KEY_RETIRED);
	assert_int_equal(plan.uses[1], SW_KEY_PUBLISH | SW_KEY_SIGN_KEYS | SW_KEY_SIGN_ZONE | SW_KEY_SUBMIT);
	world.parent_s = 6 * HOUR; /* and goes on when it does */
	live(START + 300 * DAY, START + 310 * DAY);
	assert_int_equal(alive(), 1);
	assert_int_equal(world.keys.keys[0].removed_s != 0, 1);
}

static void test_ds_too_early(void **state)
{
	(void)state;
	begin(quick, 0);
	live(START, START + 4 * HOUR);
	assert_int_equal(sw_keys_ds_seen(&world.keys, world.keys.keys[0].id, START + 4 * HOUR), -EAGAIN);
	assert_int_equal(world.keys.keys[0].ds_seen_s, 0);
}

/** A node that is down after it made a key, and comes back when all waits are over, has told nobody of it. */
static void test_down_meanwhile(void **state)
{
	(void)state;
	begin(quick, 6 * HOUR);
	world.policy.is_split = true;
	live(START, START + 5 * DAY);
	make_key(&world.keys, SW_KEY_ZSK, 13, START + 5 * DAY);
	struct sw_keys_plan plan;
	int64_t back_s = START + 50 * DAY;
	sw_keys_turn(&world.keys, &world.policy, back_s, &plan);
	assert_int_equal(plan.uses[2], SW_KEY_PUBLISH);
	assert_int_equal(plan.uses[1], SW_KEY_PUBLISH | SW_KEY_SIGN_ZONE);
	live(back_s, back_s + 5 * DAY);
	assert_int_equal(world.keys.keys[2].published_s, back_s);
	assert_int_equal(world.keys.keys[2].active_s, back_s + 2 * HOUR);
	assert_int_equal(alive(), 2);
}

/** From one key to two and back, while everything validates. */
static void test_change_of_scheme(void **state)
{
	(void)state;
	begin(quick, 6 * HOUR);
	live(START, START + 5 * DAY);
	world.policy.is_split = true;
	serve(START + 5 * DAY);
	live(START + 5 * DAY, START + 20 * DAY);
	assert_int_equal(alive(), 2);
	assert_int_not_equal(world.keys.keys[0].removed_s, 0);
	world.policy.is_split = false;
	serve(START + 20 * DAY);
	live(START + 20 * DAY, START + 40 * DAY);
	assert_int_equal(alive(), 1);
	assert_int_equal(world.keys.keys[world.keys.count - 1].role, SW_KEY_CSK);
	assert_int_equal(world.keys.keys[world.keys.count - 1].removed_s, 0);
}

/** Another algorithm in the policy does not creep in by a rollover (RFC 6840 s5.11). */
static void test_one_algorithm(void **state)
{
	(void)state;
	begin(quick, 6 * HOUR);
	live(START, START + 5 * DAY);
	world.policy.algorithm = SW_KEY_ED25519;
	assert_int_equal(sw_keys_roll(&world.keys, SW_KEY_CSK), 0);
	live(START + 5 * DAY, START + 10 * DAY);
	assert_int_equal(world.keys.count, 2);
	assert_int_equal(world.keys.keys[1].algorithm, SW_KEY_ECDSAP256SHA256);
}

static void test_leaving(void **state)
{
	(void)state;
	begin(quick, 6 * HOUR);
	live(START, START + 5 * DAY);
	world.policy.is_leaving = true;
	struct sw_keys_plan plan;
	sw_keys_turn(&world.keys, &world.policy, START + 5 * DAY, &plan);
	assert_true(plan.is_delete);
	assert_int_equal(plan.uses[0], SW_KEY_PUBLISH | SW_KEY_SIGN_KEYS | SW_KEY_SIGN_ZONE);
}

/** Rollovers in which everything that may be random is, under the same judge. */
static void test_random_worlds(void **state)
{
	(void)state;
	srandom(7);
	for (int round = 0; round < 30; round++) {
		begin(quick, (1 + random() % 40) * HOUR);
		world.policy.dnskey_ttl_s = (uint32_t)(random() % (2 * DAY));
		world.policy.zone_ttl_max_s = (uint32_t)(random() % (2 * DAY));
		world.policy.ds_ttl_s = (uint32_t)(random() % (2 * DAY));
		world.policy.propagation_s = (uint32_t)(random() % (6 * HOUR));
		world.policy.ksk_lifetime_s = (uint32_t)((6 + random() % 10) * DAY);
		world.policy.zsk_lifetime_s = (uint32_t)((6 + random() % 10) * DAY);
		int64_t now_s = START;
		for (int era = 0; era < 4; era++) {
			world.policy.is_split = random() & 1;
			int64_t to_s = now_s + (1 + random() % 8) * DAY;
			to_s -= to_s % 600;
			serve(now_s);
			live(now_s, to_s);
			sw_keys_roll(&world.keys, random() & 1 ? SW_KEY_ZSK : SW_KEY_CSK);
			now_s = to_s;
		}
		assert_true(alive() <= 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_purge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
		cmocka_unit_test(test_ds),
		cmocka_unit_test(test_first_key),
		cmocka_unit_test(test_csk_roll),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_next_awaited),
		cmocka_unit_test(test_split_rolls),
		cmocka_unit_test(test_ds_never_comes),
		cmocka_unit_test(test_ds_too_early),
		cmocka_unit_test(test_down_meanwhile),
		cmocka_unit_test(test_change_of_scheme),
		cmocka_unit_test(test_one_algorithm),
		cmocka_unit_test(test_leaving),
		cmocka_unit_test(test_random_worlds),
	};
	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
