/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files that change a zone: the names that a change touches. */
#ifndef SW_IMAGE_CHANGE_INSIDE_H
#define SW_IMAGE_CHANGE_INSIDE_H

#include "image/change.h"
#include "image/gaps.h"

#define SW_CHANGED_NONE UINT32_MAX

enum sw_changed_action {
	SW_CHANGED_STAYS, /* not in the index, before and after */
	SW_CHANGED_GOES,
	SW_CHANGED_COMES,
	SW_CHANGED_FLIPS, /* a word of its slot is another */
	SW_CHANGED_MOVES, /* to a slot of its own: it is a cut now */
};

/** A name looked at. */
struct sw_changed {
	uint64_t hash;
	uint32_t text;	/* offset in the changer's text */
	uint32_t above; /* number of the name above, once it is loaded; the apex: its own */
	uint8_t labels;
	int8_t exists;	/* 1, 0; -1: not known yet */
	bool is_loaded; /* its records are in the contents, and those of the names above */
	bool has_records, has_ns, has_dname, has_nsec, has_nsec3;
	bool has_other;	       /* than NSEC3 and signatures */
	bool is_affected;      /* in the queue */
	bool is_given;	       /* as one of those that have changed */
	bool is_host;	       /* its addresses may be others, or whether they are glue */
	bool is_told;	       /* its dependents are in the queue, too */
	uint8_t action;	       /* enum sw_changed_action */
	struct sw_slot before; /* FREE where it was not in the index */
	struct sw_slot slot, later;
	struct sw_slot *place; /* reserved */
	/* signed with NSEC, affected */
	uint32_t next; /* where its NSEC leads to, offset in the changer's text */
	uint32_t nsec; /* piece of that */
	uint32_t gaps; /* tree of what is below: as it was, then as it shall be */
};

/** An owner's record that points to a host. */
struct sw_changed_target {
	uint32_t owner; /* number of a name */
	uint32_t text;
};

struct sw_changer {
	const struct sw_changing *zone;
	const struct sw_image_zone *head;
	size_t apex_len;
	uint64_t apex_hash;
	struct sw_region index_region; /* has no memory: knows the space */
	struct sw_index index;
	struct sw_contents *contents;
	/* names, the apex first, found by hash: number + 1 */
	struct sw_changed *names;
	uint32_t *table;
	uint32_t names_count, names_mask;
	uint8_t *text;
	size_t text_used, text_room;
	uint32_t *queue, *order; /* numbers of those affected; the same from the apex down */
	uint32_t queue_count, queue_max;
	struct sw_changed_target *targets;
	size_t targets_count;
	size_t names_room, queue_room, targets_room;
	/* while collecting */
	uint32_t loading, walking;
	uint8_t walked[SW_NAME_MAX]; /* the owner before */
	struct sw_gap_edit gaps;
	struct sw_nsec3_params params; /* of the zone's chain */
	bool has_params;	       /* and it has them still */
	uint32_t nsec3, nsec3_count;   /* as in struct sw_image_zone, new */
	uint32_t left_out;	       /* as in struct sw_compiled, new */
	/* new */
	uint32_t new_head, serial;
	uint32_t deep_head; /* shown first: the zone as it is, for looking deeper, or in a bigger index */
	uint32_t middle_head, middle_node; /* as the new ones, but for the SOA */
	int64_t names_more;
	bool has_grown;	   /* the heads to be shown have an index of their own */
	struct sw_hot hot; /* of all zones: places are the index's own */
};

static inline const uint8_t *sw_changed_text(const struct sw_changer *c, const struct sw_changed *name)
{
	return c->text + name->text;
}

/** @return its number, or SW_CHANGED_NONE */
uint32_t sw_changed_find(const struct sw_changer *c, const uint8_t *name);

/* change.c */
void sw_change_wait(struct sw_changer *c);

/* collect.c: steps 1 and 2 */

/** Whether a name loaded is below a cut or a DNAME. */
bool sw_changed_is_occluded(const struct sw_changer *c, const struct sw_changed *name);

int sw_change_collect(struct sw_changer *c, const uint8_t *const *names, size_t count);

/* chain.c */

static inline bool sw_change_has_nsec(const struct sw_changer *c)
{
	return c->head->denial == SW_DENIAL_NSEC;
}

static inline bool sw_change_has_nsec3(const struct sw_changer *c)
{
	return c->head->denial == SW_DENIAL_HASHED;
}

static inline bool sw_change_is_signed(const struct sw_changer *c)
{
	return c->head->denial != SW_DENIAL_NONE;
}

/** Whether a name is none of the zone's but the hashed owner of an NSEC3. */
static inline bool sw_changed_is_hashed(const struct sw_changed *name)
{
	return name->has_nsec3 && !name->has_other;
}

static inline size_t sw_piece_size(const struct sw_piece *piece)
{
	return sizeof(*piece) + 2u * piece->reloc_count[SW_FULL] + piece->len[SW_FULL];
}

/** NSEC pieces and trees of gaps, the table of NSEC3, of a signed zone: before the first slot is made.
 * @return 0; -EAGAIN where the chain is not as a signer makes it; -ENOMEM, -ENOSPC, -E2BIG */
int sw_change_chain(struct sw_changer *c);

/** How a name denies; the deepest first, since a name has a copy of the wildcard's slot below it. */
int sw_change_denied(
	struct sw_changer *c, const struct sw_changed *name, bool has_wildcard, struct sw_denied *denied);

/** A head of the zone's, to be shown. @return 0 or -ENOSPC */
int sw_change_head_store(struct sw_changer *c, const struct sw_image_zone *head, uint32_t *ref);

/* reserve.c: step 3 */

/** @return 0; -EAGAIN, -ENOSPC, -ENOMEM */
int sw_change_reserve(struct sw_changer *c);
void sw_change_unreserve(struct sw_changer *c);

/** Note what becomes of a place when its readers are gone. */
void sw_change_late_place(struct sw_changer *c, enum sw_late_kind kind, struct sw_slot *place);

/* publish.c: steps 4 and 5 */

/** Whether readers who have missed a name must be gone before another is shown. */
bool sw_change_is_delicate(struct sw_changer *c);

/** Sort the names by depth. @return 0 or -ENOMEM */
int sw_change_order(struct sw_changer *c);
void sw_change_publish(struct sw_changer *c);

#endif
