/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Records outside of a zone: what a transfer brings, what an update changes, what a journal keeps. */
#ifndef SW_ZONE_DELTA_H
#define SW_ZONE_DELTA_H

#include "wire/name.h"

/** One record. The bytes are the lender's. */
struct sw_record {
	const uint8_t *owner; /* wire format, lower case */
	uint16_t type;
	uint16_t rdata_len;
	uint32_t ttl;
	const uint8_t *rdata; /* wire format, names uncompressed */
};

/** Called for each; not 0 ends it. */
typedef int sw_record_fn(void *arg, const struct sw_record *record);

/** Records one behind the other. Zeros are an empty list. */
struct sw_records {
	uint8_t *bytes;
	size_t used, size; /* bytes */
	size_t count;	   /* records */
};

/** Append a copy. @return 0 or -ENOMEM, nothing changed */
int sw_records_add(struct sw_records *records, const struct sw_record *record);

/** The record at `*at`, which moves behind it; from 0 on. @return false at the end */
bool sw_records_next(const struct sw_records *records, size_t *at, struct sw_record *record);

/** Forget them, and free their memory. */
void sw_records_free(struct sw_records *records);

/** What makes one version of a zone from another: a difference sequence (RFC 1995 s4). The SOA records are
 * not in the lists of records, but apart. */
struct sw_delta {
	uint32_t from, to;		    /* serials */
	struct sw_records old_soa, new_soa; /* one record each */
	struct sw_records removed, added;
};

void sw_delta_free(struct sw_delta *delta);

/** Serials compared (RFC 1982 s3.2). @return whether `a` is newer than `b`; false where neither is */
static inline bool sw_serial_is_newer(uint32_t a, uint32_t b)
{
	return a != b && (int32_t)(a - b) > 0;
}

/** Serial of a SOA's data, as it stands in a list of records. */
uint32_t sw_soa_serial(const struct sw_record *soa);
/** Write another one into a SOA's data. */
void sw_soa_set_serial(uint8_t *rdata, size_t rdata_len, uint32_t serial);

#endif
