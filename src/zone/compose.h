/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A message of many records, its names compressed (RFC 1035 s4.1.4). */
#ifndef SW_ZONE_COMPOSE_H
#define SW_ZONE_COMPOSE_H

#include "zone/delta.h"

#define SW_COMPOSE_SLOTS 8192 /* a power of two; pointers reach 16,383 bytes, a label has at least two */

/** A message that is being written. Names are compared as they stand: RFC 5936 s3.4 wants their case kept. */
struct sw_compose {
	uint8_t *message;
	size_t len, max;
	uint16_t records; /* all of the answer section */
	size_t owner_at;  /* the last owner's first byte; 0: none, or out of reach of pointers */
	uint8_t owner[SW_NAME_MAX];
	size_t owner_len;
	struct sw_compose_label {
		uint16_t at;	 /* in the message; 0: free */
		uint16_t parent; /* where the label to its right is; 0: the root */
	} labels[SW_COMPOSE_SLOTS];
};

/** Begin a message behind its header, which is the caller's. @param max  bytes that it may have, <= 65,535 */
void sw_compose_start(struct sw_compose *compose, uint8_t *message, size_t max);

/** Add the question. @return whether there was room */
bool sw_compose_question(struct sw_compose *compose, const uint8_t *name, uint16_t type);

/** Add a record of class IN to the answer section.
 *
 * The owner is compressed, and so are names in the data of the types that every receiver knows, which are
 * those of RFC 1035 (RFC 3597 s4).
 *
 * @param record  its data fits sw_rdata_is_valid()
 * @return whether there was room; if not, the message is as before, and takes no more records */
bool sw_compose_record(struct sw_compose *compose, const struct sw_record *record);

#endif
