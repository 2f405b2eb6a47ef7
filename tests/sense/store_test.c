/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was learnt outlives a restart; a damaged file changes nothing. */
#include "model.h"
#include "sense/inside.h"
#include "support.h"
#include <errno.h>
#include <unistd.h>

#define BYTES_MAX (1 << 21)

static struct sw_sense *sense_new(struct heard *heard)
{
	struct sw_sense *sense;
	assert_int_equal(sw_sense_new(&sense, 1, heard ? hear : NULL, NULL, heard), 0);
	return sense;
}

/** The first minute of the drill. */
static struct sw_sense *sense_taught(void)
{
	const struct model_settings settings = {
		.seed = 1, .unit_qps = 500, .pop = MODEL_EU, .window_ms = 250, .last_s = 60};
	struct sw_sense *sense = sense_new(NULL);
	struct model *model = model_new(&settings);
	model_play(model, sense, NULL, NULL);
	model_free(model);
	return sense;
}

static void assert_same(const struct sw_sense *one, const struct sw_sense *other)
{
	assert_int_equal(one->resolvers.count, other->resolvers.count);
	assert_int_equal(one->detector.knows_enough, other->detector.knows_enough);
	assert_memory_equal(&one->detector.load, &other->detector.load, sizeof(one->detector.load));
	assert_memory_equal(&one->detector.missing, &other->detector.missing, sizeof(one->detector.missing));
	assert_memory_equal(one->detector.usual, other->detector.usual, sizeof(one->detector.usual));
	for (unsigned i = 0; i < SW_RESOLVERS_MAX; i++) {
		const struct sw_resolver *its =
			&one->resolvers.resolver[i / SW_RESOLVER_WAYS][i % SW_RESOLVER_WAYS];
		uint8_t hops;
		if (its->address_len == 0)
			continue;
		assert_true(sw_sense_knows(other, its->address, its->address_len, &hops));
		assert_int_equal(hops, its->hops);
	}
}

static void test_round(void **state)
{
	(void)state;
	char path[64];
	struct sw_sense *taught = sense_taught(), *other = sense_new(NULL), *third = sense_new(NULL);
	path_make(path);
	assert_int_equal(sw_sense_save(taught, path), 0);
	assert_int_equal(sw_sense_load(other, path), 0);
	assert_true(sw_sense_known_count(other) > 400);
	assert_same(taught, other);
	/* and once more, over the file that is there */
	assert_int_equal(sw_sense_save(other, path), 0);
	assert_int_equal(sw_sense_load(third, path), 0);
	assert_same(taught, third);
	unlink(path);
	sw_sense_free(taught);
	sw_sense_free(other);
	sw_sense_free(third);
}

struct told {
	unsigned known;
};

static void tell(void *arg, const uint8_t address[16], uint8_t address_len, uint8_t hops, bool is_known)
{
	struct told *told = arg;
	(void)address, (void)address_len, (void)hops;
	told->known += is_known;
}

/** The kernel's table hears of those that are loaded, too. */
static void test_told(void **state)
{
	(void)state;
	char path[64];
	struct told told = {0};
	struct sw_sense *taught = sense_taught(), *other;
	path_make(path);
	assert_int_equal(sw_sense_new(&other, 2, NULL, tell, &told), 0);
	assert_int_equal(sw_sense_save(taught, path), 0);
	assert_int_equal(sw_sense_load(other, path), 0);
	assert_int_equal(told.known, sw_sense_known_count(taught));
	unlink(path);
	sw_sense_free(taught);
	sw_sense_free(other);
}

/** A node that is started again in the middle of the attack knows who is who, and what is too much. */
static void test_restart(void **state)
{
	(void)state;
	const struct model_settings settings = {
		.seed = 1, .unit_qps = 500, .pop = MODEL_EU, .window_ms = 250, .first_s = 175, .last_s = 180};
	char path[64];
	struct heard *heard = calloc(1, sizeof(*heard));
	struct sw_sense *taught = sense_taught(), *sense = sense_new(heard);
	struct model *model = model_new(&settings);
	bool is_on[SW_VECTOR_COUNT] = {0};
	path_make(path);
	assert_int_equal(sw_sense_save(taught, path), 0);
	assert_int_equal(sw_sense_load(sense, path), 0);
	for (enum sw_vector vector = 0; vector < SW_VECTOR_COUNT; vector++) {
		struct sw_vector_state its;
		sw_sense_vector(sense, vector, &its);
		assert_false(its.is_learning);
	}
	model_play(model, sense, NULL, NULL);
	for (unsigned i = 0; i < heard->count; i++) {
		if (heard->event[i].type == SW_EVENT_WAVE)
			continue;
		is_on[heard->event[i].vector] = true;
		assert_in_range(heard->event[i].noticed_ms, MODEL_START_MS + 175000, MODEL_START_MS + 176000);
	}
	for (enum sw_vector vector = 0; vector < SW_VECTOR_COUNT; vector++)
		assert_int_equal(is_on[vector],
			vector == SW_VECTOR_SYN || vector == SW_VECTOR_ACK || vector == SW_VECTOR_RELAYED ||
				vector == SW_VECTOR_RANDOM || vector == SW_VECTOR_EXISTING);
	unlink(path);
	model_free(model);
	sw_sense_free(taught);
	sw_sense_free(sense);
	free(heard);
}

