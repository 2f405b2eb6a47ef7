/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Records as lines of a master file (RFC 1035 s5.1, RFC 3597 s5), which every server reads. */
#ifndef SW_ZONE_TEXT_H
#define SW_ZONE_TEXT_H

#include "zone/contents.h"
#include "zone/delta.h"
#include <stdio.h>

/** Memory for one line; zeros at first. */
struct sw_text {
	char *data;
	size_t size;
};
void sw_text_free(struct sw_text *text);

/** "owner TTL IN type data", without a line feed. Owner and names in the data are fully qualified.
 * @return the line, in `text` until the next call; NULL without memory */
const char *sw_text_record(struct sw_text *text, const struct sw_record *record);

/** Write a zone as a master file, its SOA first.
 * @return 0; -EIO and other -errno of writing; -EBADMSG, -ENOENT, -errno of reading */
struct sw_snapshot;
int sw_text_zone(FILE *to, struct sw_snapshot *snapshot, const uint8_t *apex);
int sw_text_contents(FILE *to, const struct sw_contents *contents);

#endif
