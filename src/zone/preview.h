/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Records of a zone as they will be once changes are written: what the archive has, with the changes over
 * it.
 *
 * With it a change can be served before the archive has taken it in. What it says of a name is what the
 * archive would say, or that the changes do not fit there.
 */
#ifndef SW_ZONE_PREVIEW_H
#define SW_ZONE_PREVIEW_H

#include "wire/hash.h"
#include "zone/archive.h"

struct sw_preview;

/** The changes stay the caller's, and as they are, as long as there is the preview; so does the snapshot.
 * @param key  for the names of the changes, which others have chosen
 * @return 0; -ENOENT for a zone that is not in the archive; -EAGAIN where it takes the archive to tell
 * whether they fit: they do not begin with its serial, do not follow each other, are not of the zone, or a
 * name has more than 64 of their records; -ENOMEM; -errno */
int sw_preview_new(struct sw_preview **preview, struct sw_snapshot *snapshot, const struct sw_hash_key *key,
	const uint8_t *apex, const struct sw_delta *deltas, size_t count);
void sw_preview_free(struct sw_preview *preview);

/** Records of a name, in no order. @param owner  lower case
 * @return 0; -EAGAIN where the changes do not fit to what there is of it; what `take` returned; -errno */
int sw_preview_at(struct sw_preview *preview, const uint8_t *owner, sw_record_fn *take, void *arg);

/** Records of a name and all names below it, in canonical order of names. @return as sw_preview_at() */
int sw_preview_below(struct sw_preview *preview, const uint8_t *owner, sw_record_fn *take, void *arg);

#endif
