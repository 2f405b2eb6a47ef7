/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/files.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 32;
}

static uint64_t mix_time(uint64_t hash, const struct timespec *time)
{
	return mix(mix(hash, (uint64_t)time->tv_sec), (uint64_t)time->tv_nsec);
}

uint64_t sw_file_stamp(const struct stat *stat)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	/* the time of change cannot be set by hand, that of modification can, and may lie ahead */
	if (!S_ISREG(stat->st_mode) || stat->st_ctim.tv_sec > now.tv_sec - SW_FILE_YOUNG_S)
		return SW_STAMP_NONE;
	uint64_t hash = mix(mix(mix(0, stat->st_dev), stat->st_ino), (uint64_t)stat->st_size);
	hash = mix_time(mix_time(hash, &stat->st_mtim), &stat->st_ctim);
	return hash ? hash : 1;
}

/** Add the stamp of one more file. */
static uint64_t stamp_add(uint64_t all, uint64_t stamp)
{
	all = mix(all, stamp);
	return all ? all : 1;
}

static bool included_copy(struct sw_zone_files *files, const struct sw_contents *contents, uint16_t count)
{
	files->included = calloc(count, sizeof(*files->included));
	if (!files->included)
		return false;
	for (uint16_t i = 1; i < count; i++) {
		files->included[i - 1] = strdup(sw_contents_file(contents, i));
		if (!files->included[i - 1])
			return false;
	}
	return true;
}

void sw_zone_files_note(struct sw_zone_files *files, const struct sw_contents *contents)
{
	uint16_t count = sw_contents_file_count(contents);
	uint64_t all = 0;
	sw_zone_files_free(files);
	for (uint16_t i = 0; i < count; i++) {
		uint64_t stamp = sw_contents_file_stamp(contents, i);
		if (stamp == SW_STAMP_NONE)
			return;
		all = stamp_add(all, stamp);
	}
	if (count > 1 && !included_copy(files, contents, count))
		sw_zone_files_free(files);
	else
		files->stamp = all;
}

static uint64_t stamp_now(const char *path)
{
	struct stat now;
	return stat(path, &now) == 0 ? sw_file_stamp(&now) : SW_STAMP_NONE;
}

bool sw_zone_files_unchanged(const struct sw_zone_files *files, const char *path)
{
	uint64_t all = 0;
	if (files->stamp == SW_STAMP_NONE)
		return false;
	for (char **next = files->included; path; path = next ? *next++ : NULL) {
		uint64_t stamp = stamp_now(path);
		if (stamp == SW_STAMP_NONE)
			return false;
		all = stamp_add(all, stamp);
	}
	return all == files->stamp;
}

void sw_zone_files_free(struct sw_zone_files *files)
{
	for (size_t i = 0; files->included && files->included[i]; i++)
		free(files->included[i]);
	free(files->included);
	*files = (struct sw_zone_files){0};
}
