/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which files a zone was read from, and whether reading them again would find anything new. */
#ifndef SW_ZONE_FILES_H
#define SW_ZONE_FILES_H

#include "zone/contents.h"
#include <sys/stat.h>

/** Files younger than this may still change without their times telling: those come from a clock with ticks
 * of some milliseconds, on some file systems of seconds. */
#define SW_FILE_YOUNG_S 3

#define SW_STAMP_NONE 0

/** Device, inode, size and times in one number; SW_STAMP_NONE for a file that is young or not regular. Two
 * versions share a stamp once in 2^64. */
uint64_t sw_file_stamp(const struct stat *stat);

/** What is kept of a zone's files. Zero-initialise. */
struct sw_zone_files {
	uint64_t stamp;	 /* of all, SW_STAMP_NONE where one has none */
	char **included; /* paths of all but the first, NULL behind the last; NULL where there are none */
};

/** Take down what these contents were read from, instead of what was there. Without memory for it the files
 * count as changed. */
void sw_zone_files_note(struct sw_zone_files *files, const struct sw_contents *contents);

/** @param path  of the first file
 * @return whether every file is still the one that was read */
bool sw_zone_files_unchanged(const struct sw_zone_files *files, const char *path);

void sw_zone_files_free(struct sw_zone_files *files);

#endif
