/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "states.h"
#include "answer/answer.h"
#include <errno.h>
#include <urcu.h>

#define STATES 6
#define STAYING 60
#define CHANGES_MAX 100000
#define REPLY_MAX 1232

/* Cuts with and without DS, DNAMEs, wildcards, empty non-terminals, labels before "*", all come and go. No
 * CNAME or DNAME leads to another name of the zone: each name in an answer is of one state, but not of the
 * same one. */
static const struct {
	const char *owner;
	uint16_t type;
	const char *rdata;
	uint16_t len;
} candidates[] = {{"www.example", SW_TYPE_A, "\1\2\3\4", 4},
	{"www.example", SW_TYPE_AAAA, "0123456789abcdef", 16}, {"www.example", SW_TYPE_TXT, "\3abc", 4},
	{"a.example", SW_TYPE_A, "\1\1\1\1", 4}, {"b.a.example", SW_TYPE_A, "\1\1\1\2", 4},
	{"*.a.example", SW_TYPE_TXT, "\3any", 4}, {"*.a.example", SW_TYPE_A, "\1\1\1\3", 4},
	{"x.y.z.example", SW_TYPE_A, "\1\1\1\4", 4}, {"y.z.example", SW_TYPE_TXT, "\3ent", 4},
	{"cut.example", SW_TYPE_NS, "\2ns\3cut\7example", 16},
	{"cut.example", SW_TYPE_DS, "0123456789abcdef0123456789abcdef0123", 36},
	{"ns.cut.example", SW_TYPE_A, "\1\1\1\5", 4}, {"d.example", SW_TYPE_DNAME, "\1a\5other", 9},
	{"e.d.example", SW_TYPE_A, "\1\1\1\6", 4}, {"*.w.example", SW_TYPE_A, "\1\1\1\7", 4},
	{"*.w.example", SW_TYPE_AAAA, "0123456789abcdef", 16}, {"q.w.example", SW_TYPE_A, "\1\1\1\10", 4},
	{"c.example", SW_TYPE_CNAME, "\1b\5other", 9}, {"$.example", SW_TYPE_A, "\1\1\1\11", 4},
	{"f.$.example", SW_TYPE_A, "\1\1\1\12", 4}, {"p0.example", SW_TYPE_A, "\1\1\1\13", 4},
	{"p1.example", SW_TYPE_A, "\1\1\1\13", 4}, {"p2.example", SW_TYPE_A, "\1\1\1\13", 4},
	{"s00.example", SW_TYPE_A, "\1\1\1\13", 4}, {"s29a.example", SW_TYPE_TXT, "\1x", 2}};
#define CANDIDATES (sizeof(candidates) / sizeof(*candidates))

static const uint16_t types[] = {SW_TYPE_A, SW_TYPE_AAAA, SW_TYPE_TXT, SW_TYPE_DS, SW_TYPE_NSEC};
#define TYPES (sizeof(types) / sizeof(*types))
#define ASKED (CANDIDATES * 2 * TYPES)

struct states {
	struct signing signing;
	struct sw_contents *contents[STATES];
	struct {
		uint8_t bytes[300];
		size_t len;
	} query[ASKED];
	struct {
		uint8_t bytes[REPLY_MAX];
		size_t len;
	} reply[STATES][ASKED];
	/* changes begun, changes ended, and which state each led to */
	unsigned begun, ended;
	uint8_t history[CHANGES_MAX];
	uint64_t random;
};

static unsigned draw(uint64_t *random, unsigned below)
{
	*random = *random * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(*random >> 33) % below;
}

static void add(struct changing_zone *zone, const char *owner, uint16_t type, const char *rdata, uint16_t len)
{
	uint8_t name[SW_NAME_MAX];
	assert_true(sw_name_parse(owner, name) > 0);
	changing_add(zone, name, type, 300, (const uint8_t *)rdata, len);
}

static void contents_make(struct states *states, unsigned number, const struct sw_hash_key *key)
{
	struct changing_zone *zone = changing_new("example");
	for (unsigned i = 0; i < STAYING; i++) {
		char text[32];
		sprintf(text, "s%02u.example", i);
		add(zone, text, SW_TYPE_A, "\12\0\0\1", 4);
	}
	for (unsigned i = 0; i < CANDIDATES; i++) {
		if (draw(&states->random, 2))
			add(zone, candidates[i].owner, candidates[i].type, candidates[i].rdata,
				candidates[i].len);
	}
	states->contents[number] =
		signing_sign(&states->signing, zone, number ? states->contents[0] : NULL, key);
	changing_free(zone);
}

