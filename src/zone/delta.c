/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/delta.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** What stands before each record's owner and data; in network order, since the journal keeps these bytes. */
struct head {
	uint16_t type, rdata_len;
	uint32_t ttl;
};
_Static_assert(sizeof(struct head) == 8, "kept on disk");

static int grow(struct sw_records *records, size_t more)
{
	if (records->size - records->used >= more)
		return 0;
	size_t size = records->size ? records->size * 2 : 256;
	while (size - records->used < more)
		size *= 2;
	uint8_t *bytes = realloc(records->bytes, size);
	if (!bytes)
		return -ENOMEM;
	records->bytes = bytes;
	records->size = size;
	return 0;
}

int sw_records_add(struct sw_records *records, const struct sw_record *record)
{
	size_t owner_len = sw_name_len(record->owner);
	int error = grow(records, sizeof(struct head) + owner_len + record->rdata_len);
	if (error)
		return error;
	struct head head = {htons(record->type), htons(record->rdata_len), htonl(record->ttl)};
	uint8_t *to = records->bytes + records->used;
	memcpy(to, &head, sizeof(head));
	memcpy(to + sizeof(head), record->owner, owner_len);
	if (record->rdata_len > 0)
		memcpy(to + sizeof(head) + owner_len, record->rdata, record->rdata_len);
	records->used += sizeof(head) + owner_len + record->rdata_len;
	records->count++;
	return 0;
}

bool sw_records_next(const struct sw_records *records, size_t *at, struct sw_record *record)
{
	if (*at >= records->used)
		return false;
	struct head head;
	memcpy(&head, records->bytes + *at, sizeof(head));
	record->type = ntohs(head.type);
	record->rdata_len = ntohs(head.rdata_len);
	record->ttl = ntohl(head.ttl);
	record->owner = records->bytes + *at + sizeof(head);
	record->rdata = record->owner + sw_name_len(record->owner);
	*at = (size_t)(record->rdata + record->rdata_len - records->bytes);
	return true;
}

void sw_records_free(struct sw_records *records)
{
	free(records->bytes);
	*records = (struct sw_records){0};
}

void sw_delta_free(struct sw_delta *delta)
{
	sw_records_free(&delta->old_soa);
	sw_records_free(&delta->new_soa);
	sw_records_free(&delta->removed);
	sw_records_free(&delta->added);
}

uint32_t sw_soa_serial(const struct sw_record *soa)
{
	/* RFC 1035 s3.3.13: two names, then five numbers of which the serial is the first */
	uint32_t serial;
	memcpy(&serial, soa->rdata + soa->rdata_len - 5 * sizeof(serial), sizeof(serial));
	return ntohl(serial);
}

void sw_soa_set_serial(uint8_t *rdata, size_t rdata_len, uint32_t serial)
{
	serial = htonl(serial);
	memcpy(rdata + rdata_len - 5 * sizeof(serial), &serial, sizeof(serial));
}
