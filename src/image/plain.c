/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/plain.h"
#include <errno.h>
#include <sys/mman.h>

#define PLAIN_ALIGN (2u << 20)

static int plain_segment_new(void *context, uint32_t number, uint8_t **memory)
{
	(void)context;
	(void)number;
	/* in 2 MiB pages where there are such; the guard behind stays a few small ones */
	size_t reserved = PLAIN_ALIGN + SW_SEGMENT_BYTES + SW_SEGMENT_GUARD;
	uint8_t *base = mmap(NULL, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	size_t before = -(uintptr_t)base % PLAIN_ALIGN;
	if (before)
		munmap(base, before);
	munmap(base + before + SW_SEGMENT_BYTES + SW_SEGMENT_GUARD, PLAIN_ALIGN - before);
	*memory = base + before;
	madvise(*memory, SW_SEGMENT_BYTES, MADV_HUGEPAGE);
	return 0;
}

static void plain_segment_free(void *context, uint32_t number, uint8_t *memory)
{
	(void)context;
	(void)number;
	munmap(memory, SW_SEGMENT_BYTES + SW_SEGMENT_GUARD);
}

struct sw_backing sw_plain_backing(struct sw_control *control)
{
	return (struct sw_backing){
		.control = control, .segment_new = plain_segment_new, .segment_free = plain_segment_free};
}