static void query_make(struct states *states, unsigned number)
{
	static const uint8_t opt[] = {0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 0};
	unsigned candidate = number / TYPES / 2;
	uint8_t *query = states->query[number].bytes, name[SW_NAME_MAX];
	char text[SW_NAME_TEXT_MAX];
	size_t len = SW_HEADER_LEN;
	uint16_t type = types[number % TYPES];
	sprintf(text, "%s%s", number / TYPES % 2 ? "n." : "", candidates[candidate].owner);
	assert_true(sw_name_parse(text, name) > 0);
	memcpy(query, (uint8_t[]){7, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1}, SW_HEADER_LEN);
	memcpy(query + len, name, sw_name_len(name));
	len += sw_name_len(name);
	memcpy(query + len, (uint8_t[]){(uint8_t)(type >> 8), (uint8_t)type, 0, 1}, 4);
	memcpy(query + len + 4, opt, sizeof(opt));
	states->query[number].len = len + 4 + sizeof(opt);
}

/** What a zone compiled whole answers. */
static void replies_make(struct states *states, unsigned number, const struct sw_control *control)
{
	static const struct sw_asker asker = {.address = {192, 0, 2, 1}, .address_len = 4};
	struct sw_worker *worker = sw_worker_new();
	struct sw_store *store;
	assert_int_equal(sw_store_new(&store, NULL), 0);
	sw_store_control(store)->key = control->key;
	sw_store_control(store)->star_hash = control->star_hash;
	assert_int_equal(sw_store_put(store, states->contents[number]), 0);
	for (unsigned i = 0; i < ASKED; i++) {
		unsigned verdict;
		uint8_t reply[4200];
		size_t len = sw_answer(worker, sw_store_view(store), &asker, states->query[i].bytes,
			states->query[i].len, reply, &verdict);
		assert_in_range(len, SW_HEADER_LEN, REPLY_MAX);
		states->reply[number][i].len = len;
		memcpy(states->reply[number][i].bytes, reply, len);
	}
	sw_store_free(store);
	sw_worker_free(worker);
}

struct states *states_new(struct sw_store *store, enum signing_chain chain, uint64_t seed)
{
	struct states *states = calloc(1, sizeof(*states));
	assert_non_null(states);
	states->random = seed;
	signing_start(&states->signing, "example", chain);
	for (unsigned i = 0; i < ASKED; i++)
		query_make(states, i);
	for (unsigned i = 0; i < STATES; i++) {
		contents_make(states, i, sw_store_key(store));
		replies_make(states, i, sw_store_control(store));
	}
	sw_store_expect_changes(store, true);
	assert_int_equal(sw_store_put(store, states->contents[0]), 0);
	return states;
}

void states_free(struct states *states)
{
	signing_end(&states->signing);
	for (unsigned i = 0; i < STATES; i++)
		sw_contents_free(states->contents[i]);
	free(states);
}

bool states_change(struct states *states, struct sw_store *store)
{
	const uint8_t *names[400];
	unsigned was = states->history[states->ended];
	unsigned is = (was + 1 + draw(&states->random, STATES - 1)) % STATES;
	struct sw_contents *contents = states->contents[is];
	size_t count = signing_diff(states->contents[was], contents, names, sizeof(names) / sizeof(*names));
	const struct sw_zone_records records = signing_records(contents);
	assert_true(states->begun + 1 < CHANGES_MAX);
	states->history[states->begun + 1] = (uint8_t)is;
	__atomic_store_n(&states->begun, states->begun + 1, __ATOMIC_SEQ_CST);
	int error = sw_store_change(store, sw_contents_apex(contents), names, count, &records);
	if (error == -EAGAIN)
		assert_int_equal(sw_store_put(store, contents), 0);
	else
		assert_int_equal(error, 0);
	__atomic_store_n(&states->ended, states->ended + 1, __ATOMIC_SEQ_CST);
	return error == -EAGAIN;
}