/** Four hundred questions a second for one zone, two fifths of them for names that do not exist. */
static void peace_play(struct sw_sense *sense, struct sw_tick *tick, unsigned windows)
{
	for (uint64_t i = 0; i < windows * 100ull; i++) {
		bool is_missing = i % 5 < 2;
		struct sw_sample sample = question_of((uint32_t)(random_of(i) % 200), 9,
			(uint32_t)(random_of(i) >> 40) % 3000 + (is_missing ? 10000 : 0),
			is_missing ? SW_VERDICT_NXDOMAIN : SW_VERDICT_ANSWERED);
		tick->counts[sample.verdict]++;
		sw_sense_sample(sense, &sample);
		if (i % 100 == 99) {
			tick->time_ms += 250;
			sw_sense_tick(sense, tick);
		}
	}
}

/** After a restart every name is new at first: that is no attack. */
static void test_restart_in_peace(void **state)
{
	(void)state;
	static struct heard heard;
	char path[64];
	struct sw_tick tick = {.time_ms = 1000};
	struct sw_sense *before = sense_new(&heard), *after;
	path_make(path);
	peace_play(before, &tick, 1200);
	assert_int_equal(sw_sense_save(before, path), 0);
	sw_sense_free(before);
	after = sense_new(&heard);
	assert_int_equal(sw_sense_load(after, path), 0);
	assert_int_equal(sw_sense_known_count(after), 200);
	peace_play(after, &tick, 240);
	assert_int_equal(heard.count, 0);
	unlink(path);
	sw_sense_free(after);
}

/** Nothing of a file that is refused has been taken. */
static void assert_refused(
	struct sw_sense *sense, const struct sw_sense *untouched, const char *path, int error)
{
	assert_int_equal(sw_sense_load(sense, path), error);
	assert_memory_equal(sense, untouched, sizeof(*sense));
}

static void test_damage(void **state)
{
	(void)state;
	static uint8_t bytes[BYTES_MAX];
	char path[64];
	struct sw_sense *taught = sense_taught(), *sense = sense_new(NULL), *untouched = sense_new(NULL);
	path_make(path);
	assert_int_equal(sw_sense_save(taught, path), 0);
	size_t size = file_read(path, bytes, sizeof(bytes));
	assert_in_range(size, 20000, sizeof(bytes) - 1);
	for (size_t i = 0; i < 160;
		i++) { /* each byte of the header, some of the rest, the checksum at the end */
		size_t at = i < 40 ? i : i < 152 ? 40 + random_of(i) % (size - 48) : size - (160 - i);
		uint8_t before = bytes[at];
		bytes[at] ^= (uint8_t)(1u << random_of(i) % 8);
		file_write(path, bytes, size);
		assert_refused(sense, untouched, path, -EBADMSG);
		bytes[at] = before;
	}
	for (size_t i = 0; i < 80; i++) { /* cut off */
		file_write(path, bytes, i < 40 ? i : random_of(i) % size);
		assert_refused(sense, untouched, path, -EBADMSG);
	}
	bytes[size] = 0;
	file_write(path, bytes, size + 1);
	assert_refused(sense, untouched, path, -EBADMSG);
	file_write(path, bytes, size);
	assert_int_equal(sw_sense_load(sense, path), 0);
	unlink(path);
	assert_refused(untouched, untouched, path, -ENOENT);
	sw_sense_free(taught);
	sw_sense_free(sense);
	sw_sense_free(untouched);
}

/** Where it cannot be written, the old file stays, and nothing beside it. */
static void test_unwritable(void **state)
{
	(void)state;
	char path[64], beside[80];
	static uint8_t before[BYTES_MAX], after[BYTES_MAX];
	struct sw_sense *sense = sense_new(NULL);
	path_make(path);
	assert_int_equal(sw_sense_save(sense, path), 0);
	size_t size = file_read(path, before, sizeof(before));
	assert_int_equal(sw_sense_save(sense, "/tmp/seawall-no-such-directory/known"), -ENOENT);
	snprintf(beside, sizeof(beside), "%s.new", path);
	assert_int_equal(symlink("/dev/full", beside), 0);
	assert_int_equal(sw_sense_save(sense, path), -ENOSPC);
	assert_int_equal(file_read(path, after, sizeof(after)), size);
	assert_memory_equal(before, after, size);
	assert_int_equal(access(beside, F_OK), -1);
	unlink(path);
	sw_sense_free(sense);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_round), cmocka_unit_test(test_told),
		cmocka_unit_test(test_restart), cmocka_unit_test(test_restart_in_peace),
		cmocka_unit_test(test_damage), cmocka_unit_test(test_unwritable)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
