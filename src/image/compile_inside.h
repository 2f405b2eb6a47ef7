/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the compiler's two files: compile.c, a zone, and compile_name.c, what stands for one name of it.
 */
#ifndef SW_IMAGE_COMPILE_INSIDE_H
#define SW_IMAGE_COMPILE_INSIDE_H

#include "image/compile.h"
#include "image/index.h"
#include "image/nsset.h"
#include "image/piece.h"

#define SW_TYPES_MAX 4096 /* RRsets of one name; more is no name but an accident */

/** One zone on its way into the image; the encoders stay for the next. */
struct sw_compiler {
	const struct sw_contents *contents;
	struct sw_region *region;
	struct sw_pool *pool; /* instead of the region: names one by one */
	struct sw_depends *depends;
	struct sw_interner *interner;
	struct sw_denial *denial;	/* of a whole zone */
	const struct sw_denied *denied; /* of the name in hand; NULL: the zone is not signed */
	struct sw_nssets *nssets;
	struct sw_index index;
	struct sw_image_zone zone;
	struct sw_encoder *encoder; /* the RRset */
	struct sw_encoder *extra;   /* addresses that go with it */
	struct sw_type_entry entries[SW_TYPES_MAX];
};

static inline uint32_t sw_compiler_take(struct sw_compiler *c, size_t size)
{
	return c->pool ? sw_pool_take(c->pool, size) : sw_region_take(c->region, size);
}

static inline void *sw_compiler_at(const struct sw_compiler *c, uint32_t ref)
{
	return sw_space_at(c->pool ? c->pool->region.space : c->region->space, ref);
}

/* compile_name.c */

/** Store what is in the encoder. @return 0, -E2BIG, -ENOSPC */
int sw_compile_store(struct sw_compiler *c, struct sw_encoder *encoder, uint32_t *piece);

/** The slot of a name, and all that it refers to. @return as sw_compile() */
int sw_compile_slot(struct sw_compiler *c, uint32_t number, struct sw_slot *slot);

#endif
