/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Compiles one zone's records into a region of the image. */
#ifndef SW_IMAGE_COMPILE_H
#define SW_IMAGE_COMPILE_H

#include "image/denial.h"
#include "image/depend.h"
#include "image/pool.h"
#include "zone/contents.h"

/** What came out. */
struct sw_compiled {
	uint32_t zone; /* reference of struct sw_image_zone */
	uint32_t serial;
	uint64_t names;
	uint8_t labels_max; /* of the deepest name in the index */
	bool is_signed;
	bool is_regular; /* its denial is such that names can be changed in place */
	bool is_broken;
};

/** Buffers that serve one zone after the other. */
struct sw_compiler;

/** @return NULL when out of memory */
struct sw_compiler *sw_compiler_new(void);
void sw_compiler_free(struct sw_compiler *compiler);

/** @param region  receives the zone; on error the caller frees it
 * @param depends  receives which names hold addresses of which hosts; may be NULL
 * @return 0, -ENOMEM, -ENOSPC, -E2BIG (RRset that no message can hold), -ERANGE (NSEC3 parameters beyond
 *         image.h's limits), -EINVAL (no SOA at the apex) */
int sw_compile(struct sw_compiler *compiler, const struct sw_contents *contents, struct sw_region *region,
	struct sw_depends *depends, struct sw_compiled *compiled);

/* Names one by one, of a zone that is not signed or signed with NSEC, from contents that hold what they take:
 * themselves, the names above them, the hosts that NS, MX and SRV records point to and the names above those.
 */

/** @return 0 or -ENOMEM */
int sw_compile_begin(struct sw_compiler *compiler, const struct sw_contents *contents, struct sw_pool *pool);
void sw_compile_end(struct sw_compiler *compiler);

/** The piece of a node's NSEC or NSEC3. @return 0, -ENOSPC, -E2BIG */
int sw_compile_denial(
	struct sw_compiler *compiler, const struct sw_node *node, uint16_t type, uint32_t *piece);

/** @param denied  NULL where the zone is not signed
 * @return as sw_compile() */
int sw_compile_one(struct sw_compiler *compiler, const struct sw_node *node, const struct sw_denied *denied,
	struct sw_slot *slot);

/** An empty non-terminal. @return 0 or -ENOSPC */
int sw_compile_empty(
	struct sw_compiler *compiler, uint64_t hash, const struct sw_denied *denied, struct sw_slot *slot);

/** A name that stands in the index already and is no cut, in two steps: at first with all addresses in its
 * node, later, where there are few enough, with addresses in the slot and a node that does not have them.
 * @param later  its kind is SW_SLOT_FREE where there is no second step; NULL: there shall be none */
int sw_compile_stepwise(struct sw_compiler *compiler, const struct sw_node *node,
	const struct sw_denied *denied, struct sw_slot *slot, struct sw_slot *later);

/** SOA for negative answers. @return as sw_compile() */
int sw_compile_negative(struct sw_compiler *compiler, uint32_t *piece, uint32_t *serial);

/** Note the hosts that a node's records point to. @return 0 or -ENOMEM */
int sw_compile_depends(
	const struct sw_contents *contents, const struct sw_node *node, struct sw_depends *depends);

/** A zone without contents, for which the answer is SERVFAIL. @return 0 or -ENOSPC */
int sw_compile_broken(const uint8_t *apex, struct sw_region *region, struct sw_compiled *compiled);

#endif
