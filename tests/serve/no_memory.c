/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Preloaded into a daemon: while the file SW_NO_MEMORY is there, calloc() of so many elements as it is told
 * in SW_NO_MEMORY_COUNT fails. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_calloc(size_t count, size_t size); /* glibc's own, behind the name that is taken here */

void *calloc(size_t count, size_t size)
{
	const char *file = getenv("SW_NO_MEMORY"), *told = getenv("SW_NO_MEMORY_COUNT");
	if (file != NULL && told != NULL && count == (size_t)atol(told) && access(file, F_OK) == 0) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_calloc(count, size);
}
