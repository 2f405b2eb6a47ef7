/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A recording says what was said when it was made; damage is found where it is. */
#include "sense/replay.h"
#include "support.h"
#include <errno.h>
#include <unistd.h>

#define BYTES_MAX (1 << 24)
#define HEADER 16
#define TICK_BYTES (1 + 8 + 8 * SW_VERDICT_COUNT + 4)
#define SAMPLE_BYTES (1 + 136 + 4)

/** Twenty seconds of peace with GRE in it, fed to sense and recorded. */
static void record(const char *path, struct sw_sense *sense)
{
	struct sw_replay_writer *writer;
	struct sw_tick tick = {.time_ms = 5000};
	assert_int_equal(sw_replay_create(&writer, path), 0);
	for (uint64_t i = 0; i < 16000; i++) {
		uint32_t source = (uint32_t)(random_of(i) % 50);
		struct sw_sample sample =
			question_of(source, 9, (uint32_t)(random_of(i) >> 50), SW_VERDICT_ANSWERED);
		if (i > 8000 && i < 12000 && i % 3 == 0)
			sample.verdict = SW_VERDICT_DROP_GRE;
		sample.time_ns = i;
		sample.features = random_of(i);
		tick.counts[sample.verdict]++;
		sw_sense_sample(sense, &sample);
		assert_int_equal(sw_replay_write_sample(writer, &sample), 0);
		if (i % 200 != 199)
			continue;
		tick.time_ms += 250;
		sw_sense_tick(sense, &tick);
		assert_int_equal(sw_replay_write_tick(writer, &tick), 0);
	}
	assert_int_equal(sw_replay_close(writer), 0);
}

static struct sw_sense *sense_new(struct heard *heard)
{
	struct sw_sense *sense;
	heard->count = 0;
	assert_int_equal(sw_sense_new(&sense, 1, hear, NULL, heard), 0);
	return sense;
}

static void test_same(void **state)
{
	(void)state;
	static struct heard live, replayed;
	char path[64];
	uint64_t offset = 77;
	path_make(path);
	struct sw_sense *sense = sense_new(&live), *again = sense_new(&replayed);
	record(path, sense);
	assert_int_equal(sw_replay_feed(path, again, &offset), 0);
	assert_int_equal(offset, 77);
	assert_int_equal(live.count, 3);
	assert_int_equal(replayed.count, live.count);
	assert_memory_equal(replayed.event, live.event, live.count * sizeof(live.event[0]));
	assert_int_equal(sw_sense_known_count(again), 50);
	assert_int_equal(sw_sense_known_count(again), sw_sense_known_count(sense));
	unlink(path);
	sw_sense_free(sense);
	sw_sense_free(again);
}

static void assert_damaged(const char *path, uint64_t at)
{
	static struct heard heard;
	uint64_t offset = 77;
	struct sw_sense *sense = sense_new(&heard);
	assert_int_equal(sw_replay_feed(path, sense, &offset), -EBADMSG);
	assert_int_equal(offset, at);
	sw_sense_free(sense);
}

static size_t recording(const char *path, uint8_t *bytes)
{
	static struct heard heard;
	struct sw_sense *sense = sense_new(&heard);
	record(path, sense);
	sw_sense_free(sense);
	return file_read(path, bytes, BYTES_MAX);
}

/** Where the record begins that holds a byte. */
static uint64_t begin_of(size_t at)
{
	const size_t round = 200 * SAMPLE_BYTES + TICK_BYTES;
	if (at < HEADER)
		return 0;
	size_t rounds = (at - HEADER) / round, rest = (at - HEADER) % round, samples = rest / SAMPLE_BYTES;
	return HEADER + rounds * round + (samples < 200 ? samples : 200) * SAMPLE_BYTES;
}

static void test_damage(void **state)
{
	(void)state;
	static uint8_t bytes[BYTES_MAX];
	char path[64];
	path_make(path);
	size_t size = recording(path, bytes);
	assert_int_equal(size, HEADER + 80 * (200 * SAMPLE_BYTES + TICK_BYTES));
	size = HEADER + 2 * (200 * SAMPLE_BYTES + TICK_BYTES);
	for (size_t i = 0; i < 1200; i++) {
		size_t at = i < HEADER + SAMPLE_BYTES ? i
			    : i < 600		      ? begin_of(HEADER + 200 * SAMPLE_BYTES) + i % TICK_BYTES
						      : random_of(i) % size;
		uint8_t before = bytes[at];
		bytes[at] ^= (uint8_t)(1u << random_of(i) % 8);
		file_write(path, bytes, size);
		assert_damaged(path, begin_of(at));
		bytes[at] = before;
	}
	unlink(path);
}

static void test_cut(void **state)
{
	(void)state;
	static uint8_t bytes[BYTES_MAX];
	static struct heard heard;
	char path[64];
	path_make(path);
	recording(path, bytes);
	for (size_t size = 0; size < HEADER + 2 * SAMPLE_BYTES; size++) {
		file_write(path, bytes, size);
		if (size >= HEADER && (size - HEADER) % SAMPLE_BYTES == 0) {
			struct sw_sense *sense = sense_new(&heard);
			assert_int_equal(sw_replay_feed(path, sense, NULL), 0);
			sw_sense_free(sense);
		} else {
			assert_damaged(path, begin_of(size));
		}
	}
	unlink(path);
}

/** Records that are whole, but not where they were. */
static void test_moved(void **state)
{
	(void)state;
	static uint8_t bytes[BYTES_MAX];
	char path[64];
	uint8_t kept[SAMPLE_BYTES];
	path_make(path);
	recording(path, bytes);
	uint8_t *first = bytes + HEADER, *second = first + SAMPLE_BYTES;
	memcpy(kept, first, SAMPLE_BYTES);
	memcpy(first, second, SAMPLE_BYTES);
	memcpy(second, kept, SAMPLE_BYTES);
	file_write(path, bytes, HEADER + 4 * SAMPLE_BYTES);
	assert_damaged(path, HEADER);
	memcpy(first, kept, SAMPLE_BYTES);
	memmove(second, second + SAMPLE_BYTES, 2 * SAMPLE_BYTES);
	file_write(path, bytes, HEADER + 3 * SAMPLE_BYTES);
	assert_damaged(path, HEADER + SAMPLE_BYTES);
	unlink(path);
}

static void test_errors(void **state)
{
	(void)state;
	static struct heard heard;
	struct sw_sense *sense = sense_new(&heard);
	struct sw_replay_writer *writer;
	struct sw_tick tick = {0};
	assert_int_equal(sw_replay_create(&writer, "/tmp/seawall-no-such-directory/replay"), -ENOENT);
	assert_int_equal(sw_replay_feed("/tmp/seawall-no-such-directory/replay", sense, NULL), -ENOENT);
	assert_int_equal(sw_replay_close(NULL), 0);
	assert_int_equal(sw_replay_create(&writer, "/dev/full"), 0);
	int err = 0;
	for (int i = 0; i < 1000 && err == 0; i++)
		err = sw_replay_write_tick(writer, &tick);
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(sw_replay_close(writer), -ENOSPC);
	sw_sense_free(sense);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_same), cmocka_unit_test(test_damage),
		cmocka_unit_test(test_cut), cmocka_unit_test(test_moved), cmocka_unit_test(test_errors)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
