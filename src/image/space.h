/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The image's address space: segments, cut into blocks by a buddy allocator, given out as regions.
 *
 * A region is what one version of one zone lives in: it only grows, and is given back whole. Small zones
 * share segments; a region of a big zone takes whole ones. Blocks are powers of two from 1 KiB to a
 * segment, so giving back and taking again never fragments beyond a factor of two.
 */
#ifndef SW_IMAGE_SPACE_H
#define SW_IMAGE_SPACE_H

#include "image/store.h"

struct sw_space;

/** A block: 2^order KiB at a reference. */
struct sw_block {
	uint32_t ref;
	uint32_t order;
};

/** Memory of one zone's version. Zero-initialise, set `space`. */
struct sw_region {
	struct sw_space *space;
	struct sw_block *blocks;
	uint32_t block_count;
	uint32_t next; /* units [next, end) of the newest block are free */
	uint32_t end;
	uint64_t bytes; /* of blocks */
};

/** @param backing  copied; must not be NULL */
struct sw_space *sw_space_new(const struct sw_backing *backing);
void sw_space_free(struct sw_space *space);

/** Units of a block. */
uint32_t sw_block_units(const struct sw_block *block);

void *sw_space_at(const struct sw_space *space, uint32_t ref);
uint8_t *const *sw_space_segments(const struct sw_space *space);
uint64_t sw_space_bytes(const struct sw_space *space);

/** Zeroed memory that does not cross a segment's end.
 * @param size  bytes, at most SW_SEGMENT_BYTES
 * @return reference, or 0 when the space is full */
uint32_t sw_region_take(struct sw_region *region, size_t size);

/** Zeroed memory aligned to cache lines, in segments of consecutive numbers. @return as above */
uint32_t sw_region_take_run(struct sw_region *region, size_t size);

/** Give back the unused end of the newest block. */
void sw_region_trim(struct sw_region *region);

/** Give everything back; the region can be used again. */
void sw_region_free(struct sw_region *region);

#endif
