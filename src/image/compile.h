/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Compiles one zone's records into a region of the image. */
#ifndef SW_IMAGE_COMPILE_H
#define SW_IMAGE_COMPILE_H

#include "image/space.h"
#include "zone/contents.h"

/** What came out. */
struct sw_compiled {
	uint32_t zone; /* reference of struct sw_image_zone */
	uint32_t serial;
	uint64_t names;
	uint8_t labels_max; /* of the deepest name in the index */
	bool is_signed;
	bool is_broken;
};

/** Buffers that serve one zone after the other. */
struct sw_compiler;

/** @return NULL when out of memory */
struct sw_compiler *sw_compiler_new(void);
void sw_compiler_free(struct sw_compiler *compiler);

/** @param region  receives the zone; on error the caller frees it
 * @return 0, -ENOMEM, -ENOSPC, -E2BIG (RRset that no message can hold), -ERANGE (NSEC3 parameters beyond
 *         image.h's limits), -EINVAL (no SOA at the apex) */
int sw_compile(struct sw_compiler *compiler, const struct sw_contents *contents, struct sw_region *region,
	struct sw_compiled *compiled);

/** A zone without contents, for which the answer is SERVFAIL. @return 0 or -ENOSPC */
int sw_compile_broken(const uint8_t *apex, struct sw_region *region, struct sw_compiled *compiled);

#endif
