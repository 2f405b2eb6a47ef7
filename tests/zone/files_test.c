/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What makes a file another version. */
#include "zone/files.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const struct stat old = {
	.st_mode = S_IFREG | 0644,
	.st_dev = 1,
	.st_ino = 2,
	.st_size = 3,
	.st_mtim = {1000000, 4},
	.st_ctim = {1000000, 5},
};

static void test_stamp(void **state)
{
	(void)state;
	struct stat rows[] = {old, old, old, old, old, old, old};
	rows[0].st_dev++;
	rows[1].st_ino++;
	rows[2].st_size++;
	rows[3].st_mtim.tv_sec++;
	rows[4].st_mtim.tv_nsec++;
	rows[5].st_ctim.tv_sec++;
	rows[6].st_ctim.tv_nsec++;
	assert_int_not_equal(sw_file_stamp(&old), SW_STAMP_NONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_not_equal(sw_file_stamp(&rows[i]), sw_file_stamp(&old));
	rows[0] = old;
	rows[0].st_mode = 0600 | S_IFREG; /* no other contents */
	assert_int_equal(sw_file_stamp(&rows[0]), sw_file_stamp(&old));
}

static void test_no_stamp(void **state)
{
	(void)state;
	struct stat pipe = old, young = old, ahead = old, touched = old;
	pipe.st_mode = S_IFIFO | 0644;
	young.st_ctim.tv_sec = time(NULL);
	ahead.st_ctim.tv_sec = time(NULL) + 3600;
	touched.st_mtim.tv_sec = time(NULL) + 3600; /* anyone may say so */
	assert_int_equal(sw_file_stamp(&pipe), SW_STAMP_NONE);
	assert_int_equal(sw_file_stamp(&young), SW_STAMP_NONE);
	assert_int_equal(sw_file_stamp(&ahead), SW_STAMP_NONE);
	assert_int_not_equal(sw_file_stamp(&touched), SW_STAMP_NONE);
}

static uint64_t stamp_of(const char *path)
{
	struct stat now;
	assert_int_equal(stat(path, &now), 0);
	return sw_file_stamp(&now);
}

/** Contents read from a file that every machine has and that is old, as often as told. */
static struct sw_contents *contents_new(uint16_t count)
{
	static const char *const paths[] = {"/bin/sh", "/bin/../bin/sh"};
	struct sw_hash_key key;
	assert_int_equal(sw_hash_key_draw(&key), 0);
	struct sw_contents *contents = sw_contents_new((const uint8_t *)"\7example", &key);
	assert_non_null(contents);
	for (uint16_t i = 0; i < count; i++) {
		assert_int_equal(sw_contents_add_file(contents, paths[i]), i);
		sw_contents_stamp_file(contents, i, stamp_of(paths[i]));
	}
	return contents;
}

static void test_unchanged(void **state)
{
	(void)state;
	struct sw_zone_files files = {0};
	assert_false(sw_zone_files_unchanged(&files, "/bin/sh"));
	for (uint16_t count = 1; count <= 2; count++) {
		struct sw_contents *contents = contents_new(count);
		sw_zone_files_note(&files, contents);
		assert_true(sw_zone_files_unchanged(&files, "/bin/sh"));
		assert_false(sw_zone_files_unchanged(&files, "/etc/passwd"));
		assert_false(sw_zone_files_unchanged(&files, "/nonexistent"));
		for (uint16_t i = 0; i < count; i++) {
			struct sw_zone_files others = {0};
			sw_contents_stamp_file(contents, i, stamp_of("/bin/sh") + 1);
			sw_zone_files_note(&others, contents);
			assert_false(sw_zone_files_unchanged(&others, "/bin/sh"));
			sw_contents_stamp_file(contents, i, SW_STAMP_NONE);
			sw_zone_files_note(&others, contents);
			assert_false(sw_zone_files_unchanged(&others, "/bin/sh"));
			sw_contents_stamp_file(contents, i, stamp_of("/bin/sh"));
			sw_zone_files_free(&others);
		}
		sw_contents_free(contents);
	}
	sw_zone_files_free(&files);
	assert_false(sw_zone_files_unchanged(&files, "/bin/sh"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_stamp), cmocka_unit_test(test_no_stamp),
		cmocka_unit_test(test_unchanged)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
