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
};

/** @param region  receives the zone; on error the caller frees it
 * @return 0, -ENOMEM, -ENOSPC, -E2BIG (RRset that no message can hold), -ERANGE (NSEC3 parameters beyond
 *         image.h's limits), -EINVAL (no SOA at the apex) */
int sw_compile(const struct sw_contents *contents, struct sw_region *region, struct sw_compiled *compiled);

#endif