/** Whether a reply is that of a state from one change to another. */
static bool is_known(const struct states *states, unsigned asked, unsigned from, unsigned to,
	const uint8_t *reply, size_t len)
{
	for (unsigned i = from; i <= to; i++) {
		unsigned state = states->history[i];
		if (states->reply[state][asked].len == len &&
			memcmp(states->reply[state][asked].bytes, reply, len) == 0)
			return true;
	}
	return false;
}

/** Bytes of a referral up to its proof that there is no DS, which begins with the owner of an NSEC3; 0 where
 * it is none. */
static size_t unproven_len(const uint8_t *reply, size_t len)
{
	size_t at = SW_HEADER_LEN;
	if (len <= at || reply[2] & 4 || reply[7] != 0)
		return 0;
	at += sw_name_len(reply + at) + 4;
	at += 2 + 10 + (size_t)reply[at + 11]; /* NS, its owner by a pointer */
	return at < len && reply[at] == 32 ? at : 0;
}

/** With NSEC3 a referral has the cut of the index and the proof of the head, which may be of two versions:
 * that there is no DS both say, or user space looks again. Under opt-out what covered the cut's hash before
 * it came proves that as well. */
static bool is_proven_elsewhere(const struct states *states, unsigned asked, unsigned from, unsigned to,
	const uint8_t *reply, size_t len)
{
	size_t unproven = unproven_len(reply, len);
	for (unsigned i = from; i <= to && unproven > 0 && states->signing.policy.is_nsec3; i++) {
		unsigned state = states->history[i];
		const uint8_t *other = states->reply[state][asked].bytes;
		if (unproven_len(other, states->reply[state][asked].len) == unproven &&
			memcmp(other + SW_HEADER_LEN, reply + SW_HEADER_LEN, unproven - SW_HEADER_LEN) == 0)
			return true;
	}
	return false;
}

static bool look(const struct states *states, struct states_reader *reader, unsigned asked)
{
	uint8_t reply[4200];
	unsigned from = __atomic_load_n(&states->ended, __ATOMIC_SEQ_CST);
	size_t len = reader->ask(reader, states->query[asked].bytes, states->query[asked].len, reply);
	unsigned to = __atomic_load_n(&states->begun, __ATOMIC_SEQ_CST);
	reader->asked++;
	if (len == 0) {
		reader->left++;
		return true;
	}
	if (is_known(states, asked, from, to, reply, len) ||
		is_proven_elsewhere(states, asked, from, to, reply, len))
		return true;
	reader->wrong_len = len;
	memcpy(reader->wrong_reply, reply, len);
	return false;
}

unsigned states_look(const struct states *states, struct states_reader *reader)
{
	unsigned wrong = 0;
	for (unsigned i = 0; i < ASKED; i++)
		wrong += !look(states, reader, i);
	return wrong;
}

static void *read_on(void *arg)
{
	struct states_reader *reader = arg;
	uint64_t random = (uint64_t)(uintptr_t)arg;
	rcu_register_thread();
	while (!__atomic_load_n(&reader->is_ended, __ATOMIC_RELAXED)) {
		unsigned asked = draw(&random, ASKED);
		if (!look(reader->states, reader, asked) && reader->wrong++ == 0) {
			char name[SW_NAME_TEXT_MAX];
			sw_name_text(reader->states->query[asked].bytes + SW_HEADER_LEN, name);
			print_error("%s TYPE%u is of no state:", name, types[asked % TYPES]);
			for (size_t i = 0; i < reader->wrong_len; i++)
				print_error(" %02x", reader->wrong_reply[i]);
			print_error("\n");
		}
	}
	rcu_unregister_thread();
	return NULL;
}

void states_start(struct states *states, struct states_reader *readers, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		readers[i].states = states;
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
	}
}

void states_end(struct states_reader *readers, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		__atomic_store_n(&readers[i].is_ended, true, __ATOMIC_RELAXED);
		pthread_join(readers[i].thread, NULL);
		assert_int_equal(states_look(readers[i].states, &readers[i]), 0);
		assert_int_equal(readers[i].wrong, 0);
		assert_in_range(readers[i].asked, ASKED + 1, UINT32_MAX);
		/* what came or went while it was asked for; the rest is answered */
		assert_in_range(readers[i].left, 0, readers[i].asked / 20);
	}
}
