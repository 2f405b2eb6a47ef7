/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files that sign a change: the names it touches, before and after. */
#ifndef SW_ZONE_SIGN_CHANGE_H
#define SW_ZONE_SIGN_CHANGE_H

#include "zone/sign_inside.h"

/** One owner name, of records or of an NSEC3. */
struct entry {
	uint8_t owner[NSEC3_NAME_MAX];
	struct sw_records bytes, signatures; /* all there was; all signatures there are to be */
	struct name_view before, after;	     /* all there was; all there is to be, but signatures */
	bool is_touched;		     /* may differ */
	bool is_flagged;		     /* entry_flag() was here */
	bool is_hidden;			     /* below a cut or a DNAME, after */
	/* as a link of the chain */
	bool is_link, was_in, is_in;
	struct entry *named;	/* NSEC3: whose types it tells; NULL: it tells what it told */
	struct entry *previous; /* of a new link: the one before it in the old chain */
	uint8_t *link;		/* its record's data */
};

/** Entries in canonical order. */
struct change_set {
	struct signer *signer;
	const struct sw_sign_source *source;
	struct entry **entries;
	size_t count, size;
	uint32_t negative_s;
	uint16_t chain_type; /* NSEC or NSEC3 */
};

/* sign_delta.c */

/** @return the entry of a name, read when it is new; NULL and *error on failure */
struct entry *entry_get(struct change_set *set, const uint8_t *owner, int *error);
/** @return the entry, or NULL when no one asked for it */
struct entry *entry_find(const struct change_set *set, const uint8_t *owner);

/** @return its index: what is below it comes right behind it */
size_t entry_place(const struct change_set *set, const struct entry *entry);

/** Set what follows from names above, when those have got their changes. @return 0 or -errno */
int entry_flag(struct change_set *set, struct entry *entry);

static inline bool view_has(const struct name_view *view, uint16_t type)
{
	return view_find(view, type) < view->count;
}

/** Entries that are touched now, as an array of their own: more may come while it is walked.
 * @return NULL when out of memory */
struct entry **entries_touched(const struct change_set *set, size_t *count);

/** @param names  owners whose signatures are looked at too */
int sign_change(const struct sw_sign_job *job, const uint8_t *apex, const struct sw_sign_source *source,
	const struct sw_delta *change, const struct sw_records *names, struct sw_delta *delta,
	struct sw_sign_result *result);

/* sign_links.c */

/** Names and their hashes into links, links into records. @return 0 or -errno */
int link_chain(struct change_set *set);

#endif
