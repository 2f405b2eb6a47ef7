/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Directories that tests make for themselves. */
#ifndef TESTS_ZONE_DIRECTORY_HELP_H
#define TESTS_ZONE_DIRECTORY_HELP_H

#include <ftw.h>
#include <stdio.h>

static inline int help_remove_one(const char *path, const struct stat *stat, int flag, struct FTW *ftw)
{
	(void)stat, (void)flag, (void)ftw;
	return remove(path);
}

/** Remove one with all that is in it. @return 0, or not */
static inline int help_remove(const char *path)
{
	return nftw(path, help_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
