/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Filling the index of a zone: two-choice buckets with displacement (Pagh and Rodler 2004, with the
 * buckets of Dietzfelbinger and Weidling 2007: two candidates of two slots hold up to 89 %). */
#ifndef SW_IMAGE_INDEX_H
#define SW_IMAGE_INDEX_H

#include "image/space.h"

/** Buckets for so many names: 62 % full, where fewer than one name in four is in its second bucket. */
uint32_t sw_index_buckets(uint32_t names);

#define SW_INDEX_WAITING 16 /* names on whose buckets memory works at the same time; a power of two */

struct sw_index {
	struct sw_region *region;
	uint32_t buckets; /* reference of bucket 0 */
	uint32_t bucket_count;
	uint32_t random; /* picks the slot to displace */
	uint32_t added;	 /* the last of them wait: in a big zone each bucket is a cache miss */
	struct sw_slot waiting[SW_INDEX_WAITING];
};

/** @return 0 or -ENOSPC */
int sw_index_start(struct sw_index *index, struct sw_region *region, uint32_t names);

/** Add a name; grows the index where it must.
 * @return 0 or -ENOSPC */
int sw_index_add(struct sw_index *index, const struct sw_slot *slot);

/** After the last name. @return 0 or -ENOSPC */
int sw_index_finish(struct sw_index *index);

#endif
